package rtsp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"muster/media"
	"muster/media/codec"
)

const (
	batchUnits = 64       // units pulled at a time
	batchBytes = 64 << 10 // bytes written at a time
	// firstWait is how long the response to PLAY waits for the first unit, whose
	// times RTP-Info tells.
	firstWait = 500 * time.Millisecond

	// Sound waits for the next picture only while pictures come at least this
	// often, up to so many units, and from so many players on; see holds.
	holdTime    = 50 * time.Millisecond
	holdUnits   = 4
	holdReaders = 20
)

// player is a session that plays: one goroutine pulls units from the hub and
// writes them.
type player struct {
	conn   *conn
	s      *session
	reader *media.Reader
	tracks []*track // by index in the stream; nil: not set up

	first    chan struct{} // closed when the first units were pulled
	zero     time.Duration // presentation time of the earliest of them
	hasZero  bool
	begin    chan struct{} // closed when they may be sent
	beginOne sync.Once
	done     chan struct{} // closed when run has returned

	// A moment in the stream's time and in the sender's, for sender reports.
	refAt    time.Duration
	refWall  time.Time
	reported time.Time

	pictureAt    time.Time // when the last picture was pulled
	pictureEvery time.Duration

	msgs *datagrams // over UDP
}

func (c *conn) startPlayer(s *session) (*player, error) {
	indexes := make([]int, len(s.tracks))
	p := &player{conn: c, s: s, tracks: make([]*track, len(s.stream.Tracks)),
		first: make(chan struct{}), begin: make(chan struct{}), done: make(chan struct{})}
	for i, t := range s.tracks {
		indexes[i] = t.index
		p.tracks[t.index] = t
	}
	var err error
	p.reader, err = c.srv.router.Read(media.ReadRequest{
		Identity: c.login.id, Client: c.client(), Name: s.name, Tracks: indexes, Start: media.StartCatchup, Kick: c.end,
	})
	if err != nil {
		return nil, err
	}
	if p.reader.Stream() != s.stream { // published anew since DESCRIBE: other tracks
		p.reader.Close(nil)
		return nil, media.ErrNotFound
	}
	c.srv.stats.readers.Add(1)
	if !c.group.Go(p.run) {
		c.srv.stats.readers.Add(-1)
		close(p.done)
		p.reader.Close(errShutdown)
		return nil, errShutdown
	}
	wait := time.NewTimer(firstWait)
	defer wait.Stop()
	select {
	case <-p.first:
	case <-wait.C:
	}
	return p, nil
}

// start lets the media flow.
func (p *player) start() { p.beginOne.Do(func() { close(p.begin) }) }

// stop ends the player and returns when its goroutine has.
func (p *player) stop(reason error) {
	p.reader.Close(reason)
	p.start()
	<-p.done
}

