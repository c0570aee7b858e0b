package aac

import (
	"math/rand/v2"
	"slices"
	"strconv"
)

// writer makes frames bit by bit.
type writer struct {
	b []byte
	n int
}

func (w *writer) put(v, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v >> i & 1 << (7 - w.n%8))
		w.n++
	}
}

func (w *writer) align() { w.n = 8 * len(w.b) }

// word writes the word of a codebook that stands for index.
func (w *writer) word(c *codebook, index int) {
	at, word := slices.Index(c.order, uint16(index)), 0
	for n, count := range c.lengths {
		if word <<= 1; at < int(count) {
			w.put(word+at, n+1)
			return
		}
		word += int(count)
		at -= int(count)
	}
}

// maker makes frames that use all that the syntax has, as no encoder does.
type maker struct {
	writer
	r     *rand.Rand
	used  map[string]int
	short [2]bool // the last window of a channel ends with a short slope
}

func (m *maker) chance(percent int) bool { return m.r.IntN(100) < percent }

func (m *maker) flag(percent int, what string) bool {
	if !m.chance(percent) {
		m.put(0, 1)
		return false
	}
	m.put(1, 1)
	m.used[what]++
	return true
}

// frame makes a frame of one or two channels.
func (m *maker) frame(b *bands, channels int) []byte {
	m.writer = writer{}
	m.extras()
	switch {
	case channels == 1:
		m.put(elementSingle, 3)
		m.put(0, 4)
		m.channel(m.plan(b, 0), false, false)
	case m.short[0] != m.short[1] || m.chance(30):
		m.put(elementPair, 3)
		m.put(0, 5) // tag, no common window
		m.channel(m.plan(b, 0), false, false)
		m.channel(m.plan(b, 1), false, false)
	default:
		m.put(elementPair, 3)
		m.put(1, 5)
		m.common(m.plan(b, 0))
		m.short[1] = m.short[0]
	}
	m.put(elementEnd, 3)
	return m.b
}

// extras are elements that are not heard.
func (m *maker) extras() {
	if m.chance(20) {
		m.used["data"]++
		m.put(elementData, 3)
		m.put(3, 4)
		aligned := m.r.IntN(2)
		m.put(aligned, 1)
		m.put(5, 8)
		if aligned == 1 {
			m.align()
		}
		m.put(0x12345, 40)
	}
	if m.chance(20) {
		m.used["fill"]++
		m.put(elementFill, 3)
		m.put(15, 4)
		m.put(3, 8)
		for range 17 {
			m.put(0, 8)
		}
	}
}

// plan is an ics_info and what it says.
type plan struct {
	info
	written writer
}

func (m *maker) plan(b *bands, channel int) *plan {
	p := new(plan)
	sequence := []int{onlyLong, longStart}[m.r.IntN(2)]
	if m.short[channel] {
		sequence = []int{eightShort, longStop}[m.r.IntN(2)]
	}
	m.short[channel] = sequence == longStart || sequence == eightShort
	p.written.put(sequence<<1|m.r.IntN(2), 4)
	if p.written.b[0]>>5&3 == eightShort {
		p.written.put(m.r.IntN(len(b.short)), 4)
		p.written.put(m.r.IntN(128), 7)
		m.used["short windows"]++
	} else {
		p.written.put(m.r.IntN(len(b.long)), 6)
		p.written.put(0, 1)
	}
	if err := p.parse(&reader{b: p.written.b}, b); err != nil {
		panic(err)
	}
	return p
}

func (m *maker) copy(w *writer) {
	for i := range w.n {
		m.put(int(w.b[i/8]>>(7-i%8)&1), 1)
	}
}

// common makes the two channels of a pair that share their windows.
func (m *maker) common(p *plan) {
	m.copy(&p.written)
	present := m.r.IntN(3)
	m.put(present, 2)
	if present == 1 {
		m.used["sum and difference"]++
		for range p.groups * p.maxBand {
			m.put(m.r.IntN(2), 1)
		}
	}
	m.channel(p, true, false)
	// ffmpeg turns intensity upside down where the mask is for all bands; the
	// standard does not.
	m.channel(p, true, present != 2)
}

// channel makes an individual_channel_stream.
func (m *maker) channel(p *plan, known, intensity bool) {
	m.put(100, 8)
	if !known {
		m.copy(&p.written)
	}
	books := m.sections(p, intensity)
	for _, book := range books {
		switch {
		case book == bookZero:
		case book >= bookOutOfPhase:
			m.word(&scalefactors, 60+m.r.IntN(9)-4)
		default:
			m.word(&scalefactors, 60+m.r.IntN(3)-1)
		}
	}
	// What pulses do above the bands that are sent is not defined.
	share := 0
	if p.sequence != eightShort && p.offsets[p.maxBand] > p.offsets[9]+4*31 {
		share = 50
	}
	if m.flag(share, "pulses") {
		m.put(3, 2)
		m.put(m.r.IntN(10), 6)
		for range 4 {
			m.put(m.r.IntN(32), 5)
			m.put(m.r.IntN(16), 4)
		}
	}
	if m.flag(40, "noise shaping") {
		m.shaping(p)
	}
	m.put(0, 1) // gain control
	for g := range p.groups {
		for b := range p.maxBand {
			for range p.length[g] {
				m.coefficients(books[g*p.maxBand+b], int(p.offsets[b+1]-p.offsets[b]))
			}
		}
	}
}

