package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

func local() Local {
	return Local{Addr: netip.MustParseAddr("192.0.2.9"), ID: 1, Audio: Audio(), Video: Video(), AudioPort: 5000, VideoPort: 5002, Fingerprint: "sha-256 AA:BB"}
}

func parse(t *testing.T, s string) *Session {
	t.Helper()
	out, err := Parse([]byte(s))
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return out
}

func TestAnswers(t *testing.T) {
	key := strings.Repeat("A", 40)
	for _, tt := range []struct {
		name, offer string
		want        []string // lines of the answer
		not         []string
		check       func(t *testing.T, p Plan)
	}{
		{"first codec of the offer that we speak", "m=audio 4000 RTP/AVP 18 0 8\r\n", []string{"m=audio 5000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv"}, []string{"m=video"}, nil},
		{"dynamic numbers are theirs", "m=audio 4000 RTP/AVPF 111 110\r\na=rtpmap:111 OPUS/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n",
			[]string{"m=audio 5000 RTP/AVPF 111 110", "a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/48000"}, nil,
			func(t *testing.T, p Plan) {
				if p.Audio.Events != 110 || p.Audio.Format.Payload != 111 {
					t.Errorf("plan %+v", p.Audio)
				}
			}},
		{"both modes of H264: the better one", "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 97 98\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801f\r\na=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42801f\r\na=rtcp-fb:* nack pli\r\n",
			[]string{"m=video 5002 RTP/AVP 98", "a=fmtp:98 profile-level-id=42801f;packetization-mode=1", "a=rtcp-fb:98 nack pli"}, []string{"ccm fir"}, nil},
		{"mode 0 alone", "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n", []string{"packetization-mode=0"}, nil, nil},
		{"lines in their order, the unknown refused", "m=application 9 UDP/BFCP *\r\nm=audio 4000 RTP/AVP 8\r\nm=audio 4010 RTP/AVP 8\r\nm=image 4020 udptl t38\r\n",
			[]string{"m=application 0 UDP/BFCP *", "m=audio 5000 RTP/AVP 8", "m=audio 0 RTP/AVP 8", "m=image 0 udptl t38"}, nil, nil},
		{"profile that is not spoken", "m=audio 4000 RTP/SAVP 8\r\nm=audio 4002 RTP/AVP 8\r\n", []string{"m=audio 0 RTP/SAVP 8", "m=audio 5000 RTP/AVP 8"}, nil, nil},
		{"SDES", "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:" + key + "\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20\r\n",
			[]string{"m=audio 5000 RTP/SAVP 8", "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"}, nil,
			func(t *testing.T, p Plan) {
				if !p.Audio.Secure() || len(p.Audio.In.Key) != 30 || len(p.Audio.Out.Key) != 30 {
					t.Errorf("plan %+v", p.Audio)
				}
			}},
		{"DTLS", "a=fingerprint:sha-256 01:02\r\na=setup:actpass\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n", []string{"a=setup:active", "a=fingerprint:sha-256 AA:BB"}, nil,
			func(t *testing.T, p Plan) {
				if p.Audio.Fingerprint != "sha-256 01:02" || !p.Audio.Active {
					t.Errorf("plan %+v", p.Audio)
				}
			}},
		{"DTLS where they begin", "m=audio 4000 UDP/TLS/RTP/SAVP 8\r\na=fingerprint:sha-256 01:02\r\na=setup:active\r\n", []string{"a=setup:passive"}, nil, nil},
		{"hold", "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", []string{"a=recvonly"}, nil,
			func(t *testing.T, p Plan) {
				if p.Audio.Send || !p.Audio.Receive {
					t.Errorf("plan %+v", p.Audio)
				}
			}},
		{"direction of the session", "a=inactive\r\nm=audio 4000 RTP/AVP 8\r\n", []string{"a=inactive"}, nil, nil},
		{"addresses of RTCP", "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 192.0.2.7/127\r\na=rtcp:4500 IN IP4 192.0.2.7\r\n", nil, nil,
			func(t *testing.T, p Plan) {
				if got := fmt.Sprint(p.Audio.RTP, " ", p.Audio.RTCP); got != "192.0.2.7:4000 192.0.2.7:4500" {
					t.Error(got)
				}
			}},
		{"lines that may share a transport", "a=group:BUNDLE a v\r\na=fingerprint:sha-256 01:02\r\na=setup:actpass\r\n" +
			"m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\na=ice-ufrag:one\r\na=candidate:1 1 udp 1 192.0.2.7 4000 typ host\r\n" +
			"m=video 4002 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:97 VP8/90000\r\na=mid:v\r\na=ice-ufrag:two\r\na=candidate:1 1 udp 1 192.0.2.7 4002 typ host\r\n",
			[]string{"a=group:BUNDLE a\r\n", "m=video 5002"}, nil, nil},
		{"lines that must share one", "a=group:BUNDLE a v\r\na=fingerprint:sha-256 01:02\r\na=setup:actpass\r\n" +
			"m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\na=ice-ufrag:one\r\na=candidate:1 1 udp 1 192.0.2.7 4000 typ host\r\n" +
			"m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:97 VP8/90000\r\na=mid:v\r\na=ice-ufrag:one\r\n",
			[]string{"a=group:BUNDLE a\r\n", "m=audio 5000", "m=video 0 "}, nil, nil},
		{"a name instead of an address", "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 phone.example.com\r\n", []string{"m=audio 5000"}, nil,
			func(t *testing.T, p Plan) {
				if p.Audio.RTP.IsValid() {
					t.Error(p.Audio.RTP)
				}
			}},
		{"bandwidth", "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 99\r\nb=TIAS:300000\r\na=rtpmap:99 VP8/90000\r\n", nil, nil,
			func(t *testing.T, p Plan) {
				if p.Video.Bandwidth != 300000 {
					t.Error(p.Video.Bandwidth)
				}
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, plan, err := New(local()).Answer(parse(t, head+tt.offer))
			if err != nil {
				t.Fatal(err)
			}
			text := answer.String()
			for _, w := range tt.want {
				if !strings.Contains(text, w) {
					t.Errorf("no %q in\n%s", w, text)
				}
			}
			for _, w := range tt.not {
				if strings.Contains(text, w) {
					t.Errorf("%q in\n%s", w, text)
				}
			}
			if tt.check != nil {
				tt.check(t, plan)
			}
			parse(t, text)
		})
	}
}

