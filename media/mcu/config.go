package mcu

import (
	"errors"
	"time"
)

// Config is the section media.rooms.
type Config struct {
	MaxRooms        int             `yaml:"maxRooms" doc:"Most rooms that there can be."`
	MaxParticipants int             `yaml:"maxParticipants" doc:"Most participants of one room."`
	Speakers        int             `yaml:"speakers" doc:"How many voices are heard at one time; the loudest are chosen."`
	Linger          time.Duration   `yaml:"linger" doc:"How long a room that is not permanent stays after the last participant has left."`
	Replay          time.Duration   `yaml:"replay" doc:"How long what was said in a room can be heard again; kept in memory only, while somebody is in the room. 0: nothing is kept."`
	Composite       CompositeConfig `yaml:"composite" doc:"The one picture of a room, for those who can take no more: telephones, the stream of the room, weak tablets."`
}

// CompositeConfig is how the one picture of a room is made, for those who can take no
// more: telephones, the room's stream, weak tablets.
type CompositeConfig struct {
	FrameRate int `yaml:"frameRate" doc:"Pictures per second of composites; fewer are made when the machine has too much to do."`
	Bitrate   int `yaml:"bitrate" doc:"Bits per second of a composite of 1280x720; smaller ones take less."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{MaxRooms: 1000, MaxParticipants: 500, Speakers: 8, Linger: 10 * time.Minute,
		Composite: CompositeConfig{FrameRate: 25, Bitrate: 1_500_000}}
}

// Bounds of Config.
const (
	maxSpeakers = 16
	minReplay   = 10 * time.Second
	maxReplay   = time.Hour
)

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.MaxRooms < 1 || c.MaxParticipants < 2:
		return errors.New("maxRooms is at least 1, maxParticipants at least 2")
	case c.Speakers < 1 || c.Speakers > maxSpeakers:
		return errors.New("speakers: 1 to 16")
	case c.Linger < 0:
		return errors.New("linger: at least 0s")
	case c.Replay != 0 && (c.Replay < minReplay || c.Replay > maxReplay):
		return errors.New("replay: 10s to 1h, or 0s for none")
	case c.Composite.FrameRate < 1 || c.Composite.FrameRate > 30:
		return errors.New("composite: frameRate: 1 to 30")
	case c.Composite.Bitrate < 300_000 || c.Composite.Bitrate > 20_000_000:
		return errors.New("composite: bitrate: 300000 to 20000000")
	}
	return nil
}
