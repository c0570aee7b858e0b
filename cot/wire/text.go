package wire

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// value is the value of an attribute, or of a field of a message: the bytes as
// they stand, which stand for themselves when plain.
type value struct {
	b     []byte
	plain bool
}

// append appends what the value stands for.
func (v value) append(dst []byte) []byte {
	if v.plain {
		return append(dst, v.b...)
	}
	return appendUnescaped(dst, v.b, true)
}

func (v value) string() string { return string(v.append(nil)) }

// longestReference is the length of the longest reference that is taken, with
// some leading zeros.
const longestReference = len("&#x0000010FFFF;")

// decodeReference reads the reference that b begins with; n is 0 when it is none
// of the five entities and no reference to a character of XML.
func decodeReference(b []byte) (r rune, n int) {
	end := bytes.IndexByte(b[:min(len(b), longestReference)], ';')
	if end < 3 {
		return 0, 0
	}
	switch name := b[1:end]; string(name) {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if name[0] != '#' {
			return 0, 0
		}
		return decodeNumber(name[1:], end+1)
	}
}

func decodeNumber(digits []byte, n int) (rune, int) {
	base := rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	if len(digits) == 0 {
		return 0, 0
	}
	var r rune
	for _, c := range digits {
		var d rune
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case base == 16 && c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case base == 16 && c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		default:
			return 0, 0
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, 0
		}
	}
	if !validChar(r) {
		return 0, 0
	}
	return r, n
}

// appendUnescaped appends what b, which has been read by a reader, stands for:
// references resolved, line ends as one \n, and in attributes white space as
// spaces (XML 1.0, sections 2.11 and 3.3.3).
func appendUnescaped(dst, b []byte, attribute bool) []byte {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '&':
			r, n := decodeReference(b[i:])
			if n == 0 { // not read by a reader
				r, n = '&', 1
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case c == '\r':
			if i+1 < len(b) && b[i+1] == '\n' {
				i++
			}
			i++
			if attribute {
				dst = append(dst, ' ')
			} else {
				dst = append(dst, '\n')
			}
		case attribute && (c == '\n' || c == '\t'):
			dst = append(dst, ' ')
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// AppendText appends s escaped for character data or a double-quoted attribute.
// What XML 1.0 cannot hold is replaced by U+FFFD. In an attribute, readers take
// line ends and tabs for spaces; AppendElement writes them so that they stay.
func AppendText(dst []byte, s string) []byte { return appendEscaped(dst, s, false) }

func appendEscaped(dst []byte, s string, attribute bool) []byte {
	from := 0
	for i := 0; i < len(s); {
		var esc string
		n := 1
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 || !validChar(r) {
				esc = "\uFFFD"
			}
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '&':
			esc = "&amp;"
		case c == '"':
			esc = "&quot;"
		case c == '\'':
			esc = "&apos;"
		case c == '\r':
			esc = "&#13;"
		case attribute && c == '\n':
			esc = "&#10;"
		case attribute && c == '\t':
			esc = "&#9;"
		case c < ' ' && c != '\n' && c != '\t':
			esc = "\uFFFD"
		}
		if esc != "" {
			dst = append(append(dst, s[from:i]...), esc...)
			from = i + n
		}
		i += n
	}
	return append(dst, s[from:]...)
}

// AppendElement appends <name attrs…>inner</name>; attributes are escaped, inner
// is XML already. Empty inner makes it self-closed.
func AppendElement(dst []byte, name string, inner []byte, attrs ...Attr) []byte {
	dst = append(append(dst, '<'), name...)
	for _, a := range attrs {
		dst = appendAttr(dst, a.Name, a.Value)
	}
	if len(inner) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(append(dst, '>'), inner...)
	dst = append(append(dst, "</"...), name...)
	return append(dst, '>')
}

// appendAttr appends an attribute with a space before it.
func appendAttr(dst []byte, name, value string) []byte {
	dst = append(append(dst, ' '), name...)
	dst = append(dst, `="`...)
	return append(appendEscaped(dst, value, true), '"')
}

func appendFloatAttr(dst []byte, name string, f float64) []byte {
	dst = append(append(dst, ' '), name...)
	dst = append(dst, `="`...)
	return append(appendFloat(dst, f), '"')
}

// appendFloat writes f in decimal digits; what is not known as 9999999.0.
func appendFloat(dst []byte, f float64) []byte {
	if f == Unknown {
		return append(dst, "9999999.0"...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}
