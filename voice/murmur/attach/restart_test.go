package attach

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"layeh.com/gumble/gumble/MumbleProto"

	"muster/voice/ice"
	"muster/voice/murmur"
)

// TestRestarts ends murmurd and ourselves in turn. While we are away murmurd's
// server is stopped, so that nobody is let in.
func TestRestarts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := newMurmurd(t, "icesecretwrite="+testSecret)
	m.start()
	h.attach(m)
	ann := mustLogin(t, m, "ann", "ann-password")

	m.stop() // it does not hang on us
	eventually(t, "we notice", func() bool { return !h.Status().Attached && len(h.sessions.List()) == 0 })
	m.start()
	h.waitAttached()
	again := mustLogin(t, m, "ann", "ann-password")
	_ = ann

	h.stopRun()
	select {
	case <-again.gone:
	case <-time.After(5 * time.Second):
		t.Error("murmurd goes on without us")
	}
	if _, err := connect(t, m, "ann", "ann-password"); rejected(err) != "closed" {
		t.Errorf("while we are away: %s", rejected(err))
	}
	m.stop()
	m.start() // and it stays closed when it starts without us
	if _, err := connect(t, m, "SuperUser", "x"); rejected(err) != "closed" {
		t.Errorf("a murmurd that starts without us: %s", rejected(err))
	}
	h.attach(m)
	mustLogin(t, m, "ann", "ann-password")
	if _, err := connect(t, m, "stranger", ""); rejected(err) != "reject 3" {
		t.Errorf("a stranger after that: %s", rejected(err))
	}
}

// TestSuperUserWhileDetached logs in as SuperUser while we are away, which damages
// murmurd's list of users so that it never starts again, unless it is mended.
func TestSuperUserWhileDetached(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.KeepOpen = true
	m := newMurmurd(t, "icesecretwrite="+testSecret+"\nsslCA="+h.caFile())
	m.start()
	h.attach(m)
	byCert := mustLogin(t, m, "ALPHA---x", "", h.certificate("ann", "phone"))
	byPassword := mustLogin(t, m, "bob", "bob-password")
	byCert.do(func() { byCert.Self.Move(byCert.Channels.Find("Blue")) })
	eventually(t, "ann is in her channel", func() bool { return byCert.in() == "Blue" })

	h.stopRun()
	for _, name := range []string{"ann", "stranger", "SuperUser"} {
		if _, err := connect(t, m, name, name+"-password"); rejected(err) != "reject 8" {
			t.Errorf("%s while we are away: %s", name, rejected(err))
		}
	}
	ok(t, h.auth.Grant(t.Context(), "ann", "Blue", false, true))
	h.attach(m)
	eventually(t, "what changed meanwhile is so", func() bool { return byCert.in() == "Blue" && byCert.suppressed() })
	select {
	case <-byPassword.gone: // nobody knows who it is
	case <-time.After(5 * time.Second):
		t.Error("a session of unknown rights stays")
	}
	select {
	case <-byCert.gone:
		t.Error("a session with a certificate was ended")
	default:
	}
	if got := h.sessions.List(); len(got) != 1 || got[0].User != "ann" || byCert.in() != "Blue" {
		t.Errorf("sessions: %+v", got)
	}
	mustLogin(t, m, "bob", "bob-password")

	m.stop()
	m.start()
	h.waitAttached()
	mustLogin(t, m, "bob", "bob-password")
}

// TestAuthenticatorIsRenewed takes the place of the authenticator away, as murmurd
// does by itself when anything goes wrong. It is refused, not opened, and mended.
func TestAuthenticatorIsRenewed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := newMurmurd(t, "icesecretwrite="+testSecret)
	m.start()
	h.renewEvery = time.Hour
	h.attach(m)
	s := script(t, m)
	broken := serveBroken(t)
	ok(t, s.SetAuthenticator(t.Context(), broken))
	if _, err := connect(t, m, "ann", "ann-password"); rejected(err) != "reject 8" {
		t.Errorf("with a broken authenticator: %s", rejected(err))
	}
	h.stopRun()
	h.renewEvery = 50 * time.Millisecond
	h.attach(m)
	ok(t, s.SetAuthenticator(t.Context(), broken))
	eventually(t, "ann is let in again", func() bool {
		_, err := connect(t, m, "ann", "ann-password")
		return err == nil
	})
	added := strings.Count(m.out.String(), "Added Ice ServerCallback")
	time.Sleep(10 * h.renewEvery)
	if now := strings.Count(m.out.String(), "Added Ice ServerCallback"); now != added {
		t.Errorf("each renewal adds another callback: %d, then %d", added, now)
	}
}

