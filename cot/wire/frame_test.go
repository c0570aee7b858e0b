package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// found is what a Scanner found, in a form that can be compared.
func found(it Item) string {
	switch it.Kind {
	case Skipped:
		return "skipped: " + it.Err.Error()
	case XML:
		return "xml: " + string(it.Data)
	case Auth:
		return "auth: " + string(it.Data)
	}
	return "proto: " + string(it.Data)
}

// scan feeds the stream in pieces of the given sizes (the last one again and
// again; 0 is all at once) and returns what was found. The caller's part is as a
// connection does it.
func scan(t testing.TB, s *Scanner, stream []byte, sizes ...int) (all []string, err error) {
	t.Helper()
	var buf []byte
	for i := 0; len(stream) > 0; i++ {
		n := sizes[min(i, len(sizes)-1)]
		if n == 0 || n > len(stream) {
			n = len(stream)
		}
		buf, stream = append(buf, stream[:n]...), stream[n:]
		for {
			it, used, err := s.Next(buf)
			if err != nil {
				return append(all, "framing"), err
			}
			if used > len(buf) {
				t.Fatalf("%d of %d bytes consumed", used, len(buf))
			}
			buf = buf[used:]
			if it.Kind != None {
				all = append(all, found(it))
			} else if used == 0 {
				break
			}
		}
		if len(buf) > s.Pending()+n {
			t.Fatalf("%d bytes are pending, more than %d", len(buf), s.Pending())
		}
	}
	return all, nil
}

