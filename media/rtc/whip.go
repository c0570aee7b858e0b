package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"muster/media"
	"muster/media/codec"
)

// publisher is the publishing side of a session.
type publisher struct {
	*session
	clock  receiveClock
	arrive chan *inTrack // tracks whose first packet came; room for all of the offer

	pubMu sync.Mutex // guards pub
	pub   *media.Publisher
}

// inTrack is one track of a publisher.
type inTrack struct {
	index  int // in the hub's stream
	remote *webrtc.TrackRemote
	recv   *webrtc.RTPReceiver
	format *codec.Format
	line   int // of the offer, for the order of tracks
}

// publishEngine registers every codec of the offer that the hub knows, under
// the client's numbers.
func publishEngine(o *offer) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	any := false
	for _, om := range o.media {
		for _, c := range om.codecs {
			if c.id == "" {
				continue
			}
			any = true
			fmtp := c.fmtp
			if c.id == codec.Opus {
				fmtp = stereo(fmtp)
			}
			fb := []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBTransportCC}}
			if om.kind == codec.Video {
				fb = append(fb, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK}, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
					webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"})
			}
			if err := register(m, c, om.rtx[c.pt], fmtp, fb); err != nil {
				return nil, fmt.Errorf("%w: %w", errBadOffer, err)
			}
		}
	}
	if !any {
		return nil, &refusal{reason: "codec", detail: "none of the offered codecs can be carried; H264, H265, VP8, VP9, AV1, Opus, G722 and G711 can"}
	}
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		for _, uri := range []string{sdp.TransportCCURI, sdp.SDESMidURI} {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// receiveChain makes what a receiver owes its sender: NACK, receiver reports and
// transport-wide feedback for the sender's bandwidth estimation.
func receiveChain(log pionLog) (*interceptor.Registry, error) {
	n, err := nack.NewGeneratorInterceptor(nack.WithGeneratorLoggerFactory(log))
	if err != nil {
		return nil, err
	}
	r, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(log))
	if err != nil {
		return nil, err
	}
	t, err := twcc.NewSenderInterceptor(twcc.WithLoggerFactory(log))
	if err != nil {
		return nil, err
	}
	reg := &interceptor.Registry{}
	reg.Add(n)
	reg.Add(r)
	reg.Add(t)
	return reg, nil
}

// publish answers a WHIP offer. The session lives on by itself afterwards.
func (ses *session) publish(o *offer) (answer string, err error) {
	s := ses.srv
	engine, err := publishEngine(o)
	if err != nil {
		return "", err
	}
	chain, err := receiveChain(s.pion)
	if err != nil {
		return "", fmt.Errorf("webrtc: receive chain: %w", err)
	}
	group, sock, ok := s.running()
	if !ok {
		return "", errStopped
	}
	if err := ses.connect(sock, engine, chain); err != nil {
		return "", err
	}
	p := &publisher{session: ses, arrive: make(chan *inTrack, maxMedia)}
	ses.pc.OnTrack(p.onTrack)
	if answer, err = ses.answer(o); err != nil {
		return "", err
	}
	s.add(ses)
	s.count.publishers.Add(1)
	if !group.Go(func(ctx context.Context) { ses.run(ctx, p.work, p.cleanup) }) {
		p.cleanup(errStopped)
		s.remove(ses)
		return "", errStopped
	}
	return answer, nil
}

// onTrack is called when the first packet of a track has come, so its codec is
// the one that is really sent.
func (p *publisher) onTrack(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	in := &inTrack{remote: t, recv: r, line: -1}
	for i, tr := range p.pc.GetTransceivers() {
		if tr.Receiver() == r {
			in.line = i
		}
	}
	p.mu.Lock()
	in.format = p.offer.format(t.PayloadType())
	p.mu.Unlock()
	if in.format == nil {
		return // its packets are not read, and dropped by the library
	}
	select {
	case p.arrive <- in:
	default:
	}
}

// format returns what the hub calls payload type pt, nil if it does not know it.
func (o *offer) format(pt webrtc.PayloadType) *codec.Format {
	for _, m := range o.media {
		for _, c := range m.codecs {
			if c.pt != pt {
				continue
			}
			switch c.id {
			case "":
				return nil
			case codec.Opus:
				return codec.NewOpus(2) // RFC 7587 §7: always negotiated as two channels
			case codec.G711:
				return &codec.Format{Codec: codec.G711, ClockRate: int(c.clock), Channels: 1, MULaw: c.mulaw}
			case codec.G722:
				return &codec.Format{Codec: codec.G722, ClockRate: int(c.clock), Channels: 1}
			}
			return codec.NewVideo(c.id)
		}
	}
	return nil
}

func (p *publisher) cleanup(reason error) {
	p.pubMu.Lock()
	pub := p.pub
	p.pubMu.Unlock()
	if pub != nil {
		pub.Close(reason)
	}
	p.srv.count.publishers.Add(-1)
}

// All tracks of a stream are declared at once, but a client may offer some that
// it never sends. The stream starts when all have come, or moreTracks after the
// first.
const (
	firstTrack = 10 * time.Second
	moreTracks = 1500 * time.Millisecond
)

var errNoMedia = errors.New("the peer is connected and sends no media")

func (p *publisher) gather(ctx context.Context) ([]*inTrack, error) {
	want := 0
	for _, t := range p.pc.GetTransceivers() {
		if t.Direction() == webrtc.RTPTransceiverDirectionRecvonly || t.Direction() == webrtc.RTPTransceiverDirectionSendrecv {
			want++
		}
	}
	var tracks []*inTrack
	timer := time.NewTimer(firstTrack)
	defer timer.Stop()
	for {
		select {
		case t := <-p.arrive:
			if len(tracks) == 0 {
				timer.Reset(moreTracks)
			}
			tracks = append(tracks, t)
			if len(tracks) >= want {
				return tracks, nil
			}
		case <-timer.C:
			if len(tracks) == 0 {
				return nil, errNoMedia
			}
			return tracks, nil
		case <-ctx.Done():
			return nil, errStopped
		}
	}
}

