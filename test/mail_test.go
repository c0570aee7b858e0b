package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

// mailbox is a submission server that keeps what it is given.
type mailbox struct {
	t    *testing.T
	port int
	ca   string // file
	got  *lockedBuffer
}

func startMailbox(t *testing.T, user, password string) *mailbox {
	t.Helper()
	need(t)
	const python = "/usr/bin/python3" // that the Debian package is for
	if err := exec.Command(python, "-c", "import aiosmtpd").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("aiosmtpd is not installed: run scripts/packages.sh test")
		}
		t.Skip("aiosmtpd is not installed: run scripts/packages.sh test")
	}
	cert, key := selfSigned(t, "localhost")
	m := &mailbox{t: t, port: runtest.Port(t), ca: cert, got: &lockedBuffer{}}
	cmd := exec.Command(python, "testdata/smtpd.py", fmt.Sprint(m.port), cert, key, user, password)
	cmd.Stdout, cmd.Stderr = m.got, m.got
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	wait(t, time.Minute, "the mail server", func() error {
		if !strings.Contains(m.got.String(), "READY") {
			return errors.New("not ready: " + m.got.String())
		}
		return nil
	})
	return m
}

// selfSigned makes a certificate of its own for a host and returns its files.
func selfSigned(t *testing.T, host string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// messages are what has come so far, as text.
func (m *mailbox) messages() (all []string) {
	for _, part := range strings.Split(m.got.String(), "\nEND\n") {
		if i := strings.Index(part, "MAIL FROM"); i >= 0 {
			text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(part[i:])))
			if err != nil {
				m.t.Errorf("%v in %s", err, part)
			}
			all = append(all, string(text))
		}
	}
	return all
}

// await waits for the n-th message.
func (m *mailbox) await(n int) string {
	m.t.Helper()
	var all []string
	wait(m.t, time.Minute, fmt.Sprintf("message %d", n), func() error {
		if all = m.messages(); len(all) < n {
			return fmt.Errorf("there are %d: %s", len(all), m.got)
		}
		return nil
	})
	return all[n-1]
}

func (m *mailbox) env(password string) []string {
	return []string{
		"MUSTER_MAIL_HOST=localhost", fmt.Sprintf("MUSTER_MAIL_PORT=%d", m.port), "MUSTER_MAIL_TLS=starttls", "MUSTER_MAIL_CA_FILE=" + m.ca,
		"MUSTER_MAIL_USER=muster", "MUSTER_MAIL_PASSWORD=" + password, "MUSTER_MAIL_FROM=Muster <muster@example.org>",
	}
}

// TestForgottenPassword is the story of somebody who has forgotten the password:
// asks for a link in a browser, opens what comes by mail, and logs in.
func TestForgottenPassword(t *testing.T) {
	need(t, "chromium")
	t.Parallel()
	m := startMailbox(t, "muster", "of the mail server")
	s := start(t, append(m.env("of the mail server"), "MUSTER_MAIL_URL="+"https://127.0.0.1:1")...)
	s.user("medic")
	s.must("", "user", "email", "medic", "medic@example.org")
	if out := s.must("", "mail", "test", "admin@example.org"); !strings.Contains(out, "admin@example.org") {
		t.Error(out)
	}
	if text := m.await(1); !strings.Contains(text, "TO admin@example.org TLS True") {
		t.Error(text)
	}
	if out, err := s.muster("", "mail", "test", "nobody@example.org"); err == nil || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("%s %v", out, err)
	}

	b := startBrowser(t)
	p := b.open(t, s.web("x"))
	p.navigate(s.console("/login"))
	p.until("the way out", `!!document.querySelector('a[href="/reset"]')`)
	p.eval(`document.querySelector('a[href="/reset"]').click()`)
	fill := func(what, value string) {
		t.Helper()
		p.until(what, fmt.Sprintf(`!!document.querySelector(%q)`, what))
		p.eval(fmt.Sprintf(`(() => {
			const field = document.querySelector(%q);
			field.value = %q;
			field.dispatchEvent(new Event('input', {bubbles: true}));
			document.querySelector('form button[type=submit]').click();
		})()`, what, value))
	}
	fill(`input[name=username]`, "medic@example.org")
	p.until("the answer", `/mailbox/i.test(document.body.innerText)`)
	link := regexp.MustCompile(`https://127\.0\.0\.1:1(/reset#[a-z2-7]+)`).FindStringSubmatch(m.await(2))
	if link == nil {
		t.Fatal(m.await(2))
	}
	p.eval(fmt.Sprintf(`setTimeout(() => location.assign(%q))`, s.console(link[1])))
	fill(`#reset-password`, "chosen by the medic")
	p.until("the end", `/is set/.test(document.body.innerText)`)
	if token := p.eval(`location.href`); strings.Contains(fmt.Sprint(token), "#") {
		t.Errorf("the token stays in the address: %v", token)
	}
	p.login(s, "medic", "chosen by the medic")
	p.until("the map", `location.pathname === '/map'`)
	if code := s.api("medic", "GET", "me", nil, nil); code != 401 {
		t.Errorf("the old password: %d", code)
	}
	if text := m.await(3); !strings.Contains(text, "medic@example.org") || !strings.Contains(text, "was just changed") {
		t.Error(text)
	}
	if log := s.log.String(); strings.Contains(log, strings.TrimPrefix(link[1], "/reset#")) {
		t.Error("the log holds the token")
	}
	p.eval(fmt.Sprintf(`setTimeout(() => location.assign(%q))`, s.console(link[1])))
	p.until("the refusal", `/not valid any more/.test(document.body.innerText)`)
}

// TestInvitationsByMail sends links from the command line, while the server runs
// and while it is stopped.
func TestInvitationsByMail(t *testing.T) {
	t.Parallel()
	m := startMailbox(t, "muster", "secret")
	s := start(t, m.env("secret")...)
	s.must("", "user", "add", "guide", "--email", "guide@example.org", "--invite")
	if text := m.await(1); !strings.Contains(text, "TO guide@example.org") || !strings.Contains(text, "/reset#") {
		t.Error(text)
	}
	s.must("", "enroll", "guide", "--device", "phone", "--mail", "--no-qr")
	if text := m.await(2); !strings.Contains(text, "/enroll/mst_") {
		t.Error(text)
	}
	s.stop()
	s.must("", "user", "invite", "guide")
	if text := m.await(3); !strings.Contains(text, "/reset#") {
		t.Error(text)
	}
	s.env = append(s.env, m.env("wrong")...)
	if out, err := s.muster("", "mail", "test", "guide@example.org"); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("%s %v", out, err)
	}
	if text := m.got.String(); strings.Contains(text, "TLS False") {
		t.Error("a message came without TLS")
	}
}
