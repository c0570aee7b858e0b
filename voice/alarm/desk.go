package alarm

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"muster/cot"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media/mcu"
)

// part names this package in logs.
const part = "emergencies"

// Alerts knows the emergencies that are not cancelled: *cot.Router.
type Alerts interface {
	Emergencies(id auth.Identity) []cot.Emergency
}

// Rooms are where people are called to. None of the methods blocks for long.
type Rooms interface {
	// Open returns the name and title of the room that r means for e, which is made
	// if r names none. again says that e is not new: nothing is made then, and the
	// error is mcu.ErrNotFound where the room is gone.
	Open(ctx context.Context, e *cot.Emergency, r *Rule, again bool) (name, title string, err error)
	// Tell says in a room what has become of an emergency. Where nobody is in,
	// nobody is told.
	Tell(room string, e *cot.Emergency, t mcu.NoticeType)
	// Record begins to record a room that somebody is in; mcu.ErrNoStream: not yet.
	Record(room string) error
}

// Callers call people into a room. None of the methods blocks for long.
type Callers interface {
	// Invite calls a user, or Everybody, at the pages that are open, and returns how
	// many pages those are.
	Invite(room, user, from string) int
	// Dial rings a number with the rights of owner. The error says why it does not.
	Dial(ctx context.Context, room, number, owner string) error
	// Recall ends those of such calls that nobody has answered yet.
	Recall(room, owner string, numbers []string)
	// Text tells Mumble users who see e what has become of it, and where it is talked
	// about, and returns how many were told.
	Text(e *cot.Emergency, title string, t mcu.NoticeType) int
	// Move moves them into the room's channel; mcu.ErrNotFound: it is not there yet.
	Move(e *cot.Emergency, room string) error
}

// FactRoom is the kind of the fact that a room was opened for an emergency, or
// that this emergency is over.
const FactRoom = "emergency.room"

// Fact is its data.
type Fact struct {
	State    string `json:"state"` // "opened" or "cancelled"
	Room     string `json:"room"`
	Title    string `json:"title"`
	UID      string `json:"uid"` // of the alert
	Kind     string `json:"kind"`
	Callsign string `json:"callsign"`
	User     string `json:"user,omitempty"`
	Invited  int    `json:"invited,omitempty"` // pages
	Called   int    `json:"called,omitempty"`  // numbers
	Radio    int    `json:"radio,omitempty"`   // Mumble users
}

// The bounds besides those of each rule: so many emergencies of one sender, and
// of one rule, open a room within Window. Further ones are repeated to TAK clients
// as ever, but nobody is called.
const (
	perSender = 3
	perRule   = 30
	// maxSenders bounds those remembered; beyond it, who has been quiet longest is
	// forgotten.
	maxSenders = 10_000
)

// What cannot be done yet is tried again every so often, moving people for so long.
const (
	tryEvery = time.Second
	tryFor   = 30 * time.Second
)

// Deps are the other parts that a Desk works with.
type Deps struct {
	Alerts  Alerts
	Rooms   Rooms
	Callers Callers
	Bus     *bus.Bus
	Log     *slog.Logger
}

// Stats are counts since the start, except for Open.
type Stats struct {
	Open     int64 // gauge: emergencies that have a room
	Opened   int64
	Failed   int64 // rooms that could not be had
	Limited  int64 // emergencies for which nobody was called: too many of one sender or rule
	Invited  int64 // pages
	Called   int64 // numbers
	Uncalled int64 // numbers that were not: limits, rights, no such number
	Radio    int64 // Mumble users
}

type counters struct {
	open, opened, failed, limited, invited, called, uncalled, radio atomic.Int64
}

// Desk watches the emergencies. What it knows of them outlives a change of the
// rules.
type Desk struct {
	deps  Deps
	log   *slog.Logger
	count counters
	made  time.Time // emergencies that began before are old

	mu      sync.Mutex // guards what follows, one Run after the other
	rules   []*ruled
	known   map[key]*handled // as many as the router repeats
	senders map[string]*window
	record  map[string]bool // rooms that are to be recorded as soon as they can be
	moves   []*handled      // whose rooms have no channel yet; as many as are known
}

// ruled is a rule and what it has set in motion of late.
type ruled struct {
	Rule
	rooms, calls window
}

// key names an emergency: TAK clients use the uid of their alert again.
type key struct {
	uid     string
	started int64
}

// handled is an emergency that was looked at.
type handled struct {
	cot.Emergency
	rule        *Rule  // nil: no rule is about it
	room, title string // "": it has none
	opened      time.Time
}

