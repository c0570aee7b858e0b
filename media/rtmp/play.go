package rtmp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"muster/internal/peer"
	"muster/internal/run"
	"muster/media"
	"muster/media/codec"
)

const (
	codeNotFound  = "NetStream.Play.StreamNotFound"
	codePlayFail  = "NetStream.Play.Failed"
	codePlayReset = "NetStream.Play.Reset"
	codePlayStart = "NetStream.Play.Start"
	codePlayEnd   = "NetStream.Play.UnpublishNotify"

	batchSize = 64
)

// play sends a stream to the client until either ends it.
func (c *conn) play(login context.Context, cmd command) error {
	t, id, err := c.authenticate(login, cmd, codePlayFail, codeNotFound)
	if err != nil {
		return err
	}
	stream, err := c.s.deps.Router.Find(id, t.name)
	if err != nil {
		return &refusal{codeNotFound, err.Error(), nil}
	}
	tracks, left := choose(stream.Tracks, c.multitrack)
	if !c.enhanced {
		tracks, left = sparing(stream.Tracks, tracks, left)
	}
	if len(tracks) == 0 {
		return &refusal{codePlayFail, "this stream has only " + strings.Join(left, " and ") + ", which RTMP cannot carry", nil}
	}
	if len(left) > 0 {
		c.log.Info("leaving out tracks that RTMP cannot carry", "tracks", strings.Join(left, ", "))
	}
	rd, err := c.s.deps.Router.Read(media.ReadRequest{
		Identity: id,
		Client:   media.Client{Protocol: c.proto, Remote: c.remote, Agent: c.agent},
		Name:     t.name, Tracks: tracks, Start: media.StartCatchup, Kick: c.kick,
	})
	switch {
	case errors.Is(err, media.ErrFull):
		return &refusal{codePlayFail, err.Error(), nil}
	case errors.Is(err, media.ErrNotFound):
		return &refusal{codeNotFound, err.Error(), nil}
	case err != nil:
		return fmt.Errorf("rtmp: read: %w", err)
	}
	if rd.Stream() != stream { // published anew in between, perhaps with other tracks
		rd.Close(nil)
		return &refusal{codeNotFound, "the stream is just being started anew; try again", nil}
	}
	c.s.n.plays.Add(1)
	peer.LimitUnsent(c.raw)

	listened := make(chan struct{})
	go func() {
		defer close(listened)
		defer run.Recover(c.s.log, "rtmp")
		rd.Close(c.listen())
	}()
	err = c.deliver(rd, newSink(rd.Stream(), tracks))
	rd.Close(err)
	if errors.Is(err, media.ErrStreamEnded) {
		err = c.status("status", codePlayEnd, "the stream ended")
	}
	c.cut()
	<-listened
	return err
}

// listen reads what a viewer sends until it says that it is done or leaves.
func (c *conn) listen() error {
	for {
		m, err := c.next()
		if err != nil {
			return err
		}
		if cmd, ok := commandOf(m); ok && endsStream(cmd.name) {
			return errDone
		}
	}
}

// deliver writes what the reader pulls. Each batch is one flush.
func (c *conn) deliver(rd *media.Reader, out *sink) error {
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil { // viewers need not say anything
		return err
	}
	if err := c.begin(); err != nil {
		return err
	}
	batch := make([]media.Delivery, batchSize)
	for {
		n, err := rd.Pull(batch)
		if err != nil {
			return err
		}
		c.mu.Lock()
		err = c.nc.SetWriteDeadline(time.Now().Add(c.s.cfg.WriteTimeout))
		for _, d := range batch[:n] {
			if err != nil {
				break
			}
			err = out.put(c, d)
		}
		if err == nil {
			err = c.bw.Flush()
		}
		c.mu.Unlock()
		clear(batch[:n]) // the ring decides how long units live
		if err != nil {
			return err
		}
	}
}

// begin tells the client that media follows (§7.2.2.1).
func (c *conn) begin() error {
	if err := c.send(2, 0, typeUserControl, 0, []byte{0, eventStreamBegin, 0, 0, 0, 1}); err != nil {
		return err
	}
	if err := c.status("status", codePlayReset, "playing and resetting"); err != nil {
		return err
	}
	return c.status("status", codePlayStart, "playing")
}

// choose picks the tracks that RTMP carries: of each kind the first, or all for
// clients that take several. It returns the descriptions of those left out.
func choose(tracks []*media.Track, multitrack bool) (chosen []int, left []string) {
	for _, kind := range []codec.Kind{codec.Video, codec.Audio, codec.Data} {
		first := true
		for _, t := range tracks {
			f := t.Format()
			switch {
			case f.Kind() != kind:
			case !carries(f) || !first && (!multitrack || fourCCOf(f.Codec) == ""):
				left = append(left, f.String())
			default:
				chosen = append(chosen, t.Index)
				first = false
			}
		}
	}
	return chosen, left
}

