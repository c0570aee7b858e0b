// Package cot is the hub of the situation: clients send events, the router
// decides who receives them. It has no sockets: streams, WebSockets, the Marti
// API and the pages meet here.
//
// One event's way: a stream server reads it and calls Client.Receive; the router
// takes the groups the sender may write to, finds who reads one of them or is
// named as recipient, and hands one shared Event to each receiver's Sink, whose
// queue is bounded. Nothing on this way waits for a disk or a socket.
package cot

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
)

// The reasons a client is ended for, handed to Sink.End.
var (
	ErrReplaced = errors.New("the same device has connected anew")
	ErrSlow     = errors.New("the client does not read")
	ErrSilent   = errors.New("the client has sent nothing for too long")
)

// ErrForeign refuses an event in the name of somebody else's device.
var ErrForeign = errors.New("this uid belongs to another user")

// Sink is the way to one client. Its methods are called from any goroutine and
// must not block.
type Sink interface {
	Send(e *Event)     // queue it
	Queue() QueueState // for the page of connected devices
	End(reason error)  // close the connection, soon
}

// QueueState is how far a client is behind.
type QueueState struct {
	Events, Bytes int   // waiting
	Sent          int64 // events handed to the socket so far
	Replaced      int64 // positions that made way for newer ones
	Dropped       int64 // events given up, for whatever reason
	Version       int   // 0 XML, 1 protobuf
}

// Join is a client that has proven who it is.
type Join struct {
	Identity auth.Identity
	Protocol string // "tls", "tcp", "ws", "quic", "udp", "web"
	Remote   netip.AddrPort
	Agent    string
	Subject  string // DN of its certificate, or empty
	Sink     Sink   // nil: it only sends (UDP)
	UID      string // bound from the start, for clients that are known before they report themselves (pages); "" otherwise
	Callsign string // likewise
	Observer bool   // a page: receives what its groups show, is no contact, and is sent no latest positions
}

// Recorder keeps the history. Record must not block; what it cannot take it
// counts.
type Recorder interface{ Record(e *Event) }

// Missions takes events that name a mission as recipient.
type Missions interface {
	// Contribute stores e, which names d, as content of the mission and delivers
	// it with Router.Deliver and the change with Router.Notify. It returns when
	// that is on disk. The error (not allowed, no such mission) is for the log.
	Contribute(ctx context.Context, e *Event, d wire.Dest) error
	// Seen is told of a client that has reported itself, in a goroutine of its
	// own, so that what waits for it can be sent.
	Seen(ctx context.Context, from Sender)
}

// Deps is what the router needs of the house.
type Deps struct {
	DB       *store.DB
	Sessions *auth.Sessions
	Bus      *bus.Bus
	Log      *slog.Logger
	Recorder Recorder // nil: nothing is recorded
}

// Router knows every client and who may reach whom.
type Router struct{ cfg Config }

// New returns a router without clients; it reads what must survive a restart
// (emergencies, waiting chat, channels, known devices) from the database. It
// starts nothing. cfg must be valid.
func New(ctx context.Context, cfg Config, d Deps) (*Router, error) { panic("cot") }

// SetMissions is called once, before Run.
func (r *Router) SetMissions(m Missions) { panic("cot") }

// Run repeats emergencies, expires what waits too long and writes contacts down
// until ctx ends.
func (r *Router) Run(ctx context.Context) error { panic("cot") }

// Join makes a client known and queues for it the latest position of everybody
// it may see. The error wraps auth.ErrDenied or auth.ErrRevoked. The caller
// closes the client. When the rights of its user change the router takes the new
// ones and sends what TAK wants to see (t-x-g-c, t-x-d-d, positions).
func (r *Router) Join(j Join) (*Client, error) { panic("cot") }

// Client is a connected client.
type Client struct{ r *Router }

// Receive takes an event that the client sent; it is the router's from now on.
// Ping, negotiation and auth are the stream's business and do not come here;
// other control events (t-x-c-m, t-x-c-i-*, t-x-c-f, t-b*) are handled here. The
// error says why the event was dropped, for the stream's counter and its log; the
// connection goes on.
func (c *Client) Receive(ctx context.Context, ev *wire.Event) error { panic("cot") }

// Identity returns the client's identity with the rights of now.
func (c *Client) Identity() auth.Identity { panic("cot") }

// UID returns the uid the client reported itself with, or "".
func (c *Client) UID() string { panic("cot") }

// Close takes the client off; others are told (t-x-d-d) unless it comes back
// within a few seconds. Closing twice is harmless.
func (c *Client) Close(reason error) { panic("cot") }

// Publish routes an event as if from had sent it over a stream, without being a
// client: for HTTP callers and pages. groups narrows the groups it goes to; nil
// means all that from may write to. The error wraps auth.ErrDenied when none is
// left.
func (r *Router) Publish(ctx context.Context, from Sender, ev *wire.Event, groups []string) error {
	panic("cot")
}

