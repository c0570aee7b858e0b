package cot

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/wire"
	"muster/internal/auth"
)

const (
	alertLife      = 15 * time.Second // a repetition is valid for so long
	maxAlerts      = 1000             // repeated at a time; further ones are sent once
	maxAlertsOwner = 20               // of one user
)

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

// EmergencyFact is the data of the fact "cot.emergency": an alert began, changed
// or was cancelled.
type EmergencyFact struct {
	UID      string `json:"uid"`
	Type     string `json:"type"`
	Kind     string `json:"kind"`
	Callsign string `json:"callsign"`
	User     string `json:"user"`
	Active   bool   `json:"active"`
}

// alerts are the emergencies that are repeated.
type alerts struct {
	mu     sync.Mutex // guards what follows; events are sent under it, so that none follows its cancellation
	byUID  map[string]*alert
	period time.Duration

	saving sync.Mutex // held while one is written down or deleted
}

// alert is one of them. It is never written to.
type alert struct {
	Emergency
	owner  string // user key; "" for who has no account
	device string // uid of the client that sent it
	groups groupSet
}

// alertRow is its stored form.
type alertRow struct {
	bun.BaseModel `bun:"table:cot_emergencies"`

	UID      string    `bun:"uid,pk"`
	Type     string    `bun:"type"`
	Kind     string    `bun:"kind"`
	Callsign string    `bun:"callsign"`
	User     string    `bun:"user_name"`
	Owner    string    `bun:"owner"`
	Device   string    `bun:"sender_uid"`
	Groups   groupList `bun:"group_names"`
	Started  int64     `bun:"started"`
	Event    string    `bun:"event"`
}

// alertKinds are the types that ATAK sends.
var alertKinds = map[string]string{
	"b-a-o-tbl": "911 Alert", "b-a-o-pan": "Ring The Bell", "b-a-o-opn": "In Contact", "b-a-g": "Geo-fence Breached",
}

// isAlert reports whether e begins, changes or cancels an emergency.
func isAlert(e *Event) bool {
	if !strings.HasPrefix(e.Type, "b-a-") {
		return false
	}
	if _, ok := alertKinds[e.Type]; ok || e.Type == typeCancel {
		return true
	}
	_, ok := e.Child("emergency")
	return ok
}

// newAlert reads an alert event; ok is false if e cancels one.
func newAlert(e *Event) (a *alert, ok bool) {
	el, _ := e.Child("emergency")
	if e.Type == typeCancel || el.Attr("cancel") == "true" {
		return nil, false
	}
	a = &alert{
		Emergency: Emergency{
			UID: e.UID, Type: e.Type, Kind: cmp.Or(el.Attr("type"), alertKinds[e.Type], e.Type),
			Callsign: cmp.Or(strings.TrimSpace(el.Text()), e.Contact.Callsign, e.From.Callsign),
			User:     e.From.Identity.User, Groups: e.Groups, Started: e.Received, Point: e.Point, Event: e,
		},
		owner: userKey(e.From.Identity), device: e.From.UID,
	}
	return a, true
}

// mayTouch reports whether from may change or cancel a.
func (a *alert) mayTouch(from Sender) bool {
	if key := userKey(from.Identity); key != "" && key == a.owner {
		return true
	}
	if a.owner == "" && from.Identity.System && a.device != "" && a.device == from.UID {
		return true
	}
	return a.mayCancel(from.Identity)
}

// mayCancel reports whether id is somebody who ends other people's emergencies.
func (a *alert) mayCancel(id auth.Identity) bool {
	return auth.Allow(id, auth.Operate, auth.Server()) == nil && mayRead(id, a.Groups)
}

