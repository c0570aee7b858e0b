package auth

import (
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth/directory"
	"muster/internal/bus"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/internal/store"
)

// The facts Service publishes; all of them are for administrators.
const (
	FactAuthFailed    = "auth.failed"    // AuthFailed
	FactUserChanged   = "user.changed"   // UserChanged
	FactGroupChanged  = "group.changed"  // GroupChanged
	FactTokenChanged  = "token.changed"  // TokenChanged
	FactDeviceChanged = "device.changed" // DeviceChanged
)

// AuthFailed is the fact that somebody showed wrong credentials. User is empty
// where what was given as one cannot be a user name (it may be a password).
type AuthFailed struct {
	User     string     `json:"user"`
	Remote   netip.Addr `json:"remote"`
	Protocol string     `json:"protocol"`
}

// UserChanged is the fact that a user was added, changed or removed. Change is
// "added", "password", "profile", "role", "enabled", "disabled", "removed",
// "directory" (rights or name changed there), or "totp".
type UserChanged struct {
	User   string `json:"user"`
	Change string `json:"change"`
}

// GroupChanged is the fact that a group or a membership changed. Change is
// "added", "removed", "granted" or "revoked"; User is set for the last two.
type GroupChanged struct {
	Group  string `json:"group"`
	User   string `json:"user,omitempty"`
	Change string `json:"change"`
}

// TokenChanged is the fact that a token was "added" or "revoked".
type TokenChanged struct {
	ID     string `json:"id"`
	User   string `json:"user"`
	Change string `json:"change"`
}

// DeviceChanged is the fact that a device was "added" or "revoked".
type DeviceChanged struct {
	Fingerprint string `json:"fingerprint"`
	User        string `json:"user"`
	Change      string `json:"change"`
}

// Stats are counts since the start.
type Stats struct {
	Succeeded   int64 // logins
	Failed      int64 // wrong credentials
	Limited     int64 // not looked at, after too many failures
	Hashes      int64 // password hashes computed
	HashRefused int64 // not computed because too many were waiting
	CacheHits   int64 // passwords that needed no hash
}

const (
	maxProofs   = 10_000 // passwords remembered by the cache
	maxDelayed  = 256    // logins that may be slowed down at once
	expiryTick  = 500 * time.Millisecond
	usedTick    = 30 * time.Second
	slowTimeout = 10 * time.Second // of work that a caller's end must not cut short
)

// Service is who is who: users, groups, tokens, stream keys and devices, and
// the login with each. Every method may be called from anywhere. A change of
// anybody's rights is on the disk, and has ended the sessions it concerns, when
// the method returns.
//
// The management methods do not ask who calls them: that is the caller's Allow.
type Service struct {
	cfg      Config
	db       *store.DB
	sessions *Sessions
	bus      *bus.Bus
	log      *slog.Logger

	failures  *limit.Failures
	hashes    *limit.Hashes
	proofs    *proofs
	seals     sealer
	viewers   []byte          // derives viewer keys
	keys      box             // secrets of second factors, and the signing key
	recovery  []byte          // key of the hashes of recovery codes
	ldap      *directory.LDAP // nil: none
	oidc      []*directory.Provider
	dummyHash string
	dummySeal string

	succeeded, delayed atomic.Int64

	signing sync.Mutex // guards signer
	signer  *rsa.PrivateKey

	mu   sync.Mutex       // guards used
	used map[string]int64 // token id → last use not yet written, at most one per token
}

