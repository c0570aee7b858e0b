package mission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"muster/cot/files"
	"muster/cot/pack"
	"muster/cot/wire"
)

const (
	maxImport      = 64 << 20 // bytes of a package, and of what is in it
	maxImportEvent = 8 << 20
	maxImportItems = 2000
)

// imported is a package that was read.
type imported struct {
	events []*wire.Event
	metas  []files.Meta
	bodies [][]byte
}

// AddPackage puts the contents of a mission package into a mission. Events that
// are older than those the mission has are left out; they are returned as
// conflicts, and the error wraps ErrConflict then.
func (s *Service) AddPackage(ctx context.Context, c Caller, ref Ref, zip []byte) ([]Change, error) {
	m, _, err := s.may(ctx, s.db.Query(), c, ref, Write)
	if err != nil {
		return nil, err
	}
	in, err := readPackage(zip)
	if err != nil {
		return nil, err
	}
	var stored []File
	for i, meta := range in.metas {
		meta.CreatorUID, meta.Groups, meta.Tool = c.UID, writable(c.Identity, m.Groups.V), files.Private
		f, err := s.files.Put(ctx, c.Identity, meta, bytes.NewReader(in.bodies[i]))
		if err != nil {
			return nil, fmt.Errorf("mission: store a file of a package: %w", err)
		}
		stored = append(stored, fileOf(f))
	}
	var conflicts []Change
	_, err = s.change(ctx, c, Ref{GUID: m.GUID}, Write, func(e *edit) error {
		conflicts = []Change{}
		for _, ev := range in.events {
			newer, err := e.newer(ev)
			if err != nil {
				return err
			}
			if newer != nil {
				conflicts = append(conflicts, *newer)
				continue
			}
			if err := s.addUID(e, ev.UID, ev); err != nil {
				return err
			}
		}
		for _, f := range stored {
			if err := s.addFile(e, f); err != nil {
				return err
			}
		}
		return nil
	}, func(e *edit) { s.tellChanges(e) })
	if err == nil && len(conflicts) > 0 {
		err = refuse(ErrConflict, "The mission has newer versions of some of the contents.")
	}
	return conflicts, err
}

// newer returns the event of the mission that is newer than ev, as a change.
func (e *edit) newer(ev *wire.Event) (*Change, error) {
	var rows []eventRow
	if err := e.tx.NewSelect().Model(&rows).Where("mission = ? AND uid = ?", e.m.GUID, ev.UID).Scan(e.ctx); err != nil {
		return nil, fmt.Errorf("mission: read an event: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	have, err := wire.ParseXML([]byte(rows[0].XML), eventLimits)
	if err != nil {
		return nil, fmt.Errorf("mission: read an event: %w", err)
	}
	if have.Time <= ev.Time {
		return nil, nil
	}
	row := changeRow{Type: AddContent, Time: rows[0].Received, Content: doc[changeContent]{changeContent{UID: ev.UID, Details: detailsOf(have)}}}
	c := row.public(e.m)
	return &c, nil
}

// readPackage reads a mission package in memory.
func readPackage(zip []byte) (imported, error) {
	var in imported
	bad := refuse(ErrInvalid, "This is not a usable mission package.")
	a, err := pack.Open(bytes.NewReader(zip), int64(len(zip)), pack.Limits{Entries: maxImportItems, Entry: maxImport, Total: 2 * maxImport, Ratio: 200})
	if err != nil {
		return in, bad
	}
	man, err := a.Manifest()
	if err != nil {
		return in, bad
	}
	for _, entry := range man.Contents {
		if entry.Ignore {
			continue
		}
		if strings.EqualFold(entry.Param("isCoT"), "true") || strings.HasSuffix(strings.ToLower(entry.Path), ".cot") {
			ev, err := readEvent(a, entry.Path)
			if err != nil {
				return in, bad
			}
			in.events = append(in.events, ev)
			continue
		}
		b, err := a.Read(entry.Path, maxImport)
		if errors.Is(err, pack.ErrNoEntry) {
			continue // listed, but not there: nothing to add
		}
		if err != nil {
			return in, bad
		}
		name := entry.Param("name")
		if name == "" {
			name = pack.FileName(entry.Path)
		}
		in.metas = append(in.metas, files.Meta{UID: entry.Param("uid"), Name: name, Filename: pack.FileName(entry.Path), MIME: entry.Param("contentType")})
		in.bodies = append(in.bodies, b)
	}
	return in, nil
}

func readEvent(a *pack.Archive, path string) (*wire.Event, error) {
	b, err := a.Read(path, maxImportEvent)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	if bytes.HasPrefix(b, []byte("<?xml")) {
		end := bytes.Index(b, []byte("?>"))
		if end < 0 {
			return nil, pack.ErrArchive
		}
		b = bytes.TrimSpace(b[end+2:])
	}
	ev, err := wire.ParseXML(b, wire.Limits{Event: maxImportEvent, Depth: 64, Attrs: 128})
	if err != nil {
		return nil, err
	}
	return ev, checkUID(ev.UID)
}
