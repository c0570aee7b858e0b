package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// console is the address of the pages.
func (s *server) console(path string) string {
	return fmt.Sprintf("https://127.0.0.1:%d%s", s.ports["https"], path)
}

// login types name and password into the page.
func (p *page) login(s *server, user, password string) {
	p.t.Helper()
	p.navigate(s.console("/login"))
	p.until("the login form", `!!document.querySelector('input[type=password]')`)
	p.eval(fmt.Sprintf(`(() => {
		const type = (field, text) => { field.value = text; field.dispatchEvent(new Event('input', {bubbles: true})); };
		type(document.querySelector('form input:not([type=password])'), %q);
		type(document.querySelector('form input[type=password]'), %q);
		document.querySelector('form button[type=submit]').click();
	})()`, user, password))
}

// until waits until a JavaScript expression is true.
func (p *page) until(what, expression string) {
	p.t.Helper()
	wait(p.t, 20*time.Second, what, func() error {
		if v := p.eval(expression); v != true {
			return fmt.Errorf("%v; the page says: %.300v", v, p.eval(`document.body.innerText`))
		}
		return nil
	})
}

// TestConsole is the story of the pages: log in, see the wall, watch, publish
// from this device, and see nothing of others.
func TestConsole(t *testing.T) {
	need(t, "ffmpeg", "chromium")
	s := start(t)
	s.must("", "group", "add", "A")
	s.must("", "group", "add", "B")
	s.user("pilot", "A")
	s.user("chief", "A:out")
	s.user("stranger", "B")
	background(t, "ffmpeg", loop(clipFile(t, "h264-opus"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "uas/cam1"))...)
	background(t, "ffmpeg", loop(clipFile(t, "h264-bframes"), "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", "uas/cam2"))...)
	s.live("uas/cam1")
	s.live("uas/cam2")

	b := startBrowser(t)
	p := b.open(t, s.web("x"))
	p.login(s, "chief", "wrong-password")
	p.until("the refusal", `/wrong|incorrect|not right|do not match|check/i.test(document.body.innerText) && location.pathname === '/login'`)
	p.login(s, "chief", passwordOf("chief"))
	p.until("the map", `location.pathname === '/map'`)
	p.navigate(s.console("/video"))
	p.until("the wall with both streams", `location.pathname === '/video' && document.body.innerText.includes('uas/cam1') && document.body.innerText.includes('uas/cam2')`)
	p.until("still pictures", `[...document.querySelectorAll('canvas')].filter(c => {
		if (!c.width) return false;
		const px = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
		return px.some((v, i) => i % 4 < 3 && v > 40);
	}).length >= 2`)
	for _, size := range [][2]int{{360, 740}, {800, 1280}, {1440, 900}, {3840, 2160}} {
		p.screenshot(fmt.Sprintf("wall-%dx%d", size[0], size[1]), size[0], size[1])
	}
	p.screenshot("wall", 1440, 900)

	const playing = `[...document.querySelectorAll('video')].some(v => v.getVideoPlaybackQuality().totalVideoFrames > 20 && !v.paused)`
	p.navigate(s.console("/video/uas/cam1"))
	p.until("WebRTC to play", playing)
	if text := fmt.Sprint(p.eval(`document.body.innerText`)); !strings.Contains(text, "WebRTC") {
		t.Errorf("the player does not say that it plays by WebRTC: %.500s", text)
	}
	p.screenshot("player-webrtc", 1440, 900)
	p.screenshot("player-webrtc-phone", 360, 740)
	p.screenshot("player-webrtc-desk", 1440, 900)

	// B-frames cannot play over WebRTC: HLS takes over, with the reason.
	p.navigate(s.console("/video/uas/cam2"))
	p.until("HLS to play", playing)
	if text := fmt.Sprint(p.eval(`document.body.innerText`)); !strings.Contains(text, "HLS") {
		t.Errorf("the player does not say that it plays by HLS, and why: %.500s", text)
	}
	p.screenshot("player-hls", 1440, 900)

	// What is taken away is gone from the page at once.
	s.must("", "group", "revoke", "A", "chief")
	p.until("the player to lose the stream", `![...document.querySelectorAll('video')].some(v => !v.paused && v.readyState > 2 && !v.ended) || !document.body.innerText.includes('HLS')`)
	p.navigate(s.console("/video"))
	p.until("an empty wall", `!document.body.innerText.includes('uas/cam1')`)
	p.screenshot("wall-empty", 1440, 900)

	q := b.open(t, s.web("x"))
	q.navigate(s.console("/video")) // still logged in as chief: one browser, one cookie
	q.eval(`fetch('/api/v1/logout', {method: 'POST'})`)
	q.login(s, "stranger", passwordOf("stranger"))
	q.until("the stranger's map", `location.pathname === '/map'`)
	q.navigate(s.console("/video"))
	q.until("the stranger's wall", `location.pathname === '/video'`)
	time.Sleep(time.Second)
	if text := fmt.Sprint(q.eval(`document.body.innerText`)); strings.Contains(text, "uas/cam") {
		t.Errorf("a stranger's wall shows %.300s", text)
	}
	q.navigate(s.console("/video/uas/cam1"))
	time.Sleep(3 * time.Second)
	if q.eval(playing) == true {
		t.Error("a stranger's player plays")
	}

	q.eval(`fetch('/api/v1/logout', {method: 'POST'})`)
	q.login(s, "admin", adminPassword)
	q.until("the admin's map", `location.pathname === '/map'`)
	q.navigate(s.console("/video"))
	q.until("the admin's wall", `document.body.innerText.includes('uas/cam1')`)
	for _, lens := range []string{"people", "tokens", "sessions", "certificates", "streams", "health"} {
		q.navigate(s.console("/admin/" + lens))
		time.Sleep(700 * time.Millisecond)
		q.screenshot("admin-"+lens, 1440, 900)
	}
	q.navigate(s.console("/publish"))
	time.Sleep(time.Second)
	q.screenshot("publish", 360, 740)
}
