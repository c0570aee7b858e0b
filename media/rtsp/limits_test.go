package rtsp

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/media"
	"muster/media/codec"
)

// TestMalformed sends what is not RTSP; each connection ends with 400 or at once.
func TestMalformed(t *testing.T) {
	r := start(t, nil)
	for name, in := range map[string]string{
		"HTTP":                   "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"TLS":                    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"no CSeq":                "OPTIONS * RTSP/1.0\r\n\r\n",
		"CSeq no number":         "OPTIONS * RTSP/1.0\r\nCSeq: x\r\n\r\n",
		"no request line":        "OPTIONS\r\n\r\n",
		"header without a name":  "OPTIONS * RTSP/1.0\r\n: x\r\n\r\n",
		"control character":      "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: a\x00b\r\n\r\n",
		"long line":              "OPTIONS " + strings.Repeat("a", maxLine) + " RTSP/1.0\r\n",
		"many headers":           "OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: y\r\n", 200),
		"large header":           "OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 8000)+"\r\n", 9),
		"large body":             "ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 70000\r\n\r\n",
		"negative body":          "ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
		"two lengths":            "ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"version":                "OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n",
		"media before the login": "$\x00\x00\x04aaaa",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, r)
			io.WriteString(c.nc, in)
			c.nc.SetReadDeadline(time.Now().Add(2 * time.Second))
			out, err := io.ReadAll(c.br)
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the connection stays")
			}
			if len(out) > 0 && !strings.HasPrefix(string(out), "RTSP/1.0 400 ") && !strings.HasPrefix(string(out), "RTSP/1.0 505 ") {
				t.Errorf("answered %q", out)
			}
		})
	}
}

func TestKickEndsAtOnce(t *testing.T) {
	r := start(t, nil)
	feed(t, r.router, "cam", 20000, 10, 5*time.Millisecond)
	c := dial(t, r).login()
	c.do("SETUP", "cam/trackID=0", tcp01)
	c.do("PLAY", "cam")
	time.Sleep(200 * time.Millisecond) // the client reads nothing: its writer blocks
	begin := time.Now()
	for _, s := range r.sessions.List() {
		if s.Action == auth.Read {
			r.sessions.Kick(s.ID)
		}
	}
	wait(t, time.Second, "the connection to end", func() bool { return r.Stats().Conns == 0 })
	t.Logf("ended after %s", time.Since(begin))
	if !c.closed(time.Second) {
		t.Error("the client still has its connection")
	}
}

// TestSlowReader lets a player stop reading: it misses whole groups of pictures,
// sees no gap in the numbers, and gets little that is old.
func TestSlowReader(t *testing.T) {
	r := start(t, func(_ *Config, hub *media.Config) { hub.MaxLag = 300 * time.Millisecond })
	feed(t, r.router, "cam", 20000, 10, 10*time.Millisecond) // 2 MB/s
	c := dial(t, r).login()
	c.nc.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.do("SETUP", "cam/trackID=0", tcp01)
	c.do("PLAY", "cam")
	c.frame()
	time.Sleep(2 * time.Second)
	var seq uint16
	var stamp uint32
	before, jumped := 0, false
	for i := range 2000 {
		ch, p := c.frame()
		if ch != 0 {
			continue
		}
		if n := binary.BigEndian.Uint16(p[2:]); i > 0 && seq != 0 && n != seq+1 {
			t.Fatalf("packet %d after %d", n, seq)
		} else {
			seq = n
		}
		now := codec.PacketTimestamp(p)
		if stamp != 0 && now-stamp > 45000 {
			jumped = true
		}
		if !jumped {
			before += len(p)
		}
		stamp = now
	}
	t.Logf("%d KiB were on their way to the stalled player", before>>10)
	if !jumped {
		t.Error("the player was not moved to the present")
	}
	if before > 1<<20 {
		t.Error("that is too much")
	}
}

