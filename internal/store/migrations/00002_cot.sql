-- +goose Up
-- What the hub of the situation must know after a restart. A user is named by
-- the login name in lower case (user_key), because clients are known by their
-- certificates' names and may outlive the account.

CREATE TABLE cot_devices (
    uid           TEXT NOT NULL PRIMARY KEY,
    user_name     TEXT NOT NULL,
    user_key      TEXT NOT NULL,
    callsign      TEXT NOT NULL,
    team          TEXT NOT NULL,
    role          TEXT NOT NULL,
    phone         TEXT NOT NULL,
    type          TEXT NOT NULL,
    takv_device   TEXT NOT NULL,
    takv_platform TEXT NOT NULL,
    takv_os       TEXT NOT NULL,
    takv_version  TEXT NOT NULL,
    battery       BIGINT NOT NULL,
    in_groups     TEXT NOT NULL,
    out_groups    TEXT NOT NULL,
    first_seen    BIGINT NOT NULL,
    last_seen     BIGINT NOT NULL
);

CREATE INDEX cot_devices_by_user ON cot_devices (user_key);

CREATE TABLE cot_channels (
    user_key   TEXT NOT NULL,
    uid        TEXT NOT NULL,
    group_name TEXT NOT NULL,
    active_in  BOOLEAN NOT NULL,
    active_out BOOLEAN NOT NULL,
    changed    BIGINT NOT NULL,
    PRIMARY KEY (user_key, uid, group_name)
);

CREATE TABLE cot_waiting (
    id              TEXT NOT NULL PRIMARY KEY,
    ordinal         BIGINT NOT NULL,
    recipient       TEXT NOT NULL,
    recipient_key   TEXT NOT NULL,
    sender_user     TEXT NOT NULL,
    sender_uid      TEXT NOT NULL,
    sender_callsign TEXT NOT NULL,
    group_names     TEXT NOT NULL,
    received        BIGINT NOT NULL,
    bytes           BIGINT NOT NULL,
    event           TEXT NOT NULL
);

CREATE INDEX cot_waiting_by_recipient ON cot_waiting (recipient, ordinal);

CREATE INDEX cot_waiting_by_time ON cot_waiting (received);

CREATE TABLE cot_emergencies (
    uid         TEXT NOT NULL PRIMARY KEY,
    type        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    callsign    TEXT NOT NULL,
    user_name   TEXT NOT NULL,
    owner       TEXT NOT NULL,
    sender_uid  TEXT NOT NULL,
    group_names TEXT NOT NULL,
    started     BIGINT NOT NULL,
    event       TEXT NOT NULL
);
