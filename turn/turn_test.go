package turn

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"muster/internal/auth"
)

const (
	soon  = 3 * time.Second
	never = 100 * time.Millisecond
)

func TestRelayBothWays(t *testing.T) {
	h := newHouse(t)
	p, peer := h.phone(t, h.issue(t, guest("g1"))), newPeer(t)
	relay := p.allocate()
	if c := p.permit(peer.addr); c != 0 {
		t.Fatal(c)
	}
	p.send(sendTo8656(peer.addr, "indication"))
	if text, from := peer.next(soon); text != "indication" || from != relay {
		t.Fatalf("%q from %s", text, from)
	}
	peer.WriteToUDPAddrPort([]byte("back"), relay)
	b := p.receive(soon)
	m := new(stun.Message)
	if err := stun.Decode(b, m); err != nil || m.Type != stun.NewType(stun.MethodData, stun.ClassIndication) {
		t.Fatalf("%x: %v", b, err)
	}
	data, _ := m.Get(stun.AttrData)
	v, _ := m.Get(stun.AttrXORPeerAddress)
	if from, ok := xorAddress(v, m.Raw); !ok || from != peer.addr || string(data) != "back" {
		t.Fatalf("%q from %s", data, from)
	}

	if c := p.bind(0x4123, peer.addr); c != 0 {
		t.Fatal(c)
	}
	for i := range 200 { // many at once, of changing sizes, and of none
		p.send(framed(0x4123, strings.Repeat("x", i%7)))
	}
	got := 0
	for range 200 {
		text, from := peer.next(soon)
		if from != relay || strings.Trim(text, "x") != "" {
			t.Fatalf("%q from %s", text, from)
		}
		got += len(text)
	}
	if got != 28*21+0+1+2+3 {
		t.Fatalf("%d bytes came", got)
	}
	peer.WriteToUDPAddrPort([]byte("channel"), relay)
	if b := p.receive(soon); string(b) != "\x41\x23\x00\x07channel" {
		t.Fatalf("%q", b)
	}
	if n := h.Stats(); n.PacketsUp != 201 || n.PacketsDown != 2 || n.BytesDown != 11 {
		t.Fatalf("%+v", n)
	}
	if c := code(p.ask(stun.MethodRefresh, lifetimeAttr(0))); c != 0 {
		t.Fatal(c)
	}
	if h.Stats().Open != 0 {
		t.Fatal("the relay is still open")
	}
	if c := code(p.ask(stun.MethodRefresh, lifetimeAttr(0))); c != 0 {
		t.Fatalf("closing what is closed: %d", c)
	}
}

func TestTwoRelaysReachEachOtherWithoutAllowedPeers(t *testing.T) {
	h := newHouse(t, func(c *Config, _ *Deps) { c.AllowPeers = nil })
	cred := h.issue(t, guest("g1"))
	a, b := h.phone(t, cred), h.phone(t, cred)
	ra, rb := a.allocate(), b.allocate()
	if c := a.bind(0x4000, rb); c != 0 {
		t.Fatal(c)
	}
	if c := b.bind(0x4001, ra); c != 0 {
		t.Fatal(c)
	}
	a.send(framed(0x4000, "hello"))
	if got := b.receive(soon); string(got) != "\x40\x01\x00\x05hello" {
		t.Fatalf("%q", got)
	}
	// Nothing else on that address can be reached.
	peer := newPeer(t)
	if c := a.bind(0x4002, peer.addr); c != codeForbidden {
		t.Fatal(c)
	}
	a.send(sendTo8656(peer.addr, "x"))
	if text, _ := peer.next(never); text != "" {
		t.Fatal("a packet came through")
	}
}

func TestNothingIsRelayedWithoutPermission(t *testing.T) {
	h := newHouse(t)
	p, peer, other := h.phone(t, h.issue(t, guest("g1"))), newPeer(t), newPeer(t)
	p.send(sendTo8656(peer.addr, "no relay"))
	p.send(framed(0x4000, "no relay"))
	relay := p.allocate()
	p.send(sendTo8656(peer.addr, "no permission"))
	p.send(framed(0x4000, "no channel"))
	peer.WriteToUDPAddrPort([]byte("no permission"), relay)
	if text, _ := peer.next(never); text != "" {
		t.Fatalf("%q went out", text)
	}
	if b := p.receive(never); b != nil {
		t.Fatalf("%q came in", b)
	}
	// A stranger can use neither somebody's relay nor their channel.
	if c := p.bind(0x4000, peer.addr); c != 0 {
		t.Fatal(c)
	}
	q := h.phone(t, h.issue(t, guest("g2")))
	q.send(framed(0x4000, "from another address"))
	q.allocate()
	q.send(framed(0x4000, "from another relay"))
	if text, _ := peer.next(never); text != "" {
		t.Fatalf("%q went out", text)
	}
	_ = other
	if n := h.Stats().Unpermitted; n != 7 {
		t.Fatalf("%d were refused", n)
	}
}

