package ts

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
	"muster/media/mpegts"
)

const (
	retryPause = 5 * time.Second
	// undecided is how long a sender may hold the place without anything live
	// coming of it; a stranger's junk must not keep the camera out.
	undecided   = 15 * time.Second
	maxDatagram = 64 << 10
)

var (
	errQuiet   = errors.New("nothing came for too long")
	errUseless = errors.New("no stream could be made of what came")
)

// receive listens for one source until ctx ends.
func (s *Server) receive(ctx context.Context, name safename.Name, src source) {
	log := s.log.With("stream", name.String())
	said := ""
	for ctx.Err() == nil {
		conn, err := s.open(ctx, name, src)
		if err == nil {
			said = ""
			err = s.sessions(ctx, conn, name, src, log)
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != said { // once, not every five seconds
			said = err.Error()
			log.Warn("cannot receive; trying again", "every", retryPause, "error", err)
		}
		pause(ctx, retryPause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// open opens the socket of a source. The door is named after the stream.
func (s *Server) open(ctx context.Context, name safename.Name, src source) (*net.UDPConn, error) {
	door := "ts " + name.String()
	if !src.multicast() {
		return s.deps.Doors.ListenPacket(ctx, door, src.listen.String())
	}
	conn, err := src.joinGroup(ctx)
	if err != nil {
		return nil, s.deps.Doors.Failed(door, "udp", src.listen.String(), err)
	}
	s.deps.Doors.Bound(door, "udp", conn.LocalAddr().String())
	return conn, nil
}

// sessions publishes what comes by conn, again and again. It closes conn; the
// error is that of the socket.
func (s *Server) sessions(ctx context.Context, conn *net.UDPConn, name safename.Name, src source, log *slog.Logger) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetReadBuffer(s.cfg.ReadBuffer); err != nil {
		log.Debug("the system gives no larger receive buffer", "error", err)
	}
	for {
		ses := &session{s: s, conn: conn, src: src, buf: make([]byte, maxDatagram)}
		if err := ses.first(); err != nil {
			return err
		}
		log.Debug("something comes", "remote", ses.from)
		err := mpegts.Receive(ses, ses.publish(name), log)
		if ses.live.Load() {
			s.n.live.Add(-1)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errQuiet):
		case errors.Is(err, net.ErrClosed):
			return err
		default: // refused, kicked, or of no use: not again at once
			log.Info("source stopped", "remote", ses.from, "reason", err)
			pause(ctx, retryPause)
		}
	}
}

// session is what comes from one sender between two silences. It reads as the
// transport stream that is in the datagrams.
type session struct {
	s       *Server
	conn    *net.UDPConn
	src     source
	from    netip.AddrPort // whose datagrams count, unless the source is multicast
	buf     []byte
	rest    []byte // of the last datagram
	started time.Time
	live    atomic.Bool
	kicked  atomic.Pointer[error]
}

// first waits for the first datagram of a sender.
func (t *session) first() error {
	if err := t.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	for len(t.rest) == 0 {
		if err := t.next(); err != nil {
			return err
		}
	}
	t.started = time.Now()
	return nil
}

// next reads a datagram into rest, if it counts.
func (t *session) next() error {
	n, from, err := t.conn.ReadFromUDPAddrPort(t.buf)
	if err != nil {
		return err
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	switch {
	case t.src.from.IsValid() && from.Addr() != t.src.from,
		!t.src.multicast() && t.from.IsValid() && from != t.from,
		n == 0 || n%mpegts.PacketSize != 0 || t.buf[0] != 0x47:
		t.s.n.dropped.Add(1)
		return nil
	}
	t.from, t.rest = from, t.buf[:n]
	t.s.n.datagrams.Add(1)
	t.s.n.bytesIn.Add(int64(n))
	return nil
}

// Read implements io.Reader. It ends when the sender is quiet for too long.
func (t *session) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		if !t.live.Load() && time.Since(t.started) > undecided {
			return 0, errUseless
		}
		if err := t.conn.SetReadDeadline(time.Now().Add(t.s.cfg.Timeout)); err != nil {
			return 0, err
		}
	}
	for len(t.rest) == 0 { // under one deadline, whoever else sends
		if reason := t.kicked.Load(); reason != nil {
			return 0, *reason
		}
		if err := t.next(); err != nil {
			if reason := t.kicked.Load(); reason != nil {
				return 0, *reason
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return 0, errQuiet
			}
			return 0, err
		}
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// kick is what the hub calls to end the session.
func (t *session) kick(reason error) {
	t.kicked.CompareAndSwap(nil, &reason)
	_ = t.conn.SetReadDeadline(time.Now()) // wakes Read; a closed socket has done so already
}

func (t *session) publish(name safename.Name) mpegts.Publish {
	return func(formats []*codec.Format) (*media.Publisher, error) {
		p, err := t.s.deps.Router.Publish(media.PublishRequest{
			Identity: auth.System("source"),
			Client:   media.Client{Protocol: "ts", Remote: t.from},
			Name:     name, Formats: formats, Kick: t.kick,
		})
		if err == nil && t.live.CompareAndSwap(false, true) {
			t.s.n.live.Add(1)
		}
		return p, err
	}
}
