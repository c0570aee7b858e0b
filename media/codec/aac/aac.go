// Package aac decodes AAC-LC, the MPEG-4 low complexity profile (ISO/IEC
// 14496-3 subpart 4), to one channel of PCM. Of HE-AAC it decodes the core, at
// the core's rate: what spectral band replication and parametric stereo would
// add is left out. The main, scalable, LTP, ELD and 960-sample variants are not
// decoded.
//
// It is pure: frames in, samples out. Every input ends in samples or an error.
package aac

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Samples is how many samples a frame holds.
const Samples = 1024

// The errors of this package.
var (
	// ErrConfig says that a stream of this configuration cannot be decoded.
	ErrConfig = errors.New("aac: not AAC-LC or the core of HE-AAC, of 1024 samples")
	// ErrFrame says that a frame is broken or holds what the profile has not.
	ErrFrame = errors.New("aac: a frame cannot be decoded")
)

const (
	// maxFrame bounds a frame in bytes: eight channels of 6144 bits (ISO/IEC
	// 14496-3 §4.5.3), and room for data beside the sound.
	maxFrame = 8192
	// maxChannels bounds the channels of a frame, without that of low
	// frequency effects.
	maxChannels = 8
	// maxCoupling bounds the coupling channels of a frame: their tags have 4 bits.
	maxCoupling = 16
)

// Supports reports whether streams of configuration c can be decoded; nil is
// none.
func Supports(c *mpeg4audio.AudioSpecificConfig) bool {
	if c == nil || c.Type != mpeg4audio.ObjectTypeAACLC || c.FrameLengthFlag || c.DependsOnCoreCoder {
		return false
	}
	return c.ChannelConfig <= 7 && bandsAt(c.SampleRate) != nil
}

// Decoder decodes one stream. It is for one goroutine at a time.
type Decoder struct {
	bands    *bands
	config   uint8 // channel configuration
	books    *books
	random   uint32 // state of the noise
	channels []channel
	spare    channel // what is parsed but not heard
	ms       msMask
	bank     *filterBank
	overlap  [Samples]float32 // second halves of the last frame, mixed
	time     [2 * Samples]float32

	weights func(channels int) []float32 // replaced by tests, which listen to single channels
}

// NewDecoder returns a decoder of streams with that configuration. The error is
// ErrConfig.
func NewDecoder(config *mpeg4audio.AudioSpecificConfig) (*Decoder, error) {
	if !Supports(config) {
		return nil, ErrConfig
	}
	n := maxChannels // defined in the stream
	if config.ChannelConfig > 0 {
		n = len(mixWeights[config.ChannelConfig])
	}
	d := &Decoder{
		bands: bandsAt(config.SampleRate), config: config.ChannelConfig, books: allBooks(), random: 1,
		channels: make([]channel, n), bank: newFilterBank(),
	}
	d.weights = d.weightsOf
	return d, nil
}

// Decode decodes a frame, which is one raw_data_block without an ADTS header,
// and appends Samples samples of one channel, a mix of all, to dst. It allocates
// nothing where dst has room for them. The error is ErrFrame: then dst is
// returned as it was, and the next frame can be decoded. As with every
// transform, the sound comes one frame late.
func (d *Decoder) Decode(dst []int16, frame []byte) ([]int16, error) {
	if len(frame) == 0 || len(frame) > maxFrame {
		return dst, fmt.Errorf("%w: %d bytes", ErrFrame, len(frame))
	}
	n, err := d.elements(&reader{b: frame})
	if err != nil {
		return dst, err
	}
	d.mix(n)
	for _, v := range d.time[:Samples] {
		dst = append(dst, clamp(v))
	}
	return dst, nil
}

// The syntactic elements of a frame (ISO/IEC 14496-3 table 4.71).
const (
	elementSingle = iota
	elementPair
	elementCoupling
	elementLFE
	elementData
	elementProgram
	elementFill
	elementEnd
)

