package mcu

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/codec"
	"muster/media/codec/aac"
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
	w := NewWindow(func(out []Outgoing) { pictures.Add(int64(len(out))) })

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

// TestNoDoorStopsAStream that a host puts on the stage.
func TestNoDoorStopsAStream(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Lobby, s.Locked, s.Capacity = true, true, 1 })
	h.camera(t, "uas/eo", codec.NewVideo(codec.VP8))
	host, ear := h.mustJoin(t, admin)
	if err := host.Stage("uas/eo", true); err != nil {
		t.Fatal(err)
	}
	if e, _ := ear.last(EventParticipant); e.Data.(Member).Kind != Feed || e.Data.(Member).Waiting {
		t.Errorf("the stream is %+v", e.Data)
	}
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
	w := NewWindow(func(out []Outgoing) { got = append(got, out...) })
	w.Show(tr, 0)
	defer w.Show(nil, 0)
	if len(got) != 65 || !startsKeyFrame(codec.VP8, got[0].Payload) {
		t.Fatalf("%d packets at once", len(got))
	}
	if d := got[64].Timestamp - got[0].Timestamp; d != 3600 {
		t.Errorf("the past of 64 frames takes %d ticks", d)
	}
	if !w.Begin() || len(got) != 130 || !startsKeyFrame(codec.VP8, got[65].Payload) {
		t.Fatalf("%d packets when it begins again", len(got))
	}
	if got[65].Seq != got[64].Seq+1 || int32(got[65].Timestamp-got[64].Timestamp) <= 0 {
		t.Error("there is a seam where it begins again")
	}
	frame(65, true)
	wait(t, "the past to begin anew", func() bool { return past() == 1 })
}

// TestAACOfAStreamIsHeard: drones and cameras send nothing else. Its frames fit
// into no tick of the mix.
func TestAACOfAStreamIsHeard(t *testing.T) {
	for _, c := range []struct {
		name           string
		rate, channels int
	}{
		{"stereo at 44.1 kHz", 44100, 2},
		{"mono at 16 kHz", 16000, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			frames := toneInAAC(t, c.rate, c.channels)
			h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
			h.make(t, nil)
			config := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: c.rate, ChannelConfig: uint8(c.channels)}
			pub := h.camera(t, "uas/eo", codec.NewAAC(config))
			host, _ := h.mustJoin(t, admin)
			if err := host.Stage("uas/eo", true); err != nil {
				t.Fatal(err)
			}
			mix, single := newHeard(t, opusFormat), newHeard(t, opusFormat)
			out, err := host.Hear(opusFormat, mix.payload)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(out.Close)
			viewer, _ := h.mustJoin(t, member("viewer", false))
			tap, err := viewer.HearEach(h.Slots(), func(_ int, s Sound) { single.payload(s.Payload) })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(tap.Close)
			start := time.Now()
			for i, f := range frames {
				at := time.Duration(i) * aac.Samples * time.Second / time.Duration(c.rate)
				time.Sleep(time.Until(start.Add(at)))
				pub.Write(0, media.Sample{PTS: int64(i) * aac.Samples, AU: [][]byte{f}})
			}
			for who, e := range map[string]*heard{"the mix": mix, "a browser": single} {
				if p := e.power(1000); p < 0.8 {
					t.Errorf("%s: %.2f of what is heard is the tone", who, p)
				}
			}
		})
	}
}

// toneInAAC is 1000 Hz for a second and a half.
func toneInAAC(t *testing.T, rate, channels int) (frames [][]byte) {
	t.Helper()
	source := fmt.Sprintf("sine=frequency=1000:sample_rate=%d:duration=1.5,volume=6", rate)
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-ac", strconv.Itoa(channels), "-c:a", "aac", "-f", "adts", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pkts mpeg4audio.ADTSPackets
	if err := pkts.Unmarshal(out); err != nil {
		t.Fatal(err)
	}
	for _, p := range pkts {
		frames = append(frames, p.AU)
	}
	return frames
}

func TestWhatOfAACCanBeStaged(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	config := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2, FrameLengthFlag: true}
	h.camera(t, "uas/eo", codec.NewAAC(config))
	host, _ := h.mustJoin(t, admin)
	if err := host.Stage("uas/eo", true); !errors.Is(err, ErrStage) {
		t.Errorf("frames of 960 samples: %v", err)
	}
	config.FrameLengthFlag = false
	if _, err := host.Hear(AudioFormat{Codec: codec.AAC, AAC: config}, func([]byte) {}); !errors.Is(err, ErrFormat) {
		t.Errorf("a mix in AAC: %v", err)
	}
}
