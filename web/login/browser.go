package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"muster/internal/auth"
)

// CookieName is the cookie that holds a browser login.
const CookieName = "muster_session"

const (
	maxPerUser  = 50                     // logins one user may have open; the least used one gives way
	currentFor  = 500 * time.Millisecond // how long rights are taken for current without asking
	sweepEvery  = time.Minute
	maxAgentLen = 200
)

// browser is one login by cookie. It is an entry in the register of sessions.
type browser struct {
	key     [sha256.Size]byte // of the cookie's value; the value itself is not kept
	user    string
	created time.Time
	over    context.Context // done when the login is
	cancel  context.CancelFunc

	mu      sync.Mutex // guards what follows
	id      auth.Identity
	asked   time.Time // when id was current
	used    time.Time
	session *auth.Session
}

// end closes the login, whoever ends it.
func (b *browser) end() {
	b.cancel()
	b.mu.Lock()
	session := b.session
	b.mu.Unlock()
	if session != nil {
		session.Close()
	}
}

// Login checks the name and password of a browser, and the code of a second
// factor where there is one, and opens a login for it: see Open. The errors are
// those of Authenticate, auth.ErrCodeNeeded among them, and those of Open.
func (g *Gate) Login(ctx context.Context, r *http.Request, user, password, code string) (auth.Identity, *http.Cookie, error) {
	peer := PeerFrom(ctx)
	id, err := g.auth.Authenticate(ctx, auth.Proof{User: user, Password: password, Code: code, AskCode: true, Remote: peer.Addr.Addr(), Protocol: protocol})
	if err != nil {
		return auth.Identity{}, nil, err
	}
	cookie, err := g.Open(ctx, r, id)
	return id, cookie, err
}

// Open opens a browser login for id, who has just been proven. The cookie is to be
// sent in the answer. A login that r itself carries is closed, so that nobody can
// be made to use a cookie somebody else knows. The error wraps auth.ErrDenied for
// a token that is not valid for this.
func (g *Gate) Open(ctx context.Context, r *http.Request, id auth.Identity) (*http.Cookie, error) {
	peer := PeerFrom(ctx)
	secret := rand.Text() + rand.Text()
	b := newBrowser(id, time.Now())
	b.key = sha256.Sum256([]byte(secret))
	old := g.find(r)
	if err := g.register(b, peer.Addr, r.UserAgent()); err != nil {
		return nil, fmt.Errorf("login: open the session: %w", err)
	}
	if old != nil {
		g.drop(old)
	}
	g.log.Info("browser logged in", "user", id.User, "remote", peer.Addr)
	return g.cookie(secret, int(g.cfg.Absolute/time.Second)), nil
}

func newBrowser(id auth.Identity, created time.Time) *browser {
	b := &browser{user: id.User, created: created, id: id, asked: created, used: created}
	b.over, b.cancel = context.WithCancel(context.Background())
	return b
}

// register puts b on the register of sessions and on the list.
func (g *Gate) register(b *browser, remote netip.AddrPort, agent string) error {
	info := auth.SessionInfo{Protocol: protocol, Remote: remote, Agent: agent[:min(len(agent), maxAgentLen)]}
	session, err := g.sessions.Open(b.id, auth.Use, auth.Server(), info, func(error) { g.drop(b) })
	if err != nil {
		b.cancel()
		return err
	}
	b.mu.Lock()
	b.session = session
	b.mu.Unlock()
	g.add(b)
	if b.over.Err() != nil { // kicked before it was on the list
		g.drop(b)
		return auth.ErrRevoked
	}
	return nil
}

// Logout closes the login that r carries, if any, and returns the cookie that
// makes the browser forget it.
func (g *Gate) Logout(r *http.Request) *http.Cookie {
	if b := g.find(r); b != nil {
		g.drop(b)
	}
	return g.cookie("", -1)
}

func (g *Gate) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	}
}

// add puts b on the list and ends the least used login of its user if there are
// too many.
func (g *Gate) add(b *browser) {
	g.mu.Lock()
	var oldest *browser
	n := 0
	for _, other := range g.browsers {
		if other.user != b.user {
			continue
		}
		n++
		if oldest == nil || other.lastUsed().Before(oldest.lastUsed()) {
			oldest = other
		}
	}
	g.browsers[b.key] = b
	g.mu.Unlock()
	if n >= maxPerUser {
		g.drop(oldest)
	}
}

func (b *browser) lastUsed() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// drop takes b off the list and ends it.
func (g *Gate) drop(b *browser) {
	g.mu.Lock()
	delete(g.browsers, b.key)
	g.mu.Unlock()
	b.end()
}

// find returns the login whose cookie r carries and whose time is not over.
func (g *Gate) find(r *http.Request) *browser {
	c, err := r.Cookie(CookieName)
	if err != nil || c.Value == "" || len(c.Value) > 100 {
		return nil
	}
	g.mu.Lock()
	b := g.browsers[sha256.Sum256([]byte(c.Value))]
	g.mu.Unlock()
	if b == nil {
		return nil
	}
	if g.over(b, time.Now()) {
		g.drop(b)
		return nil
	}
	return b
}

func (g *Gate) over(b *browser, now time.Time) bool {
	return now.Sub(b.created) >= g.cfg.Absolute || now.Sub(b.lastUsed()) >= g.cfg.Idle
}

// current returns the rights of b as of now and notes that it was used.
func (g *Gate) current(ctx context.Context, b *browser) (auth.Identity, error) {
	now := time.Now()
	b.mu.Lock()
	b.used = now
	id, fresh := b.id, now.Sub(b.asked) < currentFor
	b.mu.Unlock()
	if fresh {
		return id, nil
	}
	id, err := g.auth.Current(ctx, id)
	if err != nil {
		return auth.Identity{}, err
	}
	b.mu.Lock()
	b.id, b.asked = id, now
	b.mu.Unlock()
	return id, nil
}

// Start brings back the logins that the last run kept. It is called once,
// before requests are served; an error means that people have to log in again.
func (g *Gate) Start(ctx context.Context) error { return g.load(ctx) }

// Run ends logins whose time is over, until ctx ends; then it keeps them for
// the next run, if it is to, and ends all.
func (g *Gate) Run(ctx context.Context) error {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			err := g.save()
			g.sweep(func(*browser) bool { return true })
			return err
		case now := <-t.C:
			g.sweep(func(b *browser) bool { return g.over(b, now) })
		}
	}
}

func (g *Gate) sweep(over func(*browser) bool) {
	g.mu.Lock()
	var ended []*browser
	for key, b := range g.browsers {
		if over(b) {
			delete(g.browsers, key)
			ended = append(ended, b)
		}
	}
	g.mu.Unlock()
	for _, b := range ended {
		b.end()
	}
}
