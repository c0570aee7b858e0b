package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"time"
)

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