// sparing leaves out sound that only enhanced RTMP carries, where there is an
// H264 picture to go on with. Players that do not say that they know enhanced
// RTMP mostly do not: FFmpeg before 7.1 and VLC 3 search for the codec of such
// sound for half a minute before they show anything.
func sparing(all []*media.Track, chosen []int, left []string) ([]int, []string) {
	picture := func(i int) bool { return all[i].Format().Codec == codec.H264 }
	if !slices.ContainsFunc(chosen, picture) {
		return chosen, left
	}
	chosen = slices.DeleteFunc(chosen, func(i int) bool {
		f := all[i].Format()
		novel := f.Codec == codec.Opus || f.Codec == codec.AC3
		if novel {
			left = append(left, f.String())
		}
		return novel
	})
	return chosen, left
}

// carries reports whether RTMP has a form for f.
func carries(f *codec.Format) bool {
	switch f.Codec {
	case codec.G711:
		return f.ClockRate == 8000 && f.Channels <= 2
	case codec.LPCM:
		return f.BitDepth == 16 && f.Channels <= 2 && slices.Contains(flvRates, f.ClockRate)
	}
	return fourCCOf(f.Codec) != ""
}

var flvRates = []int{5512, 11025, 22050, 44100}

// sink writes the units of one reader as FLV.
type sink struct {
	tracks  []*media.Track
	outs    map[int]*outTrack
	started bool
	base    int64 // ms; what the client sees as zero
}

// outTrack is one outgoing track.
type outTrack struct {
	n      byte          // among those of its kind; 0 needs no multitrack
	format *codec.Format // that the client was told; nil: none yet
	last   int64         // ms, of the last frame
}

func newSink(s *media.Stream, tracks []int) *sink {
	k := &sink{outs: make(map[int]*outTrack)}
	var n [2]byte
	for _, i := range tracks {
		t := s.Tracks[i]
		kind := 0
		if t.Format().Kind() == codec.Audio {
			kind = 1
		}
		k.tracks = append(k.tracks, t)
		k.outs[i] = &outTrack{n: n[kind]}
		n[kind]++
	}
	return k
}

// put writes one unit into the connection's buffer.
func (k *sink) put(c *conn, d media.Delivery) error {
	if !k.started {
		k.started = true
		k.base = millis(d.DecodeAt, d.Format.ClockRate)
		if err := k.header(c); err != nil {
			return err
		}
	}
	o := k.outs[d.Track.Index]
	dts := millis(d.DecodeAt, d.Format.ClockRate)
	o.last = max(o.last, dts-k.base)
	cts := max(0, millis(d.At, d.Format.ClockRate)-k.base-o.last)
	if d.Format != o.format {
		if err := k.configure(c, o, d.Format); err != nil {
			return err
		}
	}
	if d.Format.Kind() == codec.Video {
		return c.write(6, messageOne, typeVideo, stamp(o.last), videoBody(d.Unit, o.n, cts))
	}
	first := o.last
	for i, frame := range d.AU {
		o.last = first + millis(audioTicks(d.Format, d.AU[:i]), d.Format.ClockRate)
		if err := c.write(4, messageOne, typeAudio, stamp(o.last), audioBody(d.Format, o.n, frame)); err != nil {
			return err
		}
	}
	return nil
}

// header writes the metadata and the configuration of every track, so that a
// player knows all of them before the first frame.
func (k *sink) header(c *conn) error {
	meta := amf0.ECMAArray{}
	for _, t := range k.tracks {
		if k.outs[t.Index].n == 0 {
			meta = append(meta, describe(t.Format())...)
		}
	}
	body, err := amf0.Data{"onMetaData", meta}.Marshal()
	if err != nil {
		return fmt.Errorf("rtmp: encode metadata: %w", err)
	}
	if err := c.write(4, messageOne, typeDataAMF0, 0, body); err != nil {
		return err
	}
	for _, t := range k.tracks {
		if f := t.Format(); f.Complete() {
			if err := k.configure(c, k.outs[t.Index], f); err != nil {
				return err
			}
		}
	}
	return nil
}

// configure writes the decoder configuration of f, if its codec has one.
func (k *sink) configure(c *conn, o *outTrack, f *codec.Format) error {
	o.format = f
	body := configBody(f, o.n)
	switch {
	case body == nil:
		return nil
	case f.Kind() == codec.Video:
		return c.write(6, messageOne, typeVideo, stamp(o.last), body)
	}
	return c.write(4, messageOne, typeAudio, stamp(o.last), body)
}

// describe returns what the metadata says of a track.
func describe(f *codec.Format) amf0.ECMAArray {
	id := 0.0
	if cc := fourCCOf(f.Codec); cc != "" {
		id = float64(binary.BigEndian.Uint32([]byte(cc)))
	}
	if old, ok := oldCodec(f); ok {
		id = float64(old)
	}
	if f.Kind() == codec.Video {
		w, h := f.Size()
		m := amf0.ECMAArray{{Key: "videocodecid", Value: id}}
		if w > 0 {
			m = append(m, amf0.ObjectEntry{Key: "width", Value: float64(w)}, amf0.ObjectEntry{Key: "height", Value: float64(h)})
		}
		return m
	}
	return amf0.ECMAArray{
		{Key: "audiocodecid", Value: id},
		{Key: "stereo", Value: f.Channels > 1},
	}
}

func millis(ticks int64, rate int) int64 { return media.Seconds(ticks, rate).Milliseconds() }

// stamp returns ms as the library takes timestamps. It truncates to 32 bits, as
// the wire does.
func stamp(ms int64) time.Duration { return time.Duration(uint32(ms)) * time.Millisecond }
