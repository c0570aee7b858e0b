package notify

import (
	"time"

	"muster/internal/limit"
)

// pace is how fast a session may ask: what it asks is told to everybody in its
// room, so one that never stops would drown them. Beyond it requests are not
// refused, they wait, and the client's connection with them.
type pace struct{ bucket limit.Bucket }

const (
	requestSize = 1 << 10 // bytes; larger requests count as several
	atOnce      = 300     // requests: an offer of the largest size, and what comes with it
	eachSecond  = 20      // requests that may follow
)

// spend counts n requests and returns how long they have to wait.
func (p *pace) spend(n int, now time.Time) time.Duration {
	return p.bucket.Take(float64(n), now, atOnce, eachSecond)
}
