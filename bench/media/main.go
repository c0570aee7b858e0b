// Command media loads Muster and a peer, one after the other and in turns, with
// the same stream and the same audience, and prints their figures side by side.
//
//	go build -o /tmp/muster ./cmd/muster
//	go run ./bench/media -muster /tmp/muster -peer /path/to/mediamtx
//
// The stream is synthetic: H264 of 2 Mbit/s at 30 frames per second with a key
// frame every 2 s, and Opus of 64 kbit/s, published by RTSP over TCP. Every
// frame carries the time it was sent at. The readers check sequence numbers,
// count frames and note when the last packet of each arrives; load generator and
// server share the machine. Both servers run with their defaults, on ports of
// 127.0.0.1 that are free; Muster checks passwords, the peer asks for none.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	muster, peer       string
	readers, whep, hls int
	seconds, rounds    int
	musterEnv, peerEnv envFlag
	verbose            bool
}

// envFlag collects NAME=VALUE flags.
type envFlag []string

// String implements flag.Value.
func (e *envFlag) String() string { return strings.Join(*e, " ") }

// Set implements flag.Value.
func (e *envFlag) Set(s string) error {
	if !strings.Contains(s, "=") {
		return fmt.Errorf("%q is not NAME=VALUE", s)
	}
	*e = append(*e, s)
	return nil
}

func main() {
	log.SetFlags(log.Ltime)
	var o options
	flag.StringVar(&o.muster, "muster", "", "path of the muster program")
	flag.StringVar(&o.peer, "peer", "", "path of the MediaMTX program; without it only Muster is measured")
	flag.IntVar(&o.readers, "readers", 200, "RTSP/TCP readers; 0 leaves them out")
	flag.IntVar(&o.whep, "whep", 20, "WHEP readers; 0 leaves WebRTC out")
	flag.IntVar(&o.hls, "hls", 20, "Low-Latency HLS readers; 0 leaves HLS out")
	flag.IntVar(&o.seconds, "seconds", 30, "length of each measurement")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the table has the medians")
	flag.Var(&o.musterEnv, "muster-env", "further NAME=VALUE for muster; may be repeated")
	flag.Var(&o.peerEnv, "peer-env", "further NAME=VALUE for the peer; may be repeated")
	flag.BoolVar(&o.verbose, "v", false, "show what the servers write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		log.Print(err)
		stop()
		os.Exit(1)
	}
}

// run measures every round and prints the table.
func run(ctx context.Context, o options, out io.Writer) error {
	if o.muster == "" && o.peer == "" {
		return fmt.Errorf("name a program: -muster PATH, and -peer PATH to compare with")
	}
	var kinds []kind
	if o.muster != "" {
		kinds = append(kinds, musterKind(o.muster, o.musterEnv))
	}
	if o.peer != "" {
		kinds = append(kinds, peerKind(o.peer, o.peerEnv))
	}
	figures := make(map[string][]figureSet)
	for round := range o.rounds {
		for i := range kinds {
			k := kinds[(i+round)%len(kinds)] // who goes first alternates
			log.Printf("round %d of %d: %s", round+1, o.rounds, k.name)
			f, err := measure(ctx, k, o)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			log.Printf("%s: %v", k.name, f)
			figures[k.name] = append(figures[k.name], f)
		}
	}
	fmt.Fprintln(out, machine())
	fmt.Fprintf(out, "%d RTSP/TCP, %d WHEP and %d LL-HLS readers, %d s each, medians of %d rounds\n\n", o.readers, o.whep, o.hls, o.seconds, o.rounds)
	table(out, kinds, figures)
	return nil
}

// measure starts one server and takes all figures of a round.
func measure(ctx context.Context, k kind, o options) (figureSet, error) {
	f := make(figureSet)
	dir, err := os.MkdirTemp("", "bench-media-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	// The first start may make keys and a database; the second is what a restart
	// costs.
	s, err := start(ctx, k, dir, o.verbose)
	if err != nil {
		return nil, err
	}
	f[firstStart] = s.ready.Seconds() * 1000
	s.stop()
	if s, err = start(ctx, k, dir, o.verbose); err != nil {
		return nil, err
	}
	defer s.stop()
	f[startReady] = s.ready.Seconds() * 1000
	if err := sleep(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	f[idleRSS] = s.rss()

	if err := measureRTMP(ctx, s, f); err != nil {
		return nil, fmt.Errorf("rtmp: %w", err)
	}
	pub, err := publish(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	defer pub.close()
	f[rtspReady] = pub.ready.Seconds() * 1000
	if o.readers > 0 {
		if err := measureRTSP(ctx, s, o, f); err != nil {
			return nil, fmt.Errorf("rtsp readers: %w", err)
		}
	}
	if o.whep > 0 {
		if err := measureWHEP(ctx, s, o, f); err != nil {
			return nil, fmt.Errorf("whep readers: %w", err)
		}
	}
	if o.hls > 0 {
		if err := measureHLS(ctx, s, o, f); err != nil {
			return nil, fmt.Errorf("hls readers: %w", err)
		}
	}
	return f, pub.err()
}

// table prints the medians and, with two servers, their ratio.
func table(out io.Writer, kinds []kind, figures map[string][]figureSet) {
	fmt.Fprintf(out, "| %-44s |", "figure")
	for _, k := range kinds {
		fmt.Fprintf(out, " %10s |", k.name)
	}
	if len(kinds) == 2 {
		fmt.Fprintf(out, " %6s |", "ratio")
	}
	fmt.Fprintf(out, "\n|%s|%s\n", strings.Repeat("-", 46), strings.Repeat("-----------:|", len(kinds))+map[bool]string{true: "-------:|"}[len(kinds) == 2])
	for _, name := range order {
		var row []float64
		for _, k := range kinds {
			row = append(row, median(figures[k.name], name))
		}
		if math.IsNaN(row[0]) && math.IsNaN(row[len(row)-1]) {
			continue
		}
		fmt.Fprintf(out, "| %-44s |", name)
		for _, v := range row {
			fmt.Fprintf(out, " %10s |", number(v))
		}
		if len(row) == 2 {
			fmt.Fprintf(out, " %6s |", number(row[0]/row[1]))
		}
		fmt.Fprintln(out)
	}
}

func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v != 0 && math.Abs(v) < 100:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// median returns the middle value of a figure over the rounds, NaN if none has it.
func median(rounds []figureSet, name string) float64 {
	var v []float64
	for _, f := range rounds {
		if x, ok := f[name]; ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
