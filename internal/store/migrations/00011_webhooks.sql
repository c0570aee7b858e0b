-- +goose Up
-- Webhooks: what is still to be told to whom, and how each hook does.

CREATE TABLE webhook_messages (
    hook     TEXT NOT NULL,
    seq      BIGINT NOT NULL, -- order within the hook
    id       TEXT NOT NULL,
    type     TEXT NOT NULL,
    body     TEXT NOT NULL, -- JSON
    at       BIGINT NOT NULL, -- Unix ms
    attempts BIGINT NOT NULL,
    due      BIGINT NOT NULL, -- Unix ms of the next attempt
    PRIMARY KEY (hook, seq)
);

CREATE TABLE webhook_states (
    hook        TEXT NOT NULL PRIMARY KEY,
    off_since   BIGINT NOT NULL, -- Unix ms; 0: on
    delivered   BIGINT NOT NULL, -- Unix ms of the last success; 0: none yet
    failed      BIGINT NOT NULL, -- likewise of the last failure
    last_error  TEXT NOT NULL,
    dropped     BIGINT NOT NULL -- messages that were given up
);
