package files

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/cot/pack"
)

// ProfileChange says what to change; nil leaves it.
type ProfileChange struct {
	Name              *string       `json:"name,omitempty"`
	Active            *bool         `json:"active,omitempty"`
	ApplyOnEnrollment *bool         `json:"applyOnEnrollment,omitempty"`
	ApplyOnConnect    *bool         `json:"applyOnConnect,omitempty"`
	Type              *string       `json:"type,omitempty"`
	Tool              *string       `json:"tool,omitempty"`
	Groups            *[]string     `json:"groups,omitempty"`
	Preferences       *[]Preference `json:"preferences,omitempty"`
}

func (c ProfileChange) check() error {
	if c.Name != nil {
		if err := checkText("name", *c.Name, 128); err != nil {
			return err
		}
		if strings.TrimSpace(*c.Name) != *c.Name || *c.Name == "" || strings.ContainsAny(*c.Name, "/\n\r\t") {
			return fmt.Errorf("%w name: it must not be empty, begin or end with a space, or have a slash in it", ErrInvalid)
		}
	}
	for what, s := range map[string]*string{"type": c.Type, "tool": c.Tool} {
		if s != nil {
			if err := checkText(what, *s, maxText); err != nil {
				return err
			}
		}
	}
	if c.Groups != nil {
		if len(*c.Groups) > maxGroups {
			return fmt.Errorf("%w groups: more than %d", ErrInvalid, maxGroups)
		}
		for _, g := range *c.Groups {
			if err := checkText("group", g, maxText); err != nil || g == "" {
				return fmt.Errorf("%w group", ErrInvalid)
			}
		}
	}
	if c.Preferences == nil {
		return nil
	}
	if len(*c.Preferences) > maxPreferences {
		return fmt.Errorf("%w preferences: more than %d", ErrInvalid, maxPreferences)
	}
	for _, e := range *c.Preferences {
		if err := errors.Join(checkText("preference", e.Name, maxText), checkText("preference", e.Key, maxText)); err != nil {
			return err
		}
		if err := e.Check(); err != nil {
			return fmt.Errorf("%w preference: %w", ErrInvalid, err)
		}
	}
	return nil
}

func (c ProfileChange) apply(p *Profile) {
	assign(&p.Name, c.Name)
	assign(&p.Active, c.Active)
	assign(&p.ApplyOnEnrollment, c.ApplyOnEnrollment)
	assign(&p.ApplyOnConnect, c.ApplyOnConnect)
	assign(&p.Type, c.Type)
	assign(&p.Tool, c.Tool)
	if c.Groups != nil {
		p.Groups = slices.Clone(*c.Groups)
		slices.Sort(p.Groups)
		p.Groups = append([]string{}, slices.Compact(p.Groups)...)
	}
	if c.Preferences != nil {
		p.Preferences = append([]Preference{}, *c.Preferences...)
		for i := range p.Preferences {
			if p.Preferences[i].Name == "" {
				p.Preferences[i].Name = pack.PrefsApp
			}
		}
	}
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
