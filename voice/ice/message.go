// Package ice speaks the part of the Ice protocol (ZeroC Ice Protocol 1.0,
// encoding 1.0, and what must be read of 1.1) that it takes to call objects over
// TCP and to serve some: requests, replies, exceptions and proxies, one
// connection at a time. It opens no sockets and knows no objects.
//
// What is not here: datagrams, batches, TLS, compression, location services, and
// classes beyond writing them.
package ice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// headerSize is the length of a message's header (protocol §"Message header").
const headerSize = 14

// The types of messages.
const (
	msgRequest  = 0
	msgBatch    = 1
	msgReply    = 2
	msgValidate = 3
	msgClose    = 4
)

// compressed says that a message's body is bzip2.
const compressed = 2

// DefaultMaxMessage is the longest message taken unless another limit is given.
const DefaultMaxMessage = 1 << 20

// ErrTooLong is wrapped where a message is longer than allowed.
var ErrTooLong = errors.New("the message is too long")

// Mode says how often an operation may be carried out.
type Mode byte

// The modes of operations.
const (
	Normal     Mode = 0
	Idempotent Mode = 2
)

// Request is a call, as it came or is to be sent.
type Request struct {
	ID      int32 // of the request; 0: no reply is wanted
	Object  Identity
	Facet   string
	Op      string
	Mode    Mode
	Context map[string]string
	Params  *Decoder // the parameters in order; only of requests that came
}

// Oneway reports whether nobody waits for a reply.
func (r *Request) Oneway() bool { return r.ID == 0 }

// message puts the header before a body.
func message(kind byte, body []byte) []byte {
	out := make([]byte, 0, headerSize+len(body))
	out = append(out, 'I', 'c', 'e', 'P', 1, 0, 1, 0, kind, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(headerSize+len(body)))
	return append(out, body...)
}

// readMessage reads one message. Its length is compared with limit before
// anything is allocated, and memory grows with what has come.
func readMessage(r io.Reader, limit int) (kind byte, body []byte, err error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.LittleEndian.Uint32(h[10:]))
	switch {
	case string(h[:4]) != "IceP":
		return 0, nil, fmt.Errorf("%w: not a message of Ice", ErrMalformed)
	case h[4] != 1 || h[5] != 0 || h[6] != 1:
		return 0, nil, fmt.Errorf("%w: protocol %d.%d, encoding %d.%d", ErrMalformed, h[4], h[5], h[6], h[7])
	case h[8] > msgClose:
		return 0, nil, fmt.Errorf("%w: a message of type %d", ErrMalformed, h[8])
	case h[9] >= compressed:
		return 0, nil, fmt.Errorf("%w: compressed", ErrMalformed)
	case size < headerSize:
		return 0, nil, fmt.Errorf("%w: a message of %d bytes", ErrMalformed, size)
	case size > int64(limit):
		return 0, nil, fmt.Errorf("ice: %w: %d bytes of %d", ErrTooLong, size, limit)
	}
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, r, size-headerSize)
	if err == io.EOF && n < size-headerSize {
		err = io.ErrUnexpectedEOF
	}
	return h[8], buf.Bytes(), err
}

// encode returns the message of a request with params.
func (r *Request) encode(params []byte) []byte {
	var e Encoder
	e.Int(r.ID)
	e.Identity(r.Object)
	e.facet(r.Facet)
	e.String(r.Op)
	e.Byte(byte(r.Mode))
	e.Size(len(r.Context))
	for k, v := range r.Context {
		e.String(k)
		e.String(v)
	}
	e.encapsulation(params)
	return message(msgRequest, e.b)
}

// parseRequest reads the body of a request.
func parseRequest(body []byte) (*Request, error) {
	d := NewDecoder(body)
	r := &Request{ID: d.Int(), Object: d.Identity(), Facet: d.facet(), Op: d.String()}
	r.Mode = Mode(d.Byte())
	r.Context = Dict(d, 2, (*Decoder).String, (*Decoder).String)
	r.Params = d.encapsulation()
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("ice: read a request: %w", err)
	}
	if r.ID < 0 {
		return nil, fmt.Errorf("ice: read a request: %w: number %d", ErrMalformed, r.ID)
	}
	return r, nil
}
