package mcu

import (
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/media/codec"
)

// VideoSource says what a picture shows.
type VideoSource string

// The sources.
const (
	Camera VideoSource = "camera"
	Screen VideoSource = "screen"
	Stage  VideoSource = "stage" // a media path
	// Composite is the room's one picture of everybody, for browsers that can
	// show no more. It belongs to nobody, and is made while somebody is shown it.
	Composite VideoSource = "composite"
)

// Valid reports whether s is a source that a participant may have.
func (s VideoSource) Valid() bool { return s == Camera || s == Screen || s == Stage }

// Packet is one RTP packet of a picture. It is read-only once it was written.
type Packet struct {
	Seq       uint16
	Timestamp uint32 // 90 kHz
	Marker    bool   // the last of its frame
	Payload   []byte
}

// Bounds of what one participant may send.
const (
	maxTracksEach = 3 // a camera, a screen and one to spare while they change
	maxLayers     = 3
)

// keyFramePause is how often a publisher is asked for a key frame at the most:
// one serves all who wait (RFC 5104 §4.3.1.2 on storms of requests).
const keyFramePause = 500 * time.Millisecond

// TrackSpec says what a participant is about to send.
type TrackSpec struct {
	Source   VideoSource
	Codec    codec.ID // VP8 or H264
	Layers   []LayerInfo
	KeyFrame func(layer int) // asks the sender for a key frame; must not block
	// HighProfile says that the video is H264 beyond the baseline profile, which
	// not every receiver decodes.
	HighProfile bool
}

// Track is a picture that somebody in the room sends, in one or more layers.
type Track struct {
	ID    string       // unguessable
	owner *Participant // nil: the room
	room  *Room
	spec  TrackSpec

	number uint64 // tracks of a room are numbered as they come

	layers []*layer
	past   *past                     // nil: the sender can be asked for key frames
	views  atomic.Pointer[[]*Window] // who is shown it; replaced under mu

	mu   sync.Mutex // guards changes of views, and what follows
	over bool
}

// layer is one resolution of a track.
type layer struct {
	size  atomic.Pointer[LayerInfo]
	last  atomic.Int64 // Unix ns of the newest packet
	asked atomic.Int64 // Unix ns of the last wish for a key frame
	rate  meter
	seen  arrivals // used by the writer
}

// meter measures bits per second over about a second.
type meter struct {
	mu    sync.Mutex
	since time.Time
	bytes int
	bps   atomic.Int64
}

func (m *meter) add(n int, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += n
	if m.since.IsZero() {
		m.since = now
		return
	}
	if d := now.Sub(m.since); d >= meterWindow {
		m.bps.Store(int64(float64(m.bytes*8) / d.Seconds()))
		m.since, m.bytes = now, 0
	}
}

const meterWindow = 500 * time.Millisecond

// OpenTrack makes a picture of p's known to the room. The error is ErrListener,
// ErrTracks, ErrFormat or ErrGone. The owner calls Close.
func (p *Participant) OpenTrack(spec TrackSpec) (*Track, error) {
	if spec.Codec != codec.VP8 && spec.Codec != codec.H264 && p.kind != Feed {
		return nil, ErrFormat
	}
	if !spec.Source.Valid() || len(spec.Layers) == 0 || len(spec.Layers) > maxLayers {
		return nil, ErrFormat
	}
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.people[p.ID] != p || p.waiting:
		return nil, ErrGone
	case !p.sends():
		return nil, ErrListener
	}
	own := 0
	for _, t := range m.tracks {
		if t.owner == p {
			own++
		}
	}
	if own >= maxTracksEach {
		return nil, ErrTracks
	}
	t := newTrack(m, p, spec)
	m.opened++
	t.number = m.opened
	m.tracks[t.ID] = t
	m.tellAll(Event{EventTrack, t.Info()})
	return t, nil
}

func newTrack(m *Room, owner *Participant, spec TrackSpec) *Track {
	t := &Track{ID: rand.Text(), owner: owner, room: m, spec: spec}
	t.views.Store(&[]*Window{})
	for _, l := range spec.Layers {
		la := &layer{}
		la.size.Store(&l)
		t.layers = append(t.layers, la)
	}
	if owner != nil && owner.kind == Feed {
		t.past = &past{}
	}
	return t
}

// Info describes the track.
func (t *Track) Info() TrackInfo {
	i := TrackInfo{ID: t.ID, Source: t.spec.Source, Codec: string(t.spec.Codec)}
	if t.owner != nil {
		i.Participant = t.owner.ID
	}
	for _, l := range t.layers {
		i.Layers = append(i.Layers, *l.size.Load())
	}
	return i
}

// SetLayer says how large a layer's pictures have turned out to be.
func (t *Track) SetLayer(i int, size LayerInfo) {
	if *t.layers[i].size.Load() == size {
		return
	}
	t.layers[i].size.Store(&size)
	m := t.room
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tracks[t.ID] == t {
		m.tellAll(Event{EventTrack, t.Info()})
	}
}

