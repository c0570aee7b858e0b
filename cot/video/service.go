// Package video is the list of video that TAK clients see: connections that
// people have put on it, and the streams that are on the air here now, with
// addresses that the one who asks can play.
//
// Videos attached to things on the map (__video in events) are not put on the
// list: who receives the event has them already.
package video

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"muster/internal/auth"
	"muster/internal/store"
)

// The errors that callers tell apart. Refusals of rights wrap auth.ErrDenied.
var (
	ErrNotFound = errors.New("there is no such video")
	ErrInvalid  = errors.New("invalid")
	ErrFull     = errors.New("the list of videos is full")
)

// Stream is a stream that is on the air here.
type Stream struct {
	Name   string // of the path
	Title  string // for people; "" is Name
	Groups []string
	// Addresses are ways to play it for the one who asked, login included, the
	// best for ATAK first: rtsp://user:token@host:8554/name, https://…/index.m3u8,
	// srt://….
	Addresses []Address
}

// Address is one way to play a stream.
type Address struct {
	URL      string
	Alias    string // added to the title where there are several, such as "HLS"
	Reliable bool   // RTSP over TCP
}

// Live says what is on the air.
type Live interface {
	// Live returns the streams that id may receive, with addresses on host, the
	// name by which the client has reached this server.
	Live(ctx context.Context, id auth.Identity, host string) ([]Stream, error)
}

// Puller makes the server fetch streams.
type Puller interface {
	// Pull fetches url and offers it as name to groups, until Release; a second
	// call for a name replaces the first. It does not wait for the stream. It
	// connects only to addresses that Guard.Resolve gives for the url's host.
	Pull(ctx context.Context, name, url string, groups []string, owner string) error
	Release(ctx context.Context, name string) error
}

// Deps is what the list needs of the house.
type Deps struct {
	DB   *store.DB
	Log  *slog.Logger
	Live Live   // nil: only what people have put on the list
	Pull Puller // nil: nothing can be fetched, and Config must not ask for it
}

// Service is the list.
type Service struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	guard *Guard
}

// New returns the list of the database; it starts nothing. cfg must be valid.
func New(cfg Config, d Deps) (*Service, error) {
	if d.DB == nil || d.Log == nil {
		return nil, errors.New("video: database and log are needed")
	}
	if cfg.Pull && d.Pull == nil {
		return nil, errors.New("video: pull is set, but nothing here can fetch streams")
	}
	return &Service{cfg: cfg, deps: d, log: d.Log.With("part", "video"), guard: NewGuard(cfg)}, nil
}

// Run fetches what the list says until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if s.pulls() {
		rows, err := s.read(ctx)
		if err != nil {
			return err
		}
		for _, c := range rows {
			s.follow(ctx, c)
		}
	}
	<-ctx.Done()
	return nil
}

func (s *Service) pulls() bool { return s.cfg.Pull }

// mayRead reports whether id may see c: who put it there, and who reads one of
// its groups.
func mayRead(id auth.Identity, c Connection) bool {
	return owns(id, c) || auth.Allow(id, auth.Read, auth.Data("video "+c.Alias, c.Groups)) == nil
}

func owns(id auth.Identity, c Connection) bool {
	return c.Owner != "" && c.Owner == id.User && !id.System
}

// mayChange refuses who is neither owner nor administrator.
func mayChange(id auth.Identity, c Connection) error {
	if owns(id, c) {
		return nil
	}
	return auth.Allow(id, auth.Admin, auth.Server())
}

// List returns what id may watch: what is on the air first, by name, then what is
// on the list. host is the name by which the client reached this server. A
// protocol narrows the list to connections with a feed of it; "" does not.
func (s *Service) List(ctx context.Context, id auth.Identity, host, protocol string) ([]Connection, error) {
	stored, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.live(ctx, id, host, stored)
	if err != nil {
		return nil, err
	}
	for _, c := range stored {
		if mayRead(id, c) {
			out = append(out, c)
		}
	}
	if protocol == "" {
		return out, nil
	}
	return slices.DeleteFunc(out, func(c Connection) bool {
		return !slices.ContainsFunc(c.Feeds, func(f Feed) bool { return strings.EqualFold(f.Protocol(), protocol) })
	}), nil
}

