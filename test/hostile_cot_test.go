package test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	bits "encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"
)

// takSiege is a TAK server under attack: by mallory, who has an account in group
// B, and by strangers. Meanwhile a camera is watched, and two of group A have each
// other in sight.
type takSiege struct {
	*siege
	victim, friend, mallory *member
	xml, v1                 *device // of friend; whatever they receive must be good
	reporter                *device // of victim
}

// TestHostileTAK attacks the doors of the TAK server. After each attack the server
// is alive and whole, and those who use it did not notice.
func TestHostileTAK(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	s := besiegeTAK(t)
	goroutines, files := s.load(t)
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *takSiege)
	}{
		{"cot lengths", cotLengths},
		{"cot XML", cotXML},
		{"cot protobuf", cotProto},
		{"cot names of others", cotNames},
		{"cot garbage and floods", cotFloods},
		{"cot certificates", cotCertificates},
		{"cot dawdling", cotDawdling},
		{"marti requests", martiRequests},
		{"marti paths and hashes", martiPaths},
		{"marti uploads", martiUploads},
		{"marti archives", martiArchives},
		{"marti bodies", martiBodies},
		{"marti other groups", martiOtherGroups},
		{"marti browsers and tokens", martiTokens},
		{"marti enrolment", martiEnrolment},
	} {
		ok := t.Run(attack.name, func(t *testing.T) {
			began := time.Now()
			attack.run(t, s)
			took := time.Since(began)
			s.unharmed(t)
			t.Logf("the attack took %s, the check after it %s", took.Round(time.Millisecond), (time.Since(began) - took).Round(time.Millisecond))
		})
		if !ok && !s.alive() {
			t.Fatalf("the server is gone:\n%s", around(s.log.String(), "goroutine "))
		}
	}
	s.watchedAll(t)
	for _, m := range []*member{s.victim, s.friend, s.mallory} {
		m.http.CloseIdleConnections()
	}
	s.calm(t, goroutines, files+24) // the connections to the database, which are opened when there is work
	for _, secret := range []string{guess, passwordOf("victim"), passwordOf("mallory"), "Basic "} {
		if log := s.log.String(); strings.Contains(log, secret) {
			t.Errorf("the log contains %q: %s", secret, around(log, secret))
		}
	}
}

