package prompt

import (
	"muster/media/codec/dtmf"
	"muster/media/codec/g711"
	"muster/media/codec/g722"
	"muster/media/codec/opus"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// maxPayload is the largest payload that is listened to: 200 ms of G.711. Opus
// has its own limit.
const maxPayload = 1600

// Keys returns a function that takes a phone's audio and calls key for each key
// heard in it (ITU-T Q.24). It is for one goroutine at a time. Packets that come
// late are left out.
func (v *Voice) Keys(f sdp.Format, key func(digit byte)) func(rtp.Packet) {
	rate, decode := decoder(f.Name)
	if decode == nil {
		return func(rtp.Packet) {}
	}
	detector := dtmf.NewDetector(rate)
	digits := make([]byte, 0, 16)
	var last uint16
	begun := false
	return func(p rtp.Packet) {
		if d := p.Seq - last; begun && (d == 0 || d > 1<<15) {
			return
		}
		begun, last = true, p.Seq
		digits = detector.Process(digits[:0], decode(p.Payload))
		for _, d := range digits {
			key(d)
		}
	}
}

// decoder returns the sampling rate of a codec and what makes PCM of its
// payloads, valid until the next call; nil for codecs that are not spoken.
func decoder(codec string) (rate int, decode func(payload []byte) []int16) {
	log := func(f func([]int16, []byte) int) func([]byte) []int16 {
		pcm := make([]int16, maxPayload)
		return func(b []byte) []int16 { return pcm[:f(pcm, b[:min(len(b), maxPayload)])] }
	}
	switch codec {
	case "PCMU":
		return 8000, log(g711.DecodeU)
	case "PCMA":
		return 8000, log(g711.DecodeA)
	case "G722":
		d := g722.NewDecoder()
		pcm := make([]int16, 2*maxPayload)
		return g722.Rate, func(b []byte) []int16 { return pcm[:d.Decode(pcm, b[:min(len(b), maxPayload)])] }
	case "opus":
		d, err := opus.NewDecoder(1)
		if err != nil {
			return 0, nil
		}
		pcm := make([]int16, opus.MaxSamples)
		return opus.Rate, func(b []byte) []int16 {
			n, err := d.Decode(b, pcm)
			if err != nil {
				return nil
			}
			return pcm[:n]
		}
	}
	return 0, nil
}
