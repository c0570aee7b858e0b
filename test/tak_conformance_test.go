package test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// suite is a server with people on it:
//
//	alpha, bravo   group A
//	carol          groups A and B
//	dave           group B
//	guests         group guests, without a login
type suite struct {
	*server
	alpha, bravo, carol, dave *member
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := startTAK(t, "MUSTER_COT_ANONYMOUS=true", "MUSTER_COT_ANONYMOUS_GROUP=guests", "MUSTER_COT_QUEUE_SIZE=2MiB",
		"MUSTER_COT_SLOW_TIMEOUT=2s", "MUSTER_COT_FILES_MAX_SIZE=1MiB")
	s.group(t, "A", "B")
	return &suite{s, s.member(t, "alpha", "A"), s.member(t, "bravo", "A"), s.member(t, "carol", "A", "B"), s.member(t, "dave", "B")}
}

// pair connects a sender and a receiver of group A.
func (s *suite) pair(t *testing.T, sendBy, receiveBy string) (from, to *device) {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' || r == ',' || r == '_' {
			return '-'
		}
		return r
	}, t.Name())
	return s.alpha.connect(t, sendBy, name+"-F", name+"-F").report(), s.bravo.connect(t, receiveBy, name+"-T", name+"-T").report()
}

// TestConformance goes through what TAK clients expect of a server, item by item,
// with the real program.
func TestConformance(t *testing.T) {
	need(t)
	t.Parallel()
	s := newSuite(t)
	for _, item := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"01 every form of XML between and around events", forms},
		{"02 events in pieces and in heaps", pieces},
		{"03 auth elements", authElements},
		{"04 large events", largeEvents},
		{"05 ping", pings},
		{"06 negotiation", negotiation},
		{"07 XML and version 1 hold the same", sameContent},
		{"08 typed parts of version 1", typedRule},
		{"09 recipients", recipients},
		{"10 groups and directions", directions},
		{"11 presence and switched groups", presence},
		{"12 chat for who is away", offlineChat},
		{"14 a reader that does not read", slowReader},
		{"16 one uid twice, one callsign twice, a certificate revoked", identities},
		{"17 enrolment", enrolments},
		{"18 types and words that clients look for", literals},
		{"19 profiles and files", contents},
		{"20 the life of a mission", missionLife},
		{"15 handshakes that never end", idleHandshakes}, // last: it closes thousands of connections
	} {
		t.Run(item.name, func(t *testing.T) {
			item.run(t, s)
			if t.Failed() {
				return
			}
			if n := (&siege{server: s.server}).metric(t, "muster_panics_total"); n != 0 {
				t.Errorf("%.0f panics", n)
			}
		})
	}
}

const prolog = `<?xml version="1.0" encoding="UTF-8"?>`

