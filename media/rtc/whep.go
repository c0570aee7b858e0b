package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"muster/media"
	"muster/media/codec"
)

// refusal says why a stream cannot be shown to this client at all.
type refusal struct {
	reason string   // "codec" or "b-frames"
	codecs []string // of the stream
	detail string
}

func (r *refusal) Error() string { return r.detail }

// plan is what a reader gets of a stream.
type plan struct {
	outs   []*outTrack
	data   *media.Track // KLV for a data channel; may be nil
	notice []string     // what was left out, and why
}

// tracks lists the indexes of the stream's tracks in the plan.
func (p *plan) tracks() []int {
	var idx []int
	for _, o := range p.outs {
		idx = append(idx, o.source.Index)
	}
	if p.data != nil {
		idx = append(idx, p.data.Index)
	}
	return idx
}

// planFor chooses, from the stream's tracks, one of each kind that the client
// can play. A video that it cannot play is a refusal; sound that it cannot play
// is left out with a notice, unless nothing else remains.
func planFor(st *media.Stream, o *offer) (*plan, error) {
	p := &plan{}
	codecs := make([]string, len(st.Tracks))
	for i, t := range st.Tracks {
		codecs[i] = string(t.Format().Codec)
	}
	have := make(map[codec.Kind]bool)
	for _, t := range st.Tracks {
		f := t.Format()
		kind := f.Kind()
		if f.Codec == codec.KLV && p.data == nil && o.hasData() {
			p.data = t
			continue
		}
		if kind != codec.Video && kind != codec.Audio || have[kind] {
			p.notice = append(p.notice, fmt.Sprintf("%s is left out: WebRTC carries one video and one audio track", f.Codec))
			continue
		}
		c, rtx, ok := o.choose(f)
		switch {
		case ok && kind == codec.Video && t.Reordered():
			return nil, &refusal{"b-frames", codecs, fmt.Sprintf("the video is %s with B-frames, which browsers cannot play over WebRTC; HLS can, or the encoder can switch them off (such as -bf 0, or tune zerolatency)", f.Codec)}
		case ok:
			have[kind] = true
			p.outs = append(p.outs, newOutTrack(t, c, rtx))
		case kind == codec.Video && len(o.mediaOf(codec.Video)) > 0:
			return nil, &refusal{"codec", codecs, fmt.Sprintf("the video is %s and this client plays %s over WebRTC; %s is the way", f.Codec, o.names(codec.Video), otherWay(f))}
		default:
			p.notice = append(p.notice, fmt.Sprintf("%s %s is left out: this client plays %s over WebRTC", f.Codec, kind, o.names(kind)))
		}
	}
	if len(p.outs) == 0 {
		return nil, &refusal{"codec", codecs, fmt.Sprintf("the stream has %s and this client plays %s, %s over WebRTC; %s is the way",
			strings.Join(codecs, "+"), o.names(codec.Video), o.names(codec.Audio), otherWay(st.Tracks[0].Format()))}
	}
	return p, nil
}

// otherWay names a protocol that carries f to players.
func otherWay(f *codec.Format) string {
	switch f.Codec {
	case codec.H264, codec.H265, codec.VP9, codec.AV1, codec.AAC, codec.Opus:
		return "HLS"
	}
	return "RTSP"
}

func (o *offer) mediaOf(kind codec.Kind) []offeredMedia {
	return slices.DeleteFunc(slices.Clone(o.media), func(m offeredMedia) bool { return m.kind != kind })
}

// engine registers exactly the codecs of the plan, under the client's numbers.
func (p *plan) engine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, o := range p.outs {
		if err := register(m, o.codec, o.rtxPT, o.codec.fmtp, o.feedback()); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func register(m *webrtc.MediaEngine, c offeredCodec, rtx webrtc.PayloadType, fmtp string, fb []webrtc.RTCPFeedback) error {
	kind := webrtc.RTPCodecTypeAudio
	if c.id.Kind() == codec.Video {
		kind = webrtc.RTPCodecTypeVideo
	}
	err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: c.mime, ClockRate: c.clock, Channels: c.channels, SDPFmtpLine: fmtp, RTCPFeedback: fb},
		PayloadType:        c.pt,
	}, kind)
	if err != nil || rtx == 0 {
		return err
	}
	return m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: c.clock, SDPFmtpLine: fmt.Sprintf("apt=%d", c.pt)},
		PayloadType:        rtx,
	}, kind)
}

// watcher is the reading side of a session.
type watcher struct {
	*session
	plan   *plan
	reader *media.Reader
	byIdx  []*outTrack // by index of the stream's track
	klv    *webrtc.DataChannel
}

