package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/pack"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
)

// IconSet is a set of icons that markers name by <uid>/<group>/<name>.
type IconSet struct {
	UID       string    `json:"uid"`
	Name      string    `json:"name"`
	Submitter string    `json:"submitter"`
	Size      int64     `json:"size"`
	Icons     int       `json:"icons"`
	Uploaded  time.Time `json:"uploaded"`
}

// IconRef names an icon of a set. Type is the CoT type it stands for, or "".
type IconRef struct{ UID, Group, Name, Type string }

// Icons keeps icon sets. Everybody who may publish adds some; who submitted one,
// or an administrator, replaces or removes it. Everybody reads them, as markers of
// any group may use them.
type Icons struct{ *keeper }

type (
	iconSetRow struct {
		bun.BaseModel `bun:"table:icon_sets"`

		UID       string `bun:"uid,pk"`
		Name      string `bun:"name"`
		Hash      string `bun:"hash"`
		Size      int64  `bun:"size"`
		Submitter string `bun:"submitter"`
		Uploaded  int64  `bun:"uploaded"`
	}

	iconRow struct {
		bun.BaseModel `bun:"table:icons"`

		SetUID  string `bun:"set_uid,pk"`
		Group   string `bun:"group_name,pk"`
		Name    string `bun:"name,pk"`
		Entry   string `bun:"entry"` // of the archive
		CotType string `bun:"cot_type"`
	}
)

const (
	maxIconSet  = 64 << 20 // bytes of an archive
	maxIconSets = 500
	maxIconXML  = 4 << 20
)

func iconLimits() pack.Limits {
	return pack.Limits{Entries: 10_000, Entry: maxIconXML, Total: 256 << 20, Ratio: 200}
}

// pictures are the forms of icons that are shown, none of which can hold a script.
var pictures = map[string]bool{".png": true, ".jpg": true, ".jpeg": true, ".gif": true, ".bmp": true, ".webp": true}

// Put stores a set: a zip with iconset.xml and the pictures, in a folder per
// group.
func (s *Icons) Put(ctx context.Context, id auth.Identity, r io.Reader) (IconSet, error) {
	if err := auth.Allow(id, auth.Publish, auth.Data("icon sets", nil)); err != nil {
		return IconSet{}, fmt.Errorf("files: %w", err)
	}
	var set iconSetRow
	var icons []iconRow
	replaced := ""
	check := func(b store.Blob) (err error) {
		set, icons, err = s.readSet(b)
		set.Submitter, set.Uploaded = id.User, time.Now().UnixMilli()
		return err
	}
	err := s.keep(ctx, r, min(s.MaxSize(), maxIconSet), check, func(ctx context.Context, tx bun.Tx, _ store.Blob) (err error) {
		replaced, err = replaceSet(ctx, tx, id, set, icons)
		return err
	})
	if err != nil {
		return IconSet{}, fmt.Errorf("files: put icons: %w", err)
	}
	if replaced != "" {
		s.collect(ctx, replaced)
	}
	s.adminFact(Changed{What: "icons", Change: "changed", Hash: set.Hash, Name: set.Name})
	return set.set(len(icons)), nil
}

func (r iconSetRow) set(icons int) IconSet {
	return IconSet{UID: r.UID, Name: r.Name, Submitter: r.Submitter, Size: r.Size, Icons: icons, Uploaded: fromMillis(r.Uploaded)}
}

