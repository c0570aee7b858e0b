-- +goose Up
-- Recordings of streams: one row for each file below recordings/ in the data
-- directory. Of one that is open, length and size are not known yet.

CREATE TABLE recordings (
    id        TEXT NOT NULL PRIMARY KEY,
    stream    TEXT NOT NULL,
    user_name TEXT NOT NULL,
    started   BIGINT NOT NULL,
    duration  BIGINT NOT NULL,
    bytes     BIGINT NOT NULL,
    file      TEXT NOT NULL UNIQUE,
    is_open   BOOLEAN NOT NULL
);
CREATE INDEX recordings_started ON recordings (started, id);
CREATE INDEX recordings_stream ON recordings (stream, started);

-- The groups that the stream belonged to when it was recorded.
CREATE TABLE recording_groups (
    recording_id TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    group_name   TEXT NOT NULL,
    PRIMARY KEY (recording_id, group_name)
);
CREATE INDEX recording_groups_name ON recording_groups (group_name);
