package mcu

import (
	"sync"
	"time"

	"muster/media/codec"
)

// Place says what one of a receiver's places is to show, and how large it is on
// its screen.
type Place struct {
	Mid    string `json:"mid"`   // media section of the receiver's offer
	Track  string `json:"track"` // id
	Width  int    `json:"width"` // pixels
	Height int    `json:"height"`
}

// Outgoing is a packet as one receiver gets it: numbered without a break,
// whatever track and layer it comes from.
type Outgoing struct {
	Codec     codec.ID
	Seq       uint16
	Timestamp uint32 // 90 kHz
	Marker    bool
	Payload   []byte // shared; never written to
	VP8       *VP8   // picture numbers to put into the payload descriptor; nil: none
}

// Window is one place in which a receiver sees one track at a time, in the layer
// that fits its size and the receiver's bandwidth. It makes one RTP stream out
// of whatever is shown: decoders see no seam but a key frame.
type Window struct {
	send func([]Outgoing) // called with mu held

	mu      sync.Mutex // guards what follows
	track   *Track     // nil: dark
	want    int        // layer that is wished for
	current int        // layer that is sent; -1: none yet
	first   bound      // of the layer that is sent
	seqOff  uint16     // added to the layer's
	tsOff   uint32
	vp8     vp8Numbers
	last    struct { // of what was sent
		seq uint16
		ts  uint32
		at  time.Time
	}
	out []Outgoing // of the call under way
}

// NewWindow returns a dark window. send is called with the packets that go out
// together, one call at a time. It must neither block nor call the window, and
// not keep the slice.
func NewWindow(send func([]Outgoing)) *Window { return &Window{send: send, current: -1} }

// Show makes the window show a layer of t, or nothing if t is nil. What was
// shown stays until the first key frame of the new. It reports whether the track
// is still there.
func (w *Window) Show(t *Track, layer int) bool {
	w.mu.Lock()
	old := w.track
	same := old == t
	if same && w.want == layer {
		w.mu.Unlock()
		return true
	}
	w.want = layer
	if !same {
		w.track, w.current = t, -1
	}
	w.mu.Unlock()
	if !same {
		if old != nil {
			old.detach(w)
		}
		if t != nil && !t.attach(w) {
			return false
		}
	}
	if t != nil {
		t.RequestKeyFrame(layer)
	}
	return true
}

// Shown returns the track the window shows, nil for none, and the layer that is
// sent, -1 while a key frame is awaited.
func (w *Window) Shown() (t *Track, layer int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.track, w.current
}

// wants reports whether the window shows a layer of t, or waits for it.
func (w *Window) wants(t *Track, layer int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.track == t && (w.want == layer || w.current == layer)
}

// RequestKeyFrame asks for a key frame of what is shown.
func (w *Window) RequestKeyFrame() {
	w.mu.Lock()
	t, l := w.track, w.current
	if l < 0 {
		l = w.want
	}
	w.mu.Unlock()
	if t != nil {
		t.RequestKeyFrame(l)
	}
}

// Begin shows the track again from its last key frame on, where the room keeps what
// came since; false where it does not.
func (w *Window) Begin() bool {
	w.mu.Lock()
	t := w.track
	w.mu.Unlock()
	return t != nil && t.again(w)
}

// packets is called by the track's writers.
func (w *Window) packets(t *Track, layer int, ps []*Packet, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.track != t {
		return
	}
	for _, p := range ps {
		w.packet(t, layer, p, now)
	}
	if len(w.out) > 0 {
		w.send(w.out)
		clear(w.out) // holds no media until the next
		w.out = w.out[:0]
	}
}

// packet takes one packet of the track that is shown. mu is held.
func (w *Window) packet(t *Track, layer int, p *Packet, now time.Time) {
	if layer != w.current {
		if layer != w.want && w.current >= 0 || !startsKeyFrame(t.spec.Codec, p.Payload) {
			if layer == w.want {
				t.RequestKeyFrame(layer)
			}
			return
		}
		w.switchTo(t, layer, p, now)
	}
	if w.first.below(p.Seq) {
		return // from before the switch: the receiver has no place for it
	}
	out := Outgoing{Codec: t.spec.Codec, Seq: p.Seq + w.seqOff, Timestamp: p.Timestamp + w.tsOff, Marker: p.Marker, Payload: p.Payload}
	if t.spec.Codec == codec.VP8 {
		out.VP8 = w.vp8.next(p.Payload)
	}
	if w.last.at.IsZero() || int16(out.Seq-w.last.seq) > 0 {
		w.last.seq, w.last.ts, w.last.at = out.Seq, out.Timestamp, now
	}
	w.out = append(w.out, out)
}

// beginAnew is called when the sender of a layer counts differently from now on:
// what is shown stays until its next key frame.
func (w *Window) beginAnew(t *Track, layer int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.track == t && w.current == layer {
		w.current = -1
	}
}

// switchTo makes layer the one that is sent, from the key frame in p on.
func (w *Window) switchTo(t *Track, layer int, p *Packet, now time.Time) {
	w.current, w.first = layer, bound(p.Seq)
	if w.last.at.IsZero() {
		w.seqOff, w.tsOff = 0, 0
		w.vp8.begin(p.Payload)
		return
	}
	gone := uint32(max(now.Sub(w.last.at)*videoClock/time.Second, 1))
	w.seqOff = w.last.seq + 1 - p.Seq
	w.tsOff = w.last.ts + gone - p.Timestamp
	if t.spec.Codec == codec.VP8 {
		w.vp8.begin(p.Payload)
	}
}

const videoClock = 90000

// FitLayer returns the layer of t for a place of that size in pixels, and at
// most bps bits per second (0: no limit): the smallest that fills it, and
// smaller ones where that one is not sent or costs too much.
func (t *Track) FitLayer(width, height, bps int, now time.Time) int {
	best, found := 0, false
	for i, l := range t.layers {
		size := l.size.Load()
		if !t.alive(i, now) {
			continue
		}
		if found && bps > 0 && t.Bitrate(i) > bps {
			break
		}
		best, found = i, true
		if size.Width >= width && size.Height >= height && size.Width > 0 {
			break
		}
	}
	return best
}
