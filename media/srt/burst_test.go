package srt

import (
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// TestLargeGroupOfPictures gives a new reader a group of pictures of 3 MB, which
// is more packets than the library's queue holds.
func TestLargeGroupOfPictures(t *testing.T) {
	h := newHouse(t, nil)
	p, err := h.router.Publish(media.PublishRequest{
		Identity: pilot, Name: safename.MustParse("cam"), Kick: func(error) {}, Formats: []*codec.Format{codec.NewVideo(codec.H264)},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(nil)
	sps := []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	write := func(n int) {
		slice := make([]byte, 50_000)
		slice[0] = 0x41
		au := [][]byte{slice}
		if n == 0 {
			slice[0] = 0x65
			au = [][]byte{sps, {0x68, 0xce, 0x3c, 0x80}, slice}
		}
		for i := range slice[1:] {
			slice[1+i] = byte(i%254 + 1)
		}
		p.Write(0, media.Sample{PTS: int64(n) * 3000, AU: au})
	}
	for n := range 60 {
		write(n)
	}
	cfg := gosrt.DefaultConfig()
	cfg.StreamId = "read:cam:pilot:pilot"
	c, err := gosrt.Dial("srt", h.addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	go func() {
		total := 0
		buf := make([]byte, 1500)
		for {
			n, err := c.Read(buf)
			total += n
			if err != nil || total >= 3_100_000 {
				done <- total
				return
			}
		}
	}()
	start := time.Now()
	for n := 60; ; n++ { // it goes on live, and the reader stays
		write(n)
		select {
		case total := <-done:
			t.Logf("%d bytes after %s", total, time.Since(start).Round(time.Millisecond))
			if total < 3_100_000 {
				t.Errorf("the connection broke after %d bytes", total)
			}
			c.Close()
			return
		case <-time.After(33 * time.Millisecond):
		}
		if time.Since(start) > 15*time.Second {
			c.Close()
			t.Fatalf("%d bytes in 15 s", <-done)
		}
	}
}
