package sip

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

// phone is a baresip. It sends a tone and a moving picture.
type phone struct {
	dir  string
	port int
	ctrl int
	out  *lockedBuffer
}

// do has the phone do something, by its control port.
func (p *phone) do(t *testing.T, command, params string) {
	t.Helper()
	var c net.Conn
	eventually(t, "the phone's control port is open", func() bool {
		var err error
		c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.ctrl))
		return err == nil
	})
	defer c.Close()
	msg := fmt.Sprintf(`{"command":%q,"params":%q}`, command, params)
	if _, err := fmt.Fprintf(c, "%d:%s,", len(msg), msg); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = c.Read(make([]byte, 4096)) // its answer says that it was taken
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (p *phone) said(text string) func() bool {
	return func() bool { return strings.Contains(p.out.String(), text) }
}

// baresip starts a phone with an account line and commands.
// Its sine knows 48 kHz only: for other codecs what it hears is what it says.
func baresip(t *testing.T, account, extra string, commands ...string) *phone {
	t.Helper()
	source := "ausine,440"
	if !strings.Contains(account, "opus") && strings.Contains(account, "audio_codecs") {
		source = "aubridge,nil"
	}
	p := &phone{dir: t.TempDir(), port: runtest.Port(t), ctrl: runtest.Port(t), out: &lockedBuffer{}}
	config := fmt.Sprintf(`
poll_method epoll
sip_listen 127.0.0.1:%d
call_local_timeout 20
audio_source %s
audio_player aubridge,nil
audio_alert aubridge,nil
audio_level no
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x180
video_fps 10
rtp_ports 31000-34000
module_path /usr/lib/baresip/modules
module opus.so
module g722.so
module g711.so
module ausine.so
module aubridge.so
module avcodec.so
module vp8.so
module fakevideo.so
module srtp.so
module dtls_srtp.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
%s
`, p.port, source, p.ctrl, extra)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config", config)
	write("accounts", account+"\n")
	write("contacts", "")
	args := []string{"-f", p.dir}
	for _, c := range commands {
		args = append(args, "-e", c)
	}
	cmd := exec.Command("baresip", args...)
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(200 * time.Millisecond):
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("baresip:\n%s", p.out)
		}
	})
	return p
}

func TestBaresipRegistersAndHearsItselfInARoom(t *testing.T) {
	w := serve(t, nil)
	p := baresip(t, fmt.Sprintf("<sip:alice@%s;transport=udp>;auth_pass=wonder;regint=60", w.addr), "", "d sip:100@"+w.addr.String())
	eventually(t, "the phone is registered", func() bool { return w.Stats().Phones == 1 })
	seat := w.rooms.last(t)
	eventually(t, "sound and pictures come", func() bool {
		a, v := seat.count()
		return a > 30 && v > 5
	})
	if seat.request.Identity.User != "alice" {
		t.Errorf("the room sees %q", seat.request.Identity.User)
	}
	if seat.audio.Name != "opus" || seat.video.Name != "H264" {
		t.Errorf("agreed on %q and %q", seat.audio.Name, seat.video.Name)
	}
	_ = p
}

func TestBaresipCallsInEveryWay(t *testing.T) {
	for _, tt := range []struct {
		name, account, extra, audio, video string
		secure                             bool
	}{
		{"SDES and VP8", ";mediaenc=srtp-mand;audio_codecs=G722/16000/1;video_codecs=VP8", "", "G722", "VP8", true},
		{"DTLS-SRTP", ";mediaenc=dtls_srtp;audio_codecs=opus/48000/2", "", "opus", "H264", true},
		{"A-law over TCP", ";audio_codecs=PCMA/8000/1", "", "PCMA", "H264", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, nil)
			transport, addr := "udp", w.addr.String()
			if strings.Contains(tt.name, "TCP") {
				transport, addr = "tcp", w.tcp
			}
			p := baresip(t, fmt.Sprintf("<sip:alice@%s;transport=%s>;auth_pass=wonder;regint=60%s", addr, transport, tt.account), tt.extra)
			eventually(t, "the phone is registered", func() bool { return w.Stats().Phones == 1 })
			p.do(t, "dial", "sip:100@"+addr)
			seat := w.rooms.last(t)
			eventually(t, "sound and pictures come", func() bool {
				a, v := seat.count()
				return a > 20 && v > 3
			})
			if seat.audio.Name != tt.audio || seat.video.Name != tt.video {
				t.Errorf("agreed on %q and %q", seat.audio.Name, seat.video.Name)
			}
			if calls := w.Calls(); len(calls) != 1 || calls[0].Secure != tt.secure {
				t.Errorf("calls: %+v", calls)
			}
			eventually(t, "the phone hears something", p.said("incoming rtp for 'audio' established"))
			p.do(t, "hangup", "")
			eventually(t, "the seat is free", seat.isClosed)
		})
	}
}

func TestTwoBaresipsTalkToEachOther(t *testing.T) {
	w := serve(t, nil)
	account := func(user, pass, more string) string {
		return fmt.Sprintf("<sip:%s@%s;transport=udp>;auth_pass=%s;regint=60%s", user, w.addr, pass, more)
	}
	a := baresip(t, account("alice", "wonder", ""), "")
	b := baresip(t, account("bob", "builder", ";answermode=auto;mediaenc=srtp"), "")
	eventually(t, "both phones are registered", func() bool { return w.Stats().Phones == 2 })
	a.do(t, "dial", "sip:bob@"+w.addr.String())
	for _, p := range []*phone{a, b} {
		eventually(t, "the phones hear each other", p.said("incoming rtp for 'audio' established"))
		eventually(t, "the phones see each other", p.said("receiving with resolution 320 x 180"))
	}
	b.do(t, "hangup", "")
	eventually(t, "the call is over on both sides", func() bool { return w.Stats().Calls == 0 })
}
