package test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

func recipients(t *testing.T, s *suite) {
	from := s.alpha.connect(t, "tls", "R-FROM", "R-FROM").report()
	xml := s.bravo.connect(t, "tls", "R-BRAVO", "R BRAVO").report()
	v1 := s.carol.connect(t, "v1", "R-CAROL", "R CAROL").report()
	far := s.dave.connect(t, "tls", "R-DAVE", "R DAVE").report()
	guid := s.mission(t, s.alpha, "Recipients", "R-FROM", "A").GUID
	s.carol.marti(t, "PUT", "/Marti/api/missions/Recipients/subscription?uid=R-CAROL", nil).ok(t)
	for name, c := range map[string]struct {
		dests string
		to    string // of x(ml), v(1)
	}{
		"nobody named":        {``, "xv"},
		"everybody":           {`<dest callsign="All Streaming"/>`, "xv"},
		"callsign":            {`<dest callsign="R BRAVO"/>`, "x"},
		"uid":                 {`<dest uid="R-CAROL"/>`, "v"},
		"callsign before uid": {`<dest uid="R-CAROL" callsign="R BRAVO"/>`, "x"},
		"several":             {`<dest uid="R-CAROL"/><dest callsign="R BRAVO"/>`, "xv"},
		"twice":               {`<dest uid="R-CAROL"/><dest callsign="R CAROL"/><dest uid="R-CAROL"/>`, "v"},
		"group":               {`<dest group="A"/>`, "xv"},
		"group of others":     {`<dest group="B"/>`, ""},
		"mission":             {`<dest mission="Recipients"/>`, "v"},
		"mission by guid":     {`<dest mission-guid="` + guid + `"/>`, "v"},
		"other mission":       {`<dest mission="Nothing"/>`, ""},
		"out of reach":        {`<dest uid="R-DAVE"/>`, ""},
		"nobody known":        {`<dest callsign="R NOBODY"/>`, ""},
		"oneself":             {`<dest uid="R-FROM"/>`, ""},
	} {
		uid, inner := "R "+name, ""
		if c.dests != "" {
			inner = "<marti>" + c.dests + "</marti>"
		}
		from.send(event(uid, "a-h-G", inner+"<remarks>r</remarks>"))
		from.settle(xml, v1, far)
		if strings.HasPrefix(name, "mission") { // goes by the disk
			v1.await(name, of(uid))
		}
		for _, d := range []*device{xml, v1, far, from} {
			want := 0
			if d == xml && strings.Contains(c.to, "x") || d == v1 && strings.Contains(c.to, "v") {
				want = 1
			}
			got := d.all(of(uid))
			if len(got) != want {
				t.Errorf("%s: %s received it %d times, wants %d", name, d.callsign, len(got), want)
			}
			for _, e := range got {
				if strings.Contains(e.inner, "marti") || e.detail.child("remarks").Text != "r" {
					t.Errorf("%s: the detail came as %s", name, e.inner)
				}
			}
		}
	}
	// An address that only the sender's network knows leads through the server.
	from.send(strings.Replace(report("R-FROM", "R-FROM", "Cyan"), "*:-1:stcp", "10.0.0.7:4242:tcp", 1))
	xml.until("a report with an address", func() bool {
		all := xml.all(of("R-FROM"))
		return len(all) > 1 && all[len(all)-1].detail.child("contact").attr("endpoint") == "*:-1:stcp"
	})
}

