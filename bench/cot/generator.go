//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// generator is a worker process as the bench sees it.
type generator struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	took time.Duration // until the connections were open
}

// generate starts a worker and waits until its connections are open.
func generate(ctx context.Context, j job) (*generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	g := &generator{cmd: exec.CommandContext(ctx, self, workerArg)}
	g.cmd.Stderr = os.Stderr
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.out = bufio.NewScanner(out)
	begin := time.Now()
	g.out.Buffer(nil, 4<<20)
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(g.in).Encode(j); err != nil {
		g.close()
		return nil, err
	}
	if _, err := g.notice(); err != nil {
		g.close()
		return nil, err
	}
	g.took = time.Since(begin)
	return g, nil
}

func (g *generator) notice() (n notice, err error) {
	if !g.out.Scan() {
		return n, errors.Join(errors.New("the generator ended"), g.out.Err())
	}
	if err := json.Unmarshal(g.out.Bytes(), &n); err != nil {
		return n, err
	}
	if n.Error != "" {
		return n, errors.New(n.Error)
	}
	return n, nil
}

func (g *generator) close() {
	g.in.Close()
	_ = g.cmd.Wait()
}

// outcome is what one measurement says of a server.
type outcome struct {
	result
	copies int64         // received from the begin of the measured time to the end
	cpu    time.Duration // of the server, for them
	rss    float64       // MB, at the end
}

// measure gives an order and watches the server meanwhile.
func (g *generator) measure(s *server, o order) (*outcome, error) {
	if err := json.NewEncoder(g.in).Encode(o); err != nil {
		return nil, err
	}
	begin, err := g.notice()
	if err != nil {
		return nil, err
	}
	before, err := s.cpu()
	if err != nil {
		return nil, err
	}
	end, err := g.notice()
	if err != nil {
		return nil, err
	}
	after, err := s.cpu()
	if err != nil {
		return nil, fmt.Errorf("the server is gone: %w", err)
	}
	return &outcome{result: *end.Result, copies: end.Copies - begin.Copies, cpu: after - before, rss: s.rss()}, nil
}

// perCopy is the server's processor time for one copy, in µs.
func (o *outcome) perCopy() float64 { return o.cpu.Seconds() * 1e6 / float64(max(o.copies, 1)) }

// lost is the part of the copies that never came, in percent.
func (o *outcome) lost() float64 {
	return 100 * float64(o.Expected-o.Received) / float64(max(o.Expected, 1))
}

// perSecond is how many copies came in each second.
func (o *outcome) perSecond() float64 { return float64(o.Received) / o.Length.Seconds() }

func (o *outcome) String() string {
	return fmt.Sprintf("%.0f copies/s, %.2f %% lost, %.2f µs each, p50 %.1f p95 %.1f p99 %.1f ms, RSS %.0f MB; cores: server %.2f, generator %.2f; %d closed",
		o.perSecond(), o.lost(), o.perCopy(), quantile(o.Counts, 0.5), quantile(o.Counts, 0.95), quantile(o.Counts, 0.99), o.rss,
		o.cpu.Seconds()/o.Length.Seconds(), o.CPU.Seconds()/o.Length.Seconds(), o.Closed)
}
