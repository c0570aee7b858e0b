package voice

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/voice/wire"
)

// room is a bridge that writes down what it is told.
type room struct {
	refuses bool // that anybody is heard

	mu     sync.Mutex
	events []string
	voice  []Packet
	ids    map[uint32]auth.Identity
}

func (r *room) note(format string, a ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, a...))
}

func (r *room) Joined(m Member) {
	r.note("joined %s %s", m.Channel, m.Name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = make(map[uint32]auth.Identity)
	}
	r.ids[m.Session] = m.Identity
}
func (r *room) Left(m Member) { r.note("left %s %s", m.Channel, m.Name) }
func (r *room) Changed(m Member) {
	r.note("changed %s muted %t deaf %t", m.Name, m.Muted, m.Deaf)
	if m.Priority {
		r.note("priority %s", m.Name)
	}
}
func (r *room) Text(m Member, text string) { r.note("text %s %s", m.Name, text) }

func (r *room) Voice(_ uint32, channel string, p Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.Opus = bytes.Clone(p.Opus)
	r.voice = append(r.voice, p)
	r.events = append(r.events, "voice "+channel)
	return !r.refuses
}

func (r *room) await(t *testing.T, event string) {
	t.Helper()
	eventually(t, event, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return slices.Contains(r.events, event) })
}

func TestSeats(t *testing.T) {
	r := &room{}
	h := newHouse()
	s := serve(t, h, func(_ *Config, d *Deps) { d.Bridge = r })
	if _, err := s.Seat("rooms/none", VirtualUser{Name: "x"}); !errors.Is(err, ErrNoChannel) {
		t.Error(err)
	}
	alice, carol, op := s.joined("alice", "blue"), s.joined("carol", "red"), s.joined("op", "blue")
	asked := make(chan string, 10)
	seat, err := s.Seat("group/blue", VirtualUser{
		Name: "Browser <1>", Comment: "from a browser", Mute: func(m bool) { asked <- fmt.Sprint("mute ", m) },
		Kick: func(reason string) { asked <- "kick " + reason },
	})
	if err != nil {
		t.Fatal(err)
	}
	twin, err := s.Seat("group/blue", VirtualUser{Name: "Browser 1", Muted: true})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are seen, each by a name of its own", func() bool {
		return alice.where("Browser 1") == "blue" && alice.where("Browser 1 (2)") == "blue" && isTrue(alice.user("Browser 1 (2)").SelfMute)
	})
	seat.Voice(100, frame20(1), false)
	twin.Voice(100, frame20(2), false)
	alice.hears(frame20(1))
	if got := alice.heard(frame20(1)); got[0].session != uint64(seat.Session()) {
		t.Errorf("%+v", got)
	}
	seat.Voice(102, nil, true)
	seat.Voice(104, []byte{0xe0, 1}, false) // 2.5 ms
	seat.Say("1 < 2 & 3")
	await(alice, "the text", func(m *wire.TextMessage) bool {
		return value(m.Text) == "1 &lt; 2 &amp; 3" && value(m.Actor) == seat.Session()
	})
	alice.send(&wire.TextMessage{Sessions: []uint32{seat.Session()}, Text: new("psst")})
	if d := alice.denied(); value(d.Reason) == "" {
		t.Errorf("a text to who cannot get it: %+v", d)
	}
	alice.settle()
	carol.settle()
	alice.mu.Lock()
	n := len(alice.voice)
	alice.mu.Unlock()
	carol.mu.Lock()
	elsewhere := len(carol.voice)
	carol.mu.Unlock()
	if n != 2 || elsewhere != 0 {
		t.Errorf("%d packets, and %d elsewhere", n, elsewhere)
	}
	twin.SetState(false, true)
	eventually(t, "its state is shown", func() bool { u := alice.user("Browser 1 (2)"); return !isTrue(u.SelfMute) && isTrue(u.SelfDeaf) })
	op.send(&wire.UserState{Session: new(seat.Session()), Mute: new(true)})
	op.send(&wire.UserRemove{Session: new(seat.Session()), Reason: new("out")})
	op.send(&wire.UserState{Session: new(twin.Session()), Mute: new(true)})
	if d := op.denied(); !strings.Contains(value(d.Reason), "room") {
		t.Errorf("%+v", d)
	}
	got := []string{<-asked, <-asked}
	slices.Sort(got)
	if !slices.Equal(got, []string{"kick out", "mute true"}) {
		t.Errorf("%q", got)
	}
	late := s.joined("dave", "blue")
	if u := late.user("Browser 1"); u == nil || value(u.Comment) != "from a browser" {
		t.Errorf("%+v", u)
	}
	r.mu.Lock()
	if slices.ContainsFunc(r.events, func(e string) bool { return strings.HasPrefix(e, "voice") }) {
		t.Error("what a seat says came back over the bridge")
	}
	r.mu.Unlock()
	seat.Close()
	seat.Close()
	seat.Voice(200, frame20(9), false)
	eventually(t, "it is gone", func() bool { return alice.user("Browser 1") == nil })
	h.set(group("red"))
	eventually(t, "a seat ends with its channel", func() bool { return alice.user("Browser 1 (2)") == nil })
	twin.Voice(300, frame20(9), false)
	twin.SetState(true, true)
	twin.Close()
}

