package main

import (
	"bytes"
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
	Form          string `help:"${enum}. A package for ATAK and WinTAK (atak) or iTAK (itak) holds the certificate, the trust store and the settings that connect; p12 is the certificate alone." enum:"atak,itak,p12" default:"p12"`
	Callsign      string `help:"Callsign that the package sets." placeholder:"NAME"`
	Team          string `help:"Team colour that the package sets, such as Cyan." placeholder:"COLOUR"`
	Role          string `help:"Role that the package sets, such as 'Team Member'." placeholder:"ROLE"`
	Out           string `help:"File to write." placeholder:"FILE" type:"path"`
	Days          int    `help:"Days until it expires." default:"365"`
	PasswordStdin bool   `help:"With --form p12: read the password that protects the file from standard input instead of asking."`
}

// Help is shown by muster cert issue --help.
func (certIssueCmd) Help() string {
	return `The file holds a private key: whoever has it is that user until the certificate
is revoked. Bring it to the device by a safe way, and delete it. Packages have
the password that TAK clients try by themselves (atakatak), which protects
nothing. 'muster enroll' needs no such file: the device makes its own key.

Examples:
  muster cert issue pilot tablet --form atak --callsign "FALKE 2" --team Cyan
                                 writes pilot-tablet.zip: in ATAK choose Import,
                                 Local SD, and pick it
  muster cert issue pilot iphone --form itak
                                 writes pilot-iphone.zip: in iTAK add a server and
                                 choose Upload server package
  muster cert issue pilot gateway --form p12 --out gateway.p12
                                 for curl, browsers and gateways`
}

// Run issues a certificate.
func (t certIssueCmd) Run(ctx context.Context, std streams, c *cli) error {
	if t.Form != "p12" {
		return t.pack(ctx, std, c)
	}
	pass, err := askPassword(std, t.PasswordStdin, "Password for the file")
	if err != nil {
		return err
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
	return t.write(std, b, ".p12", "the certificate and its key")
}

// pack issues a certificate in a connection package.
func (t certIssueCmd) pack(ctx context.Context, std streams, c *cli) error {
	in := map[string]any{
		"user": t.User, "device": t.Device, "form": t.Form, "days": t.Days,
		"callsign": t.Callsign, "team": t.Team, "role": t.Role,
	}
	var zip bytes.Buffer
	if err := call(ctx, c, http.MethodPost, apiPath("certificates", "package"), in, &zip); err != nil {
		return err
	}
	return t.write(std, zip.Bytes(), ".zip", "the certificate, its key and the settings that connect")
}

func (t certIssueCmd) write(std streams, b []byte, ext, what string) error {
	name := t.Out
	if name == "" {
		name = t.User + "-" + t.Device + ext
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s holds %s.\n", name, what)
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
