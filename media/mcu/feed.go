package mcu

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
	"muster/media/codec/aac"
)

// ErrStage: the stream has nothing that a room can carry.
var ErrStage = errors.New("the stream has neither video that browsers show (H264 without B-frames, VP8) nor sound that can be mixed (Opus, AAC-LC, G711, G722)")

// maxFeeds bounds the streams that are on the stage of a room at one time.
const maxFeeds = 8

// feed is a media path on the stage of a room: a participant that only sends.
type feed struct {
	p      *Participant
	reader *media.Reader
	end    sync.Once
	tracks map[int]*Track   // by index of the stream's track
	sounds map[int]*AudioIn // likewise
	seq    map[int]uint16
}

// Notify implements Leg: a stream does not listen.
func (f *feed) Notify(Event) {}

// End implements Leg.
func (f *feed) End(reason error) {
	f.end.Do(func() { f.reader.Close(reason) })
}

// Stage puts the stream called name on the stage, or takes it off. Only hosts
// may, and only streams that they may watch themselves; it ends with their right
// to. The errors are ErrHost, ErrStage, ErrTracks, and those of media.Router.Read.
func (p *Participant) Stage(name string, on bool) error {
	if err := p.mustHost(); err != nil {
		return err
	}
	n, err := safename.Parse(name)
	if err != nil {
		return media.ErrNotFound
	}
	m := p.Room()
	old, count := m.feeds(name)
	switch {
	case !on && old == nil:
		return ErrNotFound
	case !on:
		old.end(ErrKicked)
		return nil
	case old != nil:
		return nil // it is there
	case count >= maxFeeds:
		return ErrTracks
	case name == m.settings().Stream():
		return fmt.Errorf("%w: a room cannot be on its own stage", ErrInvalid)
	}
	return p.rooms.stage(m, p.Identity(), n)
}

// feeds returns the participant that name is on the stage as, nil for none, and
// how many streams there are.
func (m *Room) feeds(name string) (found *Participant, count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.people {
		if p.kind == Feed {
			count++
			if p.name == name {
				found = p
			}
		}
	}
	return found, count
}

// stage brings a stream into a room, read with the rights of who.
func (r *Rooms) stage(m *Room, who auth.Identity, name safename.Name) error {
	st, err := r.deps.Router.Find(who, name)
	if err != nil {
		return err
	}
	f := &feed{tracks: make(map[int]*Track), sounds: make(map[int]*AudioIn), seq: make(map[int]uint16)}
	var indexes []int
	for _, t := range st.Tracks {
		if _, video := stageVideo(t); video || stageSound(t.Format()).valid() {
			indexes = append(indexes, t.Index)
		}
	}
	if len(indexes) == 0 {
		return ErrStage
	}
	f.reader, err = r.deps.Router.Read(media.ReadRequest{
		Identity: who, Client: media.Client{Protocol: "room", Agent: m.name}, Name: name, Tracks: indexes, Start: media.StartCatchup, Kick: f.End,
	})
	if err != nil {
		return err
	}
	s := m.settings()
	p := newParticipant(r, s, JoinRequest{Identity: auth.System("stage"), Room: m.name, Name: name.String(), Kind: Feed, Leg: f}, false)
	p.role, p.muted, p.passed, f.p = Speaker, false, true, p // a host brings it in: no door stops it
	p.session, err = r.deps.Sessions.Open(auth.System("stage"), auth.Read, resource(s), auth.SessionInfo{Protocol: "room/" + string(Feed)}, p.end)
	if err == nil {
		err = m.enter(p)
		if err != nil {
			p.session.Close()
		}
	}
	if err != nil {
		f.End(err)
		return err
	}
	group := r.goroutines()
	if group == nil || !group.Go(func(context.Context) { f.run(st) }) {
		f.End(errStopped)
		p.Leave(errStopped)
		return errStopped
	}
	return nil
}

// stageVideo reports whether browsers can be shown t as it is.
func stageVideo(t *media.Track) (codec.ID, bool) {
	id := t.Format().Codec
	return id, (id == codec.H264 || id == codec.VP8) && !t.Reordered()
}

