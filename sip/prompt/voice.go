package prompt

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"muster/media/codec/g711"
	"muster/media/codec/g722"
	"muster/media/codec/opus"
	"muster/media/codec/resample"
	"muster/sip/sdp"
)

// frame is how long each payload lasts.
const frame = 20 * time.Millisecond

// Voice speaks one language. Every caller of one codec gets the same payloads,
// which are made when the first one needs them.
type Voice struct {
	prompts map[Name][][]byte // Opus

	mu   sync.Mutex // guards made
	made map[key][][]byte
}

type key struct {
	name  Name
	codec string
}

// NewVoice returns a Voice for one of Languages.
func NewVoice(language string) (*Voice, error) {
	if !slices.Contains(Languages(), language) {
		return nil, fmt.Errorf("prompt: the language %q is not spoken", language)
	}
	v := &Voice{prompts: make(map[Name][][]byte), made: make(map[key][][]byte)}
	for _, n := range names {
		p, err := load(language, n)
		if err != nil {
			return nil, err
		}
		v.prompts[n] = p
	}
	return v, nil
}

// Play sends a prompt in the codec f, a payload of 20 ms at a time, until it is
// over or ctx ends. samples is what a payload lasts in ticks of f's clock.
func (v *Voice) Play(ctx context.Context, n Name, f sdp.Format, send func(payload []byte, samples int)) {
	payloads, err := v.payloads(n, f.Name)
	if err != nil {
		return // a codec without sound: the call goes on in silence
	}
	t := time.NewTicker(frame)
	defer t.Stop()
	for _, p := range payloads {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			send(p, f.ClockRate/50)
		}
	}
}

// payloads returns a prompt in a codec.
func (v *Voice) payloads(n Name, codec string) ([][]byte, error) {
	if codec == "opus" {
		return v.prompts[n], nil
	}
	k := key{n, codec}
	v.mu.Lock()
	defer v.mu.Unlock()
	if p, ok := v.made[k]; ok {
		return p, nil
	}
	p, err := transcode(v.prompts[n], codec)
	if err != nil {
		return nil, err
	}
	v.made[k] = p
	return p, nil
}

// transcode turns packets of Opus into payloads of another codec.
func transcode(packets [][]byte, codec string) ([][]byte, error) {
	rate, encode, err := encoder(codec)
	if err != nil {
		return nil, err
	}
	dec, err := opus.NewDecoder(1)
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	defer dec.Close()
	down, err := resample.New(opus.Rate, rate, 1)
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	var out [][]byte
	var pcm []int16
	wide := make([]int16, opus.MaxSamples)
	per := rate / 50
	for _, p := range packets {
		n, err := dec.Decode(p, wide)
		if err != nil {
			return nil, fmt.Errorf("prompt: %w", err)
		}
		pcm = down.Process(pcm, wide[:n])
		for len(pcm) >= per {
			out = append(out, encode(pcm[:per]))
			pcm = pcm[per:]
		}
	}
	return out, nil
}

// encoder returns the sampling rate of a codec and what makes payloads in it.
func encoder(codec string) (rate int, encode func(pcm []int16) []byte, err error) {
	log := func(f func([]byte, []int16) int) func([]int16) []byte {
		return func(pcm []int16) []byte {
			b := make([]byte, len(pcm))
			return b[:f(b, pcm)]
		}
	}
	switch codec {
	case "PCMU":
		return 8000, log(g711.EncodeU), nil
	case "PCMA":
		return 8000, log(g711.EncodeA), nil
	case "G722":
		e := g722.NewEncoder()
		return g722.Rate, func(pcm []int16) []byte {
			b := make([]byte, len(pcm)/2)
			return b[:e.Encode(b, pcm)]
		}, nil
	}
	return 0, nil, fmt.Errorf("prompt: no codec %q", codec)
}
