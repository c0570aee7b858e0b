package stream

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/peer"
	"muster/internal/run"
)

// wsWrite is how long one message may take to be handed to the socket.
const wsWrite = 30 * time.Second

// errFrame ends a WebSocket whose messages are not one frame each.
var errFrame = errors.New("a message is not one version 1 frame")

// socketClient is a client by WebSocket: binary messages, each one version 1 stream
// frame with its header, both ways.
type socketClient struct {
	session
	ws     *websocket.Conn
	wake   chan struct{}
	cancel context.CancelFunc
}

// WebSocket serves /takproto/1. The caller has found out who asks; see
// Deps.IdentityOf. Pages of other origins are refused.
func (s *Server) WebSocket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.deps.IdentityOf == nil {
			http.NotFound(w, r)
			return
		}
		id, ok := s.deps.IdentityOf(r)
		if !ok {
			http.Error(w, "credentials needed", http.StatusUnauthorized)
			return
		}
		s.serveWebSocket(w, r, id)
	})
}

func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request, id auth.Identity) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &socketClient{wake: make(chan struct{}, 1), cancel: cancel}
	c.init(s, c, peer.Addr(r.RemoteAddr), "ws")
	var err error
	// Accept refuses an Origin that is not the host asked for.
	c.ws, err = websocket.Accept(w, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool {
			c.heard.Store(time.Now().UnixNano())
			return true
		},
	})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = c.ws.CloseNow() }() // it is over either way
	c.ws.SetReadLimit(int64(s.limits.Event) + 1 + binary.MaxVarintLen64)
	c.scan.SetProto()
	c.q.Frames()
	subject := ""
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		subject = r.TLS.PeerCertificates[0].Subject.String()
	}
	if err := c.enter(id, subject, r.UserAgent()); err != nil {
		c.log().Info("refused", "error", err)
		_ = c.ws.Close(websocket.StatusPolicyViolation, "not allowed") // it is over either way
		return
	}
	g := run.NewGroup(ctx, s.log, "cot")
	g.Go(c.write)
	err = c.read(ctx)
	cancel()
	g.Wait()
	c.leave(err)
}

// ready implements transport.
func (c *socketClient) ready() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// cut implements transport.
func (c *socketClient) cut() { c.cancel() }

func (c *socketClient) read(ctx context.Context) error {
	for {
		typ, b, err := c.ws.Read(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		c.heard.Store(now.UnixNano())
		c.s.n.bytesIn.Add(int64(len(b)))
		payload, err := frame(typ, b)
		if err != nil {
			c.s.n.malformed.Add(1)
			c.complain("a message was dropped", err)
			continue
		}
		c.item(ctx, wire.Item{Kind: wire.Proto, Data: payload})
	}
}

// frame returns the payload of a message that is one frame.
func frame(typ websocket.MessageType, b []byte) ([]byte, error) {
	if typ != websocket.MessageBinary || len(b) < 2 || b[0] != frameByte {
		return nil, errFrame
	}
	size, n := binary.Uvarint(b[1:])
	if n <= 0 || size != uint64(len(b)-1-n) {
		return nil, errFrame
	}
	return b[1+n:], nil
}

// write sends what waits, one event per message.
func (c *socketClient) write(ctx context.Context) {
	for {
		_, b, ok := c.q.Pop()
		if !ok {
			select {
			case <-c.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		one, cancel := context.WithTimeout(ctx, wsWrite)
		err := c.ws.Write(one, websocket.MessageBinary, b)
		cancel()
		if err != nil {
			c.cancel()
			return
		}
		c.q.Written()
		c.s.n.writes.Add(1)
		c.s.n.bytesOut.Add(int64(len(b)))
	}
}
