package media

import "sync"

// latch holds a kick back that comes before its target is complete: the register
// may kick before Open has returned.
type latch struct {
	mu    sync.Mutex // guards what follows; not held while kicking
	kick  func(reason error)
	early error // the first kick that came before kick was known
}

// fire kicks, or has arm do it.
func (l *latch) fire(reason error) {
	l.mu.Lock()
	kick := l.kick
	if kick == nil && l.early == nil {
		l.early = reason
	}
	l.mu.Unlock()
	if kick != nil {
		kick(reason)
	}
}

// arm says what a kick does from now on, and does it if one came before.
func (l *latch) arm(kick func(reason error)) {
	l.mu.Lock()
	l.kick = kick
	early := l.early
	l.mu.Unlock()
	if early != nil {
		kick(early)
	}
}
