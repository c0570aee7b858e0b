package sip

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// binding is one phone of a user.
type binding struct {
	user    string
	contact wire.URI
	key     string // contact as text
	flow    transaction.Flow
	agent   string
	callID  string
	seq     uint32
	since   time.Time // last registered
	expires time.Time
	timer   *time.Timer
	session *auth.Session
}

// registrar keeps where users can be reached (RFC 3261 §10.3). Requests to a
// phone go back the way it registered, which is what gets through NAT.
type registrar struct {
	cfg      RegistrarConfig
	sessions *auth.Sessions
	log      *slog.Logger

	mu      sync.Mutex // guards what follows; never held while calling sessions
	users   map[string][]*binding
	sources map[netip.Addr]int // addresses of registered phones
}

func newRegistrar(cfg RegistrarConfig, sessions *auth.Sessions, log *slog.Logger) *registrar {
	return &registrar{cfg: cfg, sessions: sessions, log: log, users: make(map[string][]*binding), sources: make(map[netip.Addr]int)}
}

// knows reports whether a phone is registered from addr.
func (r *registrar) knows(addr netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sources[addr] > 0
}

// find returns the phones of a user that can be reached.
func (r *registrar) find(user string) []*binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*binding
	for _, b := range r.users[user] {
		if alive(b.flow) {
			out = append(out, b)
		}
	}
	return out
}

// count returns how many phones are registered.
func (r *registrar) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, bs := range r.users {
		n += len(bs)
	}
	return n
}

// register answers a REGISTER.
func (s *Server) register(ctx context.Context, tx *transaction.Server) {
	req := tx.Request()
	id, err := s.login(ctx, tx)
	if err != nil {
		return
	}
	if !s.ours(req.To.URI) || req.To.URI.Name() != id.User {
		s.n.refused.Add(1)
		s.reply(tx, 403, "")
		return
	}
	status := s.reg.update(id, tx, req)
	r := wire.NewResponse(req, status, "", transaction.Tag())
	switch status {
	case 200:
		s.n.registrations.Add(1)
		for _, c := range s.reg.contacts(id.User) {
			r.Add("Contact", c)
		}
		r.Add("Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	case 423:
		r.Add("Min-Expires", strconv.Itoa(int(s.cfg.Registrar.MinExpiry/time.Second)))
	}
	_ = tx.Respond(r) // asked again if lost
}

// wanted is one change that a REGISTER asks for.
type wanted struct {
	contact wire.URI
	expiry  time.Duration // 0: remove
}

var errTooBrief = errors.New("sip: expiry too brief")

// read returns the changes that req asks for.
func (r *registrar) read(req *wire.Message) ([]wanted, error) {
	def := r.cfg.DefaultExpiry
	if e, ok := seconds(req.Get("Expires")); ok {
		def = e
	}
	var out []wanted
	for _, c := range req.Contacts {
		w := wanted{contact: c.URI, expiry: def}
		w.contact.Headers = ""
		if e, ok := seconds(c.Params.Get("expires")); ok {
			w.expiry = e
		}
		if w.expiry != 0 && w.expiry < r.cfg.MinExpiry {
			return nil, errTooBrief
		}
		w.expiry = min(w.expiry, r.cfg.MaxExpiry)
		out = append(out, w)
	}
	return out, nil
}

func seconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return time.Duration(n) * time.Second, err == nil
}

// update does what req asks for and returns the status to answer with. All of
// it is done, or nothing.
func (r *registrar) update(id auth.Identity, tx *transaction.Server, req *wire.Message) int {
	changes, err := r.read(req)
	if err != nil {
		return 423
	}
	if req.Star {
		if e, ok := seconds(req.Get("Expires")); !ok || e != 0 {
			return 400
		}
		for _, b := range r.find(id.User) {
			changes = append(changes, wanted{contact: b.contact})
		}
	}
	for _, w := range changes {
		if !w.contact.SIP() {
			return 400
		}
	}
	for _, w := range changes {
		status := 200
		if w.expiry == 0 {
			r.remove(id.User, w.contact.String(), req)
		} else {
			status = r.add(id, tx, req, w)
		}
		if status != 200 {
			return status
		}
	}
	return 200
}

