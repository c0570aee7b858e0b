-- +goose Up
-- Bits of groups, devices that enrol, directories, second factors and access
-- tokens. See 00001_identity.sql for the rules.

ALTER TABLE user_groups ADD COLUMN bit BIGINT NOT NULL DEFAULT 0;

UPDATE user_groups SET bit = 1 + (
    SELECT COUNT(*) FROM user_groups AS older
    WHERE older.created < user_groups.created
       OR older.created = user_groups.created AND older.id <= user_groups.id
);

CREATE UNIQUE INDEX user_groups_by_bit ON user_groups (bit);

-- Where a user or a membership comes from: empty for what is kept here, ldap, or
-- oidc and the provider.
ALTER TABLE users ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN gone BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE memberships ADD COLUMN origin TEXT NOT NULL DEFAULT '';

CREATE INDEX users_by_subject ON users (origin, subject);

ALTER TABLE devices ADD COLUMN client_uid TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN replaced BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX devices_by_client ON devices (user_id, client_uid);

-- When an enrolment token was used up; 0: not yet.
ALTER TABLE tokens ADD COLUMN consumed BIGINT NOT NULL DEFAULT 0;

CREATE TABLE totp (
    user_id   TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE DEFERRABLE,
    sealed    TEXT NOT NULL,
    confirmed BOOLEAN NOT NULL,
    last_step BIGINT NOT NULL
);

CREATE TABLE totp_recovery (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE,
    code    TEXT NOT NULL,
    PRIMARY KEY (user_id, code)
);

CREATE TABLE access_tokens (
    id      TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE,
    handle  TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE INDEX access_tokens_by_user ON access_tokens (user_id);

-- Keys that all nodes on this database share, sealed under the secret key.
CREATE TABLE sealed_keys (
    name   TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
);
