package media

import (
	"errors"
	"testing"

	"muster/internal/auth"
)

func TestGuestIsCountedAndKicked(t *testing.T) {
	sessions := auth.NewSessions(nil)
	r := newTestRouter(t, func(c *Config) { c.Paths = map[string]PathConfig{"cam": {MaxReaders: 1}} })
	r.sessions = sessions
	p := publish(t, r, pilot)

	var kicked error
	req := ReadRequest{Identity: watch, Client: Client{Protocol: "hls"}, Name: cam, Kick: func(err error) { kicked = err }}
	g, err := r.Attend(req)
	if err != nil {
		t.Fatal(err)
	}
	g.Sent(7)
	if in := p.Stream().Info(); in.Readers["hls"] != 1 || in.BytesOut != 7 {
		t.Fatalf("the guest is not in %+v", in)
	}
	if _, err := r.Attend(req); !errors.Is(err, ErrFull) {
		t.Fatalf("a second guest where one may be: %v", err)
	}
	if !sessions.Kick(g.Session().Info().ID) || !errors.Is(kicked, auth.ErrKicked) {
		t.Fatalf("kicked with %v", kicked)
	}
	g.Close()
	g.Close()
	if in := p.Stream().Info(); len(in.Readers) != 0 || in.BytesOut != 7 {
		t.Fatalf("the guest is still in %+v", in)
	}

	req.Identity = other
	if _, err := r.Attend(req); !errors.Is(err, ErrNotFound) {
		t.Fatalf("another group's guest: %v", err)
	}
	p.Close(nil)
	req.Identity = watch
	if _, err := r.Attend(req); !errors.Is(err, ErrNotFound) {
		t.Fatalf("guest of an ended stream: %v", err)
	}
}

func TestOldestKeyStartsBeforeTheLast(t *testing.T) {
	r := newTestRouter(t)
	p := publish(t, r, pilot)
	for i := range 75 { // key frames 0, 30 and 60
		video(p, i, 30)
		audio(p, i)
	}
	rd, err := r.Tap(p.Stream(), StartOldestKey)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close(nil)
	got := pull(t, rd, 150)
	if !got[0].Key || got[0].PTS != 0 || got[0].At != 0 || got[1].Track.Index != 1 || got[1].At != 0 {
		t.Fatalf("starts with %+v and %+v", got[0].Unit, got[1].Unit)
	}
}
