package compositor

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Messages between the two processes: four bytes of length, one of kind, and
// the rest. Both ends are the same executable, so there are no versions; the
// parent trusts nothing that the child says all the same.
const (
	msgState   = 'S' // to the child: state in JSON
	msgFrame   = 'F' // to the child: number of the input, frame
	msgKey     = 'K' // to the child: number of the output that wants a key frame
	msgPicture = 'P' // from the child: number of the output, flags, time, units each with its length
	msgNeedKey = 'N' // from the child: number of the input that needs a key frame
	msgDecode  = 'D' // from the child: number of the input that it decodes now, 0 for none
	msgReport  = 'R' // from the child: report in JSON
)

// maxMessage bounds a message: a frame of the largest picture takes less.
const maxMessage = 8 << 20

var (
	errMessage = errors.New("malformed message")
	startCode  = []byte{0, 0, 0, 1}
)

// state is all that the child has to know.
type state struct {
	Epoch   time.Duration // age of the Compositor, to which the child adds its own
	Inputs  []inputState
	Scenes  map[string]sceneState
	Outputs []outputState
}

type inputState struct {
	Number uint32
	Codec  string
}

type outputState struct {
	Number uint32
	Config OutputConfig
}

// sceneState is a scene with what stands for its tiles' inputs.
type sceneState struct {
	Scene  Scene
	Inputs []uint32
	Notes  []string
}

// report is how the child does.
type report struct {
	FPS     int
	Busy    float64
	Decoded int64
	Failed  int64
	Encoded int64
	Trouble string // an output that cannot be
}

// begin appends the head of a message whose length end fills in.
func begin(b []byte, kind byte) ([]byte, int) {
	return append(b, 0, 0, 0, 0, kind), len(b)
}

func end(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendJSON(b []byte, kind byte, v any) []byte {
	b, at := begin(b, kind)
	text, err := json.Marshal(v)
	if err != nil {
		panic("compositor: " + err.Error()) // plain structures only
	}
	return end(append(b, text...), at)
}

func appendNumber(b []byte, kind byte, number uint32) []byte {
	b, at := begin(b, kind)
	return end(binary.BigEndian.AppendUint32(b, number), at)
}

// appendFrame appends a frame for the decoder: H.264 with start codes.
func appendFrame(b []byte, number uint32, codec string, au [][]byte) []byte {
	b, at := begin(b, msgFrame)
	b = binary.BigEndian.AppendUint32(b, number)
	for _, unit := range au {
		if codec == H264 {
			b = append(b, startCode...)
		}
		b = append(b, unit...)
	}
	return end(b, at)
}

func appendPicture(b []byte, number uint32, f Frame) []byte {
	b, at := begin(b, msgPicture)
	b = binary.BigEndian.AppendUint32(b, number)
	key := byte(0)
	if f.Key {
		key = 1
	}
	b = binary.BigEndian.AppendUint64(append(b, key), uint64(f.PTS))
	for _, unit := range f.AU {
		b = binary.BigEndian.AppendUint32(b, uint32(len(unit)))
		b = append(b, unit...)
	}
	return end(b, at)
}

// readMessage reads a message into buf, which it lets grow, and returns it
// without its length.
func readMessage(r io.Reader, buf []byte) (kind byte, body, grown []byte, err error) {
	var head [5]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, nil, buf, err
	}
	n := int(binary.BigEndian.Uint32(head[:])) - 1
	if n < 0 || n > maxMessage {
		return 0, nil, buf, fmt.Errorf("%w of %d bytes", errMessage, n)
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	body = buf[:n]
	_, err = io.ReadFull(r, body)
	return head[4], body, buf, err
}

func parseNumber(body []byte) (uint32, []byte, error) {
	if len(body) < 4 {
		return 0, nil, errMessage
	}
	return binary.BigEndian.Uint32(body), body[4:], nil
}

// parsePicture returns a frame whose units lie in body.
func parsePicture(body []byte) (number uint32, f Frame, err error) {
	number, body, err = parseNumber(body)
	if err != nil || len(body) < 9 {
		return 0, Frame{}, errMessage
	}
	f.Key = body[0] != 0
	f.PTS = time.Duration(binary.BigEndian.Uint64(body[1:]))
	for body = body[9:]; len(body) > 0; {
		n, rest, err := parseNumber(body)
		if err != nil || int64(n) > int64(len(rest)) {
			return 0, Frame{}, errMessage
		}
		f.AU, body = append(f.AU, rest[:n:n]), rest[n:]
	}
	return number, f, nil
}
