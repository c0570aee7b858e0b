package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// soak is a server with clients that come and go.
type soak struct {
	*siege
	t       *testing.T
	members []*member
	until   time.Time

	mu       sync.Mutex
	sent     map[string]string // text of a message that the server took → uid it is for
	arrived  map[string]int
	failed   map[string]bool // the server said so
	sessions int
	uploads  int
}

// Who takes part: chatters write to each other, wanderers switch their groups, so
// that nobody could say whether they should have received something.
const (
	soakMembers = 6
	chatters    = 16
	wanderers   = 8
)

func chatter(i int) string { return fmt.Sprintf("SOAK-%d", i) }

// TestSoak has clients join, leave, report, draw, chat, switch channels and
// upload, for MUSTER_TEST_SOAK (20s; let it run for an hour before a release). No
// chat is lost, and in the end the server needs no more than in the beginning.
func TestSoak(t *testing.T) {
	need(t)
	t.Parallel()
	length := 20 * time.Second
	if v := os.Getenv("MUSTER_TEST_SOAK"); v != "" {
		var err error
		if length, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	s := &soak{
		siege: &siege{server: startTAK(t, "MUSTER_LOG_LEVEL=info")}, t: t,
		sent: map[string]string{}, arrived: map[string]int{}, failed: map[string]bool{},
	}
	s.group(t, "A", "B")
	for i := range soakMembers {
		s.members = append(s.members, s.member(t, fmt.Sprintf("soak-%d", i), [][]string{{"A"}, {"A", "B"}}[i%2]...))
	}
	s.collect() // so that everybody is known
	s.settled()
	goroutines, files := s.load(t)
	s.until = time.Now().Add(length)
	memory := s.churn(length)
	if t.Failed() {
		t.FailNow()
	}
	s.collect()
	s.mu.Lock()
	lost, twice := 0, 0
	for text, to := range s.sent {
		switch n := s.arrived[text]; {
		case n == 0 && lost < 10:
			lost++
			t.Errorf("%q for %s never arrived; the sender was told of a failure: %v", text, to, s.failed[text])
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	t.Logf("%d sessions, %d messages: %d lost, %d arrived more than once; %d uploads", s.sessions, len(s.sent), lost, twice, s.uploads)
	s.mu.Unlock()
	s.settled()
	s.calm(t, goroutines, files+24) // the connections to the database, which are opened when there is work
	if n := s.metric(t, "muster_panics_total"); n != 0 {
		t.Errorf("%.0f panics", n)
	}
	for _, bad := range []string{"level=ERROR", `"level":"ERROR"`} {
		if log := s.log.String(); strings.Contains(log, bad) {
			t.Errorf("the log: %s", around(log, bad))
		}
	}
	level(t, memory)
}

// settled closes the idle connections of the members.
func (s *soak) settled() {
	for _, m := range s.members {
		m.http.CloseIdleConnections()
	}
}

// churn runs everybody until the end and returns what memory the server took, in
// 20 steps.
func (s *soak) churn(length time.Duration) (memory []float64) {
	var wg sync.WaitGroup
	for i := range chatters + wanderers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			for n := 0; time.Now().Before(s.until) && !s.t.Failed(); n++ {
				if i < chatters {
					s.chat(r, i)
				} else {
					s.wander(r, i)
				}
			}
		})
	}
	for range 20 {
		time.Sleep(length / 20)
		memory = append(memory, s.metric(s.t, "process_resident_memory_bytes"))
	}
	wg.Wait()
	return memory
}

// session connects somebody, reports him and counts.
func (s *soak) session(r *rand.Rand, i int) *device {
	uid := chatter(i)
	m := s.members[i%len(s.members)]
	way := []string{"tcp", "tls", "v1"}[r.IntN(3)]
	d, err := m.dial(s.t, way, uid, uid)
	if err != nil {
		s.t.Errorf("%s by %s: %v", uid, way, err)
		return nil
	}
	if way == "v1" {
		d.negotiate()
	}
	d.report()
	s.mu.Lock()
	s.sessions++
	s.mu.Unlock()
	return d
}

