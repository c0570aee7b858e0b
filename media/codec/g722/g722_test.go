package g722

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"
)

// sound is a sweep through both bands with some noise and pauses.
func sound(samples int) []int16 {
	pcm := make([]int16, samples)
	phase, noise := 0.0, uint32(1)
	for i := range pcm {
		phase += 2 * math.Pi * (100 + 6500*float64(i)/float64(samples)) / Rate
		noise = noise*1664525 + 1013904223
		if i/1000%5 != 4 {
			pcm[i] = int16(9000*math.Sin(phase) + float64(int32(noise)>>22))
		}
	}
	return pcm
}

func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	return out
}

func fromBytes(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	_, _ = binary.Decode(b, binary.LittleEndian, pcm)
	return pcm
}

// difference is the noise of got against want, in decibels below it.
func difference(want, got []int16) float64 {
	var signal, noise float64
	for i := range min(len(want), len(got)) {
		d := float64(want[i]) - float64(got[i])
		signal, noise = signal+float64(want[i])*float64(want[i]), noise+d*d
	}
	return 10 * math.Log10(signal/max(noise, 1))
}

func TestDecodesAsFFmpegDoes(t *testing.T) {
	codes := make([]byte, 8000)
	NewEncoder().Encode(codes, sound(16000))
	// What no encoder would make, too.
	for i := range 2000 {
		codes = append(codes, byte(i*i*31>>3))
	}
	want := fromBytes(ffmpeg(t, codes, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
	got := make([]int16, 2*len(codes))
	if n := NewDecoder().Decode(got, codes); n != len(want) {
		t.Fatalf("%d samples, ffmpeg makes %d", n, len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sample %d is %d, ffmpeg says %d", i, got[i], want[i])
		}
	}
}

func TestFFmpegDecodesWhatWeEncode(t *testing.T) {
	in := sound(16000)
	codes := make([]byte, len(in)/2)
	NewEncoder().Encode(codes, in)
	out := fromBytes(ffmpeg(t, codes, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
	// The filters of both sides together are late by 22 samples.
	if d := difference(in, out[22:]); d < 15 {
		t.Errorf("the sound comes back at %.1f dB", d)
	}
}

func TestAToneComesBackClean(t *testing.T) {
	in := make([]int16, 16000)
	for i := range in {
		in[i] = int16(8000 * math.Sin(2*math.Pi*1000*float64(i)/Rate))
	}
	codes, out := make([]byte, 8000), make([]int16, 16000)
	NewEncoder().Encode(codes, in)
	NewDecoder().Decode(out, codes)
	if d := difference(in[1000:15000], out[1022:]); d < 40 {
		t.Errorf("%.1f dB", d)
	}
}

func TestFramesMayBeCutAnywhere(t *testing.T) {
	in := sound(3200)
	whole, parts := make([]byte, 1600), make([]byte, 0, 1600)
	NewEncoder().Encode(whole, in)
	enc, frame := NewEncoder(), make([]byte, 160)
	for ; len(in) >= 320; in = in[320:] {
		parts = append(parts, frame[:enc.Encode(frame, in[:320])]...)
	}
	if !bytes.Equal(whole, parts) {
		t.Error("the state does not carry over")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 255, 0, 255})
	f.Fuzz(func(t *testing.T, codes []byte) {
		out := make([]int16, 2*len(codes))
		NewDecoder().Decode(out, codes)
		NewEncoder().Encode(codes, out)
	})
}

func BenchmarkEncode(b *testing.B) {
	in, out, enc := sound(320), make([]byte, 160), NewEncoder()
	b.ReportAllocs()
	for b.Loop() {
		enc.Encode(out, in)
	}
}

func BenchmarkDecode(b *testing.B) {
	codes, out, dec := make([]byte, 160), make([]int16, 320), NewDecoder()
	NewEncoder().Encode(codes, sound(320))
	b.ReportAllocs()
	for b.Loop() {
		dec.Decode(out, codes)
	}
}
