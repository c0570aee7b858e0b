// Package wire reads and writes what goes over a Mumble connection: control
// frames with messages in protobuf (proto2), and the voice packets that every
// client understands. It does no I/O and keeps nothing.
//
// Messages follow Mumble.proto of Mumble 1.4 by field number and type. Unknown
// fields are skipped, and none that the protocol calls required is asked for:
// who uses a message checks what it needs.
package wire

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is wrapped by every error of this package.
var ErrMalformed = errors.New("malformed")

// maxRepeated is how many elements of one repeated field are taken. The longest
// that clients send are lists of all channels or users.
const maxRepeated = 8192

// Message is a control message. Optional fields are pointers, nil where absent.
type Message interface {
	Type() Type
	fields(c *coder)
}

// coder goes through the fields of a message, which each message lists once, in
// one of two ways: it appends all that are present, or it stores the one that was
// read.
type coder struct {
	out     []byte
	reading bool

	// The field that was read.
	num    protowire.Number
	typ    protowire.Type
	varint uint64
	bytes  []byte
	err    error
}

// Append appends the encoding of m, without a frame header.
func Append(dst []byte, m Message) []byte {
	c := coder{out: dst}
	m.fields(&c)
	return c.out
}

// Parse reads b into m, which is empty. What m holds afterwards shares no memory
// with b.
func Parse(b []byte, m Message) error {
	if err := parse(b, m.fields); err != nil {
		return fmt.Errorf("message %d: %w", m.Type(), err)
	}
	return nil
}

func parse(b []byte, fields func(*coder)) error {
	c := coder{reading: true}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrMalformed, protowire.ParseError(n))
		}
		b = b[n:]
		c.num, c.typ, c.varint, c.bytes = num, typ, 0, nil
		switch typ {
		case protowire.VarintType:
			c.varint, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			c.varint = uint64(v)
		case protowire.BytesType:
			c.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrMalformed, protowire.ParseError(n))
		}
		b = b[n:]
		if fields(&c); c.err != nil {
			return c.err
		}
	}
	return nil
}

// is reports whether the field that was read is number n of type t. One of
// another type than stated is passed over, as an unknown field is.
func (c *coder) is(n protowire.Number, t protowire.Type) bool { return c.num == n && c.typ == t }

func (c *coder) tag(n protowire.Number, v uint64) {
	c.out = protowire.AppendTag(c.out, n, protowire.VarintType)
	c.out = protowire.AppendVarint(c.out, v)
}

func (c *coder) uint32(n protowire.Number, p **uint32) {
	switch {
	case c.reading && c.is(n, protowire.VarintType):
		*p = new(uint32(c.varint))
	case !c.reading && *p != nil:
		c.tag(n, uint64(**p))
	}
}

func (c *coder) int32(n protowire.Number, p **int32) {
	switch {
	case c.reading && c.is(n, protowire.VarintType):
		*p = new(int32(c.varint))
	case !c.reading && *p != nil:
		c.tag(n, uint64(int64(**p)))
	}
}

func (c *coder) uint64(n protowire.Number, p **uint64) {
	switch {
	case c.reading && c.is(n, protowire.VarintType):
		*p = new(c.varint)
	case !c.reading && *p != nil:
		c.tag(n, **p)
	}
}

func (c *coder) bool(n protowire.Number, p **bool) {
	switch {
	case c.reading && c.is(n, protowire.VarintType):
		*p = new(c.varint != 0)
	case !c.reading && *p != nil:
		c.tag(n, protowire.EncodeBool(**p))
	}
}

func (c *coder) float(n protowire.Number, p **float32) {
	switch {
	case c.reading && c.is(n, protowire.Fixed32Type):
		*p = new(floatOf(uint32(c.varint)))
	case !c.reading && *p != nil:
		c.out = protowire.AppendTag(c.out, n, protowire.Fixed32Type)
		c.out = protowire.AppendFixed32(c.out, bitsOf(**p))
	}
}

