package limit

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHashes(2, 3)
		var now, most atomic.Int64
		work := func() {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
		}
		var refused atomic.Int64
		for range 8 {
			go func() {
				if errors.Is(h.Do(t.Context(), work), ErrBusy) {
					refused.Add(1)
				}
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if h.Inside() != 5 {
			t.Fatalf("%d inside", h.Inside())
		}
		time.Sleep(1500 * time.Millisecond) // two are done, two run, one waits
		if err := h.Do(ctx, work); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled while waiting: %v", err)
		}
		time.Sleep(10 * time.Second)
		if most.Load() != 2 || refused.Load() != 3 || h.Refused() != 3 || h.Done() != 5 || h.Inside() != 0 {
			t.Fatalf("at once %d, refused %d, done %d", most.Load(), refused.Load(), h.Done())
		}
	})
}

func TestConns(t *testing.T) {
	c := NewConns(ConnsConfig{PerAddress: 2, Total: 3})
	take := func(s string) func() {
		r, ok := c.Acquire(netip.MustParseAddr(s))
		if !ok {
			return nil
		}
		return r
	}
	a, b := take("2001:db8::1"), take("2001:db8::2")
	if a == nil || b == nil || take("2001:db8::3") != nil {
		t.Fatal("per /64")
	}
	d := take("192.0.2.1")
	if d == nil || take("192.0.2.2") != nil {
		t.Fatal("total")
	}
	a()
	a()
	if c.Open() != 2 || c.Refused() != 2 {
		t.Fatalf("open %d, refused %d", c.Open(), c.Refused())
	}
	b()
	d()
	if c.Open() != 0 || len(c.open) != 0 {
		t.Fatal("something is left")
	}
}

func TestListener(t *testing.T) {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := NewConns(ConnsConfig{PerAddress: 1, Total: 10})
	l := NewListener(raw, conns, slog.New(slog.DiscardHandler))
	accepted := make(chan net.Conn, 8)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one := dial()
	defer one.Close()
	server := <-accepted
	two := dial()
	defer two.Close()
	two.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := two.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the second is not closed: %v", err)
	}
	if _, ok := server.(io.ReaderFrom); !ok {
		t.Fatal("methods of TCPConn are lost")
	}
	server.Close()
	three := dial()
	defer three.Close()
	(<-accepted).Close()
	l.Close()
	if _, open := <-accepted; open {
		t.Fatal("accepted after Close")
	}
}

// outOfFiles fails a few times as accept(2) does without free descriptors.
type outOfFiles struct {
	net.Listener
	calls int
	fails int
}

func (l *outOfFiles) Accept() (net.Conn, error) {
	l.calls++
	if l.calls <= l.fails {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	c, _ := net.Pipe()
	return c, nil
}
func (l *outOfFiles) Addr() net.Addr { return &net.TCPAddr{} }
func (l *outOfFiles) Close() error   { return nil }

func TestListenerBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := &outOfFiles{fails: 20}
		l := NewListener(raw, NewConns(DefaultConns()), slog.New(slog.DiscardHandler))
		start := time.Now()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if d := time.Since(start); d < 10*time.Second || raw.calls != 21 {
			t.Fatalf("%d calls in %v", raw.calls, d)
		}
		raw.calls, raw.fails = 0, 1<<30
		time.AfterFunc(3*time.Second, func() { l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("Close during the wait: %v", err)
		}
	})
}
