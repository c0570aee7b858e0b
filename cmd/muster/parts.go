package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/thejerf/suture/v4"

	"muster/internal/run"
)

// runner is a server that blocks until its context ends and everything it
// started has returned.
type runner interface {
	Run(ctx context.Context) error
}

// part is one server of the house. open makes it from the configuration that is
// in force; settings is what it is made from, so that a reload restarts it only
// if that changed.
type part struct {
	name     string
	settings func(*config) any
	open     func(*config) (runner, error)
}

const (
	bindRetry = 10 * time.Second // pause before a busy address is tried again
	stopLimit = 5 * time.Second  // a part that has not stopped by then is left behind
	stopSlack = time.Second      // for what the supervisor does itself when everything stops
)

// supervisor keeps the parts running: one that fails is started again and takes
// no other with it.
type supervisor struct {
	tree *suture.Supervisor
	log  *slog.Logger

	mu      sync.Mutex // guards running
	running map[string]running
}

type running struct {
	token    suture.ServiceToken
	settings any
}

func newSupervisor(log *slog.Logger) *supervisor {
	s := &supervisor{log: log, running: make(map[string]running)}
	s.tree = suture.New("muster", suture.Spec{
		EventHook: func(suture.Event) {}, // service logs what a person needs to know
		Timeout:   stopLimit,
	})
	return s
}

// unstopped waits until the tree is done and names the parts that have not
// stopped.
func (s *supervisor) unstopped() (names []string) {
	report, _ := s.tree.UnstoppedServiceReport() // it never fails
	for _, late := range report {
		names = append(names, late.Name)
	}
	return names
}

// apply starts, restarts and keeps parts so that they match c. It returns the
// names of those it restarted, and the errors of those it could not make: these
// keep running as they were.
func (s *supervisor) apply(parts []part, c *config) (restarted []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range parts {
		settings := p.settings(c)
		old, was := s.running[p.name]
		if was && reflect.DeepEqual(old.settings, settings) {
			continue
		}
		r, e := p.open(c)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.name, e))
			continue
		}
		if was {
			restarted = append(restarted, p.name)
			if e := s.tree.RemoveAndWait(old.token, stopLimit); e != nil {
				s.log.Warn("a part does not stop", "part", p.name, "error", e)
			}
			delete(s.running, p.name)
		}
		if r == nil { // switched off
			s.running[p.name] = running{token: s.tree.Add(off{}), settings: settings}
			continue
		}
		token := s.tree.Add(&service{name: p.name, runner: r, log: s.log})
		s.running[p.name] = running{token: token, settings: settings}
	}
	return restarted, err
}

// off is a part that is switched off.
type off struct{}

// Serve implements suture.Service.
func (off) Serve(ctx context.Context) error { <-ctx.Done(); return suture.ErrDoNotRestart }

// service is a part under supervision.
type service struct {
	name   string
	runner runner
	log    *slog.Logger
	said   string // last error logged, so that a busy port is reported once
}

// String is the name in the supervisor's reports.
func (s *service) String() string { return s.name }

// Serve implements suture.Service.
func (s *service) Serve(ctx context.Context) error {
	defer run.Recover(s.log, s.name) // counted; the supervisor starts it again
	err := s.runner.Run(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = errors.New("it stopped by itself")
	}
	if text := err.Error(); text != s.said {
		s.said = text
		s.log.Error("a part does not run; the rest does", "part", s.name, "error", err)
	}
	var busy *run.BindError
	if errors.As(err, &busy) {
		select {
		case <-time.After(bindRetry):
		case <-ctx.Done():
		}
	}
	return err
}
