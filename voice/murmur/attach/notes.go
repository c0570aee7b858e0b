package attach

import (
	"maps"
	"sync"
)

// notes is what callbacks leave for the goroutine that calls murmurd. Each kind is
// a set over sessions that murmurd has, so it holds no more than those.
type notes struct {
	wake chan struct{} // 1: there is something to do

	mu      sync.Mutex // guards what follows
	kicks   map[int32]string
	changed map[int32]bool // sessions whose rights changed
	wishes  map[int32]wish // what hosts of rooms want of sessions
	unknown bool           // somebody is there who did not log in through us
	plan    bool           // the channels may have to change
	stopped bool           // murmurd's server has stopped
	started bool           // and was started again
}

func newNotes() *notes {
	return &notes{wake: make(chan struct{}, 1), kicks: make(map[int32]string), changed: make(map[int32]bool), wishes: make(map[int32]wish)}
}

// wish is what a host of a room wants of a session.
type wish struct {
	mute *bool  // nil: as it is
	to   *int32 // channel; nil: stays
	text string // to tell it; none if empty
}

// add leaves a note.
func (n *notes) add(f func()) {
	n.mu.Lock()
	f()
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notes) kick(session int32, reason string) { n.add(func() { n.kicks[session] = reason }) }
func (n *notes) change(session int32)              { n.add(func() { n.changed[session] = true }) }
func (n *notes) wish(session int32, change func(*wish)) {
	n.add(func() {
		w := n.wishes[session]
		change(&w)
		n.wishes[session] = w
	})
}
func (n *notes) stranger() { n.add(func() { n.unknown = true }) }
func (n *notes) refresh()  { n.add(func() { n.plan = true }) }
func (n *notes) stop()     { n.add(func() { n.stopped, n.started = true, false }) }
func (n *notes) start()    { n.add(func() { n.started = true }) }

// gone drops what concerns a session that has ended.
func (n *notes) gone(session int32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.kicks, session)
	delete(n.changed, session)
	delete(n.wishes, session)
}

// forget drops what was noted about an earlier connection: that its server has
// stopped.
func (n *notes) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped, n.started = false, false
}

// clear drops everything about sessions: there is no murmurd that has any.
func (n *notes) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.kicks)
	clear(n.changed)
	clear(n.wishes)
}

// back takes notes back that were not carried out. Newer ones of the same session
// stand.
func (n *notes) back(t taken) {
	n.add(func() {
		for session, reason := range t.kicks {
			if _, newer := n.kicks[session]; !newer {
				n.kicks[session] = reason
			}
		}
		for session := range t.changed {
			n.changed[session] = true
		}
		for session, w := range t.wishes {
			if _, newer := n.wishes[session]; !newer {
				n.wishes[session] = w
			}
		}
		n.unknown, n.plan = n.unknown || t.unknown, n.plan || t.plan
	})
}

// taken is what is to be done.
type taken struct {
	kicks         map[int32]string
	changed       map[int32]bool
	wishes        map[int32]wish
	unknown, plan bool
	stopped       bool
}

// take returns the notes and leaves none. While murmurd's server is stopped and
// not started again it returns that alone, and the rest stays.
func (n *notes) take() taken {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		again := n.started
		n.stopped, n.started = false, false
		if !again {
			return taken{stopped: true}
		}
		n.unknown, n.plan = true, true
	}
	t := taken{kicks: maps.Clone(n.kicks), changed: maps.Clone(n.changed), wishes: maps.Clone(n.wishes), unknown: n.unknown, plan: n.plan}
	clear(n.kicks)
	clear(n.changed)
	clear(n.wishes)
	n.unknown, n.plan = false, false
	return t
}
