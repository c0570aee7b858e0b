package notify

import "time"

// pace is how fast a session may ask: what it asks is told to everybody in its
// room, so one that never stops would drown them. Beyond it requests are not
// refused, they wait, and the client's connection with them.
type pace struct {
	spent float64 // requests that have not been forgotten
	at    time.Time
}

const (
	requestSize = 1 << 10 // bytes; larger requests count as several
	atOnce      = 300     // requests: an offer of the largest size, and what comes with it
	eachSecond  = 20      // requests that are forgotten
)

// spend counts n requests and returns how long they have to wait.
func (p *pace) spend(n int, now time.Time) time.Duration {
	p.spent = max(0, p.spent-now.Sub(p.at).Seconds()*eachSecond) + float64(n)
	p.at = now
	return time.Duration(max(0, p.spent-atOnce) / eachSecond * float64(time.Second))
}
