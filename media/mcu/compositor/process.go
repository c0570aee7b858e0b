package compositor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"muster/internal/run"
)

const (
	// reportEvery is how often the child says something in any case.
	reportEvery = time.Second
	// goodbye is how long it may take to end by itself.
	goodbye = 2 * time.Second
	// tail is how much of what it wrote before it ended is logged, in bytes.
	tail = 2000
)

// errIdle ends a child that nobody needs.
var errIdle = errors.New("nobody watches")

// serve runs one child until it ends, nobody has watched for a while, or ctx
// ends; it returns nil for the latter two.
func (c *Compositor) serve(ctx context.Context) error {
	// The child is killed when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	conn, cmd, said, err := c.start()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	heard := make(chan struct{}, 1)
	group := run.NewGroup(ctx, c.log, "compositor")
	group.Go(func(context.Context) { cancel(fmt.Errorf("writing to it: %w", c.write(ctx, conn))) })
	group.Go(func(context.Context) { cancel(fmt.Errorf("reading from it: %w", c.read(conn, heard))) })
	group.Go(func(context.Context) { cancel(c.watch(ctx, heard, cmd.Process.Pid)) })
	c.setUp(true)
	<-ctx.Done()
	c.setUp(false)
	conn.Close() // which the child takes as its end
	timer := time.AfterFunc(goodbye, func() { _ = cmd.Process.Kill() })
	if cause := context.Cause(ctx); !errors.Is(cause, errIdle) && !errors.Is(cause, context.Canceled) {
		_ = cmd.Process.Kill()
	}
	waited := cmd.Wait()
	timer.Stop()
	group.Wait()
	cause := context.Cause(ctx)
	if errors.Is(cause, errIdle) || errors.Is(cause, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%w (%v) %s", cause, waited, said.String())
}

// askForKeys calls those who can make the key frames that are missing. It does
// so on its own, so that they may hold their locks while they call us.
func (c *Compositor) askForKeys(ctx context.Context) {
	for {
		select {
		case <-c.asks:
		case <-ctx.Done():
			return
		}
		var due []func()
		c.mu.Lock()
		for _, in := range c.inputs {
			if in.due {
				in.due = false
				due = append(due, in.needKey)
			}
		}
		c.mu.Unlock()
		for _, f := range due {
			f()
		}
	}
}

// start starts the child with one end of a pair of sockets as its file 3.
func (c *Compositor) start() (net.Conn, *exec.Cmd, *lastWords, error) {
	fds, err := socketpair()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("a pair of sockets: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "compositor"), os.NewFile(uintptr(fds[1]), "compositor")
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("a pair of sockets: %w", err)
	}
	cmd, said := c.command(), &lastWords{}
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, nil, said
	if cmd.Env == nil {
		cmd.Env = []string{} // nothing of ours, which may hold secrets
	}
	cmd.Dir = "/"
	cmd.WaitDelay = goodbye
	cmd.SysProcAttr = tied()
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, nil, nil, fmt.Errorf("start: %w", err)
	}
	return conn, cmd, said, nil
}

// socketpair returns two sockets that no other process inherits.
func socketpair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	return fds, err
}

// setUp says whether there is a child, which is told everything at first.
func (c *Compositor) setUp(up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up, c.stats.Running = up, up
	c.pending = c.pending[:0]
	if !up {
		return
	}
	c.suspect = 0
	for _, in := range c.inputs {
		in.waiting, in.asked = true, time.Time{}
		if in.visible {
			in.ask(time.Now())
		}
	}
	c.sendState()
}

// write sends what is pending, all of it at once.
func (c *Compositor) write(ctx context.Context, conn net.Conn) error {
	var sending []byte
	for {
		select {
		case <-c.more:
		case <-ctx.Done():
			return ctx.Err()
		}
		c.mu.Lock()
		sending, c.pending = c.pending, sending[:0]
		c.mu.Unlock()
		if _, err := conn.Write(sending); err != nil {
			return err
		}
	}
}

// read takes what the child says.
func (c *Compositor) read(conn net.Conn, heard chan<- struct{}) error {
	var buf []byte
	for {
		// A picture is kept by those who get it, so it has memory of its own.
		kind, body, grown, err := readMessage(conn, buf)
		if err != nil {
			return err
		}
		buf = grown
		if kind == msgPicture {
			buf = nil
		}
		select {
		case heard <- struct{}{}:
		default:
		}
		if err := c.take(kind, body); err != nil {
			return err
		}
	}
}

func (c *Compositor) take(kind byte, body []byte) error {
	switch kind {
	case msgPicture:
		number, f, err := parsePicture(body)
		if err != nil {
			return err
		}
		for _, o := range c.readers(number) {
			o.emit(f)
		}
	case msgReport:
		var r report
		if err := json.Unmarshal(body, &r); err != nil {
			return fmt.Errorf("%w: %w", errMessage, err)
		}
		if r.Trouble != "" {
			c.log.Error("the compositor cannot make an output", "err", r.Trouble)
		}
		c.mu.Lock()
		c.stats.FPS, c.stats.Busy = r.FPS, r.Busy
		c.stats.Decoded, c.stats.Failed, c.stats.Encoded = r.Decoded, r.Failed, r.Encoded
		c.mu.Unlock()
	case msgNeedKey, msgDecode:
		number, _, err := parseNumber(body)
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if kind == msgDecode {
			c.suspect = number
			return nil
		}
		for _, in := range c.inputs {
			if in.number == number && in.visible {
				in.waiting = true
				in.ask(time.Now())
			}
		}
	default:
		return fmt.Errorf("%w of kind %q", errMessage, kind)
	}
	return nil
}

// readers returns who gets the frames of an encoder.
func (c *Compositor) readers(number uint32) []*Output {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.encodes {
		if e.number == number {
			return e.readers
		}
	}
	return nil
}

// watch returns when the child hangs or nobody needs it.
func (c *Compositor) watch(ctx context.Context, heard <-chan struct{}, pid int) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	lastUsed := time.Now()
	var child pulse
	child.beat(lastUsed)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-heard:
			child.beat(time.Now())
		case <-tick.C:
			now := time.Now() // a tick may have waited
			c.mu.Lock()
			used := len(c.encodes) > 0
			c.mu.Unlock()
			if used {
				lastUsed = now
			}
			if now.Sub(lastUsed) >= c.idle {
				return errIdle
			}
			select {
			case <-heard:
				child.beat(now)
				continue
			default:
			}
			if now.Sub(child.heard) < reportEvery {
				continue
			}
			v, known := vitalsOf(pid)
			if err := child.look(now, v, known); err != nil {
				return err
			}
		}
	}
}

// lastWords keeps the start of what a child wrote to its standard error, which
// says what it died of.
type lastWords struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b[:min(len(b), tail-len(l.text))]...)
	return len(b), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.ToValidUTF8(string(l.text), "?")
}
