package situation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
)

// Router is the part of cot.Router that a page looks at.
type Router interface {
	Join(j cot.Join) (*cot.Client, error)
	Contacts(id auth.Identity) []cot.Contact
	Positions(id auth.Identity) []*cot.Event
	Emergencies(id auth.Identity) []cot.Emergency
	Publish(ctx context.Context, from cot.Sender, ev *wire.Event, groups []string) error
}

// History is the part of history.Service that a page starts from.
type History interface {
	Latest(ctx context.Context, id auth.Identity, b history.Bounds, at time.Time) ([]history.Record, error)
	Message(ctx context.Context, id auth.Identity, message string) (history.Message, error)
	Sync(ctx context.Context) error
}

const (
	flushEvery    = 100 * time.Millisecond
	contactsEvery = 2 * time.Second
	maxItems      = 20_000 // waiting for one page; beyond it the page is told to start anew
	maxChat       = 1_000  // likewise
	factQueue     = 256
	patience      = 2 * time.Second // for the history to write down what has just come
)

// Feed is what one page is told. It is the sink of an observer of the router.
type Feed struct {
	router  Router
	history History
	sub     *bus.Subscription
	client  *cot.Client
	user    string
	uid     string // of the user's pages as a device
	over    context.Context
	end     context.CancelCauseFunc
	tend    func() // does what waits for the page's goroutine

	told map[string]Contact // as last sent; owned by the goroutine that calls Next
	last time.Time          // contacts were looked at

	voice *atomic.Pointer[voice] // of the hub
	heard heard

	mu        sync.Mutex // guards what follows; of items and gone together at most maxItems are kept, of the others maxChat
	items     map[string]*cot.Event
	gone      map[string]struct{}
	chat      []*cot.Event
	missions  []Message
	people    bool // contacts may have changed
	alerts    bool // alerts may have changed
	who       bool // who is in a room may have changed
	talk      bool // who talks may have changed
	again     bool // rights have changed: a new snapshot is due
	lagged    bool
	delivered int64
	wake      chan struct{} // holds one
}

// errNoFeed is the cause of a feed's end when its page has closed it.
var errNoFeed = errors.New("the live channel is not open")

// Over is done when the page may not listen any more.
func (f *Feed) Over() context.Context { return f.over }

// Send implements cot.Sink. What waits is bounded: of an item only the newest
// state is kept, and a page that is too far behind starts anew.
func (f *Feed) Send(e *cot.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delivered++
	switch {
	case e.Type == "t-x-d-d":
		l, _ := e.Child("link")
		f.left(l.Attr("uid"))
	case e.Type == "t-x-g-c":
		f.again = true
	case strings.HasPrefix(e.Type, "t-x-m-"):
		f.mission(e)
	case strings.HasPrefix(e.Type, "t-"), strings.HasPrefix(e.Type, "y-"), strings.HasPrefix(e.Type, "b-f-t-"):
		return
	case strings.HasPrefix(e.Type, "b-t-f"):
		if f.chat = append(f.chat, e); len(f.chat) > maxChat {
			f.chat, f.lagged = nil, true
		}
	case strings.HasPrefix(e.Type, "b-a-"):
		f.alerts = true
		f.item(e)
	default:
		f.people = f.people || e.Contact.Endpoint != ""
		f.item(e)
	}
	f.poke()
}

func (f *Feed) item(e *cot.Event) {
	delete(f.gone, e.UID)
	f.items[e.UID] = e
	f.bound()
}

// left notes that a device or an item is gone.
func (f *Feed) left(uid string) {
	if uid == "" {
		return
	}
	delete(f.items, uid)
	f.gone[uid] = struct{}{}
	f.people = true
	f.bound()
}

func (f *Feed) bound() {
	if len(f.items)+len(f.gone) > maxItems {
		clear(f.items)
		clear(f.gone)
		f.lagged = true
	}
}

// mission notes a change of a mission; the page reads it anew.
func (f *Feed) mission(e *cot.Event) {
	m, ok := e.Child("mission")
	if !ok {
		return
	}
	if len(f.missions) >= maxChat {
		f.missions, f.lagged = nil, true
		return
	}
	f.missions = append(f.missions, Message{Kind: "mission", Name: m.Attr("name"), GUID: m.Attr("guid"), Change: m.Attr("type")})
}

func (f *Feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Queue implements cot.Sink.
func (f *Feed) Queue() cot.QueueState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cot.QueueState{Events: len(f.items) + len(f.chat), Sent: f.delivered}
}

// End implements cot.Sink.
func (f *Feed) End(reason error) { f.end(reason) }

// Next waits for news and returns them; nil when ctx ends. It is called by one
// goroutine.
func (f *Feed) Next(ctx context.Context) ([]any, error) {
	tick := time.NewTimer(contactsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case <-f.wake:
			// A little patience: what comes close together goes in one message.
			select {
			case <-time.After(flushEvery):
			case <-ctx.Done():
				return nil, nil
			}
			f.facts()
		case fact := <-f.sub.C:
			f.fact(fact)
			continue
		case <-tick.C:
			tick.Reset(contactsEvery)
		}
		f.tend()
		out, err := f.collect(ctx)
		if err != nil || len(out) > 0 {
			return out, err
		}
	}
}

// facts notes those that wait.
func (f *Feed) facts() {
	for {
		select {
		case fact := <-f.sub.C:
			f.fact(fact)
		default:
			return
		}
	}
}

