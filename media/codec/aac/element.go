package aac

// skipData leaves out a data_stream_element (ISO/IEC 14496-3 table 4.10).
func skipData(r *reader) {
	r.skip(4) // instance tag
	aligned := r.flag()
	n := int(r.read(8))
	if n == 255 {
		n += int(r.read(8))
	}
	if aligned {
		r.align()
	}
	r.skipBytes(n)
}

// skipFill leaves out a fill_element (table 4.11), such as the data of spectral
// band replication.
func skipFill(r *reader) {
	n := int(r.read(4))
	if n == 15 {
		n += int(r.read(8)) - 1
	}
	r.skipBytes(n)
}

// skipProgram leaves out a program_config_element (table 4.2): channels are
// mixed in the order in which they come, wherever their loudspeakers stand.
func skipProgram(r *reader) {
	r.skip(4 + 2 + 4) // instance tag, object type, rate
	front, side, back := int(r.read(4)), int(r.read(4)), int(r.read(4))
	lfe, assoc, coupling := int(r.read(2)), int(r.read(3)), int(r.read(4))
	if r.flag() { // mono mixdown
		r.skip(4)
	}
	if r.flag() { // stereo mixdown
		r.skip(4)
	}
	if r.flag() { // matrix mixdown
		r.skip(3)
	}
	for range front + side + back + coupling {
		r.skip(5)
	}
	for range lfe + assoc {
		r.skip(4)
	}
	r.align()
	r.skipBytes(int(r.read(8))) // a comment
}

// coupling parses a coupling_channel_element (table 4.8) and forgets it:
// encoders of low complexity streams do not make any that matter.
func (d *Decoder) coupling(r *reader) error {
	r.skip(4) // instance tag
	independent := r.flag()
	targets := int(r.read(3)) + 1
	lists := 0
	for range targets {
		lists++
		pair := r.flag()
		r.skip(4) // tag of the target
		if pair && r.read(2) == 3 {
			lists++
		}
	}
	r.skip(1 + 1 + 2) // domain, sign and scale of the gains
	c := &d.spare
	if err := c.parse(r, d, false); err != nil {
		return err
	}
	for range lists - 1 {
		if independent || r.flag() {
			d.books.scale.next(r)
			continue
		}
		for g := range c.info.groups {
			for b := range c.info.maxBand {
				if c.book[g][b] != bookZero {
					d.books.scale.next(r)
				}
			}
		}
	}
	return nil
}
