package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"
)

// Proof is what a client showed at a door. The door fills in what its protocol
// carries; nothing in it has been checked.
type Proof struct {
	User     string            // login name; may be empty with Token
	Password string            // a password, or a token or stream key in its place
	Token    string            // bearer token, stream key, or "user:password" (OBS sends it so)
	Digest   *Digest           // RFC 7616 answer, instead of a password
	Cert     *x509.Certificate // client certificate, verified by TLS against our CA
	Remote   netip.Addr        // for the limiter; canonical (Unmap)
	Protocol string            // door: "rtsp", "srt", "web", … for logs and metrics

	// Code is the answer to the second factor: six digits of the user's TOTP
	// generator, or a recovery code.
	Code string
	// AskCode says that the door can ask for a code: it is told ErrCodeNeeded
	// when the password is right and one is due. At other doors such a password
	// opens nothing.
	AskCode bool
	// Enrol says that devices enrol at this door: an enrolment token opens it,
	// and the six digits of a code may stand right behind the password, because
	// TAK clients have no field for them.
	Enrol bool
}

// Empty reports whether the client showed nothing at all.
func (p Proof) Empty() bool {
	return p.User == "" && p.Password == "" && p.Token == "" && p.Digest == nil && p.Cert == nil
}

// Query takes the credentials that players and encoders put into the query of an
// address: user and pass, and token, for which jwt is another name. It replaces
// those that p has.
func (p *Proof) Query(q url.Values) {
	p.User, p.Password, p.Token = q.Get("user"), q.Get("pass"), q.Get("token")
	if p.Token == "" {
		p.Token = q.Get("jwt")
	}
}

// Digest is the answer to a digest challenge (RFC 7616 §3.4) for Realm, without
// qop as RTSP uses it (RFC 2069 form) or with qop=auth. The door has already
// checked that the nonce is one of its own and fresh.
type Digest struct {
	Algorithm string // "MD5" or "SHA-256"
	Realm     string
	Nonce     string
	URI       string
	Method    string
	QOP       string // "" or "auth"
	NC        string
	CNonce    string
	Response  string // lower-case hex
}

// Realm is the digest and Basic realm of every door. HA1 hashes are stored for
// this realm only.
const Realm = "muster"

// The errors of Service.Authenticate. A door answers ErrNoCredentials with a
// challenge and everything else with its one refusal, never saying which half
// was wrong.
var (
	ErrNoCredentials  = errors.New("credentials needed")
	ErrBadCredentials = errors.New("wrong credentials")
	ErrCodeNeeded     = errors.New("the password is right, and a code is needed") // only where Proof.AskCode is set
)

// LimitedError says that this account or address failed too often. The
// credentials were not looked at.
type LimitedError struct{ RetryAfter time.Duration }

func (e *LimitedError) Error() string {
	return fmt.Sprintf("too many failed logins; try again in %s", e.RetryAfter.Round(time.Second))
}
