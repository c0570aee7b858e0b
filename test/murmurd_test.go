package test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"layeh.com/gumble/gumble"

	"muster/internal/run/runtest"
)

// murmurd is Debian's, on free ports.
type murmurd struct {
	t         *testing.T
	ini       string
	ice, port int
	cmd       *exec.Cmd
	log       lockedBuffer
}

func newMurmurd(t *testing.T, secret string) *murmurd {
	t.Helper()
	dir := t.TempDir()
	m := &murmurd{t: t, ini: filepath.Join(dir, "murmur.ini"), ice: runtest.Port(t), port: runtest.Port(t)}
	text := fmt.Sprintf("database=%s/m.sqlite\nice=\"tcp -h 127.0.0.1 -p %d\"\nicesecretwrite=%s\npidfile=%s/pid\nhost=127.0.0.1\nport=%d\nbonjour=false\nkdfiterations=1000\nautobanAttempts=0\nuname=root\n",
		dir, m.ice, secret, dir, m.port)
	if err := os.WriteFile(m.ini, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("murmurd:\n%s", m.log.String())
		}
	})
	m.start()
	return m
}

func (m *murmurd) start() {
	m.t.Helper()
	m.cmd = exec.Command("murmurd", "-fg", "-ini", m.ini)
	m.cmd.Stdout, m.cmd.Stderr = &m.log, &m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *murmurd) stop() {
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	_ = m.cmd.Wait() // it is ended by a signal
}

