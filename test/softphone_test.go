package test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// softphone returns the script of a telephone in a browser, made of JsSIP. On a
// developer's machine where the npm packages are not installed the test is
// skipped; in CI they must be.
func softphone(t *testing.T) string {
	t.Helper()
	const bundler = "softphone/node_modules/.bin/esbuild"
	if _, err := os.Stat(bundler); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the telephone for browsers is not installed: run 'make softphone'")
		}
		t.Skip("the telephone for browsers is not installed: run 'make softphone'")
	}
	out, err := exec.Command(bundler, "softphone/softphone.js", "--bundle", "--format=iife").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestPhoneInABrowser is a telephone on a page (RFC 7118, ICE, DTLS-SRTP): it
// registers, calls a room, is called by one, and meets a browser that came by
// the room protocol.
func TestPhoneInABrowser(t *testing.T) {
	script := softphone(t)
	s := start(t)
	s.must("", "group", "add", "A")
	s.user("anna", "A")
	s.user("bert", "A")
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "groups": []string{"A"}, "number": "100"}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	b := startBrowser(t)
	anna := b.party(t, s, "anna", `{room: 'briefing'}`, 700, "#c00000")
	p := b.openAlone(t, s.console("/api/v1/login/methods"))
	p.eval(script)
	if v := p.eval(fmt.Sprintf(`phone.start('bert', %q)`, passwordOf("bert"))); v != "registered" {
		t.Fatalf("the phone does not register: %v", v)
	}
	p.eval(`phone.call('100', 440)`)
	p.until("the call to be up", `phone.state === 'up'`)
	anna.until("to hear the phone", `party.hears([440, 700]) === '440'`)
	p.until("to hear the browser", `phone.hears([440, 700]) === '700'`)
	p.eval(`phone.session.sendDTMF('*'), phone.session.sendDTMF('6')`)
	anna.until("the phone to be silent", `party.hears([440, 700]) === ''`)
	p.eval(`phone.session.terminate()`)
	anna.until("the phone to be gone", `!Object.values(party.people).some(p => p.kind === 'sip')`)

	p.eval(`phone.hz = 1000, phone.policy = 'max-bundle'`)
	var call struct{ ID, State string }
	if code := s.api("anna", http.MethodPost, "rooms/briefing/calls", map[string]string{"to": "bert"}, &call); code != http.StatusCreated {
		t.Fatalf("the room does not call: %d", code)
	}
	anna.until("to hear who was called", `party.hears([700, 1000]) === '1000'`)
	p.until("to hear the browser", `phone.hears([440, 700, 1000]) === '700'`)
	if code := s.api("anna", http.MethodDelete, "rooms/briefing/calls/"+call.ID, nil, nil); code != http.StatusNoContent {
		t.Errorf("the call is not ended: %d", code)
	}
	p.until("the call to end", `phone.state.startsWith('ended')`)
}