func forms(t *testing.T, s *suite) {
	to := s.bravo.connect(t, "tls", "FORMS", "FORMS").report()
	single := func(e string) string { return strings.ReplaceAll(e, `"`, `'`) }
	for name, join := range map[string]func(a, b string) string{
		"prolog before every":    func(a, b string) string { return prolog + a + prolog + b },
		"prolog before none":     func(a, b string) string { return a + b },
		"newline between":        func(a, b string) string { return a + "\n" + b + "\n" },
		"CRLF":                   func(a, b string) string { return prolog + "\r\n" + a + "\r\n" + prolog + "\r\n" + b + "\r\n" },
		"single quotes":          func(a, b string) string { return single(prolog+a) + single(b) },
		"byte order mark":        func(a, b string) string { return "\ufeff" + prolog + a + "\ufeff" + prolog + b },
		"NUL between":            func(a, b string) string { return a + "\x00\x00" + b },
		"standalone":             func(a, b string) string { return "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n" + a + b },
		"an event around events": func(a, b string) string { return "<events>" + a + b + "</events>" },
		"no point before":        func(a, b string) string { return `<event uid="none" type="a-f-G"/>` + a + b },
		"text between":           func(a, b string) string { return "hello" + a + "world" + b },
		"malformed between": func(a, b string) string {
			return a + `<event version="2.0" uid="bad" type="a-f-G"><point lat="1"></event>` + b
		},
		"lines": func(a, b string) string {
			return strings.ReplaceAll(strings.ReplaceAll(a, " ", "\n\t"), "><", ">\n  <") + b
		},
		"closed with a space": func(a, b string) string { return strings.Replace(a, "<detail></detail>", "<detail ></detail >", 1) + b },
		"comment":             func(a, b string) string { return strings.Replace(a, "<detail>", "<detail><!-- </event> -->", 1) + b },
		"end within CDATA": func(a, b string) string {
			return strings.Replace(a, "<detail>", "<detail><remarks><![CDATA[<a></event>]]></remarks>", 1) + b
		},
	} {
		for _, way := range []string{"tls", "tcp"} {
			one := "form-" + strings.ReplaceAll(name, " ", "-") + "-" + way
			two := one + "-2"
			from := s.alpha.connect(t, way, "FORM-"+name+way, "F")
			from.raws(join(event(one, "a-h-G", ""), event(two, "a-h-G", "")))
			from.settle(to)
			for _, uid := range []string{one, two} {
				if n := to.count(of(uid)); n != 1 {
					t.Errorf("%s by %s: %q arrived %d times", name, way, uid, n)
				}
			}
			from.close()
		}
	}
	from := s.alpha.connect(t, "tls", "FORM-E", "FORM-E")
	from.send(event("entities", "a-h-G", `<remarks>&lt;&gt;&amp;&quot;&apos;&#65;&#x42; ü</remarks>`))
	if text := to.await("entities", of("entities")).detail.child("remarks").Text; text != `<>&"'AB ü` {
		t.Errorf("entities came as %q", text)
	}
	if cdata := to.all(of("form-end-within-CDATA-tls"))[0].detail.child("remarks").Text; cdata != "<a></event>" {
		t.Errorf("CDATA came as %q", cdata)
	}
}

func pieces(t *testing.T, s *suite) {
	to := s.bravo.connect(t, "tls", "PIECES", "PIECES").report()
	for _, way := range []string{"tcp", "tls", "v1"} {
		from := s.alpha.connect(t, way, "PIECES-"+way, "F").report()
		bytesOf := func(e string) []byte {
			if way == "v1" {
				return frame(e)
			}
			return []byte(prolog + e)
		}
		size := len(bytesOf(event("cut tcp 000", "a-h-G", "")))
		for at := 1; at < size; at++ {
			b := bytesOf(event(fmt.Sprintf("cut %s %03d", way, at), "a-h-G", ""))
			from.out(b[:at])
			time.Sleep(300 * time.Microsecond) // so that they are read one by one
			from.out(b[at:])
		}
		const many = 1000
		var heap []byte
		for i := range many {
			heap = append(heap, bytesOf(event(fmt.Sprintf("heap %s %d", way, i), "a-h-G", ""))...)
		}
		from.out(heap)
		from.settle(to)
		for what, n := range map[string]int{"cut": size - 1, "heap": many} {
			seen := map[string]int{}
			for _, e := range to.all(func(e *sighting) bool { return strings.HasPrefix(e.uid, what+" "+way) }) {
				seen[e.uid]++
			}
			if len(seen) != n {
				t.Errorf("%s %s: %d of %d events arrived", what, way, len(seen), n)
			}
			for uid, times := range seen {
				if times != 1 {
					t.Errorf("%q arrived %d times", uid, times)
				}
			}
		}
	}
}

// login is what ATAK writes first where it has a password.
func login(user, password string) string {
	return fmt.Sprintf(`%s<auth><cot username="%s" password="%s" uid="X"/></auth>`, prolog, user, password)
}

