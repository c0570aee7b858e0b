package rtc

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"muster/media"
	"muster/media/codec"
)

// outTrack sends one track of a stream to one peer. It is a webrtc.TrackLocal.
type outTrack struct {
	source *media.Track
	codec  offeredCodec
	rtxPT  webrtc.PayloadType // 0: the peer takes no separate retransmissions
	sender *webrtc.RTPSender

	mu      sync.Mutex // guards what follows; held while a packet is encrypted
	bound   bool
	stream  webrtc.TrackLocalWriter
	ssrc    webrtc.SSRC
	rtxSSRC webrtc.SSRC
	header  rtp.Header
	seq     uint16
	rtxSeq  uint16
	past    history[timedPacket]
	packets uint32
	octets  uint32
}

// timedPacket is a packet of the hub with its timestamp for the peer.
type timedPacket struct {
	pkt []byte // shared with all readers; never written to
	ts  uint32
}

func newOutTrack(t *media.Track, c offeredCodec, rtx webrtc.PayloadType) *outTrack {
	if t.Format().Kind() != codec.Video {
		rtx = 0
	}
	return &outTrack{source: t, codec: c, rtxPT: rtx, seq: uint16(rand.Uint32()), rtxSeq: uint16(rand.Uint32())}
}

// feedback lists what the peer may tell us about the track.
func (o *outTrack) feedback() []webrtc.RTCPFeedback {
	if o.Kind() == webrtc.RTPCodecTypeAudio {
		return []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBNACK}}
	}
	return []webrtc.RTCPFeedback{
		{Type: webrtc.TypeRTCPFBNACK}, {Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"}, {Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
	}
}

var errNoCodec = errors.New("the codec of the offer was not negotiated")

// Bind implements webrtc.TrackLocal.
func (o *outTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range c.CodecParameters() {
		if p.PayloadType != o.codec.pt {
			continue
		}
		o.stream, o.ssrc, o.rtxSSRC = c.WriteStream(), c.SSRC(), c.SSRCRetransmission()
		if o.rtxSSRC == 0 {
			o.rtxPT = 0
		}
		o.header = rtp.Header{Version: 2}
		size := audioHistory
		if o.Kind() == webrtc.RTPCodecTypeVideo {
			size = videoHistory
		}
		o.past = newHistory[timedPacket](size)
		o.bound = true
		return p, nil
	}
	return webrtc.RTPCodecParameters{}, errNoCodec
}

// Unbind implements webrtc.TrackLocal.
func (o *outTrack) Unbind(webrtc.TrackLocalContext) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bound, o.past = false, history[timedPacket]{}
	return nil
}

// ID implements webrtc.TrackLocal.
func (o *outTrack) ID() string { return string(o.source.Format().Kind()) }

// RID implements webrtc.TrackLocal: there is no simulcast to readers.
func (o *outTrack) RID() string { return "" }

// StreamID implements webrtc.TrackLocal: what has the same is kept in step.
func (o *outTrack) StreamID() string { return "muster" }

// Kind implements webrtc.TrackLocal.
func (o *outTrack) Kind() webrtc.RTPCodecType {
	if o.source.Format().Kind() == codec.Video {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}

// send writes a packet of the hub with shift added to its timestamp.
func (o *outTrack) send(pkt []byte, shift uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.bound {
		return
	}
	seq, ts := o.seq, codec.PacketTimestamp(pkt)+shift
	o.seq++
	o.past.keep(seq, timedPacket{pkt, ts})
	o.packets++
	o.octets += uint32(len(codec.PacketPayload(pkt)))
	o.write(o.codec.pt, o.ssrc, seq, ts, pkt, codec.PacketPayload(pkt))
}

// write is called with mu held. An error means that the peer is going; the
// session notices by itself.
func (o *outTrack) write(pt webrtc.PayloadType, ssrc webrtc.SSRC, seq uint16, ts uint32, pkt, payload []byte) {
	o.header.Marker = codec.PacketMarker(pkt)
	o.header.PayloadType, o.header.SSRC = uint8(pt), uint32(ssrc)
	o.header.SequenceNumber, o.header.Timestamp = seq, ts
	_, _ = o.stream.WriteRTP(&o.header, payload)
}

// resend answers a NACK, by RTX where the peer takes it (RFC 4588). It returns how
// many were sent and how many could not be.
func (o *outTrack) resend(nacks []rtcp.NackPair, now time.Time) (sent, missed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var buf [codec.MaxPayload + 2]byte
	return o.past.again(nacks, now, func(seq uint16, p *timedPacket) {
		payload := codec.PacketPayload(p.pkt)
		if o.rtxPT == 0 || len(payload)+2 > len(buf) {
			o.write(o.codec.pt, o.ssrc, seq, p.ts, p.pkt, payload)
			return
		}
		binary.BigEndian.PutUint16(buf[:], seq)
		n := copy(buf[2:], payload)
		o.write(o.rtxPT, o.rtxSSRC, o.rtxSeq, p.ts, p.pkt, buf[:2+n])
		o.rtxSeq++
	})
}

// senderClock relates the stream's time to the wall clock for sender reports.
// All tracks use the same relation, which is what keeps sound and picture in
// step (RFC 3550 §6.4.1). Units come late by what encoders and networks held
// them up, never early, so the earliest seen tell the relation; it may drift
// by one part in a thousand.
type senderClock struct {
	set  bool
	zero time.Time // wall clock at stream time 0
	seen time.Time
	last time.Time // of the last reports
}

const (
	clockDrift = 1000            // the relation moves by 1/clockDrift of the time gone by
	clockJump  = 2 * time.Second // a stream whose time jumped this far is taken as it is
)

// reportEvery is the rhythm of sender reports.
const reportEvery = time.Second

// saw takes note of a delivery that has just been sent.
func (c *senderClock) saw(d media.Delivery, now time.Time) {
	zero := now.Add(-media.Seconds(d.At, d.Format.ClockRate))
	late := zero.Sub(c.zero)
	switch {
	case !c.set || late < 0 || late > clockJump:
		c.zero = zero
	default:
		c.zero = c.zero.Add(min(late, now.Sub(c.seen)/clockDrift))
	}
	c.set, c.seen = true, now
}

func (c *senderClock) due(now time.Time) bool {
	if !c.set || now.Sub(c.last) < reportEvery {
		return false
	}
	c.last = now
	return true
}

// report returns the sender report of the track, nil before its first packet.
func (o *outTrack) report(c *senderClock, now time.Time) rtcp.Packet {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.bound || o.packets == 0 {
		return nil
	}
	at := media.Ticks(now.Sub(c.zero), o.source.Format().ClockRate)
	return &rtcp.SenderReport{
		SSRC: uint32(o.ssrc), NTPTime: ntp(now), RTPTime: o.source.RTPTime(at),
		PacketCount: o.packets, OctetCount: o.octets,
	}
}

// ntp converts to the 64-bit format of RFC 3550 §4.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800 // seconds from 1900 to 1970
	ns := uint64(t.Nanosecond())
	return uint64(t.Unix()+since1900)<<32 | (ns<<32)/uint64(time.Second)
}

// fromNTP converts from the 64-bit format of RFC 3550 §4.
func fromNTP(v uint64) time.Time {
	const since1900 = 2208988800
	return time.Unix(int64(v>>32)-since1900, int64((v&0xFFFFFFFF)*uint64(time.Second)>>32))
}