func TestScannerFindsEvents(t *testing.T) {
	small := DefaultLimits()
	small.Event = 300
	long := `<event uid="long"><detail>` + strings.Repeat("<a/>", 200) + `</detail></event>`
	const a, b = `<event uid="a"><point/></event>`, `<event uid='b>"' ><detail/></event >`
	const auth = `<auth><cot username="u" password="p"/></auth>`
	const junk, selfClosed, cutOff, tooLong = "skipped: bytes between events", "skipped: an event without content",
		"skipped: an event that is cut off in its first tag", "skipped: longer than the limit"
	const prolog = `<?xml version="1.0" encoding="UTF-8"?>`
	frame := func(s string) string { return string(AppendFrame(nil, len(s))) + s }
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"nothing":                     {"", nil},
		"one":                         {a, []string{"xml: " + a}},
		"joined":                      {a + b + a, []string{"xml: " + a, "xml: " + b, "xml: " + a}},
		"newlines and NULs between":   {a + "\n" + b + "\r\n\x00" + a + "\n", []string{"xml: " + a, "xml: " + b, "xml: " + a}},
		"prolog before every event":   {prolog + a + prolog + "\n" + b, []string{"xml: " + a, "xml: " + b}},
		"byte-order mark":             {byteOrderMark + prolog + a, []string{"xml: " + a}},
		"lines in tags":               {"<event\r\n uid='1'\r\n>\r\n</event\r\n>", []string{"xml: <event\r\n uid='1'\r\n>\r\n</event\r\n>"}},
		"auth first":                  {prolog + auth + a, []string{"auth: " + auth, "xml: " + a}},
		"auth between":                {a + auth + a, []string{"xml: " + a, "auth: " + auth, "xml: " + a}},
		"events is no event":          {`<events>` + a + `</events>`, []string{junk, "xml: " + a, junk}},
		"authority is no auth":        {`<authority/>` + a, []string{junk, "xml: " + a}},
		"self-closed":                 {`<event uid="x"/>` + a + `<event/>`, []string{selfClosed, "xml: " + a, selfClosed}},
		"junk":                        {"abc < <x> </event>" + a + "abc", []string{junk, "xml: " + a, junk}},
		"cut off in the tag":          {`<event uid="x" ` + a, []string{cutOff, "xml: " + a}},
		"cut off in a value":          {`<event uid="x` + a + b, []string{cutOff, "xml: " + a, "xml: " + b}},
		"end in a comment":            {`<event><!-- </event> <![CDATA[ --></event>` + a, []string{`xml: <event><!-- </event> <![CDATA[ --></event>`, "xml: " + a}},
		"end in CDATA":                {`<event><![CDATA[</event><!--]]></event>` + a, []string{`xml: <event><![CDATA[</event><!--]]></event>`, "xml: " + a}},
		"no quite ends":               {`<event></eventx></even></event x></event></event>` + a, []string{`xml: <event></eventx></even></event x></event>`, junk, "xml: " + a}},
		"over the limit":              {a + long + b, []string{"xml: " + a, tooLong, "xml: " + b}},
		"over the limit, then cut":    {long[:800] + a + b, []string{tooLong, "xml: " + a, "xml: " + b}},
		"long comment":                {`<event><!--` + strings.Repeat("-</event>", 50) + `--></event>` + a, []string{tooLong, "xml: " + a}},
		"comment without end":         {`<event><!--` + strings.Repeat("x", 700) + `</event>` + a, []string{tooLong, "xml: " + a}},
		"long first tag":              {`<event a="` + strings.Repeat("x", 700) + `"></event>` + a, []string{tooLong, "xml: " + a}},
		"frames":                      {frame("one") + frame("") + frame(strings.Repeat("x", 300)), []string{"proto: one", "proto: ", "proto: " + strings.Repeat("x", 300)}},
		"frame over the limit":        {frame("one") + frame(strings.Repeat("\xBF", 70000)) + frame("two"), []string{"proto: one", tooLong, "proto: two"}},
		"no frame":                    {frame("one") + a, []string{"proto: one", "framing"}},
		"frame of half the address":   {"\xBF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F" + a, []string{"framing"}},
		"length of 11 bytes":          {"\xBF\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", []string{"framing"}},
		"length over 64 bits":         {"\xBF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", []string{"framing"}},
		"0xBF later is junk":          {a + frame("one"), []string{"xml: " + a, junk}},
		"auth over 4 KiB":             {`<auth><cot username="` + strings.Repeat("x", 5000) + `"/></auth>`, []string{"framing"}},
		"auth of 4 KiB":               {auth[:6] + strings.Repeat(" ", 4096-len(auth)) + auth[6:], []string{"auth: " + auth[:6] + strings.Repeat(" ", 4096-len(auth)) + auth[6:]}},
		"prolog without end":          {`<?xml ` + strings.Repeat("x", 2000) + a, []string{junk, "xml: " + a}},
		"end tag of white space":      {`<event></event` + strings.Repeat(" ", 200) + `></event>` + a, []string{`xml: <event></event` + strings.Repeat(" ", 200) + `></event>`, "xml: " + a}},
		"the next one begins in skip": {`<event>` + strings.Repeat("x", 400) + "<eve" + "<event>1</event>", []string{tooLong, "xml: <event>1</event>"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sizes := range [][]int{{0}, {1}, {2}, {7}, {64}, {1000}} {
				got, err := scan(t, NewScanner(small), []byte(c.stream), sizes...)
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
					t.Errorf("in pieces of %d:\n%q, want\n%q", sizes, got, c.want)
				}
				if err != nil && !errors.Is(err, ErrFraming) {
					t.Errorf("error %v", err)
				}
			}
			for cut := 1; cut < min(len(c.stream), 400); cut++ {
				if got, _ := scan(t, NewScanner(small), []byte(c.stream), cut, 0); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
					t.Errorf("cut at %d:\n%q, want\n%q", cut, got, c.want)
				}
			}
		})
	}
}

func TestAnEventSplitAnywhereParsesOnce(t *testing.T) {
	for cut := range len(sa) {
		got, err := scan(t, NewScanner(DefaultLimits()), []byte(sa), cut, 0)
		if err != nil || len(got) != 1 || got[0] != "xml: "+sa {
			t.Fatalf("cut at %d: %q %v", cut, got, err)
		}
	}
	got, err := scan(t, NewScanner(DefaultLimits()), []byte(strings.Repeat(sa, 1000)), 0)
	if err != nil || len(got) != 1000 {
		t.Errorf("%d events of 1000: %v", len(got), err)
	}
}

func TestEventsOfTheCorpusCanBeParsedFromAStream(t *testing.T) {
	var stream []byte
	for _, s := range corpus() {
		stream = append(append(stream, s...), '\n')
	}
	s := NewScanner(DefaultLimits())
	n := 0
	for buf := stream; len(buf) > 0; {
		it, used, err := s.Next(buf)
		if err != nil || it.Kind == Skipped {
			t.Fatal(it, err)
		}
		if it.Kind == XML {
			n++
			mustXML(t, string(it.Data))
		}
		buf = buf[used:]
	}
	if n != len(corpus()) {
		t.Errorf("%d events of %d", n, len(corpus()))
	}
}

