package voice

import (
	"bytes"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/limit"
	"muster/voice/ocb2"
	"muster/voice/wire"
)

// openUDP lets the client send and receive voice by UDP, and waits until the
// server knows its address.
func (c *client) openUDP() {
	c.t.Helper()
	var err error
	if c.sealer == nil {
		if c.sealer, err = ocb2.NewSealer(c.setup.Key, c.setup.ClientNonce); err != nil {
			c.t.Fatal(err)
		}
		if c.opener, err = ocb2.NewOpener(c.setup.Key, c.setup.ServerNonce); err != nil {
			c.t.Fatal(err)
		}
	}
	if c.udp, err = net.Dial("udp", c.s.addr); err != nil {
		c.t.Fatal(err)
	}
	pong := make(chan struct{}, 10)
	done := make(chan struct{})
	udp := c.udp
	go func() {
		defer close(done)
		buf, plain := make([]byte, 2048), make([]byte, 2048)
		for {
			n, err := udp.Read(buf)
			if err != nil {
				return
			}
			b, _, err := c.opener.Open(plain, buf[:n])
			if err != nil {
				c.t.Error(err)
				continue
			}
			if b[0]>>5 == wire.KindPing {
				select {
				case pong <- struct{}{}:
				default:
				}
				continue
			}
			c.mu.Lock()
			c.voice = append(c.voice, bytes.Clone(b))
			c.byUDP++
			c.mu.Unlock()
		}
	}()
	c.t.Cleanup(func() { udp.Close(); <-done })
	c.sendUDP([]byte{wire.KindPing << 5, 5})
	select {
	case <-pong:
	case <-time.After(5 * time.Second):
		c.t.Fatal("no answer by UDP")
	}
}

func (c *client) sendUDP(plain []byte) {
	if _, err := c.udp.Write(c.sealer.Seal(nil, plain)); err != nil {
		c.t.Error(err)
	}
}

func (c *client) countUDP() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byUDP
}

func TestVoiceByUDP(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob, dave := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("dave", "blue")
	alice.openUDP()
	bob.openUDP()
	alice.sendUDP(speechPacket(0, 1, frame20(1), false))
	bob.hears(frame20(1))
	dave.hears(frame20(1)) // by TCP
	if bob.countUDP() != 1 || dave.countUDP() != 0 {
		t.Error("not the way it should have come")
	}
	// What comes through the tunnel says that UDP does not work for the talker.
	bob.say(0, 1, frame20(2))
	alice.hears(frame20(2))
	alice.sendUDP(speechPacket(0, 3, frame20(3), false))
	bob.hears(frame20(3))
	if bob.countUDP() != 1 {
		t.Error("sent by UDP to somebody who tunnels")
	}
	bob.sendUDP(speechPacket(0, 3, frame20(4), true))
	alice.hears(frame20(4))
	alice.sendUDP(speechPacket(0, 5, frame20(5), false))
	bob.hears(frame20(5))
	if bob.countUDP() != 2 {
		t.Error("voice by UDP does not bring UDP back")
	}
}

// TestVoiceByUDPKeepsItsOrder sends faster than one packet is dealt with.
func TestVoiceByUDPKeepsItsOrder(t *testing.T) {
	s := serve(t, newHouse(), func(cfg *Config, _ *Deps) { cfg.Bandwidth = 10_000_000 })
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	alice.openUDP()
	const bursts, size = 50, 40
	for i := range bursts {
		for j := range size {
			alice.sendUDP(speechPacket(0, uint64(i*size+j), frame20(0), false))
		}
		eventually(t, "the burst is heard", func() bool {
			v := bob.spoken(alice.session, wire.TargetNormal)
			return len(v) > 0 && v[len(v)-1].Seq/size == uint64(i) && len(v) > i*size
		})
	}
	heard := bob.spoken(alice.session, wire.TargetNormal)
	for i, v := range heard[1:] {
		if v.Seq < heard[i].Seq {
			t.Fatalf("packet %d came after %d", v.Seq, heard[i].Seq)
		}
	}
}

