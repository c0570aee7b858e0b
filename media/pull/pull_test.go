package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a manager whose only scheme does what a test says.
type rig struct {
	*Manager
	router *media.Router
	log    *bytes.Buffer // only to be read when nothing runs
	stop   func()

	mu    sync.Mutex
	calls []call
	do    func(ctx context.Context, j *Job) error
}

type call struct {
	at  time.Time
	url string
}

func newRig(t *testing.T, change ...func(*Config, *Deps)) *rig {
	t.Helper()
	r := &rig{log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(r.log, nil))
	r.router = media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), log)
	resolve := func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("unknown") }
	cfg, d := DefaultConfig(), Deps{Router: r.router, Log: log, Resolve: resolve, Guard: resolve,
		Schemes: map[string]Scheme{"fake": {Check: func(u *url.URL) error {
			if u.Port() == "" {
				return errors.New("no port")
			}
			return nil
		}, Fetch: r.fetch}, "rtsps": {Check: func(*url.URL) error { return nil }, Fetch: r.fetch}}}
	for _, c := range change {
		c(&cfg, &d)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.Manager, err = New(cfg, d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *rig) fetch(ctx context.Context, j *Job) error {
	r.mu.Lock()
	r.calls = append(r.calls, call{time.Now(), j.URL.String()})
	do := r.do
	r.mu.Unlock()
	if do != nil {
		return do(ctx, j)
	}
	return serve(ctx, j, 0)
}

// serve publishes for some time, or until ctx ends or the session is kicked.
func serve(ctx context.Context, j *Job, life time.Duration) error {
	kicked := make(chan error, 1)
	p, err := j.Publish(media.Client{Protocol: "fake"}, []*codec.Format{codec.NewVideo(codec.VP8)}, func(err error) {
		select {
		case kicked <- err:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer p.Close(nil)
	if life > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, life)
		defer cancel()
	}
	select {
	case <-ctx.Done():
		return errors.New("it ended")
	case err := <-kicked:
		return err
	}
}

func (r *rig) called() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

func (r *rig) set(do func(ctx context.Context, j *Job) error) {
	r.mu.Lock()
	r.do = do
	r.mu.Unlock()
}

func (r *rig) live(name string) *media.Info {
	s, err := r.router.Find(auth.System("test"), safename.MustParse(name))
	if err != nil {
		return nil
	}
	in := s.Info()
	return &in
}

func paths(all ...string) map[string]media.PathConfig {
	out := make(map[string]media.PathConfig)
	for i := 0; i < len(all); i += 2 {
		out[all[i]] = media.PathConfig{Source: all[i+1]}
	}
	return out
}

func TestPausesGrowAndShrink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.set(func(context.Context, *Job) error { return errors.New("away") })
		began := time.Now()
		if err := r.SetPaths(paths("cam", "fake://h:1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		last := began
		for i, c := range r.called() {
			gap, want := c.at.Sub(last), firstPause<<max(i-1, 0)
			if want = min(want, lastPause); i == 0 {
				want = 0
			}
			if gap < want || gap > want+want/4 {
				t.Errorf("attempt %d after %s, not %s", i, gap, want)
			}
			last = c.at
		}
		if n := len(r.called()); n < 7 {
			t.Errorf("%d attempts", n)
		}
		// What was live for long is soon asked for again, what was not is not.
		for _, c := range []struct {
			life        time.Duration
			least, most time.Duration
		}{{time.Minute, firstPause, firstPause * 5 / 4}, {time.Second, 2 * firstPause, 2 * firstPause * 5 / 4}} {
			r.set(func(ctx context.Context, j *Job) error { return serve(ctx, j, c.life) })
			until := func(live bool) {
				for (r.live("cam") != nil) != live {
					time.Sleep(time.Millisecond)
				}
			}
			until(false) // of the case before
			until(true)
			until(false)
			ended := time.Now()
			until(true)
			if gap := time.Since(ended) + 2*time.Millisecond; gap < c.least || gap > c.most+4*time.Millisecond {
				t.Errorf("back after %s", gap)
			}
		}
		r.stop()
		if n := strings.Count(r.log.String(), "away"); n != 1 {
			t.Errorf("said %d times that it is away", n)
		}
	})
}

func TestOnlyWhatChangedIsDisturbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		set := func(p map[string]media.PathConfig, want ...string) {
			t.Helper()
			err := r.SetPaths(p)
			if err != nil && !strings.Contains(fmt.Sprint(want), "error") {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		set(paths("a", "fake://a:1", "b", "fake://b:1", "c", "udp+mpegts://1.2.3.4:5", "d", ""))
		if a, b := r.live("a"), r.live("b"); a == nil || b == nil || a.User != "source" || r.live("c") != nil {
			t.Fatalf("%v %v", a, b)
		}
		since := r.live("a").Since
		time.Sleep(time.Second)
		changed := paths("a", "fake://a:1", "b", "fake://b:1?x", "e", "fake://e:1")
		changed["e"] = media.PathConfig{Source: "fake://e:1", Groups: []string{"x"}}
		set(changed)
		if r.live("a").Since != since || r.live("b").Since == since || r.live("e") == nil {
			t.Error("the wrong ones were disturbed")
		}
		if st := r.Stats(); st.Configured != 3 || st.Live != 3 || st.Listed != 0 || st.Attempts != 4 || st.Failures != 0 {
			t.Errorf("%+v", st)
		}
		set(paths("a", "fake://a:1", "b", "fake://nowhere", "bad name", "fake://x:1"), "error")
		if r.live("a").Since != since || r.live("b") != nil {
			t.Error("a mistake in one source concerns others")
		}
		r.stop()
		if r.live("a") != nil {
			t.Error("it is live after the end")
		}
	})
}

func TestTheVideoListIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config, _ *Deps) { c.Limit, c.PerUser = 4, 2 })
		if err := r.SetPaths(paths("mine", "fake://a:1", "ts", "udp+mpegts://1.2.3.4:5")); err != nil {
			t.Fatal(err)
		}
		red := []string{"red", "green"}
		for _, c := range []struct {
			name, url string
			groups    []string
			owner     string
			want      error
		}{
			{"tak/a", "fake://a:1", red, "ann", nil}, {"tak/b", "fake://b:1", red, "ann", nil}, {"tak/c", "fake://c:1", red, "ann", ErrFull},
			{"tak/a", "fake://a:1", red, "ann", nil}, {"tak/c", "fake://c:1", red, "bob", nil}, {"mine", "fake://c:1", red, "bob", ErrTaken}, {"ts", "fake://c:1", red, "bob", ErrTaken},
			{"tak/d", "http://c:1", red, "bob", ErrScheme}, {"../x", "fake://c:1", red, "bob", safename.ErrInvalid}, {"tak/d", "fake://c", red, "bob", errors.New("no port")},
			{"tak/d", "fake://d:1", nil, "bob", errors.New("no group")}, {"tak/d", "fake://d:1", red, "bob", nil}, {"tak/e", "fake://d:1", red, "eve", ErrFull},
		} {
			err := r.Pull(t.Context(), c.name, c.url, c.groups, c.owner)
			if (err == nil) != (c.want == nil) || err != nil && !errors.Is(err, c.want) && !strings.Contains(err.Error(), c.want.Error()) {
				t.Errorf("%s from %s: %v, not %v", c.name, c.url, err, c.want)
			}
		}
		synctest.Wait()
		in := r.live("tak/a")
		if in == nil || in.User != "pull" || !slices.Equal(in.Groups, []string{"green", "red"}) || len(r.called()) != 5 {
			t.Fatalf("%+v, %v", in, r.called())
		}
		if err := r.Pull(t.Context(), "tak/a", "fake://other:1", red, "ann"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if all := r.called(); all[len(all)-1].url != "fake://other:1" || r.live("tak/a") == nil {
			t.Errorf("%v", all)
		}
		// Refused under a name that is fetched: nothing is.
		if err := r.Pull(t.Context(), "tak/a", "http://x", red, "ann"); !errors.Is(err, ErrScheme) {
			t.Error(err)
		}
		if err := r.Release(t.Context(), "tak/b"); err != nil {
			t.Error(err)
		}
		if err := r.Release(t.Context(), "tak/never"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if r.live("tak/a") != nil || r.live("tak/b") != nil || r.live("tak/c") == nil || r.live("mine") == nil || r.Stats().Listed != 2 {
			t.Errorf("%+v", r.Stats())
		}
		// The configuration wins, and gives the name back.
		if err := r.SetPaths(paths("tak/c", "fake://mine:1", "tak/d", "udp+mpegts://1.2.3.4:5")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if in := r.live("tak/c"); in == nil || in.User != "source" || r.live("tak/d") != nil {
			t.Errorf("%+v", in)
		}
		if err := r.SetPaths(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if in := r.live("tak/c"); in == nil || in.User != "pull" || r.live("tak/d") == nil {
			t.Errorf("%+v", in)
		}
		r.stop()
	})
}

func TestPeopleKeepTheirStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, user := range []string{"ann", "pull"} { // even if they are called like us
			id := auth.Identity{User: user, Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}}
			theirs, err := r.router.Publish(media.PublishRequest{Identity: id, Name: safename.MustParse("tak/a"), Formats: []*codec.Format{codec.NewVideo(codec.VP8)}, Kick: func(error) {}})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Pull(t.Context(), "tak/a", "fake://a:1", []string{"red"}, "eve"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if in := r.live("tak/a"); in == nil || in.Protocol == "fake" {
				t.Fatalf("%+v", in)
			}
			if n := len(r.called()); user == "ann" && n != 0 {
				t.Errorf("%d connections for nothing", n)
			}
			theirs.Close(nil)
			time.Sleep(time.Minute)
			if in := r.live("tak/a"); in == nil || in.Protocol != "fake" {
				t.Fatalf("%+v", in)
			}
			if _, err := r.router.Publish(media.PublishRequest{Identity: id, Name: safename.MustParse("tak/a"), Formats: []*codec.Format{codec.NewVideo(codec.VP8)}, Kick: func(error) {}}); !errors.Is(err, media.ErrBusy) {
				t.Errorf("taken over: %v", err)
			}
			if err := r.Release(t.Context(), "tak/a"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		r.stop()
	})
}