func TestBridgeIsToldOfMumbleUsers(t *testing.T) {
	r := &room{}
	h := newHouse()
	s := serve(t, h, func(_ *Config, d *Deps) { d.Bridge = r })
	alice, dave := s.joined("alice", "blue"), s.joined("dave", "blue")
	r.await(t, "joined group/blue alice")
	r.mu.Lock()
	id := r.ids[alice.session]
	r.mu.Unlock()
	if id.User != "alice" || len(id.Groups) != 1 {
		t.Errorf("%+v", id)
	}
	alice.say(0, 4, frame20(1))
	alice.say(0, 6, nil)
	r.await(t, "voice group/blue")
	eventually(t, "packets as they are", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.voice) == 2 && r.voice[0].Seq == 4 && bytes.Equal(r.voice[0].Opus, frame20(1)) && len(r.voice[1].Opus) == 0
	})
	blue, _ := alice.channel("blue")
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("<i>to</i> the room &lt; 3")})
	r.await(t, "text alice to the room < 3")
	alice.send(&wire.UserState{SelfMute: new(true)})
	r.await(t, "changed alice muted true deaf false")
	alice.say(0, 8, frame20(2))
	alice.settle()
	if err := s.Mute(dave.session, true); err != nil {
		t.Error(err)
	}
	r.await(t, "changed dave muted true deaf false")
	dave.join("red")
	r.await(t, "left group/blue dave")
	r.await(t, "joined group/red dave")
	if err := s.Dismiss(dave.session); err != nil {
		t.Error(err)
	}
	r.await(t, "left group/red dave")
	h.grant("alice", auth.Grant{Group: "blue", Out: true})
	alice.send(&wire.UserState{SelfMute: new(false)})
	alice.say(0, 10, frame20(3)) // without the right
	alice.settle()
	if err := s.Kick(alice.session, "bye"); err != nil {
		t.Error(err)
	}
	r.await(t, "left group/blue alice")
	if err := s.Kick(alice.session, "bye"); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.voice) != 2 {
		t.Errorf("%d packets", len(r.voice))
	}
}

// TestWhereOneSpeaksAtATime: nobody hears what the bridge refuses, and there is no
// way past it.
func TestWhereOneSpeaksAtATime(t *testing.T) {
	r := &room{refuses: true}
	h := newHouse()
	s := serve(t, h, func(_ *Config, d *Deps) { d.Bridge = r })
	alice, bob, dave, op := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("dave", "red"), s.joined("op", "blue")
	alice.say(0, 1, frame20(1))
	bob.hears(frame20(1)) // without floor control the answer does not count
	one := group("blue")
	one.Floor = true
	h.set(one, group("red"))
	eventually(t, "floor control", func() bool { s.mu.RLock(); defer s.mu.RUnlock(); return s.byKey["group/blue"].floor })
	blue, _ := alice.channel("blue")
	red, _ := dave.channel("red")
	alice.send(&wire.VoiceTarget{ID: new(uint32(1)), Targets: []wire.Target{{Channel: new(blue)}}})
	dave.send(&wire.ChannelState{ID: new(red), LinksAdd: []uint32{blue}})
	alice.settle()
	dave.settle()
	alice.say(0, 3, frame20(2))
	alice.say(1, 5, frame20(3)) // a shout
	dave.say(0, 1, frame20(4))  // over a link, if there is one
	alice.settle()
	dave.settle()
	bob.settle()
	if err := s.Tell(alice.session, 7, frame20(5), false); err != nil {
		t.Fatal(err)
	}
	alice.hears(frame20(5))
	if got := alice.heard(frame20(5)); got[0].session != uint64(alice.session) {
		t.Errorf("%+v", got)
	}
	bob.settle()
	for _, n := range []byte{2, 3, 4, 5} {
		if len(bob.heard(frame20(n))) != 0 {
			t.Errorf("packet %d is heard", n)
		}
	}
	op.send(&wire.UserState{Session: new(bob.session), PrioritySpeaker: new(true)})
	r.await(t, "priority bob")
	r.mu.Lock()
	r.refuses = false
	r.mu.Unlock()
	alice.say(0, 9, frame20(6))
	bob.hears(frame20(6))
	r.mu.Lock()
	r.refuses = true
	r.mu.Unlock()
	alice.say(0, 11, frame20(7))
	alice.say(0, 13, frame20(8))
	alice.settle()
	bob.settle()
	end := wire.AppendBody(nil, 11, nil, true)                                                   // told once, for a client that does not say it
	if len(bob.heard(end)) != 1 || len(bob.heard(frame20(7))) != 0 || len(bob.heard(nil)) != 4 { // and once when floor control began
		t.Errorf("who is cut off ends %d times; %d packets", len(bob.heard(end)), len(bob.heard(nil)))
	}
	if err := s.Refuse(alice.session, "bob is talking"); err != nil || value(alice.denied().Reason) != "bob is talking" {
		t.Error(err)
	}
	if err := s.Refuse(1<<30, "bob is talking"); !errors.Is(err, ErrGone) {
		t.Errorf("nobody is refused: %v", err)
	}
	if err := s.Tell(1<<30, 1, frame20(1), false); !errors.Is(err, ErrGone) {
		t.Errorf("nobody is told: %v", err)
	}
}

