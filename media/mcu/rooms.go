package mcu

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/internal/store"
	"muster/media"
	"muster/media/codec"
)

// part names this package in logs.
const part = "rooms"

// The facts of rooms on the bus; the Data of each is a Fact.
const (
	FactOpened = "room.opened" // the first participant is in
	FactClosed = "room.closed" // the last has left
	FactJoined = "room.joined"
	FactLeft   = "room.left"
	FactChange = "room.changed" // made, changed or removed
)

// Fact is what the bus is told of a room.
type Fact struct {
	Room        string `json:"room"`
	Participant string `json:"participant,omitempty"` // id
	Name        string `json:"name,omitempty"`
	Kind        Kind   `json:"kind,omitempty"`
	Present     int    `json:"present"`
}

// Deps are the other parts that rooms work with.
type Deps struct {
	DB       *store.DB
	Router   *media.Router
	Sessions *auth.Sessions
	Bus      *bus.Bus
	Log      *slog.Logger

	// Compositor returns a command that runs this executable so that it calls
	// compositor.Child; nil: no pictures are composed.
	Compositor func() *exec.Cmd
	// Recorder records the rooms' streams; nil: nothing does.
	Recorder Recorder
	// Bridge carries rooms to other voice servers; nil: nothing does.
	Bridge Bridge
}

// Recorder records streams.
type Recorder interface {
	// Switch begins or ends the recording of a live stream. by is who wants it.
	Switch(s *media.Stream, on bool, by string) error
	// Recorded reports whether a stream is recorded, or about to be.
	Recorded(s *media.Stream) bool
}

// Stats are counts since the start, except for the gauges.
type Stats struct {
	Rooms, Participants int64 // gauges: rooms with somebody in, and all who are
	Joined              int64
	Refused             int64 // who were not let in
	Concealed           int64 // gaps of sound that were filled
	Late                int64 // packets of sound that came too late to be heard
	Mixed               int64 // frames of 20 ms that were mixed
	Encoded             int64 // frames of sound that were encoded
	Overruns            int64 // mixes that were not done in time and left out
	KeyFrameRequests    int64
}

type counters struct {
	rooms, participants, joined, refused, concealed, late, mixed, encoded, overruns, keyFrames atomic.Int64
}

// Rooms is every room of the server.
type Rooms struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	pins  *limit.Failures
	count counters

	changes sync.Mutex // one change of what is stored at a time; taken first

	probe    sync.Mutex    // guards what follows; held while the compositor makes its first picture
	composed *codec.Format // of composites for streams; nil until it is known

	mu      sync.Mutex // guards what follows; taken before a Room's mu
	group   *run.Group
	known   map[string]*Settings // by name; replaced, never changed in place
	live    map[string]*Room     // by name; rooms with somebody in
	lingers map[string]time.Time // rooms that go when nobody comes, and when
	merging map[string]time.Time // rooms whose breakout rooms are being closed, and when
	paused  map[string]*remains  // what is kept of rooms that everybody left for breakout rooms

	alarmed atomic.Pointer[map[string]bool] // users in an emergency, as SetAlarmed said; replaced, never changed

	passes  passes
	stirred stirred
}

// New returns the rooms that the database knows. cfg must be valid.
func New(ctx context.Context, cfg Config, deps Deps) (*Rooms, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("rooms: %w", err)
	}
	r := &Rooms{
		cfg: cfg, deps: deps, log: deps.Log.With("part", part),
		pins:  limit.NewFailures(limit.DefaultFailures(), time.Now),
		known: make(map[string]*Settings), live: make(map[string]*Room), lingers: make(map[string]time.Time),
		merging: make(map[string]time.Time), paused: make(map[string]*remains),
	}
	if err := r.load(ctx); err != nil {
		return nil, fmt.Errorf("rooms: %w", err)
	}
	return r, nil
}

