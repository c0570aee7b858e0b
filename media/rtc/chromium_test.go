package rtc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/media"
	"muster/media/codec"
)

// browser is a headless Chromium, driven over its DevTools protocol.
type browser struct {
	t    *testing.T
	base string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	exe, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromium is needed")
		}
		t.Skip("no chromium here")
	}
	dir := t.TempDir()
	cmd := exec.Command(exe, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
		"--disable-renderer-backgrounding", "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
		"--remote-debugging-port=0", "--user-data-dir="+dir, "about:blank")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		// Its children end on their own and still write to the folder.
		for range 50 {
			if os.RemoveAll(dir) == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	var port string
	within(t, 20*time.Second, "chromium is up", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "DevToolsActivePort"))
		port, _, _ = strings.Cut(string(b), "\n")
		return err == nil && port != ""
	})
	return &browser{t: t, base: "http://127.0.0.1:" + port}
}

// tab is one page of the browser.
type tab struct {
	t  *testing.T
	ws *websocket.Conn
	n  int
}

func (b *browser) open(address string) *tab {
	b.t.Helper()
	req, err := http.NewRequest("PUT", b.base+"/json/new?"+url.QueryEscape(address), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var target struct{ WebSocketDebuggerURL string }
	if err := json.NewDecoder(res.Body).Decode(&target); err != nil {
		b.t.Fatal(err)
	}
	ws, hs, err := websocket.Dial(b.t.Context(), target.WebSocketDebuggerURL, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if hs.Body != nil {
		hs.Body.Close()
	}
	ws.SetReadLimit(16 << 20)
	b.t.Cleanup(func() { _ = ws.CloseNow() })
	tb := &tab{t: b.t, ws: ws}
	within(b.t, 10*time.Second, "page has loaded", func() bool {
		return tb.eval(`document.readyState + location.href.slice(0, 5)`) == "complete"+address[:5]
	})
	return tb
}

func (tb *tab) call(method string, params map[string]any) json.RawMessage {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tb.n++
	msg, _ := json.Marshal(map[string]any{"id": tb.n, "method": method, "params": params})
	if err := tb.ws.Write(ctx, websocket.MessageText, msg); err != nil {
		tb.t.Fatal(err)
	}
	for {
		_, b, err := tb.ws.Read(ctx)
		if err != nil {
			tb.t.Fatal(err)
		}
		var r struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(b, &r); err != nil || r.ID != tb.n {
			continue
		}
		if r.Error != nil {
			tb.t.Fatalf("%s: %s", method, r.Error.Message)
		}
		return r.Result
	}
}

// eval returns the value of a JavaScript expression, awaited.
func (tb *tab) eval(expr string) any {
	tb.t.Helper()
	raw := tb.call("Runtime.evaluate", map[string]any{"expression": expr, "awaitPromise": true, "returnByValue": true, "userGesture": true})
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		tb.t.Fatal(err)
	}
	if r.ExceptionDetails != nil {
		tb.t.Fatalf("%s: %s", expr, r.ExceptionDetails.Exception.Description)
	}
	return r.Result.Value
}

// frames waits until the page's video has shown want frames, and returns how many
// it has shown when it takes too long.
func (tb *tab) frames(want int) int {
	tb.t.Helper()
	n, _ := tb.eval(fmt.Sprintf(`new Promise((done) => {
		const v = document.getElementById('video'); let n = 0;
		const next = () => { if (++n >= %d) done(n); v.requestVideoFrameCallback(next); };
		v.requestVideoFrameCallback(next);
		setTimeout(() => done(n), 20000);
	})`, want)).(float64)
	return int(n)
}

func (tb *tab) message() string {
	s, _ := tb.eval(`document.getElementById('message').textContent`).(string)
	return s
}

// TestChromiumPublishesAndPlays sends the browser's fake camera through the
// publishing page and watches it on the player page.
func TestChromiumPublishesAndPlays(t *testing.T) {
	br := newBrowser(t)
	for _, id := range []codec.ID{codec.VP8, codec.H264, codec.VP9, codec.AV1} {
		t.Run(string(id), func(t *testing.T) {
			b := newBench(t)
			bt := &browser{t: t, base: br.base}
			pub := bt.open(b.base + "/site/cam/publish?token=pilot")
			pub.eval(`document.getElementById('codec').value = '` + strings.ToLower(string(id)) + `'`)
			pub.eval(`document.getElementById('size').value = '640x360'`)
			pub.eval(`document.getElementById('start').click()`)
			within(t, 15*time.Second, "stream is live with a key frame: "+pub.message(), func() bool {
				st, err := b.router.Find(watch, cam)
				return err == nil && st.LastKeyFrame() != nil
			})
			st, _ := b.router.Find(watch, cam)
			if got := st.Info().Tracks; got[0].Codec != string(id) && got[len(got)-1].Codec != string(id) {
				if len(got) != 2 {
					t.Fatalf("tracks %+v", got)
				}
				t.Skipf("this chromium publishes %s for %s", got[0].Codec, id)
			}
			play := bt.open(b.base + "/site/cam/?token=watch")
			if n := play.frames(25); n < 25 {
				t.Fatalf("%d frames; it says %q", n, play.message())
			}
			if a := play.eval(`document.getElementById('video').srcObject.getAudioTracks().length`); a != 1.0 {
				t.Errorf("%v audio tracks", a)
			}
			shot(t, play, string(id)+"-player.png")
			shot(t, pub, string(id)+"-publish.png")
			pub.eval(`document.getElementById('stop').click()`)
			within(t, 3*time.Second, "the stream ends with its publisher", func() bool {
				_, err := b.router.Find(watch, cam)
				return err != nil
			})
			within(t, 12*time.Second, "the player says so", func() bool { return play.message() != "" })
		})
	}
}

// apart returns by how many ms the picture is ahead of the sound in a reader
// that follows our sender reports.
func apart(tb *tab) float64 {
	tb.t.Helper()
	off, ok := tb.eval(`new Promise((done) => {
		const r = new MusterReader({ url: new URL('whep' + location.search, location.href).toString() });
		const a = document.createElement('video'); a.muted = true;
		r.conf.onTrack = (e) => { a.srcObject = e.streams[0]; a.play(); };
		setTimeout(async () => {
			const at = {};
			(await r.pc.getStats()).forEach((s) => { if (s.type === 'inbound-rtp') at[s.kind] = s.estimatedPlayoutTimestamp; });
			r.close();
			done(at.video - at.audio);
		}, 5000);
	})`).(float64)
	if !ok {
		tb.t.Error("the browser does not know how sound and picture belong together")
	}
	return off
}

// restart makes a reader restart its ICE, waits until it has decoded 45 frames
// after that, and returns how many it has, or what went wrong.
func restart(tb *tab) any {
	tb.t.Helper()
	return tb.eval(`new Promise((done) => {
		const a = document.createElement('video'); a.muted = true;
		const r = new MusterReader({
			url: new URL('whep' + location.search, location.href).toString(),
			onTrack: (e) => { a.srcObject = e.streams[0]; a.play(); },
			onError: (text) => done(text),
		});
		const decoded = async () => { let n = 0; (await r.pc.getStats()).forEach((s) => { if (s.kind === 'video' && s.type === 'inbound-rtp') n = s.framesDecoded; }); return n; };
		const password = () => r.pc.currentRemoteDescription.sdp.match(/a=ice-pwd:(.*)/)[1];
		setTimeout(async () => {
			const before = password();
			await r.restartICE(r.pc);
			if (password() === before) done('the credentials are the old ones');
			setTimeout(async () => {
				const n = await decoded(), began = Date.now();
				const look = async () => {
					const m = await decoded() - n;
					if (m < 45 && Date.now() - began < 20000) return setTimeout(look, 100);
					r.close();
					done(m);
				};
				look();
			}, 500);
		}, 2000);
	})`)
}

// shot saves a picture of the page where RTC_TEST_SHOTS says.
func shot(t *testing.T, tb *tab, name string) {
	dir := os.Getenv("RTC_TEST_SHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data []byte }
	if err := json.Unmarshal(tb.call("Page.captureScreenshot", map[string]any{"format": "png"}), &r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), r.Data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// generate makes seconds of a moving picture as access units, without B-frames
// unless bframes is set.
func generate(t *testing.T, encoder, format string, gop, seconds int, more ...string) [][][]byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is needed")
		}
		t.Skip("no ffmpeg here")
	}
	args := []string{"-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=640x360:rate=30:duration=%d", seconds),
		"-c:v", encoder, "-g", fmt.Sprint(gop), "-pix_fmt", "yuv420p", "-b:v", "1M"}
	args = append(args, more...)
	args = append(args, "-f", format, "pipe:1")
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, stderr.String())
	}
	return accessUnits(out)
}

