package mission

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

const maxLog = 64 << 10 // bytes of a note

// AddLog adds a note to the missions it names, in all of which c must be allowed
// to write. Refs name them; MissionNames of l are ignored.
func (s *Service) AddLog(ctx context.Context, c Caller, refs []Ref, l LogEntry) (LogEntry, error) {
	l.ID = newID()
	return s.putLog(ctx, c, refs, l, false)
}

// UpdateLog replaces a note that c may write in all missions of, old and new. No
// refs leave it where it is.
func (s *Service) UpdateLog(ctx context.Context, c Caller, refs []Ref, l LogEntry) (LogEntry, error) {
	return s.putLog(ctx, c, refs, l, true)
}

func (l LogEntry) check() error {
	if len(l.Content) > maxLog {
		return refuse(ErrInvalid, "The log entry is too long.")
	}
	for _, h := range l.ContentHashes {
		if !hashForm.MatchString(h) {
			return refuse(ErrInvalid, "A hash is not a SHA-256 in lower-case hex digits.")
		}
	}
	if len(l.ContentHashes) > maxWords {
		return refuse(ErrInvalid, "The log entry names too many files.")
	}
	return errors.Join(checkText(l.CreatorUID, l.EntryUID), checkWords(l.Keywords), checkChars(l.Content))
}

func (s *Service) putLog(ctx context.Context, c Caller, refs []Ref, l LogEntry, old bool) (LogEntry, error) {
	if err := l.check(); err != nil {
		return l, err
	}
	if len(refs) > maxWords || len(refs) == 0 && !old {
		return l, refuse(ErrInvalid, "Name the missions that the log entry belongs to.")
	}
	if l.CreatorUID == "" {
		l.CreatorUID = c.UID
	}
	if l.CreatorUID == "" {
		l.CreatorUID = c.Identity.User
	}
	var told []*edit
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		told = nil
		missions, err := s.logMissions(ctx, tx, c, refs, l.ID, old)
		if err != nil {
			return err
		}
		now := s.time()
		row := logRow{ID: l.ID, Content: l.Content, CreatorUID: l.CreatorUID, EntryUID: l.EntryUID, DTG: int64(l.DTG), Created: now,
			ServerTime: now, Hashes: doc[[]string]{full(l.ContentHashes)}, Keywords: doc[[]string]{words(l.Keywords)}}
		if row.DTG == 0 {
			row.DTG = now
		}
		if err := writeLog(ctx, tx, &row, missions, old); err != nil {
			return err
		}
		l = row.public(missions)
		for _, m := range missions {
			e := &edit{ctx: ctx, tx: tx, c: Caller{Identity: c.Identity, UID: l.CreatorUID}, m: m, now: now}
			if err := s.finish(e); err != nil {
				return err
			}
			told = append(told, e)
		}
		return nil
	})
	if err != nil {
		return l, err
	}
	for _, e := range told {
		s.told(e, func(e *edit) { s.tellSubscribers(e, eventLog) })
	}
	return l, nil
}

// logMissions returns the missions a note goes to, if c may write in them and in
// those it was in.
func (s *Service) logMissions(ctx context.Context, tx bun.Tx, c Caller, refs []Ref, id string, old bool) ([]missionRow, error) {
	var before []missionRow
	if old {
		var err error
		if before, err = refsOf(ctx, tx, id); err != nil {
			return nil, err
		}
		for _, m := range before {
			if _, _, err := s.may(ctx, tx, c, Ref{GUID: m.GUID}, Write); err != nil {
				return nil, err
			}
		}
		if len(refs) == 0 {
			return before, nil
		}
	}
	var out []missionRow
	for _, ref := range refs {
		m, _, err := s.may(ctx, tx, c, ref, Write)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o missionRow) bool { return o.GUID == m.GUID }) {
			out = append(out, m)
		}
	}
	return out, nil
}

// refsOf returns the missions a note belongs to; ErrNotFound if there is none
// that exists.
func refsOf(ctx context.Context, q bun.IDB, id string) ([]missionRow, error) {
	var rows []missionRow
	err := q.NewSelect().Model(&rows).Where("deleted = 0 AND guid IN (SELECT mission FROM mission_log_refs WHERE log = ?)", id).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("mission: read a log entry: %w", err)
	}
	if len(rows) == 0 {
		return nil, errNoLog
	}
	return rows, nil
}

var errNoLog = refuse(ErrNotFound, "Not Found: there is no such log entry.")

