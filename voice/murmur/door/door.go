// Package door serves murmur's Ice interface for the Mumble server of this house,
// so that scripts made for murmur work with it: lists, moderation, messages,
// channels, rights, callbacks and an authenticator.
//
// It listens on this machine only. Whatever tells or changes something takes a
// secret. What the house has to offer comes through the interfaces of House.
package door

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"muster/internal/limit"
	"muster/internal/peer"
	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// Deps is what the door needs of the house.
type Deps struct {
	House House
	Doors *run.Doors
	Log   *slog.Logger
}

// Stats counts since the start.
type Stats struct {
	Open      int64 // gauge: connections
	Calls     int64
	Refused   int64 // calls without the right secret
	Malformed int64 // connections ended for breaking the protocol, and calls that could not be read
	Callbacks int64 // gauge: callbacks that are told of events
	Dropped   int64 // callbacks removed because they were gone or too slow
}

type counters struct {
	open, calls, refused, malformed, dropped atomic.Int64
}

const (
	doorName = "mumble-ice"

	maxConns  = 64
	idleAfter = 5 * time.Minute
	callLimit = 10 * time.Second // of one call
	serverID  = 1                // the one server there is
)

// The identities of the objects, as murmur's are.
var serverObject = ice.Identity{Name: "1", Category: "s"}

// Door serves Ice. Make it with New.
type Door struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	n       counters
	started time.Time

	callbacks *callbacks
	script    atomic.Pointer[Script]
}

// New returns a door; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Door, error) {
	if deps.House.People == nil || deps.House.Channels == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("door: people, channels, doors and log are needed")
	}
	d := &Door{cfg: cfg, deps: deps, log: deps.Log.With("part", "mumble-ice"), started: time.Now()}
	d.callbacks = newCallbacks(d.log, cfg.WriteSecret, &d.n.dropped)
	return d, nil
}

// Stats returns the present counts.
func (d *Door) Stats() Stats {
	return Stats{Open: d.n.open.Load(), Calls: d.n.calls.Load(), Refused: d.n.refused.Load(), Malformed: d.n.malformed.Load(),
		Callbacks: int64(d.callbacks.count()), Dropped: d.n.dropped.Load()}
}

// Run listens and serves until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	if !d.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	g := run.NewGroup(ctx, d.log, "mumble-ice")
	d.callbacks.run(g)
	if e := d.deps.House.Events; e != nil {
		defer e.Watch(d.callbacks.tell)()
	}
	g.Go(func(ctx context.Context) {
		d.deps.Doors.Keep(ctx, d.log, doorName, d.cfg.Listen, d.accept)
	})
	<-ctx.Done()
	g.Wait()
	d.setScript(nil)
	return nil
}

// accept serves the connections of l until it is closed, and waits for them.
func (d *Door) accept(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, d.log, "mumble-ice")
	defer g.Wait()
	defer cancel()
	conns := limit.NewConns(limit.ConnsConfig{PerAddress: maxConns, Total: maxConns})
	at := peer.Addr(l.Addr().String())
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("door: accept: %w", err)
		}
		release, ok := conns.Acquire(peer.Of(nc).Addr())
		if !ok {
			nc.Close()
			continue
		}
		g.Go(func(ctx context.Context) {
			defer release()
			defer nc.Close()
			d.n.open.Add(1)
			defer d.n.open.Add(-1)
			c := &conn{d: d, dialect: murmur.Murmur, at: ice.Endpoint{Host: at.Addr().String(), Port: int(at.Port())}}
			if err := ice.Serve(ctx, nc, ice.Serving{Idle: idleAfter}, c.handle); err != nil {
				d.n.malformed.Add(1)
				d.log.Info("connection ended", "remote", peer.Of(nc), "error", err)
			}
		})
	}
}

// conn is one connection of a script.
type conn struct {
	d       *Door
	dialect murmur.Dialect // the one it last asked for; its users are written so
	at      ice.Endpoint   // of the door, for proxies
}

