// Package compositor makes one picture of many: it decodes the videos of a
// room, puts them into tiles with names, and encodes the result once for all
// who watch the same size in the same codec.
//
// The codecs are C, so they run in a child process of the same executable, one
// for each room: a bitstream that they trip over costs that room a second of
// picture and nothing else. The child has no files and no network, and ends
// with its parent. It runs only while there is an output, and decodes only
// what some output shows.
package compositor

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"muster/internal/run"
	"muster/media/mcu/layout"
)

// ErrUnavailable says that this program was built without the codecs.
var ErrUnavailable = errors.New(
	"this program was built without the video codecs: build it with C and the tag codecs, as make build does")

// Codecs that are decoded and encoded, named as in SDP.
const (
	H264 = "H264"
	VP8  = "VP8"
)

// Deps are what a Compositor needs from outside.
type Deps struct {
	Log *slog.Logger // carries part and room
	// Command returns a command that runs this executable so that it calls
	// Child. The Compositor adds a file and sees to its life.
	Command func() *exec.Cmd
}

// Scene is what a picture shows: tiles, later ones over earlier ones.
type Scene struct {
	// Width and Height are the units of the tiles. Outputs of another size
	// stretch them to it, so they should have its shape.
	Width, Height int
	Background    uint32 // 0xRRGGBB
	Recording     bool   // shows that the room is being recorded
	Tiles         []Tile // at most MaxTiles
}

// Tile is one participant in a Scene.
type Tile struct {
	Input    string // of Compositor.Input; none, or one without a picture, shows a card
	Rect     layout.Rect
	Contain  bool   // show the whole picture between bars, instead of cutting its edges
	Name     string // written into the tile; none if empty
	Note     string // on the card below the name, such as why there is no picture
	Muted    bool
	Speaking bool
}

// Limits of what one Compositor takes.
const (
	MaxTiles   = layout.MaxTiles
	MaxInputs  = 64
	MaxScenes  = 32
	MaxOutputs = 32 // different ones; any number may share one
)

var (
	// ErrLimit says that there are as many inputs, scenes or outputs as there
	// may be.
	ErrLimit = errors.New("compositor: too many of them")
	// ErrConfig says that a scene or an output is not possible.
	ErrConfig = errors.New("compositor: not a possible scene or output")
)

// idle is how long the child stays when nobody watches any more.
const idle = 10 * time.Second

// Compositor composes the pictures of one room. Its methods may be called from
// anywhere; none of them waits for the child.
type Compositor struct {
	log     *slog.Logger
	command func() *exec.Cmd
	started time.Time // where the time of frames counts from
	idle    time.Duration

	mu      sync.Mutex // guards all below, and the state of inputs and outputs
	inputs  map[string]*Input
	scenes  map[string]Scene
	encodes map[OutputConfig]*encode
	lastID  uint32        // of inputs and encodes
	wake    chan struct{} // holds one if Run should look again
	asks    chan struct{} // holds one if an input needs a key frame
	stats   Stats

	// What goes to the child next; nil while there is none. Drop rule: when it
	// holds queueBytes, or the oldest of it has waited for queueAge, frames of
	// inputs are dropped, and their input waits for a key frame. Changes of
	// state are few and small and never dropped.
	up      bool
	pending []byte
	since   time.Time // when pending got its first byte
	more    chan struct{}
	suspect uint32 // input that the child decodes
}

const (
	queueBytes = 4 << 20
	queueAge   = 400 * time.Millisecond
)

// Stats tells how a Compositor does.
type Stats struct {
	Restarts int     // of the child, after it crashed
	Dropped  int64   // frames of inputs that the child was too slow for
	Running  bool    // the child runs
	FPS      int     // pictures per second that it composes at most at present
	Busy     float64 // part of the last second that it worked
	Decoded  int64   // frames, since the child started
	Failed   int64   // frames that did not decode, likewise
	Encoded  int64   // frames, likewise
}

// New returns a Compositor, or what Available says.
func New(deps Deps) (*Compositor, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	return &Compositor{
		log: deps.Log, command: deps.Command, started: time.Now(), idle: idle,
		inputs:  make(map[string]*Input),
		scenes:  make(map[string]Scene),
		encodes: make(map[OutputConfig]*encode),
		wake:    make(chan struct{}, 1),
		asks:    make(chan struct{}, 1),
		more:    make(chan struct{}, 1),
	}, nil
}

