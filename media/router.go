// Package media is the hub: publishers write streams under names, readers pull
// them. It has no sockets and no protocol; RTSP, RTMP, SRT, HLS and WebRTC meet
// here.
//
// One packet's way: a protocol server authenticates its client, asks the Router
// to Publish and writes access units to the Publisher; the Stream keeps the
// newest in one ring. Each reader has a cursor and a goroutine of its own and
// pulls in batches. The publisher never waits for a reader, memory is per stream
// and not per reader, and RTP packets are made at most once per unit.
package media

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/conf"
	"muster/internal/safename"
	"muster/media/codec"
)

// The errors a protocol server tells apart; each translates them to its own codes.
var (
	// ErrNotFound: there is no stream of that name that the client may read.
	// It is the same whether the stream is missing or belongs to others.
	ErrNotFound = errors.New("no stream of that name that you may watch")
	// ErrBusy: somebody else publishes under that name.
	ErrBusy = errors.New("somebody else is publishing under that name")
	// ErrUnsupported: the tracks cannot be carried.
	ErrUnsupported = errors.New("unsupported tracks")
	// ErrReplaced ends a publisher whose own user published the name anew.
	ErrReplaced = errors.New("replaced by a newer publisher of the same user")
	// ErrFull: the path allows no more readers.
	ErrFull = errors.New("the stream has as many readers as it may have")
)

// Client describes who is at the other end of a protocol session.
type Client struct {
	Protocol string         // "rtsp", "rtsps", "rtmp", "srt", "whip", "whep", "hls", …
	Remote   netip.AddrPort // canonical (Unmap)
	Agent    string         // what it calls itself; at most 200 bytes are kept
}

const maxAgent = 200

func (c Client) session() auth.SessionInfo {
	return auth.SessionInfo{Protocol: c.Protocol, Remote: c.Remote, Agent: c.Agent[:min(len(c.Agent), maxAgent)]}
}

// Config is the hub's own part of the section media.
type Config struct {
	BufferSize conf.Size             `yaml:"bufferSize" doc:"How much of the newest media is kept per stream for late and slow readers."`
	MaxLag     time.Duration         `yaml:"maxLag" doc:"A reader further behind than this skips to the newest key frame."`
	Paths      map[string]PathConfig `yaml:"paths" doc:"Settings of single streams by name, or by regular expression when the key starts with '~'."`
}

