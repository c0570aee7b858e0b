package rtsp

import (
	"time"

	"muster/media"
)

const (
	// maxJump is by how much a timestamp may differ from what the time of
	// arrival makes plausible before the track is aligned anew.
	maxJump = 10 * time.Second
	// maxSkew is how far apart the tracks of one stream may be by their sender
	// reports before those are taken to be nonsense.
	maxSkew = 3 * time.Second
	// slewPart of the time passed is how fast an offset is worked off, 2 %.
	slewPart = 50
)

// timeline turns the RTP timestamps of a stream's tracks, each with an offset of
// its own, into times with one common zero. Tracks are first aligned by their
// arrival; sender reports, which say it exactly, correct that, at once if they
// come before the track's first packet and by slewing if later, so that time
// never runs backwards. It is for one goroutine.
type timeline struct {
	lead     *trackClock // the first track that had a packet
	anchor   time.Duration
	anchorAt time.Time // when anchor was the lead's time
}

// trackClock is one track's place on a timeline.
type trackClock struct {
	rate    int
	started bool
	pts     int64 // of prev, in ticks
	prev    uint32
	at      time.Time // arrival of prev
	slew    int64     // ticks still to be worked off

	reported bool
	ntp      time.Time // last sender report
	rtp      uint32
}

// decode returns the time of a packet that came at now. exact says that the
// packet is in order of presentation, so that its arrival tells something.
func (tl *timeline) decode(t *trackClock, ts uint32, now time.Time, exact bool) int64 {
	switch {
	case !t.started:
		t.pts = tl.start(t, ts, now)
		t.started = true
	default:
		ticks := int64(int32(ts - t.prev))
		gap := media.Seconds(ticks, t.rate) - now.Sub(t.at)
		if gap > maxJump || gap < -maxJump {
			ticks = media.Ticks(now.Sub(t.at), t.rate)
			t.reported, t.slew = false, 0
		}
		t.pts += ticks
		t.correct(ticks)
	}
	t.prev, t.at = ts, now
	if t == tl.lead && exact {
		tl.anchor, tl.anchorAt = media.Seconds(t.pts, t.rate), now
	}
	return t.pts
}

func (tl *timeline) start(t *trackClock, ts uint32, now time.Time) int64 {
	if tl.lead == nil {
		tl.lead, tl.anchorAt = t, now
		return 0
	}
	arrival := media.Ticks(tl.anchor+now.Sub(tl.anchorAt), t.rate)
	t.pts, t.prev = arrival, ts
	return arrival + tl.offset(t)
}

// report takes a sender report of t.
func (tl *timeline) report(t *trackClock, sr senderReport) {
	t.ntp, t.rtp, t.reported = fromNTP(sr.ntp), sr.rtp, true
	if tl.lead == nil {
		return
	}
	if t != tl.lead && t.started {
		t.slew = tl.offset(t)
	}
}

// offset returns by how many ticks t is behind where the sender reports of it
// and of the lead say it should be; 0 where they do not say.
func (tl *timeline) offset(t *trackClock) int64 {
	lead := tl.lead
	if !t.reported || !lead.reported || !lead.started {
		return 0
	}
	then := media.Seconds(lead.pts+int64(int32(lead.rtp-lead.prev)), lead.rate)
	should := then + t.ntp.Sub(lead.ntp)
	is := media.Seconds(t.pts+int64(int32(t.rtp-t.prev)), t.rate)
	if diff := should - is; diff < maxSkew && diff > -maxSkew {
		return media.Ticks(diff, t.rate)
	}
	return 0
}

// correct works off some of the offset while ticks pass.
func (t *trackClock) correct(ticks int64) {
	if t.slew == 0 || ticks <= 0 {
		return
	}
	step := min(max(ticks/slewPart, 1), max(t.slew, -t.slew))
	if t.slew < 0 {
		step = -step
	}
	t.pts += step
	t.slew -= step
}

// wall returns the sender's wall clock time of a packet, or zero if it is not
// known or not plausible.
func (t *trackClock) wall(ts uint32, now time.Time) time.Time {
	if !t.reported {
		return time.Time{}
	}
	at := t.ntp.Add(media.Seconds(int64(int32(ts-t.rtp)), t.rate))
	if d := now.Sub(at); d > maxJump || d < -maxJump {
		return time.Time{}
	}
	return at
}
