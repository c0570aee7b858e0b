package mcu

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/safename"
)

// Breakout is one of the rooms that a room is split into.
type Breakout struct {
	Title        string   // empty: that of the room, with a number
	Participants []string // ids of who is sent there; who has left meanwhile is passed over
}

// Division says how a room is split.
type Division struct {
	Rooms []Breakout // 1 to 20
	Ends  time.Time  // when everybody is brought back; zero: when a host wishes
	Free  bool       // people move between the rooms as they like
}

// Bounds of divisions.
const (
	maxBreakouts    = 20
	maxDivisionLife = 24 * time.Hour
	maxBreakoutWord = 90 // characters of the room's title in those of its breakout rooms
)

// mergeAfter is how long people have to come back before breakout rooms close.
const mergeAfter = 10 * time.Second

func (d *Division) validate(parent *Settings, now time.Time) error {
	switch {
	case parent.Parent != "":
		return fmt.Errorf("%w: a breakout room cannot be split itself", ErrInvalid)
	case len(d.Rooms) < 1 || len(d.Rooms) > maxBreakouts:
		return fmt.Errorf("%w: a room is split into 1 to %d rooms", ErrInvalid, maxBreakouts)
	case !d.Ends.IsZero() && (!d.Ends.After(now) || d.Ends.After(now.Add(maxDivisionLife))):
		return fmt.Errorf("%w: breakout rooms end within %d hours", ErrInvalid, int(maxDivisionLife.Hours()))
	}
	seen := make(map[string]bool)
	for _, b := range d.Rooms {
		for _, id := range b.Participants {
			if seen[id] {
				return fmt.Errorf("%w: somebody is sent to two rooms", ErrInvalid)
			}
			seen[id] = true
		}
	}
	return nil
}

// Split makes breakout rooms of the room called room, for one of its hosts, and
// sends people there. All of them are stored when it returns, or none is made.
// The error is ErrNotFound, ErrHost, ErrSplit, ErrFull, or wraps ErrInvalid.
func (r *Rooms) Split(ctx context.Context, id auth.Identity, room string, d Division) ([]Settings, error) {
	s, err := r.Find(id, room)
	switch {
	case err != nil:
		return nil, err
	case !HostOf(id, &s):
		return nil, ErrHost
	}
	return r.divide(ctx, room, d)
}

// Merge brings everybody back from the breakout rooms of the room called room,
// for one of its hosts. The error is ErrNotFound, also where there are none, or
// ErrHost.
func (r *Rooms) Merge(id auth.Identity, room string) error {
	s, err := r.Find(id, room)
	switch {
	case err != nil:
		return err
	case !HostOf(id, &s):
		return ErrHost
	}
	return r.merge(room)
}

// Breakouts returns the breakout rooms of the room called room, in order, if id
// may enter it.
func (r *Rooms) Breakouts(id auth.Identity, room string) ([]Settings, error) {
	if _, err := r.Find(id, room); err != nil {
		return nil, err
	}
	return r.children(room), nil
}

// Split is Rooms.Split for a host who is in the room.
func (p *Participant) Split(ctx context.Context, d Division) error {
	if err := p.asHost(p.ID, func(*Room, *Participant) error { return nil }); err != nil {
		return err
	}
	_, err := p.rooms.divide(ctx, p.Room().name, d)
	return err
}

// Merge is Rooms.Merge for a host who is in the room, or in one of its breakout
// rooms.
func (p *Participant) Merge() error {
	if err := p.asHost(p.ID, func(*Room, *Participant) error { return nil }); err != nil {
		return err
	}
	return p.rooms.merge(p.Room().settings().root())
}

