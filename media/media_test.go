package media

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
	pilot = auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	watch = auth.Identity{User: "watch", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", Out: true}}}
	other = auth.Identity{User: "other", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "B", In: true, Out: true}}}
	cam   = safename.MustParse("cam")
	from  = Client{Protocol: "test", Remote: netip.MustParseAddrPort("127.0.0.1:1")}
)

func newTestRouter(t *testing.T, change ...func(*Config)) *Router {
	t.Helper()
	cfg := DefaultConfig()
	for _, c := range change {
		c(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return New(cfg, auth.NewSessions(nil), bus.New(), quiet)
}

func publish(t *testing.T, r *Router, id auth.Identity, formats ...*codec.Format) *Publisher {
	t.Helper()
	if formats == nil {
		formats = []*codec.Format{codec.NewVideo(codec.VP8), codec.NewOpus(2)}
	}
	p, err := r.Publish(PublishRequest{Identity: id, Client: from, Name: cam, Formats: formats, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	return p
}

func read(t *testing.T, r *Router, id auth.Identity, start Start) *Reader {
	t.Helper()
	rd, err := r.Read(ReadRequest{Identity: id, Client: from, Name: cam, Start: start, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rd.Close(nil) })
	return rd
}

// video writes frame n of a 30 fps stream with a key frame every gop frames.
func video(p *Publisher, n, gop int) {
	frame := []byte{1, byte(n), 0, 0} // VP8: low bit set, inter frame
	if n%gop == 0 {
		frame[0] = 0
	}
	p.Write(0, Sample{PTS: int64(n) * 3000, AU: [][]byte{frame}})
}

func audio(p *Publisher, n int) {
	p.Write(1, Sample{PTS: int64(n) * 960, AU: [][]byte{{0xFC, byte(n)}}})
}

func pull(t *testing.T, r *Reader, n int) []Delivery {
	t.Helper()
	var out []Delivery
	batch := make([]Delivery, 16)
	for len(out) < n {
		got, err := r.Pull(batch[:min(16, n-len(out))])
		if err != nil {
			t.Fatalf("after %d of %d units: %v", len(out), n, err)
		}
		out = append(out, batch[:got]...)
	}
	return out
}

func TestLateReaderCatchesUp(t *testing.T) {
	r := newTestRouter(t)
	p := publish(t, r, pilot)
	for i := range 45 { // key frames 0 and 30
		video(p, i, 30)
		audio(p, i)
	}
	rd := read(t, r, watch, StartCatchup)
	got := pull(t, rd, 15)
	if !got[0].Key || got[0].PTS != 30*3000 {
		t.Fatalf("starts with %+v, not with the last key frame", got[0].Unit)
	}
	join := int64(44 * 3000)
	for i, d := range got {
		if d.Track.Index != 0 {
			t.Fatal("sound of the past was delivered")
		}
		if d.At < join-14*3000/squeeze-1 || d.At > join || i > 0 && d.At < got[i-1].At {
			t.Fatalf("unit %d is shown at %d; the past should end at %d", i, d.At, join)
		}
	}
	video(p, 45, 30)
	audio(p, 45)
	live := pull(t, rd, 2)
	if live[0].At != 45*3000 || live[1].Track.Index != 1 {
		t.Fatal("not live after catching up")
	}
}

func TestStartLastKeyKeepsTimesAndSound(t *testing.T) {
	r := newTestRouter(t)
	p := publish(t, r, pilot)
	for i := range 40 {
		video(p, i, 30)
		audio(p, i)
	}
	got := pull(t, read(t, r, watch, StartLastKey), 20)
	if got[0].At != 30*3000 || got[1].Track.Index != 1 || got[18].At != 39*3000 {
		t.Fatalf("got %d, %d, %d", got[0].At, got[1].Track.Index, got[18].At)
	}
}

func TestStartNextKeyWaits(t *testing.T) {
	r := newTestRouter(t)
	p := publish(t, r, pilot)
	for i := range 40 {
		video(p, i, 30)
	}
	rd := read(t, r, watch, StartNextKey)
	for i := 40; i < 61; i++ {
		video(p, i, 30)
	}
	if got := pull(t, rd, 1); got[0].At != 60*3000 {
		t.Fatalf("starts at %d", got[0].At)
	}
}

func TestSlowReaderSkipsWholeGroups(t *testing.T) {
	r := newTestRouter(t, func(c *Config) { c.BufferSize = 1 << 20 })
	p := publish(t, r, pilot)
	rd := read(t, r, watch, StartNextKey)
	for i := range 3000 { // 1 KiB frames: three times the budget
		frame := make([]byte, 1024)
		frame[0] = 1
		if i%30 == 0 {
			frame[0] = 0
		}
		p.Write(0, Sample{PTS: int64(i) * 3000, AU: [][]byte{frame}})
	}
	got := pull(t, rd, 1)
	if !got[0].Key || got[0].PTS != 2970*3000 {
		t.Fatalf("continues with frame %d, key %v; the newest key frame is 2970", got[0].PTS/3000, got[0].Key)
	}
	if next := pull(t, rd, 1)[0]; !got[0].Jump || next.Jump {
		t.Errorf("the jump is told of frame %d: %v, of the next: %v", got[0].PTS/3000, got[0].Jump, next.Jump)
	}
	units, jumps := rd.Skipped()
	if units != 2970 || jumps != 1 {
		t.Fatalf("counted %d units in %d jumps", units, jumps)
	}
	if rd.Stream().Info().Jumps != 1 {
		t.Fatal("the stream does not tell")
	}
	if rd.Stream().ring.bytes > 1<<20 {
		t.Fatalf("the ring holds %d bytes", rd.Stream().ring.bytes)
	}
}

func TestLaggingReaderSkips(t *testing.T) {
	r := newTestRouter(t, func(c *Config) { c.MaxLag = 100 * time.Millisecond })
	p := publish(t, r, pilot)
	rd := read(t, r, watch, StartNextKey)
	video(p, 0, 30)
	video(p, 1, 30)
	pull(t, rd, 1)
	time.Sleep(150 * time.Millisecond)
	video(p, 30, 30)
	if got := pull(t, rd, 1); got[0].PTS != 30*3000 {
		t.Fatalf("got frame %d", got[0].PTS/3000)
	}
}

func TestRights(t *testing.T) {
	r := newTestRouter(t, func(c *Config) { c.Paths["fixed"] = PathConfig{Groups: []string{"B"}} })
	publish(t, r, pilot)
	open := func(id auth.Identity) error {
		rd, err := r.Read(ReadRequest{Identity: id, Client: from, Name: cam, Kick: func(error) {}})
		if err == nil {
			rd.Close(nil)
		}
		return err
	}
	if err := open(watch); err != nil {
		t.Errorf("a reader of group A: %v", err)
	}
	if err := open(auth.Identity{User: "root", Role: auth.RoleAdmin}); err != nil {
		t.Errorf("an admin: %v", err)
	}
	if err := open(other); !errors.Is(err, ErrNotFound) {
		t.Errorf("a reader of group B gets %v", err)
	}
	if err := open(auth.Identity{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody gets %v", err)
	}
	if got := r.List(other); len(got) != 0 {
		t.Error("listed to group B")
	}
	if err := r.MayPublish(watch, cam); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("a mere reader may publish: %v", err)
	}
	fixed := safename.MustParse("fixed")
	if err := r.MayPublish(pilot, fixed); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("A may publish to a path of B: %v", err)
	}
	if err := r.MayPublish(other, fixed); err != nil {
		t.Errorf("B may not publish to its path: %v", err)
	}
}

func TestTakeover(t *testing.T) {
	r := newTestRouter(t)
	var kicked error
	req := PublishRequest{Identity: pilot, Client: from, Name: cam, Formats: []*codec.Format{codec.NewOpus(2)}, Kick: func(err error) { kicked = err }}
	if _, err := r.Publish(req); err != nil {
		t.Fatal(err)
	}
	rd := read(t, r, watch, StartNextKey)
	stranger := req
	stranger.Identity = other
	if _, err := r.Publish(stranger); !errors.Is(err, ErrBusy) || kicked != nil {
		t.Fatalf("another user: %v, first publisher ended by %v", err, kicked)
	}
	if err := r.MayBegin(other, cam); !errors.Is(err, ErrBusy) {
		t.Errorf("another user may begin: %v", err)
	}
	if err := r.MayBegin(pilot, cam); err != nil {
		t.Errorf("the same user may not begin anew: %v", err)
	}
	again, err := r.Publish(req)
	if err != nil || !errors.Is(kicked, ErrReplaced) {
		t.Fatalf("the same user: %v, first publisher ended by %v", err, kicked)
	}
	defer again.Close(nil)
	if _, err := rd.Pull(make([]Delivery, 1)); !errors.Is(err, ErrStreamEnded) {
		t.Fatalf("the reader of the first got %v", err)
	}
}

func TestRevocationEndsSessions(t *testing.T) {
	sessions := auth.NewSessions(nil)
	r := New(DefaultConfig(), sessions, bus.New(), quiet)
	pub := make(chan error, 1)
	p, err := r.Publish(PublishRequest{Identity: pilot, Client: from, Name: cam, Formats: []*codec.Format{codec.NewOpus(2)}, Kick: func(err error) { pub <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(nil)
	rd := read(t, r, watch, StartNextKey)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := rd.Pull(make([]Delivery, 1)); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("the reader got %v", err)
		}
	})
	lost := func(user string) {
		sessions.Revalidate(func(s auth.SessionInfo) bool { return s.User == user },
			func(id auth.Identity) (auth.Identity, error) { return auth.Identity{User: id.User}, nil })
	}
	lost("watch")
	wg.Wait()
	lost("pilot")
	if err := <-pub; !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("the publisher got %v", err)
	}
	if len(sessions.List()) != 0 || len(r.List(auth.Identity{User: "root", Role: auth.RoleAdmin})) != 0 {
		t.Error("something is still open")
	}
}

// A publisher who loses one of the groups that its stream is shown to must not
// go on showing it there.
func TestLosingOneOfTwoGroupsEndsThePublisher(t *testing.T) {
	sessions := auth.NewSessions(nil)
	r := New(DefaultConfig(), sessions, bus.New(), quiet)
	both := auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true}, {Group: "B", In: true}}}
	p, err := r.Publish(PublishRequest{Identity: both, Client: from, Name: cam, Formats: []*codec.Format{codec.NewOpus(2)}, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(nil)
	n := sessions.Revalidate(func(auth.SessionInfo) bool { return true },
		func(id auth.Identity) (auth.Identity, error) { id.Groups = id.Groups[:1]; return id, nil })
	if n != 1 {
		t.Fatal("still publishing to both groups")
	}
}

func TestKeyFrameRequestsAreMerged(t *testing.T) {
	r := newTestRouter(t)
	asked := 0
	p, err := r.Publish(PublishRequest{Identity: pilot, Client: from, Name: cam, Formats: []*codec.Format{codec.NewVideo(codec.VP8)}, KeyFrame: func() { asked++ }, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(nil)
	for range 20 {
		p.Stream().RequestKeyFrame()
	}
	if asked != 1 {
		t.Fatalf("asked %d times", asked)
	}
}

func TestPacketsAreMadeOnceAndInOrder(t *testing.T) {
	r := newTestRouter(t)
	p := publish(t, r, pilot)
	rd := read(t, r, watch, StartNextKey)
	video(p, 0, 30)
	video(p, 1, 30)
	got := pull(t, rd, 2)
	first, err := got[0].Packets()
	if err != nil || first.Len() != 1 {
		t.Fatal(first.Len(), err)
	}
	again, _ := got[0].Packets()
	if &again.At(0)[0] != &first.At(0)[0] {
		t.Fatal("made twice")
	}
	if ts := codec.PacketTimestamp(first.At(0)); ts != got[0].Track.RTPTime(0) {
		t.Fatalf("timestamp %d", ts)
	}
}

func BenchmarkFanOut200(b *testing.B) {
	r := New(DefaultConfig(), auth.NewSessions(nil), bus.New(), quiet)
	p, err := r.Publish(PublishRequest{Identity: pilot, Client: from, Name: cam, Formats: []*codec.Format{codec.NewVideo(codec.VP8)}, Kick: func(error) {}})
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 200 {
		rd, err := r.Read(ReadRequest{Identity: watch, Client: from, Name: cam, Start: StartNextKey, Kick: func(error) {}})
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			batch := make([]Delivery, 64)
			for {
				if _, err := rd.Pull(batch); err != nil {
					return
				}
			}
		})
	}
	for i := 0; b.Loop(); i++ {
		frame := make([]byte, 8<<10)
		frame[0] = byte(min(i%60, 1))
		p.Write(0, Sample{PTS: int64(i) * 3000, AU: [][]byte{frame}})
	}
	p.Close(nil)
	wg.Wait()
}
