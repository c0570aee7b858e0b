// Package g711 converts between 16-bit linear PCM and the 8-bit µ-law and
// A-law of ITU-T G.711, sample by sample, by tables.
package g711

var (
	linearU, linearA       = expand(decodeU), expand(decodeA)
	logarithmU, logarithmA = compress(encodeU), compress(encodeA)
)

// EncodeU compresses src to µ-law in dst, which is at least as long, and
// returns the number of bytes.
func EncodeU(dst []byte, src []int16) int { return encode(dst, src, &logarithmU) }

// EncodeA compresses src to A-law in dst, which is at least as long, and
// returns the number of bytes.
func EncodeA(dst []byte, src []int16) int { return encode(dst, src, &logarithmA) }

// DecodeU expands µ-law to PCM in dst, which is at least as long, and returns
// the number of samples.
func DecodeU(dst []int16, src []byte) int { return decode(dst, src, &linearU) }

// DecodeA expands A-law to PCM in dst, which is at least as long, and returns
// the number of samples.
func DecodeA(dst []int16, src []byte) int { return decode(dst, src, &linearA) }

// SilenceU and SilenceA are the bytes of silence.
const (
	SilenceU = 0xff
	SilenceA = 0xd5
)

func encode(dst []byte, src []int16, table *[16384]byte) int {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = table[uint16(v)>>2]
	}
	return len(src)
}

func decode(dst []int16, src []byte, table *[256]int16) int {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = table[v]
	}
	return len(src)
}

// expand makes the table of a decoder.
func expand(f func(byte) int) (table [256]int16) {
	for i := range table {
		table[i] = int16(f(byte(i)))
	}
	return table
}

// compress makes the table of an encoder for the upper 14 bits of a sample:
// neither law looks at the lower two.
func compress(f func(int) byte) (table [16384]byte) {
	for i := range table {
		table[i] = f(int(int16(uint16(i) << 2)))
	}
	return table
}

// decodeU follows ITU-T G.711, table 2: the bits are inverted; a sign, a
// segment of three bits, a step of four.
func decodeU(b byte) int {
	b = ^b
	v := (int(b&0x0f)<<3+bias)<<(b>>4&7) - bias
	if b&0x80 != 0 {
		return -v
	}
	return v
}

const (
	bias = 33 << 2 // moves the segments of the µ-law to powers of two
	clip = 32767 - bias
)

func encodeU(v int) byte {
	sign := byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, clip) + bias
	segment := segmentOf(v >> 7)
	return ^(sign | segment<<4 | byte(v>>(segment+3))&0x0f)
}

// decodeA follows ITU-T G.711, table 1: every second bit is inverted.
func decodeA(b byte) int {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if segment := b >> 4 & 7; segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

func encodeA(v int) byte {
	sign := byte(0x80)
	if v < 0 {
		v, sign = ^v, 0
	}
	segment := segmentOf(v >> 7)
	step := byte(v>>4) & 0x0f
	if segment > 0 {
		step = byte(v>>(segment+3)) & 0x0f
	}
	return (sign | segment<<4 | step) ^ 0x55
}

// segmentOf returns the number of the highest bit of v, 0 to 7; v is less
// than 256.
func segmentOf(v int) (n byte) {
	for v > 1 {
		v >>= 1
		n++
	}
	return n
}
