package aac

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

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
