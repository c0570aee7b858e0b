package aac

import (
	"math"
	"math/bits"
	"sync"
)

// transform is the inverse modified discrete cosine transform of n coefficients
// (ISO/IEC 14496-3 §4.6.11.3.1), by a complex Fourier transform of half as many
// points. It is read-only and shared.
type transform struct {
	n      int
	turn   []complex64 // exp(-iπ(8k+1)/8n)
	roots  []complex64 // exp(-2πik/(n/2))
	places []uint16    // of the input, bits reversed
}

func newTransform(n int) *transform {
	half := n / 2
	t := &transform{n: n, turn: make([]complex64, half), roots: make([]complex64, half/2), places: make([]uint16, half)}
	shift := 17 - bits.Len(uint(half))
	for k := range half {
		t.turn[k] = onCircle(-math.Pi * float64(8*k+1) / float64(8*n))
		t.places[k] = bits.Reverse16(uint16(k)) >> shift
	}
	for k := range t.roots {
		t.roots[k] = onCircle(-2 * math.Pi * float64(k) / float64(half))
	}
	return t
}

func onCircle(angle float64) complex64 {
	sin, cos := math.Sincos(angle)
	return complex(float32(cos), float32(sin))
}

// cosine replaces x, n values, by its cosine transform of type IV, divided by n.
// work has room for n/2 values.
func (t *transform) cosine(x []float32, work []complex64) {
	n, half := t.n, t.n/2
	x, work = x[:n], work[:half]
	by := 1 / float32(n)
	for k, turn := range t.turn {
		work[t.places[k]] = complex(x[2*k]*by, x[n-1-2*k]*by) * turn
	}
	t.fourier(work)
	for k, turn := range t.turn {
		v := work[k] * turn
		x[2*k], x[n-1-2*k] = real(v), -imag(v)
	}
}

// fourier transforms work in place; its values are in bit-reversed order. The
// first two passes are one.
func (t *transform) fourier(work []complex64) {
	for w := work; len(w) >= 4; w = w[4:] {
		a, b, c, d := w[0]+w[1], w[0]-w[1], w[2]+w[3], w[2]-w[3]
		d = complex(imag(d), -real(d))
		w[0], w[1], w[2], w[3] = a+c, b+d, a-c, b-d
	}
	for size := 4; size < len(work); size *= 2 {
		step := len(work) / (2 * size)
		for w := work; len(w) >= 2*size; w = w[2*size:] {
			low, high := w[:size], w[size:2*size]
			at := 0
			for i, a := range low {
				b := high[i] * t.roots[at]
				low[i], high[i] = a+b, a-b
				at += step
			}
		}
	}
}

// transforms are those of long and short windows.
var transforms = sync.OnceValue(func() [2]*transform {
	return [2]*transform{newTransform(Samples), newTransform(Samples / 8)}
})
