package attach

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"layeh.com/gumble/gumble"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/internal/run/runtest"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/voice/ice"
	"muster/voice/murmur"
)

const testSecret = "the-secret-of-the-test"

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// murmurd is the real one, of Debian.
type murmurd struct {
	t        testing.TB
	dir      string
	ice      string // addresses
	voice    string
	settings string
	cmd      *exec.Cmd
	out      *syncBuffer
	exited   chan struct{}
}

// fresh is the database of a murmurd that ran once and did nothing: making it and
// a certificate takes longer than the rest of a start.
var fresh struct {
	once sync.Once
	db   []byte
}

func newMurmurd(t testing.TB, settings string) *murmurd {
	t.Helper()
	fresh.once.Do(func() {
		m := emptyMurmurd(t, "")
		m.start()
		m.stop()
		var err error
		if fresh.db, err = os.ReadFile(m.database()); err != nil {
			t.Fatal(err)
		}
	})
	m := emptyMurmurd(t, settings)
	if err := os.WriteFile(m.database(), fresh.db, 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

func emptyMurmurd(t testing.TB, settings string) *murmurd {
	t.Helper()
	return &murmurd{t: t, dir: t.TempDir(), settings: settings,
		ice: fmt.Sprintf("127.0.0.1:%d", runtest.Port(t)), voice: fmt.Sprintf("127.0.0.1:%d", runtest.Port(t))}
}

func (m *murmurd) database() string { return filepath.Join(m.dir, "m.sqlite") }

// start runs it and waits until its Ice interface listens.
func (m *murmurd) start() {
	m.t.Helper()
	_, icePort, _ := net.SplitHostPort(m.ice)
	_, port, _ := net.SplitHostPort(m.voice)
	ini := filepath.Join(m.dir, "murmur.ini")
	text := fmt.Sprintf("database=%s\nice=\"tcp -h 127.0.0.1 -p %s\"\npidfile=%s/pid\nhost=127.0.0.1\nport=%s\nbonjour=false\nkdfiterations=1000\nautobanAttempts=0\nuname=root\n%s\n",
		m.database(), icePort, m.dir, port, m.settings)
	if err := os.WriteFile(ini, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.out = &syncBuffer{}
	m.exited = make(chan struct{})
	m.cmd = exec.Command("murmurd", "-fg", "-ini", ini)
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	cmd, exited := m.cmd, m.exited
	go func() {
		_ = cmd.Wait() // it is ended by a signal
		close(exited)
	}()
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-exited
	})
	eventually(m.t, "murmurd listens", func() bool {
		c, err := net.Dial("tcp", m.ice)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// stop asks it to end and fails if it hangs.
func (m *murmurd) stop() {
	m.t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.Fatal(err)
	}
	select {
	case <-m.exited:
	case <-time.After(10 * time.Second):
		m.t.Fatalf("murmurd hangs in its shutdown:\n%s", m.out)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// plan is a Plan that tests change.
type plan struct {
	mu sync.Mutex
	c  []Channel
}

func (p *plan) Channels(context.Context) ([]Channel, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.c, nil
}

func (p *plan) set(c ...Channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.c = c
}

// house is a server with users, an authority and an attachment.
type house struct {
	t        testing.TB
	ca       *pki.Authority
	auth     *auth.Service
	sessions *auth.Sessions
	plan     *plan
	log      *syncBuffer
	cfg      Config

	renewEvery, stoppedPause time.Duration // 0: as they are

	*Attachment
	stopRun func()
}

var testCA = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "muster-ca-")
	if err != nil {
		return "", err
	}
	_, err = pki.Open(pki.DefaultConfig(), dir, slog.New(slog.DiscardHandler))
	return dir, err
})

// newHouse makes the groups Blue and Red and the users ann (Blue), bob (hears Blue,
// may not speak), eve (no group) and root, an administrator.
func newHouse(t testing.TB) *house {
	t.Helper()
	dir, err := testCA()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, sessions: auth.NewSessions(nil), plan: &plan{}, log: &syncBuffer{}, cfg: DefaultConfig()}
	h.cfg.Enabled, h.cfg.Secret, h.cfg.Budget = true, testSecret, time.Second // a machine that tests has other things to do
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if h.ca, err = pki.Open(pki.DefaultConfig(), dir, log); err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, store.Config{})
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	if h.auth, err = auth.New(cfg, db, h.sessions, bus.New(), log); err != nil {
		t.Fatal(err)
	}
	for _, g := range []string{"Blue", "Red"} {
		if _, err := h.auth.AddGroup(t.Context(), g, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []auth.NewUser{
		{Name: "ann", Password: "ann-password", Groups: []auth.Grant{{Group: "Blue", In: true, Out: true}}},
		{Name: "bob", Password: "bob-password", Groups: []auth.Grant{{Group: "Blue", Out: true}}},
		{Name: "eve", Password: "eve-password", Groups: []auth.Grant{}},
		{Name: "root", Password: "root-password", Role: auth.RoleAdmin, Groups: []auth.Grant{}},
	} {
		if _, err := h.auth.AddUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	h.plan.set(Channel{Key: "Blue", Name: "Blue", Groups: []string{"Blue"}}, Channel{Key: "Red", Name: "Red", Groups: []string{"Red"}})
	return h
}

// issued are the certificates made so far: each costs an RSA key.
var issued sync.Map

// certificate returns one of a user's device, from our authority. The server sees
// it for the first time when it is used.
func (h *house) certificate(user, device string) tls.Certificate {
	h.t.Helper()
	if c, ok := issued.Load(user + "/" + device); ok {
		return c.(tls.Certificate)
	}
	is, err := h.ca.IssueClient(user, device, pki.IssueOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	p12, err := is.P12("x")
	if err != nil {
		h.t.Fatal(err)
	}
	key, leaf := decodeP12(h.t, p12)
	c := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
	issued.Store(user+"/"+device, c)
	return c
}

// caFile returns the path of our authority's certificate.
func (h *house) caFile() string {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, h.ca.CACertPEM(), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// attach runs an attachment to m.
func (h *house) attach(m *murmurd) {
	h.t.Helper()
	h.cfg.Address = m.ice
	if err := h.cfg.Validate(); err != nil {
		h.t.Fatal(err)
	}
	var err error
	h.Attachment, err = New(h.cfg, Deps{Auth: h.auth, CA: h.ca, Plan: h.plan, Sessions: h.sessions, Doors: run.NewDoors(),
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Key: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		h.t.Fatal(err)
	}
	if h.renewEvery > 0 {
		h.Attachment.renew = h.renewEvery
	}
	if h.stoppedPause > 0 {
		h.Attachment.pause = h.stoppedPause
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	a := h.Attachment
	go func() {
		defer close(done)
		if err := a.Run(ctx); err != nil {
			h.t.Error(err)
		}
	}()
	h.stopRun = sync.OnceFunc(func() { cancel(); <-done })
	h.t.Cleanup(h.stopRun)
	h.waitAttached()
}

func (h *house) waitAttached() {
	h.t.Helper()
	eventually(h.t, "attached", func() bool { return h.Status().Attached })
}

// mumble is a client.
type mumble struct {
	*gumble.Client
	gone chan gumble.DisconnectEvent
	text atomic.Pointer[string] // the last one
}

// connect connects a client. The error is murmurd's refusal.
func connect(t testing.TB, m *murmurd, user, password string, certs ...tls.Certificate) (*mumble, error) {
	t.Helper()
	cfg := gumble.NewConfig()
	cfg.Username, cfg.Password = user, password
	out := &mumble{gone: make(chan gumble.DisconnectEvent, 1)}
	cfg.Attach(listener{out})
	c, err := gumble.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, m.voice, cfg, &tls.Config{InsecureSkipVerify: true, Certificates: certs})
	if err != nil {
		return nil, err
	}
	out.Client = c
	t.Cleanup(func() { _ = c.Conn.Close() }) // it may have ended; Disconnect has a race
	return out, nil
}

func mustLogin(t testing.TB, m *murmurd, user, password string, certs ...tls.Certificate) *mumble {
	t.Helper()
	c, err := connect(t, m, user, password, certs...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", user, err, m.out)
	}
	return c
}

// do runs f where the client's state may be read.
func (c *mumble) do(f func()) { c.Client.Do(f) }

func (c *mumble) channel(name string) (ch *gumble.Channel) {
	c.do(func() { ch = c.Channels.Find(name) })
	return ch
}

func (c *mumble) name() (name string) {
	c.do(func() { name = c.Self.Name })
	return name
}

func (c *mumble) session() (id int32) {
	c.do(func() { id = int32(c.Self.Session) })
	return id
}

func (c *mumble) in() (name string) {
	c.do(func() { name = c.Self.Channel.Name })
	return name
}

func (c *mumble) suppressed() (yes bool) {
	c.do(func() { yes = c.Self.Suppressed })
	return yes
}

// listener notes the end of a client.
type listener struct{ m *mumble }

func (l listener) OnDisconnect(e *gumble.DisconnectEvent) {
	select {
	case l.m.gone <- *e:
	default:
	}
}
func (l listener) OnTextMessage(e *gumble.TextMessageEvent) { l.m.text.Store(&e.Message) }

func (listener) OnConnect(*gumble.ConnectEvent)                         {}
func (listener) OnUserChange(*gumble.UserChangeEvent)                   {}
func (listener) OnChannelChange(*gumble.ChannelChangeEvent)             {}
func (listener) OnPermissionDenied(*gumble.PermissionDeniedEvent)       {}
func (listener) OnUserList(*gumble.UserListEvent)                       {}
func (listener) OnACL(*gumble.ACLEvent)                                 {}
func (listener) OnBanList(*gumble.BanListEvent)                         {}
func (listener) OnContextActionChange(*gumble.ContextActionChangeEvent) {}
func (listener) OnServerConfig(*gumble.ServerConfigEvent)               {}

// script calls murmurd as a third party does that knows the secret.
func script(t testing.TB, m *murmurd) *murmur.Server {
	t.Helper()
	nc, err := net.Dial("tcp", m.ice)
	if err != nil {
		t.Fatal(err)
	}
	c := ice.NewClient(nc, 0)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }() // it ends with the test
	t.Cleanup(func() { cancel(); <-done })
	meta, err := murmur.Connect(t.Context(), c, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	s, err := meta.Server(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rejected(err error) string {
	if err == nil {
		return "let in"
	}
	if r, ok := err.(*gumble.RejectError); ok {
		return fmt.Sprintf("reject %d", r.Type)
	}
	if strings.Contains(err.Error(), "refused") {
		return "closed"
	}
	return err.Error()
}

// selfSigned is a certificate as Mumble's desktop client makes one for itself.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key := generateKey(t)
	tmpl := &x509.Certificate{SerialNumber: bigOne, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(randReader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// try attaches once and returns how that went.
func (h *house) try(t testing.TB) (*Attachment, error) {
	t.Helper()
	doors := run.NewDoors()
	doors.Bound(doorName, "tcp", "127.0.0.1:1")
	a, err := New(h.cfg, Deps{Auth: h.auth, CA: h.ca, Plan: h.plan, Sessions: h.sessions, Doors: doors, Log: slog.New(slog.DiscardHandler), Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return a, a.attached(t.Context())
}
