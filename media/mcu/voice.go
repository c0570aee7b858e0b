package mcu

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"muster/media/codec"
	"muster/media/codec/aac"
	"muster/media/codec/g711"
	"muster/media/codec/g722"
	"muster/media/codec/opus"
	"muster/media/codec/resample"
)

// Everything is mixed as one channel at this rate, in frames of 20 ms.
const (
	mixRate = 48000
	frame   = mixRate / 50 // samples
)

// AudioFormat says how sound is encoded on one leg.
type AudioFormat struct {
	Codec codec.ID // Opus, G711, G722; AAC for what a room hears, not for what it sends
	MULaw bool     // G711 only
	AAC   *mpeg4audio.AudioSpecificConfig
}

// valid reports whether a room can hear the format.
func (f AudioFormat) valid() bool {
	return f.sent() || f.Codec == codec.AAC && aac.Supports(f.AAC)
}

// sent reports whether a room can be heard in the format.
func (f AudioFormat) sent() bool {
	return f.Codec == codec.Opus || f.Codec == codec.G711 || f.Codec == codec.G722
}

// Clock returns the rate of the format's RTP timestamps in Hz. G.722's is 8000,
// by an old mistake that became the rule (RFC 3551 §4.5.2).
func (f AudioFormat) Clock() uint32 {
	switch f.Codec {
	case codec.Opus:
		return 48000
	case codec.AAC:
		return uint32(f.AAC.SampleRate)
	}
	return 8000
}

// decoder turns payloads into sound at mixRate. All its methods append to dst.
type decoder interface {
	decode(dst []int16, payload []byte) ([]int16, error)
	// conceal makes up samples for a lost packet; after is the packet behind the
	// gap, which may hold a copy of what was lost, or nil.
	conceal(dst []int16, samples int, after []byte) []int16
	// length returns the samples in a payload, at the format's RTP clock.
	length(payload []byte) (uint32, error)
	close()
}

func newDecoder(f AudioFormat) (decoder, error) {
	switch f.Codec {
	case codec.Opus:
		d, err := opus.NewDecoder(1)
		if err != nil {
			return nil, fmt.Errorf("opus decoder: %w", err)
		}
		return &opusDecoder{d: d}, nil
	case codec.G711:
		up, err := resample.New(8000, mixRate, 1)
		return &narrow{ulaw: f.MULaw, up: up}, err
	case codec.G722:
		up, err := resample.New(16000, mixRate, 1)
		return &wide{d: g722.NewDecoder(), up: up}, err
	case codec.AAC:
		d, err := aac.NewDecoder(f.AAC)
		if err != nil {
			return nil, fmt.Errorf("aac decoder: %w", err)
		}
		up, err := resample.New(f.AAC.SampleRate, mixRate, 1)
		return &advanced{d: d, up: up}, err
	}
	return nil, ErrFormat
}

var errLength = errors.New("a packet holds no sound or too much of it")

// longest is the most sound one packet may hold, samples at mixRate: 120 ms,
// which is the most that Opus allows (RFC 6716 §2.1.4). Of AAC it is one frame,
// 128 ms at 8 kHz.
const (
	longest    = 6 * frame
	longestAAC = aac.Samples * mixRate / 8000
)

type opusDecoder struct {
	d   *opus.Decoder
	pcm [longest]int16
}

func (o *opusDecoder) decode(dst []int16, b []byte) ([]int16, error) {
	n, err := o.d.Decode(b, o.pcm[:])
	if err != nil {
		return dst, err
	}
	return append(dst, o.pcm[:n]...), nil
}

func (o *opusDecoder) conceal(dst []int16, samples int, after []byte) []int16 {
	pcm := o.pcm[:min(samples, longest)]
	if after != nil {
		if n, err := o.d.DecodeFEC(after, pcm); err == nil {
			return append(dst, pcm[:n]...)
		}
	}
	n, err := o.d.Conceal(pcm)
	if err != nil {
		return append(dst, make([]int16, samples)...)
	}
	return append(dst, pcm[:n]...)
}

func (o *opusDecoder) length(b []byte) (uint32, error) {
	n, err := opus.Samples(b)
	if err != nil || n == 0 || n > longest {
		return 0, errLength
	}
	return uint32(n), nil
}

func (o *opusDecoder) close() { o.d.Close() }

// fade fills gaps of codecs that have no concealment of their own: the last
// frame again, softer each time.
type fade struct {
	last []int16
	n    int // frames in a row
}

func (f *fade) heard(pcm []int16) {
	f.last = append(f.last[:0], pcm...)
	f.n = 0
}

func (f *fade) conceal(dst []int16, samples int) []int16 {
	f.n++
	for i := range samples {
		var s int16
		if len(f.last) > 0 && f.n < 4 {
			s = f.last[i%len(f.last)] >> f.n
		}
		dst = append(dst, s)
	}
	return dst
}

type narrow struct {
	ulaw bool
	up   *resample.Resampler
	pcm  [longest / 6]int16
	fade
}

func (d *narrow) decode(dst []int16, b []byte) ([]int16, error) {
	if len(b) == 0 || len(b) > len(d.pcm) {
		return dst, errLength
	}
	pcm := d.pcm[:len(b)]
	if d.ulaw {
		g711.DecodeU(pcm, b)
	} else {
		g711.DecodeA(pcm, b)
	}
	at := len(dst)
	dst = d.up.Process(dst, pcm)
	d.heard(dst[at:])
	return dst, nil
}

