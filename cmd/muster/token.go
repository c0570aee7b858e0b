package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

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
