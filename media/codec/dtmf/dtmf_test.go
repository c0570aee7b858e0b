package dtmf

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestAPressIsReportedOnce(t *testing.T) {
	report := func(code byte, duration int, end bool) []byte {
		return Event{Code: code, End: end, Volume: 10, Duration: uint16(duration)}.Append(nil)
	}
	type packet struct {
		payload   []byte
		timestamp uint32
	}
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for _, c := range []struct {
		name    string
		packets []packet
		want    string
	}{
		{"updates and three ends", []packet{
			{report(5, 160, false), 1000}, {report(5, 320, false), 1000},
			{report(5, 480, true), 1000}, {report(5, 480, true), 1000}, {report(5, 480, true), 1000},
		}, "5"},
		{"the same digit twice", []packet{
			{report(1, 160, false), 1000}, {report(1, 160, true), 1000}, {report(1, 160, false), 3000}, {report(1, 480, true), 3000},
		}, "11"},
		{"only an end arrives", []packet{{report(11, 800, true), 48000}}, "#"},
		{"an end comes late, after the next press", []packet{
			{report(1, 160, false), 1000}, {report(2, 160, false), 3000}, {report(1, 480, true), 1000}, {report(2, 320, false), 3000},
		}, "12"},
		{"longer than a duration can say", []packet{
			{report(9, 0xffff, false), 1000}, {report(9, 160, false), 1000 + 0xffff}, {report(9, 320, true), 1000 + 0xffff},
			{report(9, 160, false), 200000},
		}, "99"},
		{"two events in one packet", []packet{{join(report(3, 800, true), report(4, 800, true)), 1000}}, "34"},
		{"the timestamp wraps", []packet{
			{report(7, 160, false), 0xffffff00}, {report(7, 480, true), 0xffffff00}, {report(8, 160, false), 0x500}, {report(7, 480, true), 0xffffff00},
		}, "78"},
		{"the sender starts anew", []packet{{report(7, 160, true), 900000}, {report(7, 160, true), 100}}, "77"},
		{"a hook flash is no digit", []packet{{report(16, 160, true), 100}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Receiver
			var got []byte
			for _, p := range c.packets {
				var err error
				if got, err = r.Receive(got, p.payload, p.timestamp); err != nil {
					t.Fatal(err)
				}
			}
			if string(got) != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	for _, bad := range [][]byte{nil, {1, 2, 3}, {1, 2, 3, 4, 5}, make([]byte, 36)} {
		if _, err := new(Receiver).Receive(nil, bad, 0); !errors.Is(err, ErrPayload) {
			t.Errorf("a payload of %d bytes: %v", len(bad), err)
		}
	}
}

func TestWhatIsSentIsReceived(t *testing.T) {
	for _, rate := range []uint32{8000, 48000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			s, err := NewSender("0123456789*#abcd", int(rate), 100*time.Millisecond, 60*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			var r Receiver
			var got []byte
			markers, ends, packets := 0, 0, 0
			for now := uint32(0xfffff000); !s.Done(); now += rate / 50 {
				p, ok := s.Next(now)
				if !ok {
					continue
				}
				packets++
				e, _ := Parse(p.Payload[:])
				if e.End {
					ends++
					if e.Duration != uint16(rate/10) {
						t.Fatalf("a press of %d ends", e.Duration)
					}
				}
				if p.Marker {
					markers++
				}
				// Every other packet is lost.
				if packets%2 == 0 {
					got, err = r.Receive(got, p.Payload[:], p.Timestamp)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if string(got) != Digits {
				t.Errorf("received %q", got)
			}
			if markers != 16 || ends != 48 {
				t.Errorf("%d markers, %d ends", markers, ends)
			}
		})
	}
	if _, err := NewSender("12x", 8000, 0, 0); !errors.Is(err, ErrDigit) {
		t.Errorf("x as a digit: %v", err)
	}
}

func generate(t testing.TB, digits string, rate int, tone, pause time.Duration) []int16 {
	t.Helper()
	g, err := NewGenerator(digits, rate, tone, pause)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, rate*len(digits)*int((tone+pause)/time.Millisecond)/1000+rate/10)
	n := g.Fill(pcm)
	if n >= len(pcm) {
		t.Fatal("the digits do not end")
	}
	return pcm
}

// detect runs a Detector over pcm in frames of 20 ms.
func detect(pcm []int16, rate int) string {
	d := NewDetector(rate)
	var digits []byte
	for len(pcm) > 0 {
		n := min(rate/50, len(pcm))
		digits = d.Process(digits, pcm[:n])
		pcm = pcm[n:]
	}
	return string(digits)
}

func TestTonesAreDetected(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, tone := range []time.Duration{40, 70, 500} {
			t.Run(fmt.Sprintf("%d Hz, %d ms", rate, tone), func(t *testing.T) {
				pcm := generate(t, "0123456789*#ABCD1122", rate, tone*time.Millisecond, 50*time.Millisecond)
				if got := detect(pcm, rate); got != "0123456789*#ABCD1122" {
					t.Errorf("%q", got)
				}
			})
		}
	}
}

// chord is a sum of tones of 200 ms at 8000 Hz, given as pairs of frequency
// and amplitude.
func chord(tones ...float64) []int16 {
	pcm := make([]int16, 1600)
	for i := range pcm {
		v := 0.0
		for k := 0; k < len(tones); k += 2 {
			v += tones[k+1] * math.Sin(2*math.Pi*tones[k]*float64(i)/8000)
		}
		pcm[i] = int16(v)
	}
	return pcm
}

func TestTheLimitsOfATone(t *testing.T) {
	for _, c := range []struct {
		name string
		pcm  []int16
		want string
	}{
		{"exact", chord(770, 5000, 1336, 5000), "5"},
		{"1.5 percent high", chord(770*1.015, 5000, 1336*1.015, 5000), "5"},
		{"1.5 percent low", chord(770*.985, 5000, 1336*.985, 5000), "5"},
		{"column 7 dB stronger", chord(770, 3000, 1336, 6700), "5"},
		{"column 12 dB stronger", chord(770, 2000, 1336, 8000), ""},
		{"row 3 dB stronger", chord(770, 7000, 1336, 5000), "5"},
		{"row 8 dB stronger", chord(770, 8000, 1336, 3200), ""},
		{"quiet", chord(770, 500, 1336, 500), "5"},
		{"too quiet", chord(770, 200, 1336, 200), ""},
		{"row alone", chord(770, 8000), ""},
		{"two rows", chord(770, 5000, 941, 5000, 1336, 5000), ""},
		{"with a strong third tone", chord(770, 5000, 1336, 5000, 440, 8000), ""},
		{"silence", make([]int16, 1600), ""},
		{"20 ms only", append(chord(770, 5000, 1336, 5000)[:160], make([]int16, 800)...), ""},
	} {
		if got := detect(c.pcm, 8000); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestAVoiceIsNoDigit runs through all pitches of a voice.
func TestAVoiceIsNoDigit(t *testing.T) {
	pcm := make([]int16, 8000*10)
	phase, noise := 0.0, uint32(7)
	for i := range pcm {
		at := float64(i) / 8000
		phase += 2 * math.Pi * (90 + 300*math.Abs(math.Sin(at*0.7))) / 8000
		v := 0.0
		for h := 1; h <= 20; h++ {
			// Formants that move about.
			f := float64(h) * (90 + 300*math.Abs(math.Sin(at*0.7)))
			gain := 1/(1+math.Pow((f-700-200*math.Sin(at*3))/150, 2)) + 0.7/(1+math.Pow((f-1350-300*math.Sin(at*2))/200, 2))
			v += gain * math.Sin(phase*float64(h))
		}
		noise = noise*1664525 + 1013904223
		pcm[i] = int16(6000*v) + int16(int32(noise)>>24)
	}
	if got := detect(pcm, 8000); got != "" {
		t.Errorf("heard %q in a voice", got)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte{5, 0x8a, 1, 0x40}, uint32(1000))
	f.Add([]byte{5, 0x0a, 0xff, 0xff, 6, 0x80, 0, 0}, uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, payload []byte, timestamp uint32) {
		var r Receiver
		first, err := r.Receive(nil, payload, timestamp)
		if err != nil {
			return
		}
		if len(payload) != 4 {
			return
		}
		if again, _ := r.Receive(nil, payload, timestamp); len(again) != 0 {
			t.Fatalf("%q, and %q again", first, again)
		}
	})
}

func BenchmarkDetector(b *testing.B) {
	for _, rate := range []int{8000, 48000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			d, pcm := NewDetector(rate), make([]int16, rate/50)
			b.ReportAllocs()
			for b.Loop() {
				d.Process(nil, pcm)
			}
		})
	}
}