// accessUnits splits an Annex B stream with access unit delimiters.
func accessUnits(b []byte) (aus [][][]byte) {
	for _, nalu := range bytes.Split(b, []byte{0, 0, 1}) {
		nalu = bytes.TrimRight(nalu, "\x00")
		if len(nalu) == 0 {
			continue
		}
		if nalu[0]&0x1F == 9 {
			aus = append(aus, nil)
			continue
		}
		if len(aus) > 0 {
			aus[len(aus)-1] = append(aus[len(aus)-1], nalu)
		}
	}
	return aus
}

// TestChromiumJoinsQuickly feeds H264 with a key frame every four seconds and
// measures how long a viewer waits for the first picture.
func TestChromiumJoinsQuickly(t *testing.T) {
	br := newBrowser(t)
	aus := generate(t, "libx264", "h264", 120, 8, "-bf", "0", "-x264-params", "aud=1:scenecut=0")
	b := newBench(t)
	p := b.feed(codec.NewVideo(codec.H264), codec.NewOpus(2))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		silence := []byte{0xFC, 0xFF, 0xFE} // 20 ms
		for n := 0; ; n++ {
			p.Write(0, media.Sample{PTS: int64(n) * 3000, AU: aus[n%len(aus)]})
			for a := n * 5 / 3; a < (n+1)*5/3; a++ {
				p.Write(1, media.Sample{PTS: int64(a) * 960, AU: [][]byte{silence}})
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	time.Sleep(2500 * time.Millisecond) // in the middle of a group of pictures
	page := br.open("about:blank")
	page.call("Page.navigate", map[string]any{"url": b.base + "/site/cam/?token=watch"})
	wait := page.eval(`new Promise((done) => {
		const look = () => {
			const v = document.getElementById('video');
			if (!v) return setTimeout(look, 5);
			const begin = performance.now();
			v.requestVideoFrameCallback(() => done(begin > 0 ? performance.now() : 0));
		};
		look();
	})`)
	t.Logf("first picture %v ms after navigation", wait)
	if n := page.frames(75); n < 75 {
		t.Errorf("%d frames", n)
	}
	if ms, _ := wait.(float64); ms <= 0 {
		t.Error("there was no first picture")
	}
	if n, ok := restart(page).(float64); !ok || n < 45 {
		t.Errorf("after an ICE restart: %v frames, %v", n, page.message())
	}
	// What the browser makes of it depends on how busy the machine is;
	// TestSenderReports is exact.
	if ms := apart(page); ms < -500 || ms > 500 {
		t.Errorf("picture and sound are %.0f ms apart", ms)
	}
}

// TestChromiumSimulcast offers three layers; the server takes the first.
func TestChromiumSimulcast(t *testing.T) {
	br := newBrowser(t)
	b := newBench(t)
	pub := br.open(b.base + "/site/cam/publish?token=pilot")
	said := pub.eval(`(async () => {
		const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } });
		const pc = window.pc = new RTCPeerConnection();
		pc.addTransceiver(stream.getTracks()[0], { direction: 'sendonly', streams: [stream],
			sendEncodings: [{ rid: 'h' }, { rid: 'm', scaleResolutionDownBy: 2 }, { rid: 'l', scaleResolutionDownBy: 4 }] });
		const offer = await pc.createOffer();
		await pc.setLocalDescription(offer);
		if (!offer.sdp.includes('a=simulcast:send')) return 'no simulcast in the offer';
		const res = await fetch('whip' + location.search, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: offer.sdp });
		if (res.status !== 201) return await res.text();
		await pc.setRemoteDescription({ type: 'answer', sdp: await res.text() });
		return 'ok';
	})()`)
	if said != "ok" {
		t.Fatal(said)
	}
	within(t, 10*time.Second, "stream is live with a key frame", func() bool {
		st, err := b.router.Find(watch, cam)
		return err == nil && st.LastKeyFrame() != nil
	})
	play := br.open(b.base + "/site/cam/?token=watch")
	if n := play.frames(30); n < 30 {
		t.Errorf("%d frames; it says %q", n, play.message())
	}
	if w := play.eval(`document.getElementById('video').videoWidth`); w == 160.0 || w == 0.0 {
		t.Errorf("the picture is %v wide: not the first layer", w)
	}
}

// TestChromiumWithoutUDP takes the candidates for UDP out of what the browser is
// told: it publishes and watches over TCP.
func TestChromiumWithoutUDP(t *testing.T) {
	const blocked = `{
		const set = RTCPeerConnection.prototype.setRemoteDescription;
		RTCPeerConnection.prototype.setRemoteDescription = function (d) {
			return set.call(this, { type: d.type, sdp: d.sdp.replace(/a=candidate:\S+ \d+ udp .*\r\n/g, '') });
		};
	}`
	br := newBrowser(t)
	b, _ := tcpBench(t)
	pub := br.open(b.base + "/site/cam/publish?token=pilot")
	pub.eval(blocked)
	pub.eval(`document.getElementById('size').value = '640x360'`)
	pub.eval(`document.getElementById('start').click()`)
	within(t, 15*time.Second, "stream is live with a key frame: "+pub.message(), func() bool {
		st, err := b.router.Find(watch, cam)
		return err == nil && st.LastKeyFrame() != nil
	})
	play := br.open(b.base + "/other/?token=watch")
	play.eval(blocked)
	got := play.eval(`new Promise((done) => {
		const a = document.createElement('video'); a.muted = true;
		const r = new MusterReader({
			url: new URL('/site/cam/whep?token=watch', location.href).toString(),
			onTrack: (e) => { a.srcObject = e.streams[0]; a.play(); },
			onError: (text) => done(text),
		});
		const began = Date.now();
		const look = async () => {
			let n = 0, pair = '', over = '';
			if (r.pc) {
				const all = await r.pc.getStats();
				all.forEach((s) => { if (s.kind === 'video' && s.type === 'inbound-rtp') n = s.framesDecoded; if (s.type === 'transport') pair = s.selectedCandidatePairId; });
				if (pair) over = all.get(all.get(pair).remoteCandidateId).protocol;
			}
			if (n < 30 && Date.now() - began < 15000) return setTimeout(look, 100);
			done((n >= 30 ? 'plays over ' : n + ' frames over ') + over);
		};
		look();
	})`)
	if got != "plays over tcp" {
		t.Errorf("%v", got)
	}
}