// info returns the RTP-Info header (RFC 2326 §12.33): for each track the number
// of its first packet and the timestamp of one moment common to all.
func (p *player) info(base string) string {
	var parts []string
	known := false
	select {
	case <-p.first:
		known = p.hasZero
	default:
	}
	for _, t := range p.s.tracks {
		url := t.url
		if url == "" {
			url = base
		}
		part := fmt.Sprintf("url=%s;seq=%d", url, t.seq)
		if known {
			tr := p.s.stream.Tracks[t.index]
			part += fmt.Sprintf(";rtptime=%d", rtpTime(tr, p.zero))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// rtpTime returns the RTP timestamp of a moment in the stream's time. The
// nanosecond makes up for what was cut off when ticks became a duration.
func rtpTime(t *media.Track, at time.Duration) uint32 {
	return t.RTPTime(media.Ticks(at+time.Nanosecond, t.Format().ClockRate))
}

func (p *player) run(ctx context.Context) {
	defer close(p.done)
	defer p.conn.srv.stats.readers.Add(-1)
	returned := false
	defer func() {
		if !returned { // a panic: without media the connection is of no use
			p.conn.end(errBroken)
		}
	}()
	p.play(ctx)
	returned = true
}

var errBroken = errors.New("the player broke")

// play sends what the reader gets until the stream or the reader ends.
func (p *player) play(ctx context.Context) {
	batch := make([]media.Delivery, batchUnits)
	n, err := p.reader.Pull(batch)
	for _, d := range batch[:n] {
		if at := media.Seconds(d.At, d.Format.ClockRate); !p.hasZero || at < p.zero {
			p.zero, p.hasZero = at, true
		}
	}
	close(p.first)
	select {
	case <-p.begin:
	case <-ctx.Done():
		return
	}
	held := 0 // units at the front of batch that wait for the next picture
	for err == nil {
		held += n
		if !p.holds(batch[:held], time.Now()) {
			if p.send(batch[:held]) != nil {
				return // write has ended the connection
			}
			clear(batch[:held]) // do not keep units alive while waiting
			held = 0
		}
		n, err = p.reader.Pull(batch[held:])
	}
	if held > 0 && p.send(batch[:held]) != nil {
		return
	}
	if errors.Is(err, media.ErrStreamEnded) {
		p.bye()
		p.conn.end(err)
	}
}

// holds reports whether a batch of sound alone may wait for the next picture and
// go out with it. Where many watch, most of the server's work is the writing,
// and this saves the larger part of the calls; pictures are never held, and
// sound not for longer than a picture takes. When pictures come seldom or not at
// all, nothing is held.
func (p *player) holds(batch []media.Delivery, now time.Time) bool {
	video := p.s.stream.VideoTrack()
	for i := range batch {
		if batch[i].Track == video {
			p.pictureEvery, p.pictureAt = now.Sub(p.pictureAt), now
			return false
		}
	}
	return len(batch) < holdUnits && p.pictureEvery < holdTime && now.Sub(p.pictureAt) < holdTime &&
		p.conn.srv.stats.readers.Load() >= holdReaders
}

// send writes one batch, and sender reports when they are due.
func (p *player) send(batch []media.Delivery) error {
	buf := p.conn.srv.buffers.Get().(*[]byte)
	defer p.conn.srv.buffers.Put(buf)
	var err error
	if p.s.udp != nil {
		err = p.sendUDP(batch, (*buf)[:0])
	} else {
		err = p.sendTCP(batch, (*buf)[:0])
	}
	return err
}

// sendTCP copies the shared packets of a batch behind one another, makes them
// the reader's own, and writes them with as few calls as possible.
func (p *player) sendTCP(batch []media.Delivery, buf []byte) error {
	for i := range batch {
		d := &batch[i]
		t := p.tracks[d.Track.Index]
		pkts, err := d.Packets()
		if err != nil {
			p.conn.srv.stats.packetsBad.Add(1)
			continue
		}
		p.note(d)
		shift := uint32(d.At - d.PTS)
		for framed := pkts.Interleaved(); len(framed) > 0; {
			size := frameHead + int(framed[2])<<8 + int(framed[3])
			if len(buf) > 0 && len(buf)+size > batchBytes {
				if err := p.conn.write(buf); err != nil {
					return err
				}
				buf = buf[:0]
			}
			buf = append(buf, framed[:size]...)
			own := buf[len(buf)-size:]
			own[1] = t.channels[0]
			t.number(own[frameHead:], shift)
			framed = framed[size:]
		}
		p.conn.srv.stats.packetsOut.Add(int64(pkts.Len()))
	}
	if p.reportDue() {
		for _, t := range p.s.tracks {
			start := len(buf)
			buf = append(buf, '$', t.channels[1], 0, 0)
			buf = p.appendReport(buf, t)
			buf[start+3] = byte(len(buf) - start - frameHead)
		}
	}
	if len(buf) == 0 {
		return nil
	}
	return p.conn.write(buf)
}

// number gives a packet the reader's own number, moves its timestamp by shift,
// and counts it.
func (t *track) number(pkt []byte, shift uint32) {
	codec.Patch(pkt, t.seq, codec.PacketTimestamp(pkt)+shift)
	t.seq++
	t.packets++
	t.octets += uint32(len(codec.PacketPayload(pkt)))
}

// note remembers when a unit that is live was captured.
func (p *player) note(d *media.Delivery) {
	if d.At == d.PTS {
		p.refAt, p.refWall = media.Seconds(d.At, d.Format.ClockRate), d.NTP
	}
}

// reportDue reports whether it is time for sender reports: with the first live
// unit, so that players align the tracks at once, and then regularly.
func (p *player) reportDue() bool {
	if p.refWall.IsZero() {
		return false
	}
	now := time.Now()
	if now.Sub(p.reported) < reportEvery {
		return false
	}
	p.reported = now
	return true
}

// appendReport appends the sender report of t. All tracks report the same moment
// of the stream, so that they stay as they are to one another even when their
// arrival is all that is known of the capture time.
func (p *player) appendReport(b []byte, t *track) []byte {
	tr := p.s.stream.Tracks[t.index]
	sr := senderReport{ssrc: tr.SSRC(), ntp: toNTP(p.refWall), rtp: rtpTime(tr, p.refAt)}
	return appendSenderReport(b, sr, t.packets, t.octets, p.s.id)
}

// bye tells the client that the stream is over. Errors do not matter any more.
func (p *player) bye() {
	var buf []byte
	for _, t := range p.s.tracks {
		ssrc := p.s.stream.Tracks[t.index].SSRC()
		if p.s.udp != nil {
			p.s.udp.writeRTCP(appendBye(nil, ssrc), t)
			continue
		}
		buf = append(buf, '$', t.channels[1], 0, 8)
		buf = appendBye(buf, ssrc)
	}
	if len(buf) > 0 {
		_ = p.conn.write(buf)
	}
}
