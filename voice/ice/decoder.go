package ice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrMalformed is wrapped by every error about bytes that are none of Ice's.
var ErrMalformed = errors.New("malformed Ice data")

// encapsulationHeader is the length of an encapsulation without its content.
const encapsulationHeader = 6

// Decoder reads values of encoding 1.0 or 1.1. After the first mistake it gives
// zero values only; Err says what it was. A count is never larger than the bytes
// that are left, so that nobody chooses how much memory it takes.
type Decoder struct {
	b   []byte
	v11 bool
	err error
}

// NewDecoder returns a decoder of b in encoding 1.0. Strings and blobs are
// copied out of b.
func NewDecoder(b []byte) *Decoder { return &Decoder{b: b} }

// Err returns the first mistake.
func (d *Decoder) Err() error { return d.err }

// Left returns how many bytes were not read.
func (d *Decoder) Left() int { return len(d.b) }

// End returns the first mistake; bytes that were not read are one.
func (d *Decoder) End() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes too many", len(d.b))
	}
	return d.err
}

// Fork returns another decoder at the same place.
func (d *Decoder) Fork() *Decoder {
	f := *d
	return &f
}

func (d *Decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

// take returns the next n bytes, or nil.
func (d *Decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail("%d bytes wanted, %d left", n, len(d.b))
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// Byte reads a byte.
func (d *Decoder) Byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads a bool.
func (d *Decoder) Bool() bool { return d.Byte() != 0 }

// Short reads a short.
func (d *Decoder) Short() int16 {
	if b := d.take(2); b != nil {
		return int16(binary.LittleEndian.Uint16(b))
	}
	return 0
}

// Int reads an int.
func (d *Decoder) Int() int32 {
	if b := d.take(4); b != nil {
		return int32(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// Long reads a long.
func (d *Decoder) Long() int64 {
	if b := d.take(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Float reads a float.
func (d *Decoder) Float() float32 { return math.Float32frombits(uint32(d.Int())) }

// Count reads a count of things that take at least least bytes each.
func (d *Decoder) Count(least int) int {
	n := int(d.Byte())
	if n == 255 {
		n = int(d.Int())
	}
	if d.err == nil && (n < 0 || n > len(d.b)/max(least, 1)) {
		d.fail("a count of %d with %d bytes left", n, len(d.b))
	}
	if d.err != nil {
		return 0
	}
	return n
}

// String reads a string.
func (d *Decoder) String() string { return string(d.take(d.Count(1))) }

// Blob reads a sequence of bytes.
func (d *Decoder) Blob() []byte {
	b := d.take(d.Count(1))
	return append(make([]byte, 0, len(b)), b...)
}

// Seq reads a sequence of things that take at least least bytes each.
func Seq[T any](d *Decoder, least int, one func(*Decoder) T) []T {
	n := d.Count(least)
	out := make([]T, 0, min(n, 1024)) // a thing may be much larger here than there
	for range n {
		v := one(d)
		if d.err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// Dict reads a dictionary whose pairs take at least least bytes each. Of equal
// keys the last counts.
func Dict[K comparable, V any](d *Decoder, least int, key func(*Decoder) K, value func(*Decoder) V) map[K]V {
	n := d.Count(least)
	out := make(map[K]V, min(n, 1024))
	for range n {
		k := key(d)
		v := value(d)
		if d.err != nil {
			return nil
		}
		out[k] = v
	}
	return out
}

// Strings reads a sequence of strings.
func (d *Decoder) Strings() []string { return Seq(d, 1, (*Decoder).String) }

// Ints reads a sequence of ints.
func (d *Decoder) Ints() []int32 { return Seq(d, 4, (*Decoder).Int) }

// Identity reads the name of an object.
func (d *Decoder) Identity() Identity {
	name := d.String()
	return Identity{Name: name, Category: d.String()}
}

// facet reads a facet, of which there is one at the most.
func (d *Decoder) facet() string {
	switch n := d.Count(1); n {
	case 0:
		return ""
	case 1:
		return d.String()
	default:
		d.fail("%d facets", n)
		return ""
	}
}

// encapsulation reads one and returns a decoder of its content.
func (d *Decoder) encapsulation() *Decoder {
	size := int(d.Int())
	v := d.take(2)
	if d.err == nil && size < encapsulationHeader {
		d.fail("an encapsulation of %d bytes", size)
	}
	b := d.take(size - encapsulationHeader)
	if d.err != nil {
		return &Decoder{err: d.err}
	}
	if v[0] != 1 || v[1] > 1 {
		d.fail("encoding %d.%d", v[0], v[1])
	}
	return &Decoder{b: b, v11: v[1] == 1, err: d.err}
}

// Rest returns what was not read.
func (d *Decoder) Rest() []byte { return d.take(len(d.b)) }
