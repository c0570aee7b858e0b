package attach

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/auth"
	"muster/internal/run"
)

// superUser is murmurd's own administrator. Nobody gets in under that name, and
// nobody is given it: murmurd would write it down as another user's.
const superUser = "SuperUser"

// slotMark stands between a callsign and what tells the connections of a device
// apart ("ALPHA---12ab34VS1").
const slotMark = "---"

const (
	maxName     = 128 // bytes
	maxChecks   = 16  // logins looked at at one time
	maxSlow     = 8   // slow checks at one time
	checkWithin = 10 * time.Second
	provenLife  = 5 * time.Minute
	maxProven   = 4096
)

// name is what a client calls itself, taken apart.
type name struct {
	whole string
	shown string // as it is shown to others
	base  string // without the slot
	slot  string
}

func parseName(s string) name {
	base, slot, _ := strings.Cut(s, slotMark)
	return name{whole: s, shown: s, base: base, slot: slot}
}

// login is what murmurd hands over.
type login struct {
	name     string
	password string
	leaf     []byte // certificate, DER; its key was proven in the handshake. nil: none
	hash     string // of the certificate
}

// verdict is the answer to a login. The zero verdict refuses.
type verdict struct {
	ok     bool
	id     int32
	name   string
	groups []string
}

// logins is what deciding takes.
type logins struct {
	places  chan struct{}  // one for each login that is looked at; without one it is refused
	patient chan struct{}  // one for each slow check, so that these are in nobody's way; without one it is left out
	checks  sync.WaitGroup // of both
	proven  *proven
	lines   lines
}

func newLogins() logins {
	return logins{
		places: make(chan struct{}, maxChecks), patient: make(chan struct{}, maxSlow), proven: newProven(),
		lines: lines{passwords: make(map[string]linePassword)},
	}
}

// decide answers a login within the budget. Whatever takes longer, such as the
// hash of a password or a directory, goes on without murmurd: when the client
// tries again, its result is known.
func (a *Attachment) decide(ctx context.Context, l login) verdict {
	select {
	case a.places <- struct{}{}:
	default:
		a.n.late.Add(1)
		return verdict{}
	}
	budget := time.NewTimer(a.cfg.Budget)
	defer budget.Stop()
	result := make(chan verdict, 1)
	a.checks.Go(func() {
		defer func() { <-a.places }()
		defer run.Recover(a.log, "murmurd")
		result <- a.check(ctx, l)
	})
	select {
	case v := <-result:
		return v
	case <-budget.C:
		a.n.late.Add(1)
		return verdict{}
	}
}

// check decides a login. life ends with the attachment.
func (a *Attachment) check(life context.Context, l login) verdict {
	ctx, cancel := context.WithTimeout(life, checkWithin)
	defer cancel()
	n := parseName(l.name)
	if !usable(l.name) || strings.EqualFold(n.base, superUser) || strings.EqualFold(l.name, superUser) {
		return verdict{}
	}
	id, device, err := a.prove(ctx, life, l, n)
	if err == nil {
		err = auth.Allow(id, auth.Join, auth.Server())
	}
	if err != nil {
		a.log.Debug("login refused", "error", err)
		return verdict{}
	}
	if !id.System {
		n.shown = a.shown(ctx, n, id)
	}
	number, shown, ok := a.seats.take(id, device, n)
	if !ok {
		a.log.Warn("login refused: too many connections of one device", "user", id.User)
		return verdict{}
	}
	return verdict{ok: true, id: number, name: shown, groups: groupsOf(id)}
}

// usable reports whether a name can be shown.
func usable(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// prove says who is behind a login: first by certificate, then as one of this
// server's own sessions, then by password. device tells the certificates of one
// user apart.
func (a *Attachment) prove(ctx, life context.Context, l login, n name) (id auth.Identity, device string, err error) {
	if l.leaf != nil {
		if id, err := a.byCertificate(ctx, l.leaf); err == nil {
			return id, id.Device, nil
		}
	}
	if l.password == "" {
		return auth.Identity{}, "", auth.ErrNoCredentials
	}
	if a.lines.take(l.name, l.password) {
		return auth.System("murmurd"), l.name, nil
	}
	id, err = a.byPassword(ctx, life, n.base, l.password)
	return id, l.hash, err
}

// byCertificate says whose a certificate of our own authority is. What murmurd
// thinks of it is not asked: it calls a client without any certificate a strong
// one.
func (a *Attachment) byCertificate(ctx context.Context, der []byte) (auth.Identity, error) {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return auth.Identity{}, err
	}
	if err := a.deps.CA.VerifyClient([]*x509.Certificate{leaf}); err != nil {
		return auth.Identity{}, err
	}
	return a.deps.Auth.Authenticate(ctx, auth.Proof{Cert: leaf, Protocol: "mumble"})
}

