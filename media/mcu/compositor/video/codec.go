//go:build codecs && cgo

package video

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Codec names a codec as SDP does.
type Codec = string

// The codecs that are decoded and encoded.
const (
	H264 Codec = "H264"
	VP8  Codec = "VP8"
)

var (
	errCodec = errors.New("video: unknown codec")
	// ErrDecode says that a frame did not decode: the next that does is a key
	// frame.
	ErrDecode = errors.New("video: frame does not decode")
)

// Decoder decodes one stream.
type Decoder struct {
	codec Codec
	c     unsafe.Pointer
	out   C.decoded
	pic   *Picture
}

// NewDecoder returns a Decoder, which must be closed.
func NewDecoder(codec Codec) (*Decoder, error) {
	d := &Decoder{codec: codec}
	switch codec {
	case H264:
		d.c = C.h264_decoder()
	case VP8:
		d.c = C.vp8_decoder()
	default:
		return nil, errCodec
	}
	if d.c == nil {
		return nil, fmt.Errorf("video: no decoder for %s", codec)
	}
	return d, nil
}

// Decode decodes a frame: NAL units with start codes, or a frame of VP8. The
// picture is that of the decoder and changes with the next call; there is none
// (nil without an error) while the decoder holds it back.
func (d *Decoder) Decode(frame []byte) (*Picture, error) {
	if len(frame) == 0 {
		return nil, ErrDecode
	}
	var rc C.int
	if d.codec == H264 {
		rc = C.h264_decode(d.c, ptr(frame), C.int(len(frame)), &d.out)
	} else {
		rc = C.vp8_decode(d.c, ptr(frame), C.int(len(frame)), &d.out)
	}
	if rc != 0 {
		return nil, fmt.Errorf("%w (%#x)", ErrDecode, int(rc))
	}
	if d.out.width == 0 {
		return nil, nil
	}
	var err error
	d.pic, err = copyOf(d.pic, &d.out)
	return d.pic, err
}

// Close frees the decoder.
func (d *Decoder) Close() {
	if d.codec == H264 {
		C.h264_decoder_free(d.c)
	} else {
		C.vp8_decoder_free(d.c)
	}
	d.c = nil
}

// EncoderConfig describes an Encoder.
type EncoderConfig struct {
	Codec         Codec
	Width, Height int // even
	FPS           int
	Bitrate       int // bits per second
	MaxUnit       int // largest NAL unit in bytes, 0 for any; H264 only
}

// Encoder encodes one stream in real time. Key frames come first and when they
// are asked for.
type Encoder struct {
	cfg EncoderConfig
	c   unsafe.Pointer
	out *C.encoded
}

// speed of the VP8 encoder: adaptive real time, of which this is the least
// work that still looks well.
const speed = -10

// NewEncoder returns an Encoder, which must be closed.
func NewEncoder(cfg EncoderConfig) (*Encoder, error) {
	if cfg.Width < 16 || cfg.Height < 16 || cfg.Width > MaxWidth || cfg.Height > MaxHeight || cfg.Width&1 != 0 || cfg.Height&1 != 0 {
		return nil, ErrSize
	}
	e := &Encoder{cfg: cfg, out: new(C.encoded)}
	w, h, fps, rate := C.int(cfg.Width), C.int(cfg.Height), C.int(cfg.FPS), C.int(cfg.Bitrate)
	switch cfg.Codec {
	case H264:
		e.c = C.h264_encoder(w, h, fps, rate, C.int(cfg.MaxUnit))
	case VP8:
		e.c = C.vp8_encoder(w, h, fps, rate, speed)
	default:
		return nil, errCodec
	}
	if e.c == nil {
		return nil, fmt.Errorf("video: no encoder for %+v", cfg)
	}
	return e, nil
}

// Encode encodes a picture at a time in milliseconds and appends to units what
// it made. The units, NAL units
// without start codes or one frame of VP8, are valid until the next call; none
// means that the encoder left the picture out to keep its bit rate.
func (e *Encoder) Encode(p *Picture, ms int64, key bool, units [][]byte) (got [][]byte, isKey bool, err error) {
	if p.Width != e.cfg.Width || p.Height != e.cfg.Height {
		return nil, false, ErrSize
	}
	force := C.int(0)
	if key {
		force = 1
	}
	var rc C.int
	if e.cfg.Codec == H264 {
		rc = C.h264_encode(e.c, ptr(p.Y), ptr(p.U), ptr(p.V), C.int(p.StrideY), C.int(p.StrideUV), C.int64_t(ms), force, e.out)
	} else {
		rc = C.vp8_encode(e.c, ptr(p.Y), ptr(p.U), ptr(p.V), C.int(p.StrideY), C.int(p.StrideUV), C.int64_t(ms), force, e.out)
	}
	if rc != 0 {
		return nil, false, fmt.Errorf("video: encode %s: code %d", e.cfg.Codec, int(rc))
	}
	for i := range int(e.out.units) {
		unit := unsafe.Slice((*byte)(unsafe.Pointer(e.out.data[i])), int(e.out.size[i]))
		if e.cfg.Codec == H264 {
			unit = dropStartCode(unit)
		}
		units = append(units, unit)
	}
	return units, e.out.key != 0, nil
}

// dropStartCode removes the three or four bytes in front of a NAL unit.
func dropStartCode(unit []byte) []byte {
	for i := 0; i+1 < len(unit) && i < 4; i++ {
		if unit[i] == 1 {
			return unit[i+1:]
		}
	}
	return unit
}

// SetFPS tells the encoder that pictures come at another rate. VP8 sees it
// from their times.
func (e *Encoder) SetFPS(fps int) {
	if e.cfg.Codec == H264 {
		C.h264_set_fps(e.c, C.int(fps))
	}
}

// Close frees the encoder.
func (e *Encoder) Close() {
	if e.cfg.Codec == H264 {
		C.h264_encoder_free(e.c)
	} else {
		C.vp8_encoder_free(e.c)
	}
	e.c = nil
}