// TestOneSocketForBothFamilies listens on every address, as the server does.
func TestOneSocketForBothFamilies(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.Address = ":0" })
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = net.JoinHostPort("127.0.0.1", port)
	alice := s.joined("alice", "blue")
	alice.openUDP()
	s.addr = net.JoinHostPort("::1", port)
	bob := s.joined("bob", "blue")
	bob.openUDP()
	alice.sendUDP(speechPacket(0, 1, frame20(1), false))
	bob.hears(frame20(1))
	bob.sendUDP(speechPacket(0, 1, frame20(2), false))
	alice.hears(frame20(2))
	if alice.countUDP() != 1 || bob.countUDP() != 1 {
		t.Error("not by UDP")
	}
}

// TestNATGivesAnotherPort is about a client whose address changes while it talks.
func TestNATGivesAnotherPort(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	alice.openUDP()
	bob.openUDP()
	bob.udp.Close()
	bob.openUDP() // the same keys, another port
	bob.sendUDP(speechPacket(0, 1, frame20(1), false))
	alice.hears(frame20(1))
	alice.sendUDP(speechPacket(0, 1, frame20(2), false))
	bob.hears(frame20(2))
	if bob.countUDP() == 0 {
		t.Error("the new port was not learned")
	}
	// A copy of an old packet from elsewhere moves nothing.
	old := bob.sealer.Seal(nil, speechPacket(0, 3, frame20(3), false))
	bob.udp.Write(old)
	alice.hears(frame20(3))
	thief, err := net.Dial("udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	thief.Write(old)
	bob.settle()
	alice.sendUDP(speechPacket(0, 3, frame20(4), false))
	bob.hears(frame20(4))
	if bob.countUDP() != 2 {
		t.Error("a replayed packet took the address away")
	}
}

func TestLossIsCountedAndNothingElse(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	alice.openUDP()
	for i := range 100 {
		p := alice.sealer.Seal(nil, speechPacket(0, uint64(2*i), frame20(byte(i)), false))
		if i%20 != 7 { // 5 %
			alice.udp.Write(p)
			time.Sleep(time.Millisecond)
		}
	}
	bob.hears(frame20(99))
	bob.mu.Lock()
	n := len(bob.voice)
	bob.mu.Unlock()
	if n < 90 || n > 95 {
		t.Errorf("%d packets", n)
	}
	alice.settle()
	p := await(alice, "counts", func(m *wire.Ping) bool { return value(m.Lost) >= 5 })
	if value(p.Good) < 90 || value(p.Late) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestResynchronisation(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.joined("alice", "blue")
	alice.openUDP()
	for range 20 {
		alice.send(&wire.CryptSetup{})
	}
	alice.settle()
	alice.mu.Lock()
	answers := 0
	for _, m := range alice.got {
		if c, is := m.(*wire.CryptSetup); is && c.Key == nil && len(c.ServerNonce) == 16 {
			answers++
		}
	}
	alice.mu.Unlock()
	if answers != 1 {
		t.Errorf("%d answers at one time", answers)
	}
	// The client has lost its place and says so.
	var nonce [16]byte
	nonce[5] = 9
	alice.sealer, _ = ocb2.NewSealer(alice.setup.Key, nonce[:])
	alice.send(&wire.CryptSetup{ClientNonce: nonce[:]})
	alice.settle()
	bob := s.joined("bob", "blue")
	alice.sendUDP(speechPacket(0, 1, frame20(1), false))
	bob.hears(frame20(1))
}

func TestServerAsksForTheNonce(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.joined("alice", "blue")
	alice.openUDP()
	s.mu.RLock()
	c := s.users[alice.session].c
	s.mu.RUnlock()
	c.heardUDP.Store(time.Now().Add(-time.Minute).UnixNano())
	for range 5 {
		alice.udp.Write([]byte{99, 1, 2, 3, 4, 5, 6, 7, 8})
	}
	await(alice, "the question", func(m *wire.CryptSetup) bool { return m.Key == nil && m.ServerNonce == nil && m.ClientNonce == nil })
}

func TestSilenceEndsUDPAndSessions(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.joined("alice", "blue")
	alice.openUDP()
	s.mu.RLock()
	c := s.users[alice.session].c
	s.mu.RUnlock()
	s.sweep(time.Now().Add(udpIdle + time.Second))
	if c.addr.Load() != nil {
		t.Error("the address is kept")
	}
	alice.settle()
	s.sweep(time.Now().Add(s.cfg.IdleTimeout + time.Second))
	eventually(t, "the session ends", func() bool { alice.mu.Lock(); defer alice.mu.Unlock(); return alice.over != nil })
}

func TestWhatIsPassedOn(t *testing.T) {
	s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.Bandwidth = 128_000 })
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	at := make([]byte, 12)
	at[0] = 1
	raw := func(b []byte) { alice.nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(b)), b...)) }
	for name, p := range map[string][]byte{
		"2.5 ms":         speechPacket(0, 1, []byte{0xe0, 1, 1}, false),
		"5 ms":           speechPacket(0, 1, []byte{0xe8, 2, 2}, false),
		"120 ms":         speechPacket(0, 1, []byte{0x1b, 0x02, 3, 3}, false),
		"another codec":  {0 << 5, 1, 2, 3, 4},
		"cut off":        {wire.KindOpus << 5, 1, 40, 1, 2},
		"a bad number":   {wire.KindOpus << 5, 0xf8, 0xf8, 0xf8, 1},
		"nothing":        {},
		"far too long":   bytes.Repeat([]byte{wire.KindOpus << 5}, 4000),
		"no such target": speechPacket(30, 1, []byte{0xf8, 4, 4}, false),
	} {
		raw(p)
		alice.settle()
		bob.settle()
		bob.mu.Lock()
		if len(bob.voice) != 0 {
			t.Errorf("%s: passed on as %x", name, bob.voice)
		}
		bob.voice = nil
		bob.mu.Unlock()
	}
	raw(append(speechPacket(0, 1, frame20(1), false), at...))
	bob.hears(frame20(1))
	bob.mu.Lock()
	got := bob.voice[0]
	bob.mu.Unlock()
	want := append(wire.AppendVoice(nil, 0, alice.session), wire.AppendBody(nil, 1, frame20(1), false)...)
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, not %x", got, want)
	}
	raw(speechPacket(0, 3, nil, true)) // an empty end of a burst
	eventually(t, "the end is passed on", func() bool { bob.mu.Lock(); defer bob.mu.Unlock(); return len(bob.voice) == 2 })
	// Who plays the same game in the same place knows where others are.
	alice.send(&wire.UserState{PluginContext: []byte("map 1")})
	bob.send(&wire.UserState{PluginContext: []byte("map 1")})
	alice.settle()
	bob.settle()
	raw(append(speechPacket(0, 5, frame20(2), false), at...))
	bob.hears(append(frame20(2), at...))
	// An echo comes back to its sender, and only this.
	alice.say(wire.TargetLoop, 7, frame20(3))
	alice.hears(frame20(3))
	bob.settle()
	if len(bob.heard(frame20(3))) != 0 {
		t.Error("the echo went elsewhere")
	}
}

