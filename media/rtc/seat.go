package rtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
	"muster/media/mcu"
	"muster/media/rtc/gcc"
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

	budget *gcc.Estimator // set with the peer connection

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
// An offer that turns out to be impossible half way ends the seat.
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
		// The connection is left between two descriptions and takes no further
		// offer: the client begins anew, with a seat of its own.
		t.close(err)
		if !t.started {
			t.started = true
			t.abandon()
		}
		return "", err
	}
	answer = preferDTX(answer)
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
	_, sock, ok := t.srv.running()
	if !ok {
		return errStopped
	}
	if err := t.connect(sock, engine, chain); err != nil {
		return err
	}
	t.pc.OnTrack(t.onTrack)
	t.budget = gcc.New(bandwidth, time.Now())
	return nil
}

// bandwidth is what a receiver is taken to have before anything was measured, and
// the bounds of the estimate.
var bandwidth = gcc.Bounds{First: 3_000_000, Least: 100_000, Most: 50_000_000}

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
		s := newSlot(kind, "slot-"+mid, t.out, t.budget)
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
	left := t.budget.Target() - voiceShare*2
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
		now := time.Now()
		for b := buf[:n]; len(b) >= rtcpHeader; {
			size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
			if size > len(b) {
				break
			}
			t.told(s, b[:size], now)
			b = b[size:]
		}
	}
}

const rtcpHeader = 4 // bytes

// told takes one RTCP packet about a slot. There are ten a second and more of
// transport-wide feedback from each receiver, and few others.
func (t *Seat) told(s *slot, b []byte, now time.Time) {
	switch kind, format := rtcp.PacketType(b[1]), b[0]&0x1f; {
	case kind == rtcp.TypeTransportSpecificFeedback && format == rtcp.FormatTCC:
		_ = t.budget.Feedback(b, now)
	case kind == rtcp.TypeTransportSpecificFeedback && format == rtcp.FormatTLN:
		var p rtcp.TransportLayerNack
		if p.Unmarshal(b) == nil && p.MediaSSRC == uint32(s.ssrc) {
			resent, missed := s.resend(p.Nacks, now)
			t.srv.count.packetsResent.Add(int64(resent))
			t.srv.count.unrecovered.Add(int64(missed))
		}
	case kind == rtcp.TypePayloadSpecificFeedback && format == rtcp.FormatPLI:
		var p rtcp.PictureLossIndication
		if p.Unmarshal(b) == nil && p.MediaSSRC == uint32(s.ssrc) && s.window != nil {
			t.srv.count.keyFrameRequests.Add(1)
			s.window.RequestKeyFrame()
		}
	}
}

// BadOffer reports whether err says what is wrong with a client's offer, in
// words for the client.
func BadOffer(err error) bool {
	_, refused := isRefusal(err)
	return refused || errors.Is(err, errBadOffer) || errors.Is(err, errPeers)
}