func besiegeTAK(t *testing.T) *takSiege {
	t.Helper()
	handshake := "3s"
	if raceEnabled { // everything takes longer, good handshakes, too
		handshake = "6s"
	}
	s := &takSiege{siege: &siege{server: startTAK(t, "MUSTER_COT_STREAM_EVENT_TIMEOUT=2s", "MUSTER_COT_STREAM_HANDSHAKE_TIMEOUT="+handshake,
		"MUSTER_COT_MARTI_STALL_TIMEOUT=2s", "MUSTER_COT_MARTI_HANDSHAKE_TIMEOUT="+handshake, "MUSTER_COT_FILES_MAX_SIZE=4MiB",
		"MUSTER_COT_IDLE_TIMEOUT=1h")}} // those who look on say nothing
	s.group(t, "A", "B")
	s.victim, s.friend, s.mallory = s.member(t, "victim", "A"), s.member(t, "friend", "A"), s.member(t, "mallory", "B")
	s.user("pilot", "A")
	s.user("watcher", "A:out")
	background(t, "ffmpeg", loop(clipFile(t, "h264-aac"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "cam"))...)
	s.live("cam")
	args := []string{"-nostdin", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.25"}
	args = append(append(args, s.as("watcher", "cam")["rtsp"]...), "-map", "0:v", "-c", "copy", "-f", "null", "-")
	w := &watcher{name: "rtsp", process: background(t, "ffmpeg", args...)}
	s.watchers = []*watcher{w}
	wait(t, patience, "the picture", func() error {
		if w.frames() < 15 {
			return fmt.Errorf("%d frames", w.frames())
		}
		return nil
	})
	w.early, s.began = w.frames(), time.Now()
	s.xml = s.friend.connect(t, "tls", "FRIEND-X", "FRIEND-X").report()
	s.v1 = s.friend.connect(t, "v1", "FRIEND-1", "FRIEND-1").report()
	s.reporter = s.victim.connect(t, "tls", "VICTIM", "VICTIM").report()
	return s
}

// unharmed checks that nothing is broken and that those of group A see each other
// and nothing of mallory.
func (s *takSiege) unharmed(t *testing.T) {
	t.Helper()
	s.whole(t)
	began := time.Now()
	uid := fmt.Sprintf("still-here-%d", began.UnixNano())
	s.reporter.send(event(uid, "a-h-G", ""))
	for _, d := range []*device{s.xml, s.v1} {
		d.await("an event after the attack", of(uid))
		for _, bad := range d.all(func(e *sighting) bool {
			return strings.Contains(e.uid+e.inner+e.detail.canon(0), "EVIL") || strings.Contains(e.inner, "root:")
		}) {
			t.Errorf("%s received %s %s of mallory: %.300s", d.callsign, bad.typ, bad.uid, bad.inner)
		}
		if n := d.count(about("t-x-d-d", "VICTIM")); n > 0 {
			t.Errorf("%s was told that the victim is gone", d.callsign)
		}
		d.forget()
	}
	s.reporter.ping() // so that it is not idle
}

// inside connects mallory, with a reader of group B who watches what he does.
func (s *takSiege) inside(t *testing.T, way string) (d, reader *device) {
	t.Helper()
	n := time.Now().UnixNano()
	reader = s.mallory.connect(t, "tls", fmt.Sprintf("EVIL-R-%d", n), "EVIL-R").report()
	return s.mallory.connect(t, way, fmt.Sprintf("EVIL-%d", n), "EVIL").report(), reader
}

// grown fails the test if the server has taken much memory since before.
func (s *takSiege) grown(t *testing.T, before float64) {
	t.Helper()
	if after := s.metric(t, "process_resident_memory_bytes"); !raceEnabled && after > before+200<<20 {
		t.Errorf("the server grew from %.0f to %.0f MiB", before/(1<<20), after/(1<<20))
	}
}

// cotLengths announces more than anybody should believe.
func cotLengths(t *testing.T, s *takSiege) {
	before := s.metric(t, "process_resident_memory_bytes")
	var heads [][]byte
	for _, n := range []uint64{1 << 20, 1<<20 + 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 62, 1 << 63, math.MaxUint64} {
		heads = append(heads, bits.AppendUvarint([]byte{0xBF}, n))
	}
	heads = append(heads, append([]byte{0xBF}, bytes.Repeat([]byte{0xFF}, 20)...), append([]byte{0xBF}, bytes.Repeat([]byte{0x80}, 9)...),
		[]byte{0xBF, 0x80, 0x80, 0x80, 0x00}, []byte{0xBF, 0x00}, []byte{0xBF, 0x01, 0xFF}, []byte{0xBF, 1, 0xBF})
	for i, head := range heads {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { s.throw(t, "cot", head, 50*time.Millisecond) }) // before a login
		}
		wg.Wait()
		for _, way := range []string{"tls", "v1", "tcp", "ws"} {
			d := s.mallory.connect(t, way, fmt.Sprintf("EVIL-L-%d-%s", i, way), "EVIL")
			d.out(append(slices.Clone(head), noise(dice(), 3000)...))
			time.Sleep(10 * time.Millisecond)
			d.close()
		}
	}
	s.grown(t, before)
	// A message beyond the limit, and text, are no frames.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for kind, b := range map[websocket.MessageType][]byte{websocket.MessageBinary: make([]byte, 4<<20), websocket.MessageText: []byte(report("EVIL-T", "EVIL", "Cyan"))} {
		ws, _, err := websocket.Dial(ctx, fmt.Sprintf("wss://127.0.0.1:%d/takproto/1", s.ports["marti"]), &websocket.DialOptions{HTTPClient: s.mallory.http})
		if err != nil {
			t.Fatal(err)
		}
		ws.Write(ctx, kind, b) // the server may close before it has read all
		ws.CloseNow()
	}
}

