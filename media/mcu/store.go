package mcu

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
)

type roomRow struct {
	bun.BaseModel `bun:"table:rooms,alias:r"`

	Name      string `bun:"name,pk"`
	Title     string `bun:"title"`
	Owner     string `bun:"owner"`
	Groups    string `bun:"group_names"` // JSON
	Hosts     string `bun:"hosts"`       // JSON
	PIN       string `bun:"pin"`
	Number    string `bun:"number"`
	Permanent bool   `bun:"permanent"`
	Lobby     bool   `bun:"lobby"`
	Locked    bool   `bun:"locked"`
	Capacity  int64  `bun:"capacity"`
	Entry     string `bun:"entry"`
	Starts    int64  `bun:"starts"` // Unix ms; 0: none
	Ends      int64  `bun:"ends"`   // likewise
	Created   int64  `bun:"created"`
	Parent    string `bun:"parent"` // of a breakout room
	Free      bool   `bun:"free"`
	Floor     int64  `bun:"floor"` // seconds
}

func (r *roomRow) settings() (*Settings, error) {
	name, err := safename.Parse(r.Name)
	if err != nil {
		return nil, fmt.Errorf("room %q: %w", r.Name, err)
	}
	s := &Settings{
		Name: name, Title: r.Title, Owner: r.Owner, PIN: r.PIN, Number: r.Number, Permanent: r.Permanent, Lobby: r.Lobby,
		Locked: r.Locked, Capacity: int(r.Capacity), Entry: Role(r.Entry), Starts: fromMillis(r.Starts), Ends: fromMillis(r.Ends), Created: fromMillis(r.Created),
		Parent: r.Parent, Free: r.Free, Floor: int(r.Floor),
	}
	if err := json.Unmarshal([]byte(r.Groups), &s.Groups); err != nil {
		return nil, fmt.Errorf("groups of room %s: %w", r.Name, err)
	}
	if err := json.Unmarshal([]byte(r.Hosts), &s.Hosts); err != nil {
		return nil, fmt.Errorf("hosts of room %s: %w", r.Name, err)
	}
	return s, nil
}

func rowOf(s *Settings) (*roomRow, error) {
	groups, err := json.Marshal(s.Groups)
	if err != nil {
		return nil, err
	}
	hosts, err := json.Marshal(s.Hosts)
	if err != nil {
		return nil, err
	}
	return &roomRow{
		Name: s.Name.String(), Title: s.Title, Owner: s.Owner, Groups: string(groups), Hosts: string(hosts), PIN: s.PIN, Number: s.Number,
		Permanent: s.Permanent, Lobby: s.Lobby, Locked: s.Locked, Capacity: int64(s.Capacity), Entry: string(s.Entry),
		Starts: millis(s.Starts), Ends: millis(s.Ends), Created: millis(s.Created),
		Parent: s.Parent, Free: s.Free, Floor: int64(s.Floor),
	}, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// load reads all rooms. Those that were not permanent go unless somebody comes.
func (r *Rooms) load(ctx context.Context) error {
	var rows []roomRow
	if err := r.deps.DB.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return fmt.Errorf("read rooms: %w", err)
	}
	for _, row := range rows {
		s, err := row.settings()
		if err != nil {
			return err
		}
		r.known[row.Name] = s
		if !s.Permanent {
			r.lingers[row.Name] = time.Now().Add(r.cfg.Linger)
		}
	}
	return nil
}

// Create makes a room. Its owner must be able to publish to each of its groups.
// The error wraps ErrInvalid, ErrTaken, ErrFull or auth.ErrDenied. The room is
// stored when Create returns.
func (r *Rooms) Create(ctx context.Context, id auth.Identity, s Settings) (Settings, error) {
	if s.Title == "" {
		s.Title = s.Name.String()
	}
	if s.Entry == "" {
		s.Entry = Speaker
	}
	s.Owner, s.Created = id.User, time.Now().UTC().Truncate(time.Millisecond)
	s.Parent, s.Free = "", false
	if err := s.Validate(); err != nil {
		return s, err
	}
	res := resource(&s)
	res.Every = true
	if err := auth.Allow(id, auth.Publish, res); err != nil {
		return s, err
	}
	return s, r.put(ctx, &s, false)
}

