package wire

import (
	"bytes"
	"unicode/utf8"
)

// What a byte may be a part of, in class.
const (
	isSpace     uint8 = 1 << iota
	isNameStart       // of the ASCII ones
	isName
	isText // character data that needs no closer look
	isAttr // likewise, in a quoted attribute value
)

// class says what each byte may be a part of. Bytes of 0x80 and above are parts
// of runes, which the caller has checked.
var class = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			t[c] = isSpace | isText | isAttr
		case c < 0x20: // control characters cannot be in XML 1.0
		default:
			t[c] = isText | isAttr
		}
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
			t[c] |= isNameStart | isName
		case c >= '0' && c <= '9', c == '-', c == '.':
			t[c] |= isName
		}
	}
	for _, c := range "<&" {
		t[c] &^= isText | isAttr
	}
	t[']'] &^= isText // may begin ]]>
	t['"'] &^= isAttr
	t['\''] &^= isAttr
	return t
}()

// validChar reports whether XML 1.0 can hold r (section 2.2).
func validChar(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r <= 0xD7FF:
		return true
	case r < 0xE000:
		return false
	}
	return r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// validRunes reports whether b is UTF-8 without the two non-characters that XML
// refuses. ASCII control characters are the reader's to find.
func validRunes(b []byte) bool {
	return utf8.Valid(b) && !bytes.Contains(b, []byte("\uFFFE")) && !bytes.Contains(b, []byte("\uFFFF"))
}

// validString reports whether XML 1.0 can hold b.
func validString(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && class[c]&isSpace == 0 {
			return false
		}
	}
	return validRunes(b)
}

// nameRune reports whether a rune of 0x80 and above may be in a name, at its
// start or behind it (XML 1.0, section 2.3).
func nameRune(r rune, start bool) bool {
	switch {
	case r == 0xB7, r >= 0x300 && r <= 0x36F, r == 0x203F, r == 0x2040:
		return !start
	case r == 0xD7, r == 0xF7, r == 0x37E:
		return false
	case r >= 0xC0 && r <= 0x1FFF, r == 0x200C, r == 0x200D, r >= 0x2070 && r <= 0x218F,
		r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF, r >= 0xF900 && r <= 0xFDCF,
		r >= 0xFDF0 && r <= 0xFFFD, r >= 0x10000 && r <= 0xEFFFF:
		return true
	}
	return false
}

// blank reports whether b is white space.
func blank(b []byte) bool {
	for _, c := range b {
		if class[c]&isSpace == 0 {
			return false
		}
	}
	return true
}

// trimSpace cuts XML's white space off both ends of b.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && class[b[0]]&isSpace != 0 {
		b = b[1:]
	}
	for len(b) > 0 && class[b[len(b)-1]]&isSpace != 0 {
		b = b[:len(b)-1]
	}
	return b
}
