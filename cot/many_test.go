package cot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
)

// missions is a fake of the missions part.
type missions struct {
	r    *Router
	mu   sync.Mutex
	got  []string
	seen []string
	err  error
}

func (m *missions) Contribute(_ context.Context, e *Event, d wire.Dest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, e.UID+" to "+d.Mission+d.MissionGUID+d.Path)
	m.r.Deliver(e, []string{"UID-A", "UID-B", "UID-Nobody"})
	return m.err
}

func (m *missions) Seen(_ context.Context, from Sender) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, from.Identity.User+" "+from.UID+" "+from.Callsign)
}

func (m *missions) take() (got []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	got, m.got = m.got, nil
	return got
}

func TestMissionsAreGivenWhatNamesThem(t *testing.T) {
	h := newHub(t, testConfig())
	m := &missions{r: h.Router}
	h.SetMissions(m)
	a, b, c := h.join("a", "A", "team"), h.join("b", "B", "other"), h.join("c", "C", "team")
	eventually(t, "all were seen", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.seen) == 3
	})
	a.report()
	a.clear()
	c.clear()
	err := a.say("m", "b-m-p-s-m", to("mission=One", "mission-guid=1234", "mission=One"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.take()); got != "[m to One m to 1234]" {
		t.Error(got)
	}
	a.expect()
	b.expect("b-m-p-s-m m", "b-m-p-s-m m")
	c.expect()
	err = a.say("m", "b-m-p-s-m", to("mission=One", "callsign=C"))
	if err != nil {
		t.Fatal(err)
	}
	b.expect("b-m-p-s-m m")
	c.expect("b-m-p-s-m m")
	m.err = fmt.Errorf("%w: no subscription", auth.ErrDenied)
	before := h.Stats().Denied
	if err := a.say("m", "b-m-p-s-m", to("mission=One")); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	if h.Stats().Denied != before+1 {
		t.Error("not counted")
	}
	m.err = nil
	m.take()
	reader := h.join("r", "R", "team out") // may not publish, but a mission has rights of its own
	if err := reader.say("m", "b-m-p-s-m", to("mission=One")); err != nil || len(m.take()) != 1 {
		t.Error(err)
	}
	a.clear()
	_ = a.say("m", "b-t-f", to("mission=One"))
	a.expect()
	eventually(t, "the reader was seen, and nobody twice", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.seen) == 4
	})
}

func TestServerEvents(t *testing.T) {
	h := newHub(t, testConfig())
	a, b := h.join("a", "A", "team"), h.join("b", "B", "other")
	a.clear()
	ev := func() *wire.Event { return wire.New("u", "b-i-v", "m-g", time.Now(), time.Minute) }
	h.Announce(ev(), []string{"team", "unknown"})
	a.expect("b-i-v u")
	b.expect()
	h.Announce(ev(), nil)
	a.expect()
	if got := h.Notify(ev(), "UID-A", "UID-B", "nobody", "UID-A"); fmt.Sprint(got) != "[UID-A UID-B UID-A]" {
		t.Error(got)
	}
	a.expect("b-i-v u")
	b.expect("b-i-v u")
}

func TestRecorderIsGivenWhatIsWorthKeeping(t *testing.T) {
	h := newHub(t, testConfig())
	a := h.join("a", "A", "team")
	h.join("b", "B", "team")
	_ = a.say("m", "b-m-p-s-m", to("uid=UID-B"))
	_ = a.say("x", "t-x-c-m", "")
	_ = a.say("x", "t-x-d-d", `<link uid="m" relation="p-p"/>`)
	_ = a.say("UID-B", "a-f-G", "")
	h.SetIncognito("UID-A", true)
	a.report()
	if got := strings.Join(h.recorded.types(), " "); got != "a-f-G-U-C a-f-G-U-C b-m-p-s-m t-x-d-d" {
		t.Error(got)
	}
	if e := h.recorded.list[2]; len(e.Dests) != 1 || e.Groups[0] != "team" || e.From.UID != "UID-A" {
		t.Errorf("%+v", e)
	}
}