func TestPermissionsAndChannelsEnd(t *testing.T) {
	h := newHouse(t)
	p, peer := h.phone(t, h.issue(t, guest("g1"))), newPeer(t)
	p.allocate()
	if c := p.bind(0x4000, peer.addr); c != 0 {
		t.Fatal(c)
	}
	a := h.all()[0]
	now := time.Now()
	a.sweep(now.UnixNano())
	if tb := a.table.Load(); len(tb.channels) != 1 || len(tb.permissions) != 1 {
		t.Fatal("gone too early")
	}
	late := now.Add(permissionLifetime + 2*time.Second).UnixNano()
	if a.permitted(peer.addr, late) || a.outward(0x4000, late) == nil {
		t.Fatal("the permission, and only that, must have ended")
	}
	late = now.Add(channelLifetime + 2*time.Second).UnixNano()
	if a.outward(0x4000, late) != nil {
		t.Fatal("the channel must have ended")
	}
	a.sweep(late)
	if tb := a.table.Load(); len(tb.channels)+len(tb.peers)+len(tb.permissions) != 0 {
		t.Fatal("not swept")
	}
	h.sweep(now.Add(defaultLifetime + time.Minute))
	if h.Stats().Open != 0 {
		t.Fatal("the relay outlived its time")
	}
}

func TestBindRules(t *testing.T) {
	h := newHouse(t)
	p, one, two := h.phone(t, h.issue(t, guest("g1"))), newPeer(t), newPeer(t)
	p.allocate()
	for _, tc := range []struct {
		name   string
		number uint16
		peer   netip.AddrPort
		want   int
	}{
		{"first", 0x4000, one.addr, 0},
		{"again", 0x4000, one.addr, 0},
		{"same channel, other peer", 0x4000, two.addr, codeBadRequest},
		{"same peer, other channel", 0x4001, one.addr, codeBadRequest},
		{"channel too low", 0x3fff, two.addr, codeBadRequest},
		{"channel too high", 0x8000, two.addr, codeBadRequest},
		{"port 0", 0x4002, netip.AddrPortFrom(two.addr.Addr(), 0), codeBadRequest},
		{"other family", 0x4002, netip.MustParseAddrPort("[2a00::1]:80"), codePeerFamily},
		{"mapped form of a refused address", 0x4002, netip.MustParseAddrPort("[::ffff:10.0.0.1]:80"), codeForbidden},
		{"private", 0x4002, netip.MustParseAddrPort("10.0.0.1:80"), codeForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if c := p.bind(tc.number, tc.peer); c != tc.want {
				t.Fatalf("%d", c)
			}
		})
	}
}

func TestQuotas(t *testing.T) {
	h := newHouse(t, func(c *Config, _ *Deps) { c.PerUser, c.PerAddress, c.Total = 2, 3, 10 })
	one, two := h.issue(t, guest("g1")), h.issue(t, guest("g2"))
	var open []*phone
	for i, tc := range []struct {
		cred Credential
		want int
	}{{one, 0}, {one, 0}, {one, codeQuota}, {two, 0}, {two, codeQuota}} {
		p := h.phone(t, tc.cred).login()
		if c := code(p.ask(stun.MethodAllocate, udpTransport)); c != tc.want {
			t.Fatalf("%d: %d", i, c)
		}
		open = append(open, p)
	}
	open[0].ask(stun.MethodRefresh, lifetimeAttr(0))
	h.phone(t, one).allocate()
}