// readSet finds the icons in a stored archive.
func (s *Icons) readSet(b store.Blob) (iconSetRow, []iconRow, error) {
	f, size, err := s.Open(b.Hash)
	if err != nil {
		return iconSetRow{}, nil, err
	}
	defer f.Close()
	a, err := pack.Open(f, size, iconLimits())
	if err != nil {
		return iconSetRow{}, nil, fmt.Errorf("%w icon set: %w", ErrInvalid, err)
	}
	xml := ""
	for _, n := range a.Names() {
		if strings.EqualFold(path.Base(n), "iconset.xml") && (xml == "" || strings.Count(n, "/") < strings.Count(xml, "/")) {
			xml = n
		}
	}
	text, err := a.Read(xml, maxIconXML)
	if err != nil {
		return iconSetRow{}, nil, fmt.Errorf("%w icon set: iconset.xml: %w", ErrInvalid, err)
	}
	row, types, err := parseIconSet(text)
	if err != nil {
		return iconSetRow{}, nil, err
	}
	row.Hash, row.Size = b.Hash, b.Size
	dir := strings.TrimSuffix(xml, path.Base(xml))
	var icons []iconRow
	for _, n := range a.Names() {
		group, name, ok := strings.Cut(strings.TrimPrefix(n, dir), "/")
		if !ok || !strings.HasPrefix(n, dir) || strings.Contains(name, "/") || !pictures[strings.ToLower(path.Ext(name))] {
			continue
		}
		icons = append(icons, iconRow{SetUID: row.UID, Group: group, Name: name, Entry: n, CotType: types[name]})
	}
	if len(icons) == 0 {
		return iconSetRow{}, nil, fmt.Errorf("%w icon set: it has no icons in folders", ErrInvalid)
	}
	return row, icons, nil
}

// parseIconSet reads iconset.xml: the set, and the CoT types of icons by name.
func parseIconSet(b []byte) (iconSetRow, map[string]string, error) {
	el, err := wire.ParseElement(b, wire.Limits{Event: maxIconXML, Depth: 8, Attrs: 32})
	if err != nil {
		return iconSetRow{}, nil, fmt.Errorf("%w icon set: %w", ErrInvalid, err)
	}
	row := iconSetRow{UID: el.Attr("uid"), Name: el.Attr("name")}
	bad := strings.ContainsFunc(row.UID, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
	if el.Name != "iconset" || row.UID == "" || len(row.UID) > 128 || bad || checkText("name", row.Name, maxText) != nil {
		return iconSetRow{}, nil, fmt.Errorf("%w icon set: it needs a uid of letters and digits, and a name", ErrInvalid)
	}
	types := make(map[string]string)
	for icon := range el.Children() {
		if t := icon.Attr("type2525b"); icon.Name == "icon" && checkText("type", t, maxText) == nil {
			types[icon.Attr("name")] = t
		}
	}
	return row, types, nil
}

// replaceSet writes a set over an older one of the same uid, whose hash it
// returns.
func replaceSet(ctx context.Context, tx bun.Tx, id auth.Identity, set iconSetRow, icons []iconRow) (replaced string, err error) {
	n, err := tx.NewSelect().Model((*iconSetRow)(nil)).Where("uid <> ?", set.UID).Count(ctx)
	if err != nil {
		return "", err
	}
	if n >= maxIconSets {
		return "", fmt.Errorf("%w icon set: there are %d already", ErrInvalid, n)
	}
	var old iconSetRow
	err = tx.NewSelect().Model(&old).Where("uid = ?", set.UID).Scan(ctx)
	switch {
	case err == nil:
		if err := mayChange(id, File{Submitter: old.Submitter, Meta: Meta{Name: old.Name}}); err != nil {
			return "", err
		}
		if _, err := tx.NewDelete().Model((*iconSetRow)(nil)).Where("uid = ?", set.UID).Exec(ctx); err != nil {
			return "", err
		}
	case !missing(err):
		return "", err
	}
	if _, err := tx.NewInsert().Model(&set).Exec(ctx); err != nil {
		return "", err
	}
	for len(icons) > 0 {
		part := icons[:min(len(icons), batch)]
		icons = icons[len(part):]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return "", err
		}
	}
	return old.Hash, nil
}

