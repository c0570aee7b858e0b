package voice

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"muster/internal/auth"
	"muster/voice/wire"
)

func TestWhatIsNeitherHeardNorSpokenInIsNotSeen(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, carol, dave := s.joined("alice", "blue"), s.joined("carol", "red"), s.joined("dave", "blue")
	root := s.login("root")
	for _, tc := range []struct {
		c                  *client
		who                string
		channels, unseen   string
		users, unseenUsers string
	}{
		{alice, "alice", "blue", "red", "dave", "carol"},
		{carol, "carol", "red", "blue", "", "alice dave"},
		{dave, "dave", "blue red", "", "alice carol", ""},
		{root, "root", "blue red", "", "alice carol dave", ""},
	} {
		tc.c.settle()
		for _, ch := range strings.Fields(tc.channels) {
			if _, ok := tc.c.channel(ch); !ok {
				t.Errorf("%s does not see channel %s", tc.who, ch)
			}
		}
		for _, ch := range strings.Fields(tc.unseen) {
			if _, ok := tc.c.channel(ch); ok {
				t.Errorf("%s sees channel %s", tc.who, ch)
			}
		}
		for _, u := range strings.Fields(tc.users) {
			eventually(t, tc.who+" sees "+u, func() bool { return tc.c.user(u) != nil })
		}
		for _, u := range strings.Fields(tc.unseenUsers) {
			if tc.c.user(u) != nil {
				t.Errorf("%s sees %s", tc.who, u)
			}
		}
	}
	// Whom one does not see one cannot reach either.
	alice.send(&wire.TextMessage{Sessions: []uint32{carol.session}, Text: new("psst")})
	alice.send(&wire.VoiceTarget{ID: new(uint32(1)), Targets: []wire.Target{{Sessions: []uint32{carol.session}}}})
	alice.say(1, 1, frame20(1))
	alice.settle()
	carol.settle()
	if len(carol.heard(frame20(1))) != 0 {
		t.Error("a whisper reached somebody who shares no group")
	}
	carol.mu.Lock()
	for _, m := range carol.got {
		if _, is := m.(*wire.TextMessage); is {
			t.Error("so did a text")
		}
	}
	carol.mu.Unlock()
	// Moving to another channel shows a user to those who see that one.
	dave.join("red")
	eventually(t, "carol sees dave", func() bool { return carol.where("dave") == "red" })
	eventually(t, "alice does not see him any more", func() bool { return alice.user("dave") == nil })
}

func TestSpeakAndHearFollowTheDirections(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, listener, talker := s.joined("alice", "blue"), s.joined("listener", "blue"), s.joined("talker", "blue")
	eventually(t, "who may not speak is shown so", func() bool { u := alice.user("listener"); return u != nil && isTrue(u.Suppress) })
	if isTrue(talker.me().Suppress) || !isTrue(listener.me().Suppress) {
		t.Error("suppressed the wrong way round")
	}
	talker.say(0, 1, frame20(1))
	alice.hears(frame20(1))
	listener.hears(frame20(1))
	listener.say(0, 1, frame20(2))
	alice.say(0, 1, frame20(3))
	listener.hears(frame20(3))
	alice.settle()
	talker.settle()
	if len(alice.heard(frame20(2))) != 0 {
		t.Error("a listener was heard")
	}
	if len(talker.heard(frame20(3))) != 0 {
		t.Error("who may not hear a group heard it")
	}
	if got := alice.heard(frame20(3)); len(got) != 0 {
		t.Error("a frame came back")
	}
	id, _ := listener.channel("blue")
	listener.send(&wire.PermissionQuery{Channel: new(id)})
	p := value(await(listener, "permissions", func(m *wire.PermissionQuery) bool { return value(m.Channel) == id && m.Permissions != nil }).Permissions)
	if p&wire.Enter == 0 || p&wire.Listen == 0 || p&(wire.Speak|wire.Text|wire.MakeTemporary|hear) != 0 {
		t.Errorf("%x", p)
	}
}

func TestNobodySpeaksInTheRoot(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.login("alice"), s.login("bob")
	alice.say(0, 1, frame20(1))
	alice.settle()
	bob.settle()
	if len(bob.heard(frame20(1))) != 0 {
		t.Error("heard")
	}
	alice.send(&wire.VoiceTarget{ID: new(uint32(2)), Targets: []wire.Target{{Sessions: []uint32{bob.session}}}})
	alice.say(2, 1, frame20(2))
	bob.hears(frame20(2)) // a whisper is
}