func TestSetProtoAfterARequest(t *testing.T) {
	s := NewScanner(DefaultLimits())
	request := corpus()["request"]
	buf := append([]byte(request+"\r\n"), AppendFrame(nil, 3)...)
	buf = append(buf, "one"...)
	it, n, err := s.Next(buf)
	if err != nil || it.Kind != XML || n != len(request) || s.IsProto() {
		t.Fatal(it, n, err)
	}
	s.SetProto()
	got, err := scan(t, s, buf[n:], 1)
	if err != nil || len(got) != 1 || got[0] != "proto: one" || !s.IsProto() {
		t.Errorf("%q %v", got, err)
	}
	if got, err := scan(t, s, []byte("\n"), 0); err == nil {
		t.Errorf("white space between frames: %q", got)
	}
}

func TestSetLimitsCountsFromThenOn(t *testing.T) {
	small := DefaultLimits()
	small.Event = 64
	s := NewScanner(small)
	if got, _ := scan(t, s, []byte(sa), 0); got[0] != "skipped: longer than the limit" {
		t.Errorf("%q", got)
	}
	s.SetLimits(DefaultLimits())
	if got, _ := scan(t, s, []byte(sa), 0); got[0] != "xml: "+sa {
		t.Errorf("%q", got)
	}
}

// The work for bytes that come one by one must not grow with their square: a
// call looks at few bytes, however many are waiting.
func TestScannerLooksAtEachByteAFewTimes(t *testing.T) {
	for name, s := range map[string]string{
		"text": `<event>` + strings.Repeat("x", 1<<16), "tags": `<event>` + strings.Repeat("<a/>", 1<<14),
		"comment": `<event><!--` + strings.Repeat("-", 1<<16), "value": `<event a="` + strings.Repeat("x", 1<<16),
		"spaces": `<event></event` + strings.Repeat(" ", 1<<16), "junk": strings.Repeat("<", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			sc := NewScanner(DefaultLimits())
			b, from, most := []byte(s), 0, 0
			for end := 1; end <= len(b); end++ {
				before := sc.off
				_, n, err := sc.Next(b[from:end])
				if err != nil {
					t.Fatal(err)
				}
				from += n
				most = max(most, end-from-max(sc.off, before))
			}
			if most > 128 {
				t.Errorf("up to %d bytes are looked at again and again", most)
			}
		})
	}
}

func TestParseDatagram(t *testing.T) {
	e := mustXML(t, sa)
	for name, b := range map[string]string{
		"XML": sa, "with prolog": byteOrderMark + "<?xml version='1.0' standalone=\"yes\"?>\n" + sa + "\n\x00",
		"mesh": "\xBF\x01\xBF" + string(e.AppendProto(nil)),
	} {
		got, err := ParseDatagram([]byte(b), DefaultLimits())
		if err != nil || got.UID != e.UID || got.Contact != e.Contact {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	for name, b := range map[string]string{
		"nothing": "", "version 2": "\xBF\x02\xBF", "magic": "\xBF", "a stream's frame": "\xBF\x05hello",
		"two events": sa + sa, "open prolog": "<?xml " + sa, "doctype": "<!DOCTYPE a>" + sa,
	} {
		if got, err := ParseDatagram([]byte(b), DefaultLimits()); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
}

func TestParseAuth(t *testing.T) {
	got, err := ParseAuth([]byte(`<auth><cot username="f&amp;2" password='s"t' uid="ANDROID-5f" callsign="F 2"/></auth>`))
	if want := (Credentials{"f&2", `s"t`, "ANDROID-5f", "F 2"}); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	for name, s := range map[string]string{
		"no cot": "<auth></auth>", "another": "<oauth><cot/></oauth>", "open": "<auth><cot></auth>", "nothing": "",
	} {
		if got, err := ParseAuth([]byte(s)); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
}

func TestAppendFrame(t *testing.T) {
	if got := AppendFrame([]byte("x"), 300); !bytes.Equal(got, []byte("x\xBF\xAC\x02")) {
		t.Errorf("%x", got)
	}
}
