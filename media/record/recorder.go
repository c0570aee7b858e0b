package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"muster/media"
	"muster/media/codec"
)

const (
	gap       = 10 * time.Second       // a longer pause of the leading track ends a file
	clockBack = 500 * time.Millisecond // a longer step back is a new clock
	again     = 10 * time.Second       // pause after an error of the disk or the database
	plausible = time.Minute            // between the publisher's clock and ours
)

// recorder records one stream. One goroutine runs it.
type recorder struct {
	m      *Manager
	stream *media.Stream
	reader *media.Reader
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	unfit atomic.Bool             // the stream cannot be recorded
	live  atomic.Pointer[segment] // what is being written, once its file is open

	// Owned by the goroutine.
	take  []bool
	lead  int
	seg   *segment
	last  time.Duration // decoding time of the leading track's newest unit
	step  time.Duration // between it and the one before
	due   bool          // begin anew at the next key frame
	retry time.Time     // not before
	said  string        // error that was logged
}

// run records until the stream or ctx ends.
func (r *recorder) run(ctx context.Context) {
	formats := r.formats()
	var left []string
	r.take, r.lead, left = choose(formats)
	if r.lead < 0 {
		r.unfit.Store(true)
		r.log.Warn("the stream cannot be recorded: it has none of H264, H265, AV1, VP9, AAC, Opus, MP3 and AC-3", "tracks", strings.Join(left, ", "))
		return
	}
	if len(left) > 0 {
		r.log.Info("tracks are left out of the recording", "tracks", strings.Join(left, ", "))
	}
	stop := context.AfterFunc(ctx, func() { r.reader.Close(nil) })
	defer stop()
	defer r.reader.Close(nil)
	ctx = context.WithoutCancel(ctx) // its end must not keep the last file from being ended well
	defer func() { r.finish(ctx) }()
	batch := make([]media.Delivery, 64)
	for {
		n, err := r.reader.Pull(batch)
		if err != nil {
			return
		}
		for _, d := range batch[:n] {
			if r.take[d.Track.Index] && len(d.AU) > 0 {
				r.write(ctx, d)
			}
		}
		clear(batch[:n]) // hold no media while waiting for more
	}
}

func (r *recorder) formats() []*codec.Format {
	out := make([]*codec.Format, len(r.stream.Tracks))
	for i, t := range r.stream.Tracks {
		out[i] = t.Format()
	}
	return out
}

// write takes one unit. What goes wrong ends the file, never the recording.
func (r *recorder) write(ctx context.Context, d media.Delivery) {
	leads := d.Track.Index == r.lead
	now := media.Seconds(d.DecodeAt, d.Format.ClockRate)
	if g := r.seg; g != nil {
		t := g.tracks[d.Track.Index]
		switch {
		case d.Jump, g.cut.Load(), leads && (changed(t.format, d.Format) || r.broken(now)):
			r.finish(ctx)
		case leads && d.Key && r.over(now):
			g.next(d)
			r.finish(ctx)
		case !leads && (now-r.last > apart || r.last-now > apart):
			return // it does not belong to this moment
		case !leads && t.in && changed(t.format, d.Format):
			r.due = true
			return
		}
	}
	if leads {
		r.step, r.last = now-r.last, now
	}
	if r.seg == nil {
		if !leads || !d.Key || !r.begin(d) {
			return
		}
	}
	g := r.seg
	if g.full(d) {
		if leads {
			g.next(d)
		}
		if err := r.flush(ctx); err != nil {
			r.fail(ctx, err)
			return
		}
	}
	if err := g.add(d); err != nil {
		r.m.n.badUnits.Add(1)
		r.log.Debug("unit left out of the recording", "codec", d.Format.Codec, "error", err)
	}
	r.due = r.due || g.late
	if leads && r.over(now) {
		r.stream.RequestKeyFrame() // some publishers send none unless asked
	}
}

// broken reports whether the leading track's clock makes a step to now.
func (r *recorder) broken(now time.Duration) bool {
	return r.last-now > clockBack || now-r.last > max(gap, 4*r.step)
}

// over reports whether the file is to end with the next key frame.
func (r *recorder) over(now time.Duration) bool {
	return r.due || now-r.seg.base >= r.m.cfg.Segment
}

// begin makes a segment that starts with the key frame d, unless it is too early
// after an error or there is no room.
func (r *recorder) begin(d media.Delivery) bool {
	at := time.Now()
	if at.Before(r.retry) || r.m.full.Load() {
		return false
	}
	start := d.NTP
	if diff := at.Sub(start); diff > plausible || diff < -plausible {
		start = at // the publisher's clock is wrong
	}
	rec := Recording{ID: newID(), Stream: r.stream.Name.String(), Groups: append([]string{}, r.stream.Groups...), User: r.stream.User,
		Start: start.UTC().Truncate(time.Millisecond), Open: true}
	g := newSegment(rec, r.formats(), r.take, r.lead, d, r.m.cfg.Part)
	if g.lead.learn(d); g.lead.about == nil {
		r.m.n.badUnits.Add(1)
		r.say(errors.New("the parameters of the stream cannot be read"))
		return false
	}
	r.seg, r.due, r.step = g, false, 0
	return true
}

// flush writes a part, the first one into a file that it makes.
func (r *recorder) flush(ctx context.Context) error {
	g := r.seg
	if err := r.m.room(); err != nil {
		return err
	}
	if g.file == nil {
		if err := r.m.open(ctx, g); err != nil {
			return err
		}
		r.live.Store(g)
		r.m.tell(g.Recording, "started")
		r.log.Debug("a file of the recording begins", "file", g.path)
	}
	before := g.written.Load()
	err := g.flush()
	r.m.grew(g.written.Load() - before)
	if err == nil {
		r.said = ""
	}
	if size, most := g.written.Load(), r.m.cfg.maxSegment(); size >= most {
		g.cut.Store(true)
	} else if size >= most/4*3 { // rather at a key frame
		r.due = true
	}
	return err
}

// finish ends the present file.
func (r *recorder) finish(ctx context.Context) {
	g := r.seg
	if r.seg = nil; g == nil {
		return
	}
	if g.file == nil { // all of it is in memory
		if !g.ready() || r.m.full.Load() {
			return
		}
		if err := r.m.open(ctx, g); err != nil {
			r.say(err)
			return
		}
		r.m.tell(g.Recording, "started")
	}
	before := g.written.Load()
	err := g.end()
	r.m.grew(g.written.Load() - before)
	if err != nil {
		r.say(err)
	}
	r.live.Store(nil)
	r.m.close(ctx, g)
}

// fail ends the file because of err; recording goes on after a pause.
func (r *recorder) fail(ctx context.Context, err error) {
	r.m.n.failures.Add(1)
	if r.seg.file == nil {
		r.seg = nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", errRoom, err)
	}
	if errors.Is(err, errRoom) {
		r.m.stopForRoom()
	} else {
		r.say(err)
		r.retry = time.Now().Add(again)
	}
	r.finish(ctx)
}

// say logs an error once, not at every attempt.
func (r *recorder) say(err error) {
	if text := err.Error(); text != r.said {
		r.said = text
		r.log.Error("recording is interrupted; it goes on as soon as it can", "error", err)
	}
}

// sync puts what is written on the disk. It may be called from any goroutine.
func (r *recorder) sync() {
	g := r.live.Load()
	if g == nil {
		return
	}
	if err := g.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		r.log.Warn("what is recorded may not be on the disk", "error", err)
	}
}
