-- +goose Up
-- Breakout rooms: the room that a room was split from, and whether people move
-- between them as they like.

ALTER TABLE rooms ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN free BOOLEAN NOT NULL DEFAULT FALSE;
