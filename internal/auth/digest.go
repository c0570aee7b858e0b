package auth

import (
	"context"
	"crypto/md5" // RFC 7616 keeps it for the clients that know nothing else
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ha1 holds H(user:realm:password) (RFC 7616 §3.4.2) for both algorithms. It is
// as good as the password for digest logins, so it is kept sealed.
type ha1 struct {
	md5    [md5.Size]byte
	sha256 [sha256.Size]byte
}

func newHA1(user, password string) ha1 {
	a1 := []byte(user + ":" + Realm + ":" + password)
	return ha1{md5: md5.Sum(a1), sha256: sha256.Sum256(a1)}
}

// sealer keeps digest hashes, so that a stolen database or table dump opens no
// digest login.
type sealer struct{ box }

func newSealer(key []byte) (sealer, error) {
	b, err := newBox(key)
	return sealer{b}, err
}

// seal binds h to its owner, a user or token id.
func (s sealer) seal(owner string, h ha1) string {
	return s.box.seal(owner, append(h.md5[:], h.sha256[:]...))
}

var errSealed = errors.New("a digest hash cannot be opened; was secret.key replaced? setting the password again makes a new one")

func (s sealer) open(owner, sealed string) (ha1, error) {
	plain, err := s.box.open(owner, sealed)
	if err != nil || len(plain) != md5.Size+sha256.Size {
		return ha1{}, errSealed
	}
	var h ha1
	copy(h.md5[:], plain)
	copy(h.sha256[:], plain[md5.Size:])
	return h, nil
}

// wellFormed reports whether an answer can be right at all. It depends on
// nothing that is secret.
func (d *Digest) wellFormed() bool {
	return (d.Algorithm == "MD5" || d.Algorithm == "SHA-256") && d.Realm == Realm && d.Nonce != "" &&
		(d.QOP == "" || d.QOP == "auth" && d.NC != "" && d.CNonce != "")
}

// answeredWith reports whether the answer was made with h (RFC 7616 §3.4.1).
func (d *Digest) answeredWith(h ha1) bool {
	sum := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	a1 := hex.EncodeToString(h.md5[:])
	if d.Algorithm == "SHA-256" {
		sum = func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
		a1 = hex.EncodeToString(h.sha256[:])
	}
	parts := []string{a1, d.Nonce}
	if d.QOP == "auth" {
		parts = append(parts, d.NC, d.CNonce, d.QOP)
	}
	want := sum(strings.Join(append(parts, sum(d.Method+":"+d.URI)), ":"))
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(d.Response))) == 1
}

// digest checks a digest answer against the user's password and tokens. It does
// the same number of comparisons for every user, known or not.
func (s *Service) digest(ctx context.Context, user string, d *Digest) (Identity, error) {
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
	owners, err := s.digestOwners(ctx, u, known)
	if err != nil {
		return Identity{}, err
	}
	found := -1
	for i, o := range owners {
		h, err := s.seals.open(o.id, o.sealed)
		if err != nil {
			s.log.Warn("digest login is not possible", "user", u.Name, "error", err)
			continue
		}
		if d.answeredWith(h) && found < 0 && o.real {
			found = i
		}
	}
	if found < 0 || u.closed() || !d.wellFormed() {
		return Identity{}, ErrBadCredentials
	}
	if owners[found].token == nil && second.Confirmed { // a digest has no room for a code
		return Identity{}, ErrBadCredentials
	}
	id, err := s.identity(ctx, u, epoch)
	if err != nil {
		return Identity{}, err
	}
	if t := owners[found].token; t != nil {
		return s.withToken(id, *t)
	}
	id.stamp = u.Stamp
	return id, nil
}

// digestOwner is something whose HA1 may have made an answer.
type digestOwner struct {
	id, sealed string
	token      *tokenRow // nil: the password
	real       bool      // false: only there to cost time
}

// digestOwners returns 1+maxTokens owners: the password, the valid tokens, and
// as many dummies as are missing.
func (s *Service) digestOwners(ctx context.Context, u userRow, known bool) ([]digestOwner, error) {
	out := make([]digestOwner, 0, 1+maxTokens)
	if known {
		var row digestRow
		err := find(ctx, s.db.Query(), &row, "user_id", u.ID, "digest hash")
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err == nil {
			out = append(out, digestOwner{id: u.ID, sealed: row.Sealed, real: true})
		}
		var tokens []tokenRow
		err = s.db.Query().NewSelect().Model(&tokens).
			Where("user_id = ? AND kind <> ? AND (expires = 0 OR expires > ?)", u.ID, KindEnrolment, time.Now().UnixMilli()).
			Limit(maxTokens).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("auth: read tokens: %w", err)
		}
		for i, t := range tokens {
			out = append(out, digestOwner{id: t.ID, sealed: t.Sealed, token: &tokens[i], real: true})
		}
	}
	for len(out) < cap(out) {
		out = append(out, digestOwner{id: dummyOwner, sealed: s.dummySeal})
	}
	return out, nil
}

const dummyOwner = "dummy"
