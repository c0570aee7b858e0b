package aac

import "sync"

// book decodes one codebook: short words by a table, long ones by their length.
type book struct {
	quick   [1 << quickBits]uint32 // value<<5 | length; 0: a longer word
	longest int
	end     [20]uint32 // by length: the word behind the last one
	base    [20]int32  // by length: index into values, less the first word
	values  []uint16
}

const quickBits = 10

// next reads a word and returns what it stands for. The codes have no gaps, so
// every word stands for something.
func (b *book) next(r *reader) uint32 {
	v := r.peek(quickBits)
	if e := b.quick[v]; e != 0 {
		r.drop(int(e & 31))
		return e >> 5
	}
	for n := quickBits + 1; n <= b.longest; n++ {
		if w := r.peek(n); w < b.end[n] {
			r.drop(n)
			if i := int(b.base[n] + int32(w)); i >= 0 && i < len(b.values) {
				return uint32(b.values[i])
			}
			return 0
		}
	}
	r.drop(b.longest)
	return 0
}

// newBook makes a book of a code. value says what an index stands for.
func newBook(c *codebook, value func(index int) uint16) *book {
	b := &book{longest: len(c.lengths), values: make([]uint16, len(c.order))}
	for i, index := range c.order {
		b.values[i] = value(int(index))
	}
	word, i := uint32(0), 0
	for n, count := range c.lengths {
		length := n + 1
		word <<= 1
		b.base[length] = int32(i) - int32(word)
		for range count {
			if length <= quickBits {
				at := word << (quickBits - length)
				for k := range uint32(1) << (quickBits - length) {
					b.quick[at+k] = uint32(b.values[i])<<5 | uint32(length)
				}
			}
			word++
			i++
		}
		b.end[length] = word
	}
	return b
}

// books are the decoders of all codebooks, shared by all Decoders.
type books struct {
	scale *book
	// spectral is by number of the codebook; 0 is none. Books 1 to 4 stand for
	// four coefficients in 4 bits each, first one highest, plus 8; the others for
	// two in 8 bits each, plus 128.
	spectral [12]*book
}

// largest is the largest coefficient of the books 1 to 11 (ISO/IEC 14496-3 table
// 4.151); those of the signed books are as large below zero.
var largest = [12]int{0, 1, 1, 2, 2, 4, 4, 7, 7, 12, 12, 16}

var allBooks = sync.OnceValue(func() *books {
	all := &books{scale: newBook(&scalefactors, func(i int) uint16 { return uint16(i) })}
	for n := 1; n <= 11; n++ {
		value := func(i int) uint16 { return valueOf(n, i) }
		all.spectral[n] = newBook(&spectral[n-1], value)
	}
	return all
})

// signedBook reports whether the words of a book hold signs, too.
func signedBook(n int) bool { return n == 1 || n == 2 || n == 5 || n == 6 }

// valueOf unpacks an index into coefficients (ISO/IEC 14496-3 §4.6.3.3).
func valueOf(n, index int) uint16 {
	base, offset := largest[n]+1, 0
	if signedBook(n) {
		base, offset = 2*largest[n]+1, largest[n]
	}
	if n <= 4 {
		v := 0
		for shift := 0; shift < 16; shift += 4 {
			v |= (index%base - offset + 8) << shift
			index /= base
		}
		return uint16(v)
	}
	return uint16((index/base-offset+128)<<8 | (index%base - offset + 128))
}
