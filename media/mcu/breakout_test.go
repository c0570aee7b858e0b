package mcu

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/internal/store/storetest"
)

// told waits until the leg was asked to move, for the n-th time, and returns
// where to.
func (e *ear) told(t *testing.T, n int) Move {
	t.Helper()
	wait(t, "a move", func() bool { return e.count(EventMove) >= n })
	ev, _ := e.last(EventMove)
	return ev.Data.(Move)
}

// follow does what a client does that is asked to move.
func (h *house) follow(t *testing.T, p *Participant, m Move) (*Participant, *ear) {
	t.Helper()
	id := p.Identity()
	p.Leave(nil)
	moved, e, err := h.join(t, id, func(r *JoinRequest) { r.Room, r.Pass = m.Room, m.Pass })
	if err != nil {
		t.Fatal(err)
	}
	return moved, e
}

func (h *house) splitRoom(t *testing.T, d Division) []Settings {
	t.Helper()
	made, err := h.Split(t.Context(), admin, "briefing", d)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestARoomIsSplitAndMerged(t *testing.T) {
	for _, db := range []string{"sqlite", "postgres"} {
		t.Run(db, func(t *testing.T) {
			cfg := storetest.Config(t, db)
			h := open(t, DefaultConfig(), cfg)
			h.make(t, func(s *Settings) { s.Title, s.Hosts, s.Entry = "Briefing", []string{"hanna"}, Listener })
			_, hostEar := h.mustJoin(t, admin)
			mike, mikeEar := h.mustJoin(t, member("mike", true))
			_, lisaEar := h.mustJoin(t, member("lisa", true))
			made := h.splitRoom(t, Division{Rooms: []Breakout{{Title: "Medics", Participants: []string{mike.ID, "gone"}}, {}}})
			if len(made) != 2 || made[0].Title != "Medics" || made[1].Title != "Briefing 2" || made[1].Name.String() != "briefing-2" ||
				made[0].Parent != "briefing" || made[0].Owner != "admin" || made[0].Hosts[0] != "hanna" || made[0].Permanent || made[0].Entry != Speaker {
				t.Fatalf("%+v", made)
			}
			if _, err := h.Split(t.Context(), admin, "briefing", Division{Rooms: []Breakout{{}}}); !errors.Is(err, ErrSplit) {
				t.Errorf("split twice: %v", err)
			}
			again, err := New(t.Context(), DefaultConfig(), h.deps)
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := again.Breakouts(admin, "briefing"); err != nil || len(kept) != 2 || kept[0].Parent != "briefing" {
				t.Errorf("stored: %+v, %v", kept, err)
			}

			mike, mikeEar = h.follow(t, mike, mikeEar.told(t, 1))
			if in := mikeEar.events[0].Data.(State).Room; mike.Room().name != "briefing-1" || in.Parent != "briefing" || in.ParentTitle != "Briefing" {
				t.Errorf("mike is in %+v", in)
			}
			if role, _ := mike.Role(); role != Speaker {
				t.Errorf("a listener of the plenary is %s in a breakout room", role)
			}
			if lisaEar.count(EventMove) != 0 {
				t.Error("who is sent nowhere is moved")
			}
			if err := mike.SetHand(true); err != nil {
				t.Fatal(err)
			}
			wait(t, "the host to see who is where", func() bool {
				e, _ := hostEar.last(EventRoom)
				v, _ := e.Data.(View)
				return len(v.Breakouts) == 2 && len(v.Breakouts[0].People) == 1 && v.Breakouts[0].People[0].Name == "mike" && v.Breakouts[0].People[0].Hand
			})
			if e, _ := lisaEar.last(EventRoom); len(e.Data.(View).Breakouts) != 0 {
				t.Errorf("lisa may not move and is told of %+v", e.Data)
			}

			if err := h.Merge(admin, "briefing"); err != nil {
				t.Fatal(err)
			}
			move := mikeEar.told(t, 1)
			if !move.Back || move.Room != "briefing" {
				t.Errorf("back: %+v", move)
			}
			mike, _ = h.follow(t, mike, move)
			if role, _ := mike.Role(); role != Listener {
				t.Errorf("back in the plenary mike is %s", role)
			}
			h.sweep(t.Context(), time.Now().Add(mergeAfter-time.Second))
			if n := len(h.children("briefing")); n != 2 {
				t.Errorf("%d breakout rooms while people leave them", n)
			}
			h.sweep(t.Context(), time.Now().Add(mergeAfter+time.Second))
			if n := len(h.children("briefing")); n != 0 {
				t.Errorf("%d breakout rooms are left", n)
			}
			wait(t, "the host to see that they are gone", func() bool {
				e, _ := hostEar.last(EventRoom)
				return len(e.Data.(View).Breakouts) == 0
			})
			if err := h.Merge(admin, "briefing"); !errors.Is(err, ErrNotFound) {
				t.Errorf("merged twice: %v", err)
			}
		})
	}
}

func TestWhoSplitsARoom(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	mike, _ := h.mustJoin(t, member("mike", true))
	one := Division{Rooms: []Breakout{{}}}
	over := time.Now().Add(-time.Minute)
	for _, c := range []struct {
		name string
		id   auth.Identity
		room string
		d    Division
		err  error
	}{
		{"who is no host", member("mike", true), "briefing", one, ErrHost},
		{"who does not see the room", auth.Identity{User: "nora", Role: auth.RoleMember}, "briefing", one, ErrNotFound},
		{"a room that is not there", admin, "other", one, ErrNotFound},
		{"into none", admin, "briefing", Division{}, ErrInvalid},
		{"into too many", admin, "briefing", Division{Rooms: make([]Breakout, maxBreakouts+1)}, ErrInvalid},
		{"somebody twice", admin, "briefing", Division{Rooms: []Breakout{{Participants: []string{mike.ID}}, {Participants: []string{mike.ID}}}}, ErrInvalid},
		{"until yesterday", admin, "briefing", Division{Rooms: []Breakout{{}}, Ends: over}, ErrInvalid},
		{"a title that cannot be shown", admin, "briefing", Division{Rooms: []Breakout{{}, {Title: "a\nb"}}}, ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := h.Split(t.Context(), c.id, c.room, c.d); !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if n := len(h.children("briefing")); n != 0 {
				t.Errorf("%d rooms were made", n)
			}
		})
	}
	if err := mike.Split(t.Context(), one); !errors.Is(err, ErrHost) {
		t.Errorf("mike inside: %v", err)
	}
	host, _ := h.mustJoin(t, admin)
	if err := errors.Join(host.SetRole(mike.ID, Host), mike.Split(t.Context(), one)); err != nil {
		t.Errorf("a host by role: %v", err)
	}
	if _, err := h.Split(t.Context(), admin, "briefing-1", one); !errors.Is(err, ErrInvalid) {
		t.Errorf("a breakout room of a breakout room: %v", err)
	}
	if err := mike.Merge(); err != nil {
		t.Error(err)
	}
}

