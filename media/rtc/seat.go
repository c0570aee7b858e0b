package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
	"muster/media/mcu"
)

// protocolRoom is the protocol of seats in logs and registers.
const protocolRoom = "room"

// Seat is the WebRTC side of a participant of a room. The client makes all
// offers: it adds the sections in which it wants to receive, and says with Show
// what it wants to see where. There is never an offer of the server's, so none
// can cross the client's.
type Seat struct {
	*session
	p *mcu.Participant

	budget cc.BandwidthEstimator // set with the peer connection

	offering sync.Mutex // one offer at a time; guards started
	started  bool       // run has the seat, or Close has given it up

	pubMu    sync.Mutex // guards what follows
	voices   []*slot
	pictures map[string]*slot // by mid
	sources  map[string]mcu.VideoSource
	layers   map[string][]string // rids by mid, smallest first
	pubs     map[string]*publication
	places   map[string]mcu.Place // what each picture slot is to show, by mid
	sound    *mcu.AudioIn
	refused  time.Time // when the room last refused to hear or see more
}

// publication is one picture that the participant sends.
type publication struct {
	track   *mcu.Track
	codec   codec.ID
	remotes []*webrtc.TrackRemote // by layer; nil until its first packet
}

// errPeers: the server, or this user, has as many peers as it may have.
var errPeers = errors.New("too many WebRTC peers at one time")

const maxRoomSDP = 256 << 10 // bytes of an offer of maxMedia sections

// NewSeat returns a seat for p that has nothing negotiated yet. The error says
// that the server takes no more peers. The owner calls Close.
func (s *Server) NewSeat(p *mcu.Participant, who auth.Identity, client media.Client) (*Seat, error) {
	free, ok := s.reserve(who.User)
	if !ok {
		s.count.refused.Add(1)
		return nil, errPeers
	}
	client.Protocol = protocolRoom
	set := p.Room().Settings()
	name, err := safename.Parse(set.Stream())
	if err != nil {
		free()
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	return &Seat{
		session: s.newSession(who, client, name, free), p: p,
		pictures: make(map[string]*slot), sources: make(map[string]mcu.VideoSource), layers: make(map[string][]string),
		pubs: make(map[string]*publication), places: make(map[string]mcu.Place),
	}, nil
}

// Ended is closed when the seat has ended; Reason says why.
func (t *Seat) Ended() <-chan struct{} { return t.end }

// Reason returns why the seat ended.
func (t *Seat) Reason() error {
	<-t.end
	return t.reason
}

// Close ends the seat. Closing twice is harmless; the first reason stays.
func (t *Seat) Close(reason error) {
	t.close(reason)
	t.offering.Lock()
	defer t.offering.Unlock()
	if !t.started {
		t.started = true
		t.abandon()
	}
}

// Offer answers an offer of the client. sources says what the sections show in
// which it sends pictures, by mid; a section that is not named there sends none.
func (t *Seat) Offer(text string, sources map[string]mcu.VideoSource) (answer string, err error) {
	o, err := parseRoomOffer([]byte(text))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadOffer, err)
	}
	for mid, src := range sources {
		if !src.Valid() || len(mid) > 16 {
			return "", fmt.Errorf("%w: a source is camera or screen", errBadOffer)
		}
	}
	t.offering.Lock()
	defer t.offering.Unlock()
	select {
	case <-t.end:
		return "", t.reason
	default:
	}
	if t.pc == nil {
		if err := t.begin(); err != nil {
			return "", err
		}
	}
	added, err := t.addSlots(o)
	if err != nil {
		return "", err
	}
	if answer, err = t.answer(o); err != nil {
		return "", err
	}
	t.bindSlots(added)
	t.publishing(o, sources)
	if t.started {
		return answer, nil
	}
	return answer, t.start()
}

