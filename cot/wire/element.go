package wire

import (
	"bytes"
	"errors"
	"iter"
)

// Element is one XML element. Raw is all of it, tags included; it shares memory
// with the event and is not to be changed.
type Element struct {
	Name string
	Raw  []byte
}

// Attr is an attribute for AppendElement.
type Attr struct{ Name, Value string }

// children yields the elements at the top of XML that has been read before.
func children(b []byte) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		r := reader{b: b, limits: trusted}
		for {
			t, err := r.next()
			if err != nil || t == tokEOF {
				return
			}
			if t != tokStart {
				continue
			}
			if r.skip() != nil {
				return
			}
			if !yield(Element{Name: string(r.bytes(r.name)), Raw: b[r.start:r.end:r.end]}) {
				return
			}
		}
	}
}

// child finds the first element called name at the top of XML that has been read
// before.
func child(b []byte, name string) (Element, bool) {
	if !bytes.Contains(b, []byte(name)) {
		return Element{}, false
	}
	for el := range children(b) {
		if el.Name == name {
			return el, true
		}
	}
	return Element{}, false
}

// Attr returns the value of an attribute, unescaped; "" if it is absent.
func (el Element) Attr(name string) string {
	r := reader{b: el.Raw, limits: trusted}
	if t, err := r.next(); err != nil || t != tokStart {
		return ""
	}
	v, _ := r.attr(name)
	return v.string()
}

// Text returns the character data directly in the element, unescaped.
func (el Element) Text() string {
	var text []byte
	r := reader{b: el.Inner(), limits: trusted}
	for {
		t, err := r.next()
		if err != nil || t == tokEOF {
			return string(text)
		}
		switch t {
		case tokText:
			text = appendUnescaped(text, r.b[r.start:r.end], false)
		case tokCData:
			text = append(text, r.cdata()...)
		case tokStart:
			if r.skip() != nil {
				return string(text)
			}
		}
	}
}

// Inner returns what is between the element's tags, as it is.
func (el Element) Inner() []byte {
	r := reader{b: el.Raw, limits: trusted}
	if t, err := r.next(); err != nil || t != tokStart || r.empty {
		return nil
	}
	end := bytes.LastIndexByte(el.Raw, '<')
	if end <= r.end {
		return nil
	}
	return el.Raw[r.end:end:end]
}

// Children yields the elements directly below el.
func (el Element) Children() iter.Seq[Element] { return children(el.Inner()) }

// Child returns the first element called name directly below el.
func (el Element) Child(name string) (Element, bool) { return child(el.Inner(), name) }

// ParseElement reads one element, for XML other than events that clients send
// (videoConnections, checklists, manifests): a prolog is skipped, DOCTYPE
// refused, the limits hold. b is not copied.
func ParseElement(b []byte, l Limits) (Element, error) {
	b = trimSpace(skipProlog(b))
	if len(b) > l.Event {
		return Element{}, ErrTooLong
	}
	if !validRunes(b) {
		return Element{}, errors.New("XML: not valid UTF-8")
	}
	var el Element
	r := reader{b: b, limits: l}
	for {
		t, err := r.next()
		switch {
		case err != nil:
			return Element{}, err
		case t == tokEOF && el.Raw == nil:
			return Element{}, errors.New("XML: there is no element")
		case t == tokEOF:
			return el, nil
		case t == tokStart && el.Raw == nil:
			if err := r.skip(); err != nil {
				return Element{}, err
			}
			el = Element{Name: string(r.bytes(r.name)), Raw: b[r.start:r.end:r.end]}
		case t == tokComment, t == tokText && blank(b[r.start:r.end]):
		default:
			return Element{}, r.fail("something besides the element")
		}
	}
}

// skipProlog returns b from the first thing on that is no white space, byte-order
// mark, NUL or XML declaration.
func skipProlog(b []byte) []byte {
	for {
		n := skipIdle(b)
		b = b[n:]
		if !bytes.HasPrefix(b, []byte("<?xml")) || len(b) < 6 || class[b[5]]&isSpace == 0 {
			return b
		}
		end := bytes.Index(b, []byte("?>"))
		if end < 0 {
			return b
		}
		b = b[end+2:]
	}
}

const byteOrderMark = "\uFEFF"

// skipIdle returns the length of what may be between events on any stream: white
// space, NULs and byte-order marks.
func skipIdle(b []byte) int {
	n := 0
	for n < len(b) {
		switch {
		case class[b[n]]&isSpace != 0 || b[n] == 0:
			n++
		case bytes.HasPrefix(b[n:], []byte(byteOrderMark)):
			n += len(byteOrderMark)
		default:
			return n
		}
	}
	return n
}
