package media

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media/codec"
)

// Limits on what one publisher can make the server hold.
const (
	maxTracks   = 16
	maxUnitSize = 8 << 20 // bytes of one access unit
	maxParts    = 2048    // NAL units, OBUs or frames of one; each costs memory beyond its bytes
)

// Stream is a live source under a name: its tracks, and the ring that its
// readers share.
type Stream struct {
	Name   safename.Name
	Groups []string // whose readers may read it
	Tracks []*Track
	Source Client    // who publishes, by what
	User   string    // publisher
	Since  time.Time // when it became live
	MaxLag time.Duration

	video    *Track // the track whose key frames readers start at
	hasVideo bool
	system   bool // published by a part of the server; no user replaces it, whatever their name
	router   *Router
	ring     ring

	mu      sync.RWMutex // guards everything below, and writing to the ring
	wake    *sync.Cond   // on mu.RLocker(): new units, or the end
	readers map[*Reader]struct{}
	guests  map[*Guest]struct{}
	ended   error
	dts     []dtsSource // by track index

	publisher *Publisher                   // set before the stream is in the router
	open      atomic.Pointer[auth.Session] // the publisher's; nil until it is registered
	keyFrame  func()                       // asks the publisher for a key frame; may be nil
	audience  func(Audience)               // of PublishRequest; may be nil; called with mu held
	admits    func(auth.Identity) bool     // of PublishRequest; may be nil
	keyAsked  atomic.Int64                 // Unix ms of the last request
	bytesIn   atomic.Int64
	bytesOut  atomic.Int64 // of readers that have left
	badUnits  atomic.Int64
	jumps     atomic.Int64
}

// dtsSource computes decoding times for a track whose publisher sends none.
type dtsSource struct {
	extract func(au [][]byte, pts int64) (int64, error)
	last    int64
	any     bool
}

func newStream(r *Router, name safename.Name, formats []*codec.Format) (*Stream, error) {
	if len(formats) == 0 || len(formats) > maxTracks {
		return nil, fmt.Errorf("%w: a stream has 1 to %d tracks, not %d", ErrUnsupported, maxTracks, len(formats))
	}
	s := &Stream{Name: name, Since: time.Now(), router: r, MaxLag: r.cfg.MaxLag,
		readers: make(map[*Reader]struct{}), guests: make(map[*Guest]struct{}), dts: make([]dtsSource, len(formats))}
	s.wake = sync.NewCond(s.mu.RLocker())
	s.ring.budget = int(r.cfg.BufferSize)
	for i, f := range formats {
		if f.ClockRate <= 0 || f.ClockRate > 1_000_000_000 {
			return nil, fmt.Errorf("%w: clock rate %d of %s", ErrUnsupported, f.ClockRate, f.Codec)
		}
		t, err := newTrack(i, f)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		if !s.hasVideo && f.Kind() == codec.Video && f.Codec != codec.Opaque {
			s.video, s.hasVideo = t, true
		}
		s.Tracks = append(s.Tracks, t)
		s.resetDTS(t)
	}
	return s, nil
}

func (s *Stream) resetDTS(t *Track) {
	d := &s.dts[t.Index]
	switch t.Format().Codec {
	case codec.H264:
		e := new(h264.DTSExtractor)
		e.Initialize()
		d.extract = e.Extract
	case codec.H265:
		e := new(h265.DTSExtractor)
		e.Initialize()
		d.extract = e.Extract
	}
}

// VideoTrack returns the track whose key frames readers start at, or nil.
func (s *Stream) VideoTrack() *Track { return s.video }

// Sample is what a publisher has of one access unit.
type Sample struct {
	PTS    int64     // ticks of the track's clock
	DTS    int64     // likewise, if HasDTS
	HasDTS bool      // the protocol carries decoding times
	NTP    time.Time // capture time; zero: now
	AU     [][]byte  // handed over: the caller does not touch it again
}

