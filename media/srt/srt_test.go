package srt

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media"
)

func TestStreamIDs(t *testing.T) {
	for _, tc := range []struct {
		id, name          string
		publish           bool
		user, pass, token string
		err               error
	}{
		{"publish:cam", "cam", true, "", "", "", nil},
		{"read:a/b", "a/b", false, "", "", "", nil},
		{"publish:cam:token=t%26", "cam", true, "", "", "t&", nil},
		{"publish:cam:user=u&pass=p", "cam", true, "u", "p", "", nil},
		{"publish:cam:u:p", "cam", true, "u", "p", "", nil},
		{"read:cam:u:p:jwt=t", "cam", false, "u", "p", "t", nil},
		{"read:cam:u:p:user=x&pass=y", "cam", false, "u", "p", "", nil},
		{"read:cam::key", "cam", false, "", "", "key", nil},
		{"read:cam:key:", "cam", false, "", "", "key", nil},
		{"publish:cam?token=t", "cam", true, "", "", "t", nil},
		{"publish:cam:u:p#feedbackplay", "cam", true, "u", "p", "", nil},
		{"#!::m=publish,r=cam,u=u,s=p", "cam", true, "u", "p", "", nil},
		{"#!::r=cam,m=request,h=host,t=stream", "cam", false, "", "", "", nil},
		{"#!::r=cam,s=key", "cam", false, "", "", "key", nil},
		{"#!::m=bidirectional,r=cam", "", false, "", "", "", errMode},
		{"#!::m=publish", "", false, "", "", "", errStreamID},
		{"#!::publish", "", false, "", "", "", errStreamID},
		{"", "", false, "", "", "", errStreamID},
		{"cam", "", false, "", "", "", errStreamID},
		{"play:cam", "", false, "", "", "", errMode},
		{"publish:", "", false, "", "", "", errStreamID},
		{"publish:../x", "", false, "", "", "", errStreamID},
		{"publish:a:b:c:d:e", "", false, "", "", "", errStreamID},
		{"publish:" + strings.Repeat("a", 600), "", false, "", "", "", errStreamID},
	} {
		r, err := parseStreamID(tc.id)
		if !errors.Is(err, tc.err) || tc.err == nil && err != nil {
			t.Errorf("%q: %v", tc.id, err)
			continue
		}
		if r.name.String() != tc.name || r.publish != tc.publish || r.proof.User != tc.user || r.proof.Password != tc.pass || r.proof.Token != tc.token {
			t.Errorf("%q: %+v", tc.id, r)
		}
	}
}

func FuzzStreamID(f *testing.F) {
	f.Add("publish:cam:u:p:token=x#feedbackplay")
	f.Add("#!::m=publish,r=cam?x=y,u=u,s=p")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseStreamID(s)
		if err == nil && r.name.IsZero() {
			t.Fatal("no name and no error")
		}
		if err != nil && !errors.Is(err, errStreamID) && !errors.Is(err, errMode) {
			t.Fatal(err)
		}
	})
}

func TestFFmpegPublishesAndReads(t *testing.T) {
	for _, tc := range []struct {
		name         string
		args         []string
		publish      string
		read         string
		video, audio bool
	}{
		{"h264 aac, plain form", cat(picture, tone, x264, aac), "publish:cam:pilot:pilot", "read:cam:pilot:pilot", true, true},
		{"b-frames, token", cat(picture, tone, bframes, aac), "publish:cam:token=s3cret", "read:cam:token=s3cret", true, true},
		{"h265 aac, standard form", cat(picture, tone, x265, aac), "#!::m=publish,r=cam,u=pilot,s=pilot", "#!::m=request,r=cam,u=watch,s=watch", true, true},
		{"h264 opus", cat(picture, tone, x264, []string{"-c:a", "libopus"}), "publish:cam:pilot:pilot:x=y", "read:cam:s3cret:", true, true},
		{"h264 mp3", cat(picture, tone, x264, []string{"-c:a", "libmp3lame"}), "publish:cam:pilot:pilot#feedbackplay", "read:cam::s3cret", true, true},
		{"ac3 only", cat(tone, []string{"-c:a", "ac3"}), "publish:cam:pilot:pilot", "read:cam:pilot:pilot", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, nil)
			ffmpeg(t, append(tc.args, "-f", "mpegts", h.url(tc.publish))...)
			s := h.live(t, "cam")
			video, audio := decoded(t, h.url(tc.read))
			t.Logf("%v: %d video, %d audio frames; %s", s.Info().Tracks, video, audio, line(h.log.String(), "publisher ready"))
			if tc.video && video < 30 || tc.audio && audio < 8 {
				t.Fatalf("%d video and %d audio frames decoded", video, audio)
			}
		})
	}
}