func TestOverview(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.joined("alice", "blue")
	if _, err := s.Seat("group/blue", VirtualUser{Name: "Zoe"}); err != nil {
		t.Fatal(err)
	}
	alice.say(0, 1, frame20(1))
	alice.settle()
	all := s.Channels()
	if len(all) != 3 || all[1].Name != "blue" || all[1].Key != "group/blue" || len(all[1].Users) != 2 {
		t.Fatalf("%+v", all)
	}
	if u := all[1].Users[0]; u.User != "alice" || !u.Talks || u.Seat || !all[1].Users[1].Seat {
		t.Errorf("%+v", all[1].Users)
	}
}

// TestVoiceDoesNotAllocate keeps the way of a packet cheap.
func TestVoiceDoesNotAllocate(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.joined("alice", "blue")
	s.joined("bob", "blue").openUDP()
	s.joined("dave", "blue")
	s.mu.RLock()
	c := s.users[alice.session].c
	s.mu.RUnlock()
	p := speechPacket(0, 1, frame20(1), false)
	now := time.Now()
	n := testing.AllocsPerRun(200, func() {
		now = now.Add(20 * time.Millisecond)
		s.heardVoice(c, p, now)
	})
	if n > 3 { // now and then a pool is emptied, more so with the race detector, or a queue grows
		t.Errorf("%v allocations per packet", n)
	}
}

func TestTheServerSpeaksAndSummons(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, carol, dave := s.joined("alice", "blue"), s.joined("carol", "red"), s.login("dave")
	texts := func(c *client) (out []string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, m := range c.got {
			if m, ok := m.(*wire.TextMessage); ok {
				out = append(out, value(m.Text))
			}
		}
		return out
	}
	about := auth.Data("emergency", []string{"blue"})
	if n := s.Alert(about, "911 <b>"); n != 1 {
		t.Errorf("told %d, want those in a channel who may know", n)
	}
	s.Say("group/red", "to red")
	s.Say("group/none", "to nobody")
	await(alice, "the alert", func(m *wire.TextMessage) bool {
		return m.Actor == nil && value(m.Text) == "911 &lt;b>"
	})
	await(carol, "what is said in the channel", func(m *wire.TextMessage) bool { return value(m.Text) == "to red" })
	if _, err := s.Summon(about, "group/none"); !errors.Is(err, ErrNoChannel) {
		t.Error(err)
	}
	if n, err := s.Summon(auth.Data("emergency", []string{"blue", "red"}), "group/blue"); n != 0 || err != nil {
		t.Errorf("moved %d, %v: she may not enter", n, err)
	}
	if n, err := s.Summon(about, "group/red"); n != 0 || err != nil {
		t.Errorf("moved %d, %v: who may is in no channel", n, err)
	}
	for _, c := range []*client{alice, carol, dave} {
		c.settle()
	}
	if alice.where("alice") != "blue" || len(texts(dave)) > 0 || len(texts(carol)) != 1 {
		t.Errorf("alice is in %q, dave was told %q, carol %q", alice.where("alice"), texts(dave), texts(carol))
	}
	dave.join("blue")
	if n, err := s.Summon(about, "group/red"); n != 1 || err != nil {
		t.Errorf("moved %d, %v", n, err)
	}
	eventually(t, "to be where help is wanted", func() bool { return dave.where("dave") == "red" })
}