// write takes one access unit from the publisher. Units that cannot be used are
// counted and left out; a publisher's mistake never ends its session here.
func (s *Stream) write(t *Track, sm Sample) {
	au, f, key := codec.Normalize(t.Format(), sm.AU)
	size := 0
	for _, b := range au {
		size += len(b)
	}
	if f != t.Format() {
		t.format.Store(f)
	}
	if len(au) == 0 {
		return
	}
	if size > maxUnitSize || len(au) > maxParts {
		s.badUnits.Add(1)
		return
	}
	u := &Unit{Track: t, Format: f, PTS: sm.PTS, DTS: sm.PTS, NTP: sm.NTP, Key: key, AU: au, size: size}
	s.mu.Lock()
	if sm.HasDTS {
		u.DTS = sm.DTS
	} else if !s.setDTS(u) {
		s.mu.Unlock()
		return
	}
	s.put(u)
	s.mu.Unlock()
}

// writePacket takes one RTP payload of an Opaque track.
func (s *Stream) writePacket(t *Track, pts int64, marker bool, payload []byte) {
	u := &Unit{Track: t, Format: t.Format(), PTS: pts, DTS: pts, Key: true, size: len(payload)}
	u.once.Do(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		u.packets = t.packetizer.Wrap(payload, marker, t.RTPTime(pts))
	})
	s.mu.Lock()
	s.put(u)
	s.mu.Unlock()
}

// put appends u to the ring and wakes the readers; mu is held.
func (s *Stream) put(u *Unit) {
	if s.ended != nil {
		return
	}
	u.arrived = time.Now()
	if u.NTP.IsZero() {
		u.NTP = u.arrived
	}
	if u.DTS != u.PTS {
		u.Track.reordered.Store(true)
	}
	s.bytesIn.Add(int64(u.size))
	s.ring.put(u, !s.hasVideo || u.Key && u.Track == s.video)
	s.wake.Broadcast()
}

// setDTS derives the decoding time of a unit and reports whether the unit can be
// used: before the first key frame it cannot. When a derivation goes wrong
// (lost frames, odd encoders) it starts anew at the next key frame and meanwhile
// assumes that the order of arrival is the order of decoding.
func (s *Stream) setDTS(u *Unit) bool {
	d := &s.dts[u.Track.Index]
	if d.extract == nil {
		return true
	}
	if !u.Key && !d.any {
		s.badUnits.Add(1)
		return false
	}
	dts, err := d.extract(u.AU, u.PTS)
	if err != nil {
		s.badUnits.Add(1)
		s.resetDTS(u.Track)
		if u.Key {
			if again, err := d.extract(u.AU, u.PTS); err == nil {
				dts = again
			} else {
				dts = u.PTS
			}
		} else {
			dts = u.PTS
		}
	}
	if d.any && dts <= d.last {
		dts = d.last + 1
	}
	if dts > u.PTS {
		dts = u.PTS
	}
	d.last, d.any = dts, true
	u.DTS = dts
	return true
}

// wait blocks a reader until there is something at its cursor or an end.
func (s *Stream) wait(r *Reader) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for s.ring.head.Load() <= r.cursor && s.ended == nil && r.closed.Load() == nil {
		s.wake.Wait()
	}
	if s.ring.head.Load() > r.cursor || r.closed.Load() != nil {
		return nil
	}
	return s.ended
}

func (s *Stream) newReader(tracks []int, start Start) (*Reader, error) {
	rd := &Reader{stream: s, start: start, maxLag: s.MaxLag, wanted: make([]bool, len(s.Tracks))}
	for i := range rd.wanted {
		rd.wanted[i] = tracks == nil
	}
	for _, i := range tracks {
		if i < 0 || i >= len(rd.wanted) {
			return nil, fmt.Errorf("%w: the stream has no track %d", ErrUnsupported, i)
		}
		rd.wanted[i] = true
	}
	return rd, nil
}

// room reports whether one more client may receive the stream; the server's own
// readers do not count. limit 0 means no limit. mu is held.
func (s *Stream) room(limit int) bool {
	if limit == 0 {
		return true
	}
	n := len(s.guests)
	for r := range s.readers {
		if r.session != nil {
			n++
		}
	}
	return n < limit
}

// join makes r a reader. The errors are ErrNotFound and ErrFull.
func (s *Stream) join(r *Reader, limit int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return ErrNotFound
	}
	if !s.room(limit) {
		return ErrFull
	}
	s.readers[r] = struct{}{}
	r.begin()
	s.tellAudience()
	return nil
}

