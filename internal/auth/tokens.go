package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// TokenKind says what a token is for.
type TokenKind string

// The kinds of tokens.
const (
	KindToken     TokenKind = "token"     // for programs: as much as its user may, or less
	KindStreamKey TokenKind = "streamkey" // for encoders and players: publish or read certain streams
	KindEnrolment TokenKind = "enrolment" // for one device to get its certificate, once; see CreateEnrolment
)

const (
	tokenPrefix   = "mst_"
	tokenIDLen    = 10 // base32 characters, 50 bits: not secret, but not to be met twice
	tokenLen      = 26 // base32 characters, 130 bits
	maxTokens     = 100
	maxPatterns   = 50
	keepExpired   = 30 * 24 * time.Hour
	base32Letters = "abcdefghijklmnopqrstuvwxyz234567"
)

// TokenSpec is what CreateToken needs to know.
type TokenSpec struct {
	Name    string // for people
	Kind    TokenKind
	Scope   *Scope    // nil: all the user may (KindToken only)
	Expires time.Time // zero: never
}

// Token describes a token. Its secret is not kept.
type Token struct {
	ID      string    `json:"id"` // public; part of the token's text
	User    string    `json:"user"`
	Name    string    `json:"name"`
	Kind    TokenKind `json:"kind"`
	Scope   *Scope    `json:"scope,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Used    time.Time `json:"used,omitzero"` // last use, up to half a minute late
}

// CreateToken makes a token for a user and returns its text, mst_ID_SECRET,
// which cannot be read again. The error wraps ErrInvalid or ErrNotFound.
func (s *Service) CreateToken(ctx context.Context, user string, spec TokenSpec) (Token, string, error) {
	now := time.Now()
	if err := spec.complete(now); err != nil {
		return Token{}, "", err
	}
	scope := ""
	if spec.Scope != nil {
		b, err := json.Marshal(spec.Scope)
		if err != nil {
			return Token{}, "", fmt.Errorf("auth: %w", err)
		}
		scope = string(b)
	}
	id, secret, text := newToken()
	row := tokenRow{ID: id, Name: spec.Name, Kind: spec.Kind, Secret: hashSecret(secret), Scope: scope,
		Created: now.UnixMilli(), Expires: millis(spec.Expires)}
	var u userRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if u, err = findUser(ctx, tx, user); err != nil {
			return err
		}
		row.UserID = u.ID
		row.Sealed = s.seals.seal(id, newHA1(u.Name, text))
		return insertToken(ctx, tx, row, now)
	})
	if err != nil {
		return Token{}, "", fmt.Errorf("auth: make a token: %w", err)
	}
	s.fact(FactTokenChanged, TokenChanged{ID: id, User: u.Name, Change: "added"})
	t, err := row.public(u.Name)
	return t, text, err
}

func newToken() (id, secret, text string) {
	id, secret = strings.ToLower(rand.Text())[:tokenIDLen], strings.ToLower(rand.Text())[:tokenLen]
	return id, secret, tokenPrefix + id + "_" + secret
}

// insertToken keeps the number of a user's tokens bounded. Tokens that expired
// long ago make room.
func insertToken(ctx context.Context, tx bun.Tx, row tokenRow, now time.Time) error {
	_, err := tx.NewDelete().Model((*tokenRow)(nil)).
		Where("user_id = ? AND kind <> ? AND expires <> 0 AND expires < ?", row.UserID, KindEnrolment, now.Add(-keepExpired).UnixMilli()).Exec(ctx)
	if err != nil {
		return err
	}
	n, err := tx.NewSelect().Model((*tokenRow)(nil)).Where("user_id = ? AND kind <> ?", row.UserID, KindEnrolment).Count(ctx)
	if err != nil {
		return err
	}
	if n >= maxTokens {
		return fmt.Errorf("%w: a user can have %d tokens; revoke one first", ErrInvalid, maxTokens)
	}
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

// complete checks a spec and fills in what it leaves to us.
func (t *TokenSpec) complete(now time.Time) error {
	if t.Kind == "" {
		t.Kind = KindToken
	}
	if err := checkText("token name", t.Name); err != nil {
		return err
	}
	if !t.Expires.IsZero() && !t.Expires.After(now) {
		return fmt.Errorf("%w token: its end is in the past", ErrInvalid)
	}
	switch t.Kind {
	case KindToken:
		if t.Scope == nil {
			return nil
		}
	case KindStreamKey:
		if t.Scope == nil || len(t.Scope.Streams) == 0 {
			return fmt.Errorf("%w stream key: name the streams it is for", ErrInvalid)
		}
		scope := *t.Scope // the caller's stays as it is
		if len(scope.Actions) == 0 {
			scope.Actions = []Action{Publish, Read}
		}
		t.Scope = &scope
	default:
		return fmt.Errorf("%w token kind %q: there are %s and %s", ErrInvalid, t.Kind, KindToken, KindStreamKey)
	}
	return t.Scope.check(t.Kind)
}

func (s *Scope) check(kind TokenKind) error {
	allowed := Actions()
	if kind == KindStreamKey {
		allowed = []Action{Publish, Read}
	}
	if len(s.Actions) == 0 {
		return fmt.Errorf("%w scope: name at least one action", ErrInvalid)
	}
	for _, a := range s.Actions {
		if !slices.Contains(allowed, a) {
			return fmt.Errorf("%w scope: action %q is none of %v", ErrInvalid, a, allowed)
		}
	}
	if len(s.Actions) > len(Actions()) || len(s.Streams) > maxPatterns || len(s.Groups) > maxPatterns {
		return fmt.Errorf("%w scope: more than %d entries", ErrInvalid, maxPatterns)
	}
	for _, p := range s.Streams {
		if _, err := path.Match(p, ""); err != nil || p == "" || len(p) > maxText {
			return fmt.Errorf("%w scope: %q is not a stream name or pattern", ErrInvalid, p)
		}
	}
	for _, g := range s.Groups {
		if err := checkGroupName(g); err != nil {
			return err
		}
	}
	return nil
}

func (t tokenRow) public(user string) (Token, error) {
	scope, err := t.scope()
	return Token{
		ID: t.ID, User: user, Name: t.Name, Kind: t.Kind, Scope: scope,
		Created: fromMillis(t.Created), Expires: fromMillis(t.Expires), Used: fromMillis(t.Used),
	}, err
}

// end is when a token opens nothing any more, in milliseconds; 0: never.
func (t tokenRow) end() int64 {
	if t.Kind == KindEnrolment && t.Consumed != 0 {
		return t.Consumed + provisionFor.Milliseconds()
	}
	return t.Expires
}

func (t tokenRow) valid(now time.Time) bool { return !past(t.end(), now) }

func (t tokenRow) scope() (*Scope, error) {
	if t.Kind == KindEnrolment {
		return t.enrolmentScope(), nil
	}
	if t.Scope == "" {
		return nil, nil
	}
	var s Scope
	if err := json.Unmarshal([]byte(t.Scope), &s); err != nil {
		return nil, fmt.Errorf("auth: scope of token %s: %w", t.ID, err)
	}
	return &s, nil
}

// ListTokens returns the tokens of a user, or of all if user is empty, oldest
// first. Those that have expired stay in it for a while.
func (s *Service) ListTokens(ctx context.Context, user string) ([]Token, error) {
	var rows []struct {
		tokenRow
		User string `bun:"user_name"`
	}
	q := s.db.Query().NewSelect().TableExpr("tokens AS t").Join("JOIN users AS u ON u.id = t.user_id").
		ColumnExpr("t.*, u.name AS user_name").Where("t.kind <> ?", KindEnrolment).OrderExpr("t.created, t.id")
	if user != "" {
		u, err := findUser(ctx, s.db.Query(), user)
		if err != nil {
			return nil, err
		}
		q = q.Where("t.user_id = ?", u.ID)
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("auth: list tokens: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Token, len(rows))
	for i, r := range rows {
		r.Used = max(r.Used, s.used[r.ID])
		t, err := r.public(r.User)
		if err != nil {
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}

// RevokeToken removes a token and ends the sessions opened with it.
func (s *Service) RevokeToken(ctx context.Context, id string) error {
	var w who
	var u userRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		w = who{}
		var t tokenRow
		if err := find(ctx, tx, &t, "id", id, "this token"); err != nil {
			return err
		}
		if err := find(ctx, tx, &u, "id", t.UserID, "user"); err != nil {
			return err
		}
		w.add(u.ID, u.Name)
		if _, err := tx.NewDelete().Model(&t).WherePK().Exec(ctx); err != nil {
			return err
		}
		return s.dropViewers(ctx, tx, u.ID, "token "+t.ID)
	})
	if err != nil {
		return fmt.Errorf("auth: revoke a token: %w", err)
	}
	s.changed(w)
	s.fact(FactTokenChanged, TokenChanged{ID: id, User: u.Name, Change: "revoked"})
	return nil
}

// withToken narrows an identity to a token of its user and notes the use.
func (s *Service) withToken(id Identity, t tokenRow) (Identity, error) {
	scope, err := t.scope()
	if err != nil {
		return Identity{}, err
	}
	id.Token, id.Scope, id.expires = t.ID, scope, fromMillis(t.end())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[t.ID] = time.Now().UnixMilli()
	return id, nil
}

// parseToken splits mst_ID_SECRET.
func parseToken(s string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok || len(rest) != tokenIDLen+1+tokenLen || rest[tokenIDLen] != '_' {
		return "", "", false
	}
	id, secret = rest[:tokenIDLen], rest[tokenIDLen+1:]
	for _, part := range []string{id, secret} {
		if strings.Trim(part, base32Letters) != "" {
			return "", "", false
		}
	}
	return id, secret, true
}

// hashSecret needs no salt and no cost: the secret is 130 random bits.
func hashSecret(secret string) string {
	b := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(b[:])
}
