package line

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/voice/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a Mumble server with one client.
type server struct {
	t   *testing.T
	l   net.Listener
	nc  net.Conn
	got chan wire.Message // nil messages are voice packets
	raw chan []byte       // those
}

func listen(t *testing.T) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	return &server{t: t, l: l, got: make(chan wire.Message, 1000), raw: make(chan []byte, 1000)}
}

// serve takes one client, answers its login, and reads what it sends.
func (s *server) serve(answer ...wire.Message) (stop func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := s.l.Accept()
		if err != nil {
			return
		}
		s.nc = nc
		defer nc.Close()
		for {
			var head [wire.HeaderSize]byte
			if _, err := io.ReadFull(nc, head[:]); err != nil {
				return
			}
			typ, n := wire.Header(head)
			body := make([]byte, n)
			if _, err := io.ReadFull(nc, body); err != nil {
				return
			}
			var m wire.Message
			switch typ {
			case wire.TypeAuthenticate:
				m = new(wire.Authenticate)
				s.send(answer...)
			case wire.TypeUserState:
				m = new(wire.UserState)
			case wire.TypeTextMessage:
				m = new(wire.TextMessage)
			case wire.TypeUDPTunnel:
				s.raw <- body
				continue
			default:
				continue
			}
			if err := wire.Parse(body, m); err != nil {
				s.t.Error(err)
			}
			s.got <- m
		}
	})
	return sync.OnceFunc(func() {
		s.l.Close()
		if s.nc != nil {
			s.nc.Close()
		}
		wg.Wait()
	})
}

func (s *server) send(all ...wire.Message) {
	var b []byte
	for _, m := range all {
		b = wire.AppendFrame(b, m)
	}
	_, _ = s.nc.Write(b) // a client that is gone has its own test
}

// says sends a voice packet of a session.
func (s *server) says(target byte, session uint32, opus string) {
	b := wire.AppendBody(wire.AppendVoice(nil, target, session), 7, []byte(opus), false)
	_, _ = s.nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, len(b)), b...))
}

func (s *server) config() Config {
	return Config{Address: s.l.Addr().String(), Name: "Alpha (room)", Password: "once", Channel: 3, Release: "test", Log: slog.New(slog.DiscardHandler)}
}

// diary writes down what it is told.
type diary struct{ lines chan string }

func (d diary) In(u User)                  { d.say("in", u.Session, u.Name, u.Muted) }
func (d diary) Out(session uint32)         { d.say("out", session) }
func (d diary) Text(n uint32, text string) { d.say("text", n, text) }
func (d diary) Voice(n uint32, v wire.Voice) {
	d.say("voice", n, v.Seq, string(v.Opus))
}

func (d diary) say(args ...any) { d.lines <- strings.TrimSpace(fmt.Sprintln(args...)) }

func (d diary) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-d.lines:
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain: %s", want)
	}
}

func state(session, channel uint32, name string) *wire.UserState {
	m := &wire.UserState{Session: new(session), Channel: new(channel)}
	if name != "" {
		m.Name = new(name)
	}
	return m
}

