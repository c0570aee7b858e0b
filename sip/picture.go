package sip

import (
	"time"

	"muster/sip/rtp"
	"muster/sip/wire"
)

// askPicture asks the phone for a picture, by RTCP or else by INFO (RFC 5168).
func (l *leg) askPicture() {
	if l.state != stateUp || l.media.video == nil || l.media.video.RequestKeyFrame() || !l.allows(wire.Info) {
		return
	}
	if time.Since(l.media.asked) < time.Second {
		return
	}
	l.media.asked = time.Now()
	m := l.request(wire.Info)
	m.SetBody("application/media_control+xml", []byte(pictureFastUpdate))
	l.send(m, nil)
}

const pictureFastUpdate = `<?xml version="1.0" encoding="utf-8"?><media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>`

// media are the streams of a leg.
type media struct {
	audio, video *rtp.Stream
	asked        time.Time
}

func (m *media) close() {
	for _, st := range []*rtp.Stream{m.audio, m.video} {
		if st != nil {
			st.Close()
		}
	}
}
