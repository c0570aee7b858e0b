//go:build linux

// Command cot loads Muster and a peer, one after the other and in turns, with
// the same position reports and the same audience, and prints their figures side
// by side.
//
//	go build -o bin/muster ./cmd/muster
//	go run ./bench/cot -muster bin/muster -peer '/path/to/goatak_server -config bench.yml' -peer-addr 127.0.0.1:8999
//
// So many connections are open, some of which send reports at a fixed rate; the
// server is to hand each report to all the others. Every report carries the
// moment it was due at, so that a server (or a generator) that falls behind
// shows in the latency. Copies that never come are lost. The load comes from
// processes of their own, which share the machine with the server; they find the
// stamps without reading XML or protobuf, and cost less than the server. What a
// copy costs the server is its processor time (user and system) divided by the
// copies that were received meanwhile.
//
// Connections come from several addresses of 127.0.0.0/8, since servers limit
// how many one address may open. Muster runs with its defaults, with a group for
// clients of the plain port; the TLS clients have a certificate made by its
// command line. The peer's command line is split at spaces and runs in an empty
// folder; only its plain port is measured.
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
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// workerArg makes this program a worker.
const workerArg = "worker"

// options are what the command line says.
type options struct {
	muster, peer, peerAddr, peerName string
	conns, senders, idle             int
	seconds, rounds                  int
	only                             string
	musterEnv, peerEnv               envFlag
	verbose                          bool
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
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := func() error {
		if len(os.Args) == 2 && os.Args[1] == workerArg {
			return work(ctx, os.Stdin, os.Stdout)
		}
		o, err := parse()
		if err != nil {
			return err
		}
		return run(ctx, o, os.Stdout)
	}()
	if err != nil {
		log.Print(err)
		stop()
		os.Exit(1)
	}
}

func parse() (o options, err error) {
	flag.StringVar(&o.muster, "muster", "", "path of the muster program")
	flag.StringVar(&o.peer, "peer", "", "command line of another TAK server; without it only Muster is measured")
	flag.StringVar(&o.peerAddr, "peer-addr", "127.0.0.1:8999", "where the peer's plain stream listens")
	flag.StringVar(&o.peerName, "peer-name", "peer", "the peer's name in the table")
	flag.IntVar(&o.conns, "conns", 500, "connections; some measurements take twice as many")
	flag.IntVar(&o.senders, "senders", 100, "connections that send")
	flag.IntVar(&o.idle, "idle", 10000, "connections that are only open")
	flag.IntVar(&o.seconds, "seconds", 20, "length of each measurement")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the table has the medians")
	flag.StringVar(&o.only, "only", "", "measure only these, separated by commas: xml, v1 (protocol version 1), xml2, v12 (twice the connections), tls, tls1, slow, max, max1, idle")
	flag.Var(&o.musterEnv, "muster-env", "further NAME=VALUE for muster; may be repeated")
	flag.Var(&o.peerEnv, "peer-env", "further NAME=VALUE for the peer; may be repeated")
	flag.BoolVar(&o.verbose, "v", false, "show what the servers write")
	flag.Parse()
	switch {
	case o.muster == "" && o.peer == "":
		return o, fmt.Errorf("name a program: -muster PATH, and -peer 'COMMAND' to compare with")
	case o.senders < 1 || o.conns < 2 || o.senders > o.conns-o.conns/5:
		return o, fmt.Errorf("-senders must be from 1 to four fifths of -conns")
	case o.seconds < 1 || o.rounds < 1:
		return o, fmt.Errorf("-seconds and -rounds must be at least 1")
	}
	for _, key := range o.keys() {
		if !slices.ContainsFunc(scenarios(o), func(sc scenario) bool { return sc.key == key }) {
			return o, fmt.Errorf("-only: there is no measurement %q", key)
		}
	}
	return o, nil
}

func (o options) keys() []string {
	return strings.FieldsFunc(o.only, func(r rune) bool { return r == ',' })
}

// bench is a run of this program.
type bench struct {
	o     options
	epoch int64
}

func (b *bench) seconds(part float64) time.Duration {
	return time.Duration(part * float64(b.o.seconds) * float64(time.Second))
}

func (b *bench) order(rate float64) order {
	return order{Rate: rate, Warm: 3 * time.Second, Measure: b.seconds(1)}
}

