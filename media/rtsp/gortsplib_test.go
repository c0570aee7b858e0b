package rtsp

import (
	"bytes"
	"crypto/tls"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"muster/media/codec"
)

// gort returns a client of the library that MediaMTX is made of.
func gort(transport string) *gortsplib.Client {
	t := gortsplib.TransportTCP
	if transport == "udp" {
		t = gortsplib.TransportUDP
	}
	return &gortsplib.Client{Transport: &t, TLSConfig: &tls.Config{InsecureSkipVerify: true}}
}

// TestGortsplib uses the secure profile on RTSPS, as that library does, and carries what FFmpeg cannot send here: AV1, AC-3, metadata, and
// payloads that only RTSP can carry on.
func TestGortsplib(t *testing.T) {
	r := start(t, nil)
	for _, way := range []string{"tcp", "udp", "tls", "tls-udp"} {
		t.Run(way, func(t *testing.T) {
			url := r.url("alice", "cam-"+way)
			if strings.HasPrefix(way, "tls") {
				url = strings.Replace(strings.Replace(url, "rtsp:", "rtsps:", 1), r.rtsp, r.rtsps, 1)
			}
			testGortsplib(t, url, way)
		})
	}
}

func testGortsplib(t *testing.T, url, way string) {
	medias := []*description.Media{
		{Type: description.MediaTypeVideo, Formats: []format.Format{&format.AV1{PayloadTyp: 98}}},
		{Type: description.MediaTypeAudio, Formats: []format.Format{&format.AC3{PayloadTyp: 99, SampleRate: 48000, ChannelCount: 2}}},
		{Type: description.MediaTypeApplication, Formats: []format.Format{&format.KLV{PayloadTyp: 100}}},
		{Type: description.MediaTypeApplication, Formats: []format.Format{&format.Generic{PayloadTyp: 101, RTPMa: "x-private/90000", ClockRat: 90000}}},
	}
	klv := append([]byte{0x06, 0x0e, 0x2b, 0x34, 2, 0x0b, 1, 1, 0x0e, 1, 3, 1, 1, 0, 0, 0, 4}, "data"...)
	// A sequence header OBU and a frame OBU as one AV1 aggregation (RTP payload
	// format for AV1, §4.4); an AC-3 sync frame of 128 bytes.
	av1 := []byte{0x08, 0x0b, 0x08, 0x00, 0x00, 0x00, 0x42, 0xa7, 0xbf, 0xe4, 0x60, 0x0d, 0x00}
	av1 = append([]byte{0x28, byte(len(av1) - 2)}, append(av1[2:], 0x30, 1, 2, 3)...)
	ac3 := append([]byte{0, 1, 0x0b, 0x77, 0, 0, 0, 0x40}, make([]byte, 122)...)
	payloads := [][]byte{av1, ac3, klv, []byte("whatever")}

	pub := gort(way[strings.LastIndexByte(way, '-')+1:]) // with tls, SRTP over UDP
	if err := pub.StartRecording(url, &description.Session{Medias: medias}); err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			for k, m := range medias {
				pkt := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: m.Formats[0].PayloadType(), Marker: true, SSRC: uint32(k + 1),
					SequenceNumber: uint16(i), Timestamp: uint32(i * m.Formats[0].ClockRate() / 100)}, Payload: payloads[k]}
				if pub.WritePacketRTP(m, pkt) != nil {
					return
				}
			}
		}
	}()
	defer func() { close(stop); <-stopped }()

	rd := gort(way)
	u, _ := base.ParseURL(url)
	rd.Scheme, rd.Host = u.Scheme, u.Host
	if err := rd.Start2(); err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	desc, _, err := rd.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := rd.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := make(map[codec.ID]int)
	rd.OnPacketRTPAny(func(m *description.Media, f format.Format, pkt *rtp.Packet) {
		mu.Lock()
		defer mu.Unlock()
		id := codec.FromSDP(m, f).Codec
		if id == codec.Opaque && !bytes.Equal(pkt.Payload, payloads[3]) || id == codec.KLV && !bytes.Equal(pkt.Payload, klv) {
			t.Errorf("%s changed on its way: %x", id, pkt.Payload)
		}
		got[id]++
	})
	if _, err := rd.Play(nil); err != nil {
		t.Fatal(err)
	}
	wait(t, 5*time.Second, "20 packets of everything", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return got[codec.AV1] >= 20 && got[codec.AC3] >= 20 && got[codec.KLV] >= 20 && got[codec.Opaque] >= 20
	})
}
