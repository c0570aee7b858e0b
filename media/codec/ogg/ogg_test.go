package ogg

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"testing"
)

// reference is the checksum by another way: the CRC of the standard library on
// bytes whose bits are turned round, as RFC 3533 does not reflect them.
func reference(b []byte) uint32 {
	turned := make([]byte, len(b))
	for i, c := range b {
		turned[i] = bits.Reverse8(c)
	}
	return bits.Reverse32(^crc32.Update(0xffffffff, crc32.IEEETable, turned))
}

func TestOpusFile(t *testing.T) {
	long := bytes.Repeat([]byte{1}, 600)
	long[0] = 0xF8
	packets := [][]byte{long, {}, {0xF8, 0xFF}} // the empty one is left out
	for range 120 {
		packets = append(packets, Silence)
	}
	file := Opus("test", packets)
	var got [][]byte
	var packet []byte
	var granule uint64
	pages := 0
	for b := file; len(b) > 0; pages++ {
		if string(b[:5]) != "OggS\x00" {
			t.Fatalf("page %d begins with %q", pages, b[:5])
		}
		n := int(b[26])
		size := 27 + n
		for _, l := range b[27 : 27+n] {
			size += int(l)
		}
		page := bytes.Clone(b[:size])
		sum := binary.LittleEndian.Uint32(page[22:])
		clear(page[22:26])
		if want := reference(page); sum != want {
			t.Errorf("page %d: checksum %08x, want %08x", pages, sum, want)
		}
		if seq := binary.LittleEndian.Uint32(page[18:]); seq != uint32(pages) {
			t.Errorf("page %d has the number %d", pages, seq)
		}
		if first, last := page[5]&2 != 0, page[5]&4 != 0; first != (pages == 0) || last != (size == len(b)) {
			t.Errorf("page %d: first %t, last %t", pages, first, last)
		}
		granule = binary.LittleEndian.Uint64(page[6:])
		body := b[27+n : size]
		for _, l := range b[27 : 27+n] {
			packet = append(packet, body[:l]...)
			body = body[l:]
			if l < 255 {
				got, packet = append(got, packet), nil
			}
		}
		b = b[size:]
	}
	if len(got) != 2+len(packets)-1 || string(got[0][:8]) != "OpusHead" || string(got[1][:8]) != "OpusTags" || !bytes.Equal(got[2], long) {
		t.Fatalf("%d packets", len(got))
	}
	if want := uint64(122 * 960); granule != want {
		t.Errorf("it ends at %d, want %d", granule, want)
	}
	if pages != 5 {
		t.Errorf("%d pages", pages)
	}
}

func TestNothingIsAFileToo(t *testing.T) {
	if n := len(Opus("test", nil)); n < 80 || n > 200 {
		t.Errorf("%d bytes", n)
	}
}
