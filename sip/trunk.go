package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/icholy/digest"

	"muster/internal/peer"
	"muster/sip/transaction"
	"muster/sip/wire"
)

// trunk is another exchange.
type trunk struct {
	cfg     TrunkConfig
	sources []netip.Prefix

	mu    sync.Mutex // guards what follows
	flow  transaction.Flow
	addrs []netip.Addr // of cfg.Address, where no sources are configured

	registered bool
	fault      string    // why not
	since      time.Time // when that was found
}

func newTrunk(cfg TrunkConfig) *trunk {
	t := &trunk{cfg: cfg}
	for _, src := range cfg.Sources {
		if p, err := parsePrefix(src); err == nil { // Validate has looked
			t.sources = append(t.sources, p)
		}
	}
	if host, _, err := net.SplitHostPort(cfg.Address); err == nil {
		if a, err := netip.ParseAddr(host); err == nil {
			t.addrs = []netip.Addr{a.Unmap()}
		}
	}
	return t
}

// matches reports whether calls from addr come over t.
func (t *trunk) matches(addr netip.Addr) bool {
	for _, p := range t.sources {
		if p.Contains(addr) {
			return true
		}
	}
	if len(t.sources) > 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.addrs {
		if a == addr {
			return true
		}
	}
	return false
}

// trunkOf returns the trunk that addr belongs to, or nil.
func (s *Server) trunkOf(addr netip.Addr) *trunk {
	for _, t := range s.trunks {
		if t.matches(addr) {
			return t
		}
	}
	return nil
}

// domain is that of addresses at the trunk.
func (t *trunk) domain() string {
	if t.cfg.Domain != "" {
		return t.cfg.Domain
	}
	host, _, _ := net.SplitHostPort(t.cfg.Address)
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "[" + host + "]"
	}
	return host
}

// reach returns the way to the trunk, a connection in use if there is one.
func (s *Server) reach(ctx context.Context, t *trunk) (transaction.Flow, error) {
	t.mu.Lock()
	f := t.flow
	t.mu.Unlock()
	if f != nil && alive(f) && t.cfg.Transport != "udp" {
		return f, nil
	}
	f, err := s.open(ctx, t.cfg.Transport, t.cfg.Address)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.flow = f
	t.addrs = []netip.Addr{f.Remote().Addr()}
	t.mu.Unlock()
	return f, nil
}

var errShut = errors.New("sip: the UDP door is shut")

// open returns a way to an address, which may be a name.
func (s *Server) open(ctx context.Context, network, address string) (transaction.Flow, error) {
	if network != "udp" {
		return s.dial(ctx, network, address)
	}
	sock := s.sock.Load()
	if sock == nil {
		return nil, errShut
	}
	a, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("sip: look up %s: %w", address, err)
	}
	remote := peer.Addr(a.String())
	return datagram{sock: sock, remote: remote, local: netip.AddrPortFrom(s.facing(remote.Addr()), portOf(sock))}, nil
}

const (
	trunkExpiry = 10 * time.Minute
	trunkRetry  = 30 * time.Second
)

