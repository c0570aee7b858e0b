//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/cot/wire"
)

func TestTemplatesAreEventsWithTheirStamp(t *testing.T) {
	for version := range 2 {
		tm, err := newTemplate(7, version, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		b := tm.set(phaseMeasured, 123456789*time.Microsecond)
		s := wire.NewScanner(wire.DefaultLimits())
		it, n, err := s.Next(b)
		if err != nil || n == 0 || it.Data == nil || s.IsProto() != (version == 1) {
			t.Fatalf("version %d: %v %d %v", version, it.Kind, n, err)
		}
		parse := wire.ParseXML
		if version == 1 {
			parse = wire.ParseProto
		}
		ev, err := parse(it.Data, wire.DefaultLimits())
		if err != nil || ev.UID != "BENCH-00000007" || ev.Contact.Callsign != "BENCH 7" || ev.Battery != 81 {
			t.Fatalf("version %d: %+v %v", version, ev, err)
		}
		el, _ := ev.Child("bench")
		if got, want := el.Attr("stamp"), mark+"M000000123456789"; got != want {
			t.Errorf("version %d: stamp %s, want %s", version, got, want)
		}
	}
}

func TestEachStampCountsOnceHoweverItIsCut(t *testing.T) {
	tm, err := newTemplate(1, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var stream []byte
	for i := range 50 {
		phase := byte(phaseMeasured)
		if i < 10 {
			phase = phaseWarm
		}
		stream = append(stream, tm.set(phase, time.Duration(i)*time.Millisecond)...)
	}
	stream = append(stream, mark...) // is none
	rng := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 3, stampLen, 100, 4096} {
		var y tally
		var tl tail
		for rest := stream; len(rest) > 0; {
			buf := make([]byte, stampLen+most)
			copy(buf, tl.b[:tl.n])
			n := copy(buf[tl.n:], rest[:min(len(rest), 1+rng.IntN(most))])
			rest = rest[n:]
			y.take(&tl, buf, tl.n+n, 60*time.Millisecond)
		}
		if y.copies.Load() != 50 || y.measured.Load() != 40 || y.bytes.Load() != int64(len(stream)) {
			t.Errorf("in pieces of up to %d: %d copies, %d measured, %d of %d bytes", most, y.copies.Load(), y.measured.Load(), y.bytes.Load(), len(stream))
		}
		if p := quantile(y.late.counts(), 0.5); math.Abs(p-30) > 2 {
			t.Errorf("in pieces of up to %d: median %g ms, want about 30", most, p)
		}
	}
}

func TestHistogram(t *testing.T) {
	for us := int64(0); us < 200e6; us += 1 + us/7 {
		d := time.Duration(us) * time.Microsecond
		top := valueOf(bucketOf(d))
		if top < d-d%time.Microsecond || float64(top) > float64(d)*1.04+1e3 {
			t.Fatalf("%s is counted as %s", d, top)
		}
	}
	if b := bucketOf(-time.Second); b != 0 {
		t.Error(b)
	}
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i) * time.Millisecond)
	}
	h.add(1e6 * time.Hour)
	c := h.counts()
	for q, want := range map[float64]float64{0: 0, 0.5: 500, 0.95: 950, 0.99: 990} {
		if got := quantile(c, q); math.Abs(got-want) > 0.04*want+1 {
			t.Errorf("quantile %g: %g, want %g", q, got, want)
		}
	}
	h.reset()
	if len(h.counts()) != 0 || quantile(nil, 0.5) != 0 {
		t.Error("an empty histogram holds something")
	}
}

// hub is a server that hands what one connection sends to all others, and grants
// version 1 to those who ask.
type hub struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	drop  int // of so many events the first is lost; 0: none
	count int
}

func (h *hub) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns[c] = true
		h.mu.Unlock()
		offer := wire.New("offer", "t-x-takp-v", "m-g", time.Now(), time.Minute).AppendXML(nil)
		_, _ = c.Write(offer)
		go h.read(c)
	}
}

func (h *hub) read(c net.Conn) {
	s := wire.NewScanner(wire.DefaultLimits())
	var buf []byte
	piece := make([]byte, 4096)
	for {
		it, n, err := s.Next(buf)
		if err != nil {
			return
		}
		if it.Kind == wire.XML && bytes.Contains(it.Data, []byte("t-x-takp-q")) {
			_, _ = io.WriteString(c, `<event version="2.0" uid="offer" type="t-x-takp-r" time="2026-03-01T12:00:00Z" stale="2026-03-01T12:00:00Z"><point lat="0" lon="0"/><detail><TakControl><TakResponse status="true"/></TakControl></detail></event>`)
			s.SetProto()
		} else if it.Kind == wire.XML || it.Kind == wire.Proto {
			h.relay(c, buf[:n])
		}
		buf = buf[n:]
		if it.Kind == wire.None && n == 0 {
			m, err := c.Read(piece)
			if err != nil {
				return
			}
			buf = append(buf, piece[:m]...)
		}
	}
}

