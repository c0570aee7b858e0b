package files

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/store"
)

// Profile is what devices of its groups are given: files and preferences.
type Profile struct {
	ID                int64         `json:"id"`
	Name              string        `json:"name"`
	Active            bool          `json:"active"`
	ApplyOnEnrollment bool          `json:"applyOnEnrollment"` // once, with the certificate
	ApplyOnConnect    bool          `json:"applyOnConnect"`    // whenever a device connects and the profile has changed
	Type              string        `json:"type"`              // free for the administrator's tools
	Tool              string        `json:"tool"`              // given to devices that ask for this tool; "" to none
	Groups            []string      `json:"groups"`            // none: everybody
	Files             []ProfileFile `json:"files"`
	Preferences       []Preference  `json:"preferences"`
	Updated           time.Time     `json:"updated"`
}

// ProfileFile is a file of a profile; its Name may have folders.
type ProfileFile struct {
	ID      int64     `json:"id"`
	Name    string    `json:"name"`
	Hash    string    `json:"hash"`
	Size    int64     `json:"size"`
	Updated time.Time `json:"updated"`
}

// Preference is a preference of ATAK. Name is the preference file it is in, by
// default that of the app.
type Preference struct {
	Name string `json:"name"`
	pack.Entry
}

// Profiles keeps the device profiles. Administrators alone read and change them.
type Profiles struct{ *keeper }

const (
	maxPreferences = 1000
	maxProfiles    = 1000
	maxProfileFile = 500 // files of one profile
)

type (
	profileRow struct {
		bun.BaseModel `bun:"table:profiles"`

		ID          int64  `bun:"id,pk"`
		Name        string `bun:"name"`
		NameKey     string `bun:"name_key"`
		Active      bool   `bun:"active"`
		OnEnrolment bool   `bun:"on_enrolment"`
		OnConnect   bool   `bun:"on_connect"`
		Kind        string `bun:"kind"`
		Tool        string `bun:"tool"`
		Updated     int64  `bun:"updated"`
	}

	profileGroupRow struct {
		bun.BaseModel `bun:"table:profile_groups"`

		ProfileID int64  `bun:"profile_id,pk"`
		Group     string `bun:"group_name,pk"`
	}

	profileFileRow struct {
		bun.BaseModel `bun:"table:profile_files"`

		ID        int64  `bun:"id,pk"`
		ProfileID int64  `bun:"profile_id"`
		Name      string `bun:"name"`
		Hash      string `bun:"hash"`
		Size      int64  `bun:"size"`
		Updated   int64  `bun:"updated"`
	}

	profilePrefRow struct {
		bun.BaseModel `bun:"table:profile_prefs"`

		ProfileID int64     `bun:"profile_id,pk"`
		Position  int64     `bun:"position,pk"`
		Name      string    `bun:"name"`
		Key       string    `bun:"pref_key"`
		Type      pack.Type `bun:"pref_type"`
		Value     string    `bun:"value"`
	}
)

// List returns all profiles by name.
func (p *Profiles) List(ctx context.Context, id auth.Identity) ([]Profile, error) {
	if err := admin(id); err != nil {
		return nil, err
	}
	all, err := loadProfiles(ctx, p.db.Query(), func(*bun.SelectQuery) {})
	if err != nil {
		return nil, fmt.Errorf("files: list profiles: %w", err)
	}
	return all, nil
}

// Get returns a profile.
func (p *Profiles) Get(ctx context.Context, id auth.Identity, profile int64) (Profile, error) {
	return p.one(ctx, id, "id = ?", profile)
}

// Find returns the profile of that name; case does not count.
func (p *Profiles) Find(ctx context.Context, id auth.Identity, name string) (Profile, error) {
	return p.one(ctx, id, "name_key = ?", strings.ToLower(name))
}

func (p *Profiles) one(ctx context.Context, id auth.Identity, where string, arg any) (Profile, error) {
	if err := admin(id); err != nil {
		return Profile{}, err
	}
	all, err := loadProfiles(ctx, p.db.Query(), func(q *bun.SelectQuery) { q.Where(where, arg) })
	if err != nil {
		return Profile{}, fmt.Errorf("files: read a profile: %w", err)
	}
	if len(all) == 0 {
		return Profile{}, errNoProfile
	}
	return all[0], nil
}

var errNoProfile = fmt.Errorf("files: %w: no such profile", ErrNotFound)

// Create adds a profile; c.Name is needed. It is active unless c says otherwise.
func (p *Profiles) Create(ctx context.Context, id auth.Identity, c ProfileChange) (Profile, error) {
	if c.Name == nil {
		return Profile{}, fmt.Errorf("files: %w profile: it needs a name", ErrInvalid)
	}
	return p.save(ctx, id, Profile{ID: p.next.Add(1), Active: true, Groups: []string{}, Files: []ProfileFile{}, Preferences: []Preference{}}, true, c)
}

// Update changes a profile.
func (p *Profiles) Update(ctx context.Context, id auth.Identity, profile int64, c ProfileChange) (Profile, error) {
	return p.save(ctx, id, Profile{ID: profile}, false, c)
}

