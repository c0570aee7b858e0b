// Package rtp is the media side of a SIP call: the sockets, the encryption, the
// rule from whom media is taken, and how sound, keys and pictures travel in it.
// It knows nothing of SIP; what was agreed on comes in as an sdp.Stream.
package rtp

import "time"

// Packet is one RTP packet from the phone. Payload is only valid during the
// call that hands it over.
type Packet struct {
	Seq       uint16
	Timestamp uint32
	Marker    bool
	Payload   []byte
	Arrival   time.Time // monotonic
}

// Unit is one access unit of a picture stream. It is read-only.
type Unit struct {
	AU  [][]byte      // NAL units without start codes, or one VP8 frame
	PTS time.Duration // on a clock of the stream's own
	Key bool          // it can be decoded by itself
}
