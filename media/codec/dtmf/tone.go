package dtmf

import (
	"math"
	"strings"
	"time"
)

// rows and columns are the frequencies of ITU-T Q.23, in hertz.
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
	keys    = [4]string{"123A", "456B", "789C", "*0#D"}
)

// amplitude of each of the two tones: -9 dB below full scale together, so that
// nothing clips.
const amplitude = 32767 / 6

// Generator makes the tones of digits. One goroutine at a time.
type Generator struct {
	digits      string
	rate        int
	tone, pause int // samples
	at          int // sample within the digit and its pause
}

// NewGenerator returns a Generator of digits at a sampling rate in hertz. Each
// sounds for tone and is followed by silence for pause.
func NewGenerator(digits string, rate int, tone, pause time.Duration) (*Generator, error) {
	digits, err := clean(digits)
	if err != nil {
		return nil, err
	}
	samples := func(d time.Duration) int { return int(d * time.Duration(rate) / time.Second) }
	return &Generator{digits: digits, rate: rate, tone: samples(tone), pause: samples(pause)}, nil
}

// Fill writes the next samples of one channel to pcm and returns how many
// there were: less than len(pcm) when the digits have ended.
func (g *Generator) Fill(pcm []int16) int {
	for i := range pcm {
		for len(g.digits) > 0 && g.at >= g.tone+g.pause {
			g.digits, g.at = g.digits[1:], 0
		}
		if len(g.digits) == 0 {
			return i
		}
		pcm[i] = g.sample()
		g.at++
	}
	return len(pcm)
}

func (g *Generator) sample() int16 {
	if g.at >= g.tone {
		return 0
	}
	for r, row := range keys {
		if c := strings.IndexByte(row, g.digits[0]); c >= 0 {
			w := 2 * math.Pi * float64(g.at) / float64(g.rate)
			return int16(amplitude * (math.Sin(w*rows[r]) + math.Sin(w*columns[c])))
		}
	}
	return 0
}

// The limits of the detector, after ITU-T Q.24.
const (
	blocksPerSecond = 8000.0 / 102 // a block is 12.75 ms
	// minAmplitude is what each of the two tones must have, about -40 dB.
	minAmplitude = 300.0
	// twist is how much stronger the column may be (8 dB), backTwist the row
	// (4 dB), as powers.
	twist, backTwist = 6.3, 2.5
	// alone is how much stronger a tone is than the others of its group, as
	// powers: 8 dB.
	alone = 6.3
	// purity is the part of all power in a block that the two tones have:
	// speech has its power in many places.
	purity = 0.74
	// onBlocks in a row with the same digit make a press: a tone of 40 ms
	// always has them and one of 23 ms never. offBlocks without it end it.
	onBlocks, offBlocks = 2, 2
)

// Detector finds digits that sound in PCM. One goroutine at a time.
type Detector struct {
	size   int        // samples per block
	coeff  [8]float64 // rows, then columns
	s1, s2 [8]float64
	power  float64
	at     int

	last    byte // digit of the last block, 0 for none
	same    int  // blocks with it in a row
	pressed byte // digit of the press that goes on
	off     int  // blocks in a row without the pressed digit
}

// NewDetector returns a Detector for PCM of one channel at rate, 8000 Hz or
// more.
func NewDetector(rate int) *Detector {
	d := &Detector{size: int(float64(rate) / blocksPerSecond)}
	for i := range 4 {
		d.coeff[i] = 2 * math.Cos(2*math.Pi*rows[i]/float64(rate))
		d.coeff[4+i] = 2 * math.Cos(2*math.Pi*columns[i]/float64(rate))
	}
	return d
}

// Process takes the next samples and appends the digits whose press is found
// in them to digits, each once however long it sounds.
func (d *Detector) Process(digits []byte, pcm []int16) []byte {
	for len(pcm) > 0 {
		n := min(d.size-d.at, len(pcm))
		d.add(pcm[:n])
		pcm = pcm[n:]
		if d.at < d.size {
			break
		}
		if digit := d.judge(); digit != 0 {
			digits = append(digits, digit)
		}
	}
	return digits
}

// add runs the eight filters of Goertzel over a part of a block.
func (d *Detector) add(pcm []int16) {
	for _, v := range pcm {
		d.power += float64(v) * float64(v)
	}
	for i, c := range d.coeff {
		s1, s2 := d.s1[i], d.s2[i]
		for _, v := range pcm {
			s1, s2 = float64(v)+c*s1-s2, s1
		}
		d.s1[i], d.s2[i] = s1, s2
	}
	d.at += len(pcm)
}

// judge ends a block and returns the digit whose press it starts, or 0.
func (d *Detector) judge() byte {
	digit := d.digit()
	d.s1, d.s2, d.power, d.at = [8]float64{}, [8]float64{}, 0, 0
	if digit != d.last {
		d.last, d.same = digit, 0
	}
	d.same++
	if d.pressed != 0 {
		if digit == d.pressed {
			d.off = 0
			return 0
		}
		if d.off++; d.off >= offBlocks {
			d.pressed = 0
		}
	}
	if digit == 0 || d.same < onBlocks || digit == d.pressed {
		return 0
	}
	d.pressed, d.off = digit, 0
	return digit
}

// digit is what one block holds.
func (d *Detector) digit() byte {
	var p [8]float64 // power of each tone as the square of its amplitude
	scale := 4 / float64(d.size*d.size)
	for i, c := range d.coeff {
		p[i] = (d.s1[i]*d.s1[i] + d.s2[i]*d.s2[i] - c*d.s1[i]*d.s2[i]) * scale
	}
	row, rowAlone := strongest(p[:4])
	col, colAlone := strongest(p[4:])
	r, c := p[row], p[4+col]
	switch {
	case r < minAmplitude*minAmplitude || c < minAmplitude*minAmplitude,
		c > r*twist || r > c*backTwist,
		!rowAlone || !colAlone,
		(r+c)/2*float64(d.size) < purity*d.power:
		return 0
	}
	return keys[row][col]
}

// strongest returns the index of the strongest tone of a group and whether no
// other comes near it.
func strongest(p []float64) (best int, lone bool) {
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	for i := range p {
		if i != best && p[i]*alone > p[best] {
			return best, false
		}
	}
	return best, true
}
