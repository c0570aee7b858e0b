package turn

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"muster/internal/auth"
)

// Credential is what a client needs to open relays.
type Credential struct {
	Username string        `json:"username"`
	Password string        `json:"password"`
	TTL      time.Duration `json:"-"`
	Expires  time.Time     `json:"expires"` // relays that are open then go on
}

// maxUsername is the longest user name (RFC 8489 §14.3).
const maxUsername = 508

// Issue makes a credential with which id may reach r through relays: a room or a
// stream that it may read, or auth.Server() for anything. Who loses that right
// loses the relays.
//
// A guest is an identity without account, which nobody looks up later; stay names
// this guest and nobody else, because quotas and Revoke go by it. It is not needed
// for users. The error wraps auth.ErrDenied, or says that the names and groups of r
// are too long for a user name.
//
// The form is the one of draft-uberti-behave-turn-rest: the user name starts with
// its end in Unix seconds, and the password is its HMAC. Behind the end stands, for
// nobody else to read, who it was made for; a relay is opened with the rights that
// this identity has then.
func (s *Server) Issue(id auth.Identity, r auth.Resource, stay string) (Credential, error) {
	if err := auth.Allow(id, action(r), r); err != nil {
		return Credential{}, fmt.Errorf("turn: credential: %w", err)
	}
	ttl := min(s.cfg.CredentialTTL, MaxCredentialTTL)
	end := time.Now().Add(ttl).Truncate(time.Second)
	if e := id.Expires(); !e.IsZero() && e.Before(end) {
		end = e.Truncate(time.Second)
		ttl = time.Until(end)
	}
	h := holder{Handle: id.Handle(), Kind: r.Kind, Name: r.Name, Groups: r.Groups}
	if id.System {
		h.Handle, h.Guest, h.Stay, h.Issued = "", id.User, stay, time.Now().UnixMilli()
	}
	name, err := s.secrets.username(end, h)
	if err != nil {
		return Credential{}, err
	}
	return Credential{Username: name, Password: s.secrets.password(name), TTL: ttl, Expires: end}, nil
}

// action is the right that a relay to r takes.
func action(r auth.Resource) auth.Action {
	if r.Kind == auth.KindServer {
		return auth.Use
	}
	return auth.Read
}

// Address is one way to the server, as clients are told it.
type Address struct {
	Host string // name or IP address
	Port int
	TCP  bool
	TLS  bool // with TCP
}

// URI returns the address in the form of RFC 7065.
func (a Address) URI() string {
	scheme, transport := "turn", "udp"
	if a.TCP || a.TLS {
		transport = "tcp"
	}
	if a.TLS {
		scheme = "turns"
	}
	return scheme + ":" + net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) + "?transport=" + transport
}

// holder is who a credential was made for, an account or a guest, and what it
// leads to.
type holder struct {
	Handle string    `json:"h,omitempty"`
	Guest  string    `json:"g,omitempty"`
	Stay   string    `json:"s,omitempty"`
	Issued int64     `json:"i,omitempty"` // Unix milliseconds; of a guest's
	Kind   auth.Kind `json:"k,omitempty"`
	Name   string    `json:"n,omitempty"`
	Groups []string  `json:"r,omitempty"`
}

// resource is what the credential leads to.
func (h holder) resource() auth.Resource {
	return auth.Resource{Kind: h.Kind, Name: h.Name, Groups: h.Groups}
}

// account is whose quota a relay takes.
func (h holder) account(id auth.Identity) string {
	if h.Stay != "" {
		return "stay " + h.Stay // no user's name holds a space
	}
	return id.User
}

// errCredential is the answer to every user name that is not ours.
var errCredential = errors.New("not a credential of this server")

// secrets are the keys of credentials and nonces.
type secrets struct {
	mac   []byte
	nonce []byte
	aead  cipher.AEAD
}

func newSecrets(key []byte) (*secrets, error) {
	if len(key) < 32 {
		return nil, errors.New("the key is too short")
	}
	var keys [3][]byte
	for i, purpose := range []string{"password", "nonce", "holder"} {
		k, err := hkdf.Expand(sha256.New, key, purpose, 32)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	block, err := aes.NewCipher(keys[2])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &secrets{mac: keys[0], nonce: keys[1], aead: aead}, err
}

func (s *secrets) username(end time.Time, h holder) (string, error) {
	plain, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("turn: credential: %w", err)
	}
	prefix := strconv.FormatInt(end.Unix(), 10) + ":"
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce) // never fails (crypto/rand)
	name := prefix + base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(prefix)))
	if len(name) > maxUsername {
		return "", fmt.Errorf("turn: credential: the name of %d bytes is too long", len(name))
	}
	return name, nil
}

// open returns when the credential called name ends and whose it is. It is ours
// only if the client knows its password as well.
func (s *secrets) open(name string) (end time.Time, h holder, err error) {
	stamp, sealed, ok := strings.Cut(name, ":")
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil {
		return end, h, errCredential
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	n := s.aead.NonceSize()
	if err != nil || len(text) < n {
		return end, h, errCredential
	}
	plain, err := s.aead.Open(nil, text[:n], text[n:], []byte(stamp+":"))
	if err != nil || json.Unmarshal(plain, &h) != nil {
		return end, h, errCredential
	}
	return time.Unix(unix, 0), h, nil
}

// password is what every peer of the REST form computes, too (HMAC-SHA1).
func (s *secrets) password(name string) string {
	m := hmac.New(sha1.New, s.mac)
	m.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// resolve returns the identity that h stands for today.
func (s *Server) resolve(ctx context.Context, h holder) (auth.Identity, error) {
	if h.Guest == "" {
		return s.deps.Auth.Resume(ctx, h.Handle)
	}
	if s.revoked.holds(h.Stay, h.Issued) {
		return auth.Identity{}, auth.ErrRevoked
	}
	id := auth.Identity{User: h.Guest, Role: auth.RoleMember, System: true}
	if h.Kind != auth.KindServer { // what it may reach, and nothing else
		id.Scope = &auth.Scope{Actions: []auth.Action{auth.Read}, Streams: []string{h.Name}}
		for _, g := range h.Groups {
			id.Groups = append(id.Groups, auth.Grant{Group: g, Out: true})
		}
	}
	return id, nil
}
