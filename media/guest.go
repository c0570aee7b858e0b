package media

import (
	"sync"
	"sync/atomic"

	"muster/internal/auth"
)

// Guest is somebody who receives a stream through a part of the server that
// reads once for many, such as the HLS segmenter: on the register like a
// reader, counted like one, but without a place in the ring.
type Guest struct {
	stream  *Stream
	session *auth.Session
	bytes   atomic.Int64
	once    sync.Once
}

// Attend registers a guest of the stream that req names; Tracks and Start are
// ignored. Kick is called when the guest must go, and may be called before
// Attend returns. The errors are ErrNotFound and ErrFull. The owner calls Close.
func (r *Router) Attend(req ReadRequest) (*Guest, error) {
	s, err := r.Find(req.Identity, req.Name)
	if err != nil {
		return nil, err
	}
	g := &Guest{stream: s}
	g.session, err = r.sessions.Open(req.Identity, auth.Read, s.resource(), req.Client.session(), req.Kick)
	if err != nil {
		return nil, ErrNotFound
	}
	if err := s.admit(g, r.Path(req.Name).MaxReaders); err != nil {
		g.session.Close()
		return nil, err
	}
	return g, nil
}

// admit makes g a guest. The errors are ErrNotFound and ErrFull.
func (s *Stream) admit(g *Guest, limit int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return ErrNotFound
	}
	if !s.room(limit) {
		return ErrFull
	}
	s.guests[g] = struct{}{}
	s.tellAudience()
	return nil
}

// Stream returns what is being received.
func (g *Guest) Stream() *Stream { return g.stream }

// Session returns the guest's entry in the register of sessions.
func (g *Guest) Session() *auth.Session { return g.session }

// Sent counts n bytes that were sent to the guest.
func (g *Guest) Sent(n int) { g.bytes.Add(int64(n)) }

// Close takes the guest off the registers. Closing twice is harmless.
func (g *Guest) Close() {
	g.once.Do(func() {
		s := g.stream
		s.mu.Lock()
		delete(s.guests, g)
		s.bytesOut.Add(g.bytes.Load())
		s.tellAudience()
		s.mu.Unlock()
		g.session.Close()
	})
}
