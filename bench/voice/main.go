//go:build linux

// Command voice (bench/voice) measures package voice and murmurd side by side:
// some clients talk with 80 bytes of Opus each 20 ms, the others in their channel
// listen. Every packet carries the moment at which it was sent.
//
// The server's processor time is what /proc says of its process; load and server
// share the machine, so times are upper bounds and CPU per packet is the figure to
// compare.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

type options struct {
	seconds float64
	rounds  int
	murmur  string
	only    string
	cases   string
}

// scenario is one case of the table.
type scenario struct {
	name      string
	talkers   int
	listeners int
	udp       bool
	logins    int // measured instead of voice, or while one talks where there are listeners
}

var scenarios = []scenario{
	{"TCP 1 -> 200", 1, 200, false, 0},
	{"TCP 5 -> 200", 5, 200, false, 0},
	{"UDP 1 -> 200", 1, 200, true, 0},
	{"UDP 5 -> 200", 5, 200, true, 0},
	{"500 logins", 0, 0, false, 500},
	{"TCP 1 -> 20 while 200 log in", 1, 20, false, 200},
}

// figures in the order of the table.
var figures = []string{"CPU, % of a core", "CPU per packet, µs", "delivered, %", "p50, ms", "p99, ms", "longest gap, ms", "CPU of logins, s", "logins take, s", "RSS, MB"}

func main() {
	o := options{}
	flag.Float64Var(&o.seconds, "seconds", 4, "length of a case")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the table holds medians")
	flag.StringVar(&o.murmur, "murmurd", "/usr/sbin/murmurd", "program to compare with; empty: none")
	flag.StringVar(&o.only, "only", "", "measure only the subject of that name")
	flag.StringVar(&o.cases, "cases", "", "measure only cases whose name holds this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, o, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bench-voice")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	served := filepath.Join(dir, "served")
	build := exec.CommandContext(ctx, "go", "build", "-o", served, "muster/bench/voice/served")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, text)
	}
	subjects := []subject{{"muster", "all", func(ctx context.Context) (*server, error) { return startMuster(ctx, served) }}}
	if o.murmur != "" {
		subjects = append(subjects, subject{"murmurd", "", func(ctx context.Context) (*server, error) { return startMurmur(ctx, o.murmur, dir) }})
	}
	if o.only != "" {
		subjects = slices.DeleteFunc(subjects, func(s subject) bool { return s.name != o.only })
	}
	all := make(map[string]map[string][]float64) // case and figure → subject → rounds
	for round := range o.rounds {
		for _, sc := range scenarios {
			if !strings.Contains(sc.name, o.cases) {
				continue
			}
			for i := range subjects {
				s := subjects[(i+round)%len(subjects)] // who goes first changes
				got, err := point(ctx, o, s, sc)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, sc.name, err)
				}
				text := ""
				for _, f := range figures {
					v, ok := got[f]
					if !ok {
						continue
					}
					key := sc.name + ": " + f
					if all[key] == nil {
						all[key] = make(map[string][]float64)
					}
					all[key][s.name] = append(all[key][s.name], v)
					text += fmt.Sprintf("  %s %.2f", f, v)
				}
				log.Printf("round %d, %s, %s:%s", round+1, sc.name, s.name, text)
			}
		}
	}
	table(out, o, subjects, all)
	return nil
}

