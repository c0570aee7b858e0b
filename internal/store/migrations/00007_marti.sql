-- +goose Up
-- Video streams that people have put on the list, and the ways to play them.

CREATE TABLE video_connections (
    uuid           TEXT NOT NULL PRIMARY KEY,
    number         BIGINT NOT NULL UNIQUE,
    alias          TEXT NOT NULL,
    active         BOOLEAN NOT NULL,
    thumbnail      TEXT NOT NULL,
    classification TEXT NOT NULL,
    owner          TEXT NOT NULL,
    group_names    TEXT NOT NULL,
    feeds          TEXT NOT NULL,
    created        BIGINT NOT NULL,
    updated        BIGINT NOT NULL
);

-- XML that is added to the detail of every event of a uid.
CREATE TABLE cot_injectors (
    id  TEXT NOT NULL PRIMARY KEY,
    uid TEXT NOT NULL,
    xml TEXT NOT NULL,
    UNIQUE (uid, xml)
);

-- Background maps for clients; layer is the description as JSON.
CREATE TABLE map_layers (
    uid      TEXT NOT NULL PRIMARY KEY,
    name     TEXT NOT NULL,
    layer    TEXT NOT NULL,
    created  BIGINT NOT NULL,
    modified BIGINT NOT NULL
);

-- Keys and values that clients keep per uid.
CREATE TABLE cot_properties (
    uid         TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    owner       TEXT NOT NULL,
    group_names TEXT NOT NULL,
    PRIMARY KEY (uid, key)
);
