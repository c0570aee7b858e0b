// Package front shares one TCP port between protocols. The first bytes of a
// connection, the protocol agreed on in TLS (ALPN), or the first bytes inside
// TLS decide who gets it.
//
// It knows how protocols begin and nothing more of them: whoever serves one
// registers a handler. What was read to decide is replayed to the handler.
package front

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/limit"
	"muster/internal/run"
)

// Config bounds what a connection may cost before it is known what it is.
type Config struct {
	HelloTimeout time.Duration     `yaml:"helloTimeout" doc:"How long a new connection may take to show its protocol and finish the TLS handshake."`
	Handshakes   limit.ConnsConfig `yaml:"handshakes" doc:"TLS handshakes that may be under way at one time; further ones wait their turn."`
}

// DefaultConfig returns the limits a door starts with.
func DefaultConfig() Config {
	return Config{HelloTimeout: 10 * time.Second, Handshakes: limit.ConnsConfig{PerAddress: 128, Total: 1024}}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if c.HelloTimeout < time.Second || c.HelloTimeout > time.Minute {
		return errors.New("helloTimeout must be between 1s and 1m")
	}
	if err := c.Handshakes.Validate(); err != nil {
		return fmt.Errorf("handshakes: %w", err)
	}
	return nil
}

// Handler serves a connection. It owns c and closes it; it returns soon after
// ctx ends.
type Handler func(ctx context.Context, c net.Conn)

// Front is the sorting office of one listener.
type Front struct {
	cfg      Config
	tls      *tls.Config
	log      *slog.Logger
	handlers map[Kind]Handler // not changed once Serve runs
	gate     *limit.Conns     // handshakes under way

	counts sync.Map // Kind → *atomic.Int64: connections handed over
	lost   struct {
		handshake, silent, unknown, unserved atomic.Int64
	}
}

// New returns a front without handlers. tlsConfig must offer Protocols.
func New(cfg Config, tlsConfig *tls.Config, log *slog.Logger) (*Front, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("front: %w", err)
	}
	return &Front{
		cfg: cfg, tls: tlsConfig, log: log.With("part", "front"),
		handlers: make(map[Kind]Handler), gate: limit.NewConns(cfg.Handshakes),
	}, nil
}

// Handle sets who serves connections of a kind. Connections of a kind without a
// handler are closed and counted. Call it before Serve.
func (f *Front) Handle(k Kind, h Handler) { f.handlers[k] = h }

// Serve sorts the connections of l until ctx ends and every handler has
// returned. It closes l. The error is nil when ctx ended.
func (f *Front) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := run.NewGroup(ctx, f.log, "front")
	defer g.Wait()
	defer cancel()
	g.Go(func(ctx context.Context) {
		<-ctx.Done()
		l.Close()
	})
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("front: accept: %w", err)
		}
		if !g.Go(func(ctx context.Context) { f.serve(ctx, &socket{Conn: c}) }) {
			c.Close()
		}
	}
}

// serve finds out what c carries and hands it over.
func (f *Front) serve(ctx context.Context, c *socket) {
	handed := false
	defer func() {
		if !handed {
			c.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := c.SetDeadline(time.Now().Add(f.cfg.HelloTimeout)); err != nil {
		return
	}
	kind, conn := f.sort(ctx, c)
	if conn == nil {
		return
	}
	h := f.handlers[kind]
	if h == nil {
		f.lost.unserved.Add(1)
		f.log.Debug("nobody serves this", "kind", string(kind), "remote", c.RemoteAddr().String())
		return
	}
	if !stop() || c.SetDeadline(time.Time{}) != nil {
		return // the server is going down
	}
	n, _ := f.counts.LoadOrStore(kind, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	handed = true
	h(ctx, conn)
}

// sort returns what c carries and the connection to read it from, or a nil
// connection when that cannot be said.
func (f *Front) sort(ctx context.Context, c *socket) (Kind, net.Conn) {
	kind, seen, err := peek(c)
	if err != nil {
		f.lost.silent.Add(1)
		return Unknown, nil
	}
	plain := &Conn{Conn: c, seen: seen}
	if kind != tlsHello {
		return f.known(kind, plain)
	}
	secure := tls.Server(plain, f.tls)
	if err := f.handshake(ctx, secure); err != nil {
		f.lost.handshake.Add(1)
		f.log.Debug("TLS handshake", "remote", c.RemoteAddr().String(), "error", err)
		return Unknown, nil
	}
	state := secure.ConnectionState()
	if kind := byALPN(state.NegotiatedProtocol); kind != "" {
		// A *tls.Conn as it is: net/http wants to see one for HTTP/2.
		return f.known(kind, secure)
	}
	kind, seen, err = peek(secure)
	if err != nil {
		f.lost.silent.Add(1)
		return Unknown, nil
	}
	return f.known(insideTLS(kind), &Conn{Conn: secure, seen: seen, state: &state})
}

func (f *Front) known(kind Kind, c net.Conn) (Kind, net.Conn) {
	if kind == Unknown {
		f.lost.unknown.Add(1)
		return Unknown, nil
	}
	return kind, c
}

// gatePoll is how often a connection looks for a place to do its handshake.
const gatePoll = 20 * time.Millisecond

// handshake runs the TLS handshake when it has a place. Places are per address
// too, so that one that dawdles in many handshakes only keeps itself waiting.
func (f *Front) handshake(ctx context.Context, c *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.HelloTimeout)
	defer cancel()
	release, ok := f.gate.Acquire(address(c))
	for !ok {
		select {
		case <-time.After(gatePoll):
			release, ok = f.gate.Acquire(address(c))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer release()
	return c.HandshakeContext(ctx)
}

func address(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil { // not an IP socket: all of them are one source
		return netip.Addr{}
	}
	return ap.Addr()
}

// Stats counts connections since the start.
type Stats struct {
	Served    map[Kind]int64 // handed to a handler, by kind
	Handshake int64          // TLS handshakes that came to nothing
	Silent    int64          // closed or too slow before it was clear what they carry
	Unknown   int64          // carried nothing this server speaks
	Unserved  int64          // carried something that is switched off here
}

// Stats returns the counters.
func (f *Front) Stats() Stats {
	s := Stats{
		Served: make(map[Kind]int64), Handshake: f.lost.handshake.Load(), Silent: f.lost.silent.Load(),
		Unknown: f.lost.unknown.Load(), Unserved: f.lost.unserved.Load(),
	}
	f.counts.Range(func(k, v any) bool {
		s.Served[k.(Kind)] = v.(*atomic.Int64).Load()
		return true
	})
	return s
}
