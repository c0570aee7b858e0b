package wire

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// message writes a request with lines that stand for the usual ones of the same
// name; "-Name" leaves one out, "+Name: value" adds one.
func message(start string, lines ...string) []byte {
	method, _, _ := strings.Cut(start, " ")
	fields := []string{
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77ef4c2312983", "Max-Forwards: 70", "From: <sip:a@example.com>;tag=1",
		"To: <sip:b@example.com>", "Call-ID: one@192.0.2.1", "CSeq: 1 " + method, "Contact: <sip:a@192.0.2.1>", "Content-Length: 0",
	}
	body := ""
	for _, l := range lines {
		if text, ok := strings.CutPrefix(l, "body:"); ok {
			body = text
			continue
		}
		if text, ok := strings.CutPrefix(l, "+"); ok {
			fields = append(fields, text)
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(l, "-"), ":")
		for i, f := range fields {
			if strings.HasPrefix(f, strings.TrimSpace(name)+":") {
				fields[i] = l
				if l[0] == '-' {
					fields[i] = ""
				}
			}
		}
	}
	var out []string
	for _, f := range append([]string{start}, fields...) {
		if f != "" {
			out = append(out, f)
		}
	}
	return []byte(strings.Join(out, "\r\n") + "\r\n\r\n" + body)
}

