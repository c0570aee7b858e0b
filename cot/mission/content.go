package mission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"muster/cot/files"
	"muster/cot/wire"
	"muster/internal/auth"
)

// Addition is what is put into a mission.
type Addition struct {
	Hashes []string
	UIDs   []string
	// Paths files uids and hashes in layers, by the layer's uid. What is not in
	// the mission yet is added.
	Paths map[string][]Filing
	After string // uid or hash behind which they go in their layer
}

// Filing is what goes into a layer, after what.
type Filing struct {
	UIDs   []string `json:"uids"`
	Hashes []string `json:"hashes"`
	After  string   `json:"after"`
}

const maxAddition = 5000 // uids and hashes of one request

func (a Addition) check() error {
	n := 0
	lists := []Filing{{UIDs: a.UIDs, Hashes: a.Hashes, After: a.After}}
	for layer, fs := range a.Paths {
		if err := checkUID(layer); err != nil {
			return err
		}
		lists = append(lists, fs...)
	}
	for _, f := range lists {
		n += len(f.UIDs) + len(f.Hashes)
		for _, uid := range f.UIDs {
			if err := checkUID(uid); err != nil {
				return err
			}
		}
		for _, h := range f.Hashes {
			if !hashForm.MatchString(h) {
				return refuse(ErrInvalid, "A hash is not a SHA-256 in lower-case hex digits.")
			}
		}
		if err := checkText(f.After); err != nil {
			return err
		}
	}
	if n > maxAddition {
		return refuse(ErrInvalid, "That is too much at once.")
	}
	return nil
}

// all returns every uid and hash of a, once.
func (a Addition) all() (uids, hashes []string) {
	uids, hashes = slices.Clone(a.UIDs), slices.Clone(a.Hashes)
	for _, fs := range a.Paths {
		for _, f := range fs {
			uids, hashes = append(uids, f.UIDs...), append(hashes, f.Hashes...)
		}
	}
	slices.Sort(uids)
	slices.Sort(hashes)
	return slices.Compact(uids), slices.Compact(hashes)
}

// AddContents puts files and uids into a mission, with the newest event of each uid that
// c may read; what is there already is renewed. The error wraps ErrNotFound for a
// file that c may not read.
func (s *Service) AddContents(ctx context.Context, c Caller, ref Ref, a Addition) (Mission, error) {
	if err := a.check(); err != nil {
		return Mission{}, err
	}
	// The right is asked for before anything is looked up, and again in the
	// transaction.
	if _, _, err := s.may(ctx, s.db.Query(), c, ref, Write); err != nil {
		return Mission{}, err
	}
	uids, hashes := a.all()
	known, err := s.known(ctx, c.Identity, uids)
	if err != nil {
		return Mission{}, err
	}
	have := make(map[string]File, len(hashes))
	for _, h := range hashes {
		f, err := s.files.Lookup(ctx, c.Identity, h)
		if errors.Is(err, files.ErrNotFound) || errors.Is(err, auth.ErrDenied) {
			return Mission{}, refuse(ErrNotFound, "Not Found: there is no file with this hash.")
		}
		if err != nil {
			return Mission{}, fmt.Errorf("mission: look up a file: %w", err)
		}
		have[h] = fileOf(f)
	}
	return s.change(ctx, c, ref, Write, func(e *edit) error { return s.add(e, a, known, have) },
		func(e *edit) { s.tellChanges(e) })
}

// fileOf returns what Marti tells of a file.
func fileOf(f files.File) File {
	exp := int64(-1)
	if !f.Expires.IsZero() {
		exp = f.Expires.Unix()
	}
	return File{Filename: f.Filename, Keywords: full(f.Keywords), MIME: f.MIME, Name: f.Name, Submitted: Time(f.Submitted.UnixMilli()),
		Submitter: f.Submitter, UID: f.UID, CreatorUID: f.CreatorUID, Hash: f.Hash, Size: f.Size, Expiration: exp, Tool: f.Tool}
}