// elements decodes the spectra of all channels and returns their number.
func (d *Decoder) elements(r *reader) (n int, err error) {
	for couplings := 0; ; {
		switch r.read(3) {
		case elementSingle:
			err = d.single(r, n)
			n++
		case elementPair:
			err = d.pair(r, n)
			n += 2
		case elementCoupling:
			if couplings++; couplings > maxCoupling {
				return 0, broken("coupling channels")
			}
			err = d.coupling(r)
		case elementLFE:
			r.skip(4)
			err = d.spare.parse(r, d, false)
		case elementData:
			skipData(r)
		case elementProgram:
			skipProgram(r)
		case elementFill:
			skipFill(r)
		default: // the end
			if r.over() {
				return 0, broken("it is cut off")
			}
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		if r.over() {
			return 0, broken("it is cut off")
		}
	}
}

// single decodes a channel of its own, the one at place n.
func (d *Decoder) single(r *reader, n int) error {
	if n >= len(d.channels) {
		return broken("too many channels")
	}
	c := &d.channels[n]
	r.skip(4) // instance tag
	if err := c.parse(r, d, false); err != nil {
		return err
	}
	c.scale()
	d.noise(c, nil, nil)
	c.shapeNoise()
	return nil
}

// pair decodes two channels, those at the places n and n+1.
func (d *Decoder) pair(r *reader, n int) error {
	if n+1 >= len(d.channels) {
		return broken("too many channels")
	}
	left, right := &d.channels[n], &d.channels[n+1]
	r.skip(4) // instance tag
	common := r.flag()
	d.ms.present = 0
	if common {
		if err := left.info.parse(r, d.bands); err != nil {
			return err
		}
		right.info = left.info
		if err := d.ms.parse(r, &left.info); err != nil {
			return err
		}
	}
	if err := left.parse(r, d, common); err != nil {
		return err
	}
	if err := right.parse(r, d, common); err != nil {
		return err
	}
	left.scale()
	right.scale()
	d.noise(left, nil, nil)
	d.noise(right, left, &d.ms)
	if common {
		d.ms.apply(left, right)
	}
	left.shapeNoise()
	right.shapeNoise()
	return nil
}

// mixWeights says how loud each channel is in the mix, by channel configuration
// and in the order of the elements (ISO/IEC 14496-3 table 1.19), without that of
// low frequency effects. Centre and surround are as ITU-R BS.775 weighs them.
var mixWeights = [8][]float32{
	1: {1},
	2: {1, 1},
	3: {centre, 1, 1},
	4: {centre, 1, 1, around},
	5: {centre, 1, 1, around, around},
	6: {centre, 1, 1, around, around},
	7: {centre, 1, 1, 1, 1, around, around},
}

const (
	centre = 1.4142135
	around = 0.70710678
)

// weightsOf returns the weights of a frame of n channels.
func (d *Decoder) weightsOf(n int) []float32 {
	if w := mixWeights[d.config]; len(w) == n {
		return w
	}
	return equalWeights[:n] // as the stream defines, or not as it promised
}

var equalWeights = [maxChannels]float32{1, 1, 1, 1, 1, 1, 1, 1}

// mix puts the sound of n channels into the first half of time. Mixing commutes
// with the transform, so channels whose windows are the same are transformed
// together.
func (d *Decoder) mix(n int) {
	copy(d.time[:Samples], d.overlap[:])
	clear(d.time[Samples:])
	weights, sum := d.weights(n), float32(0)
	for _, w := range weights {
		sum += w
	}
	for i := range n {
		c := &d.channels[i]
		w := weights[i] / sum
		for k := range c.spec {
			c.spec[k] *= w
		}
		c.window = window{c.info.sequence, c.before, c.info.shape}
		c.before = c.info.shape
	}
	for i := range n {
		c, merged := &d.channels[i], false
		for j := range i {
			if o := &d.channels[j]; o.window == c.window {
				for k := range c.spec {
					o.spec[k] += c.spec[k]
				}
				merged = true
				break
			}
		}
		c.merged = merged
	}
	for i := range n {
		if c := &d.channels[i]; !c.merged {
			d.bank.add(&d.time, &c.spec, c.window)
		}
	}
	copy(d.overlap[:], d.time[Samples:])
}

func clamp(v float32) int16 {
	switch {
	case v >= 32767:
		return 32767
	case v <= -32768:
		return -32768
	case v >= 0:
		return int16(v + 0.5)
	case v < 0:
		return int16(v - 0.5)
	}
	return 0 // not a number
}

func broken(what string) error { return fmt.Errorf("%w: %s", ErrFrame, what) }