// Stats returns the counters.
func (r *Rooms) Stats() Stats {
	c := &r.count
	return Stats{
		Rooms: c.rooms.Load(), Participants: c.participants.Load(), Joined: c.joined.Load(), Refused: c.refused.Load(),
		Concealed: c.concealed.Load(), Late: c.late.Load(), Mixed: c.mixed.Load(), Encoded: c.encoded.Load(),
		Overruns: c.overruns.Load(), KeyFrameRequests: c.keyFrames.Load(),
	}
}

// Slots returns how many voices are heard at one time.
func (r *Rooms) Slots() int { return r.cfg.Speakers }

// Run keeps the rooms until ctx ends; then everybody is shown out.
func (r *Rooms) Run(ctx context.Context) error {
	group := run.NewGroup(ctx, r.log, part)
	r.mu.Lock()
	r.group = group
	r.mu.Unlock()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			r.refresh()
			r.sweep(ctx, now)
			continue
		case <-ctx.Done():
		}
		break
	}
	r.mu.Lock()
	r.group = nil // nobody enters any more
	r.mu.Unlock()
	for _, room := range r.LiveRooms() {
		room.close(errStopped)
	}
	group.Wait()
	return nil
}

// goroutines returns the group that rooms run their goroutines in, nil while
// they do not run.
func (r *Rooms) goroutines() *run.Group {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.group
}

// resource is what rights to a room are asked for.
func resource(s *Settings) auth.Resource { return auth.Room(s.Stream(), s.Groups) }

// Find returns the settings of the room called name if id may enter it, else
// ErrNotFound.
func (r *Rooms) Find(id auth.Identity, name string) (Settings, error) {
	s := r.get(name)
	if s == nil || auth.Allow(id, auth.Read, resource(s)) != nil {
		return Settings{}, ErrNotFound
	}
	return *s, nil
}

// Dial returns the room that a caller means by target: a room's number or name.
func (r *Rooms) Dial(target string) (Settings, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known[target]; s != nil {
		return *s, true
	}
	for _, s := range r.known {
		if s.Number != "" && s.Number == target {
			return *s, true
		}
	}
	return Settings{}, false
}

func (r *Rooms) get(name string) *Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[name]
}

// List returns the rooms that id may enter, by name.
func (r *Rooms) List(id auth.Identity) []Settings {
	r.mu.Lock()
	all := make([]*Settings, 0, len(r.known))
	for _, s := range r.known {
		all = append(all, s)
	}
	r.mu.Unlock()
	var out []Settings
	for _, s := range all {
		if auth.Allow(id, auth.Read, resource(s)) == nil {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b Settings) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	return out
}

// Live returns the room called name while somebody is in it, else nil.
func (r *Rooms) Live(name string) *Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live[name]
}

// HostOf reports whether id decides about the room s.
func HostOf(id auth.Identity, s *Settings) bool {
	if id.User == "" || id.IsGuest() || auth.Allow(id, auth.Read, resource(s)) != nil {
		return false
	}
	return id.IsAdmin() || id.User == s.Owner || slices.Contains(s.Hosts, id.User)
}

// Leg is a protocol server's side of one participant.
type Leg interface {
	// Notify tells the participant what happened; it must not block.
	Notify(Event)
	// End ends the leg for good; it must not block, and may be called more than
	// once.
	End(reason error)
}

// JoinRequest asks to enter a room.
type JoinRequest struct {
	Identity auth.Identity
	Room     string // name
	Name     string // what to call the participant; empty: the user
	Kind     Kind
	Via      string // voice server that carries what it says to those who came through it; empty: none
	Remote   netip.AddrPort
	Agent    string // what the client calls itself
	PIN      string // asked of guests and callers without an account
	Invited  bool   // came by an invitation, which stands for the PIN
	Pass     string // of a Move: Identity is then the one that it was given to
	Listen   bool   // hears and sees only, until Participant.Listen says otherwise
	Leg      Leg
}

