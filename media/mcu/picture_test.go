package mcu

import (
	"errors"
	"sync"
	"testing"
	"time"

	"muster/internal/safename"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/codec"
)

// screen keeps the frames that somebody is shown.
type screen struct {
	mu     sync.Mutex
	frames []Frame
}

func (s *screen) show(f Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, f)
}

func (s *screen) seen() []Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Frame(nil), s.frames...)
}

// film is a sender of VP8, a frame in each packet.
type film struct {
	t   *Track
	seq uint16
	ts  uint32
}

func (f *film) frame(key bool) {
	f.t.Write(0, &Packet{Seq: f.seq, Timestamp: f.ts, Marker: true, Payload: vp8Packet(f.seq&0x7fff, byte(f.seq), key)})
	f.seq++
	f.ts += 3600
}

func (h *house) film(t *testing.T, name string) (*Participant, *film) {
	t.Helper()
	p, _ := h.mustJoin(t, member(name, true))
	tr, err := p.OpenTrack(TrackSpec{Source: Camera, Codec: codec.VP8, Layers: make([]LayerInfo, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return p, &film{t: tr, seq: 65530, ts: 1 << 31}
}

var phoneSpec = PictureSpec{Codec: codec.VP8, Width: 1280, Height: 720}

func TestOneVideoIsForwarded(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, f := h.film(t, "cam")
	phone, _ := h.mustJoin(t, member("phone", true))
	if _, err := phone.OpenTrack(TrackSpec{Source: Camera, Codec: codec.VP8, Layers: make([]LayerInfo, 1)}); err != nil {
		t.Fatal(err) // its own picture does not count
	}
	var s screen
	v, err := phone.Watch(phoneSpec, s.show)
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "the first frame", func() bool { f.frame(true); return len(s.seen()) > 0 })
	n := len(s.seen())
	for range 5 {
		f.frame(false)
	}
	got := s.seen()
	if len(got) != n+5 || !got[0].Key || got[n].Key {
		t.Errorf("%d frames after %d, the first key %v, the last %v", len(got)-n, n, got[0].Key, got[n].Key)
	}
	for i := 1; i < len(got); i++ {
		if d := got[i].PTS - got[i-1].PTS; d != 40*time.Millisecond {
			t.Errorf("frame %d comes %v after the one before", i, d)
		}
	}
	// A lost packet: what follows is kept back until a key frame, which is asked for.
	f.seq++
	n = len(s.seen())
	for range 20 {
		time.Sleep(20 * time.Millisecond) // longer in all than a gap is waited for
		f.frame(false)
	}
	if got := len(s.seen()); got != n {
		t.Errorf("%d frames that cannot be decoded", got-n)
	}
	f.frame(true)
	wait(t, "the key frame", func() bool { return len(s.seen()) == n+1 })
	v.Close()
	v.Close()
	f.frame(true)
	if got := len(s.seen()); got != n+1 {
		t.Error("a frame after Close")
	}
	wait(t, "the window to be taken off", func() bool { return len(*f.t.views.Load()) == 0 })
}

func TestWithoutACompositorTheSpeakerIsShown(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, a := h.film(t, "a")
	pb, b := h.film(t, "b")
	phone, _ := h.mustJoin(t, member("phone", true))
	var s screen
	if _, err := phone.Watch(phoneSpec, s.show); err != nil {
		t.Fatal(err)
	}
	watched := func(f *film) func() bool {
		return func() bool {
			a.frame(true)
			b.frame(true)
			return len(*f.t.views.Load()) == 1
		}
	}
	wait(t, "the first to be shown", watched(a))
	voice := speak(t, pb, AudioFormat{Codec: codec.Opus}, 440)
	wait(t, "who speaks to be shown", func() bool { voice.say(t, true); return watched(b)() })
	phone.Leave(nil)
	wait(t, "nobody to be shown", func() bool { return len(*a.t.views.Load())+len(*b.t.views.Load()) == 0 })
	if _, err := phone.Watch(phoneSpec, s.show); !errors.Is(err, ErrGone) {
		t.Errorf("watched by somebody who has left: %v", err)
	}
}

func TestWhatIsForwarded(t *testing.T) {
	at := time.Now().UnixNano()
	track := func(spec TrackSpec, sizes ...LayerInfo) *Track {
		spec.Layers = sizes
		tr := newTrack(nil, &Participant{}, spec)
		for _, l := range tr.layers {
			l.last.Store(at)
		}
		return tr
	}
	for name, tc := range map[string]struct {
		spec  PictureSpec
		track *Track
		layer int
	}{
		"the same codec":      {phoneSpec, track(TrackSpec{Codec: codec.VP8}, LayerInfo{}), 0},
		"another codec":       {phoneSpec, track(TrackSpec{Codec: codec.H264}, LayerInfo{}), -1},
		"the largest it may":  {phoneSpec, track(TrackSpec{Codec: codec.VP8}, LayerInfo{320, 180}, LayerInfo{1280, 720}, LayerInfo{1920, 1080}), 1},
		"too large":           {phoneSpec, track(TrackSpec{Codec: codec.VP8}, LayerInfo{1920, 1080}), -1},
		"upright":             {phoneSpec, track(TrackSpec{Codec: codec.VP8}, LayerInfo{720, 1280}), 0},
		"single units":        {PictureSpec{Codec: codec.H264, Width: 1280, Height: 720, MaxUnit: 1200}, track(TrackSpec{Codec: codec.H264}, LayerInfo{}), -1},
		"too high a profile":  {PictureSpec{Codec: codec.H264, Width: 1280, Height: 720}, track(TrackSpec{Codec: codec.H264, HighProfile: true}, LayerInfo{}), -1},
		"a profile it can do": {PictureSpec{Codec: codec.H264, Width: 1280, Height: 720, HighProfile: true}, track(TrackSpec{Codec: codec.H264, HighProfile: true}, LayerInfo{}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Picture{spec: tc.spec}).takes(tc.track); got != tc.layer {
				t.Errorf("layer %d, not %d", got, tc.layer)
			}
		})
	}
}

// TestARoomIsAStream also shows that nothing is made while nobody receives it.
func TestARoomIsAStream(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	p, _ := h.mustJoin(t, member("p", true))
	host, ear := h.mustJoin(t, admin)
	voice := speak(t, p, AudioFormat{Codec: codec.Opus}, 440)
	read := func(name string) (*media.Reader, error) {
		id := member(name, false)
		id.System = false
		return h.deps.Router.Read(media.ReadRequest{Identity: id, Client: media.Client{Protocol: "test"}, Name: safename.MustParse("rooms/briefing"), Kick: func(error) {}})
	}
	var r *media.Reader
	wait(t, "the stream", func() (ok bool) {
		var err error
		r, err = read("viewer")
		return err == nil
	})
	talk(300*time.Millisecond, func() { voice.say(t, true) })
	units := make([]media.Delivery, 8)
	if n, err := r.Pull(units); err != nil || n == 0 || units[0].Format.Codec != codec.Opus {
		t.Fatalf("%d units of %v: %v", n, units[0].Format, err)
	}
	watching := func(n int) func() bool {
		return func() bool {
			e, ok := ear.last(EventRoom)
			return ok && e.Data.(View).Watching == n
		}
	}
	wait(t, "everybody to know who watches", watching(1))

	if err := host.Change(t.Context(), func(s *Settings) { s.Locked = true }); err != nil {
		t.Fatal(err)
	}
	if _, err := read("late"); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("a locked room is looked into: %v", err)
	}
	r.Close(nil)
	wait(t, "everybody to know that nobody watches", watching(0))
	mixed := h.Stats().Mixed
	talk(100*time.Millisecond, func() { voice.say(t, true) })
	if now := h.Stats().Mixed; now > mixed+1 {
		t.Errorf("%d mixes for nobody", now-mixed)
	}
	host.Leave(nil)
	p.Leave(nil)
	wait(t, "the stream to end", func() bool {
		_, err := h.deps.Router.Find(admin, safename.MustParse("rooms/briefing"))
		return errors.Is(err, media.ErrNotFound)
	})
}

