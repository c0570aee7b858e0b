// Package mail sends short messages through the submission server (RFC 6409) of
// whoever runs this one: links to choose a new password, and to enrol a device.
//
// Messages wait in memory, for they are worth nothing after some minutes; a
// restart loses those that the submission server has not taken.
package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"strings"
)

// The ways to the submission server.
const (
	TLSImplicit = "implicit" // TLS from the first byte (RFC 8314 §3.3)
	TLSStart    = "starttls" // STARTTLS, without which nothing is sent (RFC 3207)
	TLSNone     = "none"     // for a server on this machine; no password is sent
)

// Config is the section mail.
type Config struct {
	Host     string `yaml:"host" doc:"Submission server that mail is sent through; empty: no mail is sent."`
	Port     int    `yaml:"port" doc:"Its port; 0: 465 for implicit TLS, 587 for starttls, 25 for none."`
	TLS      string `yaml:"tls" doc:"How it is reached: implicit, starttls, or none (a server on this machine, without a password)."`
	User     string `yaml:"user" doc:"Name to log in there with; empty: no login."`
	Password string `yaml:"password" doc:"Its password."`
	CAFile   string `yaml:"caFile" doc:"Root certificates (PEM) that its certificate must come from; empty: those of the system."`
	From     string `yaml:"from" doc:"Sender of the messages, such as Muster <muster@example.org>; needed where host is set."`
	URL      string `yaml:"url" doc:"Address of the console that links in messages begin with, such as https://muster.example.org; empty: the first host name of the server."`
}

// DefaultConfig returns the settings the server starts with: no mail.
func DefaultConfig() Config { return Config{TLS: TLSImplicit} }

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch c.TLS {
	case TLSImplicit, TLSStart, TLSNone:
	default:
		return fmt.Errorf("tls: implicit, starttls or none, not %q", c.TLS)
	}
	if c.Port < 0 || c.Port > 65535 {
		return errors.New("port: between 0 and 65535")
	}
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return errors.New("url: write https:// and the name of this server")
		}
	}
	if c.Host == "" {
		return nil
	}
	switch {
	case strings.ContainsAny(c.Host, " \t\r\n/"):
		return errors.New("host: a host name or an address")
	case c.From == "":
		return errors.New("from: say who the messages are from, such as Muster <muster@example.org>")
	case c.TLS == TLSNone && c.User != "":
		return errors.New("user: a password is not sent without TLS; set tls to implicit or starttls")
	case c.User != "" && c.Password == "":
		return errors.New("password: is missing for the user")
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		return fmt.Errorf("from: %q is no address", c.From)
	}
	return nil
}

func (c Config) port() int {
	switch {
	case c.Port != 0:
		return c.Port
	case c.TLS == TLSImplicit:
		return 465
	case c.TLS == TLSStart:
		return 587
	}
	return 25
}

// trust is what the server's certificate is checked against.
func (c Config) trust() (*tls.Config, error) {
	t := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("mail: read caFile: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("mail: caFile: there is no certificate in %s", c.CAFile)
	}
	return t, nil
}
