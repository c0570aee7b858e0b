package test

import (
	"bytes"
	bits "encoding/binary"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"
)

// flash is an RTMP client that sends what it is told.
type flash struct{ net.Conn }

// flash does the handshake (Adobe RTMP 1.0 §5.2).
func (s *siege) flash(t *testing.T, from string) *flash {
	t.Helper()
	c := s.dial(t, "rtmp", from)
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { c.Close() })
	c.Write(append([]byte{3}, make([]byte, 1536)...))
	in := make([]byte, 1+2*1536)
	if _, err := io.ReadFull(c, in); err != nil {
		t.Fatalf("rtmp: handshake: %v", err)
	}
	c.Write(in[1 : 1+1536])
	return &flash{c}
}

// message is one message in chunks of 128 bytes (§5.3).
func rtmpMessage(kind byte, stream uint32, body []byte) []byte {
	n := len(body)
	b := []byte{3, 0, 0, 0, byte(n >> 16), byte(n >> 8), byte(n), kind}
	b = bits.LittleEndian.AppendUint32(b, stream)
	for len(body) > 128 {
		b = append(append(b, body[:128]...), 0xc3)
		body = body[128:]
	}
	return append(b, body...)
}

// amf writes values in AMF0: strings, numbers, nil, and maps of strings.
func amf(values ...any) (b []byte) {
	str := func(s string) { b = append(bits.BigEndian.AppendUint16(b, uint16(len(s))), s...) }
	for _, v := range values {
		switch v := v.(type) {
		case string:
			b = append(b, 2)
			str(v)
		case float64:
			b = bits.BigEndian.AppendUint64(append(b, 0), math.Float64bits(v))
		case nil:
			b = append(b, 5)
		case map[string]string:
			b = append(b, 3)
			for k, x := range v {
				str(k)
				b = append(b, 2)
				str(x)
			}
			b = append(b, 0, 0, 9)
		}
	}
	return b
}

// rtmpOpen connects to an app and publishes or plays a key. It returns all that
// the server says until it closes or is silent.
func (s *siege) rtmpOpen(t *testing.T, from, command, app, key string) string {
	t.Helper()
	c := s.flash(t, from)
	defer c.Close()
	c.Write(rtmpMessage(20, 0, amf("connect", 1.0, map[string]string{"app": app, "tcUrl": "rtmp://127.0.0.1/" + app})))
	c.Write(rtmpMessage(20, 0, amf("createStream", 2.0, nil)))
	c.Write(rtmpMessage(20, 1, amf(command, 3.0, nil, key, "live")))
	var all []byte
	in := make([]byte, 64<<10)
	for {
		c.SetReadDeadline(time.Now().Add(4 * time.Second))
		n, err := c.Read(in)
		all = append(all, in[:n]...)
		if err != nil || bytes.Contains(all, []byte("onStatus")) && bytes.Contains(all, []byte("NetStream.P")) {
			return string(all)
		}
	}
}

// attackRTMP breaks the protocol before and after the handshake.
func attackRTMP(t *testing.T, s *siege) {
	closed := func(name string, b []byte) {
		t.Helper()
		if _, open := s.throw(t, "rtmp", b, 3*time.Second); open {
			t.Errorf("%s: the connection is open after 3 s", name)
		}
	}
	closed("version 0", append([]byte{0}, make([]byte, 1536)...))
	closed("RTMPE", append([]byte{6}, make([]byte, 1536)...))
	closed("HTTP", []byte("POST /open/1 HTTP/1.1\r\n\r\n"))

	head := func(length int, kind byte) []byte {
		return []byte{3, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), kind, 0, 0, 0, 0}
	}
	deep := amf("connect", 1.0)
	for range 5000 {
		deep = append(deep, 3, 0, 1, 'a')
	}
	for name, b := range map[string][]byte{
		"chunk size 2^31":       rtmpMessage(1, 0, []byte{0x80, 0, 0, 0}),
		"chunk size 2^31-1":     rtmpMessage(1, 0, []byte{0x7f, 0xff, 0xff, 0xff}),
		"chunk size 0":          rtmpMessage(1, 0, []byte{0, 0, 0, 0}),
		"short control message": rtmpMessage(1, 0, []byte{1}),
		"16 MB before login":    append(head(1<<24-1, 20), make([]byte, 128)...),
		"16 MB of video":        append(head(1<<24-1, 9), make([]byte, 128)...),
		"continues nothing":     {0xc3, 1, 2, 3},
		"deep AMF":              append(rtmpMessage(1, 0, []byte{0, 1, 0, 0}), append(head(len(deep), 20), deep...)...),
		"many chunk streams":    manyChunkStreams(),
		"strings that lie":      append(rtmpMessage(20, 0, []byte{2, 0xff, 0xff, 'a'}), rtmpMessage(20, 1, amf("publish", 1.0, nil, "x", "live"))...),
		"publish at once":       rtmpMessage(20, 1, amf("publish", 1.0, nil, "x", "live")),
	} {
		c := s.flash(t, attacker)
		go c.Write(b)
		c.SetReadDeadline(time.Now().Add(3 * time.Second))
		got, err := io.ReadAll(c)
		ne, ok := err.(net.Error)
		// AMF that cannot be read may be passed over; then the time for the login
		// ends the connection, as "dawdling" shows.
		if ok && ne.Timeout() && name != "deep AMF" {
			t.Errorf("%s: the connection is open after 3 s", name)
		}
		if strings.Contains(string(got), "Publish.Start") {
			t.Errorf("%s: may publish", name)
		}
		c.Close()
	}
	inside(t, s)
}

func manyChunkStreams() (b []byte) {
	for id := range 1000 { // two-byte form of the basic header
		b = append(b, 0, byte(id), 0, 0, 0, 0, 0xff, 0xff, 20, 0, 0, 0, 0)
		b = append(b, make([]byte, 128)...)
	}
	return b
}

// inside sends broken media after a good login.
func inside(t *testing.T, s *siege) {
	r := dice()
	for i := range 12 {
		c := s.flash(t, attacker)
		c.Write(rtmpMessage(20, 0, amf("connect", 1.0, map[string]string{"app": "junk"})))
		c.Write(rtmpMessage(20, 0, amf("createStream", 2.0, nil)))
		c.Write(rtmpMessage(20, 1, amf("publish", 3.0, nil, "?user=pilot&pass="+passwordOf("pilot"), "live")))
		go io.Copy(io.Discard, c)
		for range 30 {
			for _, first := range []byte{0x17, 0x27, 0xaf, 0x90, 0x91, 0x92, 0x95, 0x9f} {
				b := noise(r, 1+r.IntN(200))
				b[0] = first
				if i%2 == 0 && len(b) > 1 {
					b[1] = 0 // parameters of the codec
				}
				kind := byte(9)
				if first == 0xaf {
					kind = 8
				}
				c.Write(rtmpMessage(kind, 1, b)) // the server may have closed
			}
			c.Write(rtmpMessage(18, 1, noise(r, 50)))
		}
		c.Close()
	}
}
