package rtp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"muster/internal/run"
	"muster/sip/sdp"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestMediaIsTakenFromOnePlace(t *testing.T) {
	signalled, peer := ap("192.0.2.1:4000"), netip.MustParseAddr("198.51.100.1")
	var s source
	s.expect(signalled, peer)
	if s.candidate(ap("203.0.113.1:4000"), false) {
		t.Error("an address that nobody named")
	}
	if !s.candidate(ap("203.0.113.1:4000"), true) {
		t.Error("encrypted packets prove themselves")
	}
	if _, ok := s.target(false); ok {
		t.Error("media goes to an address that is not the caller's")
	}
	if to, ok := s.target(true); !ok || to != signalled {
		t.Error("media of who is trusted goes where it is wanted")
	}
	nat := ap("198.51.100.1:61000")
	if !s.candidate(nat, false) {
		t.Error("the address of the signalling")
	}
	s.take(nat)
	if to, ok := s.target(false); !ok || to != nat {
		t.Error("media goes where it comes from")
	}
	if !s.candidate(signalled, false) {
		t.Error("the signalled address, before the source is settled")
	}
	s.take(signalled)
	for range strict {
		s.take(signalled)
	}
	if s.candidate(nat, false) || s.candidate(nat, true) || !s.candidate(signalled, false) {
		t.Error("another source after the first is settled")
	}
	moved := ap("192.0.2.2:4000")
	s.expect(moved, peer)
	if s.candidate(signalled, false) || !s.candidate(moved, false) {
		t.Error("after a re-INVITE with another address")
	}
}

func TestMediaIsNotSentWhereNoPhoneIs(t *testing.T) {
	for _, tt := range []struct {
		names, from string
		want        bool
	}{
		{"192.0.2.7", "192.0.2.1", true},
		{"10.0.0.7", "192.0.2.1", true},
		{"239.1.1.1", "192.0.2.1", false},
		{"ff02::1", "2001:db8::1", false},
		{"255.255.255.255", "192.0.2.1", false},
		{"127.0.0.1", "192.0.2.1", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"::1", "2001:db8::1", false},
		{"169.254.169.254", "192.0.2.1", false},
		{"169.254.3.4", "169.254.1.2", true},
	} {
		var s source
		s.expect(netip.AddrPortFrom(netip.MustParseAddr(tt.names), 4000), netip.MustParseAddr(tt.from))
		if _, got := s.target(true); got != tt.want {
			t.Errorf("%s, named by %s: %v", tt.names, tt.from, got)
		}
	}
}

func TestKeysAreHeardOnce(t *testing.T) {
	var e eventIn
	var got []byte
	for _, p := range []struct {
		ts uint32
		b  []byte
	}{
		{1, []byte{4, 10, 0, 160}}, {1, []byte{4, 10, 1, 64}}, {1, []byte{4, 0x8A, 2, 0}}, {1, []byte{4, 0x8A, 2, 0}},
		{900, []byte{4, 10, 0, 160}}, // the same key again
		{2000, []byte{11, 0x8A, 2, 0}}, {3000, []byte{16, 10, 0, 0}}, {4000, []byte{1}}, {5000, []byte{15, 10, 0, 0}},
	} {
		if d, fresh := e.packet(p.ts, p.b); fresh {
			got = append(got, d)
		}
	}
	if string(got) != "44#D" {
		t.Errorf("heard %q", got)
	}
}

func TestVP8FramesArePutTogether(t *testing.T) {
	for _, tt := range []struct {
		name string
		pkts [][]byte // descriptor and payload
		seqs []uint16
		want string
		err  bool
	}{
		{"one packet", [][]byte{{0x10, 'a'}}, nil, "a", false},
		{"partitions with starts of their own", [][]byte{{0x10, 'a'}, {0x11, 'b'}, {0x01, 'c'}}, nil, "abc", false},
		{"long picture number and layers", [][]byte{{0x90, 0xF0, 0x81, 0x02, 9, 9, 'a'}, {0x80, 0x80, 0x05, 'b'}}, nil, "ab", false},
		{"a packet missing", [][]byte{{0x10, 'a'}, {0, 'b'}}, []uint16{1, 3}, "", true},
		{"joined in the middle", [][]byte{{0, 'b'}}, nil, "", false},
		{"descriptor alone", [][]byte{{0x90, 0x80, 0x81}}, nil, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v vp8Frames
			var frame []byte
			var failed bool
			for i, p := range tt.pkts {
				seq := uint16(i)
				if tt.seqs != nil {
					seq = tt.seqs[i]
				}
				f, err := v.packet(seq, 7, i == len(tt.pkts)-1, p)
				failed = failed || err != nil
				if f != nil {
					frame = f
				}
			}
			if string(frame) != tt.want || failed != tt.err {
				t.Errorf("%q, failed %v", frame, failed)
			}
		})
	}
}