func (s *Service) add(e *edit, a Addition, known map[string]*wire.Event, have map[string]File) error {
	uids, hashes := a.all()
	for _, uid := range uids {
		if err := s.addUID(e, uid, known[uid]); err != nil {
			return err
		}
	}
	for _, h := range hashes {
		if err := s.addFile(e, have[h]); err != nil {
			return err
		}
	}
	for layer, fs := range a.Paths {
		if err := e.needLayer(layer); err != nil {
			return err
		}
		for _, f := range fs {
			if err := e.place(layer, f.After, slices.Concat(f.UIDs, f.Hashes)); err != nil {
				return err
			}
		}
	}
	if a.After != "" {
		return e.place("", a.After, slices.Concat(a.UIDs, a.Hashes))
	}
	return nil
}

// addUID puts a uid into the mission; ev is its newest event, or nil.
func (s *Service) addUID(e *edit, uid string, ev *wire.Event) error {
	var row itemRow
	err := e.tx.NewSelect().Model(&row).Where("mission = ? AND uid = ?", e.m.GUID, uid).Limit(1).Scan(e.ctx)
	fresh := errors.Is(err, sql.ErrNoRows)
	if err != nil && !fresh {
		return fmt.Errorf("mission: read an item: %w", err)
	}
	if fresh {
		if err := s.room(e, (*itemRow)(nil)); err != nil {
			return err
		}
		row = itemRow{Mission: e.m.GUID, UID: uid, CreatorUID: e.c.UID, Keywords: doc[[]string]{[]string{}}, Position: e.now}
	}
	row.Time = e.now
	if ev != nil {
		row.Details.V = detailsOf(ev)
		if err := e.storeEvent(uid, ev); err != nil {
			return err
		}
	}
	_, err = e.tx.NewInsert().Model(&row).On("CONFLICT (mission, uid) DO UPDATE").
		Set("time = EXCLUDED.time").Set("details = EXCLUDED.details").Exec(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: write an item: %w", err)
	}
	e.add(AddContent, "uid:"+uid, changeContent{UID: uid, Details: row.Details.V})
	return nil
}

// storeEvent keeps ev as the newest event of its uid in the mission.
func (e *edit) storeEvent(uid string, ev *wire.Event) error {
	row := eventRow{Mission: e.m.GUID, UID: uid, XML: string(ev.AppendXML(nil)), Received: e.now}
	_, err := e.tx.NewInsert().Model(&row).On("CONFLICT (mission, uid) DO UPDATE").
		Set("xml = EXCLUDED.xml").Set("received = EXCLUDED.received").Exec(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: write an event: %w", err)
	}
	return nil
}

func (s *Service) addFile(e *edit, f File) error {
	n, err := e.tx.NewSelect().Model((*contentRow)(nil)).Where("mission = ? AND hash = ?", e.m.GUID, f.Hash).Count(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: read a content: %w", err)
	}
	if n == 0 {
		if err := s.room(e, (*contentRow)(nil)); err != nil {
			return err
		}
	}
	row := contentRow{Mission: e.m.GUID, Hash: f.Hash, File: doc[File]{f}, CreatorUID: e.c.UID, Time: e.now,
		Keywords: doc[[]string]{full(f.Keywords)}, Position: e.now}
	_, err = e.tx.NewInsert().Model(&row).On("CONFLICT (mission, hash) DO UPDATE").
		Set("time = EXCLUDED.time").Set("file = EXCLUDED.file").Exec(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: write a content: %w", err)
	}
	e.add(AddContent, "hash:"+f.Hash, changeContent{File: &f})
	return nil
}

// room refuses what would not fit into the mission any more.
func (s *Service) room(e *edit, table any) error {
	n, err := e.tx.NewSelect().Model(table).Where("mission = ?", e.m.GUID).Count(e.ctx)
	if err != nil {
		return fmt.Errorf("mission: count contents: %w", err)
	}
	if int(n) >= s.cfg.MaxItems {
		return refuse(ErrInvalid, "The mission is full.")
	}
	return nil
}

