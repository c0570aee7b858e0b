package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/limit"
)

// claim is a Proof sorted out: one way of logging in.
type claim struct {
	account string // what the limiter counts failures under
	user    string // login name as given, where there is one
	check   func(context.Context) (Identity, error)

	password string // set for a password login only
}

// Authenticate says who p proves to be.
//
// A password or digest answer opens the account it names. A token or stream key
// opens its own user's account wherever it stands: as Token, as Password with
// any user name (many cameras and players insist on one), as the password of a
// Token of the form "user:password", or as the password behind a digest answer,
// there only with its own user's name as it is written in the user list. An
// access token (IssueAccess) opens its user's account as Token. A certificate
// counts when nothing else is shown.
//
// Where the user has a second factor the password opens nothing by itself: see
// Proof.Code. Names that are not kept here are asked of the LDAP directory, if
// there is one.
//
// The error is ErrNoCredentials if p is empty, ErrBadCredentials whatever is
// wrong, ErrCodeNeeded as Proof.AskCode says, and a *LimitedError if p was not
// looked at; other errors are our own faults and say nothing about p.
func (s *Service) Authenticate(ctx context.Context, p Proof) (Identity, error) {
	if p.Empty() {
		return Identity{}, ErrNoCredentials
	}
	c := s.claim(p)
	if c.password != "" {
		return s.once(ctx, p, c)
	}
	return s.limited(ctx, p, c)
}

func (s *Service) claim(p Proof) claim {
	switch {
	case p.Token != "":
		if id, secret, ok := parseToken(p.Token); ok {
			return s.tokenClaim(p, id, secret)
		}
		if isAccess(p.Token) { // cannot be guessed
			return claim{check: func(ctx context.Context) (Identity, error) { return s.accessLogin(ctx, p.Token) }}
		}
		if user, password, ok := strings.Cut(p.Token, ":"); ok {
			return s.passwordClaim(p, user, password)
		}
		return claim{account: "?", check: refuse}
	case p.Digest != nil:
		return claim{account: account(p.User), user: p.User, check: func(ctx context.Context) (Identity, error) {
			return s.digest(ctx, p.User, p.Digest)
		}}
	case p.User != "" || p.Password != "":
		return s.passwordClaim(p, p.User, p.Password)
	}
	return claim{check: func(ctx context.Context) (Identity, error) { return s.certificate(ctx, p.Cert) }}
}

func refuse(context.Context) (Identity, error) { return Identity{}, ErrBadCredentials }

// account is the limiter's key for a login name; all that cannot be one share a
// key, so that nobody chooses how much memory a key takes.
func account(user string) string {
	if checkUserName(user) != nil {
		return "?"
	}
	return nameKey(user)
}

func (s *Service) tokenClaim(p Proof, id, secret string) claim {
	return claim{account: "token " + id, check: func(ctx context.Context) (Identity, error) {
		return s.token(ctx, id, secret, p.Enrol)
	}}
}

func (s *Service) passwordClaim(p Proof, user, password string) claim {
	if id, secret, ok := parseToken(password); ok {
		return s.tokenClaim(p, id, secret)
	}
	if p.Enrol && isAccess(password) { // clients that enrol by Basic only
		p.Token = password
		return s.claim(p)
	}
	if password == "" || len(password) > maxPassword {
		// No account has such a password; nothing is learned from the speed.
		return claim{account: account(user), user: user, check: refuse}
	}
	return claim{account: account(user), user: user, password: password, check: func(ctx context.Context) (Identity, error) {
		return s.password(ctx, p, user, password)
	}}
}

// once lets the first of several equal password logins from one address be
// checked and the others learn from it: a player opens many connections at a
// time, and they must not be taken for guesses.
func (s *Service) once(ctx context.Context, p Proof, c claim) (Identity, error) {
	// Another code, or another kind of door, is another question.
	key := s.proofs.key(c.account, fmt.Sprint(c.password, "\x00", p.Code, "\x00", p.AskCode, p.Enrol))
	for {
		f, first := s.proofs.enter(key, p.Remote)
		if first {
			err := errors.New("auth: the check did not end") // seen by others only if it panics
			defer func() { s.proofs.leave(key, p.Remote, f, err) }()
			var id Identity
			id, err = s.limited(ctx, p, c)
			return id, err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Identity{}, context.Cause(ctx)
		}
		var limited *LimitedError
		if errors.Is(f.err, ErrBadCredentials) || errors.As(f.err, &limited) {
			return Identity{}, f.err
		}
		// It was right, and the cache makes our own turn short; or it failed for
		// reasons of its own.
	}
}

// limited runs a check under the limiter and accounts for its outcome.
func (s *Service) limited(ctx context.Context, p Proof, c claim) (Identity, error) {
	if c.account == "" { // a certificate cannot be guessed
		id, err := c.check(ctx)
		s.outcome(p, c, err)
		return id, err
	}
	attempt, err := s.failures.Begin(c.account, p.Remote)
	if err != nil {
		var over *limit.ExceededError
		errors.As(err, &over)
		return Identity{}, &LimitedError{RetryAfter: over.RetryAfter}
	}
	defer attempt.Abandoned() // does nothing once it has failed or succeeded
	if err := s.delay(ctx, attempt.Delay); err != nil {
		return Identity{}, err
	}
	id, err := c.check(ctx)
	switch {
	case err == nil:
		attempt.Succeeded()
	case errors.Is(err, ErrBadCredentials):
		attempt.Failed()
	}
	s.outcome(p, c, err)
	return id, err
}

