package aac

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

func ffmpeg(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error", "-threads", "1"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, complaint.String())
	}
	return out
}

// floats unpacks f32le.
func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	_, _ = binary.Decode(b, binary.LittleEndian, out)
	return out
}

func packed(pcm []float32) []byte {
	b, _ := binary.Append(nil, binary.LittleEndian, pcm)
	return b
}

// The sounds that are encoded: interleaved channels, -1 to 1.
type source func(rate, channels, n int) []float32

func tone(rate, channels, n int) []float32 {
	return made(channels, n, func(i, c int) float64 {
		return 0.3 * math.Sin(2*math.Pi*float64(440*(c+1)*i)/float64(rate))
	})
}

func sweep(rate, channels, n int) []float32 {
	phase := 0.0
	return made(channels, n, func(i, c int) float64 {
		if c == 0 {
			phase += 2 * math.Pi * (50 + 0.4*float64(rate)*float64(i)/float64(n)) / float64(rate)
		}
		return 0.4 * math.Sin(phase+float64(c))
	})
}

func hiss(rate, channels, n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	return made(channels, n, func(int, int) float64 { return 0.1 * r.NormFloat64() })
}

// speech is a buzz of harmonics in syllables, in the middle of two channels, and
// some hiss.
func speech(rate, channels, n int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	var middle float64
	return made(channels, n, func(i, c int) float64 {
		if c == 0 {
			at := float64(i) / float64(rate)
			f0 := 120 + 30*math.Sin(2*math.Pi*1.3*at)
			middle = 0
			for h := 1.0; h*f0 < 4000; h++ {
				formant := 1/(1+math.Pow((h*f0-600)/200, 2)) + 0.5/(1+math.Pow((h*f0-1800)/300, 2))
				middle += formant * math.Sin(2*math.Pi*h*f0*at)
			}
			middle *= 0.08 * math.Max(0, math.Sin(2*math.Pi*4*at))
		}
		return middle*(1-0.2*float64(c)) + 0.005*r.NormFloat64()
	})
}

// clicks are what short windows are for.
func clicks(rate, channels, n int) []float32 {
	r := rand.New(rand.NewPCG(5, 6))
	level := 0.0
	return made(channels, n, func(i, c int) float64 {
		if level *= 0.998; i%(rate/7) == 0 {
			level = 0.8
		}
		return level * math.Max(-1, math.Min(1, 0.5*r.NormFloat64()))
	})
}

func made(channels, n int, f func(i, c int) float64) []float32 {
	out := make([]float32, 0, n*channels)
	for i := range n {
		for c := range channels {
			out = append(out, float32(f(i, c)))
		}
	}
	return out
}

// stream is what ffmpeg makes of a sound.
type stream struct {
	adts   []byte
	config *mpeg4audio.AudioSpecificConfig
	frames [][]byte
}

func encoded(t testing.TB, pcm []float32, rate, channels int, args ...string) stream {
	t.Helper()
	all := append([]string{"-f", "f32le", "-ar", strconv.Itoa(rate), "-ac", strconv.Itoa(channels), "-i", "-", "-c:a", "aac"}, args...)
	return parsed(t, ffmpeg(t, packed(pcm), append(all, "-f", "adts", "-")...))
}

func parsed(t testing.TB, adts []byte) stream {
	t.Helper()
	var pkts mpeg4audio.ADTSPackets
	if err := pkts.Unmarshal(adts); err != nil {
		t.Fatal(err)
	}
	s := stream{adts: adts}
	for _, p := range pkts {
		s.frames = append(s.frames, p.AU)
	}
	s.config = &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: pkts[0].SampleRate, ChannelConfig: pkts[0].ChannelConfig}
	return s
}

// reference is what ffmpeg decodes, in the scale of 16 bits.
func (s stream) reference(t testing.TB) []float32 {
	t.Helper()
	out := floats(ffmpeg(t, s.adts, "-f", "aac", "-i", "-", "-f", "f32le", "-"))
	for i := range out {
		out[i] *= 32768
	}
	return out
}