// TestMurmurd is a room with a user of the Mumble server of the house and two of a
// murmurd beside it: everybody hears the others, and nobody themselves.
func TestMurmurd(t *testing.T) {
	t.Parallel()
	need(t, "murmurd")
	const secret, lineName = "secret-of-the-test", "Alpha (room)"
	m := newMurmurd(t, secret)
	s := start(t, "MUSTER_VOICE_EXTERNAL_ENABLED=true", fmt.Sprintf("MUSTER_VOICE_EXTERNAL_ADDRESS=127.0.0.1:%d", m.ice),
		"MUSTER_VOICE_EXTERNAL_SECRET="+secret, fmt.Sprintf("MUSTER_VOICE_EXTERNAL_VOICE=127.0.0.1:%d", m.port), "MUSTER_VOICE_EXTERNAL_BUDGET=1s")
	s.must("", "group", "add", "Alpha")
	for _, u := range []string{"anna", "bert", "carl"} {
		s.user(u, "Alpha")
	}
	carl := s.radio(t, "carl", "Alpha")
	anna, bert := dialRadio(t, m.port, "anna", "Alpha"), dialRadio(t, m.port, "bert", "Alpha")
	stop := carl.talk(1000)
	defer stop()
	silent := anna.talk(700)
	defer silent()

	hears := func(r *radio, whom, name string, hz float64) {
		t.Helper()
		wait(t, 20*time.Second, whom+" to hear "+name, func() error {
			if share := r.hears(name, hz); share < 0.5 {
				return fmt.Errorf("the share of the tone is %.3f", share)
			}
			return nil
		})
	}
	hears(bert, "bert", "anna", 700)
	hears(bert, "bert", lineName, 1000)
	hears(anna, "anna", lineName, 1000)
	hears(carl, "carl", "anna", 700)
	for whom, r := range map[string]*radio{"anna": anna, "bert": bert, "carl": carl} {
		r.mu.Lock()
		if _, own := r.heard[whom]; own {
			t.Errorf("%s hears itself", whom)
		}
		r.mu.Unlock()
	}
	for whom, r := range map[string]*radio{"anna": anna, "bert": bert} {
		if share := r.hears(lineName, 700); share > 0.01 {
			t.Errorf("%s hears what murmurd's users say from the room, too: %.3f", whom, share)
		}
	}
	knows := func(r *radio, name string) (u *gumble.User) {
		r.Do(func() { u = r.Users.Find(name) })
		return u
	}
	if knows(carl, "anna") == nil || knows(carl, "bert") == nil {
		t.Error("carl does not see murmurd's users in his channel")
	}

	// Messages go both ways, and not back.
	said := func(r *radio, whom, text string) {
		t.Helper()
		wait(t, 10*time.Second, whom+" to read "+text, func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !slices.Contains(r.texts, text) {
				return fmt.Errorf("read %q", r.texts)
			}
			return nil
		})
	}
	anna.Do(func() { anna.Self.Channel.Send("from murmurd", false) })
	said(carl, "carl", "from murmurd")
	carl.Do(func() { carl.Self.Channel.Send("from here", false) })
	said(bert, "bert", "carl: from here")
	bert.mu.Lock()
	if n := len(bert.texts); n != 2 {
		t.Errorf("bert reads %q", bert.texts)
	}
	bert.mu.Unlock()

	// A host of the room mutes murmurd's users and shows them out.
	var in struct {
		Participants []struct{ ID, Name, User, Kind string }
	}
	if code := s.api("admin", http.MethodGet, "rooms/alpha/participants", nil, &in); code != http.StatusOK || len(in.Participants) != 3 {
		t.Fatalf("%d: %+v", code, in)
	}
	for _, p := range in.Participants {
		if p.User != p.Name || p.Kind != "mumble" {
			t.Errorf("%+v", p)
		}
		if p.Name != "bert" {
			continue
		}
		if code := s.api("admin", http.MethodPatch, "rooms/alpha/participants/"+p.ID, map[string]any{"muted": true}, nil); code >= 300 {
			t.Errorf("bert is not muted: %d", code)
		}
		wait(t, 10*time.Second, "bert to be muted at murmurd", func() error {
			err := fmt.Errorf("he is not")
			bert.Do(func() {
				if bert.Self.Muted {
					err = nil
				}
			})
			return err
		})
		if code := s.api("admin", http.MethodDelete, "rooms/alpha/participants/"+p.ID, nil, nil); code >= 300 {
			t.Errorf("bert is not shown out: %d", code)
		}
	}
	wait(t, 10*time.Second, "bert to be shown out at murmurd", func() error {
		err := fmt.Errorf("he is in the channel")
		bert.Do(func() {
			if bert.Self.Channel.IsRoot() {
				err = nil
			}
		})
		return err
	})
	wait(t, 10*time.Second, "bert to be gone from the room", func() error {
		if knows(carl, "bert") != nil {
			return fmt.Errorf("he is there")
		}
		return nil
	})

	// A room that is locked is not heard at murmurd, which lets in whom it wants.
	for _, locked := range []bool{true, false} {
		if code := s.api("admin", http.MethodPatch, "rooms/alpha", map[string]any{"locked": locked}, nil); code != http.StatusOK {
			t.Fatalf("the room is not locked or opened: %d", code)
		}
		wait(t, 20*time.Second, "the line to be there or not", func() error {
			if line, in := knows(anna, lineName) != nil, knows(carl, "anna") != nil; line == locked || in == locked {
				return fmt.Errorf("locked %t: the line is there: %t, and anna in the room: %t", locked, line, in)
			}
			return nil
		})
	}

	// A murmurd that was away has the room again.
	silent()
	m.stop()
	m.start()
	wait(t, 20*time.Second, "murmurd to be back", func() error {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.port))
		if err == nil {
			c.Close()
		}
		return err
	})
	wait(t, 20*time.Second, "who may log in to be asked again", func() error {
		cfg := gumble.NewConfig()
		cfg.Username, cfg.Password = "bert", passwordOf("bert")
		c, err := gumble.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, fmt.Sprintf("127.0.0.1:%d", m.port), cfg, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			_ = c.Disconnect()
		}
		return err
	})
	anna = dialRadio(t, m.port, "anna", "Alpha")
	hears(anna, "anna", lineName, 1000)

	// When nobody is in the room but murmurd's users, there is no line.
	stop()
	_ = carl.Disconnect()
	wait(t, 10*time.Second, "the line to end", func() error {
		if knows(anna, lineName) != nil {
			return fmt.Errorf("it is there")
		}
		return nil
	})
}
