package main

import (
	"context"
	"fmt"
	"net/http"
)

type mailCmd struct {
	Test mailTestCmd `cmd:"" help:"Send a test message and say how it went."`
}

type mailTestCmd struct {
	To string `arg:"" help:"Address to send it to."`
}

// Help is shown by muster mail test --help.
func (mailTestCmd) Help() string {
	return `Uses the section mail of the configuration: of the running server, or of --config
while it is stopped. Such as

  mail:
    host: smtp.example.org
    tls: starttls            # or implicit
    user: muster@example.org
    password: …              # or the variable MUSTER_MAIL_PASSWORD_FILE
    from: Muster <muster@example.org>

Example:
  muster mail test you@example.org`
}

// Run sends a test message.
func (m mailTestCmd) Run(ctx context.Context, std streams, c *cli) error {
	if err := call(ctx, c, http.MethodPost, apiPath("mail", "test"), map[string]any{"to": m.To}, nil); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "The mail server has taken a message to %s. If it does not arrive, look into the spam folder.\n", m.To)
	return nil
}
