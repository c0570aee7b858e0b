//go:build codecs && cgo

package opus

/*
#cgo CFLAGS: -I/usr/include/opus
#cgo LDFLAGS: -l:libopus.a -lm
#include <opus.h>

// opus_encoder_ctl takes a variable list of arguments, which Go cannot call.
static int encoder_set(OpusEncoder *e, int request, opus_int32 value) {
	return opus_encoder_ctl(e, request, value);
}

static int encoder_configure(OpusEncoder *e, opus_int32 bitrate, opus_int32 complexity,
		opus_int32 fec, opus_int32 loss, opus_int32 dtx) {
	int err = opus_encoder_ctl(e, OPUS_SET_BITRATE(bitrate));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(complexity));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(fec));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(loss));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_DTX(dtx));
	return err;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Library names the implementation that this program was built with.
const Library = "libopus"

// Encoder turns PCM into packets. It is for one goroutine at a time. Its
// state is memory of Go: one that is dropped without Close leaks nothing.
type Encoder struct {
	state    []uint64
	channels int
}

// NewEncoder returns an Encoder.
func NewEncoder(cfg EncoderConfig) (*Encoder, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	size := int(C.opus_encoder_get_size(C.int(cfg.Channels)))
	e := &Encoder{state: make([]uint64, (size+7)/8), channels: cfg.Channels}
	application := C.int(C.OPUS_APPLICATION_VOIP)
	if cfg.Application == Audio {
		application = C.OPUS_APPLICATION_AUDIO
	}
	if err := failed(C.opus_encoder_init(e.c(), Rate, C.int(cfg.Channels), application)); err != nil {
		return nil, err
	}
	rc := C.encoder_configure(e.c(), bitrate(cfg.Bitrate), C.opus_int32(cfg.Complexity),
		toggle(cfg.FEC), C.opus_int32(cfg.LossPercent), toggle(cfg.DTX))
	if err := failed(rc); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Encoder) c() *C.OpusEncoder {
	return (*C.OpusEncoder)(unsafe.Pointer(unsafe.SliceData(e.state)))
}

// Encode encodes one frame of FrameSamples per channel, interleaved, into out,
// which holds MaxPacket bytes, and returns the length of the packet.
func (e *Encoder) Encode(pcm []int16, out []byte) (int, error) {
	switch {
	case e.state == nil:
		return 0, ErrClosed
	case len(pcm) != FrameSamples*e.channels:
		return 0, ErrFrame
	case len(out) < MaxPacket:
		return 0, ErrRoom
	}
	n := C.opus_encode(e.c(), (*C.opus_int16)(unsafe.SliceData(pcm)), FrameSamples,
		(*C.uchar)(unsafe.SliceData(out)), MaxPacket)
	if n < 0 {
		return 0, failed(C.int(n))
	}
	return int(n), nil
}

// SetBitrate changes the bit rate, as in EncoderConfig.
func (e *Encoder) SetBitrate(bps int) error {
	if e.state == nil {
		return ErrClosed
	}
	if err := validBitrate(bps); err != nil {
		return err
	}
	return failed(C.encoder_set(e.c(), C.OPUS_SET_BITRATE_REQUEST, bitrate(bps)))
}

// SetLoss changes the loss to be expected, in percent.
func (e *Encoder) SetLoss(percent int) error {
	if e.state == nil {
		return ErrClosed
	}
	if percent < 0 || percent > 100 {
		return ErrConfig
	}
	return failed(C.encoder_set(e.c(), C.OPUS_SET_PACKET_LOSS_PERC_REQUEST, C.opus_int32(percent)))
}

// Close releases the encoder; afterwards it returns ErrClosed.
func (e *Encoder) Close() { e.state = nil }

// Decoder turns packets into PCM. It is for one goroutine at a time. Its
// state is memory of Go: one that is dropped without Close leaks nothing.
type Decoder struct {
	state    []uint64
	channels int
}

// NewDecoder returns a Decoder that gives 1 or 2 channels, whatever the
// packets hold.
func NewDecoder(channels int) (*Decoder, error) {
	if channels != 1 && channels != 2 {
		return nil, ErrConfig
	}
	size := int(C.opus_decoder_get_size(C.int(channels)))
	d := &Decoder{state: make([]uint64, (size+7)/8), channels: channels}
	if err := failed(C.opus_decoder_init(d.c(), Rate, C.int(channels))); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Decoder) c() *C.OpusDecoder {
	return (*C.OpusDecoder)(unsafe.Pointer(unsafe.SliceData(d.state)))
}

// Decode decodes a packet into pcm, interleaved, and returns the samples per
// channel. Room for MaxSamples per channel is always enough.
func (d *Decoder) Decode(packet []byte, pcm []int16) (int, error) {
	if d.state == nil {
		return 0, ErrClosed
	}
	if err := checkFrames(packet); err != nil {
		return 0, err
	}
	samples, _ := Samples(packet)
	if len(pcm) < samples*d.channels {
		return 0, ErrRoom
	}
	return d.decode(packet, pcm, samples, 0)
}

// Conceal fills pcm with what probably was in the packet that is missing:
// len(pcm)/channels samples, a multiple of 2.5 ms and at most 120 ms.
func (d *Decoder) Conceal(pcm []int16) (int, error) {
	if d.state == nil {
		return 0, ErrClosed
	}
	n := len(pcm) / d.channels
	if err := checkConcealed(n); err != nil {
		return 0, err
	}
	return d.decode(nil, pcm, n, 0)
}

// DecodeFEC decodes the coarse copy that a packet carries of the one before
// it, which is missing and len(pcm)/channels samples long. Where there is no
// copy the loss is concealed. The packet itself is then given to Decode.
func (d *Decoder) DecodeFEC(packet []byte, pcm []int16) (int, error) {
	if d.state == nil {
		return 0, ErrClosed
	}
	if err := checkFrames(packet); err != nil {
		return 0, err
	}
	n := len(pcm) / d.channels
	if err := checkConcealed(n); err != nil {
		return 0, err
	}
	return d.decode(packet, pcm, n, 1)
}

func (d *Decoder) decode(packet []byte, pcm []int16, samples, fec int) (int, error) {
	n := C.opus_decode(d.c(), (*C.uchar)(unsafe.SliceData(packet)), C.opus_int32(len(packet)),
		(*C.opus_int16)(unsafe.SliceData(pcm)), C.int(samples), C.int(fec))
	if n < 0 {
		return 0, failed(n)
	}
	return int(n), nil
}

// Close releases the decoder; afterwards it returns ErrClosed.
func (d *Decoder) Close() { d.state = nil }

func bitrate(bps int) C.opus_int32 {
	if bps == 0 {
		return C.OPUS_AUTO
	}
	return C.opus_int32(bps)
}

func toggle(on bool) C.opus_int32 {
	if on {
		return 1
	}
	return 0
}

// failed turns a code of libopus into an error.
func failed(rc C.int) error {
	switch rc {
	case C.OPUS_OK:
		return nil
	case C.OPUS_INVALID_PACKET:
		return ErrPacket
	case C.OPUS_BUFFER_TOO_SMALL:
		return ErrRoom
	}
	return fmt.Errorf("opus: %s", C.GoString(C.opus_strerror(rc)))
}