func TestRightsChangeLive(t *testing.T) {
	h := newHouse()
	s := serve(t, h, nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	h.grant("bob", both("red"))
	eventually(t, "bob is put out of what he may not enter", func() bool { return value(bob.me().Channel) == 0 })
	eventually(t, "he sees the one channel and not the other", func() bool {
		_, red := bob.channel("red")
		_, blue := bob.channel("blue")
		return red && !blue
	})
	eventually(t, "alice does not see him any more", func() bool { return alice.user("bob") == nil })
	await(bob, "what he knows of permissions is stale", func(m *wire.PermissionQuery) bool { return isTrue(m.Flush) })
	alice.say(0, 1, frame20(1))
	alice.settle()
	bob.settle()
	if len(bob.heard(frame20(1))) != 0 {
		t.Error("he still hears")
	}
	h.grant("bob", auth.Grant{Group: "blue", Out: true})
	bob.join("blue")
	if !isTrue(bob.me().Suppress) {
		t.Error("he may speak where he may only hear")
	}
	h.grant("bob", both("blue"))
	eventually(t, "he may speak", func() bool { return !isTrue(bob.me().Suppress) })
	bob.say(0, 1, frame20(2))
	alice.hears(frame20(2))
}

func TestDirectoryChangesLive(t *testing.T) {
	h := newHouse()
	s := serve(t, h, nil)
	alice, dave := s.joined("alice", "blue"), s.joined("dave", "blue")
	room := Entry{Key: "rooms/ops", Name: "Ops", Description: strings.Repeat("long ", 40), Resource: auth.Room("rooms/ops", []string{"red"})}
	h.set(group("blue"), group("red"), room)
	dave.join("Ops")
	if _, ok := alice.channel("Ops"); ok {
		t.Error("alice sees a room of red")
	}
	room.Resource = auth.Room("rooms/ops", []string{"red", "blue"})
	h.set(group("blue"), group("red"), room)
	alice.join("Ops")
	eventually(t, "dave is still in it", func() bool { return dave.where("dave") == "Ops" && alice.where("dave") == "Ops" })
	id, _ := alice.channel("Ops")
	alice.send(&wire.RequestBlob{Descriptions: []uint32{id}})
	await(alice, "the description", func(m *wire.ChannelState) bool { return value(m.Description) == strings.TrimSpace(room.Description) })
	room.Name = "Ops 2"
	h.set(group("blue"), group("red"), room)
	eventually(t, "it has its new name", func() bool { return dave.where("alice") == "Ops 2" })
	h.set(group("red"))
	eventually(t, "both are in the root", func() bool { return value(alice.me().Channel) == 0 && value(dave.me().Channel) == 0 })
	if _, ok := alice.channel("blue"); ok {
		t.Error("the channel of a group that is gone is there")
	}
}

func TestComesBackToItsChannel(t *testing.T) {
	s := serve(t, newHouse(), nil)
	cert := ours(t, "alice", "phone")
	c, err := s.dial(credentials{name: "A---VS1", cert: cert, opus: true})
	if err != nil {
		t.Fatal(err)
	}
	c.join("blue")
	c.close()
	if c, err = s.dial(credentials{name: "A---VS1", cert: cert, opus: true}); err != nil {
		t.Fatal(err)
	}
	if c.where("A---VS1") != "blue" {
		t.Error(c.where("A---VS1"))
	}
}

func TestTemporaryChannels(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.TemporaryChannels = 2 })
	alice, bob, carol := s.joined("alice", "blue"), s.joined("bob", "blue"), s.login("carol")
	blue, _ := alice.channel("blue")
	alice.send(&wire.ChannelState{Parent: new(blue), Name: new("Bravo <b>net</b>"), Temporary: new(true), Description: new("d")})
	const name = "Bravo bnet/b"
	eventually(t, "she is in it", func() bool { return alice.where("alice") == name })
	eventually(t, "bob sees it", func() bool { return bob.where("alice") == name })
	bob.join(name)
	id, _ := bob.channel(name)
	if _, ok := carol.channel(name); ok {
		t.Error("carol sees it")
	}
	bob.send(&wire.ChannelState{ID: new(id), Name: new("mine")})
	if d := bob.denied(); value(d.Permission) != wire.Write {
		t.Errorf("%+v", d)
	}
	alice.send(&wire.ChannelState{ID: new(id), Name: new("Charlie")})
	eventually(t, "its maker may rename it", func() bool { return bob.where("alice") == "Charlie" })
	bob.send(&wire.ChannelState{Parent: new(id), Name: new("deeper"), Temporary: new(true)})
	await(bob, "none below a temporary one", func(m *wire.PermissionDenied) bool { return value(m.Denied) == wire.DeniedTemporary })
	bob.send(&wire.ChannelState{Parent: new(blue), Name: new("charlie"), Temporary: new(true)})
	await(bob, "names are unique", func(m *wire.PermissionDenied) bool { return value(m.Denied) == wire.DeniedChannelName })
	bob.send(&wire.ChannelState{Parent: new(blue), Name: new("stays")})
	await(bob, "none that stay", func(m *wire.PermissionDenied) bool { return strings.Contains(value(m.Reason), "temporary") })
	alice.join("blue")
	bob.join("blue")
	eventually(t, "it is gone when it is empty", func() bool { _, ok := bob.channel("Charlie"); return !ok })
	alice.send(&wire.ChannelState{ID: new(blue), Name: new("mine")})
	alice.send(&wire.ChannelRemove{ID: new(blue)})
	alice.settle()
	if _, ok := bob.channel("blue"); !ok {
		t.Error("a channel of the house was changed")
	}
}

