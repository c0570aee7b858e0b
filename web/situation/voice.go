package situation

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"muster/cot"
	"muster/internal/auth"
)

// Room is a room that somebody is in, as the rooms tell it.
type Room struct {
	Name     string
	Title    string
	Resource auth.Resource // auth.Read of it is to know who is in
	People   []Person
}

// Person is somebody in a room.
type Person struct {
	ID     string
	Name   string
	User   string // account; "" for guests and callers without one
	Kind   string
	Device string // fingerprint of the certificate that was the proof; "" for none
}

// Present is somebody in a room, as the pages show it.
type Present struct {
	ID    string   `json:"id"`
	Room  string   `json:"room"`
	Title string   `json:"title"`
	Name  string   `json:"name"`
	User  string   `json:"user,omitempty"`
	Kind  string   `json:"kind"`
	UIDs  []string `json:"uids,omitempty" doc:"Devices on the map that this is."`
}

func (p Present) same(o Present) bool {
	return p.Room == o.Room && p.Title == o.Title && p.Name == o.Name && p.User == o.User && slices.Equal(p.UIDs, o.UIDs)
}

// How often one page is told who is where, and who talks; between two messages
// only the newest state is kept.
const (
	presentEvery = time.Second
	talkEvery    = 250 * time.Millisecond
)

// voice is the newest state of the rooms. It is replaced, never changed.
type voice struct {
	rooms   []Room
	talking map[string][]string // ids of people, by room
}

// Watched reports whether any page is open.
func (h *Hub) Watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.feeds) > 0
}

// ShowRooms says who is in which room from now on.
func (h *Hub) ShowRooms(rooms []Room) {
	h.show(func(v *voice) { v.rooms = rooms }, func(f *Feed) { f.who = true })
}

// ShowTalking says who talks from now on: ids of people by room.
func (h *Hub) ShowTalking(talking map[string][]string) {
	h.show(func(v *voice) { v.talking = talking }, func(f *Feed) { f.talk = true })
}

func (h *Hub) show(change func(*voice), note func(*Feed)) {
	h.mu.Lock()
	v := *h.voice.Load()
	change(&v)
	h.voice.Store(&v)
	feeds := slices.Collect(maps.Keys(h.feeds))
	h.mu.Unlock()
	for _, f := range feeds {
		f.mu.Lock()
		note(f)
		f.mu.Unlock()
		f.poke()
	}
}

// heard is what one page was told of the rooms. It is owned by the goroutine that
// calls Next.
type heard struct {
	people    map[string]Present // by id
	talking   []string           // sorted
	peopleAt  time.Time
	talkingAt time.Time
}

// due reports whether a message may go out now; otherwise the page is woken when
// it may.
func (f *Feed) due(last time.Time, every time.Duration) bool {
	rest := every - time.Since(last)
	if rest <= 0 {
		return true
	}
	time.AfterFunc(rest, f.poke)
	return false
}

// inRooms says what is new in the rooms. who and talk say that something may be.
func (f *Feed) inRooms(id auth.Identity, who, talk bool) (out []any) {
	if who && !f.due(f.heard.peopleAt, presentEvery) {
		f.later(func() { f.who = true })
		who = false
	}
	if who {
		f.heard.peopleAt = time.Now()
		if changed, left := f.moved(id); len(changed)+len(left) > 0 {
			out = append(out, Message{Kind: "voice", Voice: changed, Left: left})
			talk = true // of somebody new it may be known already
		}
	}
	if talk && !f.due(f.heard.talkingAt, talkEvery) {
		f.later(func() { f.talk = true })
		talk = false
	}
	if talk {
		if now := f.talking(id); !slices.Equal(now, f.heard.talking) {
			f.heard.talking, f.heard.talkingAt = now, time.Now()
			out = append(out, Message{Kind: "talk", Talking: &now})
		}
	}
	return out
}

func (f *Feed) later(note func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	note()
}

// moved returns who is somewhere else than the page was told, and who is in no
// room any more that id may see.
func (f *Feed) moved(id auth.Identity) (changed []Present, left []string) {
	now := f.present(id)
	for _, p := range now {
		if was, ok := f.heard.people[p.ID]; !ok || !was.same(p) {
			changed = append(changed, p)
		}
	}
	in := make(map[string]Present, len(now))
	for _, p := range now {
		in[p.ID] = p
	}
	for who := range f.heard.people {
		if _, ok := in[who]; !ok {
			left = append(left, who)
		}
	}
	slices.Sort(left)
	f.heard.people = in
	return changed, left
}

// present returns who is in the rooms that id may see.
func (f *Feed) present(id auth.Identity) []Present {
	var out []Present
	var devices map[string][]cot.Contact
	for _, r := range f.voice.Load().rooms {
		if auth.Allow(id, auth.Read, r.Resource) != nil {
			continue
		}
		for _, p := range r.People {
			now := Present{ID: p.ID, Room: r.Name, Title: r.Title, Name: p.Name, User: p.User, Kind: p.Kind}
			if p.User != "" {
				if devices == nil {
					devices = f.devices(id)
				}
				now.UIDs = p.uids(devices[strings.ToLower(p.User)])
			}
			out = append(out, now)
		}
	}
	slices.SortFunc(out, func(a, b Present) int { return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.ID, b.ID)) })
	return out
}

// devices returns the connected devices that id sees, by user.
func (f *Feed) devices(id auth.Identity) map[string][]cot.Contact {
	out := make(map[string][]cot.Contact)
	for _, c := range f.router.Contacts(id) {
		user := strings.ToLower(c.User)
		out[user] = append(out[user], c)
	}
	return out
}

// uids returns which of the devices of its account a person in a room is. It is
// the one with the certificate that the person has shown; where that is none of
// them, the one with the call sign that the person goes by; else all of them. A
// call sign alone, without the account, proves nothing.
func (p Person) uids(devices []cot.Contact) []string {
	for _, is := range []func(cot.Contact) bool{
		func(c cot.Contact) bool { return p.Device != "" && c.Device == p.Device },
		func(c cot.Contact) bool { return strings.EqualFold(c.Callsign, p.Name) },
		func(cot.Contact) bool { return true },
	} {
		var out []string
		for _, c := range devices {
			if is(c) {
				out = append(out, c.UID)
			}
		}
		if len(out) > 0 {
			slices.Sort(out)
			return slices.Compact(out)
		}
	}
	return nil
}

// talking returns who talks, of those whom the page was told of and in the rooms
// that id may see now.
func (f *Feed) talking(id auth.Identity) []string {
	v := f.voice.Load()
	out := []string{}
	for _, r := range v.rooms {
		ids := v.talking[r.Name]
		if len(ids) == 0 || auth.Allow(id, auth.Read, r.Resource) != nil {
			continue
		}
		for _, who := range ids {
			if p, ok := f.heard.people[who]; ok && p.Room == r.Name {
				out = append(out, who)
			}
		}
	}
	slices.Sort(out)
	return out
}
