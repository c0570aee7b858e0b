package rtsp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"muster/internal/auth"
)

const (
	// nonceLife bounds how long an overheard digest could be used again on the
	// same connection.
	nonceLife = 5 * time.Minute
	// loginLife is how long a login lasts on a connection that neither plays nor
	// records; then the next request has to prove it anew. What plays and records is
	// watched by the register.
	loginLife = time.Minute
	// maxFailures is after how many wrong credentials a connection ends.
	maxFailures = 5
)

// Authenticator turns what a client showed into an identity; auth.Service is one.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// login is what a connection knows of its client.
type login struct {
	done     bool
	id       auth.Identity
	at       time.Time // of the proof
	nonce    string
	made     time.Time // of nonce
	failures int
}

// authenticate returns nil when the client is known, else the response.
func (c *conn) authenticate(ctx context.Context, req *request, t target) *response {
	watched := c.session != nil && (c.session.player != nil || c.session.pub != nil)
	if c.login.done && (watched || time.Since(c.login.at) < loginLife) {
		return nil
	}
	p := auth.Proof{Remote: c.remote.Addr(), Protocol: c.protocol(), Cert: peerCert(c.nc)}
	p.Query(t.query)
	stale := false
	if header := req.get("Authorization"); header != "" {
		h, ok := parseAuthorization(header)
		switch {
		case !ok || !c.offers(h.method):
			return c.refuse(auth.ErrBadCredentials)
		case h.digest == nil:
			p.User, p.Password, p.Token = h.user, h.password, h.token
		case !c.login.fresh(h.digest.Nonce, time.Now()):
			stale = true
		default:
			h.digest.Method = req.method
			p.User, p.Digest = h.user, h.digest
			p.Password, p.Token = "", ""
		}
	}
	if stale {
		return c.challenge(true)
	}
	id, err := c.srv.auth.Authenticate(ctx, p)
	if err != nil {
		return c.refuse(err)
	}
	if !c.login.done || c.login.id.User != id.User {
		c.log = c.log.With("user", id.User)
	}
	c.login.done, c.login.id, c.login.at, c.login.failures = true, id, time.Now(), 0
	return nil
}

// refuse answers a failed login. Unknown user and wrong password look the same.
func (c *conn) refuse(err error) *response {
	var limited *auth.LimitedError
	switch {
	case errors.Is(err, auth.ErrNoCredentials):
		return c.challenge(false)
	case errors.As(err, &limited):
		c.srv.stats.loginsFailed.Add(1)
		c.closing = err
		return (&response{code: 503}).add("Retry-After", strconv.Itoa(int(limited.RetryAfter/time.Second)+1))
	case !errors.Is(err, auth.ErrBadCredentials): // ours: it says nothing about the client
		if !errors.Is(err, context.Canceled) {
			c.log.Error("a login cannot be checked", "error", err)
		}
		return (&response{code: 503}).add("Retry-After", "5")
	}
	c.srv.stats.loginsFailed.Add(1)
	if c.login.failures++; c.login.failures >= maxFailures {
		c.closing = err
	}
	return c.challenge(false)
}

// challenge asks for credentials by every method that is offered, digests with a
// nonce that is valid on this connection only.
func (c *conn) challenge(stale bool) *response {
	if now := time.Now(); c.login.nonce == "" || now.Sub(c.login.made) > nonceLife/2 {
		c.login.nonce, c.login.made = rand.Text(), now
	}
	more := ""
	if stale {
		more = `, stale="true"`
	}
	res := &response{code: 401}
	for _, m := range c.srv.cfg.AuthMethods {
		switch m {
		case methodDigestSHA256:
			res.add("WWW-Authenticate", `Digest realm="`+auth.Realm+`", nonce="`+c.login.nonce+`", algorithm=SHA-256`+more)
		case methodDigestMD5:
			res.add("WWW-Authenticate", `Digest realm="`+auth.Realm+`", nonce="`+c.login.nonce+`", algorithm=MD5`+more)
		case methodBasic:
			res.add("WWW-Authenticate", `Basic realm="`+auth.Realm+`"`)
		}
	}
	return res
}

// fresh reports whether nonce is the one of this connection and not too old.
func (l *login) fresh(nonce string, now time.Time) bool {
	return l.nonce != "" && now.Sub(l.made) <= nonceLife &&
		subtle.ConstantTimeCompare([]byte(nonce), []byte(l.nonce)) == 1
}

func (c *conn) offers(method string) bool {
	if method == methodBearer {
		return true // a token by header is no weaker than one in the URL
	}
	for _, m := range c.srv.cfg.AuthMethods {
		if m == method {
			return true
		}
	}
	return false
}

const methodBearer = "bearer"

// authorization is what an Authorization header holds.
type authorization struct {
	method   string
	user     string
	password string
	token    string
	digest   *auth.Digest // without Method
}

// parseAuthorization reads Basic (RFC 7617), Bearer and Digest (RFC 7616).
func parseAuthorization(header string) (authorization, bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return authorization{}, false
		}
		user, password, ok := strings.Cut(string(raw), ":")
		return authorization{method: methodBasic, user: user, password: password}, ok
	case "bearer":
		return authorization{method: methodBearer, token: rest}, rest != ""
	case "digest":
		return parseDigest(rest)
	}
	return authorization{}, false
}

func parseDigest(s string) (authorization, bool) {
	kv := parseParams(s)
	a := authorization{method: methodDigestMD5, user: kv["username"], digest: &auth.Digest{
		Algorithm: "MD5", Realm: kv["realm"], Nonce: kv["nonce"], URI: kv["uri"], QOP: kv["qop"],
		NC: kv["nc"], CNonce: kv["cnonce"], Response: strings.ToLower(kv["response"]),
	}}
	switch strings.ToUpper(kv["algorithm"]) {
	case "", "MD5":
	case "SHA-256":
		a.method, a.digest.Algorithm = methodDigestSHA256, "SHA-256"
	default:
		return a, false
	}
	ok := a.user != "" && a.digest.Realm == auth.Realm && a.digest.Response != "" &&
		(a.digest.QOP == "" || a.digest.QOP == "auth")
	return a, ok
}

// parseParams reads key=value pairs separated by commas; values may be quoted
// and hold commas then. The first of equal keys counts.
func parseParams(s string) map[string]string {
	kv := make(map[string]string)
	for s != "" {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		key = strings.ToLower(strings.Trim(key, " \t,"))
		var value string
		if strings.HasPrefix(rest, `"`) {
			value, s = unquote(rest[1:])
		} else {
			value, s, _ = strings.Cut(rest, ",")
			value = strings.TrimSpace(value)
		}
		if _, twice := kv[key]; !twice {
			kv[key] = value
		}
	}
	return kv
}

// unquote returns the text up to the closing quote and what follows it.
func unquote(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// peerCert returns the client's certificate if TLS verified it.
func peerCert(nc net.Conn) *x509.Certificate {
	tc, ok := nc.(tlsConn)
	if !ok {
		return nil
	}
	if s := tc.ConnectionState(); len(s.VerifiedChains) > 0 && len(s.PeerCertificates) > 0 {
		return s.PeerCertificates[0]
	}
	return nil
}
