package voice

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"html"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"muster/voice/wire"
)

// desktop is a running client. Its main window begins with the tree focused.
type desktop struct {
	t       *testing.T
	env     []string
	display string
	at      int // the part of the main window that has the focus
}

// The parts of the main window, in the order in which F6 goes through them.
const (
	logPane = iota
	chatBar
	tree
	parts
)

// screen is its size.
const screen = "1000x700"

// mainWindow is how the title of the main window begins.
const mainWindow = "Mumble -- "

// startDesktop runs the client with a certificate of ours for user, which knows the
// server's certificate already.
func startDesktop(t *testing.T, s *server, user, channel string, shortcuts ...shortcut) *desktop {
	t.Helper()
	home := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048) // the client takes no others
	if err != nil {
		t.Fatal(err)
	}
	cert := signed(t, pkix.Name{CommonName: user, OrganizationalUnit: []string{"desk"}, Organization: []string{"our authority"}}, key)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	p12, err := pkcs12.LegacyDES.Encode(key, leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".config/Mumble/Mumble.conf"), "[General]\nlastupdate=2\n\n[net]\ncertificate=\"@ByteArray("+escape(p12)+
		")\"\n\n[ui]\naskOnQuit=false\ndisablepubliclist=true\nusage=false\nupdateCheck=false\npluginCheck=false\n\n"+
		"[audio]\ninput=PulseAudio\noutput=PulseAudio\ntransmit=2\nnoisesupress=0\ndenoise=false\n\n[pulseaudio]\ninput=mic.monitor\noutput=ear\n\n"+
		settings(shortcuts))
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	trust(t, filepath.Join(home, ".local/share/Mumble/Mumble/mumble.sqlite"), host, number, s.tls.Certificates[0].Certificate[0])
	runtime := filepath.Join(home, "run")
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	display := ":" + startX(t)
	d := &desktop{t: t, at: tree, display: display, env: append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DBUS_") }),
		"HOME="+home, "XDG_RUNTIME_DIR="+runtime, "DISPLAY="+display, "QT_X11_NO_MITSHM=1", "LANG=C.UTF-8", "JACK_NO_START_SERVER=1",
		"PULSE_SERVER=unix:"+startSound(t),
		"DBUS_SESSION_BUS_ADDRESS=unix:path="+home+"/none")}
	var out bytes.Buffer
	cmd := exec.Command("mumble", "mumble://Desk@"+s.addr+"/"+channel+"?version=1.2.0")
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env, &out, &out
	keep(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return d
}

// trust makes the client's database know a server certificate.
func trust(t *testing.T, path, host string, port int, der []byte) {
	t.Helper()
	write(t, path, "")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sum := sha1.Sum(der)
	for _, q := range []string{
		"CREATE TABLE `cert` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `hostname` TEXT, `port` INTEGER, `digest` TEXT)",
		"CREATE UNIQUE INDEX `cert_host_port` ON `cert`(`hostname`,`port`)",
		fmt.Sprintf("INSERT INTO `cert` (`hostname`,`port`,`digest`) VALUES ('%s', %d, '%s')", host, port, hex.EncodeToString(sum[:])),
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startSound runs a sound server whose microphone hears a tone, and returns its
// socket.
func startSound(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	socket := filepath.Join(home, "socket")
	var out bytes.Buffer
	cmd := exec.Command("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", "--realtime=no", "--high-priority=no",
		"-L", "module-null-sink sink_name=ear", "-L", "module-null-sink sink_name=mic", "-L", "module-sine sink=mic frequency="+strconv.Itoa(tone),
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+socket)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home)
	cmd.Stdout, cmd.Stderr = &out, &out
	keep(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out.String())
		}
	})
	eventually(t, "there is a sound server", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return socket
}

// tone is what the microphone hears, in Hz.
const tone = 440

// shortcut is a global key of the client: what it does, by the number that the client
// has for it, the name of the key, and the target.
type shortcut struct {
	does   int
	key    string
	target []byte
}

// What keys do.
const (
	pushToTalk = 1
	whisper    = 12
)

// settings writes shortcuts as the client's file holds them.
func settings(shortcuts []shortcut) string {
	codes := map[string]byte{"F7": 73, "F8": 74} // as X numbers them
	var b strings.Builder
	b.WriteString("[shortcuts]\n")
	for i, k := range shortcuts {
		list := []byte{0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, codes[k.key]} // a list of one number
		fmt.Fprintf(&b, "%[1]d\\index=%[2]d\n%[1]d\\keys=\"@Variant(%[3]s)\"\n", i+1, k.does, escape(list))
		if k.target != nil {
			fmt.Fprintf(&b, "%d\\data=\"@Variant(%s)\"\n", i+1, escape(k.target))
		}
	}
	fmt.Fprintf(&b, "size=%d\n", len(shortcuts))
	return b.String()
}

