package hls

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/media"
)

// Authenticator turns a proof into an identity.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Deps is what the server needs of the house.
type Deps struct {
	Router *media.Router
	Auth   Authenticator
	Doors  *run.Doors
	Conns  *limit.Conns // nil: connections are not limited
	Log    *slog.Logger

	// IdentityOf tells who is logged in by the web server's cookie; nil: no
	// cookies. It is asked when a request shows no other proof.
	IdentityOf func(*http.Request) (auth.Identity, bool)
}

// Limits and times of the HTTP door.
const (
	headerTimeout = 10 * time.Second // slow headers
	idleTimeout   = 60 * time.Second // between two requests of a connection
	writeTimeout  = 30 * time.Second // one answer
	stopWithin    = time.Second      // answers under way when the server stops
	maxHeader     = 64 << 10         // bytes
	sweepEvery    = time.Second
)

// Stats are counters since the start, and what is open now.
type Stats struct {
	Sessions int64 // open
	Muxers   int64 // open
	Requests int64
	Refused  int64 // requests without a right to what they asked for
	Bytes    int64 // sent in answers
	BadUnits int64 // access units that the segmenter could not use
	Restarts int64 // series of segments begun anew in flight
	Failures int64 // of these, because too many units could not be used; and segmenters given up
}

type counters struct {
	requests, refused, bytes, badUnits, restarts, failures atomic.Int64
}

// Server serves the streams of a Router over HTTP.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	group atomic.Pointer[run.Group] // set while Run runs
	count counters

	mu       sync.Mutex // guards what follows; taken before the locks of muxers and streams
	muxers   map[*media.Stream]*muxer
	sessions map[string]*session // by secret
	implicit map[who]*session    // of clients that send credentials with every request
}

// New returns a server that does nothing until Run. cfg must be valid.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Server{
		cfg: cfg, deps: deps, log: deps.Log.With("part", "hls"),
		muxers:   make(map[*media.Stream]*muxer),
		sessions: make(map[string]*session),
		implicit: make(map[who]*session),
	}, nil
}

// Run serves until ctx ends and all that it started has ended. The error is a
// *run.BindError or what ended the listener. Without an address only Handler
// is served.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := run.NewGroup(ctx, s.log, "hls")
	s.group.Store(g)
	defer g.Wait()
	defer s.closeAll()
	defer s.group.Store(nil)
	defer cancel()
	g.Go(s.sweepLoop)
	if s.cfg.Address == "" {
		<-ctx.Done()
		return nil
	}
	l, err := s.deps.Doors.Listen(ctx, "hls", s.cfg.Address)
	if err != nil {
		return err
	}
	return s.serve(ctx, g, l)
}

func (s *Server) serve(ctx context.Context, g *run.Group, l net.Listener) error {
	if s.deps.Conns != nil {
		l = limit.NewListener(l, s.deps.Conns, s.log)
	}
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout, // requests have no body
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	g.Go(func(ctx context.Context) {
		<-ctx.Done() // which also lets go of requests that wait for media
		grace, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	sessions, muxers := len(s.sessions), len(s.muxers)
	s.mu.Unlock()
	c := &s.count
	return Stats{
		Sessions: int64(sessions), Muxers: int64(muxers),
		Requests: c.requests.Load(), Refused: c.refused.Load(), Bytes: c.bytes.Load(),
		BadUnits: c.badUnits.Load(), Restarts: c.restarts.Load(), Failures: c.failures.Load(),
	}
}

func (s *Server) sweepLoop(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.sweep(now)
		}
	}
}

// sweep removes clients and segmenters that nobody has asked anything for long.
func (s *Server) sweep(now time.Time) {
	before := now.Add(-s.cfg.idle())
	var idle []*session
	s.mu.Lock()
	for _, ses := range s.sessions {
		if ses.use.idleSince(before) {
			idle = append(idle, ses)
		}
	}
	for stream, m := range s.muxers {
		if m.use.idleSince(before) {
			delete(s.muxers, stream)
			m.reader.Close(nil)
		} else {
			m.forget(now.Add(-keepAnswers))
		}
	}
	s.mu.Unlock()
	for _, ses := range idle {
		s.end(ses, errIdle)
	}
}

func (s *Server) closeAll() {
	s.mu.Lock()
	open := make([]*session, 0, len(s.sessions))
	for _, ses := range s.sessions {
		open = append(open, ses)
	}
	for stream, m := range s.muxers {
		delete(s.muxers, stream)
		m.reader.Close(nil)
	}
	s.mu.Unlock()
	for _, ses := range open {
		s.end(ses, errStopped)
	}
}

// muxer returns the segmenter of stream, making it if there is none.
func (s *Server) muxer(stream *media.Stream) (*muxer, error) {
	g := s.group.Load()
	if g == nil {
		return nil, errStopped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.muxers[stream]; m != nil {
		m.use.touch()
		return m, nil
	}
	m, err := newMuxer(s.cfg, stream, &s.count, s.log)
	if err != nil {
		return nil, err
	}
	// The tap starts a few seconds back, so that whole segments exist at once.
	m.reader, err = s.deps.Router.Tap(stream, media.StartOldestKey)
	if err != nil {
		m.close()
		return nil, media.ErrNotFound
	}
	m.use.touch()
	started := g.Go(func(ctx context.Context) {
		defer s.muxerEnded(stream, m)
		m.feed(ctx)
	})
	if !started {
		m.reader.Close(nil)
		m.close()
		return nil, errStopped
	}
	s.muxers[stream] = m
	return m, nil
}

// muxerEnded tidies up after a segmenter. When it ended because its stream did,
// its clients end too; else their next request makes a new one.
func (s *Server) muxerEnded(stream *media.Stream, m *muxer) {
	var over []*session
	s.mu.Lock()
	if s.muxers[stream] == m {
		delete(s.muxers, stream)
	}
	if m.streamEnded.Load() {
		for _, ses := range s.sessions {
			if ses.guest.Stream() == stream {
				over = append(over, ses)
			}
		}
	}
	s.mu.Unlock()
	m.reader.Close(nil)
	m.close()
	for _, ses := range over {
		s.end(ses, media.ErrStreamEnded)
	}
}