// part ends a session and writes down what chat it has received.
func (s *soak) part(d *device) {
	d.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range d.all(typed("b-t-f")) {
		s.arrived[e.detail.child("remarks").Text]++
	}
	for _, e := range d.all(typed("b-t-f-s")) {
		s.failed[e.detail.child("remarks").Text] = true
	}
}

// chat is one session of somebody who writes to others, here or not.
func (s *soak) chat(r *rand.Rand, i int) {
	d := s.session(r, i)
	if d == nil {
		return
	}
	for range 5 + r.IntN(20) {
		for range r.IntN(4) {
			d.send(report(d.uid, d.callsign, "Cyan"), event(fmt.Sprintf("mark-%d-%d", i, r.IntN(10)), "b-m-p-s-m", "<remarks>m</remarks>"))
		}
		to := chatter(r.IntN(chatters))
		if to == d.uid {
			continue
		}
		dest := fmt.Sprintf(`<dest %s="%s"/>`, []string{"uid", "callsign"}[r.IntN(2)], to)
		text := fmt.Sprintf("%s to %s %d", d.uid, to, r.Uint64())
		d.send(chat(d.uid, to, text, dest))
		d.ping()
		s.mu.Lock()
		s.sent[text] = to
		s.mu.Unlock()
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
	}
	s.part(d)
	time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
}

// wander is one session of somebody who switches groups, uploads, and now and
// then just vanishes.
func (s *soak) wander(r *rand.Rand, i int) {
	d := s.session(r, i)
	if d == nil {
		return
	}
	m := s.members[i%len(s.members)]
	call := func(method, path string, body any, head ...string) {
		if a, err := m.try(method, path, body, head...); err != nil || a.status > 299 {
			s.t.Errorf("%s %s: %d %.200s %v", method, path, a.status, a.body, err)
		}
	}
	for range 2 + r.IntN(4) {
		d.send(report(d.uid, d.callsign, "Green"))
		list := []channel{{Name: "A", Direction: "OUT", Active: r.IntN(2) == 0}, {Name: "A", Direction: "IN", Active: r.IntN(2) == 0}}
		call("PUT", "/Marti/api/groups/active?clientUid="+d.uid, list)
		content := noise(r, 1+r.IntN(20_000))
		body, kind := multipartOf(s.t, "assetfile", "soak.zip", content)
		call("POST", "/Marti/sync/missionupload?hash="+sum(content)+"&filename=soak.zip&creatorUid="+d.uid, body, "Content-Type", kind)
		call("GET", "/Marti/sync/content?hash="+sum(content), nil)
		call("DELETE", "/Marti/sync/delete?hash="+sum(content), nil)
		s.mu.Lock()
		s.uploads++
		s.mu.Unlock()
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
	}
	call("PUT", "/Marti/api/groups/active?clientUid="+d.uid, []channel{{Name: "A", Direction: "OUT", Active: true}, {Name: "A", Direction: "IN", Active: true}})
	if r.IntN(2) == 0 {
		d.close()
		return
	}
	d.leave()
}

// collect lets the chatters come and take what waits for them.
func (s *soak) collect() {
	var wg sync.WaitGroup
	for i := range chatters {
		wg.Go(func() {
			d := s.session(rand.New(rand.NewPCG(uint64(i), 6)), i)
			if d == nil {
				return
			}
			// What waits comes in one go; it is over when nothing more has come for a while.
			for n := -1; n != d.count(typed("b-t-f")); {
				n = d.count(typed("b-t-f"))
				time.Sleep(time.Second)
				d.ping()
			}
			s.part(d)
		})
	}
	wg.Wait()
}

// level fails the test if memory has grown: the last quarter is compared with the
// second one.
func level(t *testing.T, memory []float64) {
	t.Helper()
	middle := func(v []float64) float64 {
		v = slices.Clone(v)
		slices.Sort(v)
		return v[len(v)/2] / (1 << 20)
	}
	n := len(memory)
	early, late := middle(memory[n/4:n/2]), middle(memory[3*n/4:])
	t.Logf("memory of the server: %.0f MiB in the second quarter, %.0f MiB in the last", early, late)
	if late > 1.3*early+32 {
		t.Errorf("the server grows: %.0f", memory)
	}
}
