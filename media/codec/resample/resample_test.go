package resample

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

var rates = []int{8000, 16000, 22050, 24000, 32000, 44100, 48000}

func tone(rate, hz, samples, channels int) []int16 {
	pcm := make([]int16, samples*channels)
	for i := range samples {
		for c := range channels {
			pcm[i*channels+c] = int16(math.Round(20000 * math.Sin(2*math.Pi*float64(hz*(c+1))*float64(i)/float64(rate))))
		}
	}
	return pcm
}

// snr fits a tone of hz to one channel of pcm and compares it with what is
// left, in decibels.
func snr(pcm []int16, channel, channels, rate, hz int) float64 {
	var ss, cc, sc, sx, cx float64
	n := len(pcm) / channels
	at := func(i int) (x, s, c float64) {
		w := 2 * math.Pi * float64(hz) * float64(i) / float64(rate)
		return float64(pcm[i*channels+channel]), math.Sin(w), math.Cos(w)
	}
	for i := range n {
		x, s, c := at(i)
		ss, cc, sc, sx, cx = ss+s*s, cc+c*c, sc+s*c, sx+s*x, cx+c*x
	}
	det := ss*cc - sc*sc
	a, b := (sx*cc-cx*sc)/det, (cx*ss-sx*sc)/det
	var signal, noise float64
	for i := range n {
		x, s, c := at(i)
		fit := a*s + b*c
		signal, noise = signal+fit*fit, noise+(x-fit)*(x-fit)
	}
	return 10 * math.Log10(signal/noise)
}

func TestATonePassesClean(t *testing.T) {
	for _, from := range rates {
		for _, to := range rates {
			for channels := 1; channels <= 2; channels++ {
				t.Run(fmt.Sprintf("%d to %d, %d channels", from, to, channels), func(t *testing.T) {
					r, err := New(from, to, channels)
					if err != nil {
						t.Fatal(err)
					}
					in := tone(from, 1000, from/5, channels)
					var out []int16
					// Pieces of odd lengths, as packets come.
					for i, size := 0, 1; i < len(in); size = size*7%1500 + 1 {
						end := min(i+size*channels, len(in))
						before := len(out)
						out = r.Process(out, in[i:end])
						if got := len(out) - before; got > r.MaxOut(end-i) {
							t.Fatalf("%d samples gave %d, at most %d stated", end-i, got, r.MaxOut(end-i))
						}
						i = end
					}
					if d := len(out) - to/5*channels; d < -2*channels || d > 2*channels {
						t.Errorf("%d samples of %d", len(out), to/5*channels)
					}
					out = out[to/20*channels : to/20*3*channels]
					for c := range channels {
						if s := snr(out, c, channels, to, 1000*(c+1)); s < 80 {
							t.Errorf("channel %d: %.1f dB", c, s)
						}
					}
				})
			}
		}
	}
}

func TestWhatTheLowerRateCannotHoldIsCut(t *testing.T) {
	r, err := New(48000, 8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := r.Process(nil, tone(48000, 5200, 24000, 1))
	peak := 0
	for _, v := range out[400:] {
		peak = max(peak, int(v), -int(v))
	}
	if peak > 4 {
		t.Errorf("5200 Hz comes out at %d of 20000", peak)
	}
}

func TestLoudSoundIsClippedAndNotTurnedOver(t *testing.T) {
	r, _ := New(8000, 48000, 1)
	in := make([]int16, 800)
	for i := range in {
		in[i] = math.MaxInt16
		if i/8%2 == 1 {
			in[i] = math.MinInt16
		}
	}
	last := int16(0)
	for _, v := range r.Process(nil, in) {
		if d := int(v) - int(last); d > 30000 || d < -30000 {
			t.Fatalf("a jump from %d to %d", last, v)
		}
		last = v
	}
}

func TestAResetStreamStartsAnew(t *testing.T) {
	r, _ := New(16000, 48000, 2)
	in := tone(16000, 500, 1000, 2)
	first := r.Process(nil, in)
	r.Reset()
	for i, v := range r.Process(nil, in) {
		if v != first[i] {
			t.Fatalf("sample %d is %d after a reset, was %d", i, v, first[i])
		}
	}
}

func TestUnknownRatesAreRefused(t *testing.T) {
	for _, c := range [][3]int{{0, 8000, 1}, {8000, 11000, 1}, {8000, 48000, 0}, {8000, 48000, 3}} {
		if _, err := New(c[0], c[1], c[2]); !errors.Is(err, ErrRate) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	r, _ := New(8000, 48000, 1)
	in, out := make([]int16, 160), make([]int16, 0, r.MaxOut(160))
	if n := testing.AllocsPerRun(100, func() { r.Process(out, in) }); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, c := range [][2]int{{8000, 48000}, {16000, 48000}, {48000, 8000}, {48000, 16000}, {44100, 48000}} {
		b.Run(fmt.Sprintf("%d to %d", c[0], c[1]), func(b *testing.B) {
			r, err := New(c[0], c[1], 1)
			if err != nil {
				b.Fatal(err)
			}
			in := tone(c[0], 400, c[0]/50, 1)
			out := make([]int16, 0, r.MaxOut(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Process(out, in)
			}
		})
	}
}