// sections makes section_data and returns the book of each band.
func (m *maker) sections(p *plan, intensity bool) (books []int) {
	width := 5
	if p.sequence == eightShort {
		width = 3
	}
	more := 1<<width - 1
	for range p.groups {
		for b := 0; b < p.maxBand; {
			book := m.r.IntN(bookEscape + 1)
			if intensity && m.chance(20) {
				book = bookOutOfPhase + m.r.IntN(2)
			}
			m.used["book "+strconv.Itoa(book)]++
			n := 1 + m.r.IntN(p.maxBand-b)
			if n > 4 && m.chance(80) {
				n = 4
			}
			m.put(book, 4)
			left := n
			for ; left >= more; left -= more {
				m.put(more, width)
			}
			m.put(left, width)
			for range n {
				books = append(books, book)
			}
			b += n
		}
	}
	return books
}

func (m *maker) shaping(p *plan) {
	counts, lengths, orders, most := 2, 6, 5, maxOrder
	if p.sequence == eightShort {
		counts, lengths, orders, most = 1, 4, 3, maxOrderShort
	}
	for range p.windows() {
		n := m.r.IntN(1 << counts)
		m.put(n, counts)
		if n == 0 {
			continue
		}
		resolution := m.r.IntN(2)
		m.put(resolution, 1)
		for range n {
			m.put(m.r.IntN(1<<lengths), lengths)
			order := m.r.IntN(most + 1)
			m.put(order, orders)
			if order == 0 {
				continue
			}
			m.put(m.r.IntN(2), 1) // direction
			compress := m.r.IntN(2)
			m.put(compress, 1)
			width := 3 + resolution - compress
			for range order {
				// Small ones, so that the filters do not ring without end.
				m.put((m.r.IntN(3)-1)&(1<<width-1), width)
			}
		}
	}
}

// coefficients makes n coefficients of a book.
func (m *maker) coefficients(book, n int) {
	if book == bookZero || book > bookEscape {
		return
	}
	code := &spectral[book-1]
	step := 2
	if book <= 4 {
		step = 4
	}
	for ; n > 0; n -= step {
		index := m.r.IntN(len(code.order))
		m.word(code, index)
		v := valueOf(book, index)
		q := []int{int(v>>8) - 128, int(v&255) - 128}
		if book <= 4 {
			q = []int{int(v>>12) - 8, int(v>>8&15) - 8, int(v>>4&15) - 8, int(v&15) - 8}
		}
		if signedBook(book) {
			continue
		}
		for _, v := range q {
			if v != 0 {
				m.put(m.r.IntN(2), 1)
			}
		}
		for _, v := range q {
			if book != bookEscape || v != 16 {
				continue
			}
			size := 4
			if m.chance(5) {
				size += m.r.IntN(9)
			}
			m.put(1<<(size-3)-2, size-3)
			m.put(m.r.IntN(1<<size), size)
			m.used["escape of "+strconv.Itoa(size)]++
		}
	}
}

// program makes a program_config_element.
func (m *maker) program() {
	m.put(elementProgram, 3)
	m.put(0, 4)
	m.put(1, 2)
	m.put(3, 4)
	m.put(1, 4) // front
	m.put(0, 8)
	m.put(1, 2) // effects
	m.put(0, 3)
	m.put(1, 4) // coupling
	m.put(1, 1)
	m.put(5, 4) // mono mixdown
	m.put(0, 1)
	m.put(1, 1)
	m.put(3, 3) // matrix mixdown
	m.put(0, 5+5+4)
	m.align()
	m.put(2, 8)
	m.put(0x6869, 16)
}

// couple makes a coupling_channel_element for a pair.
func (m *maker) couple(b *bands, independent int) {
	m.put(elementCoupling, 3)
	m.put(0, 4)
	m.put(independent, 1)
	m.put(0, 3)
	m.put(1, 1)
	m.put(0, 4)
	m.put(3, 2) // left and right, each with gains of its own
	m.put(0, 4)
	p := m.plan(b, 1)
	m.put(100, 8)
	m.copy(&p.written)
	books := m.sections(p, false)
	for _, book := range books {
		if book != bookZero {
			m.word(&scalefactors, 60)
		}
	}
	m.put(0, 3)
	for g := range p.groups {
		for i := range p.maxBand {
			for range p.length[g] {
				m.coefficients(books[g*p.maxBand+i], int(p.offsets[i+1]-p.offsets[i]))
			}
		}
	}
	if independent == 1 {
		m.word(&scalefactors, 70)
		return
	}
	m.put(0, 1) // gains for every band
	for _, book := range books {
		if book != bookZero {
			m.word(&scalefactors, 50)
		}
	}
}
