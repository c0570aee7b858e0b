package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// role is what somebody may do in the groups A and B.
type role struct {
	name   string
	grants []string
	writes string // groups that are published to
	reads  string // groups that are received
}

var roles = []role{
	{"a", []string{"A"}, "A", "A"},
	{"a-in", []string{"A:in"}, "A", ""},
	{"a-out", []string{"A:out"}, "", "A"},
	{"b", []string{"B"}, "B", "B"},
	{"b-in", []string{"B:in"}, "B", ""},
	{"b-out", []string{"B:out"}, "", "B"},
	{"ab", []string{"A:in", "B:out"}, "A", "B"},
	{"both", []string{"A", "B"}, "AB", "AB"},
	{"none", nil, "", ""},
}

// seat is a device and its role.
type seat struct {
	*device
	role
	way string
}

// reaches says whether what a sends b may see.
func (a seat) reaches(b seat) bool {
	return a.device != b.device && strings.ContainsAny(a.writes, b.reads)
}

// TestGroupMatrix: everybody of every role by every way sends to all and to each,
// and exactly those receive it who may.
func TestGroupMatrix(t *testing.T) {
	need(t)
	t.Parallel()
	s := startTAK(t, "MUSTER_COT_ANONYMOUS=true", "MUSTER_COT_ANONYMOUS_GROUP=A")
	s.group(t, "A", "B")
	var seats []seat
	for _, r := range roles {
		m := s.member(t, "m-"+r.name, r.grants...)
		for _, way := range ways {
			name := r.name + "-" + way
			seats = append(seats, seat{m.connect(t, way, "UID-"+name, name), r, way})
		}
	}
	for i := range 2 {
		name := fmt.Sprintf("anonymous-%d", i)
		seats = append(seats, seat{s.anonymous(t, "UID-"+name, name), role{"anonymous", nil, "A", "A"}, "tcp"})
	}
	for _, x := range seats {
		x.report()
	}
	for _, from := range seats {
		events := []string{event("all "+from.uid, "a-h-G", "")}
		for _, to := range seats {
			uid := from.uid + " to " + to.uid
			events = append(events,
				event("u "+uid, "a-h-G", `<marti><dest uid="`+to.uid+`"/></marti>`),
				event("c "+uid, "a-h-G", `<marti><dest callsign="`+to.callsign+`"/></marti>`))
		}
		for _, g := range []string{"A", "B"} {
			events = append(events, event("g"+g+" "+from.uid, "a-h-G", `<marti><dest group="`+g+`"/></marti>`))
		}
		from.send(events...)
	}
	for _, from := range seats {
		from.ping()
	}
	wrong := 0
	expect := func(to seat, uid string, want bool) {
		n := 0
		if want {
			n = 1
		}
		if got := to.count(of(uid)); got != n && wrong < 20 {
			wrong++
			t.Errorf("%s received %q %d times, wants %d", to.callsign, uid, got, n)
		}
	}
	for _, to := range seats {
		to.ping()
		to.ping()
		for _, from := range seats {
			may := from.reaches(to)
			expect(to, "all "+from.uid, may)
			expect(to, "u "+from.uid+" to "+to.uid, may)
			expect(to, "c "+from.uid+" to "+to.uid, may)
			for _, g := range []string{"A", "B"} {
				expect(to, "g"+g+" "+from.uid, may && strings.Contains(from.writes, g) && strings.Contains(to.reads, g))
			}
			// Whoever sees what somebody sends knows where he is, and nobody else.
			if from.device != to.device && (to.count(func(e *sighting) bool { return e.uid == from.uid && e.typ == "a-f-G-U-C" }) > 0) != may {
				t.Errorf("%s sees where %s is: %v", to.callsign, from.callsign, !may)
			}
		}
		others := to.all(func(e *sighting) bool {
			_, addressee, directed := strings.Cut(e.uid, " to ")
			return directed && addressee != to.uid
		})
		if len(others) > 0 {
			t.Errorf("%s received %d events for others, such as %q", to.callsign, len(others), others[0].uid)
		}
	}
	t.Logf("%d devices, %d pairs", len(seats), len(seats)*(len(seats)-1))
	// The lists tell no more than the stream.
	for _, r := range roles {
		i := slices.IndexFunc(seats, func(x seat) bool { return x.role.name == r.name && x.way == "tls" })
		m := s.enrolled(t, "m-"+r.name)
		body := m.marti(t, "GET", "/Marti/api/contacts/all", nil).ok(t).body
		for _, from := range seats {
			listed := strings.Contains(body, `"`+from.uid+`"`)
			own := from.role.name == r.name
			if listed != from.reaches(seats[i]) && !own {
				t.Errorf("contacts of %s: %s is listed: %v", r.name, from.callsign, listed)
			}
		}
	}
}
