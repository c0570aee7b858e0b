package rtmp

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"muster/media"
	"muster/media/codec"
)

const (
	// patience is how long a publisher's first media is held back while tracks
	// that its metadata promises, or that usually come in pairs, are awaited.
	patience = 500 * time.Millisecond
	maxHeld  = 16 << 20 // bytes held back meanwhile; beyond, what is known goes live
	maxIn    = 16       // tracks of one publisher, as many as the hub takes
)

// source turns the messages of a publisher into the tracks and samples of a
// stream. It is used by one goroutine.
type source struct {
	log     *slog.Logger
	publish func([]*codec.Format) (*media.Publisher, error)

	tracks map[trackID]*inTrack
	order  []*inTrack // as they were first seen
	clock  clock
	out    *media.Publisher // nil until the stream is live

	// From the metadata; meaningless until told.
	told                 bool
	hasVideo, hasAudio   bool
	held                 []heldTag // drop rule: none, at maxHeld the stream goes live
	heldBytes            int
	firstSeen            time.Time // wall clock of the first media
	firstTime            int64     // its timestamp
	malformed, tooLateOf int
}

// heldTag is media that came before the stream was live.
type heldTag struct {
	track *inTrack
	tag   tag
	dts   int64 // ms
}

// inTrack is one track of a publisher.
type inTrack struct {
	id         trackID
	index      int // in the stream; -1 while it is not part of it
	format     *codec.Format
	lengthSize int
	params     [][]byte // parameter sets to go before the next picture
	loose      [][]byte // NAL units that came without a picture
	last       int64    // decoding time of the last unit, in ticks
	any        bool
	next       int64 // audio: when the next frame is due, in ticks
}

// meta takes what onMetaData says of the tracks.
func (s *source) meta(v amf0.Data) {
	if !slices.Contains(v, any("onMetaData")) {
		return
	}
	for _, item := range v {
		o := object(item)
		if o == nil {
			continue
		}
		_, s.hasVideo = o.Get("videocodecid")
		_, s.hasAudio = o.Get("audiocodecid")
		// Zero and false are ways to say that there is none.
		s.hasVideo = s.hasVideo && !isNone(o, "videocodecid") && !isNone(o, "hasVideo")
		s.hasAudio = s.hasAudio && !isNone(o, "audiocodecid") && !isNone(o, "hasAudio")
		s.told = s.hasVideo || s.hasAudio
	}
}

func isNone(o amf0.Object, key string) bool {
	v, ok := o.Get(key)
	return ok && (v == false || v == 0.0)
}

// message takes one audio or video message. An error ends the publisher;
// messages that cannot be understood are counted and left out.
func (s *source) message(m message, now time.Time) error {
	parse := parseAudio
	if m.typ == typeVideo {
		parse = parseVideo
	}
	tags, err := parse(m.body)
	if err != nil {
		s.bad(err)
		return nil
	}
	dts := s.clock.extend(m.time)
	for _, t := range tags {
		if err := s.tag(t, dts, now); err != nil {
			return err
		}
	}
	return nil
}

// bad counts a message that cannot be used and says why the first time.
func (s *source) bad(err error) {
	if s.malformed++; s.malformed == 1 {
		s.log.Info("leaving out what cannot be understood", "error", err)
	}
}

func (s *source) tag(t tag, dts int64, now time.Time) error {
	tr := s.tracks[t.id]
	if tr == nil {
		if len(s.tracks) >= maxIn {
			return nil
		}
		tr = &inTrack{id: t.id, index: -1, lengthSize: 4}
		s.tracks[t.id] = tr
		s.order = append(s.order, tr)
	}
	if t.config {
		if err := tr.configure(t); err != nil {
			s.bad(err)
		}
		return nil
	}
	if tr.format == nil {
		tr.format = tr.guess(t)
	}
	if s.out != nil {
		if tr.index < 0 {
			s.late(tr)
			return nil
		}
		s.write(tr, t, dts)
		return nil
	}
	if s.held == nil {
		s.firstSeen, s.firstTime = now, dts
	}
	s.held = append(s.held, heldTag{tr, t, dts})
	s.heldBytes += len(t.data)
	waited := max(now.Sub(s.firstSeen), time.Duration(dts-s.firstTime)*time.Millisecond)
	if !s.complete() && waited < patience && s.heldBytes < maxHeld {
		return nil
	}
	return s.goLive()
}

// late says once that a track cannot be added any more.
func (s *source) late(tr *inTrack) {
	if s.tooLateOf++; s.tooLateOf == 1 {
		s.log.Info("leaving out a track that began after the stream was live", "video", tr.id.video, "track", tr.id.n)
	}
}

// complete reports whether all tracks that can be expected are known.
func (s *source) complete() bool {
	video, audio := false, false
	for _, tr := range s.order {
		if tr.format == nil {
			return false
		}
		if tr.id.video {
			video = true
		} else {
			audio = true
		}
	}
	if s.told {
		return (video || !s.hasVideo) && (audio || !s.hasAudio)
	}
	return video && audio
}