// highProfile reports whether f is H264 beyond the baseline profile (ITU-T H.264
// §A.2.1).
func highProfile(f *codec.Format) bool {
	return f.Codec == codec.H264 && len(f.SPS) > 1 && f.SPS[1] != 66
}

// stageSound returns the format of sound that can be mixed; an invalid one for
// others.
func stageSound(f *codec.Format) AudioFormat {
	switch {
	case f.Codec == codec.Opus, f.Codec == codec.G722:
		return AudioFormat{Codec: f.Codec}
	case f.Codec == codec.AAC && aac.Supports(f.AAC):
		return AudioFormat{Codec: codec.AAC, AAC: f.AAC}
	case f.Codec == codec.G711 && f.ClockRate == 8000 && f.Channels <= 1:
		return AudioFormat{Codec: codec.G711, MULaw: f.MULaw}
	}
	return AudioFormat{}
}

// run carries the stream into the room until one of them ends.
func (f *feed) run(st *media.Stream) {
	err := f.carry(st)
	f.End(err)
	f.p.Leave(err)
}

func (f *feed) carry(st *media.Stream) error {
	units := make([]media.Delivery, 16)
	for {
		n, err := f.reader.Pull(units)
		if err != nil {
			return err
		}
		for _, d := range units[:n] {
			if err := f.deliver(st, d); err != nil {
				return err
			}
		}
	}
}

func (f *feed) deliver(st *media.Stream, d media.Delivery) error {
	i := d.Track.Index
	if err := f.open(st, d); err != nil {
		return err
	}
	track, sound := f.tracks[i], f.sounds[i]
	if track == nil && sound == nil {
		return nil
	}
	ts := d.Track.RTPTime(d.At)
	if sound != nil && sound.format.Codec == codec.AAC {
		f.frames(sound, i, ts, d.AU)
		return nil
	}
	pkts, err := d.Packets()
	if err != nil {
		return nil // a unit that has no RTP form; the next one may have
	}
	var picture []*Packet
	for k := range pkts.Len() {
		pkt := pkts.At(k)
		seq := f.seq[i]
		f.seq[i]++
		if track != nil {
			picture = append(picture, &Packet{Seq: seq, Timestamp: ts, Marker: codec.PacketMarker(pkt), Payload: codec.PacketPayload(pkt)})
		} else {
			// Packets of one unit differ in their times: several frames of sound.
			at := ts + codec.PacketTimestamp(pkt) - d.Track.RTPTime(d.PTS)
			sound.Write(&Sound{Seq: seq, Timestamp: at, Payload: codec.PacketPayload(pkt)})
		}
	}
	if track != nil {
		track.Write(0, picture...)
	}
	return nil
}

// frames passes on frames of AAC, without the RTP form, in which one frame may be
// several packets.
func (f *feed) frames(sound *AudioIn, track int, ts uint32, au [][]byte) {
	for _, frame := range au {
		sound.Write(&Sound{Seq: f.seq[track], Timestamp: ts, Payload: frame})
		f.seq[track]++
		ts += aac.Samples
	}
}

// open makes a track known to the room with its first unit.
func (f *feed) open(st *media.Stream, d media.Delivery) error {
	i := d.Track.Index
	if f.tracks[i] != nil && !f.tracks[i].Over() || f.sounds[i] != nil && !f.sounds[i].Closed() {
		return nil
	}
	if id, ok := stageVideo(d.Track); ok {
		w, h := d.Format.Size()
		t, err := f.p.OpenTrack(TrackSpec{Source: Stage, Codec: id, Layers: []LayerInfo{{Width: w, Height: h}}, HighProfile: highProfile(d.Format), KeyFrame: func(int) { st.RequestKeyFrame() }})
		if err != nil {
			return err
		}
		f.tracks[i] = t
		return nil
	}
	if len(f.sounds) > 0 {
		return nil // one sound of each stream
	}
	in, err := f.p.OpenAudio(stageSound(d.Format))
	if err != nil {
		return err
	}
	f.sounds[i] = in
	return nil
}
