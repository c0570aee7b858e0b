package test

import (
	"bytes"
	"crypto/tls"
	bits "encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

var (
	tcpDoors = []string{"http", "https", "api", "media-api", "rtsp", "rtsps", "rtmp", "rtmps", "hls", "webrtc"}
	udpDoors = []string{"rtsp-rtp", "rtsp-rtcp", "srt", "webrtc-media", "turn"}
)

// dice are the same in each run.
func dice() *rand.Rand { return rand.New(rand.NewPCG(7, 11)) }

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// hello is the first message of a TLS client.
func hello(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go tls.Client(theirs, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}).Handshake()
	b := make([]byte, 4096)
	n, err := ours.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// beginnings are good first messages of every protocol.
func beginnings(t *testing.T) map[string][]byte {
	return map[string][]byte{
		"rtsp": []byte("DESCRIBE rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nabcd"),
		"rtmp": append([]byte{3}, make([]byte, 1536)...),
		"http": []byte("POST /cam/whep HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"),
		"tls":  hello(t),
		"srt":  srtInduction(1),
		"stun": stunRequest("a:b"),
		"dtls": dtlsHello(),
		"rtp":  append([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 100)...),
		"rtcp": {0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
}

// garbageTCP throws what no protocol begins with, and every protocol's beginning
// at every other's door.
func garbageTCP(t *testing.T, s *siege) {
	r := dice()
	payloads := [][]byte{
		noise(r, 1), noise(r, 4096), noise(r, 100_000), make([]byte, 64<<10), bytes.Repeat([]byte{0xff}, 64<<10),
		bytes.Repeat([]byte("\n"), 5000), bytes.Repeat([]byte("A"), 200_000), []byte("SSH-2.0-x\r\n"), {3}, {'$', 0, 0xff, 0xff}, {0x16, 3, 1},
	}
	for _, b := range beginnings(t) {
		payloads = append(payloads, b)
		flipped := bytes.Clone(b)
		for range 1 + len(b)/10 {
			flipped[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		payloads = append(payloads, flipped)
	}
	var wg sync.WaitGroup
	for _, door := range tcpDoors {
		wg.Go(func() {
			for _, b := range payloads {
				c := s.dial(t, door, attacker)
				if c == nil {
					return
				}
				c.Write(b) // the server may have closed already
				c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				c.Read(make([]byte, 1024))
				c.Close()
			}
		})
	}
	wg.Wait()
}

// garbageUDP sends noise, and mutations and pieces of good packets, to every
// UDP door.
func garbageUDP(t *testing.T, s *siege) {
	r := dice()
	good := beginnings(t)
	for _, door := range udpDoors {
		c := s.dialUDP(t, door, attacker)
		send := func(b []byte) {
			c.Write(b) // a full buffer or a refusal is no matter
			if r.IntN(20) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		for range 300 {
			send(noise(r, r.IntN(1472)))
		}
		for _, kind := range []string{"srt", "stun", "dtls", "rtp", "rtcp"} {
			for n := range min(len(good[kind]), 120) {
				send(good[kind][:n])
			}
			for range 200 {
				b := bytes.Clone(good[kind])
				for range 1 + r.IntN(6) {
					b[r.IntN(len(b))] = byte(r.Uint32())
				}
				send(b)
			}
		}
	}
}

// cutShort ends good messages in the middle. The server lets go at once.
func cutShort(t *testing.T, s *siege) {
	good := beginnings(t)
	begins := map[string]string{"rtsp": "rtsp", "rtmp": "rtmp", "hls": "http", "webrtc": "http", "api": "http", "media-api": "http",
		"http": "http", "https": "tls", "rtsps": "tls", "rtmps": "tls"}
	var wg sync.WaitGroup
	for door, kind := range begins {
		b := good[kind]
		for i := range 12 {
			wg.Go(func() {
				c := s.dial(t, door, attacker)
				if c == nil {
					return
				}
				defer c.Close()
				c.Write(b[:i*len(b)/12])
				c.(*net.TCPConn).CloseWrite()
				c.SetReadDeadline(time.Now().Add(5 * time.Second))
				for {
					_, err := c.Read(make([]byte, 4096))
					if ne, ok := err.(net.Error); ok && ne.Timeout() {
						t.Errorf("%s: open 5 s after the client ended in the middle of a message (%d bytes)", door, i*len(b)/12)
					}
					if err != nil {
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

// idleConnections opens many that say nothing, at all doors together more than
// one address may have at one. One more is served all the same.
func idleConnections(t *testing.T, s *siege) {
	const many = 300
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for _, door := range tcpDoors {
		for range many {
			c := s.dial(t, door, attacker)
			if c == nil {
				return
			}
			conns = append(conns, c)
		}
		began := time.Now()
		s.greet(t, door, attacker)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: with %d idle connections a new client waits %s", door, many, took)
		}
	}
	var wg sync.WaitGroup
	for _, protocol := range []string{"rtsp", "rtmp", "hls"} {
		wg.Go(func() {
			if frames, _, out := decode(s.as("watcher", "cam")[protocol]); frames < 20 {
				t.Errorf("%s: a new viewer decodes %d frames: %s", protocol, frames, out)
			}
		})
	}
	wg.Wait()
}

// greet makes the first exchange of a door's protocol.
func (s *siege) greet(t *testing.T, door, from string) {
	t.Helper()
	c := s.dial(t, door, from)
	if c == nil {
		return
	}
	defer c.Close()
	switch door {
	case "https", "rtsps", "rtmps":
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	say := []byte("GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
	switch door {
	case "rtsp", "rtsps":
		say = []byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	case "rtmp", "rtmps":
		say = append([]byte{3}, make([]byte, 1536)...)
	}
	if _, err := c.Write(say); err != nil {
		t.Errorf("%s: greet: %v", door, err)
		return
	}
	if _, err := c.Read(make([]byte, 16)); err != nil {
		t.Errorf("%s: no answer to a greeting: %v", door, err)
	}
}

// stunRequest is a binding request (RFC 8489 §5) with a user name.
func stunRequest(user string) []byte {
	for len(user)%4 != 0 {
		user += " "
	}
	b := []byte{0, 1, 0, byte(4 + len(user)), 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	b = bits.BigEndian.AppendUint16(b, 6)
	b = bits.BigEndian.AppendUint16(b, uint16(len(user)))
	return append(b, user...)
}

// dtlsHello is a ClientHello of DTLS 1.2 (RFC 6347 §4.2) with one cipher suite.
func dtlsHello() []byte {
	body := append([]byte{0xfe, 0xfd}, make([]byte, 32)...) // version, random
	body = append(body, 0, 0, 0, 2, 0xc0, 0x2b, 1, 0)       // session, cookie, suites, compression
	n := byte(len(body))
	b := []byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, n + 12} // record
	b = append(b, 1, 0, 0, n, 0, 0, 0, 0, 0, 0, 0, n)              // handshake
	return append(b, body...)
}
