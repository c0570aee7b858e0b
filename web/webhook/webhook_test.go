package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"muster/internal/bus"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

// catcher is a server that is told of events.
type catcher struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*http.Request
	bodies []string
	answer func(w http.ResponseWriter, n int)
}

func newCatcher(t *testing.T, answer func(w http.ResponseWriter, n int)) *catcher {
	c := &catcher{answer: answer}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		c.got, c.bodies = append(c.got, r), append(c.bodies, string(b))
		n := len(c.got)
		c.mu.Unlock()
		if c.answer != nil {
			c.answer(w, n)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *catcher) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

func newSender(t *testing.T, db *store.DB, hooks ...Hook) (*Sender, *bus.Bus) {
	t.Helper()
	b := bus.New()
	s, err := New(hooks, Deps{DB: db, Bus: b, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, h := range s.hooks {
			h.client.CloseIdleConnections()
		}
	})
	return s, b
}

func within(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 30 s: " + what)
		}
	}
}

func TestEventsArriveSignedAndInOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		c := newCatcher(t, nil)
		s, b := newSender(t, storetest.Open(t, cfg), Hook{URL: c.URL + "/in", Secret: secret, Events: []string{"room.*"}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() { cancel(); <-done }()
		within(t, "the first arrives", func() bool {
			b.Publish(bus.Fact{Kind: "room.joined", Data: map[string]int{"n": -1}}) // until Run listens
			return c.count() > 0
		})
		for n := range 20 {
			b.Publish(bus.Fact{Kind: "room.left", Data: map[string]int{"n": n}})
			b.Publish(bus.Fact{Kind: "stream.ready"})
		}
		within(t, "all arrive", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return strings.Count(strings.Join(c.bodies, ""), "room.left") == 20
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		next := 0
		for i, body := range c.bodies {
			var e struct {
				Type      string
				Timestamp time.Time
				Data      struct{ N int }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil || e.Timestamp.IsZero() {
				t.Fatalf("%s: %v", body, err)
			}
			if e.Type == "room.left" {
				if e.Data.N != next {
					t.Fatalf("%d where %d is due", e.Data.N, next)
				}
				next++
			} else if e.Type != "room.joined" {
				t.Fatalf("%s was not asked for", e.Type)
			}
			r := c.got[i].Header
			key, _ := Hook{Secret: secret}.key()
			if want := sign(key, r.Get("Webhook-Id"), r.Get("Webhook-Timestamp"), body); r.Get("Webhook-Signature") != want {
				t.Fatalf("signed %s, not %s", r.Get("Webhook-Signature"), want)
			}
		}
	})
}

// TestSignature is the example of the specification of Standard Webhooks.
func TestSignature(t *testing.T) {
	key, err := Hook{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}.key()
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`)
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

// ready makes a sender that sends when the test steps it.
func ready(t *testing.T, c *catcher) (*Sender, *hook) {
	t.Helper()
	s, _ := newSender(t, storetest.Open(t, store.Config{}), Hook{URL: c.URL, Secret: secret, Events: []string{"*"}})
	if err := s.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, s.hooks[0]
}

func (s *Sender) put(t *testing.T, n int) {
	t.Helper()
	var facts []bus.Fact
	for i := range n {
		facts = append(facts, bus.Fact{Kind: "room.joined", Data: i, Time: time.Now()})
	}
	if err := s.store(t.Context(), s.messages(facts)); err != nil {
		t.Fatal(err)
	}
}

func (s *Sender) state(t *testing.T) State {
	t.Helper()
	all, err := s.States(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// set changes the rows of all messages.
func (s *Sender) set(t *testing.T, change string, args ...any) {
	t.Helper()
	err := s.deps.DB.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*messageRow)(nil)).Set(change, args...).Where("1 = 1").Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNotTakenIsTriedAgainBeforeWhatIsBehindIt(t *testing.T) {
	c := newCatcher(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s, h := ready(t, c)
	s.put(t, 2)
	if _, err := s.step(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	pause, err := s.step(t.Context(), h)
	if err != nil || pause < 50*time.Second || c.count() != 1 {
		t.Fatalf("next in %v after %d (%v)", pause, c.count(), err)
	}
	if st := s.state(t); st.Waiting != 2 || st.Failed.IsZero() || st.LastError != "it answered 503" || st.Next.IsZero() {
		t.Errorf("%+v", st)
	}
	s.set(t, "due = 0")
	for range 2 {
		if _, err := s.step(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	if pause, _ := s.step(t.Context(), h); pause >= 0 {
		t.Error("something is left")
	}
	if c.got[0].Header.Get("Webhook-Id") != c.got[1].Header.Get("Webhook-Id") || c.bodies[0] != c.bodies[1] || c.bodies[1] == c.bodies[2] {
		t.Errorf("%q", c.bodies)
	}
	if n := s.Stats(); n.Delivered != 2 || n.Failed != 1 || n.Waiting != 0 || s.state(t).Delivered.IsZero() {
		t.Errorf("%+v", n)
	}
}

func TestAnOldMessageIsGivenUp(t *testing.T) {
	c := newCatcher(t, func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusInternalServerError) })
	s, h := ready(t, c)
	s.put(t, 1)
	s.set(t, "at = ?", time.Now().Add(-giveUp).UnixMilli())
	if _, err := s.step(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if st := s.state(t); st.Waiting != 0 || st.Dropped != 1 || s.Stats().Dropped != 1 {
		t.Errorf("%+v", st)
	}
}

func TestGoneSwitchesOffAndATestOn(t *testing.T) {
	c := newCatcher(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusGone)
		}
	})
	s, h := ready(t, c)
	s.put(t, 3)
	if _, err := s.step(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	s.put(t, 3)
	if st := s.state(t); !st.Off || st.Waiting != 0 || st.Dropped != 3 || s.Stats().Waiting != 0 {
		t.Fatalf("%+v", st)
	}
	if err := s.Test(t.Context(), h.id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.step(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if st := s.state(t); st.Off || st.Delivered.IsZero() || !strings.Contains(c.bodies[1], `"webhook.test"`) {
		t.Errorf("%+v %q", st, c.bodies)
	}
	if err := s.Test(t.Context(), "other"); !errors.Is(err, ErrNoHook) {
		t.Error(err)
	}
}

func TestTheOldestGoWhereTooManyWait(t *testing.T) {
	c := newCatcher(t, nil)
	s, h := ready(t, c)
	s.most = 20
	s.put(t, 20)
	s.put(t, 5)
	st := s.state(t)
	if st.Waiting != 20 || st.Dropped != 5 || s.Stats().Waiting != 20 {
		t.Errorf("%+v", st)
	}
	m, err := s.next(t.Context(), h.id)
	if err != nil || !strings.HasSuffix(m.Body, `"data":5}`) {
		t.Errorf("%+v %v", m, err)
	}
}

func TestWhatWaitsOutlivesARestartAndGoesWithItsHook(t *testing.T) {
	c := newCatcher(t, nil)
	s, _ := ready(t, c)
	s.put(t, 2)
	again, _ := newSender(t, s.deps.DB, s.hooks[0].Hook)
	if err := again.begin(t.Context()); err != nil || again.Stats().Waiting != 2 {
		t.Fatalf("%+v %v", again.Stats(), err)
	}
	none, _ := newSender(t, s.deps.DB)
	if err := none.begin(t.Context()); err != nil || none.Stats().Waiting != 0 {
		t.Fatalf("%+v %v", none.Stats(), err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := newCatcher(t, nil)
	c := newCatcher(t, func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	s, h := ready(t, c)
	s.put(t, 1)
	if _, err := s.step(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if st := s.state(t); other.count() != 0 || !strings.Contains(st.LastError, "redirects are not followed") {
		t.Errorf("%+v", st)
	}
}

func TestANameThatLeadsInsideIsRefused(t *testing.T) {
	c := newCatcher(t, nil)
	port := c.URL[strings.LastIndex(c.URL, ":"):]
	for _, private := range []bool{false, true} {
		h := Hook{URL: "http://ip6-localhost.localdomain" + port, Secret: secret, Events: []string{"*"}, Private: private}
		client := newClient(h)
		// The dialer judges addresses, whatever the name was.
		nc, err := client.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "127.0.0.1"+port)
		if private != (err == nil) || !private && !errors.Is(err, errInside) {
			t.Errorf("private %v: %v", private, err)
		}
		if nc != nil {
			nc.Close()
		}
	}
}

func TestPausesGrowToABound(t *testing.T) {
	for n, most := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second} {
		if p := pauseAfter(n); p > most || p < most/2 {
			t.Errorf("%d: %v", n, p)
		}
	}
	for _, n := range []int{12, 13, 100, 1 << 40} {
		if p := pauseAfter(n); p > longestPause || p < longestPause/4 {
			t.Errorf("%d: %v", n, p)
		}
	}
}

func TestLargeEventsAreNotSent(t *testing.T) {
	s, _ := ready(t, newCatcher(t, nil))
	if m := s.messages([]bus.Fact{{Kind: "room.joined", Data: strings.Repeat("x", maxBody)}}); len(m) != 0 || s.Stats().Lost != 1 {
		t.Errorf("%d messages", len(m))
	}
}

func TestValidate(t *testing.T) {
	good := Hook{URL: "https://hooks.example.org/muster", Secret: secret, Events: []string{"room.joined", "stream.*"}}
	for _, tc := range []struct {
		name   string
		change func(*Hook)
		want   string // of the error; empty: none
	}{
		{"as it should be", func(*Hook) {}, ""},
		{"a secret of characters", func(h *Hook) { h.Secret = strings.Repeat("s", 24) }, ""},
		{"loopback in the clear", func(h *Hook) { h.URL = "http://127.0.0.1:8000/" }, ""},
		{"inside in the clear, by wish", func(h *Hook) { h.URL, h.Private = "http://intranet/", true }, ""},
		{"in the clear", func(h *Hook) { h.URL = "http://hooks.example.org/" }, "url"},
		{"no address", func(h *Hook) { h.URL = "hooks" }, "url"},
		{"a file", func(h *Hook) { h.URL = "file:///etc/passwd" }, "url"},
		{"credentials", func(h *Hook) { h.URL = "https://a:b@hooks.example.org/" }, "url"},
		{"no secret", func(h *Hook) { h.Secret = "" }, "secret"},
		{"a short secret", func(h *Hook) { h.Secret = "whsec_YWJj" }, "secret"},
		{"no events", func(h *Hook) { h.Events = nil }, "events"},
		{"an unknown event", func(h *Hook) { h.Events = []string{"room.exploded"} }, "events"},
		{"half a kind", func(h *Hook) { h.Events = []string{"ro*"} }, "events"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := good
			tc.change(&h)
			err := Validate([]Hook{h})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), "[0]."+tc.want)) {
				t.Error(err)
			}
		})
	}
	if err := Validate([]Hook{good, good}); err == nil {
		t.Error("the same address twice")
	}
	if err := Validate(make([]Hook, MaxHooks+1)); err == nil {
		t.Error("too many")
	}
}