// recorder is a Recorder that does as it is told.
type recorder struct {
	mu sync.Mutex
	on map[string]bool
}

func (r *recorder) Switch(s *media.Stream, on bool, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on[s.Name.String()] = on
	return nil
}

func (r *recorder) Recorded(s *media.Stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on[s.Name.String()]
}

func TestEverybodyIsToldOfARecording(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	rec := &recorder{on: make(map[string]bool)}
	h.deps.Recorder = rec
	h.make(t, nil)
	host, _ := h.mustJoin(t, admin)
	guest, ear := h.mustJoin(t, member("guest", false))
	if err := guest.Record(true); !errors.Is(err, ErrHost) {
		t.Errorf("recorded by somebody who is no host: %v", err)
	}
	wait(t, "the recording", func() bool { return host.Record(true) == nil })
	recording := func() bool {
		e, ok := ear.last(EventRoom)
		return ok && e.Data.(View).Recording
	}
	wait(t, "everybody to know", recording)
	_ = rec.Switch(h.Live("briefing").stream.pub.Load().Stream(), false, "")
	h.RecordingChanged("rooms/briefing")
	wait(t, "everybody to know of the end", func() bool { return !recording() })
	if _, err := h.Moderator(member("guest", false), "briefing"); !errors.Is(err, ErrHost) {
		t.Errorf("recorded by somebody who is no host: %v", err)
	}
}
