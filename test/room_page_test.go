package test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// press presses or lets go of the space bar.
func (p *page) space(down bool) {
	p.t.Helper()
	kind := "keyUp"
	if down {
		kind = "keyDown"
	}
	p.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": " ", "code": "Space", "windowsVirtualKeyCode": 32}, nil)
}

// click clicks what a selector finds.
func (p *page) click(selector string) {
	p.t.Helper()
	p.until("to find "+selector, fmt.Sprintf(`!!document.querySelector(%q)`, selector))
	p.eval(fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

// write types into what a selector finds.
func (p *page) write(selector, text string) {
	p.t.Helper()
	p.until("to find "+selector, fmt.Sprintf(`!!document.querySelector(%q)`, selector))
	p.eval(fmt.Sprintf(`(() => { const f = document.querySelector(%q); f.value = %q; f.dispatchEvent(new Event('input', {bubbles: true})); })()`, selector, text))
}

// says waits until the page shows words.
func (p *page) says(words string) {
	p.t.Helper()
	p.until("to read "+words, fmt.Sprintf(`document.body.innerText.includes(%q)`, words))
}

// logIn logs in without the form.
func (p *page) logIn(user string) {
	p.t.Helper()
	if v := p.eval(fmt.Sprintf(`fetch('/api/v1/login', {method: 'POST', headers: {'Content-Type': 'application/json'},
		body: JSON.stringify({user: %q, password: %q})}).then(r => r.status)`, user, passwordOf(user))); v != 200.0 {
		p.t.Fatalf("%s logs in: %v", user, v)
	}
}

const othersPicture = `[...document.querySelectorAll('figure:not([data-tile^=own]) video')].some(v => v.getVideoPlaybackQuality().totalVideoFrames > 0)`

var roomSizes = [][2]int{{360, 740}, {800, 1280}, {1440, 900}}

// TestRoomPage is a meeting as people have it: a host enters from the console, a
// guest by a link, they see each other, write, talk while a key is held, and the
// host has the last word.
func TestRoomPage(t *testing.T) {
	need(t, "chromium", "baresip")
	s := start(t)
	s.must("", "group", "add", "A")
	s.user("anna", "A")
	s.user("bert", "A")
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "title": "Morning briefing", "groups": []string{"A"}}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	var invitation struct{ Secret string }
	if code := s.api("anna", http.MethodPost, "rooms/briefing/invitations", map[string]any{"uses": -1}, &invitation); code != http.StatusCreated {
		t.Fatalf("nobody was invited: %d", code)
	}

	b := startBrowser(t)
	anna := b.openAlone(t, s.console("/login"))
	anna.logIn("anna")
	anna.navigate(s.console("/rooms/briefing"))
	anna.click("form button.primary")
	anna.until("her own tile", `document.querySelector('figure[data-tile=own-camera] video')?.videoWidth > 0`)

	guest := b.openAlone(t, s.console("/join#"+invitation.Secret))
	guest.says("anna") // who is in, before entering
	guest.screenshot("room-join-phone", 360, 740)
	guest.eval(`(() => { const Socket = WebSocket; window.sockets = [];
		window.WebSocket = class extends Socket { constructor(...a) { super(...a); sockets.push(this); } }; })()`)
	guest.write("form input", "Clark Kent")
	guest.click("form button.primary")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the guest's page says: %v", guest.eval(`document.body.innerText`))
		}
	})
	guest.until("anna's picture", othersPicture)
	anna.until("the guest's picture", othersPicture)
	for _, size := range roomSizes {
		guest.screenshot(fmt.Sprintf("room-%dx%d", size[0], size[1]), size[0], size[1])
	}

	t.Run("the space bar talks while it is held", func(t *testing.T) {
		guest.space(true)
		anna.says("Speaking: Clark Kent")
		anna.until("the ring around the speaker", `!!document.querySelector('figure.speaks:not([data-tile^=own])')`)
		time.Sleep(400 * time.Millisecond) // less would be a tap, which stays on
		guest.space(false)
		anna.until("silence", `document.querySelector('.caption').innerText === 'Nobody speaks'`)
	})
	t.Run("a connection that breaks is no farewell", func(t *testing.T) {
		guest.eval(`sockets.forEach(s => s.close())`)
		guest.until("another connection", `sockets.length === 2 && sockets[1].readyState === WebSocket.OPEN`)
		guest.until("anna to be there", `document.querySelectorAll('figure').length === 2`)
		if anna.eval(`document.querySelectorAll('figure').length`) != 2.0 {
			t.Error("anna was told that somebody left")
		}
	})
	t.Run("what one writes the other reads", func(t *testing.T) {
		guest.click("[aria-label^=Chat]")
		guest.write(".chat textarea", "Over here")
		guest.click(".chat form button.primary")
		anna.until("the count of new messages", `document.querySelector('[aria-label^=Chat]').ariaLabel.includes('1 new message')`)
		anna.click("[aria-label^=Chat]")
		anna.says("Over here")
		anna.until("the message to count as read", `document.querySelector('[aria-label^=Chat]').ariaLabel === 'Chat'`)
		if guest.eval(`!!document.querySelector('.chat input[type=file]')`) == true {
			t.Error("a guest is offered to send files")
		}
	})
	t.Run("a hand goes up", func(t *testing.T) {
		guest.click(`[aria-label="Raise hand"]`)
		anna.until("the hand on the tile", `!!document.querySelector('figure .hand')`)
	})
	t.Run("the host has the last word", func(t *testing.T) {
		guest.click("button.talk")
		anna.says("Speaking: Clark Kent")
		anna.click("[aria-label^=People]")
		anna.screenshot("room-people", 1440, 900)
		anna.click(`[aria-label="Tools for Clark Kent"]`)
		anna.click(".menu button")
		guest.says("A host has muted you.")
		anna.until("silence", `document.querySelector('.caption').innerText === 'Nobody speaks'`)
		guest.click("button.talk")
		anna.says("Speaking: Clark Kent") // who was muted may speak again
	})
	t.Run("a page without a picture shows a name", func(t *testing.T) {
		guest.click(`[aria-label="Camera off"]`)
		anna.until("a face in place of the picture", `[...document.querySelectorAll('figure[data-source=face]')].some(f => f.innerText.includes('Clark Kent'))`)
	})
	t.Run("who looks elsewhere stays in the room", func(t *testing.T) {
		anna.click(`nav a[href="/rooms"]`)
		anna.says("In Morning briefing")
		anna.screenshot("room-elsewhere", 800, 1280)
		anna.says("Speaking: Clark Kent")
		guest.until("anna to be there", `document.querySelectorAll('figure').length === 2`)
		anna.click(`a[href="/rooms/briefing"]`)
		anna.until("the room again", `!!document.querySelector('button.talk')`)
	})
	t.Run("a room is split, and everybody comes back", func(t *testing.T) {
		anna.click(`[aria-label="Host tools"]`)
		anna.until("the tools", `!!document.querySelector('.tools form.stack')`)
		anna.screenshot("room-breakout-plan", 1440, 900)
		anna.click(".tools form.stack button.primary")
		guest.says("You are moved to Team 1 in")
		guest.says("Breakout room of Morning briefing")
		anna.until("who is where", `[...document.querySelectorAll('.tools li')].some(l => l.innerText.includes('Team 1') && l.innerText.includes('Clark Kent'))`)
		anna.screenshot("room-breakout-tools", 1440, 900)
		anna.write(".tell input", "Two minutes left")
		anna.click(".tell button")
		guest.says("Two minutes left")
		anna.click(`[aria-label="Enter Team 1"]`)
		anna.until("the address of the other room", `location.pathname === '/rooms/briefing-1'`)
		anna.says("Speaking: Clark Kent") // heard as before
		guest.until("anna's picture", othersPicture)
		guest.screenshot("room-breakout-phone", 360, 740)
		anna.click(`[aria-label="Host tools"]`)
		anna.click(".tools section > button.danger")
		guest.says("You are moved to Morning briefing in")
		anna.until("the room again", `location.pathname === '/rooms/briefing' && document.querySelectorAll('figure').length === 2`)
		guest.until("anna's picture", othersPicture)
		anna.says("Speaking: Clark Kent")
	})
	t.Run("the host calls a telephone in", func(t *testing.T) {
		anna.click(`[aria-label="Host tools"]`)
		call := func() {
			anna.write("[data-calls] input", "bert")
			anna.click("[data-calls] form button:enabled")
		}
		call()
		anna.says("Nobody can be reached under this name or number now.")
		p := s.phone(t, "bert", "H264")
		wait(t, 20*time.Second, "the phone to be registered", func() error {
			var got struct{ Registrations []any }
			if code := s.api("admin", http.MethodGet, "sip/registrations", nil, &got); code != http.StatusOK || len(got.Registrations) == 0 {
				return fmt.Errorf("%d registrations (HTTP %d)", len(got.Registrations), code)
			}
			return nil
		})
		call()
		anna.until("the phone to ring", `document.querySelector('[data-calls] li').innerText.includes('ringing')`)
		anna.screenshot("room-calls", 1440, 900)
		p.do("accept", "")
		anna.until("the phone's tile", `[...document.querySelectorAll('figure')].some(f => f.innerText.includes('bert'))`)
		anna.click(`[aria-label="Hang up: bert"]`)
		anna.until("the phone to be gone", `![...document.querySelectorAll('figure')].some(f => f.innerText.includes('bert'))`)
	})
	t.Run("who is shown out reads why", func(t *testing.T) {
		anna.click("[aria-label^=People]")
		anna.click(`[aria-label="Tools for Clark Kent"]`)
		anna.click(".menu .danger")
		guest.says("A host has shown you out.")
	})
	t.Run("it is read from right to left by day", func(t *testing.T) {
		anna.eval(`localStorage.setItem('muster.language', '"ar"'); localStorage.setItem('muster.theme', '"light"')`)
		anna.navigate(s.console("/rooms"))
		anna.until("the list", `!!document.querySelector('[data-room=briefing]') && document.documentElement.dir === 'rtl'`)
		anna.screenshot("rooms-ar-light", 1440, 900)
	})
}
