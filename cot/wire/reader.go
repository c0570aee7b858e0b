package wire

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// token is what a reader has found.
type token uint8

const (
	tokEOF     token = iota
	tokStart         // a start tag, or an empty element's only tag
	tokEnd           // an end tag; none follows the tag of an empty element
	tokText          // character data up to the next markup
	tokCData         // a CDATA section
	tokComment       // a comment
)

// span is a part of a reader's bytes.
type span struct{ from, to int32 }

// attr is an attribute as it stands: the value without its quotes; plain says
// that it stands for itself, without references or white space to normalise.
type attr struct {
	name, value span
	plain       bool
}

// reader reads XML without a document type, token by token, and checks that it
// is well formed (XML 1.0). The bytes are not changed. It must be given valid
// UTF-8 (validRunes).
type reader struct {
	b      []byte
	pos    int
	limits Limits
	depth  int // of elements that are open
	nattrs int // of the start tag read last

	// The token read last.
	start, end int
	name       span // of a tag
	empty      bool // a start tag that ends its element

	// The names of the open elements, and the attributes. The first ones are kept
	// here, so that nothing is allocated for them.
	open  [16]span
	deep  []span
	attrs [12]attr
	many  []attr
}

// at returns an attribute of the start tag read last.
func (r *reader) at(i int) attr {
	if i < len(r.attrs) {
		return r.attrs[i]
	}
	return r.many[i-len(r.attrs)]
}

// value returns the value of an attribute of the start tag read last.
func (r *reader) value(a attr) value { return value{r.bytes(a.value), a.plain} }

func (r *reader) push(name span) {
	if r.depth < len(r.open) {
		r.open[r.depth] = name
	} else {
		r.deep = append(r.deep, name)
	}
	r.depth++
}

// pop returns the name of the innermost open element, which is open no more.
func (r *reader) pop() (name span) {
	if r.depth--; r.depth < len(r.open) {
		return r.open[r.depth]
	}
	last := len(r.deep) - 1
	name, r.deep = r.deep[last], r.deep[:last]
	return name
}

// trusted are the limits for XML that has been read before.
var trusted = Limits{Event: 1 << 30, Depth: 1 << 30, Attrs: 1 << 30}

func (r *reader) bytes(s span) []byte { return r.b[s.from:s.to] }

// fail returns an error that says where.
func (r *reader) fail(what string) error { return fmt.Errorf("XML, byte %d: %s", r.pos, what) }

// next reads one token. Elements that are open at the end are an error;
// character data outside of elements is the caller's business.
func (r *reader) next() (token, error) {
	r.start = r.pos
	if r.pos == len(r.b) {
		if r.depth > 0 {
			return tokEOF, r.fail("an element is not closed")
		}
		return tokEOF, nil
	}
	if r.b[r.pos] != '<' {
		return tokText, r.text()
	}
	if r.pos+1 == len(r.b) {
		return tokEOF, r.fail("a tag is not closed")
	}
	switch r.b[r.pos+1] {
	case '/':
		return tokEnd, r.endTag()
	case '!':
		return r.declaration()
	case '?':
		return tokEOF, r.fail("processing instructions are not taken")
	}
	return tokStart, r.startTag()
}

func (r *reader) text() error {
	b, i := r.b, r.pos
	for i < len(b) {
		if class[b[i]]&isText != 0 {
			i++
			continue
		}
		r.pos = i
		switch b[i] {
		case '<':
			r.end = i
			return nil
		case '&':
			n, err := r.reference()
			if err != nil {
				return err
			}
			i += n
		case ']':
			if bytes.HasPrefix(b[i:], []byte("]]>")) {
				return r.fail("]]> in character data")
			}
			i++
		default:
			return r.fail("a control character")
		}
	}
	r.pos, r.end = i, i
	return nil
}

// reference checks the entity or character reference at pos and returns its
// length.
func (r *reader) reference() (int, error) {
	if _, n := decodeReference(r.b[r.pos:]); n > 0 {
		return n, nil
	}
	return 0, r.fail("an unknown entity or a reference to no character")
}

func (r *reader) skipSpace() {
	for r.pos < len(r.b) && class[r.b[r.pos]]&isSpace != 0 {
		r.pos++
	}
}

// scanName takes a name at pos.
func (r *reader) scanName() (span, error) {
	b, from := r.b, r.pos
	i := from
	if i < len(b) && b[i] < utf8.RuneSelf && class[b[i]]&isNameStart == 0 {
		return span{}, r.fail("a name must begin here")
	}
	for i < len(b) {
		if class[b[i]]&isName != 0 {
			i++
			continue
		}
		if b[i] < utf8.RuneSelf {
			break
		}
		c, n := utf8.DecodeRune(b[i:])
		if !nameRune(c, i == from) {
			return span{}, r.fail("a character that no name may have")
		}
		i += n
	}
	if i == from {
		return span{}, r.fail("a name is cut off")
	}
	r.pos = i
	return span{int32(from), int32(i)}, nil
}

