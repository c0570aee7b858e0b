package sip

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/coder/websocket"

	"muster/internal/peer"
	"muster/internal/run"
	"muster/sip/wire"
)

// socket is a WebSocket: each of its messages is one SIP message (RFC 7118).
type socket struct {
	ws            *websocket.Conn
	remote, local netip.AddrPort
	queue         chan []byte // full: the connection is closed
	done          chan struct{}
	once          sync.Once
}

// Send implements transaction.Flow.
func (c *socket) Send(b []byte) error {
	select {
	case <-c.done:
		return net.ErrClosed
	case c.queue <- b:
		return nil
	default:
		c.close()
		return errSlow
	}
}

// Network implements transaction.Flow.
func (c *socket) Network() string { return "wss" }

// Remote implements transaction.Flow.
func (c *socket) Remote() netip.AddrPort { return c.remote }

// Local implements transaction.Flow.
func (c *socket) Local() netip.AddrPort { return c.local }

func (c *socket) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.ws.CloseNow() // the other side notices
	})
}

func (c *socket) closed() <-chan struct{} { return c.done }

// write sends what is queued until the connection is closed.
func (c *socket) write(ctx context.Context) {
	defer c.close()
	for {
		select {
		case <-c.done:
			return
		case b := <-c.queue:
			wctx, cancel := context.WithTimeout(ctx, streamWrite)
			err := c.ws.Write(wctx, websocket.MessageText, b)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// ServeWebSocket serves the subprotocol sip (RFC 7118) to one client. It is for
// a web server to mount; it returns when the client has left or the server
// stops, or the context of r ends. Requests from pages of other origins are
// refused.
func (s *Server) ServeWebSocket(w http.ResponseWriter, r *http.Request) {
	from := peer.Addr(r.RemoteAddr)
	if !s.ready.Load() || !s.admits(from.Addr()) {
		http.Error(w, "SIP is not served", http.StatusServiceUnavailable)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // it has answered
	}
	if ws.Subprotocol() != "sip" {
		ws.Close(websocket.StatusPolicyViolation, "the subprotocol is sip")
		return
	}
	ws.SetReadLimit(wire.MaxMessage)
	c := &socket{ws: ws, remote: from, queue: make(chan []byte, streamQueue), done: make(chan struct{})}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		c.local = peer.Addr(a.String())
	}
	defer context.AfterFunc(r.Context(), c.close)()
	served := make(chan struct{})
	ok := s.group.Go(func(ctx context.Context) {
		defer close(served)
		s.serveSocket(ctx, c)
	})
	if !ok {
		c.close()
		return
	}
	<-served
}

// serveSocket reads messages from c until it is closed.
func (s *Server) serveSocket(ctx context.Context, c *socket) {
	defer s.reg.gone(c)
	defer c.close()
	writer := run.NewGroup(ctx, s.log, "sip")
	defer writer.Wait()
	defer c.close()
	writer.Go(c.write)
	wait := streamLogin
	for {
		rctx, cancel := context.WithTimeout(ctx, wait)
		_, b, err := c.ws.Read(rctx)
		cancel()
		if err != nil {
			return
		}
		wait = streamIdle
		if len(bytes.Trim(b, "\r\n")) == 0 {
			if c.Send([]byte("\r\n")) != nil {
				return
			}
			continue
		}
		if !s.admits(c.remote.Addr()) {
			return
		}
		m, err := wire.Parse(b)
		s.message(c, c.remote, m, err)
	}
}