// cotXML sends what is no CoT, or more than CoT.
func cotXML(t *testing.T, s *takSiege) {
	before := s.metric(t, "process_resident_memory_bytes")
	d, reader := s.inside(t, "tls")
	v1 := s.mallory.connect(t, "v1", d.uid+"-1", "EVIL-1").report()
	n := 0
	uid := func() string { n++; return fmt.Sprintf("EVIL-X-%d", n) }
	bomb := `<!DOCTYPE event [<!ENTITY a "aaaaaaaaaa">` + strings.Repeat(`<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">`, 50) + `]>`
	xxe := `<!DOCTYPE event [<!ENTITY x SYSTEM "file:///etc/passwd">]>`
	attrs := func(n int) (b string) {
		for i := range n {
			b += fmt.Sprintf(` a%d="x"`, i)
		}
		return b
	}
	good := func() string { return event(uid(), "a-h-G", "") }
	with := func(detail string) string { return event(uid(), "a-h-G", detail) }
	swap := func(old, new string) string { return strings.Replace(good(), old, new, 1) }
	// Each stands between good events, which arrive all the same; what has passed
	// is read with the rest.
	dropped := map[string]string{
		"entity bomb":                    bomb + strings.Replace(good(), "<detail>", "<detail><remarks>&b;</remarks>", 1),
		"external entity":                xxe + strings.Replace(good(), "<detail>", "<detail><remarks>&x;</remarks>", 1),
		"entity unknown":                 with("<remarks>&nbsp;</remarks>"),
		"parameter entity":               with("<remarks>%x;&x;</remarks>"),
		"doctype within":                 strings.Replace(good(), "<detail>", `<!DOCTYPE x SYSTEM "http://evil.example/x"><detail>`, 1),
		"100 deep":                       with(strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)),
		"100,000 deep":                   with(strings.Repeat("<a>", 100_000)),
		"200 attributes":                 with("<a" + attrs(200) + "/>"),
		"one attribute twice":            with(`<a b="1" b="2"/>`),
		"tags crossed":                   with("<a><b></a></b>"),
		"not closed":                     with("<a>"),
		"closed too often":               with("</detail></detail>"),
		"< in an attribute":              with(`<a b="<"/>`),
		"no quotes":                      with("<a b=1/>"),
		"NUL by reference":               with("<remarks>&#0;</remarks>"),
		"no character":                   with("<remarks>&#xFFFFFFFF;</remarks>"),
		"control character":              with("<remarks>\x01</remarks>"),
		"not UTF-8":                      with("<remarks>\xff\xfe\xc0\xaf</remarks>"),
		"surrogate":                      with("<remarks>\xed\xa0\x80</remarks>"),
		"CDATA not ended":                with("<remarks><![CDATA[</remarks>"),
		"end of CDATA in text":           with("<remarks>]]></remarks>"),
		"-- in a comment":                with("<!-- -- -->"),
		"instruction":                    with(`<?xml-stylesheet href="http://evil.example"?>`),
		"no uid":                         swap(`uid="`, `x="`),
		"empty uid":                      event("", "a-h-G", ""),
		"no type":                        swap(`type="`, `x="`),
		"no point":                       strings.Replace(good(), "<point", "<pint", 1),
		"latitude of 91":                 swap(`lat="52.516275"`, `lat="91"`),
		"longitude of 181":               swap(`lon="13.377704"`, `lon="181"`),
		"latitude NaN":                   swap(`lat="52.516275"`, `lat="NaN"`),
		"longitude without end":          swap(`lon="13.377704"`, `lon="Inf"`),
		"latitude of a number too large": swap(`lat="52.516275"`, `lat="1e999"`),
		"latitude of words":              swap(`lat="52.516275"`, `lat="north"`),
		"time of words":                  swap(`time="2`, `time="x`),
		"year 99999":                     swap(`stale="2`, `stale="99992`),
		"uid of 1 MB":                    event(strings.Repeat("u", 1<<20), "a-h-G", ""),
		"2000 recipients":                with("<marti>" + strings.Repeat(`<dest uid="VICTIM"/>`, 2000) + "</marti>"),
	}
	i := 0
	for name, bad := range dropped {
		i++
		c := s.mallory.connect(t, "tls", fmt.Sprint(d.uid, "-", i), "EVIL")
		first, next := fmt.Sprint("EVIL-first-", i), fmt.Sprint("EVIL-next-", i)
		c.out([]byte(event(first, "a-h-G", "") + bad + event(next, "a-h-G", "")))
		reader.await("the event before "+name, of(first))
		v1.await("the event before "+name, of(first))
		// The end of the connection is an answer, too.
		deadline := time.Now().Add(patience)
		for c.open() && reader.count(of(next)) == 0 {
			if time.Now().After(deadline) {
				t.Fatalf("%s: neither the next event nor the end of the connection", name)
			}
			time.Sleep(2 * time.Millisecond)
		}
		c.close()
	}
	d.settle(reader, v1)
	for _, r := range []*device{reader, v1} {
		for _, e := range r.all(func(e *sighting) bool { return strings.HasPrefix(e.uid, "EVIL-X-") }) {
			t.Errorf("%s was passed an event that is bad: %s %.200s", r.callsign, e.uid, e.inner)
		}
	}
	s.grown(t, before)
}