func TestEvenPortAndReservation(t *testing.T) {
	h := newHouse(t)
	cred := h.issue(t, guest("g1"))
	p := h.phone(t, cred).login()
	m := p.ask(stun.MethodAllocate, udpTransport, stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}})
	token, err := m.Get(stun.AttrReservationToken)
	v, _ := m.Get(stun.AttrXORRelayedAddress)
	first, _ := xorAddress(v, m.Raw)
	if err != nil || first.Port()%2 != 0 {
		t.Fatalf("%s: %v", first, err)
	}
	again := stun.RawAttribute{Type: stun.AttrReservationToken, Value: append([]byte(nil), token...)}
	other := h.phone(t, h.issue(t, guest("g2"))).login()
	if c := code(other.ask(stun.MethodAllocate, udpTransport, again)); c != codeCapacity {
		t.Fatalf("somebody else's token: %d", c)
	}
	if second := h.phone(t, cred).allocate(again); second.Port() != first.Port()+1 {
		t.Fatalf("%s after %s", second, first)
	}
	// One that is not fetched is given back.
	h.phone(t, cred).allocate(stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}})
	h.sweep(time.Now().Add(reservationLife + time.Second))
	if h.total != 3 {
		t.Fatalf("%d places are taken", h.total)
	}
}

func TestAllocateRefusals(t *testing.T) {
	h := newHouse(t)
	cred := h.issue(t, guest("g1"))
	for _, tc := range []struct {
		name  string
		attrs []stun.Setter
		want  int
	}{
		{"no transport", nil, codeBadRequest},
		{"TCP relay", []stun.Setter{stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{6, 0, 0, 0}}}, codeTransport},
		{"don't fragment", []stun.Setter{udpTransport, stun.RawAttribute{Type: stun.AttrDontFragment}}, codeUnknownAttr},
		{"unknown family", []stun.Setter{udpTransport, stun.RawAttribute{Type: attrAddressFamily, Value: []byte{9, 0, 0, 0}}}, codeFamily},
		{"token of nobody", []stun.Setter{udpTransport, stun.RawAttribute{Type: stun.AttrReservationToken, Value: make([]byte, 8)}}, 0},
		{"token and even port", []stun.Setter{udpTransport, stun.RawAttribute{Type: stun.AttrReservationToken, Value: make([]byte, 8)}, stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0}}}, codeBadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.want == 0 {
				return
			}
			m := h.phone(t, cred).login().ask(stun.MethodAllocate, tc.attrs...)
			if c := code(m); c != tc.want {
				t.Fatalf("%d", c)
			}
			if c := tc.want; c == codeUnknownAttr && !m.Contains(stun.AttrUnknownAttributes) {
				t.Fatal("it does not say which")
			}
		})
	}
	t.Run("the same request again gets the same answer", func(t *testing.T) {
		p := h.phone(t, cred).login()
		m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), udpTransport, stun.NewUsername(cred.Username), p.realm, p.nonce,
			stun.NewLongTermIntegrity(cred.Username, p.realm.String(), cred.Password))
		if one, two := p.exchange(m), p.exchange(m); code(one) != 0 || string(one.Raw) != string(two.Raw) {
			t.Fatal("they differ")
		}
		if c := code(p.ask(stun.MethodAllocate, udpTransport)); c != codeMismatch {
			t.Fatalf("another one: %d", c)
		}
	})
}

