package mission

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/cot"
	"muster/internal/auth"
)

const (
	feedQueue   = 4096            // events that wait for feeds
	feedRefresh = 2 * time.Second // how long who may receive a feed is remembered
)

// feedIndex is what feeds look up for each event of their groups.
type feedIndex struct {
	any     atomic.Bool // whether there is a feed at all
	queue   chan *cot.Event
	dropped atomic.Int64

	mu     sync.Mutex // guards what follows
	groups map[string][]*liveFeed
}

// liveFeed is a feed with what is known of it for a moment.
type liveFeed struct {
	Feed
	mission, creator string
	area             polygon

	// Used by the goroutine that feeds only.
	checked time.Time
	to      []client
}

func (r feedRow) public() Feed {
	f := r.Data.V
	f.FilterCotTypes = full(f.FilterCotTypes)
	return f
}

// loadFeeds reads all feeds of missions that exist.
func (s *Service) loadFeeds(ctx context.Context) error {
	var rows []feedRow
	err := s.db.Query().NewSelect().Model(&rows).Where("mission IN (SELECT guid FROM missions WHERE deleted = 0)").Scan(ctx)
	if err != nil {
		return err
	}
	groups := make(map[string][]*liveFeed)
	for _, r := range rows {
		f := &liveFeed{Feed: r.public(), mission: r.Mission, creator: r.Creator}
		if f.area, err = parsePolygon(f.FilterPolygon); err != nil {
			s.log.Warn("a feed has an area that cannot be read; it delivers nothing", "mission", r.Mission, "feed", r.UID)
			continue
		}
		groups[f.DataFeedUID] = append(groups[f.DataFeedUID], f)
	}
	s.feeds.mu.Lock()
	defer s.feeds.mu.Unlock()
	s.feeds.groups = groups
	s.feeds.any.Store(len(groups) > 0)
	return nil
}

// drop forgets the feeds of a mission.
func (x *feedIndex) drop(guid string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for g, all := range x.groups {
		if all = slices.DeleteFunc(slices.Clone(all), func(f *liveFeed) bool { return f.mission == guid }); len(all) > 0 {
			x.groups[g] = all
		} else {
			delete(x.groups, g)
		}
	}
	x.any.Store(len(x.groups) > 0)
}

// AddFeed lets the events of a group into a mission. Who adds it must read the
// group and may publish to it; the feed delivers only while that is so.
func (s *Service) AddFeed(ctx context.Context, c Caller, ref Ref, f Feed) (Feed, error) {
	group := auth.Data("group "+f.DataFeedUID, []string{f.DataFeedUID})
	switch {
	case s.rights == nil:
		return f, refuse(ErrInvalid, "This server has no data feeds.")
	case f.DataFeedUID == "":
		return f, refuse(ErrInvalid, "Name the data feed.")
	case auth.Allow(c.Identity, auth.Read, group) != nil || auth.Allow(c.Identity, auth.Publish, group) != nil:
		return f, refuse(ErrNotFound, "Not Found: a data feed is named by a group that you read and may write to.")
	}
	if _, err := parsePolygon(f.FilterPolygon); err != nil {
		return f, refuse(ErrInvalid, "The area of the feed is not a WKT polygon.")
	}
	f.FilterCotTypes = words(f.FilterCotTypes)
	if err := checkText(append(slices.Clone(f.FilterCotTypes), f.DataFeedUID, f.FilterPolygon, f.FilterCallsign)...); err != nil {
		return f, err
	}
	f.UID, f.Name, f.CreatorUID = newID(), f.DataFeedUID, c.UID
	_, err := s.change(ctx, c, ref, ManageFeeds, func(e *edit) error {
		if err := e.few((*feedRow)(nil)); err != nil {
			return err
		}
		row := feedRow{Mission: e.m.GUID, UID: f.UID, Data: doc[Feed]{f}, CreatorUID: c.UID, Creator: c.Identity.User, Time: e.now}
		if _, err := e.tx.NewInsert().Model(&row).Exec(e.ctx); err != nil {
			return fmt.Errorf("mission: write a feed: %w", err)
		}
		e.add(CreateDataFeed, "feed:"+f.UID, changeContent{Feed: &f})
		return nil
	}, func(e *edit) { s.tellChanges(e) })
	if err != nil {
		return f, err
	}
	return f, s.loadFeeds(ctx)
}

