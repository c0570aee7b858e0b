package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// grant is a user's right in one group.
type grant struct {
	Group string `json:"group"`
	In    bool   `json:"in"`
	Out   bool   `json:"out"`
}

func (g grant) String() string {
	switch {
	case g.In && g.Out:
		return g.Group
	case g.In:
		return g.Group + ":in"
	}
	return g.Group + ":out"
}

// parseGrant reads GROUP, GROUP:in or GROUP:out.
func parseGrant(s string) (grant, error) {
	name, direction, some := strings.Cut(s, ":")
	g := grant{Group: name, In: true, Out: true}
	if some {
		g.In, g.Out = direction == "in", direction == "out"
		if !g.In && !g.Out {
			return g, fmt.Errorf("%q: write GROUP, GROUP:in (may publish to it) or GROUP:out (receives it)", s)
		}
	}
	return g, nil
}

type userCmd struct {
	Add     userAddCmd    `cmd:"" help:"Add somebody."`
	List    userListCmd   `cmd:"" help:"List everybody."`
	Passwd  userPasswdCmd `cmd:"" help:"Set a password."`
	Email   userEmailCmd  `cmd:"" help:"Set a mail address."`
	Invite  userInviteCmd `cmd:"" help:"Send somebody a link to choose a password."`
	Disable userSetCmd    `cmd:"" help:"Lock somebody out and end everything they have open."`
	Enable  userEnableCmd `cmd:"" help:"Let somebody in again."`
	Remove  userRemoveCmd `cmd:"" help:"Remove somebody for good."`
	TOTP    userTOTPCmd   `cmd:"" name:"reset-totp" help:"Take somebody's second factor away, when the code generator is lost."`
	Refresh userFreshCmd  `cmd:"" help:"Look somebody of the LDAP directory up now."`
}

type userAddCmd struct {
	Name          string   `arg:"" help:"Login name."`
	Role          string   `help:"${enum}. An operator also sees and ends sessions, an admin may do everything." enum:"member,operator,admin" default:"member"`
	Group         []string `help:"Group to be in: NAME, NAME:in (may only publish to it) or NAME:out (only receives it). Again for more; 'team' if left out." placeholder:"GROUP"`
	FullName      string   `help:"Name for people." placeholder:"TEXT"`
	Email         string   `help:"Mail address, for links to choose a password." placeholder:"ADDRESS"`
	PasswordStdin bool     `help:"Read the password from standard input instead of asking." xor:"password"`
	Invite        bool     `help:"Send a link to choose a password instead of asking for one; needs --email." xor:"password"`
}

// Help is shown by muster user add --help.
func (userAddCmd) Help() string {
	return `Examples:
  muster user add pilot --group uas
  muster user add watcher --group uas:out --password-stdin < secret.txt
  muster user add medic --email medic@example.org --invite`
}