func (r *reader) startTag() (err error) {
	r.pos++
	if r.name, err = r.scanName(); err != nil {
		return err
	}
	r.nattrs, r.many = 0, r.many[:0]
	for {
		at := r.pos
		r.skipSpace()
		if r.pos == len(r.b) {
			return r.fail("a tag is not closed")
		}
		switch r.b[r.pos] {
		case '>':
			if r.depth >= r.limits.Depth {
				return r.fail("nested too deeply")
			}
			r.push(r.name)
			r.pos++
			r.end, r.empty = r.pos, false
			return nil
		case '/':
			if r.pos+1 == len(r.b) || r.b[r.pos+1] != '>' {
				return r.fail("a tag is not closed")
			}
			if r.depth >= r.limits.Depth {
				return r.fail("nested too deeply")
			}
			r.pos += 2
			r.end, r.empty = r.pos, true
			return nil
		}
		if at == r.pos {
			return r.fail("white space must be between attributes")
		}
		if err = r.attribute(); err != nil {
			return err
		}
	}
}

func (r *reader) attribute() error {
	name, err := r.scanName()
	if err != nil {
		return err
	}
	for i := range r.nattrs {
		a := r.at(i)
		if a.name.to-a.name.from == name.to-name.from && bytes.Equal(r.bytes(a.name), r.bytes(name)) {
			return r.fail("an attribute occurs twice")
		}
	}
	if r.nattrs >= r.limits.Attrs {
		return r.fail("too many attributes")
	}
	r.skipSpace()
	if r.pos == len(r.b) || r.b[r.pos] != '=' {
		return r.fail("an attribute without a value")
	}
	r.pos++
	r.skipSpace()
	if r.pos == len(r.b) || r.b[r.pos] != '"' && r.b[r.pos] != '\'' {
		return r.fail("an attribute value without quotes")
	}
	value, plain, err := r.quoted(r.b[r.pos])
	if err != nil {
		return err
	}
	a := attr{name: name, value: value, plain: plain}
	if r.nattrs < len(r.attrs) {
		r.attrs[r.nattrs] = a
	} else {
		r.many = append(r.many, a)
	}
	r.nattrs++
	return nil
}

// quoted takes the value in quotes at pos.
func (r *reader) quoted(quote byte) (v span, plain bool, err error) {
	b, i := r.b, r.pos+1
	from, plain := i, true
	for i < len(b) {
		c := b[i]
		if class[c]&isAttr != 0 {
			if c < ' ' {
				plain = false
			}
			i++
			continue
		}
		r.pos = i
		switch c {
		case quote:
			r.pos++
			return span{int32(from), int32(i)}, plain, nil
		case '"', '\'':
			i++
		case '&':
			n, err := r.reference()
			if err != nil {
				return v, false, err
			}
			plain = false
			i += n
		case '<':
			return v, false, r.fail("< in an attribute value")
		default:
			return v, false, r.fail("a control character")
		}
	}
	r.pos = i
	return v, false, r.fail("an attribute value is not closed")
}

func (r *reader) endTag() (err error) {
	r.pos += 2
	if r.name, err = r.scanName(); err != nil {
		return err
	}
	r.skipSpace()
	if r.pos == len(r.b) || r.b[r.pos] != '>' {
		return r.fail("a tag is not closed")
	}
	if r.depth == 0 || !bytes.Equal(r.bytes(r.pop()), r.bytes(r.name)) {
		return r.fail("an end tag that fits no start tag")
	}
	r.pos++
	r.end = r.pos
	return nil
}

// declaration takes a comment or a CDATA section; a document type is refused.
func (r *reader) declaration() (token, error) {
	rest := r.b[r.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		n := bytes.Index(rest[4:], []byte("--"))
		if n < 0 {
			return tokEOF, r.fail("a comment is not closed")
		}
		if n+6 >= len(rest) || rest[n+6] != '>' {
			return tokEOF, r.fail("-- in a comment")
		}
		return tokComment, r.verbatim(n + 7)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		n := bytes.Index(rest, []byte("]]>"))
		if n < 0 {
			return tokEOF, r.fail("a CDATA section is not closed")
		}
		return tokCData, r.verbatim(n + 3)
	}
	return tokEOF, r.fail("document types are not taken")
}

// verbatim takes n bytes of comment or CDATA.
func (r *reader) verbatim(n int) error {
	for _, c := range r.b[r.pos : r.pos+n] {
		if c < ' ' && class[c]&isSpace == 0 {
			return r.fail("a control character")
		}
	}
	r.pos += n
	r.end = r.pos
	return nil
}

// attr finds an attribute of the start tag read last.
func (r *reader) attr(name string) (value, bool) {
	for i := range r.nattrs {
		if a := r.at(i); string(r.bytes(a.name)) == name {
			return r.value(a), true
		}
	}
	return value{}, false
}

// cdata returns what is in the CDATA section read last.
func (r *reader) cdata() []byte { return r.b[r.start+len("<![CDATA[") : r.end-len("]]>")] }

// skip reads to the end of the element whose start tag was read last; the
// attributes are gone then.
func (r *reader) skip() error {
	if r.empty {
		return nil
	}
	start, name := r.start, r.name
	for depth := r.depth - 1; r.depth > depth; {
		if _, err := r.next(); err != nil {
			return err
		}
	}
	r.start, r.name, r.empty = start, name, false // the token is now the whole element
	return nil
}
