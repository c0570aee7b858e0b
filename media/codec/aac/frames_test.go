package aac

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
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

// withHeader puts an ADTS header before a frame (ISO/IEC 13818-7 §6.2).
func withHeader(rate, channels int, frame []byte) []byte {
	p := mpeg4audio.ADTSPackets{{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: uint8(channels), ChannelCount: channels, AU: frame}}
	b, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// TestEverythingOfTheSyntax holds the decoder against ffmpeg's on frames that no
// encoder makes: all codebooks, all windows in any order, pulses, all filters.
func TestEverythingOfTheSyntax(t *testing.T) {
	used := make(map[string]int)
	for i, c := range []struct{ rate, channels int }{
		{96000, 2}, {64000, 1}, {48000, 2}, {44100, 1}, {32000, 2}, {22050, 2}, {16000, 1}, {8000, 2},
	} {
		m := &maker{r: rand.New(rand.NewPCG(uint64(i), 1)), used: used}
		var adts []byte
		for range 40 {
			adts = append(adts, withHeader(c.rate, c.channels, m.frame(bandsAt(c.rate), c.channels))...)
		}
		s := parsed(t, adts)
		want := s.reference(t)
		if len(want) != 40*Samples*c.channels {
			t.Errorf("ffmpeg makes %d samples", len(want))
		}
		for ch := range c.channels {
			if d := snr(want, c.channels, ch, s.decoded(t, ch)); d < exact {
				t.Errorf("%d Hz, channel %d: %.1f dB", c.rate, ch, d)
			}
		}
	}
	for _, what := range []string{"book 1", "book 2", "book 3", "book 4", "book 5", "book 6", "book 7", "book 8", "book 9", "book 10", "book 11",
		"book 14", "book 15", "escape of 12", "pulses", "noise shaping", "short windows", "sum and difference", "data", "fill"} {
		if used[what] == 0 {
			t.Errorf("%s: not used", what)
		}
	}
}

// TestCodebooks: of every code each index has one word, and there is no gap.
func TestCodebooks(t *testing.T) {
	codes := append(slices.Clone(spectral[:]), scalefactors)
	for n, size := range []int{81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289, 121} {
		c := codes[n]
		space, words := 0.0, 0
		for i, count := range c.lengths {
			space += math.Exp2(float64(-i-1)) * float64(count)
			words += int(count)
		}
		sorted := slices.Clone(c.order)
		slices.Sort(sorted)
		if space != 1 || words != size || len(c.order) != size || len(slices.Compact(sorted)) != size || int(sorted[size-1]) != size-1 {
			t.Errorf("book %d: %d words fill %g", n+1, words, space)
		}
	}
}

// TestTheTransform holds it against its definition.
func TestTheTransform(t *testing.T) {
	for _, tr := range transforms() {
		n := tr.n
		x, in := make([]float32, n), make([]float32, n)
		r := rand.New(rand.NewPCG(7, 8))
		for i := range x {
			x[i] = r.Float32() - 0.5
		}
		copy(in, x)
		tr.cosine(x, make([]complex64, n/2))
		for m := range n {
			want := 0.0
			for k, v := range in {
				want += float64(v) * math.Cos(math.Pi/float64(n)*(float64(m)+0.5)*(float64(k)+0.5))
			}
			if d := want/float64(n) - float64(x[m]); math.Abs(d) > 1e-6 {
				t.Fatalf("%d points: value %d is wrong by %g", n, m, d)
			}
		}
	}
}

// TestWhatIsNotHeard: other elements change nothing.
func TestWhatIsNotHeard(t *testing.T) {
	b := bandsAt(48000)
	config := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 1}
	plain, err := NewDecoder(config)
	if err != nil {
		t.Fatal(err)
	}
	mixed, _ := NewDecoder(config)
	m := &maker{r: rand.New(rand.NewPCG(9, 9)), used: make(map[string]int)}
	for i := range 10 {
		// The channel alone, then among others.
		m.writer = writer{}
		m.put(elementSingle, 3)
		m.put(0, 4)
		m.channel(m.plan(b, 0), false, false)
		sound := m.writer
		m.put(elementEnd, 3)
		want, err := plain.Decode(nil, m.b)
		if err != nil {
			t.Fatal(err)
		}
		m.writer = writer{}
		m.program()
		m.extras()
		m.put(elementLFE, 3)
		m.put(0, 4)
		m.channel(m.plan(b, 1), false, false)
		m.copy(&sound)
		m.couple(b, i%2)
		m.put(elementEnd, 3)
		got, err := mixed.Decode(nil, m.b)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want, got) {
			t.Fatalf("frame %d sounds otherwise", i)
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

func FuzzDecode(f *testing.F) {
	for channels := 1; channels <= 2; channels++ {
		m := &maker{r: rand.New(rand.NewPCG(1, uint64(channels))), used: make(map[string]int)}
		for range 8 {
			f.Add(m.frame(bandsAt(48000), channels), uint8(2*channels))
		}
	}
	rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
	f.Fuzz(func(t *testing.T, frame []byte, how uint8) {
		d, err := NewDecoder(&mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rates[int(how)/8%len(rates)], ChannelConfig: how % 8})
		if err != nil {
			t.Fatal(err)
		}
		var pcm []int16
		for range 2 {
			before := len(pcm)
			pcm, err = d.Decode(pcm, frame)
			if (err == nil) != (len(pcm) == before+Samples) {
				t.Fatalf("%d samples and %v", len(pcm)-before, err)
			}
		}
	})
}
