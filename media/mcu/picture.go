package mcu

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"muster/media/codec"
	"muster/media/mcu/compositor"
)

// PictureSpec says which picture somebody can take.
type PictureSpec struct {
	Codec         codec.ID // H264 or VP8
	Width, Height int      // at most, pixels
	Bitrate       int      // at most, bits per second; 0: any
	MaxUnit       int      // H264: the largest NAL unit in bytes; 0: any
	HighProfile   bool     // H264: decodes more than the baseline profile
	composed      bool     // only the composite will do
}

// ErrPictures: the room has no picture for this receiver.
var ErrPictures = errors.New("the room makes no picture that this receiver can take")

// Picture is the one picture of a room, for somebody who can take no more. While
// there is just one video to be seen, which the receiver can decode, it is that
// video as it comes; else it is the composite.
type Picture struct {
	all  *pictures
	p    *Participant // whose own video need not be shown; nil: nobody's
	spec PictureSpec
	size *pictureSize
	send func(Frame)
	ask  atomic.Pointer[func()] // asks for a key frame of what is sent; takes no lock of windows or pictures

	mu     sync.Mutex // guards what follows; held while send runs
	closed bool
	source *source // what is sent now
	last   time.Duration

	// Owned by the goroutine of the room's pictures.
	window *Window // forwards a video; nil: it does not
	shown  *Track  // that it forwards
	out    *compositor.Output
	scene  string // that out shows
}

// source is something that a Picture sends, from its first key frame on.
type source struct {
	began  bool
	broken bool          // until the next key frame
	shift  time.Duration // from its clock to that of the room's pictures
}

// pictureSize is a size in which composites are made: a few, so that many share
// one encoder.
type pictureSize struct {
	width, height int
	share         float64 // of the bitrate that the largest has
}

// pictureSizes are all of the shape of a scene, largest first.
var pictureSizes = []pictureSize{{1280, 720, 1}, {640, 360, 0.4}, {320, 180, 0.15}}

// fit returns the largest size that fits a receiver, nil for none.
func (s PictureSpec) fit(bitrate int) *pictureSize {
	for i := range pictureSizes {
		z := &pictureSizes[i]
		if z.width <= s.Width && z.height <= s.Height && (s.Bitrate == 0 || z.share*float64(bitrate) <= float64(s.Bitrate)) {
			return z
		}
	}
	return nil
}

// Watch gives the participant the room's picture. send is called with every
// frame, one at a time; it must not block, and its first frame is a key frame.
// The error is ErrGone, ErrTracks or ErrPictures. The owner calls Close.
func (p *Participant) Watch(spec PictureSpec, send func(Frame)) (*Picture, error) {
	m := p.Room()
	m.mu.Lock()
	in := m.people[p.ID] == p && !p.waiting
	m.mu.Unlock()
	if !in {
		return nil, ErrGone
	}
	return m.pictures.open(p, spec, send)
}

// RequestKeyFrame asks for a picture that can be decoded by itself. It does not
// block.
func (v *Picture) RequestKeyFrame() {
	if ask := v.ask.Load(); ask != nil {
		(*ask)()
	}
}

// Close ends the picture; send is not called any more once it returns. Closing
// twice is harmless.
func (v *Picture) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.all.close(v)
}

// use makes s what is sent, and ask how a key frame of it is had.
func (v *Picture) use(s *source, ask func()) {
	v.mu.Lock()
	v.source = s
	v.mu.Unlock()
	v.ask.Store(nil)
	if ask != nil {
		v.ask.Store(&ask)
	}
}

// frame passes a frame of s on.
func (v *Picture) frame(s *source, f Frame) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed || v.source != s, (!s.began || s.broken) && !f.Key:
		return
	case !s.began:
		s.began, s.shift = true, time.Since(v.all.began)-f.PTS
	}
	s.broken = false
	f.PTS = max(f.PTS+s.shift, v.last+time.Millisecond)
	v.last = f.PTS
	v.send(f)
}

// lose says that a frame of s is missing.
func (v *Picture) lose(s *source) {
	v.mu.Lock()
	s.broken = true
	v.mu.Unlock()
}

// takes returns the layer of t in which the receiver can decode it as it is;
// -1 for none.
func (v *Picture) takes(t *Track) int {
	if v.spec.composed || t.spec.Codec != v.spec.Codec || v.spec.MaxUnit != 0 || t.spec.HighProfile && !v.spec.HighProfile {
		return -1
	}
	now := time.Now()
	for i := len(t.layers) - 1; i >= 0; i-- {
		z := t.layers[i].size.Load()
		large := max(z.Width, z.Height) > max(v.spec.Width, v.spec.Height) || min(z.Width, z.Height) > max(v.spec.Height, v.spec.Width*9/16)
		if t.alive(i, now) && !large && (v.spec.Bitrate == 0 || t.Bitrate(i) <= v.spec.Bitrate*2) {
			return i
		}
	}
	return -1
}

// forward sends a layer of t as it comes.
func (v *Picture) forward(t *Track, layer int) {
	if v.window == nil || v.shown != t {
		s := &source{}
		ask := func() { t.RequestKeyFrame(layer) }
		f := &frames{emit: func(f Frame) { v.frame(s, f) }, lost: func() {
			v.lose(s)
			ask()
		}}
		old := v.window
		v.use(s, ask)
		v.window, v.shown = NewWindow(f.packets), t
		if old != nil {
			old.Show(nil, 0)
		}
	}
	v.window.Show(t, layer)
	v.uncompose()
}

// compose sends the composite of a scene.
func (v *Picture) compose(scene string) {
	if v.out != nil && v.scene == scene {
		return
	}
	s := &source{}
	old := v.out
	cfg := v.all.room.rooms.cfg.Composite
	v.use(s, nil)
	out, err := v.all.comp.Output(compositor.OutputConfig{
		Scene: scene, Codec: string(v.spec.Codec), Width: v.size.width, Height: v.size.height,
		FPS: cfg.FrameRate, Bitrate: int(v.size.share * float64(cfg.Bitrate)), MaxUnit: v.spec.MaxUnit,
	}, func(f compositor.Frame) { v.frame(s, Frame(f)) })
	if err != nil {
		v.all.room.log.Warn("a picture is not composed", "error", err)
		out, scene = nil, ""
	} else {
		v.use(s, out.RequestKeyFrame)
	}
	v.out, v.scene = out, scene
	if old != nil {
		old.Close()
	}
	v.unforward()
}

// own reports whether t is v's own receiver, or what that shows.
func (v *Picture) own(t tile) bool { return t.person == v.p.ID }

func (v *Picture) uncompose() {
	if v.out != nil {
		v.out.Close()
		v.out, v.scene = nil, ""
	}
}

func (v *Picture) unforward() {
	if v.window != nil {
		v.window.Show(nil, 0)
		v.window, v.shown = nil, nil
	}
}

// dark sends nothing.
func (v *Picture) dark() {
	v.unforward()
	v.uncompose()
}