func TestAccessListOfATemporaryChannel(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob, dave, root := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("dave", "blue"), s.joined("root", "blue")
	blue, _ := alice.channel("blue")
	alice.send(&wire.ChannelState{Parent: new(blue), Name: new("private"), Temporary: new(true)})
	eventually(t, "she is in it", func() bool { return alice.where("alice") == "private" })
	id, _ := alice.channel("private")
	alice.send(&wire.QueryUsers{Names: []string{"bob"}})
	q := await(alice, "bob's number", func(m *wire.QueryUsers) bool { return len(m.IDs) == 1 })
	if q.IDs[0] != value(alice.user("bob").UserID) {
		t.Errorf("%+v", q)
	}
	alice.send(&wire.ACL{Channel: new(id), Inherit: new(true), Groups: []wire.ACLGroup{{Name: new("friends"), Add: q.IDs}}, Rules: []wire.ACLRule{
		{Group: new("all"), Deny: new(uint32(wire.Enter | wire.Speak))},
		{Group: new("friends"), Grant: new(uint32(wire.Enter | wire.Speak | wire.Kick))},
	}})
	alice.settle()
	dave.send(&wire.UserState{Channel: new(id)})
	if d := dave.denied(); value(d.Permission) != wire.Enter {
		t.Errorf("%+v", d)
	}
	bob.join("private")
	bob.say(0, 1, frame20(1))
	alice.hears(frame20(1))
	alice.send(&wire.ACL{Channel: new(id), Query: new(true)})
	list := await(alice, "the list", func(m *wire.ACL) bool { return len(m.Rules) > 0 })
	own := slices.DeleteFunc(slices.Clone(list.Rules), func(r wire.ACLRule) bool { return isTrue(r.Inherited) })
	if len(list.Rules) != 5 || len(own) != 3 || len(list.Groups) != 2 || value(list.Groups[1].Name) != "friends" {
		t.Errorf("%+v", list) // the third rule keeps its maker in charge
	}
	bob.send(&wire.ACL{Channel: new(id), Query: new(true)})
	if d := bob.denied(); value(d.Permission) != wire.Write {
		t.Errorf("%+v", d)
	}
	// Those of the house are shown to administrators and changed elsewhere.
	root.send(&wire.ACL{Channel: new(blue), Query: new(true)})
	shown := await(root, "the list of a group", func(m *wire.ACL) bool { return value(m.Channel) == blue })
	if len(shown.Rules) != 2 || value(shown.Rules[0].Group) != "all" || value(shown.Rules[0].Deny)&wire.Enter == 0 ||
		value(shown.Rules[1].Group) != "blue" || value(shown.Rules[1].Grant)&wire.Enter == 0 || !isTrue(shown.Rules[1].Inherited) {
		t.Errorf("%+v", shown)
	}
	if g := shown.Groups; len(g) != 1 || len(g[0].InheritedMembers) != 3 || !slices.Contains(g[0].InheritedMembers, q.IDs[0]) {
		t.Errorf("those in the group: %+v", g)
	}
	await(root, "their names", func(m *wire.QueryUsers) bool { return len(m.Names) == 3 && slices.Contains(m.Names, "bob") })
	// What the desktop client sends when nothing was changed in its dialog.
	root.send(&wire.ACL{Channel: new(blue), Inherit: new(true)})
	root.settle()
	root.send(&wire.ACL{Channel: new(blue), Inherit: new(false)})
	if d := root.denied(); !strings.Contains(value(d.Reason), "groups") {
		t.Errorf("%+v", d)
	}
	root.send(&wire.ACL{Channel: new(uint32(0)), Query: new(true)})
	top := await(root, "the list of the root", func(m *wire.ACL) bool { return value(m.Channel) == 0 })
	if len(top.Rules) != 1 || value(top.Rules[0].Deny)&wire.Speak == 0 || value(top.Rules[0].Grant)&wire.Enter == 0 {
		t.Errorf("%+v", top)
	}
}

