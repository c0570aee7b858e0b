package attach

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// fakeMurmurd is a murmurd as far as we call it. Like the real one it has one
// thread: while it waits for a callback, or is on its way out, it serves no call.
type fakeMurmurd struct {
	t   *testing.T
	l   net.Listener
	ctx context.Context

	mu      sync.Mutex
	calls   []string
	busy    bool // on its thread: a call now would never end
	broken  []string
	running bool
	users   map[int32]murmur.User
	adapter ice.Endpoint
}

func newFakeMurmurd(t *testing.T) *fakeMurmurd {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	f := &fakeMurmurd{t: t, l: l, ctx: ctx, users: make(map[int32]murmur.User)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _ = ice.Serve(ctx, nc, ice.Serving{}, f.handle) }) // its end is ours
		}
	})
	t.Cleanup(func() { cancel(); l.Close(); all.Wait() })
	return f
}

func (f *fakeMurmurd) handle(_ context.Context, r *ice.Request) ice.Reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Op)
	if f.busy {
		f.broken = append(f.broken, r.Op)
	}
	if reply, ok := ice.ReplyIsA(r, []string{"::Murmur::Meta"}); ok {
		return reply
	}
	if r.Context["secret"] != testSecret && r.Op != "getVersion" {
		return ice.Throw(murmur.Murmur.Throw(murmur.InvalidSecret))
	}
	var e ice.Encoder
	switch r.Op {
	case "getVersion":
		e.Raw([]byte{1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0})
	case "getServer":
		e.Proxy(ice.Proxy{ID: ice.Identity{Name: "1", Category: "s"}})
	case "isRunning":
		e.Bool(f.running)
	case "start":
		f.running = true
	case "stop":
		f.running = false
	case "setAuthenticator":
		f.adapter = r.Params.Proxy().Endpoints[0]
	case "getUsers":
		murmur.WriteDict(&e, f.users, func(u murmur.User) { u.Write(&e, murmur.Murmur) })
	case "getChannels":
		murmur.WriteDict(&e, map[int32]murmur.Channel{0: {Name: "Root", Parent: -1}}, func(c murmur.Channel) { c.Write(&e) })
	case "getACL":
		murmur.Rules{}.Write(&e)
	case "addChannel":
		e.Int(5)
	case "updateRegistration":
		return ice.Throw(murmur.Murmur.Throw(murmur.InvalidUser))
	}
	return ice.OK(&e)
}

// call makes a callback, on its one thread.
func (f *fakeMurmurd) call(object ice.Identity, op string, oneway bool, params func(*ice.Encoder)) *ice.Decoder {
	f.t.Helper()
	f.mu.Lock()
	f.busy = true
	at := f.adapter
	f.mu.Unlock()
	nc, err := net.Dial("tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.Port)))
	ok(f.t, err)
	c := ice.NewClient(nc, 0)
	ctx, cancel := context.WithCancel(f.ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }() // told by Done
	defer func() { cancel(); <-done }()
	var e ice.Encoder
	params(&e)
	r := ice.Request{Object: object, Op: op, Context: map[string]string{"secret": testSecret}}
	if oneway {
		ok(f.t, c.Send(f.ctx, r, e.Bytes()))
		ok(f.t, c.Heartbeat(f.ctx))
		_, err = c.Call(f.ctx, ice.Request{Object: object, Op: "ice_ping"}, nil) // after that one
		ok(f.t, err)
		return nil
	}
	d, err := c.Call(f.ctx, r, e.Bytes())
	ok(f.t, err)
	return d
}

func (f *fakeMurmurd) free() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
}

func (f *fakeMurmurd) count(op string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == op {
			n++
		}
	}
	return n
}

// TestCallbacksDoNotCallMurmurd logs somebody in and out, and makes a stranger
// appear, while murmurd serves no calls. What is to be done is done afterwards.
func TestCallbacksDoNotCallMurmurd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := newFakeMurmurd(t)
	h.renewEvery = time.Hour
	h.attach(&murmurd{ice: f.l.Addr().String()})
	d := f.call(authObject, "authenticate", false, func(e *ice.Encoder) {
		e.String("ann")
		e.String("ann-password")
		e.Raw([]byte{0, 0, 1})
	})
	name, groups, id := d.String(), d.Strings(), d.Int()
	if name != "ann" || len(groups) != 2 || id < firstID {
		t.Fatal(name, groups, id)
	}
	u := murmur.User{Session: 9, UserID: id, Name: name, Address: make([]byte, 16)}
	f.call(serverObject, "userConnected", true, func(e *ice.Encoder) { u.Write(e, murmur.Murmur) })
	if l := h.sessions.List(); len(l) != 1 || l[0].User != "ann" || l[0].Protocol != "mumble" {
		t.Errorf("%+v", l)
	}
	f.call(serverObject, "userDisconnected", true, func(e *ice.Encoder) { u.Write(e, murmur.MumbleServer) }) // of 1.5
	if l := h.sessions.List(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	f.mu.Lock()
	if len(f.broken) > 0 {
		t.Errorf("called from a callback: %v", f.broken)
	}
	f.users[3] = murmur.User{Session: 3, UserID: -1, Name: "guest", Address: make([]byte, 16)}
	f.mu.Unlock()
	f.free()
	guest := f.users[3]
	f.call(serverObject, "userConnected", true, func(e *ice.Encoder) { guest.Write(e, murmur.Murmur) })
	f.free()
	eventually(t, "the stranger is sent away", func() bool { return f.count("kickUser") > 0 })
}