func TestNoRoomIsMadeWhereNotAllFit(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxRooms = 3
	h := open(t, cfg, storetest.Config(t, "sqlite"))
	h.make(t, nil)
	if _, err := h.Split(t.Context(), admin, "briefing", Division{Rooms: make([]Breakout, 3)}); !errors.Is(err, ErrFull) || len(h.List(admin)) != 1 {
		t.Errorf("%v, %d rooms", err, len(h.List(admin)))
	}
	if _, err := h.Create(t.Context(), admin, Settings{Name: safename.MustParse("briefing-1"), Groups: []string{"red"}}); err != nil {
		t.Fatal(err)
	}
	if made := h.splitRoom(t, Division{Rooms: make([]Breakout, 1)}); made[0].Name.String() != "briefing-2" {
		t.Errorf("a name that is taken: %s", made[0].Name)
	}
}

func TestPasses(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	h.mustJoin(t, admin)
	mike, mikeEar := h.mustJoin(t, member("mike", true))
	guest, guestEar, err := h.join(t, auth.Guest("Gast", "rooms/briefing", []string{"red"}), func(r *JoinRequest) { r.Invited = true })
	if err != nil {
		t.Fatal(err)
	}
	made := h.splitRoom(t, Division{Rooms: []Breakout{{Participants: []string{mike.ID, guest.ID}}, {}}})
	if _, err := h.Update(t.Context(), admin, made[0].Name.String(), func(s *Settings) { s.Locked, s.Lobby, s.Capacity, s.PIN = true, true, 1, "4711" }); err != nil {
		t.Fatal(err)
	}
	mikes, guests := mikeEar.told(t, 1), guestEar.told(t, 1)
	for _, c := range []struct {
		name string
		id   auth.Identity
		room string
		pass string
		err  error
	}{
		{"another's pass", member("lisa", true), "briefing-1", mikes.Pass, ErrPass},
		{"a member with a guest's", member("mike", true), "briefing-1", guests.Pass, ErrPass},
		{"another room", member("mike", true), "briefing-2", mikes.Pass, ErrPass},
		{"no pass at all", member("mike", true), "briefing-1", "nonsense", ErrPass},
		{"a guest of the parent without", guest.Identity(), "briefing-1", "", ErrNotFound},
		{"a member without, at a locked door", member("mike", true), "briefing-1", "", ErrLocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := h.join(t, c.id, func(r *JoinRequest) { r.Room, r.Pass = c.room, c.pass }); !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
		})
	}
	mike, _ = h.follow(t, mike, mikes)
	if _, waiting := mike.Role(); waiting {
		t.Error("the lobby stops a pass")
	}
	if _, _, err := h.join(t, member("mike", true), func(r *JoinRequest) { r.Room, r.Pass = mikes.Room, mikes.Pass }); !errors.Is(err, ErrPass) {
		t.Errorf("used twice: %v", err)
	}
	guest, guestEar = h.follow(t, guest, guests)
	switch id := guest.Identity(); {
	case !id.IsGuest() || guest.Name() != "Gast":
		t.Errorf("the guest is %+v", id)
	case auth.Allow(id, auth.Read, auth.Room("rooms/briefing", []string{"red"})) == nil, auth.Allow(id, auth.Read, auth.Room("rooms/briefing-2", []string{"red"})) == nil:
		t.Error("the guest may enter other rooms than its own")
	}

	// Shown out, nobody comes in by a pass that it has still got.
	if err := h.Merge(admin, "briefing"); err != nil {
		t.Fatal(err)
	}
	back := guestEar.told(t, 1)
	m, err := h.Moderator(admin, "briefing-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Kick(guest.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.join(t, guest.Identity(), func(r *JoinRequest) { r.Room, r.Pass = back.Room, back.Pass }); !errors.Is(err, ErrPass) {
		t.Errorf("a guest who was shown out: %v", err)
	}

	if p, ok := h.passes.find(mikes.Pass, "briefing-1", member("mike", true)); ok {
		t.Errorf("still open: %+v", p)
	}
	h.passes.sweep(time.Now().Add(passLife + time.Second))
	if n := len(h.passes.open); n != 0 {
		t.Errorf("%d passes outlive their time", n)
	}
}

