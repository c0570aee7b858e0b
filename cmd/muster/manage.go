package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// call dials, makes one API call and hangs up.
func call(ctx context.Context, c *cli, method, path string, in, out any) error {
	cl, err := dial(ctx, c)
	if err != nil {
		return err
	}
	defer cl.close()
	return cl.do(ctx, method, path, in, out)
}

func apiPath(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/api/v1/" + strings.Join(parts, "/")
}

// table prints rows in columns.
func table(std streams, header string, rows [][]string) {
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(header, "|", "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
}

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
	Disable userSetCmd    `cmd:"" help:"Lock somebody out and end everything they have open."`
	Enable  userEnableCmd `cmd:"" help:"Let somebody in again."`
	Remove  userRemoveCmd `cmd:"" help:"Remove somebody for good."`
}

type userAddCmd struct {
	Name          string   `arg:"" help:"Login name."`
	Role          string   `help:"${enum}. An operator also sees and ends sessions, an admin may do everything." enum:"member,operator,admin" default:"member"`
	Group         []string `help:"Group to be in: NAME, NAME:in (may only publish to it) or NAME:out (only receives it). Again for more; 'team' if left out." placeholder:"GROUP"`
	FullName      string   `help:"Name for people." placeholder:"TEXT"`
	PasswordStdin bool     `help:"Read the password from standard input instead of asking."`
}

// Help is shown by muster user add --help.
func (userAddCmd) Help() string {
	return `Examples:
  muster user add pilot --group uas
  muster user add watcher --group uas:out --password-stdin < secret.txt`
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
	pass, err := askPassword(std, u.PasswordStdin, "Password for "+u.Name)
	if err != nil {
		return err
	}
	in := map[string]any{"name": u.Name, "role": u.Role, "password": pass}
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
	return nil
}

type userListCmd struct{}

