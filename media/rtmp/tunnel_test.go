package rtmp

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFFmpegThroughHTTP(t *testing.T) {
	h := newHouse(t)
	srv := httptest.NewServer(h.Tunnel())
	t.Cleanup(srv.Close)
	at := "rtmpt://" + strings.TrimPrefix(srv.URL, "http://")
	ffmpeg(t, cat(picture, tone, x264, aac, []string{"-f", "flv", at + "/live/cam?" + cred})...)
	h.live(t, "live/cam")
	for _, from := range []string{"rtmp://" + h.addr, at} {
		if video, audio := decoded(t, from+"/live/cam?token=tok"); video < 30 || audio < 8 {
			t.Errorf("%d video and %d audio frames decoded from %s", video, audio, from)
		}
	}
	if h.Stats().Tunnels == 0 {
		t.Error("no tunnel")
	}
}
