package files

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/pack"
	"muster/internal/auth"
)

// Occasion is when a device asks for its profiles.
type Occasion struct {
	Enrollment bool      // it has just got a certificate
	Connection bool      // it has just connected
	Tool       string    // it asks for those of a tool
	Since      time.Time // only what has changed after; zero: all
}

// Package returns the mission package of all profiles that apply to id on this
// occasion, and when they last changed; nil if there are none. Files are read
// when the package is written.
func (p *Profiles) Package(ctx context.Context, id auth.Identity, o Occasion) (*pack.Builder, time.Time, error) {
	all, err := p.applying(ctx, id, o)
	if err != nil || len(all) == 0 {
		return nil, time.Time{}, err
	}
	b := p.build("Profile", all)
	if b.Empty() {
		return nil, time.Time{}, nil
	}
	return b, newest(all), nil
}

// Bundle returns the mission package of one profile, for an administrator; it may
// be empty.
func (p *Profiles) Bundle(ctx context.Context, id auth.Identity, profile int64) (*pack.Builder, Profile, error) {
	pr, err := p.Get(ctx, id, profile)
	if err != nil {
		return nil, Profile{}, err
	}
	return p.build(pr.Name, []Profile{pr}), pr, nil
}

// ToolFiles returns the files with these names of the profiles of a tool that
// apply to id.
func (p *Profiles) ToolFiles(ctx context.Context, id auth.Identity, tool string, names []string) ([]ProfileFile, error) {
	all, err := p.applying(ctx, id, Occasion{Tool: tool})
	if err != nil {
		return nil, err
	}
	var out []ProfileFile
	for _, pr := range all {
		for _, f := range pr.Files {
			if slices.Contains(names, f.Name) && !slices.ContainsFunc(out, func(o ProfileFile) bool { return o.Name == f.Name }) {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// applying returns the active profiles of id on an occasion, the oldest first, so
// that newer preferences win. A profile goes to those who receive one of its
// groups; administrators are no exception, since it is a matter of whom it is
// meant for.
func (p *Profiles) applying(ctx context.Context, id auth.Identity, o Occasion) ([]Profile, error) {
	if err := auth.Allow(id, auth.Join, auth.Server()); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	all, err := loadProfiles(ctx, p.db.Query(), func(q *bun.SelectQuery) {
		q.Where("active = ?", true)
		switch {
		case o.Enrollment:
			q.Where("on_enrolment = ?", true)
		case o.Connection:
			q.Where("on_connect = ?", true)
		default:
			q.Where("tool = ? AND tool <> ''", o.Tool)
		}
		if !o.Since.IsZero() {
			q.Where("updated >= ?", o.Since.UnixMilli())
		}
	})
	if err != nil {
		return nil, fmt.Errorf("files: read the profiles: %w", err)
	}
	mine := id.ReadGroups()
	all = slices.DeleteFunc(all, func(pr Profile) bool {
		return len(pr.Groups) > 0 && !slices.ContainsFunc(pr.Groups, func(g string) bool { return slices.Contains(mine, g) })
	})
	slices.SortFunc(all, func(a, b Profile) int { return a.Updated.Compare(b.Updated) })
	return all, nil
}

func newest(all []Profile) time.Time {
	var t time.Time
	for _, p := range all {
		if p.Updated.After(t) {
			t = p.Updated
		}
	}
	return t
}

// build puts files and preferences of profiles into one package. Each profile has
// a folder, so that files of the same name do not meet.
func (p *Profiles) build(name string, all []Profile) *pack.Builder {
	b := &pack.Builder{Name: name, OnReceiveDelete: true}
	for _, pr := range all {
		dir := strconv.FormatInt(pr.ID, 10) + "/"
		if prefs := preferences(pr.Preferences); len(prefs) > 0 {
			b.Add(dir+"muster-profile.pref", pack.Preferences(prefs...))
		}
		for _, f := range pr.Files {
			b.AddFile(dir+"files/"+f.Name, func() (io.ReadCloser, error) {
				r, _, err := p.Open(f.Hash)
				return r, err
			})
		}
	}
	return b
}

// preferences sorts entries into their files.
func preferences(all []Preference) []pack.Prefs {
	var out []pack.Prefs
	for _, e := range all {
		i := slices.IndexFunc(out, func(f pack.Prefs) bool { return f.Name == e.Name })
		if i < 0 {
			i = len(out)
			out = append(out, pack.Prefs{Name: e.Name})
		}
		out[i].Entries = append(out[i].Entries, e.Entry)
	}
	return out
}
