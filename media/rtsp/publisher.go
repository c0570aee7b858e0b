package rtsp

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"muster/media"
	"muster/media/codec"
)

// udpQueue is how many packets of one publisher wait between the shared sockets
// and its own goroutine: some 2 MB at most. When it is full, new ones are
// dropped and counted.
const udpQueue = 1024

// publication is media on its way in: of a session that records, or of a source
// that the server plays. All but close is for the goroutine that receives: serve
// over TCP, receive over UDP.
type publication struct {
	conn     *conn // of the session; nil: the server plays
	stats    *counters
	write    func([]byte) error // to the sender, over TCP
	end      func(error)        // its connection, from any goroutine
	pub      *media.Publisher
	tracks   []*inbound // by announced index; nil: left out
	timeline timeline
	ssrc     uint32 // of our reports
	reported time.Time
	buf      []byte // of a report

	udp     *udpDoor      // nil over TCP
	packets chan datagram // likewise
	done    chan struct{} // closed to end receive
	once    sync.Once
}

// inbound is one track on its way in.
type inbound struct {
	index    int // in the stream
	set      *track
	format   format.Format
	pt       uint8
	depacket *codec.Depacketizer // nil: opaque, packets go on as they are
	receiver receiver
	clock    trackClock
}

// datagram is a packet that came over UDP.
type datagram struct {
	track  *track
	isRTCP bool
	data   []byte
	at     time.Time
}

// newPublication prepares for the tracks that were set up and returns their
// formats.
func newPublication(s *session) (*publication, []*codec.Format, error) {
	p := &publication{tracks: make([]*inbound, len(s.announced)), ssrc: rand.Uint32(), done: make(chan struct{})}
	var formats []*codec.Format
	for _, t := range s.tracks {
		a := s.announced[t.index]
		if a.format == nil {
			continue
		}
		in := &inbound{index: len(formats), set: t, format: a.format, pt: a.format.PayloadType()}
		in.clock.rate = a.format.ClockRate()
		in.receiver = receiver{rate: in.clock.rate, reorders: s.udp != nil}
		if a.codec.Codec != codec.Opaque {
			d, err := codec.NewDepacketizer(a.format)
			if err != nil {
				return nil, nil, fmt.Errorf("%w: %w", media.ErrUnsupported, err)
			}
			in.depacket = d
		}
		p.tracks[t.index] = in
		formats = append(formats, a.codec)
	}
	if len(formats) == 0 {
		return nil, nil, fmt.Errorf("%w: none of the media that were set up is understood", media.ErrUnsupported)
	}
	return p, formats, nil
}

// startPublication makes what was announced and set up a live stream.
func (c *conn) startPublication(s *session) error {
	p, formats, err := newPublication(s)
	if err != nil {
		return err
	}
	p.conn, p.stats, p.write, p.end = c, &c.srv.stats, c.write, c.end
	pub, err := c.srv.router.Publish(media.PublishRequest{
		Identity: c.login.id, Client: c.client(), Name: s.name, Formats: formats, Kick: c.end,
	})
	if err != nil {
		return err
	}
	p.pub, s.pub = pub, p
	c.srv.stats.publishers.Add(1)
	if s.udp == nil {
		c.br = bufio.NewReaderSize(c.br, recordBuffer)
		return nil
	}
	c.alive.Store(time.Now().UnixMilli())
	p.udp, p.packets = s.udp, make(chan datagram, udpQueue)
	s.udp.record(s.tracks, p)
	c.group.Go(p.receive)
	return nil
}

// close ends the stream. Closing twice is harmless.
func (p *publication) close(reason error) {
	p.once.Do(func() {
		close(p.done)
		p.stats.publishers.Add(-1)
		p.pub.Close(reason)
	})
}

// enqueue hands over a packet from the shared UDP sockets; it never blocks.
func (p *publication) enqueue(d datagram) {
	select {
	case p.packets <- d:
	default:
		p.stats.drops.Add(1)
	}
}

