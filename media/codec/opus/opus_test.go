package opus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"math"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// voice returns frames of a sound with the harmonics and the rise and fall of
// a vowel, interleaved.
func voice(frames, channels int) []int16 {
	pcm := make([]int16, frames*FrameSamples*channels)
	for i := range frames * FrameSamples {
		t := float64(i) / Rate
		v := 0.0
		for h := 1; h <= 12; h++ {
			v += math.Sin(2*math.Pi*140*float64(h)*t) / float64(h)
		}
		v *= 5000 * (1 + 0.4*math.Sin(2*math.Pi*3*t))
		for c := range channels {
			pcm[i*channels+c] = int16(v * (1 - 0.3*float64(c)))
		}
	}
	return pcm
}

// modes are settings that lead to the three modes of the codec.
var modes = []struct {
	name string
	cfg  EncoderConfig
}{
	{"silk 12 kbit/s", EncoderConfig{Channels: 1, Bitrate: 12000, Complexity: 5}},
	{"hybrid 32 kbit/s with FEC", EncoderConfig{Channels: 1, Bitrate: 32000, Complexity: 5, FEC: true, LossPercent: 10}},
	{"celt 64 kbit/s", EncoderConfig{Channels: 1, Bitrate: 64000, Complexity: 5, Application: Audio}},
	{"stereo 96 kbit/s", EncoderConfig{Channels: 2, Bitrate: 96000, Complexity: 3, Application: Audio}},
}

func encode(t testing.TB, cfg EncoderConfig, pcm []int16) [][]byte {
	t.Helper()
	enc, err := NewEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	var packets [][]byte
	out := make([]byte, MaxPacket)
	for frame := FrameSamples * cfg.Channels; len(pcm) >= frame; pcm = pcm[frame:] {
		n, err := enc.Encode(pcm[:frame], out)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, bytes.Clone(out[:n]))
	}
	return packets
}

func decode(t testing.TB, channels int, packets [][]byte) []int16 {
	t.Helper()
	dec, err := NewDecoder(channels)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	var pcm []int16
	room := make([]int16, MaxSamples*channels)
	for _, p := range packets {
		n, err := dec.Decode(p, room)
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, room[:n*channels]...)
	}
	return pcm
}

// snr compares got with want in decibels, sample by sample.
func snr(want, got []int16) float64 {
	var signal, noise float64
	for i := range min(len(want), len(got)) {
		d := float64(want[i]) - float64(got[i])
		signal += float64(want[i]) * float64(want[i])
		noise += d * d
	}
	return 10 * math.Log10(signal/math.Max(noise, 1))
}

// likeness finds the delay within 20 ms at which got is most like want and
// returns their correlation there.
func likeness(want, got []int16) float64 {
	best := 0.0
	for lag := range FrameSamples {
		var xy, xx, yy float64
		for i := 0; i+lag < min(len(want), len(got)); i += 3 {
			x, y := float64(want[i]), float64(got[i+lag])
			xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
		}
		best = max(best, xy/math.Sqrt(xx*yy+1))
	}
	return best
}

func TestWhatIsEncodedComesBack(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			in := voice(20, m.cfg.Channels)
			packets := encode(t, m.cfg, in)
			for i, p := range packets {
				if n, err := Samples(p); n != FrameSamples || err != nil {
					t.Fatalf("packet %d: Samples = %d, %v", i, n, err)
				}
			}
			out := decode(t, m.cfg.Channels, packets)
			if len(out) != len(in) {
				t.Fatalf("%d samples became %d", len(in), len(out))
			}
			if l := likeness(in, out); l < 0.85 {
				t.Errorf("likeness %.3f", l)
			}
		})
	}
}

// TestPacketsOfLibopusDecodeAlike holds both implementations to what libopus
// made of the same packets.
func TestPacketsOfLibopusDecodeAlike(t *testing.T) {
	const name = "testdata/libopus.golden"
	if *update {
		if Library != "libopus" {
			t.Fatal("the golden file is what libopus makes: use the tag codecs")
		}
		writeGolden(t, name)
	}
	packets, want := readGolden(t, name)
	got := decode(t, 1, packets)
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	if s := snr(want, got); s < 50 {
		t.Errorf("differs from libopus: %.1f dB", s)
	}
}

func writeGolden(t *testing.T, name string) {
	t.Helper()
	var packets [][]byte
	for _, m := range modes[:3] {
		packets = append(packets, encode(t, m.cfg, voice(8, 1))[3:7]...)
	}
	var b bytes.Buffer
	for _, p := range packets {
		_ = binary.Write(&b, binary.BigEndian, uint16(len(p)))
		b.Write(p)
	}
	_ = binary.Write(&b, binary.BigEndian, uint16(0))
	_ = binary.Write(&b, binary.BigEndian, decode(t, 1, packets))
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGolden(t testing.TB, name string) (packets [][]byte, pcm []int16) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for {
		n := binary.BigEndian.Uint16(b)
		b = b[2:]
		if n == 0 {
			break
		}
		packets, b = append(packets, b[:n]), b[n:]
	}
	for ; len(b) > 0; b = b[2:] {
		pcm = append(pcm, int16(binary.BigEndian.Uint16(b)))
	}
	return packets, pcm
}

