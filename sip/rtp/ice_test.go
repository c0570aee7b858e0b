package rtp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"muster/sip/sdp"
)

func TestOnlyWhoIsCheckedIsHeard(t *testing.T) {
	peer, a, b, eve := netip.MustParseAddr("198.51.100.1"), ap("192.0.2.1:4000"), ap("192.0.2.2:4000"), ap("198.51.100.1:4000")
	var s source
	s.restart(true)
	s.expect(eve, peer)
	if _, ok := s.target(true); ok || s.allowed(eve) || s.candidate(eve, true) {
		t.Error("an address without a check")
	}
	s.check(a, false)
	if to, ok := s.target(false); !ok || to != a || !s.candidate(a, false) {
		t.Error("the first checked address")
	}
	s.check(b, true)
	s.take(a)
	if to, _ := s.target(false); to != b || !s.candidate(a, false) {
		t.Error("the nominated address is where to send, the others are still heard")
	}
	s.restart(true)
	s.expect(netip.AddrPort{}, peer)
	if to, ok := s.target(false); !ok || to != b || s.candidate(a, false) {
		t.Error("after a restart the way in use stays")
	}
	for i := range maxChecked {
		s.check(netip.AddrPortFrom(peer, uint16(5000+i)), false)
	}
	if len(s.checked) != maxChecked {
		t.Errorf("%d addresses are kept", len(s.checked))
	}
}

func TestChecksAreAnsweredToWhoKnowsThePassword(t *testing.T) {
	own := sdp.ICE{Ufrag: "ours", Pwd: "a password of ours"}
	st, _ := pairUp(t, sdp.Format{Name: "PCMA", ClockRate: 8000, Payload: 8, Receive: 8}, func(a, b *sdp.Stream) {
		plainly(a, b)
		a.ICE = own
	})
	c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: st.Port()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tt := range []struct {
		name string
		set  []stun.Setter
		ok   bool
	}{
		{"no name", []stun.Setter{stun.NewShortTermIntegrity(own.Pwd)}, false},
		{"another name", []stun.Setter{stun.NewUsername("other:theirs"), stun.NewShortTermIntegrity(own.Pwd)}, false},
		{"no proof", []stun.Setter{stun.NewUsername("ours:theirs")}, false},
		{"another password", []stun.Setter{stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity("guessed")}, false},
		{"a check", []stun.Setter{stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(own.Pwd), stun.Fingerprint}, true},
	} {
		m := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, tt.set...)...)
		if _, err := c.Write(m.Raw); err != nil {
			t.Fatal(err)
		}
		wait := 50 * time.Millisecond
		if tt.ok {
			wait = 5 * time.Second
		}
		_ = c.SetReadDeadline(time.Now().Add(wait))
		buf := make([]byte, 1500)
		n, err := c.Read(buf)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil {
			continue
		}
		r := &stun.Message{Raw: buf[:n]}
		var seen stun.XORMappedAddress
		if err := r.Decode(); err != nil || r.Type != stun.BindingSuccess || r.TransactionID != m.TransactionID ||
			stun.NewShortTermIntegrity(own.Pwd).Check(r) != nil || seen.GetFrom(r) != nil || seen.Port != c.LocalAddr().(*net.UDPAddr).Port {
			t.Errorf("answered %v %v", r, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	own := sdp.ICE{Ufrag: "ours", Pwd: "a password of ours"}
	good := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity(own.Pwd), stun.Fingerprint)
	f.Add(good.Raw)
	f.Add(good.Raw[:24])
	f.Fuzz(func(_ *testing.T, b []byte) {
		if stun.IsMessage(b) {
			_, _ = checkedBy(&stun.Message{Raw: b}, own)
		}
	})
}
