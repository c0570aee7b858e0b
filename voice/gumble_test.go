package voice

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"layeh.com/gumble/gumble"
	"layeh.com/gumble/gumble/MumbleProto"

	"muster/voice/wire"
)

// still is a codec for gumble: whatever is said, it is the same packet.
type still struct{}

func (still) ID() int                         { return 4 }
func (still) NewEncoder() gumble.AudioEncoder { return still{} }
func (still) NewDecoder() gumble.AudioDecoder { return still{} }
func (still) Reset()                          {}

func (still) Encode(pcm []int16, _, _ int) ([]byte, error) { return frame10, nil }

func (still) Decode(data []byte, _ int) ([]int16, error) {
	if !bytes.Equal(data, frame10) {
		return nil, nil
	}
	return make([]int16, 480), nil
}

var frame10 = []byte{0xf0, 7, 7, 7}

type hearing struct {
	from chan string
	done <-chan struct{} // gumble does not end its streams
}

func (h hearing) OnAudioStream(e *gumble.AudioStreamEvent) {
	go func() {
		for {
			select {
			case <-e.C:
			case <-h.done:
				return
			}
			select {
			case h.from <- e.User.Name:
			default:
			}
		}
	}()
}

func dialGumble(t *testing.T, s *server, name string, cert *tls.Certificate) (*gumble.Client, hearing) {
	t.Helper()
	cfg := gumble.NewConfig()
	cfg.Username = name
	secure := &tls.Config{InsecureSkipVerify: true}
	if cert != nil {
		secure.Certificates = []tls.Certificate{*cert}
	} else {
		cfg.Password = "pw " + name
	}
	h := hearing{make(chan string, 100), t.Context().Done()}
	cfg.AttachAudio(h)
	c, err := gumble.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, s.addr, cfg, secure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect() })
	return c, h
}

// TestGumbleClientsHearEachOther is about a client that others wrote.
func TestGumbleClientsHearEachOther(t *testing.T) {
	gumble.RegisterAudioCodec(4, still{})
	s := serve(t, newHouse(), nil)
	alice, toAlice := dialGumble(t, s, "alice", nil)
	bob, toBob := dialGumble(t, s, "Bravo 2", ours(t, "bob", "phone"))
	enter := func(c *gumble.Client) {
		c.Do(func() { c.Self.Move(c.Channels.Find("blue")) })
		eventually(t, "is in blue", func() (in bool) {
			c.Do(func() { in = c.Self.Channel.Name == "blue" })
			return in
		})
	}
	enter(alice)
	enter(bob)
	talk := func(from *gumble.Client, to hearing, name string) {
		t.Helper()
		out := from.AudioOutgoing()
		defer close(out)
		for range 200 {
			out <- make(gumble.AudioBuffer, 480)
			select {
			case got := <-to.from:
				if got != name {
					t.Errorf("heard %q, not %q", got, name)
				}
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		t.Errorf("%s is not heard", name)
	}
	talk(alice, toBob, "alice")
	talk(bob, toAlice, "Bravo 2")
	alice.Do(func() {
		if u := alice.Users.Find("Bravo 2"); u == nil || u.UserID == 0 || u.Channel.Name != "blue" {
			t.Errorf("bob is shown as %+v", u)
		}
	})
	menu(t, s, alice)
}

// menu puts an entry into the menus of a client; what is chosen there comes back.
func menu(t *testing.T, s *server, c *gumble.Client) {
	t.Helper()
	chosen := make(chan Event, 10)
	s.Watch(func(e Event) {
		if e.Kind == ActionChosen {
			chosen <- e
		}
	})
	c.Do(func() { c.ContextActions = make(gumble.ContextActions) }) // gumble forgets to
	if err := s.AddAction(c.Self.Session, "act", "Do it", wire.MenuServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the menu has the entry", func() (there bool) {
		c.Do(func() { there = c.ContextActions["act"] != nil && c.ContextActions["act"].Label == "Do it" })
		return there
	})
	if err := c.Conn.WriteProto(&MumbleProto.ContextAction{Action: new("act")}); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-chosen:
		if *e.Action.Action != "act" || e.Session.Number != c.Self.Session {
			t.Errorf("chosen was %+v", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody is told what was chosen")
	}
}
