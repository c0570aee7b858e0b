package mcu

import (
	"context"
	"time"
)

// sweepEvery is also how fresh the numbers are that people are told of other
// rooms.
const sweepEvery = 500 * time.Millisecond

// sweep removes ad hoc rooms that nobody came back to and closes those whose
// time is up.
func (r *Rooms) sweep(ctx context.Context, now time.Time) {
	r.passes.sweep(now)
	r.sweepBreakouts(ctx, now)
	r.mu.Lock()
	var gone []string
	var over []*Room
	for name, at := range r.lingers {
		switch {
		case !now.After(at) || r.live[name] != nil:
		case r.familyLives(r.known[name]):
			r.lingers[name] = now.Add(r.cfg.Linger)
		default:
			gone = append(gone, name)
		}
	}
	for name, room := range r.live {
		if rp := room.sound.replay; rp != nil {
			rp.sweep(now)
		}
		if s := r.known[name]; s != nil && s.Parent == "" && !s.Ends.IsZero() && now.After(s.Ends) {
			over = append(over, room)
		}
	}
	r.mu.Unlock()
	for _, room := range over {
		room.close(ErrOver)
	}
	for _, name := range gone {
		if err := r.remove(ctx, name); err != nil {
			r.log.Error("a room that nobody uses was not removed", "room", name, "error", err)
		}
	}
}
