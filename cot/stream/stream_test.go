package stream

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
)

func anonymous(c *Config, d *Deps) { d.Config.Anonymous = true }

const login = `<?xml version="1.0" encoding="UTF-8"?><auth><cot username="ann" password="right" uid="u"/></auth>`

func TestPlainClientsLogIn(t *testing.T) {
	for _, tc := range []struct {
		name      string
		anonymous bool
		send      string
		user      string // "": the connection is closed without an answer
	}{
		{"right password", false, login, "ann"},
		{"right password, event behind", false, login + report("u"), "ann"},
		{"wrong password", false, strings.Replace(login, "right", "wrong", 1) + report("u"), ""},
		{"no such user", false, strings.Replace(login, "ann", "eve", 1), ""},
		{"events first", false, report("u"), ""},
		{"a frame first", false, asFrame(t, report("u")), ""},
		{"nonsense without end", false, strings.Repeat("nonsense ", 10000), ""},
		{"events first where that is allowed", true, report("u"), "anonymous"},
		{"a frame first where that is allowed", true, asFrame(t, report("u")), "anonymous"},
		{"right password where none is needed", true, login, "ann"},
		{"wrong password where none is needed", true, strings.Replace(login, "right", "wrong", 1), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := start(t, func(_ *Config, d *Deps) { d.Config.Anonymous = tc.anonymous })
			c := b.plain()
			_, _ = io.WriteString(c, tc.send) // the server may have closed it already
			if tc.user == "" {
				if got, err := io.ReadAll(c.r); len(got) > 0 {
					t.Fatalf("answered %q, %v", got, err)
				}
				if n := len(b.hub.uids()); n > 0 {
					t.Fatalf("%d events went to the hub", n)
				}
				return
			}
			eventually(t, "client", func() bool { return len(b.hub.joins()) == 1 })
			j := b.hub.joins()[0]
			if j.Identity.User != tc.user || j.Protocol != "tcp" || !j.Remote.IsValid() {
				t.Fatalf("joined as %+v", j)
			}
			if strings.Contains(tc.send, "event") || tc.send[0] == frameByte {
				eventually(t, "event", func() bool { return slices.Equal(b.hub.uids(), []string{"u"}) })
			}
		})
	}
}

func TestSilentClientIsAnonymousWhereThatIsAllowed(t *testing.T) {
	b := start(t, anonymous)
	c := b.plain()
	if ev := c.xml(); ev.Type != "t-x-takp-v" {
		t.Fatalf("first event is %s", ev.Type)
	}
}

func TestLoginHasADeadline(t *testing.T) {
	b := start(t, func(c *Config, _ *Deps) { c.HandshakeTimeout = time.Second })
	plain := b.plain()
	plain.write("<auth>")
	raw, err := net.Dial("tcp", b.addr("cots"))
	secure := b.client(raw, err)
	plain.gone()
	secure.gone()
	eventually(t, "count", func() bool { s := b.Stats(); return s.Unproven == 2 && s.Pending == 0 })
}

func TestCertificateIsTheIdentity(t *testing.T) {
	b := start(t)
	c := b.secure()
	c.write(login + report("u")) // the login is skipped
	eventually(t, "event", func() bool { return slices.Equal(b.hub.uids(), []string{"u"}) })
	if j := b.hub.joins()[0]; j.Identity.User != "bob" || j.Protocol != "tls" || j.Subject != "CN=bob" {
		t.Fatalf("joined as %+v", j)
	}
	nc, err := tls.Dial("tcp", b.addr("cots"), &tls.Config{RootCAs: b.ca})
	b.client(nc, err).gone()
	b.hub.mu.Lock()
	b.hub.deny = true
	b.hub.mu.Unlock()
	b.secure().gone()
}

func TestEventsAreFoundHoweverTheyAreWritten(t *testing.T) {
	prolog := `<?xml version="1.0" encoding="UTF-8"?>`
	streams := map[string]string{
		"prolog before every event": prolog + report("a") + prolog + report("b"),
		"no prolog":                 report("a") + report("b"),
		"newline between":           report("a") + "\n" + report("b") + "\n",
		"CRLF":                      prolog + "\r\n" + report("a") + "\r\n\r\n" + report("b"),
		"single quotes":             strings.ReplaceAll(report("a"), `"`, `'`) + report("b"),
		"byte order mark":           "\ufeff" + report("a") + "\ufeff" + report("b"),
		"NUL bytes":                 "\x00\x00" + report("a") + "\x00" + report("b"),
	}
	for name, s := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			b.secure().write(s)
			eventually(t, "events", func() bool { return len(b.hub.uids()) == 2 })
			if got := b.hub.uids(); !slices.Equal(got, []string{"a", "b"}) {
				t.Fatal(got)
			}
		})
	}
}

