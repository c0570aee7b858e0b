package compositor

import (
	"slices"
	"time"
)

// OutputConfig describes what is watched. All outputs with the same one share
// one encoder.
type OutputConfig struct {
	Scene         string // of SetScene
	Codec         string // H264 (constrained baseline) or VP8
	Width, Height int    // even
	FPS           int    // 1 to 30
	Bitrate       int    // bits per second
	// MaxUnit is the largest NAL unit of H264 in bytes, for receivers that
	// take no fragments (packetization mode 0), 500 or more; 0 for any.
	MaxUnit int
}

func (o OutputConfig) valid() bool {
	return (o.Codec == H264 || o.Codec == VP8 && o.MaxUnit == 0) &&
		o.Width >= 32 && o.Height >= 32 && o.Width <= maxWidth && o.Height <= maxHeight && (o.Width|o.Height)&1 == 0 &&
		o.FPS >= 1 && o.FPS <= 30 && o.Bitrate >= 30_000 && o.Bitrate <= 50_000_000 &&
		(o.MaxUnit == 0 || o.MaxUnit >= 500)
}

// Frame is one coded picture, shared by all who watch it: read-only.
type Frame struct {
	AU  [][]byte      // NAL units without start codes, or one frame of VP8
	PTS time.Duration // since the Compositor was made; it rises across crashes
	Key bool
}

// encode is one encoder in the child and who gets what it makes.
type encode struct {
	number  uint32
	readers []*Output // guarded by the Compositor's mu; replaced, not changed
}

// Output is somebody who watches.
type Output struct {
	c    *Compositor
	cfg  OutputConfig
	emit func(Frame)
}

// Output opens an output, which begins with a key frame. emit is called from
// one goroutine and must not block; it may request a key frame.
func (c *Compositor) Output(cfg OutputConfig, emit func(Frame)) (*Output, error) {
	if !cfg.valid() {
		return nil, ErrConfig
	}
	o := &Output{c: c, cfg: cfg, emit: emit}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.encodes[cfg]
	if e == nil {
		if len(c.encodes) >= MaxOutputs {
			return nil, ErrLimit
		}
		c.lastID++
		e = &encode{number: c.lastID}
		c.encodes[cfg] = e
	}
	first := len(e.readers) == 0
	e.readers = append(slices.Clip(e.readers), o)
	if first {
		c.changed()
	} else {
		c.wantKey(e)
	}
	return o, nil
}

// RequestKeyFrame makes the next picture a key frame, at most one each 500 ms
// for all who share the encoder.
func (o *Output) RequestKeyFrame() {
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	if e := o.c.encodes[o.cfg]; e != nil {
		o.c.wantKey(e)
	}
}

// wantKey tells the child, which does not repeat itself. c.mu is held.
func (c *Compositor) wantKey(e *encode) {
	if c.up && len(c.pending) < queueBytes {
		c.queue(appendNumber(c.pending, msgKey, e.number))
	}
}

// Close ends the output. A frame may still come while it is called.
func (o *Output) Close() {
	c := o.c
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.encodes[o.cfg]
	if e == nil {
		return
	}
	e.readers = slices.DeleteFunc(slices.Clone(e.readers), func(r *Output) bool { return r == o })
	if len(e.readers) == 0 {
		delete(c.encodes, o.cfg)
		c.changed()
	}
}
