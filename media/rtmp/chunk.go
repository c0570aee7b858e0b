package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Limits on what a peer can make the reader hold. The specification knows none:
// a chunk may be 2^31 bytes and a message 16 MiB before anybody has logged in.
const (
	maxMessageBefore = 64 << 10 // bytes of a message before the login
	maxMessageAfter  = 8 << 20  // bytes of a message after it, as maxUnitSize of the hub
	maxData          = 64 << 10 // bytes of a command or metadata message at any time
	maxChunkStreams  = 64
	maxChunkSize     = 16 << 20 // a message length has 24 bits, so no chunk can be longer
	firstChunkSize   = 128      // Adobe RTMP 1.0 §5.4.1
	readStep         = 256 << 10
)

// Message types (Adobe RTMP 1.0 §5.4, §6.2, §7.1).
const (
	typeSetChunkSize  = 1
	typeAbort         = 2
	typeAck           = 3
	typeUserControl   = 4
	typeWindowAckSize = 5
	typePeerBandwidth = 6
	typeAudio         = 8
	typeVideo         = 9
	typeDataAMF3      = 15
	typeCommandAMF3   = 17
	typeDataAMF0      = 18
	typeCommandAMF0   = 20
)

// User control events (§7.1.7).
const (
	eventStreamBegin  = 0
	eventPingRequest  = 6
	eventPingResponse = 7
)

var errProtocol = errors.New("rtmp: malformed")

// message is one message, put together from its chunks. Its body belongs to
// whoever got it.
type message struct {
	typ  uint8
	time uint32 // ms, wraps after 49.7 days
	body []byte
}

// chunkStream is the state of one chunk stream (§5.3).
type chunkStream struct {
	typ      uint8
	length   uint32
	time     uint32
	delta    uint32
	extended uint32 // last extended timestamp field; 0: none was sent
	known    bool   // a type 0 header was seen, so others can refer to it
	active   bool   // a message is incomplete
	body     []byte
}

// chunkReader puts messages together from chunks. It handles what concerns the
// chunk layer (chunk size, abort, acknowledgements) and enforces the limits.
type chunkReader struct {
	r       *bufio.Reader
	count   uint32 // bytes read, wraps as the acknowledgement does
	size    uint32 // chunk size the peer has set
	limit   uint32 // longest message
	streams map[uint32]*chunkStream
	held    int // bytes of incomplete messages, over all chunk streams

	window uint32 // acknowledge after that many bytes; 0: never
	acked  uint32
	ack    func(count uint32) error // sends an acknowledgement
}

func newChunkReader(r *bufio.Reader, ack func(uint32) error) *chunkReader {
	return &chunkReader{r: r, size: firstChunkSize, limit: maxMessageBefore, streams: make(map[uint32]*chunkStream), ack: ack}
}

