// Package hls serves streams as HLS and Low-Latency HLS (RFC 8216 and its
// successor draft-pantos-hls-rfc8216bis): one segmenter per stream that is being
// watched, made by the first request and removed when nobody asks any more.
//
// Playlists and segments carry no credentials of their own, so every client
// gets a session: an unguessable word in each address of its playlists. The
// session is on the register of sessions like any reader and ends at once when
// its user's access is taken away.
//
// It is not a pull client; nothing here fetches playlists of others.
package hls

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/bluenviron/gohlslib/v2"
)

// Config is the section media.hls.
type Config struct {
	Enabled         bool          `yaml:"enabled" doc:"Serve streams as HLS."`
	Address         string        `yaml:"address" doc:"TCP address of the plain HTTP door; empty leaves only the one under HTTPS."`
	Variant         string        `yaml:"variant" doc:"What is served: lowLatency, fmp4 or mpegts."`
	SegmentCount    int           `yaml:"segmentCount" doc:"Segments kept per stream; lowLatency needs at least 7, the others 3."`
	SegmentDuration time.Duration `yaml:"segmentDuration" doc:"Shortest duration of a segment; it ends with the next key frame after that."`
	PartDuration    time.Duration `yaml:"partDuration" doc:"Shortest duration of a part of a segment in lowLatency."`
	SegmentMaxSize  int64         `yaml:"segmentMaxSize" doc:"Most bytes one segment may take in memory."`
	CloseAfter      time.Duration `yaml:"closeAfter" doc:"A client or segmenter that nobody has asked anything for this long is removed."`
	MaxSessions     int           `yaml:"maxSessions" doc:"Clients that may watch at one time, all streams together."`
	AllowOrigins    []string      `yaml:"allowOrigins" doc:"Web origins whose pages may fetch streams; '*' means any, never with cookies."`
}

// The variants.
const (
	LowLatency = "lowLatency"
	FMP4       = "fmp4"
	MPEGTS     = "mpegts"
)

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled: true, Address: ":8888", Variant: LowLatency,
		SegmentCount: 7, SegmentDuration: time.Second, PartDuration: 200 * time.Millisecond,
		SegmentMaxSize: 50 << 20, CloseAfter: time.Minute, MaxSessions: 2000,
		AllowOrigins: []string{"*"},
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	least := 3
	if c.Variant == LowLatency {
		least = 7
	}
	switch {
	case !slices.Contains([]string{LowLatency, FMP4, MPEGTS}, c.Variant):
		return fmt.Errorf("variant: %q is none of lowLatency, fmp4 and mpegts", c.Variant)
	case c.SegmentCount < least || c.SegmentCount > 1000:
		return fmt.Errorf("segmentCount: %s takes %d to 1000", c.Variant, least)
	case c.SegmentDuration < 100*time.Millisecond || c.SegmentDuration > time.Minute:
		return errors.New("segmentDuration: between 100ms and 1m")
	case c.PartDuration < 20*time.Millisecond || c.PartDuration > c.SegmentDuration:
		return errors.New("partDuration: between 20ms and segmentDuration")
	case c.SegmentMaxSize < 1<<20:
		return errors.New("segmentMaxSize: at least 1 MiB")
	case c.CloseAfter < 5*time.Second:
		return errors.New("closeAfter: at least 5s, or players would lose their session between two requests")
	case c.MaxSessions < 1:
		return errors.New("maxSessions: at least 1")
	}
	for _, o := range c.AllowOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			return fmt.Errorf("allowOrigins: %q is not an origin such as https://example.org", o)
		}
	}
	return nil
}

func (c Config) variant() gohlslib.MuxerVariant {
	switch c.Variant {
	case FMP4:
		return gohlslib.MuxerVariantFMP4
	case MPEGTS:
		return gohlslib.MuxerVariantMPEGTS
	}
	return gohlslib.MuxerVariantLowLatency
}

// idle is when a client or a segmenter is given up: after CloseAfter, but never
// sooner than a player that waits for the next segment can ask again.
func (c Config) idle() time.Duration { return max(c.CloseAfter, 3*c.SegmentDuration) }
