package test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"muster/media/codec/g711"
)

// ear has a phone of user call a number, and returns when it hears the beginning
// of each burst of sound. A sample is heard when its packet has come and the
// samples before it in the packet have been played: there is no jitter buffer.
func (s *server) ear(t *testing.T, user, number string) <-chan time.Time {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s.dial(t, user, number, fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n", c.LocalAddr().(*net.UDPAddr).Port))
	heard := make(chan time.Time, 100)
	go hearBursts(c, heard)
	return heard
}

// dial has user call a number. The call lasts as long as the server.
func (s *server) dial(t *testing.T, user, number, sdp string) {
	t.Helper()
	c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", s.ports["sip-udp"]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	uri := fmt.Sprintf("sip:%s@%s", number, c.RemoteAddr())
	send := func(method string, cseq int, to, more, body string) {
		fmt.Fprintf(c, "%[1]s %[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK%[1]s%[4]d\r\nFrom: <sip:%[5]s@%[6]s>;tag=ear\r\nTo: <%[2]s>%[7]s\r\n"+
			"Call-ID: ear\r\nCSeq: %[4]d %[1]s\r\nContact: <sip:%[5]s@%[3]s>\r\nMax-Forwards: 70\r\n%[8]sContent-Length: %[9]d\r\n\r\n%[10]s",
			method, uri, c.LocalAddr(), cseq, user, c.RemoteAddr(), to, more, len(body), body)
	}
	const isSDP = "Content-Type: application/sdp\r\n"
	cseq := 1
	send("INVITE", cseq, "", isSDP, sdp)
	buf := make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("the call is not answered: %v", err)
		}
		r := textproto.NewReader(bufio.NewReader(bytes.NewReader(buf[:n])))
		status, _ := r.ReadLine()
		h, err := r.ReadMIMEHeader()
		if err != nil || h.Get("CSeq") != fmt.Sprintf("%d INVITE", cseq) {
			continue
		}
		_, tag, _ := strings.Cut(h.Get("To"), ">")
		switch code := strings.TrimPrefix(status, "SIP/2.0 ")[:3]; {
		case code[0] == '1':
		case code == "200":
			send("ACK", cseq, tag, "", "")
			return
		case code == "401" && cseq == 1:
			challenge, err := digest.ParseChallenge(h.Values("WWW-Authenticate")[0])
			if err != nil {
				t.Fatal(err)
			}
			proof, err := digest.Digest(challenge, digest.Options{Method: "INVITE", URI: uri, Username: user, Password: passwordOf(user)})
			if err != nil {
				t.Fatal(err)
			}
			send("ACK", cseq, tag, "", "")
			cseq++
			send("INVITE", cseq, "", isSDP+"Authorization: "+proof.String()+"\r\n", sdp)
		default:
			t.Fatalf("the call fails: %s", status)
		}
	}
}

func hearBursts(c *net.UDPConn, heard chan<- time.Time) {
	const header, loud, pause = 12, 2000, 200 * time.Millisecond
	buf, pcm := make([]byte, 1500), make([]int16, 1500)
	var last time.Time // when it was loud
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		came := time.Now()
		if n <= header {
			continue
		}
		g711.DecodeU(pcm[:n-header], buf[header:n])
		for i, v := range pcm[:n-header] {
			if v < loud && v > -loud {
				continue
			}
			at := came.Add(time.Duration(i) * time.Second / 8000)
			if at.Sub(last) > pause {
				select {
				case heard <- at:
				default:
				}
			}
			last = at
		}
	}
}

// mouth lets a page send bursts of 20 ms, and keeps when the first sample of each
// was made, in ms since 1970.
const mouth = `(async () => {
	const source = 'registerProcessor("bursts", class extends AudioWorkletProcessor {' +
		'process(_, [[out]]) {' +
			'for (let i = 0; i < out.length; i++) {' +
				'const at = (currentFrame + i) % Math.round(sampleRate * 0.73);' +
				'if (at === 0) this.port.postMessage(Date.now());' +
				'out[i] = at < sampleRate * 0.02 ? 0.6 * Math.cos(2 * Math.PI * 1000 * at / sampleRate) : 0;' +
			'}' +
			'return true;' +
		'}' +
	'})';
	const audio = party.audio;
	await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
	const bursts = new AudioWorkletNode(audio, 'bursts', {outputChannelCount: [1]});
	party.said = [];
	bursts.port.onmessage = e => party.said.push(e.data);
	const out = audio.createMediaStreamDestination();
	bursts.connect(out);
	await party.pc.getSenders().find(s => s.track?.kind === 'audio').replaceTrack(out.stream.getAudioTracks()[0]);
	return 'ready';
})()`

