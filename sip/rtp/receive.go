package rtp

import (
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"muster/media/codec"
	"muster/sip/sdp"
)

// receiver keeps the statistics of RFC 3550 §A and makes access units.
type receiver struct {
	ssrc        uint32
	begun       bool
	base        uint16
	cycles      uint32
	highest     uint16
	received    uint32
	jitter      float64
	transit     uint32
	expectedWas uint32
	receivedWas uint32
	lastSR      uint32 // middle of its NTP time
	lastSRAt    time.Time

	name   string
	units  *codec.Depacketizer // of H264
	frames vp8Frames
	order  order
	params *codec.Format
	first  uint32 // timestamp that is zero
	clock  int64  // ticks since first
	timed  bool

	asked  time.Time // for a picture, last
	firSeq uint8
}

// format begins anew when the codec has changed.
func (r *receiver) format(f sdp.Format, video bool) {
	if !video || r.name == f.Name {
		return
	}
	r.name = f.Name
	r.order, r.frames = order{}, vp8Frames{}
	r.units = nil
	if f.Name == "VP8" {
		r.params = codec.NewVideo(codec.VP8)
		return
	}
	r.params = codec.NewVideo(codec.H264)
	var err error
	// Reading takes either packetization mode.
	if r.units, err = codec.NewDepacketizer(&format.H264{PayloadTyp: f.Receive, PacketizationMode: 1}); err != nil {
		r.units = nil
	}
}

// count takes one packet into the statistics.
func (r *receiver) count(h *rtp.Header, now time.Time, rate int) {
	arrival := uint32(now.UnixNano() / 1000 * int64(rate) / 1e6)
	if !r.begun || r.ssrc != h.SSRC {
		r.begun, r.ssrc, r.base, r.highest = true, h.SSRC, h.SequenceNumber, h.SequenceNumber
		r.cycles, r.received, r.jitter, r.expectedWas, r.receivedWas = 0, 0, 0, 0, 0
		r.transit = arrival - h.Timestamp
	}
	if d := h.SequenceNumber - r.highest; d != 0 && d < 1<<15 {
		if h.SequenceNumber < r.highest {
			r.cycles += 1 << 16
		}
		r.highest = h.SequenceNumber
	}
	r.received++
	transit := arrival - h.Timestamp
	d := int32(transit - r.transit)
	r.transit = transit
	if d < 0 {
		d = -d
	}
	r.jitter += (float64(d) - r.jitter) / 16
}

func (r *receiver) expected() uint32 { return r.cycles + uint32(r.highest) - uint32(r.base) + 1 }

func (r *receiver) lost() int64 {
	if !r.begun {
		return 0
	}
	return max(0, int64(r.expected())-int64(r.received))
}

// block makes the report about the other side (RFC 3550 §6.4.1).
func (r *receiver) block(now time.Time) []rtcp.ReceptionReport {
	if !r.begun {
		return nil
	}
	expected := r.expected()
	de, dr := expected-r.expectedWas, r.received-r.receivedWas
	r.expectedWas, r.receivedWas = expected, r.received
	fraction := uint8(0)
	if de > dr && de > 0 {
		fraction = uint8(min(255, (de-dr)*256/de))
	}
	b := rtcp.ReceptionReport{
		SSRC: r.ssrc, FractionLost: fraction, TotalLost: uint32(min(r.lost(), 1<<23-1)),
		LastSequenceNumber: r.cycles + uint32(r.highest), Jitter: uint32(r.jitter), LastSenderReport: r.lastSR,
	}
	if !r.lastSRAt.IsZero() {
		b.Delay = uint32(now.Sub(r.lastSRAt) * 65536 / time.Second)
	}
	return []rtcp.ReceptionReport{b}
}

// picture takes one packet and returns the access units that are complete.
// broken says that something is missing.
func (r *receiver) picture(h *rtp.Header, payload []byte, now time.Time) (out []Unit, broken bool) {
	pkt := &rtp.Packet{Header: *h, Payload: append([]byte(nil), payload...)}
	pkt.Padding, pkt.PaddingSize = false, 0
	pkts, lost := r.order.process(pkt)
	broken = lost > 0
	for _, p := range pkts {
		au, err := r.unit(p)
		if err != nil {
			broken = true
			continue
		}
		if au == nil {
			continue
		}
		var key bool
		au, r.params, key = codec.Normalize(r.params, au)
		if len(au) > 0 {
			out = append(out, Unit{AU: au, PTS: r.pts(p.Timestamp), Key: key})
		}
	}
	return out, broken
}

// unit takes one packet in its order. It returns nil while a unit is not
// complete.
func (r *receiver) unit(p *rtp.Packet) ([][]byte, error) {
	if r.units != nil {
		return r.units.Depacketize(p)
	}
	if len(p.Payload) == 0 {
		return nil, nil // padding only
	}
	frame, err := r.frames.packet(p.SequenceNumber, p.Timestamp, p.Marker, p.Payload)
	if frame == nil {
		return nil, err
	}
	return [][]byte{frame}, nil
}

// pts turns timestamps, which wrap, into a time that does not.
func (r *receiver) pts(ts uint32) time.Duration {
	if !r.timed {
		r.timed, r.first, r.clock = true, ts, 0
	}
	r.clock += int64(int32(ts - r.first))
	r.first = ts
	return time.Duration(r.clock) * time.Second / 90000
}
