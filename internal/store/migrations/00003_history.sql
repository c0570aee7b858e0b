-- +goose Up
-- What was on the map and in the chat. An audience is a set of groups that
-- something was published to: rows name it by id, so that rights are decided
-- once per set and not per row.

CREATE TABLE history_audiences (
    id          BIGINT NOT NULL PRIMARY KEY,
    group_names TEXT NOT NULL UNIQUE
);

-- Who uses which uid, to find both ends of a directed message.
CREATE TABLE history_devices (
    uid       TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    callsign  TEXT NOT NULL
);

CREATE INDEX history_devices_by_user ON history_devices (user_name);

-- The newest position of each uid per audience. first is the time of the oldest
-- one, until the end of validity of the one that is valid longest.
CREATE TABLE history_positions (
    id        BIGINT NOT NULL PRIMARY KEY,
    uid       TEXT NOT NULL,
    audience  BIGINT NOT NULL,
    type      TEXT NOT NULL,
    how       TEXT NOT NULL,
    callsign  TEXT NOT NULL,
    team      TEXT NOT NULL,
    team_role TEXT NOT NULL,
    user_name TEXT NOT NULL,
    time      BIGINT NOT NULL,
    start     BIGINT NOT NULL,
    stale     BIGINT NOT NULL,
    received  BIGINT NOT NULL,
    first     BIGINT NOT NULL,
    until     BIGINT NOT NULL,
    ended     BIGINT NOT NULL,
    lat       DOUBLE PRECISION NOT NULL,
    lon       DOUBLE PRECISION NOT NULL,
    hae       DOUBLE PRECISION NOT NULL,
    ce        DOUBLE PRECISION NOT NULL,
    le        DOUBLE PRECISION NOT NULL,
    speed     DOUBLE PRECISION NOT NULL,
    course    DOUBLE PRECISION NOT NULL,
    xml       TEXT NOT NULL,
    UNIQUE (uid, audience)
);

CREATE INDEX history_positions_by_until ON history_positions (until);

-- Every position, as little of it as draws a track.
CREATE TABLE history_tracks (
    item     BIGINT NOT NULL,
    received BIGINT NOT NULL,
    stale    BIGINT NOT NULL,
    lat      DOUBLE PRECISION NOT NULL,
    lon      DOUBLE PRECISION NOT NULL,
    hae      DOUBLE PRECISION NOT NULL,
    speed    DOUBLE PRECISION NOT NULL,
    course   DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (item, received)
);

-- Everything else that was sent, whole. An event counts from received until
-- valid_to: its stale time, or when a newer one or a deletion took its place.
CREATE TABLE history_events (
    id           BIGINT NOT NULL PRIMARY KEY,
    kind         TEXT NOT NULL,
    uid          TEXT NOT NULL,
    audience     BIGINT NOT NULL,
    type         TEXT NOT NULL,
    how          TEXT NOT NULL,
    callsign     TEXT NOT NULL,
    time         BIGINT NOT NULL,
    start        BIGINT NOT NULL,
    stale        BIGINT NOT NULL,
    received     BIGINT NOT NULL,
    valid_to     BIGINT NOT NULL,
    sender_user  TEXT NOT NULL,
    sender_uid   TEXT NOT NULL,
    private      BOOLEAN NOT NULL,
    readers      TEXT NOT NULL,
    mission      TEXT NOT NULL,
    dests        TEXT NOT NULL,
    lat          DOUBLE PRECISION NOT NULL,
    lon          DOUBLE PRECISION NOT NULL,
    hae          DOUBLE PRECISION NOT NULL,
    ce           DOUBLE PRECISION NOT NULL,
    le           DOUBLE PRECISION NOT NULL,
    size         BIGINT NOT NULL,
    xml          TEXT NOT NULL
);

CREATE INDEX history_events_by_uid ON history_events (uid, received);
CREATE INDEX history_events_by_kind ON history_events (kind, received);
CREATE INDEX history_events_by_end ON history_events (valid_to);

-- Chat messages; receipts change their state.
CREATE TABLE history_chat (
    id              BIGINT NOT NULL PRIMARY KEY,
    message_id      TEXT NOT NULL,
    uid             TEXT NOT NULL,
    kind            TEXT NOT NULL,
    room            TEXT NOT NULL,
    room_name       TEXT NOT NULL,
    audience        BIGINT NOT NULL,
    private         BOOLEAN NOT NULL,
    readers         TEXT NOT NULL,
    mission         TEXT NOT NULL,
    sender_uid      TEXT NOT NULL,
    sender_callsign TEXT NOT NULL,
    sender_user     TEXT NOT NULL,
    peer_uid        TEXT NOT NULL,
    peer_user       TEXT NOT NULL,
    body            TEXT NOT NULL,
    state           TEXT NOT NULL,
    time            BIGINT NOT NULL,
    received        BIGINT NOT NULL,
    lat             DOUBLE PRECISION NOT NULL,
    lon             DOUBLE PRECISION NOT NULL,
    size            BIGINT NOT NULL,
    xml             TEXT NOT NULL,
    UNIQUE (sender_uid, message_id)
);

CREATE INDEX history_chat_by_room ON history_chat (room, id);
CREATE INDEX history_chat_by_message ON history_chat (message_id);
CREATE INDEX history_chat_by_sender ON history_chat (sender_user, id);
CREATE INDEX history_chat_by_peer ON history_chat (peer_user, id);
CREATE INDEX history_chat_by_peer_uid ON history_chat (peer_uid, id);
CREATE INDEX history_chat_by_uid ON history_chat (uid);
CREATE INDEX history_chat_by_time ON history_chat (received);

-- Up to which time somebody has read a room.
CREATE TABLE history_read (
    user_name TEXT NOT NULL,
    room      TEXT NOT NULL,
    time      BIGINT NOT NULL,
    PRIMARY KEY (user_name, room)
);

-- What is kept for how long; 0 is no limit.
CREATE TABLE history_rules (
    kind      TEXT NOT NULL PRIMARY KEY,
    days      DOUBLE PRECISION NOT NULL,
    megabytes BIGINT NOT NULL,
    max_count BIGINT NOT NULL
);

-- The schedule of the clean-up and the result of the last one.
CREATE TABLE history_settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
