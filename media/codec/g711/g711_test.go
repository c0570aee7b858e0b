package g711

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"
)

func TestEveryCodeSurvivesTheWayThere(t *testing.T) {
	for name, law := range laws {
		pcm, back := make([]int16, 256), make([]byte, 256)
		codes := make([]byte, 256)
		for i := range codes {
			codes[i] = byte(i)
		}
		law.decode(pcm, codes)
		law.encode(back, pcm)
		for i := range codes {
			// µ-law has a negative zero, which is the same sound.
			if codes[i] != back[i] && pcm[i] != 0 {
				t.Errorf("%s: %#x is %d, which is %#x", name, codes[i], pcm[i], back[i])
			}
		}
	}
}

var laws = map[string]struct {
	format string
	encode func([]byte, []int16) int
	decode func([]int16, []byte) int
}{
	"µ-law": {"mulaw", EncodeU, DecodeU},
	"A-law": {"alaw", EncodeA, DecodeA},
}

// TestAllSamplesDecodeAsFFmpegDecodesThem compares with another program.
func TestAllSamplesDecodeAsFFmpegDecodesThem(t *testing.T) {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	for name, law := range laws {
		cmd := exec.Command("ffmpeg", "-v", "error", "-f", law.format, "-ar", "8000", "-i", "-", "-f", "s16le", "-")
		cmd.Stdin = bytes.NewReader(codes)
		out, err := cmd.Output()
		if err != nil || len(out) != 512 {
			t.Fatalf("ffmpeg: %v, %d bytes", err, len(out))
		}
		pcm := make([]int16, 256)
		law.decode(pcm, codes)
		for i, v := range pcm {
			if want := int16(binary.LittleEndian.Uint16(out[2*i:])); v != want {
				t.Errorf("%s: %#x is %d, ffmpeg says %d", name, i, v, want)
			}
		}
	}
}

func TestEverySampleIsEncodedToTheNearestCode(t *testing.T) {
	for name, law := range laws {
		code, back := make([]byte, 1), make([]int16, 1)
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			law.encode(code, []int16{int16(v)})
			law.decode(back, code)
			// Half a step of the segment, plus the bits that no law looks at.
			allowed := (math.Abs(float64(v))+132)/32 + 8
			if v < -32124 || v > 32124 {
				allowed = 800
			}
			if d := math.Abs(float64(v) - float64(back[0])); d > allowed {
				t.Fatalf("%s: %d becomes %d", name, v, back[0])
			}
		}
	}
}

func TestSilence(t *testing.T) {
	b := make([]byte, 1)
	if EncodeU(b, []int16{0}); b[0] != SilenceU {
		t.Errorf("µ-law silence is %#x", b[0])
	}
	if EncodeA(b, []int16{0}); b[0] != SilenceA {
		t.Errorf("A-law silence is %#x", b[0])
	}
}

func BenchmarkFrame(b *testing.B) {
	pcm, code := make([]int16, 160), make([]byte, 160)
	b.ReportAllocs()
	for b.Loop() {
		EncodeU(code, pcm)
		DecodeU(pcm, code)
	}
}
