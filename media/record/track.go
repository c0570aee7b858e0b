package record

import (
	"bytes"
	"math"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"muster/media"
	"muster/media/codec"
)

// fits reports whether MP4 has a place for tracks of this codec that common
// players understand.
func fits(id codec.ID) bool {
	switch id {
	case codec.H264, codec.H265, codec.AV1, codec.VP9, codec.AAC, codec.Opus, codec.MP3, codec.AC3:
		return true
	}
	return false
}

// choose returns which tracks of a stream are recorded, by index: the first video
// track and all audio tracks, as far as they fit. lead is the one that files begin
// with, -1 if there is none; left names those that are left out.
func choose(formats []*codec.Format) (take []bool, lead int, left []string) {
	take, lead = make([]bool, len(formats)), -1
	for i, f := range formats {
		if f.Kind() == codec.Video && fits(f.Codec) {
			lead, take[i] = i, true
			break
		}
	}
	for i, f := range formats {
		switch {
		case take[i]:
		case f.Kind() == codec.Audio && fits(f.Codec):
			if take[i] = true; lead < 0 {
				lead = i
			}
		default:
			left = append(left, string(f.Codec))
		}
	}
	return take, lead, left
}

// track is one track in a file.
type track struct {
	id     int           // in the file
	rate   int           // ticks per second
	format *codec.Format // since the file began
	about  codecs.Codec  // nil until it is known
	in     bool          // the head of the file names it

	// The newest sample waits for the next one, which tells how long it is.
	held   *fmp4.Sample
	heldAt int64 // decoding time
	usual  int64 // length of a sample: that of the last one, or what the codec says; 0: not known

	begin   int64 // decoding time of the first sample of the file
	first   int64 // that of samples[0]
	any     bool  // there was a sample
	samples []*fmp4.Sample
}

func newTrack(id int, f *codec.Format) *track {
	t := &track{id: id}
	t.become(f)
	return t
}

func (t *track) become(f *codec.Format) {
	t.format, t.rate = f, f.ClockRate
	switch {
	case f.Codec == codec.AAC && f.AAC != nil:
		t.rate = f.AAC.SampleRate
	case f.Codec == codec.Opus:
		t.rate = 48000
	}
}

// learn finds out from the unit d what the head of the file says of the track.
func (t *track) learn(d media.Delivery) {
	if t.about != nil || len(d.AU) == 0 {
		return
	}
	if t.held == nil && len(t.samples) == 0 {
		t.become(d.Format)
	}
	c := describe(t.format, d.AU[0])
	if c == nil {
		return
	}
	// What a publisher says of itself may be nonsense that cannot be written.
	probe := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: uint32(t.rate), Codec: c}}}
	if probe.Marshal(new(seekablebuffer.Buffer)) == nil {
		t.about = c
	}
}

func describe(f *codec.Format, frame []byte) codecs.Codec {
	if !f.Complete() {
		return nil
	}
	switch f.Codec {
	case codec.H264:
		return &codecs.H264{SPS: f.SPS, PPS: f.PPS}
	case codec.H265:
		return &codecs.H265{VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}
	case codec.AV1:
		return &codecs.AV1{SequenceHeader: f.Config}
	case codec.VP9:
		var h vp9.Header
		if h.Unmarshal(frame) != nil || h.Width() == 0 {
			return nil
		}
		return &codecs.VP9{
			Width: h.Width(), Height: h.Height(), Profile: h.Profile,
			BitDepth: h.ColorConfig.BitDepth, ChromaSubsampling: h.ChromaSubsampling(), ColorRange: h.ColorConfig.ColorRange,
		}
	case codec.Opus:
		return &codecs.Opus{ChannelCount: max(f.Channels, 1)}
	case codec.AAC:
		if f.AAC == nil {
			return nil
		}
		return &codecs.MPEG4Audio{Config: *f.AAC}
	case codec.MP3:
		var h mpeg1audio.FrameHeader
		if h.Unmarshal(frame) != nil {
			return nil
		}
		channels := 2
		if h.ChannelMode == mpeg1audio.ChannelModeMono {
			channels = 1
		}
		return &codecs.MPEG1Audio{SampleRate: h.SampleRate, ChannelCount: channels}
	case codec.AC3:
		var s ac3.SyncInfo
		var b ac3.BSI
		if s.Unmarshal(frame) != nil || b.Unmarshal(frame[5:]) != nil {
			return nil
		}
		return &codecs.AC3{SampleRate: s.SampleRate(), ChannelCount: b.ChannelCount(), Bsid: b.Bsid, Bsmod: b.Bsmod,
			Acmod: b.Acmod, LfeOn: b.LfeOn, BitRateCode: s.Frmsizecod >> 1}
	}
	return nil
}

