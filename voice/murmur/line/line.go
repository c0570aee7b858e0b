// Package line is this server's own session at a Mumble server that runs beside it:
// in one channel, saying there what a room here says and hearing who is in it.
//
// All of it goes through the one TCP connection; it is for servers on the same
// machine, where nothing is lost.
package line

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"time"

	"muster/internal/run"
	"muster/voice"
	"muster/voice/wire"
)

// Config is how a session begins.
type Config struct {
	Address        string // host and port
	Name, Password string
	Channel        uint32
	Release        string // what the client calls itself
	Log            *slog.Logger
}

// User is somebody else in the channel.
type User struct {
	Session uint32
	Name    string
	Muted   bool // cannot be heard
}

// Handler is told what happens in the channel. It is called from the goroutine of
// Run, so it must not wait long.
type Handler interface {
	// In says that somebody is in the channel, or has changed there.
	In(u User)
	// Out says that somebody is not in it any more.
	Out(session uint32)
	// Voice is a packet said to the channel by somebody who is in it. What v points
	// to is valid during the call.
	Voice(session uint32, v wire.Voice)
	// Text is said to the channel, as plain text.
	Text(session uint32, text string)
}

const (
	version1    = 1<<16 | 3<<8 | 4 // voice packets as all servers understand them
	maxMessage  = 1 << 20          // bytes of one message
	maxUsers    = 10_000           // of the whole server
	maxQueue    = 64               // frames that wait to be sent: 1.3 s of voice; what comes then is dropped
	pingEvery   = 10 * time.Second
	silentAfter = 30 * time.Second
	writeWithin = 5 * time.Second
)

// ErrRefused is wrapped by the error of a login that was refused.
var ErrRefused = errors.New("the login was refused")

// errMoved ends a session that is no longer in its channel.
var errMoved = errors.New("the session was put into another channel")

// Line is a session that is logged in. Make it with Dial; Run must be called.
type Line struct {
	cfg   Config
	nc    *tls.Conn
	in    *bufio.Reader
	queue chan []byte

	// Of the goroutine that calls Dial and Run.
	session uint32
	users   map[uint32]*user // bounded by maxUsers
	msg     []byte
}

type user struct {
	User
	channel                      uint32
	mute, selfMute, suppress, in bool
}

// Dial logs in. The certificate of the server is not asked for: it makes its own,
// and the password is good once only.
func Dial(ctx context.Context, cfg Config) (*Line, error) {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	nc, err := d.DialContext(ctx, "tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("line: %w", err)
	}
	l := &Line{cfg: cfg, nc: nc.(*tls.Conn), in: bufio.NewReader(nc), queue: make(chan []byte, maxQueue), users: make(map[uint32]*user)}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := l.login(); err != nil {
		nc.Close()
		return nil, fmt.Errorf("line: log in: %w", errors.Join(err, ctx.Err()))
	}
	return l, nil
}

func (l *Line) login() error {
	hello := wire.AppendFrame(nil, &wire.Version{V1: new(uint32(version1)), Release: new(l.cfg.Release)})
	hello = wire.AppendFrame(hello, &wire.Authenticate{Username: new(l.cfg.Name), Password: new(l.cfg.Password), Opus: new(true)})
	if err := l.write(hello); err != nil {
		return err
	}
	for l.session == 0 {
		t, body, err := l.read()
		if err != nil {
			return err
		}
		switch t {
		case wire.TypeReject:
			var m wire.Reject
			if err := wire.Parse(body, &m); err != nil {
				return err
			}
			return fmt.Errorf("%w: %s", ErrRefused, value(m.Reason))
		case wire.TypeServerSync:
			var m wire.ServerSync
			if err := wire.Parse(body, &m); err != nil {
				return err
			}
			l.session = value(m.Session)
		default:
			if err := l.handle(t, body, nil); err != nil {
				return err
			}
		}
	}
	return l.write(wire.AppendFrame(nil, &wire.UserState{Session: new(l.session), Channel: new(l.cfg.Channel)}))
}

func (l *Line) write(b []byte) error {
	if err := l.nc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := l.nc.Write(b)
	return err
}

// read returns the next message, valid until the next call.
func (l *Line) read() (wire.Type, []byte, error) {
	if err := l.nc.SetReadDeadline(time.Now().Add(silentAfter)); err != nil {
		return 0, nil, err
	}
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return 0, nil, err
	}
	t, n := wire.Header(head)
	if n > maxMessage {
		return 0, nil, fmt.Errorf("%w: a message of %d bytes", wire.ErrMalformed, n)
	}
	if int(n) > cap(l.msg) {
		l.msg = make([]byte, n)
	}
	l.msg = l.msg[:n]
	_, err := io.ReadFull(l.in, l.msg)
	return t, l.msg, err
}

