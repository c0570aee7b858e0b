package voice

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // how Mumble names certificates
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/voice/ocb2"
	"muster/voice/wire"
)

// version1 is what we call ourselves: from 1.5 on clients would want another form
// of voice packets.
const version1 = 1<<16 | 4<<8

// release begins what others see as the version of this server.
const release = "Muster"

// celtAlpha is the version of the oldest codec, which clients want to be told.
const celtAlpha = -0x7ffffff5

// refusal refuses a login. Its text goes to the client.
type refusal struct {
	code  uint32
	text  string
	cause error // for the log only; may be nil
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.cause }

// login serves the client until it is logged in.
func (c *conn) login(ctx context.Context) error {
	free, ok := c.s.logins.Acquire(c.remote.Addr())
	if !ok {
		return errors.New("voice: too many connections without a login")
	}
	defer free()
	limit := time.Now().Add(c.s.cfg.LoginTimeout)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	if err := c.sock.SetDeadline(limit); err != nil {
		return err
	}
	if err := c.handshake(ctx); err != nil {
		return err
	}
	if err := c.write(&wire.Version{V1: new(uint32(version1)), Release: new(release)}); err != nil {
		return err
	}
	err := c.prove(ctx)
	var no *refusal
	if errors.As(err, &no) {
		if c.write(&wire.Reject{Reject: new(no.code), Reason: new(no.text)}) == nil {
			c.linger()
		}
	}
	return err
}

// prove reads until the client has said who it is.
func (c *conn) prove(ctx context.Context) error {
	for range earlyMessages {
		t, body, err := c.readFrame(maxEarly)
		if err != nil {
			return err
		}
		switch t {
		case wire.TypeVersion:
			if err := wire.Parse(body, &c.version); err != nil {
				return err
			}
			for _, text := range []*string{c.version.Release, c.version.OS, c.version.OSVersion} {
				if text != nil {
					*text = cleanName(*text) // others are shown it, as HTML
				}
			}
		case wire.TypePing:
			var p wire.Ping
			if err := wire.Parse(body, &p); err != nil {
				return err
			}
			if err := c.write(&wire.Ping{Timestamp: p.Timestamp}); err != nil {
				return err
			}
		case wire.TypeAuthenticate:
			var a wire.Authenticate
			if err := wire.Parse(body, &a); err != nil {
				return err
			}
			return c.authenticate(ctx, &a)
		}
	}
	return errNoLogin
}

// authenticate finds out whose the client is and lets it in.
func (c *conn) authenticate(ctx context.Context, a *wire.Authenticate) error {
	if !isTrue(a.Opus) {
		return &refusal{wire.RejectWrongVersion, "this client does not speak Opus; a newer one is needed", nil}
	}
	name := value(a.Username)
	if cleanName(name) == "" || len(name) > 2*maxName {
		return &refusal{wire.RejectInvalidName, "a user name is needed", nil}
	}
	id, strong, err := c.identify(ctx, name, value(a.Password))
	if err != nil {
		return err
	}
	if b, banned := c.s.bans.find(id.User, c.hash(), time.Now()); banned {
		text := "you are banned from this server"
		if b.Reason != "" {
			text += ": " + b.Reason
		}
		return &refusal{wire.RejectNone, text, nil}
	}
	agent := value(c.version.Release)
	if os := value(c.version.OS); os != "" {
		agent = strings.TrimSpace(agent + " (" + os + ")")
	}
	n := newcomer{id: id, name: name, strong: strong, agent: agent, tokens: a.Tokens}
	if err := c.pass(ctx, &n); err != nil {
		return err
	}
	ses, err := c.s.deps.Sessions.Follow(id, auth.Join, auth.Server(),
		auth.SessionInfo{Protocol: "mumble", Remote: c.remote, Agent: agent}, c.kick, c.changed)
	if err != nil {
		return &refusal{wire.RejectWrongUserPW, "not allowed", err}
	}
	c.session = ses
	c.log = c.log.With("user", id.User)
	if err := c.keys(); err != nil {
		return err
	}
	if err := c.sock.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.heard.Store(time.Now().UnixNano())
	n.id = ses.Identity()
	if err := c.s.enter(c, n); err != nil {
		c.sock.async.Store(false)
		return err
	}
	c.changed(ses.Identity()) // what changed meanwhile found nobody to tell
	c.log.Info("logged in", "agent", agent)
	return nil
}

// identify asks the house who the client is: by a certificate of our authority
// first, by a password second, and never by a name alone.
func (c *conn) identify(ctx context.Context, name, password string) (id auth.Identity, strong bool, err error) {
	p := auth.Proof{Remote: c.remote.Addr(), Protocol: "mumble"}
	if len(c.certs) > 0 && c.s.deps.Certificates.VerifyClient(c.certs) == nil {
		p.Cert = c.certs[0]
		id, err := c.s.deps.Auth.Authenticate(ctx, p)
		if err == nil {
			return id, true, nil
		}
		if password == "" {
			return id, false, refused(err)
		}
		p.Cert = nil
	}
	if password == "" {
		return id, false, &refusal{wire.RejectWrongUserPW, "a certificate of this server or a password is needed", nil}
	}
	p.User, _ = splitName(name)
	p.Password = password
	id, err = c.s.deps.Auth.Authenticate(ctx, p)
	if err != nil {
		return id, false, refused(err)
	}
	return id, false, nil
}

// refused says to a client why it was not let in, and never which half was wrong.
func refused(err error) error {
	var limited *auth.LimitedError
	switch {
	case errors.As(err, &limited):
		return &refusal{wire.RejectAuthenticator, limited.Error(), err}
	case errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrNoCredentials), errors.Is(err, auth.ErrCodeNeeded):
		return &refusal{wire.RejectWrongUserPW, "wrong user name, password or certificate", err}
	}
	return &refusal{wire.RejectAuthenticator, "the login cannot be checked at the moment", err}
}

// keys makes those of voice by UDP.
func (c *conn) keys() error {
	var b [ocb2.KeySize + 2*ocb2.NonceSize]byte
	rand.Read(b[:])
	key, in, out := b[:16], b[16:32], b[32:]
	var err error
	if c.opener, err = ocb2.NewOpener(key, in); err != nil {
		return fmt.Errorf("voice: keys: %w", err)
	}
	if c.sealer, err = ocb2.NewSealer(key, out); err != nil {
		return fmt.Errorf("voice: keys: %w", err)
	}
	setup := &wire.CryptSetup{Key: key, ClientNonce: in, ServerNonce: out}
	c.out.control(wire.AppendFrame(nil, setup))
	c.out.control(wire.AppendFrame(nil, &wire.CodecVersion{
		Alpha: new(int32(celtAlpha)), Beta: new(int32(0)), PreferAlpha: new(true), Opus: new(true),
	}))
	return nil
}

// hash names the certificate that the client showed, whoever made it.
func (c *conn) hash() string {
	if len(c.certs) == 0 {
		return ""
	}
	sum := sha1.Sum(c.certs[0].Raw) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// AccountID is the number that clients know the account with that login name by.
func AccountID(login string) uint32 {
	sum := sha256.Sum256([]byte(strings.ToLower(login)))
	return max(binary.BigEndian.Uint32(sum[:])&^(1<<31), 1)
}

// kick is what the register of sessions calls.
func (c *conn) kick(reason error) {
	text := "your access has ended"
	if errors.Is(reason, auth.ErrKicked) {
		text = "ended by an administrator"
	}
	c.ended.CompareAndSwap(nil, &reason)
	if !c.s.expel(c, text) {
		c.cut()
	}
}
