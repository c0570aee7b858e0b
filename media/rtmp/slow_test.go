package rtmp

import (
	"testing"
	"time"

	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// TestStalledViewer stops reading: the hub skips for it, then the connection is
// ended, and the publisher never notices.
func TestStalledViewer(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.WriteTimeout = time.Second })
	p, err := h.router.Publish(media.PublishRequest{
		Identity: pilot, Name: safename.MustParse("cam"), Kick: func(error) {},
		Formats: []*codec.Format{{Codec: codec.H264, ClockRate: 90000, SPS: avcSPS, PPS: avcPPS}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(nil)
	dial(t, h.addr, "", false) // and never read
	eventually(t, "the viewer", func() bool { return h.Stats().Plays == 1 })
	deadline := time.Now().Add(10 * time.Second)
	for n := 0; h.Stats().Open > 0; n++ {
		if time.Now().After(deadline) {
			t.Fatal("the stalled viewer is still there")
		}
		nalu := make([]byte, 100_000)
		nalu[0] = 0x41
		if n%30 == 0 {
			nalu[0] = 0x65
		}
		start := time.Now()
		p.Write(0, media.Sample{PTS: int64(n) * 900, AU: [][]byte{nalu}})
		if d := time.Since(start); d > 500*time.Millisecond {
			t.Fatalf("a write took %s", d)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if len(h.sessions.List()) != 1 {
		t.Errorf("%d sessions", len(h.sessions.List()))
	}
}