// RemoveContents takes a file or a uid out of a mission; one of hash and uid is given.
func (s *Service) RemoveContents(ctx context.Context, c Caller, ref Ref, hash, uid string) (Mission, error) {
	switch {
	case hash == "" && uid == "":
		return Mission{}, refuse(ErrInvalid, "Name the hash or the uid that is to be removed.")
	case hash != "" && !hashForm.MatchString(hash):
		return Mission{}, refuse(ErrInvalid, "A hash is not a SHA-256 in lower-case hex digits.")
	}
	return s.change(ctx, c, ref, Write, func(e *edit) error {
		if hash != "" {
			if err := e.removeFile(hash); err != nil {
				return err
			}
		}
		if uid != "" {
			return e.removeUID(uid)
		}
		return nil
	}, func(e *edit) { s.tellChanges(e) })
}

var errNoContent = refuse(ErrNotFound, "Not Found: this is not in the mission.")

func (e *edit) removeFile(hash string) error {
	var row contentRow
	err := e.tx.NewSelect().Model(&row).Where("mission = ? AND hash = ?", e.m.GUID, hash).Limit(1).Scan(e.ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoContent
	}
	if err != nil {
		return fmt.Errorf("mission: read a content: %w", err)
	}
	if _, err := e.clear((*contentRow)(nil), "hash", hash); err != nil {
		return err
	}
	f := row.public().File
	e.add(RemoveContent, "hash:"+hash, changeContent{File: &f})
	return nil
}

func (e *edit) removeUID(uid string) error {
	var row itemRow
	err := e.tx.NewSelect().Model(&row).Where("mission = ? AND uid = ?", e.m.GUID, uid).Limit(1).Scan(e.ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoContent
	}
	if err != nil {
		return fmt.Errorf("mission: read an item: %w", err)
	}
	_, err1 := e.clear((*itemRow)(nil), "uid", uid)
	_, err2 := e.clear((*eventRow)(nil), "uid", uid)
	e.add(RemoveContent, "uid:"+uid, changeContent{UID: uid, Details: row.Details.V})
	return errors.Join(err1, err2)
}

// SetItemKeywords replaces the keywords of a uid.
func (s *Service) SetItemKeywords(ctx context.Context, c Caller, ref Ref, uid string, keywords []string) (Mission, error) {
	return s.setKeywords(ctx, c, ref, (*itemRow)(nil), "uid", uid, keywords,
		func(e *edit) { s.tellKeywords(e, eventItemKeywords, uid, "") })
}

// SetContentKeywords replaces the keywords of a file.
func (s *Service) SetContentKeywords(ctx context.Context, c Caller, ref Ref, hash string, keywords []string) (Mission, error) {
	if !hashForm.MatchString(hash) {
		return Mission{}, refuse(ErrInvalid, "A hash is not a SHA-256 in lower-case hex digits.")
	}
	return s.setKeywords(ctx, c, ref, (*contentRow)(nil), "hash", hash, keywords,
		func(e *edit) { s.tellKeywords(e, eventContentKeywords, "", hash) })
}

func (s *Service) setKeywords(ctx context.Context, c Caller, ref Ref, table any, column, value string, keywords []string, tell func(e *edit)) (Mission, error) {
	if err := checkWords(keywords); err != nil {
		return Mission{}, err
	}
	return s.change(ctx, c, ref, Write, func(e *edit) error {
		res, err := e.tx.NewUpdate().Model(table).Set("keywords = ?", doc[[]string]{words(keywords)}).
			Where("mission = ? AND ? = ?", e.m.GUID, bun.Ident(column), value).Exec(e.ctx)
		if err != nil {
			return fmt.Errorf("mission: write keywords: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errNoContent)
		}
		return nil
	}, tell)
}
