package hls

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
)

// Why a session ended.
var (
	errIdle    = errors.New("the client stopped asking")
	errStopped = errors.New("the server is stopping")
	errCrowded = errors.New("too many clients")
)

const (
	maxPerUser = 32 // sessions of one user on one stream; a further one ends the one unused longest
	maxAtOnce  = 16 // requests of one session being answered; more are refused
)

// use notes when something was last needed.
type use struct {
	busy atomic.Int32 // requests being answered
	last atomic.Int64 // Unix nanoseconds
}

func (u *use) touch() { u.last.Store(time.Now().UnixNano()) }

func (u *use) idleSince(t time.Time) bool {
	return u.busy.Load() == 0 && u.last.Load() < t.UnixNano()
}

// begin counts a request in; the caller calls done when it was answered.
func (u *use) begin() int32 {
	u.touch()
	return u.busy.Add(1)
}

func (u *use) done() {
	u.touch()
	u.busy.Add(-1)
}

// session is one client watching one stream. Its secret stands in every address
// of the playlists it is given, and is all that it needs to show.
type session struct {
	secret string
	name   safename.Name
	user   string
	key    who // of an implicit session, else zero
	guest  *media.Guest
	use    use

	// ctx ends, with the reason as its cause, when the session does: that is
	// what lets go of requests in flight.
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// who tells clients apart that send credentials with every request and so need
// no secret.
type who struct {
	user, token, device string
	addr                netip.Addr
	name                safename.Name
}

// find returns the session with that secret if it is for name.
func (s *Server) find(secret string, name safename.Name) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses := s.sessions[secret]; ses != nil && ses.name == name {
		return ses
	}
	return nil
}

// open registers a client. The errors are those of Router.Attend and errCrowded.
func (s *Server) open(id auth.Identity, client media.Client, name safename.Name) (*session, error) {
	return s.register(&session{name: name, user: id.User}, id, client)
}

// openImplicit returns the one session of a client that shows credentials with
// a request for a segment, so that it, too, is listed and counted.
func (s *Server) openImplicit(id auth.Identity, client media.Client, name safename.Name) (*session, error) {
	stream, err := s.deps.Router.Find(id, name) // rights may have changed since
	if err != nil {
		return nil, err
	}
	key := who{id.User, id.Token, id.Device, client.Remote.Addr(), name}
	s.mu.Lock()
	ses := s.implicit[key]
	s.mu.Unlock()
	if ses != nil && ses.guest.Stream() == stream {
		return ses, nil
	}
	return s.register(&session{name: name, user: id.User, key: key}, id, client)
}

func (s *Server) register(ses *session, id auth.Identity, client media.Client) (*session, error) {
	if err := s.makeRoom(ses); err != nil {
		return nil, err
	}
	ses.secret = rand.Text()
	ses.ctx, ses.cancel = context.WithCancelCause(context.Background())
	ses.use.touch()
	guest, err := s.deps.Router.Attend(media.ReadRequest{
		Identity: id, Client: client, Name: ses.name,
		Kick: func(reason error) { s.end(ses, reason) },
	})
	if err != nil {
		ses.cancel(err)
		return nil, err
	}
	s.mu.Lock()
	ses.guest = guest
	stopped := ses.ctx.Err() != nil || s.group.Load() == nil
	if !stopped {
		s.sessions[ses.secret] = ses
		if ses.key != (who{}) {
			s.implicit[ses.key] = ses
		}
	}
	s.mu.Unlock()
	if stopped {
		guest.Close()
		ses.cancel(errStopped)
		return nil, media.ErrNotFound
	}
	s.log.Info("client watches", "stream", ses.name.String(), "user", ses.user, "remote", client.Remote, "conn", guest.Session().Info().ID)
	return ses, nil
}

// makeRoom ends the user's longest unused session on the stream when there are
// too many of them, and refuses when the server is full.
func (s *Server) makeRoom(next *session) error {
	var oldest *session
	s.mu.Lock()
	n, total := 0, len(s.sessions)
	for _, ses := range s.sessions {
		if ses.user != next.user || ses.name != next.name {
			continue
		}
		n++
		if oldest == nil || ses.use.last.Load() < oldest.use.last.Load() {
			oldest = ses
		}
	}
	s.mu.Unlock()
	if n >= maxPerUser {
		s.end(oldest, errCrowded)
		return nil
	}
	if total >= s.cfg.MaxSessions {
		return errCrowded
	}
	return nil
}

// end makes the session's secret worthless, lets go of its requests and takes
// it off the registers. Ending twice is harmless.
func (s *Server) end(ses *session, reason error) {
	ses.cancel(reason)
	s.mu.Lock()
	_, was := s.sessions[ses.secret]
	delete(s.sessions, ses.secret)
	if s.implicit[ses.key] == ses {
		delete(s.implicit, ses.key)
	}
	guest := ses.guest
	s.mu.Unlock()
	if guest != nil {
		guest.Close()
	}
	if was {
		s.log.Info("client left", "stream", ses.name.String(), "user", ses.user, "conn", guest.Session().Info().ID, "reason", reason)
	}
}
