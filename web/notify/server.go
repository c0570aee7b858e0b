// Package notify is the notification server: the signalling of rooms, and what
// people are told of them. Clients speak JSON messages over a WebSocket, or over
// server-sent events or long polls where a proxy lets no WebSocket through.
// docs/room-protocol.md describes the protocol to whoever writes a client.
package notify

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/media"
	"muster/media/mcu"
)

// part names this package in logs.
const part = "notify"

// ICEServer is a STUN or TURN server that a client is told to use.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Seat is the media of one participant.
type Seat interface {
	Offer(sdp string, sources map[string]mcu.VideoSource) (answer string, err error)
	Show([]mcu.Place) error
	Ended() <-chan struct{}
	Reason() error
	Close(reason error)
}

// Deps are the other parts that the server works with.
type Deps struct {
	Rooms *mcu.Rooms
	Seat  func(p *mcu.Participant, who auth.Identity, client media.Client) (Seat, error)
	// ICE names the servers that who uses to reach room, calling this one host. stay
	// is the participant's; Gone is told when a guest's ends. Either may be nil.
	ICE  func(who auth.Identity, room auth.Resource, stay, host string) []ICEServer
	Gone func(stay string)

	BadOffer func(error) bool // whether an error of a Seat is the client's fault, and its text for the client
	Sessions *auth.Sessions
	Bus      *bus.Bus
	Log      *slog.Logger

	MaxSessions int // clients at one time
}

// maxPerAddress bounds the sessions behind one address: a command post behind one
// NAT fits, a flood does not. A page has one for the list of rooms and one for each
// room that it hears, up to six.
const maxPerAddress = 1500

var (
	errStopping = errors.New("the server is stopping")
	errBusy     = errors.New("too many clients; try again in a moment")
	errLogin    = errors.New("log in, or come with an invitation")
	errLapsed   = errors.New("the client did not come back")
)

// Server is the notification server.
type Server struct {
	deps Deps
	log  *slog.Logger

	mu       sync.Mutex // guards what follows
	sessions map[string]*session
	perAddr  map[netip.Prefix]int // by limit.Prefix
	stopping bool
}

// New returns a server that nobody has come to yet.
func New(deps Deps) *Server {
	return &Server{deps: deps, log: deps.Log.With("part", part), sessions: make(map[string]*session), perAddr: make(map[netip.Prefix]int)}
}

// Stats are gauges.
type Stats struct {
	Clients int64 // at this moment, also those that may come back
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Clients: int64(len(s.sessions))}
}

// lookEvery is how often sessions without a connection are looked at.
const lookEvery = time.Second

// factQueue is how many facts may wait to be told; further ones are dropped:
// clients ask for the list of rooms when it matters.
const factQueue = 256

// Run tells clients what happens until ctx ends, and ends their sessions then.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = false
	s.mu.Unlock()
	sub := s.deps.Bus.Subscribe(factQueue)
	defer sub.Close()
	group := run.NewGroup(ctx, s.log, part)
	group.Go(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case f := <-sub.C:
				s.spread(f)
			}
		}
	})
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, c := range s.all() {
				if c.lapsed(now) {
					c.close(errLapsed)
				}
			}
			continue
		case <-ctx.Done():
		}
		break
	}
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	for _, c := range s.all() {
		c.close(errStopping)
	}
	group.Wait()
	return nil
}

func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*session, 0, len(s.sessions))
	for _, c := range s.sessions {
		out = append(out, c)
	}
	return out
}

// of returns the sessions in which user is logged in.
func (s *Server) of(user string) []*session {
	return slices.DeleteFunc(s.all(), func(c *session) bool { return !c.known || c.who.User != user })
}

// spread tells those who watch of a fact about a room.
func (s *Server) spread(f bus.Fact) {
	switch f.Kind {
	case mcu.FactOpened, mcu.FactClosed, mcu.FactJoined, mcu.FactLeft, mcu.FactChange:
	default:
		return
	}
	fact, ok := f.Data.(mcu.Fact)
	if !ok {
		return
	}
	for _, c := range s.all() {
		c.mu.Lock()
		watching := c.watching
		c.mu.Unlock()
		if watching && auth.Allow(c.who, auth.Read, auth.Room(auth.RoomStreams+fact.Room, f.Groups)) == nil {
			c.tell(typeFact, struct {
				Kind string `json:"kind"`
				mcu.Fact
			}{f.Kind, fact})
		}
	}
}

func (s *Server) ice(p *mcu.Participant, who auth.Identity, host string) []ICEServer {
	if s.deps.ICE == nil {
		return []ICEServer{}
	}
	set := p.Room().Settings()
	return append([]ICEServer{}, s.deps.ICE(who, auth.Room(set.Stream(), set.Groups), p.ID, host)...)
}

// find returns the session that key names, if it is that of who.
func (s *Server) find(key string, who auth.Identity, known bool) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.sessions[key] // 130 random bits: timing of the map says nothing useful
	if c == nil || c.known != known || known && c.who.User != who.User {
		return nil
	}
	return c
}