// Move sends p, or for a host the participant that id names, to another room of
// the same family, in which doors do not stop it. Who is no host moves only where
// people are free to, and to the room it was sent to. The error is ErrNotFound,
// ErrHost or ErrGone.
func (p *Participant) Move(id, room string) error {
	m := p.Room()
	here, to := m.settings(), p.rooms.get(room)
	if to == nil || to.root() != here.root() || to.Name == here.Name {
		return ErrNotFound
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	other := m.people[id]
	switch {
	case m.people[p.ID] != p || p.waiting, other == nil, other.waiting, other.kind == Feed:
		return ErrGone
	case p.role != Host && (other != p || !here.Free && !to.Free && room != p.group):
		return ErrHost
	}
	if other != p {
		other.group = ""
		if to.Parent != "" {
			other.group = room
		}
	}
	move, err := other.pass(to, other.group)
	if err == nil {
		other.leg.Notify(Event{EventMove, move})
	}
	return err
}

// Announce tells everybody in the room and its breakout rooms something, for a
// host who is in one of them.
func (p *Participant) Announce(text string) error {
	if text == "" || !chatText(text) {
		return errChat
	}
	if err := p.asHost(p.ID, func(*Room, *Participant) error { return nil }); err != nil {
		return err
	}
	r := p.rooms
	r.mu.Lock()
	family := r.relatives(p.Room().settings().root())
	r.mu.Unlock()
	for _, m := range family {
		m.announce(p, text)
	}
	return nil
}

// root is the name of the room that s was split from, or of s itself.
func (s *Settings) root() string { return cmp.Or(s.Parent, s.Name.String()) }

// children returns the breakout rooms of the room called parent, in order.
func (r *Rooms) children(parent string) []Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.childrenLocked(parent)
}

func (r *Rooms) childrenLocked(parent string) []Settings {
	var out []Settings
	for _, s := range r.known {
		if s.Parent == parent {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b Settings) int { // "x-10" comes after "x-9"
		return cmp.Or(cmp.Compare(len(a.Name.String()), len(b.Name.String())), cmp.Compare(a.Name.String(), b.Name.String()))
	})
	return out
}

// divide splits the room called parent.
func (r *Rooms) divide(ctx context.Context, parent string, d Division) ([]Settings, error) {
	r.changes.Lock()
	defer r.changes.Unlock()
	s := r.get(parent)
	if s == nil {
		return nil, ErrNotFound
	}
	if err := d.validate(s, time.Now()); err != nil {
		return nil, err
	}
	if len(r.children(parent)) > 0 {
		return nil, ErrSplit
	}
	made, err := r.plan(s, d)
	if err != nil {
		return nil, err
	}
	if err := r.insert(ctx, made); err != nil {
		return nil, err
	}
	r.mu.Lock()
	for i := range made {
		name := made[i].Name.String()
		r.known[name] = &made[i]
		r.lingers[name] = time.Now().Add(r.cfg.Linger)
	}
	room := r.live[parent]
	r.mu.Unlock()
	for i := range made {
		r.changed(&made[i])
	}
	r.stir(s)
	r.refresh()
	if room != nil {
		for i := range made {
			room.send(&made[i], d.Rooms[i].Participants)
		}
	}
	r.log.Info("a room was split", "room", parent, "rooms", len(made))
	return slices.Clone(made), nil
}

// plan makes the settings of the breakout rooms. changes is held.
func (r *Rooms) plan(s *Settings, d Division) ([]Settings, error) {
	ends := d.Ends.UTC().Truncate(time.Millisecond)
	if !s.Ends.IsZero() && (ends.IsZero() || ends.After(s.Ends)) {
		ends = s.Ends
	}
	word := []rune(s.Title)
	word = word[:min(len(word), maxBreakoutWord)]
	made := make([]Settings, 0, len(d.Rooms))
	for n := 1; len(made) < len(d.Rooms); n++ {
		name, err := safename.Parse(fmt.Sprintf("%s-%d", s.Name, n))
		if err != nil {
			return nil, fmt.Errorf("%w: the name of the room is too long for those of breakout rooms", ErrInvalid)
		}
		if r.get(name.String()) != nil {
			continue
		}
		b := Settings{
			Name: name, Title: d.Rooms[len(made)].Title, Groups: s.Groups, Owner: s.Owner, Hosts: s.Hosts, Entry: Speaker,
			Ends: ends, Created: time.Now().UTC().Truncate(time.Millisecond), Parent: s.Name.String(), Free: d.Free, Floor: s.Floor,
		}
		if b.Title == "" {
			b.Title = fmt.Sprintf("%s %d", string(word), len(made)+1)
		}
		if err := b.Validate(); err != nil {
			return nil, err
		}
		if err := r.free(&b, false, len(d.Rooms)); err != nil {
			return nil, err
		}
		made = append(made, b)
	}
	return made, nil
}