func TestAPanicCostsOneAttempt(t *testing.T) {
	before := run.Panics()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.set(func(ctx context.Context, j *Job) error {
			if len(r.called()) < 3 {
				panic("what a source sent")
			}
			return serve(ctx, j, 0)
		})
		if err := r.SetPaths(paths("cam", "fake://h:1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if r.live("cam") == nil || r.Stats().Failures != 2 {
			t.Errorf("%+v", r.Stats())
		}
		r.stop()
	})
	if n := run.Panics() - before; n != 2 {
		t.Errorf("%d panics were counted", n)
	}
}

// TestOnlyResolvedAddressesAreDialled: a name that means another machine from one
// question to the next is asked about once for each connection.
func TestOnlyResolvedAddressesAreDialled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	refused := errors.New("the server does not fetch from this address")
	asked := 0
	j := &Job{Timeout: 5 * time.Second, Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "camera.example" {
			t.Errorf("asked for %s", host)
		}
		if asked++; asked == 2 {
			return nil, refused
		}
		return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1").Unmap()}, nil
	}}
	j.URL, _ = url.Parse("fake://camera.example:" + port)
	c, err := j.Dial(t.Context(), 1, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RemoteAddr().String(); got != "127.0.0.1:"+port {
		t.Errorf("connected to %s", got)
	}
	c.Close()
	if _, err := j.Dial(t.Context(), 1, false); !errors.Is(err, refused) {
		t.Error(err)
	}
	j.URL, _ = url.Parse("fake://camera.example:99999")
	if _, err := j.Addresses(t.Context(), 1); err == nil {
		t.Error("port 99999 was taken")
	}
	j.URL, _ = url.Parse("fake://camera.example")
	if a, err := j.Addresses(t.Context(), 7); err != nil || a[0].String() != "127.0.0.1:7" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, bad := range []Config{{}, {Limit: 1, PerUser: 1}, {Limit: 1, Timeout: time.Minute}, {PerUser: 1, Timeout: time.Minute}} {
		if bad.Validate() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
