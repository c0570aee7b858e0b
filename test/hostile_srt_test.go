package test

import (
	"bytes"
	bits "encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"
)

// srtControl is a control packet (SRT draft §3.2).
func srtControl(kind, sub uint16, specific, socket uint32, body []byte) []byte {
	b := bits.BigEndian.AppendUint16(nil, 0x8000|kind)
	b = bits.BigEndian.AppendUint16(b, sub)
	b = bits.BigEndian.AppendUint32(b, specific)
	b = bits.BigEndian.AppendUint32(b, 1000)
	b = bits.BigEndian.AppendUint32(b, socket)
	return append(b, body...)
}

// srtHandshake is a handshake (§3.2.1) with its extensions.
func srtHandshake(version, fields, mtu, kind, socket, cookie uint32, extensions []byte) []byte {
	var b []byte
	for _, v := range []uint32{version, fields, 100, mtu, 8192, kind, socket, cookie, 0x0100007f, 0, 0, 0} {
		b = bits.BigEndian.AppendUint32(b, v)
	}
	return srtControl(0, 0, 0, 0, append(b, extensions...))
}

const (
	srtFirst  = 1
	srtSecond = 0xffffffff
)

func srtInduction(socket uint32) []byte {
	return srtHandshake(4, 2, 1500, srtFirst, socket, 0, nil)
}

// srtExtension is one extension of a handshake; its length goes up to words.
func srtExtension(kind uint16, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := bits.BigEndian.AppendUint16(nil, kind)
	b = bits.BigEndian.AppendUint16(b, uint16(len(body)/4))
	return append(b, body...)
}

// srtHello are the extensions of a caller: version and flags, and the stream id.
func srtHello(id string) []byte {
	b := srtExtension(1, []byte{0, 1, 5, 3, 0, 0, 0, 0x3f, 0, 120, 0, 120})
	sid := []byte(id)
	for len(sid)%4 != 0 {
		sid = append(sid, 0)
	}
	for i := 0; i < len(sid); i += 4 { // words are the other way round
		sid[i], sid[i+1], sid[i+2], sid[i+3] = sid[i+3], sid[i+2], sid[i+1], sid[i]
	}
	return append(b, srtExtension(5, sid)...)
}

// srtCaller does the first half of the handshake and returns the cookie.
func srtCaller(t *testing.T, c net.Conn, socket uint32) (cookie uint32) {
	t.Helper()
	b := srtAsk(c, srtInduction(socket))
	if len(b) < 64 {
		t.Errorf("srt: no answer to an induction")
		return 0
	}
	return bits.BigEndian.Uint32(b[16+28:])
}

// srtAsk sends b until there is an answer.
func srtAsk(c net.Conn, b []byte) []byte {
	for range 8 {
		c.Write(b)
		c.SetReadDeadline(time.Now().Add(400 * time.Millisecond))
		in := make([]byte, 2000)
		if n, err := c.Read(in); err == nil {
			return in[:n]
		}
	}
	return nil
}

// srtCall calls with a stream id. code is the reason of a refusal, 0 when the
// caller was let in, -1 without an answer; peer is the server's socket.
func (s *siege) srtCall(t *testing.T, c net.Conn, id string, socket uint32) (code int, peer uint32) {
	t.Helper()
	cookie := srtCaller(t, c, socket)
	b := srtAsk(c, srtHandshake(5, 5, 1500, srtSecond, socket, cookie, srtHello(id)))
	if len(b) < 64 {
		return -1, 0
	}
	if kind := bits.BigEndian.Uint32(b[16+20:]); kind != srtSecond {
		return int(kind), 0
	}
	return 0, bits.BigEndian.Uint32(b[16+24:])
}

// attackSRT sends handshakes that are wrong in one place each, and then, with a
// good login, packets that are.
func attackSRT(t *testing.T, s *siege) {
	c := s.dialUDP(t, "srt", attacker)
	id := "read:cam:watcher:" + passwordOf("watcher")
	socket := uint32(5000)
	good := func(cookie uint32) []byte {
		return srtHandshake(5, 5, 1500, srtSecond, socket, cookie, srtHello(id))
	}
	// A cookie that was not given out gets nobody in.
	if b := srtAsk(c, good(0xdeadbeef)); len(b) >= 64 && bits.BigEndian.Uint32(b[36:]) == srtSecond {
		t.Error("a caller with a made-up cookie is let in")
	}
	r := dice()
	cookie := srtCaller(t, c, socket)
	bad := srtHandshake(5, 5, 1500, srtSecond, socket, cookie, srtHello("read:cam:watcher:"+guess))
	for cut := 48; cut < len(bad); cut++ {
		c.Write(bad[:cut])
	}
	stranger := srtHandshake(5, 5, 1500, srtSecond, socket, cookie, srtHello("read:cam"))
	for range 300 {
		socket++
		b := bytes.Clone(stranger)
		bits.BigEndian.PutUint32(b[16+24:], socket)
		for range 1 + r.IntN(4) {
			i := 16 + r.IntN(len(b)-16)
			if i >= 16+28 && i < 16+32 {
				continue // a right cookie leads further in
			}
			b[i] = byte(r.Uint32())
		}
		c.Write(b)
		time.Sleep(500 * time.Microsecond)
	}
	for _, words := range [][]byte{{0, 1, 0xff, 0xff}, {0, 5, 0xff, 0xff}, {0, 3, 0, 1, 0, 0, 0, 0}, {0, 3, 0, 0}, {0, 5}, {0, 5, 0, 0, 0}} {
		socket++
		c.Write(srtHandshake(5, 7, 1500, srtSecond, socket, cookie, append(srtHello("read:cam"), words...)))
		c.Write(srtHandshake(5, 7, 1500, srtSecond, socket, cookie, words))
	}
	s.srtCode(t, attacker, "#!::m=publish,r=x,u=pilot,s=half,"+guess, socket+1) // the log must not have the half
	for _, mtu := range []uint32{0, 20, 43, 44, 76, 231, 232, 1 << 31} {
		s.srtInside(t, id, mtu)
	}
	s.srtVersion4(t)
}