func TestALostPacketIsConcealedOrRecovered(t *testing.T) {
	cfg := modes[1].cfg
	in := voice(20, 1)
	packets := encode(t, cfg, in)
	whole := decode(t, 1, packets)
	const lost = 12
	recovered := map[string]float64{}
	for name, fill := range map[string]func(*Decoder, []int16) (int, error){
		"concealed": func(d *Decoder, pcm []int16) (int, error) { return d.Conceal(pcm) },
		"FEC":       func(d *Decoder, pcm []int16) (int, error) { return d.DecodeFEC(packets[lost+1], pcm) },
	} {
		dec, err := NewDecoder(1)
		if err != nil {
			t.Fatal(err)
		}
		room := make([]int16, FrameSamples)
		for i, p := range packets[:lost+2] {
			var n int
			if i == lost {
				n, err = fill(dec, room)
				recovered[name] = snr(whole[lost*FrameSamples:(lost+1)*FrameSamples], room)
			} else {
				n, err = dec.Decode(p, room)
			}
			if n != FrameSamples || err != nil {
				t.Fatalf("%s: packet %d: %d samples, %v", name, i, n, err)
			}
		}
	}
	if recovered["concealed"] < 0 || recovered["FEC"] < 6 {
		t.Errorf("the lost frame came back at %v dB", recovered)
	}
	dec, _ := NewDecoder(2)
	for _, ms10 := range []int{25, 50, 100, 200, 600, 1200} {
		n, err := dec.Conceal(make([]int16, 2*ms10*Rate/10000))
		if n != ms10*Rate/10000 || err != nil {
			t.Errorf("concealing %d/10 ms: %d, %v", ms10, n, err)
		}
	}
	if _, err := dec.Conceal(make([]int16, 2*100)); !errors.Is(err, ErrFrame) {
		t.Errorf("concealing 100 samples: %v", err)
	}
}

func TestSilenceIsSentAsNextToNothing(t *testing.T) {
	packets := encode(t, EncoderConfig{Channels: 1, Bitrate: 24000, Complexity: 5, DTX: true}, make([]int16, 40*FrameSamples))
	silent := 0
	for _, p := range packets {
		if Silent(p) {
			silent++
		}
	}
	if silent < 10 {
		t.Errorf("%d of %d packets are silent", silent, len(packets))
	}
	if Silent(encode(t, modes[0].cfg, voice(3, 1))[2]) {
		t.Error("a voice is taken for silence")
	}
}

