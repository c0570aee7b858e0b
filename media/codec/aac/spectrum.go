package aac

import (
	"math"
	"sync"
)

// coefficients reads spectral_data (ISO/IEC 14496-3 table 4.50). Within a group
// the bands of all windows follow each other, lowest band first.
func (c *channel) coefficients(r *reader, books *books) error {
	f := &c.info
	clear(c.quant[:])
	first := 0 // window of the group
	for g := range f.groups {
		for b := range f.maxBand {
			n := int(c.book[g][b])
			if n == bookZero || n > bookEscape {
				continue
			}
			from, to := int(f.offsets[b]), int(f.offsets[b+1])
			for w := first; w < first+f.length[g]; w++ {
				q := c.quant[w*f.width+from : w*f.width+to]
				if !coded(r, books.spectral[n], n, q) {
					return broken("a coefficient out of range")
				}
			}
			if r.over() {
				return broken("it is cut off")
			}
		}
		first += f.length[g]
	}
	return nil
}

// coded reads the coefficients of a band from book n. The widths of all bands
// are multiples of 4.
func coded(r *reader, book *book, n int, q []int32) bool {
	switch {
	case n <= 2:
		for ; len(q) >= 4; q = q[4:] {
			fours(book.next(r), q)
		}
	case n <= 4:
		for ; len(q) >= 4; q = q[4:] {
			fours(book.next(r), q)
			signs(r, q[:4])
		}
	case n <= 6:
		for ; len(q) >= 2; q = q[2:] {
			twos(book.next(r), q)
		}
	default:
		for ; len(q) >= 2; q = q[2:] {
			twos(book.next(r), q)
			signs(r, q[:2])
			if n == bookEscape && !(escape(r, &q[0]) && escape(r, &q[1])) {
				return false
			}
		}
	}
	return true
}

// fours and twos unpack what a word stands for.
func fours(v uint32, q []int32) {
	q = q[:4]
	q[0], q[1], q[2], q[3] = int32(v>>12&15)-8, int32(v>>8&15)-8, int32(v>>4&15)-8, int32(v&15)-8
}

func twos(v uint32, q []int32) {
	q = q[:2]
	q[0], q[1] = int32(v>>8&255)-128, int32(v&255)-128
}

// signs reads a sign for each coefficient that is not zero.
func signs(r *reader, q []int32) {
	word := r.peek(4)
	n := 0
	for i, v := range q {
		if v != 0 {
			if word>>(3-n)&1 != 0 {
				q[i] = -v
			}
			n++
		}
	}
	r.drop(n)
}

// escape reads the rest of a coefficient that is larger than the codebook holds
// (§4.6.3.3).
func escape(r *reader, v *int32) bool {
	if *v != 16 && *v != -16 {
		return true
	}
	n := 4
	for r.flag() {
		if n++; n > 12 {
			return false
		}
	}
	size := int32(1)<<n | int32(r.read(n))
	if *v < 0 {
		size = -size
	}
	*v = size
	return true
}

// tables are the powers that coefficients are made of.
type tables struct {
	cubes  [8192 + 4*15]float32 // n to the power of 4/3; pulses add to the largest coefficient
	powers [2*powerRange + 1]float32
}

// powerRange bounds scalefactors and what is counted in their steps, a quarter
// of a power of two each.
const powerRange = 400

var powerTables = sync.OnceValue(func() *tables {
	t := new(tables)
	for i := range t.cubes {
		t.cubes[i] = float32(math.Pow(float64(i), 4.0/3))
	}
	for i := range t.powers {
		t.powers[i] = float32(math.Exp2(float64(i-powerRange) / 4))
	}
	return t
})

// power returns two to the power of n quarters.
func (t *tables) power(n int) float32 {
	return t.powers[min(max(n+powerRange, 0), 2*powerRange)]
}

// scale makes a spectrum of the coefficients (§4.6.1.3 and §4.6.2.3.3).
func (c *channel) scale() {
	f, t := &c.info, powerTables()
	clear(c.spec[:])
	first := 0
	for g := range f.groups {
		for b := range f.maxBand {
			if n := c.book[g][b]; n == bookZero || n > bookEscape {
				continue
			}
			p := t.power(int(c.scales[g][b]) - 100)
			from, to := int(f.offsets[b]), int(f.offsets[b+1])
			for w := first; w < first+f.length[g]; w++ {
				q := c.quant[w*f.width+from : w*f.width+to]
				spec := c.spec[w*f.width+from : w*f.width+to]
				for i, v := range q {
					// Without a branch, which could not be foreseen.
					sign := v >> 31
					size := t.cubes[(v^sign)-sign] * p
					spec[i] = math.Float32frombits(math.Float32bits(size) | uint32(sign)<<31)
				}
			}
		}
		first += f.length[g]
	}
}