func TestRulesOfATemporaryChannelNameGroupsOfTheHouse(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, op := s.joined("alice", "blue"), s.login("op")
	alice.send(&wire.ChannelState{Parent: new(uint32(0)), Name: new("net"), Temporary: new(true)})
	op.join("net")
	id, _ := op.channel("net")
	rules := []wire.ACLRule{{Group: new("all"), Deny: new(uint32(wire.Speak))}, {Group: new("Blue"), Grant: new(uint32(wire.Speak))}}
	alice.send(&wire.ACL{Channel: new(id), Inherit: new(true), Rules: rules[:1]})
	eventually(t, "nobody speaks", func() bool { return isTrue(op.me().Suppress) })
	alice.send(&wire.ACL{Channel: new(id), Inherit: new(true), Rules: rules})
	eventually(t, "those in blue speak", func() bool { return !isTrue(op.me().Suppress) })
	// One of its own with that name is meant before.
	alice.send(&wire.ACL{Channel: new(id), Inherit: new(true), Rules: rules, Groups: []wire.ACLGroup{{Name: new("blue")}}})
	eventually(t, "nobody speaks again", func() bool { return isTrue(op.me().Suppress) })
}

// TestTheHouseIsNotWidened is about a list that lets everybody in.
func TestTheHouseIsNotWidened(t *testing.T) {
	h := newHouse()
	s := serve(t, h, nil)
	alice, listener := s.joined("alice", "blue"), s.joined("listener", "blue")
	blue, _ := alice.channel("blue")
	alice.send(&wire.ChannelState{Parent: new(blue), Name: new("open"), Temporary: new(true)})
	listener.join("open")
	id, _ := alice.channel("open")
	alice.send(&wire.ACL{Channel: new(id), Rules: []wire.ACLRule{{Group: new("all"), Grant: new(uint32(0xffffffff))}}})
	alice.settle()
	listener.settle()
	listener.say(0, 1, frame20(1))
	listener.settle()
	alice.settle()
	if len(alice.heard(frame20(1))) != 0 {
		t.Error("a list gave the right to speak to somebody without it")
	}
	listener.send(&wire.UserRemove{Session: new(alice.session)})
	if d := listener.denied(); value(d.Permission) != wire.Kick {
		t.Errorf("%+v", d)
	}
}

