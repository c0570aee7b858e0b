package files

import (
	"fmt"
	"mime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster/cot/pack"
	"muster/internal/auth"
)

// Limits of what is said of a file.
const (
	maxText     = 256  // bytes of a UID, tool, keyword or group
	maxRemarks  = 4096 // bytes
	maxKeywords = 64
	maxGroups   = 256
)

// clean brings m into the form that is kept, but for what needs the hash. Names
// are made harmless; what is too long or no text is refused.
func (m Meta) clean() (Meta, error) {
	for _, t := range []struct{ what, s string }{
		{"uid", m.UID}, {"creatorUid", m.CreatorUID}, {"tool", m.Tool}, {"contributor", m.Contributor},
	} {
		if err := checkText(t.what, t.s, maxText); err != nil {
			return m, err
		}
	}
	if err := checkText("remarks", m.Remarks, maxRemarks); err != nil {
		return m, err
	}
	if p := m.Place; p != nil && (!finite(p.Lat) || !finite(p.Lon) || !finite(p.Alt) || p.Lat < -90 || p.Lat > 90 || p.Lon < -180 || p.Lon > 180) {
		return m, fmt.Errorf("%w position", ErrInvalid)
	}
	var err error
	if m.Keywords, err = cleanKeywords(m.Keywords); err != nil {
		return m, err
	}
	m.Name, m.Filename = pack.FileName(m.Name), pack.FileName(m.Filename)
	if m.Name == "" {
		m.Name = m.Filename
	}
	if m.Filename == "" {
		m.Filename = m.Name
	}
	m.MIME = cleanMIME(m.MIME)
	if m.Tool == "" {
		m.Tool = Public
	}
	return m, nil
}

// named fills in what is made of the hash.
func (m Meta) named(hash string) Meta {
	if m.UID == "" {
		m.UID = hash
	}
	if m.Name == "" {
		m.Name, m.Filename = hash, hash
	}
	return m
}

func checkText(what, s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%w %s: longer than %d bytes", ErrInvalid, what, limit)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }) {
		return fmt.Errorf("%w %s: it is no text", ErrInvalid, what)
	}
	return nil
}

func cleanKeywords(words []string) ([]string, error) {
	out := []string{}
	for _, w := range words {
		w = strings.TrimSpace(w)
		if err := checkText("keyword", w, maxText); err != nil {
			return nil, err
		}
		if w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	if len(out) > maxKeywords {
		return nil, fmt.Errorf("%w keywords: more than %d", ErrInvalid, maxKeywords)
	}
	return out, nil
}

func cleanMIME(s string) string {
	const unknown = "application/octet-stream"
	t, _, err := mime.ParseMediaType(s)
	if err != nil || len(t) > maxText || !strings.Contains(t, "/") {
		return unknown
	}
	return t
}

// writable returns the groups that a file of id's goes to: want, each of which id
// must be allowed to write to, or all that it may write to where want is nil.
func writable(id auth.Identity, name string, want []string) ([]string, error) {
	r := auth.Data(name, want)
	r.Every = len(want) > 0
	if err := auth.Allow(id, auth.Publish, r); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	groups := slices.Clone(want)
	if want == nil {
		groups = id.WriteGroups()
	}
	for _, g := range groups {
		if err := checkText("group", g, maxText); err != nil || g == "" {
			return nil, fmt.Errorf("%w group", ErrInvalid)
		}
	}
	if len(groups) > maxGroups {
		return nil, fmt.Errorf("%w groups: more than %d", ErrInvalid, maxGroups)
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

// mayRead is the right to see and fetch a file.
func mayRead(id auth.Identity, f File) error {
	return auth.Allow(id, auth.Read, auth.Data(f.Name, f.Groups))
}

// mayChange is the right to change or remove the record of a file: admins, and
// those who submitted it as long as they may publish at all.
func mayChange(id auth.Identity, f File) error {
	if auth.Allow(id, auth.Admin, auth.Server()) == nil {
		return nil
	}
	if f.Submitter != id.User {
		return fmt.Errorf("files: %w: the file belongs to somebody else", auth.ErrDenied)
	}
	return auth.Allow(id, auth.Publish, auth.Data(f.Name, nil))
}
