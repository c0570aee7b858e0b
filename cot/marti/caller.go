package marti

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

// door is how a client proves who it is.
type door uint8

const (
	certDoor  door = iota // by its certificate
	loginDoor             // by name and password or a token, over TLS
	plainDoor             // the same in the clear, or not at all where anonymous clients may connect
)

// protocol is what sessions and logs call these doors.
const protocol = "marti"

// TokenCookie holds the access token of a browser that logged in at /oauth/token.
const TokenCookie = "access_token"

// caller says who sends r, or answers it.
func (s *Server) caller(w http.ResponseWriter, r *http.Request, kind door) (auth.Identity, bool) {
	if fromElsewhere(r) {
		s.n.denied.Add(1)
		reply.Error(w, http.StatusForbidden, "This request comes from a page of another site.")
		return auth.Identity{}, false
	}
	id, err := s.identify(r, kind)
	if err == nil {
		err = s.admit(r, id)
	}
	if err == nil {
		return id, true
	}
	var limited *auth.LimitedError
	switch {
	case errors.As(err, &limited):
		s.n.refused.Add(1)
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(limited.RetryAfter.Seconds()))))
		reply.Error(w, http.StatusTooManyRequests, "There were too many failed logins. Wait and try again.")
	case errors.Is(err, auth.ErrNoCredentials), errors.Is(err, auth.ErrBadCredentials):
		s.n.refused.Add(1)
		if kind != certDoor {
			w.Header().Set("WWW-Authenticate", `Basic realm="`+auth.Realm+`"`)
		}
		reply.Error(w, http.StatusUnauthorized, "Log in with a name and password, a token, or a certificate of this server.")
	case errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrRevoked):
		s.n.denied.Add(1)
		reply.Error(w, http.StatusForbidden, "This login is not valid for the TAK interface.")
	case r.Context().Err() != nil:
		// The client has gone.
	default:
		s.log.Error("a login could not be checked", "error", err)
		reply.Error(w, http.StatusServiceUnavailable, "Logins cannot be checked at the moment. Try again shortly.")
	}
	return auth.Identity{}, false
}

func (s *Server) identify(r *http.Request, kind door) (auth.Identity, error) {
	if kind == certDoor {
		return s.certificate(r)
	}
	p, ok := headerProof(r)
	if ok && kind == plainDoor && s.deps.Anonymous != nil && isMissionToken(p.Token) {
		ok = false // it says what may be done in a mission, not who asks
	}
	if !ok {
		if kind == plainDoor && s.deps.Anonymous != nil {
			return *s.deps.Anonymous, nil
		}
		return auth.Identity{}, auth.ErrNoCredentials
	}
	p.Remote, p.Protocol = remote(r).Addr(), protocol
	return s.deps.Auth.Authenticate(r.Context(), p)
}

// certificate says whose certificate r came with.
func (s *Server) certificate(r *http.Request) (auth.Identity, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return auth.Identity{}, auth.ErrNoCredentials
	}
	return s.deps.Auth.Authenticate(r.Context(), auth.Proof{Cert: r.TLS.PeerCertificates[0], Remote: remote(r).Addr(), Protocol: protocol})
}

// isMissionToken reports whether a bearer token is one of a mission, which ATAK
// sends in the place of a login: they are signed by HS256, those that log in are
// not.
func isMissionToken(token string) bool {
	head, _, ok := strings.Cut(token, ".")
	if !ok {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && bytes.Contains(b, []byte(`"HS256"`))
}

// fromElsewhere reports whether a browser says that a page of another site made
// the request. It would send its certificate or cookie along all the same, and
// some addresses of this interface change something by GET.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// headerProof reads the Authorization header, or the cookie of /oauth/token.
func headerProof(r *http.Request) (auth.Proof, bool) {
	if user, password, ok := r.BasicAuth(); ok {
		return auth.Proof{User: user, Password: password}, true
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return auth.Proof{Token: strings.TrimSpace(token)}, true
	}
	c, err := r.Cookie(TokenCookie)
	if err != nil || c.Value == "" {
		return auth.Proof{}, false
	}
	return auth.Proof{Token: c.Value}, true
}

func remote(r *http.Request) netip.AddrPort {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// conn is one connection at a door. Whoever calls over it is on the register of
// sessions for as long as it is open, so that a revocation cuts transfers, too.
type conn struct {
	net.Conn

	mu       sync.Mutex               // guards what follows
	sessions map[string]*auth.Session // by Identity.Handle; a proxy may bring several people
	closed   bool
}

// maxPerConn is how many people one connection may bring; more are asked to open
// another.
const maxPerConn = 16

type connKey struct{}

func (s *Server) connected(ctx context.Context, c net.Conn) context.Context {
	s.n.open.Add(1)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	k := &conn{Conn: c, sessions: make(map[string]*auth.Session)}
	s.conns.Store(c, k)
	return context.WithValue(ctx, connKey{}, k)
}

func (s *Server) connState(c net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	v, ok := s.conns.LoadAndDelete(c)
	if !ok {
		return
	}
	s.n.open.Add(-1)
	k := v.(*conn)
	k.mu.Lock()
	k.closed = true
	open := k.sessions
	k.sessions = nil
	k.mu.Unlock()
	for _, ses := range open {
		ses.Close()
	}
}

// admit puts the caller on the register once per connection.
func (s *Server) admit(r *http.Request, id auth.Identity) error {
	k, _ := r.Context().Value(connKey{}).(*conn)
	if k == nil { // a test without sockets
		return auth.Allow(id, auth.Join, auth.Server())
	}
	handle := id.User + " " + id.Handle()
	k.mu.Lock()
	_, known := k.sessions[handle]
	full := len(k.sessions) >= maxPerConn
	k.mu.Unlock()
	switch {
	case known:
		return auth.Allow(id, auth.Join, auth.Server())
	case full:
		return auth.ErrDenied
	}
	agent := r.UserAgent()
	info := auth.SessionInfo{Protocol: protocol, Remote: remote(r), Agent: agent[:min(len(agent), 200)]}
	ses, err := s.deps.Sessions.Open(id, auth.Join, auth.Server(), info, func(error) { k.Close() })
	if err != nil {
		return err
	}
	k.mu.Lock()
	_, known = k.sessions[handle]
	gone := k.closed
	if !known && !gone {
		k.sessions[handle] = ses
	}
	k.mu.Unlock()
	if known || gone {
		ses.Close()
	}
	return nil
}

// pace gives each read of the body and each write of the answer the time that a
// stall may take, so that slow links carry large files and idle ones hold nothing.
func (s *Server) pace(w http.ResponseWriter, r *http.Request) *paced {
	c := http.NewResponseController(w)
	pw := &paced{ResponseWriter: w, c: c, stall: s.cfg.StallTimeout}
	if r.Body != nil && r.Body != http.NoBody {
		_ = c.SetReadDeadline(time.Now().Add(s.cfg.StallTimeout)) // unsupported only by test recorders
		r.Body = &pacedBody{ReadCloser: r.Body, c: c, stall: s.cfg.StallTimeout}
	}
	return pw
}