// cotProto puts into frames what must not get out of them as XML.
func cotProto(t *testing.T, s *takSiege) {
	d, reader := s.inside(t, "v1")
	str := func(b []byte, n protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	sub := func(b []byte, n protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), m)
	}
	type change func(ev []byte) []byte
	build := func(uid string, changes ...change) []byte {
		ev := str(str(str(nil, 1, "a-h-G"), 5, uid), 9, "h-e")
		for i := range protowire.Number(3) {
			ev = protowire.AppendVarint(protowire.AppendTag(ev, 6+i, protowire.VarintType), uint64(time.Now().UnixMilli()))
		}
		for i := range protowire.Number(5) {
			ev = protowire.AppendFixed64(protowire.AppendTag(ev, 10+i, protowire.Fixed64Type), math.Float64bits(1))
		}
		for _, c := range changes {
			ev = c(ev)
		}
		return framed(sub(nil, 2, ev))
	}
	double := func(n protowire.Number, f float64) change {
		return func(ev []byte) []byte {
			return protowire.AppendFixed64(protowire.AppendTag(ev, n, protowire.Fixed64Type), math.Float64bits(f))
		}
	}
	number := func(n protowire.Number, v uint64) change {
		return func(ev []byte) []byte {
			return protowire.AppendVarint(protowire.AppendTag(ev, n, protowire.VarintType), v)
		}
	}
	detail := func(m []byte) change { return func(ev []byte) []byte { return sub(ev, 15, m) } }
	xmlDetail := func(x string) change { return detail(str(nil, 1, x)) }
	injected := `</detail></event><event version="2.0" uid="EVIL-INJECTED" type="a-h-G" how="m-g" time="2026-01-01T00:00:00Z" start="2026-01-01T00:00:00Z" stale="2036-01-01T00:00:00Z"><point lat="1" lon="1" hae="1" ce="1" le="1"/><detail>`
	for name, b := range map[string][]byte{
		"an event in xmlDetail":    build("EVIL-P-1", xmlDetail(injected)),
		"half a tag":               build("EVIL-P-2", xmlDetail("<a")),
		"not closed":               build("EVIL-P-3", xmlDetail("<a>")),
		"closes the detail":        build("EVIL-P-4", xmlDetail("</detail>")),
		"doctype":                  build("EVIL-P-5", xmlDetail(`<!DOCTYPE x SYSTEM "file:///etc/passwd"><a/>`)),
		"comment not ended":        build("EVIL-P-6", xmlDetail("<!-- ")),
		"not UTF-8":                build("EVIL-P-7", xmlDetail("<a>\xff</a>")),
		"100,000 deep":             build("EVIL-P-8", xmlDetail(strings.Repeat("<a>", 100_000))),
		"latitude NaN":             build("EVIL-P-9", double(10, math.NaN())),
		"longitude without end":    build("EVIL-P-10", double(11, math.Inf(1))),
		"latitude of 91":           build("EVIL-P-11", double(10, 91)),
		"end of time":              build("EVIL-P-12", number(8, math.MaxUint64)),
		"uid not UTF-8":            build("EVIL-P-\xff"),
		"uid with a NUL":           build("EVIL-P-\x00"),
		"callsign with a NUL":      build("EVIL-P-13", detail(sub(nil, 2, str(nil, 2, "a\x00b")))),
		"no uid":                   build(""),
		"a length that is a lie":   framed([]byte{0x12, 0xFF, 0x01, 1, 2}),
		"a field of 2^64":          framed([]byte{0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}),
		"groups of protobuf":       framed(bytes.Repeat([]byte{0x0B}, 50_000)),
		"messages in messages":     framed(nested(20_000)),
		"field 0":                  framed([]byte{0x00, 0x00}),
		"noise":                    framed(noise(dice(), 5000)),
		"nothing":                  framed(nil),
		"an event that is no more": framed([]byte{0x12, 0}),
	} {
		if err := d.out(b); err != nil || !d.open() {
			t.Fatalf("%s: the connection is over: %v", name, err)
		}
		d.send(event("EVIL-after-"+name, "a-h-G", ""))
		reader.await("the event behind "+name, of("EVIL-after-"+name))
	}
	// Text that means something in XML arrives as text.
	tricky := `"/><evil a='&lt;' b="`
	d.out(build(`EVIL-Q-`+tricky, detail(sub(sub(nil, 2, str(str(nil, 1, tricky), 2, tricky)), 3, str(str(nil, 1, tricky), 2, "</event>")))))
	got := reader.await("an event with quotes", of("EVIL-Q-"+tricky))
	if got.detail.child("contact").attr("callsign") != tricky || got.detail.child("__group").attr("role") != "</event>" {
		t.Errorf("quotes came as %s", got.detail.canon(0))
	}
	for _, e := range reader.all(func(e *sighting) bool { return strings.HasPrefix(e.uid, "EVIL-P-") || e.uid == "EVIL-INJECTED" }) {
		t.Errorf("an event that is bad was passed on: %q %.200s", e.uid, e.inner)
	}
}

