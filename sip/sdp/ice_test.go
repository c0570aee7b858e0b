package sdp

import (
	"net/netip"
	"strings"
	"testing"
)

const browserOffer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:UFRAG\r\na=ice-pwd:theirpasswordtheirpassword\r\n" +
	"a=fingerprint:sha-256 01:02\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"

func browserLocal() Local {
	return Local{Addr: netip.MustParseAddr("192.0.2.9"), Others: []netip.Addr{netip.MustParseAddr("2001:db8::9")}, ID: 1, Audio: Audio(), AudioPort: 5000,
		Fingerprint: "sha-256 AA:BB", Browser: true}
}

func TestBrowsersAreAnsweredWithICE(t *testing.T) {
	n := New(browserLocal())
	answer, plan, err := n.Answer(parse(t, strings.Replace(browserOffer, "UFRAG", "abcd", 1)))
	if err != nil {
		t.Fatal(err)
	}
	text := answer.String()
	for _, want := range []string{
		"a=ice-lite\r\n", "a=ice-ufrag:", "a=ice-pwd:", "a=rtcp-mux\r\n", "a=mid:0\r\n", "a=setup:active\r\n",
		"a=candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host\r\n", "a=candidate:2 1 udp 2130706175 2001:db8::9 5000 typ host\r\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, text)
		}
	}
	first := plan.Audio
	if first == nil || !first.Send || !first.Receive || !first.Mux || first.ICE.Ufrag == "" || len(first.ICE.Pwd) < 22 {
		t.Fatalf("%+v", first)
	}
	_, plan, _ = n.Answer(parse(t, strings.Replace(browserOffer, "UFRAG", "abcd", 1)))
	if plan.Audio.ICE != first.ICE {
		t.Error("ICE is restarted by an offer that does not")
	}
	_, plan, _ = n.Answer(parse(t, strings.Replace(browserOffer, "UFRAG", "efgh", 1)))
	if plan.Audio.ICE == first.ICE || plan.Audio.ICE.Ufrag == first.ICE.Ufrag {
		t.Error("ICE is not restarted")
	}
}

func TestBrowsersAreOfferedWhatTheyTake(t *testing.T) {
	n := New(browserLocal())
	offer := n.Offer().String()
	for _, want := range []string{"m=audio 5000 UDP/TLS/RTP/SAVPF ", "a=ice-lite\r\n", "a=ice-ufrag:", "a=mid:0\r\n", "a=setup:actpass\r\n", "a=fingerprint:sha-256 AA:BB\r\n", "a=rtcp-mux\r\n"} {
		if strings.Count(offer, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, offer)
		}
	}
	answer := strings.NewReplacer("UFRAG", "abcd", "setup:actpass", "setup:active", " 111 0", " 96", "rtpmap:111", "rtpmap:96").Replace(browserOffer)
	plan, err := n.Accept(parse(t, answer))
	if err != nil || plan.Audio == nil || plan.Audio.ICE.Ufrag == "" || plan.Audio.Active || !plan.Audio.Send {
		t.Fatalf("%+v %v", plan.Audio, err)
	}
	// The browser offers again: who began the handshake stays the one.
	again, plan2, err := n.Answer(parse(t, strings.Replace(browserOffer, "UFRAG", "abcd", 1)))
	if err != nil || plan2.Audio.Active || plan2.Audio.ICE != plan.Audio.ICE || !strings.Contains(again.String(), "a=setup:passive\r\n") {
		t.Errorf("%+v %v\n%s", plan2.Audio, err, again)
	}
}

func TestPhonesThatSendPlainlyGetNoICE(t *testing.T) {
	l := browserLocal()
	l.Browser = false
	answer, plan, err := New(l).Answer(parse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=ice-ufrag:abcd\r\na=ice-pwd:theirpasswordtheirpassword\r\n"))
	if err != nil || plan.Audio.ICE != (ICE{}) || strings.Contains(answer.String(), "ice") {
		t.Errorf("%v\n%s", err, answer)
	}
}
