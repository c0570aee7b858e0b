package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// newAPI returns what a party is made with: a socket, VP8, and the feedback that
// browsers send (transport-wide congestion control and reports).
func newAPI() (*webrtc.API, error) {
	c, err := listen()
	if err != nil {
		return nil, err
	}
	engine := &webrtc.MediaEngine{}
	err = engine.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}},
		PayloadType: 96,
	}, webrtc.RTPCodecTypeVideo)
	if err != nil {
		return nil, err
	}
	chain := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(chain); err != nil {
		return nil, err
	}
	if err := webrtc.ConfigureTWCCSender(engine, chain); err != nil {
		return nil, err
	}
	var se webrtc.SettingEngine
	se.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: c}))
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(chain), webrtc.WithSettingEngine(se)), nil
}

// meet exchanges offer and answer with the server.
func meet(pc *webrtc.PeerConnection, url string) error {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-done
	b, err := json.Marshal(map[string]string{"SDP": pc.LocalDescription().SDP})
	if err != nil {
		return err
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, err = io.ReadAll(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server refused: %s", b)
	}
	var answer struct{ SDP string }
	if err := json.Unmarshal(b, &answer); err != nil {
		return err
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP})
}

// audience is those who watch.
type audience struct {
	pcs      []*webrtc.PeerConnection
	received atomic.Int64 // packets
}

func (a *audience) close() {
	for _, pc := range a.pcs {
		_ = pc.Close()
	}
}

// join adds somebody who watches.
func (a *audience) join(api *webrtc.API, base string) error {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	a.pcs = append(a.pcs, pc)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		return err
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			if _, _, err := t.Read(buf); err != nil {
				return
			}
			a.received.Add(1)
		}
	})
	return meet(pc, base+"/offer")
}

// camera is who sends the picture.
type camera struct {
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticRTP
	key   atomic.Bool // a key frame is wanted
}

func (c *camera) close() { _ = c.pc.Close() }

func publish(api *webrtc.API, base string) (*camera, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	c := &camera{pc: pc}
	c.key.Store(true)
	c.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "camera", "camera")
	if err != nil {
		return c, err
	}
	tr, err := pc.AddTransceiverFromTrack(c.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return c, err
	}
	go func() {
		buf := make([]byte, 1500)
		for {
			if _, _, err := tr.Sender().Read(buf); err != nil {
				return
			}
			c.key.Store(true) // whatever it says: reports come once a second
		}
	}()
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	if err := meet(pc, base+"/offer?publish=0"); err != nil {
		return c, err
	}
	select {
	case <-connected:
		return c, nil
	case <-time.After(10 * time.Second):
		return c, fmt.Errorf("the camera does not connect")
	}
}

// film sends pictures of so many packets of size bytes, fps a second, until done
// is closed.
func (c *camera) film(done <-chan struct{}, fps, packets, size int) {
	tick := time.NewTicker(time.Second / time.Duration(fps))
	defer tick.Stop()
	pkt := rtp.Packet{Header: rtp.Header{Version: 2}, Payload: make([]byte, size)}
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		key := c.key.Swap(false)
		pkt.Timestamp = uint32(n * 90000 / fps)
		for i := range packets {
			vp8(pkt.Payload, n, i == 0, key)
			pkt.Marker = i == packets-1
			_ = c.track.WriteRTP(&pkt)
			pkt.SequenceNumber++
		}
	}
}

// vp8 writes a payload descriptor with a picture number, and the head of a frame
// of 1280 by 720 (RFC 7741 §4).
func vp8(b []byte, picture int, first, key bool) {
	clear(b[:16])
	b[0], b[1] = 0x80, 0x80 // extended; the picture number follows
	b[2], b[3] = 0x80|byte(picture>>8&0x7f), byte(picture)
	if !first {
		return
	}
	b[0] |= 0x10
	if !key {
		b[4] = 0x01
		return
	}
	copy(b[7:], []byte{0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02})
}
