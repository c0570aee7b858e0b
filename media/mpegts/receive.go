package mpegts

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"muster/media"
	"muster/media/codec"
)

// How long the first media of a program is held back, in ticks of 90 kHz of its
// own time.
const (
	patience    = 90_000      // for a track that is announced but does not come
	keyPatience = 10 * 90_000 // for the first key frame of one that does
	maxHeld     = 16 << 20    // bytes; beyond, what is known goes live
)

var (
	// ErrProgram ends a publisher whose program was replaced by another; the
	// new one is published at once.
	ErrProgram = errors.New("the transport stream has a new program")
	errNothing = errors.New("the transport stream has no track that can be understood")
)

// Publish makes a stream of the tracks that were found. It is called again when
// the program changes, after the publisher before was closed.
type Publish func(formats []*codec.Format) (*media.Publisher, error)

// Receive reads a transport stream from r and writes it to the publisher that
// publish makes, until r ends or publish refuses. It closes its publishers. The
// error is that of r or of publish, never nil.
func Receive(r io.Reader, publish Publish, log *slog.Logger) error {
	s := &source{publish: publish, log: log}
	d := newDemuxer(s)
	s.demux = d
	err := d.run(r)
	s.close(err)
	if d.lost > 0 || d.garbage > 0 {
		log.Info("the transport stream was damaged", "lostUnits", d.lost, "garbageBytes", d.garbage)
	}
	return err
}

// source turns PES packets into samples. It is used by one goroutine.
type source struct {
	publish Publish
	log     *slog.Logger
	demux   *demuxer
	clock   clock

	tracks []*inTrack
	byPID  map[uint16]*inTrack
	out    *media.Publisher // nil until the stream is live

	held      []heldSample // drop rule: at maxHeld the stream goes live
	heldBytes int
	first     int64 // running time of the first packet
	began     bool
}

type heldSample struct {
	track  *inTrack
	sample media.Sample
}

// inTrack is one elementary stream.
type inTrack struct {
	entry
	format *codec.Format // nil until it is known
	live   *codec.Format // as it was published
	index  int           // in the stream; -1 while it is not part of it
	late   bool          // it began after the stream was live
	seen   bool          // something came
	clock  trackClock
	key    bool   // a key frame came; always true of other than video
	rest   []byte // audio: the beginning of a frame whose end is to come
	next   int64  // audio: running time after the last frame, 90 kHz
	last   int64  // video: decoding time of the last unit, in ticks
	any    bool
}

// program implements receiver.
func (s *source) program(entries []entry) error {
	s.close(ErrProgram)
	s.tracks, s.byPID = nil, make(map[uint16]*inTrack)
	s.held, s.heldBytes, s.began = nil, 0, false
	for _, e := range entries {
		if e.codec == "" {
			s.log.Info("leaving out a track that is not supported", "pid", e.pid, "streamType", fmt.Sprintf("%#02x", e.typ))
			continue
		}
		t := &inTrack{entry: e, index: -1, key: e.codec.Kind() != codec.Video}
		switch e.codec {
		case codec.H264, codec.H265, codec.MPEG4Video, codec.MPEG1Video:
			t.format = codec.NewVideo(e.codec)
		case codec.Opus:
			t.format = codec.NewOpus(e.channels)
		case codec.MP3:
			t.format = &codec.Format{Codec: codec.MP3, ClockRate: 90000, Channels: 1}
		case codec.KLV:
			t.format = &codec.Format{Codec: codec.KLV, ClockRate: 90000}
		}
		s.tracks = append(s.tracks, t)
		s.byPID[e.pid] = t
	}
	if len(s.tracks) == 0 {
		return errNothing
	}
	return nil
}

func (s *source) close(reason error) {
	if s.out != nil {
		s.out.Close(reason)
		s.out = nil
	}
}