// TestMutingEndsTheBurst is about the end of a burst that comes when its talker is
// muted already: without it others would show it talking for a while.
func TestMutingEndsTheBurst(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	heard := func() []wire.Voice { return bob.spoken(alice.session, wire.TargetNormal) }
	alice.say(0, 2, frame20(1))
	alice.send(&wire.UserState{SelfMute: new(true)})
	alice.say(0, 4, frame20(2))
	alice.say(0, 6, frame20(3))
	alice.settle()
	bob.settle()
	if v := heard(); len(v) != 2 || v[0].Last || !v[1].Last || len(v[1].Opus) != 0 || v[1].Seq != 4 {
		t.Errorf("%+v", v)
	}
	alice.send(&wire.UserState{SelfMute: new(false)})
	p := speechPacket(0, 8, frame20(4), true)
	if _, err := alice.nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(p)), p...)); err != nil {
		t.Fatal(err)
	}
	alice.send(&wire.UserState{SelfMute: new(true)})
	alice.say(0, 10, frame20(5))
	alice.settle()
	bob.settle()
	if v := heard(); len(v) != 3 || !v[2].Last || v[2].Seq != 8 {
		t.Errorf("%+v", v)
	}
}

func TestBandwidthIsLimitedAndRecovers(t *testing.T) {
	var p speech
	now := time.Unix(1000, 0)
	sent := 0
	for i := range 100 { // twice of what is allowed, for a second
		if p.allow(now.Add(time.Duration(i)*10*time.Millisecond), 288, 128_000) {
			sent++
		}
	}
	if sent < 50 || sent > 80 {
		t.Errorf("%d packets in a second", sent)
	}
	if !p.allow(now.Add(2*time.Second), 288, 128_000) {
		t.Error("it does not recover")
	}
}

