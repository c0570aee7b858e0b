package aac

import (
	"math"
	"sync"
)

// window is how a frame of one channel is windowed.
type window struct {
	sequence uint8
	left     uint8 // shape of the left half, which is that of the frame before
	right    uint8
}

// filterBank turns spectra into sound.
type filterBank struct {
	long, short *transform
	slopes      *slopes
	work        [Samples / 2]complex64
}

func newFilterBank() *filterBank {
	t := transforms()
	return &filterBank{long: t[0], short: t[1], slopes: allSlopes()}
}

// Where the slope of a start or stop window begins, and how long it is.
const (
	shortSize = Samples / 8
	flat      = (Samples - shortSize) / 2
)

// add adds the windowed sound of spec to time: the first half completes the
// frame before, the second half waits for the next one. spec is used up.
func (f *filterBank) add(time *[2 * Samples]float32, spec *[Samples]float32, w window) {
	left, right := time[:Samples], time[Samples:]
	if w.sequence == eightShort {
		shape := w.left
		for i := range 8 {
			x := spec[i*shortSize : (i+1)*shortSize]
			f.short.cosine(x, f.work[:])
			at := flat + i*shortSize
			rise(time[at:at+shortSize], x, f.slopes.short[shape&1][:])
			fall(time[at+shortSize:at+2*shortSize], x, f.slopes.short[w.right&1][:])
			shape = w.right
		}
		return
	}
	f.long.cosine(spec[:], f.work[:])
	if w.sequence == longStop {
		riseLate(left, spec[:], f.slopes.short[w.left&1][:])
	} else {
		rise(left, spec[:], f.slopes.long[w.left&1][:])
	}
	if w.sequence == longStart {
		fallLate(right, spec[:], f.slopes.short[w.right&1][:])
	} else {
		fall(right, spec[:], f.slopes.long[w.right&1][:])
	}
}

// rise adds the first half of what the transform unfolds to (ISO/IEC 14496-3
// §4.6.11.3): its second half, and that backwards and upside down.
func rise(time, x, slope []float32) {
	n := len(x)
	half := n / 2
	time, slope = time[:n], slope[:n]
	for i := range half {
		v := x[half+i]
		time[i] += v * slope[i]
		time[n-1-i] -= v * slope[n-1-i]
	}
}

// fall adds the second half: the first half of x upside down and backwards, and
// upside down.
func fall(time, x, slope []float32) {
	n := len(x)
	half := n / 2
	time, slope = time[:n], slope[:n]
	for i := range half {
		v := x[i]
		time[half-1-i] -= v * slope[n-1-(half-1-i)]
		time[half+i] -= v * slope[n-1-(half+i)]
	}
}

// riseLate is rise with a short slope: nothing, the slope, and one.
func riseLate(time, x, slope []float32) {
	for i := flat; i < Samples; i++ {
		var v float32
		if i < Samples/2 {
			v = x[Samples/2+i]
		} else {
			v = -x[3*Samples/2-1-i]
		}
		if i < flat+shortSize {
			v *= slope[i-flat]
		}
		time[i] += v
	}
}

// fallLate is fall with a short slope: one, the slope, and nothing.
func fallLate(time, x, slope []float32) {
	for i := range flat + shortSize {
		var v float32
		if i < Samples/2 {
			v = -x[Samples/2-1-i]
		} else {
			v = -x[i-Samples/2]
		}
		if i >= flat {
			v *= slope[shortSize-1-(i-flat)]
		}
		time[i] += v
	}
}

// slopes are the rising halves of the windows, by shape (§4.6.11.3.2).
type slopes struct {
	long  [2][Samples]float32
	short [2][shortSize]float32
}

var allSlopes = sync.OnceValue(func() *slopes {
	s := new(slopes)
	sine(s.long[0][:])
	sine(s.short[0][:])
	kaiser(s.long[1][:], 4)
	kaiser(s.short[1][:], 6)
	return s
})

func sine(w []float32) {
	for i := range w {
		w[i] = float32(math.Sin(math.Pi / float64(2*len(w)) * (float64(i) + 0.5)))
	}
}

// kaiser makes a Kaiser-Bessel derived window.
func kaiser(w []float32, alpha float64) {
	n := len(w)
	sums, sum := make([]float64, n), 0.0
	for i := range n + 1 {
		x := 2*float64(i)/float64(n) - 1
		sum += bessel(math.Pi * alpha * math.Sqrt(1-x*x))
		if i < n {
			sums[i] = sum
		}
	}
	for i := range w {
		w[i] = float32(math.Sqrt(sums[i] / sum))
	}
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-14; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}
