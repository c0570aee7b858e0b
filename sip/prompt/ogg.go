package prompt

import (
	"errors"
	"fmt"
)

var errOgg = errors.New("malformed Ogg")

const oggHeader = 27 // bytes before the segment table

// ogg takes the packets out of a file with one logical stream (RFC 3533 §6).
func ogg(b []byte) ([][]byte, error) {
	var out [][]byte
	var packet []byte
	for len(b) > 0 {
		if len(b) < oggHeader || string(b[:4]) != "OggS" || b[4] != 0 {
			return nil, fmt.Errorf("%w: page header", errOgg)
		}
		segments := int(b[26])
		if len(b) < oggHeader+segments {
			return nil, fmt.Errorf("%w: segment table", errOgg)
		}
		table, rest := b[oggHeader:oggHeader+segments], b[oggHeader+segments:]
		for _, n := range table {
			if len(rest) < int(n) {
				return nil, fmt.Errorf("%w: page of %d bytes", errOgg, len(rest))
			}
			packet = append(packet, rest[:n]...)
			rest = rest[n:]
			if n < 255 { // the lacing value that ends a packet
				out = append(out, packet)
				packet = nil
			}
		}
		b = rest
	}
	return out, nil
}