func authElements(t *testing.T, s *suite) {
	to := s.bravo.connect(t, "tls", "AUTH", "AUTH").report()
	from := s.alpha.connect(t, "tls", "AUTH-F", "AUTH-F")
	from.raws(login("nobody", guess) + event("behind auth", "a-h-G", ""))
	to.await("an event behind an auth that nobody asked for", of("behind auth"))

	guest := s.anonymous(t, "GUEST", "GUEST").report()
	other := newDevice(t, "GUEST-2", "GUEST-2")
	other.over(s.plain(t))
	t.Cleanup(other.close)
	other.raws(login("alpha", passwordOf("alpha")))
	other.report()
	to.await("who logs in where nobody has to", of("GUEST-2"))
	if other.count(of("GUEST")) > 0 || guest.count(of("GUEST-2")) > 0 {
		t.Error("who has logged in is among the guests")
	}

	began := time.Now()
	for name, text := range map[string]string{
		"wrong password": login("alpha", guess), "unknown user": login("nobody", guess), "no name": prolog + "<auth><cot/></auth>",
		"not ended": "<auth>" + strings.Repeat("x", 70<<10),
	} {
		c := s.plain(t)
		c.SetDeadline(time.Now().Add(patience))
		go c.Write([]byte(text + event("intruder", "a-h-G", "")))
		if n, err := c.Read(make([]byte, 100)); n > 0 || err == nil {
			t.Errorf("%s: answered %d bytes", name, n)
		} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Errorf("%s: open after %s", name, time.Since(began))
		}
		c.Close()
	}
	from.settle(to)
	if to.count(of("intruder"))+guest.count(of("intruder")) > 0 {
		t.Error("an event behind a wrong password was passed on")
	}
}

func largeEvents(t *testing.T, s *suite) {
	var route strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&route, `<link uid="w%d" type="b-m-p-w" relation="c" point="52.%06d,13.4" callsign=""/>`, i, i)
	}
	for _, way := range []string{"tls", "v1", "ws"} {
		from, to := s.pair(t, way, "tls")
		from.send(event("route "+way, "b-m-r", route.String()))
		got := to.await("a route of 2000 points", of("route "+way))
		if n := len(got.detail.Children); n != 2000 {
			t.Errorf("%s: the route has %d points", way, n)
		}
		if way == "ws" {
			continue // a message over the limit is the end of a WebSocket
		}
		from.send(event("giant "+way, "b-m-r", "<remarks>"+strings.Repeat("x", 1200<<10)+"</remarks>"), event("next "+way, "a-h-G", ""))
		to.await("the event behind one over the limit", of("next "+way))
		if to.count(of("giant "+way)) > 0 {
			t.Errorf("%s: an event over the limit was passed on", way)
		}
		from.ping()
	}
}

func pings(t *testing.T, s *suite) {
	for _, way := range ways {
		from, to := s.pair(t, way, "v1")
		from.ping()
		pong := from.await("a pong", typed("t-x-c-t-r"))
		if pong.uid != "takPong" || pong.proto != (way == "v1" || way == "ws") || !pong.stale.After(pong.time) {
			t.Errorf("%s: the pong is %+v", way, pong)
		}
		from.settle(to)
		if n := to.count(func(e *sighting) bool { return strings.HasSuffix(e.uid, "-F-ping") }); n > 0 {
			t.Errorf("%s: a ping was passed on", way)
		}
		from.close()
		to.close()
	}
}

func negotiation(t *testing.T, s *suite) {
	for _, way := range []string{"tls", "tcp", "quic"} {
		t.Run(way, func(t *testing.T) { negotiationBy(t, s, way) })
	}
	// Who begins with a frame is answered in frames.
	d := newDevice(t, "FRAMES", "FRAMES")
	c := s.plain(t)
	d.inFrames.Store(true)
	d.out = func(b []byte) error { _, err := c.Write(b); return err }
	d.close = func() { c.Close() }
	t.Cleanup(d.close)
	d.send(report(d.uid, d.callsign, "Cyan"))
	go d.read(c)
	d.ping()
}