func FuzzVP8(f *testing.F) {
	f.Add([]byte{0x90, 0xF0, 0x81, 0x02, 9, 9, 'a'})
	f.Fuzz(func(_ *testing.T, b []byte) {
		var v vp8Frames
		_, _ = v.packet(1, 1, false, b)
		_, _ = v.packet(2, 1, true, b)
	})
}

// pairUp connects two streams with each other.
func pairUp(t *testing.T, format sdp.Format, change func(a, b *sdp.Stream)) (a, b *Stream) {
	t.Helper()
	ports := NewPorts(35000, 36000)
	ctx, cancel := context.WithCancel(t.Context())
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	g := run.NewGroup(ctx, log, "test")
	certA, err := NewCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certB, err := NewCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	video := format.ClockRate == 90000
	open := func(c *Certificate) *Stream {
		s, err := ports.OpenStream(log, c, video)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	a, b = open(certA), open(certB)
	loop := netip.MustParseAddr("127.0.0.1")
	plan := func(to *Stream) *sdp.Stream {
		return &sdp.Stream{
			Format: format, Events: 101, Send: true, Receive: true, PLI: true,
			RTP: netip.AddrPortFrom(loop, uint16(to.Port())), RTCP: netip.AddrPortFrom(loop, uint16(to.Port()+1)),
		}
	}
	pa, pb := plan(b), plan(a)
	pa.Fingerprint, pb.Fingerprint = certB.Fingerprint(), certA.Fingerprint()
	change(pa, pb)
	for _, x := range []struct {
		s *Stream
		p *sdp.Stream
	}{{a, pa}, {b, pb}} {
		if err := x.s.Apply(x.p, loop, false); err != nil {
			t.Fatal(err)
		}
		x.s.Start(g)
	}
	t.Cleanup(func() { a.Close(); b.Close(); cancel(); g.Wait() })
	return a, b
}

func plainly(a, b *sdp.Stream) { a.Fingerprint, b.Fingerprint = "", "" }

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("it did not come to pass that %s", what)
}

func TestSoundAndKeysTravelInEveryEncryption(t *testing.T) {
	pcma := sdp.Format{Name: "PCMA", ClockRate: 8000, Channels: 1, Payload: 8, Receive: 8}
	for name, change := range map[string]func(a, b *sdp.Stream){
		"plain": plainly,
		"SDES": func(a, b *sdp.Stream) {
			plainly(a, b)
			a.In = sdp.Crypto{Suite: "AEAD_AES_128_GCM", Key: bytes.Repeat([]byte{1}, 28)}
			a.Out = sdp.Crypto{Suite: "AEAD_AES_128_GCM", Key: bytes.Repeat([]byte{2}, 28)}
			b.In, b.Out = a.Out, a.In
		},
		"DTLS": func(a, _ *sdp.Stream) { a.Active = true },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pairUp(t, pcma, change)
			var n atomic.Int64
			keys := make(chan byte, 10)
			b.Handle(Handlers{Packet: func(p Packet) {
				if len(p.Payload) == 160 {
					n.Add(1)
				}
			}, Key: func(d byte) { keys <- d }})
			until(t, "sound comes", func() bool { a.SendAudio(make([]byte, 160), 160); return n.Load() > 10 })
			a.SendKey('7')
			select {
			case d := <-keys:
				if d != '7' {
					t.Errorf("heard %q", d)
				}
			case <-time.After(2 * time.Second):
				t.Error("no key is heard")
			}
		})
	}
}

func TestDTLSWithAnotherCertificateFails(t *testing.T) {
	pcma := sdp.Format{Name: "PCMA", ClockRate: 8000, Channels: 1, Payload: 8, Receive: 8}
	a, b := pairUp(t, pcma, func(a, b *sdp.Stream) {
		a.Active = true
		b.Fingerprint = a.Fingerprint
	})
	var n atomic.Int64
	b.Handle(Handlers{Packet: func(Packet) { n.Add(1) }})
	for range 50 {
		a.SendAudio(make([]byte, 160), 160)
		time.Sleep(10 * time.Millisecond)
	}
	if n.Load() != 0 {
		t.Errorf("%d packets are heard", n.Load())
	}
}