func (h *hub) relay(from net.Conn, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes.Contains(b, []byte("t-x-c-t")) {
		return
	}
	if h.count++; h.drop > 0 && h.count%h.drop == 0 {
		return
	}
	for c := range h.conns {
		if c != from {
			_, _ = c.Write(b)
		}
	}
}

func TestWorkerCountsWhatAServerDelivers(t *testing.T) {
	for _, c := range []struct{ version, drop, silent int }{{0, 0, 0}, {1, 0, 2}, {0, 3, 0}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			h := &hub{conns: make(map[net.Conn]bool), drop: c.drop}
			go h.serve(l)
			in, orders := io.Pipe()
			notices, out := io.Pipe()
			done := make(chan error, 1)
			go func() { done <- work(t.Context(), in, out) }()
			enc, dec := json.NewEncoder(orders), json.NewDecoder(notices)
			say := func(v any) (n notice) {
				t.Helper()
				if v != nil {
					if err := enc.Encode(v); err != nil {
						t.Fatal(err)
					}
				}
				if err := dec.Decode(&n); err != nil || n.Error != "" {
					t.Fatal(n.Error, err)
				}
				return n
			}
			j := job{Addr: l.Addr().String(), Version: c.version, Conns: 10, Silent: c.silent, Senders: 3, Epoch: time.Now().UnixNano()}
			if n := say(j); !n.Ready {
				t.Fatalf("%+v", n)
			}
			if n := say(order{Rate: 50, Warm: 200 * time.Millisecond, Measure: 400 * time.Millisecond}); !n.Begin {
				t.Fatalf("%+v", n)
			}
			r := say(nil).Result
			if r == nil || r.Sent < 50 || r.Sent > 61 || r.Expected != r.Sent*int64(9-c.silent) || r.Closed != 0 {
				t.Fatalf("%+v", r)
			}
			lost := float64(r.Expected-r.Received) / float64(r.Expected)
			if c.drop == 0 && lost != 0 || c.drop > 0 && math.Abs(lost-1/float64(c.drop)) > 0.1 {
				t.Errorf("%.2f lost: %+v", lost, r)
			}
			sum := int64(0)
			for _, n := range r.Counts {
				sum += n
			}
			if sum != r.Received || r.Bytes == 0 {
				t.Errorf("%d latencies, %+v", sum, r)
			}
			orders.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWorkerSaysWhyItCannotConnect(t *testing.T) {
	var out bytes.Buffer
	if err := work(t.Context(), strings.NewReader(`{"Addr":"127.0.0.1:1","Conns":3,"Senders":1}`+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	var n notice
	if err := json.Unmarshal(out.Bytes(), &n); err != nil || n.Ready || !strings.Contains(n.Error, "connection") {
		t.Errorf("%+v %v", n, err)
	}
}

func TestTableShowsMediansAndRatio(t *testing.T) {
	o := options{conns: 500, senders: 100, idle: 10000}
	sc := scenarios(o)[0]
	var out strings.Builder
	table(&out, o, []*subject{{name: "one"}, {name: "two"}}, map[string][]figureSet{
		"one": {{sc.figure(figCPU): 1}, {sc.figure(figCPU): 9}, {sc.figure(figCPU): 2}},
		"two": {{sc.figure(figCPU): 4}, {sc.figure(figLost): 0}},
	})
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 5 || !strings.Contains(lines[2], " 2.00 |       4.00 |   0.50 |") || !strings.Contains(lines[3], " - |          0 |") {
		t.Errorf("%s", out.String())
	}
}

func TestIdleConnectionsThatTheServerClosedAreNoticed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newPinger()
	defer p.close()
	var there []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		p.add(c)
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		there = append(there, s)
	}
	if n := p.gone(); n != 0 {
		t.Errorf("%d of 3 gone before any was closed", n)
	}
	_, _ = io.WriteString(there[0], "a pong that nobody reads")
	there[0].Close()
	for end := time.Now().Add(5 * time.Second); p.gone() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d gone, want 1", p.gone())
		}
	}
}