// nested is a message in a message, n deep.
func nested(n int) []byte {
	var b []byte
	for range n {
		b = protowire.AppendBytes(protowire.AppendTag(nil, 15, protowire.BytesType), b)
		if len(b) > 900_000 {
			break
		}
	}
	return b
}

// cotNames speaks in the name of others. mallory2 is of the group of the victim,
// so that only the name protects him.
func cotNames(t *testing.T, s *takSiege) {
	m := s.member(t, "mallory2", "A")
	d := m.connect(t, "tls", "MAL-2", "MAL-2").report()
	s.xml.await("mallory2", of("MAL-2"))
	s.reporter.send(event("VICTIM-9-1-1", "b-a-o-tbl", `<link uid="VICTIM" type="a-f-G-U-C" relation="p-p"/><emergency type="911 Alert">VICTIM</emergency>`))
	s.xml.await("the alert of the victim", typed("b-a-o-tbl"))
	link := `<link uid="VICTIM" type="a-f-G-U-C" relation="p-p"/><note text="EVIL"/>`
	for _, e := range []string{
		event("VICTIM", "a-f-G-U-C", `<contact callsign="EVIL" endpoint="*:-1:stcp"/>`),
		event("VICTIM", "a-h-G", `<note text="EVIL"/>`),
		event("VICTIM", "b-m-p-s-m", `<note text="EVIL"/>`),
		event("EVIL-gone", "t-x-d-d", link),
		event("EVIL-gone2", "t-x-d-d", `<__forcedelete/>`+link),
		event("VICTIM-9-1-1", "b-a-o-can", link+`<emergency cancel="true">EVIL</emergency>`),
		event("VICTIM-9-1-1", "b-a-o-tbl", link+`<emergency type="911 Alert">EVIL</emergency>`),
		event("VICTIM-alert-2", "b-a-o-tbl", link+`<emergency type="911 Alert">EVIL</emergency>`),
		chat("VICTIM", "All Chat Rooms", "EVIL", ""),
		event("EVIL-r", "b-t-f-d", `<__chatreceipt messageId="EVIL"/>`+link),
		event("EVIL-m", "t-x-m-c", `<mission type="CHANGE" name="EVIL"/>`),
		event("EVIL-i", "t-x-m-i", `<mission type="INVITE" name="EVIL" token="x"/>`),
		event("EVIL-n", "t-x-takp-v", `<TakControl><TakProtocolSupport version="EVIL"/></TakControl>`),
		event("EVIL-f", "t-x-c-f", `<subscription><geospatialFilter><boundingBox minLongitude="NaN" minLatitude="-1e999" maxLongitude="x"/></geospatialFilter></subscription>`),
		event("EVIL-x", "t-b", `<note text="EVIL"/>`),
		event("VICTIM", "t-x-c-i-e", ""),
		event("VICTIM", "t-x-c-m", `<stats battery="EVIL"/>`),
	} {
		d.send(e)
	}
	d.settle(s.xml, s.v1)
	n := s.xml.count(typed("b-a-o-tbl"))
	s.xml.until("the alert to go on", func() bool { return s.xml.count(typed("b-a-o-tbl")) > n })
	if s.xml.count(typed("b-a-o-can")) > 0 {
		t.Error("the alert of the victim was cancelled by somebody else")
	}
	s.reporter.send(event("VICTIM-9-1-1", "b-a-o-can", `<emergency cancel="true">VICTIM</emergency>`))
	s.xml.await("the end of the alert", typed("b-a-o-can"))
	if !s.reporter.open() {
		t.Error("the victim was disconnected")
	}
}

