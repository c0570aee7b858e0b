package compositor

import "time"

// pace is how many pictures a second are composed: as many as an output wants,
// and fewer where there is not the time for them. Sound and the rest of the
// server come first, so this gives way early.
type pace struct {
	wanted int // most that an output wants, 0 for none
	rate   int // what is composed now
	due    time.Time

	work   time.Duration // since judged
	judged time.Time
	calm   int // seconds with time to spare
}

// steps are the rates to fall to, besides what is wanted.
var steps = [...]int{15, 8}

const (
	// tooBusy is the part of a second beyond which the rate falls.
	tooBusy = 0.85
	// calmBusy is what the next higher rate may take for the rate to rise, and
	// calmSeconds how long it must have been so.
	calmBusy    = 0.65
	calmSeconds = 5
)

// want sets what the outputs want.
func (p *pace) want(fps int) {
	if fps != p.wanted {
		p.wanted, p.rate, p.calm = fps, fps, 0
	}
}

// worked counts time that was worked.
func (p *pace) worked(d time.Duration) { p.work += d }

// next returns how long to wait for the next picture.
func (p *pace) next(now time.Time) time.Duration {
	if p.rate <= 0 {
		return 100 * time.Millisecond
	}
	step := time.Second / time.Duration(p.rate)
	p.due = p.due.Add(step)
	if p.due.Before(now) {
		p.due = now // late: those pictures are not made up for
	}
	if p.due.After(now.Add(step)) {
		p.due = now.Add(step)
	}
	return p.due.Sub(now)
}

// judge chooses the rate from how busy the time since its last call was, and
// returns that.
func (p *pace) judge(now time.Time) float64 {
	past := now.Sub(p.judged)
	busy := 0.0
	if past > 0 && !p.judged.IsZero() {
		busy = min(p.work.Seconds()/past.Seconds(), 1)
	}
	p.work, p.judged = 0, now
	switch {
	case busy > tooBusy:
		p.rate, p.calm = p.lower(), 0
	case p.rate < p.wanted && busy*float64(p.higher())/float64(p.rate) < calmBusy:
		if p.calm++; p.calm >= calmSeconds {
			p.rate, p.calm = p.higher(), 0
		}
	default:
		p.calm = 0
	}
	return busy
}

func (p *pace) lower() int {
	for _, s := range steps {
		if s < p.rate {
			return s
		}
	}
	return p.rate
}

func (p *pace) higher() int {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] > p.rate && steps[i] < p.wanted {
			return steps[i]
		}
	}
	return p.wanted
}
