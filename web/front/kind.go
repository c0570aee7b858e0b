package front

import "encoding/binary"

// Kind is what a connection turned out to carry.
type Kind string

// The kinds. Those with TLS in their name come decrypted.
const (
	HTTPS    Kind = "https"     // HTTP/1.1 or HTTP/2 inside TLS
	HTTP     Kind = "http"      // HTTP/1.1 in the clear
	RTMPS    Kind = "rtmps"     // RTMP inside TLS
	RTMP     Kind = "rtmp"      // RTMP in the clear
	STUN     Kind = "stun"      // STUN or TURN over TCP (RFC 8489 §6.2.2)
	STUNTLS  Kind = "stun-tls"  // the same inside TLS
	ICETCP   Kind = "ice-tcp"   // STUN in the framing of RFC 4571, as ICE-TCP sends it (RFC 6544 §10.1)
	Unknown  Kind = "unknown"   // nothing this server speaks
	tlsHello Kind = "tls-hello" // a TLS ClientHello; never given to a handler
)

// The ALPN names this door offers (RFC 7301; RFC 7443 for those of STUN). STUN
// comes first: a client that offers it together with HTTP wants a relay.
const (
	alpnTURN  = "stun.turn"
	alpnSTUN  = "stun.nat-discovery"
	alpnHTTP2 = "h2"
	alpnHTTP1 = "http/1.1"
)

// Protocols returns the ALPN names for the door's TLS configuration, in order
// of preference.
func Protocols() []string { return []string{alpnTURN, alpnSTUN, alpnHTTP2, alpnHTTP1} }

// The most bytes Classify needs before it knows.
const mostNeeded = 10

// Classify tells from the first bytes of a connection what it carries. need is
// how many bytes it takes to say more, or 0 when kind is final.
//
//	0x16 0x03   TLS record with a handshake (RFC 8446 §5.1)
//	0x03        RTMP C0: version 3
//	0x00..0x3f  STUN: two zero bits, magic cookie at offset 4 (RFC 8489 §5),
//	            or the same after a two-byte length (RFC 4571 §2)
//	'A'..'Z'    the method of an HTTP request
//
// 0x03 can also begin a STUN message or a frame of 768 to 1023 bytes. No first
// message of a STUN client is either: its method is below 0x100, and a binding
// or allocate request is shorter.
func Classify(b []byte) (kind Kind, need int) {
	if len(b) == 0 {
		return Unknown, 1
	}
	switch c := b[0]; {
	case c == 0x16:
		switch {
		case len(b) < 2:
			return Unknown, 2
		case b[1] == 0x03:
			return tlsHello, 0
		}
		return Unknown, 0
	case c == 0x03:
		return RTMP, 0
	case c <= 0x02:
		return classifySTUN(b)
	case c >= 'A' && c <= 'Z':
		return HTTP, 0
	}
	return Unknown, 0
}

const magicCookie = 0x2112a442

func classifySTUN(b []byte) (Kind, int) {
	switch {
	case len(b) < 8:
		return Unknown, 8
	case binary.BigEndian.Uint32(b[4:]) == magicCookie:
		return STUN, 0
	case b[2] > 0x3f: // two zero bits begin a framed STUN message too
		return Unknown, 0
	case len(b) < mostNeeded:
		return Unknown, mostNeeded
	case binary.BigEndian.Uint32(b[6:]) == magicCookie:
		return ICETCP, 0
	}
	return Unknown, 0
}

// insideTLS translates what Classify said of decrypted bytes.
func insideTLS(k Kind) Kind {
	switch k {
	case HTTP:
		return HTTPS
	case RTMP:
		return RTMPS
	case STUN:
		return STUNTLS
	}
	return Unknown // TLS inside TLS, and ICE-TCP, which is never inside TLS
}

// byALPN is the kind that an agreed protocol name stands for; "" when the bytes
// have to tell.
func byALPN(name string) Kind {
	switch name {
	case alpnHTTP2, alpnHTTP1:
		return HTTPS
	case alpnTURN, alpnSTUN:
		return STUNTLS
	case "":
		return ""
	}
	return Unknown // acme-tls/1: the handshake was all that was wanted
}
