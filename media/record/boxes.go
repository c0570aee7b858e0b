package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"muster/media"
)

// The table of contents is a segment index (ISO/IEC 14496-12 §8.16.3) for each track
// between the parameters and the first part: with it a player jumps to any time
// without reading what is before. (FFmpeg, and with it Chromium, jumps wrongly in a
// track that has none.) Its place is filled with a free box (§8.1.2) until the file
// ends.
const (
	tableRoom = 16 << 10 // bytes
	entrySize = 12
	tableSize = 40 // of one track, without its entries
	freeHead  = 8
	maxEntry  = 1 << 30 // bytes that one entry stands for
)

// entry is one part of a file.
type entry struct {
	bytes, ticks int64 // size, and length of the leading track in it
	first        int64 // presentation time of its first picture
	key          bool  // it begins with a key frame
}

// toc is what the table of contents is made of.
type toc struct {
	tracks  []*track
	lead    int // id of the leading track
	rate    int // its, and that of entries
	entries []entry
}

// contents returns what fills the place of the table; nil leaves it empty.
func contents(t *toc) []byte {
	out := make([]byte, 0, tableRoom)
	if t != nil && len(t.entries) > 0 && len(t.tracks) > 0 {
		list := joined(t.entries, (tableRoom-freeHead)/len(t.tracks)/entrySize-tableSize/entrySize-1)
		for _, k := range t.tracks {
			out = t.append(out, k, list)
		}
	}
	free := tableRoom - len(out)
	out = binary.BigEndian.AppendUint32(out, uint32(free))
	out = append(out, "free"...)
	return append(out, make([]byte, free-freeHead)...)
}

// append appends the table of one track to the part of the place that is filled.
func (t *toc) append(out []byte, k *track, list []entry) []byte {
	size := tableSize + len(list)*entrySize
	begin := k.begin
	if k.id == t.lead {
		begin = max(list[0].first, 0)
	}
	after := tableRoom - len(out) - size // other tables, and what is free
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	out = append(out, "sidx"...)
	out = append(out, 1, 0, 0, 0) // version 1: times of 64 bits
	out = binary.BigEndian.AppendUint32(out, uint32(k.id))
	out = binary.BigEndian.AppendUint32(out, uint32(k.rate))
	out = binary.BigEndian.AppendUint64(out, uint64(begin))
	out = binary.BigEndian.AppendUint64(out, uint64(after))
	out = binary.BigEndian.AppendUint32(out, uint32(len(list))) // after 16 reserved bits
	var past int64
	for i, e := range list {
		from, to := rescale(past, t.rate, k.rate), rescale(past+e.ticks, t.rate, k.rate)
		past += e.ticks
		if i == 0 { // the track may begin later than the file
			from = min(k.begin, to)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(e.bytes))
		out = binary.BigEndian.AppendUint32(out, uint32(to-from))
		sap := uint32(0)
		if e.key {
			sap = 1<<31 | 1<<28 // starts with a stream access point of type 1
		}
		out = binary.BigEndian.AppendUint32(out, sap)
	}
	return out
}

// joined puts parts together, so that entries begin with key frames and are at most
// most.
func joined(parts []entry, most int) []entry {
	var list []entry
	for i, e := range parts {
		if last := len(list) - 1; i > 0 && !e.key && list[last].bytes+e.bytes <= maxEntry {
			list[last].bytes += e.bytes
			list[last].ticks += e.ticks
			continue
		}
		list = append(list, e)
	}
	each := (len(list) + most - 1) / most
	if each <= 1 {
		return list
	}
	var out []entry
	for i, e := range list {
		if i%each == 0 {
			out = append(out, e)
			continue
		}
		out[len(out)-1].bytes += e.bytes
		out[len(out)-1].ticks += e.ticks
	}
	return out
}

// boxAt returns where in b the box begins that path leads to, or -1.
func boxAt(b []byte, path ...string) int {
	from, to := 0, len(b)
	for depth := 0; from+8 <= to; {
		size := int(binary.BigEndian.Uint32(b[from:]))
		if size < 8 || size > to-from {
			return -1
		}
		if string(b[from+4:from+8]) != path[depth] {
			from += size
			continue
		}
		if depth++; depth == len(path) {
			return from
		}
		from, to = from+8, from+size
	}
	return -1
}

var errNoPart = errors.New("the file holds no whole part of a recording")

const (
	maxHead     = 1 << 20            // bytes before the first part
	maxPartRead = 4*maxPart + 16<<20 // a unit may have the size of a part, in each track
)

// survey is what scan found in a file.
type survey struct {
	end    int64         // of the last whole part
	length time.Duration // what the whole parts last
	head   []byte        // the file up to the end of the parameters
}

// scan looks at a file that may have been cut off anywhere. The error is errNoPart,
// or says what is wrong.
func scan(r io.ReaderAt, size int64) (survey, error) {
	var s survey
	var headEnd, moof, last int64 = 0, -1, -1
	var hdr [16]byte
	for at := int64(0); at+8 <= size; {
		n, err := r.ReadAt(hdr[:min(16, size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return s, fmt.Errorf("read the file: %w", err)
		}
		length := int64(binary.BigEndian.Uint32(hdr[:]))
		if length == 1 && n == 16 {
			length = int64(min(binary.BigEndian.Uint64(hdr[8:]), 1<<62))
		}
		if length < 8 || length > size-at {
			break // cut off, or never written
		}
		switch string(hdr[4:8]) {
		case "moov":
			headEnd = at + length
		case "moof":
			moof = at
		case "mdat":
			if moof >= 0 && headEnd > 0 {
				last, s.end, moof = moof, at+length, -1
			}
		}
		at += length
	}
	if last < 0 || headEnd > maxHead || s.end-last > maxPartRead {
		return s, errNoPart
	}
	s.head = make([]byte, headEnd)
	part := make([]byte, s.end-last)
	if _, err := r.ReadAt(s.head, 0); err != nil {
		return s, fmt.Errorf("read the file: %w", err)
	}
	if _, err := r.ReadAt(part, last); err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("read the file: %w", err)
	}
	var err error
	s.length, err = lasts(s.head, part)
	return s, err
}

// lasts returns when the samples of a part are over.
func lasts(head, part []byte) (time.Duration, error) {
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader(head)); err != nil {
		return 0, fmt.Errorf("read the parameters: %w", err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(part); err != nil {
		return 0, fmt.Errorf("read the last part: %w", err)
	}
	rates := make(map[int]int)
	for _, t := range in.Tracks {
		rates[t.ID] = int(t.TimeScale)
	}
	var out time.Duration
	for _, p := range parts {
		for _, t := range p.Tracks {
			rate := rates[t.ID]
			if rate <= 0 || t.BaseTime > 1<<62 {
				continue
			}
			end := int64(t.BaseTime)
			for _, s := range t.Samples {
				end += int64(s.Duration)
			}
			out = max(out, media.Seconds(end, rate))
		}
	}
	return out, nil
}
