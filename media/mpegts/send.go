package mpegts

import (
	"errors"
	"fmt"
	"io"
	"slices"

	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"muster/media"
	"muster/media/codec"
)

// ErrNoTracks says that a stream has no track that a transport stream carries.
var ErrNoTracks = errors.New("mpegts: no track that MPEG-TS can carry")

// start is the time of the first unit, in ticks of 90 kHz. It leaves room for
// the program clock, which runs before the units, and for sound that begins a
// little before the picture.
const start = 90_000

// payloadSize is how much goes into one write: seven packets, the most that
// fits into a datagram on Ethernet and what SRT is used to.
const payloadSize = 7 * PacketSize

// Carries reports whether a transport stream has a form for f.
func Carries(f *codec.Format) bool {
	switch f.Codec {
	case codec.H264, codec.H265, codec.MPEG4Video, codec.MPEG1Video, codec.MP3, codec.AC3, codec.KLV:
		return true
	case codec.Opus:
		return f.Channels <= 2
	case codec.AAC:
		return f.AAC != nil
	}
	return false
}

// Choose returns the indexes of the tracks that a transport stream carries, and
// the descriptions of the others.
func Choose(tracks []*media.Track) (chosen []int, left []string) {
	for _, t := range tracks {
		if f := t.Format(); Carries(f) {
			chosen = append(chosen, t.Index)
		} else {
			left = append(left, f.String())
		}
	}
	return chosen, left
}

// Muxer writes units as a transport stream. It is used by one goroutine.
type Muxer struct {
	w      *grouper
	ts     ts.Writer
	tracks map[int]*outTrack
	base   int64 // running time of the first unit, 90 kHz
	began  bool
	bad    int // units that could not be written
}

type outTrack struct {
	ts     *ts.Track
	format *codec.Format
	last   int64
	any    bool
}

// NewMuxer returns a muxer of the tracks with the given indexes, which Choose
// returned. Each write to w is a multiple of PacketSize and at most 1,316 bytes.
func NewMuxer(w io.Writer, s *media.Stream, tracks []int) (*Muxer, error) {
	m := &Muxer{w: &grouper{w: w, buf: make([]byte, 0, payloadSize)}, tracks: make(map[int]*outTrack)}
	m.ts.W = m.w
	for _, i := range tracks {
		f := s.Tracks[i].Format()
		t := &ts.Track{}
		switch f.Codec {
		case codec.H264:
			t.Codec = &codecs.H264{}
		case codec.H265:
			t.Codec = &codecs.H265{}
		case codec.MPEG4Video:
			t.Codec = &codecs.MPEG4Video{}
		case codec.MPEG1Video:
			t.Codec = &codecs.MPEG1Video{}
		case codec.Opus:
			t.Codec = &codecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: uint8(max(f.Channels, 1))}}
		case codec.AAC:
			t.Codec = &codecs.MPEG4Audio{Config: *f.AAC}
		case codec.MP3:
			t.Codec = &codecs.MPEG1Audio{}
		case codec.AC3:
			t.Codec = &codecs.AC3{SampleRate: f.ClockRate, ChannelCount: f.Channels}
		case codec.KLV:
			t.Codec = &codecs.KLV{Synchronous: true}
		default:
			return nil, fmt.Errorf("mpegts: %s cannot be carried", f.Codec)
		}
		m.tracks[i] = &outTrack{ts: t, format: f}
		m.ts.Tracks = append(m.ts.Tracks, t)
	}
	if len(m.ts.Tracks) == 0 {
		return nil, ErrNoTracks
	}
	if err := m.ts.Initialize(); err != nil {
		return nil, fmt.Errorf("mpegts: prepare: %w", err)
	}
	return m, nil
}

// Write writes one unit. A unit that has no form in a transport stream is left
// out and counted; the error is that of the writer.
func (m *Muxer) Write(d media.Delivery) error {
	t := m.tracks[d.Track.Index]
	if t == nil || len(d.AU) == 0 {
		return nil
	}
	if d.Format != t.format {
		t.format = d.Format
		if c, ok := t.ts.Codec.(*codecs.MPEG4Audio); ok {
			c.Config = *d.Format.AAC
		}
	}
	dts, pts := ticks(d.DecodeAt, d.Format.ClockRate), ticks(d.At, d.Format.ClockRate)
	if !m.began {
		m.began, m.base = true, dts-start
	}
	dts, pts = max(dts-m.base, 0), max(pts-m.base, 0)
	if d.Format.Kind() == codec.Video {
		if t.any && dts <= t.last {
			dts = t.last + 1
		}
		t.last, t.any = dts, true
		pts = max(pts, dts)
	}
	if err := m.put(t, pts%wrap, dts%wrap, d.AU); err != nil {
		if m.w.err != nil {
			return m.w.err
		}
		m.bad++
	}
	return nil
}

func (m *Muxer) put(t *outTrack, pts, dts int64, au [][]byte) error {
	switch t.format.Codec {
	case codec.H264:
		return m.ts.WriteH264(t.ts, pts, dts, au)
	case codec.H265:
		return m.ts.WriteH265(t.ts, pts, dts, au)
	case codec.MPEG4Video:
		return m.ts.WriteMPEG4Video(t.ts, pts, slices.Concat(au...))
	case codec.MPEG1Video:
		return m.ts.WriteMPEG1Video(t.ts, pts, slices.Concat(au...))
	case codec.Opus:
		return m.ts.WriteOpus(t.ts, pts, au)
	case codec.AAC:
		return m.ts.WriteMPEG4Audio(t.ts, pts, au)
	case codec.MP3:
		return m.ts.WriteMPEG1Audio(t.ts, pts, au)
	case codec.AC3:
		for i, frame := range au {
			at := pts + int64(i)*1536*90_000/int64(t.format.ClockRate)
			if err := m.ts.WriteAC3(t.ts, at%wrap, frame); err != nil {
				return err
			}
		}
	case codec.KLV:
		for _, unit := range au {
			if err := m.ts.WriteKLV(t.ts, pts, unit); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush writes what is buffered. It is called when nothing more is at hand.
func (m *Muxer) Flush() error { return m.w.flush() }

// Bad returns how many units had no form in a transport stream.
func (m *Muxer) Bad() int { return m.bad }

// ticks converts from a clock of rate Hz to 90 kHz without overflow.
func ticks(t int64, rate int) int64 {
	r := int64(rate)
	return t/r*90_000 + t%r*90_000/r
}

// grouper collects packets into payloads.
type grouper struct {
	w   io.Writer
	buf []byte
	err error // of w; sticks
}

func (g *grouper) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		c := min(len(p)-n, payloadSize-len(g.buf))
		g.buf = append(g.buf, p[n:n+c]...)
		n += c
		if len(g.buf) == payloadSize {
			if err := g.flush(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

func (g *grouper) flush() error {
	if g.err == nil && len(g.buf) > 0 {
		_, g.err = g.w.Write(g.buf)
		g.buf = g.buf[:0]
	}
	return g.err
}