// TestHowLongPeopleWait measures how long sound takes from a browser's
// microphone to a telephone and how long it takes from following a link into a
// room to the first picture of somebody else. It holds nobody to a time:
// MUSTER_TEST_DELAYS is how often it measures, for "make bench-call".
func TestHowLongPeopleWait(t *testing.T) {
	need(t, "chromium")
	rounds := 1
	if v := os.Getenv("MUSTER_TEST_DELAYS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("MUSTER_TEST_DELAYS is %q, not a number of rounds", v)
		}
		rounds = n
	}
	s := start(t)
	s.must("", "group", "add", "A")
	s.user("anna", "A")
	s.user("bert", "A")
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "groups": []string{"A"}, "number": "100"}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	b := startBrowser(t)
	anna := b.openAlone(t, s.console("/api/v1/login/methods"))
	anna.logIn("anna")
	anna.call("Page.setBypassCSP", map[string]any{"enabled": true}, nil) // for the worklet
	anna.navigate(s.console("/api/v1/login/methods"))
	anna.enter(`{room: 'briefing'}`, 700, "#c00000")
	t.Run("until a telephone hears a browser", func(t *testing.T) {
		if v := anna.eval(mouth); v != "ready" {
			t.Fatal(v)
		}
		s.mouthToEar(t, anna, 5*rounds)
	})
	t.Run("until a guest sees somebody", func(t *testing.T) { s.linkToPicture(t, b, rounds) })
}

func (s *server) mouthToEar(t *testing.T, speaker *page, bursts int) {
	heard := s.ear(t, "bert", "100")
	var all []time.Time
	for end := time.After(time.Duration(bursts)*time.Second + 30*time.Second); len(all) < bursts; {
		select {
		case at := <-heard:
			all = append(all, at)
		case <-end:
			t.Fatalf("%d of %d bursts of sound were heard", len(all), bursts)
		}
	}
	said, ok := speaker.eval(`party.said`).([]any)
	if !ok {
		t.Fatal("the page does not tell when it spoke")
	}
	var delays []time.Duration
	for _, at := range all {
		for _, v := range slices.Backward(said) {
			if d := at.Sub(time.UnixMilli(int64(v.(float64)))); d >= 0 {
				delays = append(delays, d)
				break
			}
		}
	}
	tellDelays(t, "mouth to ear", delays)
}

func (s *server) linkToPicture(t *testing.T, b *browser, joins int) {
	var invitation struct{ Secret string }
	if code := s.api("anna", http.MethodPost, "rooms/briefing/invitations", map[string]any{"uses": -1}, &invitation); code != http.StatusCreated {
		t.Fatalf("nobody was invited: %d", code)
	}
	var delays []time.Duration
	for i := range joins {
		guest := b.openAlone(t, s.console("/join#"+invitation.Secret))
		guest.write("form input", fmt.Sprint("Guest ", i))
		guest.until("to be let in", `!document.querySelector('form button.primary').disabled`)
		took := guest.eval(fmt.Sprintf(`new Promise(done => {
			const began = performance.now();
			document.querySelector('form button.primary').click();
			const look = setInterval(() => {
				if (!(%s)) return;
				clearInterval(look);
				done(performance.now() - began);
			}, 5);
		})`, othersPicture))
		ms, ok := took.(float64)
		if !ok {
			t.Fatal(took)
		}
		delays = append(delays, time.Duration(ms*float64(time.Millisecond)))
		guest.navigate("about:blank")
	}
	tellDelays(t, "link to picture", delays)
}

func tellDelays(t *testing.T, what string, all []time.Duration) {
	t.Helper()
	slices.Sort(all)
	at := func(percent int) time.Duration {
		return all[min(len(all)*percent/100, len(all)-1)].Round(time.Millisecond)
	}
	t.Logf("%s, %d times: p50 %v, p95 %v, at most %v", what, len(all), at(50), at(95), all[len(all)-1].Round(time.Millisecond))
}