// The cases are those of RFC 4475, section by section, in messages of our own,
// and the IPv6 ones of RFC 5118.
func TestEveryMessageGetsTheStatusItIsOwed(t *testing.T) {
	const good, drop = -1, 0
	invite, options := "INVITE sip:b@example.com SIP/2.0", "OPTIONS sip:b@example.com SIP/2.0"
	register := "REGISTER sip:example.com SIP/2.0"
	long := strings.Repeat("a", 300)
	for _, tt := range []struct {
		name string
		msg  []byte
		want int
	}{
		{"3.1.1.1 folded, compact and odd but valid", []byte("INVITE sip:v@chair.example.com;unknown SIP/2.0\r\nTO :\r\n sip:v@chair.example.com ;   tag    = 1918n\r\n" +
			"from   : \"J Ro \\\\\\\"\"       <sip:j@example.com>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.n@192.0.2.1\r\n" +
			"Content-Length   : 4\r\ncseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=z9hG4bK1\r\ns :\r\n" +
			"NewField:   value\r\n goes on\r\nOdd: ;;,,;;,;\r\nContent-Type: application/sdp\r\nRoute:\r\n <sip:services.example.com;lr;x=y;z>\r\n" +
			"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9 ,\r\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK3\r\n" +
			"m:\"Quoted \\\"\\\"\" <sip:j@example.com> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\nv=0\n"), good},
		{"3.1.1.2 wide range of characters", message("!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
			"To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1@example.com>", "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;tag=_token~1'+`*%!-."), good},
		{"3.1.1.3 escapes in the URI", message("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "To: <sip:%75se%72@example.com>"), good},
		{"3.1.1.4 escaped nulls", message(register, "To: sip:null-%00-null@example.com", "Contact: <sip:%00@host5.example.com>, <sip:%00%00@host5.example.com>"), good},
		{"3.1.1.5 percent in a method", message("RE%47IST%45R sip:example.com SIP/2.0"), good},
		{"3.1.1.6 no space before <", message(options, "To: \"caller\"<sip:b@example.com>", "From: caller<sip:a@example.com>;tag=323"), good},
		{"3.1.1.7 long values", message(invite, "From: "+strings.Repeat("I have a name ", 40)+"<sip:a@example.com>;tag=1"+long, "Call-ID: "+strings.Repeat("longid", 60), "+Unknown-"+long+": "+long), good},
		{"3.1.1.8 octets behind the body", append(message(register), "INVITE sip:x SIP/2.0\r\n"...), good},
		{"3.1.1.9 semicolon in the user part", message("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"), good},
		{"3.1.1.10 unknown transports", message(options, "Via: SIP/2.0/SCTP 192.0.2.4;branch=z9hG4bK2, SIP/2.0/UNKNOWN u.example.com;branch=z9hG4bK3"), good},
		{"3.1.1.11 a body of many parts", message("MESSAGE sip:b@example.com SIP/2.0", "+Content-Type: multipart/mixed;boundary=7a"), good},
		{"3.1.1.12 odd reason phrase", []byte(strings.Replace(string(message("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", "CSeq: 1 INVITE")), "\r\nMax-Forwards: 70", "", 1)), good},
		{"3.1.1.13 empty reason phrase", message("SIP/2.0 100 ", "CSeq: 1 INVITE"), good},

		{"3.1.2.1 extra separators", message(invite, "Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), 400},
		{"3.1.2.2 length beyond the message", message(invite, "Content-Length: 9999"), 400},
		{"3.1.2.3 negative length", message(invite, "Content-Length: -999"), 400},
		{"3.1.2.4 sequence number too large", message(register, "CSeq: 36893488147419103232 REGISTER"), 400},
		{"3.1.2.4 too many hops", message(register, "Max-Forwards: 300"), 400},
		{"3.1.2.4 expiry too large", message(register, "+Expires: 10000000000000000000000"), 400},
		{"3.1.2.5 the same in a response", message("SIP/2.0 503 Service Unavailable", "CSeq: 9292394834772304023312 OPTIONS"), drop},
		{"3.1.2.6 quote left open", message(invite, `To: "Mr. J. User <sip:b@example.com>`), 400},
		{"3.1.2.7 brackets around the target", message("INVITE <sip:b@example.com> SIP/2.0"), 400},
		{"3.1.2.8 spaces in the target", message("INVITE sip:b@example.com; lr SIP/2.0"), 400},
		{"3.1.2.9 spaces before the target", message("INVITE  sip:b@example.com  SIP/2.0", "CSeq: 1 INVITE"), 400},
		{"3.1.2.10 space behind the version", message("OPTIONS sip:b@example.com SIP/2.0  "), 400},
		{"3.1.2.11 header in the target", message("INVITE sip:b@example.com?Route=%3Csip:example.com%3E SIP/2.0"), 400},
		{"3.1.2.12 date of another zone", message(invite, "+Date: Fri, 01 Jan 2010 16:00:00 EST"), 400},
		{"3.1.2.13 header in a bare contact", message(register, "Contact: sip:b@example.com?Route=%3Csip:sip.example.com%3E"), 400},
		{"3.1.2.14 spaces in an address", message(options, "To: \"Watson, Thomas\" < sip:t.watson@example.org >"), 400},
		{"3.1.2.15 comma in a display name", message(options, "From: Bell, Alexander <sip:a@example.com>;tag=4"), 400},
		{"3.1.2.16 version", message("OPTIONS sip:b@example.com SIP/7.0"), 505},
		{"3.1.2.17 method of CSeq", message(options, "CSeq: 8 INVITE"), 400},
		{"3.1.2.18 the same, method unknown", message("NEWMETHOD sip:b@example.com SIP/2.0", "CSeq: 8 INVITE"), 400},
		{"3.1.2.19 status too large", message("SIP/2.0 4294967301 better not break the receiver", "CSeq: 1 INVITE"), drop},
		{"3.2.1 branch without identifier", message(options, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"), 400},
		{"3.3.1 required fields missing", message(invite, "-Call-ID", "-From", "-To"), 400},
		{"3.3.2 scheme unknown", message("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), 416},
		{"3.3.3 scheme of something else", message("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), 416},
		{"3.3.4 schemes in fields", message(register, "To: isbn:2983792873", "From: <http://www.example.com>;tag=3", "Contact: <name:John_Smith>"), good},
		{"3.3.5 extensions", message(options, "+Require: nothingSupportsThis, norThis", "+Proxy-Require: noProxiesSupportThis"), 420},
		{"3.3.6 content type", message(invite, "+Content-Type: application/unknownformat", "Content-Length: 4", "body:abcd"), 415},
		{"3.3.7 scheme of authorization", message(register, "+Authorization: NoOneKnowsThisScheme opaque-data=here"), good},
		{"3.3.8 two of what there is one of", message(invite, "+CSeq: 59 INVITE", "+Call-ID: two@192.0.2.1"), 400},
		{"3.3.9 two lengths", message(options, "+Content-Length: 5", "body:There's no way to know how many octets"), 400},
		{"3.3.10 response with another's Via", message("SIP/2.0 200 OK", "CSeq: 1 INVITE", "+Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2"), drop},
		{"3.3.11 no hops left", message(options, "Max-Forwards: 0"), good},
		{"3.3.12 parameter of a contact", message(register, "Contact: sip:+19725552222@gw1.example.net;unknownparam"), good},
		{"3.3.13 parameter of its URI", message(register, "Contact: <sip:+19725552222@gw1.example.net;unknownparam>"), good},
		{"3.3.14 header of its URI", message(register, "Contact: <sip:b@example.com?Route=%3Csip:sip.example.com%3E>"), good},
		{"3.3.15 nothing acceptable", message(invite, "+Accept: text/nobodyKnowsThis"), 406},
		{"3.4.1 as in RFC 2543", message(invite, "Via: SIP/2.0/UDP iftgw.example.com", "From: <sip:+1-303-555-1111@ift.example.net;user=phone>", "-Max-Forwards"), good},

		{"5118 4.1 reference", message("REGISTER sip:[2001:db8::10] SIP/2.0", "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK1"), good},
		{"5118 4.2 without brackets", message("REGISTER sip:2001:db8::10 SIP/2.0"), 400},
		{"5118 4.3 port inside", message("REGISTER sip:[2001:db8::10:5070] SIP/2.0"), good},
		{"5118 4.4 port outside", message("REGISTER sip:[2001:db8::10]:5070 SIP/2.0"), good},
		{"5118 4.5 received with brackets", message(options, "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bK1"), good},
		{"5118 4.5 received without", message(options, "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bK1"), good},
		{"5118 4.10 three colons", message("OPTIONS sip:b@[2001:db8:::192.0.2.1] SIP/2.0"), 400},

		{"header without colon", message(options, "+This is no header"), 400},
		{"ACK is never answered", message("ACK sip:b@example.com SIP/2.0", "To: \"open"), drop},
		{"nothing without Via", message(options, "-Via"), drop},
		{"garbage", []byte("\x16\x03\x01 hello"), drop},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), drop},
		{"half a head", []byte("OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"), 400},
		{"contact that is a script", message(register, "Contact: <javascript:alert(1)>"), good},
		{"star outside of REGISTER", message(invite, "Contact: *"), 400},
		{"a body that is optional", message(invite, "+Content-Type: application/isup", "+Content-Disposition: signal;handling=optional", "Content-Length: 4", "body:abcd"), good},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(tt.msg)
			var f *Fault
			switch {
			case err == nil && tt.want != good:
				t.Fatalf("let through, want %d", tt.want)
			case err != nil && !errors.As(err, &f):
				t.Fatalf("error %v is no Fault", err)
			case err != nil && f.Status != tt.want:
				t.Fatalf("%v, want %d", f, tt.want)
			case err == nil && m == nil:
				t.Fatal("neither message nor error")
			}
			if f != nil && f.Status == 420 && len(f.Unsupported) != 3 {
				t.Errorf("unsupported: %v", f.Unsupported)
			}
		})
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	m := NewRequest(Invite, URI{Scheme: "sip", User: "a%20b", Host: "[2001:db8::1]", Port: 5070, Params: Params{{Name: "lr", Flag: true}, {Name: "transport", Value: "tcp"}}})
	m.Add("Via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKabc")
	m.Add("From", Address{Display: `Jo "x" \`, URI: URI{Scheme: "sip", User: "jo", Host: "h"}}.String()+";tag=1")
	m.Add("To", "<sip:b@h>")
	m.Add("Call-ID", "1")
	m.Add("CSeq", "5 INVITE")
	m.SetBody("application/sdp", []byte("v=0\r\n"))
	got, err := Parse(m.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.Target, got.Target); d != "" {
		t.Error(d)
	}
	if got.From.Display != `Jo "x" \` || got.Target.Name() != "a b" || string(got.Body) != "v=0\r\n" {
		t.Errorf("read %q %q %q", got.From.Display, got.Target.Name(), got.Body)
	}
	got.Stamp("198.51.100.7", 4321)
	if v := got.Get("Via"); !strings.Contains(v, "received=198.51.100.7") || !strings.Contains(v, "rport=4321") {
		t.Errorf("stamped %s", v)
	}
}

func TestStreamGivesMessageAfterMessage(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("\r\n\r\n")
	b.Write(message("INVITE sip:b@example.com SIP/2.0", "+Content-Type: application/sdp", "Content-Length: 3", "body:abc"))
	b.Write(message("OPTIONS sip:b@example.com SIP/2.0", "CSeq: 1 BYE"))
	b.Write(message("OPTIONS sip:b@example.com SIP/2.0"))
	b.Write(message("OPTIONS sip:b@example.com SIP/2.0", "-Content-Length"))
	r := bufio.NewReaderSize(&b, 64)
	if _, err := Read(r); !errors.Is(err, ErrKeepAlive) {
		t.Fatalf("keep-alive: %v", err)
	}
	if m, err := Read(r); err != nil || string(m.Body) != "abc" {
		t.Fatalf("first: %v", err)
	}
	if m, err := Read(r); m == nil || err == nil || Lost(err) {
		t.Fatalf("a message that breaks a rule: %v", err)
	}
	if m, err := Read(r); err != nil || m.Method != Options {
		t.Fatalf("the one behind it: %v", err)
	}
	if _, err := Read(r); !Lost(err) {
		t.Fatalf("without length: %v", err)
	}
	long := append([]byte("OPTIONS sip:b@example.com SIP/2.0\r\nX: "), bytes.Repeat([]byte("a"), MaxHead+1)...)
	if _, err := Read(bufio.NewReader(bytes.NewReader(long))); err == nil || !Lost(err) {
		t.Fatalf("endless header: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(message("INVITE sip:b@example.com SIP/2.0", "+Content-Type: application/sdp", "Content-Length: 3", "body:abc"))
	f.Add(message("REGISTER sip:[2001:db8::10] SIP/2.0", "Contact: \"a\" <sip:x@y?Route=%3Ca%3E>;expires=3, <sip:z@y>"))
	f.Add(message("SIP/2.0 200 OK", "CSeq: 1 INVITE"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(m.Append(nil))
		if err != nil {
			t.Fatalf("what was let through is refused when written: %v\n%q", err, m.Append(nil))
		}
		if again.CallID != m.CallID || again.Seq != m.Seq || !bytes.Equal(again.Body, m.Body) || again.Target.String() != m.Target.String() {
			t.Fatalf("another reading: %q", m.Append(nil))
		}
		NewResponse(m, 200, "", "tag").Append(nil)
	})
}
