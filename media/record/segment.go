package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"muster/media"
	"muster/media/codec"
)

const (
	maxPart = 8 << 20 // bytes gathered before they are written though the part's time is not over
	apart   = 10 * time.Second
)

// segment is one file of a recording while it is written. It exists in memory only
// until its first part is complete: by then the parameters of all tracks are known
// that have sent anything. All but the atomics belongs to one goroutine.
type segment struct {
	Recording
	tracks []*track // by index in the stream; nil: not recorded
	lead   *track
	video  bool          // lead is a video track
	base   time.Duration // the stream's time at which the file begins
	from   int64         // the same in ticks of the leading track's clock
	part   time.Duration

	partAt    time.Duration // where the present part begins, from base
	partBytes int
	number    uint32
	late      bool // a track became known that is not in the file

	file    *os.File
	head    []byte // the parameters, as they are at the start of the file
	entries []entry

	written atomic.Int64 // bytes of whole parts in the file
	lasts   atomic.Int64 // time.Duration that they last
	cut     atomic.Bool  // it is to end at once, to make room
}

// newSegment returns the segment that begins with the key frame d of track lead.
func newSegment(r Recording, formats []*codec.Format, take []bool, lead int, d media.Delivery, part time.Duration) *segment {
	g := &segment{Recording: r, tracks: make([]*track, len(formats)), part: part, from: d.DecodeAt, base: media.Seconds(d.DecodeAt, d.Format.ClockRate)}
	id := 0
	for i, f := range formats {
		if !take[i] {
			continue
		}
		id++
		if i == lead {
			f = d.Format
		}
		g.tracks[i] = newTrack(id, f)
	}
	g.lead = g.tracks[lead]
	g.video = g.lead.format.Kind() == codec.Video
	return g
}

// times returns decoding and presentation time of d in ticks of the file.
func (g *segment) times(d media.Delivery, t *track) (dts, pts int64) {
	rate := d.Format.ClockRate
	from := media.Ticks(g.base, rate)
	if t == g.lead {
		from = g.from
	}
	return rescale(d.DecodeAt-from, rate, t.rate), rescale(d.At-from, rate, t.rate)
}

// add takes one unit of a track that is recorded.
func (g *segment) add(d media.Delivery) error {
	t := g.tracks[d.Track.Index]
	dts, pts := g.times(d, t)
	if dts < 0 {
		return nil // sound from before the first picture
	}
	t.learn(d)
	if g.head != nil && !t.in {
		g.late = g.late || t.about != nil
		return nil
	}
	if err := t.add(d, dts, pts); err != nil {
		return err
	}
	g.partBytes += d.Size()
	return nil
}

// full reports whether the part must be written before d is added.
func (g *segment) full(d media.Delivery) bool {
	t := g.tracks[d.Track.Index]
	dts, _ := g.times(d, t)
	lasts := media.Seconds(dts, t.rate) - g.partAt
	// Where it can be, a part begins with a key frame: there players can start.
	return g.partBytes > 0 && (lasts >= g.part || g.partBytes >= maxPart || t == g.lead && g.video && d.Key && lasts >= g.part/2)
}

// next completes the leading sample with the time of the unit d that follows it.
func (g *segment) next(d media.Delivery) {
	if dts, _ := g.times(d, g.lead); g.lead.held != nil && dts > g.lead.heldAt {
		g.lead.complete(dts)
	}
}

// start writes what comes before the first part: parameters, and room for the table
// of contents that is written at the end.
func (g *segment) start() error {
	var in fmp4.Init
	for _, t := range g.tracks {
		if t != nil && t.about != nil {
			t.in = true
			in.Tracks = append(in.Tracks, &fmp4.InitTrack{ID: t.id, TimeScale: uint32(t.rate), Codec: t.about})
		}
	}
	var b seekablebuffer.Buffer
	if err := in.Marshal(&b); err != nil {
		return fmt.Errorf("write the parameters: %w", err)
	}
	g.head = b.Bytes()
	codec.FixVPCC(g.head)
	stampMovie(g.head, g.Start, 0)
	out := append(g.head[:len(g.head):len(g.head)], contents(nil)...)
	if _, err := g.file.Write(out); err != nil {
		return err
	}
	g.written.Store(int64(len(out)))
	return nil
}

