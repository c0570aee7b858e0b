package rtmp

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"muster/media/codec"
)

// Parameter sets of small real streams.
var (
	hevcVPS = []byte{0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0xb0, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7b, 0x18, 0xb0, 0x24}
	hevcSPS = []byte{
		0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0xb0, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7b, 0xa0, 0x07, 0x82, 0x00, 0x88, 0x7d,
		0xb6, 0x71, 0x8b, 0x92, 0x44, 0x80, 0x53, 0x88, 0x88, 0x92, 0xcf, 0x24, 0xa6, 0x92, 0x72, 0xc9, 0x12, 0x49, 0x22, 0xdc, 0x91, 0xaa, 0x48, 0xfc,
		0xa2, 0x23, 0xff, 0x00, 0x01, 0x00, 0x01, 0x6a, 0x02, 0x02, 0x02, 0x01,
	}
	hevcPPS  = []byte{0x44, 0x01, 0xc0, 0x25, 0x2f, 0x05, 0x32, 0x40}
	avcSPS   = []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	avcPPS   = []byte{0x68, 0xce, 0x3c, 0x80}
	av1Seq   = []byte{0x08, 0x00, 0x00, 0x00, 0x42, 0xa7, 0xbf, 0xe4, 0x60, 0x0d, 0x00, 0x40}
	ac3Frame = func() []byte {
		b := make([]byte, 256)
		copy(b, []byte{0x0b, 0x77, 0x47, 0x11, 0x08, 0x40, 0x2f, 0x84, 0x29, 0x10})
		return b
	}()
)

