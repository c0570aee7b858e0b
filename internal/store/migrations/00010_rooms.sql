-- +goose Up
-- Rooms, and invitations for people without an account.

CREATE TABLE rooms (
    name      TEXT NOT NULL PRIMARY KEY,
    title     TEXT NOT NULL,
    owner     TEXT NOT NULL,
    group_names TEXT NOT NULL, -- JSON
    hosts     TEXT NOT NULL, -- JSON
    pin       TEXT NOT NULL,
    number    TEXT NOT NULL,
    permanent BOOLEAN NOT NULL,
    lobby     BOOLEAN NOT NULL,
    locked    BOOLEAN NOT NULL,
    capacity  BIGINT NOT NULL,
    entry     TEXT NOT NULL,
    starts    BIGINT NOT NULL,
    ends      BIGINT NOT NULL,
    created   BIGINT NOT NULL
);

CREATE TABLE room_invitations (
    id      TEXT NOT NULL PRIMARY KEY,
    room    TEXT NOT NULL REFERENCES rooms (name) ON DELETE CASCADE DEFERRABLE,
    secret  TEXT NOT NULL UNIQUE,
    label   TEXT NOT NULL,
    creator TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    uses    BIGINT NOT NULL
);
CREATE INDEX room_invitations_by_room ON room_invitations (room);
