package wire

import (
	"encoding/binary"
	"math"
)

// Type is the number of a control message.
type Type uint16

// The control messages.
const (
	TypeVersion          Type = 0
	TypeUDPTunnel        Type = 1 // a voice packet, no protobuf
	TypeAuthenticate     Type = 2
	TypePing             Type = 3
	TypeReject           Type = 4
	TypeServerSync       Type = 5
	TypeChannelRemove    Type = 6
	TypeChannelState     Type = 7
	TypeUserRemove       Type = 8
	TypeUserState        Type = 9
	TypeBanList          Type = 10
	TypeTextMessage      Type = 11
	TypePermissionDenied Type = 12
	TypeACL              Type = 13
	TypeQueryUsers       Type = 14
	TypeCryptSetup       Type = 15
	TypeContextModify    Type = 16
	TypeContextAction    Type = 17
	TypeUserList         Type = 18
	TypeVoiceTarget      Type = 19
	TypePermissionQuery  Type = 20
	TypeCodecVersion     Type = 21
	TypeUserStats        Type = 22
	TypeRequestBlob      Type = 23
	TypeServerConfig     Type = 24
	TypeSuggestConfig    Type = 25
)

// HeaderSize is the length of a frame's header: type and length of what follows,
// in network order.
const HeaderSize = 6

// Header reads a frame header.
func Header(b [HeaderSize]byte) (Type, uint32) {
	return Type(binary.BigEndian.Uint16(b[:])), binary.BigEndian.Uint32(b[2:])
}

// AppendHeader appends the header of a frame with n bytes.
func AppendHeader(dst []byte, t Type, n int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(t))
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// AppendFrame appends m with its header.
func AppendFrame(dst []byte, m Message) []byte {
	start := len(dst)
	dst = AppendHeader(dst, m.Type(), 0)
	dst = Append(dst, m)
	binary.BigEndian.PutUint32(dst[start+2:], uint32(len(dst)-start-HeaderSize))
	return dst
}

func floatOf(v uint32) float32 { return math.Float32frombits(v) }
func bitsOf(v float32) uint32  { return math.Float32bits(v) }