// cotFloods: noise, many short connections, and more than anybody reads.
func cotFloods(t *testing.T, s *takSiege) {
	r := dice()
	payloads := [][]byte{noise(r, 1), noise(r, 5000), noise(r, 200_000), bytes.Repeat([]byte("<event "), 20_000), bytes.Repeat([]byte("<"), 100_000),
		bytes.Repeat([]byte("<?xml version='1.0'?>"), 5000), bytes.Repeat([]byte("\n"), 100_000), []byte("<auth>"), []byte("GET / HTTP/1.1\r\n\r\n"), hello(t)}
	var wg sync.WaitGroup
	for _, door := range []string{"cot", "cot-tls", "marti", "marti-enrol", "marti-plain"} {
		wg.Go(func() {
			for _, b := range payloads {
				s.throw(t, door, b, 30*time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		c := s.dialUDP(t, "cot-quic", attacker)
		for range 500 {
			c.Write(noise(r, r.IntN(1400)))
		}
	})
	wg.Wait()
	// Behind a login the same.
	for i, b := range payloads {
		d := s.mallory.connect(t, "tls", fmt.Sprintf("EVIL-G-%d", i), "EVIL")
		d.out(b)
		d.close()
	}
	for range 200 {
		if c := s.dial(t, "cot-tls", attacker); c != nil {
			c.Close()
		}
	}
	// Pings and positions of a reader who does not read.
	c, err := (&tls.Dialer{Config: s.trust(t, &s.mallory.cert)}).Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["cot-tls"]))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	flood := []byte(strings.Repeat(event("EVIL-ping", "t-x-c-t", "")+event("EVIL-flood", "a-h-G", ""), 200))
	for range 50 {
		if _, err := c.Write(flood); err != nil {
			break
		}
	}
}

// cotCertificates shows certificates that open nothing, some of them signed by the
// authority itself. What it signs for the name of a user opens that account.
func cotCertificates(t *testing.T, s *takSiege) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(s.data, "pki", name))
		if err != nil {
			t.Fatal(err)
		}
		p, _ := pem.Decode(b)
		return p.Bytes
	}
	ca, err := x509.ParseCertificate(read("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	caKey, err := x509.ParsePKCS8PrivateKey(read("ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	other, otherKey := *ca, p256(t)
	other.PublicKeyAlgorithm, other.SignatureAlgorithm, other.PublicKey = x509.ECDSA, x509.ECDSAWithSHA256, otherKey.Public()
	issue := func(change func(c *x509.Certificate), parent *x509.Certificate, by crypto.PrivateKey) tls.Certificate {
		key := p256(t)
		c := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "victim", OrganizationalUnit: []string{"TEST-victim"}},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
		}
		change(c)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der, parent.Raw}, PrivateKey: key}
	}
	none := func(*x509.Certificate) {}
	long := issue(none, ca, caKey)
	for range 50 {
		long.Certificate = append(long.Certificate, ca.Raw)
	}
	stolen := tls.Certificate{Certificate: s.victim.cert.Certificate, PrivateKey: p256(t)} // not the key of it
	for name, cert := range map[string]*tls.Certificate{
		"none":            nil,
		"other authority": ptr(issue(none, &other, otherKey)),
		"expired":         ptr(issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, ca, caKey)),
		"not yet valid":   ptr(issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, ca, caKey)),
		"of a server":     ptr(issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, ca, caKey)),
		"of an authority": ptr(issue(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }, ca, caKey)),
		"of nobody":       ptr(issue(func(c *x509.Certificate) { c.Subject.CommonName = "nobody" }, ca, caKey)),
		"two names": ptr(issue(func(c *x509.Certificate) {
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 3}, Value: "mallory"}, {Type: []int{2, 5, 4, 3}, Value: "victim"}}
		}, ca, caKey)),
		"a long chain": &long,
		"stolen":       &stolen,
	} {
		config := s.trust(t, cert)
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports["cot-tls"]), config)
		if err == nil {
			c.SetDeadline(time.Now().Add(patience))
			io.WriteString(c, event("EVIL-cert", "a-h-G", ""))
			if n, err := io.Copy(io.Discard, c); n > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("cot-tls: a certificate (%s) brings %d bytes, %v", name, n, err)
			}
			c.Close()
		}
		m := s.holder(t, "nobody", tls.Certificate{})
		m.http.Transport = transportOf(config)
		if a, err := m.try("GET", "/Marti/api/missions", nil); err == nil && a.status < 400 {
			t.Errorf("marti: a certificate (%s) is answered %d", name, a.status)
		}
		if _, err := m.dial(t, "ws", "EVIL-cert", "EVIL"); err == nil {
			t.Errorf("ws: a certificate (%s) is let in", name)
		}
		m.http.CloseIdleConnections()
	}
}