// toUser is the target of a whisper: whoever has the certificate with that hash.
func toUser(hash string) []byte {
	const kind = "ShortcutTarget\x00"
	b := append([]byte{0, 0, 0, 127, 0, 0, 0, byte(len(kind))}, kind...)
	b = append(b, 1, 0, 0, 0, 0, 1) // to users, not centred, one
	b = binary.BigEndian.AppendUint32(b, uint32(2*len(hash)))
	for _, r := range []byte(hash) {
		b = append(b, 0, r)
	}
	return b
}

// escape writes b as Qt's settings hold bytes.
func escape(b []byte) string {
	var s strings.Builder
	for _, v := range b {
		fmt.Fprintf(&s, `\x%02x`, v)
	}
	return s.String()
}

// startX runs an X server without a screen and returns the number of its display.
func startX(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", screen+"x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	keep(t, cmd)
	w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// keep runs cmd until the test is over.
func keep(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// rpc tells the running client to do something.
func (d *desktop) rpc(what string) {
	d.t.Helper()
	cmd := exec.Command("mumble", "rpc", what)
	cmd.Env = d.env
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Errorf("rpc %s: %v: %s", what, err, out)
	}
}

// tool runs a program on the client's screen.
func (d *desktop) tool(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = d.env
	return cmd.Output()
}

// do gives a command to xdotool.
func (d *desktop) do(args ...string) {
	d.t.Helper()
	if _, err := d.tool("xdotool", args...); err != nil {
		d.t.Fatalf("xdotool %v: %v", args, err)
	}
}

// key presses keys, one after the other.
func (d *desktop) key(keys ...string) {
	d.t.Helper()
	d.do(append([]string{"key"}, keys...)...)
}

// window returns the window that is shown with a title that begins like that; empty:
// there is none.
func (d *desktop) window(title string) string {
	out, _ := d.tool("xdotool", "search", "--onlyvisible", "--name", "^"+title) // none is an error, too
	return strings.TrimSpace(string(out))
}

// front waits for a window and gives it the keys.
func (d *desktop) front(title string) {
	d.t.Helper()
	eventually(d.t, "the window "+title, func() bool {
		w := d.window(title)
		if w == "" {
			return false
		}
		_, err := d.tool("xdotool", "windowfocus", w)
		return err == nil
	})
}

// focus goes to a part of the main window.
func (d *desktop) focus(part int) {
	d.t.Helper()
	for ; d.at != part; d.at = (d.at + 1) % parts {
		d.key("F6")
	}
}

// write sends a text that is typed into the chat bar.
func (d *desktop) write(text string) {
	d.t.Helper()
	d.do("type", text)
	d.key("Return")
}

// log returns what the log pane shows, once text is in it: it is copied, and sent as
// a text to c.
func (d *desktop) log(c *client, session uint32, text string) (shown string) {
	d.t.Helper()
	for range 10 {
		c.mu.Lock()
		seen := len(c.got)
		c.mu.Unlock()
		d.focus(logPane)
		d.key("ctrl+a", "ctrl+c")
		d.focus(chatBar)
		d.key("ctrl+v", "Return")
		eventually(d.t, "what the log shows", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, m := range c.got[seen:] {
				if m, is := m.(*wire.TextMessage); is && value(m.Actor) == session {
					shown = html.UnescapeString(value(m.Text))
					return true
				}
			}
			return false
		})
		if strings.Contains(shown, text) {
			return shown
		}
	}
	d.t.Fatalf("the client does not show %q:\n%s", text, shown)
	return ""
}

// shot keeps a picture of the screen in test/artifacts, once nothing moves on it.
func (d *desktop) shot(name string) {
	d.t.Helper()
	grab := func() []byte {
		out, err := d.tool("ffmpeg", "-v", "error", "-f", "x11grab", "-draw_mouse", "0", "-video_size", screen, "-i", d.display, "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-")
		if err != nil {
			d.t.Fatal("ffmpeg: ", err)
		}
		return out
	}
	last := grab()
	eventually(d.t, "the screen is still", func() bool {
		now := grab()
		still := bytes.Equal(last, now)
		last = now
		return still
	})
	write(d.t, filepath.Join("..", "test", "artifacts", name+".png"), string(last))
}
