package rtc

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"muster/media/codec"
	"muster/media/mcu"
)

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
	g := newGather((*mcu.Track).Write)
	defer g.flush()
	for {
		pkt, ok := t.next(remote, buf)
		if !ok {
			return
		}
		track, layer := t.picture(mid, id, remote)
		if track == nil || len(pkt.Payload) == 0 {
			continue
		}
		g.add(track, layer, &mcu.Packet{Seq: pkt.SequenceNumber, Timestamp: pkt.Timestamp, Marker: pkt.Marker, Payload: pkt.Payload})
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