func TestCredentials(t *testing.T) {
	h := newHouse(t)
	good := h.issue(t, guest("somebody"))
	ttl := time.Until(good.Expires)
	if ttl < 50*time.Minute || ttl > time.Hour || !strings.HasPrefix(good.Username, fmt.Sprint(good.Expires.Unix())+":") || strings.Contains(good.Username, "somebody") {
		t.Fatalf("%+v", good)
	}
	if _, err := h.Issue(auth.Identity{}, auth.Server(), ""); err == nil {
		t.Fatal("nobody got a credential")
	}
	signed := func(name string) Credential {
		return Credential{Username: name, Password: h.secrets.password(name)}
	}
	expired, err := h.secrets.username(time.Now().Add(-time.Second), holder{Kind: auth.KindServer, Guest: "g1"})
	if err != nil {
		t.Fatal(err)
	}
	later := fmt.Sprint(good.Expires.Unix()+3600) + good.Username[strings.Index(good.Username, ":"):]
	gone, err := h.secrets.username(time.Now().Add(time.Hour), holder{Kind: auth.KindServer, Handle: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	h.auth.gone["bob"] = true
	for _, tc := range []struct {
		name string
		cred Credential
		want int
	}{
		{"good", good, 0},
		{"wrong password", Credential{Username: good.Username, Password: "x"}, codeUnauthorized},
		{"prolonged by hand", Credential{Username: later, Password: good.Password}, codeUnauthorized},
		{"prolonged and signed", signed(later), codeUnauthorized},
		{"expired", signed(expired), codeUnauthorized},
		{"of a user who is gone", signed(gone), codeUnauthorized},
		{"made up", signed("1999999999:alice"), codeUnauthorized},
		{"empty", signed(""), codeUnauthorized},
		{"long", signed(strings.Repeat("a", 508)), codeUnauthorized},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if c := code(h.phone(t, tc.cred).login().ask(stun.MethodAllocate, udpTransport)); c != tc.want {
				t.Fatalf("%d", c)
			}
		})
	}
	t.Run("a relay outlives its credential", func(t *testing.T) {
		name, err := h.secrets.username(time.Now().Add(2*time.Second), holder{Kind: auth.KindServer, Guest: "g3"})
		if err != nil {
			t.Fatal(err)
		}
		p := h.phone(t, signed(name))
		p.allocate()
		eventually(t, "the end of the credential", func() bool { _, _, err := h.identity(t.Context(), name); return err != nil })
		if c := code(p.ask(stun.MethodRefresh)); c != 0 {
			t.Fatal(c)
		}
	})
	t.Run("only who opened a relay may change it", func(t *testing.T) {
		p := h.phone(t, good)
		p.allocate()
		p.cred = h.issue(t, guest("g2"))
		if c := code(p.ask(stun.MethodRefresh)); c != codeWrongUser {
			t.Fatal(c)
		}
	})
	t.Run("a nonce of another server or time", func(t *testing.T) {
		p := h.phone(t, good).login()
		for _, n := range []string{"x", "zz-00", h.secrets.newNonce(netip.MustParseAddr("192.0.2.1"), time.Now()), h.secrets.newNonce(h.addr.Addr(), time.Now().Add(-time.Hour))} {
			p.nonce = stun.Nonce(n)
			if c := code(p.ask(stun.MethodAllocate, udpTransport)); c != codeStaleNonce {
				t.Fatalf("%s: %d", n, c)
			}
		}
	})
}

func TestGuessingIsSlowedDown(t *testing.T) {
	h := newHouse(t)
	p := h.phone(t, Credential{}).login()
	answers := 0
	for range 30 {
		p.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), udpTransport, stun.NewUsername("1999999999:x"), p.realm, p.nonce,
			stun.NewLongTermIntegrity("1999999999:x", p.realm.String(), "guess")).Raw)
		if p.receive(never) == nil {
			break
		}
		answers++
	}
	if n := h.Stats(); answers < 10 || answers > 12 || n.Failed != int64(answers) || n.Limited != 1 {
		t.Fatalf("%d answers, %+v", answers, n)
	}
}

func TestUnprovenAddressesGetFewAnswers(t *testing.T) {
	h := newHouse(t)
	p := h.phone(t, Credential{})
	m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), udpTransport)
	for i := range 5 * repliesPerSecond {
		p.send(m.Raw)
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // or the queue would drop them
		}
	}
	eventually(t, "all requests to be looked at", func() bool { n := h.Stats(); return n.Limited > 0 })
	got := 0
	for p.receive(never) != nil {
		got++
	}
	if got < repliesPerSecond/2 || got > 2*repliesPerSecond+10 { // a second may have turned
		t.Fatalf("%d answers", got)
	}
}