// byPassword says whose a password is. One that was right lately is known; one of
// an account that is kept here is compared by its digest hash, which takes no
// time; what needs the slow hash or a directory is checked while the client is
// refused.
func (a *Attachment) byPassword(ctx, life context.Context, user, password string) (auth.Identity, error) {
	key := a.proven.key(user, password)
	if id, ok := a.proven.get(key); ok {
		if now, err := a.deps.Auth.Current(ctx, id); err == nil {
			return now, nil
		}
		a.proven.drop(key)
	}
	u, err := a.deps.Auth.User(ctx, user)
	known := err == nil
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return auth.Identity{}, err
	}
	if u.Origin != auth.OriginLDAP {
		account := user
		if known {
			account = u.Name // as its hash was made
		}
		id, err := a.deps.Auth.Authenticate(ctx, digestProof(account, password))
		if err == nil {
			a.proven.put(key, id)
			return id, nil
		}
		if known {
			return auth.Identity{}, err
		}
	}
	// Not waited for, so that nobody learns from the time which names exist.
	a.slow(life, user, password, key)
	return auth.Identity{}, auth.ErrBadCredentials
}

// slow checks a password that only a directory may know.
func (a *Attachment) slow(life context.Context, user, password string, key [sha256.Size]byte) {
	select {
	case a.patient <- struct{}{}:
	default:
		return
	}
	a.checks.Go(func() {
		defer func() { <-a.patient }()
		defer run.Recover(a.log, "murmurd")
		ctx, cancel := context.WithTimeout(life, checkWithin)
		defer cancel()
		if id, err := a.deps.Auth.Authenticate(ctx, auth.Proof{User: user, Password: password, Protocol: "mumble"}); err == nil {
			a.proven.put(key, id)
		}
	})
}

// digestProof is a password as the answer to a digest challenge of our own (RFC
// 7616 §3.4), which costs two hashes to check and not half a second of memory.
func digestProof(user, password string) auth.Proof {
	sum := func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
	d := &auth.Digest{Algorithm: "SHA-256", Realm: auth.Realm, Nonce: rand.Text(), URI: "/", Method: "LOGIN"}
	d.Response = sum(sum(user+":"+auth.Realm+":"+password) + ":" + d.Nonce + ":" + sum(d.Method+":"+d.URI))
	return auth.Proof{User: user, Digest: d, Protocol: "mumble"}
}

// shown returns the name that others see: the callsign a client gives, unless it
// is the name of another account.
func (a *Attachment) shown(ctx context.Context, n name, id auth.Identity) string {
	if strings.EqualFold(n.base, id.User) {
		return n.whole
	}
	reserved := strings.EqualFold(n.base, lostName) || strings.HasSuffix(strings.ToLower(n.base), lineSuffix)
	if _, err := a.deps.Auth.User(ctx, n.base); reserved || !errors.Is(err, auth.ErrNotFound) {
		if n.slot != "" {
			return id.User + slotMark + n.slot
		}
		return id.User
	}
	return n.whole
}

// lineSuffix ends the names of this server's own sessions at murmurd. Nobody else
// is shown with such a name.
const lineSuffix = " (room)"

// linePasswordLife is how long the password of such a session is good.
const linePasswordLife = 10 * time.Second

// ServerLogin returns the name and password with which this server itself connects
// to murmurd for the channel with that name. The password is good once and for ten
// seconds, until another one is asked for.
func (a *Attachment) ServerLogin(channel string) (user, password string) {
	user = strings.ToValidUTF8(channel[:min(len(channel), maxName-len(lineSuffix))], "") + lineSuffix
	return user, a.lines.put(user)
}

// lines are the logins that this server's own sessions are about to make.
type lines struct {
	mu        sync.Mutex              // guards passwords
	passwords map[string]linePassword // by name; bounded by the channels there are
}

type linePassword struct {
	text  string
	until time.Time
}

func (l *lines) put(name string) (password string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(l.passwords, func(_ string, p linePassword) bool { return now.After(p.until) })
	password = rand.Text()
	l.passwords[name] = linePassword{password, now.Add(linePasswordLife)}
	return password
}

// take reports whether that is the password of name, which is not good any more
// then.
func (l *lines) take(name, password string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.passwords[name]
	if p.text == "" || subtle.ConstantTimeCompare([]byte(p.text), []byte(password)) != 1 || time.Now().After(p.until) {
		return false
	}
	delete(l.passwords, name)
	return true
}

// proven remembers which passwords were right lately. What it holds says nothing
// about them outside this process.
type proven struct {
	secret []byte

	mu    sync.Mutex // guards right
	right map[[sha256.Size]byte]proof
}

type proof struct {
	id    auth.Identity
	until time.Time
}

func newProven() *proven {
	secret := make([]byte, 32)
	rand.Read(secret)
	return &proven{secret: secret, right: make(map[[sha256.Size]byte]proof)}
}

func (p *proven) key(user, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, p.secret)
	mac.Write([]byte(strings.ToLower(user) + "\x00" + password))
	return [sha256.Size]byte(mac.Sum(nil))
}

func (p *proven) get(k [sha256.Size]byte) (auth.Identity, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.right[k]
	return e.id, ok && time.Now().Before(e.until)
}

func (p *proven) drop(k [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.right, k)
}

// put remembers a proof. When it is full, what is over goes; if nothing is, an
// arbitrary one.
func (p *proven) put(k [sha256.Size]byte, id auth.Identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if len(p.right) >= maxProven {
		for k, e := range p.right {
			if !now.Before(e.until) {
				delete(p.right, k)
			}
		}
	}
	for k := range p.right {
		if len(p.right) < maxProven {
			break
		}
		delete(p.right, k)
	}
	p.right[k] = proof{id, now.Add(provenLife)}
}
