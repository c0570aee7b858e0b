package codec

import (
	"bytes"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"
)

func filled(n int, first ...byte) []byte {
	return append(first, bytes.Repeat([]byte{0xAB}, n-len(first))...)
}

var aacLC = NewAAC(&mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2})

// TestPacketsRoundTrip sends access units through the server's packets and back.
func TestPacketsRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    *Format
		au   [][]byte
	}{
		{"H264 small and large", NewVideo(H264), [][]byte{{0x67, 1, 2, 3}, {0x68, 1}, filled(5000, 0x65)}},
		{"H265", NewVideo(H265), [][]byte{{0x40, 1, 2}, filled(4000, 0x26, 1)}},
		{"VP8", NewVideo(VP8), [][]byte{filled(3000, 0)}},
		{"VP9", NewVideo(VP9), [][]byte{filled(3000, 0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xF0, 0x1D, 0xF6)}},
		{"AV1", NewVideo(AV1), [][]byte{filled(3000, 0x30)}},
		{"AAC", aacLC, [][]byte{filled(300, 1), filled(200, 2)}},
		{"Opus", NewOpus(2), [][]byte{filled(120, 0xFC)}},
		{"G711", &Format{Codec: G711, ClockRate: 8000, Channels: 1, MULaw: true}, [][]byte{filled(160, 1)}},
		{"G722", &Format{Codec: G722, ClockRate: 8000, Channels: 1}, [][]byte{filled(160, 1)}},
		{"LPCM", &Format{Codec: LPCM, ClockRate: 48000, Channels: 2, BitDepth: 16}, [][]byte{filled(960, 1)}},
		{"KLV", &Format{Codec: KLV, ClockRate: 90000}, [][]byte{filled(2000, 6, 0xE, 0x2B, 0x34)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := NewPacketizer(tc.f, 96, 0x01020304)
			if err != nil {
				t.Fatal(err)
			}
			pkts, err := p.Packetize(tc.au, 1000)
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDepacketizer(tc.f.SDP(96))
			if err != nil {
				t.Fatal(err)
			}
			var got [][]byte
			for i := range pkts.Len() {
				raw := pkts.At(i)
				if len(PacketPayload(raw)) > MaxPayload {
					t.Errorf("packet %d has %d bytes of payload", i, len(PacketPayload(raw)))
				}
				var pkt rtp.Packet
				if err := pkt.Unmarshal(bytes.Clone(raw)); err != nil {
					t.Fatal(err)
				}
				if pkt.SSRC != 0x01020304 || int(pkt.SequenceNumber) != i || i == 0 && pkt.Timestamp != 1000 {
					t.Fatalf("header %+v", pkt.Header)
				}
				au, err := d.Depacketize(&pkt)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, au...)
			}
			if len(got) != len(tc.au) {
				t.Fatalf("%d parts became %d", len(tc.au), len(got))
			}
			for i := range got {
				if !bytes.Equal(got[i], tc.au[i]) {
					t.Errorf("part %d differs", i)
				}
			}
		})
	}
}

func TestInterleavedFraming(t *testing.T) {
	p, err := NewPacketizer(NewVideo(H264), 96, 1)
	if err != nil {
		t.Fatal(err)
	}
	pkts, err := p.Packetize([][]byte{filled(3000, 0x65)}, 7)
	if err != nil {
		t.Fatal(err)
	}
	buf := bytes.Clone(pkts.Interleaved())
	for i := range pkts.Len() {
		n := int(buf[2])<<8 | int(buf[3])
		if buf[0] != '$' || !bytes.Equal(buf[4:4+n], pkts.At(i)) {
			t.Fatalf("frame %d", i)
		}
		Patch(buf[4:4+n], 500, 600)
		if PacketTimestamp(buf[4:]) != 600 || PacketTimestamp(pkts.At(i)) != 7 {
			t.Fatal("patching a copy")
		}
		if PacketMarker(buf[4:]) != (i == pkts.Len()-1) {
			t.Fatal("marker")
		}
		buf = buf[4+n:]
	}
	if len(buf) != 0 {
		t.Fatalf("%d bytes left over", len(buf))
	}
}

func TestSDPRoundTrip(t *testing.T) {
	for _, f := range []*Format{
		{Codec: H264, ClockRate: 90000, Channels: 1, SPS: []byte{0x67, 0x42, 0xC0, 0x1F}, PPS: []byte{0x68, 1}},
		NewVideo(H265), NewVideo(VP8), NewVideo(VP9), NewVideo(AV1), NewOpus(2), aacLC,
		{Codec: G711, ClockRate: 8000, Channels: 1, MULaw: true},
	} {
		back := FromSDP(&noMedia, f.SDP(96))
		if back.Codec != f.Codec || back.ClockRate != f.ClockRate || !bytes.Equal(back.SPS, f.SPS) || f.Kind() == Audio && back.Channels != f.Channels {
			t.Errorf("%v became %v", f, back)
		}
	}
	if pt := (&Format{Codec: G711, ClockRate: 8000, MULaw: true}).SDP(97).PayloadType(); pt != 0 {
		t.Errorf("PCMU has payload type %d, RFC 3551 says 0", pt)
	}
	odd := &format.Generic{PayloadTyp: 98, RTPMa: "private/90000", ClockRat: 90000}
	if err := odd.Init(); err != nil {
		t.Fatal(err)
	}
	if FromSDP(&noMedia, odd).Codec != Opaque {
		t.Error("an unknown payload is not opaque")
	}
}

