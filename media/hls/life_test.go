package hls

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// VP9 frames as small as they come: a key frame of 320x240 (profile 0, 8 bit,
// BT.601) and an inter frame.
var (
	vp9Key   = []byte{0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf0, 0x00}
	vp9Inter = []byte{0x86, 0x00, 0x40, 0x92}
)

// bubble is a server without a socket, for tests in fake time.
type bubble struct {
	*house
	pub *media.Publisher
	n   int64
}

func newBubble(t *testing.T, change ...func(*Config, *Deps)) *bubble {
	t.Helper()
	h := start(t, append([]func(*Config, *Deps){func(c *Config, _ *Deps) { c.Address = "" }}, change...)...)
	return &bubble{house: h, pub: h.publish(t, codec.NewVideo(codec.VP9))}
}

// air publishes n frames at 10 per second, every tenth a key frame.
func (b *bubble) air(n int) {
	for range n {
		frame := vp9Inter
		if b.n%10 == 0 {
			frame = vp9Key
		}
		b.pub.Write(0, media.Sample{PTS: b.n * 9000, AU: [][]byte{frame}})
		b.n++
		time.Sleep(100 * time.Millisecond)
	}
}

func (b *bubble) ask(ctx context.Context, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if !strings.Contains(path, "session=") {
		r.SetBasicAuth("watch", "pw")
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

// list asks for the index and returns the address of the media playlist.
func (b *bubble) list(t *testing.T) string {
	t.Helper()
	w := b.ask(t.Context(), "/uas/cam/index.m3u8")
	if w.Code != 200 {
		t.Fatalf("index: %d %s", w.Code, w.Body)
	}
	synctest.Wait() // until the segmenter has read all that the stream holds
	return "/uas/cam/" + uris(w.Body.String())[0]
}

func TestFirstPlaylistIsThereAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(35)
		begin := time.Now()
		b.list(t)
		if took := time.Since(begin); took > 0 {
			t.Fatalf("the first playlist took %v although seconds of media were held", took)
		}
	})
}

func TestIdleClientsAndSegmentersAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(35)
		list := b.list(t)
		for range 5 { // a client that keeps asking stays
			time.Sleep(50 * time.Second)
			if w := b.ask(t.Context(), list); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		time.Sleep(58 * time.Second)
		if st := b.Stats(); st.Sessions != 1 || st.Muxers != 1 {
			t.Fatalf("%+v after 58 s", st)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if st := b.Stats(); st.Sessions != 0 || st.Muxers != 0 || len(b.sessions.List()) != 1 {
			t.Fatalf("%+v after 62 s, %d on the register", st, len(b.sessions.List()))
		}
		if w := b.ask(t.Context(), list); w.Code != 401 {
			t.Fatalf("the old secret: %d", w.Code)
		}
	})
}

func TestWaitingEndsWithTheRequestAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(35)
		list := b.list(t)
		now := b.ask(t.Context(), list).Body.String()
		next := list + "&_HLS_msn=" + itoa(newest(t, now)+2)

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.ask(ctx, next); close(done) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Fatal("the request is still served after its client has gone")
		}

		begin := time.Now()
		if w := b.ask(t.Context(), next); w.Code != 503 || time.Since(begin) != longestWait {
			t.Fatalf("%d after %v", w.Code, time.Since(begin))
		}

		// Many wait: one session may not wait more than maxAtOnce times, and all
		// that ask the same share one answer.
		var wg sync.WaitGroup
		codes := make(chan int, 2*maxAtOnce)
		for range 2 * maxAtOnce {
			wg.Go(func() { codes <- b.ask(t.Context(), next).Code })
		}
		synctest.Wait()
		b.air(15)
		wg.Wait()
		close(codes)
		got := make(map[int]int)
		for c := range codes {
			got[c]++
		}
		if got[200] != maxAtOnce || got[429] != maxAtOnce {
			t.Fatalf("answers by status: %v", got)
		}
	})
}