// packet implements receiver.
func (s *source) packet(pid uint16, p pes) error {
	t := s.byPID[pid]
	if t == nil {
		return nil
	}
	if !p.hasPTS {
		if t.codec != codec.KLV || s.clock.base == 0 { // asynchronous KLV belongs to what came last
			s.demux.lost++
			return nil
		}
		p.dts = s.clock.in
		p.pts = p.dts
	}
	dts := s.clock.extend(&t.clock, p.dts)
	sm, err := t.sample(p, dts)
	if err != nil {
		s.demux.lost++
		return nil
	}
	if len(sm.AU) == 0 {
		return nil
	}
	t.seen = true
	switch {
	case s.out == nil:
		return s.hold(t, sm, dts)
	case t.index < 0:
		if !t.late {
			t.late = true
			s.log.Info("leaving out a track that began after the stream was live", "codec", string(t.codec))
		}
	case t.codec == codec.AAC && t.format != t.live:
		return s.restart(t, sm)
	default:
		s.out.Write(t.index, sm)
	}
	return nil
}

// hold keeps a sample until the stream can go live.
func (s *source) hold(t *inTrack, sm media.Sample, dts int64) error {
	if !s.began {
		s.began, s.first = true, dts
	}
	if t.codec.Kind() == codec.Video {
		_, f, key := codec.Normalize(t.format, sm.AU)
		t.format = f
		if key && !t.key {
			t.key = true
			s.held, s.heldBytes = nil, 0 // sound from before the first picture
		}
		if !t.key {
			return s.maybeLive(dts)
		}
	}
	s.held = append(s.held, heldSample{t, sm})
	for _, b := range sm.AU {
		s.heldBytes += len(b)
	}
	return s.maybeLive(dts)
}

// maybeLive publishes when all tracks are known or have been waited for.
func (s *source) maybeLive(dts int64) error {
	waited := dts - s.first
	for _, t := range s.tracks {
		ready := t.format != nil && t.format.Complete() && t.key && (t.seen || t.codec == codec.KLV)
		if ready || s.heldBytes >= maxHeld || waited >= keyPatience || !t.seen && waited >= patience {
			continue
		}
		return nil
	}
	return s.goLive()
}

func (s *source) goLive() error {
	var formats []*codec.Format
	for _, t := range s.tracks {
		if t.format != nil && (t.seen || t.codec == codec.KLV) {
			t.index, t.live = len(formats), t.format
			formats = append(formats, t.format)
		}
	}
	if len(formats) == 0 {
		s.began = false // wait anew
		return nil
	}
	var err error
	if s.out, err = s.publish(formats); err != nil {
		return err
	}
	for _, h := range s.held {
		if h.track.index >= 0 {
			s.out.Write(h.track.index, h.sample)
		}
	}
	s.held, s.heldBytes = nil, 0
	return nil
}

// restart publishes anew because the parameters of t, which the hub cannot
// change in flight, are others now.
func (s *source) restart(t *inTrack, sm media.Sample) error {
	s.close(ErrProgram)
	for _, other := range s.tracks {
		other.index = -1
	}
	s.held, s.heldBytes = []heldSample{{t, sm}}, 0
	return s.goLive()
}

// sample returns the payload of p in the hub's form; dts is its running time.
func (t *inTrack) sample(p pes, dts int64) (media.Sample, error) {
	pts := dts + offset(p.dts, p.pts)
	switch t.codec {
	case codec.H264, codec.H265:
		var au h264.AnnexB
		if err := au.Unmarshal(p.data); err != nil {
			return media.Sample{}, err
		}
		return t.video(pts, dts, au), nil
	case codec.MPEG4Video, codec.MPEG1Video:
		return t.video(pts, dts, [][]byte{p.data}), nil
	case codec.KLV:
		data, err := t.metadata(p.data)
		return media.Sample{PTS: pts, AU: [][]byte{data}}, err
	}
	frames, at, err := t.frames(p.data, pts)
	if err != nil || len(frames) == 0 || t.format == nil {
		return media.Sample{}, err
	}
	return media.Sample{PTS: at * int64(t.format.ClockRate) / 90_000, AU: frames}, nil
}

// video returns a sample whose decoding time is after that of the one before.
func (t *inTrack) video(pts, dts int64, au [][]byte) media.Sample {
	if t.any && dts <= t.last {
		dts = t.last + 1
	}
	t.last, t.any = dts, true
	return media.Sample{PTS: max(pts, dts), DTS: dts, HasDTS: true, AU: au}
}
