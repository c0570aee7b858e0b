package mcu

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/codec"
)

// camera publishes a stream with pictures in VP8 and sound in G.711.
func (h *house) camera(t *testing.T, name string, formats ...*codec.Format) *media.Publisher {
	t.Helper()
	pub, err := h.deps.Router.Publish(media.PublishRequest{Identity: member("pilot", true), Client: media.Client{Protocol: "test"},
		Name: safename.MustParse(name), Formats: formats, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pub.Close(nil) })
	return pub
}

func TestAStreamOnTheStage(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	pub := h.camera(t, "uas/eo", codec.NewVideo(codec.VP8), &codec.Format{Codec: codec.G711, ClockRate: 8000, Channels: 1, MULaw: true})
	host, ear := h.mustJoin(t, admin)
	viewer, _ := h.mustJoin(t, member("viewer", false))
	if err := viewer.Stage("uas/eo", true); !errors.Is(err, ErrHost) {
		t.Errorf("staged by somebody who is no host: %v", err)
	}
	if err := host.Stage("none", true); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("a stream that is not there: %v", err)
	}
	if err := host.Stage("uas/eo", true); err != nil {
		t.Fatal(err)
	}
	if err := host.Stage("uas/eo", true); err != nil {
		t.Errorf("a second time: %v", err)
	}
	var voices atomic.Int64
	tap, err := viewer.HearEach(h.Slots(), func(int, Sound) { voices.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tap.Close)
	var pictures atomic.Int64
	w := NewWindow(func(Outgoing) { pictures.Add(1) })

	key := []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 0, 0, 0, 0}
	loud := make([]byte, 160)
	for i := range loud {
		loud[i] = byte(i * 37)
	}
	n := int64(0)
	talk(800*time.Millisecond, func() {
		pub.Write(0, media.Sample{PTS: n * 1800, AU: [][]byte{append([]byte(nil), key...)}})
		pub.Write(1, media.Sample{PTS: n * 160, AU: [][]byte{append([]byte(nil), loud...)}})
		n++
		if e, ok := ear.last(EventTrack); ok {
			if tr, err := viewer.Track(e.Data.(TrackInfo).ID); err == nil {
				w.Show(tr, 0)
			}
		}
	})
	if pictures.Load() == 0 || voices.Load() == 0 {
		t.Errorf("%d packets of the picture, %d of the sound", pictures.Load(), voices.Load())
	}
	members := host.Room().Members()
	if len(members) != 3 {
		t.Errorf("%d in the room", len(members))
	}
	pub.Close(nil)
	wait(t, "the stream to leave the stage", func() bool { return len(host.Room().Members()) == 2 })
	w.Show(nil, 0)
}

func TestAStreamTakenOffTheStage(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	h.camera(t, "uas/eo", codec.NewVideo(codec.VP8))
	h.camera(t, "uas/data", &codec.Format{Codec: codec.KLV, ClockRate: 90000})
	host, _ := h.mustJoin(t, admin)
	if err := host.Stage("uas/data", true); !errors.Is(err, ErrStage) {
		t.Errorf("a stream without pictures and sound: %v", err)
	}
	if err := host.Stage("uas/eo", true); err != nil {
		t.Fatal(err)
	}
	if err := host.Stage("uas/eo", false); err != nil {
		t.Fatal(err)
	}
	wait(t, "the stream to leave the stage", func() bool { return len(host.Room().Members()) == 1 })
	if err := host.Stage("uas/eo", false); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if err := host.Stage("uas/eo", true); err != nil {
		t.Fatal(err)
	}
	host.Leave(nil)
	wait(t, "the room to close", func() bool { return h.Live("briefing") == nil })
}

func TestWhoMayNotWatchMayNotStage(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Hosts = []string{"olga"} })
	pub, err := h.deps.Router.Publish(media.PublishRequest{Identity: auth.Identity{User: "x", System: true, Groups: []auth.Grant{{Group: "blue", In: true}}},
		Name: safename.MustParse("secret"), Formats: []*codec.Format{codec.NewVideo(codec.VP8)}, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pub.Close(nil) })
	olga, _ := h.mustJoin(t, member("olga", true))
	if err := olga.Stage("secret", true); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestAStreamIsShownAtOnce: a stream's next key frame may be far away, and its
// publisher cannot be asked for one.
func TestAStreamIsShownAtOnce(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	pub := h.camera(t, "uas/eo", codec.NewVideo(codec.VP8))
	host, ear := h.mustJoin(t, admin)
	if err := host.Stage("uas/eo", true); err != nil {
		t.Fatal(err)
	}
	frame := func(n int64, key bool) {
		b := []byte{0x11, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 0, 0, 0, 0}
		if key {
			b[0] = 0x10
		}
		pub.Write(0, media.Sample{PTS: n * 3600, AU: [][]byte{b}})
	}
	frame(0, true)
	var tr *Track
	wait(t, "the picture", func() bool {
		e, ok := ear.last(EventTrack)
		if ok {
			tr, _ = host.Track(e.Data.(TrackInfo).ID)
		}
		return tr != nil
	})
	for n := range int64(64) {
		frame(n+1, false)
	}
	past := func() int {
		tr.past.mu.Lock()
		defer tr.past.mu.Unlock()
		return len(tr.past.packets)
	}
	wait(t, "the past", func() bool { return past() == 65 })
	var got []Outgoing
	w := NewWindow(func(o Outgoing) { got = append(got, o) })
	w.Show(tr, 0)
	defer w.Show(nil, 0)
	if len(got) != 65 || !startsKeyFrame(codec.VP8, got[0].Payload) {
		t.Fatalf("%d packets at once", len(got))
	}
	if d := got[64].Timestamp - got[0].Timestamp; d != 3600 {
		t.Errorf("the past of 64 frames takes %d ticks", d)
	}
	frame(65, true)
	wait(t, "the past to begin anew", func() bool { return past() == 1 })
}