// only makes a decoder listen to one channel.
func only(channel int) func(int) []float32 {
	w := make([]float32, maxChannels)
	w[channel] = 1
	return func(n int) []float32 { return w[:n] }
}

// decoded decodes one channel of all frames, and does not round it.
func (s stream) decoded(t testing.TB, channel int) (sound []float32) {
	t.Helper()
	d, err := NewDecoder(s.config)
	if err != nil {
		t.Fatal(err)
	}
	d.weights = only(channel)
	var pcm []int16
	for i, f := range s.frames {
		if pcm, err = d.Decode(pcm[:0], f); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		sound = append(sound, d.time[:Samples]...)
	}
	return sound
}

// mixed decodes all frames to what users get.
func (s stream) mixed(t testing.TB) (pcm []int16) {
	t.Helper()
	d, err := NewDecoder(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range s.frames {
		if pcm, err = d.Decode(pcm, f); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	return pcm
}

// snr is how far the noise of got is below what is wanted of one channel, in dB.
func snr(want []float32, channels, channel int, got []float32) float64 {
	var signal, noise float64
	for i, g := range got {
		if i*channels+channel >= len(want) {
			break
		}
		w := float64(want[i*channels+channel])
		signal += w * w
		noise += (w - float64(g)) * (w - float64(g))
	}
	return 10 * math.Log10(signal/noise)
}

// exact is how far below the sound the difference to ffmpeg's decoder has to be,
// dB. Both calculate with 24 bits.
const exact = 110

func TestDecodesAsFFmpegDoes(t *testing.T) {
	fine := []string{"-aac_pns", "0"}
	for _, c := range []struct {
		name     string
		sound    source
		rate     int
		channels int
		args     []string
	}{
		{"a tone", tone, 44100, 2, []string{"-b:a", "128k"}},
		{"a sweep, mono", sweep, 48000, 1, []string{"-b:a", "64k"}},
		{"a sweep at 8 kHz", sweep, 8000, 1, []string{"-b:a", "32k"}},
		{"noise", hiss, 44100, 2, []string{"-b:a", "192k"}},
		{"speech at 16 kHz", speech, 16000, 1, []string{"-b:a", "32k"}},
		{"speech at 22 kHz", speech, 22050, 2, []string{"-b:a", "64k"}},
		{"speech at 11 kHz", speech, 11025, 1, []string{"-b:a", "24k"}},
		{"sum and difference", speech, 48000, 2, []string{"-b:a", "96k", "-aac_ms", "1", "-aac_is", "0"}},
		{"intensity", speech, 44100, 2, []string{"-b:a", "48k", "-aac_is", "1"}},
		{"clicks", clicks, 48000, 2, []string{"-b:a", "128k"}},
		{"clicks in few bits", clicks, 44100, 1, []string{"-b:a", "40k", "-aac_tns", "1"}},
		{"five channels and effects", sweep, 48000, 6, []string{"-b:a", "320k"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := encoded(t, c.sound(c.rate, c.channels, c.rate/4), c.rate, c.channels, append(fine, c.args...)...)
			want := s.reference(t)
			for ch := range min(c.channels, 2) {
				want, width, at := want, c.channels, ch
				if c.channels == 6 { // the centre comes first
					at = []int{2, 0}[ch]
				}
				if d := snr(want, width, at, s.decoded(t, ch)); d < exact {
					t.Errorf("channel %d: %.1f dB", ch, d)
				}
			}
		})
	}
}

func TestTheMixIsTheMeanOfBothChannels(t *testing.T) {
	s := encoded(t, clicks(44100, 2, 30000), 44100, 2, "-b:a", "96k", "-aac_pns", "0")
	want := s.reference(t)
	got := s.mixed(t)
	if len(got) != len(s.frames)*Samples {
		t.Fatalf("%d samples of %d frames", len(got), len(s.frames))
	}
	for i, g := range got {
		if d := float64(want[2*i]+want[2*i+1])/2 - float64(g); math.Abs(d) > 0.51 {
			t.Fatalf("sample %d is %d: wrong by %.2f", i, g, d)
		}
	}
}

// TestNoiseHasTheEnergyThatIsSent: which noise it is, is everybody's own choice.
func TestNoiseHasTheEnergyThatIsSent(t *testing.T) {
	s := encoded(t, hiss(44100, 1, 60000), 44100, 1, "-b:a", "32k", "-aac_pns", "1")
	d, err := NewDecoder(s.config)
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	bands := 0
	for _, f := range s.frames {
		if pcm, err = d.Decode(pcm, f); err != nil {
			t.Fatal(err)
		}
		c := &d.channels[0]
		for b := range c.info.maxBand {
			if c.book[0][b] == bookNoise {
				bands++
			}
		}
	}
	if bands == 0 {
		t.Fatal("ffmpeg sends no noise")
	}
	var here, there float64
	want := s.reference(t)
	for i, v := range pcm {
		here += float64(v) * float64(v)
		there += float64(want[i]) * float64(want[i])
	}
	if d := 10 * math.Log10(here/there); math.Abs(d) > 0.3 {
		t.Errorf("it is wrong by %.2f dB", d)
	}
}

func TestAnotherEncoder(t *testing.T) {
	cmd := exec.Command("gst-launch-1.0", "-q", "fdsrc", "!", "rawaudioparse", "format=pcm", "pcm-format=s16le", "sample-rate=48000", "num-channels=2",
		"!", "voaacenc", "bitrate=64000", "!", "audio/mpeg,stream-format=adts", "!", "fdsink")
	in := speech(48000, 2, 30000)
	pcm := make([]int16, len(in))
	for i, v := range in {
		pcm[i] = int16(v * 32767)
	}
	raw, _ := binary.Append(nil, binary.LittleEndian, pcm)
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	s := parsed(t, out)
	want := s.reference(t)
	for ch := range 2 {
		if d := snr(want, 2, ch, s.decoded(t, ch)); d < exact {
			t.Errorf("channel %d: %.1f dB", ch, d)
		}
	}
}

func TestWhatIsSupported(t *testing.T) {
	lc := mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2}
	with := func(edit func(*mpeg4audio.AudioSpecificConfig)) *mpeg4audio.AudioSpecificConfig {
		c := lc
		edit(&c)
		return &c
	}
	for _, c := range []struct {
		name   string
		config *mpeg4audio.AudioSpecificConfig
		want   bool
	}{
		{"stereo", &lc, true},
		{"the core of HE-AAC", with(func(c *mpeg4audio.AudioSpecificConfig) {
			c.SampleRate, c.ExtensionType, c.ExtensionSampleRate = 24000, mpeg4audio.ObjectTypeSBR, 48000
		}), true},
		{"channels defined in the stream", with(func(c *mpeg4audio.AudioSpecificConfig) { c.ChannelConfig = 0 }), true},
		{"none", nil, false},
		{"main profile", with(func(c *mpeg4audio.AudioSpecificConfig) { c.Type = 1 }), false},
		{"960 samples", with(func(c *mpeg4audio.AudioSpecificConfig) { c.FrameLengthFlag = true }), false},
		{"scalable", with(func(c *mpeg4audio.AudioSpecificConfig) { c.DependsOnCoreCoder = true }), false},
		{"a rate of its own", with(func(c *mpeg4audio.AudioSpecificConfig) { c.SampleRate = 44000 }), false},
		{"reserved channels", with(func(c *mpeg4audio.AudioSpecificConfig) { c.ChannelConfig = 9 }), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewDecoder(c.config); (err == nil) != c.want {
				t.Errorf("%v", err)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	s := encoded(b, speech(48000, 2, 96000), 48000, 2, "-b:a", "128k")
	d, err := NewDecoder(s.config)
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]int16, 0, Samples)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if pcm, err = d.Decode(pcm[:0], s.frames[i%len(s.frames)]); err != nil {
			b.Fatal(err)
		}
	}
}