// Write hands over packets of a layer, in the order of their coming; what is
// handed over together goes out together. Each layer has one writer at a time.
func (t *Track) Write(i int, packets ...*Packet) {
	now := time.Now()
	l := t.layers[i]
	from := 0
	for at, p := range packets {
		switch l.seen.note(p.Seq) {
		case doubled:
			t.pass(i, packets[from:at], now)
			from = at + 1
			continue
		case beganNew:
			t.pass(i, packets[from:at], now)
			from = at
			for _, v := range *t.views.Load() {
				v.beginAnew(t, i)
			}
		}
		l.rate.add(len(p.Payload), now)
		if w, h := keyFrameSize(t.spec.Codec, p.Payload); w > 0 {
			t.SetLayer(i, LayerInfo{Width: w, Height: h})
		}
	}
	t.pass(i, packets[from:], now)
}

// pass hands packets to those who are shown the track.
func (t *Track) pass(i int, packets []*Packet, now time.Time) {
	if len(packets) == 0 {
		return
	}
	t.layers[i].last.Store(now.UnixNano())
	if t.past != nil {
		t.past.mu.Lock()
		defer t.past.mu.Unlock()
		for _, p := range packets {
			t.past.keep(t.spec.Codec, p)
		}
	}
	for _, v := range *t.views.Load() {
		v.packets(t, i, packets, now)
	}
}

// RequestKeyFrame asks the sender for a key frame of a layer; wishes of many
// viewers are merged.
func (t *Track) RequestKeyFrame(i int) {
	now := time.Now().UnixNano()
	last := t.layers[i].asked.Load()
	if now-last < int64(keyFramePause) || !t.layers[i].asked.CompareAndSwap(last, now) {
		return
	}
	t.room.rooms.count.keyFrames.Add(1)
	if t.spec.KeyFrame != nil {
		t.spec.KeyFrame(i)
	}
}

// alive reports whether packets of a layer come, or would if it were wanted.
func (t *Track) alive(i int, now time.Time) bool {
	return t.owner == nil || now.UnixNano()-t.layers[i].last.Load() < int64(layerSilence)
}

// layerSilence is how long a layer without a packet counts as being sent. A
// browser stops layers that it has no bandwidth for.
const layerSilence = 2 * time.Second

// wanted reports whether somebody is shown a layer, or waits for it.
func (t *Track) wanted(i int) bool {
	return slices.ContainsFunc(*t.views.Load(), func(w *Window) bool { return w.wants(t, i) })
}

// Bitrate returns the bits per second that a layer has been sent with lately.
func (t *Track) Bitrate(i int) int { return int(t.layers[i].rate.bps.Load()) }

// Close takes the picture out of the room. Closing twice is harmless.
func (t *Track) Close() {
	m := t.room
	m.mu.Lock()
	if m.tracks[t.ID] == t {
		delete(m.tracks, t.ID)
		m.tellAll(Event{EventUntrack, Untrack{ID: t.ID}})
	}
	m.mu.Unlock()
	t.shut()
}

// Over reports whether the picture is out of the room.
func (t *Track) Over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over
}

// shut ends the track for its viewers.
func (t *Track) shut() {
	t.mu.Lock()
	t.over = true
	t.views.Store(&[]*Window{})
	t.mu.Unlock()
}

func (t *Track) attach(v *Window) bool {
	if t.past != nil {
		t.past.mu.Lock()
		defer t.past.mu.Unlock()
		now := time.Now()
		v.packets(t, 0, t.past.replay(), now)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	all := append(slices.Clone(*t.views.Load()), v)
	t.views.Store(&all)
	return true
}

// again hands v what was kept of the track, as if it were shown the track from now
// on. It reports whether there is any.
func (t *Track) again(v *Window) bool {
	if t.past == nil {
		return false
	}
	t.past.mu.Lock()
	defer t.past.mu.Unlock()
	packets := t.past.replay()
	if len(packets) == 0 {
		return false
	}
	v.beginAnew(t, 0)
	v.packets(t, 0, packets, time.Now())
	return true
}

func (t *Track) detach(v *Window) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*t.views.Load()), func(o *Window) bool { return o == v })
	t.views.Store(&all)
}

// Track returns the picture of the room with that id that p may see.
func (p *Participant) Track(id string) (*Track, error) {
	m := p.Room()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.people[p.ID] != p || p.waiting {
		return nil, ErrGone
	}
	t := m.tracks[id]
	if t == nil {
		return nil, ErrNotFound
	}
	return t, nil
}

// dropTracks takes p's pictures out of the room.
func (m *Room) dropTracks(p *Participant) {
	m.mu.Lock()
	var own []*Track
	for _, t := range m.tracks {
		if t.owner == p {
			own = append(own, t)
		}
	}
	m.mu.Unlock()
	for _, t := range own {
		t.Close()
	}
}
