package hls

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"

	"muster/media"
	"muster/media/codec"
)

// track is a track of the stream that the segmenter carries.
type track struct {
	out    *gohlslib.Track
	format *codec.Format // as last seen
	video  bool
	write  func(m *gohlslib.Muxer, t *gohlslib.Track, ntp time.Time, pts int64, au [][]byte) error
}

// UnsupportedError says why a stream cannot be watched over HLS.
type UnsupportedError struct {
	Tracks  []string
	Variant string
}

func (e *UnsupportedError) Error() string {
	plays := "AV1, VP9, H265, H264, Opus and AAC"
	if e.Variant == MPEGTS {
		plays = "H264 and AAC"
	}
	return fmt.Sprintf("this stream has %s; HLS carries %s", strings.Join(e.Tracks, " and "), plays)
}

// choose picks the tracks that the variant can carry: one video track and all
// audio tracks, in MPEG-TS one of each. The result is indexed like formats, nil
// where a track is left out.
func choose(formats []*codec.Format, variant string) (tracks []*track, left []string, err error) {
	tracks = make([]*track, len(formats))
	video, audio := false, false
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f.Codec)
		t := newTrack(f, variant)
		switch {
		case t == nil, t.video && video, !t.video && audio && variant == MPEGTS:
			left = append(left, names[i])
			continue
		case t.video:
			video = true
		default:
			audio = true
		}
		tracks[i] = t
	}
	if !video && !audio {
		return nil, nil, &UnsupportedError{Tracks: names, Variant: variant}
	}
	return tracks, left, nil
}

func newTrack(f *codec.Format, variant string) *track {
	if variant == MPEGTS && f.Codec != codec.H264 && f.Codec != codec.AAC || f.Codec == codec.AAC && f.AAC == nil {
		return nil
	}
	t := &track{format: f, video: f.Kind() == codec.Video, out: &gohlslib.Track{ClockRate: 90000}}
	switch f.Codec {
	case codec.H264:
		t.out.Codec, t.write = &codecs.H264{SPS: f.SPS, PPS: f.PPS}, (*gohlslib.Muxer).WriteH264
	case codec.H265:
		t.out.Codec, t.write = &codecs.H265{VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}, (*gohlslib.Muxer).WriteH265
	case codec.AV1:
		t.out.Codec, t.write = &codecs.AV1{SequenceHeader: f.Config}, (*gohlslib.Muxer).WriteAV1
	case codec.VP9:
		t.out.Codec = &codecs.VP9{}
		t.write = func(m *gohlslib.Muxer, t *gohlslib.Track, ntp time.Time, pts int64, au [][]byte) error {
			return m.WriteVP9(t, ntp, pts, au[0])
		}
	case codec.Opus:
		t.out.Codec, t.out.ClockRate = &codecs.Opus{ChannelCount: max(f.Channels, 1)}, 48000
		t.write = (*gohlslib.Muxer).WriteOpus
	case codec.AAC:
		t.out.Codec, t.out.ClockRate = &codecs.MPEG4Audio{Config: *f.AAC}, f.AAC.SampleRate
		t.write = (*gohlslib.Muxer).WriteMPEG4Audio
	default:
		return nil
	}
	return t
}

// changed reports whether the parameters of now cannot follow those of old in
// one initialisation segment. Picture parameter sets alone can: every key frame
// repeats them.
func changed(old, now *codec.Format) bool {
	switch {
	case old == now:
		return false
	case old.Codec != now.Codec || old.ClockRate != now.ClockRate || old.Channels != now.Channels:
		return true
	case old.AAC != nil && now.AAC != nil && *old.AAC != *now.AAC:
		return true
	}
	return differs(old.SPS, now.SPS) || differs(old.Config, now.Config)
}

// differs reports a change of what was known before.
func differs(old, now []byte) bool { return old != nil && !bytes.Equal(old, now) }

// formats returns the newest parameters of all tracks of a stream.
func formats(s *media.Stream) []*codec.Format {
	out := make([]*codec.Format, len(s.Tracks))
	for i, t := range s.Tracks {
		out[i] = t.Format()
	}
	return out
}

// rescale converts ticks of one clock to another without overflow.
func rescale(ticks int64, from, to int) int64 {
	if from == to {
		return ticks
	}
	f, t := int64(from), int64(to)
	return ticks/f*t + ticks%f*t/f
}
