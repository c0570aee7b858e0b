package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func sender(t *testing.T) *Sender {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Host, cfg.From = "mail.example", "Muster <muster@example.org>"
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running runs s in the bubble of a synctest and returns how to stop it.
func running(t *testing.T, s *Sender) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestMessagesAreTriedAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		fails  int // attempts that fail
		err    error
		stats  Stats
		lastAt time.Duration // of the last attempt
	}{
		{"at once", 0, nil, Stats{Sent: 1}, 0},
		{"the second time", 1, errors.New("away"), Stats{Sent: 1, Retried: 1}, 10 * time.Second},
		{"the last time", 3, errors.New("away"), Stats{Sent: 1, Retried: 3}, 6*time.Minute + 10*time.Second},
		{"never", 9, errors.New("away"), Stats{Failed: 1, Retried: 3}, 6*time.Minute + 10*time.Second},
		{"refused", 9, &permanentError{errors.New("550 no such user")}, Stats{Failed: 1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := sender(t)
				begun, last, n := time.Now(), time.Duration(0), 0
				s.send = func(context.Context, Message) error {
					last = time.Since(begun)
					if n++; n <= test.fails {
						return test.err
					}
					return nil
				}
				stop := running(t, s)
				if err := s.Send(Message{To: "a@example.org"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				stop()
				if got := s.Stats(); got != test.stats {
					t.Errorf("%+v, want %+v", got, test.stats)
				}
				if last != test.lastAt {
					t.Errorf("the last attempt was after %s", last)
				}
			})
		})
	}
}

func TestOneThatWaitsStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sender(t)
		var order []string
		s.send = func(_ context.Context, m Message) error {
			order = append(order, m.To)
			if len(order) == 1 {
				return errors.New("away")
			}
			return nil
		}
		stop := running(t, s)
		for _, to := range []string{"1", "2"} {
			if err := s.Send(Message{To: to}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		stop()
		if got := strings.Join(order, " "); got != "1 2 1" {
			t.Error(got)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	s := sender(t)
	for range maxWaiting {
		if err := s.Send(Message{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Send(Message{}); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if got := s.Stats(); got.Waiting != maxWaiting || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}

func TestMessagesAreWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sender(t)
		var sent []string
		s.send = func(_ context.Context, m Message) error { sent = append(sent, m.To); return nil }
		write := func(to ...string) func(context.Context) ([]Message, error) {
			return func(context.Context) (all []Message, err error) {
				for _, a := range to {
					all = append(all, Message{To: a})
				}
				if to == nil {
					err = errors.New("the database is away")
				}
				return all, err
			}
		}
		for _, w := range []func(context.Context) ([]Message, error){write("a", "b"), write(), write([]string{}...), write("c")} {
			if err := s.SendLater(w); err != nil {
				t.Fatal(err)
			}
		}
		if len(sent) > 0 {
			t.Error("sent before it ran")
		}
		stop := running(t, s)
		time.Sleep(time.Minute)
		stop()
		if got := strings.Join(sent, " "); got != "a b c" {
			t.Error(got)
		}
	})
}

func TestNothingIsSentWhereMailIsOff(t *testing.T) {
	s, err := New(DefaultConfig(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(Message{}); !errors.Is(err, ErrOff) || s.On() {
		t.Error(err)
	}
	if err := s.Deliver(t.Context(), Message{}); !errors.Is(err, ErrOff) {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Host: "mail.example.org", TLS: TLSStart, User: "u", Password: "p", From: "Muster <m@example.org>", URL: "https://muster.example.org:8443/"}
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"good", func(*Config) {}, ""},
		{"off", func(c *Config) { *c = DefaultConfig() }, ""},
		{"tls", func(c *Config) { c.TLS = "ssl" }, "tls"},
		{"port", func(c *Config) { c.Port = 70000 }, "port"},
		{"host", func(c *Config) { c.Host = "smtp://mail" }, "host"},
		{"no from", func(c *Config) { c.From = "" }, "from"},
		{"bad from", func(c *Config) { c.From = "Muster" }, "from"},
		{"password in the clear", func(c *Config) { c.TLS = TLSNone }, "user"},
		{"no password", func(c *Config) { c.Password = "" }, "password"},
		{"plain page", func(c *Config) { c.URL = "http://muster.example.org" }, "url"},
		{"page with a query", func(c *Config) { c.URL = "https://muster.example.org/?a=b" }, "url"},
	} {
		c := good
		test.change(&c)
		if err := c.Validate(); (test.want == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestPasswordsAndTextsAreNotLogged(t *testing.T) {
	var b bytes.Buffer
	s := sender(t)
	s.log = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.send = func(context.Context, Message) error { return fmt.Errorf("away") }
	s.attend(t.Context(), &letter{message: Message{To: "a@example.org", Subject: "Choose", Text: "https://x/reset#secret"}})
	if strings.Contains(b.String(), "secret") || !strings.Contains(b.String(), "a@example.org") {
		t.Error(b.String())
	}
}
