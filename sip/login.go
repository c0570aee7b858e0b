package sip

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/icholy/digest"

	"muster/internal/auth"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// errChallenge says that the request was answered with a challenge.
var errChallenge = errors.New("sip: credentials needed")

// login finds out who sent a request. Without good credentials it answers with
// a challenge, which is the same whoever the user is and whether there is one.
func (s *Server) login(ctx context.Context, tx *transaction.Server) (auth.Identity, error) {
	req := tx.Request()
	remote := tx.Flow().Remote().Addr()
	c := credentials(req)
	if c == nil {
		s.challenge(tx, false)
		return auth.Identity{}, errChallenge
	}
	s.algorithms.understood(req, remote)
	ok, stale := s.nonces.take(c.Nonce, ncOf(c), remote, time.Now())
	if !ok {
		s.challenge(tx, stale)
		return auth.Identity{}, errChallenge
	}
	id, err := s.deps.Auth.Authenticate(ctx, auth.Proof{
		User: userOf(c.Username), Remote: remote, Protocol: "sip",
		Digest: &auth.Digest{
			Algorithm: algorithmOf(c), Realm: c.Realm, Nonce: c.Nonce, URI: c.URI, Method: req.Method,
			QOP: c.QOP, NC: ncOf(c), CNonce: c.Cnonce, Response: c.Response,
		},
	})
	if err == nil {
		return id, nil
	}
	s.n.refused.Add(1)
	s.failed(remote)
	var limited *auth.LimitedError
	switch {
	case errors.As(err, &limited):
		s.log.Info("login refused", "remote", remote, "reason", limited)
	case !errors.Is(err, auth.ErrBadCredentials) && !errors.Is(err, auth.ErrNoCredentials):
		s.log.Warn("login cannot be checked", "remote", remote, "error", err)
	}
	s.challenge(tx, false)
	return auth.Identity{}, errChallenge
}

// credentials returns the answer to our challenge that m carries, or nil. The
// digest has to be about this request's method; its URI may differ from the
// request's, which proxies change.
func credentials(m *wire.Message) *digest.Credentials {
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, v := range m.All(name) {
			scheme, rest, _ := strings.Cut(v, " ")
			if !strings.EqualFold(scheme, "Digest") {
				continue
			}
			c, err := digest.ParseCredentials("Digest " + strings.TrimSpace(rest))
			if err == nil && c.Realm == auth.Realm && c.Username != "" {
				return c
			}
		}
	}
	return nil
}

func algorithmOf(c *digest.Credentials) string {
	if c.Algorithm == "" {
		return "MD5"
	}
	return strings.ToUpper(c.Algorithm)
}

// ncOf returns the count in the form in which the client hashed it: eight hex
// digits.
func ncOf(c *digest.Credentials) string {
	if c.QOP == "" {
		return ""
	}
	const digits = "0123456789abcdef"
	var b [8]byte
	n := uint32(c.Nc)
	for i := 7; i >= 0; i-- {
		b[i] = digits[n&15]
		n >>= 4
	}
	return string(b[:])
}

// userOf returns the login name of a digest's user name, which with some phones
// has the domain behind it.
func userOf(name string) string {
	user, _, _ := strings.Cut(strings.TrimPrefix(name, "sip:"), "@")
	return user
}

// challenge asks for credentials.
func (s *Server) challenge(tx *transaction.Server, stale bool) {
	r := wire.NewResponse(tx.Request(), 401, "", transaction.Tag())
	nonce := s.nonces.make(tx.Flow().Remote().Addr(), time.Now())
	for _, algorithm := range s.algorithms.offer(tx.Request(), tx.Flow().Remote().Addr(), time.Now()) {
		v := `Digest realm="` + auth.Realm + `", nonce="` + nonce + `", algorithm=` + algorithm + `, qop="auth"`
		if stale && credentials(tx.Request()) != nil {
			v += ", stale=true"
		}
		r.Add("WWW-Authenticate", v)
	}
	_ = tx.Respond(r) // asked again if lost
}
