package test

import (
	"strings"
	"testing"

	"muster/internal/store/storetest"
)

// TestPostgres runs the program on a real PostgreSQL: the same commands, the
// same logins, and everything there after a restart.
func TestPostgres(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	t.Cleanup(storetest.Stop)
	s := start(t, "MUSTER_STORE_DSN="+storetest.Config(t, "postgres").DSN)
	s.must("", "group", "add", "uas")
	s.user("pilot", "uas")
	key := s.must("", "token", "create", "pilot", "drone", "--publish", "uas/*")
	s.stop()
	s.run()
	if out := s.must("", "user", "list"); !strings.Contains(out, "pilot") {
		t.Errorf("after a restart: %s", out)
	}
	url := strings.Replace(s.rtsp("rtsp", "uas/cam"), passwordOf("pilot"), key, 1)
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", url)...)
	s.live("uas/cam")
	if frames, _, out := decode([]string{"-rtsp_transport", "tcp", "-i", s.rtsp("rtsp", "uas/cam")}); frames < 20 {
		t.Errorf("%d frames: %s", frames, out)
	}
}
