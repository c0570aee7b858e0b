package test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// ears lets a page be asked which tones it plays, and makes its microphone one: of
// 440 Hz. What it asks of cameras is noted.
const ears = `(() => {
	const connect = AudioNode.prototype.connect;
	window.heard = [];
	window.asked = [];
	window.calls = [];
	AudioNode.prototype.connect = function (to, ...more) {
		if (to === this.context.destination) {
			let a = this.context.analyser;
			if (!a) {
				a = this.context.analyser = this.context.createAnalyser();
				a.fftSize = 8192;
				window.heard.push(a);
			}
			connect.call(this, a);
		}
		return connect.call(this, to, ...more);
	};
	window.hears = (tones) => tones.filter((hz) => heard.some((a) => {
		if (a.context.state !== 'running') return false;
		const bins = new Float32Array(a.frequencyBinCount);
		a.getFloatFrequencyData(bins);
		const bin = Math.round((hz / a.context.sampleRate) * a.fftSize);
		return Math.max(...bins.slice(bin - 2, bin + 3)) > -60;
	})).join(' ');
	navigator.mediaDevices.getUserMedia = async (want) => {
		asked.push(Object.keys(want).join());
		const audio = new AudioContext();
		const tone = audio.createOscillator(), out = audio.createMediaStreamDestination();
		tone.frequency.value = 440;
		tone.connect(out);
		tone.start();
		await audio.resume();
		return out.stream;
	};
	const Peer = RTCPeerConnection;
	window.RTCPeerConnection = class extends Peer { constructor(...a) { super(...a); calls.push(this); } };
})()`

// TestRadioPage is a radio operator with two channels, in each a Mumble user with a
// tone of its own: both are heard, one is talked in, and who is turned down is the
// only one who is silent.
func TestRadioPage(t *testing.T) {
	need(t, "chromium")
	s := start(t)
	s.must("", "group", "add", "A")
	for _, u := range []string{"anna", "bert", "carl"} {
		s.user(u, "A")
	}
	for name, title := range map[string]string{"alpha": "Alpha", "bravo": "Bravo"} {
		if code := s.api("admin", http.MethodPost, "rooms", map[string]any{"name": name, "title": title, "groups": []string{"A"}}, nil); code != http.StatusCreated {
			t.Fatalf("the channel was not made: %d", code)
		}
	}
	bert, carl := s.radio(t, "bert", "Alpha"), s.radio(t, "carl", "Bravo")
	defer bert.talk(700)()
	defer carl.talk(1000)()

	b := startBrowser(t)
	anna := b.openAlone(t, s.console("/login"))
	anna.call("Page.enable", map[string]any{}, nil)
	anna.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": ears}, nil)
	anna.logIn("anna")
	anna.navigate(s.console("/map"))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page hears %v and says: %v", anna.eval(`hears([700, 1000])`), anna.eval(`document.body.innerText`))
			anna.screenshot("radio-failed", 1440, 900)
		}
	})
	hears := func(tones string) {
		t.Helper()
		anna.until("to hear "+tones, fmt.Sprintf(`hears([440, 700, 1000]) === %q`, tones))
	}
	arrives := func(r *radio, yes bool) {
		t.Helper()
		wait(t, 20*time.Second, "a Mumble user to hear anna or not", func() error {
			// In each channel she is somebody of her own for Mumble, and no two have one name there.
			r.mu.Lock()
			names := slices.Collect(maps.Keys(r.heard))
			r.mu.Unlock()
			share := 0.0
			for _, n := range names {
				if strings.HasPrefix(n, "anna") {
					share = max(share, r.hears(n, 440))
				}
			}
			if (share > 0.5) != yes {
				return fmt.Errorf("the share of the tone is %.3f of what %v said", share, names)
			}
			return nil
		})
	}

	anna.click(`header [aria-label="Open the radio"]`)
	anna.until("who is in", `document.querySelector('[data-channel=bravo]')?.innerText.includes('1 in')`)
	anna.click(`[aria-label="Listen to Bravo"]`)
	hears("1000")
	anna.says("carl: talking")
	anna.click(`[aria-label="Talk in Alpha"]`)
	hears("700 1000")
	anna.until("no busy sign where all may talk at a time", `document.querySelector('button.talk').ariaLabel === 'Talk'`)
	anna.space(true)
	arrives(bert, true)
	arrives(carl, false)
	anna.screenshot("radio-talking", 1440, 900)
	time.Sleep(400 * time.Millisecond) // less would be a tap
	anna.space(false)
	anna.until("silence", `!document.querySelector('button.talk.on')`)
	if v := anna.eval(`asked.join(' ') + ' ' + calls.flatMap(c => c.getTransceivers().map(t => t.receiver.track.kind)).filter(k => k !== 'audio').length`); v != "audio 0" {
		t.Errorf("the radio asked for %v: devices, and sections for pictures", v)
	}

	anna.click(`[data-channel=alpha] .what`)
	anna.write(`[data-channel=alpha] [data-person=bert] input[type=range]`, "0")
	hears("1000")
	for _, size := range [][2]int{{390, 844}, {820, 1180}, {1440, 900}} {
		anna.screenshot(fmt.Sprintf("radio-%dx%d", size[0], size[1]), size[0], size[1])
	}
	anna.write(`[data-channel=alpha] [data-person=bert] input[type=range]`, "100")
	hears("700 1000")

	// An administrator leads carl, who speaks with Mumble, into the other channel and back.
	lead := func(from, to string) {
		t.Helper()
		var list struct {
			Participants []struct{ ID, Name string }
		}
		if code := s.api("admin", http.MethodGet, "rooms/"+from+"/participants", nil, &list); code != http.StatusOK {
			t.Fatalf("who is in %s: %d", from, code)
		}
		for _, p := range list.Participants {
			if p.Name == "carl" {
				if code := s.api("admin", http.MethodPost, "rooms/"+from+"/participants/"+p.ID+"/move", map[string]any{"room": to}, nil); code != http.StatusNoContent {
					t.Fatalf("carl is moved: %d", code)
				}
			}
		}
		anna.until("carl to be there", fmt.Sprintf(`/carl(, bert)?: talking/.test(document.querySelector('[data-channel=%s]').innerText)`, to))
	}
	lead("bravo", "alpha")
	lead("alpha", "bravo")

	// One at a time talks, and bert does: she hears of it and reaches nobody.
	if code := s.api("admin", http.MethodPatch, "rooms/alpha", map[string]any{"floor": 60}, nil); code != http.StatusOK {
		t.Fatalf("the channel has no floor control: %d", code)
	}
	anna.says("bert has the word")
	anna.space(true)
	anna.until("the busy tone", `hears([480]) === '480'`)
	anna.until("the busy sign", `document.querySelector('button.talk').ariaLabel === 'Talk: Busy'`)
	anna.says("Emergency call")
	anna.screenshot("radio-busy", 1440, 900)
	anna.space(false)

	// Who talks elsewhere leaves a channel that is not listened to.
	anna.click(`[aria-label="Talk in Bravo"]`)
	hears("1000")
	anna.space(true)
	arrives(carl, true)
	anna.space(false)
	anna.eval(`localStorage.setItem('muster.theme', '"light"')`)
	anna.navigate(s.console("/rooms"))
	hears("1000") // a page that is loaded anew listens on
	anna.screenshot("radio-light", 820, 1180)
}