func directions(t *testing.T, s *suite) {
	writer := s.member(t, "writer", "A:in").connect(t, "tls", "D-WRITER", "D-WRITER").report()
	reader := s.member(t, "reader", "A:out").connect(t, "tls", "D-READER", "D-READER").report()
	both := s.carol.connect(t, "tls", "D-CAROL", "D-CAROL").report()
	other := s.dave.connect(t, "tls", "D-DAVE", "D-DAVE").report()
	off := s.bravo.connect(t, "tls", "D-OFF", "D-OFF").report()
	s.choose(t, s.bravo, "D-OFF", func(g channel) bool { return false })
	all := []*device{writer, reader, both, other, off}
	sees := map[*device]string{writer: "", reader: "writer carol", both: "writer dave", other: "carol", off: ""}
	names := map[*device]string{writer: "writer", reader: "reader", both: "carol", other: "dave", off: "off"}
	for _, from := range all {
		for _, kind := range []string{"plain", "directed", "chat"} {
			for _, to := range all {
				uid := fmt.Sprintf("D %s %s to %s", kind, names[from], names[to])
				dest := `<dest uid="` + to.uid + `"/>`
				switch kind {
				case "plain":
					from.send(event(uid, "a-h-G", ""))
				case "directed":
					from.send(event(uid, "a-h-G", "<marti>"+dest+"</marti>"))
				case "chat":
					e := chat(from.uid, to.uid, uid, dest)
					from.send(strings.Replace(e, `uid="`+e[strings.Index(e, "GeoChat"):strings.Index(e, `" type`)]+`"`, `uid="`+uid+`"`, 1))
				}
			}
		}
		from.settle(all...)
	}
	for _, from := range all {
		for _, to := range all {
			want := 0
			if from != to && strings.Contains(sees[to], names[from]) {
				want = 1
			}
			for _, kind := range []string{"plain", "directed", "chat"} {
				uid := fmt.Sprintf("D %s %s to %s", kind, names[from], names[to])
				if n := to.count(said(uid)); n != want {
					t.Errorf("%q arrived %d times, wants %d", uid, n, want)
				}
				for _, third := range all {
					if kind != "plain" && third != to && third.count(said(uid)) > 0 {
						t.Errorf("%q went to %s", uid, names[third])
					}
				}
			}
		}
	}
	s.choose(t, s.bravo, "D-OFF", func(g channel) bool { return true })
}

// said matches an event but not what the server tells its sender of it.
func said(uid string) match {
	return func(e *sighting) bool { return e.uid == uid && e.typ != "b-t-f-s" && e.typ != "b-t-f-p" }
}

// channel is an entry of /Marti/api/groups/all.
type channel struct {
	Name        string `json:"name"`
	Direction   string `json:"direction"`
	Created     string `json:"created"`
	Type        string `json:"type"`
	Bitpos      int    `json:"bitpos"`
	Active      bool   `json:"active"`
	Description string `json:"description"`
}

// choose switches the groups of a device as ATAK does; uid "" is all of them.
func (s *suite) choose(t *testing.T, m *member, uid string, active func(channel) bool) {
	t.Helper()
	query := "?clientUid=" + url.QueryEscape(uid)
	list := dataOf[[]channel](t, m.marti(t, "GET", "/Marti/api/groups/all"+query+"&useCache=true", nil))
	if len(list) < 2 {
		t.Fatalf("groups: %+v", list)
	}
	for i := range list {
		list[i].Active = active(list[i])
	}
	if a := m.marti(t, "PUT", "/Marti/api/groups/active"+query, list); a.status != http.StatusOK || a.body != "" {
		t.Fatalf("switch groups: %d %s", a.status, a.body)
	}
	for _, g := range dataOf[[]channel](t, m.marti(t, "GET", "/Marti/api/groups/all"+query+"&useCache=true", nil)) {
		if g.Active != active(g) {
			t.Errorf("after the switch: %+v", g)
		}
	}
}

