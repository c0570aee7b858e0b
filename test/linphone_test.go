package test

import (
	le "encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

// linphone is a linphonec that is told what to do as at its prompt.
type linphone struct {
	t     *testing.T
	in    io.Writer
	out   *lockedBuffer
	heard string // WAV
}

// linphone starts a Linphone that registers as user and, when in a call, plays a
// tone.
func (s *server) linphone(t *testing.T, user string, hz float64) *linphone {
	t.Helper()
	need(t, "linphonec")
	dir := t.TempDir()
	rc := filepath.Join(dir, "linphonerc")
	home := fmt.Sprintf("127.0.0.1:%d", s.ports["sip-udp"])
	text := fmt.Sprintf(`[sip]
sip_port=%d
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
default_proxy=0
[rtp]
audio_rtp_port=%d
[proxy_0]
reg_proxy=<sip:%s>
reg_identity=sip:%s@%s
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username=%s
passwd=%s
`, runtest.Port(t), runtest.Port(t), home, user, home, user, passwordOf(user))
	if err := os.MkdirAll(filepath.Join(dir, ".local", "share", "linphone"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tone := filepath.Join(dir, "tone.wav")
	if err := os.WriteFile(tone, wavTone(hz, 60), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "linphonec", "-c", rc)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	l := &linphone{t: t, out: &lockedBuffer{}, heard: filepath.Join(dir, "heard.wav")}
	cmd.Stdout, cmd.Stderr = l.out, l.out
	cmd.WaitDelay = 2 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.in = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = io.WriteString(in, "terminate\nquit\n")
		time.AfterFunc(time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("linphonec:\n%s", l.out)
		}
	})
	l.do("soundcard use files")
	l.do("play " + tone)
	l.do("record " + l.heard)
	wait(t, 20*time.Second, "Linphone to register", func() error {
		var list struct{ Registrations []struct{ User string } }
		s.api("admin", http.MethodGet, "sip/registrations", nil, &list)
		for _, r := range list.Registrations {
			if r.User == user {
				return nil
			}
		}
		return fmt.Errorf("registered are %v", list)
	})
	return l
}

// hears returns the share that a tone has of the last second that was heard, and
// an error before there is anything. What is written is one channel; the header
// comes when the call is over.
func (l *linphone) hears(hz float64) (float64, error) {
	b, err := os.ReadFile(l.heard)
	if err != nil || len(b) < 44 {
		return 0, errors.New("the phone has heard nothing yet")
	}
	return share(b[44:], 1, 48000, hz)
}

// comeByPIN has a Linphone of user call room 100: it is spoken to, enters the PIN
// by its keys, and meets the browser, which sends 700 Hz.
func (s *server) comeByPIN(t *testing.T, browser *page, user string) {
	l := s.linphone(t, user, 1000)
	l.do(fmt.Sprintf("call sip:100@127.0.0.1:%d", s.ports["sip-udp"]))
	wait(t, 20*time.Second, "the prompt", func() error {
		b, err := os.ReadFile(l.heard)
		loud := 0
		for i := 44; i+1 < len(b); i += 2 {
			if v := int16(le.LittleEndian.Uint16(b[i:])); v > 2000 || v < -2000 {
				loud++
			}
		}
		if loud < 4800 {
			return fmt.Errorf("%d loud samples, %v", loud, err)
		}
		return nil
	})
	for _, key := range "471123#" {
		l.do(string(key))
		time.Sleep(150 * time.Millisecond)
	}
	browser.until("the caller to be in the room", fmt.Sprintf(`Object.values(party.people).some(p => p.kind === 'sip' && p.name === %q && !p.user)`, user))
	browser.until("to hear the caller", `party.hears([1000]) === '1000'`)
	wait(t, 20*time.Second, "the caller to hear the browser", func() error {
		others, err := l.hears(700)
		if err != nil {
			return err
		}
		if own, _ := l.hears(1000); others < 0.2 || own > 0.01 {
			return fmt.Errorf("of what it hears the browser is %.3f and itself %.3f", others, own)
		}
		return nil
	})
}

// do gives a command.
func (l *linphone) do(command string) {
	l.t.Helper()
	if _, err := io.WriteString(l.in, command+"\n"); err != nil {
		l.t.Fatal(err)
	}
}

// wavTone is a tone of 8000 Hz and one channel.
func wavTone(hz float64, seconds int) []byte {
	const rate = 8000
	n := rate * seconds
	b := append([]byte("RIFF"), le.LittleEndian.AppendUint32(nil, uint32(36+2*n))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.LittleEndian.AppendUint32(b, rate)
	b = le.LittleEndian.AppendUint32(b, 2*rate)
	b = append(b, "\x02\x00\x10\x00data"...)
	b = le.LittleEndian.AppendUint32(b, uint32(2*n))
	for i := range n {
		b = le.LittleEndian.AppendUint16(b, uint16(int16(6000*math.Sin(2*math.Pi*hz*float64(i)/rate))))
	}
	return b
}
