package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	joinEvery = 20 * time.Millisecond // between two readers that come, at least
	settle    = 3 * time.Second       // between the last one's joining and the measurement
	keepAlive = 20 * time.Second
)

// window is the time within which readers count. It is shared by all.
type window struct{ open atomic.Bool }

// counter sorts a reader's packets. It is used by one goroutine.
type counter struct {
	tally
	win     *window
	begin   time.Time // of joining
	next    uint16    // sequence number expected
	started bool
	key     bool // the frame under way is a key frame
}

// packet takes one RTP packet of the video track.
func (c *counter) packet(p []byte) {
	if len(p) < 12 {
		return
	}
	seq, marker, payload := binary.BigEndian.Uint16(p[2:]), p[1]&0x80 != 0, p[12:]
	if lost := seq - c.next; c.started && c.win.open.Load() && lost != 0 && lost < 1<<15 {
		c.lost += int(lost)
	}
	c.next, c.started = seq+1, true
	c.key = c.key || isKey(payload)
	if !marker {
		c.count(p)
		return
	}
	if c.key && c.join == 0 {
		c.join = time.Since(c.begin)
	}
	c.key = false
	if c.count(p) {
		c.frames++
		if sent, ok := sentAt(payload); ok {
			c.late = append(c.late, time.Since(epoch)-sent)
		}
	}
}

// count counts a packet if the window is open.
func (c *counter) count(p []byte) bool {
	if !c.win.open.Load() {
		return false
	}
	c.packets++
	c.bytes += len(p)
	return true
}

// audience is a number of readers that join one by one, are measured together
// and leave.
type audience struct {
	win      window
	wg       sync.WaitGroup
	mu       sync.Mutex
	counters []*counter
	errs     []error
}

func (a *audience) newCounter() *counter {
	c := &counter{win: &a.win, begin: time.Now()}
	a.mu.Lock()
	a.counters = append(a.counters, c)
	a.mu.Unlock()
	return c
}

func (a *audience) failed(err error) {
	a.mu.Lock()
	a.errs = append(a.errs, err)
	a.mu.Unlock()
}

// measure lets n readers join by calling join, which serves one until ctx ends,
// and takes the server's processor time while all watch.
func (a *audience) measure(ctx context.Context, s *server, n, seconds int, join func(ctx context.Context, c *counter) error) (sum summary, cpu, rss float64, err error) {
	watching, leave := context.WithCancel(ctx)
	defer leave()
	pause := max(joinEvery, gop*time.Second/fps/time.Duration(n)) // so that they come at all times of a group of pictures
	for range n {
		a.wg.Go(func() {
			if err := join(watching, a.newCounter()); err != nil && watching.Err() == nil {
				a.failed(err)
			}
		})
		if err := sleep(ctx, pause); err != nil {
			return sum, 0, 0, err
		}
	}
	if err := sleep(ctx, settle); err != nil {
		return sum, 0, 0, err
	}
	length := time.Duration(seconds) * time.Second
	a.win.open.Store(true)
	cpu, err = s.perMinute(ctx, length)
	a.win.open.Store(false)
	rss = s.rss()
	leave()
	a.wg.Wait()
	if err != nil {
		return sum, 0, 0, err
	}
	if len(a.errs) > 0 {
		return sum, 0, 0, fmt.Errorf("%d of %d readers failed, the first with: %w", len(a.errs), n, a.errs[0])
	}
	var all []tally
	for _, c := range a.counters {
		all = append(all, c.tally)
	}
	sum = summarise(all, length)
	if sum.joined < n {
		return sum, 0, 0, fmt.Errorf("%d of %d readers never got a key frame", n-sum.joined, n)
	}
	return sum, cpu, rss, nil
}

func measureRTSP(ctx context.Context, s *server, o options, f figureSet) error {
	var a audience
	sum, cpu, rss, err := a.measure(ctx, s, o.readers, o.seconds, func(ctx context.Context, c *counter) error {
		return readRTSP(ctx, s, c)
	})
	if err != nil {
		return err
	}
	f[rtspCPU], f[rtspRSS] = cpu, rss
	f[rtspP50], f[rtspP95], f[rtspP99] = at(sum.late, 0.5), at(sum.late, 0.95), at(sum.late, 0.99)
	f[rtspJoin50], f[rtspJoin95] = at(sum.join, 0.5), at(sum.join, 0.95)
	f[rtspLost], f[rtspFrames], f[rtspRate] = sum.lost, sum.frames, sum.bitrate
	return nil
}

// readRTSP plays the stream by RTSP over TCP until ctx ends.
func readRTSP(ctx context.Context, s *server, count *counter) error {
	c, err := dialRTSP(s, path)
	if err != nil {
		return err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	a, err := c.do("DESCRIBE", c.url, []string{"Accept: application/sdp"}, "")
	if err != nil {
		return err
	}
	for i, url := range controls(a, c.url) {
		transport := fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*i, 2*i+1)
		if _, err := c.do("SETUP", url, []string{transport}, ""); err != nil {
			return err
		}
	}
	if _, err := c.do("PLAY", c.url, []string{"Range: npt=0.000-"}, ""); err != nil {
		return err
	}
	for alive := time.Now(); ; {
		channel, p, err := c.next()
		if err != nil {
			return err
		}
		switch channel {
		case 0:
			count.packet(p)
		case 2:
			count.count(p)
		}
		if time.Since(alive) > keepAlive {
			alive = time.Now()
			if err := c.send("OPTIONS", c.url, nil, ""); err != nil {
				return err
			}
		}
	}
}
