// Package attach makes a murmurd beside this server ask it who may log in.
//
// It keeps a connection to murmurd's Ice interface, is murmurd's authenticator,
// makes a channel for each group with the rights of its members, and ends the
// sessions of those whose rights are taken away. Whatever goes wrong, murmurd lets
// nobody in: it is told never to fall back on its own users (forceExternalAuth).
//
// Calls to murmurd are made by one goroutine, the attachment's own. The callbacks
// that murmurd makes only leave notes for it: murmurd waits for their answers on
// the thread that would have to serve a call.
package attach

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// Authenticator says who somebody is. auth.Service is one.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
	Current(ctx context.Context, id auth.Identity) (auth.Identity, error)
	User(ctx context.Context, name string) (auth.User, error)
}

// Verifier checks client certificates. pki.Authority is one.
type Verifier interface {
	VerifyClient(chain []*x509.Certificate) error
}

// Channel is a channel that shall be there, below the root.
type Channel struct {
	Key    string // names it for good
	Name   string
	Groups []string // who has IN in one speaks, who has OUT in one enters and hears
}

// Plan says which channels shall be there: those of groups and of rooms.
type Plan interface {
	Channels(ctx context.Context) ([]Channel, error)
}

// Deps is what an Attachment needs of the house.
type Deps struct {
	Auth     Authenticator
	CA       Verifier
	Plan     Plan
	Sessions *auth.Sessions
	Doors    *run.Doors
	Log      *slog.Logger
	Key      []byte // 32 bytes, the same after a restart: users' numbers are derived from it
}

// Stats counts since the start.
type Stats struct {
	Attached  int64 // times murmurd was attached to
	Sessions  int64 // gauge: connected at murmurd
	Accepted  int64 // logins let in
	Refused   int64 // logins refused
	Late      int64 // of those, because the check took too long
	Forged    int64 // callbacks without the secret
	Malformed int64 // callbacks that could not be read, and connections that were none of Ice's
	Kicked    int64 // sessions ended because rights were taken away
}

type counters struct {
	attached, accepted, refused, late, forged, malformed, kicked atomic.Int64
}

// Status is how the attachment is doing, for people.
type Status struct {
	Attached bool      `json:"attached"`
	Version  string    `json:"version,omitempty"` // of murmurd
	Since    time.Time `json:"since,omitzero"`
	Error    string    `json:"error,omitempty"` // why it is not attached
}

const (
	pollEvery    = 200 * time.Millisecond // how often a murmurd that is away is tried
	renewEvery   = 10 * time.Second       // how often it is told again who its authenticator is
	dialTimeout  = 2 * time.Second
	leaveTimeout = 3 * time.Second // of the calls at the end
	stoppedPause = 3 * time.Second // without calls once its server has stopped: it may be on its way out
)

// Attachment is the connection with a murmurd. Make it with New.
type Attachment struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	n     counters
	seats *seats
	notes *notes
	logins
	half bool // groups of sessions were being changed when the connection ended; Run's own

	renew, pause time.Duration // renewEvery and stoppedPause but in tests

	mu       sync.Mutex // guards what follows
	status   Status
	channels map[string]int32 // of the plan, by key
}

// New returns an attachment; it opens nothing. cfg must be valid.
func New(cfg Config, deps Deps) (*Attachment, error) {
	if deps.Auth == nil || deps.CA == nil || deps.Plan == nil || deps.Sessions == nil || deps.Doors == nil || deps.Log == nil {
		return nil, errors.New("attach: auth, ca, plan, sessions, doors and log are needed")
	}
	if len(deps.Key) < 32 {
		return nil, errors.New("attach: a key of 32 bytes is needed")
	}
	return &Attachment{
		cfg: cfg, deps: deps, log: deps.Log.With("part", "murmurd"), seats: newSeats(deps.Key), notes: newNotes(), logins: newLogins(),
		renew: renewEvery, pause: stoppedPause,
	}, nil
}

// Stats returns the present counts.
func (a *Attachment) Stats() Stats {
	return Stats{
		Attached: a.n.attached.Load(), Sessions: int64(a.seats.connected()), Accepted: a.n.accepted.Load(), Refused: a.n.refused.Load(),
		Late: a.n.late.Load(), Forged: a.n.forged.Load(), Malformed: a.n.malformed.Load(), Kicked: a.n.kicked.Load(),
	}
}

// Status says how the attachment is doing.
func (a *Attachment) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

// Channel returns the number that the channel of the plan with that key has at
// murmurd; none while murmurd is not attached.
func (a *Attachment) Channel(key string) (id int32, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, ok = a.channels[key]
	return id, ok && a.status.Attached
}