// add makes or refreshes a binding.
func (r *registrar) add(id auth.Identity, tx *transaction.Server, req *wire.Message, w wanted) int {
	now := time.Now()
	b := &binding{
		user: id.User, contact: w.contact, key: w.contact.String(), flow: tx.Flow(), agent: req.Get("User-Agent"),
		callID: req.CallID, seq: req.Seq, since: now, expires: now.Add(w.expiry),
	}
	ses, err := r.sessions.Open(id, auth.Use, auth.Server(),
		auth.SessionInfo{Protocol: "sip", Remote: tx.Flow().Remote(), Agent: b.agent},
		func(error) { r.drop(b) })
	if err != nil {
		return 403
	}
	b.session = ses
	r.mu.Lock()
	list := r.users[id.User]
	i := slices.IndexFunc(list, func(o *binding) bool { return o.key == b.key })
	var old *binding
	switch {
	case i >= 0 && list[i].callID == b.callID && list[i].seq >= b.seq:
		r.mu.Unlock()
		ses.Close()
		return 500 // out of order (RFC 3261 §10.3 step 7)
	case i >= 0:
		old = list[i]
		list[i] = b
	case len(list) >= r.cfg.Contacts: // phones that lost power never take themselves off
		i = oldest(list)
		old = list[i]
		list[i] = b
	default:
		r.users[id.User] = append(list, b)
	}
	r.sources[b.flow.Remote().Addr()]++
	if old != nil {
		r.forget(old)
	}
	b.timer = time.AfterFunc(w.expiry, func() { r.drop(b) })
	r.mu.Unlock()
	if old != nil {
		old.session.Close()
	}
	if old == nil || old.key != b.key {
		r.log.Info("phone registered", "user", id.User, "remote", tx.Flow().Remote(), "agent", b.agent)
	}
	if !alive(b.flow) { // it went while its login was checked
		r.drop(b)
	}
	return 200
}

// oldest returns the place of the phone that was not heard of for the longest
// time.
func oldest(list []*binding) int {
	at := 0
	for i, b := range list {
		if b.since.Before(list[at].since) {
			at = i
		}
	}
	return at
}

// gone ends the bindings of a connection that is closed: nobody is reached over
// it any more (RFC 5626 §5.3).
func (r *registrar) gone(f transaction.Flow) {
	if r.knows(f.Remote().Addr()) {
		for _, b := range r.all() {
			if b.flow == f {
				r.drop(b)
			}
		}
	}
}

// forget stops what belongs to a binding. The caller holds mu.
func (r *registrar) forget(b *binding) {
	if b.timer != nil {
		b.timer.Stop()
	}
	a := b.flow.Remote().Addr()
	if r.sources[a]--; r.sources[a] <= 0 {
		delete(r.sources, a)
	}
}

func (r *registrar) remove(user, key string, req *wire.Message) {
	r.mu.Lock()
	var gone *binding
	for _, b := range r.users[user] {
		if b.key == key && (b.callID != req.CallID || b.seq < req.Seq) {
			gone = b
		}
	}
	r.mu.Unlock()
	if gone != nil {
		r.drop(gone)
	}
}

// drop ends a binding: it expired, was removed, or its user was revoked.
func (r *registrar) drop(b *binding) {
	r.mu.Lock()
	list := r.users[b.user]
	i := slices.Index(list, b)
	if i >= 0 {
		r.forget(b)
		if list = slices.Delete(list, i, i+1); len(list) == 0 {
			delete(r.users, b.user)
		} else {
			r.users[b.user] = list
		}
	}
	r.mu.Unlock()
	if i >= 0 {
		b.session.Close()
		r.log.Info("phone gone", "user", b.user, "remote", b.flow.Remote())
	}
}

// all returns all bindings.
func (r *registrar) all() []*binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*binding
	for _, list := range r.users {
		all = append(all, list...)
	}
	return all
}

// close ends all bindings.
func (r *registrar) close() {
	for _, b := range r.all() {
		r.drop(b)
	}
}

// contacts returns the values of Contact that describe a user's phones.
func (r *registrar) contacts(user string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []string
	for _, b := range r.users[user] {
		left := max(0, int(b.expires.Sub(now).Round(time.Second)/time.Second))
		out = append(out, "<"+b.key+">;expires="+strconv.Itoa(left))
	}
	return out
}