// begin makes the peer connection for the first offer.
func (t *Seat) begin() error {
	engine, err := roomEngine()
	if err != nil {
		return fmt.Errorf("webrtc: codecs: %w", err)
	}
	chain, err := receiveChain(t.srv.pion)
	if err != nil {
		return fmt.Errorf("webrtc: receive chain: %w", err)
	}
	if err := t.sendChain(chain); err != nil {
		return fmt.Errorf("webrtc: send chain: %w", err)
	}
	_, sock, ok := t.srv.running()
	if !ok {
		return errStopped
	}
	if err := t.connect(sock, engine, chain); err != nil {
		return err
	}
	t.pc.OnTrack(t.onTrack)
	return nil
}

// Bandwidth that a receiver is taken to have before anything was measured, and
// the bounds of the estimate, bits per second.
const (
	firstBandwidth = 3_000_000
	leastBandwidth = 100_000
	mostBandwidth  = 50_000_000
)

// sendChain adds the estimate of the receiver's bandwidth (Google congestion
// control on transport-wide feedback).
func (t *Seat) sendChain(chain *interceptor.Registry) error {
	control, err := cc.NewInterceptor(func() (cc.BandwidthEstimator, error) {
		return gcc.NewSendSideBWE(gcc.SendSideBWEInitialBitrate(firstBandwidth), gcc.SendSideBWEMinBitrate(leastBandwidth),
			gcc.SendSideBWEMaxBitrate(mostBandwidth), gcc.SendSideBWEPacer(gcc.NewNoOpPacer()))
	})
	if err != nil {
		return err
	}
	control.OnNewPeerConnection(func(_ string, e cc.BandwidthEstimator) { t.budget = e })
	stamp, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return err
	}
	chain.Add(control)
	chain.Add(stamp)
	return nil
}

// addSlots adds a transceiver for each section of o in which the client wants
// to receive and that is new.
func (t *Seat) addSlots(o *offer) ([]*slot, error) {
	known := make(map[string]bool)
	for _, tr := range t.pc.GetTransceivers() {
		known[tr.Mid()] = true
	}
	var added []*slot
	for _, m := range o.desc.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		_, wants := m.Attribute("recvonly")
		if !wants || known[mid] || m.MediaName.Port.Value == 0 {
			continue
		}
		kind := webrtc.NewRTPCodecType(m.MediaName.Media)
		if kind == 0 {
			continue
		}
		s := newSlot(kind, "slot-"+mid)
		tr, err := t.pc.AddTransceiverFromTrack(s, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return nil, fmt.Errorf("webrtc: add slot: %w", err)
		}
		s.sender = tr.Sender()
		added = append(added, s)
	}
	return added, nil
}

// bindSlots sorts the new slots by the sections they came to serve.
func (t *Seat) bindSlots(added []*slot) {
	group, _, _ := t.srv.running()
	t.pubMu.Lock()
	defer t.pubMu.Unlock()
	for _, tr := range t.pc.GetTransceivers() {
		i := slices.IndexFunc(added, func(s *slot) bool { return tr.Sender() != nil && s.sender == tr.Sender() })
		if i < 0 {
			continue
		}
		s := added[i]
		if s.kind == webrtc.RTPCodecTypeAudio {
			t.voices = append(t.voices, s)
		} else {
			t.pictures[tr.Mid()] = s
		}
		if group != nil {
			group.Go(func(context.Context) { t.feedback(s) })
		}
	}
}

// start lets the seat live by itself. offering is held.
func (t *Seat) start() error {
	group, _, ok := t.srv.running()
	if !ok {
		return errStopped
	}
	t.started = true
	t.srv.add(t.session)
	t.srv.count.seats.Add(1)
	if !group.Go(func(ctx context.Context) { t.run(ctx, t.work, t.cleanup) }) {
		t.cleanup(errStopped)
		t.srv.remove(t.session)
		t.abandon()
		return errStopped
	}
	return nil
}

func (t *Seat) cleanup(error) {
	t.srv.count.seats.Add(-1)
	t.pubMu.Lock()
	pubs, sound, pictures := t.pubs, t.sound, t.pictures
	t.pubs, t.sound, t.pictures = map[string]*publication{}, nil, map[string]*slot{}
	t.pubMu.Unlock()
	for _, p := range pubs {
		if p.track != nil {
			p.track.Close()
		}
	}
	for _, s := range pictures {
		s.window.Show(nil, 0)
	}
	if sound != nil {
		sound.Close()
	}
}