// run measures every round and prints the table.
func run(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bench-cot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{o: o, epoch: time.Now().UnixNano()}
	subjects, err := b.subjects(ctx, dir)
	if err != nil {
		return err
	}
	all := make(map[string][]figureSet)
	for round := range o.rounds {
		for _, sc := range scenarios(o) {
			if keys := o.keys(); len(keys) > 0 && !slices.Contains(keys, sc.key) {
				continue
			}
			for i := range subjects {
				s := subjects[(i+round)%len(subjects)] // who goes first alternates
				if sc.tls && s.tls == "" {
					continue
				}
				log.Printf("round %d of %d: %s", round+1, o.rounds, s.name)
				f, err := b.measure(ctx, s, sc)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, sc.label, err)
				}
				all[s.name] = append(all[s.name], f)
			}
		}
	}
	fmt.Fprintln(out, machine())
	fmt.Fprintf(out, "%d s each, medians of %d rounds\n\n", o.seconds, o.rounds)
	table(out, o, subjects, all)
	return nil
}

// subjects prepares the servers. Their first start, which may make keys and a
// database, is behind them.
func (b *bench) subjects(ctx context.Context, dir string) (all []*subject, err error) {
	if b.o.muster != "" {
		s, err := newMuster(b.o.muster, filepath.Join(dir, "muster"), b.o.musterEnv)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if b.o.peer != "" {
		all = append(all, newPeer(b.o.peerName, b.o.peer, b.o.peerAddr, filepath.Join(dir, "peer"), b.o.peerEnv))
	}
	for _, s := range all {
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return nil, err
		}
		srv, err := start(ctx, s.name, s.dir, s.plain, s.args, s.env, b.o.verbose)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		if s.tls != "" {
			err = s.enrol(ctx)
		}
		srv.stop()
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// measure starts a server anew and takes the figures of one scenario.
func (b *bench) measure(ctx context.Context, s *subject, sc scenario) (figureSet, error) {
	srv, err := start(ctx, s.name, s.dir, s.plain, s.args, s.env, b.o.verbose)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	if err := sleep(ctx, time.Second); err != nil {
		return nil, err
	}
	j := job{Addr: s.plain, Version: sc.version, Conns: sc.conns, Senders: sc.senders, Epoch: b.epoch}
	if sc.tls {
		j.Addr, j.TLS = s.tls, s.cred
	}
	return sc.run(ctx, b, sc, srv, j)
}

// figureSet is what one round found out about one server, by name.
type figureSet map[string]float64

// table prints the medians and, with two servers, their ratio.
func table(out io.Writer, o options, subjects []*subject, all map[string][]figureSet) {
	fmt.Fprintf(out, "| %-64s |", "figure")
	for _, s := range subjects {
		fmt.Fprintf(out, " %10s |", s.name)
	}
	if len(subjects) == 2 {
		fmt.Fprintf(out, " %6s |", "ratio")
	}
	fmt.Fprintf(out, "\n|%s|%s\n", strings.Repeat("-", 66), strings.Repeat("-----------:|", len(subjects))+map[bool]string{true: "-------:|"}[len(subjects) == 2])
	for _, sc := range scenarios(o) {
		for _, name := range figures {
			var row []float64
			found := false
			for _, s := range subjects {
				v := median(all[s.name], sc.figure(name))
				found = found || !math.IsNaN(v)
				row = append(row, v)
			}
			if !found {
				continue
			}
			fmt.Fprintf(out, "| %-64s |", sc.figure(name))
			for _, v := range row {
				fmt.Fprintf(out, " %10s |", number(v))
			}
			if len(row) == 2 {
				fmt.Fprintf(out, " %6s |", number(row[0]/row[1]))
			}
			fmt.Fprintln(out)
		}
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

// machine describes where the figures come from.
func machine() string {
	var u syscall.Utsname
	kernel := ""
	if syscall.Uname(&u) == nil {
		for _, c := range u.Release {
			if c == 0 {
				break
			}
			kernel += string(rune(byte(c)))
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(load))
	return fmt.Sprintf("%s, %d cores, %s memory, Linux %s, %s, load %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		field("/proc/meminfo", "MemTotal"), kernel, runtime.Version(), strings.Join(f[:min(3, len(f))], " "))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