func (d *narrow) conceal(dst []int16, samples int, _ []byte) []int16 {
	return d.fade.conceal(dst, samples)
}

func (d *narrow) length(b []byte) (uint32, error) {
	if len(b) == 0 || len(b) > len(d.pcm) {
		return 0, errLength
	}
	return uint32(len(b)), nil
}

func (d *narrow) close() {}

type wide struct {
	d   *g722.Decoder
	up  *resample.Resampler
	pcm [longest / 3]int16
	fade
}

func (d *wide) decode(dst []int16, b []byte) ([]int16, error) {
	if len(b) == 0 || 2*len(b) > len(d.pcm) {
		return dst, errLength
	}
	n := d.d.Decode(d.pcm[:], b)
	at := len(dst)
	dst = d.up.Process(dst, d.pcm[:n])
	d.heard(dst[at:])
	return dst, nil
}

func (d *wide) conceal(dst []int16, samples int, _ []byte) []int16 {
	return d.fade.conceal(dst, samples)
}

func (d *wide) length(b []byte) (uint32, error) {
	if len(b) == 0 || 2*len(b) > len(d.pcm) {
		return 0, errLength
	}
	return uint32(len(b)), nil
}

func (d *wide) close() {}

// advanced decodes AAC.
type advanced struct {
	d   *aac.Decoder
	up  *resample.Resampler
	pcm [aac.Samples]int16
	fade
}

func (d *advanced) decode(dst []int16, b []byte) ([]int16, error) {
	pcm, err := d.d.Decode(d.pcm[:0], b)
	if err != nil {
		return dst, err
	}
	at := len(dst)
	dst = d.up.Process(dst, pcm)
	d.heard(dst[at:])
	return dst, nil
}

func (d *advanced) conceal(dst []int16, samples int, _ []byte) []int16 {
	return d.fade.conceal(dst, samples)
}

func (d *advanced) length(b []byte) (uint32, error) {
	if len(b) == 0 {
		return 0, errLength
	}
	return aac.Samples, nil
}

func (d *advanced) close() {}

// encoder turns frames of the mix into payloads.
type encoder interface {
	encode(pcm []int16, out []byte) (int, error)
	// lose says how many of the packets get lost, in percent.
	lose(percent int)
	close()
}

// mixBitrate is what the mix is encoded with: speech and the sound of feeds.
const mixBitrate = 48000 // bit/s

// newEncoder returns an encoder for mixes. Opus takes them for sound in general
// and not for a voice: that costs half, and the copies of packets, which only the
// codec for voices can make, are made when packets get lost.
func newEncoder(f AudioFormat) (encoder, error) {
	switch f.Codec {
	case codec.Opus:
		return newOpusEncoder(opus.Audio, 0)
	case codec.G711:
		down, err := resample.New(mixRate, 8000, 1)
		return &narrowEncoder{ulaw: f.MULaw, down: down}, err
	case codec.G722:
		down, err := resample.New(mixRate, 16000, 1)
		return &wideEncoder{e: g722.NewEncoder(), down: down}, err
	}
	return nil, ErrFormat
}

type opusEncoder struct{ e *opus.Encoder }

func newOpusEncoder(application opus.Application, loss int) (encoder, error) {
	e, err := opus.NewEncoder(opus.EncoderConfig{Channels: 1, Bitrate: mixBitrate, Complexity: 5, Application: application, FEC: true, LossPercent: loss})
	if err != nil {
		return nil, fmt.Errorf("opus encoder: %w", err)
	}
	return opusEncoder{e}, nil
}

// Packets of mixes carry copies from copyFrom percent of loss on, for which Opus
// has to be told of at least copyLoss.
const (
	copyFrom = 2
	copyLoss = 6
)

func (o opusEncoder) lose(percent int) {
	if percent >= copyFrom {
		percent = max(percent, copyLoss)
	}
	_ = o.e.SetLoss(min(max(percent, 0), 100)) // fails only for what is out of range
}

func (o opusEncoder) encode(pcm []int16, out []byte) (int, error) { return o.e.Encode(pcm, out) }
func (o opusEncoder) close()                                      { o.e.Close() }

type narrowEncoder struct {
	ulaw bool
	down *resample.Resampler
	pcm  []int16
}

func (e *narrowEncoder) encode(pcm []int16, out []byte) (int, error) {
	e.pcm = e.down.Process(e.pcm[:0], pcm)
	if len(out) < len(e.pcm) {
		return 0, errLength
	}
	if e.ulaw {
		g711.EncodeU(out, e.pcm)
	} else {
		g711.EncodeA(out, e.pcm)
	}
	return len(e.pcm), nil
}

func (e *narrowEncoder) lose(int) {}
func (e *narrowEncoder) close()   {}

type wideEncoder struct {
	e    *g722.Encoder
	down *resample.Resampler
	pcm  []int16
}

func (e *wideEncoder) encode(pcm []int16, out []byte) (int, error) {
	e.pcm = e.down.Process(e.pcm[:0], pcm)
	if len(out) < len(e.pcm)/2 {
		return 0, errLength
	}
	return e.e.Encode(out, e.pcm), nil
}

func (e *wideEncoder) lose(int) {}
func (e *wideEncoder) close()   {}
