package files

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"muster/cot/pack"
)

// loadProfiles reads profiles with all that belongs to them, by name.
func loadProfiles(ctx context.Context, db bun.IDB, which func(*bun.SelectQuery)) ([]Profile, error) {
	var rows []profileRow
	q := db.NewSelect().Model(&rows).OrderBy("name_key", bun.OrderAsc).Limit(maxProfiles)
	which(q)
	if err := q.Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Profile, len(rows))
	at := make(map[int64]*Profile, len(rows))
	ids := []int64{0} // no list is empty
	for i, r := range rows {
		out[i] = Profile{
			ID: r.ID, Name: r.Name, Active: r.Active, ApplyOnEnrollment: r.OnEnrolment, ApplyOnConnect: r.OnConnect, Type: r.Kind, Tool: r.Tool,
			Groups: []string{}, Files: []ProfileFile{}, Preferences: []Preference{}, Updated: fromMillis(r.Updated),
		}
		at[r.ID] = &out[i]
		ids = append(ids, r.ID)
	}
	var groups []profileGroupRow
	var files []profileFileRow
	var prefs []profilePrefRow
	if err := db.NewSelect().Model(&groups).Where("profile_id IN (?)", bun.List(ids)).OrderBy("group_name", bun.OrderAsc).Scan(ctx); err != nil {
		return nil, err
	}
	if err := db.NewSelect().Model(&files).Where("profile_id IN (?)", bun.List(ids)).OrderBy("name", bun.OrderAsc).Scan(ctx); err != nil {
		return nil, err
	}
	if err := db.NewSelect().Model(&prefs).Where("profile_id IN (?)", bun.List(ids)).OrderBy("position", bun.OrderAsc).Scan(ctx); err != nil {
		return nil, err
	}
	for _, g := range groups {
		at[g.ProfileID].Groups = append(at[g.ProfileID].Groups, g.Group)
	}
	for _, f := range files {
		at[f.ProfileID].Files = append(at[f.ProfileID].Files, f.file())
	}
	for _, p := range prefs {
		at[p.ProfileID].Preferences = append(at[p.ProfileID].Preferences, Preference{p.Name, pack.Entry{Key: p.Key, Type: p.Type, Value: p.Value}})
	}
	return out, nil
}

// writeProfile writes the row of p and the parts that c changes.
func writeProfile(ctx context.Context, tx bun.Tx, p Profile, fresh bool, c ProfileChange) error {
	row := profileRow{
		ID: p.ID, Name: p.Name, NameKey: strings.ToLower(p.Name), Active: p.Active, OnEnrolment: p.ApplyOnEnrollment, OnConnect: p.ApplyOnConnect,
		Kind: p.Type, Tool: p.Tool, Updated: millis(p.Updated),
	}
	var err error
	if fresh {
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
	} else {
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
	}
	if err != nil {
		return err
	}
	if c.Groups != nil {
		if err := writeProfileGroups(ctx, tx, p); err != nil {
			return err
		}
	}
	if c.Preferences != nil {
		return writeProfilePrefs(ctx, tx, p)
	}
	return nil
}

func writeProfileGroups(ctx context.Context, tx bun.Tx, p Profile) error {
	if _, err := tx.NewDelete().Model((*profileGroupRow)(nil)).Where("profile_id = ?", p.ID).Exec(ctx); err != nil {
		return err
	}
	for _, g := range p.Groups {
		if _, err := tx.NewInsert().Model(&profileGroupRow{ProfileID: p.ID, Group: g}).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func writeProfilePrefs(ctx context.Context, tx bun.Tx, p Profile) error {
	if _, err := tx.NewDelete().Model((*profilePrefRow)(nil)).Where("profile_id = ?", p.ID).Exec(ctx); err != nil {
		return err
	}
	for i, e := range p.Preferences {
		row := profilePrefRow{ProfileID: p.ID, Position: int64(i), Name: e.Name, Key: e.Key, Type: e.Type, Value: e.Value}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