func TestTextMessages(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob, dave := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("dave", "red")
	blue, _ := alice.channel("blue")
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Trees: []uint32{0}, Sessions: []uint32{bob.session}, Text: new(`<img src="http://x/y">hello <b>all</b>`)})
	m := await(bob, "the text", func(m *wire.TextMessage) bool { return value(m.Actor) == alice.session })
	if value(m.Text) != "hello all" {
		t.Errorf("%q", value(m.Text))
	}
	bob.settle()
	bob.mu.Lock()
	n := 0
	for _, m := range bob.got {
		if _, is := m.(*wire.TextMessage); is {
			n++
		}
	}
	bob.mu.Unlock()
	if n != 1 {
		t.Errorf("it came %d times", n)
	}
	dave.settle()
	alice.send(&wire.TextMessage{Sessions: []uint32{bob.session}, Text: new(strings.Repeat("x", 6000))})
	if d := alice.denied(); value(d.Denied) != wire.DeniedTextTooLong {
		t.Errorf("%+v", d)
	}
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new(`<img src="data:image/png;base64,AAAA">`)})
	await(alice, "a word about a picture", func(m *wire.PermissionDenied) bool { return strings.Contains(value(m.Reason), "pictures") })
	for i := range textBurst + 5 {
		bob.send(&wire.TextMessage{Sessions: []uint32{alice.session}, Text: new("flood " + strconv.Itoa(i))})
	}
	await(bob, "a flood is refused", func(m *wire.PermissionDenied) bool { return strings.Contains(value(m.Reason), "wait") })
	var b limit.Bucket
	now := time.Unix(0, 0)
	for range 100 {
		b.Allow(now, textBurst, textRate)
	}
	if !b.Allow(now.Add(1500*time.Millisecond), textBurst, textRate) {
		t.Error("the limit does not recover")
	}
}

