package test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"layeh.com/gumble/gumble"

	"muster/internal/run/runtest"
)

// script is a script made for murmur, which says what it is told to.
type script struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// script starts one against the server's Ice.
func (s *server) script(t *testing.T, port int) *script {
	t.Helper()
	var log lockedBuffer
	cmd := exec.Command("/usr/bin/python3", "testdata/mumble_script.py", fmt.Sprint(port)) // the one that Debian's Ice is for
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // ends it
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the script: %v\n%s", err, log.String())
		}
	})
	return &script{t, in, bufio.NewReader(out)}
}

// ask returns what an expression is, as JSON.
func (p *script) ask(format string, args ...any) string {
	p.t.Helper()
	fmt.Fprintf(p.in, format+"\n", args...)
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return strings.TrimSpace(line)
}

// is fails the test unless an expression is want.
func (p *script) is(want, format string, args ...any) {
	p.t.Helper()
	if got := p.ask(format, args...); got != want {
		p.t.Errorf("%s: %s, not %s", fmt.Sprintf(format, args...), got, want)
	}
}

// becomes waits until an expression is want.
func (p *script) becomes(want, format string, args ...any) {
	p.t.Helper()
	wait(p.t, 20*time.Second, fmt.Sprintf(format, args...), func() error {
		if got := p.ask(format, args...); got != want {
			return fmt.Errorf("%s, not %s", got, want)
		}
		return nil
	})
}

// TestIce is what scripts made for murmur do with the Mumble server of the house.
func TestIce(t *testing.T) {
	t.Parallel()
	need(t, "/usr/bin/python3")
	const readSecret, writeSecret = "secret-to-read", "secret-to-write"
	port := runtest.Port(t)
	s := start(t, "MUSTER_VOICE_ICE_ENABLED=true", fmt.Sprintf("MUSTER_VOICE_ICE_LISTEN=127.0.0.1:%d", port),
		"MUSTER_VOICE_ICE_READ_SECRET="+readSecret, "MUSTER_VOICE_ICE_WRITE_SECRET="+writeSecret)
	s.must("", "group", "add", "Alpha")
	s.must("", "group", "add", "Bravo")
	s.user("anna", "Alpha", "Bravo")
	s.user("bert", "Alpha")
	anna := s.radio(t, "anna", "Alpha")
	p := s.script(t, port)

	const noSecret = `{"thrown": "::Murmur::InvalidSecretException"}`
	p.is(`[1, 3, 4, "1.3.4"]`, "meta.getVersion()")
	p.is(noSecret, "meta.getBootedServers()")
	p.is("null", "secret('wrong')")
	p.is(noSecret, "server().getUsers()")
	p.is("null", "secret('%s')", readSecret)
	p.becomes(`"Alpha"`, "server().getChannelState(user('anna').channel).name")
	p.is(`["Alpha", "Bravo", "Muster"]`, "sorted(c.name for c in server().getChannels().values() if not c.temporary and c.name in ('Alpha', 'Bravo', 'Muster'))")
	p.is(noSecret, "server().kickUser(user('anna').session, 'x')")
	p.is(noSecret, "server().setAuthenticator(authenticator)")
	p.is("null", "secret('%s')", writeSecret)

	// What happens is told.
	p.is("null", "server().addCallback(callback)")
	bert := s.radio(t, "bert", "Alpha")
	p.becomes("true", `["userConnected", "bert"] in told`)
	p.becomes(`"Alpha"`, "server().getChannelState(user('bert').channel).name")

	// Mute, move, say, kick.
	p.is("null", "change('bert', mute=True, channel=0)")
	wait(t, 10*time.Second, "bert to be muted and moved", func() error {
		err := fmt.Errorf("he is not")
		bert.Do(func() {
			if bert.Self.Muted && bert.Self.Channel.ID == 0 {
				err = nil
			}
		})
		return err
	})
	if got := p.ask("change('bert', channel=channel('Bravo').id)"); !strings.Contains(got, "rights") {
		t.Errorf("bert is led where he may not go: %s", got)
	}
	p.is(`{"thrown": "::Murmur::InvalidSessionException"}`, "server().kickUser(4711, 'x')")
	if got := p.ask("server().setConf('welcometext', 'x')"); !strings.Contains(got, "configuration of the whole server") {
		t.Errorf("a setting is changed: %s", got)
	}
	p.is("null", "globals().update(lobby=server().addChannel('Lobby', 0))")
	p.is("null", "change('anna', channel=lobby)")
	p.becomes("true", `user('anna').channel == lobby`)
	p.becomes("true", `["channelCreated", "Lobby"] in told`)
	p.is("[true, false]", "[server().hasPermission(user('anna').session, lobby, M.PermissionSpeak), server().hasPermission(user('bert').session, channel('Bravo').id, M.PermissionEnter)]")
	p.is(`["admin", "anna", "bert"]`, "sorted(server().getRegisteredUsers('').values())")
	p.is("[true, -1]", "[server().verifyPassword('anna', '%s') == user('anna').userid, server().verifyPassword('anna', 'x')]", passwordOf("anna"))
	p.is("null", "server().kickUser(user('bert').session, 'go')")
	p.becomes("true", `["userDisconnected", "bert"] in told and user('bert') is None`)

	// An authenticator turns away whom the house lets in, and lets nobody in.
	p.is("null", "server().setAuthenticator(authenticator)")
	p.is("null", "refused.add('bert')")
	login := func(name, password string) error {
		c := gumble.NewConfig()
		c.Username, c.Password = name, password
		client, err := gumble.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, fmt.Sprintf("127.0.0.1:%d", s.ports["voice"]), c, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			_ = client.Disconnect()
		}
		return err
	}
	if login("bert", passwordOf("bert")) == nil {
		t.Error("whom the script refuses gets in")
	}
	if login("carl", "x") == nil || login("anna", "wrong") == nil {
		t.Error("whom the house refuses gets in")
	}
	second := s.radio(t, "anna", "Bravo")
	p.becomes(`"Bravo"`, "server().getChannelState(user('ANNA').channel).name")
	var asked [][]any
	if err := json.Unmarshal([]byte(p.ask("asked")), &asked); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked[0][0] != "bert" || asked[1][0] != "anna" {
		t.Errorf("asked about %v", asked)
	}
	for _, a := range asked {
		if a[1] != "" || a[3] != writeSecret {
			t.Errorf("asked with a password, or without the secret: %v", a)
		}
	}
	p.is("null", "server().setAuthenticator(None)")
	if err := login("bert", passwordOf("bert")); err != nil {
		t.Error("bert is kept out by a script that is gone:", err)
	}
	_, _ = anna, second
}