func line(s, part string) string {
	for l := range strings.Lines(s) {
		if strings.Contains(l, part) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func TestPassphrase(t *testing.T) {
	h := newHouse(t, map[string]media.PathConfig{
		"cam": {PublishPassphrase: "for publishing", ReadPassphrase: "for reading only"},
	}, func(c *Config, _ *Deps) { c.Passphrase = "for the rest of them" })
	ffmpeg(t, cat(picture, tone, x264, aac, []string{"-f", "mpegts", h.url("publish:cam:pilot:pilot", "&passphrase=for+publishing")})...)
	h.live(t, "cam")
	if video, audio := decoded(t, h.url("read:cam:pilot:pilot", "&passphrase=for+reading+only")); video < 30 || audio < 8 {
		t.Fatalf("%d video and %d audio frames decoded", video, audio)
	}
	for _, tc := range []struct {
		name, id, pass string
		want           gosrt.RejectionReason
	}{
		{"none", "read:cam:pilot:pilot", "", rejectUnsecure},
		{"that of publishers", "read:cam:pilot:pilot", "for publishing", rejectBadSecret},
		{"wrong, publishing", "publish:cam:pilot:pilot", "for reading only", rejectBadSecret},
		{"none, publishing elsewhere", "publish:other:pilot:pilot", "", rejectUnsecure},
		{"right, wrong login", "read:cam:pilot:x", "for reading only", rejectLogin},
	} {
		t.Run(tc.name, func(t *testing.T) { refused(t, h, tc.id, tc.pass, tc.want) })
	}
}

// refused calls and expects to be turned away with reason want.
func refused(t *testing.T, h *house, id, passphrase string, want gosrt.RejectionReason) {
	t.Helper()
	cfg := gosrt.DefaultConfig()
	cfg.StreamId, cfg.Passphrase = id, passphrase
	before := len(h.log.String())
	c, err := gosrt.Dial("srt", h.addr, cfg)
	if err == nil {
		c.Close()
		t.Fatal("let in")
	}
	eventually(t, "a refusal in the log", func() bool { return line(h.log.String()[before:], "msg=refused") != "" })
	if got := line(h.log.String()[before:], "msg=refused"); !strings.Contains(got, fmt.Sprintf("code=%d ", want)) {
		t.Fatalf("%s; not with code %d", got, want)
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, nil)
	ffmpeg(t, cat(picture, x264, []string{"-f", "mpegts", h.url("publish:cam:pilot:pilot")})...)
	h.live(t, "cam")
	for _, tc := range []struct {
		name, id string
		want     gosrt.RejectionReason
	}{
		{"no stream id", "", rejectBadRequest},
		{"bad name", "publish:../x:pilot:pilot", rejectBadRequest},
		{"both ways", "#!::m=bidirectional,r=cam", rejectBadMode},
		{"no credentials", "publish:new", rejectLogin},
		{"wrong password", "publish:new:pilot:x", rejectLogin},
		{"no right", "publish:new:watch:watch", rejectForbidden},
		{"another's stream", "publish:cam:rival:rival", rejectConflict},
		{"not there", "read:none:pilot:pilot", rejectNotFound},
		{"another group's", "read:cam:other:other", rejectNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) { refused(t, h, tc.id, "", tc.want) })
	}
	t.Run("unexpected passphrase", func(t *testing.T) { refused(t, h, "read:cam:pilot:pilot", "1234567890", rejectUnsecure) })
}

// TestSlowLoginsHoldUpNobody fills all but one place with logins that take a
// second; another caller gets in meanwhile, and what is beyond the limit is told.
func TestSlowLoginsHoldUpNobody(t *testing.T) {
	h := newHouse(t, nil, func(c *Config, _ *Deps) { c.MaxPending = 4 })
	var wg sync.WaitGroup
	call := func(id string) {
		wg.Go(func() {
			cfg := gosrt.DefaultConfig()
			cfg.StreamId = id
			if c, err := gosrt.Dial("srt", h.addr, cfg); err == nil {
				c.Close()
			}
		})
	}
	for range 3 {
		call("read:cam:slow:x")
	}
	eventually(t, "the slow logins", func() bool { return len(h.pending) == 3 })
	start := time.Now()
	refused(t, h, "read:cam:pilot:pilot", "", rejectNotFound)
	if d := time.Since(start); d > 700*time.Millisecond {
		t.Errorf("took %s", d)
	}
	call("read:cam:slow:x")
	eventually(t, "the fourth", func() bool { return len(h.pending) == 4 })
	before := h.Stats().Refused
	call("read:cam:pilot:pilot")
	eventually(t, "the fifth to be told", func() bool { return h.Stats().Refused == before+1 })
	wg.Wait()
}

func TestTooManyConnections(t *testing.T) {
	h := newHouse(t, nil, func(_ *Config, d *Deps) { d.Conns = oneAddress{0} })
	refused(t, h, "publish:cam:pilot:pilot", "", rejectOverload)
}

func TestKick(t *testing.T) {
	h := newHouse(t, nil)
	ffmpeg(t, cat(picture, x264, []string{"-f", "mpegts", h.url("publish:cam:pilot:pilot")})...)
	s := h.live(t, "cam")
	ffmpeg(t, "-i", h.url("read:cam:pilot:pilot"), "-f", "null", "-")
	eventually(t, "the reader", func() bool { return s.Info().Readers["srt"] == 1 })
	start := time.Now()
	for _, a := range []auth.Action{auth.Read, auth.Publish} {
		for _, ses := range h.sessions.List() {
			if ses.Action == a {
				h.sessions.Kick(ses.ID)
			}
		}
	}
	eventually(t, "both to end", func() bool { return h.Stats().Open == 0 && len(h.sessions.List()) == 0 })
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %s", d)
	}
}