// Stats returns how the Compositor does.
func (c *Compositor) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// SetScene sets what the outputs with this name of a scene show.
func (c *Compositor) SetScene(name string, s Scene) error {
	if s.Width < 16 || s.Height < 16 || s.Width > maxWidth || s.Height > maxHeight || len(s.Tiles) > MaxTiles {
		return ErrConfig
	}
	for _, t := range s.Tiles {
		r := t.Rect
		if r.X < 0 || r.Y < 0 || r.W < 2 || r.H < 2 || r.X+r.W > s.Width || r.Y+r.H > s.Height {
			return ErrConfig
		}
	}
	s.Tiles = append([]Tile(nil), s.Tiles...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.scenes[name]; !known && len(c.scenes) >= MaxScenes {
		return ErrLimit
	}
	c.scenes[name] = s
	c.changed()
	return nil
}

// DropScene forgets a scene. Outputs that show it show nothing until it is set
// again.
func (c *Compositor) DropScene(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.scenes, name)
	c.changed()
}

// changed finds out what has to be decoded now, asks for the key frames of
// what is new, and tells the child. c.mu is held.
func (c *Compositor) changed() {
	visible := make(map[string]bool)
	for cfg := range c.encodes {
		for _, t := range c.scenes[cfg.Scene].Tiles {
			visible[t.Input] = true
		}
	}
	for id, in := range c.inputs {
		if in.visible != visible[id] {
			in.visible = visible[id]
			in.waiting = true
			if in.visible && c.up {
				in.ask(time.Now())
			}
		}
	}
	if c.up {
		c.sendState()
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// sendState queues all that the child has to know. c.mu is held.
func (c *Compositor) sendState() {
	st := state{Epoch: time.Since(c.started), Scenes: make(map[string]sceneState)}
	for _, in := range c.inputs {
		if in.visible && in.problem == "" {
			st.Inputs = append(st.Inputs, inputState{in.number, in.codec})
		}
	}
	for cfg, e := range c.encodes {
		st.Outputs = append(st.Outputs, outputState{e.number, cfg})
	}
	for name, s := range c.scenes {
		shown := sceneState{Scene: s}
		for _, t := range s.Tiles {
			number := uint32(0)
			if in := c.inputs[t.Input]; in != nil {
				number = in.number
				if in.problem != "" {
					t.Note = in.problem
				}
			}
			shown.Inputs = append(shown.Inputs, number)
			shown.Notes = append(shown.Notes, t.Note)
		}
		st.Scenes[name] = shown
	}
	c.queue(appendJSON(c.pending, msgState, st))
}

// queue takes pending with a message behind it. c.mu is held.
func (c *Compositor) queue(pending []byte) {
	if len(c.pending) == 0 {
		c.since = time.Now()
	}
	c.pending = pending
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// Run keeps the child alive while there is an output, until ctx ends.
func (c *Compositor) Run(ctx context.Context) error {
	const shortLife = 10 * time.Second
	group := run.NewGroup(ctx, c.log, "compositor")
	group.Go(c.askForKeys)
	defer group.Wait()
	wait := time.Duration(0)
	for {
		if !c.awaitOutput(ctx) {
			return nil
		}
		began := time.Now()
		err := c.serve(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			wait = 0
			continue
		}
		c.crashed(err)
		if time.Since(began) > shortLife {
			wait = 0
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait+250*time.Millisecond, 10*time.Second)
	}
}

// awaitOutput returns false if ctx ended before there was an output.
func (c *Compositor) awaitOutput(ctx context.Context) bool {
	for ctx.Err() == nil {
		c.mu.Lock()
		n := len(c.encodes)
		c.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
		}
	}
	return false
}

// crashed counts the end of a child, and holds it against the input that it
// was decoding.
func (c *Compositor) crashed(err error) {
	c.log.Warn("the compositor ended and is started again", "err", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Restarts++
	for _, in := range c.inputs {
		if in.number != c.suspect {
			continue
		}
		if in.strike(time.Now()) {
			c.log.Warn("an input is no longer decoded, since the compositor ended over it again and again", "input", in.id)
		}
	}
}