func negotiationBy(t *testing.T, s *suite, way string) {
	other := s.bravo.connect(t, "tls", "NEG-O-"+way, "NEG-O-"+way).report()
	d := s.alpha.connect(t, way, "NEG-"+way, "NEG-"+way).report()
	offer := d.await("an offer", typed("t-x-takp-v"))
	control := offer.detail.child("TakControl")
	if v := control.child("TakProtocolSupport").attr("version"); v != "1" {
		t.Errorf("version %q is offered", v)
	}
	if control.child("TakServerVersionInfo").attr("serverVersion") == "" {
		t.Error("the offer does not say the version of the server")
	}
	ask := func(version string) {
		d.raws(event(offer.uid, "t-x-takp-q", `<TakControl><TakRequest version="`+version+`"/></TakControl>`))
	}
	ask("2")
	if no := d.await("an answer", typed("t-x-takp-r")); no.detail.child("TakControl", "TakResponse").attr("status") != "false" || no.uid != offer.uid {
		t.Errorf("version 2 is answered %+v", no)
	}
	const flood = 300
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range flood {
			other.send(event(fmt.Sprintf("flood %s %d", way, i), "a-h-G", ""))
		}
		other.ping()
	})
	d.await("some of the flood", of(fmt.Sprintf("flood %s 20", way)))
	ask("1")
	d.until("version 1", func() bool { return d.count(typed("t-x-takp-r")) == 2 })
	wg.Wait()
	d.ping()
	d.ping()
	flooded := d.all(func(e *sighting) bool { return strings.HasPrefix(e.uid, "flood "+way) })
	if len(flooded) != flood {
		t.Errorf("%d of %d events arrived", len(flooded), flood)
	}
	for i, e := range flooded {
		if e.uid != fmt.Sprintf("flood %s %d", way, i) {
			t.Fatalf("event %d is %q", i, e.uid)
		}
		if i > 0 && flooded[i-1].proto && !e.proto {
			t.Error("XML follows frames")
		}
	}
	if n := d.count(typed("t-x-takp-v")); n != 1 {
		t.Errorf("%d offers", n)
	}
	d.mu.Lock()
	raw := d.raw.String()
	d.mu.Unlock()
	i := strings.Index(raw, `status="true"`)
	end := i + strings.Index(raw[i:], "</event>") + len("</event>")
	if raw[end] != 0xBF {
		t.Errorf("the byte behind the answer is %#x", raw[end])
	}
	if strings.Contains(raw[end:], "<event") {
		t.Error("there is XML behind the answer")
	}
	d.send(event("in frames "+way, "a-h-G", ""))
	other.await("an event in a frame", of("in frames "+way))
	if other.count(func(e *sighting) bool { return strings.HasPrefix(e.typ, "t-x-takp") && e.uid != "" }) > 1 {
		t.Error("the negotiation was passed on")
	}
}

func sameContent(t *testing.T, s *suite) {
	var to []*device
	for _, way := range []string{"tls", "v1", "ws", "quic"} {
		to = append(to, s.bravo.connect(t, way, "SAME-"+way, "SAME-"+way).report())
	}
	for _, way := range []string{"tls", "v1"} {
		from := s.alpha.connect(t, way, "SAME-F-"+way, "SAME-F-"+way).report()
		for _, shape := range shapes {
			sent := strings.ReplaceAll(shape.event, "%UID%", shape.name+"-"+way)
			want, err := parseXML([]byte(sent))
			if err != nil {
				t.Fatalf("%s: %v", shape.name, err)
			}
			from.send(sent)
			for _, d := range to {
				got := d.await(shape.name, of(want.uid))
				if got.canon() != want.canon() {
					t.Errorf("%s from %s to %s came as\n%s\nwants\n%s", shape.name, way, d.callsign, got.canon(), want.canon())
				}
			}
		}
	}
}