func writeLog(ctx context.Context, tx bun.Tx, row *logRow, missions []missionRow, old bool) error {
	var err error
	if old {
		var was logRow
		err := tx.NewSelect().Model(&was).Where("id = ?", row.ID).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoLog
		}
		if err != nil {
			return fmt.Errorf("mission: read a log entry: %w", err)
		}
		row.Created = was.Created
		_, err1 := tx.NewUpdate().Model(row).WherePK().Exec(ctx)
		_, err2 := tx.NewDelete().Model((*logRefRow)(nil)).Where("log = ?", row.ID).Exec(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("mission: write a log entry: %w", err)
		}
	} else {
		_, err = tx.NewInsert().Model(row).Exec(ctx)
	}
	for _, m := range missions {
		if err == nil {
			_, err = tx.NewInsert().Model(&logRefRow{Log: row.ID, Mission: m.GUID}).Exec(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("mission: write a log entry: %w", err)
	}
	return nil
}

func (r logRow) public(missions []missionRow) LogEntry {
	l := LogEntry{ID: r.ID, Content: r.Content, CreatorUID: r.CreatorUID, EntryUID: r.EntryUID, MissionNames: []string{},
		ServerTime: Time(r.ServerTime), DTG: Time(r.DTG), Created: Time(r.Created), ContentHashes: full(r.Hashes.V), Keywords: full(r.Keywords.V)}
	for _, m := range missions {
		l.MissionNames = append(l.MissionNames, m.Name)
		l.guids = append(l.guids, m.GUID)
	}
	return l
}

// Log returns one note, of a mission that c may read.
func (s *Service) Log(ctx context.Context, c Caller, id string) (LogEntry, error) {
	q := s.db.Query()
	missions, err := refsOf(ctx, q, id)
	if err != nil {
		return LogEntry{}, err
	}
	missions, err = s.onlyReadable(ctx, q, c, missions)
	if err != nil {
		return LogEntry{}, err
	}
	if len(missions) == 0 {
		return LogEntry{}, errNoLog
	}
	var row logRow
	if err := q.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return LogEntry{}, fmt.Errorf("mission: read a log entry: %w", err)
	}
	return row.public(missions), nil
}

func (s *Service) onlyReadable(ctx context.Context, q bun.IDB, c Caller, missions []missionRow) ([]missionRow, error) {
	var out []missionRow
	for _, m := range missions {
		if auth.Allow(c.Identity, auth.Read, m.resource()) != nil {
			continue
		}
		r, err := s.role(ctx, q, c, m)
		if err != nil {
			return nil, err
		}
		if r.Has(Read) {
			out = append(out, m)
		}
	}
	return out, nil
}

// RemoveLog deletes a note; c must be allowed to write in all its missions.
func (s *Service) RemoveLog(ctx context.Context, c Caller, id string) error {
	var told []*edit
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		told = nil
		missions, err := s.logMissions(ctx, tx, c, nil, id, true)
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*logRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("mission: remove a log entry: %w", err)
		}
		for _, m := range missions {
			e := &edit{ctx: ctx, tx: tx, c: c, m: m, now: s.time()}
			if err := s.finish(e); err != nil {
				return err
			}
			told = append(told, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range told {
		s.told(e, func(e *edit) { s.tellSubscribers(e, eventLog) })
	}
	return nil
}

// Logs returns the notes of a mission, newest first.
func (s *Service) Logs(ctx context.Context, c Caller, ref Ref, span Span) ([]LogEntry, error) {
	q := s.db.Query()
	m, _, err := s.may(ctx, q, c, ref, Read)
	if err != nil {
		return nil, err
	}
	return logsOf(ctx, q, []missionRow{m}, span)
}

// AllLogs returns the notes of all missions that c may read, newest first.
func (s *Service) AllLogs(ctx context.Context, c Caller, span Span) ([]LogEntry, error) {
	rows, err := s.readable(ctx, c)
	if err != nil {
		return nil, err
	}
	all := make([]missionRow, 0, len(rows))
	for _, m := range rows {
		all = append(all, m)
	}
	return logsOf(ctx, s.db.Query(), all, span)
}

func logsOf(ctx context.Context, q bun.IDB, missions []missionRow, span Span) ([]LogEntry, error) {
	byGUID := make(map[string]missionRow, len(missions))
	for _, m := range missions {
		byGUID[m.GUID] = m
	}
	var refs []logRefRow
	sel := q.NewSelect().Model(&refs)
	if len(missions) == 1 {
		sel.Where("mission = ?", missions[0].GUID)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, fmt.Errorf("mission: read log entries: %w", err)
	}
	in := make(map[string][]missionRow)
	for _, r := range refs {
		if m, ok := byGUID[r.Mission]; ok {
			in[r.Log] = append(in[r.Log], m)
		}
	}
	out := []LogEntry{}
	ids := make([]string, 0, len(in))
	for id := range in {
		ids = append(ids, id)
	}
	for part := range slices.Chunk(ids, chunk) {
		var rows []logRow
		sel := q.NewSelect().Model(&rows).Where("id IN (?)", bun.List(part))
		if span.From != 0 {
			sel.Where("server_time >= ?", span.From)
		}
		if span.To != 0 {
			sel.Where("server_time <= ?", span.To)
		}
		if err := sel.Scan(ctx); err != nil {
			return nil, fmt.Errorf("mission: read log entries: %w", err)
		}
		for _, r := range rows {
			out = append(out, r.public(in[r.ID]))
		}
	}
	slices.SortFunc(out, func(a, b LogEntry) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}