// alert takes an event that begins, changes or cancels an emergency. It is on
// its way to all before it returns, and on disk when it returns.
func (r *Router) alert(ctx context.Context, e *Event, w groupSet) error {
	s := &r.alerts
	a, begins := newAlert(e)
	s.mu.Lock()
	old := s.byUID[e.UID]
	if old != nil && !old.mayTouch(e.From) {
		s.mu.Unlock()
		return ErrForeign
	}
	kept, to := true, w
	switch {
	case !begins:
		delete(s.byUID, e.UID)
		if kept = old != nil; kept {
			to = w.union(old.groups) // those who saw it repeated, even if the sender is in other groups now
		}
	case old != nil:
		a.Started, a.User, a.owner, a.device = old.Started, old.User, old.owner, old.device
		fallthrough
	case !s.full(a.owner):
		a.groups = w
		s.byUID[e.UID] = a
	default:
		kept = false
	}
	r.fanOut(e, to, e.via)
	s.mu.Unlock()
	switch {
	case !kept && begins:
		r.log.Warn("too many emergencies at a time: one is not repeated", "user", e.From.Identity.User, "uid", e.UID)
	case kept && begins:
		r.tellAlert(a, true)
	case kept:
		r.tellAlert(old, false)
	}
	if !kept {
		return nil
	}
	return r.saveAlert(ctx, e.UID)
}

// full reports whether no further emergency of owner is repeated. The caller
// holds mu.
func (s *alerts) full(owner string) bool {
	n := 0
	for _, a := range s.byUID {
		if a.owner == owner {
			n++
		}
	}
	return len(s.byUID) >= maxAlerts || n >= maxAlertsOwner
}

func (s *alerts) count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.byUID))
}

func (r *Router) tellAlert(a *alert, active bool) {
	wake(r.wakeAlerts)
	r.fact("cot.emergency", EmergencyFact{a.UID, a.Type, a.Kind, a.Callsign, a.User, active}, a.Groups)
}

// saveAlert makes the disk say what memory says about the alert. Whoever comes
// later writes what is newer.
func (r *Router) saveAlert(ctx context.Context, uid string) error {
	s := &r.alerts
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	a := s.byUID[uid]
	s.mu.Unlock()
	// Not given up with the connection it came by: it has been sent to everybody.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err := r.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if a == nil {
			_, err := tx.NewDelete().Model((*alertRow)(nil)).Where("uid = ?", uid).Exec(ctx)
			return err
		}
		row := &alertRow{
			UID: a.UID, Type: a.Type, Kind: a.Kind, Callsign: a.Callsign, User: a.User, Owner: a.owner, Device: a.device,
			Groups: a.Groups, Started: a.Started.UnixMilli(), Event: string(a.Event.AppendXML(nil)),
		}
		return upsert(ctx, tx.NewInsert().Model(row), "uid",
			"type", "kind", "callsign", "user_name", "owner", "sender_uid", "group_names", "started", "event")
	})
	if err != nil {
		r.log.Error("an emergency was not written down; it would not survive a restart", "uid", uid, "error", err)
		return fmt.Errorf("cot: write down emergency %s: %w", uid, err)
	}
	return nil
}

func (r *Router) loadAlerts(ctx context.Context) error {
	var rows []alertRow
	if err := r.db.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return fmt.Errorf("cot: read the emergencies: %w", err)
	}
	for _, row := range rows {
		w, err := wire.ParseXML([]byte(row.Event), r.storedLimits())
		if err != nil {
			r.log.Error("a stored emergency cannot be read", "uid", row.UID, "error", err)
			continue
		}
		from := Sender{Identity: auth.Identity{User: row.User}, UID: row.Device, Callsign: row.Callsign}
		started := time.UnixMilli(row.Started)
		r.alerts.byUID[row.UID] = &alert{
			Emergency: Emergency{
				UID: row.UID, Type: row.Type, Kind: row.Kind, Callsign: row.Callsign, User: row.User, Groups: row.Groups,
				Started: started, Point: w.Point, Event: NewEvent(w, from, row.Groups, started),
			},
			owner: row.Owner, device: row.Device, groups: r.numbers.set(row.Groups),
		}
	}
	return nil
}

// storedLimits are those of events that were within the limits when they came.
func (r *Router) storedLimits() wire.Limits {
	l := r.limits
	l.Event = max(2*l.Event, 64<<20)
	return l
}

