package rtc

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"muster/media/codec"
)

// tcpBench is a bench whose clients can connect over TCP.
func tcpBench(t *testing.T) (*bench, *net.TCPAddr) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	b := newBench(t, func(_ *Config, d *Deps) { d.TCP = at.AddrPort })
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	g.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.Go(func() { b.srv.ServeConn(ctx, c) })
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); g.Wait() })
	return b, at
}

func TestClientWithoutUDPWatchesOverTCP(t *testing.T) {
	b, at := tcpBench(t)
	p := b.feed(codec.NewVideo(codec.H264), codec.NewOpus(2))
	pump(t, p, codec.H264, 30, 20000)
	c := newClient(t, func(se *webrtc.SettingEngine) {
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	})
	if got := c.watch(b, "/site/cam/whep", "watch"); got != http.StatusCreated {
		t.Fatalf("status %d: %s", got, text(c.res))
	}
	last := map[uint32]uint16{}
	for _, pkt := range c.take(300) {
		if l, ok := last[pkt.SSRC]; ok && pkt.SequenceNumber != l+1 {
			t.Fatalf("sequence %d after %d", pkt.SequenceNumber, l)
		}
		last[pkt.SSRC] = pkt.SequenceNumber
	}
	if b.srv.Stats().TCP < 1 {
		t.Errorf("no connection")
	}
	pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil || pair.Remote.Protocol != webrtc.ICEProtocolTCP || int(pair.Remote.Port) != at.Port {
		t.Errorf("goes over %v (%v)", pair, err)
	}
	_ = c.pc.GracefulClose()
	within(t, 5*time.Second, "the connection closed", func() bool { return b.srv.Stats().TCP == 0 })
}

func TestTheEndOfASessionEndsItsConnections(t *testing.T) {
	b, _ := tcpBench(t)
	pump(t, b.feed(codec.NewOpus(2)), codec.Opus, 1, 100)
	c := newClient(t, func(se *webrtc.SettingEngine) { se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) })
	c.watch(b, "/site/cam/whep", "watch")
	c.take(10)
	if res := b.do("DELETE", c.resource, "", "", ""); res.StatusCode != http.StatusOK {
		t.Fatal(res.StatusCode)
	}
	within(t, 5*time.Second, "the connection closed", func() bool { return b.srv.Stats().TCP == 0 })
	b.srv.tcp.mu.Lock()
	defer b.srv.tcp.mu.Unlock()
	if n := len(b.srv.tcp.peers); n != 0 {
		t.Errorf("%d peers are left", n)
	}
}

func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func check(t *testing.T, ufrag string) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag))
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestWhatIsNotOfAPeerIsClosed(t *testing.T) {
	d := newTCPDoor()
	if _, err := (tcpMux{d}).GetConnByUfrag("known", false, nil); err != nil {
		t.Fatal(err)
	}
	defer tcpMux{d}.RemoveConnByUfrag("known")
	for _, tc := range []struct {
		name string
		send []byte
	}{
		{"an unknown peer", framed(check(t, "other:me"))},
		{"no colon", framed(check(t, "known"))},
		{"no STUN", framed([]byte("GET / HTTP/1.1\r\n"))},
		{"an indication", framed(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.NewUsername("known:me")).Raw)},
		{"no name", framed(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)},
		{"a long frame", []byte{0xff, 0xff, 0}},
		{"an empty frame", []byte{0, 0}},
		{"a cut frame", []byte{0, 20, 0, 1}},
		{"a long frame behind a good one", append(framed(check(t, "known:me")), 0xff, 0xff)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			done := make(chan error, 1)
			go func() { done <- d.serve(ours); ours.Close() }()
			if _, err := theirs.Write(tc.send); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(tc.name, "cut") {
				theirs.CloseWrite()
			}
			if n, _ := io.Copy(io.Discard, theirs); n != 0 {
				t.Errorf("%d bytes came back", n)
			}
			if err := <-done; err == nil {
				t.Error("no error")
			}
		})
	}
}

func tcpPair(t *testing.T) (ours net.Conn, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return ours, c.(*net.TCPConn)
}

func TestOnePeerHoldsFewConnections(t *testing.T) {
	d := newTCPDoor()
	pc, err := tcpMux{d}.GetConnByUfrag("known", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := pc.(*tcpPeer)
	var g sync.WaitGroup
	var clients []*net.TCPConn
	buf := make([]byte, receiveMTU)
	for range maxTCPPerUfrag + 2 {
		ours, theirs := tcpPair(t)
		g.Go(func() { _ = d.serve(ours); ours.Close() })
		if _, err := theirs.Write(framed(check(t, "known:me"))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.ReadFromAddrPort(buf); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, theirs)
	}
	p.mu.Lock()
	n := len(p.links)
	p.mu.Unlock()
	if n != maxTCPPerUfrag {
		t.Errorf("%d connections", n)
	}
	for _, c := range clients[:2] { // the oldest went
		if n, _ := io.Copy(io.Discard, c); n != 0 {
			t.Errorf("%d bytes came", n)
		}
	}
	to := clients[5].LocalAddr().(*net.TCPAddr).AddrPort()
	if _, err := p.WriteToAddrPort([]byte("hello"), to); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 7)
	if _, err := io.ReadFull(clients[5], got); err != nil || !bytes.Equal(got, framed([]byte("hello"))) {
		t.Errorf("%x %v", got, err)
	}
	p.Close()
	g.Wait()
}

func TestAPeerThatDoesNotReadLosesPackets(t *testing.T) {
	l := &tcpLink{wake: make(chan struct{}, 1)}
	for range 2000 {
		l.queue(make([]byte, 1200))
	}
	if len(l.buf) > maxTCPQueue || len(l.buf) < maxTCPQueue-1300 {
		t.Errorf("%d bytes wait", len(l.buf))
	}
}

func TestCandidatesForTCP(t *testing.T) {
	got := tcpCandidates(netip.MustParseAddrPort("192.0.2.1:443"), []netip.Addr{netip.MustParseAddr("203.0.113.9")}, netip.MustParseAddr("198.51.100.1"))
	want := []string{"tcp1 1 tcp 1671430143 203.0.113.9 443 typ host tcptype passive", "tcp2 1 tcp 1671429887 192.0.2.1 443 typ host tcptype passive"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", got)
	}
	if got := tcpCandidates(netip.AddrPort{}, nil, netip.Addr{}); got != nil {
		t.Errorf("%q of a door that is shut", got)
	}
}

func FuzzFirstFrame(f *testing.F) {
	f.Add(framed(stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b")).Raw))
	f.Add([]byte{0, 0})
	f.Add([]byte{0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
	f.Fuzz(func(t *testing.T, in []byte) {
		buf := make([]byte, receiveMTU)
		n, err := readFrame(bytes.NewReader(in), buf)
		if err == nil {
			checkedUfrag(buf[:n])
		}
	})
}