// goLive publishes the tracks that are known and lets go what was held back.
func (s *source) goLive() error {
	var formats []*codec.Format
	slices.SortStableFunc(s.order, func(a, b *inTrack) int { return rank(a) - rank(b) })
	for _, tr := range s.order {
		if tr.format != nil {
			tr.index = len(formats)
			formats = append(formats, tr.format)
		}
	}
	if len(formats) == 0 {
		if s.heldBytes < maxHeld {
			s.held, s.heldBytes = nil, 0 // start waiting anew
			return nil
		}
		return fmt.Errorf("rtmp: no track could be understood")
	}
	var err error
	if s.out, err = s.publish(formats); err != nil {
		return err
	}
	for _, h := range s.held {
		if h.track.index >= 0 {
			s.write(h.track, h.tag, h.dts)
		}
	}
	s.held, s.heldBytes = nil, 0
	return nil
}

// rank puts video before audio.
func rank(tr *inTrack) int {
	if tr.id.video {
		return 0
	}
	return 1
}

// configure takes a decoder configuration.
func (tr *inTrack) configure(t tag) error {
	var err error
	switch t.codec {
	case codec.H264:
		tr.params, tr.lengthSize, err = parseAVC(t.data)
	case codec.H265:
		tr.params, tr.lengthSize, err = parseHEVC(t.data)
	}
	if err != nil || tr.format != nil {
		return err // new parameter sets reach the hub with the next picture
	}
	switch t.codec {
	case codec.H264, codec.H265:
		f := codec.NewVideo(t.codec)
		_, tr.format, _ = codec.Normalize(f, tr.params)
	case codec.AV1:
		f := codec.NewVideo(codec.AV1)
		if f.Config, err = parseAV1(t.data); err == nil {
			tr.format = f
		}
	case codec.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if err = c.Unmarshal(t.data); err == nil && c.SampleRate > 0 {
			tr.format = codec.NewAAC(&c)
		}
	case codec.Opus:
		channels := 2
		var h opus.IDHeader
		if h.Unmarshal(t.data) == nil {
			channels = int(h.ChannelCount)
		}
		tr.format = codec.NewOpus(min(max(channels, 1), 2))
	}
	return err
}

// guess returns the format of a track from its first media, for codecs that
// need no configuration and encoders that send none; nil if it cannot be known.
func (tr *inTrack) guess(t tag) *codec.Format {
	channels := 2
	if t.mono {
		channels = 1
	}
	switch t.codec {
	case codec.H264, codec.H265, codec.VP8, codec.VP9:
		return codec.NewVideo(t.codec)
	case codec.MP3:
		return &codec.Format{Codec: codec.MP3, ClockRate: 90000, Channels: channels}
	case codec.G711:
		return &codec.Format{Codec: codec.G711, ClockRate: 8000, Channels: channels, MULaw: t.muLaw}
	case codec.LPCM:
		return &codec.Format{Codec: codec.LPCM, ClockRate: t.rate, Channels: channels, BitDepth: t.depth}
	case codec.AC3:
		var sync ac3.SyncInfo
		var bsi ac3.BSI
		if len(t.data) > 5 && sync.Unmarshal(t.data) == nil && bsi.Unmarshal(t.data[5:]) == nil {
			return &codec.Format{Codec: codec.AC3, ClockRate: sync.SampleRate(), Channels: bsi.ChannelCount()}
		}
	}
	return nil
}

// write hands one frame to the stream.
func (s *source) write(tr *inTrack, t tag, dts int64) {
	if t.codec != tr.format.Codec {
		s.bad(fmt.Errorf("rtmp: a track changed from %s to %s", tr.format.Codec, t.codec))
		return
	}
	au, err := tr.unit(t)
	if err != nil {
		s.bad(err)
		return
	}
	if len(au) == 0 {
		return
	}
	rate := int64(tr.format.ClockRate)
	sm := media.Sample{AU: au}
	if tr.id.video {
		sm.DTS, sm.HasDTS = dts*rate/1000, true
		if tr.any && sm.DTS <= tr.last {
			sm.DTS = tr.last + 1
		}
		tr.last, tr.any = sm.DTS, true
		sm.PTS = max(sm.DTS, (dts+int64(t.cts))*rate/1000)
	} else {
		sm.PTS = tr.smooth(dts*rate/1000, audioTicks(tr.format, au))
	}
	s.out.Write(tr.index, sm)
}

// unit returns the payload of t in the hub's form.
func (tr *inTrack) unit(t tag) ([][]byte, error) {
	switch t.codec {
	case codec.H264, codec.H265:
		au, err := splitNALUs(t.data, tr.lengthSize)
		if err != nil {
			return nil, err
		}
		// Some drones send supplemental information in messages of its own: it
		// belongs to the picture that follows.
		if !hasPicture(t.codec, au) {
			if len(tr.loose) < maxLoose {
				tr.loose = append(tr.loose, au...)
			}
			return nil, nil
		}
		au = slices.Concat(tr.params, tr.loose, au)
		tr.params, tr.loose = nil, nil
		return au, nil
	case codec.AV1:
		var tu av1.Bitstream
		if err := tu.Unmarshal(t.data); err != nil {
			return nil, fmt.Errorf("%w: AV1: %w", errProtocol, err)
		}
		return tu, nil
	case codec.LPCM:
		if tr.format.BitDepth == 16 { // the wire has little-endian samples
			for i := 0; i+1 < len(t.data); i += 2 {
				t.data[i], t.data[i+1] = t.data[i+1], t.data[i]
			}
		}
	}
	return [][]byte{t.data}, nil
}

// maxLoose bounds the NAL units kept for the next picture.
const maxLoose = 16