func TestLinksAndListeners(t *testing.T) {
	h := newHouse()
	h.people["op"] = auth.Identity{User: "op", Role: auth.RoleOperator, Groups: []auth.Grant{both("blue"), both("red")}}
	s := serve(t, h, nil)
	alice, carol, dave, op := s.joined("alice", "blue"), s.joined("carol", "red"), s.joined("dave", "blue"), s.joined("op", "red")
	blue, _ := op.channel("blue")
	red, _ := op.channel("red")
	dave.send(&wire.UserState{ListenAdd: []uint32{red}})
	await(dave, "he listens", func(m *wire.UserState) bool { return len(m.ListenAdd) == 1 })
	carol.say(0, 1, frame20(1))
	dave.hears(frame20(1))
	if got := dave.heard(frame20(1)); got[0].target != wire.TargetListen {
		t.Errorf("%+v", got)
	}
	dave.send(&wire.UserState{ListenRemove: []uint32{red}})
	dave.send(&wire.ChannelState{ID: new(blue), LinksAdd: []uint32{red}})
	if d := dave.denied(); value(d.Permission) != wire.LinkChannel {
		t.Errorf("%+v", d)
	}
	carol.send(&wire.UserState{ListenAdd: []uint32{0}})
	if d := carol.denied(); value(d.Permission) != wire.Listen {
		t.Errorf("%+v", d)
	}
	op.send(&wire.ChannelState{ID: new(blue), LinksAdd: []uint32{red, 0}})
	if d := op.denied(); value(d.Reason) == "" {
		t.Errorf("%+v", d)
	}
	s.mu.RLock()
	n := len(s.channels[blue].links)
	s.mu.RUnlock()
	if n != 0 {
		t.Error("half of what is refused is done")
	}
	op.send(&wire.ChannelState{ID: new(blue), LinksAdd: []uint32{red}})
	op.settle()
	// Voice crosses the link where the talker has the right on the other side, to
	// those who see the talker.
	dave.say(0, 1, frame20(2))
	op.hears(frame20(2))
	op.say(0, 1, frame20(3))
	dave.hears(frame20(3))
	alice.say(0, 1, frame20(4))
	dave.hears(frame20(4))
	for _, c := range []*client{alice, carol, op} {
		c.settle()
	}
	if len(op.heard(frame20(4))) != 0 {
		t.Error("who may not speak in a group is heard there over a link")
	}
	if len(alice.heard(frame20(3)))+len(carol.heard(frame20(2))) != 0 {
		t.Error("heard by somebody who does not see the talker")
	}
	late := s.login("dave---2")
	late.mu.Lock()
	linked := false
	for _, m := range late.got {
		if v, is := m.(*wire.ChannelState); is && len(v.Links) == 1 {
			linked = true
		}
	}
	late.mu.Unlock()
	if !linked {
		t.Error("who comes later is not told of links")
	}
	op.send(&wire.ChannelState{ID: new(blue), LinksRemove: []uint32{red}})
	op.settle()
	dave.say(0, 1, frame20(5))
	dave.settle()
	op.settle()
	if len(op.heard(frame20(5))) != 0 {
		t.Error("heard over a link that is gone")
	}
}

func TestModeration(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob, op := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("op", "blue")
	bob.send(&wire.UserState{Session: new(alice.session), Mute: new(true)})
	if d := bob.denied(); value(d.Permission) != wire.MuteDeafen {
		t.Errorf("%+v", d)
	}
	op.send(&wire.UserState{Session: new(alice.session), Mute: new(true)})
	eventually(t, "she is muted", func() bool { u := bob.user("alice"); return isTrue(u.Mute) })
	alice.say(0, 1, frame20(1))
	alice.settle()
	bob.settle()
	if len(bob.heard(frame20(1))) != 0 {
		t.Error("heard")
	}
	op.send(&wire.UserState{Session: new(alice.session), Mute: new(false)})
	op.send(&wire.UserState{Session: new(bob.session), Deaf: new(true), PrioritySpeaker: new(true)})
	eventually(t, "bob is deaf, mute and a priority speaker", func() bool {
		u := alice.user("bob")
		return isTrue(u.Deaf) && isTrue(u.Mute) && isTrue(u.PrioritySpeaker) && !isTrue(alice.me().Mute)
	})
	alice.say(0, 1, frame20(2))
	op.hears(frame20(2))
	bob.settle()
	if len(bob.heard(frame20(2))) != 0 {
		t.Error("the deaf hear")
	}
	op.send(&wire.UserState{Session: new(alice.session), Channel: new(uint32(0))})
	eventually(t, "she is moved", func() bool { return value(alice.me().Channel) == 0 })
	alice.join("blue")
	alice.send(&wire.UserState{SelfDeaf: new(true)})
	eventually(t, "who deafens itself is muted", func() bool { return isTrue(bob.user("alice").SelfMute) })
	op.send(&wire.UserState{Session: new(alice.session), SelfMute: new(false)})
	op.denied()
	op.send(&wire.UserRemove{Session: new(alice.session), Reason: new("enough")})
	await(alice, "why", func(m *wire.UserRemove) bool { return value(m.Reason) == "enough" && value(m.Actor) == op.session })
	eventually(t, "others are told", func() bool { return bob.user("alice") == nil })
}

