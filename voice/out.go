package voice

import (
	"errors"
	"sync"
)

const (
	// maxWaiting is how much may wait for one client, in bytes. Voice is dropped
	// from three quarters of it on; a client that lets control messages fill it is
	// disconnected.
	maxWaiting = 4 << 20
	// maxVoiceWaiting is how much voice may wait, in bytes: half a second of
	// twenty people who talk at once. What comes then is dropped: it would be heard
	// too late to be of use.
	maxVoiceWaiting = 96 << 10
	// keepWaiting is how large an empty buffer a client keeps.
	keepWaiting = 16 << 10
)

// maxBlobs is how much may wait before more of what was asked for is appended.
const maxBlobs = 512 << 10

// errSlow ends a client that does not read.
var errSlow = errors.New("voice: the client does not read")

// out is what waits for one client's TCP connection.
type out struct {
	mu       sync.Mutex // guards what follows; a leaf
	buf      []byte     // frames; bounded by maxWaiting
	voice    int        // bytes of voice in buf
	queued   bool       // the flusher knows
	lazy     bool       // the lazy list knows
	draining bool       // a goroutine of its own writes, for the socket is full
	over     bool       // nothing more is taken
	closing  bool       // the connection ends once buf is written
	dropped  int64      // voice packets
}

// control appends frames. ok is false when the client has to be ended.
func (o *out) control(frames []byte) (ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return true
	}
	if len(o.buf)+len(frames) > maxWaiting {
		o.over = true
		return false
	}
	o.buf = append(o.buf, frames...)
	return true
}

// last appends the frames that a connection ends with, unless too much waits.
func (o *out) last(frames []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over && len(o.buf)+len(frames) <= maxWaiting {
		o.buf = append(o.buf, frames...)
	}
	o.over, o.closing = true, true
}

// speech appends the frame of a voice packet, unless too much waits.
func (o *out) speech(frame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(frame)
	if o.over || o.voice+n > maxVoiceWaiting || len(o.buf)+n > maxWaiting/4*3 {
		o.dropped++
		return false
	}
	o.buf = append(o.buf, frame...)
	o.voice += n
	return true
}

// waiting returns how much waits.
func (o *out) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf)
}

// take moves what waits into scratch. last says that nothing comes after it.
func (o *out) take(scratch []byte) (frames []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	scratch = append(scratch[:0], o.buf...)
	if cap(o.buf) > keepWaiting {
		o.buf = nil
	}
	o.buf, o.voice, o.queued, o.lazy = o.buf[:0], 0, false, false
	return scratch, o.closing
}
