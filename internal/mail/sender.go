package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	gomail "github.com/wneessen/go-mail"
)

const (
	maxWaiting = 200              // messages; further ones are refused
	sendTime   = 30 * time.Second // for one attempt, from the connection to the end
)

// pauses come between the attempts to send a message. After the last it is given up.
var pauses = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}

// ErrOff: no submission server is configured.
var ErrOff = errors.New("mail is not set up")

// ErrFull: too many messages wait.
var ErrFull = errors.New("too many messages wait to be sent")

// Message is a message to one person.
type Message struct {
	To      string // an address alone
	Subject string
	Text    string // lines end with \n
}

// Stats counts since the start.
type Stats struct {
	Sent    int64 // taken by the submission server
	Failed  int64 // given up
	Retried int64 // attempts that failed and were made again
	Refused int64 // found the queue full
	Waiting int64 // now
}

// Sender sends messages. Make it with New.
type Sender struct {
	cfg    atomic.Pointer[Config]
	log    *slog.Logger
	send   func(ctx context.Context, m Message) error
	wake   chan struct{} // holds one
	direct bool          // nothing is queued

	mu    sync.Mutex // guards queue
	queue []*letter  // at most maxWaiting; the letter being sent stays in it

	sent, failed, retried, refused atomic.Int64
}

// letter is a message on its way, or messages that are not written yet.
type letter struct {
	write    func(ctx context.Context) ([]Message, error)
	message  Message
	due      time.Time
	attempts int
}

// New returns a sender for a valid cfg; it sends what is queued once it runs. The
// error is that of Set.
func New(cfg Config, log *slog.Logger) (*Sender, error) {
	s := &Sender{log: log.With("part", "mail"), wake: make(chan struct{}, 1)}
	s.send = s.submit
	return s, s.Set(cfg)
}

// Set makes a valid cfg the one in force. The error is about the file with
// certificates.
func (s *Sender) Set(cfg Config) error {
	if _, err := cfg.trust(); err != nil {
		return err
	}
	s.cfg.Store(&cfg)
	return nil
}

// Direct makes s send at once, in the caller's goroutine, where nothing runs. It
// is called before anything is sent.
func (s *Sender) Direct() { s.direct = true }

// On reports whether a submission server is configured.
func (s *Sender) On() bool { return s.cfg.Load().Host != "" }

// URL is the address of the console in messages, "" where none is configured.
func (s *Sender) URL() string { return s.cfg.Load().URL }

// Stats returns the counters.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Sent: s.sent.Load(), Failed: s.failed.Load(), Retried: s.retried.Load(), Refused: s.refused.Load(), Waiting: int64(len(s.queue))}
}

// Send queues a message. The error is ErrOff or ErrFull.
func (s *Sender) Send(m Message) error {
	if s.direct {
		return s.Deliver(context.Background(), m)
	}
	return s.add(&letter{message: m})
}

// SendLater queues messages that are written when their turn comes, so that the
// caller learns nothing from how many there are, nor from how long that takes. The
// error is ErrOff or ErrFull.
func (s *Sender) SendLater(write func(ctx context.Context) ([]Message, error)) error {
	return s.add(&letter{write: write})
}

func (s *Sender) add(l *letter) error {
	if !s.On() {
		return ErrOff
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= maxWaiting {
		s.refused.Add(1)
		return ErrFull
	}
	s.queue = append(s.queue, l)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Run sends until ctx ends. What waits then is lost.
func (s *Sender) Run(ctx context.Context) error {
	for {
		l, wait := s.next(time.Now())
		if l != nil {
			s.attend(ctx, l)
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-s.wake:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		t.Stop()
	}
}

// next returns a letter that is due, or how long none is.
func (s *Sender) next(now time.Time) (*letter, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Hour
	for _, l := range s.queue {
		if !l.due.After(now) {
			return l, 0
		}
		wait = min(wait, l.due.Sub(now))
	}
	return nil, wait
}

// attend makes one attempt to send l.
func (s *Sender) attend(ctx context.Context, l *letter) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if l.write != nil {
		all, err := l.write(ctx)
		if err != nil {
			s.failed.Add(1)
			s.log.Error("a message could not be written", "error", err)
		}
		s.drop(l)
		for _, m := range all {
			if err := s.Send(m); err != nil {
				s.log.Error("mail could not be sent", "to", m.To, "subject", m.Subject, "error", err)
			}
		}
		return
	}
	err := s.send(ctx, l.message)
	var refused *permanentError
	switch {
	case err == nil:
		s.sent.Add(1)
		s.log.Info("mail sent", "to", l.message.To, "subject", l.message.Subject)
	case errors.As(err, &refused) || l.attempts >= len(pauses):
		s.failed.Add(1)
		s.log.Error("mail could not be sent", "to", l.message.To, "subject", l.message.Subject, "error", err)
	default:
		s.retried.Add(1)
		s.log.Warn("mail could not be sent; it is tried again", "to", l.message.To, "again", pauses[l.attempts].String(), "error", err)
		l.due = time.Now().Add(pauses[l.attempts])
		l.attempts++
		return
	}
	s.drop(l)
}

// drop takes l out of the queue.
func (s *Sender) drop(l *letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.queue {
		if o == l {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			return
		}
	}
}

// permanentError: the submission server will not take the message later either.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Deliver sends a message at once and says what became of it, for a person who
// waits. ctx bounds it.
func (s *Sender) Deliver(ctx context.Context, m Message) error {
	if !s.On() {
		return ErrOff
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := s.send(ctx, m); err != nil {
		s.failed.Add(1)
		return err
	}
	s.sent.Add(1)
	return nil
}

// submit hands m to the submission server.
func (s *Sender) submit(ctx context.Context, m Message) error {
	cfg := s.cfg.Load()
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(cfg.From), msg.To(m.To)); err != nil {
		return &permanentError{fmt.Errorf("mail: address: %w", err)}
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody answers on holiday
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	c, err := cfg.client()
	if err != nil {
		return &permanentError{err}
	}
	if err := c.DialAndSendWithContext(ctx, msg); err != nil {
		err = fmt.Errorf("mail: send through %s port %d: %w", cfg.Host, cfg.port(), err)
		var why *gomail.SendError
		if errors.As(err, &why) && !why.IsTemp() && why.ErrorCode() >= 500 {
			return &permanentError{err}
		}
		return err
	}
	return nil
}

func (c Config) client() (*gomail.Client, error) {
	trust, err := c.trust()
	if err != nil {
		return nil, err
	}
	opts := []gomail.Option{gomail.WithPort(c.port()), gomail.WithTimeout(sendTime), gomail.WithTLSConfig(trust), gomail.WithoutNoop()}
	switch c.TLS {
	case TLSImplicit:
		opts = append(opts, gomail.WithSSL())
	case TLSStart:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if c.User != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	client, err := gomail.NewClient(c.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return client, nil
}
