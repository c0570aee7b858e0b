package voice

import (
	"context"
	"time"

	"muster/internal/limit"
)

const (
	// Messages of all kinds: a voice plugin asks for its rights in every channel
	// after each login. What is too much waits, and TCP tells the client.
	messageBurst = 1000
	messageRate  = 50
	// Texts go to many. What is too much is refused.
	textBurst = 20
	textRate  = 1
	// Changes that all clients are told of: mute, move, comment, channels. They
	// wait.
	changeBurst = 60
	changeRate  = 10
)

// floods are the limits of one client.
type floods struct {
	messages, texts, changes limit.Bucket
	told                     time.Time // when the client was told our nonce last
}

func (f *floods) wait(ctx context.Context, c *conn, now time.Time) error {
	return pause(ctx, c, f.messages.Take(1, now, messageBurst, messageRate))
}

func (f *floods) change(ctx context.Context, c *conn) error {
	return pause(ctx, c, f.changes.Take(1, time.Now(), changeBurst, changeRate))
}

// text reports whether one more text may be sent now.
func (f *floods) text(now time.Time) bool { return f.texts.Allow(now, textBurst, textRate) }

func pause(ctx context.Context, c *conn, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	c.s.n.slowed.Add(1)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		c.heard.Store(time.Now().UnixNano()) // it was we who did not listen
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// speech limits how much a client says.
type speech struct {
	begun time.Time
	bytes int
}

// headers is what IP and UDP add to a packet, as the limit counts them.
const headers = 32

// allow counts a packet of n bytes and reports whether it is within bandwidth,
// in bit/s. Half a second of it may come at once, for TCP delivers in bursts.
func (p *speech) allow(now time.Time, n, bandwidth int) bool {
	if now.Sub(p.begun) >= time.Second {
		p.begun, p.bytes = now, 0
	}
	p.bytes += n + headers
	return p.bytes <= bandwidth/8*3/2
}
