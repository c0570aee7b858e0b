package voice

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"muster/voice/wire"
)

// TestDesktopClient is about the official client: it logs in with a certificate,
// goes to a channel, hears by UDP what is said there and mutes itself.
func TestDesktopClient(t *testing.T) {
	s := serve(t, newHouse(), nil)
	alice := s.joined("alice", "blue")
	d := startDesktop(t, s, "bob", "blue")
	eventually(t, "the desktop client is in the channel", func() bool { return alice.where("Desk") == "blue" })
	session := value(alice.user("Desk").Session)
	s.mu.RLock()
	u := s.users[session]
	s.mu.RUnlock()
	if !u.strong || u.id.User != "bob" {
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
	blue, _ := alice.channel("blue")
	alice.send(&wire.TextMessage{Channels: []uint32{blue}, Text: new("hello")})
	d.rpc("mute")
	eventually(t, "it has muted itself", func() bool { return isTrue(alice.user("Desk").SelfMute) })
	d.rpc("unmute")
	eventually(t, "and not any more", func() bool { return !isTrue(alice.user("Desk").SelfMute) })
}

// desktop is a running client.
type desktop struct {
	t   *testing.T
	env []string
}

// startDesktop runs the client with a certificate of ours for user, which knows the
// server's certificate already.
func startDesktop(t *testing.T, s *server, user, channel string) *desktop {
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
	var escaped strings.Builder
	for _, b := range p12 {
		fmt.Fprintf(&escaped, `\x%02x`, b)
	}
	write(t, filepath.Join(home, ".config/Mumble/Mumble.conf"), "[General]\nlastupdate=2\n\n[net]\ncertificate=\"@ByteArray("+escaped.String()+
		")\"\n\n[ui]\naskOnQuit=false\ndisablepubliclist=true\nusage=false\nupdateCheck=false\npluginCheck=false\n")
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
	d := &desktop{t: t, env: append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DBUS_") }),
		"HOME="+home, "XDG_RUNTIME_DIR="+runtime, "DISPLAY=:"+startX(t), "QT_X11_NO_MITSHM=1", "LANG=C.UTF-8",
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
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startX runs an X server without a screen and returns the number of its display.
func startX(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1000x700x24", "-nolisten", "tcp")
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
