package media

import (
	"errors"
	"sync"
	"testing"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media/codec"
)

func TestLatchKeepsAnEarlyKick(t *testing.T) {
	var l latch
	first := errors.New("first")
	l.fire(first)
	l.fire(errors.New("second"))
	var got []error
	l.arm(func(reason error) { got = append(got, reason) })
	if len(got) != 1 || got[0] != first {
		t.Fatalf("early kicks gave %v", got)
	}
	l.fire(auth.ErrKicked)
	if len(got) != 2 || got[1] != auth.ErrKicked {
		t.Fatalf("a later kick gave %v", got)
	}
}

// A reader that is kicked while it is being opened must leave nothing behind.
func TestKickWhileOpening(t *testing.T) {
	var sessions *auth.Sessions
	sessions = auth.NewSessions(func(s auth.SessionInfo, open bool) {
		if open && s.Action == auth.Read {
			sessions.Kick(s.ID) // before Open has returned
		}
	})
	r := New(DefaultConfig(), sessions, bus.New(), quiet)
	p := publish(t, r, pilot)
	kicked := make(chan error, 1)
	_, err := r.Read(ReadRequest{Identity: watch, Client: from, Name: cam, Kick: func(reason error) { kicked <- reason }})
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	if reason := <-kicked; !errors.Is(reason, auth.ErrKicked) {
		t.Fatalf("kicked for %v", reason)
	}
	if n := len(sessions.List()); n != 1 {
		t.Fatalf("%d sessions on the register, not the publisher's alone", n)
	}
	if in := p.Stream().Info(); len(in.Readers) != 0 {
		t.Fatalf("readers %v", in.Readers)
	}
}

func TestMaxReadersHoldsForManyAtOnce(t *testing.T) {
	r := newTestRouter(t, func(c *Config) { c.Paths["cam"] = PathConfig{Groups: []string{"A"}, MaxReaders: 3} })
	publish(t, r, pilot)
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for range 50 {
		wg.Go(func() {
			rd, err := r.Read(ReadRequest{Identity: watch, Client: from, Name: cam, Kick: func(error) {}})
			switch {
			case err == nil:
				t.Cleanup(func() { rd.Close(nil) })
				mu.Lock()
				in++
				mu.Unlock()
			case !errors.Is(err, ErrFull):
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if in != 3 {
		t.Fatalf("%d readers of a stream that may have 3", in)
	}
	if n := len(r.sessions.List()); n != 4 {
		t.Fatalf("%d sessions on the register, not 3 and the publisher's", n)
	}
}

// A user whose name is that of a part of the server must not get its streams.
func TestUserCannotReplaceAConfiguredSource(t *testing.T) {
	r := newTestRouter(t, func(c *Config) { c.Paths["cam"] = PathConfig{Groups: []string{"A"}} })
	publish(t, r, auth.System("source"))
	id := pilot
	id.User = "source"
	_, err := r.Publish(PublishRequest{Identity: id, Client: from, Name: cam, Formats: []*codec.Format{codec.NewOpus(2)}, Kick: func(error) {}})
	if !errors.Is(err, ErrBusy) {
		t.Fatalf("got %v", err)
	}
}
