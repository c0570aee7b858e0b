package mpegts

const (
	wrap = 1 << 33 // ticks of 90 kHz, after which timestamps begin anew
	// maxJump is the step forwards between two timestamps of a track that is
	// taken for a new time base (an encoder that restarted), maxBack the step
	// backwards (a file that was looped).
	maxJump = 10 * 90_000
	maxBack = 90_000 / 2
	// seam is put between the last of one time base and the first of the next,
	// because sound may begin a little before the picture.
	seam = 90_000 / 10
)

// clock makes one running count of all timestamps of a transport stream. Where
// the time base changes, the count goes on; tracks change over one by one,
// because packets of the old base are still under way when the new one begins.
type clock struct {
	base   int   // number of the newest time base; 0: nothing came yet
	in     int64 // newest timestamp in it, 33 bits
	out    int64 // and its running time
	newest int64 // newest running time of all
}

// trackClock is what the clock keeps of one track.
type trackClock struct {
	base    int
	in, out int64
}

// extend returns the running time of the 33-bit timestamp in of track t.
func (c *clock) extend(t *trackClock, in int64) int64 {
	step := offset(t.in, in)
	back := step < -maxBack
	var out int64
	switch {
	case c.base == 0:
		c.base, out = 1, in
	case t.base != 0 && !back && step <= maxJump:
		out = t.out + step
		if t.base != c.base {
			*t = trackClock{t.base, in, out}
			return out
		}
	case !(back && t.base == c.base) && near(offset(c.in, in)):
		out = c.out + offset(c.in, in)
	default:
		c.base++
		out = c.newest + seam
	}
	c.in, c.out, c.newest = in, out, max(c.newest, out)
	*t = trackClock{c.base, in, out}
	return out
}

func near(step int64) bool { return step <= maxJump && step >= -maxJump }

// offset returns to - from for 33-bit timestamps, the short way round.
func offset(from, to int64) int64 {
	d := (to - from) & (wrap - 1)
	if d >= wrap/2 {
		d -= wrap
	}
	return d
}