func TestRevokedUsersLoseTheirRelays(t *testing.T) {
	h := newHouse(t)
	peer := newPeer(t)
	name, err := h.secrets.username(time.Now().Add(time.Hour), holder{Kind: auth.KindServer, Handle: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	p := h.phone(t, Credential{Username: name, Password: h.secrets.password(name)})
	relay := p.allocate()
	if c := p.bind(0x4000, peer.addr); c != 0 {
		t.Fatal(c)
	}
	open := h.sessions.List()
	if len(open) != 1 || open[0].User != "user ann" || open[0].Protocol != part {
		t.Fatalf("%+v", open)
	}
	h.sessions.Revalidate(func(auth.SessionInfo) bool { return true }, func(auth.Identity) (auth.Identity, error) { return auth.Identity{}, auth.ErrNotFound })
	p.send(framed(0x4000, "late"))
	peer.WriteToUDPAddrPort([]byte("late"), relay)
	if text, _ := peer.next(never); text != "" {
		t.Fatal("it still relays")
	}
	if c := code(p.ask(stun.MethodRefresh)); c != codeMismatch {
		t.Fatal(c)
	}
	if n := h.Stats(); n.Revoked != 1 || n.Open != 0 {
		t.Fatalf("%+v", n)
	}
}

func TestRevokedGuestsLoseRelaysAndCredentials(t *testing.T) {
	h := newHouse(t)
	cred := h.issue(t, guest("g1"))
	h.phone(t, cred).allocate()
	h.phone(t, h.issue(t, guest("g2"))).allocate()
	h.Revoke("g1")
	if n := h.Stats().Open; n != 1 {
		t.Fatalf("%d relays are open", n)
	}
	if c := code(h.phone(t, cred).login().ask(stun.MethodAllocate, udpTransport)); c != codeUnauthorized {
		t.Fatal(c)
	}
	time.Sleep(2 * time.Millisecond) // the next credential is a later one
	h.phone(t, h.issue(t, guest("g1"))).allocate()
}

func TestGuestsOfARoom(t *testing.T) {
	h := newHouse(t)
	room := auth.Stream("rooms/a", []string{"team", "visitors"})
	bob := auth.Identity{User: "guest:Bob", Role: auth.RoleMember, System: true, Groups: []auth.Grant{{Group: "team", In: true, Out: true}},
		Scope: &auth.Scope{Actions: []auth.Action{auth.Read, auth.Publish}, Streams: []string{"rooms/a"}}}
	for _, r := range []auth.Resource{auth.Server(), auth.Stream("rooms/b", []string{"team"}), auth.Stream("rooms/a", []string{"others"})} {
		if _, err := h.Issue(bob, r, "1"); err == nil {
			t.Fatalf("a credential for %+v", r)
		}
	}
	var creds []Credential
	for _, stay := range []string{"1", "2"} { // two of the same name
		c, err := h.Issue(bob, room, stay)
		if err != nil {
			t.Fatal(err)
		}
		creds = append(creds, c)
		h.phone(t, c).allocate()
	}
	if open := h.sessions.List(); len(open) != 2 || open[0].User != "guest:Bob" || open[0].Resource != "rooms/a" {
		t.Fatalf("%+v", open)
	}
	h.Revoke("1")
	if h.Stats().Open != 1 {
		t.Fatal("one, and only one, must have lost the relay")
	}
	if c := code(h.phone(t, creds[0]).login().ask(stun.MethodAllocate, udpTransport)); c != codeUnauthorized {
		t.Fatal(c)
	}
	if _, err := h.Issue(bob, auth.Stream("rooms/a", []string{"team", strings.Repeat("x", 500)}), "1"); err == nil {
		t.Fatal("a user name that is too long")
	}
}

func TestNoise(t *testing.T) {
	h := newHouse(t)
	p, peer := h.phone(t, h.issue(t, guest("g1"))), newPeer(t)
	p.allocate()
	if c := p.bind(0x4000, peer.addr); c != 0 {
		t.Fatal(c)
	}
	good := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	for _, b := range [][]byte{
		{}, {0}, {0x40}, {0x40, 0, 0xff, 0xff}, {0x40, 0, 0, 9, 1}, []byte("GET / HTTP/1.1\r\n\r\n"), {0xff, 0xff, 0xff, 0xff},
		good[:19], append(append([]byte(nil), good...), 0), []byte(strings.Repeat("\x00", 20)), []byte("\x16\xfe\xfd" + strings.Repeat("x", 60)),
		sendTo8656(peer.addr, "cut")[:30], append([]byte{0, 1, 8, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 2060)...),
	} {
		p.send(b)
	}
	p.send(framed(0x4000, "alive"))
	if text, _ := peer.next(soon); text != "alive" {
		t.Fatalf("%q", text)
	}
	m := p.exchange(stun.MustBuild(stun.TransactionID, stun.BindingRequest))
	v, err := m.Get(stun.AttrXORMappedAddress)
	if a, ok := xorAddress(v, m.Raw); err != nil || !ok || a.String() != p.c.LocalAddr().String() {
		t.Fatalf("%s: %v", a, err)
	}
}