// Run lists users.
func (userListCmd) Run(ctx context.Context, std streams, c *cli) error {
	var out struct {
		Users []struct {
			Name, Role, FullName string
			Disabled             bool
			Groups               []grant
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
		rows = append(rows, []string{u.Name, u.Role, state, strings.Join(groups, ","), u.FullName})
	}
	table(std, "NAME|ROLE|STATE|GROUPS|FULL NAME", rows)
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

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Create a token or a stream key; its secret is shown once."`
	List   tokenListCmd   `cmd:"" help:"List tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Make a token worthless and end what it opened."`
}

type tokenCreateCmd struct {
	User    string   `arg:"" help:"Whose rights the token carries; never more than theirs."`
	Name    string   `arg:"" help:"What it is for."`
	Publish []string `help:"Stream it may publish; * stands for one part of a name. Again for more." placeholder:"STREAM"`
	Read    []string `help:"Stream it may watch." placeholder:"STREAM"`
	API     bool     `help:"It may use the REST API." name:"api"`
	Days    int      `help:"Days until it expires." default:"365"`
}

// Help is shown by muster token create --help.
func (tokenCreateCmd) Help() string {
	return `Examples:
  muster token create pilot drone1 --publish uas/drone1
      a stream key: use it as the password, or as ?token=… in the address
  muster token create watcher wall --read 'uas/*' --days 7
  muster token create admin script --api`
}

// Run creates a token.
func (t tokenCreateCmd) Run(ctx context.Context, std streams, c *cli) error {
	var actions, streams []string
	if len(t.Publish) > 0 {
		actions = append(actions, "publish")
	}
	if len(t.Read) > 0 {
		actions = append(actions, "read")
	}
	if len(t.Publish) > 0 && len(t.Read) > 0 && strings.Join(t.Publish, " ") != strings.Join(t.Read, " ") {
		return fmt.Errorf("one token names one set of streams: create two tokens, one with --publish and one with --read")
	}
	streams = append(append(streams, t.Publish...), t.Read...)
	kind := "streamkey"
	if t.API {
		actions = append(actions, "api", "operate", "admin")
		kind = "token"
	}
	if len(actions) == 0 {
		return fmt.Errorf("say what the token is for: --publish STREAM, --read STREAM or --api")
	}
	in := map[string]any{"user": t.User, "name": t.Name, "kind": kind, "days": t.Days,
		"scope": map[string]any{"actions": actions, "streams": streams}}
	var out struct{ Secret string }
	if err := call(ctx, c, http.MethodPost, apiPath("tokens"), in, &out); err != nil {
		return err
	}
	fmt.Fprintln(std.out, out.Secret)
	fmt.Fprintln(std.err, "This is shown once. Keep it like a password.")
	return nil
}

type tokenListCmd struct{}

// Run lists tokens.
func (tokenListCmd) Run(ctx context.Context, std streams, c *cli) error {
	var out struct {
		Tokens []struct {
			ID, User, Name, Kind string
			Scope                struct{ Actions, Streams []string }
			Expires              *time.Time
		}
	}
	if err := call(ctx, c, http.MethodGet, apiPath("tokens")+"?all=true", nil, &out); err != nil {
		return err
	}
	var rows [][]string
	for _, t := range out.Tokens {
		expires := "never"
		if t.Expires != nil && !t.Expires.IsZero() {
			expires = t.Expires.Format(time.DateOnly)
		}
		rows = append(rows, []string{t.ID, t.User, t.Name, t.Kind, strings.Join(t.Scope.Actions, ","), strings.Join(t.Scope.Streams, ","), expires})
	}
	table(std, "ID|USER|NAME|KIND|FOR|STREAMS|EXPIRES", rows)
	return nil
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"Id of the token, from 'muster token list'."`
}

// Run revokes a token.
func (t tokenRevokeCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodDelete, apiPath("tokens", t.ID), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Token %s is worthless now.\n", t.ID)
	return nil
}

type certCmd struct {
	Issue  certIssueCmd  `cmd:"" help:"Issue a client certificate as a PKCS#12 file."`
	List   certListCmd   `cmd:"" help:"List certificates."`
	Revoke certRevokeCmd `cmd:"" help:"Revoke a certificate and end what it opened."`
}

type certIssueCmd struct {
	User          string `arg:"" help:"Who will hold it."`
	Device        string `arg:"" help:"Name of the device." default:"device" optional:""`
	Out           string `help:"File to write." placeholder:"FILE" type:"path"`
	Days          int    `help:"Days until it expires." default:"365"`
	PasswordStdin bool   `help:"Read the password that protects the file from standard input instead of asking."`
}

// Help is shown by muster cert issue --help.
func (certIssueCmd) Help() string {
	return `Example:
  muster cert issue pilot tablet --out pilot-tablet.p12`
}

// Run issues a certificate.
func (t certIssueCmd) Run(ctx context.Context, std streams, c *cli) error {
	pass, err := askPassword(std, t.PasswordStdin, "Password for the file")
	if err != nil {
		return err
	}
	name := t.Out
	if name == "" {
		name = t.User + "-" + t.Device + ".p12"
	}
	in := map[string]any{"user": t.User, "name": t.Device, "days": t.Days, "password": pass}
	var out struct{ P12 string }
	if err := call(ctx, c, http.MethodPost, apiPath("certificates"), in, &out); err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(out.P12)
	if err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s holds the certificate and its key.\n", name)
	return nil
}

type certListCmd struct{}

// Run lists certificates.
func (certListCmd) Run(ctx context.Context, std streams, c *cli) error {
	var out struct {
		Certificates []struct {
			Fingerprint, User, Name string
			Expires                 time.Time
			Revoked                 any
		}
	}
	if err := call(ctx, c, http.MethodGet, apiPath("certificates"), nil, &out); err != nil {
		return err
	}
	var rows [][]string
	for _, t := range out.Certificates {
		state := "valid"
		if t.Revoked != nil && t.Revoked != false {
			state = "revoked"
		}
		rows = append(rows, []string{t.Fingerprint, t.User, t.Name, t.Expires.Format(time.DateOnly), state})
	}
	table(std, "FINGERPRINT|USER|DEVICE|EXPIRES|STATE", rows)
	return nil
}

type certRevokeCmd struct {
	Fingerprint string `arg:"" help:"Fingerprint, from 'muster cert list'."`
}

// Run revokes a certificate.
func (t certRevokeCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodDelete, apiPath("certificates", t.Fingerprint), nil, nil); err != nil {
		return err
	}
	fmt.Fprintln(std.out, "The certificate is revoked.")
	return nil
}