// TestManyComeGoAndSend lets everything happen at once; the race detector and
// the final state are the judges.
func TestManyComeGoAndSend(t *testing.T) {
	cfg := DefaultConfig()
	cfg.DisconnectDelay = time.Millisecond
	h := newHub(t, cfg)
	h.SetMissions(&missions{r: h.Router})
	watcher := h.join("watcher", "Watcher", "g0", "g1", "g2")
	var wg sync.WaitGroup
	ctx := t.Context()
	for n := range 8 {
		wg.Go(func() {
			user := fmt.Sprint("u", n/2)
			for i := range 30 {
				p := &peer{t: t, uid: fmt.Sprintf("UID-%d", n), name: fmt.Sprintf("N%d", n%3)}
				c, err := h.Join(Join{Identity: person(user, fmt.Sprint("g", n%3), "g0"), Protocol: "tls", Sink: p, Remote: netip.MustParseAddrPort("192.0.2.1:1")})
				if err != nil {
					t.Error(err)
					return
				}
				p.Client = c
				p.report()
				_ = p.say("m", "b-m-p-s-m", "")
				_ = p.say("m", "b-m-p-s-m", to("callsign=N1", "group=g0", "mission=x"))
				_ = p.say("GeoChat", "b-t-f", to("uid=UID-3"))
				_ = p.say(fmt.Sprint("alert", n), "b-a-o-tbl", alertDetail)
				_ = p.say("f", "t-x-c-f", "")
				_ = p.say("i", []string{"t-x-c-i-e", "t-x-c-i-d"}[i%2], "")
				p.report()
				if i%10 == 0 {
					_ = h.SetChannels(ctx, c.Identity(), p.uid, off("g0"))
					h.regrant(person(user, fmt.Sprint("g", i%3)))
				}
				c.Close(nil)
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			admin := as(person("x"), auth.RoleAdmin)
			for range 30 {
				h.Contacts(admin)
				h.Subscriptions(admin)
				h.Positions(admin)
				h.Emergencies(admin)
				h.Stats()
				h.Resolve("N1", "u1")
				_, _ = h.Endpoints(ctx, admin, time.Time{})
				_, _ = h.CancelEmergency(ctx, admin, "alert1")
				_ = h.Publish(ctx, Sender{Identity: admin}, parse(t, event("p", "a-h-G", "")), []string{"g0"})
				h.ResendPositions("UID-1")
				_, _ = h.Release(ctx, "UID-7")
			}
		})
	}
	wg.Wait()
	watcher.clear()
	if got := h.Stats().Clients; got != 1 {
		t.Errorf("%d clients are left", got)
	}
	if n := len(h.byUID); n != 1 {
		t.Errorf("%d uids are left", n)
	}
	if n := len(h.byName); n != 1 {
		t.Errorf("%d callsigns are left", n)
	}
	eventually(t, "all departures were announced", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.gone) == 0 && len(h.leaving) == 0
	})
	if n := len(h.sessions.List()); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
}

// nowhere is a sink that costs nothing.
type nowhere struct{}

func (nowhere) Send(*Event)       {}
func (nowhere) Queue() QueueState { return QueueState{} }
func (nowhere) End(error)         {}

func benchHub(b *testing.B, receivers, groups int) *Client {
	h := newHub(b, testConfig())
	h.recorder = nil
	var first *Client
	for i := range receivers + 1 {
		id := person("u", fmt.Sprint("g", i%groups))
		c, err := h.Join(Join{Identity: id, Protocol: "tls", Sink: nowhere{}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close(nil) })
		if first == nil {
			first = c
		}
	}
	return first
}

func BenchmarkReceive(b *testing.B) {
	for _, bench := range []struct {
		name              string
		receivers, groups int
		detail            string
	}{
		{"1000 receivers", 1000, 1, ""}, {"1000 of whom 10 read the group", 1000, 100, ""},
		{"1 of 1000 named", 1000, 1, to("uid=nobody")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := benchHub(b, bench.receivers, bench.groups)
			w := parse(b, event("UID-1", "a-h-G", bench.detail))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Receive(b.Context(), w.Clone()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
