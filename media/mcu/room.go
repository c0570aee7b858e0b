package mcu

import (
	"cmp"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/bus"
)

// Layout is how a room's composite is arranged.
type Layout string

// The layouts.
const (
	LayoutGrid      Layout = "grid"      // everybody alike
	LayoutSpeaker   Layout = "speaker"   // who speaks, with a strip of the others
	LayoutPresenter Layout = "presenter" // the screen that is shared, with who speaks
	LayoutCustom    Layout = "custom"    // in cells that a host has placed
)

// Valid reports whether l is one of the layouts.
func (l Layout) Valid() bool {
	return l == LayoutGrid || l == LayoutSpeaker || l == LayoutPresenter || l == LayoutCustom
}

// Cell is a part of the composite that a host has placed, in percent of its width
// and height. Later cells lie over earlier ones.
type Cell struct {
	Show string `json:"show"` // id of a participant, CellSpeaker or CellScreen
	X    int    `json:"x"`
	Y    int    `json:"y"`
	W    int    `json:"w"`
	H    int    `json:"h"`
}

// What a Cell can show besides a participant.
const (
	CellSpeaker = "speaker" // who speaks
	CellScreen  = "screen"  // the newest screen or stream that is shown
)

// minCell is the smallest edge of a cell: less cannot be made out.
const minCell = 5 // percent

func (c Cell) valid() bool {
	return c.Show != "" && len(c.Show) <= maxName && c.X >= 0 && c.Y >= 0 && c.W >= minCell && c.H >= minCell && c.X <= 100-c.W && c.Y <= 100-c.H
}

// keptChat is how many messages who enters later is shown.
const keptChat = 200

// errEmptied: the last participant has left, and the room is on its way out.
var errEmptied = errors.New("the room is being closed")

// Room is a conversation while somebody is in it.
type Room struct {
	rooms *Rooms
	name  string
	log   *slog.Logger
	sound *sound

	pictures *pictures
	stream   *stream     // the room as a stream
	recorded atomic.Bool // its stream is being recorded

	set atomic.Pointer[Settings] // as they are now

	mu     sync.Mutex // guards what follows; held while legs are notified, so that all see one order
	people map[string]*Participant
	tracks map[string]*Track
	chat   []Chat // oldest first; at most keptChat, the oldest go
	layout Layout
	cells  []Cell // of LayoutCustom; replaced, never changed
	opened uint64 // tracks so far
	over   bool   // nobody may enter any more
	family family // of breakout rooms; replaced, never changed
}

func newRoom(r *Rooms, s *Settings) *Room {
	room := &Room{
		rooms: r, name: s.Name.String(), log: r.log.With("room", s.Name.String()),
		people: make(map[string]*Participant), tracks: make(map[string]*Track), layout: LayoutGrid,
	}
	room.set.Store(s)
	room.sound = newSound(room, r.cfg.Speakers)
	room.sound.control(s.Floor)
	if r.cfg.Replay > 0 {
		room.sound.replay = newReplay(r.cfg.Replay)
		room.sound.listening()
	}
	room.pictures = newPictures(room)
	if t := room.pictures.track; t != nil {
		room.tracks[t.ID] = t
	}
	room.stream = newStream(room)
	return room
}

func (m *Room) settings() *Settings { return m.set.Load() }

// Settings returns what the room is.
func (m *Room) Settings() Settings { return *m.settings() }

// Present returns how many are in the room, without those in the lobby.
func (m *Room) Present() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.present()
}

func (m *Room) present() (n int) {
	for _, p := range m.people {
		if !p.waiting {
			n++
		}
	}
	return n
}

// Members returns who is in the room and in its lobby, longest first.
func (m *Room) Members() []Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.members(true)
}