// TestSilence checks the deadlines with a clock that a test can move on.
func TestSilence(t *testing.T) {
	for _, tc := range []struct {
		name  string
		until time.Duration // the connection is to end after this
		do    func(c *raw)
	}{
		{"nothing is said", 10 * time.Second, func(*raw) {}},
		{"half a request", 10 * time.Second, func(c *raw) { io.WriteString(c.nc, "OPTIONS * RT") }},
		{"no login", 30 * time.Second, func(c *raw) {
			for range 5 {
				c.do("OPTIONS", "*")
				time.Sleep(5 * time.Second)
			}
			c.do("OPTIONS", "*")
		}},
		{"a login that nobody uses", 125 * time.Second, func(c *raw) {
			c.login().do("DESCRIBE", "cam")
			c.auth = ""
			time.Sleep(30 * time.Second)
			if res := c.do("DESCRIBE", "cam"); res.code != 200 {
				c.t.Errorf("within its life: %d", res.code)
			}
			time.Sleep(35 * time.Second)
			if res := c.do("DESCRIBE", "cam"); res.code != 401 {
				c.t.Errorf("after a minute: %d", res.code)
			}
		}},
		{"a silent player", 60 * time.Second, func(c *raw) {
			c.login().do("SETUP", "cam/trackID=0", tcp01)
			c.do("PLAY", "cam")
			go io.Copy(io.Discard, c.br)
		}},
		{"a player that reports", 180 * time.Second, func(c *raw) {
			c.login().do("SETUP", "cam/trackID=0", tcp01)
			c.do("PLAY", "cam")
			go io.Copy(io.Discard, c.br)
			for range 130 / 10 {
				fmt.Fprintf(c.nc, "$\x01\x00\x08\x80\xc9\x00\x01aaaa")
				time.Sleep(10 * time.Second) // the last one after 120 s
			}
		}},
		{"a silent publisher", 10 * time.Second, func(c *raw) {
			c.login().send("ANNOUNCE", "new", sdpVP8)
			c.read()
			c.do("SETUP", "new/streamid=0", tcp01)
			c.do("RECORD", "new")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testSilence(t, tc.until, tc.do) })
		})
	}
}

func testSilence(t *testing.T, until time.Duration, do func(c *raw)) {
	router := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), discard)
	s, err := New(DefaultConfig(), Deps{Router: router, Auth: &fakeAuth{}, Doors: run.NewDoors(), Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	feedQuietly(t, router, "cam")
	begin := time.Now()
	client, server := net.Pipe()
	ended := make(chan time.Duration, 1)
	go func() {
		s.ServeConn(t.Context(), server)
		ended <- time.Since(begin)
	}()
	c := &raw{t: t, nc: client, base: "rtsp://host/"}
	c.br = newReader(client)
	do(c)
	if got := <-ended; got < until-2*time.Second || got > until+2*time.Second {
		t.Errorf("ended after %s, want %s", got, until)
	}
	client.Close()
}

// TestReceiverReports checks that a publisher hears how its media arrives.
func TestReceiverReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		router := media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), discard)
		s, err := New(DefaultConfig(), Deps{Router: router, Auth: &fakeAuth{}, Doors: run.NewDoors(), Log: discard})
		if err != nil {
			t.Fatal(err)
		}
		client, server := net.Pipe()
		ended := make(chan struct{})
		go func() { defer close(ended); s.ServeConn(t.Context(), server) }()
		c := &raw{t: t, nc: client, base: "rtsp://host/", br: newReader(client)}
		c.login().send("ANNOUNCE", "new", sdpVP8)
		c.read()
		c.do("SETUP", "new/streamid=0", tcp01)
		c.do("RECORD", "new")
		go func() {
			for i := range 12 {
				fmt.Fprintf(client, "$\x00\x00\x19\x80\xe0\x00%c\x00\x00\x10\x00\x00\x00\x00\x01\x10\x00\x00key frame!", i)
				time.Sleep(500 * time.Millisecond)
			}
		}()
		c.nc.SetReadDeadline(time.Time{})
		ch, rr := c.frame()
		if ch != 1 || len(rr) != 32 || rr[1] != rtcpReceiverReport || binary.BigEndian.Uint32(rr[8:]) != 1 {
			t.Errorf("channel %d: % x", ch, rr)
		}
		time.Sleep(time.Second)
		client.Close()
		<-ended
	})
}