// read answers a WHEP offer. The session lives on by itself afterwards.
func (ses *session) read(o *offer) (answer string, notice []string, err error) {
	s := ses.srv
	st, err := s.deps.Router.Find(ses.who, ses.name)
	if err != nil {
		return "", nil, err
	}
	p, err := planFor(st, o)
	if err != nil {
		return "", nil, err
	}
	w := &watcher{session: ses, plan: p, byIdx: make([]*outTrack, len(st.Tracks))}
	engine, err := p.engine()
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", errBadOffer, err)
	}
	group, sock, ok := s.running()
	if !ok {
		return "", nil, errStopped
	}
	if err := ses.connect(sock, engine, &interceptor.Registry{}); err != nil {
		return "", nil, err
	}
	for _, out := range p.outs {
		w.byIdx[out.source.Index] = out
		if out.sender, err = ses.pc.AddTrack(out); err != nil {
			return "", nil, fmt.Errorf("webrtc: add track: %w", err)
		}
	}
	if p.data != nil {
		if w.klv, err = ses.pc.CreateDataChannel("KLV", nil); err != nil {
			return "", nil, fmt.Errorf("webrtc: add data channel: %w", err)
		}
	}
	if answer, err = ses.answer(o); err != nil {
		return "", nil, err
	}
	w.reader, err = s.deps.Router.Read(media.ReadRequest{
		Identity: ses.who, Client: ses.client, Name: ses.name, Tracks: p.tracks(),
		Start: media.StartCatchup, Kick: ses.close,
	})
	if err != nil {
		return "", nil, err
	}
	if w.reader.Stream() != st { // republished in between, maybe with other tracks
		w.reader.Close(nil)
		return "", nil, media.ErrNotFound
	}
	s.add(ses)
	s.count.readers.Add(1)
	if !group.Go(func(ctx context.Context) { ses.run(ctx, w.work, w.cleanup) }) {
		w.cleanup(errStopped)
		s.remove(ses)
		return "", nil, errStopped
	}
	return answer, p.notice, nil
}

func (w *watcher) cleanup(reason error) {
	w.reader.Close(reason)
	w.srv.count.readers.Add(-1)
}

// batchSize is how many units are taken from the hub at a time.
const batchSize = 64

// A reader that is given the past at once is given it at a pace that sockets
// and Wi-Fi bear: paceBurst packets, then a pause.
const (
	paceBurst = 64
	pacePause = 8 * time.Millisecond // 64 packets of 1,200 bytes in 8 ms: 77 Mbit/s
)

// work sends until the stream or the session ends: whatever the hub has for it,
// as few system calls as that takes.
func (w *watcher) work(ctx context.Context) error {
	group, _, ok := w.srv.running()
	if !ok {
		return errStopped
	}
	for _, out := range w.plan.outs {
		if !group.Go(func(context.Context) { w.feedback(out) }) {
			return errStopped
		}
	}
	batch := make([]media.Delivery, batchSize)
	var clock senderClock
	reordered := false
	for {
		n, err := w.reader.Pull(batch)
		if err != nil {
			return err
		}
		w.out.begin()
		sent := 0
		for _, d := range batch[:n] {
			sent += w.deliver(d)
			if d.At != d.PTS && sent >= paceBurst {
				w.out.flush()
				sent = 0
				if !pause(ctx, pacePause) {
					break
				}
			}
			if d.DTS != d.PTS && w.byIdx[d.Track.Index] != nil {
				w.srv.count.reordered.Add(1)
				if !reordered {
					reordered = true
					w.log.Info("the stream has B-frames now; browsers show it jerkily")
				}
			}
		}
		w.out.end()
		clock.saw(batch[n-1], time.Now())
		if ctx.Err() != nil {
			return errStopped
		}
		w.report(&clock)
		clear(batch[:n]) // do not keep units alive while waiting
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// deliver sends one unit and returns its number of packets.
func (w *watcher) deliver(d media.Delivery) int {
	out := w.byIdx[d.Track.Index]
	if out == nil {
		if w.klv != nil && w.klv.ReadyState() == webrtc.DataChannelStateOpen && w.klv.BufferedAmount() < maxDataBuffered {
			for _, b := range d.AU {
				if len(b) <= maxDataMessage {
					_ = w.klv.Send(b)
				}
			}
		}
		return 0
	}
	pkts, err := d.Packets()
	if err != nil {
		return 0 // it has no RTP form
	}
	for i := range pkts.Len() {
		out.send(pkts.At(i), uint32(d.At-d.PTS))
	}
	w.srv.count.packetsOut.Add(int64(pkts.Len()))
	return pkts.Len()
}

// Limits of the KLV data channel; what a slow peer does not take is left out.
const (
	maxDataMessage  = 64 << 10
	maxDataBuffered = 256 << 10
)

// report sends the sender reports that are due.
func (w *watcher) report(c *senderClock) {
	now := time.Now()
	if !c.due(now) {
		return
	}
	var pkts []rtcp.Packet
	for _, out := range w.plan.outs {
		if sr := out.report(c, now); sr != nil {
			pkts = append(pkts, sr)
		}
	}
	if len(pkts) > 0 {
		_ = w.pc.WriteRTCP(pkts) // lost like any other packet
	}
}

// feedback handles what the peer says about one track until the session ends.
func (w *watcher) feedback(out *outTrack) {
	buf := make([]byte, receiveMTU)
	for {
		n, _, err := out.sender.Read(buf)
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
				if p.MediaSSRC == uint32(out.ssrc) {
					w.out.begin()
					resent, missed := out.resend(p.Nacks, time.Now())
					w.out.end()
					w.srv.count.packetsResent.Add(int64(resent))
					w.srv.count.unrecovered.Add(int64(missed))
				}
			case *rtcp.PictureLossIndication:
				if p.MediaSSRC == uint32(out.ssrc) {
					w.wantKeyFrame()
				}
			case *rtcp.FullIntraRequest:
				if slices.ContainsFunc(p.FIR, func(e rtcp.FIREntry) bool { return e.SSRC == uint32(out.ssrc) }) {
					w.wantKeyFrame()
				}
			}
		}
	}
}

// wantKeyFrame passes the wish on. A publisher whose protocol cannot carry it
// sends its next key frame when it does; until then retransmissions help.
func (w *watcher) wantKeyFrame() {
	w.srv.count.keyFrameRequests.Add(1)
	w.reader.Stream().RequestKeyFrame()
}

// isRefusal returns err as a refusal.
func isRefusal(err error) (*refusal, bool) {
	var r *refusal
	return r, errors.As(err, &r)
}
