// Package record keeps streams on the disk: fragmented MP4 files of some minutes
// each below the folder recordings of the data directory, and an index of them in
// the database. Streams are recorded because the configuration says so, or because
// an operator has switched it on.
//
// A recorder reads its stream like any slow reader does, so no publisher waits for
// the disk. A gap, a step of the clock, changed parameters or a disk that was too
// slow end a file and begin the next; they never end the recording.
//
// Recordings never cost the rest of the server its disk: they are limited by age,
// by their size together and by the space that must stay free, and go first.
//
// It serves nothing: the web server hands the files out.
package record

import (
	"errors"
	"time"

	"muster/internal/conf"
)

// Config is the section media.record.
type Config struct {
	Segment time.Duration `yaml:"segment" doc:"Length of one file of a recording; it ends with the next key frame after that."`
	Part    time.Duration `yaml:"part" doc:"How much is written at a time: what is lost at most when the server is killed."`
	Keep    time.Duration `yaml:"keep" doc:"Recordings older than this are removed; 0 keeps them until there is no room."`
	MaxSize conf.Size     `yaml:"maxSize" doc:"Most that all recordings together may take; the oldest are removed first."`
	MinFree conf.Size     `yaml:"minFree" doc:"Space that stays free on the disk: below it the oldest recordings are removed and, where that does not help, recording stops until there is room again."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{Segment: 10 * time.Minute, Part: time.Second, Keep: 7 * 24 * time.Hour, MaxSize: 20 * conf.GiB, MinFree: conf.GiB}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Segment < time.Second || c.Segment > 24*time.Hour:
		return errors.New("segment: between 1s and 24h")
	case c.Part < 100*time.Millisecond || c.Part > 10*time.Second || c.Part > c.Segment:
		return errors.New("part: between 100ms and 10s, and no longer than segment")
	case c.Keep != 0 && c.Keep < time.Minute:
		return errors.New("keep: 0, or at least 1m")
	case c.MaxSize < conf.MiB:
		return errors.New("maxSize: at least 1 MiB")
	case c.MinFree < conf.MiB:
		return errors.New("minFree: at least 1 MiB, for recordings must not fill the disk")
	}
	return nil
}

// maxSegment is the size at which a file ends though its time is not over, so that
// there is always something that can be removed: a quarter of what all may take,
// and no more than common file systems and players can handle.
func (c Config) maxSegment() int64 { return min(int64(c.MaxSize)/4, 4<<30-1<<26) }
