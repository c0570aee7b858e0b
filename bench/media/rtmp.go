package main

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
)

// measureRTMP publishes the video by RTMP and takes the time until a reader
// could describe the stream by RTSP.
func measureRTMP(ctx context.Context, s *server, f figureSet) error {
	u, err := url.Parse("rtmp://" + addr(s.ports.rtmp) + "/rtmpbench?" + url.Values{"user": {user}, "pass": {password}}.Encode())
	if err != nil {
		return err
	}
	begin := time.Now()
	c := &gortmplib.Client{URL: u, Publish: true}
	if err := c.Initialize(ctx); err != nil {
		return err
	}
	defer c.Close()
	track := &gortmplib.Track{Codec: &codecs.H264{SPS: sps, PPS: pps}}
	w := &gortmplib.Writer{Conn: c, Tracks: []*gortmplib.Track{track}}
	if err := w.Initialize(); err != nil {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		first := time.Now()
		for n := 0; ; n++ {
			pts := time.Duration(n) * time.Second / fps
			if sleep(sending, pts-time.Since(first)) != nil {
				return
			}
			if w.WriteH264(track, pts, pts, [][]byte{videoFrame(n)}) != nil {
				return // the stream does not become readable then
			}
		}
	})
	if err := awaitStream(ctx, s, "rtmpbench"); err != nil {
		return err
	}
	f[rtmpReady] = time.Since(begin).Seconds() * 1000
	return nil
}