// allotEvery is how often it is decided anew which layers a receiver is sent.
const allotEvery = 300 * time.Millisecond

// work sends the room to the client until the seat ends.
func (t *Seat) work(ctx context.Context) error {
	t.pubMu.Lock()
	voices := slices.Clone(t.voices)
	t.pubMu.Unlock()
	tap, err := t.p.HearEach(len(voices), func(i int, s mcu.Sound) {
		t.srv.count.packetsOut.Add(1)
		voices[i].voice(&s)
	})
	if err != nil {
		return err
	}
	defer tap.Close()
	tick := time.NewTicker(allotEvery)
	defer tick.Stop()
	for {
		t.allot(time.Now())
		select {
		case <-ctx.Done():
			return errStopped
		case <-tick.C:
		}
	}
}

// Show says what the client wants to see in which of its sections; what is not
// named goes dark.
func (t *Seat) Show(places []mcu.Place) error {
	if len(places) > maxMedia {
		return fmt.Errorf("%w: more places than sections", errBadOffer)
	}
	next := make(map[string]mcu.Place, len(places))
	for _, p := range places {
		if p.Width < 0 || p.Height < 0 || p.Width > 1<<14 || p.Height > 1<<14 {
			return fmt.Errorf("%w: a place has an impossible size", errBadOffer)
		}
		next[p.Mid] = p
	}
	t.pubMu.Lock()
	t.places = next
	t.pubMu.Unlock()
	select {
	case <-t.connected:
		t.allot(time.Now())
	default: // when it is connected
	}
	return nil
}

// voiceShare is kept free for each voice, bits per second.
const voiceShare = 50_000

// allot shares the receiver's bandwidth among what it wants to see: everything
// in its smallest layer first, then larger ones, the largest places first.
func (t *Seat) allot(now time.Time) {
	t.pubMu.Lock()
	defer t.pubMu.Unlock()
	type wish struct {
		slot  *slot
		track *mcu.Track
		place mcu.Place
	}
	var wishes []wish
	for mid, s := range t.pictures {
		p, ok := t.places[mid]
		if !ok || p.Track == "" {
			s.window.Show(nil, 0)
			continue
		}
		track, err := t.p.Track(p.Track)
		if err != nil {
			s.window.Show(nil, 0)
			continue
		}
		wishes = append(wishes, wish{s, track, p})
	}
	slices.SortFunc(wishes, func(a, b wish) int { return b.place.Width*b.place.Height - a.place.Width*a.place.Height })
	left := t.bandwidth() - voiceShare*2
	for _, w := range wishes {
		left -= w.track.Bitrate(0)
	}
	for _, w := range wishes {
		least := w.track.Bitrate(0)
		layer := w.track.FitLayer(w.place.Width, w.place.Height, max(left+least, 1), now)
		left -= w.track.Bitrate(layer) - least
		w.slot.window.Show(w.track, layer)
	}
}

func (t *Seat) bandwidth() int {
	if t.budget == nil {
		return firstBandwidth
	}
	return t.budget.GetTargetBitrate()
}

// feedback reads what the client says of one slot until it ends.
func (t *Seat) feedback(s *slot) {
	buf := make([]byte, receiveMTU)
	for {
		n, _, err := s.sender.Read(buf)
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
		for _, p := range pkts {
			switch p := p.(type) {
			case *rtcp.TransportLayerNack:
				if p.MediaSSRC == uint32(s.ssrc) {
					resent, missed := s.resend(p.Nacks, time.Now())
					t.srv.count.packetsResent.Add(int64(resent))
					t.srv.count.unrecovered.Add(int64(missed))
				}
			case *rtcp.PictureLossIndication:
				if s.window != nil && p.MediaSSRC == uint32(s.ssrc) {
					t.srv.count.keyFrameRequests.Add(1)
					s.window.RequestKeyFrame()
				}
			}
		}
	}
}

