//go:build codecs && cgo

package video

/*
#cgo LDFLAGS: -l:libopenh264.a -l:libvpx.a -l:libyuv.a -l:libstdc++.a -lm -lpthread
#include <libyuv/planar_functions.h>
#include <libyuv/scale.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// ErrSize says that a picture is larger than we take, or not of this world.
var ErrSize = errors.New("video: size of picture out of range")

// The largest picture that is decoded or encoded.
const (
	MaxWidth  = 4096
	MaxHeight = 2304
)

// Picture is a picture in 4:2:0 with 8 bits, in memory of Go or a part of
// another picture's.
type Picture struct {
	Width, Height     int
	Y, U, V           []byte
	StrideY, StrideUV int
}

// NewPicture returns a black picture.
func NewPicture(width, height int) *Picture {
	p := &Picture{Width: width, Height: height, StrideY: width, StrideUV: (width + 1) / 2}
	p.Y = make([]byte, p.StrideY*height)
	p.U = make([]byte, p.StrideUV*((height+1)/2))
	p.V = make([]byte, len(p.U))
	p.Fill(16, 128, 128)
	return p
}

// Fill makes all of the picture one colour.
func (p *Picture) Fill(y, u, v byte) {
	C.I420Rect(ptr(p.Y), C.int(p.StrideY), ptr(p.U), C.int(p.StrideUV), ptr(p.V), C.int(p.StrideUV),
		0, 0, C.int(p.Width), C.int(p.Height), C.int(y), C.int(u), C.int(v))
}

// Part returns the part of the picture at x, y, which are even, in the same
// memory. It must lie within the picture.
func (p *Picture) Part(x, y, width, height int) *Picture {
	if x < 0 || y < 0 || width <= 0 || height <= 0 || x+width > p.Width || y+height > p.Height || x&1 != 0 || y&1 != 0 {
		panic("video: part lies outside of its picture")
	}
	chroma := y/2*p.StrideUV + x/2
	return &Picture{
		Width: width, Height: height, StrideY: p.StrideY, StrideUV: p.StrideUV,
		Y: p.Y[y*p.StrideY+x:], U: p.U[chroma:], V: p.V[chroma:],
	}
}

// Scale draws src over all of the picture, whatever its shape.
func (p *Picture) Scale(src *Picture) {
	filter := C.enum_FilterMode(C.kFilterBilinear)
	if src.Width > 2*p.Width {
		filter = C.kFilterBox
	}
	C.I420Scale(ptr(src.Y), C.int(src.StrideY), ptr(src.U), C.int(src.StrideUV), ptr(src.V), C.int(src.StrideUV),
		C.int(src.Width), C.int(src.Height),
		ptr(p.Y), C.int(p.StrideY), ptr(p.U), C.int(p.StrideUV), ptr(p.V), C.int(p.StrideUV),
		C.int(p.Width), C.int(p.Height), filter)
}

// Blend lays src over the picture, which has its size, with a weight for each
// pixel: 255 hides what is below.
func (p *Picture) Blend(src *Picture, alpha []byte) {
	if src.Width != p.Width || src.Height != p.Height || len(alpha) < p.Width*p.Height {
		panic("video: blend of different sizes")
	}
	C.I420Blend(ptr(src.Y), C.int(src.StrideY), ptr(src.U), C.int(src.StrideUV), ptr(src.V), C.int(src.StrideUV),
		ptr(p.Y), C.int(p.StrideY), ptr(p.U), C.int(p.StrideUV), ptr(p.V), C.int(p.StrideUV),
		ptr(alpha), C.int(p.Width),
		ptr(p.Y), C.int(p.StrideY), ptr(p.U), C.int(p.StrideUV), ptr(p.V), C.int(p.StrideUV),
		C.int(p.Width), C.int(p.Height))
}

// copyOf copies a decoder's picture into p, or into a new one where the size
// differs.
func copyOf(p *Picture, d *C.decoded) (*Picture, error) {
	width, height := int(d.width), int(d.height)
	if width <= 0 || height <= 0 || width > MaxWidth || height > MaxHeight {
		return p, ErrSize
	}
	if p == nil || p.Width != width || p.Height != height {
		p = NewPicture(width, height)
	}
	C.I420Copy(d.y, d.stride_y, d.u, d.stride_uv, d.v, d.stride_uv,
		ptr(p.Y), C.int(p.StrideY), ptr(p.U), C.int(p.StrideUV), ptr(p.V), C.int(p.StrideUV), d.width, d.height)
	return p, nil
}

func ptr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }
