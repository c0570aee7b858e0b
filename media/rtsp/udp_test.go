package rtsp

import (
	"crypto/tls"
	"fmt"
	"net"
	"regexp"
	"testing"
	"time"

	"muster/media"
)

// udpClient is a pair of sockets of a client.
func udpClient(t *testing.T) (rtp, rtcp *net.UDPConn, header string) {
	t.Helper()
	a, b := udpPair(t)
	open := func(addr string) *net.UDPConn {
		ap, _ := net.ResolveUDPAddr("udp", addr)
		c, err := net.ListenUDP("udp", ap)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	rtp, rtcp = open(a), open(b)
	port := rtp.LocalAddr().(*net.UDPAddr).Port
	return rtp, rtcp, fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d", port, port+1)
}

// TestUDPAddress tries to have media sent to somebody else, and to take ports
// that another session has.
func TestUDPAddress(t *testing.T) {
	r := start(t, nil)
	feed(t, r.router, "cam", 100, 10, 10*time.Millisecond)
	rtp, rtcp, header := udpClient(t)
	c := dial(t, r).login()
	res := c.do("SETUP", "cam/trackID=0", header+";destination=127.0.0.2;source=example.org")
	if got := res.get("Transport"); !regexp.MustCompile(`^RTP/AVP;unicast;client_port=\d+-\d+;server_port=\d+-\d+;ssrc=[0-9A-F]{8}$`).MatchString(got) {
		t.Fatalf("Transport: %s", got)
	}
	if res := dial(t, r).login().do("SETUP", "cam/trackID=0", header); res.code != 461 {
		t.Errorf("ports in use: %d", res.code)
	}
	c.do("PLAY", "cam")
	for _, sock := range []*net.UDPConn{rtp, rtcp} {
		sock.SetReadDeadline(time.Now().Add(2 * time.Second))
		if n, _, err := sock.ReadFrom(make([]byte, 2000)); err != nil || n < 12 {
			t.Errorf("nothing came: %d bytes, %v", n, err)
		}
	}
	if res := c.do("TEARDOWN", "cam"); res.code != 200 {
		t.Errorf("TEARDOWN: %d", res.code)
	}
	if res := dial(t, r).login().do("SETUP", "cam/trackID=0", header); res.code != 200 {
		t.Errorf("ports free again: %d", res.code)
	}
}

// TestUDPInjection sends media from addresses that were not set up.
func TestUDPInjection(t *testing.T) {
	r := start(t, nil)
	rtp, _, header := udpClient(t)
	c := dial(t, r).login()
	c.send("ANNOUNCE", "cam", sdpVP8)
	c.read()
	res := c.do("SETUP", "cam/streamid=0", header)
	if res := c.do("RECORD", "cam"); res.code != 200 {
		t.Fatalf("RECORD: %d", res.code)
	}
	var port int
	fmt.Sscanf(regexp.MustCompile(`server_port=(\d+)`).FindStringSubmatch(res.get("Transport"))[1], "%d", &port)
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	pkt := []byte("\x80\xe0\x00\x01\x00\x00\x10\x00\x00\x00\x00\x01\x10\x00\x00key frame")

	stranger, _, _ := udpClient(t)
	elsewhere, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: rtp.LocalAddr().(*net.UDPAddr).Port})
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	stranger.WriteTo(pkt, to)
	elsewhere.WriteTo(pkt, to)
	time.Sleep(100 * time.Millisecond)
	if n := r.Stats().PacketsIn; n != 0 {
		t.Errorf("%d packets of strangers were taken", n)
	}
	rtp.WriteTo(pkt, to)
	wait(t, time.Second, "the publisher's packet", func() bool { return r.Stats().PacketsIn == 1 })
}

// TestUDPAlive keeps a session up by RTCP alone and then falls silent.
func TestUDPAlive(t *testing.T) {
	r := start(t, func(c *Config, _ *media.Config) { c.SessionTimeout = time.Second })
	feed(t, r.router, "cam", 100, 10, 10*time.Millisecond)
	_, rtcp, header := udpClient(t)
	c := dial(t, r).login()
	res := c.do("SETUP", "cam/trackID=0", header)
	c.do("PLAY", "cam")
	var port int
	fmt.Sscanf(regexp.MustCompile(`server_port=\d+-(\d+)`).FindStringSubmatch(res.get("Transport"))[1], "%d", &port)
	for range 10 {
		rtcp.WriteTo([]byte("\x80\xc9\x00\x01aaaa"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		time.Sleep(300 * time.Millisecond)
	}
	if n := r.Stats().Readers; n != 1 {
		t.Fatalf("%d readers although one reports", n)
	}
	wait(t, 3*time.Second, "the silent player to be dropped", func() bool { return r.Stats().Conns == 0 })
}

// TestNoPlainMediaBesideTLS asks for what would betray an encrypted session, or
// give away keys.
func TestNoPlainMediaBesideTLS(t *testing.T) {
	r := start(t, nil)
	feed(t, r.router, "cam", 100, 10, 10*time.Millisecond)
	nc, err := tls.Dial("tcp", r.rtsps, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := &raw{t: t, nc: nc, br: newReader(nc), base: "rtsps://" + r.rtsps + "/"}
	c.login()
	for _, transport := range []string{"RTP/AVP;unicast;client_port=50000-50001", "RTP/SAVP;unicast;client_port=50000-50001", "RTP/SAVP/TCP;unicast"} {
		if res := c.do("SETUP", "cam/trackID=0", "Transport: "+transport); res.code != 461 {
			t.Errorf("%s: %d", transport, res.code)
		}
	}
	if res := c.do("SETUP", "cam/trackID=0", tcp01); res.code != 200 {
		t.Errorf("interleaved: %d", res.code)
	}
	plain := dial(t, r).login()
	plain.send("ANNOUNCE", "new", sdpVP8)
	plain.read()
	if res := plain.do("SETUP", "new/streamid=0", "Transport: RTP/SAVP/TCP;unicast;mode=record"); res.code != 461 {
		t.Errorf("keys in the clear: %d", res.code)
	}
}
