//go:build linux

// Command turn (bench/turn) measures package turn and coturn side by side: clients
// send 1,000 bytes of channel data at a fixed rate through relays to a peer that
// sends all of it back. Every datagram carries the moment at which it was sent.
//
// The server's processor time is what /proc says of its process. A packet counts
// as relayed once for each direction in which it arrived.
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
	"strconv"
	"strings"
	"time"
)

type options struct {
	rates   []int
	allocs  int
	size    int
	seconds float64
	rounds  int
	coturn  string
	only    string
	threads int
}

// figures of one point, in the order of the table.
var figures = []string{"server CPU per relayed packet, µs", "packets lost, %", "round trip p50, ms", "round trip p99, ms", "server CPU, cores", "RSS, MB"}

func main() {
	o := options{}
	rates := flag.String("rates", "20000,40000,60000", "packets per second that are offered, all clients together")
	flag.IntVar(&o.allocs, "allocations", 50, "clients, each with a relay")
	flag.IntVar(&o.size, "size", 1000, "bytes of a packet")
	flag.Float64Var(&o.seconds, "seconds", 4, "length of a point")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the table holds medians")
	flag.StringVar(&o.coturn, "coturn", "turnserver", "program to compare with; empty: none")
	flag.IntVar(&o.threads, "coturn-threads", 1, "its relay threads")
	flag.StringVar(&o.only, "only", "", "measure only the subject of that name")
	flag.Parse()
	for _, r := range strings.Split(*rates, ",") {
		n, err := strconv.Atoi(r)
		if err != nil || n < 1000 {
			log.Fatalf("-rates: %q", r)
		}
		o.rates = append(o.rates, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, o, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bench-turn")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	served := filepath.Join(dir, "served")
	build := exec.CommandContext(ctx, "go", "build", "-o", served, "muster/bench/turn/served")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, text)
	}
	subjects := []subject{{"muster", func(ctx context.Context) (*server, error) { return startMuster(ctx, served) }}}
	if o.coturn != "" {
		subjects = append(subjects, subject{"coturn", func(ctx context.Context) (*server, error) { return startCoturn(ctx, o, dir) }})
	}
	if o.only != "" {
		subjects = slices.DeleteFunc(subjects, func(s subject) bool { return s.name != o.only })
	}
	all := make(map[string]map[string][]float64) // figure → subject → rounds
	for round := range o.rounds {
		for _, rate := range o.rates {
			for i := range subjects {
				s := subjects[(i+round)%len(subjects)] // who goes first changes
				got, err := point(ctx, o, s, rate)
				if err != nil {
					return fmt.Errorf("%s at %d/s: %w", s.name, rate, err)
				}
				for name, v := range got {
					key := fmt.Sprintf("%d/s offered: %s", rate, name)
					if all[key] == nil {
						all[key] = make(map[string][]float64)
					}
					all[key][s.name] = append(all[key][s.name], v)
				}
				log.Printf("round %d, %d/s, %s: %.2f µs a packet, %.3f %% lost, p50 %.2f ms, p99 %.2f ms", round+1, rate, s.name,
					got[figures[0]], got[figures[1]], got[figures[2]], got[figures[3]])
			}
		}
	}
	table(out, o, subjects, all)
	return nil
}

// point runs one subject at one rate.
func point(ctx context.Context, o options, s subject, rate int) (map[string]float64, error) {
	srv, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	g, err := newGenerator(o, srv)
	if err != nil {
		return nil, err
	}
	defer g.close()
	g.run(ctx, rate, 500*time.Millisecond) // warm
	g.reset()
	before := srv.cpu()
	begin := time.Now()
	g.run(ctx, rate, time.Duration(o.seconds*float64(time.Second)))
	cpu := srv.cpu() - before
	took := time.Since(begin)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rtt := g.times()
	relayed := float64(g.echoed.Load() + g.received.Load())
	return map[string]float64{
		figures[0]: cpu.Seconds() * 1e6 / relayed,
		figures[1]: 100 * float64(g.sent-g.received.Load()) / float64(g.sent),
		figures[2]: quantile(rtt, 0.5), figures[3]: quantile(rtt, 0.99),
		figures[4]: cpu.Seconds() / took.Seconds(), figures[5]: srv.rss(),
	}, nil
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
	fmt.Fprintf(out, "%s, %d cores, %s: %d relays, %d bytes, %g s, medians of %d rounds\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(),
		o.allocs, o.size, o.seconds, o.rounds)
	fmt.Fprintf(out, "| %-52s |", "figure")
	for _, s := range subjects {
		fmt.Fprintf(out, " %8s |", s.name)
	}
	fmt.Fprintf(out, "  ratio |\n|%s|%s-------:|\n", strings.Repeat("-", 54), strings.Repeat("---------:|", len(subjects)))
	for _, rate := range o.rates {
		for _, f := range figures {
			key := fmt.Sprintf("%d/s offered: %s", rate, f)
			fmt.Fprintf(out, "| %-52s |", key)
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
