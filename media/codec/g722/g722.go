// Package g722 encodes and decodes ITU-T G.722 at 64 kbit/s (mode 1): 16 kHz
// PCM in two bands of adaptive differential codes, one byte for two samples.
//
// In RTP its clock runs at 8000 Hz although it samples at 16000 (RFC 3551
// §4.5.2).
package g722

// Rate is the sampling rate in hertz.
const Rate = 16000

// Encoder turns PCM into G.722. The zero value is not ready: use NewEncoder.
// It is for one goroutine at a time.
type Encoder struct {
	low, high band
	line      [24]int32 // of the filter that parts the bands
}

// NewEncoder returns an Encoder.
func NewEncoder() *Encoder {
	return &Encoder{low: band{scale: 32}, high: band{scale: 8}}
}

// Encode encodes src into dst, which holds half as many bytes as src has
// samples, and returns their number. Of an odd number the last sample is left
// out.
func (e *Encoder) Encode(dst []byte, src []int16) int {
	n := len(src) / 2
	dst = dst[:n]
	for i := range dst {
		copy(e.line[:], e.line[2:])
		e.line[22], e.line[23] = int32(src[2*i]), int32(src[2*i+1])
		odd, even := convolve(&e.line)
		low := e.encodeLow((even + odd) >> 14)
		high := e.encodeHigh((even - odd) >> 14)
		dst[i] = high<<6 | low
	}
	return n
}

// encodeLow quantises the lower band to 6 bits (G.722 §3.1 to §3.3).
func (e *Encoder) encodeLow(x int32) byte {
	diff := saturate(x - e.low.s)
	size := magnitude(diff)
	level := 1
	for level < 30 && size >= levels6[level]*e.low.scale>>12 {
		level++
	}
	code := positive6[level]
	if diff < 0 {
		code = negative6[level]
	}
	e.low.adaptLow(code >> 2)
	return code
}

// encodeHigh quantises the upper band to 2 bits.
func (e *Encoder) encodeHigh(x int32) byte {
	diff := saturate(x - e.high.s)
	outer := magnitude(diff) >= 564*e.high.scale>>12
	var code byte
	switch {
	case diff < 0 && outer:
		code = 0
	case diff < 0:
		code = 1
	case outer:
		code = 2
	default:
		code = 3
	}
	e.high.adaptHigh(code)
	return code
}

// Decoder turns G.722 into PCM. The zero value is not ready: use NewDecoder.
// It is for one goroutine at a time. Every byte is a code, so there is no bad
// input.
type Decoder struct {
	low, high band
	line      [24]int32 // of the filter that joins the bands
}

// NewDecoder returns a Decoder.
func NewDecoder() *Decoder {
	return &Decoder{low: band{scale: 32}, high: band{scale: 8}}
}

// Decode decodes src into dst, which holds twice as many samples as src has
// bytes, and returns their number.
func (d *Decoder) Decode(dst []int16, src []byte) int {
	dst = dst[:2*len(src)]
	for i, code := range src {
		low := limit(d.low.s + d.low.scale*inverse6[code&0x3f]>>15)
		d.low.adaptLow(code & 0x3f >> 2)
		high := limit(d.high.s + d.high.scale*inverse2[code>>6]>>15)
		d.high.adaptHigh(code >> 6)
		copy(d.line[:], d.line[2:])
		d.line[22], d.line[23] = low+high, low-high
		second, first := convolve(&d.line)
		dst[2*i] = int16(saturate(first >> 11))
		dst[2*i+1] = int16(saturate(second >> 11))
	}
	return len(dst)
}

// convolve runs the quadrature mirror filter over its line: the samples at
// even places, and those at odd ones (G.722 table 11).
func convolve(line *[24]int32) (even, odd int32) {
	for i, c := range mirror {
		even += line[2*i] * c
		odd += line[2*i+1] * mirror[11-i]
	}
	return even, odd
}

// limit keeps a reconstructed signal to 15 bits.
func limit(v int32) int32 { return min(max(v, -16384), 16383) }

func saturate(v int32) int32 { return min(max(v, -32768), 32767) }

// magnitude is the size of a difference; that of a negative one is counted
// from -1.
func magnitude(v int32) int32 {
	if v < 0 {
		return -(v + 1)
	}
	return v
}