// TestABreakoutRoomIsNoWayRoundTheDoor: who did not come from the room that was
// split waits at its door like everybody.
func TestABreakoutRoomIsNoWayRoundTheDoor(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	lisa, lisaEar := h.mustJoin(t, member("lisa", true))
	h.splitRoom(t, Division{Rooms: []Breakout{{Participants: []string{lisa.ID}}}})
	lisa, lisaEar = h.follow(t, lisa, lisaEar.told(t, 1))
	if _, err := h.Update(t.Context(), admin, "briefing", func(s *Settings) { s.Lobby = true }); err != nil {
		t.Fatal(err)
	}
	h.mustJoin(t, admin)
	mike, ear, err := h.join(t, member("mike", true), func(r *JoinRequest) { r.Room = "briefing-1" })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Update(t.Context(), admin, "briefing-1", func(s *Settings) { s.PIN = "4711" }); err != nil {
		t.Fatal(err)
	}
	guest, guestEar, err := h.join(t, auth.Guest("Gast", "rooms/briefing-1", []string{"red"}), func(r *JoinRequest) { r.Room, r.PIN = "briefing-1", "4711" })
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Merge(admin, "briefing"); err != nil {
		t.Fatal(err)
	}
	lisa, _ = h.follow(t, lisa, lisaEar.told(t, 1))
	if _, waiting := lisa.Role(); waiting {
		t.Error("who was in before waits")
	}
	mike, _ = h.follow(t, mike, ear.told(t, 1))
	if _, waiting := mike.Role(); !waiting {
		t.Error("mike is let in past the lobby")
	}
	m := guestEar.told(t, 1)
	if _, _, err := h.join(t, guest.Identity(), func(r *JoinRequest) { r.Room, r.Pass = m.Room, m.Pass }); !errors.Is(err, ErrNotFound) {
		t.Errorf("a guest of the breakout room alone: %v", err)
	}
}

func TestRolesGoAlong(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	host, hostEar := h.mustJoin(t, admin)
	for _, c := range []struct {
		user string
		in   bool
		give Role
		want Role
	}{
		{"plain", true, "", Speaker}, {"quiet", true, Listener, Listener}, {"reader", false, "", Listener}, {"heard", false, Speaker, Speaker}, {"deputy", true, Host, Host},
	} {
		t.Run(c.user, func(t *testing.T) {
			p, e := h.mustJoin(t, member(c.user, c.in))
			if c.give != "" {
				if err := host.SetRole(p.ID, c.give); err != nil {
					t.Fatal(err)
				}
			}
			h.splitRoom(t, Division{Rooms: []Breakout{{Participants: []string{p.ID, host.ID}}}})
			p, e = h.follow(t, p, e.told(t, 1))
			if role, _ := p.Role(); role != c.want {
				t.Errorf("%s in the breakout room, want %s", role, c.want)
			}
			if err := h.Merge(admin, "briefing"); err != nil {
				t.Fatal(err)
			}
			p, _ = h.follow(t, p, e.told(t, 1))
			if role, _ := p.Role(); role != c.want {
				t.Errorf("%s back, want %s", role, c.want)
			}
			h.sweep(t.Context(), time.Now().Add(mergeAfter+time.Second))
		})
	}
	host, _ = h.follow(t, host, func() Move {
		h.splitRoom(t, Division{Rooms: []Breakout{{Participants: []string{host.ID}}}})
		return hostEar.told(t, 6)
	}())
	if role, _ := host.Role(); role != Host {
		t.Errorf("the owner is %s in a breakout room", role)
	}
}

func TestWhoMovesAtWill(t *testing.T) {
	for _, free := range []bool{false, true} {
		t.Run(fmt.Sprintf("free %v", free), func(t *testing.T) {
			h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
			h.make(t, nil)
			host, _ := h.mustJoin(t, admin)
			mike, ear := h.mustJoin(t, member("mike", true))
			lisa, lisaEar := h.mustJoin(t, member("lisa", true))
			h.splitRoom(t, Division{Free: free, Rooms: []Breakout{{Participants: []string{mike.ID}}, {}}})
			wish := func(p *Participant, room string) error { return p.Move(p.ID, room) }
			if err := wish(mike, "briefing-1"); err != nil {
				t.Errorf("where mike was sent: %v", err)
			}
			want := error(nil)
			if !free {
				want = ErrHost
			}
			if err := wish(mike, "briefing-2"); !errors.Is(err, want) {
				t.Errorf("elsewhere: %v, want %v", err, want)
			}
			if err := wish(mike, "briefing"); !errors.Is(err, ErrNotFound) {
				t.Errorf("where he is: %v", err)
			}
			if err := lisa.Move(mike.ID, "briefing-2"); !errors.Is(err, ErrHost) {
				t.Errorf("lisa moves mike: %v", err)
			}
			if err := host.Move(lisa.ID, "briefing-2"); err != nil {
				t.Fatal(err)
			}
			h.follow(t, lisa, lisaEar.told(t, 1))
			seen, _ := ear.last(EventRoom)
			if n := len(seen.Data.(View).Breakouts); free && n != 2 || !free && n != 1 {
				t.Errorf("mike is told of %d rooms", n)
			}
			if err := wish(mike, "briefing-1"); err != nil {
				t.Fatal(err)
			}
			wait(t, "a pass", func() bool { e, ok := ear.last(EventMove); return ok && e.Data.(Move).Room == "briefing-1" })
			e, _ := ear.last(EventMove)
			mike, _ = h.follow(t, mike, e.Data.(Move))
			if err := wish(mike, "briefing"); !errors.Is(err, want) {
				t.Errorf("back: %v, want %v", err, want)
			}
			if err := wish(host, "briefing-1"); err != nil {
				t.Errorf("the host: %v", err)
			}
			if err := host.Announce("five minutes"); err != nil {
				t.Fatal(err)
			}
			for _, m := range []string{"briefing", "briefing-1", "briefing-2"} {
				room := h.Live(m)
				room.mu.Lock()
				chat := room.chat
				room.mu.Unlock()
				if len(chat) != 1 || !chat[0].Announced {
					t.Errorf("%s has %+v", m, chat)
				}
			}
			if err := mike.Announce("no host"); !errors.Is(err, ErrHost) {
				t.Errorf("announced by mike: %v", err)
			}
		})
	}
}

