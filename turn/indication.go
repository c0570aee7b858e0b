package turn

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"sync"

	"github.com/pion/stun/v4"
)

// maxPacket is the largest packet that is relayed. A peer's network rarely carries
// more than 1,500 bytes; the rest is for jumbo frames.
const maxPacket = 9000 // bytes

// slot is the size of the buffers of packets, with what stands before and after.
const slot = headroom + maxPacket + 8

var buffers = sync.Pool{New: func() any { b := make([]byte, slot); return &b }}

// The size of a STUN header and of an attribute's (RFC 8489 §5, §14), and the
// types of the two indications of RFC 8656 §18.
const (
	stunHeader    = 20
	attrHeader    = 4
	magicCookie   = 0x2112a442
	typeSend      = 0x0016
	typeData      = 0x0017
	familyIPv4    = 1
	familyIPv6    = 2
	sizePeerIPv4  = 8
	sizePeerIPv6  = 20
	attrPeer      = uint16(stun.AttrXORPeerAddress)
	attrData      = uint16(stun.AttrData)
	attrDontFrag  = uint16(stun.AttrDontFragment)
	requiredBelow = 0x8000 // attributes that must be understood (RFC 8489 §14)
)

// isSTUN tells a STUN message by its first bits, length and cookie (RFC 8489 §6.3).
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0]&0xc0 == 0 && binary.BigEndian.Uint32(b[4:]) == magicCookie &&
		int(binary.BigEndian.Uint16(b[2:])) == len(b)-stunHeader
}

// isSend tells a Send indication from other STUN messages.
func isSend(b []byte) bool { return binary.BigEndian.Uint16(b) == typeSend }

// sendIndication returns where the data of a Send indication goes, and the data.
// It is what a client uses before it has a channel, so it is read without a copy.
func sendIndication(b []byte) (peer netip.AddrPort, data []byte, ok bool) {
	var have bool
	for rest := b[stunHeader:]; len(rest) > 0; {
		if len(rest) < attrHeader {
			return peer, nil, false
		}
		kind, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if n > len(rest)-attrHeader {
			return peer, nil, false
		}
		value := rest[attrHeader : attrHeader+n]
		switch {
		case kind == attrPeer && !peer.IsValid():
			if peer, ok = xorAddress(value, b); !ok {
				return peer, nil, false
			}
		case kind == attrData && !have:
			data, have = value, true
		case kind == attrDontFrag || kind != attrPeer && kind != attrData && kind < requiredBelow:
			return peer, nil, false
		}
		rest = rest[min(attrHeader+(n+3)&^3, len(rest)):]
	}
	return peer, data, have && peer.IsValid()
}

// xorAddress reads an address as RFC 8489 §14.2 writes it, in its canonical form;
// msg is the message that it stands in.
func xorAddress(v, msg []byte) (netip.AddrPort, bool) {
	if len(v) < sizePeerIPv4 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ magicCookie>>16
	switch {
	case v[1] == familyIPv4 && len(v) == sizePeerIPv4:
		a := [4]byte(v[4:])
		xor(a[:], msg[4:])
		return netip.AddrPortFrom(netip.AddrFrom4(a), port), true
	case v[1] == familyIPv6 && len(v) == sizePeerIPv6:
		a := [16]byte(v[4:])
		xor(a[:], msg[4:])
		return netip.AddrPortFrom(canonical(netip.AddrFrom16(a)), port), true
	}
	return netip.AddrPort{}, false
}

// putXORAddress writes the value of such an attribute to b and returns its size.
func putXORAddress(b []byte, a netip.AddrPort, msg []byte) int {
	b[0] = 0
	binary.BigEndian.PutUint16(b[2:], a.Port()^magicCookie>>16)
	if a.Addr().Is4() {
		b[1] = familyIPv4
		v := a.Addr().As4()
		copy(b[4:], v[:])
		xor(b[4:sizePeerIPv4], msg[4:])
		return sizePeerIPv4
	}
	b[1] = familyIPv6
	v := a.Addr().As16()
	copy(b[4:], v[:])
	xor(b[4:sizePeerIPv6], msg[4:])
	return sizePeerIPv6
}

func xor(b, key []byte) {
	for i := range b {
		b[i] ^= key[i]
	}
}

// dataIndication writes what stands before the packet at headroom in buf and
// returns where it starts (RFC 8656 §11.3).
func dataIndication(buf []byte, peer netip.AddrPort) int {
	n := len(buf) - headroom
	size := sizePeerIPv4
	if peer.Addr().Is6() {
		size = sizePeerIPv6
	}
	start := headroom - stunHeader - 2*attrHeader - size
	b := buf[start:]
	binary.BigEndian.PutUint16(b, typeData)
	binary.BigEndian.PutUint16(b[2:], uint16(2*attrHeader+size+(n+3)&^3))
	binary.BigEndian.PutUint32(b[4:], magicCookie)
	rand.Read(b[8:stunHeader]) // never fails (crypto/rand)
	binary.BigEndian.PutUint16(b[stunHeader:], attrPeer)
	binary.BigEndian.PutUint16(b[stunHeader+2:], uint16(size))
	putXORAddress(b[stunHeader+attrHeader:], peer, b)
	d := b[stunHeader+attrHeader+size:]
	binary.BigEndian.PutUint16(d, attrData)
	binary.BigEndian.PutUint16(d[2:], uint16(n))
	return start
}