// TestEventSplitAnywhereIsOneEvent feeds a session without a socket.
func TestEventSplitAnywhereIsOneEvent(t *testing.T) {
	s, h := unstarted(t)
	xml := "\n" + report("a") + report("b")
	proto := asFrame(t, report("a")) + asFrame(t, report("b"))
	for name, in := range map[string]string{"XML": xml, "frames": proto} {
		for cut := 1; cut < len(in); cut++ {
			c := joined(t, s)
			for _, part := range []string{in[:cut], in[cut:]} {
				if err := c.feed(t.Context(), []byte(part)); err != nil {
					t.Fatalf("%s cut at %d: %v", name, cut, err)
				}
			}
			if c.left != nil || c.begun.Load() != 0 {
				t.Fatalf("%s cut at %d: %q is left", name, cut, c.left)
			}
			if got := h.uids(); !slices.Equal(got, []string{"a", "b"}) {
				t.Fatalf("%s cut at %d: %v", name, cut, got)
			}
			h.received = nil
		}
		c := joined(t, s)
		for i := range len(in) {
			if err := c.feed(t.Context(), []byte(in[i:i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if got := h.uids(); !slices.Equal(got, []string{"a", "b"}) {
			t.Fatalf("%s byte by byte: %v", name, got)
		}
		h.received = nil
	}
}

func TestThousandEventsInOneRead(t *testing.T) {
	s, h := unstarted(t)
	c := joined(t, s)
	if err := c.feed(t.Context(), []byte(strings.Repeat(report("a"), 1000))); err != nil {
		t.Fatal(err)
	}
	if n := len(h.uids()); n != 1000 {
		t.Fatalf("%d events", n)
	}
}

// nowhere is a transport without a socket.
type nowhere struct{ cuts int }

func (*nowhere) ready() {}
func (n *nowhere) cut() { n.cuts++ }

func unstarted(t *testing.T, change ...func(*Config, *Deps)) (*Server, *hub) {
	t.Helper()
	cfg, deps, h := DefaultConfig(), Deps{Auth: door{}, Log: quiet, Config: cot.DefaultConfig()}, &hub{}
	for _, c := range change {
		c(&cfg, &deps)
	}
	return newServer(cfg, deps, h.join), h
}

func joined(t *testing.T, s *Server) *session {
	t.Helper()
	c := &session{}
	c.init(s, &nowhere{}, nowhereAddr, "tls")
	if err := c.enter(auth.Identity{User: "bob"}, "", ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.leave(nil) })
	return c
}

var nowhereAddr = netip.MustParseAddrPort("127.0.0.1:1")

func TestLargeEventPassesAndLargerOneIsSkipped(t *testing.T) {
	b := start(t)
	c := b.secure()
	detail := func(size int) string {
		return strings.Replace(report("big"), "<detail>", "<detail><remarks>"+strings.Repeat("x", size)+"</remarks>", 1)
	}
	go func() { c.write(detail(100<<10) + detail(3<<20) + report("after")) }()
	eventually(t, "events", func() bool { return len(b.hub.uids()) == 2 })
	if got := b.hub.uids(); !slices.Equal(got, []string{"big", "after"}) {
		t.Fatal(got)
	}
	if b.Stats().Skipped == 0 {
		t.Fatal("nothing counted")
	}
}

func TestBadEventsAreDroppedAndCounted(t *testing.T) {
	b := start(t)
	c := b.secure()
	c.write(strings.Replace(report("x"), "<detail>", "<detail><open>", 1) + report("foreign") +
		strings.Replace(report("x"), "52.5", "NaN", 1) + report("good"))
	eventually(t, "event", func() bool { return slices.Equal(b.hub.uids(), []string{"good"}) })
	if s := b.Stats(); s.Malformed != 2 || s.Refused != 1 || s.EventsIn != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestBrokenFramingEndsTheConnection(t *testing.T) {
	b := start(t)
	c := b.secure()
	c.write(asFrame(t, report("a")) + "<event/>")
	c.gone()
	eventually(t, "end", func() bool { return len(b.hub.closed()) == 1 })
	if err := b.hub.closed()[0]; !errors.Is(err, wire.ErrFraming) {
		t.Fatal(err)
	}
}

func TestPingIsAnsweredToTheSenderOnly(t *testing.T) {
	b := start(t)
	one, two := b.secure(), b.secure()
	for _, c := range []*peerConn{one, two} {
		if ev := c.xml(); ev.Type != "t-x-takp-v" {
			t.Fatalf("%+v", ev)
		}
	}
	one.write(typed("ann-ping", "t-x-c-t"))
	if ev := one.xml(); ev.Type != "t-x-c-t-r" || ev.UID != "takPong" {
		t.Fatalf("%+v", ev)
	}
	one.write(report("mark"))
	if ev := two.xml(); ev.UID != "mark" {
		t.Fatalf("the ping was passed on: %+v", ev)
	}
}

func request(uid, version string) string {
	return strings.Replace(typed(uid, "t-x-takp-q"), "<detail>", `<detail><TakControl><TakRequest version="`+version+`"/></TakControl>`, 1)
}

func answered(t *testing.T, ev *wire.Event, uid, status string) {
	t.Helper()
	el, _ := ev.Child("TakControl")
	el, _ = el.Child("TakResponse")
	if ev.Type != "t-x-takp-r" || ev.UID != uid || el.Attr("status") != status {
		t.Fatalf("%s %s status %q", ev.Type, ev.UID, el.Attr("status"))
	}
}

func TestNegotiation(t *testing.T) {
	b := start(t)
	b.hub.greet("early")
	c := b.secure()
	if ev := c.xml(); ev.UID != "early" {
		t.Fatalf("the positions are not first: %+v", ev)
	}
	offer := c.xml()
	control, _ := offer.Child("TakControl")
	support, _ := control.Child("TakProtocolSupport")
	info, _ := control.Child("TakServerVersionInfo")
	if offer.Type != "t-x-takp-v" || support.Attr("version") != "1" || info.Attr("serverVersion") != "1.2.3" || info.Attr("apiVersion") != "3" {
		t.Fatalf("%s", offer.AppendXML(nil))
	}
	c.write(request(offer.UID, "2"))
	answered(t, c.xml(), offer.UID, "false")
	c.write(typed("u-ping", "t-x-c-t"))
	if ev := c.xml(); ev.Type != "t-x-c-t-r" {
		t.Fatalf("%+v", ev)
	}
	if c.r.Buffered() > 0 {
		_, _ = c.r.Discard(1) // the newline of the last XML event
	}
	c.write(request(offer.UID, "1") + "\n")
	answered(t, c.xml(), offer.UID, "true")
	c.write(asFrame(t, typed("u-ping", "t-x-c-t")))
	if ev := c.frame(); ev.Type != "t-x-c-t-r" {
		t.Fatalf("%+v", ev)
	}
	c.write(asFrame(t, request("again", "1")) + asFrame(t, report("framed")))
	answered(t, c.frame(), "again", "true")
	eventually(t, "event", func() bool { return slices.Equal(b.hub.uids(), []string{"framed"}) })
	other := b.secure()
	other.write(report("new"))
	if ev := c.frame(); ev.UID != "new" {
		t.Fatalf("%+v", ev)
	}
	if q := b.hub.joins()[0].Sink.Queue(); q.Version != 1 || b.Stats().Version1 != 1 {
		t.Fatalf("%+v", q)
	}
}

func TestNegotiationSwitchedOff(t *testing.T) {
	b := start(t, func(c *Config, _ *Deps) { c.Version1 = false })
	c := b.secure()
	offer := c.xml()
	control, _ := offer.Child("TakControl")
	if _, ok := control.Child("TakProtocolSupport"); ok {
		t.Fatal("version 1 is offered")
	}
	c.write(request(offer.UID, "1"))
	answered(t, c.xml(), offer.UID, "false")
}

func TestClientThatBeginsWithAFrameGetsFramesOnly(t *testing.T) {
	b := start(t)
	b.hub.greet("early")
	c := b.secure()
	c.write(asFrame(t, report("u")))
	if ev := c.frame(); ev.UID != "early" {
		t.Fatalf("%+v", ev)
	}
	other := b.secure()
	other.write(report("x"))
	if ev := c.frame(); ev.UID != "x" {
		t.Fatalf("%+v", ev)
	}
}

// TestSwitchIsAtomicUnderLoad has events arrive all the time while clients ask for
// version 1: each sees XML, the reply, frames, and no event is missing.
func TestSwitchIsAtomicUnderLoad(t *testing.T) {
	b := start(t)
	const clients, before, after = 8, 300, 500
	var wg sync.WaitGroup
	for range clients {
		c := b.secure()
		wg.Go(func() {
			defer c.Close()
			switched := 0
			for next := 0; switched == 0 || next < switched+after; {
				var ev *wire.Event
				if switched > 0 {
					var err error
					if ev, err = readFrame(c.r); err != nil {
						t.Error(err)
						return
					}
				} else {
					ev = c.xml()
				}
				switch ev.Type {
				case "t-x-takp-v":
				case "t-x-takp-r":
					switched = next
				default:
					if ev.UID != fmt.Sprint(next) {
						t.Errorf("%s instead of %d", ev.UID, next)
						return
					}
					if next++; next == before {
						c.write(request("q", "1"))
					}
				}
			}
		})
	}
	eventually(t, "clients", func() bool { return len(b.hub.joins()) == clients })
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for i := 0; ; i++ {
		b.hub.send(cot.NewEvent(wire.New(fmt.Sprint(i), "b-t-f", "m-g", time.Now(), time.Minute), cot.Sender{}, nil, time.Now()))
		if i%20 != 0 {
			continue
		}
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestSlowReaderHurtsNobodyAndIsEnded(t *testing.T) {
	for _, kind := range []string{"plain", "secure"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := start(t, func(_ *Config, d *Deps) {
				d.Config.Anonymous, d.Config.QueueSize, d.Config.SlowTimeout = true, 256<<10, time.Second
			})
			dial := b.plain
			if kind == "secure" {
				dial = b.secure
			}
			slow, good := dial(), dial()
			slow.write(report("slow"))
			good.write(report("good"))
			eventually(t, "clients", func() bool { return len(b.hub.joins()) == 2 })
			seen := make(chan int)
			go func() {
				n := 0
				defer func() { seen <- n }()
				for {
					if ev := good.xml(); ev.Type == "b-t-f" {
						n++
					} else if ev.Type == "b-end" {
						return
					}
				}
			}()
			text := []byte(strings.Repeat("x", 2000))
			sent := 0
			for len(b.hub.closed()) == 0 {
				ev := wire.New("chat", "b-t-f", "m-g", time.Now(), time.Minute)
				ev.AddDetail(wire.AppendElement(nil, "remarks", text))
				b.hub.send(cot.NewEvent(ev, cot.Sender{}, nil, time.Now()))
				if sent++; sent%20 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			if err := b.hub.closed()[0]; !errors.Is(err, cot.ErrSlow) {
				t.Fatal(err)
			}
			b.hub.send(cot.NewEvent(wire.New("end", "b-end", "m-g", time.Now(), time.Minute), cot.Sender{}, nil, time.Now()))
			if n := <-seen; n != sent {
				t.Fatalf("the good client saw %d of %d", n, sent)
			}
			if s := b.Stats(); s.Slow != 1 || s.Blocked == 0 || s.Dropped == 0 {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// TestClientThatReadsAgainGetsTheNewestPositions stops reading for a while.
func TestClientThatReadsAgainGetsTheNewestPositions(t *testing.T) {
	b := start(t)
	c := b.secure()
	c.write(report("c"))
	eventually(t, "client", func() bool { return len(b.hub.joins()) == 1 })
	text := []byte(strings.Repeat("x", 20000))
	last := 0
	for b.Stats().Replaced < 100 {
		last++
		ev := wire.New(fmt.Sprint("uid", last%10), "a-f-G", "m-g", time.Now(), time.Minute)
		ev.AddDetail(wire.AppendElement(nil, "n", nil, wire.Attr{Name: "v", Value: fmt.Sprint(last)}))
		ev.AddDetail(wire.AppendElement(nil, "remarks", text))
		b.hub.send(cot.NewEvent(ev, cot.Sender{}, nil, time.Now()))
	}
	missing := map[string]string{}
	for n := last - 9; n <= last; n++ {
		missing[fmt.Sprint("uid", n%10)] = fmt.Sprint(n)
	}
	for len(missing) > 0 { // or the deadline of the connection
		ev := c.xml()
		if el, ok := ev.Child("n"); ok && el.Attr("v") == missing[ev.UID] {
			delete(missing, ev.UID)
		}
	}
}

func TestEndClosesTheConnection(t *testing.T) {
	for _, kind := range []string{"plain", "secure"} {
		t.Run(kind, func(t *testing.T) {
			b := start(t, anonymous)
			dial := b.plain
			if kind == "secure" {
				dial = b.secure
			}
			c := dial()
			c.write(report("c"))
			eventually(t, "client", func() bool { return len(b.hub.joins()) == 1 })
			sink := b.hub.joins()[0].Sink
			sink.End(auth.ErrRevoked)
			sink.End(cot.ErrSlow)
			c.gone()
			eventually(t, "end", func() bool { return len(b.hub.closed()) == 1 })
			if err := b.hub.closed()[0]; !errors.Is(err, auth.ErrRevoked) {
				t.Fatal(err)
			}
			// The hub is told before the connection is off the count.
			eventually(t, "the count without it", func() bool { return b.Stats().Open == 0 })
		})
	}
}

func TestTimeLimitsOfASession(t *testing.T) {
	for _, tc := range []struct {
		name  string
		feed  string
		after time.Duration
		want  error
	}{
		{"one that sends now and then", report("a"), 119 * time.Second, nil},
		{"one that is silent", report("a"), 121 * time.Second, cot.ErrSilent},
		{"half an event", report("a")[:50], 31 * time.Second, errDrip},
		{"half an event behind a whole one", report("a") + report("a")[:50], 31 * time.Second, errDrip},
		{"a newline behind an event", report("a") + "\n", 31 * time.Second, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := unstarted(t)
			c := joined(t, s)
			if err := c.feed(t.Context(), []byte(tc.feed)); err != nil {
				t.Fatal(err)
			}
			s.sweep(time.Now().Add(tc.after))
			r := c.ended.Load()
			if (r == nil) != (tc.want == nil) || r != nil && !errors.Is(*r, tc.want) {
				t.Fatalf("ended: %v", r)
			}
			if tc.want != nil && c.t.(*nowhere).cuts != 1 {
				t.Fatal("the socket is not closed once")
			}
		})
	}
}

func TestUnfinishedHandshakesDoNotStopAccepting(t *testing.T) {
	if testing.Short() {
		t.Skip("opens 5,000 connections")
	}
	b := start(t, func(c *Config, _ *Deps) { c.HandshakeTimeout = time.Minute })
	addr := b.addr("cots")
	for range 5000 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
	}
	c := b.secure()
	c.write(typed("ping", "t-x-c-t"))
	for c.xml().Type != "t-x-c-t-r" {
	}
	if s := b.Stats(); s.Pending > int64(DefaultConfig().Handshakes.PerAddress) || s.Evicted == 0 {
		t.Fatalf("%+v", s)
	}
}

func TestServerWithoutRoomClosesAtOnce(t *testing.T) {
	b := start(t, func(c *Config, _ *Deps) { c.Connections.PerAddress, c.Connections.Total = 2, 2 })
	one, two := b.secure(), b.secure()
	one.xml()
	two.xml()
	raw, err := net.Dial("tcp", b.addr("cots"))
	b.client(raw, err).gone()
	one.Close()
	eventually(t, "room", func() bool { return b.Stats().Open == 1 })
	b.secure().xml()
}

func TestTLSOneAndTwo(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			b := start(t)
			nc, err := tls.Dial("tcp", b.addr("cots"), &tls.Config{RootCAs: b.ca, Certificates: []tls.Certificate{b.cert}, MinVersion: v, MaxVersion: v})
			c := b.client(nc, err)
			c.write(report("u"))
			eventually(t, "event", func() bool { return len(b.hub.uids()) == 1 })
			ev := wire.New("big", "b-m-r", "m-g", time.Now(), time.Minute)
			ev.AddDetail(wire.AppendElement(nil, "remarks", bytes.Repeat([]byte("x"), 900<<10)))
			b.hub.send(cot.NewEvent(ev, cot.Sender{}, nil, time.Now()))
			for c.xml().UID != "big" {
			}
		})
	}
}