// insert stores new rooms, or none of them.
func (r *Rooms) insert(ctx context.Context, made []Settings) error {
	rows := make([]*roomRow, 0, len(made))
	for i := range made {
		row, err := rowOf(&made[i])
		if err != nil {
			return fmt.Errorf("rooms: %w", err)
		}
		rows = append(rows, row)
	}
	err := r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("rooms: store the breakout rooms of %s: %w", made[0].Parent, err)
	}
	return nil
}

// merge calls everybody back from the breakout rooms of parent, and has these
// closed a little later.
func (r *Rooms) merge(parent string) error {
	r.mu.Lock()
	s := r.known[parent]
	children := r.childrenLocked(parent)
	_, already := r.merging[parent]
	if len(children) > 0 && !already {
		r.merging[parent] = time.Now().Add(mergeAfter)
	}
	var rooms []*Room
	for _, c := range children {
		if m := r.live[c.Name.String()]; m != nil {
			rooms = append(rooms, m)
		}
	}
	r.mu.Unlock()
	switch {
	case len(children) == 0:
		return ErrNotFound
	case already || s == nil:
		return nil
	}
	for _, m := range rooms {
		m.send(s, nil)
	}
	r.log.Info("breakout rooms end", "room", parent)
	return nil
}

// sweepBreakouts ends the breakout rooms whose time is up, and closes those that
// people had time to leave.
func (r *Rooms) sweepBreakouts(ctx context.Context, now time.Time) {
	var over, due []string
	r.mu.Lock()
	for _, s := range r.known {
		if _, merging := r.merging[s.Parent]; s.Parent != "" && !merging && !s.Ends.IsZero() && now.After(s.Ends) && !slices.Contains(over, s.Parent) {
			over = append(over, s.Parent)
		}
	}
	for parent, at := range r.merging {
		if now.After(at) {
			due = append(due, parent)
		}
	}
	r.mu.Unlock()
	for _, parent := range over {
		_ = r.merge(parent) // somebody was faster
	}
	for _, parent := range due {
		if err := r.closeBreakouts(ctx, parent); err != nil {
			r.log.Error("breakout rooms were not removed", "room", parent, "error", err)
		}
	}
}

func (r *Rooms) closeBreakouts(ctx context.Context, parent string) error {
	r.changes.Lock()
	defer r.changes.Unlock()
	for _, s := range r.children(parent) {
		if err := r.forget(ctx, s.Name.String()); err != nil {
			return err
		}
	}
	r.mu.Lock()
	delete(r.merging, parent)
	r.mu.Unlock()
	return nil
}

// send asks participants to move to the room s: those that ids names, or all
// when s is the room that this one was split from. Streams on the stage stay.
func (m *Room) send(s *Settings, ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	back, group := s.Parent == "", ""
	if !back {
		group = s.Name.String()
	}
	for id, p := range m.people {
		if p.waiting || p.kind == Feed || !back && !slices.Contains(ids, id) {
			continue
		}
		p.group = group
		move, err := p.pass(s, group)
		if err != nil {
			p.log.Warn("a participant was not sent to another room", "to", s.Name, "error", err)
			continue
		}
		p.leg.Notify(Event{EventRoom, m.view(p)})
		p.leg.Notify(Event{EventMove, move})
	}
}
