package wire

import (
	"bytes"
	"errors"
)

// meshHeader begins a version 1 packet of the mesh: the version between two
// magic bytes. The TakMessage goes to the end of the datagram.
const meshHeader = "\xBF\x01\xBF"

// ParseDatagram reads one UDP datagram or mesh packet: an XML event, with or
// without prolog, or 0xBF 0x01 0xBF and a TakMessage.
func ParseDatagram(b []byte, l Limits) (*Event, error) {
	if len(b) > 0 && b[0] == magic {
		if !bytes.HasPrefix(b, []byte(meshHeader)) {
			return nil, errors.New("a packet of an unknown version of the protocol")
		}
		return ParseProto(b[len(meshHeader):], l)
	}
	return ParseXML(bytes.TrimRight(skipProlog(b), "\x00 \t\r\n"), l)
}

// Credentials are those of an auth element.
type Credentials struct{ Username, Password, UID, Callsign string }

// ParseAuth reads the Data of an Auth item.
func ParseAuth(b []byte) (Credentials, error) {
	el, err := ParseElement(b, Limits{Event: maxAuth, Depth: 4, Attrs: 16})
	if err != nil {
		return Credentials{}, err
	}
	cot, ok := el.Child("cot")
	if el.Name != "auth" || !ok {
		return Credentials{}, errors.New("the XML is no auth")
	}
	return Credentials{
		Username: cot.Attr("username"), Password: cot.Attr("password"),
		UID: cot.Attr("uid"), Callsign: cot.Attr("callsign"),
	}, nil
}