// Run tells h what happens until the session ends or ctx does, and ends the
// session. Everybody who was said to be in is said to be out then.
func (l *Line) Run(ctx context.Context, h Handler) error {
	inner, cancel := context.WithCancel(ctx)
	g := run.NewGroup(inner, l.cfg.Log, "murmurd")
	var unsent error
	g.Go(func(ctx context.Context) {
		unsent = l.send(ctx)
		l.nc.Close()
	})
	err := l.listen(h)
	cancel()
	g.Wait()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case unsent != nil && errors.Is(err, net.ErrClosed):
		err = unsent
	}
	for _, u := range l.users {
		l.out(u, h)
	}
	return fmt.Errorf("line: %w", err)
}

func (l *Line) listen(h Handler) error {
	for _, u := range l.users {
		l.look(u, h)
	}
	for {
		t, body, err := l.read()
		if err != nil {
			return err
		}
		if err := l.handle(t, body, h); err != nil {
			return err
		}
	}
}

// send writes what is queued, and pings, until ctx ends.
func (l *Line) send(ctx context.Context) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var b []byte
		select {
		case <-ctx.Done():
			return nil
		case <-ping.C:
			b = wire.AppendFrame(nil, &wire.Ping{Timestamp: new(uint64(time.Now().UnixMicro()))})
		case b = <-l.queue:
		}
		if err := l.write(b); err != nil {
			return err
		}
	}
}

func (l *Line) enqueue(frame []byte) (ok bool) {
	select {
	case l.queue <- frame:
		return true
	default:
		return false
	}
}

// Voice says a packet into the channel. seq counts units of 10 ms; opus is empty
// with last, which ends the burst. It does not block and keeps nothing of opus;
// it reports false if the packet was dropped because too much waits.
func (l *Line) Voice(seq uint64, opus []byte, last bool) (ok bool) {
	body := wire.AppendBody([]byte{wire.KindOpus<<5 | wire.TargetNormal}, seq, opus, last)
	return l.enqueue(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(body)), body...))
}

// Say says plain text into the channel. It reports false if it was dropped because
// too much waits.
func (l *Line) Say(text string) (ok bool) {
	return l.enqueue(wire.AppendFrame(nil, &wire.TextMessage{Channels: []uint32{l.cfg.Channel}, Text: new(html.EscapeString(text))}))
}

// handle acts on one message. h is nil before the login.
func (l *Line) handle(t wire.Type, body []byte, h Handler) error {
	switch t {
	case wire.TypeUserState:
		var m wire.UserState
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		return l.userState(&m, h)
	case wire.TypeUserRemove:
		var m wire.UserRemove
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		if u := l.users[value(m.Session)]; u != nil {
			delete(l.users, u.Session)
			l.out(u, h)
		}
	case wire.TypeTextMessage:
		var m wire.TextMessage
		if err := wire.Parse(body, &m); err != nil {
			return err
		}
		u := l.users[value(m.Actor)]
		for _, ch := range m.Channels {
			if ch == l.cfg.Channel && u != nil && u.in {
				h.Text(u.Session, voice.PlainText(value(m.Text)))
			}
		}
	case wire.TypeUDPTunnel:
		l.voice(body, h)
	}
	return nil
}

// userState keeps what is said about a user, and hands it on.
func (l *Line) userState(m *wire.UserState, h Handler) error {
	session := value(m.Session)
	u := l.users[session]
	if u == nil {
		if len(l.users) >= maxUsers {
			return fmt.Errorf("line: more than %d users", maxUsers)
		}
		u = &user{User: User{Session: session}}
		l.users[session] = u
	}
	was := u.User
	if m.Name != nil {
		u.Name = *m.Name
	}
	if m.Channel != nil {
		u.channel = *m.Channel
	}
	for _, f := range []struct{ to, from *bool }{{&u.mute, m.Mute}, {&u.selfMute, m.SelfMute}, {&u.suppress, m.Suppress}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	u.Muted = u.mute || u.selfMute || u.suppress
	if h == nil {
		return nil
	}
	if session == l.session {
		if m.Channel != nil && u.channel != l.cfg.Channel {
			return errMoved
		}
		return nil
	}
	if u.in && was == u.User && u.channel == l.cfg.Channel {
		return nil
	}
	l.look(u, h)
	return nil
}

// look tells h whether u is in the channel.
func (l *Line) look(u *user, h Handler) {
	switch {
	case u.Session == l.session:
	case u.channel == l.cfg.Channel:
		u.in = true
		h.In(u.User)
	default:
		l.out(u, h)
	}
}

func (l *Line) out(u *user, h Handler) {
	if u.in {
		u.in = false
		h.Out(u.Session)
	}
}

// voice hands a packet on, if it was said to the channel by somebody who is there:
// what comes over links or as a whisper is not the room's, nor is our own.
func (l *Line) voice(b []byte, h Handler) {
	if h == nil || len(b) < 2 || b[0]&31 != wire.TargetNormal {
		return
	}
	session, n, err := wire.Varint(b[1:])
	if err != nil || session > 1<<32-1 {
		return
	}
	u := l.users[uint32(session)]
	if u == nil || !u.in {
		return
	}
	// From here on it is as a client sends it.
	b[n] = b[0]
	v, err := wire.ParseVoice(b[n:])
	if err != nil {
		return // of another codec
	}
	h.Voice(u.Session, v)
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