func TestNormalize(t *testing.T) {
	sps, pps, idr, p := []byte{0x67, 1}, []byte{0x68, 2}, []byte{0x65, 3}, []byte{0x41, 4}
	known := &Format{Codec: H264, ClockRate: 90000, SPS: sps, PPS: pps}
	for _, tc := range []struct {
		name    string
		f       *Format
		in, out [][]byte
		key     bool
		changed bool
	}{
		{"parameters before a key frame", NewVideo(H264), [][]byte{{0x09, 0xF0}, sps, pps, idr}, [][]byte{sps, pps, idr}, true, true},
		{"key frame without parameters in band", known, [][]byte{idr}, [][]byte{sps, pps, idr}, true, false},
		{"key frame of unknown parameters", NewVideo(H264), [][]byte{idr}, [][]byte{idr}, false, false},
		{"inter frame", known, [][]byte{p, {}}, [][]byte{p}, false, false},
		{"parameters alone", known, [][]byte{{0x67, 9}, pps}, nil, false, true},
		{"two picture parameter sets", known, [][]byte{sps, pps, {0x68, 7}, idr}, [][]byte{sps, pps, {0x68, 7}, idr}, true, false},
		{"parameters change between key frames", known, [][]byte{{0x68, 8}, p}, [][]byte{sps, {0x68, 8}, p}, false, true},
		{"recovery point", known, [][]byte{{0x06, 6, 1, 0x84}, p}, [][]byte{sps, pps, {0x06, 6, 1, 0x84}, p}, true, false},
		{"nothing", known, [][]byte{nil, {}}, nil, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, now, key := Normalize(tc.f, tc.in)
			if key != tc.key || (now != tc.f) != tc.changed || len(out) != len(tc.out) {
				t.Fatalf("key %v, changed %v, out %x", key, now != tc.f, out)
			}
			for i := range out {
				if !bytes.Equal(out[i], tc.out[i]) {
					t.Fatalf("out %x", out)
				}
			}
		})
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add(uint8(0), []byte{0x67, 0x42, 0, 0x1F}, []byte{0x65, 1})
	f.Add(uint8(1), []byte{0x42, 1, 1}, []byte{0x26, 1})
	f.Add(uint8(4), []byte{0x0A, 1, 0}, []byte{0x32})
	ids := []ID{H264, H265, VP8, VP9, AV1, MPEG4Video, MPEG1Video, MJPEG, Opus}
	f.Fuzz(func(t *testing.T, which uint8, a, b []byte) {
		id := ids[int(which)%len(ids)]
		out, now, _ := Normalize(NewVideo(id), [][]byte{a, b})
		now.Size()
		_ = now.String()
		if len(out) == 0 {
			return
		}
		p, err := NewPacketizer(now, 96, 1)
		if err != nil {
			t.Fatal(err)
		}
		// An access unit that has no RTP form is an error, never a panic.
		_, _ = p.Packetize(out, 0)
	})
}

func FuzzDepacketize(f *testing.F) {
	f.Add(uint8(0), []byte{0x7C, 0x85, 1, 2}, []byte{0x7C, 0x45, 3})
	f.Add(uint8(5), []byte{0, 16, 0, 8, 1}, []byte{})
	formats := []*Format{
		NewVideo(H264), NewVideo(H265), NewVideo(VP8), NewVideo(VP9), NewVideo(AV1), aacLC, NewOpus(2),
		NewVideo(MPEG4Video), NewVideo(MPEG1Video), NewVideo(MJPEG), {Codec: MP3, ClockRate: 90000},
		{Codec: AC3, ClockRate: 48000, Channels: 2}, {Codec: KLV, ClockRate: 90000}, {Codec: G722, ClockRate: 8000},
	}
	f.Fuzz(func(t *testing.T, which uint8, a, b []byte) {
		format := formats[int(which)%len(formats)]
		d, err := NewDepacketizer(format.SDP(96))
		if err != nil {
			t.Fatal(err)
		}
		for i, payload := range [][]byte{a, b} {
			pkt := rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Marker: i == 1}, Payload: payload}
			if au, err := d.Depacketize(&pkt); err == nil && au != nil {
				Normalize(format, au)
			}
		}
	})
}