// TestStoppedMurmurdIsNotCalled says that murmurd's server has stopped, which is
// the last thing that a murmurd on its way out says. A call then would make it hang.
func TestStoppedMurmurdIsNotCalled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := newFakeMurmurd(t)
	h.renewEvery, h.stoppedPause = 10*time.Millisecond, time.Hour
	h.attach(&murmurd{ice: f.l.Addr().String()})
	eventually(t, "it is called all the time", func() bool { return f.count("setAuthenticator") > 3 })
	a := h.Attachment
	a.notes.stop() // before it is on the wire, so that no call is under way
	time.Sleep(100 * time.Millisecond)
	server := func(e *ice.Encoder) { e.Proxy(ice.Proxy{ID: ice.Identity{Name: "1", Category: "s"}}) }
	f.call(metaObject, "stopped", true, server)
	h.Refresh()
	ok(t, h.auth.SetDisabled(t.Context(), "ann", true))
	time.Sleep(300 * time.Millisecond)
	f.mu.Lock()
	broken := slices.Clone(f.broken)
	f.mu.Unlock()
	if len(broken) > 0 {
		t.Errorf("called while it stops: %v", broken)
	}
	before := f.count("setAuthenticator")
	f.free()
	f.call(metaObject, "started", true, server)
	f.free()
	eventually(t, "it is attached to again", func() bool { return f.count("setAuthenticator") > before })

	a.notes.stop() // both end at the same time, as when the machine does
	time.Sleep(100 * time.Millisecond)
	f.call(metaObject, "stopped", true, server)
	h.stopRun()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.broken) > 0 {
		t.Errorf("called at the end: %v", f.broken)
	}
}

// TestGroupNamesGiveNoPowerAtMurmurd gives somebody groups whose names mean
// something at murmurd.
func TestGroupNamesGiveNoPowerAtMurmurd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := newMurmurd(t, "icesecretwrite="+testSecret)
	m.start()
	names := []string{"admin", "all", "auth", "in", "sub"}
	var plan []Channel
	for _, n := range names {
		_, err := h.auth.AddGroup(t.Context(), n, "")
		ok(t, err)
		ok(t, h.auth.Grant(t.Context(), "eve", n, true, true))
		plan = append(plan, Channel{Key: n, Name: n, Groups: []string{n}})
	}
	h.plan.set(append(plan, Channel{Key: "Blue", Name: "Blue", Groups: []string{"Blue"}})...)
	h.attach(m)
	eve, root := mustLogin(t, m, "eve", "eve-password"), mustLogin(t, m, "root", "root-password")
	s := script(t, m)
	blue, _ := h.Channel("Blue")
	const moderate = murmur.PermissionWrite | murmur.PermissionKick | murmur.PermissionMove | murmur.PermissionMuteDeafen
	for _, channel := range []int32{0, blue} {
		may, err := s.Permissions(t.Context(), eve.session(), channel)
		if err != nil || may&moderate != 0 {
			t.Errorf("eve may %#x in %d, %v", may, channel, err)
		}
		if may, err = s.Permissions(t.Context(), root.session(), channel); err != nil || may&murmur.PermissionWrite == 0 {
			t.Errorf("an administrator may %#x in %d, %v", may, channel, err)
		}
	}
	if may, err := s.Permissions(t.Context(), eve.session(), blue); err != nil || may&(murmur.PermissionEnter|murmur.PermissionSpeak|murmur.PermissionWhisper) != 0 {
		t.Errorf("eve may %#x in Blue, %v", may, err)
	}
	for _, g := range groupsOf(auth.Identity{User: "x", Groups: []auth.Grant{{Group: "admin", In: true, Out: true}}}) {
		if !strings.HasPrefix(g, prefix) || g == adminGroup || g == serverGroup {
			t.Errorf("the group admin becomes %s", g)
		}
	}
}