// PathConfig is what the configuration says of a stream.
type PathConfig struct {
	Groups            []string `yaml:"groups" doc:"Groups the stream belongs to; empty means those its publisher may write to."`
	Source            string   `yaml:"source" doc:"Where the server itself gets the stream, such as rtsp://user:password@192.168.8.7/stream1, srt://camera.example:9000 or udp+mpegts://239.1.1.1:5004; empty means a publisher brings it."`
	SourceFingerprint string   `yaml:"sourceFingerprint" doc:"SHA-256 of the certificate (64 hexadecimal digits) that a source on TLS must show; empty means that the certificate must be valid for the source's name."`
	Record            bool     `yaml:"record" doc:"Record the stream whenever it is live."`
	MaxReaders        int      `yaml:"maxReaders" doc:"Most readers at one time; 0 means no limit."`
	PublishPassphrase string   `yaml:"publishPassphrase" doc:"SRT passphrase (10 to 79 characters) that publishers must use."`
	ReadPassphrase    string   `yaml:"readPassphrase" doc:"SRT passphrase (10 to 79 characters) that readers must use."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{BufferSize: 32 * conf.MiB, MaxLag: 3 * time.Second, Paths: map[string]PathConfig{}}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if c.BufferSize < conf.MiB {
		return errors.New("bufferSize: at least 1 MiB is needed to hold a group of pictures")
	}
	if c.MaxLag < 100*time.Millisecond {
		return errors.New("maxLag: at least 100ms")
	}
	for name, p := range c.Paths {
		if expr, ok := strings.CutPrefix(name, "~"); ok {
			if _, err := regexp.Compile(expr); err != nil {
				return fmt.Errorf("paths.%s: %w", name, err)
			}
			if p.Source != "" {
				return fmt.Errorf("paths.%s: a source needs a plain name, not an expression", name)
			}
		} else if _, err := safename.Parse(name); err != nil {
			return fmt.Errorf("paths.%s: %w", name, err)
		}
		if fp := strings.ReplaceAll(p.SourceFingerprint, ":", ""); fp != "" {
			if b, err := hex.DecodeString(fp); err != nil || len(b) != sha256.Size || p.Source == "" {
				return fmt.Errorf("paths.%s: sourceFingerprint has 64 hexadecimal digits and stands beside a source", name)
			}
		}
		for _, pass := range []string{p.PublishPassphrase, p.ReadPassphrase} {
			if pass != "" && (len(pass) < 10 || len(pass) > 79) {
				return fmt.Errorf("paths.%s: an SRT passphrase has 10 to 79 characters", name)
			}
		}
		if p.MaxReaders < 0 {
			return fmt.Errorf("paths.%s: maxReaders cannot be negative", name)
		}
	}
	return nil
}

// Router knows every live stream by name and decides, with auth.Allow, who may
// publish and read.
type Router struct {
	cfg      Config
	sessions *auth.Sessions
	bus      *bus.Bus
	log      *slog.Logger

	mu      sync.RWMutex // guards streams and paths; never held while calling out
	streams map[string]*Stream
	paths   pathTable
}

type pathTable struct {
	exact map[string]PathConfig
	exprs []pathExpr
}

type pathExpr struct {
	re *regexp.Regexp
	PathConfig
}

// New returns a router without streams. cfg must be valid.
func New(cfg Config, sessions *auth.Sessions, b *bus.Bus, log *slog.Logger) *Router {
	r := &Router{cfg: cfg, sessions: sessions, bus: b, log: log.With("part", "media"), streams: make(map[string]*Stream)}
	r.paths = newPathTable(cfg.Paths)
	return r
}

func newPathTable(paths map[string]PathConfig) pathTable {
	t := pathTable{exact: make(map[string]PathConfig)}
	names := make([]string, 0, len(paths))
	for name := range paths {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if expr, ok := strings.CutPrefix(name, "~"); ok {
			t.exprs = append(t.exprs, pathExpr{regexp.MustCompile(expr), paths[name]})
		} else {
			t.exact[name] = paths[name]
		}
	}
	return t
}

// Path returns what the configuration says of name: an exact entry, else the
// first matching expression in alphabetical order, else nothing.
func (r *Router) Path(name safename.Name) PathConfig {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if p, ok := r.paths.exact[name.String()]; ok {
		return p
	}
	for _, e := range r.paths.exprs {
		if e.re.MatchString(name.String()) {
			return e.PathConfig
		}
	}
	return PathConfig{}
}

// SetPaths replaces the path settings; live streams keep what they started with.
func (r *Router) SetPaths(paths map[string]PathConfig) {
	t := newPathTable(paths)
	r.mu.Lock()
	r.paths = t
	r.mu.Unlock()
}

// MayPublish reports whether id may publish under name, for servers that learn
// the tracks only later. Publish asks again.
func (r *Router) MayPublish(id auth.Identity, name safename.Name) error {
	return auth.Allow(id, auth.Publish, auth.Stream(name.String(), r.Path(name).Groups))
}

// MayBegin is MayPublish, and ErrBusy while somebody else publishes under name:
// for servers that answer their client before they know the tracks.
func (r *Router) MayBegin(id auth.Identity, name safename.Name) error {
	if err := r.MayPublish(id, name); err != nil {
		return err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s := r.streams[name.String()]; s != nil && s.User != id.User {
		return ErrBusy
	}
	return nil
}

// PublishRequest asks to make a stream live.
type PublishRequest struct {
	Identity auth.Identity
	Client   Client
	Name     safename.Name
	Groups   []string // whose readers may read it; nil: those of the path, or else those that Identity may write to
	Formats  []*codec.Format
	KeyFrame func()             // asks the publisher for a key frame; nil if it cannot be asked
	Kick     func(reason error) // ends the publisher's connection; must not block

	// Audience, unless it is nil, makes this a stream on demand: it is told how
	// many receive the stream whenever that changes, one call at a time, and
	// must neither block nor call the stream. What was sent to the last audience
	// is forgotten when it has gone.
	Audience func(Audience)
	// Admit, unless it is nil, is asked besides auth.Allow who may receive the
	// stream from now on. It must not block nor call the stream.
	Admit func(auth.Identity) bool
}

// Audience is who receives a stream.
type Audience struct {
	Readers int // who takes units, parts of the server such as a recorder among them
	Clients int // people and their programs
}

// Publisher writes to a live stream. Each track has one writing goroutine at a
// time; Close may be called from any.
type Publisher struct {
	stream  *Stream
	session *auth.Session
	kick    func(error)
	once    sync.Once
}

// Publish makes a stream live. The errors wrap auth.ErrDenied, ErrBusy or
// ErrUnsupported. A publisher of the same user under the same name is replaced.
func (r *Router) Publish(req PublishRequest) (*Publisher, error) {
	path := r.Path(req.Name)
	if err := auth.Allow(req.Identity, auth.Publish, auth.Stream(req.Name.String(), path.Groups)); err != nil {
		return nil, err
	}
	s, err := newStream(r, req.Name, req.Formats)
	if err != nil {
		return nil, err
	}
	s.Source, s.User, s.system, s.keyFrame = req.Client, req.Identity.User, req.Identity.System, req.KeyFrame
	s.audience, s.admits = req.Audience, req.Admit
	res := auth.Stream(req.Name.String(), path.Groups)
	s.Groups = path.Groups
	if len(req.Groups) > 0 || len(path.Groups) == 0 {
		// The stream shows up in all of these groups, so its publisher must keep
		// the right in every one of them.
		if s.Groups = req.Groups; len(s.Groups) == 0 {
			s.Groups = req.Identity.WriteGroups()
		}
		res = auth.Resource{Kind: auth.KindStream, Name: res.Name, Groups: s.Groups, Every: true}
	}
	p := &Publisher{stream: s, kick: req.Kick}

	var old *Publisher
	r.mu.Lock()
	if live := r.streams[req.Name.String()]; live != nil {
		if live.User != req.Identity.User || live.system != req.Identity.System {
			r.mu.Unlock()
			return nil, ErrBusy
		}
		old = live.publisher
	}
	s.publisher = p
	r.streams[req.Name.String()] = s
	r.mu.Unlock()
	if old != nil {
		old.end(ErrReplaced)
	}

	p.session, err = r.sessions.Open(req.Identity, auth.Publish, res, req.Client.session(), p.end)
	if err != nil {
		p.Close(err)
		return nil, err
	}
	s.open.Store(p.session)
	if s.over() { // kicked before its session was known here
		p.session.Close()
		return nil, auth.ErrRevoked
	}
	r.bus.Publish(bus.Fact{Kind: "stream.ready", Data: s.Info(), Groups: s.Groups, User: s.User})
	r.log.Info("stream is live", "stream", req.Name.String(), "user", s.User, "protocol", req.Client.Protocol, "remote", req.Client.Remote)
	return p, nil
}

// Stream returns the stream being published.
func (p *Publisher) Stream() *Stream { return p.stream }

// Session returns the publisher's entry in the register of sessions.
func (p *Publisher) Session() *auth.Session { return p.session }

// Write hands over one access unit of track i.
func (p *Publisher) Write(i int, s Sample) { p.stream.write(p.stream.Tracks[i], s) }

// WritePacket hands over one RTP payload of track i, which is Opaque.
func (p *Publisher) WritePacket(i int, pts int64, marker bool, payload []byte) {
	p.stream.writePacket(p.stream.Tracks[i], pts, marker, payload)
}

// end closes the stream and then the connection it came by.
func (p *Publisher) end(reason error) {
	p.Close(reason)
	p.kick(reason)
}

// Close ends the stream; readers see ErrStreamEnded. reason, which may be nil,
// is logged. Closing twice is harmless.
func (p *Publisher) Close(reason error) {
	p.once.Do(func() {
		s, r := p.stream, p.stream.router
		r.mu.Lock()
		if r.streams[s.Name.String()] == s {
			delete(r.streams, s.Name.String())
		}
		r.mu.Unlock()
		s.end(ErrStreamEnded)
		if ses := s.open.Load(); ses != nil {
			ses.Close()
			r.bus.Publish(bus.Fact{Kind: "stream.ended", Data: s.Info(), Groups: s.Groups, User: s.User})
			r.log.Info("stream ended", "stream", s.Name.String(), "user", s.User, "after", time.Since(s.Since).Round(time.Second).String(), "reason", reason)
		}
	})
}

// ReadRequest asks to read a stream.
type ReadRequest struct {
	Identity auth.Identity
	Client   Client
	Name     safename.Name
	Tracks   []int // indexes of the tracks to deliver; nil: all
	Start    Start
	Kick     func(reason error) // ends the reader's connection; must not block
}

// Find returns the live stream called name if id may read it, else ErrNotFound.
func (r *Router) Find(id auth.Identity, name safename.Name) (*Stream, error) {
	r.mu.RLock()
	s := r.streams[name.String()]
	r.mu.RUnlock()
	if s == nil || !s.Readable(id) {
		return nil, ErrNotFound
	}
	return s, nil
}

// Read opens a reader. The errors are ErrNotFound, ErrFull and ErrUnsupported.
func (r *Router) Read(req ReadRequest) (*Reader, error) {
	s, err := r.Find(req.Identity, req.Name)
	if err != nil {
		return nil, err
	}
	rd, err := s.newReader(req.Tracks, req.Start)
	if err != nil {
		return nil, err
	}
	var l latch
	rd.session, err = r.sessions.Open(req.Identity, auth.Read, s.resource(), req.Client.session(), l.fire)
	if err != nil {
		return nil, ErrNotFound
	}
	if err := s.join(rd, r.Path(req.Name).MaxReaders); err != nil {
		rd.session.Close()
		return nil, err
	}
	l.arm(func(reason error) {
		rd.Close(reason)
		req.Kick(reason)
	})
	if rd.closed.Load() != nil { // kicked meanwhile
		return nil, ErrNotFound
	}
	return rd, nil
}

// Tap opens a reader of s for a part of the server itself, such as a segmenter
// whose own clients are checked one by one. It is on no register; it ends with
// the stream or by Close.
func (r *Router) Tap(s *Stream, start Start) (*Reader, error) {
	rd, err := s.newReader(nil, start)
	if err != nil {
		return nil, err
	}
	return rd, s.join(rd, 0)
}

// List returns the live streams that id may read, by name.
func (r *Router) List(id auth.Identity) []*Stream {
	r.mu.RLock()
	out := make([]*Stream, 0, len(r.streams))
	for _, s := range r.streams {
		if s.Readable(id) {
			out = append(out, s)
		}
	}
	r.mu.RUnlock()
	slices.SortFunc(out, func(a, b *Stream) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	return out
}
