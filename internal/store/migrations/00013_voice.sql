-- +goose Up
-- Bans of the Mumble server.

CREATE TABLE voice_bans (
    seq      BIGINT NOT NULL PRIMARY KEY, -- order, oldest first
    login    TEXT NOT NULL, -- may be empty
    hash     TEXT NOT NULL, -- SHA-1 of a certificate in hex; may be empty
    name     TEXT NOT NULL, -- what the user was called
    reason   TEXT NOT NULL,
    began    BIGINT NOT NULL, -- Unix ms
    lasts    BIGINT NOT NULL -- ms; 0: for good
);
