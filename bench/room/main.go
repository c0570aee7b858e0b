// Command room measures how many parties a core mixes, side by side with the
// AudioBridge of Janus in the same run: every party sends Opus in packets of
// 20 ms over plain RTP and is sent its mix. One scenario is a meeting where all
// talk, the other an audience that listens to three.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"muster/bench/usage"
	"muster/media/codec/opus"
)

const payloadType = 100

// scenario is a load: talkers of each room's parties send sound, the others
// silence of one byte that keeps the way open.
type scenario struct {
	name                    string
	rooms, parties, talkers int
}

func main() {
	seconds := flag.Int("seconds", 10, "how long each run is measured")
	runs := flag.Int("runs", 3, "runs of each scenario; medians are shown")
	talkers := flag.Int("talkers", 100, "parties of a room where all talk")
	listeners := flag.Int("listeners", 200, "parties of a room where 3 talk")
	flag.Parse()
	if err := compare(*seconds, *runs, *talkers, *listeners); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// result is what a run has shown.
type result struct {
	cores   float64 // of processor time per second
	perCore float64 // parties
	rss     float64 // MB
	missing float64 // share of the packets that parties should have been sent
}

func compare(seconds, runs, talkers, listeners int) error {
	dir, err := os.MkdirTemp("", "bench-room")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	served := filepath.Join(dir, "served")
	if out, err := exec.Command("go", "build", "-tags", "codecs", "-o", served, "./bench/room/served").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	_, err = exec.LookPath("janus")
	withPeer := err == nil
	if !withPeer {
		fmt.Println("janus is not installed (apt install janus): Muster is measured alone")
	}
	speech, err := record()
	if err != nil {
		return err
	}
	fmt.Printf("%-34s %10s %14s %9s %9s\n", "", "cores", "parties/core", "RSS MB", "missing")
	for _, sc := range []scenario{
		{"all talk", 1, talkers, talkers},
		{"3 talk, the others listen", 1, listeners, 3},
	} {
		var ours, theirs []result
		for range runs {
			r, err := measure(sc, seconds, speech, func() (*subject, error) { return startServed(served, sc) })
			if err != nil {
				return err
			}
			ours = append(ours, r)
			if !withPeer {
				continue
			}
			if r, err = measure(sc, seconds, speech, func() (*subject, error) { return startPeer(sc) }); err != nil {
				return err
			}
			theirs = append(theirs, r)
		}
		a := median(ours)
		show("Muster: "+sc.name, a)
		if withPeer {
			b := median(theirs)
			show("Janus: "+sc.name, b)
			fmt.Printf("%-34s %10s %14.1f\n", "ratio of parties per core", "", a.perCore/b.perCore)
		}
	}
	return nil
}

func show(name string, r result) {
	fmt.Printf("%-34s %10.2f %14.0f %9.0f %8.2f%%\n", name, r.cores, r.perCore, r.rss, r.missing*100)
}

func median(all []result) result {
	slices.SortFunc(all, func(a, b result) int { return int(math.Copysign(1, a.perCore-b.perCore)) })
	return all[len(all)/2]
}

// subject is a server under load.
type subject struct {
	pid  int
	stop func()
	// ports are where the parties send to, given where each of them receives.
	ports func(local []int) ([]int, error)
}

func startServed(path string, sc scenario) (*subject, error) {
	cmd := exec.Command(path, "-rooms", fmt.Sprint(sc.rooms), "-parties", fmt.Sprint(sc.parties))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
	var ports []int
	if err := json.NewDecoder(out).Decode(&ports); err != nil {
		stop()
		return nil, err
	}
	return &subject{cmd.Process.Pid, stop, func([]int) ([]int, error) { return ports, nil }}, nil
}

func startPeer(sc scenario) (*subject, error) {
	j, err := startJanus(sc.rooms)
	if err != nil {
		return nil, err
	}
	return &subject{j.cmd.Process.Pid, j.stop, func(local []int) ([]int, error) {
		var ports []int
		for i, l := range local {
			p, err := j.join(1+i/sc.parties, l)
			if err != nil {
				return nil, err
			}
			ports = append(ports, p)
		}
		return ports, nil
	}}, nil
}

// settle is how long a load runs before it is measured.
const settle = 3 * time.Second

func measure(sc scenario, seconds int, speech [][][]byte, start func() (*subject, error)) (result, error) {
	s, err := start()
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	parties, err := gather(s, sc.rooms*sc.parties)
	if err != nil {
		return result{}, err
	}
	done, quiet := make(chan struct{}), make(chan struct{})
	go func() { defer close(quiet); talk(done, parties, sc, speech) }()
	defer func() { close(done); <-quiet; leave(parties) }()
	time.Sleep(settle)
	count := func() (n int64) {
		for _, p := range parties {
			n += p.received.Load()
		}
		return n
	}
	used, err := usage.CPU(s.pid)
	if err != nil {
		return result{}, err
	}
	began, before := time.Now(), count()
	time.Sleep(time.Duration(seconds) * time.Second)
	now, err := usage.CPU(s.pid)
	if err != nil {
		return result{}, errors.New("the server has ended")
	}
	took := time.Since(began).Seconds()
	r := result{cores: (now - used).Seconds() / took, rss: usage.RSS(s.pid)}
	r.perCore = float64(len(parties)) / r.cores
	r.missing = max(0, 1-float64(count()-before)/(took*50*float64(len(parties))))
	return r, nil
}

// silence is an Opus frame of 20 ms without sound (RFC 6716 §3.2.1).
var silence = []byte{0xf8, 0xff, 0xfe}

// record makes voices of 4 s: noise in the rhythm of syllables, in the band of
// speech.
func record() ([][][]byte, error) {
	const rate, frame = opus.Rate, opus.FrameSamples
	var voices [][][]byte
	for v := range 8 {
		enc, err := opus.NewEncoder(opus.EncoderConfig{Channels: 1, Bitrate: 32000, Complexity: 5, Application: opus.VoIP})
		if err != nil {
			return nil, err
		}
		rng := rand.New(rand.NewPCG(uint64(v), 1))
		var voice [][]byte
		var low float64
		for f := range 200 {
			pcm := make([]int16, frame)
			for i := range pcm {
				at := float64(f*frame+i) / rate
				low += 0.15 * (rng.Float64()*2 - 1 - low)
				pitch := math.Sin(2 * math.Pi * (110 + 15*float64(v)) * at)
				pcm[i] = int16(9000 * (0.6*pitch + 1.5*low) * (0.55 + 0.45*math.Sin(2*math.Pi*4*at)))
			}
			out := make([]byte, opus.MaxPacket)
			n, err := enc.Encode(pcm, out)
			if err != nil {
				return nil, err
			}
			voice = append(voice, out[:n])
		}
		enc.Close()
		voices = append(voices, voice)
	}
	return voices, nil
}
