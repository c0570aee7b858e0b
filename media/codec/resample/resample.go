// Package resample changes the sampling rate of PCM as it flows, with a
// polyphase filter: between any two of the rates from 8 to 96 kHz that codecs
// have.
package resample

import (
	"errors"
	"math"
)

// ErrRate says that a rate or a number of channels is not one of those that
// New takes.
var ErrRate = errors.New("resample: unknown rate or number of channels")

const (
	// taps is the length of the filter of each phase when the rate rises; when
	// it falls the filter grows with it, since it must cut lower.
	taps = 48
	// beta shapes the Kaiser window: about 90 dB of what must not be there.
	beta = 9
	// cutoff is where the filter starts to cut, as a part of the lower Nyquist
	// frequency.
	cutoff = 0.93
)

// Resampler converts a stream. It is for one goroutine at a time.
type Resampler struct {
	up, down int // the ratio of the rates, in lowest terms
	channels int
	width    int       // taps per phase
	filter   []float32 // up phases of width taps, each in the order of history
	history  []float32 // per channel: width-1 samples of the past and room for a piece
	filled   int       // samples in the history of each channel
	phase    int       // of the next output, 0 to up-1
	skip     int       // samples of input that the next output is ahead
}

// piece is how many samples per channel are taken at once, which bounds the
// memory of the history.
const piece = 1024

// New returns a Resampler from one rate to another, in hertz, for interleaved
// PCM of 1 or 2 channels.
func New(from, to, channels int) (*Resampler, error) {
	if !known(from) || !known(to) || channels < 1 || channels > 2 {
		return nil, ErrRate
	}
	d := gcd(from, to)
	r := &Resampler{up: to / d, down: from / d, channels: channels, width: taps}
	if r.up == r.down {
		return r, nil
	}
	if r.down > r.up {
		r.width = (taps*r.down/r.up + 7) &^ 7
	}
	r.filter = design(r.up, r.width, cutoff*min(1, float64(r.up)/float64(r.down)))
	r.history = make([]float32, channels*(r.width-1+piece))
	r.filled = r.width - 1
	return r, nil
}

func known(rate int) bool {
	switch rate {
	case 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000:
		return true
	}
	return false
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// MaxOut returns the most samples, of all channels together, that Process
// appends for n samples of input.
func (r *Resampler) MaxOut(n int) int {
	return ((n/r.channels)*r.up/r.down + 1) * r.channels
}

// Process appends the converted src, interleaved and whole in its channels, to
// dst and returns it. It allocates nothing where dst has MaxOut(len(src)) of
// room. The sound is late by half the length of the filter, see Delay.
func (r *Resampler) Process(dst, src []int16) []int16 {
	if r.up == r.down {
		return append(dst, src...)
	}
	for len(src) > 0 {
		n := min(len(src)/r.channels, piece)
		if n == 0 {
			return dst
		}
		r.take(src[:n*r.channels])
		src = src[n*r.channels:]
		dst = r.put(dst)
		r.keep()
	}
	return dst
}

// Delay returns by how many samples of the output the sound is late.
func (r *Resampler) Delay() float64 {
	if r.up == r.down {
		return 0
	}
	return float64(r.width) / 2 * float64(r.up) / float64(r.down)
}

// Reset forgets the past, for a stream that starts anew.
func (r *Resampler) Reset() {
	clear(r.history)
	r.filled, r.phase, r.skip = max(r.width-1, 0), 0, 0
}

// line returns the history of a channel.
func (r *Resampler) line(c int) []float32 {
	n := r.width - 1 + piece
	return r.history[c*n : (c+1)*n]
}

// take puts src behind the history of each channel.
func (r *Resampler) take(src []int16) {
	n := len(src) / r.channels
	for c := range r.channels {
		line := r.line(c)[r.filled : r.filled+n]
		if r.channels == 1 {
			for i, v := range src {
				line[i] = float32(v)
			}
			continue
		}
		for i := range line {
			line[i] = float32(src[2*i+c])
		}
	}
	r.filled += n
}

// put appends every output that the history holds the input of.
func (r *Resampler) put(dst []int16) []int16 {
	at, phase := r.skip, r.phase
	for at+r.width <= r.filled {
		h := r.filter[phase*r.width : (phase+1)*r.width]
		for c := range r.channels {
			dst = append(dst, clamp(dot(r.line(c)[at:at+r.width], h)))
		}
		phase += r.down
		for phase >= r.up {
			phase -= r.up
			at++
		}
	}
	r.skip, r.phase = at, phase
	return dst
}

// keep moves what the next outputs need to the front of the history.
func (r *Resampler) keep() {
	drop := min(r.skip, r.filled-(r.width-1))
	for c := range r.channels {
		line := r.line(c)
		copy(line, line[drop:r.filled])
	}
	r.filled -= drop
	r.skip -= drop
}

// dot is where the time goes: four sums, so that they need not wait for each
// other. The widths are multiples of 8.
func dot(x, h []float32) float32 {
	x = x[:len(h)]
	var a, b, c, d float32
	for i := 0; i+3 < len(h); i += 4 {
		x4, h4 := x[i:i+4:i+4], h[i:i+4:i+4]
		a += x4[0] * h4[0]
		b += x4[1] * h4[1]
		c += x4[2] * h4[2]
		d += x4[3] * h4[3]
	}
	return (a + b) + (c + d)
}

func clamp(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v >= 0:
		return int16(v + 0.5)
	}
	return int16(v - 0.5)
}

// design returns a low-pass filter, a sinc in a Kaiser window, in phases: the
// phase p weighs the samples around a point that lies p/up behind one of them.
// Each phase is scaled to let a constant through unchanged.
func design(up, width int, cut float64) []float32 {
	filter := make([]float32, up*width)
	for p := range up {
		h, sum := make([]float64, width), 0.0
		for k := range width {
			// The newest sample weighed is width/2 - p/up ahead of the point.
			x := float64(k) - float64(width)/2 + 1 - float64(p)/float64(up)
			h[k] = sinc(cut*x) * kaiser(x/(float64(width)/2))
			sum += h[k]
		}
		for k := range width {
			filter[p*width+k] = float32(h[k] / sum)
		}
	}
	return filter
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x, -1 to 1.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}
