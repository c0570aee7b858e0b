package mmsg

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNamesAreAddresses(t *testing.T) {
	for _, c := range []struct {
		addr string
		six  bool
		ok   bool
		back string // empty: addr
	}{
		{"192.0.2.1:5060", false, true, ""},
		{"192.0.2.1:5060", true, true, ""},
		{"[::ffff:192.0.2.1]:1", true, true, "192.0.2.1:1"},
		{"[2001:db8::1]:65535", true, true, ""},
		{"[fe80::1%3]:258", true, true, ""},
		{"[fe80::1%eth0]:258", true, false, ""},
		{"[2001:db8::1]:1", false, false, ""},
	} {
		n, ok := NewName(netip.MustParseAddrPort(c.addr), c.six)
		if ok != c.ok {
			t.Errorf("%s: %v", c.addr, ok)
		}
		if c.back == "" {
			c.back = c.addr
		}
		if got := n.AddrPort().String(); ok && got != c.back {
			t.Errorf("%s became %s", c.addr, got)
		}
	}
}

// sockets returns two on the loopback, and the descriptor and the name of each.
func sockets(t *testing.T) (a, b *net.UDPConn, fa, fb int, nb Name) {
	t.Helper()
	open := func() (*net.UDPConn, int) {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var fd int
		if err := raw.Control(func(f uintptr) { fd = int(f) }); err != nil {
			t.Fatal(err)
		}
		return c, fd
	}
	a, fa = open()
	b, fb = open()
	nb, _ = NewName(b.LocalAddr().(*net.UDPAddr).AddrPort(), false)
	return a, b, fa, fb, nb
}

func iovec(b []byte) (v unix.Iovec) {
	v.Base = &b[0]
	v.SetLen(len(b))
	return v
}

func TestManyLeaveAndComeWithOneCall(t *testing.T) {
	a, _, fa, fb, to := sockets(t)
	data := [][]byte{[]byte("one"), []byte("two and more"), []byte("3")}
	out, parts := make([]Message, 3), make([]unix.Iovec, 3)
	for i, d := range data {
		parts[i] = iovec(d)
		out[i].To(&to, &parts[i], 1)
	}
	if n, err := Send(fa, out); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	in, names, mem, room := make([]Message, 4), make([]Name, 4), make([]byte, 4*8), make([]unix.Iovec, 4)
	for i := range in {
		room[i] = iovec(mem[i*8 : i*8+8])
		in[i].From(&names[i], &room[i])
	}
	if n := Receive(fb, in); n != 3 {
		t.Fatal(n)
	}
	for i, d := range data {
		n, whole := in[i].Received()
		if want := min(len(d), 8); n != want || whole != (len(d) <= 8) || !bytes.Equal(mem[i*8:i*8+n], d[:want]) {
			t.Errorf("%q: %d bytes, whole: %v", d, n, whole)
		}
		if names[i].AddrPort() != a.LocalAddr().(*net.UDPAddr).AddrPort() {
			t.Error(names[i].AddrPort())
		}
	}
	if n := Receive(fb, in); n != 0 {
		t.Error("something came from nobody")
	}
}

func TestErrorIsOfTheMessageBehindThoseSent(t *testing.T) {
	_, _, fa, _, to := sockets(t)
	big := make([]byte, 70_000)
	out, parts := make([]Message, 3), []unix.Iovec{iovec([]byte("a")), iovec(big), iovec([]byte("b"))}
	for i := range out {
		out[i].To(&to, &parts[i], 1)
	}
	n, err := Send(fa, out)
	if n != 1 || !errors.Is(err, unix.EMSGSIZE) || Unsegmented(err) {
		t.Error(n, err)
	}
}

func TestOneMessageIsCutIntoMany(t *testing.T) {
	_, b, fa, _, to := sockets(t)
	parts := []unix.Iovec{iovec([]byte("aaaa")), iovec([]byte("bbbb")), iovec([]byte("c"))}
	var s Segments
	if err := SendBurst(fa, &to, parts, &s, 4); Unsegmented(err) {
		t.Skip("this kernel cuts no datagrams: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	var m Message
	m.To(&to, &parts[0], 1)
	m.More(&s, 4)
	if n, err := Send(fa, []Message{m}); n != 1 || err != nil || len(m.Parts()) != 2 {
		t.Fatal(n, err)
	}
	if err := SendTo(fa, &to, []byte("end")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	for _, want := range []string{"aaaa", "bbbb", "c", "aaaa", "bbbb", "end"} {
		_ = b.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := b.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("%q, not %q: %v", buf[:n], want, err)
		}
	}
}