func TestBreakoutRoomsEndInTime(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Permanent = false })
	host, _ := h.mustJoin(t, admin)
	mike, ear := h.mustJoin(t, member("mike", true))
	if _, err := mike.Say("", "before"); err != nil {
		t.Fatal(err)
	}
	h.splitRoom(t, Division{Ends: time.Now().Add(time.Hour), Rooms: []Breakout{{Participants: []string{mike.ID}}, {}}})
	mike, ear = h.follow(t, mike, ear.told(t, 1))
	host.Leave(nil) // nobody is in the plenary
	wait(t, "the plenary to close", func() bool { return h.Live("briefing") == nil })
	h.sweep(t.Context(), time.Now().Add(30*time.Minute))
	if h.get("briefing") == nil || h.get("briefing-2") == nil {
		t.Fatal("rooms linger away while people are in one of them")
	}
	h.sweep(t.Context(), time.Now().Add(time.Hour+time.Second))
	mike, ear = h.follow(t, mike, ear.told(t, 1))
	if chat := ear.events[0].Data.(State).Chat; len(chat) != 1 || chat[0].Text != "before" {
		t.Errorf("the plenary has forgotten what was said: %+v", chat)
	}
	h.sweep(t.Context(), time.Now().Add(mergeAfter+time.Second))
	if h.get("briefing-1") != nil {
		t.Error("a breakout room outlives its end")
	}
	mike.Leave(nil)
	wait(t, "the plenary to close", func() bool { return h.Live("briefing") == nil })
	h.sweep(t.Context(), time.Now().Add(2*time.Hour))
	if h.get("briefing") != nil {
		t.Error("the plenary stays for ever")
	}
}

func TestWhoStaysInABreakoutRoomIsShownOut(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	mike, ear := h.mustJoin(t, member("mike", true))
	h.splitRoom(t, Division{Rooms: []Breakout{{Participants: []string{mike.ID}}}})
	_, ear = h.follow(t, mike, ear.told(t, 1))
	if err := h.Remove(t.Context(), admin, "briefing"); err != nil {
		t.Fatal(err)
	}
	wait(t, "mike to be shown out", func() bool { return errors.Is(ear.ended(), ErrClosed) })
	if n := len(h.List(admin)); n != 0 {
		t.Errorf("%d rooms are left of one that was removed", n)
	}
}

func TestPeopleComeAndGoWhileRoomsAreSplitAndMerged(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	host, _ := h.mustJoin(t, admin)
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, room := range []string{"briefing", "briefing-1", "briefing-2"} {
					p, _, err := h.join(t, member(fmt.Sprintf("u%d", i), true), func(r *JoinRequest) { r.Room = room })
					if err != nil {
						continue
					}
					_ = p.SetHand(true)
					_ = p.Move(p.ID, "briefing-2")
					p.Leave(nil)
				}
			}
		})
	}
	for range 10 {
		var ids []string
		for _, m := range host.Room().Members() {
			ids = append(ids, m.ID)
		}
		h.splitRoom(t, Division{Free: true, Rooms: []Breakout{{Participants: ids}, {}}})
		if err := errors.Join(host.Announce("now"), host.Merge()); err != nil {
			t.Error(err)
		}
		h.sweep(t.Context(), time.Now().Add(mergeAfter+time.Second))
	}
	close(stop)
	all.Wait()
}