// New returns a Service on db. It starts nothing, but a key file in the data
// directory is made if there is none.
func New(cfg Config, db *store.DB, sessions *Sessions, b *bus.Bus, log *slog.Logger) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	s := &Service{
		cfg: cfg, db: db, sessions: sessions, bus: b, log: log.With("part", "auth"),
		failures:  limit.NewFailures(cfg.Failures, time.Now),
		hashes:    limit.NewHashes(runtime.GOMAXPROCS(0), cfg.HashQueue),
		proofs:    newProofs(cfg.PasswordCache, maxProofs),
		dummyHash: dummyHash(cfg.Hash),
		used:      make(map[string]int64),
	}
	if err := s.loadKeys(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	s.dummySeal = s.seals.seal(dummyOwner, newHA1("", generatePassword()))
	if err := s.openDirectories(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	sessions.bind(s.currentNow)
	return s, nil
}

// loadKeys derives what seals secrets in the database.
func (s *Service) loadKeys() error {
	digest, err := s.db.Key("digest")
	if err != nil {
		return err
	}
	if s.seals, err = newSealer(digest); err != nil {
		return err
	}
	secrets, err := s.db.Key("identity")
	if err != nil {
		return err
	}
	if s.keys, err = newBox(secrets); err != nil {
		return err
	}
	if s.viewers, err = s.db.Key("viewer"); err != nil {
		return err
	}
	s.recovery, err = s.db.Key("recovery")
	return err
}

// Run ends sessions whose token or certificate expires, within a second, writes
// down when tokens were last used, and looks people of a directory up again. It
// returns nil when ctx ends.
func (s *Service) Run(ctx context.Context) error {
	jobs := run.NewGroup(ctx, s.log, "auth")
	if s.ldap != nil {
		jobs.Go(s.refresh)
	}
	defer s.closeDirectories()
	defer jobs.Wait()
	expiry, used := time.NewTicker(expiryTick), time.NewTicker(usedTick)
	defer expiry.Stop()
	defer used.Stop()
	for {
		select {
		case <-ctx.Done():
			s.writeUsed()
			return nil
		case <-expiry.C:
			// The wall clock, so that a clock that was set counts at once.
			if n := s.sessions.expire(time.Now().Round(0)); n > 0 {
				s.log.Info("sessions ended with their token or certificate", "sessions", n)
			}
		case <-used.C:
			s.writeUsed()
		}
	}
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	s.proofs.mu.Lock()
	hits := s.proofs.hits
	s.proofs.mu.Unlock()
	return Stats{
		Succeeded: s.succeeded.Load(), Failed: s.failures.Failed(), Limited: s.failures.Refused(),
		Hashes: s.hashes.Done(), HashRefused: s.hashes.Refused(), CacheHits: hits,
	}
}

// who names users whose rights changed.
type who struct{ ids, names []string }

func (w *who) add(id, name string) {
	w.ids = append(w.ids, id)
	w.names = append(w.names, name)
}

// changed makes a change that is already in the database count: logins under
// way are checked again, and open sessions that lost their right end.
func (s *Service) changed(w who) {
	s.sessions.advance()
	s.proofs.forget(w.ids)
	ended := s.sessions.Revalidate(
		func(i SessionInfo) bool { return slices.Contains(w.names, i.User) },
		s.memo())
	if ended > 0 {
		s.log.Info("sessions ended because rights changed", "sessions", ended)
	}
}

// memo is currentNow that asks once per proof: a user may have a thousand
// sessions with the same one.
func (s *Service) memo() func(Identity) (Identity, error) {
	type answer struct {
		id  Identity
		err error
	}
	known := make(map[string]answer)
	return func(id Identity) (Identity, error) {
		key := id.User + "\x00" + id.Handle()
		a, ok := known[key]
		if !ok {
			a.id, a.err = s.currentNow(id)
			known[key] = a
		}
		return a.id, a.err
	}
}

// currentNow is Current for callers without a context of their own. A database
// that does not answer counts as no right: a revocation must not be lost.
func (s *Service) currentNow(id Identity) (Identity, error) {
	ctx, cancel := context.WithTimeout(context.Background(), slowTimeout)
	defer cancel()
	return s.Current(ctx, id)
}

func (s *Service) fact(kind string, data any) {
	s.bus.Publish(bus.Fact{Kind: kind, Data: data, Admin: true})
}