// work publishes until the session ends.
func (p *publisher) work(ctx context.Context) error {
	tracks, err := p.gather(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(tracks, func(a, b *inTrack) int { return a.line - b.line })
	var formats []*codec.Format
	var rates []int
	for i, t := range tracks {
		t.index = i
		formats = append(formats, t.format)
		rates = append(rates, t.format.ClockRate)
	}
	p.clock.init(rates)
	pub, err := p.srv.deps.Router.Publish(media.PublishRequest{
		Identity: p.who, Client: p.client, Name: p.name, Formats: formats,
		KeyFrame: func() { p.askKeyFrame(tracks) }, Kick: p.close,
	})
	if err != nil {
		return err
	}
	p.pubMu.Lock()
	p.pub = pub
	p.pubMu.Unlock()
	if ctx.Err() != nil { // ended meanwhile; cleanup may not have seen pub
		pub.Close(errStopped)
		return errStopped
	}
	group, _, ok := p.srv.running()
	if !ok {
		return errStopped
	}
	for _, t := range tracks {
		if !group.Go(func(context.Context) { p.receive(pub, t) }) || !group.Go(func(context.Context) { p.reports(t) }) {
			return errStopped
		}
	}
	return p.keepKeyFrames(ctx, pub, tracks)
}

// keyFrameRetry is how often a publisher is asked until its first key frame is
// there: the wish, or the frame, may be lost.
const keyFrameRetry = 500 * time.Millisecond

// keepKeyFrames asks for a key frame whenever there was none for a while:
// browsers send none by themselves, and late readers, segments and recordings
// start with one.
func (p *publisher) keepKeyFrames(ctx context.Context, pub *media.Publisher, tracks []*inTrack) error {
	st := pub.Stream()
	if st.VideoTrack() == nil {
		<-ctx.Done()
		return errStopped
	}
	tick := time.NewTicker(keyFrameRetry)
	defer tick.Stop()
	var asked time.Time
	for {
		last := st.LastKeyFrame()
		now := time.Now()
		if last == nil || now.Sub(last.NTP) >= p.srv.cfg.KeyFrameInterval && now.Sub(asked) >= p.srv.cfg.KeyFrameInterval {
			asked = now
			p.askKeyFrame(tracks)
		}
		select {
		case <-ctx.Done():
			return errStopped
		case <-tick.C:
		}
	}
}

// askKeyFrame sends a PLI (RFC 4585 §6.3.1) for every video track.
func (p *publisher) askKeyFrame(tracks []*inTrack) {
	var pkts []rtcp.Packet
	for _, t := range tracks {
		if t.format.Kind() == codec.Video {
			pkts = append(pkts, &rtcp.PictureLossIndication{MediaSSRC: uint32(t.remote.SSRC())})
		}
	}
	if len(pkts) > 0 {
		_ = p.pc.WriteRTCP(pkts) // repeated when nothing comes
	}
}

// receive turns one track's packets into access units until the track ends.
func (p *publisher) receive(pub *media.Publisher, t *inTrack) {
	depack, err := codec.NewDepacketizer(t.format.SDP(uint8(t.remote.PayloadType())))
	if err != nil {
		p.close(fmt.Errorf("webrtc: %w", err))
		return
	}
	order := codec.NewReorder(t.format.Kind())
	buf := make([]byte, receiveMTU)
	pt := uint8(t.remote.PayloadType())
	for {
		n, _, err := t.remote.Read(buf)
		if errors.Is(err, io.ErrShortBuffer) {
			continue // larger than any network carries whole
		}
		if err != nil {
			return
		}
		pkt := &rtp.Packet{}
		// The hub keeps what it is given, so each packet has memory of its own.
		if pkt.Unmarshal(slices.Clone(buf[:n])) != nil || pkt.PayloadType != pt {
			continue
		}
		p.srv.count.packetsIn.Add(1)
		ready, lost := order.Push(pkt, time.Now())
		if lost > 0 {
			p.srv.count.packetsLost.Add(int64(lost))
			if t.format.Kind() == codec.Video {
				pub.Stream().RequestKeyFrame()
			}
		}
		for _, pkt := range ready {
			au, err := depack.Depacketize(pkt)
			if err != nil || len(au) == 0 {
				continue // a damaged frame; the next one may be whole
			}
			pub.Write(t.index, media.Sample{PTS: p.clock.pts(t.index, pkt.Timestamp, time.Now()), AU: au})
		}
	}
}

// reports reads the sender reports of one track; they relate the tracks' clocks.
func (p *publisher) reports(t *inTrack) {
	buf := make([]byte, receiveMTU)
	for {
		n, _, err := t.recv.Read(buf)
		if errors.Is(err, io.ErrShortBuffer) {
			continue
		}
		if err != nil {
			return
		}
		pkts, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, r := range pkts {
			if sr, ok := r.(*rtcp.SenderReport); ok && sr.SSRC == uint32(t.remote.SSRC()) {
				p.clock.report(t.index, sr.NTPTime, sr.RTPTime)
			}
		}
	}
}

// stereo makes browsers send two channels of Opus (RFC 7587 §6.1): without it
// they mix down to one.
func stereo(fmtp string) string {
	if fmtpValue(fmtp, "stereo") != "" {
		return fmtp
	}
	return strings.TrimPrefix(fmtp+";stereo=1", ";")
}