func presence(t *testing.T, s *suite) {
	a := s.alpha.connect(t, "tls", "P-A", "P-A").report()
	b := s.bravo.connect(t, "v1", "P-B", "P-B").report()
	d := s.dave.connect(t, "tls", "P-D", "P-D").report()
	b.send(event("P-B", "a-f-G-U-C", `<contact callsign="P-B" endpoint="*:-1:stcp"/><remarks>the latest</remarks>`))
	b.ping()
	c := s.carol.connect(t, "ws", "P-C", "P-C")
	for _, uid := range []string{"P-A", "P-B", "P-D"} {
		c.await("the latest position of "+uid, of(uid))
	}
	if got := c.all(of("P-B")); len(got) != 1 || got[0].detail.child("remarks").Text != "the latest" {
		t.Errorf("of P-B came %d positions", len(got))
	}
	c.report()
	for _, x := range []*device{a, b, d} {
		x.await("who has come", of("P-C"))
	}
	if a.count(of("P-D"))+d.count(of("P-A")) > 0 {
		t.Error("members of different groups see each other")
	}

	// Groups switched on the device that is looked at.
	c2 := s.carol.connect(t, "tls", "P-C2", "P-C2").report()
	for _, x := range []*device{a, c, c2} {
		x.ping()
		x.forget()
	}
	s.choose(t, s.carol, "P-C", func(g channel) bool { return g.Name == "B" })
	c.await("that alpha is out of sight", about("t-x-d-d", "P-A"))
	a.await("that carol is out of sight", about("t-x-d-d", "P-C"))
	a.send(event("unseen", "a-h-G", ""))
	d.send(event("seen", "a-h-G", ""))
	c.await("an event of the group left on", of("seen"))
	a.settle(c)
	if c.count(of("unseen")) > 0 {
		t.Error("an event of a group that is off arrived")
	}
	if c.count(about("t-x-d-d", "P-D")) > 0 || c2.count(about("t-x-d-d", "P-A")) > 0 {
		t.Error("somebody was said to be gone who is not")
	}
	c.forget()
	a.forget()
	s.choose(t, s.carol, "P-C", func(channel) bool { return true })
	c.await("alpha's position", of("P-A"))
	a.await("carol's position", of("P-C"))

	// Rights that change: TAK asks for the groups again, and sees others.
	s.must("", "group", "revoke", "B", "carol")
	for _, x := range []*device{c, c2} {
		x.await("that the groups have changed", typed("t-x-g-c"))
		x.await("that dave is out of sight", about("t-x-d-d", "P-D"))
	}
	d.await("that carol is out of sight", about("t-x-d-d", "P-C"))
	s.must("", "group", "grant", "B", "carol")
	d.await("carol again", of("P-C"))

	// Leaving.
	d.forget()
	c.forget()
	b.close()
	left := c.await("that bravo has left", about("t-x-d-d", "P-B"))
	if left.detail.child("link").attr("type") != "a-f-G-U-C" || left.uid == "P-B" {
		t.Errorf("bravo's leaving is told as %+v", left)
	}
	d.ping()
	if d.count(about("t-x-d-d", "P-B")) > 0 {
		t.Error("who never saw bravo is told that he has left")
	}
	incognito(t, s, a, c)
}

func incognito(t *testing.T, s *suite, a, c *device) {
	c.forget()
	a.send(event("P-A", "t-x-c-i-e", ""))
	c.await("that alpha is out of sight", about("t-x-d-d", "P-A"))
	c.forget()
	a.report()
	a.send(event("shown", "a-h-G", ""))
	c.await("another event", of("shown"))
	if c.count(of("P-A")) > 0 {
		t.Error("the position of who is incognito arrived")
	}
	if strings.Contains(s.carol.marti(t, "GET", "/Marti/api/contacts/all", nil).ok(t).body, "P-A") {
		t.Error("who is incognito is among the contacts")
	}
	a.send(event("P-A", "t-x-c-i-d", ""))
	a.report()
	c.await("alpha again", of("P-A"))
}

func offlineChat(t *testing.T, s *suite) {
	from := s.alpha.connect(t, "tls", "C-FROM", "C-FROM").report()
	to := s.bravo.connect(t, "v1", "C-TO", "C-TO").report()
	to.close()
	from.await("that he has left", about("t-x-d-d", "C-TO"))
	for i := range 20 {
		dest := `<dest uid="C-TO"/>`
		if i%2 == 1 {
			dest = `<dest callsign="C-TO"/>`
		}
		from.send(chat("C-FROM", "C-TO", fmt.Sprintf("line %02d", i), dest))
	}
	from.ping()
	from.until("that all are kept", func() bool { return from.count(typed("b-t-f-p")) == 20 })
	lines := func(d *device) (lines []string) {
		for _, e := range d.all(typed("b-t-f")) {
			lines = append(lines, e.detail.child("remarks").Text)
		}
		return lines
	}
	to = s.bravo.connect(t, "tls", "C-TO", "C-TO")
	to.ping()
	if n := len(lines(to)); n > 0 {
		t.Errorf("%d messages came before it was known who that is", n)
	}
	to.report()
	to.until("20 messages", func() bool { return len(lines(to)) >= 20 })
	for i, line := range lines(to) {
		if line != fmt.Sprintf("line %02d", i) {
			t.Errorf("message %d is %q", i, line)
		}
	}
	// Receipts find their way back, and nothing is delivered again.
	to.send(event("receipt", "b-t-f-d", `<__chatreceipt parent="RootContactGroup" groupOwner="false" messageId="m" chatroom="C-TO" id="C-TO" senderCallsign="C-FROM"/><link uid="C-TO" relation="p-p" type="a-f-G"/><marti><dest uid="C-FROM"/></marti>`))
	from.await("a receipt", typed("b-t-f-d"))
	to.close()
	to = s.bravo.connect(t, "tls", "C-TO", "C-TO").report()
	from.send(chat("C-FROM", "C-TO", "now", `<dest uid="C-TO"/>`))
	to.until("the next message", func() bool { return len(lines(to)) > 0 })
	if got := lines(to); len(got) != 1 || got[0] != "now" {
		t.Errorf("after coming back once more: %q", got)
	}
	// Who was never here, or shares no group.
	s.dave.connect(t, "tls", "C-DAVE", "C-DAVE").report().close()
	for _, nobody := range []string{"C-NOBODY", "C-DAVE"} {
		from.forget()
		from.send(chat("C-FROM", nobody, "hello", `<dest uid="`+nobody+`"/>`))
		from.await("that the message to "+nobody+" failed", typed("b-t-f-s"))
	}
	// Rooms without recipients: all, and a team.
	green := s.carol.connect(t, "tls", "C-GREEN", "C-GREEN")
	green.send(report("C-GREEN", "C-GREEN", "Green"))
	green.ping()
	from.send(chat("C-FROM", "All Chat Rooms", "to all", ""), chat("C-FROM", "Green", "to green", ""))
	green.until("both messages", func() bool { return len(lines(green)) == 2 })
	from.settle(to)
	if got := strings.Join(lines(to), ","); got != "now,to all" {
		t.Errorf("another team received %q", got)
	}
}

