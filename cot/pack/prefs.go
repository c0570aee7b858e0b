package pack

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Type is the Java class that a preference has in ATAK.
type Type string

// The types of preferences.
const (
	String  Type = "string"
	Boolean Type = "boolean"
	Integer Type = "integer"
	Long    Type = "long"
	Float   Type = "float"
)

var classes = map[Type]string{
	String: "java.lang.String", Boolean: "java.lang.Boolean", Integer: "java.lang.Integer", Long: "java.lang.Long", Float: "java.lang.Float",
}

// The preference files of ATAK that packages fill.
const (
	PrefsServers = "cot_streams"
	PrefsApp     = "com.atakmap.app_preferences"
)

// Entry is one preference.
type Entry struct {
	Key   string `json:"key"`
	Type  Type   `json:"type"`
	Value string `json:"value"`
}

// Check reports what is wrong with e: the type is not known, or the value does
// not have it, which ATAK would stumble over.
func (e Entry) Check() error {
	if e.Key == "" || len(e.Key) > 256 || len(e.Value) > 64<<10 {
		return errors.New("a preference needs a key, and neither may be too long")
	}
	var err error
	switch e.Type {
	case String:
		if !utf8.ValidString(e.Value) {
			err = errors.New("no text")
		}
	case Boolean:
		if e.Value != "true" && e.Value != "false" {
			err = errors.New("neither true nor false")
		}
	case Integer:
		_, err = strconv.ParseInt(e.Value, 10, 32)
	case Long:
		_, err = strconv.ParseInt(e.Value, 10, 64)
	case Float:
		_, err = strconv.ParseFloat(e.Value, 32)
	default:
		return fmt.Errorf("the preference %s has the type %q; there are string, boolean, integer, long and float", e.Key, e.Type)
	}
	if err != nil {
		return fmt.Errorf("the value of the preference %s does not have the type %s", e.Key, e.Type)
	}
	return nil
}

// Text, Flag and Number make entries.
func Text(key, value string) Entry { return Entry{key, String, value} }

// Flag makes an entry that is true or false.
func Flag(key string, value bool) Entry { return Entry{key, Boolean, boolean(value)} }

// Number makes an entry that is a whole number of 32 bits.
func Number(key string, value int32) Entry { return Entry{key, Integer, strconv.Itoa(int(value))} }

// Prefs is what one of ATAK's preference files is to hold.
type Prefs struct {
	Name    string // PrefsServers, PrefsApp, …
	Entries []Entry
}

// Preferences writes a .pref file. Its text is ASCII: what is not is written as
// character references, since clients disagree on the encoding. Entries must have
// passed Check.
func Preferences(files ...Prefs) []byte {
	out := []byte("<?xml version='1.0' encoding='ASCII' standalone='yes'?>\n<preferences>\n")
	for _, f := range files {
		out = append(out, `  <preference version="1" name="`...)
		out = appendEscaped(out, f.Name, true)
		out = append(out, "\">\n"...)
		for _, e := range f.Entries {
			out = append(out, `    <entry key="`...)
			out = appendEscaped(out, e.Key, true)
			out = append(out, `" class="class `...)
			out = append(out, classes[e.Type]...)
			out = append(out, `">`...)
			out = appendEscaped(out, e.Value, true)
			out = append(out, "</entry>\n"...)
		}
		out = append(out, "  </preference>\n"...)
	}
	return append(out, "</preferences>\n"...)
}

// appendEscaped appends s for text or an attribute in double quotes. What XML 1.0
// cannot hold becomes U+FFFD.
func appendEscaped(out []byte, s string, ascii bool) []byte {
	for _, r := range s {
		switch {
		case r == '&':
			out = append(out, "&amp;"...)
		case r == '<':
			out = append(out, "&lt;"...)
		case r == '>':
			out = append(out, "&gt;"...)
		case r == '"':
			out = append(out, "&quot;"...)
		case r == '\t' || r == '\n' || r == '\r', ascii && r > '~' && validXML(r):
			out = fmt.Appendf(out, "&#%d;", r)
		case !validXML(r):
			out = appendEscaped(out, "\uFFFD", ascii)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// validXML is the production Char of XML 1.0.
func validXML(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF || r == '\t' || r == '\n' || r == '\r'
}
