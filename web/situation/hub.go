package situation

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
)

// Hub knows the pages that are open and the people behind them.
type Hub struct {
	router  Router
	history History
	bus     *bus.Bus
	log     *slog.Logger

	mu     sync.Mutex // guards what follows and what is in it; never held while calling the router
	people map[string]*person
	feeds  map[*Feed]struct{}

	voice atomic.Pointer[voice] // replaced under mu
}

// NewHub returns a hub without pages.
func NewHub(r Router, h History, b *bus.Bus, log *slog.Logger) *Hub {
	hub := &Hub{router: r, history: h, bus: b, log: log.With("part", "situation"), people: make(map[string]*person), feeds: make(map[*Feed]struct{})}
	hub.voice.Store(&voice{})
	return hub
}

// person is a user with pages open: one device to all others, so that messages
// to it reach every page. It is the sink of that device.
type person struct {
	hub    *Hub
	user   string
	feeds  []*Feed
	client *cot.Client // nil while joining
	over   bool        // the router has ended the device
	said   bool        // others were told of it
}

// Open makes a feed for a page. The caller closes it with Close. The feed is
// over when the router ends the observer; the cause says why.
func (h *Hub) Open(j cot.Join) (*Feed, error) {
	f := &Feed{
		router: h.router, history: h.history, user: j.Identity.User, uid: UID(j.Identity.User), told: make(map[string]Contact),
		items: make(map[string]*cot.Event), gone: make(map[string]struct{}), wake: make(chan struct{}, 1), again: true,
		voice: &h.voice,
	}
	f.tend = func() { h.tend(f.user) }
	f.over, f.end = context.WithCancelCause(context.Background())
	f.sub = h.bus.Subscribe(factQueue)
	watch := j
	watch.Sink, watch.Observer = f, true
	c, err := h.router.Join(watch)
	if err != nil {
		f.sub.Close()
		return nil, err
	}
	f.client = c
	f.poke()
	h.mu.Lock()
	h.feeds[f] = struct{}{}
	h.mu.Unlock()
	h.enter(f, j)
	return f, nil
}

// enter counts a page, and joins its user as a device with the first.
func (h *Hub) enter(f *Feed, j cot.Join) {
	if j.Identity.System { // a script on this machine is nobody to talk to
		return
	}
	h.mu.Lock()
	p := h.people[j.Identity.User]
	first := p == nil
	if first {
		p = &person{hub: h, user: j.Identity.User}
		h.people[j.Identity.User] = p
	}
	p.feeds = append(p.feeds, f)
	h.mu.Unlock()
	if !first {
		return
	}
	j.Sink, j.UID = p, f.uid
	c, err := h.router.Join(j)
	if err != nil {
		h.log.Debug("a page's user cannot be a device", "user", j.Identity.User, "error", err)
		return
	}
	h.mu.Lock()
	left := p.over || h.people[p.user] != p
	if !left {
		p.client = c
	}
	h.mu.Unlock()
	if left {
		c.Close(nil)
	}
}

// Close ends a feed.
func (h *Hub) Close(f *Feed) {
	f.client.Close(nil)
	f.sub.Close()
	f.end(errNoFeed)
	h.mu.Lock()
	delete(h.feeds, f)
	var last *cot.Client
	for user, p := range h.people {
		i := slices.Index(p.feeds, f)
		if i < 0 {
			continue
		}
		p.feeds = slices.Delete(p.feeds, i, i+1)
		if len(p.feeds) == 0 {
			delete(h.people, user)
			last = p.client
		}
	}
	h.mu.Unlock()
	if last != nil {
		last.Close(nil)
	}
}

// Send implements cot.Sink: what names the user as recipient goes to all pages,
// and the server's answers to what the user has said. What groups show they see
// as observers.
func (p *person) Send(e *cot.Event) {
	if len(e.Dests) == 0 && !strings.HasPrefix(e.Type, "b-t-f-") {
		return
	}
	for _, f := range p.pages() {
		f.Send(e)
	}
}

func (p *person) pages() []*Feed {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	return slices.Clone(p.feeds)
}

// Queue implements cot.Sink; the queues are those of the pages.
func (p *person) Queue() cot.QueueState { return cot.QueueState{} }

// End implements cot.Sink. The pages are ended by their own sessions; here only
// the device goes. Locks of the router may be held: a page closes it.
func (p *person) End(error) {
	p.hub.mu.Lock()
	p.over = true
	p.hub.mu.Unlock()
	for _, f := range p.pages() {
		f.poke()
	}
}

// tend takes a user's device off when the router has ended it.
func (h *Hub) tend(user string) {
	var ended *cot.Client
	h.mu.Lock()
	if p := h.people[user]; p != nil && p.over {
		ended, p.client = p.client, nil
	}
	h.mu.Unlock()
	if ended != nil {
		ended.Close(nil)
	}
}

// presence is how long a self report of a page's user is valid.
const presence = 5 * time.Minute

// Say sends an event in the name of id and shows it on the user's own pages. The
// first one is preceded by a report that makes the user known, so that others
// can answer.
func (h *Hub) Say(ctx context.Context, id auth.Identity, callsign string, ev *wire.Event) (*cot.Event, error) {
	h.mu.Lock()
	p := h.people[id.User]
	var c *cot.Client
	introduce := false
	if p != nil && p.client != nil && !p.over && mayBe(p.client.Identity(), id) {
		c = p.client
		introduce, p.said = !p.said, true
	}
	h.mu.Unlock()
	from := cot.Sender{Identity: id, UID: UID(id.User), Callsign: callsign}
	own := cot.NewEvent(ev.Clone(), from, id.WriteGroups(), time.Now())
	if introduce {
		if err := c.Receive(ctx, report(from.UID, callsign)); err != nil {
			return nil, err
		}
	}
	send := func() error { return h.router.Publish(ctx, from, ev, nil) }
	if c != nil {
		send = func() error { return c.Receive(ctx, ev) }
	}
	if err := send(); err != nil {
		return nil, err
	}
	if p != nil {
		for _, f := range p.pages() {
			f.Send(own)
		}
	}
	return own, nil
}

// mayBe reports whether the device of a user's pages speaks for id, who is the
// same user: a token may allow less than the login that the pages have.
func mayBe(device, id auth.Identity) bool {
	return device.Scope == nil && id.Scope == nil || device.Handle() == id.Handle()
}

// report is the self report of a page's user, whose place is not known.
func report(uid, callsign string) *wire.Event {
	ev := wire.New(uid, "a-f-G-U-C", "h-g-i-g-o", time.Now(), presence)
	ev.Takv = wire.Takv{Device: "browser", Platform: "Muster", OS: "web", Version: "1"}
	ev.Contact = wire.Contact{Callsign: callsign, Endpoint: "*:-1:stcp"}
	ev.Group = wire.Group{Name: "White", Role: "HQ"}
	return ev
}

// prefix of the uids of pages.
const prefix = "WEB-"

// UID is that of a user's pages, which are one device to everybody else.
func UID(user string) string { return prefix + user }

// Owner returns the user whose pages have a uid, or "".
func Owner(uid string) string {
	user, ok := strings.CutPrefix(uid, prefix)
	if !ok {
		return ""
	}
	return user
}