// fact notes what facts of the router say; who may see what is asked of the
// router itself.
func (f *Feed) fact(fact bus.Fact) {
	if !f.concerns(fact) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch fact.Kind {
	case cot.FactContact:
		f.people = true
	case cot.FactEmergency:
		f.alerts = true
	default:
		f.again = true
	}
	f.poke()
}

// concerns reports whether a fact may change what the page's user sees. What
// changes with the groups of others, the router tells.
func (f *Feed) concerns(fact bus.Fact) bool {
	switch d := fact.Data.(type) {
	case cot.ContactFact, cot.EmergencyFact:
		return auth.Allow(f.client.Identity(), auth.Read, auth.Data("situation", fact.Groups)) == nil
	case auth.UserChanged:
		return strings.EqualFold(d.User, f.user)
	case auth.TokenChanged:
		return strings.EqualFold(d.User, f.user)
	case auth.GroupChanged:
		return d.User == "" || strings.EqualFold(d.User, f.user)
	}
	return false
}

// collect makes messages of what waits.
func (f *Feed) collect(ctx context.Context) ([]any, error) {
	f.mu.Lock()
	items, gone, chat, missions := f.items, f.gone, f.chat, f.missions
	alerts, again, lagged := f.alerts, f.again, f.lagged
	people := f.people && time.Since(f.last) >= contactsEvery
	who, talk := f.who, f.talk
	f.items, f.gone, f.chat, f.missions = make(map[string]*cot.Event), make(map[string]struct{}), nil, nil
	f.alerts, f.again, f.lagged, f.who, f.talk = false, false, false, false, false
	if people {
		f.people = false
	}
	f.mu.Unlock()

	id := f.client.Identity()
	if again {
		out, err := f.snapshot(ctx, id, items)
		if err != nil {
			return nil, err
		}
		return f.finish(ctx, id, out, chat, missions, lagged), nil
	}
	var out []any
	if len(items) > 0 {
		out = append(out, Message{Kind: "items", Items: f.describe(items)})
	}
	if len(gone) > 0 {
		out = append(out, Message{Kind: "gone", UIDs: slices.Sorted(maps.Keys(gone))})
	}
	if people || len(gone) > 0 {
		if changed := f.changed(id); len(changed) > 0 {
			out = append(out, Message{Kind: "contacts", Contacts: changed})
		}
	}
	if alerts {
		now := f.emergencies(id)
		out = append(out, Message{Kind: "emergencies", Emergencies: &now})
	}
	// With the devices that there are, those change whom somebody in a room is.
	out = append(out, f.inRooms(id, who || people || len(gone) > 0, talk)...)
	return f.finish(ctx, id, out, chat, missions, lagged), nil
}

// finish appends messages about chat and missions, and whether something was lost.
func (f *Feed) finish(ctx context.Context, id auth.Identity, out []any, chat []*cot.Event, missions []Message, lagged bool) []any {
	if said := f.said(ctx, id, chat); len(said) > 0 {
		out = append(out, Message{Kind: "chat", Messages: said})
	}
	for _, m := range missions {
		out = append(out, m)
	}
	if lagged {
		out = append(out, Message{Kind: "lagged"})
	}
	return out
}

// said reads chat. A message of the user's own may have come twice, by the router
// too. A receipt shows the message it is about, with its new state, behind the
// messages themselves: it may have come before the user's own one.
func (f *Feed) said(ctx context.Context, id auth.Identity, chat []*cot.Event) (out []history.Message) {
	var receipts []string
	again := func(m history.Message) bool {
		return slices.ContainsFunc(out, func(o history.Message) bool { return o.ID == m.ID && o.SenderUID == m.SenderUID && o.Text == m.Text })
	}
	for _, e := range chat {
		switch m, about, ok := history.Live(e, id); {
		case !ok:
		case about == "":
			if !m.Mine || !again(m) {
				out = append(out, m)
			}
		case !slices.Contains(receipts, about):
			receipts = append(receipts, about)
		}
	}
	if len(receipts) > 0 {
		f.written(ctx)
	}
	for _, about := range receipts {
		if m, err := f.history.Message(ctx, id, about); err == nil { // it may be one that the page's user cannot see
			out = append(out, m)
		}
	}
	return out
}

// written waits until the history holds what has just come. Without that the
// page is shown what it holds.
func (f *Feed) written(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = f.history.Sync(ctx) // only ctx ends it
}

func (f *Feed) describe(events map[string]*cot.Event) []Item {
	out := make([]Item, 0, len(events))
	for _, uid := range slices.Sorted(maps.Keys(events)) {
		out = append(out, itemOf(events[uid]))
	}
	return out
}

func itemOf(e *cot.Event) Item {
	it := ItemOf(e.Event, e.From.Identity.User, e.Groups)
	it.Connected = e.From.UID == e.UID
	return it
}

// changed returns the contacts that differ from what the page was told, those
// that have left with Connected false.
func (f *Feed) changed(id auth.Identity) []Contact {
	f.last = time.Now()
	var out []Contact
	present := make(map[string]bool)
	for _, c := range f.router.Contacts(id) {
		now := ContactOf(c)
		present[now.UID] = true
		if was, ok := f.told[now.UID]; ok && was.same(now) {
			continue
		}
		f.told[now.UID] = now
		out = append(out, now)
	}
	for uid, c := range f.told {
		if !present[uid] {
			delete(f.told, uid)
			c.Connected = false
			out = append(out, c)
		}
	}
	return out
}

func (f *Feed) emergencies(id auth.Identity) []Emergency {
	out := []Emergency{}
	for _, e := range f.router.Emergencies(id) {
		out = append(out, EmergencyOf(e))
	}
	return out
}