// Update changes the room called name by edit, for one of its hosts. Its name
// and owner stay. The errors are those of Create, and ErrNotFound and ErrHost.
func (r *Rooms) Update(ctx context.Context, id auth.Identity, name string, edit func(*Settings)) (Settings, error) {
	old, err := r.Find(id, name)
	if err != nil {
		return Settings{}, err
	}
	if !HostOf(id, &old) {
		return Settings{}, ErrHost
	}
	s := old
	edit(&s)
	s.Name, s.Owner, s.Created, s.Parent, s.Free = old.Name, old.Owner, old.Created, old.Parent, old.Free
	if err := s.Validate(); err != nil {
		return s, err
	}
	res := resource(&s)
	res.Every = true
	if err := auth.Allow(id, auth.Publish, res); err != nil {
		return s, err
	}
	return s, r.put(ctx, &s, true)
}

// put stores a room and puts it in force.
func (r *Rooms) put(ctx context.Context, s *Settings, there bool) error {
	row, err := rowOf(s)
	if err != nil {
		return fmt.Errorf("rooms: %w", err)
	}
	name := s.Name.String()
	r.changes.Lock()
	defer r.changes.Unlock()
	if err := r.free(s, there, 1); err != nil {
		return err
	}
	err = r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if there {
			_, err := tx.NewUpdate().Model(row).WherePK().Exec(ctx)
			return err
		}
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("rooms: store %s: %w", name, err)
	}
	r.mu.Lock()
	r.known[name] = s
	room := r.live[name]
	switch {
	case s.Permanent:
		delete(r.lingers, name)
	case room == nil:
		r.lingers[name] = time.Now().Add(r.cfg.Linger)
		if s.Starts.After(time.Now()) { // it is not missed before it begins
			r.lingers[name] = s.Starts.Add(r.cfg.Linger)
		}
	}
	r.mu.Unlock()
	if room != nil {
		room.change(s)
	}
	r.stir(s)
	r.changed(s)
	return nil
}

// free reports why s cannot have its name and number, or nil. more is how many
// rooms are to be made.
func (r *Rooms) free(s *Settings, there bool, more int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := s.Name.String()
	switch old := r.known[name]; {
	case old != nil && !there:
		return ErrTaken
	case old == nil && there:
		return ErrNotFound
	case old == nil && len(r.known)+more > r.cfg.MaxRooms:
		return ErrFull
	}
	for n, other := range r.known {
		if n != name && s.Number != "" && (other.Number == s.Number || n == s.Number) || n != name && other.Number == name {
			return ErrTaken
		}
	}
	return nil
}

// Remove closes the room called name and forgets it, for one of its hosts. The
// error is ErrNotFound or ErrHost.
func (r *Rooms) Remove(ctx context.Context, id auth.Identity, name string) error {
	s, err := r.Find(id, name)
	if err != nil {
		return err
	}
	if !HostOf(id, &s) {
		return ErrHost
	}
	return r.remove(ctx, name)
}

// remove forgets a room, and the breakout rooms it was split into.
func (r *Rooms) remove(ctx context.Context, name string) error {
	r.changes.Lock()
	defer r.changes.Unlock()
	for _, s := range r.children(name) {
		if err := r.forget(ctx, s.Name.String()); err != nil {
			return err
		}
	}
	return r.forget(ctx, name)
}

// forget removes one room. changes is held.
func (r *Rooms) forget(ctx context.Context, name string) error {
	err := r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*invitationRow)(nil)).Where("room = ?", name).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewDelete().Model((*roomRow)(nil)).Where("name = ?", name).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("rooms: remove %s: %w", name, err)
	}
	r.mu.Lock()
	s, room := r.known[name], r.live[name]
	delete(r.known, name)
	delete(r.lingers, name)
	delete(r.paused, name)
	if s != nil && s.Parent != "" && !r.split(s.Parent) {
		delete(r.paused, s.Parent) // nobody comes back any more
		delete(r.merging, s.Parent)
	}
	r.mu.Unlock()
	if room != nil {
		room.close(ErrClosed)
	}
	if s != nil {
		r.stir(s)
		r.changed(s)
	}
	return nil
}

func (r *Rooms) changed(s *Settings) {
	r.deps.Bus.Publish(bus.Fact{Kind: FactChange, Data: Fact{Room: s.Name.String()}, Groups: s.Groups})
}
