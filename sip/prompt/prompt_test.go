package prompt

import (
	"bufio"
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/media/codec/dtmf"
	"muster/media/codec/g711"
	"muster/media/codec/g722"
	"muster/media/codec/opus"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

func TestEverySentenceIsSpoken(t *testing.T) {
	texts, err := filepath.Glob("text/*.txt")
	if err != nil || len(texts) == 0 {
		t.Fatal(err)
	}
	var languages []string
	for _, file := range texts {
		language := strings.TrimSuffix(filepath.Base(file), ".txt")
		languages = append(languages, language)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var said []Name
		for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
			name, sentence, ok := strings.Cut(sc.Text(), ": ")
			if !ok || sentence == "" {
				t.Errorf("%s: %q", file, sc.Text())
			}
			if name != "voice" {
				said = append(said, Name(name))
			}
		}
		if !slices.Equal(said, names) {
			t.Errorf("%s: %v", file, said)
		}
		for _, n := range names {
			packets, err := load(language, n)
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Duration(len(packets)) * frame; d < 500*time.Millisecond || d > 8*time.Second {
				t.Errorf("%s in %s lasts %s", n, language, d)
			}
		}
	}
	if !slices.Equal(languages, Languages()) {
		t.Errorf("text has %v, sounds have %v", languages, Languages())
	}
	if _, err := NewVoice("tlh"); err == nil {
		t.Error("a language that is not spoken is taken")
	}
}

var formats = []sdp.Format{
	{Name: "opus", ClockRate: 48000}, {Name: "G722", ClockRate: 8000},
	{Name: "PCMA", ClockRate: 8000}, {Name: "PCMU", ClockRate: 8000},
}

// level is the loudness of payloads in dB below full scale.
func level(t *testing.T, codec string, payloads [][]byte) float64 {
	t.Helper()
	_, decode := decoder(codec)
	var sum float64
	n := 0
	for _, p := range payloads {
		for _, v := range decode(p) {
			sum += float64(v) * float64(v)
			n++
		}
	}
	return 20 * math.Log10(math.Sqrt(sum/float64(n))/32768)
}

func TestAPromptIsTheSameInEveryCodec(t *testing.T) {
	v, err := NewVoice("en")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		synctest.Test(t, func(t *testing.T) {
			var got [][]byte
			start := time.Now()
			v.Play(t.Context(), PIN, f, func(p []byte, samples int) {
				if samples != f.ClockRate/50 {
					t.Fatalf("%s: a payload of %d ticks", f.Name, samples)
				}
				got = append(got, p)
			})
			if took, want := time.Since(start), time.Duration(len(got))*frame; took != want {
				t.Errorf("%s: %d payloads in %s", f.Name, len(got), took)
			}
			if want := len(v.prompts[PIN]); len(got) < want-1 || len(got) > want {
				t.Errorf("%s: %d payloads of %d", f.Name, len(got), want)
			}
			if l := level(t, f.Name, got); l < -30 || l > -12 {
				t.Errorf("%s: %.1f dB", f.Name, l)
			}
		})
	}
}

func TestAPromptEndsWithItsContext(t *testing.T) {
	v, err := NewVoice("en")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 105*time.Millisecond)
		defer cancel()
		n := 0
		v.Play(ctx, PIN, formats[3], func([]byte, int) { n++ })
		if n != 5 {
			t.Errorf("%d payloads", n)
		}
	})
}

// sender encodes PCM of 8 kHz or more into payloads of 20 ms.
func sender(t *testing.T, codec string) (rate int, encode func([]int16) []byte) {
	t.Helper()
	b := make([]byte, opus.MaxPacket)
	switch codec {
	case "PCMU":
		return 8000, func(pcm []int16) []byte { return b[:g711.EncodeU(b, pcm)] }
	case "PCMA":
		return 8000, func(pcm []int16) []byte { return b[:g711.EncodeA(b, pcm)] }
	case "G722":
		e := g722.NewEncoder()
		return g722.Rate, func(pcm []int16) []byte { return b[:e.Encode(b, pcm)] }
	}
	e, err := opus.NewEncoder(opus.EncoderConfig{Channels: 1, Bitrate: 24000, Complexity: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return opus.Rate, func(pcm []int16) []byte {
		n, err := e.Encode(pcm, b)
		if err != nil {
			t.Fatal(err)
		}
		return b[:n]
	}
}

func TestKeysAreHeardInEveryCodec(t *testing.T) {
	const dialled = "47*11#0"
	v := &Voice{}
	for _, f := range formats {
		rate, encode := sender(t, f.Name)
		g, err := dtmf.NewGenerator(dialled, rate, 80*time.Millisecond, 80*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		hear := v.Keys(f, func(d byte) { got = append(got, d) })
		seq := uint16(65530)
		pcm := make([]int16, rate/50)
		for more := true; more; seq++ {
			n := g.Fill(pcm)
			clear(pcm[n:])
			more = n == len(pcm)
			p := rtp.Packet{Seq: seq, Payload: encode(pcm)}
			hear(p)
			hear(p) // twice
		}
		hear(rtp.Packet{Seq: seq, Payload: make([]byte, 2000)})
		hear(rtp.Packet{Seq: seq + 1})
		if string(got) != dialled {
			t.Errorf("%s: %s", f.Name, got)
		}
	}
}

func TestPromptsAreNotTakenForKeys(t *testing.T) {
	for _, language := range Languages() {
		v, err := NewVoice(language)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []Name{PIN, WrongPIN} { // phones echo what plays while keys are awaited
			payloads, err := v.payloads(n, "PCMA")
			if err != nil {
				t.Fatal(err)
			}
			hear := v.Keys(sdp.Format{Name: "PCMA", ClockRate: 8000}, func(d byte) { t.Errorf("%s in %s has the key %c", n, language, d) })
			for i, p := range payloads {
				hear(rtp.Packet{Seq: uint16(i), Payload: p})
			}
		}
	}
}

func FuzzOgg(f *testing.F) {
	b, err := sounds.ReadFile("sounds/en/goodbye.opus")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:40])
	f.Add([]byte("OggS"))
	f.Fuzz(func(t *testing.T, b []byte) {
		packets, err := ogg(b)
		n := 0
		for _, p := range packets {
			n += len(p)
		}
		if err == nil && n > len(b) {
			t.Errorf("%d bytes from %d", n, len(b))
		}
	})
}
