// Package mpegts maps streams of the hub to MPEG transport streams
// (ISO/IEC 13818-1) and back, for the protocols that carry them: SRT and UDP.
//
// Receive makes a publisher out of bytes, Send makes bytes out of a reader. The
// package knows nothing of sockets.
package mpegts

import (
	"io"
	"slices"
)

const (
	// PacketSize is the length of a transport stream packet.
	PacketSize = 188
	syncByte   = 0x47
	pidPAT     = 0
	pidNull    = 0x1FFF
	maxPES     = 8 << 20 // bytes of one PES packet, as maxUnitSize of the hub
	readSize   = 64 << 10
)

// pes is one packet of an elementary stream.
type pes struct {
	data     []byte // owned by the receiver
	pts, dts int64  // 33 bits
	hasPTS   bool
	// random says that the transport layer marks it as an entry point.
	random bool
}

// receiver takes what a demuxer finds.
type receiver interface {
	program(entries []entry) error // the elementary streams; again when they change
	packet(pid uint16, p pes) error
}

// demuxer splits a transport stream. Damage (loss, garbage between packets,
// wrong checksums) costs the packets concerned and is counted.
type demuxer struct {
	to      receiver
	pat     section
	pmt     section
	pmtPID  uint16 // 0: not known
	entries []entry
	streams map[uint16]*elementary
	lost    int // PES packets given up
	garbage int // bytes that were no packets
}

// elementary puts the PES packets of one PID together.
type elementary struct {
	buf     []byte
	active  bool
	random  bool
	want    int // length of the PES packet; 0: until the next begins
	hint    int // capacity to begin with
	counter byte
	known   bool // counter is
}

func newDemuxer(to receiver) *demuxer {
	return &demuxer{to: to, streams: make(map[uint16]*elementary)}
}

// run reads r to its end. Reads need not be aligned to packets.
func (d *demuxer) run(r io.Reader) error {
	buf := make([]byte, 0, readSize)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest, perr := d.packets(buf)
		if perr != nil {
			return perr
		}
		buf = buf[:copy(buf[:cap(buf)], rest)]
		if err != nil {
			return err
		}
	}
}

// packets takes the whole packets in b and returns the rest.
func (d *demuxer) packets(b []byte) ([]byte, error) {
	for len(b) >= PacketSize {
		// One sync byte may be chance: the next packet's must be there too.
		if b[0] != syncByte || len(b) > PacketSize && b[PacketSize] != syncByte {
			b = b[1:]
			d.garbage++
			continue
		}
		if err := d.packet(b[:PacketSize]); err != nil {
			return nil, err
		}
		b = b[PacketSize:]
	}
	return b, nil
}

// packet takes one transport packet (§2.4.3.2).
func (d *demuxer) packet(b []byte) error {
	pid := uint16(b[1]&0x1F)<<8 | uint16(b[2])
	start := b[1]&0x40 != 0
	if b[1]&0x80 != 0 || b[3]&0xC0 != 0 || pid == pidNull {
		return nil // broken, scrambled or empty
	}
	payload := b[4:]
	random, jump := false, false
	if b[3]&0x20 != 0 { // adaptation field (§2.4.3.4)
		n := int(payload[0])
		if n > 0 && n < len(payload) {
			random = payload[1]&0x40 != 0
			jump = payload[1]&0x80 != 0
		}
		if 1+n > len(payload) {
			return nil
		}
		payload = payload[1+n:]
	}
	if b[3]&0x10 == 0 {
		return nil // no payload
	}
	switch {
	case pid == pidPAT:
		d.pat.add(payload, start, d.patSection)
		return nil
	case pid == d.pmtPID && d.pmtPID != 0:
		var err error
		d.pmt.add(payload, start, func(s []byte) {
			if e := d.pmtSection(s); err == nil {
				err = e
			}
		})
		return err
	}
	s := d.streams[pid]
	if s == nil {
		return nil
	}
	return d.payload(pid, s, payload, b[3]&0x0F, start, random, jump)
}

func (d *demuxer) patSection(s []byte) {
	if pid, ok := programOf(s); ok && pid != d.pmtPID {
		d.pmtPID, d.pmt = pid, section{}
	}
}

func (d *demuxer) pmtSection(s []byte) error {
	entries, ok := entriesOf(s)
	if !ok || slices.Equal(entries, d.entries) {
		return nil
	}
	d.entries = entries
	d.streams = make(map[uint16]*elementary)
	for _, e := range entries {
		if e.codec != "" {
			d.streams[e.pid] = &elementary{}
		}
	}
	return d.to.program(entries)
}

// payload adds to the PES packet of a PID.
func (d *demuxer) payload(pid uint16, s *elementary, b []byte, counter byte, start, random, jump bool) error {
	if s.known && !jump && counter == s.counter && !start {
		return nil // sent twice (§2.4.3.3)
	}
	if s.known && !jump && counter != (s.counter+1)&0x0F && s.active {
		// Something was lost: the packet is not whole. If a new one begins here,
		// the loss may have been between the two, but nothing tells.
		s.active = false
		d.lost++
	}
	s.counter, s.known = counter, true
	if start {
		if s.active {
			if err := d.finish(pid, s); err != nil {
				return err
			}
		}
		s.buf, s.active, s.random, s.want = make([]byte, 0, s.hint), true, random, 0
	}
	if !s.active {
		return nil
	}
	if len(s.buf)+len(b) > maxPES {
		s.active, s.buf = false, nil
		d.lost++
		return nil
	}
	s.buf = append(s.buf, b...)
	if s.want == 0 && len(s.buf) >= 6 {
		if n := int(s.buf[4])<<8 | int(s.buf[5]); n > 0 {
			s.want = 6 + n
		}
	}
	if s.want > 0 && len(s.buf) >= s.want {
		s.buf = s.buf[:s.want]
		return d.finish(pid, s)
	}
	return nil
}

// finish hands over a complete PES packet.
func (d *demuxer) finish(pid uint16, s *elementary) error {
	p, ok := parsePES(s.buf)
	p.random = s.random
	s.hint = min(len(s.buf)+len(s.buf)/4, readSize)
	s.buf, s.active = nil, false
	if !ok {
		d.lost++
		return nil
	}
	return d.to.packet(pid, p)
}

// parsePES reads the header of a PES packet (§2.4.3.6).
func parsePES(b []byte) (p pes, ok bool) {
	if len(b) < 9 || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[6]&0xC0 != 0x80 {
		return p, false
	}
	head := 9 + int(b[8])
	if head > len(b) {
		return p, false
	}
	switch {
	case b[7]&0x80 == 0:
	case b[7]&0x40 == 0 && head >= 14:
		p.pts, p.hasPTS = timestamp(b[9:]), true
		p.dts = p.pts
	case head >= 19:
		p.pts, p.hasPTS = timestamp(b[9:]), true
		p.dts = timestamp(b[14:])
	}
	p.data = b[head:]
	return p, len(p.data) > 0
}

func timestamp(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}
