package srt

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
	"muster/media/pull"
)

// fetching fetches one stream into a hub of its own until the test ends.
func fetching(t *testing.T, address string) (*media.Router, *pull.Manager, *syncBuffer) {
	t.Helper()
	out := &syncBuffer{}
	log := slog.New(slog.NewTextHandler(out, nil))
	cfg := media.DefaultConfig()
	cfg.Paths = map[string]media.PathConfig{"cam": {Source: address, Groups: []string{"red"}}}
	router := media.New(cfg, auth.NewSessions(nil), bus.New(), log)
	resolve := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	settings := pull.DefaultConfig()
	settings.Timeout = 2 * time.Second
	m, err := pull.New(settings, pull.Deps{Router: router, Log: log, Resolve: resolve, Guard: resolve, Schemes: map[string]pull.Scheme{"srt": Pull()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetPaths(cfg.Paths); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	panics := run.Panics()
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if run.Panics() != panics {
			t.Error("something panicked")
		}
		if s := out.String(); strings.Contains(s, "s3cret") || strings.Contains(s, passphrase) {
			t.Error("a secret is in the log")
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return router, m, out
}

const passphrase = "a-long-passphrase"

func find(r *media.Router) *media.Stream {
	s, err := r.Find(auth.System("test"), safename.MustParse("cam"))
	if err != nil {
		return nil
	}
	return s
}

// count reads until the video has brought n units and everything else a tenth of
// that: transport streams carry sound in larger pieces.
func count(t *testing.T, r *media.Router, n int) {
	t.Helper()
	var s *media.Stream
	eventually(t, "the stream", func() bool { s = find(r); return s != nil })
	rd, err := r.Tap(s, media.StartCatchup)
	if err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(20*time.Second, func() { rd.Close(errors.New("too slow")) })
	defer stop.Stop()
	defer rd.Close(nil)
	seen, batch := make(map[int]int), make([]media.Delivery, 64)
	for enough := false; !enough; {
		got, err := rd.Pull(batch)
		if err != nil {
			t.Fatalf("saw %v, then: %v", seen, err)
		}
		for _, d := range batch[:got] {
			seen[d.Unit.Track.Index]++
		}
		enough = true
		for i := range s.Tracks {
			enough = enough && (seen[i] >= n || i > 0 && seen[i] >= n/10)
		}
	}
}

// TestPullFromOurselves fetches what FFmpeg has published at a server, with and
// without encryption and by both forms of stream ids.
func TestPullFromOurselves(t *testing.T) {
	h := newHouse(t, map[string]media.PathConfig{"safe": {ReadPassphrase: passphrase}})
	for _, name := range []string{"open", "safe"} {
		ffmpeg(t, cat(picture, tone, x264, aac, []string{"-f", "mpegts", h.url("publish:" + name + ":pilot:pilot")})...)
		h.live(t, name)
	}
	for _, c := range []struct{ name, query, wrong string }{
		{"plain", "streamid=read:open::s3cret", ""}, {"standard", "streamid=#!::r=open,u=pilot,s=pilot&latency=300", ""},
		{"encrypted", "streamid=read:safe:pilot:pilot&passphrase=" + passphrase, ""}, {"encrypted, long key", "streamid=read:safe:pilot:pilot&pbkeylen=32&passphrase=" + passphrase, ""},
		{"wrong passphrase", "streamid=read:safe:pilot:pilot&passphrase=another-passphrase", "the passphrase is wrong"},
		{"no passphrase", "streamid=read:safe:pilot:pilot", "a passphrase is wanted"}, {"passphrase for nothing", "streamid=read:open:pilot:pilot&passphrase=" + passphrase, "a passphrase is wanted, or none"},
		{"wrong password", "streamid=read:open:pilot:wrong", "the login is wrong"}, {"no such stream", "streamid=read:none:pilot:pilot", "it has no such stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			router, _, log := fetching(t, "srt://"+h.addr+"?"+c.query)
			if c.wrong != "" {
				eventually(t, "the reason", func() bool { return strings.Contains(log.String(), c.wrong) })
				return
			}
			count(t, router, 60)
			if in := find(router).Info(); in.Protocol != "srt" || len(in.Tracks) != 2 || in.Groups[0] != "red" {
				t.Errorf("%+v", in)
			}
		})
	}
}

// TestPullFromLibsrt fetches from another listener, which goes and comes back.
func TestPullFromLibsrt(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "srt://" + c.LocalAddr().String()
	c.Close()
	listen := func() func() {
		p := ffmpeg(t, cat(picture, tone, x264, aac, []string{"-f", "mpegts", address + "?mode=listener&passphrase=" + passphrase})...)
		return func() { p.Process.Kill(); p.Wait() }
	}
	stop := listen()
	router, m, log := fetching(t, address+"?passphrase="+passphrase)
	count(t, router, 60)
	stop()
	eventually(t, "the end", func() bool { return find(router) == nil })
	eventually(t, "the reason", func() bool { return strings.Contains(log.String(), "a source ended") })
	listen()
	count(t, router, 60)
	if err := m.SetPaths(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end", func() bool { return find(router) == nil })
}

// lossy is a relay that drops and doubles datagrams of media.
func lossy(t *testing.T, to string) (address string) {
	t.Helper()
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	remote, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	out, err := net.DialUDP("udp", nil, remote)
	if err != nil {
		t.Fatal(err)
	}
	var client netip.AddrPort
	known, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			n, from, err := in.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if !client.IsValid() {
				client = from
				close(known)
			}
			out.Write(b[:n])
		}
	}()
	back := make(chan struct{})
	go func() {
		defer close(back)
		b := make([]byte, 2048)
		for i := 0; ; i++ {
			n, err := out.Read(b)
			if err != nil {
				return
			}
			<-known
			media := b[0]&0x80 == 0
			if media && i%10 == 0 {
				continue
			}
			in.WriteToUDPAddrPort(b[:n], client)
			if media && i%7 == 0 {
				in.WriteToUDPAddrPort(b[:n], client)
			}
		}
	}()
	t.Cleanup(func() {
		in.Close()
		out.Close()
		<-done
		<-back
	})
	return in.LocalAddr().String()
}

func TestPullMakesUpForLoss(t *testing.T) {
	h := newHouse(t, nil)
	ffmpeg(t, cat(picture, tone, x264, aac, []string{"-f", "mpegts", h.url("publish:cam:pilot:pilot")})...)
	h.live(t, "cam")
	router, _, log := fetching(t, "srt://"+lossy(t, h.addr)+"?streamid=read:cam:pilot:pilot&latency=400")
	count(t, router, 150)
	if strings.Contains(log.String(), "damaged") {
		t.Error("something was lost")
	}
}

func TestPullAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"srt://h:1": true, "srt://h:1?streamid=a&mode=caller&pkt_size=1316": true, "srt://[::1]:1?latency=20&pbkeylen=0": true,
		"srt://h": false, "srt://u:p@h:1": false, "srt://h:1?mode=listener": false, "srt://h:1?passphrase=short": false, "srt://h:1?latency=1": false,
		"srt://h:1?latency=x": false, "srt://h:1?pbkeylen=17": false, "srt://h:1?streamid=" + strings.Repeat("x", 513): false, "srt://h:1?%zz": false, "rtsp://h:1": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := Pull().Check(u); (err == nil) != ok {
			t.Errorf("%.60s: %v", address, err)
		}
	}
	u, _ := url.Parse("srt://h:1?latency=200&streamid=#!::m=request,r=a/b")
	if o, err := parseAddress(u); err != nil || o.streamID != "#!::m=request,r=a/b" || o.latency != 200*time.Millisecond {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestPullFollowsTheSourcesClock: neither a clock that is slower or faster by a
// ten-thousandth nor one that wraps round makes packets late.
func TestPullFollowsTheSourcesClock(t *testing.T) {
	for _, rate := range []float64{1, 1.0001, 0.9999} {
		var k sendClock
		start := uint32(0xffff_ffff - 30_000_000)
		k.begin(start, 1000)
		for s := range 4 * 3600 {
			for i := range int64(10) {
				at := int64(s)*1_000_000 + i*100_000
				jitter := (at / 100_000 % 7) * 1000
				sent := start + uint32(int64(float64(at)*rate))
				if off := k.local(sent, 1000+at+jitter, false) - (1000 + at); off > 5000 || off < -5000 {
					t.Fatalf("rate %f: off by %d µs after %d s", rate, off, s)
				}
			}
		}
	}
}

// script is a connection on which the source says what is in it.
type script struct{ say [][]byte }

func (s *script) Read(b []byte) (int, error) {
	if len(s.say) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, s.say[0])
	s.say = s.say[1:]
	return n, nil
}
func (*script) Write(b []byte) (int, error)      { return len(b), nil }
func (*script) Close() error                     { return nil }
func (*script) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (*script) RemoteAddr() net.Addr             { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// FuzzPull lets a source answer whatever. Datagrams are divided by their lengths.
func FuzzPull(f *testing.F) {
	induction := append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, make([]byte, 48)...)
	copy(induction[16:], []byte{0, 0, 0, 5, 0, 0, 0x4A, 0x17})
	induction[39] = 1
	conclusion := append(bytes.Clone(induction), 0, 2, 0, 3, 0, 1, 4, 1, 0, 0, 0, 0xBF, 0, 120, 0, 120)
	copy(conclusion[20:], []byte{0, 0, 0, 1})
	copy(conclusion[36:], []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9})
	packets := func(all ...[]byte) (out []byte) {
		for _, b := range all {
			out = append(append(out, byte(len(b))), b...)
		}
		return out
	}
	f.Add(packets(induction, conclusion, []byte{0, 0, 0, 1, 0xc0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 'a'}, []byte{0x80, 6, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0}))
	f.Add(packets(induction, conclusion, append([]byte{0xff, 0xff, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7}, make([]byte, 40)...), []byte{0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0}))
	f.Add(packets(induction, conclusion[:len(conclusion)-2]))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s script
		for len(data) > 0 {
			n := min(int(data[0]), len(data)-1)
			s.say, data = append(s.say, data[1:1+n]), data[1+n:]
		}
		c := newCall(&s, dialOptions{streamID: "x", passphrase: passphrase, keyLength: 16, latency: 120 * time.Millisecond}, time.Second, time.Now())
		if len(s.say)%2 == 0 {
			c.o.passphrase = ""
		}
		c.own = 7
		if err := c.shake(); err != nil {
			return
		}
		b := make([]byte, 1500)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	})
}