// serveBroken serves an authenticator that answers everything with an error.
func serveBroken(t *testing.T) ice.Proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = ice.Serve(ctx, nc, ice.Serving{}, func(_ context.Context, r *ice.Request) ice.Reply {
					if reply, ok := ice.ReplyIsA(r, murmur.Murmur.Types("ServerAuthenticator")); ok {
						return reply
					}
					return ice.Fault("broken")
				})
			}()
		}
	}()
	t.Cleanup(func() { cancel(); l.Close(); <-done })
	return ice.Proxy{ID: ice.Identity{Name: "broken"}, Endpoints: []ice.Endpoint{{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}}
}

// forgedCallbacks calls our authenticator as any process of the machine can.
func forgedCallbacks(t *testing.T, h *house, m *murmurd) {
	before := h.Stats()
	nc, err := net.Dial("tcp", h.deps.Doors.Addr(doorName))
	ok(t, err)
	c := ice.NewClient(nc, 0)
	go func() { _ = c.Run(t.Context()) }() // ends with the test
	for _, secret := range []map[string]string{nil, {"secret": ""}, {"secret": testSecret + "x"}, {"secret": testSecret[1:]}} {
		for object, ops := range map[ice.Identity][]string{
			authObject:   {"authenticate", "getInfo", "nameToId", "idToName", "registerUser", "getRegisteredUsers", "setInfo"},
			serverObject: {"userConnected", "userDisconnected"},
			metaObject:   {"started", "stopped"},
		} {
			for _, op := range ops {
				var e ice.Encoder
				e.String("ann")
				e.String("ann-password")
				_, err := c.Call(t.Context(), ice.Request{Object: object, Op: op, Context: secret}, e.Bytes())
				var u *ice.UserError
				if !errors.As(err, &u) || u.Types[0] != "::Murmur::InvalidSecretException" {
					t.Errorf("%s with %v: %v", op, secret, err)
				}
			}
		}
	}
	if now := h.Stats(); now.Forged == before.Forged || now.Accepted != before.Accepted {
		t.Errorf("%+v", now)
	}
	mustLogin(t, m, "ann", "ann-password")
}

// queriesOfUnknownNames asks murmurd for people that nobody knows: an
// authenticator that fails at that is dropped.
func queriesOfUnknownNames(t *testing.T, m *murmurd) {
	c := mustLogin(t, m, "root", "root-password")
	ok(t, c.Conn.WriteProto(&MumbleProto.QueryUsers{Ids: []uint32{0, 77, 1 << 30}, Names: []string{"nobody", "", "SuperUser"}}))
	s := script(t, m)
	names, err := s.UserNames(t.Context(), 77, 1<<30)
	if err != nil || names[77] != "" {
		t.Errorf("%v %v", names, err)
	}
	ids, err := s.UserIDs(t.Context(), "nobody", "root")
	if err != nil || ids["nobody"] >= 0 || ids["root"] < firstID {
		t.Errorf("%v %v", ids, err)
	}
	mustLogin(t, m, "ann", "ann-password")
}

// TestMurmurdWithoutSecret is not attached to: everybody could take our place.
func TestMurmurdWithoutSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := newMurmurd(t, "")
	m.start()
	h.cfg.Address = m.ice
	_, err := h.try(t)
	if err == nil || err.Error() != "attach: murmurd takes changes without a secret: set icesecretwrite in its configuration" {
		t.Error(err)
	}
	h.cfg.Address = newFakeMurmurd(t).l.Addr().String()
	h.cfg.Secret = "another-secret"
	if _, err := h.try(t); err == nil || !strings.Contains(err.Error(), "voice.external.secret") {
		t.Error(err)
	}
}