// keepRegistered registers at a trunk until ctx ends, and takes that back then.
func (s *Server) keepRegistered(ctx context.Context, t *trunk) {
	r := &registration{s: s, t: t, callID: transaction.Tag() + transaction.Tag(), tag: transaction.Tag()}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		_, _ = r.do(last, 0) // it expires anyway
	}()
	said := ""
	for {
		expiry := t.cfg.Expiry
		if expiry == 0 {
			expiry = trunkExpiry
		}
		granted, err := r.do(ctx, expiry)
		t.note(err)
		wait := max(granted*3/4, time.Second)
		if errors.Is(err, errShut) { // it opens at about the same time, or says itself why not
			wait = 200 * time.Millisecond
		} else if err != nil {
			wait = trunkRetry
			if text := err.Error(); text != said && ctx.Err() == nil {
				said = text
				s.log.Error("cannot register at a trunk; it is tried again", "trunk", t.cfg.Name, "error", err)
			}
		} else if said != "" {
			said = ""
			s.log.Info("registered at a trunk", "trunk", t.cfg.Name)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// note keeps the outcome of a registration.
func (t *trunk) note(err error) {
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.registered != (err == nil) || t.fault != fault {
		t.registered, t.fault, t.since = err == nil, fault, time.Now()
	}
}

// registration is ours at a trunk.
type registration struct {
	s      *Server
	t      *trunk
	callID string
	tag    string
	seq    uint32
}

// do registers for expiry and returns what was granted.
func (r *registration) do(ctx context.Context, expiry time.Duration) (time.Duration, error) {
	flow, err := r.s.reach(ctx, r.t)
	if err != nil {
		return 0, err
	}
	var authorization string
	for range 3 {
		m := r.request(flow, expiry)
		if authorization != "" {
			m.Add("Authorization", authorization)
		}
		res, err := r.s.ask(ctx, flow, m)
		switch {
		case err != nil:
			return 0, err
		case res.Status == 200:
			return r.granted(flow, res, expiry), nil
		case res.Status == 423:
			if e, ok := seconds(res.Get("Min-Expires")); ok && e > expiry && e <= 24*time.Hour {
				expiry = e
				continue
			}
		case (res.Status == 401 || res.Status == 407) && authorization == "":
			if authorization, err = r.t.answer(res, m); err != nil {
				return 0, err
			}
			continue
		}
		return 0, fmt.Errorf("sip: register: %d %s", res.Status, res.Reason)
	}
	return 0, fmt.Errorf("sip: register: refused")
}

func (r *registration) request(flow transaction.Flow, expiry time.Duration) *wire.Message {
	r.seq++
	domain := wire.URI{Scheme: "sip", Host: r.t.domain()}
	self := wire.Address{URI: wire.URI{Scheme: "sip", User: wire.Escape(r.t.cfg.User), Host: r.t.domain()}}
	m := wire.NewRequest(wire.Register, domain)
	m.Add("Max-Forwards", "70")
	m.Add("From", self.String()+";tag="+r.tag)
	m.Add("To", self.String())
	m.Add("Call-ID", r.callID)
	m.Addf("CSeq", "%d REGISTER", r.seq)
	m.Add("Contact", r.s.contact(flow, wire.Escape(r.t.cfg.User)))
	m.Addf("Expires", "%d", int(expiry/time.Second))
	m.Add("User-Agent", agent)
	return m
}

// granted returns how long the registration lasts.
func (r *registration) granted(flow transaction.Flow, res *wire.Message, asked time.Duration) time.Duration {
	own := r.s.contact(flow, wire.Escape(r.t.cfg.User))
	for _, c := range res.Contacts {
		if "<"+c.URI.String()+">" == own {
			if e, ok := seconds(c.Params.Get("expires")); ok {
				return e
			}
		}
	}
	if e, ok := seconds(res.Get("Expires")); ok {
		return e
	}
	return asked
}

// answer makes the answer to a challenge.
func (t *trunk) answer(res, req *wire.Message) (string, error) {
	name := "WWW-Authenticate"
	if res.Status == 407 {
		name = "Proxy-Authenticate"
	}
	for _, v := range res.All(name) {
		chal, err := digest.ParseChallenge(v)
		if err != nil || !digest.CanDigest(chal) {
			continue
		}
		c, err := digest.Digest(chal, digest.Options{
			Method: req.Method, URI: req.Target.String(), Username: t.cfg.User, Password: t.cfg.Password, Count: 1,
		})
		if err == nil {
			return c.String(), nil
		}
	}
	return "", fmt.Errorf("sip: %s asks for a login that is not spoken", t.cfg.Name)
}

// ask sends a request outside of calls and waits for its final answer.
func (s *Server) ask(ctx context.Context, f transaction.Flow, m *wire.Message) (*wire.Message, error) {
	type result struct {
		m   *wire.Message
		err error
	}
	got := make(chan result, 1)
	c, err := s.layer.Request(f, m, func(r *wire.Message, err error) {
		if r == nil || r.Status >= 200 {
			select {
			case got <- result{r, err}:
			default:
			}
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case r := <-got:
		return r.m, r.err
	case <-ctx.Done():
		c.Abandon()
		return nil, ctx.Err()
	}
}