// Who returns whose session that is at murmurd, with the rights of now. ok is false
// for those that are unknown and for those of this server itself.
func (a *Attachment) Who(session uint32) (id auth.Identity, ok bool) {
	s := a.seats.of(int32(session))
	if s == nil || s.ses == nil || s.identity.System {
		return auth.Identity{}, false
	}
	return s.ses.Identity(), true
}

// Mute makes a session at murmurd heard or not, soon. The error is nil.
func (a *Attachment) Mute(session uint32, muted bool) error {
	a.notes.wish(int32(session), func(w *wish) { w.mute = &muted })
	return nil
}

// Note tells a session at murmurd a text, which is HTML, soon; one that it was not
// told yet is forgotten. The error is nil.
func (a *Attachment) Note(session uint32, text string) error {
	a.notes.wish(int32(session), func(w *wish) { w.text = text })
	return nil
}

// Dismiss puts a session at murmurd into the root channel, soon. The error is nil.
func (a *Attachment) Dismiss(session uint32) error {
	a.move(session, 0)
	return nil
}

// Move puts a session at murmurd into the channel of the plan with that key, soon;
// murmurd does not ask whether it may enter, so that is the caller's. It reports
// false when there is no such channel.
func (a *Attachment) Move(session uint32, key string) bool {
	id, ok := a.Channel(key)
	if ok {
		a.move(session, id)
	}
	return ok
}

func (a *Attachment) move(session uint32, to int32) {
	a.notes.wish(int32(session), func(w *wish) { w.to = &to })
}

// Refresh makes the channels follow the plan soon. It is for changes of groups and
// rooms, and does not wait.
func (a *Attachment) Refresh() { a.notes.refresh() }

// Run attaches to murmurd, and again whenever it comes back, until ctx ends.
func (a *Attachment) Run(ctx context.Context) error {
	if !a.cfg.Enabled {
		<-ctx.Done()
		return nil
	}
	// Callbacks are answered until murmurd was left.
	open, shut := context.WithCancel(context.WithoutCancel(ctx))
	defer shut()
	g := run.NewGroup(open, a.log, "murmurd")
	g.Go(func(ctx context.Context) {
		a.deps.Doors.Keep(ctx, a.log, doorName, a.cfg.Callbacks, a.serve)
	})
	said := ""
	for ctx.Err() == nil {
		err := a.attached(ctx)
		if ctx.Err() != nil {
			break
		}
		a.setStatus(Status{Error: err.Error()})
		if text := err.Error(); text != said && !errors.Is(err, errNoDoor) {
			said = text
			a.log.Warn("murmurd is not attached; it lets nobody in", "address", a.cfg.Address, "error", err)
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
		}
	}
	shut()
	g.Wait()
	a.checks.Wait()
	a.setStatus(Status{})
	a.seats.clear()
	return nil
}

func (a *Attachment) setStatus(s Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = s
}

// link is one connection with murmurd.
type link struct {
	a       *Attachment
	client  *ice.Client
	meta    *murmur.Meta
	server  *murmur.Server
	adapter ice.Endpoint      // where murmurd calls back
	below   map[int32]Channel // the plan as it was last carried out, by number
	quiet   bool              // murmurd may be on its way out: no calls
}

// attached attaches and serves until the connection ends or ctx does.
func (a *Attachment) attached(ctx context.Context) error {
	adapter, err := a.adapter()
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	var d net.Dialer
	nc, err := d.DialContext(dialing, "tcp", a.cfg.Address)
	cancel()
	if err != nil {
		a.seats.clear() // there is no murmurd, so nobody is at it
		a.notes.clear()
		return fmt.Errorf("attach: %w", err)
	}
	// The connection outlives ctx by the calls that leave in good order.
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	l := &link{a: a, client: ice.NewClient(nc, maxReply), adapter: adapter}
	g := run.NewGroup(running, a.log, "murmurd")
	over := make(chan error, 1)
	g.Go(func(ctx context.Context) { over <- l.client.Run(ctx) })
	defer g.Wait()
	defer end()
	a.notes.forget()
	defer func() {
		if ctx.Err() != nil && l.server != nil {
			l.leave(context.WithoutCancel(ctx))
		}
	}()
	if err := l.open(ctx); err != nil {
		return err
	}
	v := l.meta.Version()
	a.n.attached.Add(1)
	a.setStatus(Status{Attached: true, Version: v.Text, Since: time.Now()})
	a.log.Info("attached to murmurd", "version", v.Text, "address", a.cfg.Address)
	return l.work(ctx, over)
}

