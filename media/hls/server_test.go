package hls

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if run.Panics() > 0 {
			code = 1
		}
		os.Exit(code)
	}))
}

var (
	pilot = auth.Identity{User: "pilot", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", In: true, Out: true}}}
	watch = auth.Identity{User: "watch", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "A", Out: true}}}
	other = auth.Identity{User: "other", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "B", Out: true}}}
	cam   = safename.MustParse("uas/cam")
)

// fakeAuth knows watch, other and the token of watch; "limited" is locked out.
type fakeAuth struct{}

func (fakeAuth) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	switch {
	case p.Empty():
		return auth.Identity{}, auth.ErrNoCredentials
	case p.User == "limited":
		return auth.Identity{}, &auth.LimitedError{RetryAfter: 2500 * time.Millisecond}
	case p.User == "fault":
		return auth.Identity{}, errors.New("the database is away")
	case p.User == "watch" && p.Password == "pw", p.Token == "t0ken", p.Token == "watch:pw":
		return watch, nil
	case p.User == "other" && p.Password == "pw":
		return other, nil
	}
	return auth.Identity{}, auth.ErrBadCredentials
}

// settled returns a playlist when the segmenter has read all there is.
func (h *house) settled(t *testing.T, path string) string {
	t.Helper()
	_, last := h.get(t, path, "")
	for {
		time.Sleep(200 * time.Millisecond)
		_, now := h.get(t, path, "")
		if now == last {
			return now
		}
		last = now
	}
}

type house struct {
	*Server
	sessions *auth.Sessions
	router   *media.Router
	url      string // of the door, without a slash at its end
}

// start runs a server until the test ends.
func start(t *testing.T, change ...func(*Config, *Deps)) *house {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h := &house{sessions: auth.NewSessions(nil)}
	h.router = media.New(media.DefaultConfig(), h.sessions, bus.New(), log)
	cfg, deps := DefaultConfig(), Deps{Router: h.router, Auth: fakeAuth{}, Doors: run.NewDoors(), Log: log}
	cfg.Address = "127.0.0.1:0"
	for _, c := range change {
		c(&cfg, &deps)
	}
	var err error
	if h.Server, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	for h.group.Load() == nil || cfg.Address != "" && deps.Doors.Addr("hls") == "" {
		time.Sleep(time.Millisecond)
	}
	h.url = "http://" + deps.Doors.Addr("hls")
	return h
}