func typedRule(t *testing.T, s *suite) {
	from, to := s.pair(t, "tls", "v1")
	for name, c := range map[string]struct {
		detail string
		typed  []string
		xml    string // what stays, exactly
	}{
		"all": {`<contact callsign="C" endpoint="*:-1:stcp"/><__group name="Cyan" role="HQ"/><precisionlocation geopointsrc="GPS" altsrc="DTED0"/>` +
			`<status battery="50"/><takv device="d" platform="p" os="o" version="v"/><track speed="1.5" course="90"/><x/>`,
			[]string{"__group", "contact", "precisionlocation", "status", "takv", "track"}, `<x/>`},
		"contact without endpoint": {`<contact callsign="C"/>`, []string{"contact"}, ""},
		"contact with phone":       {`<contact callsign="C" endpoint="e" phone="1"/>`, nil, `<contact callsign="C" endpoint="e" phone="1"/>`},
		"contact without callsign": {`<contact endpoint="e"/>`, nil, `<contact endpoint="e"/>`},
		"status with readiness":    {`<status battery="50" readiness="true"/>`, nil, `<status battery="50" readiness="true"/>`},
		"status of a fraction":     {`<status battery="50.5"/>`, nil, `<status battery="50.5"/>`},
		"status below zero":        {`<status battery="-1"/>`, nil, `<status battery="-1"/>`},
		"two tracks":               {`<track speed="1" course="2"/><track speed="3" course="4"/>`, []string{"track"}, `<track speed="3" course="4"/>`},
		"track of words":           {`<track speed="fast" course="2"/>`, nil, `<track speed="fast" course="2"/>`},
		"takv without os":          {`<takv device="d" platform="p" version="v"/>`, nil, `<takv device="d" platform="p" version="v"/>`},
		"group with a child":       {`<__group name="Cyan" role="HQ"><x/></__group>`, nil, `<__group name="Cyan" role="HQ"><x/></__group>`},
		"group with text":          {`<__group name="Cyan" role="HQ">x</__group>`, nil, `<__group name="Cyan" role="HQ">x</__group>`},
		"unknown as it was":        {`<a  b='1' c = "&#65;"><![CDATA[<]]></a >`, nil, `<a  b='1' c = "&#65;"><![CDATA[<]]></a >`},
	} {
		uid := "typed " + name
		from.send(event(uid, "a-h-G", c.detail))
		got := to.await(name, of(uid))
		slices.Sort(got.typed)
		if !slices.Equal(got.typed, c.typed) {
			t.Errorf("%s: typed are %v, wants %v", name, got.typed, c.typed)
		}
		if got.inner != c.xml {
			t.Errorf("%s: xmlDetail is %q, wants %q", name, got.inner, c.xml)
		}
	}
	// Where a frame has a part typed and in xmlDetail, the latter counts.
	reader := s.bravo.connect(t, "tls", "TYPED-R", "TYPED-R").report()
	writer := s.alpha.connect(t, "v1", "TYPED-W", "TYPED-W").report()
	writer.out(doubled(t))
	if d := reader.await("a part typed and in XML", of("typed twice")).detail; len(d.Children) != 1 || d.child("contact").attr("callsign") != "XML" {
		t.Errorf("a part that is typed and in XML came as %s", d.canon(0))
	}
}

func slowReader(t *testing.T, s *suite) {
	stuck, err := (&net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}).Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["cot"]))
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	fmt.Fprint(stuck, login("bravo", passwordOf("bravo"))+report("STUCK", "STUCK", "Cyan"))
	from, to := s.pair(t, "tls", "tls")
	from.await("who will not read", of("STUCK"))
	w := &siege{server: s.server}
	slow, before := w.metric(t, "muster_cot_slow"), w.metric(t, "process_resident_memory_bytes")
	// Positions of one uid push each other out: they alone never fill the queue.
	for range 20_000 {
		from.send(event("busy", "a-h-G", "<remarks>"+strings.Repeat("p", 100)+"</remarks>"))
	}
	from.settle(to)
	if n := w.metric(t, "muster_cot_slow"); n != slow {
		t.Errorf("positions of one uid have ended a slow reader (%v, %v before)", n, slow)
	}
	if n := w.metric(t, "muster_cot_replaced"); n == 0 {
		t.Error("no position was replaced by a newer one")
	}
	const many, each = 300, 50 << 10
	for i := range many {
		from.send(event(fmt.Sprintf("bulk %d", i), "b-m-r", "<remarks>"+strings.Repeat("x", each)+"</remarks>"))
		if i%20 == 19 { // no faster than somebody who reads
			to.await("the bulk so far", of(fmt.Sprintf("bulk %d", i)))
		}
	}
	to.until("all of the bulk", func() bool {
		return to.count(func(e *sighting) bool { return strings.HasPrefix(e.uid, "bulk ") }) == many
	})
	wait(t, patience, "the end of the slow reader", func() error {
		if n := w.metric(t, "muster_cot_slow"); n != slow+1 {
			return fmt.Errorf("%v were ended, %v before", n, slow)
		}
		return nil
	})
	if n := w.metric(t, "muster_cot_dropped"); n == 0 {
		t.Error("what was not delivered is not counted")
	}
	if after := w.metric(t, "process_resident_memory_bytes"); !raceEnabled && after > before+40<<20 {
		t.Errorf("the server grew from %.0f to %.0f MiB for one that does not read", before/(1<<20), after/(1<<20))
	}
	to.await("the news that it is gone", about("t-x-d-d", "STUCK"))
}