// TestLine is a session from its login to the moment it is put elsewhere.
func TestLine(t *testing.T) {
	s := listen(t)
	defer s.serve(state(1, 3, "ann"), state(2, 0, "bob"), state(9, 0, "Alpha (room)"), &wire.ServerSync{Session: new(uint32(9))})()
	l, err := Dial(t.Context(), s.config())
	if err != nil {
		t.Fatal(err)
	}
	if a, is := (<-s.got).(*wire.Authenticate); !is || value(a.Username) != "Alpha (room)" || value(a.Password) != "once" || !value(a.Opus) {
		t.Errorf("logs in with %+v", a)
	}
	if m, is := (<-s.got).(*wire.UserState); !is || value(m.Session) != 9 || value(m.Channel) != 3 {
		t.Errorf("goes to %+v", m)
	}
	d := diary{make(chan string, 100)}
	over := make(chan error, 1)
	go func() { over <- l.Run(t.Context(), d) }()
	d.next(t, "in 1 ann false")
	s.send(state(9, 3, ""))
	s.says(wire.TargetNormal, 1, "hello")
	d.next(t, "voice 1 7 hello")
	s.says(wire.TargetNormal, 2, "from a channel that is linked")
	s.says(wire.TargetNormal, 9, "its own")
	s.says(wire.TargetWhisper, 1, "a whisper")
	s.says(wire.TargetNormal, 77, "of nobody")
	_, _ = s.nc.Write(append(wire.AppendHeader(nil, wire.TypeUDPTunnel, 2), 0x80, 0xff)) // no number behind it
	s.send(&wire.TextMessage{Actor: new(uint32(1)), Channels: []uint32{3}, Text: new("<b>hi</b> &amp; bye")})
	d.next(t, "text 1 hi & bye")
	s.send(&wire.TextMessage{Actor: new(uint32(1)), Sessions: []uint32{9}, Text: new("to it alone")},
		&wire.TextMessage{Actor: new(uint32(2)), Channels: []uint32{3}, Text: new("from outside")})
	s.send(state(2, 3, ""))
	d.next(t, "in 2 bob false")
	s.send(&wire.UserState{Session: new(uint32(2)), SelfMute: new(true)}, &wire.UserState{Session: new(uint32(2)), Comment: new("x")})
	d.next(t, "in 2 bob true")
	s.send(state(2, 0, ""))
	d.next(t, "out 2")
	s.send(&wire.UserRemove{Session: new(uint32(77))}, state(2, 3, ""), &wire.UserRemove{Session: new(uint32(2))})
	d.next(t, "in 2 bob true")
	d.next(t, "out 2")

	if !l.Voice(11, []byte("opus"), false) || !l.Say("1 < 2") {
		t.Error("dropped")
	}
	v, err := wire.ParseVoice(<-s.raw)
	if err != nil || v.Seq != 11 || !bytes.Equal(v.Opus, []byte("opus")) || v.Target != wire.TargetNormal {
		t.Errorf("%+v %v", v, err)
	}
	if m, is := (<-s.got).(*wire.TextMessage); !is || value(m.Text) != "1 &lt; 2" || !slices.Equal(m.Channels, []uint32{3}) {
		t.Errorf("says %+v", m)
	}

	s.send(state(9, 0, ""))
	if err := <-over; !errors.Is(err, errMoved) {
		t.Error(err)
	}
	d.next(t, "out 1")
}

func TestLineEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(s *server, cancel func())
		want error
	}{
		{"with its context", func(_ *server, cancel func()) { cancel() }, context.Canceled},
		{"with the server", func(s *server, _ func()) { s.nc.Close() }, io.EOF},
		{"a message that is too long", func(s *server, _ func()) {
			_, _ = s.nc.Write(wire.AppendHeader(nil, wire.TypeUserState, maxMessage+1))
		}, wire.ErrMalformed},
		{"a message that cannot be read", func(s *server, _ func()) {
			_, _ = s.nc.Write(append(wire.AppendHeader(nil, wire.TypeUserState, 1), 0xff))
		}, wire.ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := listen(t)
			defer s.serve(state(1, 3, "ann"), &wire.ServerSync{Session: new(uint32(9))})()
			l, err := Dial(t.Context(), s.config())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d := diary{make(chan string, 100)}
			over := make(chan error, 1)
			go func() { over <- l.Run(ctx, d) }()
			d.next(t, "in 1 ann false")
			<-s.got
			<-s.got // it reads from here on
			tc.do(s, cancel)
			if err := <-over; !errors.Is(err, tc.want) {
				t.Error(err)
			}
			d.next(t, "out 1")
		})
	}
}

func TestDial(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		s := listen(t)
		defer s.serve(&wire.Reject{Reject: new(uint32(wire.RejectWrongUserPW)), Reason: new("no")})()
		if _, err := Dial(t.Context(), s.config()); !errors.Is(err, ErrRefused) {
			t.Error(err)
		}
	})
	t.Run("too late", func(t *testing.T) {
		s := listen(t)
		defer s.serve()()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := Dial(ctx, s.config()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("more users than there can be", func(t *testing.T) {
		s := listen(t)
		var all []wire.Message
		for i := range uint32(maxUsers + 1) {
			all = append(all, state(i+1, 0, "x"))
		}
		defer s.serve(all...)()
		if _, err := Dial(t.Context(), s.config()); err == nil {
			t.Error("taken")
		}
	})
}

// TestVoiceDoesNotWait: what a server does not take in time is dropped.
func TestVoiceDoesNotWait(t *testing.T) {
	l := &Line{queue: make(chan []byte, maxQueue)} // nobody sends
	for i := range maxQueue {
		if !l.Voice(uint64(2*i), []byte{1}, false) {
			t.Fatalf("packet %d is dropped", i)
		}
	}
	if l.Voice(0, nil, true) || l.Say("x") {
		t.Error("the queue has no end")
	}
}
