package hls

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gohlslib/v2"

	"muster/internal/run"
	"muster/media"
	"muster/media/codec"
)

const (
	keepAnswers = 3 * time.Second // a segment asked for by one is likely asked for by others now
	maxPending  = 256             // answers of one segmenter that wait for media; more are refused
	maxRefused  = 30              // units in a row that the segmenter may refuse before it begins anew
	clockAhead  = time.Minute     // a longer step of the video's clock is a new clock
	clockBack   = 500 * time.Millisecond
	apart       = 10 * time.Second // tracks further apart do not belong to one moment
)

// Why a segmenter cannot answer.
var (
	errPending = errors.New("too many requests wait for this stream")
	errChanged = errors.New("the stream changed to what HLS cannot carry")
)

// muxer segments one stream for all who watch it. One goroutine feeds it;
// requests ask it through get.
type muxer struct {
	cfg    Config
	stream *media.Stream
	reader *media.Reader
	count  *counters
	log    *slog.Logger
	use    use
	mark   string // stands for the session's secret in playlists that all share

	streamEnded atomic.Bool

	mu      sync.Mutex // guards what follows
	out     *gohlslib.Muxer
	closed  bool
	answers map[string]*answer

	// Owned by the feeding goroutine.
	tracks  []*track // by index in the stream; nil: left out
	leading int      // track that decides where segments begin
	base    time.Duration
	last    time.Duration // decoding time of the leading track's last unit
	started bool
	stale   bool // begin anew at the next key frame
	refused int  // units of the leading track in a row
}

// answer is what the segmenter says to one question, shared by all who ask it
// at the same time. It is read-only once done is closed.
type answer struct {
	done   chan struct{}
	status int // 0: there is no such thing
	kind   string
	body   []byte
	at     time.Time
}

// newMuxer returns the segmenter of stream. The error is an *UnsupportedError
// or the library's.
func newMuxer(cfg Config, stream *media.Stream, count *counters, log *slog.Logger) (*muxer, error) {
	m := &muxer{
		cfg: cfg, stream: stream, count: count,
		log:     log.With("stream", stream.Name.String()),
		mark:    rand.Text(),
		answers: make(map[string]*answer),
	}
	tracks, left, err := choose(formats(stream), cfg.Variant)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		m.log.Info("tracks are left out", "tracks", strings.Join(left, ", "))
	}
	m.tracks = tracks
	return m, m.restart()
}

// restart begins a new series of segments with the present parameters.
func (m *muxer) restart() error {
	out := &gohlslib.Muxer{
		Variant: m.cfg.variant(), SegmentCount: m.cfg.SegmentCount,
		SegmentMinDuration: m.cfg.SegmentDuration, PartMinDuration: m.cfg.PartDuration,
		SegmentMaxSize: uint64(m.cfg.SegmentMaxSize),
		OnEncodeError:  func(err error) { m.log.Debug("segmenter", "error", err) },
	}
	m.leading = -1
	for i, t := range m.tracks {
		if t == nil {
			continue
		}
		if t = newTrack(t.format, m.cfg.Variant); t == nil {
			return errChanged
		}
		m.tracks[i] = t
		out.Tracks = append(out.Tracks, t.out)
		if m.leading < 0 || t.video {
			m.leading = i
		}
	}
	m.started, m.stale, m.refused = false, false, 0
	if err := out.Start(); err != nil {
		return fmt.Errorf("hls: segmenter: %w", err)
	}
	m.mu.Lock()
	old := m.out
	m.out = out
	closed := m.closed
	m.mu.Unlock()
	if old != nil {
		old.Close()
	}
	if closed {
		out.Close()
	}
	return nil
}

// close lets go of everybody who waits.
func (m *muxer) close() {
	m.mu.Lock()
	out := m.out
	m.closed = true
	m.mu.Unlock()
	if out != nil {
		out.Close()
	}
}

// feed writes the stream to the segmenter until the stream or ctx ends.
func (m *muxer) feed(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { m.reader.Close(nil) })
	defer stop()
	batch := make([]media.Delivery, 64)
	for {
		n, err := m.reader.Pull(batch)
		if err != nil {
			m.streamEnded.Store(errors.Is(err, media.ErrStreamEnded))
			return
		}
		for _, d := range batch[:n] {
			if err := m.write(d); err != nil {
				m.count.failures.Add(1)
				m.log.Warn("segmenter given up", "error", err)
				return
			}
		}
		clear(batch[:n]) // hold no media while waiting for more
	}
}