// point runs one subject through one case.
func point(ctx context.Context, o options, s subject, sc scenario) (map[string]float64, error) {
	srv, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	got := make(map[string]float64)
	if sc.listeners == 0 {
		err := logins(ctx, srv, sc.logins, got)
		got["RSS, MB"] = srv.rss()
		return got, err
	}
	g := newGauge()
	clients, err := crowd(ctx, srv, s.channel, sc, g)
	defer func() {
		for _, c := range clients {
			c.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	talkers := clients[:sc.talkers]
	talk(ctx, talkers, 500*time.Millisecond) // warm
	time.Sleep(100 * time.Millisecond)
	g.gaps = sc.logins > 0
	g.on.Store(true)
	before, begin := srv.cpu(), time.Now()
	var sent int
	if sc.logins > 0 {
		during, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { sent = talk(during, talkers, time.Minute) })
		time.Sleep(300 * time.Millisecond)
		err = logins(ctx, srv, sc.logins, got)
		time.Sleep(300 * time.Millisecond)
		cancel()
		wg.Wait()
		got["longest gap, ms"] = g.gap.Seconds() * 1000
	} else {
		sent = talk(ctx, talkers, time.Duration(o.seconds*float64(time.Second)))
	}
	if err != nil {
		return nil, err
	}
	cpu, took := srv.cpu()-before, time.Since(begin)
	time.Sleep(300 * time.Millisecond) // what is late
	g.on.Store(false)
	g.mu.Lock()
	times := slices.Clone(g.times)
	g.mu.Unlock()
	due := float64(sent) * float64(len(clients)-1)
	got["delivered, %"] = 100 * float64(g.received.Load()) / due
	got["p50, ms"], got["p99, ms"] = quantile(times, 0.5), quantile(times, 0.99)
	if sc.logins == 0 {
		got["CPU, % of a core"] = 100 * cpu.Seconds() / took.Seconds()
		got["CPU per packet, µs"] = cpu.Seconds() * 1e6 / float64(g.received.Load())
		got["RSS, MB"] = srv.rss()
	}
	return got, ctx.Err()
}

// crowd logs everybody in and brings them where voice is measured.
func crowd(ctx context.Context, srv *server, channel string, sc scenario, g *gauge) ([]*client, error) {
	var clients []*client
	for i := range sc.talkers + sc.listeners {
		c, err := dial(ctx, srv.addr, fmt.Sprintf("user%d", i), channel, g)
		if err != nil {
			return clients, err
		}
		clients = append(clients, c)
		if sc.udp {
			if err := c.openUDP(); err != nil {
				return clients, err
			}
		}
	}
	for range 500 {
		there := 0
		for _, c := range clients {
			if channel == "" || c.where.Load() == c.channel {
				there++
			}
		}
		if there == len(clients) {
			time.Sleep(300 * time.Millisecond)
			return clients, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return clients, fmt.Errorf("not all are in channel %s", channel)
}

// frame is the length of a packet.
const frame = 20 * time.Millisecond

// talk lets talkers talk for a while, each at a moment of its own, and returns how
// many packets were sent.
func talk(ctx context.Context, talkers []*client, d time.Duration) int {
	var wg sync.WaitGroup
	sent := make([]int, len(talkers))
	begin := time.Now()
	for i, c := range talkers {
		wg.Go(func() {
			next := begin.Add(frame * time.Duration(i) / time.Duration(len(talkers)))
			for ; next.Sub(begin) < d && ctx.Err() == nil; next = next.Add(frame) {
				time.Sleep(time.Until(next))
				c.say(uint64(sent[i]) * 2)
				sent[i]++
			}
		})
	}
	wg.Wait()
	n := 0
	for _, s := range sent {
		n += s
	}
	return n
}

// atOnce is how many clients log in at a time.
const atOnce = 8

// logins logs clients in and leaves them until all are.
func logins(ctx context.Context, srv *server, n int, got map[string]float64) error {
	clients := make([]*client, n)
	errs := make([]error, n)
	before, begin := srv.cpu(), time.Now()
	var wg sync.WaitGroup
	next := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				clients[i], errs[i] = dial(ctx, srv.addr, fmt.Sprintf("more%d", i), "", newGauge())
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	got["logins take, s"] = time.Since(begin).Seconds()
	time.Sleep(200 * time.Millisecond) // what all are told of the last
	got["CPU of logins, s"] = (srv.cpu() - before).Seconds()
	for i, c := range clients {
		if errs[i] != nil {
			return errs[i]
		}
		defer c.close()
	}
	return nil
}

// quantile returns a quantile of times in µs, in ms.
func quantile(v []uint32, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return float64(v[min(int(q*float64(len(v))), len(v)-1)]) / 1000
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func table(out io.Writer, o options, subjects []subject, all map[string]map[string][]float64) {
	fmt.Fprintf(out, "%s, %d cores, %s: %g s, medians of %d rounds\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), o.seconds, o.rounds)
	fmt.Fprintf(out, "| %-50s |", "figure")
	for _, s := range subjects {
		fmt.Fprintf(out, " %8s |", s.name)
	}
	fmt.Fprintf(out, "  ratio |\n|%s|%s-------:|\n", strings.Repeat("-", 52), strings.Repeat("---------:|", len(subjects)))
	for _, sc := range scenarios {
		for _, f := range figures {
			key := sc.name + ": " + f
			if all[key] == nil {
				continue
			}
			fmt.Fprintf(out, "| %-50s |", key)
			var row []float64
			for _, s := range subjects {
				row = append(row, median(all[key][s.name]))
				fmt.Fprintf(out, " %8.2f |", row[len(row)-1])
			}
			if len(row) == 2 && row[1] != 0 {
				fmt.Fprintf(out, " %6.2f |\n", row[0]/row[1])
			} else {
				fmt.Fprintf(out, "      - |\n")
			}
		}
	}
}
