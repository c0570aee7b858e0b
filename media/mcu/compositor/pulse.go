package compositor

import (
	"errors"
	"time"
)

const (
	// silence is how long the child may say nothing before it is asked whether it
	// hangs: it reports each second, and before all that takes it longer.
	silence = 5 * time.Second
	// patience is how long it may say nothing in any case.
	patience = time.Minute
	// effort is the processor time that it may take without a word. What it says
	// comes between pictures, which take a hundredth of that.
	effort = 3 * time.Second
)

var (
	errHangs   = errors.New("it hangs")
	errEndless = errors.New("it computes without end")
	errMute    = errors.New("it says nothing")
)

// vitals are what the system knows of a process.
type vitals struct {
	used  time.Duration // processor time of all its threads
	ready bool          // some thread would go on if there were a processor or the disk for it
}

// pulse tells a child that hangs from one that is slow because the machine has too
// much to do: that one is left alone, since one started in its place would be
// slower still. It is looked at once a second.
type pulse struct {
	heard  time.Time // when it said something
	looked time.Time
	used   time.Duration // when it was heard
	looks  int           // since then
	ready  int           // of those, at which it was ready
}

// beat notes that the child has said something.
func (p *pulse) beat(now time.Time) {
	p.heard, p.looked = now, now
	p.looks, p.ready = 0, 0
}

// look returns why the child is to be ended, or nil. known is false where the
// system does not tell vitals.
func (p *pulse) look(now time.Time, v vitals, known bool) error {
	// This process was not let run either, and has not heard what was said.
	if late := now.Sub(p.looked) - 2*time.Second; late > 0 {
		p.heard = p.heard.Add(late)
	}
	p.looked = now
	if p.looks++; p.looks == 1 {
		p.used = v.used
	}
	if v.ready {
		p.ready++
	}
	quiet := now.Sub(p.heard)
	switch {
	case quiet < silence:
		return nil
	case quiet >= patience:
		return errMute
	case known && v.used-p.used >= effort:
		return errEndless
	case known && p.ready*2 >= p.looks:
		return nil
	}
	return errHangs
}
