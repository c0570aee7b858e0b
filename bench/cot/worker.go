//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// job is what a worker process is to open. A worker is a process of its own, so
// that its descriptors and its memory are not the bench's.
type job struct {
	Addr    string
	TLS     *credentials
	Version int
	Conns   int
	Silent  int   // of them never read
	Idle    bool  // all are only there
	Senders int   // of them
	Epoch   int64 // of the clock, ns since 1970
}

// firstSecure is the number of the first sender that logs in.
const firstSecure = 1_000_000

// credentials are PEM files.
type credentials struct{ Cert, Key, CA, Name string }

func (c credentials) config() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s: there is no certificate", c.CA)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: c.Name}, nil
}

// order tells a worker to send.
type order struct {
	Rate    float64 // events per second and sender
	Warm    time.Duration
	Measure time.Duration
}

// notice is what a worker writes, one a line: that it is ready, that the
// measured time begins, and the result.
type notice struct {
	Ready  bool
	Begin  bool
	Copies int64 // received so far
	Result *result
	Error  string
}

// result is what a worker found out. Counts holds the latencies, by bucket of
// histogram.
type result struct {
	Sent, Expected, Received int64
	Counts                   map[int]int64
	Closed                   int64
	Bytes                    int64
	CPU                      time.Duration // of the worker, in the measured time
	Length                   time.Duration // of the measured time, until the last copy came
}

const (
	drainWithin = 15 * time.Second
	drainQuiet  = 1500 * time.Millisecond
)

// work is a worker process: a job and then orders come in, notices go out.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	enc := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return io.ErrUnexpectedEOF
	}
	var j job
	if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
		return err
	}
	w, err := newWorker(ctx, j)
	if err != nil {
		return enc.Encode(notice{Error: err.Error()})
	}
	defer w.close()
	if err := enc.Encode(notice{Ready: true}); err != nil {
		return err
	}
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		begin := func() error { return enc.Encode(notice{Begin: true, Copies: w.tally.copies.Load()}) }
		n := notice{}
		if n.Result, err = w.run(o, begin); err != nil {
			n.Error = err.Error()
		}
		n.Copies = w.tally.copies.Load()
		if err := enc.Encode(n); err != nil {
			return err
		}
	}
	return lines.Err()
}

// worker is a load generator with its connections open.
type worker struct {
	job    job
	clock  clock
	tally  *tally
	socks  *sockets
	events []template // of each sender
	pinger *pinger    // of an idle job; else nil
}

func newWorker(ctx context.Context, j job) (*worker, error) {
	w := &worker{job: j, clock: newClock(j.Epoch), tally: new(tally)}
	first := 0
	if j.TLS != nil { // who logs in keeps the uids, and those without a name may not have them
		first = firstSecure
	}
	for i := range j.Senders {
		t, err := newTemplate(first+i, j.Version, time.Now())
		if err != nil {
			return nil, err
		}
		w.events = append(w.events, t)
	}
	if j.Idle {
		w.pinger = newPinger()
		if _, err := dialAll(ctx, j, w.pinger.add); err != nil {
			w.pinger.close()
			return nil, err
		}
		return w, nil
	}
	conns, err := dialAll(ctx, j, func(net.Conn) {})
	if err != nil {
		return nil, err
	}
	w.socks, err = open(conns, j.Silent, w.clock, w.tally)
	return w, err
}

func (w *worker) close() {
	if w.pinger != nil {
		w.pinger.close()
		return // the process ends, and its connections with it
	}
	w.socks.close()
}

// run sends as ordered. Every event carries the time at which it was due, so
// that a server, or a generator, that falls behind shows.
func (w *worker) run(o order, begin func() error) (*result, error) {
	if w.pinger != nil {
		return &result{Closed: int64(w.pinger.gone())}, begin()
	}
	senders := len(w.events)
	gap := time.Duration(float64(time.Second) / o.Rate / float64(senders))
	w.tally.late.reset()
	w.tally.measured.Store(0)
	closed := w.socks.lost.Load()
	start := w.clock.now() + 10*time.Millisecond
	from := start + o.Warm
	var r result
	var cpu time.Duration
	var bytes int64
	phase := byte(phaseWarm)
	for i := 0; ; i++ {
		due := start + time.Duration(i)*gap
		if due >= from+o.Measure {
			break
		}
		if d := due - w.clock.now(); d > 0 {
			time.Sleep(d)
		}
		if phase == phaseWarm && due >= from {
			phase = phaseMeasured
			cpu, bytes = ownCPU(), w.tally.bytes.Load()
			if err := begin(); err != nil {
				return nil, err
			}
		}
		if err := w.socks.send(i%senders, w.events[i%senders].set(phase, due)); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		if phase == phaseMeasured {
			r.Sent++
		}
	}
	r.Expected = r.Sent * int64(w.job.Conns-w.job.Silent-1)
	end, err := w.drain(r.Expected)
	if err != nil {
		return nil, err
	}
	r.Received = w.tally.measured.Load()
	r.Counts = w.tally.late.counts()
	r.Closed = w.socks.lost.Load() - closed
	r.Bytes = w.tally.bytes.Load() - bytes
	r.CPU = ownCPU() - cpu
	r.Length = end - from
	return &r, nil
}

// drain waits until everything has come, or nothing comes any more, and returns
// when the last copy came.
func (w *worker) drain(expected int64) (end time.Duration, err error) {
	begin := w.clock.now()
	last, end := int64(-1), begin
	for now := begin; now-begin < drainWithin && now-end < drainQuiet && last < expected; now = w.clock.now() {
		for i := range w.events {
			if err := w.socks.flush(i); err != nil {
				return 0, fmt.Errorf("send: %w", err)
			}
		}
		if n := w.tally.measured.Load(); n != last {
			last, end = n, now
		}
		time.Sleep(2 * time.Millisecond)
	}
	return end, nil
}