// Announce sends an event of the server to every client that reads one of groups.
func (r *Router) Announce(ev *wire.Event, groups []string) { panic("cot") }

// Notify sends an event of the server to the clients with these uids, as far as
// they are connected, and returns the uids that were reached.
func (r *Router) Notify(ev *wire.Event, uids ...string) []string { panic("cot") }

// Deliver hands e to the clients with these uids, but not to its own sender.
func (r *Router) Deliver(e *Event, uids []string) { panic("cot") }

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
}

// Contacts returns the connected devices that id may see (id reads a group they
// publish to, or is an admin), by callsign; those incognito are left out.
func (r *Router) Contacts(id auth.Identity) []Contact { panic("cot") }

// Endpoints returns all devices ever seen since the given time (zero: all) that
// id may see, connected or not.
func (r *Router) Endpoints(ctx context.Context, id auth.Identity, since time.Time) ([]Contact, error) {
	panic("cot")
}

// Positions returns the newest report of each connected device that id may see.
func (r *Router) Positions(id auth.Identity) []*Event { panic("cot") }

// Resolve returns the uids of connected clients with this callsign (exactly) or
// user name (case does not count), whoever may see them.
func (r *Router) Resolve(callsign, user string) []string { panic("cot") }

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

// Subscriptions returns every connection id may see: all for admins and
// operators, else those of its contacts.
func (r *Router) Subscriptions(id auth.Identity) []Subscription { panic("cot") }

// Disconnect ends the connection with that id, or those of the device with that
// uid, and reports whether there was one.
func (r *Router) Disconnect(idOrUID string) bool { panic("cot") }

// SetIncognito hides a connected device, or shows it again.
func (r *Router) SetIncognito(uid string, on bool) bool { panic("cot") }

// SetFilter gives a connected device a geographic filter: the XML of a
// geospatialFilter element; nil takes it away.
func (r *Router) SetFilter(uid string, filter []byte) error { panic("cot") }

// Release makes a uid free for whoever reports it next, and forgets what was
// kept for its owner: a device was handed on. Who is connected with it is
// disconnected. It reports whether the uid was anybody's.
func (r *Router) Release(ctx context.Context, uid string) (bool, error) { panic("cot") }

// Channel is one group of a user as one of the user's devices has it switched.
type Channel struct {
	Group     string
	In, Out   bool // the right
	ActiveIn  bool // the choice; false makes the right not count on this device
	ActiveOut bool
}

// Channels returns the groups of id, with the choice made for the device with
// uid, or the user's last choice when uid is "".
func (r *Router) Channels(ctx context.Context, id auth.Identity, uid string) ([]Channel, error) {
	panic("cot")
}

// SetChannels makes a choice count: on disk, then at once in the routing, with
// t-x-d-d, positions and t-x-g-c as TAK wants. Groups not named stay as they are.
func (r *Router) SetChannels(ctx context.Context, id auth.Identity, uid string, choice []Channel) error {
	panic("cot")
}

// ResendPositions queues the latest positions for the device once more.
func (r *Router) ResendPositions(uid string) { panic("cot") }

// Emergency is an alert that is repeated until it is cancelled.
type Emergency struct {
	UID      string     `json:"uid"` // of the alert event
	Type     string     `json:"type"`
	Kind     string     `json:"kind"` // "911 Alert", …
	Callsign string     `json:"callsign"`
	User     string     `json:"user"`
	Groups   []string   `json:"groups"`
	Started  time.Time  `json:"started"`
	Point    wire.Point `json:"point"`
	Event    *Event     `json:"-"`
}

// Emergencies returns those that id may see, oldest first.
func (r *Router) Emergencies(id auth.Identity) []Emergency { panic("cot") }

// CancelEmergency stops one, tells everybody (b-a-o-can) and reports whether
// there was one that by may see. When it returns nil that is on disk.
func (r *Router) CancelEmergency(ctx context.Context, by auth.Identity, uid string) (bool, error) {
	panic("cot")
}

// EmergencyPeriod and SetEmergencyPeriod are the pause between repetitions.
func (r *Router) EmergencyPeriod() time.Duration { panic("cot") }

// SetEmergencyPeriod changes it, from 1 s to 1 h, until the next start.
func (r *Router) SetEmergencyPeriod(d time.Duration) error { panic("cot") }

// SetInjectors replaces the XML that is added to the detail of every event of a
// uid; the XML is well formed.
func (r *Router) SetInjectors(byUID map[string][][]byte) { panic("cot") }

// Stats counts since the start.
type Stats struct {
	Clients     int64 // connected now
	Received    int64 // events from clients
	Delivered   int64 // copies queued
	Directed    int64 // events with recipients
	Foreign     int64 // refused: somebody else's uid
	Denied      int64 // refused: no group to publish to, or no right in a mission
	Control     int64 // consumed control events
	Waiting     int64 // chat kept for devices that are away
	Emergencies int64 // active now
}

// Stats returns the counters.
func (r *Router) Stats() Stats { panic("cot") }
