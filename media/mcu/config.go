package mcu

import (
	"errors"
	"time"
)

// Config is the section media.rooms.
type Config struct {
	MaxRooms        int           `yaml:"maxRooms" doc:"Most rooms that there can be."`
	MaxParticipants int           `yaml:"maxParticipants" doc:"Most participants of one room."`
	Speakers        int           `yaml:"speakers" doc:"How many voices are heard at one time; the loudest are chosen."`
	Linger          time.Duration `yaml:"linger" doc:"How long a room that is not permanent stays after the last participant has left."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{MaxRooms: 1000, MaxParticipants: 500, Speakers: 8, Linger: 10 * time.Minute}
}

// Bounds of Config.
const maxSpeakers = 16

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.MaxRooms < 1 || c.MaxParticipants < 2:
		return errors.New("maxRooms is at least 1, maxParticipants at least 2")
	case c.Speakers < 1 || c.Speakers > maxSpeakers:
		return errors.New("speakers: 1 to 16")
	case c.Linger < 0:
		return errors.New("linger: at least 0s")
	}
	return nil
}