// flush writes the complete samples as one part. g.file is open.
func (g *segment) flush() error {
	if g.head == nil {
		if err := g.start(); err != nil {
			return err
		}
	}
	g.number++
	p := fmp4.Part{SequenceNumber: g.number}
	for _, t := range g.tracks {
		if t == nil {
			continue
		}
		if t.in && len(t.samples) > 0 {
			p.Tracks = append(p.Tracks, &fmp4.PartTrack{ID: t.id, BaseTime: uint64(t.first), Samples: t.samples})
		}
	}
	var err error
	if len(p.Tracks) > 0 {
		err = g.write(p)
	}
	for _, t := range g.tracks {
		if t != nil {
			t.samples = nil
		}
	}
	return err
}

func (g *segment) write(p fmp4.Part) error {
	var b seekablebuffer.Buffer
	if err := p.Marshal(&b); err != nil {
		return fmt.Errorf("write a part: %w", err)
	}
	at := g.written.Load()
	if _, err := g.file.WriteAt(b.Bytes(), at); err != nil {
		return err
	}
	e := entry{bytes: int64(b.Len())}
	g.partAt = max(g.partAt, g.over())
	if s := g.lead.samples; len(s) > 0 {
		e.key, e.ticks = !s[0].IsNonSyncSample, g.lead.end()-g.lead.first
		e.first = g.lead.first + int64(s[0].PTSOffset)
		g.partAt = media.Seconds(g.lead.end(), g.lead.rate)
		g.lasts.Store(int64(g.partAt))
	}
	g.entries = append(g.entries, e)
	g.partBytes = 0
	g.written.Store(at + int64(b.Len()))
	return nil
}

// ready reports whether there is anything to write.
func (g *segment) ready() bool { return g.lead.held != nil || len(g.lead.samples) > 0 }

// over returns when the last sample of the part is over.
func (g *segment) over() time.Duration {
	var last time.Duration
	for _, t := range g.tracks {
		if t != nil && len(t.samples) > 0 {
			last = max(last, media.Seconds(t.end(), t.rate))
		}
	}
	return last
}

// end writes what is left and the table of contents, and closes the file. The data
// is on the disk when it returns nil. The file is whole even after an error, as far
// as the disk allows.
func (g *segment) end() error {
	for _, t := range g.tracks {
		if t != nil {
			t.last()
		}
	}
	err := g.flush()
	if err != nil { // half a part, of which players know nothing
		err = errors.Join(err, g.file.Truncate(g.written.Load()))
	}
	if g.head != nil {
		stampMovie(g.head, g.Start, time.Duration(g.lasts.Load()))
		t := &toc{lead: g.lead.id, rate: g.lead.rate, entries: g.entries}
		for _, k := range g.tracks {
			if k != nil && k.in {
				t.tracks = append(t.tracks, k)
			}
		}
		table := contents(t)
		_, werr := g.file.WriteAt(append(g.head[:len(g.head):len(g.head)], table...), 0)
		err = errors.Join(err, werr)
	}
	return errors.Join(err, g.file.Sync(), g.file.Close())
}

// rescale converts ticks of one clock to another without overflow.
func rescale(ticks int64, from, to int) int64 {
	if from == to {
		return ticks
	}
	f, t := int64(from), int64(to)
	return ticks/f*t + ticks%f*t/f
}

// stampMovie puts begin and length of a file into its movie header (ISO/IEC
// 14496-12 §8.2.2, version 0, in which times count from 1904 and lengths are
// milliseconds here).
func stampMovie(head []byte, start time.Time, d time.Duration) {
	const epoch = 2_082_844_800 // 1904 to 1970, seconds
	at := boxAt(head, "moov", "mvhd")
	if at < 0 || len(head) < at+28 {
		return
	}
	created := uint32(start.Unix() + epoch)
	binary.BigEndian.PutUint32(head[at+12:], created)
	binary.BigEndian.PutUint32(head[at+16:], created)
	binary.BigEndian.PutUint32(head[at+24:], uint32(d.Milliseconds()))
}
