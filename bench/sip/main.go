// Command sip measures calls a second: sipp calls a room of an echo, with
// media, and hangs up. The server is package sip with a room that sends back
// what it hears, so that signalling and media are measured and no mixer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/sip"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

func main() {
	rate := flag.Int("rate", 300, "calls a second")
	seconds := flag.Int("seconds", 10, "how long calls are made")
	hold := flag.Duration("hold", 500*time.Millisecond, "length of a call")
	media := flag.Bool("media", true, "whether the callers send sound")
	flag.Parse()
	if err := measure(*rate, *seconds, *hold, *media); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// nobody knows no user: the callers are guests.
type nobody struct{}

func (nobody) Authenticate(context.Context, auth.Proof) (auth.Identity, error) {
	return auth.Identity{}, auth.ErrBadCredentials
}

// echo is a room in which everybody hears themselves.
type echo struct{}

func (echo) Find(_ context.Context, target string) (sip.Room, error) {
	return sip.Room{Name: target}, nil
}

func (echo) Join(context.Context, sip.JoinRequest) (sip.Seat, error) { return seat{}, nil }

type seat struct{}

func (seat) Audio(f sdp.Format, send func([]byte, int)) (func(rtp.Packet), func(int)) {
	return func(p rtp.Packet) { send(p.Payload, f.ClockRate/50) }, func(int) {}
}
func (seat) Video(_ sdp.Format, send func(rtp.Unit)) func(rtp.Unit) { return send }
func (seat) RequestKeyFrame()                                       {}
func (seat) Key(byte)                                               {}
func (seat) Close()                                                 {}

// serve starts the server and returns its address.
func serve(ctx context.Context) (*sip.Server, string, <-chan error, error) {
	cfg := sip.DefaultConfig()
	cfg.UDPAddress, cfg.TCPAddress, cfg.TLSAddress = "127.0.0.1:0", "", ""
	cfg.FirstMediaPort, cfg.LastMediaPort = 20000, 60000
	cfg.Guard.Rate, cfg.Caps.Calls, cfg.Caps.PerAddress = 1_000_000, 100_000, 100_000
	doors := run.NewDoors()
	s, err := sip.New(cfg, sip.Deps{
		Auth: nobody{}, Sessions: auth.NewSessions(nil), Rooms: echo{}, Doors: doors,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return nil, "", nil, err
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for range 200 {
		if addr := doors.Addr("sip-udp"); addr != "" {
			return s, addr, done, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, "", nil, errors.New("the door does not open")
}

func measure(rate, seconds int, hold time.Duration, media bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, addr, done, err := serve(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-sip")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := write(dir, hold, media); err != nil {
		return err
	}
	before := cpu()
	begin := time.Now()
	calls := rate * seconds
	cmd := exec.CommandContext(ctx, "sipp", addr, "-sf", "call.xml", "-s", "100", "-i", "127.0.0.1", "-p", freePort(), "-r", strconv.Itoa(rate),
		"-m", strconv.Itoa(calls), "-l", strconv.Itoa(calls), "-nostdin", "-timeout", "120s", "-mp", "61000")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	took := time.Since(begin)
	spent := cpu() - before
	st := s.Stats()
	cancel()
	if rerr := <-done; rerr != nil {
		return rerr
	}
	failed := number(out, `Failed call\s+\|\s+\d+\s+\|\s+(\d+)`)
	fmt.Printf("calls %d, answered %d, failed %s, refused for load %d\n", calls, st.Answered, failed, st.Overload)
	fmt.Printf("rate %.0f calls/s, server CPU %.2f ms/call, %.2f cores\n",
		float64(calls)/took.Seconds(), spent.Seconds()*1000/float64(calls), spent.Seconds()/took.Seconds())
	fmt.Printf("INVITEs sent again %s, server RSS %d MB\n", number(out, `INVITE -+>\s+(?:B-RTD1 )?\s*\d+\s+(\d+)`), peak())
	if err != nil {
		return fmt.Errorf("sipp: %w\n%s", err, out)
	}
	return nil
}

// number finds what the first group of expr matches.
func number(out []byte, expr string) string {
	all := regexp.MustCompile(expr).FindAllSubmatch(out, -1)
	if len(all) == 0 {
		return "?"
	}
	return string(all[len(all)-1][1])
}

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory this process had, in megabytes.
func peak() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss / 1024
}

func freePort() string {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "5099"
	}
	defer l.Close()
	return strconv.Itoa(l.LocalAddr().(*net.UDPAddr).Port)
}

// write puts the scenario and the sound into dir.
func write(dir string, hold time.Duration, media bool) error {
	play := ""
	if media {
		play = `<nop><action><exec rtp_stream="sound.raw,-1,8"/></action></nop>`
	}
	scenario := fmt.Sprintf(scenario, play, hold.Milliseconds())
	if err := os.WriteFile(filepath.Join(dir, "call.xml"), []byte(scenario), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "sound.raw"), make([]byte, 16000), 0o600)
}