// RemoveFeed takes a feed out of a mission; uid is its own or that of its source.
func (s *Service) RemoveFeed(ctx context.Context, c Caller, ref Ref, uid string) error {
	_, err := s.change(ctx, c, ref, ManageFeeds, func(e *edit) error {
		var rows []feedRow
		if err := e.tx.NewSelect().Model(&rows).Where("mission = ?", e.m.GUID).Scan(e.ctx); err != nil {
			return fmt.Errorf("mission: read feeds: %w", err)
		}
		found := false
		for _, r := range rows {
			if r.UID != uid && r.Data.V.DataFeedUID != uid {
				continue
			}
			found = true
			if _, err := e.clear((*feedRow)(nil), "uid", r.UID); err != nil {
				return err
			}
			f := r.public()
			e.add(DeleteDataFeed, "feed:"+r.UID, changeContent{Feed: &f})
		}
		if !found {
			return errNoContent
		}
		return nil
	}, func(e *edit) { s.tellChanges(e) })
	if err != nil {
		return err
	}
	return s.loadFeeds(ctx)
}

// Observe is shown every event that is routed, so that feeds can pass it on. It
// does not block: what feeds cannot keep up with is dropped and counted.
func (s *Service) Observe(e *cot.Event) {
	if !s.feeds.any.Load() || len(e.Dests) > 0 || len(e.Groups) == 0 {
		return
	}
	select {
	case s.feeds.queue <- e:
	default:
		s.feeds.dropped.Add(1)
	}
}

// feed passes events on until ctx ends.
func (s *Service) feed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.feeds.queue:
			s.pass(ctx, e)
		}
	}
}

func (s *Service) pass(ctx context.Context, e *cot.Event) {
	s.feeds.mu.Lock()
	var fs []*liveFeed
	for _, g := range e.Groups {
		fs = append(fs, s.feeds.groups[g]...)
	}
	s.feeds.mu.Unlock()
	var to []string
	for _, f := range fs {
		if !f.lets(e) {
			continue
		}
		if time.Since(f.checked) > feedRefresh {
			s.refresh(ctx, f)
		}
		for _, c := range f.to {
			if !intersects(c.Reads, e.Groups) && !slices.Contains(to, c.UID) {
				to = append(to, c.UID)
			}
		}
	}
	if len(to) > 0 {
		s.n.fed.Add(1)
		s.router.Deliver(e, to)
	}
}

// lets reports whether an event passes the filter.
func (f *liveFeed) lets(e *cot.Event) bool {
	if len(f.FilterCotTypes) > 0 && !slices.ContainsFunc(f.FilterCotTypes, func(t string) bool { return strings.HasPrefix(e.Type, t) }) {
		return false
	}
	return strings.Contains(e.Contact.Callsign, f.FilterCallsign) && f.area.contains(e.Point.Lat, e.Point.Lon)
}

// refresh finds who receives a feed now. Whatever goes wrong, it is nobody.
func (s *Service) refresh(ctx context.Context, f *liveFeed) {
	f.checked, f.to = time.Now(), nil
	id, err := s.rights(ctx, f.creator)
	group := auth.Data("group "+f.DataFeedUID, []string{f.DataFeedUID})
	if err != nil || auth.Allow(id, auth.Read, group) != nil || auth.Allow(id, auth.Publish, group) != nil {
		return
	}
	m, err := byGUID(ctx, s.db.Query(), f.mission)
	if err != nil || m.Deleted != 0 || auth.Allow(id, auth.Publish, m.resource()) != nil {
		return
	}
	var subs []subRow
	if err := s.db.Query().NewSelect().Model(&subs).Where("mission = ? AND live", f.mission).Scan(ctx); err != nil {
		s.log.Error("subscribers of a feed could not be read", "mission", f.mission, "error", err)
		return
	}
	online := s.online()
	for _, sub := range subs {
		if c, ok := online.find(sub); ok && c.reads(m) {
			f.to = append(f.to, c)
		}
	}
}

func intersects(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}
