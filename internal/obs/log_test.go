package obs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type account struct {
	User     string
	Password string
	inner    *account
}

type valuer struct{ s string }

func (v valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", "u"), slog.String("token", v.s))
}

// TestNoSecretInAnyLog puts one secret into every place that a log line has.
func TestNoSecretInAnyLog(t *testing.T) {
	const s = "hunter2secretX"
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log, _ := NewLogger(LogConfig{Level: "debug", Format: format}, &b, false)
		log.Info("message with mst_" + s)
		log.Info("m", "password", s, "pass", s, "token", s, "secret", s, "key", s, "authorization", "Basic "+s, "cookie", s)
		log.Info("m", "url", "rtsp://u:"+s+"@h/p", "path", "/x?pass="+s+"&a=1", "err", fmt.Errorf("dial: %w", errors.New("srt://h?token="+s)))
		log.Info("m", "account", account{"u", s, nil}, "ptr", &account{"u", s, &account{"v", s, nil}}, "list", []string{"a", "?key=" + s})
		log.Info("m", "bytes", []byte(s), "valuer", valuer{s}, slog.Group("g", "password", s, slog.Group("h", "streamKey", s)))
		log.Info("m", "map", map[string]string{"password": "x?pass=" + s}, "header", map[string][]string{"Authorization": {"Bearer " + s}})
		log.With("token", s).WithGroup("g").With("url", "http://u:"+s+"@h").Warn("m", slog.Group("secret", "a", s))
		if out := b.String(); strings.Contains(out, s) {
			for line := range strings.Lines(out) {
				if strings.Contains(line, s) {
					t.Errorf("%s: %s", format, line)
				}
			}
		}
		if strings.Count(b.String(), "\n") != 7 {
			t.Errorf("lines are missing:\n%s", b.String())
		}
	}
}

func TestOrdinaryAttributesStay(t *testing.T) {
	var b bytes.Buffer
	log, level := NewLogger(LogConfig{Level: "info", Format: "auto"}, &b, false)
	log.Debug("not written")
	level.Set(slog.LevelDebug)
	log.Debug("session", "part", "rtsp", "remote", "10.0.0.1:5", "keyFrame", true, "n", 3, "after", time.Second, "names", []string{"a", "b"}, "key", "")
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err, b.String())
	}
	delete(got, "time")
	want := `map[after:1e+09 key: keyFrame:true level:DEBUG msg:session n:3 names:[a b] part:rtsp remote:10.0.0.1:5]`
	if s := fmt.Sprint(got); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	b.Reset()
	log, _ = NewLogger(DefaultLogConfig(), &b, true)
	log.Info("hello", "part", "x")
	if s := b.String(); !strings.HasSuffix(s, "level=INFO msg=hello part=x\n") {
		t.Error(s)
	}
}

func TestLogConfig(t *testing.T) {
	if err := DefaultLogConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := LogConfig{Level: "loud", Format: "xml"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "level") || !strings.Contains(err.Error(), "format") {
		t.Error(err)
	}
}

func TestRepeatedWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log, _ := NewLogger(LogConfig{Level: "info", Format: "text"}, &b, false)
		lines := func(sub string) int { return strings.Count(b.String(), sub) }
		rtsp, web := log.With("part", "rtsp"), log.With("part", "web")
		for i := range 100 {
			rtsp.Warn("bad packet", "remote", i)
			web.WithGroup("g").Warn("bad packet", "part", "inside a group")
			log.Warn("bad packet", "part", "srt")
			log.Info("stays")
			log.Error("stays, too")
		}
		if n := lines(`msg="bad packet"`); n != 3*repeatMax {
			t.Errorf("%d warnings", n)
		}
		if lines("msg=stays\n") != 100 || lines("too") != 100 {
			t.Error("other levels are limited")
		}
		time.Sleep(repeatWindow - time.Millisecond)
		log.Info("stays")
		if n := lines("suppressed="); n != 0 {
			t.Errorf("%d sums before the end of the window", n)
		}
		time.Sleep(sweepEvery)
		log.Info("any line")
		for _, part := range []string{"rtsp", "web", "srt"} {
			if n := lines(`level=WARN msg="bad packet" part=` + part + ` suppressed=90`); n != 1 {
				t.Errorf("%s: %d sums", part, n)
			}
		}
		rtsp.Warn("bad packet")
		if n := lines(`msg="bad packet"`); n != 3*repeatMax+3+1 {
			t.Errorf("a new window does not begin: %d", n)
		}
	})
}

func TestWarningsOfManyKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log, _ := NewLogger(LogConfig{Level: "info", Format: "text"}, &b, false)
		for i := range 5000 {
			log.Warn(fmt.Sprint("kind ", i))
		}
		if n := strings.Count(b.String(), "\n"); n != repeatKeys+repeatMax {
			t.Errorf("%d lines", n)
		}
		time.Sleep(repeatWindow)
		log.Info("next")
		if !strings.Contains(b.String(), fmt.Sprintf("suppressed=%d", 5000-repeatKeys-repeatMax)) {
			t.Error("the rest is not counted")
		}
	})
}

func BenchmarkInfo(b *testing.B) {
	log, _ := NewLogger(LogConfig{Level: "info", Format: "json"}, &discard{}, false)
	log = log.With("part", "rtsp")
	b.ReportAllocs()
	for b.Loop() {
		log.Info("session opened", "user", "alice", "remote", "10.0.0.1:51234", "stream", "live/cam1")
	}
}

type discard struct{}

func (*discard) Write(b []byte) (int, error) { return len(b), nil }
