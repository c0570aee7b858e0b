package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster/internal/store"
	"muster/internal/store/storetest"
)

// sampleFile records 4 s and returns the file.
func sampleFile(t *testing.T) []byte {
	t.Helper()
	c := makeClip(t, "ts", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	h := openHouse(t, storetest.Open(t, store.Config{}), testConfig(), nil)
	h.run(t)
	p := h.publish(t, "rec/cam", c.formats...)
	h.recording(t, 1)
	c.send(p, 0)
	p.Close(nil)
	b, err := os.ReadFile(h.file(h.finished(t, 1)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCutOffAnywhere truncates a file at every box and in the middle of every box:
// what was complete before is found, and ffprobe reads it. It refuses files that end
// within a moof; the next start of the server cuts that off.
func TestCutOffAnywhere(t *testing.T) {
	whole := sampleFile(t)
	copy(whole[boxAt(whole, "sidx"):], contents(nil)) // the table is made at the end
	type box struct {
		kind     string
		from, to int
	}
	var boxes []box
	for at := 0; at < len(whole); {
		n := int(binary.BigEndian.Uint32(whole[at:]))
		boxes = append(boxes, box{string(whole[at+4 : at+8]), at, at + n})
		at += n
	}
	dir := t.TempDir()
	parts, end, last := 0, 0, 0
	for _, b := range boxes {
		for _, cut := range []int{b.from, b.from + 4, (b.from + b.to) / 2, b.to - 1, b.to} {
			if cut == b.to && b.kind == "mdat" {
				parts, end = parts+1, b.to
			}
			s, err := scan(bytes.NewReader(whole[:cut]), int64(cut))
			if parts == 0 {
				if !errors.Is(err, errNoPart) {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				continue
			}
			if err != nil || s.end != int64(end) {
				t.Fatalf("cut at %d of %s: ends at %d, want %d: %v", cut, b.kind, s.end, end, err)
			}
			if cut != b.to && cut != (b.from+b.to)/2 {
				continue // ffprobe takes its time
			}
			file, rest := filepath.Join(dir, "cut.mp4"), cut
			if b.kind == "moof" {
				rest = end
			}
			if err := os.WriteFile(file, whole[:rest], 0o600); err != nil {
				t.Fatal(err)
			}
			got := probe(t, file)
			if got.frames < last || got.frames < (parts-1)*10 || !got.ordered {
				t.Fatalf("cut at %d of %s after %d parts: %d pictures", cut, b.kind, parts, got.frames)
			}
			if cut == b.to {
				last = got.frames
			}
		}
	}
	if parts < 6 || last != 120 {
		t.Fatalf("%d parts, %d pictures", parts, last)
	}
}

// TestTableOfContents stays within its place and adds up, however many parts and
// tracks.
func TestTableOfContents(t *testing.T) {
	for _, tracks := range []int{1, 2, 16} {
		for _, parts := range []int{0, 1, 7, 1000, 1400, 100_003} {
			c := &toc{lead: 1, rate: 90000}
			for i := range tracks {
				c.tracks = append(c.tracks, &track{id: i + 1, rate: 90000 / (i + 1)})
			}
			var size int64
			for i := range parts {
				e := entry{bytes: int64(100 + i%7), ticks: 90000, key: i%2 == 0}
				c.entries, size = append(c.entries, e), size+e.bytes
			}
			b := contents(c)
			if len(b) != tableRoom {
				t.Fatalf("%d parts: %d bytes", parts, len(b))
			}
			for i := 0; parts > 0 && i < tracks; i++ {
				if string(b[4:8]) != "sidx" || binary.BigEndian.Uint32(b[12:]) != uint32(i+1) {
					t.Fatalf("%q", b[:16])
				}
				head := int(binary.BigEndian.Uint32(b))
				if got := int(binary.BigEndian.Uint64(b[28:])); got != len(b)-head {
					t.Errorf("%d parts: the first begins %d after the table", parts, got)
				}
				n := int(binary.BigEndian.Uint32(b[36:]))
				var sum, ticks int64
				for i := range n {
					sum += int64(binary.BigEndian.Uint32(b[tableSize+i*entrySize:]))
					ticks += int64(binary.BigEndian.Uint32(b[tableSize+i*entrySize+4:]))
				}
				if sum != size || ticks != rescale(int64(parts)*90000, 90000, c.tracks[i].rate) {
					t.Errorf("%d parts: %d entries, %d bytes of %d, %d ticks", parts, n, sum, size, ticks)
				}
				b = b[head:]
			}
			if string(b[4:8]) != "free" || int(binary.BigEndian.Uint32(b)) != len(b) {
				t.Errorf("%d parts: %q after the tables", parts, b[:8])
			}
		}
	}
}

// FuzzScan: no file makes scan panic or say that it ends behind its end.
func FuzzScan(f *testing.F) {
	f.Add([]byte{})
	f.Add(append([]byte("\x00\x00\x00\x10moov01234567"), "\x00\x00\x00\x08moof\x00\x00\x00\x08mdat"...))
	f.Add([]byte("\x00\x00\x00\x01moov\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := scan(bytes.NewReader(b), int64(len(b)))
		if err == nil && (s.end > int64(len(b)) || s.length < 0) {
			t.Fatal(s.end, s.length)
		}
		if boxAt(b, "moov", "mvhd") >= len(b) {
			t.Fatal("outside")
		}
		stampMovie(b, time.Unix(1, 0), time.Second)
	})
}
