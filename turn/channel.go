package turn

import "encoding/binary"

// Channel numbers. RFC 8656 §12 ends at 0x4fff; clients of RFC 5766 §11 use all of
// these, and nothing else that comes here begins like them.
const (
	minChannel = 0x4000
	maxChannel = 0x7fff
)

// channelHeader is the size of what stands before channel data (RFC 8656 §12.4).
const channelHeader = 4

// isChannelData tells a datagram that carries channel data from others by its
// first byte (RFC 8656 §12).
func isChannelData(b []byte) bool { return len(b) >= channelHeader && b[0]&0xc0 == 0x40 }

// channelData returns the number and the payload of channel data. A datagram may
// be longer than it says, by padding (RFC 8656 §12.5).
func channelData(b []byte) (number uint16, payload []byte, ok bool) {
	if !isChannelData(b) {
		return 0, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b)-channelHeader {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b), b[channelHeader : channelHeader+n], true
}