func (m *Room) members(lobby bool) []Member {
	out := make([]Member, 0, len(m.people))
	for _, p := range m.people {
		if lobby || !p.waiting {
			out = append(out, p.member())
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return out
}

// view is the room as p sees it. mu is held.
func (m *Room) view(p *Participant) View {
	s := m.settings()
	v := View{Name: m.name, Title: s.Title, Groups: s.Groups, Stream: s.Stream(), Number: s.Number,
		Lobby: s.Lobby, Locked: s.Locked, Recording: m.recorded.Load(), Watching: m.stream.watching(), Layout: m.layout, Cells: m.cells, Ends: s.Ends,
		Floor: s.Floor, Replay: int(m.rooms.cfg.Replay.Seconds())}
	if p.role == Host {
		v.PIN = s.PIN
	}
	m.family.show(&v, p)
	return v
}

// state is everything that p may know. mu is held.
func (m *Room) state(p *Participant) State {
	s := State{Self: p.ID, Waiting: p.waiting, Room: m.view(p), Participants: []Member{}, Tracks: []TrackInfo{}, Chat: []Chat{}}
	if p.waiting {
		s.Room = View{Name: m.name, Title: m.settings().Title}
		s.Participants = append(s.Participants, p.member())
		return s
	}
	s.Participants = m.members(p.role == Host)
	for _, t := range m.tracks {
		s.Tracks = append(s.Tracks, t.Info())
	}
	slices.SortFunc(s.Tracks, func(a, b TrackInfo) int { return cmp.Compare(a.ID, b.ID) })
	s.Speakers, s.Floor = m.sound.speakers(), m.sound.floorState()
	for _, c := range m.chat {
		if c.To == "" {
			s.Chat = append(s.Chat, c)
		}
	}
	return s
}

// enter takes p in, or into the lobby.
func (m *Room) enter(p *Participant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.settings()
	most := m.rooms.cfg.MaxParticipants
	if s.Capacity > 0 && !p.passed {
		most = min(most, s.Capacity)
	}
	switch {
	case m.over:
		return errEmptied
	case s.Locked && p.role != Host && !p.passed:
		return ErrLocked
	case len(m.people) >= most && p.role != Host, len(m.people) >= m.rooms.cfg.MaxParticipants:
		return ErrFull
	}
	p.in.Store(m)
	p.since = time.Now()
	p.emergency = p.emergency || m.rooms.isAlarmed(p.user)
	p.setRank()
	p.waiting = s.Lobby && p.role != Host && !p.passed
	m.people[p.ID] = p
	m.rooms.count.participants.Add(1)
	p.leg.Notify(Event{EventState, m.state(p)})
	m.spread(p, Event{EventParticipant, p.member()})
	if !p.waiting {
		m.joined(p)
	}
	p.log.Info("participant entered", "name", p.name, "role", p.role, "waiting", p.waiting)
	return nil
}

// joined says that p is in. mu is held, and the bus does not block.
func (m *Room) joined(p *Participant) {
	m.fact(FactJoined, p)
}

// fact puts a fact about the room, and about p unless it is nil, on the bus. mu
// is held.
func (m *Room) fact(kind string, p *Participant) {
	m.rooms.stir(m.settings())
	f := Fact{Room: m.name, Present: m.present()}
	if p != nil {
		f.Participant, f.Name, f.Kind = p.ID, p.name, p.kind
	}
	m.rooms.deps.Bus.Publish(bus.Fact{Kind: kind, Data: f, Groups: m.settings().Groups})
}

// tellBus is fact for who does not hold mu.
func (m *Room) tellBus(kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fact(kind, nil)
}

// spread tells everybody but from; what happens in the lobby, only hosts. mu is
// held.
func (m *Room) spread(from *Participant, e Event) {
	m.pictures.changed()
	m.bridge(e)
	for _, p := range m.people {
		if p == from || p.waiting || from != nil && from.waiting && p.role != Host {
			continue
		}
		p.leg.Notify(e)
	}
}

// show tells everybody what p is now, itself too. mu is held.
func (m *Room) show(p *Participant) {
	if m.people[p.ID] != p {
		return // nobody is to hear of who has left
	}
	e := Event{EventParticipant, p.member()}
	m.spread(p, e)
	p.leg.Notify(e)
}

// tellAll tells everybody who is in. mu is held.
func (m *Room) tellAll(e Event) { m.spread(nil, e) }

// showRoom tells everybody what the room is now. mu is held.
func (m *Room) showRoom() {
	m.pictures.changed()
	for _, p := range m.people {
		if !p.waiting {
			p.leg.Notify(Event{EventRoom, m.view(p)})
		}
	}
}

// leave takes p out.
func (m *Room) leave(p *Participant, reason error) {
	why := ""
	if reason != nil {
		why = reason.Error()
	}
	p.silence()
	p.deafen()
	m.pictures.closeAll(p)
	m.mu.Lock()
	if m.people[p.ID] != p {
		m.mu.Unlock()
		return
	}
	delete(m.people, p.ID)
	m.sound.letGo(p)
	for id, t := range m.tracks {
		if t.owner == p {
			delete(m.tracks, id)
			t.shut()
			if !p.waiting {
				m.tellAll(Event{EventUntrack, Untrack{ID: id}})
			}
		}
	}
	m.spread(p, Event{EventLeft, Left{ID: p.ID, Reason: why}})
	m.rooms.count.participants.Add(-1)
	if !p.waiting {
		m.fact(FactLeft, p)
	}
	p.waiting = true // nothing more for it
	m.mu.Unlock()
	m.release()
}

// release closes the room if nobody is in it. Streams on its stage do not keep
// it open.
func (m *Room) release() {
	m.mu.Lock()
	empty := len(m.people) == 0 && !m.over
	if empty {
		m.over = true
	}
	var feeds []*Participant
	for _, p := range m.people {
		if p.kind != Feed {
			feeds = nil
			break
		}
		feeds = append(feeds, p)
	}
	m.mu.Unlock()
	for _, p := range feeds {
		p.end(ErrClosed)
	}
	if empty {
		m.stop()
	}
}

// close shows everybody out.
func (m *Room) close(reason error) {
	m.mu.Lock()
	m.over = true
	people := make([]*Participant, 0, len(m.people))
	for _, p := range m.people {
		people = append(people, p)
	}
	m.mu.Unlock()
	for _, p := range people {
		p.end(reason)
	}
	m.stop()
}

// stop ends what runs for a room that is over.
func (m *Room) stop() {
	m.sound.stop()
	m.pictures.stop()
	m.stream.stop()
	m.rooms.closed(m)
}

// change puts new settings in force.
func (m *Room) change(s *Settings) {
	m.set.Store(s)
	m.stream.changed() // its groups may be others
	var quiet []*Participant
	m.mu.Lock()
	m.sound.control(s.Floor)
	for _, p := range m.people {
		if m.entitle(p, s) {
			m.show(p)
			if p.role == Listener {
				quiet = append(quiet, p)
			}
		}
	}
	m.showRoom()
	if b := m.rooms.deps.Bridge; b != nil {
		b.Stirred(m.name)
	}
	if !s.Lobby {
		for _, p := range m.people {
			m.admit(p)
		}
	}
	m.mu.Unlock()
	for _, p := range quiet {
		p.hush()
	}
}

// admit lets p in from the lobby. mu is held.
func (m *Room) admit(p *Participant) {
	if !p.waiting {
		return
	}
	p.waiting = false
	p.leg.Notify(Event{EventState, m.state(p)})
	m.spread(p, Event{EventParticipant, p.member()})
	m.joined(p)
}

// find returns a participant of the room by its id. mu is held.
func (m *Room) find(id string) (*Participant, error) {
	if p := m.people[id]; p != nil {
		return p, nil
	}
	return nil, ErrGone
}

// maxChat bounds one message.
const maxChat = 4000 // characters

func (m *Room) say(p *Participant, to, text string) (Chat, error) {
	if text == "" || !chatText(text) {
		return Chat{}, errChat
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.people[p.ID] != p || p.waiting {
		return Chat{}, ErrGone
	}
	c := Chat{ID: rand.Text(), From: p.ID, Name: p.name, To: to, Text: text, At: time.Now()}
	if to != "" {
		other, err := m.find(to)
		if err != nil || other.waiting {
			return Chat{}, ErrGone
		}
		other.leg.Notify(Event{EventChat, c})
		if other != p {
			p.leg.Notify(Event{EventChat, c})
		}
		return c, nil
	}
	m.remember(c)
	m.tellAll(Event{EventChat, c})
	return c, nil
}

// Tell shows everybody in the room a message of the server itself, in the words
// text.
func (m *Room) Tell(text string, n Notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Chat{ID: rand.Text(), Text: text, At: time.Now(), Notice: &n}
	m.remember(c)
	m.tellAll(Event{EventChat, c})
}

// Noticed returns the newest message of the server itself that is remembered.
func (m *Room) Noticed() (c Chat, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range slices.Backward(m.chat) {
		if c.Notice != nil {
			return c, true
		}
	}
	return Chat{}, false
}

// remember keeps a message for those who enter later. mu is held.
func (m *Room) remember(c Chat) {
	if len(m.chat) == keptChat {
		m.chat = slices.Delete(m.chat, 0, 1)
	}
	m.chat = append(m.chat, c)
}
