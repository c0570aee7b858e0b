package notify

import (
	"strings"
	"testing"
	"time"

	"muster/media/mcu"
)

func TestWhoAsksWithoutEndWaits(t *testing.T) {
	var p pace
	now := time.Now()
	for range atOnce {
		if wait := p.spend(1, now); wait != 0 {
			t.Fatalf("a burst waits for %s", wait)
		}
	}
	if wait := p.spend(eachSecond, now); wait != time.Second {
		t.Errorf("beyond it one waits for %s", wait)
	}
	if wait := p.spend(1, now.Add(time.Hour)); wait != 0 {
		t.Errorf("after a rest one waits for %s", wait)
	}
}

// TestWhatIsKeptIsBounded: events that were told are kept for who resumes, up to a
// number of bytes; what was not told is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	var o outbox
	r, _ := o.read(0)
	text := strings.Repeat("x", 16<<10)
	for range 2 * keptBytes / len(text) {
		if !o.put(mcu.EventChat, text) {
			t.Fatal("too much waits")
		}
		r.take()
	}
	if o.held > keptBytes+len(text) {
		t.Errorf("%d bytes are kept", o.held)
	}
	held := 0
	for _, m := range o.kept {
		held += len(m.text)
	}
	if held != o.held {
		t.Errorf("%d bytes are kept, and counted as %d", held, o.held)
	}
	if _, ok := o.read(o.seq - 3); !ok {
		t.Error("who missed three events cannot resume")
	}
	if _, ok := o.read(1); ok {
		t.Error("what is not kept any more is read")
	}
}
