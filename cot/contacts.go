package cot

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
)

// Contact is a device as others see it.
type Contact struct {
	UID       string      `json:"uid"`
	Callsign  string      `json:"callsign"`
	User      string      `json:"user"`
	Team      string      `json:"team"`
	Role      string      `json:"role"`
	Takv      wire.Takv   `json:"takv"`
	Battery   int         `json:"battery"` // percent; -1 unknown
	Groups    []string    `json:"groups"`  // that it publishes to at present
	Connected bool        `json:"connected"`
	LastSeen  time.Time   `json:"lastSeen"`
	Position  *wire.Point `json:"position,omitempty"` // of the last report of a connected device
	Type      string      `json:"type,omitempty"`
	Phone     string      `json:"phone,omitempty"`
	Device    string      `json:"-"` // fingerprint of the certificate that was its proof; "" for none, or while it is away
}

// Subscription is a connection as the administrator sees it.
type Subscription struct {
	Contact
	ID        string            `json:"id"` // of the connection
	Protocol  string            `json:"protocol"`
	Remote    netip.AddrPort    `json:"remote"`
	Subject   string            `json:"subject"`
	Since     time.Time         `json:"since"`
	Received  int64             `json:"received"` // events
	Queue     QueueState        `json:"queue"`
	Incognito bool              `json:"incognito"`
	Metrics   map[string]string `json:"metrics,omitempty"` // of the last t-x-c-m
	InGroups  []string          `json:"inGroups"`          // active, sender side
	OutGroups []string          `json:"outGroups"`         // active, receiver side
}

// all returns the clients of now.
func (r *Router) all() []*Client {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.clients)
}

// contact describes c.
func (c *Client) contact(st *clientState) Contact {
	seen := c.lastSeen.Load()
	out := Contact{
		UID: st.uid, Callsign: st.callsign, User: st.id.User, Team: st.team.Name, Role: st.team.Role,
		Takv: st.takv, Phone: st.phone, Device: st.id.Device, Battery: -1, Groups: st.inGroups, Connected: true, LastSeen: time.UnixMilli(seen),
	}
	if seen == 0 {
		out.LastSeen = c.since
	}
	if e := c.latest.Load(); e != nil {
		at := e.Point
		out.Position, out.Type, out.Battery = &at, e.Type, e.Battery
	}
	return out
}

// visible reports whether others see c at all.
func (st *clientState) visible() bool { return st.reported && !st.incognito }

// Contacts returns the connected devices that id may see (id reads a group they
// publish to, or is an admin), by callsign; those incognito are left out.
func (r *Router) Contacts(id auth.Identity) []Contact {
	var out []Contact
	for _, c := range r.all() {
		if st := c.state.Load(); st.visible() && mayRead(id, st.inGroups) {
			out = append(out, c.contact(st))
		}
	}
	sortContacts(out)
	return out
}

func sortContacts(list []Contact) {
	slices.SortFunc(list, func(a, b Contact) int {
		return cmp.Or(cmp.Compare(a.Callsign, b.Callsign), cmp.Compare(a.UID, b.UID))
	})
}

// Endpoints returns all devices ever seen since the given time (zero: all) that
// id may see, connected or not.
func (r *Router) Endpoints(_ context.Context, id auth.Identity, since time.Time) ([]Contact, error) {
	out := slices.DeleteFunc(r.Contacts(id), func(c Contact) bool { return c.LastSeen.Before(since) })
	var away []Contact
	r.mu.RLock()
	for uid, d := range r.devices {
		if !slices.ContainsFunc(r.byUID[uid], func(c *Client) bool { return c.state.Load().reported }) {
			away = append(away, d.contact())
		}
	}
	r.mu.RUnlock()
	for _, c := range away {
		if !c.LastSeen.Before(since) && mayRead(id, c.Groups) {
			out = append(out, c)
		}
	}
	sortContacts(out)
	return out, nil
}

// Positions returns the newest report of each connected device that id may see.
func (r *Router) Positions(id auth.Identity) []*Event {
	var out []*Event
	for _, c := range r.all() {
		st, e := c.state.Load(), c.latest.Load()
		if e != nil && st.visible() && mayRead(id, st.inGroups) {
			out = append(out, e)
		}
	}
	return out
}

// Resolve returns the uids of connected clients with this callsign (exactly) or
// user name (case does not count), whoever may see them.
func (r *Router) Resolve(callsign, user string) []string {
	var out []string
	for _, c := range r.all() {
		st := c.state.Load()
		if st.uid == "" || slices.Contains(out, st.uid) {
			continue
		}
		if callsign != "" && st.callsign == callsign || user != "" && strings.EqualFold(st.id.User, user) {
			out = append(out, st.uid)
		}
	}
	slices.Sort(out)
	return out
}

// Subscriptions returns every connection id may see: all for admins and
// operators, else those of its contacts. Observers are left out: the device of a
// page's user stands for all its pages.
func (r *Router) Subscriptions(id auth.Identity) []Subscription {
	everything := auth.Allow(id, auth.Operate, auth.Server()) == nil
	var out []Subscription
	for _, c := range r.all() {
		if c.join.Observer {
			continue
		}
		if st := c.state.Load(); everything || st.visible() && mayRead(id, st.inGroups) {
			out = append(out, c.subscription(st))
		}
	}
	slices.SortFunc(out, func(a, b Subscription) int {
		return cmp.Or(cmp.Compare(a.Callsign, b.Callsign), a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (c *Client) subscription(st *clientState) Subscription {
	s := Subscription{
		Contact: c.contact(st), ID: c.id, Protocol: c.join.Protocol, Remote: c.join.Remote, Subject: c.join.Subject,
		Since: c.since, Received: c.received.Load(), Incognito: st.incognito,
		InGroups: st.inGroups, OutGroups: st.outGroups,
	}
	if c.join.Sink != nil {
		s.Queue = c.join.Sink.Queue()
	}
	if m := c.metrics.Load(); m != nil {
		s.Metrics = *m
	}
	return s
}

// Disconnect ends the connection with that id, or those of the device with that
// uid, and reports whether there was one.
func (r *Router) Disconnect(idOrUID string) bool {
	n := 0
	for _, c := range r.all() {
		if idOrUID != "" && (c.id == idOrUID || c.state.Load().uid == idOrUID) {
			c.end(auth.ErrKicked)
			n++
		}
	}
	return n > 0
}
