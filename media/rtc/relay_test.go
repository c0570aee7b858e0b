package rtc

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
)

func openSocket(t *testing.T, relay func(relayed, from netip.AddrPort, pkt []byte) bool) *mediaSocket {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &mediaSocket{UDPConn: c, readDone: make(chan struct{})}
	s.relayed.out = relay
	t.Cleanup(func() { c.Close() })
	return s
}

func TestPacketsOfRelaysComeInMemory(t *testing.T) {
	s := openSocket(t, nil)
	us, relay := s.LocalAddr().(*net.UDPAddr).AddrPort(), netip.MustParseAddrPort("192.0.2.9:50000")
	const n = 500
	var sent sync.WaitGroup
	sent.Go(func() { // from the relay and from the network at the same time
		for i := range n {
			for !s.inject(us, relay, []byte{byte(i), 1}) {
			}
		}
	})
	sent.Go(func() {
		c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(us))
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for range n {
			if _, err := c.Write([]byte{9, 2}); err != nil {
				t.Error(err)
			}
		}
	})
	buf := make([]byte, 1500)
	fromRelay, fromNet := 0, 0
	for fromRelay < n { // the network may lose some
		got, from, err := s.ReadFromAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case from == relay && got == 2 && buf[1] == 1:
			if buf[0] != byte(fromRelay) {
				t.Fatalf("packet %d of the relay came as number %d", buf[0], fromRelay)
			}
			fromRelay++
		case from != relay && buf[1] == 2:
			fromNet++
		default:
			t.Fatalf("% x from %v", buf[:got], from)
		}
	}
	sent.Wait()
	if fromNet == 0 {
		t.Log("the network was not read meanwhile") // the kernel may hold it all until now
	}
}

func TestAnswersGoBackThroughTheRelay(t *testing.T) {
	relay := netip.MustParseAddrPort("192.0.2.9:50000")
	type sent struct {
		relayed, from netip.AddrPort
		pkt           []byte
	}
	var got []sent
	there := true
	s := openSocket(t, func(relayed, from netip.AddrPort, pkt []byte) bool {
		if there {
			got = append(got, sent{relayed, from, bytes.Clone(pkt)})
		}
		return there
	})
	us := netip.MustParseAddrPort("198.51.100.3:8189")
	if _, err := s.WriteToAddrPort([]byte("a"), relay); err == nil && len(got) > 0 {
		t.Error("sent to a relay that nobody has used")
	}
	s.inject(us, relay, []byte("x"))
	if _, err := s.WriteToAddrPort([]byte("answer"), relay); err != nil {
		t.Fatal(err)
	}
	s.send(relay, []byte("onetwo"), []int{3, 3})
	if len(got) != 3 || string(got[0].pkt) != "answer" || string(got[2].pkt) != "two" {
		t.Fatalf("handed over %+v", got)
	}
	for _, g := range got {
		if g.relayed != relay || g.from != us {
			t.Errorf("from %v to %v", g.from, g.relayed)
		}
	}
	there = false
	_, _ = s.WriteToAddrPort([]byte("late"), relay)
	if s.relayed.has(relay) {
		t.Error("a relay that has ended is remembered")
	}
}

func TestWhatRelaysMaySendIsBounded(t *testing.T) {
	s := openSocket(t, nil)
	us, relay := s.LocalAddr().(*net.UDPAddr).AddrPort(), netip.MustParseAddrPort("192.0.2.9:50000")
	if s.inject(us, relay, make([]byte, receiveMTU+1)) {
		t.Error("a packet that is too large was taken")
	}
	taken := 0
	for s.inject(us, relay, []byte("x")) {
		if taken++; taken > maxInbound {
			t.Fatal("the queue has no end")
		}
	}
	for i := range maxRelayedPeers * 2 {
		s.relayed.remember(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1), us, past)
	}
	if n := len(s.relayed.peers); n > maxRelayedPeers {
		t.Errorf("%d relays are remembered", n)
	}
}

func TestRoomOffersAreChecked(t *testing.T) {
	for name, sdp := range map[string]string{
		"empty": "", "not SDP": "hello", "no media": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
		"no credentials": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n",
		"too long":       string(make([]byte, maxRoomSDP+1)),
	} {
		t.Run(name, func(t *testing.T) {
			seat := &Seat{session: &session{end: make(chan struct{}), log: slog.New(slog.DiscardHandler)}}
			if _, err := seat.Offer(sdp, nil); !BadOffer(err) {
				t.Errorf("%v", err)
			}
		})
	}
}

func FuzzRoomOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
		"a=rtpmap:96 VP8/90000\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=simulcast:send q;h;f\r\n")
	f.Fuzz(func(t *testing.T, sdp string) {
		o, err := parseRoomOffer([]byte(sdp))
		if err != nil {
			return
		}
		for mid, layers := range o.simulcast() {
			if len(layers) > 3 {
				t.Errorf("%q has %d layers", mid, len(layers))
			}
		}
	})
}
