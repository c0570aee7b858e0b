package attach

import "testing"

// TestNotesAreNotLost checks that what could not be done is done later, and that
// nothing is done while murmurd's server is stopped.
func TestNotesAreNotLost(t *testing.T) {
	n := newNotes()
	n.kick(1, "a")
	n.kick(2, "b")
	n.change(3)
	got := n.take()
	if len(got.kicks) != 2 || !got.changed[3] || got.plan || got.unknown {
		t.Fatalf("%+v", got)
	}
	delete(got.kicks, 1) // done; then the connection ended
	n.kick(2, "newer")
	n.back(got)
	n.refresh()
	n.stop()
	if got := n.take(); !got.stopped || got.kicks != nil || got.plan {
		t.Errorf("while it is stopped: %+v", got)
	}
	n.forget() // of the next connection
	got = n.take()
	if len(got.kicks) != 1 || got.kicks[2] != "newer" || !got.changed[3] || !got.plan {
		t.Errorf("%+v", got)
	}
	n.kick(4, "x")
	n.gone(4)
	n.stop()
	n.start()
	if got := n.take(); got.stopped || len(got.kicks) != 0 || !got.unknown || !got.plan {
		t.Errorf("after it was started again: %+v", got)
	}
	n.kick(5, "x")
	n.clear()
	if got := n.take(); len(got.kicks) != 0 {
		t.Errorf("%+v", got)
	}
}