// publishing takes note of what the client sends from now on.
func (t *Seat) publishing(o *offer, sources map[string]mcu.VideoSource) {
	t.pubMu.Lock()
	var gone []*mcu.Track
	t.sources = sources
	t.layers = o.simulcast()
	for mid, p := range t.pubs {
		if sources[mid] == "" && p.track != nil {
			gone = append(gone, p.track)
			p.track = nil
		}
	}
	t.pubMu.Unlock()
	for _, g := range gone {
		g.Close()
	}
}

// onTrack is called when the first packet of a track, or of a layer of one, has
// come.
func (t *Seat) onTrack(remote *webrtc.TrackRemote, recv *webrtc.RTPReceiver) {
	mid := ""
	for _, tr := range t.pc.GetTransceivers() {
		if tr.Receiver() == recv {
			mid = tr.Mid()
		}
	}
	group, _, ok := t.srv.running()
	if !ok || mid == "" {
		return
	}
	id := roomCodec(remote.Codec().MimeType)
	switch {
	case id == codec.Opus:
		group.Go(func(context.Context) { t.receiveVoice(remote) })
	case id != "":
		group.Go(func(context.Context) { t.receivePicture(mid, id, remote) })
	}
}

// next reads one packet; false when the track has ended. Each packet has memory
// of its own, since the room keeps it.
func (t *Seat) next(remote *webrtc.TrackRemote, buf []byte) (*rtp.Packet, bool) {
	for {
		n, _, err := remote.Read(buf)
		if errors.Is(err, io.ErrShortBuffer) {
			continue // larger than any network carries whole
		}
		if err != nil {
			return nil, false
		}
		pkt := &rtp.Packet{}
		if pkt.Unmarshal(slices.Clone(buf[:n])) != nil {
			continue
		}
		t.srv.count.packetsIn.Add(1)
		return pkt, true
	}
}

// refusedPause is how long the packets of somebody who may not send are dropped
// before the room is asked again.
const refusedPause = 500 * time.Millisecond

func (t *Seat) receiveVoice(remote *webrtc.TrackRemote) {
	buf := make([]byte, receiveMTU)
	for {
		pkt, ok := t.next(remote, buf)
		if !ok {
			return
		}
		in := t.voice()
		if in == nil || len(pkt.Payload) == 0 {
			continue
		}
		s := &mcu.Sound{Seq: pkt.SequenceNumber, Timestamp: pkt.Timestamp, Marker: pkt.Marker, Payload: pkt.Payload}
		if ext := pkt.GetExtension(t.levelID()); len(ext) > 0 {
			s.Level, s.HasLevel = ext[0]&0x7f, true
		}
		in.Write(s)
	}
}

// voice returns where the participant's sound goes, nil while it may not speak.
func (t *Seat) voice() *mcu.AudioIn {
	t.pubMu.Lock()
	defer t.pubMu.Unlock()
	if t.sound != nil && !t.sound.Closed() {
		return t.sound
	}
	if time.Since(t.refused) < refusedPause {
		return nil
	}
	in, err := t.p.OpenAudio(mcu.AudioFormat{Codec: codec.Opus})
	if err != nil {
		t.refused = time.Now()
		return nil
	}
	t.sound = in
	return in
}

// levelID returns the id under which the client sends the audio level.
func (t *Seat) levelID() uint8 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.offer.level
}

func (t *Seat) receivePicture(mid string, id codec.ID, remote *webrtc.TrackRemote) {
	buf := make([]byte, receiveMTU)
	for {
		pkt, ok := t.next(remote, buf)
		if !ok {
			return
		}
		track, layer := t.picture(mid, id, remote)
		if track == nil || len(pkt.Payload) == 0 {
			continue
		}
		track.Write(layer, &mcu.Packet{Seq: pkt.SequenceNumber, Timestamp: pkt.Timestamp, Marker: pkt.Marker, Payload: pkt.Payload})
	}
}

