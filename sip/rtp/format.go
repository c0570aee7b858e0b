// Package rtp is the media side of a SIP call: the sockets, the encryption, the
// rule from whom media is taken, and how sound, keys and pictures travel in it.
// It knows nothing of SIP; what was agreed on comes in as a Plan.
package rtp

import (
	"time"
)

// Format is a codec as it was agreed on for one call.
type Format struct {
	Name      string // "opus", "G722", "PCMU", "PCMA", "H264", "VP8"
	ClockRate int    // of RTP timestamps; G722 has 8000
	Channels  int    // audio; in SDP, opus always has 2
	FMTP      string // parameters for sending to the phone
	Payload   uint8  // type towards the phone
	Receive   uint8  // type from the phone
}

// Packet is one RTP packet from the phone. Payload is only valid during the
// call that hands it over.
type Packet struct {
	Seq       uint16
	Timestamp uint32
	Marker    bool
	Payload   []byte
	Arrival   time.Time // monotonic
}

// Unit is one access unit of a picture stream.
type Unit struct {
	AU  [][]byte      // NAL units without start codes, or one VP8 frame
	PTS time.Duration // on a clock of the stream's own
	Key bool
}