// TestEmergency is item 13 of the conformance list: alerts are repeated until they
// are cancelled, whoever comes and even if the server dies in between.
func TestEmergency(t *testing.T) {
	need(t)
	t.Parallel()
	s := startTAK(t)
	s.group(t, "B")
	alpha, bravo, dave := s.member(t, "alpha", "team"), s.member(t, "bravo", "team"), s.member(t, "dave", "B")
	a := alpha.connect(t, "tls", "E-A", "E-A").report()
	b := bravo.connect(t, "v1", "E-B", "E-B").report()
	d := dave.connect(t, "tls", "E-D", "E-D").report()
	alert := func(typ, inner string) string {
		return event("E-A-9-1-1", typ, `<link uid="E-A" type="a-f-G-U-C" relation="p-p"/><contact callsign="E-A-Alert"/>`+inner)
	}
	a.send(alert("b-a-o-tbl", `<emergency type="911 Alert">E-A</emergency>`))
	twice := func(d *device, what string) {
		t.Helper()
		n := d.count(typed("b-a-o-tbl"))
		d.until(what, func() bool { return d.count(typed("b-a-o-tbl")) >= n+2 })
	}
	twice(b, "repetitions of the alert")
	for _, e := range b.all(typed("b-a-o-tbl")) {
		if e.uid != "E-A-9-1-1" || e.detail.child("emergency").Text != "E-A" || !e.stale.After(e.time) {
			t.Errorf("a repetition is %+v", e)
		}
	}
	late := bravo.connect(t, "tls", "E-LATE", "E-LATE").report()
	twice(late, "the alert of before it came")

	a.ping() // the alert is on the disk now
	if d.count(of("E-A-9-1-1")) > 0 {
		t.Error("the alert went to another group")
	}
	s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.ended
	s.checkLog()
	s.again()
	b = bravo.connect(t, "v1", "E-B", "E-B").report()
	d = dave.connect(t, "tls", "E-D", "E-D").report()
	twice(b, "the alert of before the server died")

	a = alpha.connect(t, "tls", "E-A", "E-A").report()
	b.send(alert("b-a-o-can", `<emergency cancel="true">E-A</emergency>`))
	b.ping()
	if n := b.count(typed("b-a-o-tbl")); n == 0 {
		t.Error("the alert is gone")
	}
	twice(b, "the alert that somebody else wanted to cancel")
	a.send(alert("b-a-o-can", `<emergency cancel="true">E-A</emergency>`))
	b.await("the end of the alert", typed("b-a-o-can"))
	b.forget()
	time.Sleep(2500 * time.Millisecond)
	b.ping()
	b.ping()
	if n := b.count(typed("b-a-o-tbl")); n > 0 {
		t.Errorf("%d repetitions after the end", n)
	}
	if d.count(of("E-A-9-1-1")) > 0 {
		t.Error("the alert went to another group")
	}
	s.stop()
	s.again()
	b = bravo.connect(t, "v1", "E-B", "E-B").report()
	time.Sleep(1500 * time.Millisecond)
	b.ping()
	if n := b.count(typed("b-a-o-tbl")); n > 0 {
		t.Error("a cancelled alert is back after a restart")
	}
}