func TestTheBitRateFollowsItsSetting(t *testing.T) {
	enc, err := NewEncoder(EncoderConfig{Channels: 1, Bitrate: 16000, Complexity: 5, Application: Audio})
	if err != nil {
		t.Fatal(err)
	}
	pcm, out := voice(30, 1), make([]byte, MaxPacket)
	sizes := [2]int{}
	for half := range 2 {
		if half == 1 {
			if err := enc.SetBitrate(96000); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 15 {
			n, err := enc.Encode(pcm[(half*15+i)*FrameSamples:][:FrameSamples], out)
			if err != nil {
				t.Fatal(err)
			}
			sizes[half] += n
		}
	}
	if sizes[1] < 3*sizes[0] {
		t.Errorf("16 kbit/s took %d bytes, 96 kbit/s %d", sizes[0], sizes[1])
	}
	if err := enc.SetLoss(20); err != nil {
		t.Error(err)
	}
	for _, err := range []error{enc.SetBitrate(100), enc.SetLoss(101), enc.SetLoss(-1)} {
		if !errors.Is(err, ErrConfig) {
			t.Errorf("a setting out of range: %v", err)
		}
	}
}

func TestSettingsAndSlicesOutOfRangeAreRefused(t *testing.T) {
	for name, cfg := range map[string]EncoderConfig{
		"no channels":  {},
		"3 channels":   {Channels: 3},
		"complexity":   {Channels: 1, Complexity: 11},
		"bit rate":     {Channels: 1, Bitrate: 600000},
		"loss":         {Channels: 1, LossPercent: 101},
		"application":  {Channels: 1, Application: 7},
		"negative bit": {Channels: 1, Bitrate: -1},
	} {
		if _, err := NewEncoder(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewDecoder(3); !errors.Is(err, ErrConfig) {
		t.Errorf("a decoder of 3 channels: %v", err)
	}
	enc, _ := NewEncoder(EncoderConfig{Channels: 2})
	dec, _ := NewDecoder(2)
	packet := encode(t, modes[0].cfg, voice(1, 1))[0]
	_, short := enc.Encode(make([]int16, FrameSamples), make([]byte, MaxPacket))
	_, noRoom := enc.Encode(make([]int16, 2*FrameSamples), make([]byte, 100))
	_, decRoom := dec.Decode(packet, make([]int16, FrameSamples))
	enc.Close()
	dec.Close()
	_, closedEnc := enc.Encode(make([]int16, 2*FrameSamples), make([]byte, MaxPacket))
	_, closedDec := dec.Decode(packet, make([]int16, 2*FrameSamples))
	for _, c := range []struct {
		name      string
		got, want error
	}{
		{"half a frame", short, ErrFrame}, {"100 bytes of room", noRoom, ErrRoom},
		{"half the room", decRoom, ErrRoom}, {"closed encoder", closedEnc, ErrClosed},
		{"closed decoder", closedDec, ErrClosed}, {"bit rate after close", enc.SetBitrate(0), ErrClosed},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		name   string
		packet []byte
		want   int
	}{
		{"nothing", nil, 0},
		{"SILK 60 ms", []byte{3 << 3}, 2880},
		{"SILK WB 10 ms", []byte{8 << 3}, 480},
		{"hybrid 20 ms", []byte{15 << 3}, 960},
		{"CELT 2.5 ms", []byte{16 << 3}, 120},
		{"CELT 20 ms, two frames", []byte{31<<3 | 1}, 1920},
		{"CELT 20 ms, six frames", []byte{31<<3 | 3, 6}, 5760},
		{"CELT 20 ms, seven frames", []byte{31<<3 | 3, 7}, 0},
		{"48 frames of 2.5 ms", []byte{16<<3 | 3, 48}, 5760},
		{"no frames", []byte{31<<3 | 3, 0}, 0},
		{"no count", []byte{31<<3 | 3}, 0},
	} {
		n, err := Samples(c.packet)
		if n != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%s: %d, %v", c.name, n, err)
		}
	}
}

func TestMalformedPacketsAreErrors(t *testing.T) {
	dec, err := NewDecoder(2)
	if err != nil {
		t.Fatal(err)
	}
	room := make([]int16, 2*MaxSamples)
	for name, p := range map[string][]byte{
		"empty":                      {},
		"frame over 1275 bytes":      make([]byte, 1+1276),
		"two frames of odd length":   {0xf9, 1, 2, 3},
		"second length cut short":    {0xfa, 252},
		"first frame past the end":   {0xfa, 10, 1},
		"count but no bytes to part": {0xfb, 0x83},
		"padding past the end":       {0xfb, 0x41, 200},
		"padding without end":        {0xfb, 0x41, 255},
		"frames do not part evenly":  {0xfb, 3, 1, 2},
		"variable lengths too long":  {0xfb, 0x82, 9, 1},
	} {
		if _, err := dec.Decode(p, room); !errors.Is(err, ErrPacket) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := dec.DecodeFEC(p, room[:2*FrameSamples]); !errors.Is(err, ErrPacket) {
			t.Errorf("%s, FEC: %v", name, err)
		}
	}
}

func TestNothingIsAllocatedPerFrame(t *testing.T) {
	pcm, out := voice(1, 1), make([]byte, MaxPacket)
	enc, _ := NewEncoder(modes[1].cfg)
	dec, _ := NewDecoder(1)
	frame := func() {
		n, _ := enc.Encode(pcm, out)
		_, _ = dec.Decode(out[:n], pcm)
	}
	for range 20 {
		frame()
	}
	// The pure Go library allocates now and then: less than once per frame.
	if n := testing.AllocsPerRun(100, frame); n >= 1 {
		t.Errorf("%v allocations per frame", n)
	}
}

func FuzzDecode(f *testing.F) {
	packets, _ := readGolden(f, "testdata/libopus.golden")
	for _, p := range packets {
		f.Add(p)
	}
	f.Add([]byte{0xfb, 0x83, 1, 1, 9, 9, 9})
	room := make([]int16, 2*MaxSamples)
	f.Fuzz(func(t *testing.T, packet []byte) {
		dec, err := NewDecoder(2)
		if err != nil {
			t.Fatal(err)
		}
		want, stated := Samples(packet)
		for range 2 {
			n, err := dec.Decode(packet, room)
			if err == nil && (stated != nil || n != want) {
				t.Fatalf("decoded %d samples, stated %d (%v)", n, want, stated)
			}
			_, _ = dec.DecodeFEC(packet, room[:2*FrameSamples])
			if _, err := dec.Conceal(room[:2*FrameSamples]); err != nil {
				t.Fatalf("concealing after it: %v", err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, m := range modes[:3] {
		b.Run(m.name, func(b *testing.B) {
			pcm, out := voice(50, 1), make([]byte, MaxPacket)
			enc, err := NewEncoder(m.cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := enc.Encode(pcm[i%50*FrameSamples:][:FrameSamples], out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, m := range modes[:3] {
		b.Run(m.name, func(b *testing.B) {
			packets := encode(b, m.cfg, voice(50, 1))
			dec, err := NewDecoder(1)
			if err != nil {
				b.Fatal(err)
			}
			room := make([]int16, MaxSamples)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := dec.Decode(packets[i%50], room); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