// newest returns the media sequence number of the newest whole segment.
func newest(t *testing.T, playlist string) int {
	t.Helper()
	m := regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)`).FindStringSubmatch(playlist)
	if m == nil {
		t.Fatalf("no media sequence in\n%s", playlist)
	}
	return atoi(m[1]) + strings.Count(playlist, "#EXTINF") - 1
}

func TestClockAndParametersBeginAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(35)
		list := b.list(t)
		first := b.ask(t.Context(), list).Body.String()
		b.n = 1_000_000 // a jump of a day
		b.air(25)
		second := b.ask(t.Context(), list).Body.String()
		initOf := regexp.MustCompile(`EXT-X-MAP:URI="([^?]+)`)
		if b.Stats().Restarts != 1 || initOf.FindString(first) == initOf.FindString(second) {
			t.Fatalf("%+v\n%s", b.Stats(), second)
		}
		if strings.Contains(second, "#EXT-X-TARGETDURATION:1\n") == false {
			t.Fatalf("the jump is in the playlist:\n%s", second)
		}
	})
}

// TestWhoWaitsIsGivenTheNextSeries asks for a stream that changes before it has a
// segment, as the stream of a room does when a second picture comes on stage.
func TestWhoWaitsIsGivenTheNextSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(3)
		done := make(chan *httptest.ResponseRecorder, 1)
		go func() { done <- b.ask(t.Context(), "/uas/cam/index.m3u8") }()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("there is an index before there is a segment")
		}
		b.n = 1_000_000
		b.air(25)
		if w := <-done; w.Code != 200 || b.Stats().Restarts != 1 {
			t.Fatalf("%d %s after %+v", w.Code, w.Body, b.Stats())
		}
	})
}

func TestGarbageCostsTheSegmenterOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(35)
		list := b.list(t)
		for range 2 * maxRefused {
			b.pub.Write(0, media.Sample{PTS: b.n * 9000, AU: [][]byte{{0xff}}})
			b.n++
		}
		synctest.Wait()
		if st := b.Stats(); st.Failures != 1 || st.Muxers != 1 || st.Sessions != 1 {
			t.Fatalf("%+v", st)
		}
		b.n += 10 - b.n%10
		b.air(35)
		if w := b.ask(t.Context(), list); w.Code != 200 || b.Stats().Restarts != 1 {
			t.Fatalf("no new segments: %d %s, %+v", w.Code, w.Body, b.Stats())
		}
	})
}

func TestTooManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.air(35)
		oldest := b.list(t)
		for range maxPerUser {
			time.Sleep(time.Millisecond)
			b.list(t)
		}
		if n := b.Stats().Sessions; n != maxPerUser {
			t.Fatalf("%d sessions", n)
		}
		if w := b.ask(t.Context(), oldest); w.Code != 401 {
			t.Fatalf("the session unused longest: %d", w.Code)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *Config, _ *Deps) { c.MaxSessions = 1 })
		b.air(35)
		b.list(t)
		if w := b.ask(t.Context(), "/uas/cam/index.m3u8"); w.Code != 503 {
			t.Fatalf("over the limit: %d", w.Code)
		}
	})
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"variant":        func(c *Config) { c.Variant = "dash" },
		"segments":       func(c *Config) { c.SegmentCount = 6 },
		"segment length": func(c *Config) { c.SegmentDuration = 0 },
		"part length":    func(c *Config) { c.PartDuration = 2 * time.Second },
		"size":           func(c *Config) { c.SegmentMaxSize = 1 },
		"idle":           func(c *Config) { c.CloseAfter = 0 },
		"sessions":       func(c *Config) { c.MaxSessions = 0 },
		"origin":         func(c *Config) { c.AllowOrigins = []string{"example.org"} },
	} {
		c := DefaultConfig()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if change(&c); c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzPath(f *testing.F) {
	f.Add("/cam/index.m3u8", "_HLS_msn=7&_HLS_part=3")
	f.Add("/a/../../etc/passwd.mp4", "_HLS_skip=YES")
	f.Add("//evil/", "session=%00")
	h := &Server{cfg: DefaultConfig(), deps: Deps{Auth: fakeAuth{}}}
	f.Fuzz(func(t *testing.T, path, query string) {
		dir, file := split(path)
		if name, err := safename.Parse(dir); err == nil && strings.Contains(name.String(), "..") && strings.Contains("/"+name.String(), "/..") {
			t.Fatalf("%q is let through", path)
		}
		if strings.ContainsRune(file, '/') || len(file) > maxFile {
			t.Fatalf("file %q", file)
		}
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
		r.URL = mustURL(path, query)
		if q, err := lowLatencyQuery(r.URL.Query()); err == nil && len(q) > 60 {
			t.Fatalf("directives %q", q)
		}
		_, _ = h.authenticate(r, r.URL.Query())
	})
}

func mustURL(path, query string) *url.URL { return &url.URL{Path: path, RawQuery: query} }
