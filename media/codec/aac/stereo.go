package aac

import "math"

// msMask says which bands of a pair of channels are sent as sum and difference.
type msMask struct {
	present uint32 // 0: none, 1: those in used, 2: all
	used    [8][maxBands]bool
}

func (m *msMask) parse(r *reader, f *info) error {
	m.present = r.read(2)
	if m.present == 3 {
		return broken("a mask that is not defined")
	}
	for g := range f.groups {
		for b := range f.maxBand {
			m.used[g][b] = m.present == 2 || m.present == 1 && r.flag()
		}
	}
	return nil
}

// apply makes left and right of sum and difference, and the right of the left
// where only its direction is sent (ISO/IEC 14496-3 §4.6.8.1 and §4.6.8.2).
func (m *msMask) apply(left, right *channel) {
	f, t := &left.info, powerTables()
	first := 0
	for g := range f.groups {
		for b := range f.maxBand {
			from, to := int(f.offsets[b]), int(f.offsets[b+1])
			side := right.book[g][b]
			for w := first; w < first+f.length[g]; w++ {
				l := left.spec[w*f.width+from : w*f.width+to]
				r := right.spec[w*f.width+from : w*f.width+to]
				switch {
				case side == bookInPhase || side == bookOutOfPhase:
					by := t.power(-int(right.scales[g][b]))
					if (side == bookOutOfPhase) != (m.present == 1 && m.used[g][b]) {
						by = -by
					}
					for i, v := range l {
						r[i] = v * by
					}
				case m.used[g][b] && m.present > 0 && side != bookNoise && left.book[g][b] < bookNoise:
					for i, v := range l {
						l[i], r[i] = v+r[i], v-r[i]
					}
				}
			}
		}
		first += f.length[g]
	}
}

// noise fills the bands that are sent as their energy only (§4.6.13). Where a
// mask says so, it is the noise of the channel other.
func (d *Decoder) noise(c, other *channel, m *msMask) {
	f, t := &c.info, powerTables()
	first := 0
	for g := range f.groups {
		for b := range f.maxBand {
			if c.book[g][b] != bookNoise {
				continue
			}
			same := m != nil && m.present > 0 && m.used[g][b] && other.book[g][b] == bookNoise
			from, to := int(f.offsets[b]), int(f.offsets[b+1])
			for w := first; w < first+f.length[g]; w++ {
				spec := c.spec[w*f.width+from : w*f.width+to]
				if same {
					by := t.power(int(c.scales[g][b]) - int(other.scales[g][b]))
					for i, v := range other.spec[w*f.width+from : w*f.width+to] {
						spec[i] = v * by
					}
					continue
				}
				var sum float32
				for i := range spec {
					d.random = d.random*1664525 + 1013904223
					v := float32(int32(d.random)) / (1 << 31)
					spec[i] = v
					sum += v * v
				}
				by := t.power(int(c.scales[g][b])) / float32(math.Sqrt(float64(sum)))
				for i := range spec {
					spec[i] *= by
				}
			}
		}
		first += f.length[g]
	}
}
