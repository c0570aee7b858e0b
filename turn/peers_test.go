package turn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	pion "github.com/pion/turn/v5"

	"muster/web/front"
)

// door serves the house's TCP and TLS clients on a port shared with other protocols.
func (h *house) door(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: front.Protocols()}
	f, err := front.New(front.DefaultConfig(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.Handle(front.STUN, h.ServeConn)
	f.Handle(front.STUNTLS, h.ServeConn)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestMessagesAreRecordsInTLS is about clients that take each record for a message.
func TestMessagesAreRecordsInTLS(t *testing.T) {
	h := newHouse(t)
	nc, err := tls.Dial("tcp", h.door(t), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var many []byte
	for range 20 {
		many = append(many, stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw...)
	}
	if _, err := nc.Write(many); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for range 20 {
		_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := nc.Read(buf)
		if size, ok := frameSize(buf); err != nil || !ok || size != n {
			t.Fatalf("a record of %d bytes holds a message of %d: %v", n, size, err)
		}
	}
}

// echo sends everything back.
func (p peerSocket) echo() {
	b := make([]byte, 2048)
	for {
		n, from, err := p.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.WriteToUDPAddrPort(b[:n], from)
	}
}

// TestClientOfCoturn runs the load client of coturn over each transport.
func TestClientOfCoturn(t *testing.T) {
	if _, err := exec.LookPath("turnutils_uclient"); err != nil {
		t.Fatal("needs the Debian package coturn")
	}
	for _, tc := range []struct {
		name string
		peer string
		args []string
	}{
		{"udp, channels", "127.0.0.1", nil},
		{"udp, indications", "127.0.0.1", []string{"-s"}},
		{"tcp", "127.0.0.1", []string{"-t"}},
		{"tls", "127.0.0.1", []string{"-t", "-S"}},
		{"udp, to IPv6", "::1", []string{"-x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			peer := newPeerAt(t, tc.peer)
			h := newHouse(t, func(c *Config, _ *Deps) {
				c.AllowPeers = append(c.AllowPeers, "::1/128")
				c.RelayAddress = []string{"127.0.0.1", "::1"}
			})
			go peer.echo()
			_, port, err := net.SplitHostPort(h.addr.String())
			if len(tc.args) > 0 && tc.args[0] == "-t" {
				_, port, err = net.SplitHostPort(h.door(t))
			}
			if err != nil {
				t.Fatal(err)
			}
			cred := h.issue(t, guest("g1"))
			args := append(tc.args, "-n", "5", "-m", "2", "-l", "300", "-c", "-u", cred.Username, "-w", cred.Password, "-e", tc.peer,
				"-r", strconv.Itoa(int(peer.addr.Port())), "-p", port, "127.0.0.1")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			out, err := exec.CommandContext(ctx, "turnutils_uclient", args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "Total lost packets 0 ") {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := h.Stats(); n.PacketsUp == 0 || n.PacketsUp != n.PacketsDown || n.Dropped != 0 {
				t.Fatalf("%+v", n)
			}
		})
	}
}

func TestClientOfPion(t *testing.T) {
	h := newHouse(t)
	cred, peer := h.issue(t, guest("g1")), newPeer(t)
	door := h.door(t)
	for _, tc := range []struct {
		name, addr string
		dial       func() (net.PacketConn, error)
	}{
		{"udp", h.addr.String(), func() (net.PacketConn, error) { return net.ListenPacket("udp4", "127.0.0.1:0") }},
		{"tcp", door, func() (net.PacketConn, error) {
			c, err := net.Dial("tcp", door)
			return pion.NewSTUNConn(c), err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := tc.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cl, err := pion.NewClient(&pion.ClientConfig{STUNServerAddr: tc.addr, TURNServerAddr: tc.addr, Conn: c, Username: cred.Username, Password: cred.Password})
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			if err := cl.Listen(); err != nil {
				t.Fatal(err)
			}
			if _, err := cl.SendBindingRequest(); err != nil {
				t.Fatal(err)
			}
			relay, err := cl.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			defer relay.Close()
			for i := range 50 { // first as indications, then on a channel (its TCP reader waits for 9 bytes)
				text := strconv.Itoa(i)
				if _, err := relay.WriteTo([]byte(text), net.UDPAddrFromAddrPort(peer.addr)); err != nil {
					t.Fatal(err)
				}
				got, from := peer.next(soon)
				if got != text || from.String() != relay.LocalAddr().String() {
					t.Fatalf("%q from %s", got, from)
				}
				peer.WriteToUDPAddrPort([]byte("answer "+text), from)
				b := make([]byte, 100)
				relay.SetReadDeadline(time.Now().Add(soon))
				n, _, err := relay.ReadFrom(b)
				if err != nil || string(b[:n]) != "answer "+text {
					t.Fatalf("%q: %v", b[:n], err)
				}
			}
		})
	}
}

func TestConnections(t *testing.T) {
	h := newHouse(t)
	at := h.door(t)
	dial := func() *phone {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return &phone{t: t, c: c, cred: h.issue(t, guest("g1"))}
	}
	good := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	for _, tc := range []struct {
		name string
		then []byte
	}{
		{"letters", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"a giant before the login", []byte{0, 1, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42}},
		{"another cookie", append([]byte{0, 1, 0, 0}, make([]byte, 16)...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := dial()
			p.send(good)
			if p.receive(soon) == nil {
				t.Fatal("no answer")
			}
			p.send(tc.then)
			p.c.SetReadDeadline(time.Now().Add(soon))
			if n, err := p.c.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
				t.Fatalf("the connection goes on: %v", err)
			}
		})
	}
	t.Run("revoked", func(t *testing.T) {
		p := dial()
		p.allocate()
		h.Revoke("g1")
		p.c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := p.c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Fatalf("the connection goes on: %v", err)
		}
	})
	eventually(t, "the connections to end", func() bool { return h.Stats().Conns == 0 })
	if n := h.Stats(); n.Malformed != 3 || n.Open != 0 {
		t.Fatalf("%+v", n)
	}
}