// Run adds a user.
func (u userAddCmd) Run(ctx context.Context, std streams, c *cli) error {
	groups := make([]grant, 0, len(u.Group))
	for _, s := range u.Group {
		g, err := parseGrant(s)
		if err != nil {
			return err
		}
		groups = append(groups, g)
	}
	in := map[string]any{"name": u.Name, "role": u.Role}
	switch {
	case !u.Invite:
		pass, err := askPassword(std, u.PasswordStdin, "Password for "+u.Name)
		if err != nil {
			return err
		}
		in["password"] = pass
	case u.Email == "":
		return errors.New("--invite needs --email, the address that the link is sent to")
	}
	if u.Email != "" {
		in["email"] = u.Email
	}
	if u.FullName != "" {
		in["fullName"] = u.FullName
	}
	if len(groups) > 0 {
		in["groups"] = groups
	}
	if err := call(ctx, c, http.MethodPost, apiPath("users"), in, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s was added.\n", u.Name)
	if u.Invite {
		return invite(ctx, std, c, u.Name)
	}
	return nil
}

type userListCmd struct{}

// Run lists users.
func (userListCmd) Run(ctx context.Context, std streams, c *cli) error {
	var out struct {
		Users []struct {
			Name, Role, FullName, Email string
			Disabled                    bool
			Groups                      []grant
		}
	}
	if err := call(ctx, c, http.MethodGet, apiPath("users"), nil, &out); err != nil {
		return err
	}
	var rows [][]string
	for _, u := range out.Users {
		groups := make([]string, len(u.Groups))
		for i, g := range u.Groups {
			groups[i] = g.String()
		}
		state := "enabled"
		if u.Disabled {
			state = "disabled"
		}
		rows = append(rows, []string{u.Name, u.Role, state, strings.Join(groups, ","), u.FullName, u.Email})
	}
	table(std, "NAME|ROLE|STATE|GROUPS|FULL NAME|MAIL", rows)
	return nil
}

type userPasswdCmd struct {
	Name          string `arg:"" help:"Login name."`
	PasswordStdin bool   `help:"Read the password from standard input instead of asking."`
}

// Run sets a password.
func (u userPasswdCmd) Run(ctx context.Context, std streams, c *cli) error {
	pass, err := askPassword(std, u.PasswordStdin, "New password for "+u.Name)
	if err != nil {
		return err
	}
	if err := call(ctx, c, http.MethodPut, apiPath("users", u.Name, "password"), map[string]any{"password": pass}, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "The password of %s is set; what was open with the old one has been ended.\n", u.Name)
	return nil
}

type userEmailCmd struct {
	Name  string `arg:"" help:"Login name."`
	Email string `arg:"" help:"Mail address; none takes it away." optional:""`
}

// Run sets a mail address.
func (u userEmailCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodPatch, apiPath("users", u.Name), map[string]any{"email": u.Email}, nil); err != nil {
		return err
	}
	if u.Email == "" {
		fmt.Fprintf(std.out, "No mail address is kept of %s.\n", u.Name)
	} else {
		fmt.Fprintf(std.out, "Mail for %s goes to %s.\n", u.Name, u.Email)
	}
	return nil
}

type userInviteCmd userSetCmd

// Help is shown by muster user invite --help.
func (userInviteCmd) Help() string {
	return `The link is valid once, for 24 hours. The user needs a mail address, and the server
a section mail in its configuration; see 'muster mail test --help'. Example:
  muster user email medic medic@example.org && muster user invite medic`
}

// Run sends a link.
func (u userInviteCmd) Run(ctx context.Context, std streams, c *cli) error {
	return invite(ctx, std, c, u.Name)
}

func invite(ctx context.Context, std streams, c *cli, name string) error {
	if err := call(ctx, c, http.MethodPost, apiPath("users", name, "reset"), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s is sent a link to choose a password.\n", name)
	return nil
}

type userSetCmd struct {
	Name string `arg:"" help:"Login name."`
}

// Run disables a user.
func (u userSetCmd) Run(ctx context.Context, std streams, c *cli) error {
	return setDisabled(ctx, std, c, u.Name, true, "is locked out; everything they had open is ended")
}

type userEnableCmd userSetCmd

// Run enables a user.
func (u userEnableCmd) Run(ctx context.Context, std streams, c *cli) error {
	return setDisabled(ctx, std, c, u.Name, false, "may log in again")
}

func setDisabled(ctx context.Context, std streams, c *cli, name string, disabled bool, done string) error {
	if err := call(ctx, c, http.MethodPatch, apiPath("users", name), map[string]any{"disabled": disabled}, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s %s.\n", name, done)
	return nil
}

type userRemoveCmd userSetCmd

// Run removes a user.
func (u userRemoveCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodDelete, apiPath("users", u.Name), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s was removed.\n", u.Name)
	return nil
}

type userTOTPCmd userSetCmd

// Help is shown by muster user reset-totp --help.
func (userTOTPCmd) Help() string {
	return `The password alone opens the account afterwards; be sure that it is the user who
asks. They can set a new code generator up in the console. Example:
  muster user reset-totp pilot`
}

// Run takes a second factor away.
func (u userTOTPCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodDelete, apiPath("users", u.Name, "totp"), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s logs in without a code now.\n", u.Name)
	return nil
}

type userFreshCmd userSetCmd

// Help is shown by muster user refresh --help.
func (userFreshCmd) Help() string {
	return `Takes over groups and rights from the directory; whoever is not found there any
more is locked out and everything they had open is ended. Example:
  muster user refresh pilot`
}

// Run looks a user up in the directory.
func (u userFreshCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodPost, apiPath("users", u.Name, "refresh"), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s is in step with the directory.\n", u.Name)
	return nil
}