func (h *house) publish(t *testing.T, formats ...*codec.Format) *media.Publisher {
	t.Helper()
	p, err := h.router.Publish(media.PublishRequest{Identity: pilot, Client: media.Client{Protocol: "test"}, Name: cam, Formats: formats, Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	return p
}

// air publishes the clip at twice its speed until the test ends.
func (h *house) air(t *testing.T, c *clip) *media.Publisher {
	t.Helper()
	p := h.publish(t, c.formats...)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.loop(ctx, p, 2) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return p
}

// get asks for a path; user is "name:password" or empty.
func (h *house) get(t *testing.T, path, user string, header ...string) (*http.Response, string) {
	t.Helper()
	res, body, err := h.try(t.Context(), path, user, header...)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func (h *house) try(ctx context.Context, path, user string, header ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+path, nil)
	if err != nil {
		return nil, "", err
	}
	if name, pw, ok := strings.Cut(user, ":"); ok {
		req.SetBasicAuth(name, pw)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

var uriLine = regexp.MustCompile(`(?m)^(?:[^#\n].*|.*URI="([^"]+)".*)$`)

// uris lists what a playlist names.
func uris(playlist string) []string {
	var out []string
	for _, m := range uriLine.FindAllStringSubmatch(playlist, -1) {
		if m[1] != "" {
			out = append(out, m[1])
		} else {
			out = append(out, m[0])
		}
	}
	return out
}

func TestRealPlayerDecodes(t *testing.T) {
	h264 := []string{"-c:v", "libx264", "-preset", "veryfast"}
	for _, tc := range []struct {
		name, container, variant string
		args                     []string
		streams                  int
	}{
		{"H264+AAC low latency", "ts", LowLatency, append(h264, "-c:a", "aac"), 2},
		{"H264+AAC fmp4", "ts", FMP4, append(h264, "-c:a", "aac"), 2},
		{"H264+AAC mpegts", "ts", MPEGTS, append(h264, "-c:a", "aac"), 2},
		{"H264+Opus", "ts", LowLatency, append(h264, "-c:a", "libopus"), 2},
		{"H264 with B-frames, AAC", "ts", LowLatency, append(h264, "-bf", "2", "-c:a", "aac"), 2},
		{"H265+AAC", "ts", LowLatency, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=30:pools=1", "-c:a", "aac"}, 2},
		{"VP9", "ivf", LowLatency, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"}, 1},
		{"AV1", "ivf", LowLatency, []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"}, 1},
		{"AAC alone", "ts", LowLatency, []string{"-map", "1:a", "-c:a", "aac"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := makeClip(t, tc.container, tc.args...)
			h := start(t, func(c *Config, _ *Deps) { c.Variant = tc.variant })
			p := h.air(t, c)
			n := frames(t, strings.Replace(h.url, "//", "//watch:pw@", 1)+"/uas/cam/index.m3u8", 4*time.Second)
			if len(n) != tc.streams {
				t.Fatalf("%d streams, not %d: %v", len(n), tc.streams, n)
			}
			if tc.name != "AAC alone" && (n["0"] < 110 || n["0"] > 125) {
				t.Errorf("%d video frames in 4 s at 30 per second", n["0"])
			}
			if tc.streams == 2 && n["1"] < 150 {
				t.Errorf("%d audio frames in 4 s", n["1"])
			}
			if in := p.Stream().Info(); in.Readers["hls"] != 1 {
				t.Errorf("readers are %v", in.Readers)
			}
			st := h.Stats()
			if st.BadUnits+st.Restarts+st.Failures > 0 || st.Bytes == 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestEveryRequestIsAuthorised(t *testing.T) {
	h := start(t)
	h.air(t, makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"))

	res, _ := h.get(t, "/uas/cam?x=1", "")
	if res.StatusCode != 302 || res.Header.Get("Location") != "/uas/cam/?x=1" {
		t.Fatalf("%d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	res, body := h.get(t, "/uas/cam/", "watch:pw")
	if res.StatusCode != 200 || !strings.Contains(body, "player.js") {
		t.Fatalf("page: %d %s", res.StatusCode, body)
	}

	_, index := h.get(t, "/uas/cam/index.m3u8", "watch:pw")
	lists := uris(index)
	if len(lists) != 2 {
		t.Fatalf("index names %v:\n%s", lists, index)
	}
	secret := regexp.MustCompile(`session=[A-Z2-7]{26}$`)
	for _, u := range lists {
		if !secret.MatchString(u) {
			t.Fatalf("%q has no secret", u)
		}
	}
	res, list := h.get(t, "/uas/cam/"+lists[0], "")
	if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("playlist: %d %v", res.StatusCode, res.Header)
	}
	var segment string
	for _, u := range uris(list) {
		if !strings.HasPrefix(u, "gap") && !secret.MatchString(u) {
			t.Fatalf("%q has no secret", u)
		}
		if strings.Contains(u, "_seg") {
			segment = u
		}
	}
	plain, _, _ := strings.Cut(segment, "?")

	for _, tc := range []struct {
		name, path, user string
		status           int
		header           []string
	}{
		{"with the secret", "/uas/cam/" + segment, "", 200, nil},
		{"a range", "/uas/cam/" + segment, "", 206, []string{"Range", "bytes=0-9"}},
		{"many ranges", "/uas/cam/" + segment, "", 416, []string{"Range", "bytes=" + strings.Repeat("0-1,", 8) + "2-3"}},
		{"without anything", "/uas/cam/" + plain, "", 401, nil},
		{"wrong secret", "/uas/cam/" + plain + "?session=AAAAAAAAAAAAAAAAAAAAAAAAAA", "", 401, nil},
		{"secret of another stream", "/uas/cam2/" + segment, "", 401, nil},
		{"basic", "/uas/cam/" + plain, "watch:pw", 200, nil},
		{"bearer", "/uas/cam/" + plain, "", 200, []string{"Authorization", "Bearer t0ken"}},
		{"bearer user:password", "/uas/cam/" + plain, "", 200, []string{"Authorization", "Bearer watch:pw"}},
		{"token", "/uas/cam/index.m3u8?token=t0ken", "", 200, nil},
		{"jwt", "/uas/cam/index.m3u8?jwt=t0ken", "", 200, nil},
		{"user and pass", "/uas/cam/index.m3u8?user=watch&pass=pw", "", 200, nil},
		{"wrong password", "/uas/cam/index.m3u8", "watch:no", 401, nil},
		{"unknown user", "/uas/cam/index.m3u8", "nobody:no", 401, nil},
		{"fault of ours", "/uas/cam/index.m3u8", "fault:pw", 503, nil},
		{"another group", "/uas/cam/index.m3u8", "other:pw", 404, nil},
		{"another group's page", "/uas/cam/", "other:pw", 404, nil},
		{"no such stream", "/uas/none/index.m3u8", "watch:pw", 404, nil},
		{"no such stream, nobody", "/uas/none/index.m3u8", "", 401, nil},
		{"locked out", "/uas/cam/index.m3u8", "limited:x", 429, nil},
		{"odd directive", "/uas/cam/" + lists[0] + "&_HLS_msn=-1", "", 400, nil},
		{"far directive", "/uas/cam/" + lists[0] + "&_HLS_msn=4000000", "", 400, nil},
		{"no such file", "/uas/cam/x_seg1.mp4", "watch:pw", 404, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, body := h.get(t, tc.path, tc.user, tc.header...)
			if res.StatusCode != tc.status {
				t.Fatalf("%d, not %d: %.200s", res.StatusCode, tc.status, body)
			}
			if tc.status == 401 && (res.Header.Get("WWW-Authenticate") == "" || body != `{"error":"credentials needed","status":"error"}`+"\n") {
				t.Fatalf("%v %s", res.Header, body)
			}
			if strings.Contains(body, "pw") && tc.status == 200 || strings.Contains(body, "t0ken") {
				t.Fatal("credentials are handed on in the playlist")
			}
		})
	}
	if _, body := h.get(t, "/uas/none/index.m3u8", "watch:pw"); !strings.Contains(body, `"error":"no stream is available on path 'uas/none'"`) {
		t.Fatal(body)
	}
	if res, _ := h.get(t, "/uas/cam/index.m3u8", "limited:x"); res.Header.Get("Retry-After") != "3" {
		t.Fatalf("Retry-After is %q", res.Header.Get("Retry-After"))
	}
	if res, _ := h.get(t, "/uas/cam/index.m3u8", "", "Sec-Fetch-Dest", "empty"); res.Header.Get("WWW-Authenticate") != "" {
		t.Fatal("a script's request is answered with a password dialog")
	}
}

func TestHostilePaths(t *testing.T) {
	h := start(t)
	for _, path := range []string{
		"/", "//", "/index.m3u8", "/../index.m3u8", "/a/../index.m3u8", "/a/%2e%2e/index.m3u8", "/..%2f..%2fetc/passwd/index.m3u8",
		"/.ssh/index.m3u8", "/a//index.m3u8", "//evil.example/", "/%2f%2fevil.example/x", "/a%00/index.m3u8", "/a\\b/index.m3u8",
		"/" + strings.Repeat("a", 200) + "/index.m3u8", "/" + strings.Repeat("a/", 20) + "index.m3u8", "/player.js/", "/a/player.html",
	} {
		res, body, err := h.try(t.Context(), path, "watch:pw")
		if err != nil {
			continue // not even a request
		}
		if res.StatusCode != 400 && res.StatusCode != 404 && res.StatusCode != 302 || strings.Contains(res.Header.Get("Location"), "evil") {
			t.Errorf("%q: %d %q %.100s", path, res.StatusCode, res.Header.Get("Location"), body)
		}
	}
	req, _ := http.NewRequest(http.MethodPost, h.url+"/uas/cam/index.m3u8", strings.NewReader("x"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 405 {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func itoa(n int) string { return strconv.Itoa(n) }