func TestNothingInCommon(t *testing.T) {
	for _, offer := range []string{"m=audio 4000 RTP/AVP 18\r\n", "m=audio 0 RTP/AVP 8\r\n", "m=text 4000 RTP/AVP 98\r\n", ""} {
		if _, _, err := New(local()).Answer(parse(t, head+offer)); !errors.Is(err, ErrNothing) {
			t.Errorf("%q: %v", offer, err)
		}
	}
}

func TestOffersAreTakenUp(t *testing.T) {
	l := local()
	l.Secure = true
	n := New(l)
	offer := n.Offer()
	text := offer.String()
	for _, w := range []string{"m=audio 5000 RTP/SAVP 96 9 8 0 102 101", "m=video 5002 RTP/SAVP 97 98 99", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"} {
		if !strings.Contains(text, w) {
			t.Fatalf("no %q in\n%s", w, text)
		}
	}
	key := strings.Repeat("A", 40)
	plan, err := n.Accept(parse(t, head+"m=audio 4000 RTP/SAVP 8 101\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key+"\r\na=rtpmap:101 telephone-event/8000\r\nm=video 0 RTP/SAVP 97\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if plan.Video != nil || plan.Audio.Format.Name != "PCMA" || plan.Audio.Events != 101 || !plan.Audio.Secure() {
		t.Errorf("plan %+v %+v", plan.Audio, plan.Video)
	}
	again := n.Offer().String()
	if !strings.Contains(again, "m=video 0 ") || strings.Index(again, "m=audio") > strings.Index(again, "m=video") {
		t.Errorf("offered again\n%s", again)
	}
	first, _, _ := strings.Cut(text[strings.Index(text, "inline:"):], "\r\n")
	if !strings.Contains(again, first) {
		t.Error("the key has changed")
	}
	n.Hold(true)
	if s := n.Offer().String(); !strings.Contains(s, "a=sendonly") {
		t.Errorf("on hold\n%s", s)
	}
	for name, answer := range map[string]string{
		"fewer lines": "m=audio 4000 RTP/SAVP 8\r\n", "another kind": "m=video 4000 RTP/SAVP 8\r\nm=audio 0 RTP/SAVP 97\r\n",
		"no key": "m=audio 4000 RTP/SAVP 8\r\nm=video 0 RTP/SAVP 97\r\n", "unencrypted": "m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 97\r\n",
	} {
		if _, err := n.Accept(parse(t, head+answer)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestKeysMayBeExchangedByDTLSInstead(t *testing.T) {
	n := New(local())
	if !n.Refused() {
		t.Fatal("there is no second offer")
	}
	if s := n.Offer().String(); !strings.Contains(s, "RTP/SAVP ") || !strings.Contains(s, "a=crypto:") || !strings.Contains(s, "a=setup:actpass") {
		t.Fatalf("offered\n%s", s)
	}
	plan, err := n.Accept(parse(t, head+"m=audio 4000 RTP/SAVP 8\r\na=fingerprint:sha-256 01:02\r\na=setup:passive\r\nm=video 0 RTP/SAVP 97\r\n"))
	if err != nil || plan.Audio.Fingerprint != "sha-256 01:02" || !plan.Audio.Active || plan.Audio.Out.Suite != "" {
		t.Fatalf("%+v %v", plan.Audio, err)
	}
	if s := n.Offer().String(); strings.Contains(s, "a=crypto:") || !strings.Contains(s, "a=fingerprint:") || n.Refused() {
		t.Errorf("offered again\n%s", s)
	}
}

func TestNumbersStayThroughReoffers(t *testing.T) {
	n := New(local())
	if _, _, err := n.Answer(parse(t, head+"m=audio 4000 RTP/AVP 120 101\r\na=rtpmap:120 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n")); err != nil {
		t.Fatal(err)
	}
	if s := n.Offer().String(); !strings.Contains(s, "a=rtpmap:120 opus/48000/2") {
		t.Errorf("offered\n%s", s)
	}
	if _, _, err := n.Answer(parse(t, head)); !errors.Is(err, ErrOrder) {
		t.Errorf("fewer lines than before: %v", err)
	}
}

func TestLimits(t *testing.T) {
	for name, s := range map[string]string{
		"size": head + strings.Repeat("a=x\r\n", MaxSize/5), "lines": head + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", maxMedia+1),
		"formats": head + "m=audio 1 RTP/AVP" + strings.Repeat(" 0", maxFormats+1) + "\r\n", "attributes": head + strings.Repeat("a=x\r\n", maxAttrs+1),
		"line": head + "a=" + strings.Repeat("x", maxLine) + "\r\n", "no version": "m=audio 1 RTP/AVP 0\r\n", "empty": "",
		"port": head + "m=audio 65536 RTP/AVP 0\r\n", "no colon": "v=0\r\nhello\r\n",
	} {
		if _, err := Parse([]byte(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := parseMap("opus/0"); ok {
		t.Error("clock rate 0")
	}
}

func FuzzNegotiation(f *testing.F) {
	f.Add([]byte(head + "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\nm=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"))
	f.Add([]byte(head + "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("A", 40) + "\r\n"))
	f.Add([]byte(head + "m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=fingerprint:sha-256 01:02\r\na=setup:actpass\r\na=rtcp-mux\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		n := New(local())
		answer, plan, err := n.Answer(s)
		if err == nil {
			text := answer.String()
			again, err := Parse([]byte(text))
			if err != nil {
				t.Fatalf("our answer cannot be read: %v\n%s", err, text)
			}
			if len(again.Media) != len(s.Media) {
				t.Fatalf("%d lines for %d", len(again.Media), len(s.Media))
			}
			if plan.Audio == nil && plan.Video == nil {
				t.Fatal("an answer with no stream")
			}
			n.Offer()
		}
		m := New(local())
		m.Offer()
		_, _ = m.Accept(s)
	})
}
