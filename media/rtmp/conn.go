package rtmp

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"

	"muster/internal/auth"
	"muster/internal/peer"
)

const (
	outChunkSize = 64 << 10
	outWindow    = 2_500_000 // bytes; what players and encoders are used to
	lingerTime   = time.Second
	lingerBytes  = 1 << 20
	messageOne   = 0x1000000 // message stream 1, in the library's byte order
)

// conn is one connection.
type conn struct {
	s      *Server
	nc     net.Conn
	raw    net.Conn // nc, or the socket below TLS
	remote netip.AddrPort
	proto  string // "rtmp" or "rtmps"
	log    *slog.Logger
	in     *chunkReader
	kicked atomic.Pointer[error]

	mu  sync.Mutex // guards bw and out; held while writing to the socket
	bw  *bufio.Writer
	out *rawmessage.Writer

	tcURL, app, agent string
	enhanced          bool // the client says that it knows enhanced RTMP
	multitrack        bool // the client takes more than one track per kind
}

// refusal is an answer that ends the connection. Its text goes to the client.
type refusal struct {
	code, text string
	cause      error // for the log only; may be nil
}

func (r *refusal) Error() string { return r.code + ": " + r.text }
func (r *refusal) Unwrap() error { return r.cause }

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, nc: nc, raw: peer.Socket(nc), remote: peer.Of(nc), proto: "rtmp"}
	if _, ok := nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		c.proto = "rtmps"
	}
	c.log = s.log.With("proto", c.proto, "remote", c.remote)
	rw := counted{nc, &s.n}
	c.in = newChunkReader(bufio.NewReaderSize(rw, 16<<10), c.acknowledge)
	c.bw = bufio.NewWriterSize(rw, 64<<10)
	c.out = rawmessage.NewWriter(c.bw, bytecounter.NewWriter(c.bw), false)
	return c
}

// counted counts the bytes of a connection.
type counted struct {
	net.Conn
	n *counters
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.bytesIn.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.bytesOut.Add(int64(n))
	return n, err
}

// cut ends the connection from any goroutine, without waiting for anything.
func (c *conn) cut() { c.raw.Close() }

// kick is what the hub calls to end the session.
func (c *conn) kick(reason error) {
	c.kicked.CompareAndSwap(nil, &reason)
	c.cut()
}

// report logs how the connection ended.
func (c *conn) report(err error) {
	var r *refusal
	switch {
	case c.kicked.Load() != nil:
		c.log.Info("connection ended by the server", "reason", *c.kicked.Load())
	case errors.As(err, &r):
		c.s.n.refused.Add(1)
		c.log.Info("refused", "code", r.code, "reason", r.text, "cause", r.cause)
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, errDone):
		c.log.Debug("connection ended")
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.log.Info("connection ended: nothing came or went for too long")
	case errors.Is(err, errProtocol):
		c.s.n.malformed.Add(1)
		c.log.Info("connection ended", "error", err)
	default:
		c.log.Info("connection ended", "error", err)
	}
}

// serve runs the connection to its end.
func (c *conn) serve(ctx context.Context) error {
	limit := time.Now().Add(c.s.cfg.HandshakeTimeout)
	login, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	if err := c.nc.SetDeadline(limit); err != nil {
		return err
	}
	if err := c.shake(); err != nil {
		return err
	}
	err := c.commands(login)
	var r *refusal
	if errors.As(err, &r) {
		c.linger()
	}
	return err
}

// shake does the RTMP handshake (§5.2). A client that wants encryption of
// RTMP's own (version 6) is refused: RTMPS is what keeps secrets.
func (c *conn) shake() error {
	first, err := c.in.r.Peek(1)
	if err != nil {
		return err
	}
	if first[0] != 3 {
		return fmt.Errorf("%w: version %d", errProtocol, first[0])
	}
	rw := struct {
		io.Reader
		io.Writer
	}{c.in.r, c.nc}
	if _, _, err = handshake.DoServer(rw, false); err != nil {
		return fmt.Errorf("rtmp: handshake: %w", err)
	}
	c.in.count = 1 + 1536 + 1536
	return nil
}