func (c *chunkReader) full(b []byte) error {
	n, err := io.ReadFull(c.r, b)
	c.count += uint32(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return err
}

// next returns the next message that is not about chunks.
func (c *chunkReader) next() (message, error) {
	for {
		m, ok, err := c.chunk()
		if err != nil {
			return message{}, err
		}
		if c.window > 0 && c.count-c.acked >= c.window {
			c.acked = c.count
			if err := c.ack(c.count); err != nil {
				return message{}, err
			}
		}
		if !ok {
			continue
		}
		mine, err := c.control(m)
		if err != nil {
			return message{}, err
		}
		if !mine {
			return m, nil
		}
	}
}

// control carries out messages about the chunk layer and reports whether m was one.
func (c *chunkReader) control(m message) (bool, error) {
	switch m.typ {
	case typeSetChunkSize, typeAbort, typeAck, typeWindowAckSize, typePeerBandwidth:
	default:
		return false, nil
	}
	if len(m.body) < 4 {
		return true, fmt.Errorf("%w: control message of %d bytes", errProtocol, len(m.body))
	}
	v := binary.BigEndian.Uint32(m.body)
	switch m.typ {
	case typeSetChunkSize:
		if v == 0 || v > maxChunkSize {
			return true, fmt.Errorf("%w: chunk size %d", errProtocol, v)
		}
		c.size = v
	case typeAbort:
		if s := c.streams[v]; s != nil {
			c.drop(s)
		}
	case typeWindowAckSize:
		c.window = v
	}
	return true, nil
}

func (c *chunkReader) drop(s *chunkStream) {
	c.held -= len(s.body)
	s.body, s.active = nil, false
}

// chunk reads one chunk; ok says that it completed m.
func (c *chunkReader) chunk() (m message, ok bool, err error) {
	format, s, err := c.basicHeader()
	if err != nil {
		return m, false, err
	}
	if err := c.messageHeader(format, s); err != nil {
		return m, false, err
	}
	n := min(s.length-uint32(len(s.body)), c.size)
	if c.held+int(n) > int(c.limit)+maxData {
		return m, false, fmt.Errorf("%w: too many messages at once", errProtocol)
	}
	for n > 0 { // in steps: memory is given only for bytes that came
		step := min(n, readStep)
		at := len(s.body)
		s.body = slices.Grow(s.body, int(step))[:at+int(step)]
		if err := c.full(s.body[at:]); err != nil {
			return m, false, err
		}
		c.held += int(step)
		n -= step
	}
	if uint32(len(s.body)) < s.length {
		return m, false, nil
	}
	m = message{typ: s.typ, time: s.time, body: s.body}
	c.drop(s)
	return m, true, nil
}

// basicHeader reads the chunk basic header (§5.3.1.1).
func (c *chunkReader) basicHeader() (format byte, s *chunkStream, err error) {
	var b [3]byte
	if err := c.full(b[:1]); err != nil {
		return 0, nil, err
	}
	format = b[0] >> 6
	id := uint32(b[0] & 0x3F)
	switch id {
	case 0:
		if err := c.full(b[1:2]); err != nil {
			return 0, nil, err
		}
		id = 64 + uint32(b[1])
	case 1:
		if err := c.full(b[1:3]); err != nil {
			return 0, nil, err
		}
		id = 64 + uint32(b[1]) + uint32(b[2])<<8
	}
	s = c.streams[id]
	if s == nil {
		if len(c.streams) >= maxChunkStreams {
			return 0, nil, fmt.Errorf("%w: more than %d chunk streams", errProtocol, maxChunkStreams)
		}
		s = &chunkStream{}
		c.streams[id] = s
	}
	if format != 0 && !s.known {
		return 0, nil, fmt.Errorf("%w: chunk stream %d begins with a header of type %d", errProtocol, id, format)
	}
	return format, s, nil
}

// messageHeader reads the chunk message header (§5.3.1.2) and the extended
// timestamp (§5.3.1.3).
func (c *chunkReader) messageHeader(format byte, s *chunkStream) error {
	if format == 3 {
		if err := c.repeatedExtended(s); err != nil {
			return err
		}
		if !s.active {
			s.time += s.delta
			s.active = true
		}
		return nil
	}
	if s.active { // a new message where the rest of the last was due: that is lost
		c.drop(s)
	}
	var b [11]byte
	h := b[:[]int{11, 7, 3}[format]]
	if err := c.full(h); err != nil {
		return err
	}
	stamp := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	if format < 2 {
		s.length = uint32(b[3])<<16 | uint32(b[4])<<8 | uint32(b[5])
		s.typ = b[6]
		limit := c.limit
		if s.typ != typeAudio && s.typ != typeVideo {
			limit = min(limit, maxData)
		}
		if s.length > limit {
			return fmt.Errorf("%w: message of %d bytes, at most %d are accepted", errProtocol, s.length, limit)
		}
	}
	s.extended = 0
	if stamp == 0xFFFFFF {
		if err := c.full(b[:4]); err != nil {
			return err
		}
		stamp = binary.BigEndian.Uint32(b[:4])
		s.extended = stamp
	}
	if format == 0 {
		s.time, s.delta = stamp, 0
	} else {
		s.delta = stamp
		s.time += stamp
	}
	s.known, s.active = true, true
	return nil
}

// repeatedExtended skips the extended timestamp that chunks of type 3 repeat.
// Some encoders leave it out, so it is skipped only if it is there.
func (c *chunkReader) repeatedExtended(s *chunkStream) error {
	if s.extended == 0 {
		return nil
	}
	b, err := c.r.Peek(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) == s.extended {
		c.count += 4
		_, err = c.r.Discard(4)
	}
	return err
}
