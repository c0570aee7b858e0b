package peer

import (
	"crypto/tls"
	"net"
	"testing"
)

func TestAddr(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:5":          "192.0.2.1:5",
		"[::ffff:192.0.2.1]:5": "192.0.2.1:5",
		"[2001:db8::1]:5":      "[2001:db8::1]:5",
		"[fe80::1%eth0]:5":     "[fe80::1%eth0]:5",
	} {
		if got := Addr(in).String(); got != want {
			t.Errorf("%s: got %s, not %s", in, got, want)
		}
	}
	for _, in := range []string{"", "@", "pipe", "192.0.2.1", "host:5"} {
		if got := Addr(in); got.IsValid() {
			t.Errorf("%q: got %s", in, got)
		}
	}
}

// wrapped is a layer that hides the type of the socket but keeps its methods, as
// connection limits do.
type wrapped struct{ *net.TCPConn }

// layer is one that tells what it stands on.
type layer struct{ net.Conn }

func (l layer) NetConn() net.Conn { return l.Conn }

func TestSocket(t *testing.T) {
	below := &wrapped{&net.TCPConn{}}
	for name, c := range map[string]net.Conn{
		"bare": below, "tls": tls.Server(below, nil), "layer over tls over layer": layer{tls.Server(layer{below}, nil)},
	} {
		if Socket(c) != net.Conn(below) {
			t.Errorf("%s: got %T", name, Socket(c))
		}
		if InTLS(c) != (name != "bare") {
			t.Errorf("%s: in TLS: %v", name, InTLS(c))
		}
	}
}
