package srt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"muster/media"
	"muster/media/codec"
	"muster/media/mpegts"
)

const (
	batchSize = 64
	// The library takes at most 1,024 packets before its sender runs and breaks
	// the connection beyond. A group of pictures for a new reader can be more, so
	// after each burst the sender gets its turn.
	burst      = 256 // packets
	burstPause = 2 * time.Millisecond
)

// kick is what the hub calls to end the session.
func (c *caller) kick(reason error) {
	c.kicked.CompareAndSwap(nil, &reason)
	// Closing sends a farewell, so it may wait for the socket; when the group is
	// being waited for, the listener closes its connections.
	c.group.Go(func(context.Context) { c.conn.Close() })
}

const (
	watchEvery = 500 * time.Millisecond
	// maxAhead is the flow window that callers are told; the library does not
	// hold them to it, so data stamped far in the future would pile up.
	maxAhead = 25_600 // packets
	// silence is how long a publisher may be connected without being live.
	silence = 15 * time.Second
)

var (
	errTooMuch = errors.New("more data was sent ahead of its time than is accepted")
	errNoMedia = errors.New("no stream could be made of what came")
)

// watch ends the connection when the caller abuses it. It returns with ctx.
func (c *caller) watch(ctx context.Context) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	started := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		var st gosrt.Statistics
		c.conn.Stats(&st)
		switch {
		case st.Instantaneous.PktRecvBuf > c.s.maxAhead:
			c.kick(errTooMuch)
		case c.req.publish && !c.live.Load() && time.Since(started) > silence:
			c.kick(errNoMedia)
		}
	}
}

func (c *caller) client() media.Client {
	return media.Client{Protocol: "srt", Remote: c.remote}
}

// publish takes a transport stream from the caller until either ends it.
func (c *caller) publish() error {
	started := time.Now()
	publish := func(formats []*codec.Format) (*media.Publisher, error) {
		p, err := c.s.deps.Router.Publish(media.PublishRequest{
			Identity: c.id, Client: c.client(), Name: c.req.name, Formats: formats, Kick: c.kick,
		})
		if err != nil {
			return nil, fmt.Errorf("srt: publish: %w", err)
		}
		c.live.Store(true)
		c.s.n.publishes.Add(1)
		c.log.Debug("publisher ready", "after", time.Since(started).Round(time.Millisecond), "tracks", len(formats))
		return p, nil
	}
	return mpegts.Receive(counted{c.conn, c.s}, publish, c.log)
}

// mayPlay reports why the caller cannot have the stream, if so.
func (c *caller) mayPlay() (gosrt.RejectionReason, error) {
	stream, err := c.s.deps.Router.Find(c.id, c.req.name)
	if err != nil {
		return rejectNotFound, err
	}
	if chosen, left := mpegts.Choose(stream.Tracks); len(chosen) == 0 {
		return rejectMedia, errors.New("this stream has only " + names(left) + ", which MPEG-TS cannot carry")
	}
	return 0, nil
}

// play sends a stream to the caller until either ends it.
func (c *caller) play() error {
	stream, err := c.s.deps.Router.Find(c.id, c.req.name)
	if err != nil {
		return err
	}
	tracks, left := mpegts.Choose(stream.Tracks)
	if len(left) > 0 {
		c.log.Info("leaving out tracks that MPEG-TS cannot carry", "tracks", names(left))
	}
	rd, err := c.s.deps.Router.Read(media.ReadRequest{
		Identity: c.id, Client: c.client(), Name: c.req.name, Tracks: tracks, Start: media.StartCatchup, Kick: c.kick,
	})
	if err != nil {
		return err
	}
	defer rd.Close(nil)
	if rd.Stream() != stream { // published anew in between, with other tracks
		return media.ErrStreamEnded
	}
	c.s.n.plays.Add(1)

	// What the caller sends means nothing, but its end shows here first.
	gone := make(chan struct{})
	defer func() { c.conn.Close(); <-gone }()
	if !c.group.Go(func(context.Context) {
		defer close(gone)
		_, err := io.Copy(io.Discard, c.conn)
		rd.Close(err)
	}) {
		close(gone)
	}
	return c.deliver(rd, stream, tracks)
}

func (c *caller) deliver(rd *media.Reader, stream *media.Stream, tracks []int) error {
	out := &pacer{w: counted{c.conn, c.s}}
	m, err := mpegts.NewMuxer(out, stream, tracks)
	if err != nil {
		return err
	}
	defer func() {
		if m.Bad() > 0 {
			c.log.Info("left out units that MPEG-TS cannot carry", "units", m.Bad())
		}
	}()
	batch := make([]media.Delivery, batchSize)
	for {
		n, err := rd.Pull(batch)
		if err != nil {
			return err
		}
		for _, d := range batch[:n] {
			if err := m.Write(d); err != nil {
				return fmt.Errorf("srt: write: %w", err)
			}
		}
		clear(batch[:n])
		if err := m.Flush(); err != nil {
			return fmt.Errorf("srt: write: %w", err)
		}
	}
}

// pacer lets the library's sender run after each burst of packets.
type pacer struct {
	w     io.Writer
	n     int
	since time.Time
}

func (p *pacer) Write(b []byte) (int, error) {
	if p.n++; p.n >= burst {
		if time.Since(p.since) < 100*time.Millisecond {
			time.Sleep(burstPause)
		}
		p.n, p.since = 0, time.Now()
	}
	return p.w.Write(b)
}

// counted counts the bytes of a connection.
type counted struct {
	io.ReadWriter
	s *Server
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadWriter.Read(p)
	c.s.n.bytesIn.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.ReadWriter.Write(p)
	c.s.n.bytesOut.Add(int64(n))
	return n, err
}
