package situation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
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
}

const (
	flushEvery    = 100 * time.Millisecond
	contactsEvery = 2 * time.Second
	maxItems      = 20_000 // waiting for one page; beyond it the page is told to start anew
	maxChat       = 1_000  // likewise
	factQueue     = 256
)

// Message is one message of the live channel.
type Message struct {
	Kind        string            `json:"kind"`
	Items       []Item            `json:"items,omitempty"`
	UIDs        []string          `json:"uids,omitempty"`
	Contacts    []Contact         `json:"contacts,omitempty"`
	Emergencies *[]Emergency      `json:"emergencies,omitempty"`
	Messages    []history.Message `json:"messages,omitempty"`
	Name        string            `json:"name,omitempty"`
	GUID        string            `json:"guid,omitempty"`
	Change      string            `json:"change,omitempty"`
}

// Snapshot is the first message of the live channel, and comes again when rights
// have changed: the whole situation.
type Snapshot struct {
	Kind        string      `json:"kind"`
	Items       []Item      `json:"items"`
	Contacts    []Contact   `json:"contacts"`
	Emergencies []Emergency `json:"emergencies"`
	UID         string      `json:"uid"`
}

// Contact is a device as the pages show it.
type Contact struct {
	UID       string    `json:"uid"`
	Callsign  string    `json:"callsign"`
	User      string    `json:"user"`
	Team      string    `json:"team"`
	Role      string    `json:"role"`
	Takv      Takv      `json:"takv"`
	Battery   int       `json:"battery" doc:"Percent; -1 is unknown."`
	Groups    []string  `json:"groups"`
	Connected bool      `json:"connected"`
	LastSeen  time.Time `json:"lastSeen"`
	Lat       *float64  `json:"lat,omitempty"`
	Lon       *float64  `json:"lon,omitempty"`
	Type      string    `json:"type,omitempty"`
	Phone     string    `json:"phone,omitempty"`
}

// Takv is the program of a device.
type Takv struct {
	Device   string `json:"device"`
	Platform string `json:"platform"`
	OS       string `json:"os"`
	Version  string `json:"version"`
}

// ContactOf describes a device.
func ContactOf(c cot.Contact) Contact {
	out := Contact{
		UID: c.UID, Callsign: c.Callsign, User: c.User, Team: c.Team, Role: c.Role, Takv: Takv(c.Takv), Battery: c.Battery,
		Groups: append([]string{}, c.Groups...), Connected: c.Connected, LastSeen: c.LastSeen, Type: c.Type, Phone: c.Phone,
	}
	if c.Position != nil {
		out.Lat, out.Lon = &c.Position.Lat, &c.Position.Lon
	}
	return out
}

// same reports whether a page would show a and b alike; the time of the last
// report alone is no news within ten seconds.
func (a Contact) same(b Contact) bool {
	return a.Callsign == b.Callsign && a.Team == b.Team && a.Role == b.Role && a.Battery == b.Battery && a.Connected == b.Connected &&
		a.Takv == b.Takv && a.Type == b.Type && slices.Equal(a.Groups, b.Groups) && b.LastSeen.Sub(a.LastSeen) < 10*time.Second
}

// Emergency is an alert as the pages show it.
type Emergency struct {
	UID      string    `json:"uid"`
	Type     string    `json:"type"`
	Kind     string    `json:"kind"`
	Callsign string    `json:"callsign"`
	User     string    `json:"user"`
	Groups   []string  `json:"groups"`
	Started  time.Time `json:"started"`
	Lat      float64   `json:"lat"`
	Lon      float64   `json:"lon"`
}

// EmergencyOf describes an alert.
func EmergencyOf(e cot.Emergency) Emergency {
	return Emergency{e.UID, e.Type, e.Kind, e.Callsign, e.User, append([]string{}, e.Groups...), e.Started, e.Point.Lat, e.Point.Lon}
}

// Feed is what one page is told. It is the sink of an observer of the router.
type Feed struct {
	router  Router
	history History
	sub     *bus.Subscription
	client  *cot.Client
	uid     string // of the user's pages as a device
	over    context.Context
	end     context.CancelCauseFunc

	told map[string]Contact // as last sent; owned by the goroutine that calls Next
	last time.Time          // contacts were looked at

	mu        sync.Mutex // guards what follows
	items     map[string]*cot.Event
	gone      map[string]struct{}
	chat      []*cot.Event
	missions  []Message
	people    bool // contacts may have changed
	alerts    bool // alerts may have changed
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
		if l, ok := e.Child("link"); ok {
			uid := l.Attr("uid")
			delete(f.items, uid)
			f.gone[uid] = struct{}{}
			f.people = true
		}
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
	if len(f.items) > maxItems {
		clear(f.items)
		f.lagged = true
	}
}

