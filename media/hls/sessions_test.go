package hls

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/media/codec"
)

func TestKickReachesWaitingRequests(t *testing.T) {
	h := start(t)
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	p := h.publish(t, c.formats...)
	for _, u := range c.units { // then silence: the next part never comes
		c.write(p, u, 0)
	}
	_, index := h.get(t, "/uas/cam/index.m3u8", "watch:pw")
	list := "/uas/cam/" + uris(index)[1]
	media := h.settled(t, list)
	var segment string
	for _, u := range uris(media) {
		if strings.Contains(u, "_seg") {
			segment = "/uas/cam/" + u
		}
	}

	type result struct {
		status int
		err    error
	}
	waiting := make(chan result)
	seq := regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)`).FindStringSubmatch(media)
	if seq == nil {
		t.Fatal(media)
	}
	next := strings.Count(media, "#EXTINF")
	go func() {
		res, _, err := h.try(context.Background(), list+"&_HLS_msn="+itoa(atoi(seq[1])+next)+"&_HLS_part=99", "")
		if err != nil {
			waiting <- result{err: err}
			return
		}
		waiting <- result{status: res.StatusCode}
	}()
	select {
	case r := <-waiting:
		t.Fatalf("the blocking reload did not wait: %+v", r)
	case <-time.After(300 * time.Millisecond):
	}
	if n := h.sessions.Revalidate(func(auth.SessionInfo) bool { return true }, func(id auth.Identity) (auth.Identity, error) {
		if id.User == "watch" {
			return auth.Identity{}, errors.New("disabled")
		}
		return id, nil
	}); n != 1 {
		t.Fatalf("%d sessions were revoked", n)
	}
	select {
	case r := <-waiting:
		if r.status != 401 {
			t.Fatalf("the waiting request got %+v", r)
		}
	case <-time.After(time.Second):
		t.Fatal("the waiting request is still waiting")
	}
	if res, _ := h.get(t, segment, ""); res.StatusCode != 401 {
		t.Fatalf("the next segment: %d", res.StatusCode)
	}
	if in := p.Stream().Info(); len(in.Readers) != 0 {
		t.Fatalf("readers are %v", in.Readers)
	}
}

func TestStreamEndsForItsClients(t *testing.T) {
	h := start(t)
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	p := h.publish(t, c.formats...)
	for _, u := range c.units {
		c.write(p, u, 0)
	}
	_, index := h.get(t, "/uas/cam/index.m3u8", "watch:pw")
	p.Close(nil)
	deadline := time.Now().Add(time.Second)
	for h.Stats().Sessions+h.Stats().Muxers > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if st := h.Stats(); st.Sessions+st.Muxers > 0 || len(h.sessions.List()) > 0 {
		t.Fatalf("%+v %v", st, h.sessions.List())
	}
	if res, _ := h.get(t, "/uas/cam/"+uris(index)[1], "watch:pw"); res.StatusCode != 404 {
		t.Fatalf("%d", res.StatusCode)
	}
}

func TestUnsupportedSaysWhy(t *testing.T) {
	h := start(t)
	h.publish(t, codec.NewVideo(codec.VP8), &codec.Format{Codec: codec.G711, ClockRate: 8000, Channels: 1})
	res, body := h.get(t, "/uas/cam/index.m3u8", "watch:pw")
	if res.StatusCode != 406 || !strings.Contains(body, "this stream has VP8 and G711; HLS carries AV1, VP9, H265, H264, Opus and AAC") {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	if st := h.Stats(); st.Muxers != 0 || st.Sessions != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestOrigins(t *testing.T) {
	h := start(t, func(c *Config, _ *Deps) { c.AllowOrigins = []string{"https://a.example"} })
	for origin, want := range map[string]string{"https://a.example": "https://a.example", "https://b.example": "", "": ""} {
		res, _ := h.get(t, "/uas/cam/index.m3u8", "", "Origin", origin)
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != want || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%q may read as %q", origin, got)
		}
	}
}

func TestCookieOfTheWebServer(t *testing.T) {
	h := start(t, func(_ *Config, d *Deps) {
		d.IdentityOf = func(r *http.Request) (auth.Identity, bool) {
			_, err := r.Cookie("muster")
			return watch, err == nil
		}
	})
	h.air(t, makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"))
	if res, body := h.get(t, "/uas/cam/index.m3u8", "", "Cookie", "muster=1"); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	if res, _ := h.get(t, "/uas/cam/index.m3u8", "watch:no", "Cookie", "muster=1"); res.StatusCode != 401 {
		t.Fatal("wrong credentials fall back to the cookie")
	}
}
