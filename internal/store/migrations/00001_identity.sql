-- +goose Up
-- Both databases read this file: see the package comment of store for the
-- column types and the form of foreign keys that migrations may use.

CREATE TABLE users (
    id        TEXT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    name_key  TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    notes     TEXT NOT NULL,
    role      TEXT NOT NULL,
    disabled  BOOLEAN NOT NULL,
    password  TEXT NOT NULL,
    stamp     BIGINT NOT NULL,
    created   BIGINT NOT NULL
);

CREATE TABLE digests (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE DEFERRABLE,
    sealed  TEXT NOT NULL
);

CREATE TABLE user_groups (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created     BIGINT NOT NULL
);

CREATE TABLE memberships (
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE,
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE DEFERRABLE,
    can_in   BOOLEAN NOT NULL,
    can_out  BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, group_id)
);

CREATE INDEX memberships_by_group ON memberships (group_id);

CREATE TABLE tokens (
    id      TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE,
    name    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    secret  TEXT NOT NULL,
    sealed  TEXT NOT NULL,
    scope   TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used    BIGINT NOT NULL
);

CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE devices (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    serial      TEXT NOT NULL,
    user_id     TEXT REFERENCES users (id) ON DELETE SET NULL DEFERRABLE,
    user_name   TEXT NOT NULL,
    name        TEXT NOT NULL,
    issued      BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    revoked     BIGINT NOT NULL
);

CREATE INDEX devices_by_user ON devices (user_id);