func idleHandshakes(t *testing.T, s *suite) {
	many := 5000
	if raceEnabled {
		many = 1000
	}
	half := hello(t)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range many {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%8))}}
		c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["cot-tls"]))
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
		if i%2 == 0 {
			c.Write(half[:len(half)/2])
		}
		if i%(many/5) == many/10 {
			s.alpha.connect(t, "tls", fmt.Sprintf("AMID-%d", i), "AMID").report()
		}
	}
	from, to := s.pair(t, "tls", "v1")
	from.send(event("beside thousands", "a-h-G", ""))
	to.await("an event", of("beside thousands"))
}

func identities(t *testing.T, s *suite) {
	watch := s.carol.connect(t, "tls", "ID-W", "ID-W").report()
	first := s.alpha.connect(t, "tls", "ID-1", "ONE").report()
	watch.await("the first", of("ID-1"))

	// The same user: the new connection takes the place of the old one.
	second := s.alpha.connect(t, "v1", "ID-1", "ONE").report()
	first.gone(patience)
	second.send(event("id after", "a-h-G", ""))
	watch.await("an event of the second connection", of("id after"))
	if watch.count(about("t-x-d-d", "ID-1")) > 0 {
		t.Error("a device that came back was said to be gone")
	}

	// Another user: refused, and nothing is sent in that name.
	thief := s.bravo.connect(t, "tls", "ID-1", "STOLEN")
	watch.forget()
	thief.report()
	thief.settle(watch)
	if n := watch.count(of("ID-1")); n > 0 {
		t.Errorf("%d reports of a stolen uid arrived", n)
	}
	if !second.open() {
		t.Error("the owner of the uid was disconnected")
	}
	watch.send(chat("ID-W", "ID-1", "secret", `<dest uid="ID-1"/>`))
	second.await("chat to the uid", typed("b-t-f"))
	if thief.count(typed("b-t-f")) > 0 {
		t.Error("chat went to the thief")
	}

	// A callsign is no identity: both have it, both are meant.
	twin := s.bravo.connect(t, "tls", "ID-2", "ONE").report()
	watch.send(event("to ONE", "a-h-G", `<marti><dest callsign="ONE"/></marti>`))
	for _, d := range []*device{second, twin} {
		d.await("what is for their callsign", of("to ONE"))
	}
	revoked(t, s)
}

// revoked takes certificates away from who is connected by every way.
func revoked(t *testing.T, s *suite) {
	m := s.member(t, "eve", "A")
	var open []*device
	for _, way := range []string{"tls", "v1", "ws", "quic"} {
		open = append(open, m.connect(t, way, "EVE-"+way, "EVE-"+way).report())
	}
	m.marti(t, "GET", "/Marti/api/version", nil).ok(t)
	var list struct {
		Certificates []struct{ Fingerprint, User string }
	}
	s.api("admin", "GET", "certificates", nil, &list)
	i := slices.IndexFunc(list.Certificates, func(c struct{ Fingerprint, User string }) bool { return c.User == "eve" })
	if i < 0 {
		t.Fatal("the certificate is not on the list")
	}
	began := time.Now()
	s.must("", "cert", "revoke", list.Certificates[i].Fingerprint)
	for _, d := range open {
		d.gone(3 * time.Second)
	}
	t.Logf("all %d connections were closed %s after the command that revokes was given", len(open), time.Since(began).Round(time.Millisecond))
	if a, err := m.try("GET", "/Marti/api/version", nil); err == nil && a.status == http.StatusOK {
		t.Error("the API answers to a revoked certificate")
	}
	for _, way := range []string{"tls", "ws"} {
		d, err := m.dial(t, way, "EVE-AGAIN", "EVE")
		if err == nil {
			d.out([]byte(event("eve is back", "a-h-G", "")))
			d.gone(patience)
			d.close()
		}
	}
}
