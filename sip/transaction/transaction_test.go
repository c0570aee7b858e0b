package transaction

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster/sip/wire"
)

// pipe is a flow that keeps what is sent.
type pipe struct {
	network string
	mu      sync.Mutex
	sent    []string
}

func (p *pipe) Send(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, string(b))
	return nil
}
func (p *pipe) Network() string        { return p.network }
func (p *pipe) Remote() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (p *pipe) Local() netip.AddrPort  { return netip.MustParseAddrPort("192.0.2.2:5060") }

// lines returns the first lines of what was sent, with counts, and forgets it.
func (p *pipe) lines() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, s := range p.sent {
		line, _, _ := strings.Cut(s, "\r\n")
		line = strings.TrimSuffix(strings.TrimSuffix(line, " SIP/2.0"), " sip:b@example.com")
		out = append(out, strings.TrimPrefix(line, "SIP/2.0 "))
	}
	p.sent = nil
	return strings.Join(out, ", ")
}

type user struct {
	requests []*Server
	acks     int
	strays   int
}

func (u *user) Request(s *Server)         { u.requests = append(u.requests, s) }
func (u *user) Ack(Flow, *wire.Message)   { u.acks++ }
func (u *user) Stray(Flow, *wire.Message) { u.strays++ }

func request(t *testing.T, method, branch string) *wire.Message {
	t.Helper()
	cseq := method
	m, err := wire.Parse(fmt.Appendf(nil, "%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n"+
		"Call-ID: 1\r\nCSeq: 1 %s\r\nMax-Forwards: 70\r\n\r\n", method, branch, cseq))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestServerTransactions(t *testing.T) {
	const branch = "z9hG4bKx"
	for _, tt := range []struct {
		name    string
		network string
		method  string
		run     func(t *testing.T, l *Layer, u *user, p *pipe)
		want    string
		acks    int
	}{
		{"what is not INVITE is answered again for 32 s", "udp", wire.Options, func(t *testing.T, l *Layer, u *user, p *pipe) {
			u.requests[0].Respond(wire.NewResponse(u.requests[0].Request(), 200, "", "t"))
			l.Receive(p, request(t, wire.Options, branch))
			time.Sleep(31 * time.Second)
			l.Receive(p, request(t, wire.Options, branch))
			time.Sleep(2 * time.Second)
			if n, _ := l.Len(); n != 0 || len(u.requests) != 1 {
				t.Errorf("%d transactions, %d requests", n, len(u.requests))
			}
		}, "200 OK, 200 OK, 200 OK", 0},
		{"a refusal to whom nothing was said before is sent when asked for", "udp", wire.Invite, func(t *testing.T, l *Layer, u *user, p *pipe) {
			u.requests[0].Respond(wire.NewResponse(u.requests[0].Request(), 401, "", "t"))
			time.Sleep(10 * time.Second)
			l.Receive(p, request(t, wire.Invite, branch))
			time.Sleep(time.Minute)
			if n, _ := l.Len(); n != 0 {
				t.Errorf("%d transactions", n)
			}
		}, "401 Unauthorized, 401 Unauthorized", 0},
		{"a refused INVITE is sent until the ACK", "udp", wire.Invite, func(t *testing.T, l *Layer, u *user, p *pipe) {
			u.requests[0].Respond(wire.NewResponse(u.requests[0].Request(), 100, "", ""))
			u.requests[0].Respond(wire.NewResponse(u.requests[0].Request(), 486, "", "t"))
			time.Sleep(1600 * time.Millisecond) // 0.5 s, 1 s
			l.Receive(p, request(t, wire.Ack, branch))
			time.Sleep(time.Minute)
			if n, _ := l.Len(); n != 0 {
				t.Errorf("%d transactions", n)
			}
		}, "100 Trying, 486 Busy Here, 486 Busy Here, 486 Busy Here", 0},
		{"a refused INVITE that is never acknowledged ends after 32 s", "tcp", wire.Invite, func(t *testing.T, l *Layer, u *user, p *pipe) {
			u.requests[0].Respond(wire.NewResponse(u.requests[0].Request(), 486, "", "t"))
			time.Sleep(33 * time.Second)
			if n, _ := l.Len(); n != 0 {
				t.Errorf("%d transactions", n)
			}
		}, "486 Busy Here", 0},
		{"the ACK of a 200 goes up, the INVITE sent again does not", "udp", wire.Invite, func(t *testing.T, l *Layer, u *user, p *pipe) {
			s := u.requests[0]
			s.Respond(wire.NewResponse(s.Request(), 180, "", "t"))
			l.Receive(p, request(t, wire.Invite, branch))
			s.Respond(wire.NewResponse(s.Request(), 200, "", "t"))
			l.Receive(p, request(t, wire.Invite, branch))
			s.Respond(wire.NewResponse(s.Request(), 200, "", "t"))
			l.Receive(p, request(t, wire.Ack, branch))
			l.Receive(p, request(t, wire.Ack, "z9hG4bKother"))
			s.Respond(wire.NewResponse(s.Request(), 500, "", "t"))
			time.Sleep(33 * time.Second)
			if n, _ := l.Len(); n != 0 || len(u.requests) != 1 {
				t.Errorf("%d transactions, %d requests", n, len(u.requests))
			}
		}, "180 Ringing, 180 Ringing, 200 OK, 200 OK", 2},
		{"CANCEL is answered and passed on once", "udp", wire.Invite, func(t *testing.T, l *Layer, u *user, p *pipe) {
			n := 0
			s := u.requests[0]
			s.OnCancel(func() { n++; s.Respond(wire.NewResponse(s.Request(), 487, "", "t")) })
			l.Receive(p, request(t, wire.Cancel, branch))
			l.Receive(p, request(t, wire.Cancel, branch))
			l.Receive(p, request(t, wire.Ack, branch))
			if n != 1 {
				t.Errorf("cancelled %d times", n)
			}
		}, "200 OK, 487 Request Terminated, 200 OK", 0},
		{"CANCEL of nothing", "udp", wire.Options, func(t *testing.T, l *Layer, u *user, p *pipe) {
			l.Receive(p, request(t, wire.Cancel, "z9hG4bKy"))
		}, "481 Call/Transaction Does Not Exist", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, p := &user{}, &pipe{network: tt.network}
				l := New(DefaultTimers(), 100, u)
				defer l.Close()
				l.Receive(p, request(t, tt.method, branch))
				tt.run(t, l, u, p)
				synctest.Wait()
				if got := p.lines(); got != tt.want {
					t.Errorf("sent %q", got)
				}
				if u.acks != tt.acks {
					t.Errorf("%d ACKs", u.acks)
				}
			})
		})
	}
}

