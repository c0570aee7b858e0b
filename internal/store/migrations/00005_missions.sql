-- +goose Up
-- Missions (Data Sync). Lists and objects are TEXT holding JSON; a mission that
-- was deleted stays here until retention removes it, so that its name answers
-- "gone" and it can be brought back.

CREATE TABLE missions (
    guid             TEXT NOT NULL PRIMARY KEY,
    name             TEXT NOT NULL,
    description      TEXT NOT NULL,
    chat_room        TEXT NOT NULL,
    base_layer       TEXT NOT NULL,
    bbox             TEXT NOT NULL,
    bounding_polygon TEXT NOT NULL,
    path             TEXT NOT NULL,
    classification   TEXT NOT NULL,
    tool             TEXT NOT NULL,
    keywords         TEXT NOT NULL,
    groups           TEXT NOT NULL,
    creator_uid      TEXT NOT NULL,
    creator          TEXT NOT NULL,
    created          BIGINT NOT NULL,
    edited           BIGINT NOT NULL,
    default_role     TEXT NOT NULL,
    invite_only      BOOLEAN NOT NULL,
    password         TEXT NOT NULL,
    expires          BIGINT NOT NULL,
    parent           TEXT NOT NULL,
    deleted          BIGINT NOT NULL,
    archive          TEXT NOT NULL
);

CREATE INDEX missions_by_name ON missions (name);
CREATE INDEX missions_by_parent ON missions (parent);

CREATE TABLE mission_uids (
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    uid         TEXT NOT NULL,
    details     TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    time        BIGINT NOT NULL,
    keywords    TEXT NOT NULL,
    layer       TEXT NOT NULL,
    position    BIGINT NOT NULL,
    PRIMARY KEY (mission, uid)
);

CREATE INDEX mission_uids_by_uid ON mission_uids (uid);

CREATE TABLE mission_contents (
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    hash        TEXT NOT NULL,
    file        TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    time        BIGINT NOT NULL,
    keywords    TEXT NOT NULL,
    layer       TEXT NOT NULL,
    position    BIGINT NOT NULL,
    PRIMARY KEY (mission, hash)
);

CREATE INDEX mission_contents_by_hash ON mission_contents (hash);

-- The newest event of each uid that was sent to the mission.
CREATE TABLE mission_events (
    mission  TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    uid      TEXT NOT NULL,
    xml      TEXT NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (mission, uid)
);

CREATE TABLE mission_changes (
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    seq         BIGINT NOT NULL,
    type        BIGINT NOT NULL,
    time        BIGINT NOT NULL,
    creator_uid TEXT NOT NULL,
    item        TEXT NOT NULL,
    content     TEXT NOT NULL,
    PRIMARY KEY (mission, seq)
);

CREATE TABLE mission_subscriptions (
    id         TEXT NOT NULL PRIMARY KEY,
    mission    TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    client_uid TEXT NOT NULL,
    username   TEXT NOT NULL,
    role       TEXT NOT NULL,
    live       BOOLEAN NOT NULL,
    created    BIGINT NOT NULL,
    UNIQUE (mission, client_uid, username)
);

CREATE INDEX mission_subscriptions_by_client ON mission_subscriptions (client_uid);

CREATE TABLE mission_invitations (
    id          TEXT NOT NULL PRIMARY KEY,
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    type        TEXT NOT NULL,
    invitee     TEXT NOT NULL,
    username    TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    role        TEXT NOT NULL,
    created     BIGINT NOT NULL,
    UNIQUE (mission, type, invitee)
);

CREATE TABLE mission_logs (
    id          TEXT NOT NULL PRIMARY KEY,
    content     TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    entry_uid   TEXT NOT NULL,
    dtg         BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    server_time BIGINT NOT NULL,
    hashes      TEXT NOT NULL,
    keywords    TEXT NOT NULL
);

CREATE TABLE mission_log_refs (
    log     TEXT NOT NULL REFERENCES mission_logs (id) ON DELETE CASCADE DEFERRABLE,
    mission TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    PRIMARY KEY (log, mission)
);

CREATE INDEX mission_log_refs_by_mission ON mission_log_refs (mission);

CREATE TABLE mission_external (
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    id          TEXT NOT NULL,
    data        TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    time        BIGINT NOT NULL,
    PRIMARY KEY (mission, id)
);

CREATE TABLE mission_feeds (
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    uid         TEXT NOT NULL,
    data        TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    creator     TEXT NOT NULL,
    time        BIGINT NOT NULL,
    PRIMARY KEY (mission, uid)
);

CREATE TABLE mission_map_layers (
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    uid         TEXT NOT NULL,
    data        TEXT NOT NULL,
    creator_uid TEXT NOT NULL,
    time        BIGINT NOT NULL,
    layer       TEXT NOT NULL,
    position    BIGINT NOT NULL,
    PRIMARY KEY (mission, uid)
);

CREATE TABLE mission_layers (
    mission  TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    uid      TEXT NOT NULL,
    name     TEXT NOT NULL,
    type     TEXT NOT NULL,
    parent   TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (mission, uid)
);

-- CI-TRAP reports; the packages themselves are files and contents of a mission.
CREATE TABLE citrap_reports (
    id          TEXT NOT NULL PRIMARY KEY,
    mission     TEXT NOT NULL REFERENCES missions (guid) ON DELETE CASCADE DEFERRABLE,
    hash        TEXT NOT NULL,
    report      TEXT NOT NULL,
    type        TEXT NOT NULL,
    callsign    TEXT NOT NULL,
    keywords    TEXT NOT NULL,
    username    TEXT NOT NULL,
    lat         DOUBLE PRECISION NOT NULL,
    lon         DOUBLE PRECISION NOT NULL,
    located     BOOLEAN NOT NULL,
    time        BIGINT NOT NULL,
    attachments TEXT NOT NULL
);

CREATE INDEX citrap_reports_by_mission ON citrap_reports (mission, time);