// write hands one unit to the segmenter. Units that it cannot use are counted
// and left out; too many in a row make it begin anew at the next key frame. The
// error says that it cannot.
func (m *muxer) write(d media.Delivery) error {
	t := m.tracks[d.Track.Index]
	if t == nil {
		return nil
	}
	leads := d.Track.Index == m.leading
	now := media.Seconds(d.DecodeAt, d.Format.ClockRate)
	if changed(t.format, d.Format) || leads && m.started && (now-m.last > clockAhead || m.last-now > clockBack) {
		m.stale = true
	}
	t.format = d.Format
	if m.stale {
		if !leads || !d.Key {
			return nil
		}
		m.count.restarts.Add(1)
		if err := m.restart(); err != nil {
			return err
		}
		t = m.tracks[d.Track.Index]
	}
	if leads {
		if !m.started {
			m.base, m.started = now, true
		}
		m.last = now
	} else if !m.started || now-m.last > apart || m.last-now > apart {
		return nil
	}
	rate := d.Format.ClockRate
	pts := rescale(d.At-media.Ticks(m.base, rate), rate, t.out.ClockRate)
	err := t.write(m.out, t.out, d.NTP, pts, d.AU)
	switch {
	case err == nil && leads:
		m.refused = 0
	case err != nil:
		m.count.badUnits.Add(1)
		m.log.Debug("unit left out", "codec", d.Format.Codec, "error", err)
		if leads {
			m.refused++
		}
		if m.refused > maxRefused && !m.stale {
			m.count.failures.Add(1)
			m.log.Warn("segments begin anew: too many units cannot be used", "error", err)
			m.stale = true
		}
	}
	return nil
}

// get returns the answer to a request for file with the query parameters of
// Low-Latency HLS, which may take until the next part is there. It returns
// early with ctx's error. Those who ask the same at the same time get the same.
func (m *muxer) get(ctx context.Context, g *run.Group, file, query string) (*answer, error) {
	key := file + "?" + query
	m.mu.Lock()
	a := m.answers[key]
	if a == nil {
		if len(m.answers) >= maxPending {
			m.mu.Unlock()
			return nil, errPending
		}
		a = &answer{done: make(chan struct{})}
		m.answers[key] = a
		out := m.out
		m.mu.Unlock()
		// The library does not watch the request's context; a goroutine of its
		// own does the waiting, at most one per question.
		if !g.Go(func(context.Context) { m.ask(out, a, key, file, query) }) {
			m.drop(key, a)
			return nil, errStopped
		}
	} else {
		m.mu.Unlock()
	}
	select {
	case <-a.done:
		return a, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ask puts a question to the library. Segments are kept for others to come;
// playlists are not, for the next one is newer.
func (m *muxer) ask(out *gohlslib.Muxer, a *answer, key, file, query string) {
	playlist := strings.HasSuffix(file, ".m3u8")
	defer close(a.done)
	defer func() {
		if playlist || a.status != http.StatusOK {
			m.drop(key, a)
		}
	}()
	if playlist {
		query = strings.TrimSuffix("session="+m.mark+"&"+query, "&")
	}
	r, err := http.NewRequest(http.MethodGet, "/"+file+"?"+query, http.NoBody)
	if err != nil {
		return
	}
	w := &recorder{header: make(http.Header)}
	out.Handle(w, r)
	for playlist && w.status != http.StatusOK {
		// A series of segments that ends lets go of who waits for its first. What
		// they wait for is the stream, so they wait for the series after it.
		next := m.series()
		if next == out {
			break
		}
		out = next
		w = &recorder{header: make(http.Header)}
		out.Handle(w, r)
	}
	a.kind, a.body, a.at = w.header.Get("Content-Type"), w.body.Bytes(), time.Now()
	if strings.HasSuffix(file, "_init.mp4") {
		codec.FixVPCC(a.body)
	}
	a.status = w.status
}

// series is what answers at the moment.
func (m *muxer) series() *gohlslib.Muxer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out
}

func (m *muxer) drop(key string, a *answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers[key] == a {
		delete(m.answers, key)
	}
}

// forget drops the answers that were complete before t.
func (m *muxer) forget(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, a := range m.answers {
		select {
		case <-a.done:
			if a.at.Before(t) {
				delete(m.answers, key)
			}
		default:
		}
	}
}

// recorder keeps an answer of the library.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
