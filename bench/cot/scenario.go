//go:build linux

package main

import (
	"context"
	"fmt"
	"log"
	"time"
)

// scenario is one kind of load.
type scenario struct {
	key     string // for -only
	label   string // in the table
	tls     bool
	version int
	run     func(ctx context.Context, b *bench, sc scenario, s *server, j job) (figureSet, error)

	conns, senders, silent int
}

// scenarios returns the loads in the order of the table.
func scenarios(o options) []scenario {
	load := func(key string, version int, secure bool, conns int) scenario {
		label := [...]string{"XML", "version 1"}[version]
		if secure {
			label = "TLS, " + label
		}
		return scenario{
			key: key, label: fmt.Sprintf("%s, %d × %d at 1/s", label, conns, o.senders), tls: secure, version: version,
			run: steady, conns: conns, senders: o.senders,
		}
	}
	all := []scenario{
		load("xml", 0, false, o.conns), load("v1", 1, false, o.conns),
		load("xml2", 0, false, 2*o.conns), load("v12", 1, false, 2*o.conns),
		load("tls", 0, true, o.conns), load("tls1", 1, true, o.conns),
	}
	slow := load("slow", 0, false, o.conns)
	slow.run, slow.silent = slowReaders, o.conns/5
	slow.label = fmt.Sprintf("%d of %d never read", slow.silent, o.conns)
	all = append(all, slow)
	for v, key := range []string{"max", "max1"} {
		sc := load(key, v, false, o.conns)
		sc.run, sc.label = saturate, "saturation, "+[...]string{"XML", "version 1"}[v]
		all = append(all, sc)
	}
	return append(all, scenario{
		key: "idle", label: fmt.Sprintf("%d idle TLS connections", o.idle), tls: true, run: idle, conns: o.idle,
	})
}

func (sc scenario) figure(name string) string { return sc.label + ": " + name }

// The figures of a scenario, in the order of the table.
const (
	figCPU     = "server CPU per copy, µs"
	figLost    = "copies lost, %"
	figP50     = "latency p50, ms"
	figP95     = "latency p95, ms"
	figP99     = "latency p99, ms"
	figP99Base = "latency p99 when all read, ms"
	figFactor  = "p99 of the others, times that when all read"
	figMost    = "most copies/s without loss"
	figCore    = "copies/s per core there"
	figGone    = "connections that the server closed"
	figRSS0    = "RSS when connected, MB"
	figRSS     = "RSS under load, MB"
)

var figures = []string{figCPU, figLost, figP50, figP95, figP99, figP99Base, figFactor, figMost, figCore, figGone, figRSS0, figRSS}

// steady sends at one event per second and sender.
func steady(ctx context.Context, b *bench, sc scenario, s *server, j job) (figureSet, error) {
	g, err := generate(ctx, j)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if err := sleep(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	f := figureSet{sc.figure(figRSS0): s.rss()}
	o, err := g.measure(s, b.order(1))
	if err != nil {
		return nil, err
	}
	log.Printf("  %s: %s; opened in %s", sc.label, o, g.took.Round(time.Millisecond))
	f[sc.figure(figCPU)], f[sc.figure(figLost)] = o.perCopy(), o.lost()
	f[sc.figure(figP50)], f[sc.figure(figP95)] = quantile(o.Counts, 0.5), quantile(o.Counts, 0.95)
	f[sc.figure(figP99)], f[sc.figure(figRSS)] = quantile(o.Counts, 0.99), o.rss
	return f, nil
}

// slowReaders measures the same load twice: with everybody reading, and with
// some who never do.
func slowReaders(ctx context.Context, b *bench, sc scenario, s *server, j job) (figureSet, error) {
	var p99 [2]float64
	var last *outcome
	for i, silent := range []int{0, sc.silent} {
		j.Silent = silent
		g, err := generate(ctx, j)
		if err != nil {
			return nil, err
		}
		last, err = g.measure(s, b.order(1))
		g.close()
		if err != nil {
			return nil, err
		}
		log.Printf("  %s, %d now: %s", sc.label, silent, last)
		p99[i] = quantile(last.Counts, 0.99)
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
	return figureSet{
		sc.figure(figLost): last.lost(), sc.figure(figP99Base): p99[0], sc.figure(figP99): p99[1],
		sc.figure(figFactor): p99[1] / p99[0], sc.figure(figRSS): last.rss,
	}, nil
}

const (
	firstCopies = 25000.0 // per second, where the search for saturation begins
	stepUp      = 1.35
	lateLimit   = 1000.0 // ms of p99: beyond, the server does not keep up
	maxSteps    = 14
)

// saturate raises the rate until copies are lost or come too late.
func saturate(ctx context.Context, b *bench, sc scenario, s *server, j job) (figureSet, error) {
	g, err := generate(ctx, j)
	if err != nil {
		return nil, err
	}
	defer g.close()
	f := make(figureSet)
	copies := firstCopies
	for range maxSteps {
		o, err := g.measure(s, order{
			Rate: copies / float64(sc.senders) / float64(sc.conns-1), Warm: 2 * time.Second, Measure: b.seconds(0.4),
		})
		if err != nil {
			return nil, err
		}
		log.Printf("  %s: %s", sc.label, o)
		if o.Received < o.Expected || o.Closed > 0 || quantile(o.Counts, 0.99) > lateLimit {
			break
		}
		f[sc.figure(figMost)], f[sc.figure(figCPU)] = o.perSecond(), o.perCopy()
		f[sc.figure(figCore)] = 1e6 / o.perCopy()
		f[sc.figure(figP99)], f[sc.figure(figRSS)] = quantile(o.Counts, 0.99), o.rss
		copies *= stepUp
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// idle only opens connections.
func idle(ctx context.Context, _ *bench, sc scenario, s *server, j job) (figureSet, error) {
	j.Idle = true
	g, err := generate(ctx, j)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if err := sleep(ctx, 5*time.Second); err != nil {
		return nil, err
	}
	o, err := g.measure(s, order{})
	if err != nil {
		return nil, err
	}
	log.Printf("  %s: RSS %.0f MB; opened in %s; %d closed", sc.label, o.rss, g.took.Round(time.Millisecond), o.Closed)
	return figureSet{sc.figure(figRSS0): o.rss, sc.figure(figGone): float64(o.Closed)}, nil
}
