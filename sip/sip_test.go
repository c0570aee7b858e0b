package sip

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// users is an authenticator that knows a few passwords.
type users map[string]string

func (u users) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	d := p.Digest
	if d == nil {
		return auth.Identity{}, auth.ErrNoCredentials
	}
	c, err := digest.Digest(&digest.Challenge{Realm: d.Realm, Nonce: d.Nonce, Algorithm: d.Algorithm, QOP: []string{"auth"}},
		digest.Options{Method: d.Method, URI: d.URI, Username: p.User, Password: u[p.User], Cnonce: d.CNonce, Count: int(nc(d.NC))})
	if err != nil || u[p.User] == "" || c.Response != d.Response {
		return auth.Identity{}, auth.ErrBadCredentials
	}
	return auth.Identity{User: p.User, Role: auth.RoleMember, Groups: []auth.Grant{{Group: "staff", In: true, Out: true}}}, nil
}

func nc(s string) (n uint32) {
	for _, c := range s {
		n = n<<4 | uint32(c-'0')
	}
	return n
}

// rooms are places that send back what they hear.
type rooms struct {
	mu    sync.Mutex
	pins  map[string]string // room → PIN; "" is open
	seats []*echo
	joins int

	shut error // for who shows no login
}

func (r *rooms) Find(_ context.Context, target string) (Room, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pin, ok := r.pins[target]
	if !ok {
		return Room{}, ErrNoRoom
	}
	return Room{Name: target, NeedsPIN: pin != ""}, nil
}

func (r *rooms) Join(_ context.Context, q JoinRequest) (Seat, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut != nil && q.Identity.User == "" {
		return nil, r.shut
	}
	if pin := r.pins[q.Room]; pin != "" && q.PIN != pin {
		return nil, ErrPIN
	}
	e := &echo{request: q, closed: make(chan struct{})}
	r.seats = append(r.seats, e)
	r.joins++
	return e, nil
}

func (r *rooms) last(t *testing.T) *echo {
	t.Helper()
	var e *echo
	eventually(t, "a seat is taken", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.seats) > 0 {
			e = r.seats[len(r.seats)-1]
		}
		return e != nil
	})
	return e
}

type echo struct {
	request JoinRequest
	closed  chan struct{}
	once    sync.Once

	mu      sync.Mutex
	audio   sdp.Format
	video   sdp.Format
	packets int
	units   int
	keys    []byte
	wanted  int // pictures
}

func (e *echo) Audio(f sdp.Format, send func([]byte, int)) (func(rtp.Packet), func(int)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.audio = f
	return func(p rtp.Packet) {
		e.mu.Lock()
		e.packets++
		e.mu.Unlock()
		send(p.Payload, f.ClockRate/50)
	}, func(int) {}
}

func (e *echo) Video(f sdp.Format, send func(rtp.Unit)) func(rtp.Unit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.video = f
	return func(u rtp.Unit) {
		e.mu.Lock()
		e.units++
		e.mu.Unlock()
		send(u)
	}
}

func (e *echo) RequestKeyFrame() { e.mu.Lock(); e.wanted++; e.mu.Unlock() }
func (e *echo) Key(d byte)       { e.mu.Lock(); e.keys = append(e.keys, d); e.mu.Unlock() }
func (e *echo) Close()           { e.once.Do(func() { close(e.closed) }) }

func (e *echo) count() (packets, units int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.packets, e.units
}

func (e *echo) isClosed() bool {
	select {
	case <-e.closed:
		return true
	default:
		return false
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("it did not come to pass that %s", what)
}

// world is a server with its surroundings.
type world struct {
	*Server
	rooms    *rooms
	sessions *auth.Sessions
	addr     netip.AddrPort // UDP
	tcp      string

	toldMu sync.Mutex // guards states
	states []DialState
}

// told returns what the world was told of calls from rooms.
func (w *world) told() []DialState {
	w.toldMu.Lock()
	defer w.toldMu.Unlock()
	return slices.Clone(w.states)
}

// serve runs a server on free ports of the loopback. tune sets what no
// configuration may.
func serve(t *testing.T, change func(*Config, *Deps), tune ...func(*Server)) *world {
	t.Helper()
	var out io.Writer = io.Discard
	if testing.Verbose() {
		out = os.Stderr
	}
	doors := run.NewDoors()
	w := &world{rooms: &rooms{pins: map[string]string{"100": "", "200": "4711"}}, sessions: auth.NewSessions(nil)}
	cfg := DefaultConfig()
	cfg.UDPAddress, cfg.TCPAddress, cfg.TLSAddress = "127.0.0.1:0", "127.0.0.1:0", ""
	cfg.FirstMediaPort, cfg.LastMediaPort = 21000, 29000
	cfg.Guard.Rate = 1000
	deps := Deps{
		Auth: users{"alice": "wonder", "bob": "builder"}, Sessions: w.sessions, Rooms: w.rooms, Doors: doors,
		Log: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	deps.Dialled = func(d DialOut) {
		w.toldMu.Lock()
		defer w.toldMu.Unlock()
		w.states = append(w.states, d.State)
	}
	if change != nil {
		change(&cfg, &deps)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.Server, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	for _, f := range tune {
		f(w.Server)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run does not return")
		}
		if n := run.Panics(); n > 0 {
			t.Errorf("%d panics", n)
		}
	})
	eventually(t, "the doors are open", func() bool {
		return doors.Addr("sip-udp") != "" && (cfg.TCPAddress == "" || doors.Addr("sip-tcp") != "")
	})
	w.addr = netip.MustParseAddrPort(doors.Addr("sip-udp"))
	w.tcp = doors.Addr("sip-tcp")
	return w
}