// mission notes a change of a mission; the page reads it anew.
func (f *Feed) mission(e *cot.Event) {
	m, ok := e.Child("mission")
	if !ok || len(f.missions) >= maxChat {
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
		case fact := <-f.sub.C:
			f.fact(fact)
		case <-tick.C:
			tick.Reset(contactsEvery)
		}
		out, err := f.collect(ctx)
		if err != nil || len(out) > 0 {
			return out, err
		}
	}
}

// fact notes what facts of the router say; who may see what is asked of the
// router itself.
func (f *Feed) fact(fact bus.Fact) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch fact.Kind {
	case cot.FactContact:
		f.people = true
	case cot.FactEmergency:
		f.alerts = true
	case auth.FactUserChanged, auth.FactGroupChanged, auth.FactTokenChanged:
		f.again = true
	}
}

// collect makes messages of what waits.
func (f *Feed) collect(ctx context.Context) ([]any, error) {
	f.mu.Lock()
	items, gone, chat, missions := f.items, f.gone, f.chat, f.missions
	alerts, again, lagged := f.alerts, f.again, f.lagged
	people := f.people && time.Since(f.last) >= contactsEvery
	f.items, f.gone, f.chat, f.missions = make(map[string]*cot.Event), make(map[string]struct{}), nil, nil
	f.alerts, f.again, f.lagged = false, false, false
	if people {
		f.people = false
	}
	f.mu.Unlock()

	id := f.client.Identity()
	if again {
		return f.snapshot(ctx, id, chat, missions)
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
	out = append(out, f.rest(ctx, id, chat, missions)...)
	if lagged {
		out = append(out, Message{Kind: "lagged"})
	}
	return out, nil
}

// rest makes messages of chat and missions. A receipt shows the message it is
// about, with its new state.
func (f *Feed) rest(ctx context.Context, id auth.Identity, chat []*cot.Event, missions []Message) []any {
	var out []any
	var said []history.Message
	for _, e := range chat {
		m, about, ok := history.Live(e, id)
		if ok && about != "" {
			var err error
			m, err = f.history.Message(ctx, id, about)
			ok = err == nil // it may be one that the page's user cannot see
		}
		if ok {
			said = append(said, m)
		}
	}
	if len(said) > 0 {
		out = append(out, Message{Kind: "chat", Messages: said})
	}
	for _, m := range missions {
		out = append(out, m)
	}
	return out
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
		if c.Connected && !present[uid] {
			c.Connected = false
			f.told[uid] = c
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

// snapshot is the whole situation; what came meanwhile follows.
func (f *Feed) snapshot(ctx context.Context, id auth.Identity, chat []*cot.Event, missions []Message) ([]any, error) {
	standing, err := Standing(ctx, f.history, id, time.Time{})
	if err != nil {
		return nil, err
	}
	byUID := make(map[string]Item, len(standing))
	for _, it := range standing {
		byUID[it.UID] = it
	}
	for _, e := range f.router.Positions(id) {
		it := itemOf(e)
		it.Connected = true
		byUID[it.UID] = it
	}
	m := Snapshot{Kind: "snapshot", UID: f.uid, Items: make([]Item, 0, len(byUID)), Emergencies: f.emergencies(id)}
	for _, uid := range slices.Sorted(maps.Keys(byUID)) {
		m.Items = append(m.Items, byUID[uid])
	}
	clear(f.told)
	m.Contacts = append([]Contact{}, f.changed(id)...)
	return append([]any{m}, f.rest(ctx, id, chat, missions)...), nil
}

// Standing returns what was on the map for id at a time (zero: now).
func Standing(ctx context.Context, h History, id auth.Identity, at time.Time) ([]Item, error) {
	records, err := h.Latest(ctx, id, history.Bounds{}, at)
	if err != nil {
		return nil, err
	}
	out := make([]Item, 0, len(records))
	for _, r := range records {
		e, err := r.Event()
		if err != nil { // a row that cannot be read costs one item, not the map
			continue
		}
		out = append(out, ItemOf(e, r.User, r.Groups))
	}
	return out, nil
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