// New returns a desk without rules.
func New(deps Deps) *Desk {
	return &Desk{deps: deps, log: deps.Log.With("part", part), made: time.Now(),
		known: make(map[key]*handled), senders: make(map[string]*window), record: make(map[string]bool)}
}

// Set puts rules in force, which must be valid. An emergency that is there
// already keeps what came of it.
func (d *Desk) Set(rules []Rule) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = nil
	for _, r := range rules {
		d.rules = append(d.rules, &ruled{Rule: r})
	}
}

// Stats returns the counters.
func (d *Desk) Stats() Stats {
	c := &d.count
	return Stats{Open: c.open.Load(), Opened: c.opened.Load(), Failed: c.failed.Load(), Limited: c.limited.Load(),
		Invited: c.invited.Load(), Called: c.called.Load(), Uncalled: c.uncalled.Load(), Radio: c.radio.Load()}
}

// Run answers emergencies until ctx ends. Facts only say when to look: what is
// looked at is the list of the router, so that a dropped fact loses nothing.
func (d *Desk) Run(ctx context.Context) error {
	const held = 256 // facts
	sub := d.deps.Bus.Subscribe(held)
	defer sub.Close()
	retry := time.NewTicker(tryEvery)
	defer retry.Stop()
	d.look(ctx)
	var dropped int64
	for {
		var again <-chan time.Time
		if d.pending() {
			again = retry.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		case f := <-sub.C:
			n := sub.Dropped()
			if f.Kind == cot.FactEmergency || n != dropped {
				d.look(ctx)
			}
			dropped = n
			if f.Kind == mcu.FactOpened {
				d.opened(f.Data.(mcu.Fact).Room)
			}
		}
	}
}

// look compares the emergencies there are with those that are known.
func (d *Desk) look(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := make(map[key]bool)
	for _, e := range d.deps.Alerts.Emergencies(auth.System(part)) {
		k := key{e.UID, e.Started.UnixMilli()}
		now[k] = true
		if d.known[k] == nil {
			e.Kind, e.Callsign = legible(e.Kind, e.Type), legible(e.Callsign, cmp.Or(e.User, e.UID))
			d.known[k] = d.raise(ctx, &e)
		}
	}
	for k, h := range d.known {
		if !now[k] {
			delete(d.known, k)
			d.moves = slices.DeleteFunc(d.moves, func(m *handled) bool { return m == h })
			d.cancel(h)
		}
	}
}

// raise does what the rules say about a new emergency. mu is held, as it is in
// what follows.
func (d *Desk) raise(ctx context.Context, e *cot.Emergency) *handled {
	h := &handled{Emergency: *e}
	i := slices.IndexFunc(d.rules, func(r *ruled) bool { return r.fits(e) })
	if i < 0 {
		return h
	}
	r, now := d.rules[i], time.Now()
	h.rule = &r.Rule
	log := d.log.With("uid", e.UID, "kind", e.Kind, "callsign", e.Callsign, "user", e.User, "rule", i)
	again := e.Started.Before(d.made)
	if !again && (!d.sender(e).take(1, perSender, now) || !r.rooms.take(1, perRule, now)) {
		d.count.limited.Add(1)
		log.Warn("too many emergencies: nobody is called")
		return h
	}
	name, title, err := d.deps.Rooms.Open(ctx, e, &r.Rule, again)
	if err != nil {
		if !again || !errors.Is(err, mcu.ErrNotFound) {
			d.count.failed.Add(1)
			log.Error("an emergency has no room", "error", err)
		}
		return h
	}
	h.room, h.title, h.opened = name, title, now
	d.count.open.Add(1)
	if r.Record {
		d.record[name] = true
	}
	if again { // people were called before the restart
		return h
	}
	d.count.opened.Add(1)
	d.deps.Rooms.Tell(name, e, mcu.NoticeEmergency)
	d.call(ctx, h, r, log)
	return h
}

// call calls everybody whom the rule names.
func (d *Desk) call(ctx context.Context, h *handled, r *ruled, log *slog.Logger) {
	f := h.fact("opened")
	for _, u := range r.Users {
		f.Invited += d.deps.Callers.Invite(h.room, u, h.Callsign)
	}
	if r.Mumble != "" {
		f.Radio = d.deps.Callers.Text(&h.Emergency, h.title, mcu.NoticeEmergency)
	}
	if r.Mumble == Move {
		d.moves = append(d.moves, h)
	}
	for _, n := range r.Numbers {
		if !r.calls.take(1, r.Rule.calls(), time.Now()) {
			d.count.uncalled.Add(1)
			log.Warn("a number is not called: the rule has made its calls", "number", n)
			continue
		}
		if err := d.deps.Callers.Dial(ctx, h.room, n, r.Owner); err != nil {
			d.count.uncalled.Add(1)
			log.Warn("a number is not called", "number", n, "error", err)
			continue
		}
		f.Called++
	}
	d.count.invited.Add(int64(f.Invited))
	d.count.called.Add(int64(f.Called))
	d.count.radio.Add(int64(f.Radio))
	log.Info("a room for an emergency", "room", h.room, "invited", f.Invited, "called", f.Called, "radio", f.Radio)
	d.tell(h, f)
}