// TestBrokenHandshakes sends datagrams that the library cannot read; others are
// served as before.
func TestBrokenHandshakes(t *testing.T) {
	h := newHouse(t, nil)
	c, err := net.Dial("udp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hello := make([]byte, 16+48)
	hello[0] = 0x80                                     // control packet, handshake
	hello[16+3] = 5                                     // version
	hello[16+7] = 1                                     // extensions follow
	copy(hello[16+20:], []byte{0xFF, 0xFF, 0xFF, 0xFF}) // conclusion
	for _, tail := range [][]byte{{0}, {0, 1, 0}, {0, 1, 0, 3, 0, 0}, {0, 5, 0, 200}, {0, 3, 0, 1, 1, 2, 3, 4, 9}} {
		c.Write(append(bytes.Clone(hello), tail...))
		c.Write(hello[:20])
		c.Write(tail)
	}
	eventually(t, "them to be counted", func() bool { return h.Stats().Malformed >= 2 })
	refused(t, h, "read:none:pilot:pilot", "", rejectNotFound)
}

// TestDataAheadOfItsTime stamps packets a minute into the future, so that the
// library keeps them: the connection is ended before they fill the memory.
func TestDataAheadOfItsTime(t *testing.T) {
	h := tunedHouse(t, nil, func(s *Server) { s.maxAhead = 2000 })
	cfg := gosrt.DefaultConfig()
	cfg.StreamId = "publish:cam:pilot:pilot"
	cfg.ReceiverLatency, cfg.PeerLatency = 60*time.Second, 60*time.Second // the sender may ask for that much
	c, err := gosrt.Dial("srt", h.addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the caller", func() bool { return h.Stats().Open == 1 })
	payload := make([]byte, 188)
	for start := time.Now(); h.Stats().Open == 1; {
		for range 100 {
			c.Write(payload)
		}
		time.Sleep(2 * time.Millisecond)
		if time.Since(start) > 15*time.Second {
			t.Fatal("still connected")
		}
	}
	eventually(t, "the reason in the log", func() bool { return strings.Contains(h.log.String(), errTooMuch.Error()) })
}

func TestBusyPortIsExplained(t *testing.T) {
	h := newHouse(t, nil)
	cfg := DefaultConfig()
	cfg.Address = h.addr
	s, err := New(cfg, Deps{Router: h.router, Auth: fakeAuth{}, Doors: run.NewDoors(), Log: h.Server.log})
	if err != nil {
		t.Fatal(err)
	}
	var busy *run.BindError
	if err := s.Run(t.Context()); !errors.As(err, &busy) {
		t.Fatalf("%v", err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Address = "8890" }, func(c *Config) { c.Latency = 0 }, func(c *Config) { c.Passphrase = "short" },
		func(c *Config) { c.IdleTimeout = 0 }, func(c *Config) { c.MaxPending = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
}
