//go:build !codecs || !cgo

package opus

import (
	"errors"
	"fmt"
	"math"

	"github.com/thesyncim/gopus"
)

// Library names the implementation that this program was built with.
const Library = "gopus"

// Encoder turns PCM into packets. It is for one goroutine at a time. One that
// is dropped without Close leaks nothing.
type Encoder struct {
	enc      *gopus.Encoder
	channels int
}

// NewEncoder returns an Encoder.
func NewEncoder(cfg EncoderConfig) (*Encoder, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	application := gopus.ApplicationVoIP
	if cfg.Application == Audio {
		application = gopus.ApplicationAudio
	}
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{
		SampleRate: Rate, Channels: cfg.Channels, Application: application,
	})
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	e := &Encoder{enc: enc, channels: cfg.Channels}
	enc.SetFEC(cfg.FEC)
	enc.SetDTX(cfg.DTX)
	err = errors.Join(enc.SetFrameSize(FrameSamples), enc.SetComplexity(cfg.Complexity),
		e.SetBitrate(cfg.Bitrate), e.SetLoss(cfg.LossPercent))
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return e, nil
}

// Encode encodes one frame of FrameSamples per channel, interleaved, into out,
// which holds MaxPacket bytes, and returns the length of the packet.
func (e *Encoder) Encode(pcm []int16, out []byte) (n int, err error) {
	switch {
	case e.enc == nil:
		return 0, ErrClosed
	case len(pcm) != FrameSamples*e.channels:
		return 0, ErrFrame
	case len(out) < MaxPacket:
		return 0, ErrRoom
	}
	if n, err = e.enc.EncodeInt16(pcm, out[:MaxPacket]); err != nil {
		return 0, fmt.Errorf("opus: %w", err)
	}
	return n, nil
}

// SetBitrate changes the bit rate, as in EncoderConfig.
func (e *Encoder) SetBitrate(bps int) error {
	if e.enc == nil {
		return ErrClosed
	}
	if err := validBitrate(bps); err != nil {
		return err
	}
	if bps == 0 {
		bps = gopus.BitrateAuto
	}
	return e.enc.SetBitrate(bps)
}

// SetLoss changes the loss to be expected, in percent.
func (e *Encoder) SetLoss(percent int) error {
	if e.enc == nil {
		return ErrClosed
	}
	if percent < 0 || percent > 100 {
		return ErrConfig
	}
	return e.enc.SetPacketLoss(percent)
}

// Close releases the encoder; afterwards it returns ErrClosed.
func (e *Encoder) Close() { e.enc = nil }

// Decoder turns packets into PCM. It is for one goroutine at a time. One that
// is dropped without Close leaks nothing.
type Decoder struct {
	dec      *gopus.Decoder
	channels int
	scratch  []float32 // of DecodeFEC, which the library has for floats only
}

// NewDecoder returns a Decoder that gives 1 or 2 channels, whatever the
// packets hold.
func NewDecoder(channels int) (*Decoder, error) {
	if channels != 1 && channels != 2 {
		return nil, ErrConfig
	}
	dec, err := gopus.NewDecoder(gopus.DecoderConfig{
		SampleRate: Rate, Channels: channels, MaxPacketSamples: MaxSamples, MaxPacketBytes: maxReceived,
	})
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return &Decoder{dec: dec, channels: channels}, nil
}

// Decode decodes a packet into pcm, interleaved, and returns the samples per
// channel. Room for MaxSamples per channel is always enough.
func (d *Decoder) Decode(packet []byte, pcm []int16) (n int, err error) {
	if d.dec == nil {
		return 0, ErrClosed
	}
	if err := checkFrames(packet); err != nil {
		return 0, err
	}
	samples, _ := Samples(packet)
	if len(pcm) < samples*d.channels {
		return 0, ErrRoom
	}
	defer d.rescue(&n, &err)
	return d.result(d.dec.DecodeInt16(packet, pcm))
}

// Conceal fills pcm with what probably was in the packet that is missing:
// len(pcm)/channels samples, a multiple of 2.5 ms and at most 120 ms.
func (d *Decoder) Conceal(pcm []int16) (n int, err error) {
	if d.dec == nil {
		return 0, ErrClosed
	}
	if err := checkConcealed(len(pcm) / d.channels); err != nil {
		return 0, err
	}
	defer d.rescue(&n, &err)
	// In pieces, since the library takes room for the longest packet to mean
	// as much as the last packet had.
	for total := len(pcm) / d.channels; n < total; {
		part := min(total-n, FrameSamples)
		got, err := d.result(d.dec.DecodeInt16(nil, pcm[n*d.channels:(n+part)*d.channels]))
		if err != nil {
			return 0, err
		}
		n += got
	}
	return n, nil
}

// DecodeFEC decodes the coarse copy that a packet carries of the one before
// it, which is missing and len(pcm)/channels samples long. Where there is no
// copy the loss is concealed. The packet itself is then given to Decode.
func (d *Decoder) DecodeFEC(packet []byte, pcm []int16) (n int, err error) {
	if d.dec == nil {
		return 0, ErrClosed
	}
	if err := checkFrames(packet); err != nil {
		return 0, err
	}
	if err := checkConcealed(len(pcm) / d.channels); err != nil {
		return 0, err
	}
	if d.scratch == nil {
		d.scratch = make([]float32, MaxSamples*d.channels)
	}
	defer d.rescue(&n, &err)
	out := d.scratch[:len(pcm)]
	if n, err = d.result(d.dec.DecodeWithFEC(packet, out, true)); err != nil {
		return 0, err
	}
	for i, v := range out[:n*d.channels] {
		pcm[i] = int16(min(max(math.RoundToEven(float64(v)*32768), math.MinInt16), math.MaxInt16))
	}
	return n, nil
}

func (d *Decoder) result(n int, err error) (int, error) {
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	return n, nil
}

// rescue makes an error of a packet that the library trips over, and lets the
// decoder start afresh, since its state is then unknown.
func (d *Decoder) rescue(n *int, err *error) {
	if r := recover(); r != nil {
		d.dec.Reset()
		*n, *err = 0, fmt.Errorf("%w: %v", ErrPacket, r)
	}
}

// Close releases the decoder; afterwards it returns ErrClosed.
func (d *Decoder) Close() { d.dec = nil }