// cancel says that an emergency is over.
func (d *Desk) cancel(h *handled) {
	if h.room == "" {
		return
	}
	d.count.open.Add(-1)
	d.deps.Rooms.Tell(h.room, &h.Emergency, mcu.NoticeCancelled)
	if !d.needed(h.room) {
		d.deps.Callers.Recall(h.room, h.rule.Owner, h.rule.Numbers)
	}
	f := h.fact("cancelled")
	if h.rule.Mumble != "" {
		f.Radio = d.deps.Callers.Text(&h.Emergency, h.title, mcu.NoticeCancelled)
	}
	d.log.Info("an emergency is over", "uid", h.UID, "callsign", h.Callsign, "room", h.room)
	d.tell(h, f)
}

// needed reports whether another emergency has people called into the room.
func (d *Desk) needed(room string) bool {
	for _, h := range d.known {
		if h.room == room {
			return true
		}
	}
	return false
}

func (h *handled) fact(state string) Fact {
	return Fact{State: state, Room: h.room, Title: h.title, UID: h.UID, Kind: h.Kind, Callsign: h.Callsign, User: h.User}
}

func (d *Desk) tell(h *handled, f Fact) {
	d.deps.Bus.Publish(bus.Fact{Kind: FactRoom, Data: f, Groups: h.Groups})
}

// sender counts the emergencies of whoever sent e: an account, or a device
// without one.
func (d *Desk) sender(e *cot.Emergency) *window {
	who := "user " + e.User
	if e.Event == nil || e.Event.From.Identity.System || e.User == "" {
		who = "device " + e.UID
	}
	w := d.senders[who]
	if w == nil {
		if len(d.senders) >= maxSenders {
			d.forgetSender()
		}
		w = new(window)
		d.senders[who] = w
	}
	return w
}

// forgetSender makes room for another.
func (d *Desk) forgetSender() {
	var quiet string
	var since time.Time
	for who, w := range d.senders {
		at := time.Time{}
		if n := len(*w); n > 0 {
			at = (*w)[n-1]
		}
		if quiet == "" || at.Before(since) {
			quiet, since = who, at
		}
	}
	delete(d.senders, quiet)
}

// opened says in a room that somebody has just opened which emergencies it is for.
func (d *Desk) opened(room string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.known {
		if h.room == room {
			d.deps.Rooms.Tell(room, &h.Emergency, mcu.NoticeEmergency)
			if h.rule.Record {
				d.record[room] = true
			}
		}
	}
}

// pending does what could not be done at once, and reports whether something is
// left.
func (d *Desk) pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moves = slices.DeleteFunc(d.moves, func(h *handled) bool {
		err := d.deps.Callers.Move(&h.Emergency, h.room)
		late := time.Since(h.opened) > tryFor
		if late && err != nil {
			d.log.Warn("the room of an emergency has no channel that Mumble users could be moved to", "room", h.room)
		}
		return late || !errors.Is(err, mcu.ErrNotFound)
	})
	for room := range d.record {
		if err := d.deps.Rooms.Record(room); !errors.Is(err, mcu.ErrNoStream) {
			delete(d.record, room) // it is, or nobody is in: begun when the room opens
			if err != nil && !errors.Is(err, mcu.ErrGone) && !errors.Is(err, mcu.ErrNotFound) {
				d.log.Error("the room of an emergency is not recorded", "room", room, "error", err)
			}
		}
	}
	return len(d.record)+len(d.moves) > 0
}

// maxWords bounds a name that a client gives: kind and call sign fit the title of a
// room together.
const maxWords = 48 // characters

// legible makes words of a client fit to be shown, and is otherwise where nothing
// is left of them.
func legible(words, otherwise string) string {
	words = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(words, ""), func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }), " ")
	if r := []rune(words); len(r) > maxWords {
		words = strings.TrimSpace(string(r[:maxWords]))
	}
	if words == "" && otherwise != "" {
		return legible(otherwise, "")
	}
	return words
}
