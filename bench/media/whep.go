package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

func measureWHEP(ctx context.Context, s *server, o options, f figureSet) error {
	api, err := newAPI()
	if err != nil {
		return err
	}
	var a audience
	sum, cpu, rss, err := a.measure(ctx, s, o.whep, o.seconds, func(ctx context.Context, c *counter) error {
		return readWHEP(ctx, api, s, c)
	})
	if err != nil {
		return err
	}
	f[whepCPU], f[whepRSS] = cpu, rss
	f[whepP50], f[whepP95], f[whepP99] = at(sum.late, 0.5), at(sum.late, 0.95), at(sum.late, 0.99)
	f[whepJoin50], f[whepJoin95] = at(sum.join, 0.5), at(sum.join, 0.95)
	f[whepLost], f[whepFrames] = sum.lost, sum.frames
	return nil
}

// newAPI returns a WebRTC client without interceptors, which would cost the load
// generator time and change nothing on a loopback without losses.
func newAPI() (*webrtc.API, error) {
	var m webrtc.MediaEngine
	err := errors.Join(
		m.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: videoPT, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: videoRate,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		}}, webrtc.RTPCodecTypeVideo),
		m.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: audioRate, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
		}}, webrtc.RTPCodecTypeAudio))
	var e webrtc.SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(e)), err
}

// readWHEP plays the stream by WHEP until ctx ends. The client's ICE agent
// nominates a path at its first tick, 200 ms after it began: no join is faster.
func readWHEP(ctx context.Context, api *webrtc.API, s *server, count *counter) error {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer pc.Close()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return err
		}
	}
	ended := make(chan error, 2)
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		ended <- pull(t, count)
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	sdp, err := postOffer(ctx, s, pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	}
	return err
}

// pull reads a track; only the video track is counted.
func pull(t *webrtc.TrackRemote, count *counter) error {
	buf := make([]byte, 2048)
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return err
		}
		if t.Kind() == webrtc.RTPCodecTypeVideo {
			count.packet(withoutExtension(buf[:n]))
		}
	}
}

// withoutExtension drops a header extension and padding (RFC 3550 §5.1), which
// the counter does not expect.
func withoutExtension(p []byte) []byte {
	if len(p) < 12 {
		return nil
	}
	if pad := int(p[len(p)-1]); p[0]&0x20 != 0 && pad <= len(p)-12 {
		p = p[:len(p)-pad]
	}
	if p[0]&0x10 == 0 || len(p) < 16 {
		return p
	}
	n := 4 + 4*(int(p[14])<<8|int(p[15]))
	if len(p) < 12+n {
		return nil
	}
	copy(p[n:], p[:12])
	return p[n:]
}

func postOffer(ctx context.Context, s *server, offer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s/%s/whep", addr(s.ports.webrtc), path), strings.NewReader(offer))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.SetBasicAuth(user, password)
	begin := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("WHEP: status %d after %s: %.200s", res.StatusCode, time.Since(begin).Round(time.Millisecond), b)
	}
	return string(b), nil
}
