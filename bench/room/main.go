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

	"muster/media/codec/opus"
)

const payloadType = 100

// scenario is a load: talkers of each room's parties send sound, the others
// silence of one byte that keeps the way open.
type scenario struct {
	name                    string
	rooms, parties, talkers int
}

// says returns the n-th packet of the i-th party, nil for none.
func (sc scenario) says(i, n int, speech [][][]byte) []byte {
	if i%sc.parties < sc.talkers {
		voice := speech[i%len(speech)]
		return voice[n%len(voice)]
	}
	if n%20 == 0 { // discontinuous transmission: now and then a packet of silence
		return silence
	}
	return nil
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
	fmt.Printf("%-52s %10s %14s %9s %9s\n", "", "cores", "parties/core", "RSS MB", "missing")
	for _, sc := range []scenario{
		{"talk", 1, talkers, talkers},
		{"listen, 3 of them talk", 1, listeners, 3},
	} {
		ways := []way{
			{"Muster", func() (result, error) {
				return measure(sc, seconds, speech, func() (*subject, error) { return startServed(served, sc) })
			}},
			{"Muster without sockets", func() (result, error) { return inside(sc, seconds, speech) }},
			{"Janus", func() (result, error) {
				return measure(sc, seconds, speech, func() (*subject, error) { return startPeer(sc) })
			}},
		}
		if !withPeer {
			ways = ways[:2]
		}
		if err := inTurns(sc, ways, runs); err != nil {
			return err
		}
	}
	return nil
}

// way is one of those that are compared.
type way struct {
	name    string
	measure func() (result, error)
}

// inTurns measures all ways one after the other, runs times, and shows medians.
func inTurns(sc scenario, ways []way, runs int) error {
	all := make([][]result, len(ways))
	for range runs {
		for i, w := range ways {
			r, err := w.measure()
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			all[i] = append(all[i], r)
		}
	}
	first := median(all[0])
	for i, w := range ways {
		r := median(all[i])
		show(fmt.Sprintf("%s: %d %s", w.name, sc.parties, sc.name), r)
		if w.name == "Janus" {
			fmt.Printf("%-52s %10s %14.1f\n", "ratio of parties per core", "", first.perCore/r.perCore)
		}
	}
	return nil
}

func show(name string, r result) {
	fmt.Printf("%-52s %10.2f %14.0f %9.0f %8.2f%%\n", name, r.cores, r.perCore, r.rss, r.missing*100)
}

// starved is the share of missing packets from which on a run says nothing: the
// machine was busy, and work that is not done costs nothing.
const starved = 0.05

// median leaves out runs that were starved, unless all were.
func median(all []result) result {
	if fed := slices.DeleteFunc(slices.Clone(all), func(r result) bool { return r.missing > starved }); len(fed) > 0 {
		all = fed
	}
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
	return watch(s.pid, len(parties), seconds, func() (n int64) {
		for _, p := range parties {
			n += p.received.Load()
		}
		return n
	})
}

var errEnded = errors.New("the server has ended")

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
