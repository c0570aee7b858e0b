package ice

import (
	"encoding/binary"
	"math"
)

// Encoder writes values in encoding 1.0: little endian, without alignment. The
// zero Encoder is ready.
type Encoder struct{ b []byte }

// Bytes returns what was written. It belongs to the encoder until that is
// dropped.
func (e *Encoder) Bytes() []byte { return e.b }

// Raw appends bytes as they are.
func (e *Encoder) Raw(b []byte) { e.b = append(e.b, b...) }

// Byte writes a byte.
func (e *Encoder) Byte(v byte) { e.b = append(e.b, v) }

// Bool writes a bool.
func (e *Encoder) Bool(v bool) {
	if v {
		e.Byte(1)
	} else {
		e.Byte(0)
	}
}

// Short writes a short.
func (e *Encoder) Short(v int16) { e.b = binary.LittleEndian.AppendUint16(e.b, uint16(v)) }

// Int writes an int.
func (e *Encoder) Int(v int32) { e.b = binary.LittleEndian.AppendUint32(e.b, uint32(v)) }

// Long writes a long.
func (e *Encoder) Long(v int64) { e.b = binary.LittleEndian.AppendUint64(e.b, uint64(v)) }

// Float writes a float.
func (e *Encoder) Float(v float32) {
	e.b = binary.LittleEndian.AppendUint32(e.b, math.Float32bits(v))
}

// Size writes a count: one byte below 255, five above.
func (e *Encoder) Size(n int) {
	if n < 255 {
		e.Byte(byte(n))
		return
	}
	e.Byte(255)
	e.Int(int32(n))
}

// String writes a string.
func (e *Encoder) String(s string) {
	e.Size(len(s))
	e.b = append(e.b, s...)
}

// Blob writes a sequence of bytes.
func (e *Encoder) Blob(b []byte) {
	e.Size(len(b))
	e.Raw(b)
}

// Strings writes a sequence of strings.
func (e *Encoder) Strings(s []string) {
	e.Size(len(s))
	for _, v := range s {
		e.String(v)
	}
}

// Ints writes a sequence of ints.
func (e *Encoder) Ints(s []int32) {
	e.Size(len(s))
	for _, v := range s {
		e.Int(v)
	}
}

// Identity writes the name of an object.
func (e *Encoder) Identity(id Identity) {
	e.String(id.Name)
	e.String(id.Category)
}

// encapsulation writes params with their own length and encoding before them.
func (e *Encoder) encapsulation(params []byte) {
	e.Int(int32(len(params) + encapsulationHeader))
	e.Raw([]byte{1, 0})
	e.Raw(params)
}

// sized writes what body writes behind an int with its length, itself included.
func (e *Encoder) sized(body func()) {
	at := len(e.b)
	e.Int(0)
	body()
	binary.LittleEndian.PutUint32(e.b[at:], uint32(len(e.b)-at))
}

// facet writes the facet of a request or proxy; ours have none.
func (e *Encoder) facet(f string) {
	if f == "" {
		e.Size(0)
		return
	}
	e.Size(1)
	e.String(f)
}

// Slice writes one slice of a class instance in encoding 1.0: its type, its
// length and what members writes.
func (e *Encoder) Slice(typeID string, members func()) {
	e.Bool(false) // the type is given by name, not by number
	e.String(typeID)
	e.sized(members)
}
