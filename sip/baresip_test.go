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
func baresip(t *testing.T, account, extra string, commands ...string) *phone {
	t.Helper()
	p := &phone{dir: t.TempDir(), port: freePort(t), ctrl: freePort(t), out: &lockedBuffer{}}
	config := fmt.Sprintf(`
poll_method epoll
sip_listen 127.0.0.1:%d
call_local_timeout 20
audio_source ausine,440
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
`, p.port, p.ctrl, extra)
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
		case <-time.After(3 * time.Second):
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