func (p *Profiles) save(ctx context.Context, id auth.Identity, base Profile, fresh bool, c ProfileChange) (Profile, error) {
	if err := admin(id); err != nil {
		return Profile{}, err
	}
	if err := c.check(); err != nil {
		return Profile{}, fmt.Errorf("files: profile: %w", err)
	}
	var out Profile
	err := p.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		out = base
		if !fresh {
			found, err := loadProfiles(ctx, tx, func(q *bun.SelectQuery) { q.Where("id = ?", base.ID) })
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return errNoProfile
			}
			out = found[0]
		}
		c.apply(&out)
		out.Updated = fromMillis(time.Now().UnixMilli())
		return writeProfile(ctx, tx, out, fresh, c)
	})
	if store.IsUnique(err) {
		return Profile{}, fmt.Errorf("files: a profile of this name %w", ErrExists)
	}
	if err != nil {
		return Profile{}, fmt.Errorf("files: save profile: %w", err)
	}
	change := "changed"
	if fresh {
		change = "created"
	}
	p.told(change, out)
	return out, nil
}

func (p *Profiles) told(change string, pr Profile) {
	p.adminFact(Changed{What: "profile", Change: change, ID: pr.ID, Name: pr.Name})
}

// Delete removes a profile.
func (p *Profiles) Delete(ctx context.Context, id auth.Identity, profile int64) error {
	gone, err := p.Get(ctx, id, profile)
	if err != nil {
		return err
	}
	err = p.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*profileRow)(nil)).Where("id = ?", profile).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("files: delete profile: %w", err)
	}
	for _, f := range gone.Files {
		p.collect(ctx, f.Hash)
	}
	p.told("deleted", gone)
	return nil
}

// AddFile stores a file of a profile; one of the same name is replaced.
func (p *Profiles) AddFile(ctx context.Context, id auth.Identity, profile int64, name string, r io.Reader) (ProfileFile, error) {
	pr, err := p.Get(ctx, id, profile)
	if err != nil {
		return ProfileFile{}, err
	}
	name = strings.ReplaceAll(name, `\`, "/")
	if !pack.LocalName(name) {
		return ProfileFile{}, fmt.Errorf("files: %w file name", ErrInvalid)
	}
	row := profileFileRow{ID: p.next.Add(1), ProfileID: profile, Name: name}
	replaced := ""
	err = p.keep(ctx, r, p.MaxSize(), nil, func(ctx context.Context, tx bun.Tx, b store.Blob) error {
		row.Hash, row.Size, row.Updated = b.Hash, b.Size, time.Now().UnixMilli()
		var err error
		replaced, err = putProfileFile(ctx, tx, row)
		return err
	})
	if err != nil {
		return ProfileFile{}, fmt.Errorf("files: add a file to a profile: %w", err)
	}
	if replaced != "" {
		p.collect(ctx, replaced)
	}
	p.told("changed", pr)
	return row.file(), nil
}

// putProfileFile writes the row and returns the hash of the one it replaces.
func putProfileFile(ctx context.Context, tx bun.Tx, row profileFileRow) (replaced string, err error) {
	var have []profileFileRow
	if err := tx.NewSelect().Model(&have).Where("profile_id = ?", row.ProfileID).Scan(ctx); err != nil {
		return "", err
	}
	for _, h := range have {
		if h.Name != row.Name {
			continue
		}
		replaced = h.Hash
		if _, err := tx.NewDelete().Model((*profileFileRow)(nil)).Where("id = ?", h.ID).Exec(ctx); err != nil {
			return "", err
		}
	}
	if len(have) >= maxProfileFile && replaced == "" {
		return "", fmt.Errorf("%w file: a profile has at most %d", ErrInvalid, maxProfileFile)
	}
	touched, err := touch(ctx, tx, row.ProfileID)
	if err != nil {
		return "", err
	}
	if !touched {
		return "", errNoProfile
	}
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return replaced, err
}

func touch(ctx context.Context, tx bun.Tx, profile int64) (bool, error) {
	res, err := tx.NewUpdate().Model((*profileRow)(nil)).Set("updated = ?", time.Now().UnixMilli()).Where("id = ?", profile).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// RemoveFile removes a file of a profile.
func (p *Profiles) RemoveFile(ctx context.Context, id auth.Identity, profile, file int64) error {
	pr, f, err := p.File(ctx, id, profile, file)
	if err != nil {
		return err
	}
	err = p.tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*profileFileRow)(nil)).Where("id = ?", file).Exec(ctx); err != nil {
			return err
		}
		_, err := touch(ctx, tx, profile)
		return err
	})
	if err != nil {
		return fmt.Errorf("files: remove a file of a profile: %w", err)
	}
	p.collect(ctx, f.Hash)
	p.told("changed", pr)
	return nil
}

// File returns a profile and one of its files.
func (p *Profiles) File(ctx context.Context, id auth.Identity, profile, file int64) (Profile, ProfileFile, error) {
	pr, err := p.Get(ctx, id, profile)
	if err != nil {
		return Profile{}, ProfileFile{}, err
	}
	for _, f := range pr.Files {
		if f.ID == file {
			return pr, f, nil
		}
	}
	return Profile{}, ProfileFile{}, fmt.Errorf("files: %w in this profile", ErrNotFound)
}

func (r profileFileRow) file() ProfileFile {
	return ProfileFile{ID: r.ID, Name: r.Name, Hash: r.Hash, Size: r.Size, Updated: fromMillis(r.Updated)}
}