// live describes what is on the air. What is fetched for the list, stored, has the
// title that it has there.
func (s *Service) live(ctx context.Context, id auth.Identity, host string, stored []Connection) ([]Connection, error) {
	out := []Connection{}
	if s.deps.Live == nil {
		return out, nil
	}
	streams, err := s.deps.Live.Live(ctx, id, host)
	if err != nil {
		return nil, fmt.Errorf("video: ask what is on the air: %w", err)
	}
	titles := make(map[string]string)
	if s.pulls() {
		for _, c := range stored {
			titles[c.PullName()] = c.Alias
		}
	}
	slices.SortFunc(streams, func(a, b Stream) int { return cmp.Compare(a.Name, b.Name) })
	for _, st := range streams {
		if len(st.Addresses) == 0 || auth.Allow(id, auth.Read, auth.Stream(st.Name, st.Groups)) != nil {
			continue
		}
		title := cmp.Or(st.Title, titles[st.Name], st.Name)
		c := Connection{UUID: uuidOf("live", st.Name), Number: liveNumber(st.Name), Alias: title, Active: true, Groups: st.Groups, Live: true}
		for i, a := range st.Addresses {
			alias := title
			if a.Alias != "" && i > 0 {
				alias += " (" + a.Alias + ")"
			}
			c.Feeds = append(c.Feeds, Feed{UUID: uuidOf("live", st.Name, a.Alias, fmt.Sprint(i)), Alias: alias, URL: a.URL, Active: true, Reliable: a.Reliable})
		}
		out = append(out, c)
	}
	return out, nil
}

// liveNumber keeps numbers of live streams apart from those on the list.
func liveNumber(name string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return 1<<40 | int64(h.Sum32())
}

// Get returns one connection that id may watch. The error wraps ErrNotFound.
func (s *Service) Get(ctx context.Context, id auth.Identity, host, uuid string) (Connection, error) {
	c, err := find(ctx, s.deps.DB.Query(), uuid)
	if err == nil && mayRead(id, c) {
		return c, nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Connection{}, err
	}
	var live []Connection
	stored, err := s.read(ctx)
	if err == nil {
		live, err = s.live(ctx, id, host, stored)
	}
	if err != nil {
		return Connection{}, err
	}
	for _, c := range live {
		if c.UUID == uuid {
			return c, nil
		}
	}
	return Connection{}, ErrNotFound
}

func find(ctx context.Context, q bun.IDB, uuid string) (Connection, error) {
	var row connectionRow
	err := q.NewSelect().Model(&row).Where("uuid = ?", uuid).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Connection{}, ErrNotFound
	}
	if err != nil {
		return Connection{}, fmt.Errorf("video: read a connection: %w", err)
	}
	return row.connection()
}

// PullName is the name of the path under which the server offers a connection
// that it fetches.
func (c Connection) PullName() string {
	var b strings.Builder
	for _, r := range strings.ToLower(c.Alias) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := strings.Trim(b.String()[:min(b.Len(), 40)], "-")
	if name != "" {
		name += "-"
	}
	return "tak/" + name + uuidOf(c.UUID)[:18] // nobody finds another uuid with the same
}

// follow makes the server fetch a connection, or stop. What it may not fetch is
// on the list all the same: clients play it from where it is.
func (s *Service) follow(ctx context.Context, c Connection) {
	if !s.pulls() {
		return
	}
	name := c.PullName()
	i := slices.IndexFunc(c.Feeds, func(f Feed) bool {
		_, ok := pulled[f.Protocol()]
		return ok && f.Active
	})
	if c.Active && i >= 0 {
		err := s.guard.Check(c.Feeds[i].URL)
		if err == nil {
			err = s.deps.Pull.Pull(ctx, name, c.Feeds[i].URL, c.Groups, c.Owner)
		}
		if err == nil {
			return
		}
		s.log.Warn("a stream on the list is not fetched", "stream", name, "user", c.Owner, "error", err)
	}
	// Whatever was fetched for it before is not what the list says now.
	if err := s.deps.Pull.Release(ctx, name); err != nil {
		s.log.Warn("a stream could not be let go", "stream", name, "error", err)
	}
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return formatUUID(b, 4)
}
