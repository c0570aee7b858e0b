package cot

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/cot/wire"
)

// queued makes an event for a queue; its remarks make it size bytes longer.
func queued(t testing.TB, uid, typ, text string, size int) *Event {
	t.Helper()
	ev := wire.New(uid, typ, "m-g", time.UnixMilli(1_700_000_000_000), time.Minute)
	ev.AddDetail(wire.AppendElement(nil, "remarks", []byte(text+strings.Repeat("x", size))))
	return NewEvent(ev, Sender{}, nil, time.Now())
}

// popAll empties q and returns the remarks in order.
func popAll(t *testing.T, q *Queue) (texts []string) {
	t.Helper()
	for {
		e, _, ok := q.Pop()
		if !ok {
			return texts
		}
		el, _ := e.Child("remarks")
		texts = append(texts, strings.TrimRight(el.Text(), "x"))
	}
}

func TestQueuePutsNewerPositionInPlaceOfTheOlder(t *testing.T) {
	q := NewQueue(1 << 20)
	push := func(uid, typ, text string) bool {
		wake, ok := q.Push(queued(t, uid, typ, text, 0))
		if !ok {
			t.Fatal("overflow")
		}
		return wake
	}
	if !push("a", "a-f-G", "a1") {
		t.Fatal("the first event does not wake")
	}
	for _, e := range [][3]string{
		{"b", "b-t-f", "b1"}, {"c", "a-f-G", "c1"}, {"b", "b-t-f", "b2"}, {"a", "a-f-G", "a2"}, {"c", "u-d-f", "drawing"}, {"c", "a-h-G", "c2"},
	} {
		if push(e[0], e[1], e[2]) {
			t.Fatalf("%s wakes though others wait", e[2])
		}
	}
	if got, want := fmt.Sprint(popAll(t, q)), "[a2 b1 c2 b2 drawing]"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if !push("a", "a-f-G", "a3") {
		t.Fatal("an emptied queue does not wake")
	}
	if s := q.State(); s.Sent != 5 || s.Replaced != 2 || s.Dropped != 0 || s.Events != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestQueueReplacesInALongQueueToo(t *testing.T) {
	q := NewQueue(1 << 20)
	for round := range 3 {
		for i := range 500 {
			q.Push(queued(t, fmt.Sprint("uid", i), "a-f-G", fmt.Sprint(i, ".", round), 0))
			if i%5 == 0 && round == 1 {
				q.Pop()
			}
		}
	}
	if s := q.State(); s.Events != 500 {
		t.Fatalf("%d wait: %+v", s.Events, s)
	}
	seen := map[string]bool{}
	for _, text := range popAll(t, q) {
		if !strings.HasSuffix(text, ".2") || seen[text] {
			t.Fatalf("%s", text)
		}
		seen[text] = true
	}
}

func TestQueueAtItsLimitDropsTheOldestPositions(t *testing.T) {
	q := NewQueue(10 * 1024)
	q.Push(queued(t, "chat", "b-t-f", "hello", 0))
	for i := range 100 {
		q.Push(queued(t, fmt.Sprint("uid", i), "a-f-G", fmt.Sprint(i), 700))
		if s := q.State(); s.Bytes > 10*1024 {
			t.Fatalf("%d bytes wait", s.Bytes)
		}
	}
	s := q.State()
	got := popAll(t, q)
	if got[0] != "hello" || got[len(got)-1] != "99" || len(got) != s.Events || int(s.Dropped) != 101-len(got) {
		t.Fatalf("%v, %+v", got, s)
	}
	for i := 2; i < len(got); i++ {
		var a, b int
		fmt.Sscan(got[i-1], &a)
		fmt.Sscan(got[i], &b)
		if b != a+1 {
			t.Fatalf("not the oldest went: %v", got)
		}
	}
}

func TestQueueNeverDropsWhatIsNoPosition(t *testing.T) {
	q := NewQueue(10 * 1024)
	for i := range 18 {
		if _, ok := q.Push(queued(t, "chat", "b-t-f", fmt.Sprint(i), 700)); !ok {
			t.Fatalf("overflow at %d", i)
		}
	}
	q.Push(queued(t, "uid", "a-f-G", "position", 0))
	now := time.Now()
	if d := q.Slow(now); d != 0 {
		t.Fatalf("slow for %v when first seen", d)
	}
	if d := q.Slow(now.Add(3 * time.Second)); d != 3*time.Second {
		t.Fatalf("slow for %v", d)
	}
	ok := true
	for i := 18; i < 40 && ok; i++ {
		_, ok = q.Push(queued(t, "chat", "b-t-f", fmt.Sprint(i), 700))
	}
	if ok {
		t.Fatal("no end at twice the limit")
	}
	for i, text := range popAll(t, q) {
		if text != fmt.Sprint(i) {
			t.Fatalf("%d is %s", i, text)
		}
	}
	if d := q.Slow(now.Add(time.Minute)); d != 0 {
		t.Fatalf("slow for %v when empty", d)
	}
}

func TestQueueSwitchesInOrder(t *testing.T) {
	q := NewQueue(1 << 20)
	a1, b1 := queued(t, "a", "a-f-G", "a1", 0), queued(t, "b", "b-t-f", "b1", 0)
	a2, c1 := queued(t, "a", "a-f-G", "a2", 0), queued(t, "c", "a-f-G", "c1", 0)
	pong := queued(t, "pong", "t-x-c-t-r", "", 0)
	q.Push(a1)
	q.Push(b1)
	q.Switch([]byte("<reply/>"))
	q.Push(c1)
	q.Push(a2) // takes the place before the reply, so it is XML
	q.Urgent(pong)

	var want []byte
	want = append(want, pong.XML()...)
	want = append(want, a2.XML()...)
	want = append(want, b1.XML()...)
	want = append(want, "<reply/>"...)
	want = append(want, c1.Frame()...)
	got, n, more := q.Append(nil, 1<<20)
	if !bytes.Equal(got, want) || n != 4 || more {
		t.Fatalf("%d events, more %v:\n%q\nwant\n%q", n, more, got, want)
	}
	q.Urgent(pong)
	if got, _, _ := q.Append(nil, 1<<20); !bytes.Equal(got, pong.Frame()) {
		t.Fatalf("pong after the switch: %q", got)
	}
	if q.State().Version != 1 {
		t.Fatal("the version is not told")
	}
}

func TestQueueBecomesFramesAtOnce(t *testing.T) {
	q := NewQueue(1 << 20)
	a, b := queued(t, "a", "a-f-G", "a", 0), queued(t, "b", "b-t-f", "b", 0)
	q.Push(a)
	q.Raw([]byte("<offer/>"))
	q.Push(b)
	q.Frames()
	if got, _, more := q.Append(nil, 1<<20); !bytes.Equal(got, append(bytes.Clone(a.Frame()), b.Frame()...)) || more {
		t.Fatalf("%q", got)
	}
	if s := q.State(); s.Bytes != 0 || s.Events != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestQueueTakesOutNoMoreThanAsked(t *testing.T) {
	q := NewQueue(1 << 20)
	for i := range 10 {
		q.Push(queued(t, fmt.Sprint(i), "b-t-f", "", 1000))
	}
	out, n, more := q.Append(nil, 3000)
	if len(out) > 3000 || n != 2 || !more {
		t.Fatalf("%d bytes, %d events, more %v", len(out), n, more)
	}
	if _, n, _ = q.Append(nil, 1); n != 1 {
		t.Fatalf("%d events where one is larger than asked", n)
	}
}

func TestQueueKeepsFewUrgentEvents(t *testing.T) {
	q := NewQueue(1 << 20)
	pong := queued(t, "pong", "t-x-c-t-r", "", 0)
	for range 100 {
		q.Urgent(pong)
	}
	if s := q.State(); s.Events != queueUrgent || s.Dropped != 100-queueUrgent {
		t.Fatalf("%+v", s)
	}
}

func TestQueueClosedTakesNothing(t *testing.T) {
	q := NewQueue(1 << 20)
	e := queued(t, "a", "b-t-f", "", 0)
	q.Push(queued(t, "p", "a-f-G", "", 0))
	q.Push(e)
	q.Raw([]byte("raw"))
	if chat := q.Close(); len(chat) != 1 || chat[0] != e {
		t.Fatalf("a closed queue gives back %v", chat)
	}
	if chat := q.Close(); chat != nil {
		t.Fatalf("a queue that was closed before gives back %v", chat)
	}
	if wake, ok := q.Push(e); wake || !ok {
		t.Fatal("a closed queue took an event")
	}
	if s := q.State(); s.Events != 0 || s.Dropped != 3 {
		t.Fatalf("%+v", s)
	}
}

func TestQueueGivesBackChatThatDidNotGetOut(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(q *Queue)
		want string
	}{
		{"none taken out", func(*Queue) {}, "1 2 3"},
		{"taken out and written", func(q *Queue) { q.Append(nil, 1); q.Written() }, "2 3"},
		{"taken out", func(q *Queue) { q.Append(nil, 1) }, "1 2 3"},
		{"all taken out", func(q *Queue) { q.Append(nil, 1<<20) }, "1 2 3"},
		{"the second taken out", func(q *Queue) { q.Append(nil, 1); q.Written(); q.Append(nil, 1) }, "2 3"},
		{"popped", func(q *Queue) { q.Pop() }, "1 2 3"},
		{"popped and written", func(q *Queue) { q.Pop(); q.Written(); q.Pop(); q.Written(); q.Pop() }, "3"},
	} {
		q := NewQueue(1 << 20)
		for _, uid := range []string{"1", "2", "3"} {
			q.Push(queued(t, uid, "b-t-f", "", 0))
		}
		q.Push(queued(t, "other", "b-m-p-s-m", "", 0))
		test.do(q)
		var got []string
		for _, e := range q.Close() {
			got = append(got, e.UID)
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s: gives back %q, not %q", test.name, s, test.want)
		}
	}
}

// TestQueueAgainstAModel compares with a plain list after every step.
func TestQueueAgainstAModel(t *testing.T) {
	const limit = 40 << 10
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		q := NewQueue(limit)
		var model []*Event
		size := func() (all, solid int) {
			for _, e := range model {
				all += len(e.XML())
				if !e.IsPosition() {
					solid += len(e.XML())
				}
			}
			return all, solid
		}
		for range 2000 {
			if r.IntN(10) < 3 {
				e, _, ok := q.Pop()
				if ok != (len(model) > 0) || ok && e != model[0] {
					t.Fatal("another event came out")
				}
				if ok {
					model = model[1:]
				}
				continue
			}
			typ := "a-f-G"
			if r.IntN(20) == 0 {
				typ = "b-t-f"
			}
			e := queued(t, fmt.Sprint("uid", r.IntN(120)), typ, "", r.IntN(600))
			q.Push(e)
			at := -1
			for i, old := range model {
				if e.IsPosition() && old.IsPosition() && old.UID == e.UID {
					at = i
				}
			}
			if at >= 0 {
				model[at] = e
			} else {
				model = append(model, e)
			}
			for all, solid := size(); all > limit && all > solid; all, solid = size() {
				for i, old := range model {
					if old.IsPosition() {
						model = append(model[:i:i], model[i+1:]...)
						break
					}
				}
			}
			all, _ := size()
			if s := q.State(); s.Events != len(model) || s.Bytes != all {
				t.Fatalf("%+v, want %d events of %d bytes", s, len(model), all)
			}
		}
	}
}

func TestQueueLosesNothingBetweenGoroutines(t *testing.T) {
	const senders, each = 4, 2000
	q := NewQueue(1 << 30)
	wake := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if w, _ := q.Push(queued(t, fmt.Sprint(s), "b-t-f", fmt.Sprint(i), 0)); w {
					wake <- struct{}{}
				}
			}
		})
	}
	next := map[string]int{}
	for total := 0; total < senders*each; {
		<-wake
		for {
			e, _, ok := q.Pop()
			if !ok {
				break
			}
			el, _ := e.Child("remarks")
			if el.Text() != fmt.Sprint(next[e.UID]) {
				t.Fatalf("sender %s: %s instead of %d", e.UID, el.Text(), next[e.UID])
			}
			next[e.UID]++
			total++
		}
	}
	wg.Wait()
}

func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{3, 30, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q := NewQueue(4 << 20)
			events := make([]*Event, n)
			for i := range events {
				events[i] = queued(b, fmt.Sprintf("ANDROID-%016x", i*7919), "a-f-G", "", 300)
			}
			var buf []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.Push(events[i%n])
				if i%n == n-1 {
					buf, _, _ = q.Append(buf[:0], 1<<20)
				}
			}
		})
	}
}
