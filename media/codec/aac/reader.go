package aac

import "encoding/binary"

// reader reads a frame bit by bit. Behind the end it reads zeros; over tells.
type reader struct {
	b    []byte // not loaded yet
	acc  uint64 // loaded, the next bit highest
	n    int    // bits in acc
	zero int    // of them and of those read, zeros from behind the end
}

// peek returns the next n bits, at most 32.
func (r *reader) peek(n int) uint32 {
	if r.n < 32 {
		r.load()
	}
	return uint32(r.acc >> (64 - uint(n)))
}

// load makes acc hold 32 bits or more. It holds less.
func (r *reader) load() {
	var next uint32
	if len(r.b) >= 4 {
		next = binary.BigEndian.Uint32(r.b)
		r.b = r.b[4:]
	} else {
		for i := range 4 {
			next <<= 8
			if i < len(r.b) {
				next |= uint32(r.b[i])
			}
		}
		r.zero += 8 * (4 - len(r.b))
		r.b = nil
	}
	r.acc |= uint64(next) << (32 - uint(r.n))
	r.n += 32
}

// drop leaves out n bits that were peeked at.
func (r *reader) drop(n int) {
	r.acc <<= uint(n)
	r.n -= n
}

// read returns the next n bits, at most 32.
func (r *reader) read(n int) uint32 {
	v := r.peek(n)
	r.drop(n)
	return v
}

func (r *reader) flag() bool { return r.read(1) != 0 }

// skip leaves out n bits, at most 32.
func (r *reader) skip(n int) { r.read(n) }

// align goes on to the next whole byte.
func (r *reader) align() { r.drop(r.n & 7) }

// skipBytes leaves out n bytes.
func (r *reader) skipBytes(n int) {
	for ; n > 0 && !r.over(); n-- {
		r.skip(8)
	}
}

// over reports whether more was read than there is.
func (r *reader) over() bool { return r.n < r.zero }