// maxReply is the longest answer taken: a list of a thousand users with comments.
const maxReply = 16 << 20

// open makes murmurd ask us, in an order that never lets it stand open: first it
// is told to trust no list of its own, then it starts, then it gets its
// authenticator.
func (l *link) open(ctx context.Context) error {
	cfg := l.a.cfg
	var err error
	if l.meta, err = murmur.Connect(ctx, l.client, cfg.Secret); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	if err := l.guarded(ctx); err != nil {
		return err
	}
	boot := "false"
	if cfg.KeepOpen {
		boot = "true"
	}
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"find the server", func(ctx context.Context) (err error) {
			l.server, err = l.meta.Server(ctx, int32(cfg.Server))
			return err
		}},
		{"close it to its own users", func(ctx context.Context) error { return l.server.SetConf(ctx, "forceExternalAuth", "true") }},
		{"set who starts it", func(ctx context.Context) error { return l.server.SetConf(ctx, "boot", boot) }},
		{"set the bandwidth", func(ctx context.Context) error { return l.server.SetConf(ctx, "bandwidth", fmt.Sprint(cfg.Bandwidth)) }},
		{"start it", l.start},
		{"become its authenticator", l.renew},
		{"be told what happens", l.subscribe},
		{"mend its list of users", l.repair},
		{"make the channels", l.carryOut},
		{"see who is there", l.reconcile},
		{"put people into their groups", l.finish},
	}
	for _, s := range steps {
		if err := s.do(ctx); errors.Is(err, murmur.InvalidSecret) {
			return errors.New("attach: murmurd does not take the secret: what is icesecretwrite in its configuration must be voice.external.secret here")
		} else if err != nil {
			return fmt.Errorf("attach: %s: %w", s.what, err)
		}
	}
	return nil
}

// guarded makes sure that murmurd asks for the secret. Without that every process
// of this machine could take our place.
func (l *link) guarded(ctx context.Context) error {
	open, err := murmur.Connect(ctx, l.client, "")
	if err == nil {
		err = open.RemoveCallback(ctx, l.proxy(metaObject))
	}
	switch {
	case errors.Is(err, murmur.InvalidSecret):
		return nil
	case err == nil:
		return errors.New("attach: murmurd takes changes without a secret: set icesecretwrite in its configuration")
	}
	return fmt.Errorf("attach: %w", err)
}

func (l *link) start(ctx context.Context) error {
	yes, err := l.server.Running(ctx)
	if err != nil || yes {
		return err
	}
	return l.server.Start(ctx)
}

// renew tells murmurd again who its authenticator is: it forgets that at the
// slightest mishap, without a word.
func (l *link) renew(ctx context.Context) error {
	if at, err := l.a.adapter(); err == nil {
		l.adapter = at
	}
	return l.server.SetAuthenticator(ctx, l.proxy(authObject))
}

func (l *link) subscribe(ctx context.Context) error {
	if err := l.server.AddCallback(ctx, l.proxy(serverObject)); err != nil {
		return err
	}
	return l.meta.AddCallback(ctx, l.proxy(metaObject))
}

// lostUser is the number under which murmurd 1.3 to 1.5 writes down the name of
// whoever logs in while it has no authenticator. If that name was SuperUser's,
// murmurd does not start again, because it cannot write SuperUser down. (Its row
// is lost by then; murmurd makes another one at its next start.)
const (
	lostUser = -3
	lostName = "nobody-3"
)

// repair gives that row another name.
func (l *link) repair(ctx context.Context) error {
	err := l.server.Update(ctx, lostUser, murmur.UserInfo{murmur.InfoName: lostName})
	if errors.Is(err, murmur.InvalidUser) { // there is none
		return nil
	}
	return err
}

// leave parts in good order when this server stops. Its authenticator stays what it
// was: a murmurd that cannot ask it refuses logins.
func (l *link) leave(ctx context.Context) {
	if l.quiet || l.a.notes.take().stopped { // what else is noted is of no use any more
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	err := errors.Join(l.meta.RemoveCallback(ctx, l.proxy(metaObject)), l.server.RemoveCallback(ctx, l.proxy(serverObject)))
	if !l.a.cfg.KeepOpen {
		err = errors.Join(err, l.server.Stop(ctx))
	}
	if err != nil && !errors.Is(err, murmur.ServerBooted) { // it is stopped already
		l.a.log.Warn("murmurd was not left in good order; it refuses logins", "error", err)
	}
}
