package voice

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/run/runtest"
	"muster/media/codec/opus"
	"muster/voice/wire"
)

// TestDesktopClient is about the official client, used by its keys as somebody would
// who administers the server: it logs in with a certificate, hears, speaks,
// whispers, writes, goes to another channel and looks into its access list.
func TestDesktopClient(t *testing.T) {
	runtest.Need(t, "mumble", "Xvfb", "xdotool", "pulseaudio", "ffmpeg")
	h := newHouse()
	h.people["chief"] = auth.Identity{User: "chief", Role: auth.RoleAdmin, Groups: []auth.Grant{both("blue"), both("red")}}
	red := group("red")
	red.Description = strings.Repeat("Those who go in first. ", 10) // fetched by its hash
	h.entries = []Entry{group("blue"), red}
	s := serve(t, h, nil)
	alice, err := s.dial(credentials{name: "alice", cert: ours(t, "alice", "radio"), opus: true})
	if err != nil {
		t.Fatal(err)
	}
	alice.join("blue")
	dave := s.joined("dave", "blue")
	alice.stay()
	dave.stay()
	d := startDesktop(t, s, "chief", "blue", shortcut{pushToTalk, "F7", nil}, shortcut{whisper, "F8", toUser(value(dave.user("alice").Hash))})
	eventually(t, "the desktop client is in the channel", func() bool { return alice.where("Desk") == "blue" })
	session := value(alice.user("Desk").Session)
	s.mu.RLock()
	u := s.users[session]
	s.mu.RUnlock()
	if !u.strong || u.id.User != "chief" {
		t.Errorf("%+v", u.place)
	}
	eventually(t, "it has UDP", func() bool { return u.c.addr.Load() != nil })

	for i := range 50 {
		alice.say(0, uint64(2*i), frame20(byte(i)))
		time.Sleep(5 * time.Millisecond)
	}
	eventually(t, "it has decrypted what was said, and says so", func() bool {
		u.c.statMu.Lock()
		defer u.c.statMu.Unlock()
		p := u.c.ping
		return value(p.Good) >= 50 && value(p.Lost) == 0 && value(p.Late) == 0 && value(p.Resync) == 0
	})
	if n, resync := u.c.counts(); n.Good == 0 || n.Lost+n.Late+resync != 0 {
		t.Errorf("what came from it: %+v, %d", n, resync)
	}

	d.front(mainWindow)
	d.do("keydown", "F7")
	eventually(t, "a second of its voice is heard", func() bool { return len(dave.spoken(session, wire.TargetNormal)) >= 50 })
	d.rpc("mute")
	eventually(t, "it has muted itself", func() bool { return isTrue(alice.user("Desk").SelfMute) })
	eventually(t, "its burst has an end", func() bool { v := dave.spoken(session, wire.TargetNormal); return v[len(v)-1].Last })
	d.do("keyup", "F7")
	d.rpc("unmute")
	eventually(t, "and not any more", func() bool { return !isTrue(alice.user("Desk").SelfMute) })
	burst := dave.spoken(session, wire.TargetNormal)
	for i, v := range burst[1:] {
		if v.Seq <= burst[i].Seq || burst[i].Last {
			t.Fatalf("packet %d of %d: %d after %d, %t", i+1, len(burst), v.Seq, burst[i].Seq, burst[i].Last)
		}
	}
	if part := share(t, burst, tone); part < 0.5 {
		t.Errorf("the tone of the microphone is %.2f of what is heard", part)
	}

	d.do("keydown", "F8")
	eventually(t, "what it whispers is heard", func() bool { return len(alice.spoken(session, wire.TargetWhisper)) >= 10 })
	d.do("keyup", "F8")
	eventually(t, "the whisper has an end", func() bool { v := alice.spoken(session, wire.TargetWhisper); return v[len(v)-1].Last })
	dave.settle()
	if n, whispered := len(dave.spoken(session, wire.TargetNormal)), len(dave.spoken(session, wire.TargetWhisper)); n != len(burst) || whispered != 0 {
		t.Errorf("of the whisper somebody else hears %d and %d packets", n-len(burst), whispered)
	}

	blue, _ := alice.channel("blue")
	d.focus(chatBar)
	d.write("all is quiet here")
	await(alice, "its text", func(m *wire.TextMessage) bool {
		return value(m.Actor) == session && value(m.Text) == "all is quiet here" && slices.Equal(m.Channels, []uint32{blue})
	})
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("stay <there> & wait")})
	alice.send(&wire.TextMessage{Sessions: []uint32{session}, Text: new("only for you")})
	shown := d.log(alice, session, "only for you")
	for _, want := range []string{"(Channel) alice: stay & wait", "To blue: all is quiet here"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the client does not show %q:\n%s", want, shown)
		}
	}

	d.focus(tree)
	d.key("Home", "r", "e", "d", "Return")
	eventually(t, "it is in another channel", func() bool { return dave.where("Desk") == "red" && alice.user("Desk") == nil })
	d.shot("mumble-channels")

	denied := s.n.denied.Load()
	const dialog = "Mumble - Edit red"
	d.key("Menu", "e")
	d.front(dialog) // which it opens when it has the answer
	d.key("Tab", "Tab", "Tab", "Down")
	d.shot("mumble-groups")
	d.key("shift+Tab", "Right", "Tab", "Down", "Down")
	d.shot("mumble-acl")
	d.key("shift+Tab", "Left", "Left")
	d.shot("mumble-properties")
	d.key("shift+Tab", "shift+Tab", "space")
	eventually(t, "its dialog is closed", func() bool { return d.window(dialog) == "" })
	d.front(mainWindow)
	d.focus(tree)
	d.key("Home", "b", "l", "u", "e", "Return")
	eventually(t, "it is back", func() bool { return alice.where("Desk") == "blue" })
	if n := s.n.denied.Load() - denied; n != 0 {
		t.Errorf("%d refusals", n)
	}
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("welcome back")})
	shown = d.log(alice, session, "welcome back")
	for _, bad := range []string{"Denied", "denied", "Failed", "Warning"} {
		if strings.Contains(shown, bad) {
			t.Errorf("the client complains:\n%s", shown)
		}
	}
}

// share returns how much of the energy of a burst, but for its beginning, is at a
// frequency.
func share(t *testing.T, burst []wire.Voice, hertz float64) float64 {
	t.Helper()
	dec, err := opus.NewDecoder(1)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	var all, re, im, count float64
	pcm := make([]int16, opus.MaxSamples)
	for i, v := range burst {
		if v.Last {
			break // it may be empty
		}
		n, err := dec.Decode(v.Opus, pcm)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if i < 10 {
			continue
		}
		for _, x := range pcm[:n] {
			sin, cos := math.Sincos(2 * math.Pi * hertz * count / opus.Rate)
			re, im, all, count = re+float64(x)*cos, im+float64(x)*sin, all+float64(x)*float64(x), count+1
		}
	}
	return 2 * (re*re + im*im) / (count * max(all, 1))
}