// TestWhoIsKeptBack: in a room with a lobby nobody hears or is heard before the
// room says so, and nothing goes in or out past it.
func TestWhoIsKeptBack(t *testing.T) {
	r := &room{}
	h := newHouse()
	for _, who := range []string{"alice", "bob", "op"} {
		id := h.people[who]
		id.Groups = []auth.Grant{both("blue"), both("red")}
		h.people[who] = id
	}
	s := serve(t, h, func(_ *Config, d *Deps) { d.Bridge = r })
	shut := group("blue")
	shut.Closed = true
	h.set(shut, group("red"))
	closed := func() bool { s.mu.RLock(); defer s.mu.RUnlock(); return s.byKey["group/blue"].closed }
	eventually(t, "the lobby", closed)
	alice, bob, dave := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("dave", "red")
	blue, _ := alice.channel("blue")
	red, _ := dave.channel("red")
	seat, err := s.Seat("group/blue", VirtualUser{Name: "host"})
	if err != nil {
		t.Fatal(err)
	}
	all := []*client{alice, bob, dave}
	settle := func() {
		for _, c := range all {
			c.settle()
		}
	}
	let := func(c *client, held Held) {
		t.Helper()
		if err := s.Hold(c.session, "group/blue", held); err != nil {
			t.Fatal(err)
		}
	}
	silent := func(what string, to *client, n byte) {
		t.Helper()
		settle()
		if len(to.heard(frame20(n))) != 0 {
			t.Error(what)
		}
	}
	let(alice, Held{})
	alice.send(&wire.VoiceTarget{ID: new(uint32(1)), Targets: []wire.Target{{Sessions: []uint32{bob.session}}}})
	bob.send(&wire.VoiceTarget{ID: new(uint32(1)), Targets: []wire.Target{{Channel: new(blue)}, {Sessions: []uint32{alice.session}}}})
	dave.send(&wire.VoiceTarget{ID: new(uint32(1)), Targets: []wire.Target{{Channel: new(blue)}}})
	dave.send(&wire.UserState{ListenAdd: []uint32{blue}})
	if d := dave.denied(); value(d.Permission) != wire.Listen {
		t.Errorf("%+v", d)
	}
	op := s.joined("op", "red")
	op.send(&wire.ChannelState{ID: new(red), LinksAdd: []uint32{blue}})
	op.settle()
	settle()
	seat.Voice(0, frame20(1), false)
	alice.hears(frame20(1))
	silent("who waits hears the room", bob, 1)
	alice.say(0, 1, frame20(2))
	alice.say(1, 3, frame20(3))
	silent("who waits hears those who are in", bob, 2)
	silent("who waits is whispered to", bob, 3)
	silent("a link leads out", dave, 2)
	bob.say(0, 1, frame20(4))
	bob.say(1, 3, frame20(5))
	dave.say(0, 1, frame20(6))
	dave.say(1, 3, frame20(7))
	silent("who waits is heard", alice, 4)
	silent("who waits whispers", alice, 5)
	silent("a link leads in", alice, 6)
	silent("a shout leads in", alice, 7)
	bob.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("hello")})
	await(bob, "a refusal", func(m *wire.PermissionDenied) bool { return value(m.Reason) != "" })
	dave.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("hello")})
	await(dave, "a refusal", func(m *wire.PermissionDenied) bool { return value(m.Permission) == wire.Text })
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Trees: []uint32{0}, Text: new("not for bob")})
	seat.Say("nor this")
	settle()
	bob.mu.Lock()
	for _, m := range bob.got {
		if m, is := m.(*wire.TextMessage); is {
			t.Errorf("who waits reads %q", value(m.Text))
		}
	}
	bob.mu.Unlock()

	let(bob, Held{Listens: true})
	alice.say(0, 9, frame20(8))
	bob.hears(frame20(8))
	bob.say(0, 9, frame20(9))
	bob.say(1, 11, frame20(10))
	silent("a listener is heard", alice, 9)
	let(bob, Held{})
	bob.say(0, 13, frame20(11))
	alice.hears(frame20(11))

	other := group("blue") // of other people: the channel is put up anew
	other.Closed, other.Resource.Groups = true, []string{"blue", "green"}
	h.set(other, group("red"))
	eventually(t, "the channel of more groups", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return len(s.byKey["group/blue"].res.Groups) == 2 && len(s.byKey["group/blue"].users) == 3
	})
	settle()
	bob.say(0, 15, frame20(12))
	alice.hears(frame20(12)) // was let in, and has not been away
	bob.join("red")
	bob.join("blue")
	bob.say(0, 17, frame20(13))
	silent("who comes back is let in unasked", alice, 13)
	if err := s.Hold(bob.session, "group/red", Held{}); err != nil {
		t.Error(err)
	}
	bob.say(0, 19, frame20(14))
	silent("the word of another room counts", alice, 14)
	eventually(t, "the bridge to be asked again", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		n := 0
		for _, e := range r.events {
			if strings.HasPrefix(e, "joined group/blue bob") {
				n++
			}
		}
		return n == 2
	})
}