func (c *coder) string(n protowire.Number, p **string) {
	switch {
	case c.reading && c.is(n, protowire.BytesType):
		*p = new(strings.ToValidUTF8(string(c.bytes), "\uFFFD"))
	case !c.reading && *p != nil:
		c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
		c.out = protowire.AppendString(c.out, **p)
	}
}

// blob is a bytes field; absent is nil, and present is not, however short.
func (c *coder) blob(n protowire.Number, p *[]byte) {
	switch {
	case c.reading && c.is(n, protowire.BytesType):
		*p = append([]byte{}, c.bytes...)
	case !c.reading && *p != nil:
		c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
		c.out = protowire.AppendBytes(c.out, *p)
	}
}

func (c *coder) many(n protowire.Number, have int) bool {
	if have >= maxRepeated {
		c.err = fmt.Errorf("%w: more than %d elements of field %d", ErrMalformed, maxRepeated, n)
	}
	return c.err == nil
}

func (c *coder) uint32s(n protowire.Number, p *[]uint32) {
	switch {
	case c.reading && c.is(n, protowire.VarintType):
		if c.many(n, len(*p)) {
			*p = append(*p, uint32(c.varint))
		}
	case c.reading && c.is(n, protowire.BytesType): // packed
		for b := c.bytes; len(b) > 0; {
			v, k := protowire.ConsumeVarint(b)
			if k < 0 {
				c.err = fmt.Errorf("%w: %w", ErrMalformed, protowire.ParseError(k))
				return
			}
			if !c.many(n, len(*p)) {
				return
			}
			*p, b = append(*p, uint32(v)), b[k:]
		}
	case !c.reading:
		for _, v := range *p {
			c.tag(n, uint64(v))
		}
	}
}

func (c *coder) int32s(n protowire.Number, p *[]int32) {
	switch {
	case c.reading && c.is(n, protowire.VarintType):
		if c.many(n, len(*p)) {
			*p = append(*p, int32(c.varint))
		}
	case !c.reading:
		for _, v := range *p {
			c.tag(n, uint64(int64(v)))
		}
	}
}

func (c *coder) strings(n protowire.Number, p *[]string) {
	switch {
	case c.reading && c.is(n, protowire.BytesType):
		if c.many(n, len(*p)) {
			*p = append(*p, strings.ToValidUTF8(string(c.bytes), "\uFFFD"))
		}
	case !c.reading:
		for _, v := range *p {
			c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
			c.out = protowire.AppendString(c.out, v)
		}
	}
}

func (c *coder) blobs(n protowire.Number, p *[][]byte) {
	switch {
	case c.reading && c.is(n, protowire.BytesType):
		if c.many(n, len(*p)) {
			*p = append(*p, append([]byte{}, c.bytes...))
		}
	case !c.reading:
		for _, v := range *p {
			c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
			c.out = protowire.AppendBytes(c.out, v)
		}
	}
}

// part is a message inside a message.
type part interface{ fields(c *coder) }

// parts is a repeated field of messages. P is the pointer to M.
func parts[M any, P interface {
	*M
	part
}](c *coder, n protowire.Number, p *[]M) {
	switch {
	case c.reading && c.is(n, protowire.BytesType):
		if !c.many(n, len(*p)) {
			return
		}
		var m M
		if c.err = parse(c.bytes, P(&m).fields); c.err == nil {
			*p = append(*p, m)
		}
	case !c.reading:
		for i := range *p {
			c.nested(n, P(&(*p)[i]))
		}
	}
}

// one is an optional message inside a message.
func one[M any, P interface {
	*M
	part
}](c *coder, n protowire.Number, p **M) {
	switch {
	case c.reading && c.is(n, protowire.BytesType):
		m := new(M)
		if c.err = parse(c.bytes, P(m).fields); c.err == nil {
			*p = m
		}
	case !c.reading && *p != nil:
		c.nested(n, P(*p))
	}
}

func (c *coder) nested(n protowire.Number, m part) {
	inner := coder{}
	m.fields(&inner)
	c.out = protowire.AppendTag(c.out, n, protowire.BytesType)
	c.out = protowire.AppendBytes(c.out, inner.out)
}
