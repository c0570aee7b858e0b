package rtmp

import (
	"encoding/binary"
	"fmt"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

// maxAMFDepth bounds how deep objects are nested in each other; real commands
// have three levels. The decoder recurses, so this is checked before it runs.
const maxAMFDepth = 16

// AMF0 type markers (AMF0 §2.1).
const (
	amfNumber      = 0x00
	amfBoolean     = 0x01
	amfString      = 0x02
	amfObject      = 0x03
	amfNull        = 0x05
	amfUndefined   = 0x06
	amfECMAArray   = 0x08
	amfObjectEnd   = 0x09
	amfStrictArray = 0x0A
	amfDate        = 0x0B
	amfLongString  = 0x0C
	amfUnsupported = 0x0D
	amfXML         = 0x0F
)

// decodeAMF decodes the values of a command or metadata message. What follows a
// value that is nested too deep, cut off or of an unknown type is left out, so
// that odd metadata costs nobody the connection; a caller that needs more values
// than it got refuses.
func decodeAMF(b []byte) amf0.Data {
	var out amf0.Data
	for len(b) > 0 {
		n, err := amfSize(b, 0)
		if err != nil {
			return out
		}
		v, err := amf0.Unmarshal(b[:n])
		if err != nil || len(v) != 1 {
			return out
		}
		out = append(out, v[0])
		b = b[n:]
	}
	return out
}

// amfSize returns the length of the first value in b.
func amfSize(b []byte, depth int) (int, error) {
	if depth > maxAMFDepth {
		return 0, fmt.Errorf("%w: AMF nested deeper than %d", errProtocol, maxAMFDepth)
	}
	short := fmt.Errorf("%w: AMF value cut off", errProtocol)
	if len(b) == 0 {
		return 0, short
	}
	n := 1
	switch b[0] {
	case amfNumber:
		n += 8
	case amfBoolean:
		n++
	case amfString:
		if len(b) < 3 {
			return 0, short
		}
		n += 2 + int(binary.BigEndian.Uint16(b[1:]))
	case amfDate:
		n += 10
	case amfLongString, amfXML:
		if len(b) < 5 {
			return 0, short
		}
		n += 4 + int(binary.BigEndian.Uint32(b[1:]))
	case amfNull, amfUndefined, amfUnsupported:
	case amfObject:
		return amfPairs(b, n, depth)
	case amfECMAArray:
		return amfPairs(b, n+4, depth)
	case amfStrictArray:
		return amfElements(b, depth)
	default:
		return 0, fmt.Errorf("%w: AMF type %#02x", errProtocol, b[0])
	}
	if n > len(b) {
		return 0, short
	}
	return n, nil
}

// amfPairs returns the length of an object whose keys begin at n.
func amfPairs(b []byte, n, depth int) (int, error) {
	for {
		if len(b) < n+3 {
			return 0, fmt.Errorf("%w: AMF object cut off", errProtocol)
		}
		key := int(binary.BigEndian.Uint16(b[n:]))
		n += 2
		if key == 0 {
			if b[n] != amfObjectEnd {
				return 0, fmt.Errorf("%w: AMF object without end", errProtocol)
			}
			return n + 1, nil
		}
		n += key
		if n > len(b) {
			return 0, fmt.Errorf("%w: AMF object cut off", errProtocol)
		}
		v, err := amfSize(b[n:], depth+1)
		if err != nil {
			return 0, err
		}
		n += v
	}
}

func amfElements(b []byte, depth int) (int, error) {
	if len(b) < 5 {
		return 0, fmt.Errorf("%w: AMF array cut off", errProtocol)
	}
	n := 5
	for range binary.BigEndian.Uint32(b[1:]) {
		v, err := amfSize(b[n:], depth+1)
		if err != nil {
			return 0, err
		}
		n += v
	}
	return n, nil
}

// command is an AMF0 command (Adobe RTMP 1.0 §7.2): name, transaction, arguments.
type command struct {
	name string
	id   float64
	args amf0.Data
}

func parseCommand(body []byte) (command, bool) {
	v := decodeAMF(body)
	if len(v) < 2 {
		return command{}, false
	}
	name, ok := v[0].(string)
	id, ok2 := v[1].(float64)
	return command{name, id, v[2:]}, ok && ok2
}

// arg returns argument i as a string.
func (c command) arg(i int) string {
	if i < len(c.args) {
		s, _ := c.args[i].(string)
		return s
	}
	return ""
}

// object returns v as an object, whichever of the two kinds it is.
func object(v any) amf0.Object {
	switch v := v.(type) {
	case amf0.Object:
		return v
	case amf0.ECMAArray:
		return amf0.Object(v)
	}
	return nil
}
