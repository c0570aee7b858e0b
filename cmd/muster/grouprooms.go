package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/media/mcu"
)

// groupRoomOwner owns the rooms of groups. No user can be called so.
const groupRoomOwner = "muster:groups"

// keepGroupRooms sees to it, until ctx ends, that each group has a room of its
// own: it is the group's talk group on the radio and in browsers.
func (h *house) keepGroupRooms(ctx context.Context) error {
	const held = 64 // facts
	about := func(f bus.Fact) bool {
		return f.Kind == auth.FactGroupChanged && f.Data.(auth.GroupChanged).User == ""
	}
	return h.bus.Keep(ctx, held, about, func() error { return h.groupRooms(ctx) }) // after an error it is begun anew
}

// groupRooms makes the rooms that are missing and takes those away whose group is
// gone.
func (h *house) groupRooms(ctx context.Context) error {
	groups, err := h.auth.ListGroups(ctx)
	if err != nil {
		return err
	}
	self := auth.System(groupRoomOwner)
	has := make(map[string]bool) // groups that have a room
	for _, s := range h.rooms.List(self) {
		if s.Owner != self.User {
			continue
		}
		there := false // a host may have added other groups
		for _, g := range groups {
			if slices.Contains(s.Groups, g.Name) {
				there, has[g.Name] = true, true
			}
		}
		if there {
			continue
		}
		if err := h.rooms.Remove(ctx, self, s.Name.String()); err != nil && !errors.Is(err, mcu.ErrNotFound) {
			return err
		}
	}
	for _, g := range groups {
		if has[g.Name] {
			continue
		}
		if err := h.addGroupRoom(ctx, self, g.Name); err != nil {
			return fmt.Errorf("room of the group %s: %w", g.Name, err)
		}
	}
	return nil
}

// addGroupRoom makes the room of a group. It is called like the group where that
// is free.
func (h *house) addGroupRoom(ctx context.Context, self auth.Identity, group string) error {
	const tries = 20
	base := roomName(group, "group")
	for i := range tries {
		text := base
		if i > 0 {
			text = fmt.Sprintf("%s-%d", base, i+1)
		}
		name, err := safename.Parse(text)
		if err != nil {
			return err
		}
		_, err = h.rooms.Create(ctx, self, mcu.Settings{Name: name, Title: group, Groups: []string{group}, Permanent: true})
		if !errors.Is(err, mcu.ErrTaken) {
			return err
		}
	}
	return mcu.ErrTaken
}

// roomName makes the name of a room out of that of something else, which may hold
// spaces and any script; otherwise where nothing is left of it.
func roomName(text, otherwise string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '.', r == '~':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, text), "-.")
	if name == "" {
		return otherwise
	}
	return name[:min(len(name), 60)]
}
