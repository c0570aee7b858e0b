-- +goose Up
-- Floor control of rooms: the most seconds that one may talk; 0: none.

ALTER TABLE rooms ADD COLUMN floor BIGINT NOT NULL DEFAULT 0;
