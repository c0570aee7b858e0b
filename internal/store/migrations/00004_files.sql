-- +goose Up
-- What clients share. hash is always the SHA-256 of a blob of the store.

CREATE TABLE files (
    id          BIGINT NOT NULL PRIMARY KEY,
    hash        TEXT NOT NULL,
    size        BIGINT NOT NULL,
    uid         TEXT NOT NULL,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    filename    TEXT NOT NULL,
    file_key    TEXT NOT NULL,
    mime        TEXT NOT NULL,
    tool        TEXT NOT NULL,
    submitter   TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    submitted   BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    lat         DOUBLE PRECISION,
    lon         DOUBLE PRECISION,
    alt         DOUBLE PRECISION,
    remarks     TEXT NOT NULL,
    contributor TEXT NOT NULL
);

CREATE INDEX files_by_hash ON files (hash);
CREATE INDEX files_by_uid ON files (uid);
CREATE INDEX files_by_time ON files (submitted);
CREATE INDEX files_by_expiry ON files (expires);

CREATE TABLE file_keywords (
    file_id     BIGINT NOT NULL REFERENCES files (id) ON DELETE CASCADE DEFERRABLE,
    position    BIGINT NOT NULL,
    keyword     TEXT NOT NULL,
    keyword_key TEXT NOT NULL,
    PRIMARY KEY (file_id, position)
);

CREATE INDEX file_keywords_by_keyword ON file_keywords (keyword_key);

CREATE TABLE file_groups (
    file_id    BIGINT NOT NULL REFERENCES files (id) ON DELETE CASCADE DEFERRABLE,
    group_name TEXT NOT NULL,
    PRIMARY KEY (file_id, group_name)
);

CREATE INDEX file_groups_by_group ON file_groups (group_name);

CREATE TABLE file_sequences (
    name  TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE profiles (
    id           BIGINT NOT NULL PRIMARY KEY,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL UNIQUE,
    active       BOOLEAN NOT NULL,
    on_enrolment BOOLEAN NOT NULL,
    on_connect   BOOLEAN NOT NULL,
    kind         TEXT NOT NULL,
    tool         TEXT NOT NULL,
    updated      BIGINT NOT NULL
);

CREATE TABLE profile_groups (
    profile_id BIGINT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE DEFERRABLE,
    group_name TEXT NOT NULL,
    PRIMARY KEY (profile_id, group_name)
);

CREATE TABLE profile_files (
    id         BIGINT NOT NULL PRIMARY KEY,
    profile_id BIGINT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE DEFERRABLE,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    size       BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    UNIQUE (profile_id, name)
);

CREATE INDEX profile_files_by_hash ON profile_files (hash);

CREATE TABLE profile_prefs (
    profile_id BIGINT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE DEFERRABLE,
    position   BIGINT NOT NULL,
    name       TEXT NOT NULL,
    pref_key   TEXT NOT NULL,
    pref_type  TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (profile_id, position)
);

CREATE TABLE update_files (
    name        TEXT NOT NULL PRIMARY KEY,
    hash        TEXT NOT NULL,
    size        BIGINT NOT NULL,
    uploaded    BIGINT NOT NULL,
    platform    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    package     TEXT NOT NULL,
    title       TEXT NOT NULL,
    version     TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    icon        TEXT NOT NULL,
    description TEXT NOT NULL,
    os_needs    TEXT NOT NULL,
    tak_needs   TEXT NOT NULL
);

CREATE INDEX update_files_by_hash ON update_files (hash);

CREATE TABLE icon_sets (
    uid       TEXT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    hash      TEXT NOT NULL,
    size      BIGINT NOT NULL,
    submitter TEXT NOT NULL,
    uploaded  BIGINT NOT NULL
);

CREATE INDEX icon_sets_by_hash ON icon_sets (hash);

CREATE TABLE icons (
    set_uid    TEXT NOT NULL REFERENCES icon_sets (uid) ON DELETE CASCADE DEFERRABLE,
    group_name TEXT NOT NULL,
    name       TEXT NOT NULL,
    entry      TEXT NOT NULL,
    cot_type   TEXT NOT NULL,
    PRIMARY KEY (set_uid, group_name, name)
);

CREATE INDEX icons_by_type ON icons (cot_type);
