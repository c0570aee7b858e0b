package aac

import "math"

// maxOrder is the highest order of a filter in long windows, and in short ones
// (ISO/IEC 14496-3 table 4.155).
const (
	maxOrder      = 12
	maxOrderShort = 7
)

// shaping is temporal noise shaping of one window: filters over parts of its
// spectrum.
type shaping struct {
	n       int
	filters [3]struct {
		bands int // below the last filter's
		order int
		down  bool                  // runs from high coefficients to low ones
		lpc   [maxOrder + 1]float32 // from 1
	}
}

// parseShaping reads tns_data (table 4.48).
func (c *channel) parseShaping(r *reader) error {
	count, length, orders, most := 2, 6, 5, maxOrder
	if c.info.sequence == eightShort {
		count, length, orders, most = 1, 4, 3, maxOrderShort
	}
	for w := range c.info.windows() {
		s := &c.tns[w]
		s.n = int(r.read(count))
		if s.n == 0 {
			continue
		}
		resolution := int(r.read(1)) + 3
		for i := range s.n {
			f := &s.filters[i]
			f.bands = int(r.read(length))
			f.order = int(r.read(orders))
			if f.order > most {
				return broken("a filter of too high an order")
			}
			if f.order == 0 {
				continue
			}
			f.down = r.flag()
			width := resolution - int(r.read(1))
			var reflection [maxOrder]float64
			for k := range f.order {
				reflection[k] = inverse(r.read(width), width, resolution)
			}
			predictor(&f.lpc, reflection[:f.order])
		}
	}
	return nil
}

// inverse quantises a reflection coefficient, a signed number of width bits,
// back (§4.6.9.3).
func inverse(v uint32, width, resolution int) float64 {
	n := float64(int32(v<<(32-uint(width))) >> (32 - uint(width)))
	half := float64(int(1) << (resolution - 1))
	if n >= 0 {
		return math.Sin(n * math.Pi / 2 / (half - 0.5))
	}
	return math.Sin(n * math.Pi / 2 / (half + 0.5))
}

// predictor makes the coefficients of a linear predictor of reflections.
func predictor(lpc *[maxOrder + 1]float32, reflection []float64) {
	var a, b [maxOrder + 1]float64
	for m, k := range reflection {
		m++
		for i := 1; i < m; i++ {
			b[i] = a[i] + k*a[m-i]
		}
		copy(a[1:m], b[1:m])
		a[m] = k
	}
	for i := range a {
		lpc[i] = float32(a[i])
	}
}

// shapeNoise runs the filters (§4.6.9.3).
func (c *channel) shapeNoise() {
	f := &c.info
	last := len(f.offsets) - 1
	limit := min(f.tnsBands, f.maxBand)
	for w := range f.windows() {
		s := &c.tns[w]
		bottom := last
		for i := range s.n {
			filter := &s.filters[i]
			top := bottom
			bottom = max(top-filter.bands, 0)
			if filter.order == 0 {
				continue
			}
			from, to := int(f.offsets[min(bottom, limit)]), int(f.offsets[min(top, limit)])
			if from < to {
				filtered(c.spec[w*f.width+from:w*f.width+to], filter.lpc[1:filter.order+1], filter.down)
			}
		}
	}
}

// filtered runs the all-pole filter 1/(1+lpc) over spec.
func filtered(spec, lpc []float32, down bool) {
	n := len(spec)
	for i := range n {
		at, step := i, -1
		if down {
			at, step = n-1-i, 1
		}
		v := spec[at]
		for k, a := range lpc[:min(len(lpc), i)] {
			v -= a * spec[at+step*(k+1)]
		}
		spec[at] = v
	}
}
