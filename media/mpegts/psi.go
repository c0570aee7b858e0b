package mpegts

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"muster/media/codec"
)

// Table and stream types (ISO/IEC 13818-1 tables 2-31 and 2-34, ATSC A/52,
// MISB ST 1402).
const (
	tablePAT = 0x00
	tablePMT = 0x02

	typeMPEG1Video = 0x01
	typeMPEG2Video = 0x02
	typeMPEG1Audio = 0x03
	typeMPEG2Audio = 0x04
	typePrivate    = 0x06
	typeAAC        = 0x0F
	typeMPEG4Video = 0x10
	typeMetadata   = 0x15
	typeH264       = 0x1B
	typeH265       = 0x24
	typeAC3        = 0x81

	tagRegistration = 0x05
	tagMetadata     = 0x26
	tagDVBAC3       = 0x6A
	tagExtension    = 0x7F
	extensionOpus   = 0x80
)

const (
	maxSection = 4096 // bytes, with header
	maxStreams = 32   // elementary streams of a program that are looked at
)

// section collects one table out of packets of one PID.
type section struct {
	buf    []byte
	active bool
}

// add takes the payload of a packet and calls done with each complete section
// that has a valid checksum.
func (s *section) add(payload []byte, start bool, done func([]byte)) {
	if start {
		if len(payload) == 0 {
			return
		}
		pointer := int(payload[0])
		payload = payload[1:]
		if pointer > len(payload) {
			s.active = false
			return
		}
		if s.active {
			s.append(payload[:pointer], done)
		}
		payload = payload[pointer:]
		s.buf, s.active = s.buf[:0], true
	}
	if s.active {
		s.append(payload, done)
	}
}

func (s *section) append(b []byte, done func([]byte)) {
	s.buf = append(s.buf, b...)
	for s.active && len(s.buf) >= 3 {
		if s.buf[0] == 0xFF { // stuffing to the end of the packet
			s.active = false
			return
		}
		n := 3 + int(binary.BigEndian.Uint16(s.buf[1:])&0x0FFF)
		if n > maxSection {
			s.active = false
			return
		}
		if len(s.buf) < n {
			return
		}
		if n >= 12 && crcOf(s.buf[:n]) == 0 {
			done(s.buf[:n-4])
		}
		s.buf = s.buf[n:]
	}
}

// crcOf computes the CRC of ISO/IEC 13818-1 annex A; it is 0 over a section with
// its checksum.
func crcOf(b []byte) uint32 {
	// The standard library has the mirrored form: mirror bytes and result, and
	// undo its final inversion.
	m := make([]byte, len(b))
	for i, c := range b {
		m[i] = bits.Reverse8(c)
	}
	return bits.Reverse32(^crc32.ChecksumIEEE(m))
}

// programOf returns the PID of the first program's map, from a PAT section.
func programOf(s []byte) (pid uint16, ok bool) {
	if s[0] != tablePAT || s[5]&1 == 0 {
		return 0, false
	}
	for b := s[8:]; len(b) >= 4; b = b[4:] {
		if binary.BigEndian.Uint16(b) != 0 { // 0 is the network PID
			return binary.BigEndian.Uint16(b[2:]) & 0x1FFF, true
		}
	}
	return 0, false
}

// entry is an elementary stream as the program map describes it.
type entry struct {
	pid      uint16
	typ      byte
	codec    codec.ID // "" if it is not supported
	channels int      // Opus only
	cells    bool     // KLV in metadata access unit cells (synchronous)
}

// entriesOf reads a program map section.
func entriesOf(s []byte) ([]entry, bool) {
	if s[0] != tablePMT || s[5]&1 == 0 || len(s) < 12 {
		return nil, false
	}
	b := s[12:]
	info := int(binary.BigEndian.Uint16(s[10:]) & 0x0FFF)
	if info > len(b) {
		return nil, false
	}
	var out []entry
	for b = b[info:]; len(b) >= 5 && len(out) < maxStreams; {
		e := entry{typ: b[0], pid: binary.BigEndian.Uint16(b[1:]) & 0x1FFF}
		n := int(binary.BigEndian.Uint16(b[3:]) & 0x0FFF)
		b = b[5:]
		if n > len(b) {
			return nil, false
		}
		e.identify(b[:n])
		out = append(out, e)
		b = b[n:]
	}
	return out, len(out) > 0
}

// identify finds the codec from stream type and descriptors.
func (e *entry) identify(descriptors []byte) {
	switch e.typ {
	case typeH264:
		e.codec = codec.H264
	case typeH265:
		e.codec = codec.H265
	case typeMPEG4Video:
		e.codec = codec.MPEG4Video
	case typeMPEG1Video, typeMPEG2Video:
		e.codec = codec.MPEG1Video
	case typeAAC:
		e.codec = codec.AAC
	case typeMPEG1Audio, typeMPEG2Audio:
		e.codec = codec.MP3
	case typeAC3:
		e.codec = codec.AC3
	case typePrivate, typeMetadata:
		e.identifyPrivate(descriptors)
	}
}

func (e *entry) identifyPrivate(b []byte) {
	for len(b) >= 2 && len(b)-2 >= int(b[1]) {
		tag, d := b[0], b[2:2+int(b[1])]
		b = b[2+int(b[1]):]
		switch {
		case tag == tagRegistration && len(d) >= 4:
			switch string(d[:4]) {
			case "Opus":
				e.codec = codec.Opus
				e.channels = max(e.channels, 1)
			case "KLVA":
				e.codec = codec.KLV
			case "AC-3":
				e.codec = codec.AC3
			case "HEVC":
				e.codec = codec.H265
			}
		case tag == tagDVBAC3:
			e.codec = codec.AC3
		case tag == tagExtension && len(d) >= 2 && d[0] == extensionOpus:
			e.channels = 2
			if d[1] == 1 {
				e.channels = 1
			}
		case tag == tagMetadata && e.typ == typeMetadata && containsKLVA(d):
			e.codec, e.cells = codec.KLV, true
		}
	}
	if e.codec == codec.KLV && e.typ == typeMetadata {
		e.cells = true
	}
}

// containsKLVA looks into a metadata descriptor (ISO/IEC 13818-1 §2.6.60) for
// the format identifier of KLV.
func containsKLVA(d []byte) bool {
	if len(d) < 3 {
		return false
	}
	if binary.BigEndian.Uint16(d) == 0xFFFF { // with an application identifier
		d = d[4*min(1, len(d)/7):]
	}
	return len(d) >= 7 && d[2] == 0xFF && string(d[3:7]) == "KLVA"
}