func TestCommentsPicturesAndStats(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob, root := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("root", "blue")
	alice.send(&wire.UserState{Comment: new("ANDROID-0123")})
	eventually(t, "short comments come whole", func() bool { u := bob.user("alice"); return u != nil && value(u.Comment) == "ANDROID-0123" })
	long := strings.Repeat("x", 200)
	picture := bytes.Repeat([]byte{1, 2, 3}, 1000)
	bob.send(&wire.UserState{Comment: new(long), Texture: picture})
	u := await(alice, "long ones and pictures as hashes", func(m *wire.UserState) bool { return value(m.Session) == bob.session && m.CommentHash != nil })
	if len(u.CommentHash) != 20 || len(u.TextureHash) != 20 || u.Texture != nil {
		t.Errorf("%+v", u)
	}
	alice.send(&wire.RequestBlob{Comments: []uint32{bob.session}, Textures: []uint32{bob.session}})
	await(alice, "the comment", func(m *wire.UserState) bool { return value(m.Comment) == long })
	await(alice, "the picture", func(m *wire.UserState) bool { return bytes.Equal(m.Texture, picture) })
	late := s.login("dave")
	if u := late.user("bob"); u == nil || len(u.CommentHash) != 20 {
		t.Errorf("%+v", u)
	}
	alice.send(&wire.UserState{Texture: make([]byte, 200<<10)})
	if d := alice.denied(); value(d.Denied) != wire.DeniedTextTooLong {
		t.Errorf("%+v", d)
	}
	alice.send(&wire.UserStats{Session: new(bob.session)})
	st := await(alice, "stats", func(m *wire.UserStats) bool { return value(m.Session) == bob.session })
	if st.Version == nil || value(st.Version.Release) != "test" || st.Address != nil {
		t.Errorf("%+v", st)
	}
	odd, err := s.dial(credentials{name: "bob---2", password: "pw bob", opus: true, release: `<img src="http://x/">ATAK_Vx`})
	if err != nil {
		t.Fatal(err)
	}
	alice.send(&wire.UserStats{Session: new(odd.session)})
	st = await(alice, "stats", func(m *wire.UserStats) bool { return value(m.Session) == odd.session })
	if got := value(st.Version.Release); strings.ContainsAny(got, `<>"`) {
		t.Errorf("the client is shown as %s", got)
	}
	root.send(&wire.UserStats{Session: new(bob.session)})
	if st := await(root, "stats", func(m *wire.UserStats) bool { return value(m.Session) == bob.session }); len(st.Address) != 16 {
		t.Error("administrators see addresses")
	}
	alice.send(&wire.UserList{})
	await(alice, "no list of accounts", func(m *wire.PermissionDenied) bool { return value(m.Permission) == wire.Register })
	root.send(&wire.UserList{})
	if l := await(root, "the accounts", func(*wire.UserList) bool { return true }); len(l.Users) != len(s.h.people) {
		t.Errorf("%+v", l)
	}
	root.send(&wire.UserState{Session: new(bob.session), Comment: new("")})
	eventually(t, "the comment is reset", func() bool {
		v := alice.user("bob")
		return v != nil && v.Comment != nil && *v.Comment == ""
	})
}

// TestManyPictures asks for more than may wait for a client at one time.
func TestManyPictures(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.PerDevice, c.TextureLength = 50, 512<<10 })
	alice := s.joined("alice", "blue")
	var sessions []uint32
	picture := bytes.Repeat([]byte("p"), 400<<10)
	for i := range 12 {
		bob := s.login("bob---" + string(rune('a'+i)))
		bob.send(&wire.UserState{Texture: picture})
		sessions = append(sessions, bob.session)
	}
	for _, session := range sessions {
		await(alice, "the hash", func(m *wire.UserState) bool { return value(m.Session) == session && m.TextureHash != nil })
	}
	alice.send(&wire.RequestBlob{Textures: sessions})
	for _, session := range sessions {
		await(alice, "the picture", func(m *wire.UserState) bool { return value(m.Session) == session && len(m.Texture) == len(picture) })
	}
	alice.settle()
}
