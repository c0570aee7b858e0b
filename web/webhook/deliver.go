package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/internal/peer"
)

// Bounds of one attempt, and the pauses between them.
const (
	attemptTimeout = 15 * time.Second
	maxAnswer      = 4 << 10 // bytes of an answer that are read, so that the connection can be used again
	firstPause     = 5 * time.Second
	longestPause   = 6 * time.Hour
	troublePause   = 5 * time.Second // when the database does not answer
)

var errInside = errors.New("its name leads to an address inside; set private if that is meant")

// newClient returns the way to a hook. It goes directly, follows no redirect, and
// connects inside only where the operator has said so: names are judged by the
// address that is connected to, so that none can change its mind in between.
func newClient(h Hook) *http.Client {
	named := ""
	if u, err := url.Parse(h.URL); err == nil {
		named = u.Hostname()
	}
	_, err := netip.ParseAddr(named)
	free := h.Private || err == nil || named == "localhost"
	d := &net.Dialer{Timeout: attemptTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		if !free && !peer.Public(peer.Addr(address).Addr()) {
			return errInside
		}
		return nil
	}}
	return &http.Client{
		Timeout: attemptTimeout,
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSHandshakeTimeout: attemptTimeout, ResponseHeaderTimeout: attemptTimeout,
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConns: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver sends a hook its messages until ctx ends.
func (s *Sender) deliver(ctx context.Context, h *hook) {
	defer h.client.CloseIdleConnections()
	for ctx.Err() == nil {
		pause, err := s.step(ctx, h)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			s.log.Error("messages of a webhook cannot be read or kept", "hook", h.id, "error", err)
			pause = troublePause
		}
		if pause == 0 {
			continue
		}
		var timer <-chan time.Time
		if pause > 0 {
			timer = time.After(pause)
		}
		select {
		case <-timer:
		case <-h.wake:
		case <-ctx.Done():
		}
	}
}

// step sends the first message if it is due. It returns how long there is nothing
// to do: until the hook is woken if negative.
func (s *Sender) step(ctx context.Context, h *hook) (time.Duration, error) {
	m, err := s.next(ctx, h.id)
	switch {
	case err != nil:
		return 0, err
	case m == nil:
		return -1, nil
	}
	if wait := time.Until(time.UnixMilli(m.Due)); wait > 0 {
		return wait, nil
	}
	status, after, err := h.attempt(ctx, m, time.Now())
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err == nil {
		return 0, s.done(ctx, m, true, "")
	}
	s.count.failed.Add(1)
	why := err.Error()
	log := s.log.With("hook", h.id, "message", m.ID, "attempt", m.Attempts+1, "error", why)
	if status == http.StatusGone {
		log.Warn("a webhook is gone and was switched off")
		return 0, s.switchOff(ctx, h.id, why)
	}
	due := time.Now().Add(max(after, pauseAfter(int(m.Attempts))))
	if due.After(time.UnixMilli(m.At).Add(giveUp)) {
		log.Warn("a message of a webhook was given up")
		return 0, s.done(ctx, m, false, why)
	}
	log.Info("a webhook does not take a message", "again", due.UTC().Format(time.RFC3339))
	return 0, s.later(ctx, m, due, why)
}

// pauseAfter returns how long to wait after attempt n, counted from 0: twice as
// long each time, less up to a half by chance so that many do not come at once.
func pauseAfter(n int) time.Duration {
	p := longestPause
	if n < 13 {
		p = min(p, firstPause<<n)
	}
	return p - rand.N(p/2)
}

// attempt sends m once. The error says in a few words why it was not taken; after
// is how long the server asks to be left alone.
func (h *hook) attempt(ctx context.Context, m *messageRow, now time.Time) (status int, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, strings.NewReader(m.Body))
	if err != nil {
		return 0, 0, errors.New("its address cannot be used")
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Muster")
	req.Header.Set("webhook-id", m.ID)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", sign(h.key, m.ID, stamp, m.Body))
	res, err := h.client.Do(req)
	if err != nil {
		return 0, 0, reason(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // a longer one ends the connection
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res.StatusCode, 0, nil
	}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		after = min(time.Duration(n)*time.Second, longestPause)
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return res.StatusCode, after, fmt.Errorf("it answered %d; redirects are not followed", res.StatusCode)
	}
	return res.StatusCode, after, fmt.Errorf("it answered %d", res.StatusCode)
}

// reason is why a request came to nothing, without its address.
func reason(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, errInside) {
		return errInside
	}
	text := err.Error()
	return errors.New(text[:min(len(text), 200)])
}

// sign returns the signature of a message (Standard Webhooks 1.0, symmetric).
func sign(key []byte, id, stamp, body string) string {
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, id+"."+stamp+"."+body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
