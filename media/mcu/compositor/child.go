//go:build codecs && cgo

package compositor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"muster/media/mcu/compositor/video"
)

// Available returns nil if this program has the codecs, or ErrUnavailable.
func Available() error { return nil }

// childFile is the descriptor on which the child speaks with its parent.
const childFile = 3

// Child is the main function of the child process that Deps.Command starts. It
// returns when the parent closes its end.
func Child() error {
	f := os.NewFile(childFile, "parent")
	if f == nil {
		return errors.New("compositor: not started by its parent")
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return fmt.Errorf("compositor: not started by its parent: %w", err)
	}
	f.Close()
	if err := confine(); err != nil {
		return err
	}
	return newWorker(conn).work(conn)
}

// message is one of the parent, in memory that goes back to the reader.
type message struct {
	kind byte
	body []byte
}

// worker is what the child does. All is owned by the goroutine of work, except
// out, which is only written to.
type worker struct {
	out      io.Writer
	started  time.Time
	epoch    time.Duration
	feeds    map[uint32]*feed
	canvases map[canvasKey]*canvas
	encoders map[uint32]*encoder
	pace     pace
	report   report
	buf      []byte // of messages to the parent
}

// feed is an input.
type feed struct {
	number uint32
	codec  string
	dec    *video.Decoder // nil until there is a frame
	pic    *video.Picture // what it looks like; nil while there is nothing
	count  int64          // of pictures, to know a new one
	asked  time.Time
}

// encoder is an output.
type encoder struct {
	number  uint32
	cfg     OutputConfig
	enc     *video.Encoder // nil if it cannot be
	due     time.Time      // when the next picture is encoded
	key     bool           // the next picture should be a key frame
	lastKey time.Time
	units   [][]byte // of the last picture
	made    []byte   // message with what it made
	err     error
}

// keyEvery is the shortest time between key frames of one encoder.
const keyEvery = 500 * time.Millisecond

func newWorker(out io.Writer) *worker {
	return &worker{
		out: out, started: time.Now(),
		feeds:    make(map[uint32]*feed),
		canvases: make(map[canvasKey]*canvas),
		encoders: make(map[uint32]*encoder),
	}
}

// work takes messages and makes pictures until r ends.
func (w *worker) work(r io.Reader) error {
	messages := make(chan message, 4)
	free := make(chan []byte, cap(messages)+2)
	done := make(chan error, 1)
	go func() { done <- listen(r, messages, free) }()
	timer := time.NewTimer(0)
	reports := time.NewTicker(reportEvery)
	for {
		select {
		case err := <-done:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case m := <-messages:
			if err := w.handle(m, free); err != nil {
				return err
			}
		case now := <-timer.C:
			if err := w.catchUp(messages, free, now.Add(mostBehind)); err != nil {
				return err
			}
			now = time.Now()
			if err := w.compose(now); err != nil {
				return err
			}
			w.pace.worked(time.Since(now))
			timer.Reset(w.pace.next(time.Now()))
		case now := <-reports.C:
			if err := w.tell(now); err != nil {
				return err
			}
		}
	}
}

// mostBehind is for how long decoding may hold up composing.
const mostBehind = 250 * time.Millisecond

// catchUp handles what has come: where there is not the time for everything, there
// are fewer pictures, and not older ones. It gives up at until.
func (w *worker) catchUp(messages <-chan message, free chan<- []byte, until time.Time) error {
	for time.Now().Before(until) {
		select {
		case m := <-messages:
			if err := w.handle(m, free); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// handle takes a message, counts the time it took, and gives its memory back.
func (w *worker) handle(m message, free chan<- []byte) error {
	began := time.Now()
	if err := w.take(m); err != nil {
		return err
	}
	select {
	case free <- m.body:
	default:
	}
	w.pace.worked(time.Since(began))
	return nil
}

// listen reads messages until r ends. Four wait at most: then the parent waits,
// and drops.
func listen(r io.Reader, messages chan<- message, free <-chan []byte) error {
	for {
		var buf []byte
		select {
		case buf = <-free:
		default:
		}
		kind, body, _, err := readMessage(r, buf)
		if err != nil {
			return err
		}
		messages <- message{kind, body}
	}
}

func (w *worker) take(m message) error {
	if m.kind == msgState {
		return w.setState(m.body)
	}
	number, rest, err := parseNumber(m.body)
	if err != nil {
		return err
	}
	switch m.kind {
	case msgKey:
		if e := w.encoders[number]; e != nil {
			e.key = true
		}
		return nil
	case msgFrame:
		if f := w.feeds[number]; f != nil {
			return w.decode(f, rest)
		}
		return nil
	}
	return fmt.Errorf("%w of kind %q", errMessage, m.kind)
}

// decode shows a frame, after it has told the parent whose it is: if this
// process ends over it, that is what the parent knows of why.
func (w *worker) decode(f *feed, frame []byte) error {
	if err := w.say(appendNumber(w.buf[:0], msgDecode, f.number)); err != nil {
		return err
	}
	if f.dec == nil {
		dec, err := video.NewDecoder(f.codec)
		if err != nil {
			return err
		}
		f.dec = dec
	}
	pic, err := f.dec.Decode(frame)
	if err != nil {
		w.report.Failed++
		if now := time.Now(); now.Sub(f.asked) >= askEvery {
			f.asked = now
			return w.say(appendNumber(w.buf[:0], msgNeedKey, f.number))
		}
		return nil
	}
	w.report.Decoded++
	if pic != nil {
		f.pic = pic
		f.count++
	}
	return nil
}

// say sends a message that was made in w.buf.
func (w *worker) say(m []byte) error {
	w.buf = m[:0]
	_, err := w.out.Write(m)
	return err
}

// tell reports to the parent each second, and chooses the frame rate.
func (w *worker) tell(now time.Time) error {
	extendLife()
	w.report.Busy = w.pace.judge(now)
	w.report.FPS = w.pace.rate
	for _, e := range w.encoders {
		if e.enc == nil {
			w.open(e)
		}
		if e.enc != nil {
			e.enc.SetFPS(min(w.pace.rate, e.cfg.FPS))
		}
	}
	err := w.say(appendJSON(w.buf[:0], msgReport, w.report))
	w.report.Trouble = ""
	return err
}
