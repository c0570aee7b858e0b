package mcu

import (
	"context"
	"maps"
	"sync"
	"time"

	"muster/internal/run"
	"muster/media/codec"
	"muster/media/mcu/compositor"
)

// pictures makes the one picture of a room for those who can take no more. One
// goroutine decides what each of them is shown, and runs only while somebody
// watches; the compositor decodes only what some of them see.
type pictures struct {
	room  *Room
	began time.Time              // where the time of frames counts from
	comp  *compositor.Compositor // nil: this program has no video codecs
	track *Track                 // the composite for browsers; nil without comp
	wake  chan struct{}          // holds one when something may have changed
	done  chan struct{}          // closed when the room is over

	mu      sync.Mutex // guards what follows
	views   map[*Picture]struct{}
	layers  []*Picture // of track; nil while nobody wants one
	running bool
	stopped bool

	// Owned by the goroutine.
	directed map[*Picture]struct{} // views that it has shown something
	inputs   map[*Track]*input
	scenes   map[string]compositor.Scene // as the compositor knows them
}

// input is a video that is decoded for the composite.
type input struct {
	window *Window
	in     *compositor.Input
}

// How the goroutine of the pictures keeps time.
const (
	planEvery = 100 * time.Millisecond // at most
	planAgain = time.Second            // sizes and bandwidths change without a word
	planIdle  = 5 * time.Second        // stays without a viewer, who may be back at once
)

// maxViews bounds the pictures of one room that are watched at a time.
const maxViews = 1000

func newPictures(m *Room) *pictures {
	s := &pictures{
		room: m, began: time.Now(), wake: make(chan struct{}, 1), done: make(chan struct{}),
		views: make(map[*Picture]struct{}), directed: make(map[*Picture]struct{}),
		inputs: make(map[*Track]*input), scenes: make(map[string]compositor.Scene),
	}
	if command := m.rooms.deps.Compositor; command != nil {
		s.comp, _ = compositor.New(compositor.Deps{Log: m.log, Command: command}) // nil where there are no codecs
	}
	if s.comp != nil {
		s.newTrack()
	}
	return s
}

// newTrack offers the composite to browsers, in two sizes.
func (s *pictures) newTrack() {
	var layers []LayerInfo
	for _, z := range []pictureSize{pictureSizes[1], pictureSizes[0]} {
		layers = append(layers, LayerInfo{Width: z.width, Height: z.height})
	}
	s.track = newTrack(s.room, nil, TrackSpec{Source: Composite, Codec: codec.H264, Layers: layers, KeyFrame: s.asked})
	s.layers = make([]*Picture, len(layers))
}

// asked is called when a browser wants a key frame of the composite: often the
// first sign that one watches. It may be called with a window's lock held.
func (s *pictures) asked(layer int) {
	s.start()
	s.mu.Lock()
	v := s.layers[layer]
	s.mu.Unlock()
	if v != nil {
		v.RequestKeyFrame()
	}
}

// open adds a picture. p may be nil.
func (s *pictures) open(p *Participant, spec PictureSpec, send func(Frame)) (*Picture, error) {
	v := &Picture{all: s, p: p, spec: spec, send: send, size: spec.fit(s.room.rooms.cfg.Composite.Bitrate)}
	if spec.Codec != codec.H264 && spec.Codec != codec.VP8 || v.size == nil {
		return nil, ErrPictures
	}
	s.mu.Lock()
	if s.stopped || len(s.views) >= maxViews {
		s.mu.Unlock()
		return nil, ErrTracks
	}
	s.views[v] = struct{}{}
	s.mu.Unlock()
	s.start()
	return v, nil
}

// close takes v off; the goroutine frees what it is shown.
func (s *pictures) close(v *Picture) {
	s.mu.Lock()
	delete(s.views, v)
	s.mu.Unlock()
	s.changed()
}

// closeAll ends the pictures that p watches.
func (s *pictures) closeAll(p *Participant) {
	s.mu.Lock()
	var own []*Picture
	for v := range s.views {
		if v.p == p {
			own = append(own, v)
		}
	}
	s.mu.Unlock()
	for _, v := range own {
		v.Close()
	}
}

// changed makes the goroutine look at the room again. It may be called with any
// lock held.
func (s *pictures) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// start starts the goroutine if it does not run, and makes it look.
func (s *pictures) start() {
	s.changed()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.stopped {
		return
	}
	if group := s.room.rooms.goroutines(); group != nil {
		s.running = group.Go(s.run)
	}
}

// stop ends all pictures for good.
func (s *pictures) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.done)
	}
}

// run shows everybody what they are to see until nobody watches.
func (s *pictures) run(ctx context.Context) {
	defer s.ended()
	ctx, cancel := context.WithCancel(ctx)
	group := run.NewGroup(ctx, s.room.log, part)
	defer group.Wait()
	defer cancel()
	if s.comp != nil {
		group.Go(func(ctx context.Context) { _ = s.comp.Run(ctx) }) // it ends with ctx only
	}
	tick := time.NewTicker(planAgain)
	defer tick.Stop()
	watched := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			return
		case <-s.wake:
		case <-tick.C:
		}
		if s.plan() {
			watched = time.Now()
		} else if time.Since(watched) > planIdle {
			return
		}
		select {
		case <-time.After(planEvery):
		case <-ctx.Done():
		case <-s.done:
		}
	}
}

// ended frees what the goroutine has; a viewer who came meanwhile starts it
// again.
func (s *pictures) ended() {
	for v := range s.directed {
		v.dark()
	}
	clear(s.directed)
	s.settle(newPlan(cast{}))
	s.mu.Lock()
	if s.stopped || s.room.rooms.goroutines() == nil {
		clear(s.views)
	}
	s.running = false
	again := len(s.views) > 0
	s.mu.Unlock()
	if again {
		s.start()
	}
}

// plan shows everybody what they are to see now. It returns whether somebody
// watches.
func (s *pictures) plan() bool {
	s.serveTrack()
	s.mu.Lock()
	views := maps.Clone(s.views)
	s.mu.Unlock()
	pl := newPlan(s.room.cast())
	for v := range views {
		s.direct(v, pl)
	}
	for v := range s.directed {
		if _, still := views[v]; !still {
			v.dark()
		}
	}
	s.directed = views
	s.settle(pl)
	return len(views) > 0
}

// serveTrack opens and closes the pictures behind the layers of the composite
// for browsers.
func (s *pictures) serveTrack() {
	if s.track == nil {
		return
	}
	for i, l := range s.track.spec.Layers {
		wanted := s.track.wanted(i)
		s.mu.Lock()
		v := s.layers[i]
		s.mu.Unlock()
		if wanted == (v != nil) {
			continue
		}
		if !wanted {
			v.Close()
			v = nil
		} else if v = s.openLayer(i, l); v == nil {
			continue
		}
		s.mu.Lock()
		s.layers[i] = v
		s.mu.Unlock()
	}
}

// openLayer returns a picture that is written to a layer of the composite for
// browsers, nil where there are too many.
func (s *pictures) openLayer(i int, l LayerInfo) *Picture {
	w, err := NewFrameWriter(s.track.spec.Codec)
	if err != nil {
		s.room.log.Error("the composite has no RTP form", "error", err)
		return nil
	}
	v, err := s.open(nil, PictureSpec{Codec: s.track.spec.Codec, Width: l.Width, Height: l.Height}, func(f Frame) {
		w.Write(s.track, i, f.AU, f.PTS)
	})
	if err != nil {
		return nil
	}
	return v
}