// tellAudience tells the publisher of a stream on demand who receives it. mu is
// held.
func (s *Stream) tellAudience() {
	if s.audience == nil {
		return
	}
	a := Audience{Readers: len(s.readers), Clients: len(s.guests)}
	for r := range s.readers {
		if r.session != nil {
			a.Clients++
		}
	}
	if a.Readers == 0 {
		s.ring.forget()
	}
	s.audience(a)
}

func (s *Stream) leave(r *Reader) {
	s.mu.Lock()
	if _, ok := s.readers[r]; ok {
		delete(s.readers, r)
		s.bytesOut.Add(r.bytes.Load())
		s.tellAudience()
	}
	s.wake.Broadcast()
	s.mu.Unlock()
}

func (s *Stream) readerJumped() { s.jumps.Add(1) }

// end makes all readers return reason after what is in the ring.
func (s *Stream) end(reason error) {
	s.mu.Lock()
	if s.ended == nil {
		s.ended = reason
	}
	s.wake.Broadcast()
	s.mu.Unlock()
}

// over reports whether the stream has ended.
func (s *Stream) over() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ended != nil
}

// keyFrameEvery is how often a publisher is bothered at most.
const keyFrameEvery = 500 * time.Millisecond

// RequestKeyFrame asks the publisher for a key frame if its protocol can carry
// the wish (WebRTC: PLI, RFC 4585 §6.3.1). Requests of many readers are merged.
func (s *Stream) RequestKeyFrame() {
	if s.keyFrame == nil {
		return
	}
	now, last := time.Now().UnixMilli(), s.keyAsked.Load()
	if now-last >= keyFrameEvery.Milliseconds() && s.keyAsked.CompareAndSwap(last, now) {
		s.keyFrame()
	}
}

// LastKeyFrame returns the newest key frame that is still held, or nil.
func (s *Stream) LastKeyFrame() *Unit {
	if pos, ok := s.ring.lastKey(); ok {
		return s.ring.at(pos)
	}
	return nil
}

// TrackInfo describes a track to people.
type TrackInfo struct {
	Codec     string `json:"codec"`
	Kind      string `json:"kind"`
	Detail    string `json:"detail"` // "H264 1280x720"
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	Reordered bool   `json:"reordered,omitempty"` // has B-frames
}

// Info describes a stream to people.
type Info struct {
	Name     string         `json:"name"`
	Groups   []string       `json:"groups"`
	User     string         `json:"user"`     // publisher
	Protocol string         `json:"protocol"` // the publisher's
	Since    time.Time      `json:"since"`
	Tracks   []TrackInfo    `json:"tracks"`
	Readers  map[string]int `json:"readers"` // by protocol
	BytesIn  int64          `json:"bytesIn"`
	BytesOut int64          `json:"bytesOut"`
	BadUnits int64          `json:"badUnits"` // access units that had to be left out
	Jumps    int64          `json:"jumps"`    // times a reader was too slow and skipped ahead
}

// Info returns a description of the stream at this moment.
func (s *Stream) Info() Info {
	in := Info{
		Name: s.Name.String(), Groups: s.Groups, User: s.User, Protocol: s.Source.Protocol, Since: s.Since,
		Readers: make(map[string]int), BytesIn: s.bytesIn.Load(), BytesOut: s.bytesOut.Load(),
		BadUnits: s.badUnits.Load(), Jumps: s.jumps.Load(),
	}
	for _, t := range s.Tracks {
		f := t.Format()
		w, h := f.Size()
		in.Tracks = append(in.Tracks, TrackInfo{
			Codec: string(f.Codec), Kind: string(f.Kind()), Detail: f.String(),
			Width: w, Height: h, Reordered: t.Reordered(),
		})
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for r := range s.readers {
		in.BytesOut += r.bytes.Load()
		if r.session != nil {
			in.Readers[r.session.Info().Protocol]++
		}
	}
	for g := range s.guests {
		in.BytesOut += g.bytes.Load()
		in.Readers[g.session.Info().Protocol]++
	}
	return in
}

// Readable reports whether id may read the stream.
func (s *Stream) Readable(id auth.Identity) bool {
	return auth.Allow(id, auth.Read, s.resource()) == nil && (s.admits == nil || s.admits(id))
}

func (s *Stream) resource() auth.Resource { return auth.Stream(s.Name.String(), s.Groups) }
