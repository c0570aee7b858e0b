// Package opus encodes and decodes Opus audio (RFC 6716) at 48 kHz in frames
// of 20 ms. It is libopus when the program is built with the tag codecs and
// with C, and a pure Go implementation otherwise: one API, the same packets.
// It knows nothing of RTP, jitter or mixing.
package opus

import "errors"

// Rate is the sampling rate of all PCM here, in hertz.
const Rate = 48000

// FrameSamples is the length of the frame that an Encoder takes, 20 ms, in
// samples per channel.
const FrameSamples = 960

// MaxSamples is the longest duration of one packet, 120 ms, in samples per
// channel (RFC 6716 §3.2.5).
const MaxSamples = 5760

// MaxPacket is the size in bytes that no encoded frame exceeds: one frame of
// at most 1275 bytes behind its TOC byte (RFC 6716 §3.4).
const MaxPacket = 1276

// maxReceived is the largest packet that a Decoder looks at: 120 ms in frames
// of 2.5 ms, each of 1275 bytes with its length.
const maxReceived = 48*1277 + 2

// Application tells an Encoder what the sound is.
type Application int

const (
	// VoIP favours speech that is understood.
	VoIP Application = iota
	// Audio favours sound that is true to its source.
	Audio
)

var (
	// ErrFrame says that the PCM given to an Encoder is not one frame, or the
	// room given to a Decoder not a whole number of 2.5 ms.
	ErrFrame = errors.New("opus: not the length of a frame")
	// ErrPacket says that a packet breaks the rules of RFC 6716 §3.4.
	ErrPacket = errors.New("opus: malformed packet")
	// ErrRoom says that what was decoded or encoded does not fit the slice
	// given for it.
	ErrRoom = errors.New("opus: too little room for the result")
	// ErrClosed says that the Encoder or Decoder has been closed.
	ErrClosed = errors.New("opus: closed")
	// ErrConfig says that a setting is out of range.
	ErrConfig = errors.New("opus: setting out of range")
)

// EncoderConfig describes an Encoder.
type EncoderConfig struct {
	// Channels is 1 or 2.
	Channels int
	// Bitrate is in bits per second, 6000 to 510000; 0 leaves it to the codec.
	Bitrate int
	// Complexity is 0 (least work) to 10.
	Complexity int
	// Application is what the sound is.
	Application Application
	// FEC adds a coarse copy of the frame before to each packet, as far as
	// LossPercent and the bit rate call for it.
	FEC bool
	// LossPercent is the loss to be expected, 0 to 100.
	LossPercent int
	// DTX sends next to nothing while there is silence.
	DTX bool
}

func (c EncoderConfig) validate() error {
	switch {
	case c.Channels != 1 && c.Channels != 2,
		c.Complexity < 0 || c.Complexity > 10,
		c.LossPercent < 0 || c.LossPercent > 100,
		c.Application != VoIP && c.Application != Audio:
		return ErrConfig
	}
	return validBitrate(c.Bitrate)
}

func validBitrate(bps int) error {
	if bps != 0 && (bps < 6000 || bps > 510000) {
		return ErrConfig
	}
	return nil
}

// checkConcealed tells whether room for n samples per channel can be concealed.
func checkConcealed(n int) error {
	if n <= 0 || n > MaxSamples || n%120 != 0 {
		return ErrFrame
	}
	return nil
}