// List returns all sets by uid.
func (s *Icons) List(ctx context.Context) ([]IconSet, error) {
	var rows []struct {
		iconSetRow
		Icons int `bun:"icons"`
	}
	err := s.db.Query().NewRaw(`SELECT s.*, (SELECT COUNT(*) FROM icons AS i WHERE i.set_uid = s.uid) AS icons
		FROM icon_sets AS s ORDER BY s.uid`).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("files: list icon sets: %w", err)
	}
	out := make([]IconSet, len(rows))
	for i, r := range rows {
		out[i] = r.set(r.Icons)
	}
	return out, nil
}

// Of returns the icons of a set.
func (s *Icons) Of(ctx context.Context, uid string) ([]IconRef, error) {
	return s.find(ctx, func(q *bun.SelectQuery) { q.Where("set_uid = ?", uid) })
}

// For returns the icons that stand for a CoT type.
func (s *Icons) For(ctx context.Context, cotType string) ([]IconRef, error) {
	return s.find(ctx, func(q *bun.SelectQuery) { q.Where("cot_type = ?", cotType) })
}

func (s *Icons) find(ctx context.Context, which func(*bun.SelectQuery)) ([]IconRef, error) {
	var rows []iconRow
	q := s.db.Query().NewSelect().Model(&rows).OrderBy("set_uid", bun.OrderAsc).OrderBy("group_name", bun.OrderAsc).OrderBy("name", bun.OrderAsc)
	which(q)
	if err := q.Limit(maxResults).Scan(ctx); err != nil {
		return nil, fmt.Errorf("files: list icons: %w", err)
	}
	out := make([]IconRef, len(rows))
	for i, r := range rows {
		out[i] = IconRef{UID: r.SetUID, Group: r.Group, Name: r.Name, Type: r.CotType}
	}
	return out, nil
}

// Read returns a picture and its MIME type.
func (s *Icons) Read(ctx context.Context, ref IconRef) ([]byte, string, error) {
	var row struct {
		Hash  string `bun:"hash"`
		Entry string `bun:"entry"`
	}
	err := s.db.Query().NewRaw(`SELECT s.hash, i.entry FROM icons AS i JOIN icon_sets AS s ON s.uid = i.set_uid
		WHERE i.set_uid = ? AND i.group_name = ? AND i.name = ?`, ref.UID, ref.Group, ref.Name).Scan(ctx, &row)
	if missing(err) {
		return nil, "", fmt.Errorf("files: %w: no such icon", ErrNotFound)
	}
	if err != nil {
		return nil, "", fmt.Errorf("files: read an icon: %w", err)
	}
	f, size, err := s.Open(row.Hash)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	a, err := pack.Open(f, size, iconLimits())
	if err != nil {
		return nil, "", fmt.Errorf("files: read an icon: %w", err)
	}
	b, err := a.Read(row.Entry, maxIcon)
	if errors.Is(err, pack.ErrNoEntry) {
		return nil, "", fmt.Errorf("files: %w: no such icon", ErrNotFound)
	}
	if err != nil {
		return nil, "", fmt.Errorf("files: read an icon: %w", err)
	}
	return b, mime.TypeByExtension(strings.ToLower(path.Ext(ref.Name))), nil
}

// Delete removes a set.
func (s *Icons) Delete(ctx context.Context, id auth.Identity, uid string) error {
	var old iconSetRow
	err := s.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		old = iconSetRow{}
		err := tx.NewSelect().Model(&old).Where("uid = ?", uid).Scan(ctx)
		if missing(err) {
			return fmt.Errorf("%w: no such icon set", ErrNotFound)
		}
		if err != nil {
			return err
		}
		if err := mayChange(id, File{Submitter: old.Submitter, Meta: Meta{Name: old.Name}}); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*iconSetRow)(nil)).Where("uid = ?", uid).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("files: delete icons: %w", err)
	}
	s.collect(ctx, old.Hash)
	s.adminFact(Changed{What: "icons", Change: "deleted", Hash: old.Hash, Name: old.Name})
	return nil
}
