package aac

// The codebooks that are none (ISO/IEC 14496-3 table 4.151).
const (
	bookZero       = 0
	bookEscape     = 11
	bookReserved   = 12
	bookNoise      = 13
	bookOutOfPhase = 14 // intensity, the right channel upside down
	bookInPhase    = 15 // intensity
)

// channel is one channel: what one frame says of it, and what the next one
// needs of this.
type channel struct {
	info info
	gain int
	book [8][maxBands]uint8 // by group and band
	// scales holds the scalefactor of each band, or its intensity position, or
	// the energy of its noise.
	scales [8][maxBands]int16
	pulses pulses
	tns    [8]shaping     // by window
	quant  [Samples]int32 // window after window
	spec   [Samples]float32

	before uint8 // shape of the last frame's window
	window window
	merged bool // another channel carries its spectrum, too
}

// pulses are added to single coefficients (table 4.7).
type pulses struct {
	n      int
	band   int
	offset [4]int
	height [4]int32
}

// parse reads an individual_channel_stream (table 4.44). known says that info
// is there already.
func (c *channel) parse(r *reader, d *Decoder, known bool) error {
	c.gain = int(r.read(8))
	if !known {
		if err := c.info.parse(r, d.bands); err != nil {
			return err
		}
	}
	if err := c.sections(r); err != nil {
		return err
	}
	if err := c.scalefactors(r, d.books.scale); err != nil {
		return err
	}
	c.pulses.n = 0
	if r.flag() {
		if err := c.parsePulses(r); err != nil {
			return err
		}
	}
	for w := range c.info.windows() {
		c.tns[w].n = 0
	}
	if r.flag() {
		if err := c.parseShaping(r); err != nil {
			return err
		}
	}
	if r.flag() {
		return broken("gain control")
	}
	if err := c.coefficients(r, d.books); err != nil {
		return err
	}
	if r.over() {
		return broken("it is cut off")
	}
	return c.addPulses()
}

// sections reads section_data (table 4.46): which codebook each band uses.
func (c *channel) sections(r *reader) error {
	f := &c.info
	width := 5
	if f.sequence == eightShort {
		width = 3
	}
	more := 1<<width - 1
	for g := range f.groups {
		for b := 0; b < f.maxBand; {
			book := uint8(r.read(4))
			end := b
			for {
				n := int(r.read(width))
				end += n
				if end > f.maxBand || r.over() {
					return broken("sections")
				}
				if n != more {
					break
				}
			}
			if book == bookReserved {
				return broken("a codebook that is not defined")
			}
			for ; b < end; b++ {
				c.book[g][b] = book
			}
		}
	}
	return nil
}

// scalefactors reads scale_factor_data (table 4.47 and §4.6.2.3).
func (c *channel) scalefactors(r *reader, book *book) error {
	scale, position, energy := c.gain, 0, c.gain-90
	first := true // the first energy is not a difference
	for g := range c.info.groups {
		for b := range c.info.maxBand {
			var v int
			switch c.book[g][b] {
			case bookZero:
			case bookInPhase, bookOutOfPhase:
				position += int(book.next(r)) - 60
				v = position
			case bookNoise:
				if first {
					energy += int(r.read(9)) - 256
					first = false
				} else {
					energy += int(book.next(r)) - 60
				}
				v = energy
			default:
				scale += int(book.next(r)) - 60
				if scale < 0 || scale > 255 {
					return broken("a scalefactor out of range")
				}
				v = scale
			}
			if v < -powerRange || v > powerRange {
				return broken("a scalefactor out of range")
			}
			c.scales[g][b] = int16(v)
		}
	}
	return nil
}

func (c *channel) parsePulses(r *reader) error {
	if c.info.sequence == eightShort {
		return broken("pulses in short windows")
	}
	p := &c.pulses
	p.n = int(r.read(2)) + 1
	p.band = int(r.read(6))
	for i := range p.n {
		p.offset[i], p.height[i] = int(r.read(5)), int32(r.read(4))
	}
	if p.band >= len(c.info.offsets)-1 {
		return broken("pulses out of range")
	}
	return nil
}

// addPulses makes coefficients larger (§4.6.3.3).
func (c *channel) addPulses() error {
	if c.pulses.n == 0 {
		return nil
	}
	k := int(c.info.offsets[c.pulses.band])
	for i := range c.pulses.n {
		k += c.pulses.offset[i]
		if k >= Samples {
			return broken("pulses out of range")
		}
		if c.quant[k] > 0 {
			c.quant[k] += c.pulses.height[i]
		} else {
			c.quant[k] -= c.pulses.height[i]
		}
	}
	return nil
}
