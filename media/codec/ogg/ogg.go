// Package ogg writes Opus packets as an Ogg file (RFC 3533, RFC 7845). It does no
// I/O.
package ogg

import (
	"encoding/binary"

	"muster/media/codec/opus"
)

// Silence is 20 ms without a sound, as one packet.
var Silence = []byte{0xF8, 0xFF, 0xFE}

const (
	preSkip   = 312 // samples until a decoder has settled, as libopus has it
	perPage   = 50  // packets: a second of speech, so that players can seek
	maxLacing = 255 // segments of 255 bytes at the most on a page
	serial    = 1   // one stream in a file

	firstPage = 2 // flags of RFC 3533 §6
	lastPage  = 4
)

// Opus returns an Ogg file of packets that follow one another, for one channel.
// Packets that are malformed are left out. vendor names the program that made it.
func Opus(vendor string, packets [][]byte) []byte {
	head := binary.LittleEndian.AppendUint16([]byte("OpusHead\x01\x01"), preSkip)
	head = binary.LittleEndian.AppendUint32(head, opus.Rate)
	head = append(head, 0, 0, 0) // gain, mapping family
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = binary.LittleEndian.AppendUint32(tags, 0)

	var w writer
	w.add(head, 0)
	w.flush(firstPage)
	w.add(tags, 0)
	w.flush(0)
	for _, p := range packets {
		n, err := opus.Samples(p)
		if err != nil || n == 0 || len(p) > opus.MaxPacket*6 {
			continue
		}
		if w.packets == perPage || len(w.lacing)+len(p)/255+1 > maxLacing {
			w.flush(0)
		}
		w.add(p, n)
	}
	w.flush(lastPage)
	return w.out
}

// writer gathers one page at a time.
type writer struct {
	out     []byte
	lacing  []byte
	body    []byte
	packets int
	granule uint64 // samples up to the end of the page
	page    uint32
}

func (w *writer) add(p []byte, samples int) {
	for range len(p) / 255 {
		w.lacing = append(w.lacing, 255)
	}
	w.lacing = append(w.lacing, byte(len(p)%255))
	w.body = append(w.body, p...)
	w.granule += uint64(samples)
	w.packets++
}

func (w *writer) flush(flags byte) {
	at := len(w.out)
	w.out = append(w.out, "OggS\x00"...)
	w.out = append(w.out, flags)
	w.out = binary.LittleEndian.AppendUint64(w.out, w.granule)
	w.out = binary.LittleEndian.AppendUint32(w.out, serial)
	w.out = binary.LittleEndian.AppendUint32(w.out, w.page)
	w.out = append(w.out, 0, 0, 0, 0, byte(len(w.lacing)))
	w.out = append(append(w.out, w.lacing...), w.body...)
	binary.LittleEndian.PutUint32(w.out[at+22:], checksum(w.out[at:]))
	w.lacing, w.body, w.packets = w.lacing[:0], w.body[:0], 0
	w.page++
}

// checksum is the CRC of RFC 3533 §6: polynomial 0x04c11db7, neither reflected nor
// inverted, which hash/crc32 does not know.
func checksum(b []byte) (crc uint32) {
	for _, c := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^c]
	}
	return crc
}

var crcTable = func() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			if r&(1<<31) != 0 {
				r = r<<1 ^ 0x04c11db7
			} else {
				r <<= 1
			}
		}
		t[i] = r
	}
	return t
}()
