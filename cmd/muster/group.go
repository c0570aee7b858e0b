package main

import (
	"context"
	"fmt"
	"net/http"
)

type groupCmd struct {
	Add    groupAddCmd    `cmd:"" help:"Add a group."`
	List   groupListCmd   `cmd:"" help:"List groups."`
	Remove groupRemoveCmd `cmd:"" help:"Remove a group and the rights in it."`
	Grant  groupGrantCmd  `cmd:"" help:"Give somebody rights in a group."`
	Revoke groupRevokeCmd `cmd:"" help:"Take somebody's rights in a group away, at once."`
}

type groupAddCmd struct {
	Name        string `arg:"" help:"Name of the group."`
	Description string `help:"What it is for." placeholder:"TEXT"`
}

// Run adds a group.
func (g groupAddCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodPost, apiPath("groups"), map[string]any{"name": g.Name, "description": g.Description}, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Group %s was added. Put somebody in it with 'muster group grant %s USER'.\n", g.Name, g.Name)
	return nil
}

type groupListCmd struct{}

// Run lists groups.
func (groupListCmd) Run(ctx context.Context, std streams, c *cli) error {
	var out struct {
		Groups []struct {
			Name, Description string
			Members           int
		}
	}
	if err := call(ctx, c, http.MethodGet, apiPath("groups"), nil, &out); err != nil {
		return err
	}
	var rows [][]string
	for _, g := range out.Groups {
		rows = append(rows, []string{g.Name, fmt.Sprint(g.Members), g.Description})
	}
	table(std, "NAME|MEMBERS|DESCRIPTION", rows)
	return nil
}

type groupRemoveCmd struct {
	Name string `arg:"" help:"Name of the group."`
}

// Run removes a group.
func (g groupRemoveCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodDelete, apiPath("groups", g.Name), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Group %s was removed.\n", g.Name)
	return nil
}

type groupGrantCmd struct {
	Group string `arg:"" help:"Name of the group."`
	User  string `arg:"" help:"Login name."`
	In    bool   `help:"May publish to the group. With neither --in nor --out: both."`
	Out   bool   `help:"Receives what the group holds."`
}

// Run grants rights in a group.
func (g groupGrantCmd) Run(ctx context.Context, std streams, c *cli) error {
	if !g.In && !g.Out {
		g.In, g.Out = true, true
	}
	if err := call(ctx, c, http.MethodPut, apiPath("users", g.User, "groups", g.Group), map[string]any{"in": g.In, "out": g.Out}, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s is in %s.\n", g.User, grant{g.Group, g.In, g.Out})
	return nil
}

type groupRevokeCmd struct {
	Group string `arg:"" help:"Name of the group."`
	User  string `arg:"" help:"Login name."`
}

// Run revokes rights in a group.
func (g groupRevokeCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodDelete, apiPath("users", g.User, "groups", g.Group), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s is no longer in %s.\n", g.User, g.Group)
	return nil
}
