package test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// browser is a headless Chromium, driven through its DevTools protocol.
type browser struct {
	base string // "ws://127.0.0.1:port"
}

var devtools = regexp.MustCompile(`DevTools listening on (ws://[^/]+)(/\S+)`)

// startBrowser starts a Chromium with a fake camera and microphone.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	need(t, "chromium")
	p := background(t, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--ignore-certificate-errors",
		"--autoplay-policy=no-user-gesture-required", "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--window-size=1440,900", "--remote-debugging-port=0",
		"--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "about:blank")
	b := &browser{}
	wait(t, 30*time.Second, "Chromium", func() error {
		m := devtools.FindStringSubmatch(p.out.String())
		if m == nil {
			return errors.New("no DevTools address yet")
		}
		b.base = m[1] + m[2]
		return nil
	})
	return b
}

// page is one tab.
type page struct {
	t       *testing.T
	ws      *websocket.Conn
	session string
	next    atomic.Int64
}

// open opens a tab at url. A tab is for one goroutine.
func (b *browser) open(t *testing.T, url string) *page { return b.openIn(t, url, false) }

// openAlone opens a tab that shares no cookies with others.
func (b *browser) openAlone(t *testing.T, url string) *page { return b.openIn(t, url, true) }

func (b *browser) openIn(t *testing.T, url string, alone bool) *page {
	t.Helper()
	ws, _, err := websocket.Dial(context.Background(), b.base, nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(64 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	p := &page{t: t, ws: ws}
	var target struct{ TargetID string }
	create := map[string]any{"url": "about:blank"}
	if alone {
		var context struct{ BrowserContextID string }
		p.call("Target.createBrowserContext", nil, &context)
		create["browserContextId"] = context.BrowserContextID
	}
	p.call("Target.createTarget", create, &target)
	var attached struct{ SessionID string }
	p.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	p.call("Page.enable", nil, nil)
	p.navigate(url)
	return p
}

func (p *page) navigate(url string) {
	p.t.Helper()
	p.call("Page.navigate", map[string]any{"url": url}, nil)
	wait(p.t, 20*time.Second, url, func() error {
		if state := p.eval(`document.readyState + " " + location.href`); state != "complete "+url {
			return fmt.Errorf("%v", state)
		}
		return nil
	})
}

// call sends a DevTools command and waits for its answer.
func (p *page) call(method string, params any, out any) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	id := p.next.Add(1)
	msg := map[string]any{"id": id, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if p.session != "" {
		msg["sessionId"] = p.session
	}
	if err := wsjson.Write(ctx, p.ws, msg); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	for {
		var answer struct {
			ID     int64
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := wsjson.Read(ctx, p.ws, &answer); err != nil {
			p.t.Fatalf("%s: %v", method, err)
		}
		if answer.ID != id {
			continue // an event
		}
		if answer.Error != nil {
			p.t.Fatalf("%s: %s", method, answer.Error.Message)
		}
		if out != nil {
			if err := json.Unmarshal(answer.Result, out); err != nil {
				p.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// eval runs JavaScript, waits for its promise, and returns its value.
func (p *page) eval(script string) any {
	p.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	p.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &out)
	if e := out.ExceptionDetails; e != nil {
		return fmt.Errorf("%s %s", e.Text, e.Exception.Description)
	}
	return out.Result.Value
}

// screenshot keeps a picture of the page in test/artifacts.
func (p *page) screenshot(name string, width, height int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	time.Sleep(500 * time.Millisecond)
	var out struct{ Data string }
	p.call("Page.captureScreenshot", map[string]any{"format": "png"}, &out)
	b, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll("artifacts", 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("artifacts", name+".png"), b, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// whep plays a stream over WebRTC for a while and returns the frames decoded and
// audio packets received, or the refusal.
func (p *page) whep(url, user string, seconds int) (frames, audio float64, refusal string) {
	p.t.Helper()
	v := p.eval(fmt.Sprintf(`(async () => {
		const pc = new RTCPeerConnection();
		pc.addTransceiver('video', {direction: 'recvonly'});
		pc.addTransceiver('audio', {direction: 'recvonly'});
		const video = document.createElement('video');
		video.muted = true; video.autoplay = true; video.srcObject = new MediaStream();
		document.body.append(video);
		pc.ontrack = e => video.srcObject.addTrack(e.track);
		await pc.setLocalDescription();
		const r = await fetch(%q, {method: 'POST', body: pc.localDescription.sdp,
			headers: {'Content-Type': 'application/sdp', 'Authorization': 'Basic ' + btoa(%q)}});
		if (r.status !== 201) return {refusal: r.status + ' ' + await r.text()};
		await pc.setRemoteDescription({type: 'answer', sdp: await r.text()});
		await new Promise(done => setTimeout(done, %d));
		let frames = 0, audio = 0;
		(await pc.getStats()).forEach(s => {
			if (s.type === 'inbound-rtp' && s.kind === 'video') frames += s.framesDecoded;
			if (s.type === 'inbound-rtp' && s.kind === 'audio') audio += s.packetsReceived;
		});
		pc.close(); video.remove();
		return {frames, audio};
	})()`, url, user+":"+passwordOf(user), seconds*1000))
	m, ok := v.(map[string]any)
	if !ok {
		p.t.Fatalf("WHEP %s: %v", url, v)
	}
	refusal, _ = m["refusal"].(string)
	frames, _ = m["frames"].(float64)
	audio, _ = m["audio"].(float64)
	return frames, audio, refusal
}

// whip publishes the fake camera over WebRTC with one video codec until the page
// is closed.
func (p *page) whip(url, user, codec string) {
	p.t.Helper()
	v := p.eval(fmt.Sprintf(`(async () => {
		const media = await navigator.mediaDevices.getUserMedia({video: {width: 320, height: 240, frameRate: 15}, audio: true});
		const pc = window.pc = new RTCPeerConnection();
		for (const track of media.getTracks()) {
			const tr = pc.addTransceiver(track, {direction: 'sendonly', streams: [media]});
			if (track.kind !== 'video') continue;
			const all = RTCRtpSender.getCapabilities('video').codecs;
			const want = all.filter(c => c.mimeType.toLowerCase() === 'video/' + %q.toLowerCase());
			if (!want.length) return 'this browser has no encoder for it';
			tr.setCodecPreferences(want);
		}
		await pc.setLocalDescription();
		const r = await fetch(%q, {method: 'POST', body: pc.localDescription.sdp,
			headers: {'Content-Type': 'application/sdp', 'Authorization': 'Basic ' + btoa(%q)}});
		if (r.status !== 201) return r.status + ' ' + await r.text();
		await pc.setRemoteDescription({type: 'answer', sdp: await r.text()});
		return '';
	})()`, codec, url, user+":"+passwordOf(user)))
	if v != "" {
		p.t.Fatalf("WHIP %s with %s: %v", url, codec, v)
	}
}
