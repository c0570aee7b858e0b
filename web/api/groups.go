package api

import (
	"context"
	"net/http"

	"muster/internal/auth"
)

// Group is a set of users who share streams.
type Group struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Members     int    `json:"members" doc:"How many users are in it."`
}

type groupsOut struct {
	Body struct {
		Groups []Group `json:"groups"`
	}
}

type groupOut struct{ Body Group }

type groupIn struct {
	Body struct {
		Name        string `json:"name" maxLength:"64"`
		Description string `json:"description,omitempty" maxLength:"500"`
	}
}

type groupName struct {
	Name string `path:"name" maxLength:"64"`
}

func groupOf(g auth.Group) Group {
	return Group{Name: g.Name, Description: g.Description, Members: len(g.Members)}
}

func (a *API) groups() {
	register(a, user, op("listGroups", http.MethodGet, "/groups", "All groups for administrators, their own for others"),
		func(ctx context.Context, id auth.Identity, _ *none) (*groupsOut, error) {
			list, err := a.Groups.ListGroups(ctx)
			if err != nil {
				return nil, err
			}
			all := auth.Allow(id, auth.Admin, auth.Server()) == nil
			out := &groupsOut{}
			out.Body.Groups = []Group{}
			for _, g := range list {
				if all || isMember(id, g.Name) {
					out.Body.Groups = append(out.Body.Groups, groupOf(g))
				}
			}
			return out, nil
		})
	add := op("addGroup", http.MethodPost, "/groups", "Add a group")
	add.DefaultStatus = http.StatusCreated
	register(a, admin, add, func(ctx context.Context, _ auth.Identity, in *groupIn) (*groupOut, error) {
		g, err := a.Groups.AddGroup(ctx, in.Body.Name, in.Body.Description)
		if err != nil {
			return nil, err
		}
		return &groupOut{groupOf(g)}, nil
	})
	register(a, admin, op("removeGroup", http.MethodDelete, "/groups/{name}", "Remove a group; sessions allowed through it alone end"),
		func(ctx context.Context, _ auth.Identity, in *groupName) (*none, error) {
			return nil, a.Groups.RemoveGroup(ctx, in.Name)
		})
}

func isMember(id auth.Identity, group string) bool {
	for _, g := range id.Groups {
		if g.Group == group {
			return true
		}
	}
	return false
}