// Join lets somebody in, or into the lobby. The leg is told EventState first.
// The errors are those of this package, or wrap auth.ErrDenied or a
// *limit.ExceededError for who guesses PINs.
func (r *Rooms) Join(req JoinRequest) (*Participant, error) {
	p, err := r.join(req)
	if err != nil {
		r.count.refused.Add(1)
		return nil, err
	}
	r.count.joined.Add(1)
	return p, nil
}

func (r *Rooms) join(req JoinRequest) (*Participant, error) {
	s := r.get(req.Room)
	var by pass
	if req.Pass != "" && s != nil {
		var ok bool
		if by, ok = r.passes.take(req.Pass, req.Room, req.Identity); !ok {
			return nil, ErrPass
		}
		if req.Identity.IsGuest() { // of this room from now on, and of no other
			req.Identity = auth.Guest(strings.TrimPrefix(by.user, "guest:"), s.Stream(), s.Groups)
		}
	}
	if s == nil || auth.Allow(req.Identity, auth.Read, resource(s)) != nil {
		return nil, ErrNotFound
	}
	host := HostOf(req.Identity, s)
	if err := s.open(time.Now()); err != nil && !host {
		return nil, err
	}
	if req.Identity.IsGuest() && !req.Invited && !by.doors {
		if err := r.checkPIN(s, req); err != nil {
			return nil, err
		}
	}
	p := newParticipant(r, s, req, host)
	p.takeUp(by)
	ses, err := r.deps.Sessions.Follow(req.Identity, auth.Read, resource(s),
		auth.SessionInfo{Protocol: "room/" + string(req.Kind), Remote: req.Remote, Agent: req.Agent}, p.end, p.changed)
	if err != nil {
		return nil, err
	}
	p.session = ses
	if err := r.enter(s, p); err != nil {
		ses.Close()
		return nil, err
	}
	return p, nil
}

// checkPIN asks guests for the PIN, and bounds how often one may guess. Without
// a PIN a room is open to its groups and to the invited only.
func (r *Rooms) checkPIN(s *Settings, req JoinRequest) error {
	switch {
	case s.PIN == "":
		return ErrNotFound
	case req.PIN == "":
		return ErrPIN
	}
	attempt, err := r.pins.Begin(s.Stream(), req.Remote.Addr())
	if err != nil {
		return err
	}
	time.Sleep(attempt.Delay)
	if subtle.ConstantTimeCompare([]byte(req.PIN), []byte(s.PIN)) != 1 {
		attempt.Failed()
		return ErrPIN
	}
	attempt.Succeeded()
	return nil
}

// enter puts p into its room, which it opens if nobody is there.
func (r *Rooms) enter(s *Settings, p *Participant) error {
	for {
		r.mu.Lock()
		if r.group == nil {
			r.mu.Unlock()
			return errStopped
		}
		if r.known[s.Name.String()] == nil {
			r.mu.Unlock()
			return ErrNotFound
		}
		room := r.live[s.Name.String()]
		opened := room == nil
		if opened {
			room = newRoom(r, r.known[s.Name.String()])
			room.takeUp(r.paused[room.name])
			room.family = r.family(s.root()).seenFrom(room.name)
			delete(r.paused, room.name)
			r.live[s.Name.String()] = room
			delete(r.lingers, s.Name.String())
			r.count.rooms.Add(1)
		}
		r.mu.Unlock()
		if opened {
			room.tellBus(FactOpened)
			room.stream.start()
		}
		err := room.enter(p)
		if errors.Is(err, errEmptied) { // the last one has just left and the room is going
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			room.release()
		}
		return err
	}
}

// closed takes a room that nobody is in off the list.
func (r *Rooms) closed(room *Room) {
	name := room.name
	r.mu.Lock()
	was := r.live[name] == room
	if was {
		delete(r.live, name)
		if s := r.known[name]; s != nil && !s.Permanent {
			r.lingers[name] = time.Now().Add(r.cfg.Linger)
		}
		if r.split(name) {
			r.paused[name] = room.leaveBehind()
		}
		r.count.rooms.Add(-1)
	}
	r.mu.Unlock()
	if was {
		room.tellBus(FactClosed)
	}
}
