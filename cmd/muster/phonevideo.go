package main

import (
	"strconv"
	"time"

	"muster/media/codec"
	"muster/media/mcu"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// phoneScreen is the picture of the room that a phone is shown. It is guarded by
// its seat's mu.
type phoneScreen struct {
	spec    mcu.PictureSpec
	send    func(rtp.Unit) // nil: the phone takes no pictures
	picture *mcu.Picture   // nil until the phone is let in
}

// set says which picture the phone takes now, and how it is sent.
func (v *phoneScreen) set(f sdp.Format, send func(rtp.Unit)) {
	v.close()
	v.spec, v.send = pictureSpec(f), send
}

// open begins the picture, if it is wanted and does not run.
func (v *phoneScreen) open(p *mcu.Participant) {
	if v.send == nil || v.picture != nil {
		return
	}
	send := v.send
	// Refused in the lobby: asked again when the phone is let in.
	if pic, err := p.Watch(v.spec, func(f mcu.Frame) { send(rtp.Unit{AU: f.AU, PTS: f.PTS, Key: f.Key}) }); err == nil {
		v.picture = pic
	}
}

// pause ends the picture until it is opened again.
func (v *phoneScreen) pause() {
	if v.picture != nil {
		v.picture.Close()
	}
	v.picture = nil
}

// close ends the picture for good.
func (v *phoneScreen) close() {
	v.pause()
	v.send = nil
}

// singleUnit is the largest NAL unit for phones that take no fragments
// (packetization-mode=0, RFC 6184 §6.2): it fits the packets of any network.
const singleUnit = 1200

// pictureSpec returns the picture that a phone can take in the format f.
func pictureSpec(f sdp.Format) mcu.PictureSpec {
	spec := mcu.PictureSpec{Codec: codec.ID(f.Name), Width: 1280, Height: 720}
	if spec.Codec != codec.H264 {
		return spec
	}
	if f.PacketizationMode() == 0 {
		spec.MaxUnit = singleUnit
	}
	// The profile, its constraints and ten times the level (RFC 6184 §8.1). Phones
	// that say nothing mean level 1, and decode more.
	id, err := strconv.ParseUint(f.Parameter("profile-level-id"), 16, 24)
	if err != nil {
		spec.Width, spec.Height = 640, 360
		return spec
	}
	spec.HighProfile = id>>16 == 100
	switch level := id & 0xff; {
	case level < 22:
		spec.Width, spec.Height = 352, 288
	case level < 31:
		spec.Width, spec.Height = 720, 576
	}
	return spec
}

// Video implements sip.Seat.
func (s *phoneSeat) Video(f sdp.Format, send func(rtp.Unit)) func(rtp.Unit) {
	s.mu.Lock()
	s.screen.set(f, send)
	s.mu.Unlock()
	if f.Name == "" {
		return nil
	}
	s.sync()
	p, err := newPhonePicture(s, f)
	if err != nil {
		return func(rtp.Unit) {}
	}
	return p.write
}

// RequestKeyFrame implements sip.Seat.
func (s *phoneSeat) RequestKeyFrame() {
	s.mu.Lock()
	pic := s.screen.picture
	s.mu.Unlock()
	if pic != nil {
		pic.RequestKeyFrame()
	}
}

// phonePicture is what a phone shows to the room.
type phonePicture struct {
	seat    *phoneSeat
	id      codec.ID
	frames  *mcu.FrameWriter
	track   *mcu.Track
	refused time.Time
}

// pictureRefused is how long a phone's pictures are dropped before the room is
// asked again.
const pictureRefused = time.Second

func newPhonePicture(s *phoneSeat, f sdp.Format) (*phonePicture, error) {
	id := codec.ID(f.Name)
	frames, err := mcu.NewFrameWriter(id)
	if err != nil {
		return nil, err
	}
	return &phonePicture{seat: s, id: id, frames: frames}, nil
}

// write is called by the phone's one reader.
func (p *phonePicture) write(u rtp.Unit) {
	if p.track == nil || p.track.Over() {
		if time.Since(p.refused) < pictureRefused {
			return
		}
		t, err := p.seat.p.Load().OpenTrack(mcu.TrackSpec{Source: mcu.Camera, Codec: p.id, Layers: make([]mcu.LayerInfo, 1),
			KeyFrame: func(int) { p.seat.leg.RequestKeyFrame() }})
		if err != nil {
			p.refused = time.Now()
			return
		}
		p.track = t
	}
	p.frames.Write(p.track, 0, u.AU, u.PTS)
}