func TestClientTransactions(t *testing.T) {
	for _, tt := range []struct {
		name, network, method string
		answers               func(l *Layer, c *Client, p *pipe)
		wait                  time.Duration
		sent, told            string
	}{
		{"INVITE without an answer", "udp", wire.Invite, nil, time.Minute,
			"INVITE, INVITE, INVITE, INVITE, INVITE, INVITE, INVITE", "sip: no answer"},
		{"INVITE without an answer over TCP", "tcp", wire.Invite, nil, time.Minute, "INVITE", "sip: no answer"},
		{"what is not INVITE is sent every 4 s at most", "udp", wire.Bye, nil, time.Minute,
			"BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE, BYE", "sip: no answer"},
		{"ringing may last", "udp", wire.Invite, func(l *Layer, c *Client, p *pipe) {
			l.Receive(p, answer(c, 180))
			time.Sleep(3 * time.Minute)
			l.Receive(p, answer(c, 200))
			l.Receive(p, answer(c, 200))
		}, time.Minute, "INVITE", "180, 200, 200"},
		{"a refusal is acknowledged each time", "udp", wire.Invite, func(l *Layer, c *Client, p *pipe) {
			l.Receive(p, answer(c, 486))
			l.Receive(p, answer(c, 486))
		}, time.Minute, "INVITE, ACK, ACK", "486"},
		{"CANCEL waits for a sign", "udp", wire.Invite, func(l *Layer, c *Client, p *pipe) {
			c.OnProvisional(c.Cancel)
			l.Receive(p, answer(c, 100))
			m := answer(c, 200)
			m.SeqMethod = wire.Cancel
			l.Receive(p, m)
			l.Receive(p, answer(c, 487))
		}, time.Minute, "INVITE, CANCEL, ACK", "100, 487"},
		{"a lost answer to CANCEL", "udp", wire.Invite, func(l *Layer, c *Client, p *pipe) {
			l.Receive(p, answer(c, 180))
			c.Cancel()
			time.Sleep(600 * time.Millisecond)
			l.Receive(p, answer(c, 487))
		}, 0, "INVITE, CANCEL, CANCEL, ACK", "180, 487"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, p := &user{}, &pipe{network: tt.network}
				l := New(DefaultTimers(), 100, u)
				m := wire.NewRequest(tt.method, wire.URI{Scheme: "sip", User: "b", Host: "example.com"})
				m.Add("From", "<sip:a@x>;tag=1")
				m.Add("To", "<sip:b@x>")
				m.Add("Call-ID", "1")
				m.Add("CSeq", "1 "+tt.method)
				var mu sync.Mutex
				var told []string
				c, err := l.Request(p, m, func(r *wire.Message, err error) {
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						told = append(told, err.Error())
					} else {
						told = append(told, fmt.Sprint(r.Status))
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if tt.answers != nil {
					tt.answers(l, c, p)
				}
				time.Sleep(tt.wait)
				synctest.Wait()
				if got := p.lines(); got != tt.sent {
					t.Errorf("sent %q", got)
				}
				if got := strings.Join(told, ", "); got != tt.told {
					t.Errorf("told %q", got)
				}
				if _, n := l.Len(); tt.wait > 0 && n != 0 {
					t.Errorf("%d transactions are left", n)
				}
				l.Close()
			})
		})
	}
}

func answer(c *Client, status int) *wire.Message {
	r := wire.NewResponse(c.req, status, "", "t")
	r.Via, _ = wire.ParseVia(c.req.Get("Via"))
	r.SeqMethod = c.req.Method
	return r
}

func TestTransactionsHaveALimit(t *testing.T) {
	u, p := &user{}, &pipe{network: "udp"}
	l := New(DefaultTimers(), 2, u)
	defer l.Close()
	for _, b := range []string{"z9hG4bK1", "z9hG4bK2", "z9hG4bK3"} {
		l.Receive(p, request(t, wire.Options, b))
	}
	if len(u.requests) != 2 {
		t.Errorf("%d requests", len(u.requests))
	}
}