// srtInside logs in with the given MTU and then sends what nobody should.
func (s *siege) srtInside(t *testing.T, id string, mtu uint32) {
	t.Helper()
	c := s.dialUDP(t, "srt", attacker)
	socket := 9000 + mtu%1000
	cookie := srtCaller(t, c, socket)
	b := srtAsk(c, srtHandshake(5, 5, mtu, srtSecond, socket, cookie, srtHello(id)))
	if len(b) < 64 {
		t.Errorf("srt: no answer to packets of %d bytes", mtu)
	}
	if len(b) < 64 || bits.BigEndian.Uint32(b[36:]) != srtSecond {
		mtu = 1500 // that MTU is refused; go on with a usual one
		c = s.dialUDP(t, "srt", attacker)
		var code int
		if code, socket = s.srtCall(t, c, id, socket+1); code != 0 {
			t.Errorf("srt: a good caller is refused: %d", code)
			return
		}
	} else {
		socket = bits.BigEndian.Uint32(b[16+24:])
	}
	r := dice()
	for _, kind := range []uint16{0, 1, 2, 3, 4, 6, 7, 8, 0x7fff} {
		for _, n := range []int{0, 1, 3, 4, 8, 12, 16, 20, 28, 32, 64, 1000} {
			for sub := range uint16(6) {
				c.Write(srtControl(kind, sub, r.Uint32(), socket, noise(r, n)))
			}
		}
	}
	for range 200 { // data from a reader; lies about what was lost
		data := bits.BigEndian.AppendUint32(nil, r.Uint32()&0x7fffffff)
		data = append(data, noise(r, 8)...)
		data = bits.BigEndian.AppendUint32(data, socket)
		c.Write(append(data, noise(r, r.IntN(1400))...))
		lost := bits.BigEndian.AppendUint32(nil, 0x80000000|r.Uint32())
		lost = bits.BigEndian.AppendUint32(lost, r.Uint32()&0x7fffffff)
		c.Write(srtControl(3, 0, 0, socket, lost))
	}
	// A packet for this session from another address changes nothing in it.
	other := s.dialUDP(t, "srt", elsewhere)
	other.Write(srtControl(5, 0, 0, socket, nil))
	time.Sleep(50 * time.Millisecond)
	c.Write(srtControl(5, 0, 0, socket, nil)) // shutdown
}

// srtVersion4 calls as old clients do, and speaks of keys afterwards.
func (s *siege) srtVersion4(t *testing.T) {
	t.Helper()
	c := s.dialUDP(t, "srt", attacker)
	cookie := srtCaller(t, c, 7777)
	b := srtAsk(c, srtHandshake(4, 2, 1500, srtSecond, 7777, cookie, srtHello("publish:old:pilot:"+passwordOf("pilot"))))
	if len(b) < 64 || bits.BigEndian.Uint32(b[36:]) != srtSecond {
		return // as it should be
	}
	socket := bits.BigEndian.Uint32(b[16+24:])
	keys := []byte{0x12, 0x20, 0x29, 3, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 4, 4}
	for _, n := range []int{0, 16, 24, 40, 56, 72} {
		c.Write(srtControl(0x7fff, 3, 0, socket, append(bytes.Clone(keys), make([]byte, n)...)))
		c.Write(srtControl(0x7fff, 4, 0, socket, append(bytes.Clone(keys), make([]byte, n)...)))
	}
	for i := range byte(0x40) {
		c.Write(srtControl(0x7fff, 1, 0, socket, []byte{0, 1, 2, 0, 0, 0, 0, i, 0, 120, 0, 120}))
		c.Write(srtControl(0x7fff, 2, 0, socket, []byte{0, 1, 2, 0, 0, 0, 0, i, 0, 120, 0, 120}))
	}
	for flag := range byte(4) { // encrypted in a session without keys
		data := append([]byte{0, 0, 0, 100, 0xc0 | flag<<3, 0, 0, 1, 0, 0, 0, 1}, bits.BigEndian.AppendUint32(nil, socket)...)
		c.Write(append(data[:12], append(bits.BigEndian.AppendUint32(nil, socket), make([]byte, 188)...)...))
	}
	time.Sleep(100 * time.Millisecond)
	c.Write(srtControl(5, 0, 0, socket, nil))
}

// srtCode calls once from an address and returns what is said.
func (s *siege) srtCode(t *testing.T, from, id string, socket uint32) string {
	t.Helper()
	c := s.dialUDP(t, "srt", from)
	code, peer := s.srtCall(t, c, id, socket)
	if code == 0 {
		c.Write(srtControl(5, 0, 0, peer, nil))
	}
	return fmt.Sprint(code)
}