func TestPlainText(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "a < b & c", "a &lt; b & c"},
		{"markup", "<p>one<br/>two</p>", "one\ntwo"},
		{"script", "<script>x</script>y", "xy"},
		{"an open tag", `hi <img src="http://x/`, `hi &lt;img src="http://x/`},
		{"a sign before a letter", "a<b and 1<2", "a&lt;b and 1&lt;2"},
		{"a tag in a tag", "<b <script>x", "x"},
		{"a comment", "a<!-- b -->c", "ac"},
		{"control characters", "a\x00b\x1bc\u202ed", "abcd"},
		{"bad UTF-8", "a\xffb", "ab"},
		{"signals of voice plugins", "[TAK MxVx : REQUEST_CALL ]12", "[TAK MxVx : REQUEST_CALL ]12"},
	} {
		if got := plainText(tc.in); got != tc.want {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

// TestDirectCall replays what ATAK's voice plugins do to call somebody.
func TestDirectCall(t *testing.T) {
	s := serve(t, newHouse(), nil)
	login := func(user, callsign, uid string) *client {
		c, err := s.dial(credentials{name: callsign, cert: ours(t, user, uid), opus: true, release: "ATAK_Vx"})
		if err != nil {
			t.Fatal(err)
		}
		c.send(&wire.UserState{Comment: new(uid)})
		return c
	}
	a, b := login("alice", "Alpha_1---6f0e", "ANDROID-aaaa"), login("bob", "Bravo_2---77aa", "ANDROID-bbbb")
	bystander := login("dave", "Delta---1", "ANDROID-dddd")
	eventually(t, "the session belongs to a contact", func() bool { u := a.user("Bravo_2---77aa"); return u != nil && value(u.Comment) == "ANDROID-bbbb" })
	for _, id := range []string{"blue"} {
		ch, _ := a.channel(id)
		a.send(&wire.PermissionQuery{Channel: new(ch)})
		p := await(a, "rights in each channel", func(m *wire.PermissionQuery) bool { return value(m.Channel) == ch })
		if value(p.Permissions)&(wire.Enter|wire.Speak|wire.Text|wire.Whisper|wire.MakeTemporary) != wire.Enter|wire.Speak|wire.Text|wire.Whisper|wire.MakeTemporary {
			t.Errorf("%x", value(p.Permissions))
		}
	}
	const name = "TAK PRIVATE - 0123456789ab"
	a.send(&wire.ChannelState{Parent: new(uint32(0)), Name: new(name), Temporary: new(true), MaxUsers: new(uint32(2))})
	eventually(t, "the caller is in it", func() bool { return a.where("Alpha_1---6f0e") == name })
	id, _ := a.channel(name)
	a.send(&wire.ACL{Channel: new(id), Inherit: new(true), Rules: []wire.ACLRule{{Group: new("all"), Grant: new(uint32(0x30e))}}})
	signal := "[TAK MxVx : REQUEST_CALL ]" + strconv.Itoa(int(id))
	a.send(&wire.TextMessage{Sessions: []uint32{b.session}, Text: new(signal)})
	await(b, "the signal", func(m *wire.TextMessage) bool { return value(m.Text) == signal })
	b.join(name)
	bystander.send(&wire.UserState{Channel: new(id)})
	if d := bystander.denied(); value(d.Denied) != wire.DeniedChannelFull {
		t.Errorf("%+v", d)
	}
	a.send(&wire.VoiceTarget{ID: new(uint32(2)), Targets: []wire.Target{{Sessions: []uint32{b.session}}}})
	for i := range 25 {
		a.say(2, uint64(i), frame10n(byte(i)))
	}
	b.hears(frame10n(24))
	b.settle()
	bystander.settle()
	for i := range 25 {
		if got := b.heard(frame10n(byte(i))); len(got) != 1 || got[0].target != wire.TargetWhisper || got[0].session != uint64(a.session) {
			t.Errorf("packet %d: %+v", i, got)
		}
		if len(bystander.heard(frame10n(byte(i)))) != 0 {
			t.Error("the bystander hears it")
		}
	}
	a.send(&wire.UserState{Channel: new(uint32(0))})
	b.send(&wire.UserState{Channel: new(uint32(0))})
	eventually(t, "the channel is gone", func() bool { _, ok := bystander.channel(name); return !ok })
	if st := s.Stats(); st.Channels != 3 {
		t.Errorf("%+v", st)
	}
}

func frame10n(n byte) []byte { return []byte{0xf0, 0x55, n, n} }

func TestShoutToChannelAndBelow(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob, dave := s.joined("alice", "blue"), s.joined("bob", "blue"), s.joined("dave", "red")
	blue, _ := bob.channel("blue")
	bob.send(&wire.ChannelState{Parent: new(blue), Name: new("below"), Temporary: new(true)})
	eventually(t, "he is in it", func() bool { return alice.where("bob") == "below" })
	alice.send(&wire.VoiceTarget{ID: new(uint32(1)), Targets: []wire.Target{{Channel: new(blue)}}})
	alice.send(&wire.VoiceTarget{ID: new(uint32(3)), Targets: []wire.Target{{Channel: new(blue), Children: new(true)}}})
	alice.say(1, 1, frame20(1))
	alice.say(3, 1, frame20(2))
	bob.hears(frame20(2))
	if got := bob.heard(frame20(2)); got[0].target != wire.TargetShout {
		t.Errorf("%+v", got)
	}
	if len(bob.heard(frame20(1))) != 0 {
		t.Error("heard below without being asked for")
	}
	// A target is followed when people move.
	dave.join("blue")
	alice.say(1, 3, frame20(3))
	dave.hears(frame20(3))
	alice.send(&wire.VoiceTarget{ID: new(uint32(1))})
	alice.settle()
	alice.say(1, 5, frame20(4))
	alice.settle()
	dave.settle()
	if len(dave.heard(frame20(4))) != 0 {
		t.Error("a target that was taken back")
	}
}

func TestListing(t *testing.T) {
	for _, on := range []bool{true, false} {
		s := serve(t, newHouse(), func(c *Config, _ *Deps) { c.Listing = on })
		s.login("alice")
		c, err := net.Dial("udp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
		c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		b := make([]byte, 100)
		n, err := c.Read(b)
		switch {
		case on && (err != nil || n != 24 || !bytes.Equal(b[4:12], []byte{1, 2, 3, 4, 5, 6, 7, 8}) || b[15] != 1):
			t.Errorf("%x %v", b[:n], err)
		case !on && err == nil:
			t.Error("told without being asked to")
		}
	}
}

// TestAClientThatDoesNotRead is disconnected, and others hear on meanwhile.
func TestAClientThatDoesNotRead(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice, bob := s.joined("alice", "blue"), s.joined("bob", "blue")
	nc, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	b := wire.AppendFrame(nil, &wire.Authenticate{Username: new("dave"), Password: new("pw dave"), Opus: new(true)})
	nc.Write(wire.AppendFrame(b, &wire.UserState{Channel: new(value(bob.me().Channel))}))
	eventually(t, "he is there", func() bool { return bob.where("dave") == "blue" })
	text := strings.Repeat("x", 5000)
	s.mu.RLock()
	c := s.users[value(bob.user("dave").Session)].c
	s.mu.RUnlock()
	for n := 0; c.ended.Load() == nil; n++ {
		if n > 20_000 {
			t.Fatal("the queue has no end")
		}
		c.reply(&wire.TextMessage{Text: new(text)})
		if n%50 == 0 {
			alice.say(0, uint64(2*n), frame20(byte(n/50)))
		}
	}
	eventually(t, "he is gone", func() bool { return bob.user("dave") == nil })
	bob.hears(frame20(0))
	if s.Stats().Slow != 1 {
		t.Errorf("%+v", s.Stats())
	}
}

// TestSlowClientsLoseVoice is about the rule of the queue.
func TestSlowClientsLoseVoice(t *testing.T) {
	var o out
	frame := make([]byte, 100)
	taken := 0
	for range 10_000 {
		if o.speech(frame) {
			taken++
		}
	}
	if taken*len(frame) > maxVoiceWaiting {
		t.Errorf("%d bytes of voice wait", taken*len(frame))
	}
	if !o.control(make([]byte, maxWaiting/4*3)) {
		t.Error("voice took the place of control messages")
	}
	if o.speech(frame) {
		t.Error("voice is taken into a queue that is three quarters full")
	}
	if o.control(make([]byte, maxWaiting/4)) {
		t.Error("the queue has no bound")
	}
	if got, _ := o.take(nil); len(got) != taken*len(frame)+maxWaiting/4*3 {
		t.Error(len(got))
	}
}

// TestGoodbyeIsTakenBeforeTheEnd is about a client that is ended while a write is
// under way: what was taken before its last words does not end it.
func TestGoodbyeIsTakenBeforeTheEnd(t *testing.T) {
	var o out
	o.control([]byte("news"))
	if got, last := o.take(nil); string(got) != "news" || last {
		t.Errorf("%q, last: %v", got, last)
	}
	o.last([]byte("bye"))
	o.control([]byte("more"))
	if got, last := o.take(nil); string(got) != "bye" || !last {
		t.Errorf("%q, last: %v", got, last)
	}
}

// TestPingsAreCounted: they are answered, so many of them are no way around the
// limit of messages.
func TestPingsAreCounted(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.login("alice")
	ping := wire.AppendFrame(nil, &wire.Ping{})
	ping = append(wire.AppendHeader(ping, wire.TypeUDPTunnel, 2), wire.KindPing<<5, 7)
	if _, err := alice.nc.Write(bytes.Repeat(ping, messageBurst/2+10)); err != nil {
		t.Fatal(err)
	}
	alice.settle()
	if s.n.slowed.Load() == 0 {
		t.Error("they cost nothing")
	}
}
