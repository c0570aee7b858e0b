package voice

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/internal/auth"
	"muster/voice/wire"
)

// isRefused fails the test unless err is Refused.
func isRefused(t *testing.T, what string, err error) {
	t.Helper()
	var no Refused
	if !errors.As(err, &no) || no == "" {
		t.Errorf("%s: %v", what, err)
	}
}

func TestScriptsChangeUsers(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	red := s.byKey["group/red"].id
	if err := s.Alter(&wire.UserState{Session: new(alice.session), Mute: new(true), PrioritySpeaker: new(true), Name: new("Alpha <1>"), Comment: new("<b>hi</b>")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "bob is told", func() bool {
		u := bob.user("Alpha 1")
		return u != nil && isTrue(u.Mute) && isTrue(u.PrioritySpeaker) && value(u.Comment) == "hi"
	})
	alice.say(0, 1, frame20(1))
	alice.settle()
	if err := s.Alter(&wire.UserState{Session: new(alice.session), Mute: new(false)}); err != nil {
		t.Fatal(err)
	}
	alice.say(0, 2, frame20(2))
	bob.hears(frame20(2))
	if len(bob.heard(frame20(1))) != 0 {
		t.Error("a muted user is heard")
	}
	isRefused(t, "led where the house does not let her", s.Alter(&wire.UserState{Session: new(alice.session), Channel: new(red)}))
	isRefused(t, "a name that cannot be shown", s.Alter(&wire.UserState{Session: new(alice.session), Name: new("<>")}))
	if err := s.Alter(&wire.UserState{Session: new(alice.session), Channel: new(uint32(77))}); !errors.Is(err, ErrNoChannel) {
		t.Error(err)
	}
	if err := s.Alter(&wire.UserState{Session: new(uint32(77)), Mute: new(true)}); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if err := s.Alter(&wire.UserState{Session: new(alice.session), Channel: new(uint32(0))}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "she is moved", func() bool { return value(alice.me().Channel) == 0 })

	kicked := make(chan string, 1)
	seat, err := s.Seat("group/blue", VirtualUser{Name: "browser", Kick: func(why string) { kicked <- why }})
	if err != nil {
		t.Fatal(err)
	}
	defer seat.Close()
	if err := s.Kick(seat.Session(), "enough"); err != nil || <-kicked != "enough" {
		t.Error("a seat is not asked to go:", err)
	}
	isRefused(t, "a seat is moved", s.Alter(&wire.UserState{Session: new(seat.Session()), Channel: new(uint32(0))}))
	isRefused(t, "a seat that the room does not mute", s.Alter(&wire.UserState{Session: new(seat.Session()), Mute: new(true)}))

	blue := s.byKey["group/blue"].id
	if err := s.Send(&wire.TextMessage{Channels: []uint32{blue}, Sessions: []uint32{alice.session}, Text: new("<i>all</i>")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{alice, bob} {
		await(c, "the text", func(m *wire.TextMessage) bool { return value(m.Text) == "all" && m.Actor == nil })
	}
	if p, err := s.Permissions(alice.session, red); err != nil || p != 0 {
		t.Error(p, err)
	}
	if err := s.Kick(alice.session, "out"); err != nil {
		t.Fatal(err)
	}
	await(alice, "she is kicked", func(m *wire.UserRemove) bool { return value(m.Reason) == "out" })
}

func TestScriptsMakeChannels(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, carol, dave := s.login("alice"), s.login("carol"), s.login("dave")
	id, err := s.AddChannel("Lobby <x>", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{alice, carol, dave} {
		c.join("Lobby x")
	}
	// It is for everybody, and still nobody meets those he shares no group with.
	dave.say(0, 1, frame20(1))
	alice.hears(frame20(1))
	carol.hears(frame20(1))
	alice.say(0, 1, frame20(2))
	dave.hears(frame20(2))
	carol.settle()
	if carol.user("alice") != nil || len(carol.heard(frame20(2))) != 0 {
		t.Error("two who share no group meet in a channel of a script")
	}
	for _, c := range []*client{alice, carol, dave} {
		c.send(&wire.UserState{Channel: new(uint32(0))})
		c.settle()
	}
	if s.Tree(); s.channels[id] == nil {
		t.Error("it is gone when nobody is in it")
	}
	if _, err := s.AddChannel("lobby x", 0); err == nil {
		t.Error("two channels of one name")
	}
	blue, _ := alice.channel("blue")
	below, err := s.AddChannel("below blue", blue)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "alice sees it", func() bool { _, ok := alice.channel("below blue"); return ok })
	carol.settle()
	if _, ok := carol.channel("below blue"); ok {
		t.Error("it is shown to those who do not see its parent")
	}
	for deep := below; ; {
		deep, err = s.AddChannel("deeper", deep)
		if err != nil {
			break
		}
	}
	if !errors.Is(err, ErrTooDeep) {
		t.Error(err)
	}
	if err := s.EditChannel(&wire.ChannelState{ID: new(below), Name: new("new name"), Description: new("what for"), LinksAdd: []uint32{blue}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "alice sees the change", func() bool { _, ok := alice.channel("new name"); return ok })
	isRefused(t, "a channel of the house is renamed", s.EditChannel(&wire.ChannelState{ID: new(blue), Name: new("mine")}))
	isRefused(t, "a channel moves", s.EditChannel(&wire.ChannelState{ID: new(below), Parent: new(uint32(0))}))
	isRefused(t, "a channel of the house is removed", s.RemoveChannel(blue))
	isRefused(t, "the root is removed", s.RemoveChannel(0))
	isRefused(t, "the list of a channel of the house is changed", s.SetAccessList(&wire.ACL{Channel: new(blue)}))
	if err := s.RemoveChannel(below); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveChannel(below); !errors.Is(err, ErrNoChannel) {
		t.Error(err)
	}
	eventually(t, "it is gone for alice", func() bool { _, ok := alice.channel("new name"); return !ok })
	if n := s.temporaries; n != 1 {
		t.Errorf("%d channels are counted", n)
	}
}

func TestScriptsPutUsersIntoGroups(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.login("alice"), s.login("bob")
	blue, _ := alice.channel("blue")
	id, err := s.AddChannel("net", blue)
	if err != nil {
		t.Fatal(err)
	}
	alice.join("net")
	bob.join("net")
	rule := func(group string, grant, deny uint32) wire.ACLRule {
		return wire.ACLRule{Here: new(true), Below: new(true), Group: new(group), Grant: new(grant), Deny: new(deny)}
	}
	if err := s.SetAccessList(&wire.ACL{Channel: new(id), Rules: []wire.ACLRule{rule("all", 0, wire.Speak), rule("talkers", wire.Speak|wire.BanUsers, 0)}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "alice may not speak", func() bool { return isTrue(alice.me().Suppress) })
	if err := s.JoinGroup(alice.session, blue, "Talkers"); err != nil { // above it
		t.Fatal(err)
	}
	eventually(t, "now she may", func() bool { return !isTrue(alice.me().Suppress) })
	if p, _ := s.Permissions(alice.session, id); p&wire.BanUsers != 0 {
		t.Error("a list gives a right of the house")
	}
	if l, err := s.AccessList(id); err != nil || len(l.Rules) != 4 || !isTrue(l.Rules[1].Inherited) || isTrue(l.Rules[2].Inherited) {
		t.Error(l, err)
	}
	// Shouts to a group go to another one.
	if err := s.Redirect(bob.session, "nobody", "talkers"); err != nil {
		t.Fatal(err)
	}
	bob.send(&wire.VoiceTarget{ID: new(uint32(3)), Targets: []wire.Target{{Channel: new(id), Group: new("nobody")}}})
	bob.say(3, 1, frame20(9))
	alice.hears(frame20(9))
	if err := s.LeaveGroup(alice.session, blue, "talkers"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "again she may not", func() bool { return isTrue(alice.me().Suppress) })
	isRefused(t, "a group without a name", s.JoinGroup(alice.session, 0, "<>"))
	for i := range 2 * maxGroups {
		err = s.JoinGroup(alice.session, 0, "g"+strings.Repeat("x", i))
	}
	isRefused(t, "too many groups", err)
}

func TestWatch(t *testing.T) {
	s := serve(t, newHouse(), nil)
	var mu sync.Mutex
	var got []Event
	s.Watch(func(e Event) { mu.Lock(); got = append(got, e); mu.Unlock() })
	saw := func(what string, ok func(Event) bool) {
		t.Helper()
		eventually(t, what, func() bool { mu.Lock(); defer mu.Unlock(); return slices.ContainsFunc(got, ok) })
	}
	alice := s.joined("alice", "blue")
	blue, _ := alice.channel("blue")
	of := func(kind EventKind) func(Event) bool {
		return func(e Event) bool {
			return e.Kind == kind && e.Session.Number == alice.session && e.Session.Login == "alice"
		}
	}
	saw("the login", of(Connected))
	saw("the move", func(e Event) bool { return of(Altered)(e) && e.Session.Channel == blue })
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("hello")})
	saw("the text", func(e Event) bool { return of(Texted)(e) && value(e.Text.Text) == "hello" })
	alice.send(&wire.ContextAction{Action: new("never offered")})
	if err := s.AddAction(alice.session, "act", "Do it", wire.MenuUser); err != nil {
		t.Fatal(err)
	}
	await(alice, "the menu", func(m *wire.ContextModify) bool { return value(m.Action) == "act" && value(m.Text) == "Do it" })
	alice.send(&wire.ContextAction{Action: new("act"), Session: new(alice.session)})
	saw("what was chosen", func(e Event) bool { return of(ActionChosen)(e) && value(e.Action.Action) == "act" })
	s.RemoveAction("act")
	await(alice, "the menu is gone", func(m *wire.ContextModify) bool { return value(m.Operation) == wire.MenuRemove })
	id, err := s.AddChannel("new", 0)
	if err != nil {
		t.Fatal(err)
	}
	about := func(kind EventKind) func(Event) bool {
		return func(e Event) bool { return e.Kind == kind && e.Channel != nil && *e.Channel.ID == id }
	}
	saw("a channel", about(ChannelMade))
	_ = s.EditChannel(&wire.ChannelState{ID: new(id), Position: new(int32(4))})
	saw("its change", about(ChannelAltered))
	_ = s.RemoveChannel(id)
	saw("its end", about(ChannelRemoved))
	alice.close()
	saw("the end of a session", of(Disconnected))
	mu.Lock()
	defer mu.Unlock()
	if slices.ContainsFunc(got, func(e Event) bool { return e.Kind == ActionChosen && value(e.Action.Action) != "act" }) {
		t.Error("an action that was never offered is told")
	}
	s.Watch(nil)
}

// gate lets in by name.
type gate struct {
	mu    sync.Mutex
	asked []Login
}

func (g *gate) Admit(_ context.Context, l Login) (Admission, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, l)
	switch l.Identity.User {
	case "alice":
		return Admission{Name: "Alpha", Groups: []string{"scouts", "<>"}}, nil
	case "bob":
		return Admission{Refused: true}, nil
	case "carol":
		return Admission{}, errors.New("no answer")
	}
	return Admission{Name: l.Name}, nil
}

func TestGate(t *testing.T) {
	g := &gate{}
	s := serve(t, newHouse(), func(_ *Config, d *Deps) { d.Gate = g })
	for _, tc := range []struct{ user, password, error string }{
		{"dave", "wrong", "wrong user name, password or certificate"},
		{"nobody", "pw nobody", "wrong user name, password or certificate"},
		{"bob", "pw bob", "wrong user name, password or certificate"},
		{"carol", "pw carol", "the login cannot be checked at the moment"},
		{"dave", "pw dave", ""},
	} {
		_, err := s.dial(credentials{name: tc.user, password: tc.password, opus: true})
		if (tc.error != "" || err != nil) && (err == nil || err.Error() != tc.error) {
			t.Errorf("%s: %v", tc.user, err)
		}
	}
	g.mu.Lock()
	for _, l := range g.asked {
		if l.Identity.User == "nobody" {
			t.Error("the gate is asked about somebody without credentials")
		}
	}
	g.mu.Unlock()
	c, err := s.dial(credentials{name: "Old---vs1", cert: ours(t, "alice", "phone"), opus: true})
	if err != nil {
		t.Fatal(err)
	}
	if name := value(c.me().Name); name != "Alpha---vs1" {
		t.Errorf("shown as %q", name)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	last := g.asked[len(g.asked)-1]
	if last.Name != "Old---vs1" || !last.Strong || len(last.Certificates) != 1 || len(last.Hash) != 40 {
		t.Errorf("%+v", last)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if u := s.users[c.session]; !u.joined("scouts", s.root) || len(u.groups) != 1 {
		t.Errorf("groups %v", u.groups)
	}
	if auth.Allow(last.Identity, auth.Admin, auth.Server()) == nil {
		t.Error("a group of a gate gives rights")
	}
}