// picture returns where the packets of a section's layer go, nil while the
// client has not said what it shows, or may not show it.
func (t *Seat) picture(mid string, id codec.ID, remote *webrtc.TrackRemote) (*mcu.Track, int) {
	t.pubMu.Lock()
	defer t.pubMu.Unlock()
	source := t.sources[mid]
	if source == "" {
		return nil, 0
	}
	rids := t.layers[mid]
	layer := max(slices.Index(rids, remote.RID()), 0)
	p := t.pubs[mid]
	if p == nil || p.codec != id {
		p = &publication{codec: id, remotes: make([]*webrtc.TrackRemote, max(len(rids), 1))}
		t.pubs[mid] = p
	}
	if layer >= len(p.remotes) {
		return nil, 0
	}
	p.remotes[layer] = remote
	if p.track != nil && !p.track.Over() {
		return p.track, layer
	}
	if time.Since(t.refused) < refusedPause {
		return nil, 0
	}
	track, err := t.p.OpenTrack(mcu.TrackSpec{Source: source, Codec: id, Layers: make([]mcu.LayerInfo, len(p.remotes)),
		KeyFrame: func(i int) { t.askKeyFrame(p, i) }})
	if err != nil {
		t.refused = time.Now()
		t.log.Debug("a picture was refused", "error", err)
		return nil, 0
	}
	p.track = track
	return track, layer
}

// askKeyFrame sends a PLI for one layer. It is called by viewers, so it must
// not wait for pubMu, which their allotment holds.
func (t *Seat) askKeyFrame(p *publication, layer int) {
	group, _, ok := t.srv.running()
	if !ok {
		return
	}
	group.Go(func(context.Context) {
		t.pubMu.Lock()
		remote := p.remotes[layer]
		t.pubMu.Unlock()
		if remote != nil {
			_ = t.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}})
		}
	})
}

// roomCodec returns the codec of a MIME type that rooms carry, "" for others.
func roomCodec(mime string) codec.ID {
	switch {
	case strings.EqualFold(mime, webrtc.MimeTypeOpus):
		return codec.Opus
	case strings.EqualFold(mime, webrtc.MimeTypeVP8):
		return codec.VP8
	case strings.EqualFold(mime, webrtc.MimeTypeH264):
		return codec.H264
	}
	return ""
}

func itoa(pt webrtc.PayloadType) string { return strconv.Itoa(int(pt)) }

// roomCodecs are the codecs that rooms carry, with VP8 first: every browser sends
// it in layers. The numbers are placeholders: a client's own are used once it has
// offered a codec.
var roomCodecs = []struct {
	kind  webrtc.RTPCodecType
	codec offeredCodec
	rtx   webrtc.PayloadType
}{
	{webrtc.RTPCodecTypeAudio, offeredCodec{pt: 111, id: codec.Opus, mime: webrtc.MimeTypeOpus, clock: 48000, channels: 2, fmtp: "minptime=10;useinbandfec=1"}, 0},
	{webrtc.RTPCodecTypeVideo, offeredCodec{pt: 96, id: codec.VP8, mime: webrtc.MimeTypeVP8, clock: 90000}, 97},
	{webrtc.RTPCodecTypeVideo, offeredCodec{pt: 102, id: codec.H264, mime: webrtc.MimeTypeH264, clock: 90000, fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}, 103},
}

// roomEngine registers what rooms carry. It does not depend on the first offer,
// which may be without pictures.
func roomEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, c := range roomCodecs {
		fb := []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBTransportCC}}
		if c.kind == webrtc.RTPCodecTypeVideo {
			fb = append(fb, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK}, webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"})
		}
		if err := register(m, c.codec, c.rtx, c.codec.fmtp, fb); err != nil {
			return nil, err
		}
	}
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		uris := []string{sdp.TransportCCURI, sdp.SDESMidURI}
		if k == webrtc.RTPCodecTypeVideo {
			uris = append(uris, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI)
		} else {
			uris = append(uris, sdp.AudioLevelURI)
		}
		for _, uri := range uris {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// BadOffer reports whether err says what is wrong with a client's offer, in
// words for the client.
func BadOffer(err error) bool {
	_, refused := isRefusal(err)
	return refused || errors.Is(err, errBadOffer) || errors.Is(err, errPeers)
}
