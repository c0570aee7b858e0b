package embedded

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"layeh.com/gumble/gumble"
	"layeh.com/gumble/gumbleutil"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/voice"
	"muster/voice/ice"
	"muster/voice/murmur"
	"muster/voice/murmur/door"
	"muster/voice/wire"
)

// mute is the codec of gumble clients that say nothing; without one they do not get
// in.
type mute struct{}

func (mute) ID() int                                  { return 4 }
func (mute) NewEncoder() gumble.AudioEncoder          { return mute{} }
func (mute) NewDecoder() gumble.AudioDecoder          { return mute{} }
func (mute) Reset()                                   {}
func (mute) Encode([]int16, int, int) ([]byte, error) { return nil, nil }
func (mute) Decode([]byte, int) ([]int16, error)      { return nil, nil }

func TestMain(m *testing.M) {
	gumble.RegisterAudioCodec(4, mute{})
	goleak.VerifyTestMain(m,
		// gumble's own: it waits for ever for somebody to hear what came last.
		goleak.IgnoreAnyFunction("layeh.com/gumble/gumble.(*Client).readRoutine"), goleak.IgnoreAnyFunction("layeh.com/gumble/gumble.(*Client).pingRoutine"))
}

// accounts has ann and bob, whose passwords are "pw " and their names.
type accounts struct{}

func (accounts) Names(context.Context) ([]string, error) { return []string{"ann", "bob"}, nil }

func (accounts) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	switch {
	case p.User == "slow":
		return auth.Identity{}, &auth.LimitedError{}
	case p.User == "broken":
		return auth.Identity{}, errors.New("the database is away")
	case p.Password != "pw "+p.User || p.User != "ann" && p.User != "bob":
		return auth.Identity{}, auth.ErrBadCredentials
	}
	return auth.Identity{User: p.User, Role: auth.RoleMember, Groups: []auth.Grant{{Group: "blue", In: true, Out: true}}}, nil
}

func (accounts) VerifyClient([]*x509.Certificate) error { return errors.New("none is ours") }

func (accounts) Channels(context.Context) ([]voice.Entry, error) {
	return []voice.Entry{
		{Key: "group/blue", Name: "blue", Description: "ours", Resource: auth.Data("blue", []string{"blue"})},
		{Key: "group/red", Name: "red", Resource: auth.Data("red", []string{"red"})},
	}, nil
}

func (accounts) Watch(func()) func() { return func() {} }

// site is a house with a server and a door for scripts.
type site struct {
	*House
	t      *testing.T
	doors  *run.Doors
	door   *door.Door
	script *murmur.Server
	raw    func(op string, params ...func(*ice.Encoder)) (*ice.Decoder, error)
	stop   func() // the Mumble server
}

const secret = "secret-of-the-test"