// delay slows a login down. Only so many wait at a time; beyond that they are
// told to come back.
func (s *Service) delay(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if s.delayed.Add(1) > maxDelayed {
		s.delayed.Add(-1)
		return &LimitedError{RetryAfter: d}
	}
	defer s.delayed.Add(-1)
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Service) outcome(p Proof, c claim, err error) {
	switch {
	case err == nil:
		s.succeeded.Add(1)
	case errors.Is(err, ErrBadCredentials):
		user := c.user
		if checkUserName(user) != nil {
			user = ""
		}
		s.log.Info("login refused", "user", user, "remote", p.Remote, "protocol", p.Protocol)
		s.fact(FactAuthFailed, AuthFailed{User: user, Remote: p.Remote, Protocol: p.Protocol})
	}
}

// password checks a password, and the second factor where the user has one. It
// costs one hash whether or not the user exists, is enabled or has a password,
// except when the cache knows it is right.
func (s *Service) password(ctx context.Context, p Proof, user, password string) (Identity, error) {
	epoch := s.sessions.now()
	u, err := findUser(ctx, s.db.Query(), user)
	known := err == nil
	if !known && !errors.Is(err, ErrNotFound) {
		return Identity{}, err
	}
	second, err := s.secondFactor(ctx, u.ID)
	if err != nil {
		return Identity{}, err
	}
	code := p.Code
	if second.Confirmed && code == "" && p.Enrol {
		password, code = splitCode(password)
	}
	if s.ldap != nil && (!known || u.Origin == OriginLDAP) {
		u, err = s.ldapPassword(ctx, u, user, password)
	} else {
		err = s.ownPassword(ctx, u, user, password)
	}
	if err == nil && second.Confirmed {
		err = s.checkSecond(ctx, p, second, code)
	}
	if err != nil {
		return Identity{}, err
	}
	return s.passwordIdentity(ctx, u, epoch)
}

// ownPassword checks the password of an account that is kept here.
func (s *Service) ownPassword(ctx context.Context, u userRow, user, password string) error {
	open := u.ID != "" && !u.closed() && u.Password != ""
	key := s.proofs.key(account(user), password)
	if open && s.proofs.holds(key, u) {
		return nil
	}
	hash := u.Password
	if hash == "" {
		hash = s.dummyHash
	}
	match, weak, err := s.comparePassword(ctx, password, hash)
	switch {
	case err != nil:
		return err
	case !match || !open:
		return ErrBadCredentials
	}
	if weak {
		s.rehash(ctx, u, password)
	}
	s.proofs.add(key, u)
	return nil
}

func (s *Service) passwordIdentity(ctx context.Context, u userRow, epoch uint64) (Identity, error) {
	id, err := s.identity(ctx, u, epoch)
	id.stamp = u.Stamp
	return id, err
}

// token checks a token's secret. An enrolment token opens doors where devices
// enrol and no others.
func (s *Service) token(ctx context.Context, id, secret string, enrol bool) (Identity, error) {
	epoch := s.sessions.now()
	var t tokenRow
	err := find(ctx, s.db.Query(), &t, "id", id, "token")
	known := err == nil
	if !known && !errors.Is(err, ErrNotFound) {
		return Identity{}, err
	}
	want := t.Secret
	if !known {
		want = strings.Repeat("-", 2*sha256.Size) // as long as a hash, and none
	}
	right := subtle.ConstantTimeCompare([]byte(want), []byte(hashSecret(secret))) == 1
	if !right || !t.valid(time.Now()) || t.Kind == KindEnrolment && !enrol {
		return Identity{}, ErrBadCredentials
	}
	u, err := s.owner(ctx, t.UserID)
	if err != nil {
		return Identity{}, err
	}
	who, err := s.identity(ctx, u, epoch)
	if err != nil {
		return Identity{}, err
	}
	return s.withToken(who, t)
}

// owner reads the user behind a token or device, who must be enabled.
func (s *Service) owner(ctx context.Context, uid string) (userRow, error) {
	var u userRow
	err := find(ctx, s.db.Query(), &u, "id", uid, "user")
	if errors.Is(err, ErrNotFound) || err == nil && u.closed() {
		return userRow{}, ErrBadCredentials
	}
	return u, err
}

// writeUsed stores when tokens were last used.
func (s *Service) writeUsed() {
	s.mu.Lock()
	used := s.used
	s.used = make(map[string]int64)
	s.mu.Unlock()
	if len(used) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), slowTimeout)
	defer cancel()
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for id, at := range used {
			if _, err := tx.NewUpdate().Model((*tokenRow)(nil)).Set("used = ?", at).Where("id = ?", id).Exec(ctx); err != nil {
				return fmt.Errorf("token %s: %w", id, err)
			}
		}
		return nil
	})
	if err != nil { // only a date for people: nothing is tried again
		s.log.Warn("the last use of tokens was not written", "error", err)
	}
}