// call is one call under way.
type call struct {
	*conn
	House
	in  *ice.Decoder
	out ice.Encoder
}

// access is what a call must bring along.
type access int

const (
	free  access = iota // tells nothing about anybody
	read                // the secret to read, or to write
	write               // the secret to write
)

// operation is one operation of an object. It reads all its parameters before it
// does anything, and leaves its results in out.
type operation struct {
	needs access
	do    func(ctx context.Context, c *call) error
}

// guessPause is how long the answer to a wrong secret takes.
const guessPause = 200 * time.Millisecond

// ErrRefused is wrapped by errors whose text the caller may see.
var ErrRefused = errors.New("this server does not do that over Ice")

// handle answers one request.
func (c *conn) handle(ctx context.Context, r *ice.Request) ice.Reply {
	c.d.n.calls.Add(1)
	ops, names := c.object(r.Object)
	if ops == nil {
		return ice.NoObject(r)
	}
	if r.Facet != "" {
		return ice.NoFacet(r)
	}
	if r.Op == "ice_isA" {
		c.speak(r.Params.Fork().String())
	}
	if reply, ok := ice.ReplyIsA(r, c.dialect.Types(names...)); ok {
		return reply
	}
	op, ok := ops[r.Op]
	if !ok {
		return ice.NoOperation(r)
	}
	if !c.d.allowed(op.needs, r.Context["secret"]) {
		c.d.n.refused.Add(1)
		select { // requests of a connection wait for each other: guessing takes long
		case <-time.After(guessPause):
		case <-ctx.Done():
		}
		return ice.Throw(c.dialect.Throw(murmur.InvalidSecret))
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	k := &call{conn: c, House: c.d.deps.House, in: r.Params}
	err := func() (err error) {
		err = errors.New("a bug, see above") // seen only if it panics
		defer run.Recover(c.d.log, "mumble-ice")
		err = op.do(ctx, k)
		return err
	}()
	var e murmur.Exception
	switch {
	case err == nil:
		return ice.OK(&k.out)
	case errors.As(err, &e):
		return ice.Throw(c.dialect.Throw(e))
	case errors.Is(err, ice.ErrMalformed):
		c.d.n.malformed.Add(1)
		return ice.Fault("the parameters cannot be read")
	case errors.Is(err, ErrRefused):
		return ice.Fault(err.Error())
	}
	c.d.log.Warn("a call was not carried out", "op", r.Op, "error", err)
	return ice.Fault("the server could not do it; its log says why")
}

// object returns the operations and types of an object; nil: there is none.
func (c *conn) object(id ice.Identity) (map[string]operation, []string) {
	switch id {
	case murmur.MetaID:
		return metaOps, []string{"Meta"}
	case serverObject:
		return serverOps, []string{"Server"}
	}
	return nil, nil
}

// speak chooses the dialect that a script asks for.
func (c *conn) speak(typeID string) {
	for _, d := range []murmur.Dialect{murmur.Murmur, murmur.MumbleServer} {
		if typeID == d.Type("Meta") || typeID == d.Type("Server") {
			c.dialect = d
		}
	}
}

// allowed compares a secret in constant time.
func (d *Door) allowed(needs access, secret string) bool {
	is := func(want string) bool {
		return want != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(want)) == 1
	}
	switch needs {
	case free:
		return true
	case read:
		return is(d.cfg.ReadSecret) || is(d.cfg.WriteSecret)
	}
	return is(d.cfg.WriteSecret)
}

// end says whether all parameters were read.
func (c *call) end() error { return c.in.End() }

// refuse is an operation that this house does not carry out.
func refuse(why string) operation {
	return operation{write, func(context.Context, *call) error { return fmt.Errorf("%w: %s", ErrRefused, why) }}
}

// without is the error of changing what the house does not have.
func without(what string) error { return fmt.Errorf("%w: it has no %s", ErrRefused, what) }

// server returns the proxy of the one server.
func (c *conn) server() ice.Proxy {
	return ice.Proxy{ID: serverObject, Endpoints: []ice.Endpoint{c.at}}
}