func open(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, House: New(accounts{}, accounts{}), doors: run.NewDoors()}
	log := slog.New(slog.DiscardHandler)
	begin := func(run func(context.Context) error) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- run(ctx) }()
		stop = sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(stop)
		return stop
	}
	cfg := voice.DefaultConfig()
	cfg.Address, cfg.Welcome = "127.0.0.1:0", "hello"
	srv, err := voice.New(cfg, voice.Deps{
		Auth: accounts{}, Sessions: auth.NewSessions(nil), Certificates: accounts{}, Directory: accounts{}, Doors: s.doors, Log: log,
		TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}, People: accounts{}, Gate: s.House,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.door, err = door.New(door.Config{Enabled: true, Listen: "127.0.0.1:0", WriteSecret: secret}, door.Deps{House: s.House.Door(), Doors: s.doors, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s.Ask(s.door.Script)
	begin(s.door.Run)
	eventually(t, "the door is open", func() bool { return s.doors.Addr("mumble-ice") != "" })
	nc, err := net.Dial("tcp", s.doors.Addr("mumble-ice"))
	if err != nil {
		t.Fatal(err)
	}
	c := ice.NewClient(nc, 0)
	begin(func(ctx context.Context) error { _ = c.Run(ctx); return nil }) // its end is the test's
	meta, err := murmur.Connect(t.Context(), c, secret)
	if err != nil {
		t.Fatal(err)
	}
	if s.script, err = meta.Server(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.script.Users(t.Context()); !errors.Is(err, murmur.ServerBooted) {
		t.Errorf("without a server: %v", err)
	}
	s.raw = func(op string, params ...func(*ice.Encoder)) (*ice.Decoder, error) {
		var e ice.Encoder
		for _, p := range params {
			p(&e)
		}
		return c.Call(t.Context(), ice.Request{Object: ice.Identity{Name: "1", Category: "s"}, Op: op, Context: map[string]string{"secret": secret}}, e.Bytes())
	}
	s.stop = begin(func(ctx context.Context) error { return s.Run(ctx, srv) })
	eventually(t, "the server serves", func() bool { return s.doors.Addr("mumble") != "" })
	t.Cleanup(func() {
		if n := run.Panics(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	return s
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// login logs somebody in; with a certificate of their own.
func (s *site) login(name string, listeners ...gumble.EventListener) (*gumble.Client, error) {
	cfg := gumble.NewConfig()
	for _, l := range listeners {
		cfg.Attach(l)
	}
	cfg.Username, cfg.Password = name, "pw "+name
	c, err := gumble.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, s.doors.Addr("mumble"), cfg,
		&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate(s.t)}})
	if err == nil {
		c.Do(func() { c.ContextActions = make(gumble.ContextActions) }) // gumble forgets to
		s.t.Cleanup(func() { _ = c.Disconnect() })
	}
	return c, err
}

// in logs somebody in and returns what scripts see of them.
func (s *site) in(name string, listeners ...gumble.EventListener) (*gumble.Client, murmur.User) {
	s.t.Helper()
	c, err := s.login(name, listeners...)
	if err != nil {
		s.t.Fatal(err)
	}
	return c, s.named(name)
}

func (s *site) named(name string) (u murmur.User) {
	s.t.Helper()
	eventually(s.t, name+" is there", func() bool {
		all, err := s.script.Users(s.t.Context())
		for _, o := range all {
			if o.Name == name {
				u = o
			}
		}
		return err == nil && u.Name == name
	})
	return u
}

func (s *site) channel(name string) (ch murmur.Channel) {
	s.t.Helper()
	all, err := s.script.Channels(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range all {
		if c.Name == name {
			ch = c
		}
	}
	return ch
}

func TestPeople(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	ann, u := s.in("ann")
	if u.UserID != int32(voice.AccountID("ann")) || u.Version == 0 || len(u.Address) != 16 || u.Address[15] != 1 || !u.TCPOnly {
		t.Errorf("%+v", u)
	}
	if v := userOf(voice.Session{Version: wire.Version{V1: new(uint32(0x10304))}}); v.Version2 != 1<<48|3<<32|4<<16 {
		t.Errorf("version %x", v.Version2)
	}
	seat, err := s.srv.Load().Seat("group/blue", voice.VirtualUser{Name: "browser"})
	if err != nil {
		t.Fatal(err)
	}
	defer seat.Close()
	if b := s.named("browser"); b.UserID != -1 || b.Channel != s.channel("blue").ID {
		t.Errorf("a seat is %+v", b)
	}
	u.Mute, u.Channel, u.Comment = true, s.channel("blue").ID, "note"
	if err := s.script.SetState(ctx, u); err != nil {
		t.Fatal(err)
	}
	if now := s.named("ann"); !now.Mute || now.Channel != u.Channel || now.Comment != "note" || now.Suppress {
		t.Errorf("%+v", now)
	}
	if err := s.script.SetState(ctx, s.named("ann")); err != nil {
		t.Error("what is true already:", err)
	}
	u.Channel = s.channel("red").ID
	if err := s.script.SetState(ctx, u); !errors.Is(err, ice.ErrUnknown) {
		t.Errorf("led where she may not go: %v", err)
	}
	u.Session = -5
	if err := s.script.SetState(ctx, u); !errors.Is(err, murmur.InvalidSession) {
		t.Error(err)
	}
	certs, err := s.script.Certificates(ctx, s.named("ann").Session)
	if err != nil || len(certs) != 1 || len(certs[0]) == 0 {
		t.Error(len(certs), err)
	}
	if may, err := s.script.Permissions(ctx, s.named("ann").Session, s.channel("blue").ID); err != nil || may&murmur.PermissionSpeak == 0 {
		t.Error(may, err)
	}
	if err := s.script.Kick(ctx, s.named("ann").Session, "go"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "she is gone", func() bool { return ann.State() == gumble.StateDisconnected })
}

func TestChannels(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	blue := s.channel("blue")
	if blue.Parent != 0 || blue.Description != "ours" || blue.Temporary || s.channel("Muster").Parent != -1 {
		t.Errorf("%+v", blue)
	}
	id, err := s.script.AddChannel(ctx, "net", blue.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.script.AddChannel(ctx, "net", blue.ID); !errors.Is(err, ice.ErrUnknown) {
		t.Error(err)
	}
	if _, err := s.script.AddChannel(ctx, "net", -1); !errors.Is(err, murmur.InvalidChannel) {
		t.Error(err)
	}
	net := s.channel("net")
	net.Name, net.Links = "net 2", []int32{blue.ID}
	if err := s.SetChannel(ctx, net); err != nil {
		t.Fatal(err)
	}
	if now := s.channel("net 2"); now.ID != id || !slices.Equal(now.Links, []int32{blue.ID}) {
		t.Errorf("%+v", now)
	}
	net.Links = nil
	if err := s.SetChannel(ctx, net); err != nil || len(s.channel("net 2").Links) != 0 {
		t.Error(err)
	}
	blue.Name = "mine"
	if err := s.SetChannel(ctx, blue); !errors.Is(err, door.ErrRefused) {
		t.Error(err)
	}
	ann := int32(voice.AccountID("ann"))
	rules := murmur.Rules{
		Inherit: true, Groups: []murmur.Group{{Name: "g", Inherit: true, Inheritable: true, Add: []int32{ann}}},
		ACLs: []murmur.ACL{{ApplyHere: true, UserID: -1, Group: "all", Deny: 8}, {ApplyHere: true, ApplySubs: true, UserID: ann, Allow: 8}},
	}
	if err := s.script.SetRules(ctx, id, rules); err != nil {
		t.Fatal(err)
	}
	got, err := s.script.Rules(ctx, id)
	if len(got.ACLs) != 4 || got.ACLs[1].Group != "blue" || len(got.Groups) != 2 {
		t.Errorf("with what is inherited: %+v", got)
	}
	got.ACLs = slices.DeleteFunc(got.ACLs, func(a murmur.ACL) bool { return a.Inherited })
	got.Groups = slices.DeleteFunc(got.Groups, func(g murmur.Group) bool { return g.Inherited })
	if err != nil || len(got.ACLs) != 2 || got.ACLs[0].Group != "all" || got.ACLs[0].Deny != 8 || got.ACLs[1].UserID != ann || got.ACLs[1].Allow != 8 ||
		len(got.Groups) != 1 || got.Groups[0].Name != "g" || !slices.Equal(got.Groups[0].Members, []int32{ann}) {
		t.Errorf("%+v %v", got, err)
	}
	if err := s.script.SetRules(ctx, blue.ID, rules); !errors.Is(err, ice.ErrUnknown) {
		t.Error(err)
	}
	if err := s.script.RemoveChannel(ctx, blue.ID); !errors.Is(err, ice.ErrUnknown) {
		t.Error(err)
	}
	if err := s.script.RemoveChannel(ctx, id); err != nil {
		t.Error(err)
	}
	heard := make(chan string, 4)
	_, u := s.in("ann", gumbleutil.Listener{TextMessage: func(e *gumble.TextMessageEvent) { heard <- e.Message }})
	if err := s.script.Join(ctx, blue.ID, u.Session, "g"); err != nil {
		t.Error(err)
	}
	if err := s.script.Leave(ctx, blue.ID, u.Session, "g"); err != nil {
		t.Error(err)
	}
	for i, err := range []error{s.Message(ctx, u.Session, "one"), s.Broadcast(ctx, 0, true, "two"), s.Broadcast(ctx, 0, false, "three")} {
		if err != nil {
			t.Error(err)
		}
		if got, want := <-heard, []string{"one", "two", "three"}[i]; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if err := s.Redirect(ctx, u.Session, "a", "b"); err != nil {
		t.Error(err)
	}
}

func TestAccountsAndSettings(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	ann := int32(voice.AccountID("ann"))
	if all, err := s.Registered(ctx, "AN"); err != nil || len(all) != 1 || all[ann] != "ann" {
		t.Error(all, err)
	}
	if _, err := s.Registration(ctx, 5); !errors.Is(err, murmur.InvalidUser) {
		t.Error(err)
	}
	if err := s.SetTexture(ctx, ann, []byte{1}); !errors.Is(err, door.ErrRefused) {
		t.Error(err)
	}
	_, u := s.in("ann")
	if info, err := s.Registration(ctx, ann); err != nil || info[murmur.InfoName] != "ann" || len(info[murmur.InfoHash]) != 40 {
		t.Error(info, err)
	}
	if err := s.SetTexture(ctx, ann, []byte{1, 2}); err != nil {
		t.Error(err)
	}
	if b, err := s.Texture(ctx, ann); err != nil || !slices.Equal(b, []byte{1, 2}) {
		t.Error(b, err)
	}
	for _, tc := range []struct {
		name, password string
		want           int32
	}{{"ann", "pw ann", ann}, {"ann", "x", -1}, {"nobody", "x", -1}} {
		if got, err := s.Verify(ctx, tc.name, tc.password); err != nil || got != tc.want {
			t.Errorf("%s: %d %v", tc.name, got, err)
		}
	}
	if _, err := s.Verify(ctx, "slow", ""); !errors.Is(err, door.ErrRefused) {
		t.Error(err)
	}
	if _, err := s.Verify(ctx, "broken", ""); err == nil || errors.Is(err, door.ErrRefused) {
		t.Error(err)
	}
	_, added := s.AddUser(ctx, nil)
	for _, err := range []error{added, s.Update(ctx, ann, nil), s.RemoveUser(ctx, ann), s.SetConf(ctx, "port", "1")} {
		if !errors.Is(err, door.ErrRefused) {
			t.Error(err)
		}
	}
	if conf, err := s.Conf(ctx); err != nil || conf["welcometext"] != "hello" || conf["port"] != "0" {
		t.Error(conf, err)
	}
	hash := s.hash(u.Session)
	if err := s.SetBans(ctx, []murmur.Ban{{Hash: hash, Name: "ann", Reason: "why", Duration: 600}}); err != nil {
		t.Error(err)
	}
	bans, err := s.House.Bans(ctx)
	if err != nil || len(bans) != 1 || bans[0].Hash != hash || bans[0].Duration != 600 || bans[0].Start == 0 {
		t.Error(bans, err)
	}
	if err := s.SetBans(ctx, []murmur.Ban{{Address: make([]byte, 16), Bits: 32}}); !errors.Is(err, door.ErrRefused) {
		t.Errorf("an address is banned: %v", err)
	}
}

func (s *site) hash(session int32) string {
	u, err := sessionOf(s.srv.Load(), session)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Hash
}

func TestEvents(t *testing.T) {
	s := open(t)
	events := make(chan door.Event, 64)
	stop := s.Watch(func(e door.Event) { events <- e })
	next := func(kind string) door.Event {
		t.Helper()
		for {
			select {
			case e := <-events:
				if e.Kind == kind {
					return e
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("no %s", kind)
			}
		}
	}
	c, u := s.in("ann")
	if e := next(door.UserConnected); e.User.Name != "ann" || e.User.Session != u.Session {
		t.Errorf("%+v", e)
	}
	if err := s.AddAction(t.Context(), u.Session, "act", "Act", 4); err != nil {
		t.Fatal(err)
	}
	c.Do(func() { c.Self.Channel.Send("hello", false) })
	if e := next(door.UserTextMessage); e.Message.Text != "hello" || !slices.Equal(e.Message.Channels, []int32{0}) || e.User.Name != "ann" {
		t.Errorf("%+v", e)
	}
	s.happened(voice.Event{Kind: voice.ActionChosen, Action: &wire.ContextAction{Action: new("act"), Session: new(uint32(3))}})
	if e := next(door.ContextAction); e.Action != "act" || e.ActionSession != 3 || e.ActionChannel != -1 {
		t.Errorf("%+v", e)
	}
	if err := s.RemoveAction(t.Context(), "act"); err != nil {
		t.Error(err)
	}
	_ = c.Disconnect()
	next(door.UserDisconnected)
	s.stop()
	next(door.Stopped)
	stop()
}

// authenticator answers as murmur's scripts do.
func authenticator(t *testing.T, verdict func(name string) (id int32, shown string, groups []string)) ice.Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_ = ice.Serve(ctx, nc, ice.Serving{}, func(_ context.Context, r *ice.Request) ice.Reply {
					var out ice.Encoder
					switch r.Op {
					case "ice_isA":
						out.Bool(true)
					case "authenticate":
						id, shown, groups := verdict(r.Params.String())
						if r.Params.String() != "" {
							return ice.Fault("a password is handed over")
						}
						out.String(shown)
						out.Strings(groups)
						out.Int(id)
					}
					return ice.OK(&out)
				})
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); wg.Wait() })
	return ice.Proxy{ID: ice.Identity{Name: "auth"}, Endpoints: []ice.Endpoint{{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}}
}

func TestAuthenticator(t *testing.T) {
	s := open(t)
	var mu sync.Mutex
	id, shown := int32(0), ""
	p := authenticator(t, func(string) (int32, string, []string) {
		mu.Lock()
		defer mu.Unlock()
		return id, shown, []string{"scouts"}
	})
	if err := s.script.SetAuthenticator(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		id    int32
		name  string
		shown string
		in    bool
	}{
		{7, "ann", "Alpha", true}, {-1, "ann", "", false}, {-2, "ann", "ann", true}, {-3, "ann", "", false},
		{7, "nobody", "", false}, // whom the house does not know
	} {
		mu.Lock()
		id, shown = tc.id, tc.shown
		mu.Unlock()
		c, err := s.login(tc.name)
		if (err == nil) != tc.in {
			t.Errorf("%+v: %v", tc, err)
		}
		if err != nil {
			continue
		}
		c.Do(func() {
			if c.Self.Name != tc.shown {
				t.Errorf("%+v: shown as %q", tc, c.Self.Name)
			}
		})
		_ = c.Disconnect()
		eventually(t, "the session is over", func() bool { all, err := s.Users(t.Context()); return err == nil && len(all) == 0 })
	}
	// One that goes away is asked no more.
	if _, err := s.raw("setAuthenticator", func(e *ice.Encoder) { e.Proxy(ice.Proxy{}) }); err != nil {
		t.Fatal(err)
	}
	if s.door.Script() != nil {
		t.Error("an authenticator that was taken away is asked")
	}
	if _, err := s.login("ann"); err != nil {
		t.Error(err)
	}
}
