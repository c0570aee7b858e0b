//go:build codecs && cgo

package opus

import (
	"testing"

	"github.com/thesyncim/gopus"
)

// TestPureGoDecodesWhatLibopusMakes and its sibling hold the implementation
// that this build does not use against the one that it does.
func TestPureGoDecodesWhatLibopusMakes(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			packets := encode(t, m.cfg, voice(20, m.cfg.Channels))
			want := decode(t, m.cfg.Channels, packets)
			if s := snr(want, decodePure(t, m.cfg.Channels, packets)); s < 60 {
				t.Errorf("decoders differ: %.1f dB", s)
			}
		})
	}
}

func TestLibopusDecodesWhatPureGoMakes(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			in := voice(20, m.cfg.Channels)
			packets := encodePure(t, m.cfg, in)
			got := decode(t, m.cfg.Channels, packets)
			if s := snr(decodePure(t, m.cfg.Channels, packets), got); s < 60 {
				t.Errorf("decoders differ: %.1f dB", s)
			}
			if l := likeness(in, got); l < 0.85 {
				t.Errorf("likeness %.3f", l)
			}
		})
	}
}

func decodePure(t *testing.T, channels int, packets [][]byte) []int16 {
	t.Helper()
	dec, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(Rate, channels))
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	room := make([]int16, MaxSamples*channels)
	for _, p := range packets {
		n, err := dec.DecodeInt16(p, room)
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, room[:n*channels]...)
	}
	return pcm
}

func encodePure(t *testing.T, cfg EncoderConfig, pcm []int16) [][]byte {
	t.Helper()
	application := gopus.ApplicationVoIP
	if cfg.Application == Audio {
		application = gopus.ApplicationAudio
	}
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: Rate, Channels: cfg.Channels, Application: application})
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.SetBitrate(cfg.Bitrate); err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for frame := FrameSamples * cfg.Channels; len(pcm) >= frame; pcm = pcm[frame:] {
		p, err := enc.EncodeInt16Slice(pcm[:frame])
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
	return packets
}