func dial(t *testing.T, addr, key string, publish bool) *gortmplib.Client {
	t.Helper()
	u, err := url.Parse("rtmp://" + addr + "/cam?token=tok")
	if err != nil {
		t.Fatal(err)
	}
	u.Fragment = key
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c := &gortmplib.Client{URL: u, Publish: publish}
	if err := c.Initialize(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// exchange publishes one video and one audio track with the library's client
// and reads them with another. Every codec has its own send and receive.
func TestEnhancedCodecs(t *testing.T) {
	const ms = time.Millisecond
	opusHead := &opus.IDHeader{Version: 1, ChannelCount: 2, PreSkip: 312, InputSampleRate: 48000}
	aacConfig := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2}
	for _, tc := range []struct {
		name   string
		want   codec.ID
		codec  codecs.Codec
		send   func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, n int) error
		listen func(r *gortmplib.Reader, t *gortmplib.Track, got func())
	}{
		{"h265", codec.H265, &codecs.H265{VPS: hevcVPS, SPS: hevcSPS, PPS: hevcPPS},
			func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, n int) error {
				nalu := []byte{0x02, 0x01, 0xAA}
				if n%10 == 0 {
					nalu = []byte{0x26, 0x01, 0xAF}
				}
				return w.WriteH265(t, at+66*ms, at, [][]byte{nalu})
			},
			func(r *gortmplib.Reader, t *gortmplib.Track, got func()) {
				r.OnDataH265(t, func(pts, dts time.Duration, _ [][]byte) {
					if pts > dts {
						got()
					}
				})
			}},
		{"av1", codec.AV1, &codecs.AV1{},
			func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, n int) error {
				tu := [][]byte{{0x30, byte(n)}}
				if n%10 == 0 {
					tu = [][]byte{av1Seq, {0x30, byte(n)}}
				}
				return w.WriteAV1(t, at, tu)
			},
			func(r *gortmplib.Reader, t *gortmplib.Track, got func()) {
				r.OnDataAV1(t, func(time.Duration, [][]byte) { got() })
			}},
		{"vp9", codec.VP9, &codecs.VP9{},
			func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, n int) error {
				frame := []byte{0x86, 0x00, 0x40, 0x92, 0x88}
				if n%10 == 0 {
					frame = []byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x77, 0xf0, 0x32, 0x34}
				}
				return w.WriteVP9(t, at, frame)
			},
			func(r *gortmplib.Reader, t *gortmplib.Track, got func()) {
				r.OnDataVP9(t, func(time.Duration, []byte) { got() })
			}},
		{"opus", codec.Opus, &codecs.Opus{IDHeader: opusHead},
			func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, _ int) error {
				return w.WriteOpus(t, at, []byte{0xFC, 1, 2})
			},
			func(r *gortmplib.Reader, t *gortmplib.Track, got func()) {
				r.OnDataOpus(t, func(time.Duration, []byte) { got() })
			}},
		{"ac-3", codec.AC3, &codecs.AC3{SampleRate: 48000, ChannelCount: 2},
			func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, _ int) error {
				return w.WriteAC3(t, at, ac3Frame)
			},
			func(r *gortmplib.Reader, t *gortmplib.Track, got func()) {
				r.OnDataAC3(t, func(time.Duration, []byte) { got() })
			}},
		{"aac", codec.AAC, &codecs.MPEG4Audio{Config: aacConfig},
			func(w *gortmplib.Writer, t *gortmplib.Track, at time.Duration, _ int) error {
				return w.WriteMPEG4Audio(t, at, []byte{0x21, 0x10, 4})
			},
			func(r *gortmplib.Reader, t *gortmplib.Track, got func()) {
				r.OnDataMPEG4Audio(t, func(time.Duration, []byte) { got() })
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			track := &gortmplib.Track{Codec: tc.codec}
			w := &gortmplib.Writer{Conn: dial(t, h.addr, "", true), Tracks: []*gortmplib.Track{track}}
			if err := w.Initialize(); err != nil {
				t.Fatal(err)
			}
			n := 0
			send := func() {
				if err := tc.send(w, track, time.Duration(n)*40*ms, n); err != nil {
					t.Error(err)
				}
				n++
			}
			for range 20 {
				send()
			}
			if f := h.live(t, "cam").Tracks[0].Format(); f.Codec != tc.want {
				t.Fatalf("published as %s", f)
			}
			stop := make(chan struct{})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * ms):
						send()
					}
				}
			}()
			defer func() { close(stop); <-ended }()

			r := &gortmplib.Reader{Conn: dial(t, h.addr, "", false)}
			if err := r.Initialize(); err != nil {
				t.Fatal(err)
			}
			if len(r.Tracks()) != 1 {
				t.Fatalf("%d tracks", len(r.Tracks()))
			}
			got := 0
			tc.listen(r, r.Tracks()[0], func() { got++ })
			for got < 10 {
				if err := r.Read(); err != nil {
					t.Fatalf("after %d: %v", got, err)
				}
			}
		})
	}
}

// TestTwoOfEach publishes two video and two audio tracks: all reach the hub, a
// player that does not know multitrack gets the first of each.
func TestTwoOfEach(t *testing.T) {
	h := newHouse(t)
	avc := func() *gortmplib.Track { return &gortmplib.Track{Codec: &codecs.H264{SPS: avcSPS, PPS: avcPPS}} }
	aac := func() *gortmplib.Track {
		return &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2,
		}}}
	}
	tracks := []*gortmplib.Track{avc(), avc(), aac(), aac()}
	w := &gortmplib.Writer{Conn: dial(t, h.addr, "sub", true), Tracks: tracks}
	if err := w.Initialize(); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		at := time.Duration(n) * 40 * time.Millisecond
		for i, tr := range tracks {
			var err error
			if i < 2 {
				err = w.WriteH264(tr, at, at, [][]byte{{0x65, byte(n)}})
			} else {
				err = w.WriteMPEG4Audio(tr, at, []byte{0x21, 0x10, 4})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := h.live(t, "cam/sub"); len(s.Tracks) != 4 {
		t.Fatalf("%d tracks", len(s.Tracks))
	}
	s, _ := choose(h.live(t, "cam/sub").Tracks, false)
	if len(s) != 2 {
		t.Errorf("%d tracks for an old player", len(s))
	}
	if s, _ := choose(h.live(t, "cam/sub").Tracks, true); len(s) != 4 {
		t.Errorf("%d tracks for a new player", len(s))
	}
}
