package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/store"
)

// Update is a file of the update server: an app, a plugin or another package that
// ATAK offers to install, or a picture that such a package names as its icon.
type Update struct {
	File        string    `json:"file"`     // its name; unique
	Platform    string    `json:"platform"` // "Android", "Windows"
	Type        string    `json:"type"`     // "app", "plugin", …; "" for an icon
	Package     string    `json:"package"`  // com.example.plugin
	Name        string    `json:"name"`
	Version     string    `json:"version"`
	Revision    int64     `json:"revision"`
	Icon        string    `json:"icon"` // File of the icon
	Description string    `json:"description"`
	OS          string    `json:"os"`  // least version of the system
	TAK         string    `json:"tak"` // least ATAK: com.atakmap.app@5.4.0.CIV
	Hash        string    `json:"hash"`
	Size        int64     `json:"size"`
	Uploaded    time.Time `json:"uploaded"`
}

// Updates keeps the files of the update server. Everybody who may use the server
// reads them, administrators change them.
type Updates struct{ *keeper }

type updateRow struct {
	bun.BaseModel `bun:"table:update_files"`

	Name        string `bun:"name,pk"`
	Hash        string `bun:"hash"`
	Size        int64  `bun:"size"`
	Uploaded    int64  `bun:"uploaded"`
	Platform    string `bun:"platform"`
	Kind        string `bun:"kind"`
	Package     string `bun:"package"`
	Title       string `bun:"title"`
	Version     string `bun:"version"`
	Revision    int64  `bun:"revision"`
	Icon        string `bun:"icon"`
	Description string `bun:"description"`
	OSNeeds     string `bun:"os_needs"`
	TAKNeeds    string `bun:"tak_needs"`
}

const (
	maxUpdates = 1000
	maxIcon    = 1 << 20 // bytes of a picture
)

func (r updateRow) update() Update {
	return Update{
		File: r.Name, Platform: r.Platform, Type: r.Kind, Package: r.Package, Name: r.Title, Version: r.Version, Revision: r.Revision,
		Icon: r.Icon, Description: r.Description, OS: r.OSNeeds, TAK: r.TAKNeeds, Hash: r.Hash, Size: r.Size, Uploaded: fromMillis(r.Uploaded),
	}
}

func (u Update) row() updateRow {
	return updateRow{
		Name: u.File, Hash: u.Hash, Size: u.Size, Uploaded: millis(u.Uploaded), Platform: u.Platform, Kind: u.Type, Package: u.Package,
		Title: u.Name, Version: u.Version, Revision: u.Revision, Icon: u.Icon, Description: u.Description, OSNeeds: u.OS, TAKNeeds: u.TAK,
	}
}

// check refuses what the list, whose format knows no quotes, cannot hold.
func (u Update) check() error {
	if u.File == "" || pack.FileName(u.File) != u.File || strings.ContainsAny(u.File, ", ") || strings.HasPrefix(u.File, "product.") || u.File == "repositories.inf" {
		return fmt.Errorf("%w file name", ErrInvalid)
	}
	for what, s := range map[string]string{
		"platform": u.Platform, "type": u.Type, "package": u.Package, "name": u.Name, "version": u.Version, "icon": u.Icon, "os": u.OS, "tak": u.TAK,
	} {
		if err := checkText(what, s, maxText); err != nil {
			return err
		}
		if strings.ContainsAny(s, ",\r\n") {
			return fmt.Errorf("%w %s: no commas or line breaks", ErrInvalid, what)
		}
	}
	if err := checkText("description", u.Description, maxRemarks); err != nil {
		return err
	}
	if u.Type != "" && (u.Package == "" || u.Name == "" || u.Version == "" || u.Platform == "") {
		return fmt.Errorf("%w package: it needs platform, type, package, name and version", ErrInvalid)
	}
	return nil
}