// repeatAlerts sends all emergencies again and again.
func (r *Router) repeatAlerts(ctx context.Context) {
	next := time.Now().Add(r.EmergencyPeriod())
	for {
		t := time.NewTimer(time.Until(next))
		if r.alerts.count() == 0 {
			t.Stop() // nothing to do until somebody needs help
		}
		select {
		case <-t.C:
			r.repeatNow(nil)
			next = time.Now().Add(r.EmergencyPeriod())
		case <-r.wakeAlerts:
			if soonest := time.Now().Add(r.EmergencyPeriod()); next.After(soonest) || next.Before(time.Now()) {
				next = soonest
			}
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// repeatNow sends every emergency to all who may see it but the device it is
// from; or to only, if that is not nil.
func (r *Router) repeatNow(only *Client) {
	s := &r.alerts
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, a := range s.sorted() {
		e := a.Event.again("", now, alertLife)
		if only != nil {
			if st := only.state.Load(); st.out.meets(a.groups) && !a.isFrom(st) {
				only.join.Sink.Send(e)
				r.n.delivered.Add(1)
			}
			continue
		}
		r.fanOut(e, a.groups, r.connection(a.Event.From))
	}
}

// isFrom reports whether the alert came from the client in state st.
func (a *alert) isFrom(st *clientState) bool {
	return a.device != "" && a.device == st.uid && a.owner == userKey(st.id)
}

// sendAlerts sends a client that has just come what is being repeated.
func (r *Router) sendAlerts(c *Client) { r.repeatNow(c) }

// sorted returns the alerts, oldest first. The caller holds mu.
func (s *alerts) sorted() []*alert {
	all := make([]*alert, 0, len(s.byUID))
	for _, a := range s.byUID {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *alert) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.UID, b.UID)) })
	return all
}

// Emergencies returns those that id may see, oldest first.
func (r *Router) Emergencies(id auth.Identity) []Emergency {
	r.alerts.mu.Lock()
	all := r.alerts.sorted()
	r.alerts.mu.Unlock()
	out := make([]Emergency, 0, len(all))
	for _, a := range all {
		if mayRead(id, a.Groups) {
			out = append(out, a.Emergency)
		}
	}
	return out
}

// CancelEmergency stops one, tells everybody (b-a-o-can) and reports whether
// there was one that by may see. When it returns nil that is on disk. The error
// wraps auth.ErrDenied if it is somebody else's and by is no operator.
func (r *Router) CancelEmergency(ctx context.Context, by auth.Identity, uid string) (bool, error) {
	s := &r.alerts
	s.mu.Lock()
	a := s.byUID[uid]
	switch own := a != nil && a.owner != "" && a.owner == userKey(by); {
	case a == nil, !own && !mayRead(by, a.Groups):
		s.mu.Unlock()
		return false, nil
	case !own && !a.mayCancel(by):
		s.mu.Unlock()
		return true, fmt.Errorf("%w: only who raised an emergency, or an operator, cancels it", auth.ErrDenied)
	}
	delete(s.byUID, uid)
	e := a.cancellation(time.Now())
	e.From = Sender{Identity: by}
	r.fanOut(e, a.groups, nil)
	s.mu.Unlock()
	r.tellAlert(a, false)
	if r.recorder != nil {
		r.recorder.Record(e)
	}
	return true, r.saveAlert(ctx, uid)
}

// cancellation returns the event that ends a.
func (a *alert) cancellation(now time.Time) *Event {
	w := wire.New(a.UID, typeCancel, a.Event.How, now, serverLife)
	w.Point = a.Point
	for el := range a.Event.Children() {
		if el.Name == "link" || el.Name == "contact" {
			w.AddDetail(bytes.Clone(el.Raw))
		}
	}
	w.AddDetail(wire.AppendElement(nil, "emergency", wire.AppendText(nil, a.Callsign), wire.Attr{Name: "cancel", Value: "true"}))
	return NewEvent(w, Sender{}, a.Groups, now)
}

// EmergencyPeriod is the pause between repetitions.
func (r *Router) EmergencyPeriod() time.Duration {
	r.alerts.mu.Lock()
	defer r.alerts.mu.Unlock()
	return r.alerts.period
}

// SetEmergencyPeriod changes it, from 1 s to 1 h, until the next start.
func (r *Router) SetEmergencyPeriod(d time.Duration) error {
	if d < time.Second || d > time.Hour {
		return errors.New("the period of emergencies is from 1s to 1h")
	}
	r.alerts.mu.Lock()
	r.alerts.period = d
	r.alerts.mu.Unlock()
	wake(r.wakeAlerts)
	return nil
}
