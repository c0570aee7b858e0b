package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// The interfaces of callbacks.
const (
	aboutMeta   = "MetaCallback"
	aboutServer = "ServerCallback"
	aboutMenu   = "ServerContextCallback"
)

const (
	maxCallbacks = 64
	maxQueue     = 256              // events that wait for one callback; one with more is removed
	heartbeat    = 20 * time.Second // Ice closes connections that are silent for 60 s
	reachWithin  = 5 * time.Second
	maxAnswer    = 256 << 10 // bytes of a script's answer: a picture
)

// callback is somebody who wants to be told.
type callback struct {
	about   string
	proxy   ice.Proxy
	dialect murmur.Dialect
	action  string    // of a menu
	server  ice.Proxy // what it calls us back with
}

func (c callback) same(about string, p ice.Proxy) bool {
	return c.about == about && c.proxy.ID == p.ID && slices.Equal(c.proxy.Endpoints, p.Endpoints)
}

// subscriber is a callback with what waits for it.
type subscriber struct {
	callback
	queue chan Event
	over  chan struct{} // closed when it is removed
}

// callbacks are all of them.
type callbacks struct {
	log     *slog.Logger
	secret  string
	dropped *atomic.Int64

	mu    sync.Mutex // guards what follows
	group *run.Group // nil while the door is shut
	subs  []*subscriber
}

func newCallbacks(log *slog.Logger, secret string, dropped *atomic.Int64) *callbacks {
	return &callbacks{log: log, secret: secret, dropped: dropped}
}

func (s *callbacks) run(g *run.Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.group = g
}

// start runs f with the door; it reports whether it could.
func (s *callbacks) start(f func(context.Context)) bool {
	s.mu.Lock()
	g := s.group
	s.mu.Unlock()
	return g != nil && g.Go(f)
}

func (s *callbacks) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.subs)
}

// add makes c be told. Adding it twice is no error.
func (s *callbacks) add(c callback) error {
	if c.proxy.ID.IsZero() || len(c.proxy.Endpoints) == 0 {
		return murmur.InvalidCallback
	}
	s.mu.Lock()
	if slices.ContainsFunc(s.subs, func(o *subscriber) bool { return o.same(c.about, c.proxy) && o.action == c.action }) {
		s.mu.Unlock()
		return nil
	}
	if len(s.subs) >= maxCallbacks {
		s.mu.Unlock()
		return fmt.Errorf("%w: it has %d callbacks already", ErrRefused, maxCallbacks)
	}
	sub := &subscriber{callback: c, queue: make(chan Event, maxQueue), over: make(chan struct{})}
	s.subs = append(s.subs, sub)
	s.mu.Unlock()
	if !s.start(func(ctx context.Context) { s.serve(ctx, sub) }) {
		s.drop(sub)
		return murmur.InvalidCallback
	}
	return nil
}

// remove makes a callback be told no more, and returns the menu entries it had.
func (s *callbacks) remove(about string, p ice.Proxy) (actions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs = slices.DeleteFunc(s.subs, func(o *subscriber) bool {
		if !o.same(about, p) {
			return false
		}
		close(o.over)
		actions = append(actions, o.action)
		return true
	})
	return actions
}

// drop removes one and reports whether it was there.
func (s *callbacks) drop(sub *subscriber) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.subs, sub)
	if i < 0 {
		return false
	}
	s.subs = slices.Delete(s.subs, i, i+1)
	close(sub.over)
	return true
}

// tell queues an event for everybody who wants it. It does not block: whoever has
// too many waiting is removed.
func (s *callbacks) tell(e Event) {
	about := aboutServer
	switch e.Kind {
	case Started, Stopped:
		about = aboutMeta
	case ContextAction:
		about = aboutMenu
	}
	s.mu.Lock()
	var slow []*subscriber
	for _, o := range s.subs {
		if o.about != about || about == aboutMenu && o.action != e.Action {
			continue
		}
		select {
		case o.queue <- e:
		default:
			slow = append(slow, o)
		}
	}
	s.mu.Unlock()
	for _, o := range slow {
		if s.drop(o) {
			s.dropped.Add(1)
			s.log.Warn("a callback is too slow and is removed", "callback", o.proxy.ID.Name)
		}
	}
}

// serve tells one callback until it is removed or gone.
func (s *callbacks) serve(ctx context.Context, sub *subscriber) {
	err := s.feed(ctx, sub)
	if s.drop(sub) && ctx.Err() == nil {
		s.dropped.Add(1)
		s.log.Info("a callback is gone and is removed", "callback", sub.proxy.ID.Name, "error", err)
	}
}

func (s *callbacks) feed(ctx context.Context, sub *subscriber) error {
	client, end, err := reach(ctx, s.log, sub.proxy)
	if err != nil {
		return err
	}
	defer end()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sub.over:
			return nil
		case <-client.Done():
			return errors.New("its connection has ended")
		case <-beat.C:
			err = client.Heartbeat(ctx)
		case e := <-sub.queue:
			mode := ice.Idempotent
			if sub.about == aboutMeta {
				mode = ice.Normal // Ice compares
			}
			r := ice.Request{Object: sub.proxy.ID, Facet: sub.proxy.Facet, Op: e.Kind, Mode: mode, Context: map[string]string{"secret": s.secret}}
			err = client.Send(ctx, r, e.params(sub.callback))
		}
		if err != nil {
			return err
		}
	}
}

// params writes the parameters of a callback.
func (e Event) params(c callback) []byte {
	var out ice.Encoder
	d := c.dialect
	switch e.Kind {
	case UserConnected, UserDisconnected, UserStateChanged:
		e.User.Write(&out, d)
	case UserTextMessage:
		e.User.Write(&out, d)
		e.Message.Write(&out)
	case ChannelCreated, ChannelRemoved, ChannelStateChanged:
		e.Channel.Write(&out)
	case ContextAction:
		out.String(e.Action)
		e.User.Write(&out, d)
		out.Int(e.ActionSession)
		out.Int(e.ActionChannel)
	case Started, Stopped:
		out.Proxy(c.server)
	}
	return out.Bytes()
}

// reach connects to an object of a script. end closes the connection and returns
// when that is done.
func reach(ctx context.Context, log *slog.Logger, p ice.Proxy) (_ *ice.Client, end func(), err error) {
	nc, err := dial(ctx, p.Endpoints)
	if err != nil {
		return nil, nil, err
	}
	client := ice.NewClient(nc, maxAnswer)
	ctx, cancel := context.WithCancel(ctx)
	g := run.NewGroup(ctx, log, "mumble-ice")
	g.Go(func(ctx context.Context) { _ = client.Run(ctx) }) // its end is told by Done
	return client, func() { cancel(); g.Wait() }, nil
}

// dial connects to the first endpoint that is reached. Only addresses of this
// machine are tried: a script must not make the server call others.
func dial(ctx context.Context, endpoints []ice.Endpoint) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	err := errors.New("door: no address of this machine")
	for _, e := range endpoints {
		addr, perr := local(e.Host)
		if perr != nil {
			continue
		}
		var d net.Dialer
		var nc net.Conn
		if nc, err = d.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(e.Port))); err == nil {
			return nc, nil
		}
	}
	return nil, err
}

// local returns the address of host if it is one of this machine.
func local(host string) (netip.Addr, error) {
	if host == "localhost" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.IsLoopback() {
		return addr, err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, o := range own {
		if p, err := netip.ParsePrefix(o.String()); err == nil && p.Addr() == addr.Unmap() {
			return addr, nil
		}
	}
	return netip.Addr{}, errors.New("door: not an address of this machine")
}