// Put stores a file of the update server; one of the same name is replaced. An
// icon has nothing but File.
func (s *Updates) Put(ctx context.Context, id auth.Identity, u Update, r io.Reader) (Update, error) {
	if err := admin(id); err != nil {
		return Update{}, err
	}
	if err := u.check(); err != nil {
		return Update{}, fmt.Errorf("files: update: %w", err)
	}
	replaced := ""
	err := s.keep(ctx, r, s.MaxSize(), nil, func(ctx context.Context, tx bun.Tx, b store.Blob) error {
		u.Hash, u.Size, u.Uploaded = b.Hash, b.Size, fromMillis(time.Now().UnixMilli())
		var have []updateRow
		if err := tx.NewSelect().Model(&have).Scan(ctx); err != nil {
			return err
		}
		replaced = ""
		for _, h := range have {
			if h.Name == u.File {
				replaced = h.Hash
			}
		}
		if replaced == "" && len(have) >= maxUpdates {
			return fmt.Errorf("%w package: there are %d already", ErrInvalid, maxUpdates)
		}
		if _, err := tx.NewDelete().Model((*updateRow)(nil)).Where("name = ?", u.File).Exec(ctx); err != nil {
			return err
		}
		row := u.row()
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return Update{}, fmt.Errorf("files: put an update: %w", err)
	}
	if replaced != "" {
		s.collect(ctx, replaced)
	}
	s.adminFact(Changed{What: "update", Change: "changed", Hash: u.Hash, Name: u.File})
	return u, nil
}

// List returns all files of the update server by name.
func (s *Updates) List(ctx context.Context, id auth.Identity) ([]Update, error) {
	if err := auth.Allow(id, auth.Join, auth.Server()); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	var rows []updateRow
	if err := s.db.Query().NewSelect().Model(&rows).OrderBy("name", bun.OrderAsc).Limit(maxUpdates).Scan(ctx); err != nil {
		return nil, fmt.Errorf("files: list updates: %w", err)
	}
	out := make([]Update, len(rows))
	for i, r := range rows {
		out[i] = r.update()
	}
	return out, nil
}

// Find returns the file of that name.
func (s *Updates) Find(ctx context.Context, id auth.Identity, name string) (Update, error) {
	all, err := s.List(ctx, id)
	if err != nil {
		return Update{}, err
	}
	for _, u := range all {
		if u.File == name {
			return u, nil
		}
	}
	return Update{}, fmt.Errorf("files: %w", ErrNotFound)
}

// Delete removes a file of the update server.
func (s *Updates) Delete(ctx context.Context, id auth.Identity, name string) error {
	if err := admin(id); err != nil {
		return err
	}
	u, err := s.Find(ctx, id, name)
	if err != nil {
		return err
	}
	err = s.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*updateRow)(nil)).Where("name = ?", name).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("files: delete an update: %w", err)
	}
	s.collect(ctx, u.Hash)
	s.adminFact(Changed{What: "update", Change: "deleted", Hash: u.Hash, Name: name})
	return nil
}

// Index returns product.inf, the list of packages. With version ("5.4.0") only
// packages made for that ATAK are in it, and the error is ErrNotFound if there are
// none: the client then asks for the list of all.
func (s *Updates) Index(ctx context.Context, id auth.Identity, version string) ([]byte, error) {
	list, _, err := s.index(ctx, id, version)
	return list, err
}

func (s *Updates) index(ctx context.Context, id auth.Identity, version string) ([]byte, map[string]Update, error) {
	all, err := s.List(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	byName := make(map[string]Update, len(all))
	var out bytes.Buffer
	for _, u := range all {
		byName[u.File] = u
		if u.Type == "" || version != "" && !madeFor(u.TAK, version) {
			continue
		}
		about := strings.Map(func(r rune) rune {
			if r == ',' {
				return ';'
			}
			if r < ' ' {
				return ' '
			}
			return r
		}, u.Description)
		out.WriteString(strings.Join([]string{
			u.Platform, u.Type, u.Package, u.Name, u.Version, strconv.FormatInt(u.Revision, 10), u.File, u.Icon, about,
			u.Hash, u.OS, u.TAK, strconv.FormatInt(u.Size, 10),
		}, ",") + "\n")
	}
	if version != "" && out.Len() == 0 {
		return nil, nil, fmt.Errorf("files: %w: no packages for this version", ErrNotFound)
	}
	return out.Bytes(), byName, nil
}

// madeFor reports whether a prerequisite such as com.atakmap.app@5.4.0.CIV names
// this version.
func madeFor(needs, version string) bool {
	_, v, ok := strings.Cut(needs, "@")
	return ok && (v == version || strings.HasPrefix(v, version+"."))
}

// Infz returns product.infz: the list and the icons it names, zipped.
func (s *Updates) Infz(ctx context.Context, id auth.Identity, version string) ([]byte, error) {
	list, byName, err := s.index(ctx, id, version)
	if err != nil {
		return nil, err
	}
	b := pack.Builder{Plain: true}
	b.Add("product.inf", list)
	added := make(map[string]bool)
	for _, u := range byName {
		icon, ok := byName[u.Icon]
		if u.Type == "" || !ok || icon.Size > maxIcon || added[icon.File] {
			continue
		}
		added[icon.File] = true
	}
	for _, name := range slices.Sorted(maps.Keys(added)) {
		data, err := s.read(byName[name].Hash, maxIcon)
		if err != nil {
			return nil, err
		}
		b.Add(name, data)
	}
	return b.Bytes()
}

// read returns a whole content of at most limit bytes.
func (k *keeper) read(hash string, limit int64) ([]byte, error) {
	f, size, err := k.Open(hash)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, fmt.Errorf("files: %w", ErrTooLarge)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errors.New("it grew")
	}
	if err != nil {
		return nil, fmt.Errorf("files: read a file: %w", err)
	}
	return b, nil
}

// Repositories returns repositories.inf: further update servers, one a line.
func (s *Updates) Repositories() []byte {
	return []byte(strings.Join(append(append([]string{}, s.cfg.Repositories...), ""), "\n"))
}
