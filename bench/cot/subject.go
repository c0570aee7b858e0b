//go:build linux

package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

const password = "bench-password-1"

// subject is a server that is measured.
type subject struct {
	name  string
	dir   string // of its data
	args  []string
	env   []string
	plain string // where its plain stream listens
	tls   string // where its TLS stream does; empty: not measured
	cred  *credentials
}

// newMuster prepares a Muster with its doors on free ports and everything else
// as it comes.
func newMuster(path, dir string, env []string) (*subject, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	doors := []string{
		"COT_STREAM_ADDRESS", "COT_STREAM_TLS_ADDRESS", "COT_STREAM_QUIC_ADDRESS",
		"COT_MARTI_ADDRESS", "COT_MARTI_ENROL_ADDRESS", "COT_MARTI_PLAIN_ADDRESS",
		"MEDIA_RTSP_ADDRESS", "MEDIA_RTSP_TLS_ADDRESS", "MEDIA_RTMP_ADDRESS", "MEDIA_RTMP_TLS_ADDRESS",
		"MEDIA_SRT_ADDRESS", "MEDIA_HLS_ADDRESS", "MEDIA_WEBRTC_ADDRESS", "MEDIA_WEBRTC_MEDIA_ADDRESS",
		"WEB_ADDRESS", "WEB_HTTP_ADDRESS", "WEB_API_ADDRESS", "WEB_MEDIA_API_ADDRESS",
	}
	ports, err := freePorts(len(doors))
	if err != nil {
		return nil, err
	}
	s := &subject{name: "muster", dir: dir, plain: ports[0], tls: ports[1]}
	s.args = []string{path, "serve", "--data", dir}
	s.env = []string{
		"MUSTER_ADMIN_PASSWORD=" + password, "MUSTER_COT_ANONYMOUS=true",
		"MUSTER_MEDIA_RTSP_RTP_ADDRESS=", "MUSTER_MEDIA_RTSP_RTCP_ADDRESS=",
	}
	for i, d := range doors {
		s.env = append(s.env, "MUSTER_"+d+"="+ports[i])
	}
	s.env = append(s.env, env...)
	return s, nil
}

// enrol makes a user of the running Muster and a client certificate, with its
// command line.
func (s *subject) enrol(ctx context.Context) error {
	run := func(stdin string, args ...string) error {
		cmd := exec.CommandContext(ctx, s.args[0], append(args, "--data", s.dir)...)
		cmd.Stdin, cmd.Dir = strings.NewReader(stdin), s.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("muster %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	p12 := filepath.Join(s.dir, "bench.p12")
	if err := run(password+"\n", "user", "add", "bench", "--group", "team", "--password-stdin"); err != nil {
		return err
	}
	if err := run(password+"\n", "cert", "issue", "bench", "load", "--form", "p12", "--password-stdin", "--out", p12); err != nil {
		return err
	}
	b, err := os.ReadFile(p12)
	if err != nil {
		return err
	}
	key, cert, chain, err := pkcs12.DecodeChain(b, password)
	if err != nil {
		return fmt.Errorf("%s: %w", p12, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	var ca []byte
	for _, c := range chain {
		ca = append(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	s.cred = &credentials{Cert: p12 + ".cert", Key: p12 + ".key", CA: p12 + ".ca", Name: "localhost"}
	for file, b := range map[string][]byte{
		s.cred.Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
		s.cred.Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		s.cred.CA:   ca,
	} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// newPeer prepares another server by its command line.
func newPeer(name, command, addr, dir string, env []string) *subject {
	return &subject{name: name, dir: dir, args: strings.Fields(command), env: env, plain: addr}
}
