// Command sfu measures what it costs to forward a picture: one party of a room
// sends VP8, the others are shown it, over WebRTC with everything that browsers
// have: encryption, transport-wide feedback and the estimate of bandwidth that is
// made of it. CPU is that of the server process.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"muster/bench/usage"
)

// load is what is measured.
type load struct {
	receivers, fps, packets, size int
	settle, measured              time.Duration
}

func main() {
	var l load
	var runs int
	flag.IntVar(&l.receivers, "receivers", 100, "parties that watch")
	flag.IntVar(&l.fps, "fps", 30, "pictures a second")
	flag.IntVar(&l.packets, "packets", 4, "packets of a picture")
	flag.IntVar(&l.size, "size", 1100, "bytes of a packet's payload")
	flag.DurationVar(&l.settle, "settle", 4*time.Second, "how long the load runs before it is measured")
	flag.DurationVar(&l.measured, "for", 8*time.Second, "how long each run is measured")
	flag.IntVar(&runs, "runs", 3, "runs; the median is shown")
	flag.Parse()
	if err := measure(l, runs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// result is what a run has shown.
type result struct {
	cost    time.Duration // CPU for each packet that was sent
	rate    float64       // packets sent a second
	missing float64       // share of the packets that should have been
	rss     float64       // MB
}

func measure(l load, runs int) error {
	dir, err := os.MkdirTemp("", "bench-sfu")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	served := filepath.Join(dir, "served")
	if out, err := exec.Command("go", "build", "-tags", "codecs", "-o", served, "./bench/sfu/served").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	var all []result
	for i := range runs {
		r, err := run(served, l)
		if err != nil {
			return err
		}
		fmt.Printf("run %d: %s\n", i+1, r)
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b result) int { return int(a.cost - b.cost) })
	fmt.Printf("%d receivers, %d pictures/s of %d packets of %d bytes: median %s\n", l.receivers, l.fps, l.packets, l.size, all[len(all)/2])
	return nil
}

func (r result) String() string {
	return fmt.Sprintf("%5.2f µs a packet, %.0f packets/s, %.2f %% missing, %.0f MB", float64(r.cost.Nanoseconds())/1000, r.rate, 100*r.missing, r.rss)
}

func run(served string, l load) (result, error) {
	cmd := exec.Command(served, "-parties", fmt.Sprint(l.receivers+1))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	var base string
	if err := json.NewDecoder(out).Decode(&base); err != nil {
		return result{}, err
	}
	done := make(chan struct{})
	defer close(done)
	a := &audience{}
	defer a.close()
	cam, err := gather(a, base, l, done)
	if cam != nil {
		defer cam.close()
	}
	if err != nil {
		return result{}, err
	}
	time.Sleep(l.settle)
	return watch(cmd.Process.Pid, a, l)
}

// gather brings the camera and its audience in.
func gather(a *audience, base string, l load, done <-chan struct{}) (*camera, error) {
	api, err := newAPI()
	if err != nil {
		return nil, err
	}
	cam, err := publish(api, base)
	if err != nil {
		return cam, err
	}
	go cam.film(done, l.fps, l.packets, l.size)
	time.Sleep(500 * time.Millisecond) // until the room knows the picture
	for range l.receivers {
		if api, err = newAPI(); err != nil {
			return cam, err
		}
		if err := a.join(api, base); err != nil {
			return cam, err
		}
	}
	return cam, nil
}

func watch(pid int, a *audience, l load) (result, error) {
	used, err := usage.CPU(pid)
	if err != nil {
		return result{}, err
	}
	began, before := time.Now(), a.received.Load()
	time.Sleep(l.measured)
	now, err := usage.CPU(pid)
	if err != nil {
		return result{}, err
	}
	took, got := time.Since(began).Seconds(), a.received.Load()-before
	want := took * float64(l.receivers*l.fps*l.packets)
	if got == 0 {
		return result{}, fmt.Errorf("nothing was received")
	}
	return result{cost: (now - used) / time.Duration(got), rate: float64(got) / took, missing: max(0, 1-float64(got)/want), rss: usage.RSS(pid)}, nil
}