// commands answers the client's commands until it publishes or plays, and then
// does that. login ends with the time that handshake and login may take.
func (c *conn) commands(login context.Context) error {
	for {
		m, err := c.next()
		if err != nil {
			return err
		}
		cmd, ok := commandOf(m)
		if !ok {
			continue
		}
		switch cmd.name {
		case "connect":
			err = c.connect(cmd)
		case "createStream":
			err = c.reply("_result", cmd.id, nil, 1.0)
		case "publish":
			return c.action(login, cmd, true)
		case "play", "play2":
			return c.action(login, cmd, false)
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next message, having answered pings.
func (c *conn) next() (message, error) {
	for {
		m, err := c.in.next()
		if err != nil {
			return m, err
		}
		if m.typ != typeUserControl {
			return m, nil
		}
		if len(m.body) >= 6 && binary.BigEndian.Uint16(m.body) == eventPingRequest {
			pong := append([]byte{0, eventPingResponse}, m.body[2:6]...)
			if err := c.send(2, 0, typeUserControl, 0, pong); err != nil {
				return m, err
			}
		}
	}
}

// commandOf returns the command in m, if it is one. AMF3 commands of Flash carry
// AMF0 behind one byte.
func commandOf(m message) (command, bool) {
	body := m.body
	switch m.typ {
	case typeCommandAMF0:
	case typeCommandAMF3:
		if len(body) == 0 {
			return command{}, false
		}
		body = body[1:]
	default:
		return command{}, false
	}
	return parseCommand(body)
}

// connect answers the command connect (§7.2.1.1).
func (c *conn) connect(cmd command) error {
	var o amf0.Object
	if len(cmd.args) > 0 {
		o = object(cmd.args[0])
	}
	app, ok := o.GetString("app")
	if !ok {
		r := &refusal{code: "NetConnection.Connect.Rejected", text: "connect needs an application name"}
		if err := c.reply("_error", cmd.id, nil, status("error", r.code, r.text)); err != nil {
			return err
		}
		return r
	}
	c.app = app
	c.tcURL, _ = o.GetString("tcUrl")
	c.agent, _ = o.GetString("flashVer")
	_, c.enhanced = o.Get("fourCcList")         // Enhanced RTMP v1
	if caps, ok := o.GetFloat64("capsEx"); ok { // Enhanced RTMP v2: bit 1 is multitrack
		c.enhanced = true
		c.multitrack = int(caps)&2 != 0
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], outWindow)
	if err := c.send(2, 0, typeWindowAckSize, 0, size[:]); err != nil {
		return err
	}
	if err := c.send(2, 0, typePeerBandwidth, 0, append(size[:], 2)); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(size[:], outChunkSize)
	if err := c.send(2, 0, typeSetChunkSize, 0, size[:]); err != nil {
		return err
	}
	c.mu.Lock()
	c.out.SetChunkSize(outChunkSize)
	c.mu.Unlock()
	props := amf0.Object{{Key: "fmsVer", Value: "FMS/3,0,1,123"}, {Key: "capabilities", Value: 31.0}, {Key: "capsEx", Value: 2.0}}
	info := append(status("status", "NetConnection.Connect.Success", "Connection succeeded."), amf0.ObjectEntry{Key: "objectEncoding", Value: 0.0})
	return c.reply("_result", cmd.id, props, info)
}

// action publishes or plays.
func (c *conn) action(login context.Context, cmd command, publish bool) error {
	do := c.play
	if publish {
		do = c.publish
	}
	err := do(login, cmd)
	var r *refusal
	if errors.As(err, &r) {
		if werr := c.status("error", r.code, r.text); werr != nil {
			return errors.Join(r, werr)
		}
	}
	return err
}

// authenticate finds out who the client is and what stream it means. Its
// refusals are the same for unknown users and wrong passwords.
func (c *conn) authenticate(login context.Context, cmd command, denied, bad string) (target, auth.Identity, error) {
	t, err := parseTarget(c.tcURL, c.app, cmd.arg(1))
	if err != nil {
		return t, auth.Identity{}, &refusal{bad, "the stream name cannot be used: " + err.Error(), nil}
	}
	c.log = c.log.With("stream", t.name.String())
	p := t.proof
	p.Remote, p.Protocol = c.remote.Addr(), c.proto
	id, err := c.s.deps.Auth.Authenticate(login, p)
	var limited *auth.LimitedError
	switch {
	case err == nil:
		c.log = c.log.With("user", id.User)
		return t, id, nil
	case errors.As(err, &limited):
		return t, id, &refusal{denied, limited.Error(), nil}
	case errors.Is(err, auth.ErrNoCredentials):
		return t, id, &refusal{denied, "credentials needed: add ?user=NAME&pass=PASSWORD or ?token=TOKEN to the address", nil}
	case errors.Is(err, auth.ErrBadCredentials):
		return t, id, &refusal{denied, "wrong credentials", nil}
	}
	return t, id, &refusal{denied, "wrong credentials", err}
}

// linger lets the client read a refusal: closing at once with its data unread
// would reset the connection and take the refusal along.
func (c *conn) linger() {
	if h, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite() // the connection is at its end either way
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c.in.r, lingerBytes)
}

func status(level, code, text string) amf0.Object {
	return amf0.Object{{Key: "level", Value: level}, {Key: "code", Value: code}, {Key: "description", Value: text}}
}

// status sends onStatus for message stream 1 (§7.2.2).
func (c *conn) status(level, code, text string) error {
	return c.command(5, messageOne, "onStatus", 0, nil, status(level, code, text))
}

func (c *conn) reply(name string, id float64, args ...any) error {
	return c.command(3, 0, name, id, args...)
}

func (c *conn) command(chunk byte, stream uint32, name string, id float64, args ...any) error {
	body, err := append(amf0.Data{name, id}, args...).Marshal()
	if err != nil {
		return fmt.Errorf("rtmp: encode %s: %w", name, err)
	}
	return c.send(chunk, stream, typeCommandAMF0, 0, body)
}

// send writes one message and flushes.
func (c *conn) send(chunk byte, stream uint32, typ uint8, at time.Duration, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.s.cfg.WriteTimeout)); err != nil {
		return err
	}
	if err := c.write(chunk, stream, typ, at, body); err != nil {
		return err
	}
	return c.bw.Flush()
}

// write puts one message into the buffer; c.mu is held.
func (c *conn) write(chunk byte, stream uint32, typ uint8, at time.Duration, body []byte) error {
	return c.out.Write(&rawmessage.Message{ChunkStreamID: chunk, MessageStreamID: stream, Type: typ, Timestamp: at, Body: body})
}

func (c *conn) acknowledge(count uint32) error {
	return c.send(2, 0, typeAck, 0, binary.BigEndian.AppendUint32(nil, count))
}
