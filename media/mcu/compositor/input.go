package compositor

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// The largest picture that is decoded or encoded.
const (
	maxWidth  = 4096
	maxHeight = 2304
	maxFrame  = 4 << 20 // bytes of one coded picture
)

// What a card says of an input that cannot be shown.
const (
	problemInterlaced = "interlaced video cannot be shown here"
	problemFormat     = "this kind of H.264 cannot be shown here"
	problemSize       = "this picture is too large to be shown here"
	problemBroken     = "this video cannot be decoded"
)

// askEvery is how often a key frame is asked for while one is missing.
const askEvery = 500 * time.Millisecond

// Input is one video that goes into the picture.
type Input struct {
	c       *Compositor
	id      string
	number  uint32
	codec   string
	needKey func()

	// Guarded by c.mu.
	closed  bool
	visible bool      // some output shows it
	waiting bool      // for a key frame: nothing else can be decoded
	asked   time.Time // for one
	due     bool      // needKey is to be called
	problem string    // why it is not decoded
	strikes int       // ends of the child while it decoded this
	struck  time.Time
}

// Input adds a video. Scenes name it by id; an input of the same id is
// replaced. needKey is called, no more often than each 500 ms, when a key frame
// is needed: at the start, after a loss and after a crash. It must not block
// for long. An input in another codec than H264 and VP8 is taken, and a card
// says that it cannot be shown.
func (c *Compositor) Input(id, codec string, needKey func()) (*Input, error) {
	in := &Input{c: c, id: id, codec: codec, needKey: needKey}
	switch codec {
	case H264, VP8:
	case "":
		in.problem = problemFormat
	default:
		in.problem = codec + " video cannot be shown here"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.inputs[id]; old != nil {
		old.closed = true
	} else if len(c.inputs) >= MaxInputs {
		return nil, ErrLimit
	}
	c.lastID++
	in.number = c.lastID
	c.inputs[id] = in
	c.changed()
	return in, nil
}

// Write takes a frame: the NAL units of an access unit, or one frame of VP8.
// It is shown when it arrives. key tells that decoding can start with it. The
// frame is copied before Write returns.
func (in *Input) Write(au [][]byte, key bool) {
	c := in.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.closed || !in.visible || !c.up {
		return
	}
	if !in.look(au) {
		return
	}
	now := time.Now()
	if in.waiting && !key {
		in.ask(now)
		return
	}
	size := 0
	for _, unit := range au {
		size += len(unit) + len(startCode)
	}
	full := len(c.pending)+size > queueBytes || len(c.pending) > 0 && now.Sub(c.since) > queueAge
	if size > maxFrame || full {
		c.stats.Dropped++
		in.waiting = true
		in.ask(now)
		return
	}
	in.waiting = false
	c.queue(appendFrame(c.pending, in.number, in.codec, au))
}

// Lost says that a frame is missing, so that those after it would decode to
// rubbish: they are left out until a key frame comes, which is asked for.
func (in *Input) Lost() {
	in.c.mu.Lock()
	defer in.c.mu.Unlock()
	in.waiting = true
	if in.visible && in.c.up {
		in.ask(time.Now())
	}
}

// Close takes the input out of the picture. Where it still has a tile, that
// shows a card.
func (in *Input) Close() {
	c := in.c
	c.mu.Lock()
	defer c.mu.Unlock()
	in.closed = true
	if c.inputs[in.id] == in {
		delete(c.inputs, in.id)
		c.changed()
	}
}

// Problem returns why the input cannot be shown, or nothing.
func (in *Input) Problem() string {
	in.c.mu.Lock()
	defer in.c.mu.Unlock()
	return in.problem
}

// ask wants a key frame, unless it has just done so. c.mu is held.
func (in *Input) ask(now time.Time) {
	if in.needKey == nil || in.problem != "" || now.Sub(in.asked) < askEvery {
		return
	}
	in.asked, in.due = now, true
	select {
	case in.c.asks <- struct{}{}:
	default:
	}
}

// look tells whether a frame may be decoded, before anything is allocated for
// it, and remembers why not. c.mu is held.
func (in *Input) look(au [][]byte) bool {
	if in.strikes >= maxStrikes || in.codec != H264 && in.codec != VP8 {
		return false
	}
	problem, stated := inspect(in.codec, au)
	if stated && problem != in.problem {
		in.problem = problem
		in.waiting = true
		in.c.changed()
	}
	return in.problem == ""
}

const (
	maxStrikes   = 2
	strikeWindow = 30 * time.Second
)

// strike holds an end of the child against the input, and tells whether it is
// one too many. c.mu is held.
func (in *Input) strike(now time.Time) bool {
	if now.Sub(in.struck) > strikeWindow {
		in.strikes = 0
	}
	in.struck = now
	if in.strikes++; in.strikes < maxStrikes {
		return false
	}
	in.problem = problemBroken
	return true
}

// inspect reads what a frame states about its stream: stated is false where it
// says nothing.
func inspect(codec string, au [][]byte) (problem string, stated bool) {
	for _, unit := range au {
		if codec == VP8 {
			return inspectVP8(unit)
		}
		if len(unit) == 0 || unit[0]&0x1f != byte(h264.NALUTypeSPS) {
			continue
		}
		if problem = inspectSPS(unit); problem != "" {
			return problem, true
		}
		stated = true
	}
	return "", stated
}

// inspectVP8 reads the size in the header of a key frame (RFC 6386 §9.1).
func inspectVP8(frame []byte) (problem string, stated bool) {
	if len(frame) < 10 || frame[0]&1 != 0 {
		return "", false
	}
	width := (int(frame[6]) | int(frame[7])<<8) & 0x3fff
	height := (int(frame[8]) | int(frame[9])<<8) & 0x3fff
	return inspectSize(width, height), true
}

func inspectSPS(unit []byte) string {
	var sps h264.SPS
	if err := sps.Unmarshal(unit); err != nil {
		return problemFormat
	}
	switch {
	case !sps.FrameMbsOnlyFlag:
		return problemInterlaced
	case sps.PicWidthInMbsMinus1 >= maxWidth/16 || sps.PicHeightInMapUnitsMinus1 >= maxHeight/16:
		return problemSize
	case highProfile(sps.ProfileIdc) && sps.ChromaFormatIdc != 1,
		sps.BitDepthLumaMinus8 != 0, sps.BitDepthChromaMinus8 != 0:
		return problemFormat
	}
	return inspectSize(sps.Width(), sps.Height())
}

// highProfile tells whether an SPS of the profile states its kind of colour;
// the others are 4:2:0 (ITU-T H.264 §7.4.2.1.1).
func highProfile(idc uint8) bool {
	switch idc {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

func inspectSize(width, height int) string {
	if width <= 0 || height <= 0 || width > maxWidth || height > maxHeight {
		return problemSize
	}
	return ""
}