// receive works off what came over UDP.
func (p *publication) receive(ctx context.Context) {
	defer func() {
		select {
		case <-p.done:
		default: // it ended early, by a panic or a failed write: nobody receives any more
			p.end(errClosed)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.done:
			return
		case d := <-p.packets:
			if d.isRTCP {
				p.rtcp(d.track, d.data, d.at)
				continue
			}
			p.rtp(d.track, d.data, d.at)
			if err := p.report(d.at); err != nil {
				return
			}
		}
	}
}

// rtp takes one RTP packet, whose bytes are handed over.
func (p *publication) rtp(t *track, data []byte, now time.Time) {
	in := p.tracks[t.index]
	if in == nil {
		return
	}
	p.stats.packetsIn.Add(1)
	if t.in != nil {
		var err error
		if data, err = t.in.DecryptRTP(nil, data, nil); err != nil {
			p.stats.packetsBad.Add(1)
			return
		}
	}
	pkt := &rtp.Packet{}
	if err := pkt.Unmarshal(data); err != nil || pkt.PayloadType != in.pt {
		p.stats.packetsBad.Add(1)
		return
	}
	ready, lost := in.receiver.push(pkt, now)
	p.stats.packetsLost.Add(int64(lost))
	for _, pkt := range ready {
		p.deliver(in, pkt, now)
	}
}

func (p *publication) deliver(in *inbound, pkt *rtp.Packet, now time.Time) {
	if len(pkt.Payload) == 0 {
		return // padding, sent to probe
	}
	pts := p.timeline.decode(&in.clock, pkt.Timestamp, now, in.format.PTSEqualsDTS(pkt))
	if in.depacket == nil {
		p.pub.WritePacket(in.index, pts, pkt.Marker, pkt.Payload)
		return
	}
	au, err := in.depacket.Depacketize(pkt)
	if err != nil {
		p.stats.packetsBad.Add(1)
		return
	}
	if au != nil {
		p.pub.Write(in.index, media.Sample{PTS: pts, NTP: in.clock.wall(pkt.Timestamp, now), AU: au})
	}
}

// rtcp takes the publisher's reports.
func (p *publication) rtcp(t *track, data []byte, now time.Time) {
	in := p.tracks[t.index]
	if in == nil {
		return
	}
	if t.in != nil {
		var err error
		if data, err = t.in.DecryptRTCP(nil, data, nil); err != nil {
			p.stats.packetsBad.Add(1)
			return
		}
	}
	for _, sr := range senderReports(data) {
		in.receiver.senderReport(sr, now)
		p.timeline.report(&in.clock, sr)
	}
}

// report sends receiver reports when they are due.
func (p *publication) report(now time.Time) error {
	if p.reported.IsZero() {
		p.reported = now
	}
	if now.Sub(p.reported) < reportEvery {
		return nil
	}
	p.reported = now
	p.buf = p.buf[:0]
	for _, in := range p.tracks {
		if in == nil {
			continue
		}
		rr, err := p.makeReport(in, now)
		switch {
		case err != nil:
			return err
		case len(rr) == 0: // nothing to report yet
		case p.udp != nil:
			p.udp.writeRTCP(rr, in.set)
		default:
			p.buf = append(p.buf, '$', in.set.channels[1], 0, byte(len(rr)))
			p.buf = append(p.buf, rr...)
		}
	}
	if len(p.buf) == 0 {
		return nil
	}
	return p.write(p.buf)
}

func (p *publication) makeReport(in *inbound, now time.Time) ([]byte, error) {
	own := p.ssrc
	if in.set.out != nil {
		own = in.set.reportSSRC
	}
	rr := in.receiver.appendReport(nil, own, now)
	if in.set.out == nil || len(rr) == 0 {
		return rr, nil
	}
	return in.set.out.EncryptRTCP(nil, rr, nil)
}