func TestPicturesTravelInBothModes(t *testing.T) {
	for name, f := range map[string]sdp.Format{
		"fragments":       {Name: "H264", ClockRate: 90000, Payload: 97, Receive: 97, FMTP: "packetization-mode=1"},
		"whole NAL units": {Name: "H264", ClockRate: 90000, Payload: 97, Receive: 97},
		"VP8":             {Name: "VP8", ClockRate: 90000, Payload: 99, Receive: 99},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pairUp(t, f, plainly)
			units := make(chan Unit, 100)
			wanted := make(chan struct{}, 100)
			b.Handle(Handlers{Unit: func(u Unit) { units <- u }})
			a.Handle(Handlers{KeyFrame: func() { wanted <- struct{}{} }})
			slice := append([]byte{0x65}, bytes.Repeat([]byte{7}, 5000)...)
			au := [][]byte{{0x67, 0x42, 0xC0, 0x1F, 1, 2, 3}, {0x68, 0xCE, 0x3C, 0x80}, slice}
			if f.Name == "VP8" {
				au = [][]byte{append([]byte{0}, bytes.Repeat([]byte{7}, 5000)...)}
			}
			a.SendUnit(Unit{AU: au, PTS: time.Second})
			a.SendUnit(Unit{AU: au, PTS: 2 * time.Second})
			got := <-units
			if !got.Key || !bytes.Equal(got.AU[len(got.AU)-1], au[len(au)-1]) {
				t.Errorf("%d NAL units, key %v", len(got.AU), got.Key)
			}
			if next := <-units; next.PTS-got.PTS != time.Second {
				t.Errorf("%s later", next.PTS-got.PTS)
			}
			if !b.RequestKeyFrame() {
				t.Fatal("a picture cannot be asked for")
			}
			select {
			case <-wanted:
			case <-time.After(2 * time.Second):
				t.Error("the request is not heard")
			}
		})
	}
}

func TestReportsTellOfLoss(t *testing.T) {
	pcma := sdp.Format{Name: "PCMA", ClockRate: 8000, Channels: 1, Payload: 8, Receive: 8}
	_, b := pairUp(t, pcma, plainly)
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, seq := range []uint16{65533, 65534, 1, 0, 2, 3, 3} { // 65535 is lost, 3 came twice
		b.recv.count(&rtp.Header{SequenceNumber: seq, SSRC: 9, Timestamp: uint32(seq) * 160}, now, 8000)
	}
	r := b.recv.block(now)[0]
	if r.LastSequenceNumber != 1<<16+3 || r.SSRC != 9 {
		t.Errorf("report %+v", r)
	}
	raw, err := rtcp.Marshal(b.compound())
	if err != nil || len(raw) < 20 {
		t.Errorf("%d bytes: %v", len(raw), err)
	}
}

func TestLossThatThePhoneReportsIsTold(t *testing.T) {
	pcma := sdp.Format{Name: "PCMA", ClockRate: 8000, Channels: 1, Payload: 8, Receive: 8}
	a, b := pairUp(t, pcma, plainly)
	loss := make(chan int, 1)
	a.Handle(Handlers{Loss: func(percent int) { loss <- percent }})
	var n atomic.Int64
	b.Handle(Handlers{Packet: func(Packet) { n.Add(1) }})
	until(t, "sound comes", func() bool {
		a.SendAudio(make([]byte, 160), 160)
		a.mu.Lock()
		a.sender.seq++ // every second one is lost
		a.mu.Unlock()
		return n.Load() > 20
	})
	b.report()
	select {
	case got := <-loss:
		if got < 40 || got > 50 {
			t.Errorf("half is lost, and %d %% are told of", got)
		}
	case <-time.After(2 * time.Second):
		t.Error("nothing is told")
	}
}

func TestPortsOfOthersAreSkipped(t *testing.T) {
	taken, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.LocalAddr().(*net.UDPAddr).Port &^ 1
	p := NewPorts(port-1, port+21) // the first pair has the taken port in it
	a, err := p.Open()
	if err != nil || a.Port <= port || a.Port%2 != 0 {
		t.Fatalf("%+v %v", a, err)
	}
	a.Close()
	a.Close()
	q := NewPorts(port, port+1)
	if _, err := q.Open(); !errors.Is(err, ErrNoPorts) {
		t.Errorf("more ports than there are: %v", err)
	}
}

func TestPacketsArePutInOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []uint16
		want []uint16
		lost int
	}{
		{"in order", []uint16{65534, 65535, 0, 1}, []uint16{65534, 65535, 0, 1}, 0},
		{"two exchanged", []uint16{1, 3, 2, 4}, []uint16{1, 2, 3, 4}, 0},
		{"twice", []uint16{1, 1, 2, 2}, []uint16{1, 2}, 0},
		{"twice while waiting", []uint16{1, 3, 3, 2}, []uint16{1, 2, 3}, 0},
		{"another beginning", []uint16{1, 40000, 40001}, []uint16{1, 40000, 40001}, 1},
		{"one missing", []uint16{1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, []uint16{1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var o order
			var got []uint16
			lost := 0
			for _, seq := range tt.in {
				pkts, n := o.process(&rtp.Packet{Header: rtp.Header{SequenceNumber: seq}})
				lost += n
				for _, p := range pkts {
					got = append(got, p.SequenceNumber)
				}
			}
			if !slices.Equal(got, tt.want) || lost != tt.lost {
				t.Errorf("%v, %d lost", got, lost)
			}
		})
	}
}
