package mcu

import (
	"time"

	"github.com/pion/rtp"

	"muster/media"
	"muster/media/codec"
)

// Frame is one whole picture. It is read-only.
type Frame struct {
	AU  [][]byte      // NAL units of H264 without start codes, or one frame of VP8
	PTS time.Duration // on a clock that begins anywhere and has no steps back
	Key bool          // it can be decoded by itself
}

// frames puts the packets of a Window together to whole pictures, each on the
// 90 kHz clock of the window. Its owner serialises the calls, as a Window does.
type frames struct {
	emit func(Frame)
	lost func() // a picture is missing, and those after it need it

	id     codec.ID // of what comes now
	format *codec.Format
	order  *codec.Reorder
	depack *codec.Depacketizer // nil: what comes cannot be read

	began bool
	last  uint32 // newest timestamp
	pts   time.Duration
}

// packets takes what a window sends.
func (f *frames) packets(out []Outgoing) {
	for i := range out {
		f.packet(&out[i])
	}
}

func (f *frames) packet(o *Outgoing) {
	if f.order == nil || f.id != o.Codec {
		f.id, f.format = o.Codec, codec.NewVideo(o.Codec)
		f.order = codec.NewReorder(codec.Video)
		f.depack, _ = codec.NewDepacketizer(f.format.SDP(0)) // nil where there is none
	}
	if f.depack == nil {
		return
	}
	ready, lost := f.order.Push(&rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: o.Seq, Timestamp: o.Timestamp, Marker: o.Marker},
		Payload: o.Payload,
	}, time.Now())
	if lost > 0 {
		f.lost()
	}
	for _, p := range ready {
		au, err := f.depack.Depacketize(p)
		if err != nil {
			f.lost()
			continue
		}
		if au != nil {
			f.whole(au, p.Timestamp)
		}
	}
}

func (f *frames) whole(au [][]byte, ts uint32) {
	au, format, key := codec.Normalize(f.format, au)
	f.format = format
	if len(au) == 0 {
		return
	}
	if f.began {
		f.pts += time.Duration(int32(ts-f.last)) * time.Second / videoClock
	}
	f.began, f.last = true, ts
	f.emit(Frame{AU: au, PTS: f.pts, Key: key})
}

// FrameWriter writes whole frames to layers of tracks, in packets. It is not safe
// for concurrent use, and each layer has one of its own.
type FrameWriter struct {
	pack *codec.Packetizer
	seq  uint16
	out  []*Packet // of the frame being written
}

// NewFrameWriter returns a writer of frames of H264 or VP8.
func NewFrameWriter(id codec.ID) (*FrameWriter, error) {
	pack, err := codec.NewPacketizer(codec.NewVideo(id), 96, 0)
	if err != nil {
		return nil, err
	}
	return &FrameWriter{pack: pack}, nil
}

// Write writes a frame, made at pts, to a layer of t. One that has no RTP form is
// left out.
func (w *FrameWriter) Write(t *Track, layer int, au [][]byte, pts time.Duration) {
	ts := uint32(media.Ticks(pts, videoClock))
	pkts, err := w.pack.Packetize(au, ts)
	if err != nil {
		return
	}
	w.out = w.out[:0]
	for i := range pkts.Len() {
		pkt := pkts.At(i)
		w.out = append(w.out, &Packet{Seq: w.seq, Timestamp: ts, Marker: codec.PacketMarker(pkt), Payload: codec.PacketPayload(pkt)})
		w.seq++
	}
	t.Write(layer, w.out...)
	clear(w.out)
}
