// Package run starts what a part needs running and sees to its end: goroutine
// groups that are waited for, doors (listening sockets) with errors that say
// how to fix them, and the recovery at the top of every connection.
package run

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

var panics struct {
	total  atomic.Int64
	byPart sync.Map // part name → *atomic.Int64
}

// Panics returns how many panics Recover has caught in this process. Any count
// above zero is a bug; it fails a test run.
func Panics() int64 { return panics.total.Load() }

// PanicsByPart calls f for each part that panicked, with its count.
func PanicsByPart(f func(part string, n int64)) {
	panics.byPart.Range(func(k, v any) bool {
		f(k.(string), v.(*atomic.Int64).Load())
		return true
	})
}

// Recover is deferred at the top of each connection and each background job: it
// turns a panic into a log line and a count, so that a bug costs one connection
// and not the process.
func Recover(log *slog.Logger, part string) {
	if v := recover(); v != nil {
		panics.total.Add(1)
		n, _ := panics.byPart.LoadOrStore(part, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		log.Error("panic", "part", part, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}

// Group runs goroutines that end with one context and can be waited for. The
// zero Group is not usable; call NewGroup.
type Group struct {
	ctx  context.Context
	log  *slog.Logger
	part string

	mu      sync.Mutex // guards closing and the start of wg.Add against Wait
	closing bool
	wg      sync.WaitGroup
}

// NewGroup returns a group whose goroutines get ctx. part names them in logs.
func NewGroup(ctx context.Context, log *slog.Logger, part string) *Group {
	return &Group{ctx: ctx, log: log, part: part}
}

// Go runs f unless the group is already being waited for, and reports whether
// it did. A panic in f is recovered, counted and logged.
func (g *Group) Go(f func(ctx context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return false
	}
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		defer Recover(g.log, g.part)
		f(g.ctx)
	}()
	return true
}

// Wait refuses new goroutines and returns when all have ended. The caller ends
// the context first.
func (g *Group) Wait() {
	g.mu.Lock()
	g.closing = true
	g.mu.Unlock()
	g.wg.Wait()
}