// length returns how many ticks of rate a frame of sound lasts; 0: not known.
func length(f *codec.Format, frame []byte, rate int) int64 {
	switch f.Codec {
	case codec.AAC:
		return 1024 // rate is the sample rate
	case codec.Opus:
		return opus.PacketDuration2(frame)
	case codec.MP3:
		var h mpeg1audio.FrameHeader
		if h.Unmarshal(frame) == nil && h.SampleRate > 0 {
			return int64(h.SampleCount()) * int64(rate) / int64(h.SampleRate)
		}
	case codec.AC3:
		var s ac3.SyncInfo
		if s.Unmarshal(frame) == nil && s.SampleRate() > 0 {
			return 1536 * int64(rate) / int64(s.SampleRate())
		}
	}
	return 0
}

// changed reports whether the parameters of now cannot follow those of old in one
// file. Picture parameter sets alone can: every key frame repeats them.
func changed(old, now *codec.Format) bool {
	switch {
	case old == now:
		return false
	case old.Codec != now.Codec || old.ClockRate != now.ClockRate || old.Channels != now.Channels:
		return true
	case old.AAC != nil && now.AAC != nil && *old.AAC != *now.AAC:
		return true
	}
	differs := func(a, b []byte) bool { return a != nil && !bytes.Equal(a, b) }
	return differs(old.SPS, now.SPS) || differs(old.VPS, now.VPS) || differs(old.Config, now.Config)
}

// add takes a unit whose times are dts and pts in ticks of the file.
func (t *track) add(d media.Delivery, dts, pts int64) error {
	switch t.format.Codec {
	case codec.H264, codec.H265:
		payload, err := h264.AVCC(d.AU).Marshal() // the same lengths before NAL units in both
		if err != nil {
			return err
		}
		t.put(&fmp4.Sample{Payload: payload, IsNonSyncSample: !d.Key}, dts, pts)
	case codec.AV1:
		payload, err := av1.Bitstream(d.AU).Marshal()
		if err != nil {
			return err
		}
		t.put(&fmp4.Sample{Payload: payload, IsNonSyncSample: !d.Key}, dts, pts)
	case codec.VP9:
		t.put(&fmp4.Sample{Payload: d.AU[0], IsNonSyncSample: !d.Key}, dts, pts)
	default: // a unit of sound may hold several frames
		for _, frame := range d.AU {
			t.put(&fmp4.Sample{Payload: frame}, dts, dts)
			if n := length(t.format, frame, t.rate); n > 0 {
				t.usual = n
				dts += n
			}
		}
	}
	return nil
}

// put appends a sample; the one before it is complete with that.
func (t *track) put(s *fmp4.Sample, dts, pts int64) {
	if t.held != nil {
		dts = max(dts, t.heldAt+1)
		t.complete(dts)
	}
	s.PTSOffset = int32(min(max(pts-dts, math.MinInt32), math.MaxInt32))
	t.held, t.heldAt = s, dts
}

// complete ends the sample that is held at the decoding time next.
func (t *track) complete(next int64) {
	if t.held == nil {
		return
	}
	n := min(max(next-t.heldAt, 1), math.MaxUint32)
	t.held.Duration, t.usual = uint32(n), n
	if len(t.samples) == 0 {
		t.first = t.heldAt
	}
	if !t.any {
		t.begin, t.any = t.heldAt, true
	}
	t.samples = append(t.samples, t.held)
	t.held = nil
}

// last ends the sample that is held when no other follows.
func (t *track) last() {
	n := t.usual
	if n == 0 {
		n = int64(t.rate) / 25
	}
	t.complete(t.heldAt + n)
}

// end is the decoding time at which the samples are over.
func (t *track) end() int64 {
	n := t.first
	for _, s := range t.samples {
		n += int64(s.Duration)
	}
	return n
}