func ptr[T any](v T) *T { return &v }

// cotDawdling drips bytes into the doors.
func cotDawdling(t *testing.T, s *takSiege) {
	var wg sync.WaitGroup
	half := hello(t)
	for door, b := range map[string][]byte{
		"cot": []byte("<auth><cot username='x'"), "cot-tls": half[:len(half)-1], "marti": half[:len(half)-1], "marti-enrol": half[:len(half)-1],
		"marti-plain": []byte("GET /Marti/api/version HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("x", 100)),
	} {
		for _, after := range []int{0, 1, len(b) / 3} {
			wg.Go(func() {
				c := s.dial(t, door, attacker)
				if c == nil {
					return
				}
				defer c.Close()
				c.Write(b[:after])
				if after > 1 {
					go func() {
						for _, x := range b[after:] {
							if _, err := c.Write([]byte{x}); err != nil {
								return
							}
							time.Sleep(300 * time.Millisecond)
						}
					}()
				}
				_, err := io.Copy(io.Discard, c)
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Errorf("%s: open 10 s after %d bytes, where few are allowed", door, after)
				}
			})
		}
	}
	// Events begun and not ended, by who has logged in.
	for _, way := range []string{"tls", "tcp", "v1", "quic"} {
		wg.Go(func() {
			d := s.mallory.connect(t, way, "EVIL-D-"+way, "EVIL")
			d.ping()
			b := []byte(event("EVIL-drip", "a-h-G", ""))
			if way == "v1" {
				b = frame(event("EVIL-drip", "a-h-G", ""))
			}
			go func() {
				for _, x := range b[:len(b)-10] {
					if d.out([]byte{x}) != nil {
						return
					}
					time.Sleep(200 * time.Millisecond)
				}
			}()
			d.gone(patience)
		})
	}
	wg.Wait()
}
