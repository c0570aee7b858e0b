package pki

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Config says which names the server answers for and where its certificate
// comes from. Without any of it the own CA does everything.
type Config struct {
	Name       string     `yaml:"name" doc:"Name of the certificate authority as devices show it; empty: Muster CA and six digits of its key."`
	Names      []string   `yaml:"names" doc:"Further host names and addresses under which clients reach this server, such as its public name."`
	CertFile   string     `yaml:"certFile" doc:"A certificate of your own (PEM, with its chain), served to clients that ask for a name in it; read again when it changes."`
	KeyFile    string     `yaml:"keyFile" doc:"The private key of certFile (PEM)."`
	ClientDays int        `yaml:"clientDays" doc:"How many days a device certificate is valid unless it was asked for with another number."`
	ACME       ACMEConfig `yaml:"acme" doc:"Certificates from a public authority by ACME (RFC 8555), such as Let's Encrypt."`
}

// ACMEConfig is off while Domains is empty.
type ACMEConfig struct {
	Domains   []string `yaml:"domains" doc:"Host names to get certificates for; they must lead to this server from the internet. Using it accepts the authority's terms."`
	Email     string   `yaml:"email" doc:"Where the authority writes to when a certificate is about to expire."`
	Directory string   `yaml:"directory" doc:"The authority's ACME directory; the default is Let's Encrypt."`
	CAFile    string   `yaml:"caFile" doc:"Root certificates (PEM) to trust when talking to the directory, for an authority inside your own network."`
	HTTPPort  int      `yaml:"httpPort" doc:"The port of this machine at which the internet's port 80 arrives."`
	TLSPort   int      `yaml:"tlsPort" doc:"The port of this machine at which the internet's port 443 arrives."`
}

// DefaultConfig serves the certificate of the own CA.
func DefaultConfig() Config {
	return Config{
		ClientDays: 365,
		ACME: ACMEConfig{
			Directory: "https://acme-v02.api.letsencrypt.org/directory",
			HTTPPort:  80,
			TLSPort:   443,
		},
	}
}

// Validate checks the fields of c except those of ACME.
func (c Config) Validate() error {
	var errs []error
	if len(c.Name) > maxCommonName {
		errs = append(errs, fmt.Errorf("name: longer than %d characters", maxCommonName))
	}
	for _, n := range c.Names {
		if _, _, err := parseName(n); err != nil {
			errs = append(errs, fmt.Errorf("names: %w", err))
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("certFile and keyFile go together; set both or none"))
	}
	if c.ClientDays < 1 || c.ClientDays > 3650 {
		errs = append(errs, errors.New("clientDays: must be from 1 to 3650"))
	}
	return errors.Join(errs...)
}

// Validate checks c.
func (c ACMEConfig) Validate() error {
	var errs []error
	for _, d := range c.Domains {
		dns, _, err := parseName(d)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("domains: %w", err))
		case dns == "" || strings.HasPrefix(dns, "*.") || !strings.Contains(dns, "."):
			errs = append(errs, fmt.Errorf("domains: %q is not a full host name such as tak.example.net", d))
		}
	}
	if u, err := url.Parse(c.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		errs = append(errs, errors.New("directory: must be an https:// address"))
	}
	for name, p := range map[string]int{"httpPort": c.HTTPPort, "tlsPort": c.TLSPort} {
		if p < 1 || p > 65535 {
			errs = append(errs, fmt.Errorf("%s: must be from 1 to 65535", name))
		}
	}
	return errors.Join(errs...)
}

// parseName returns s as a DNS name in ASCII form or as an address.
func parseName(s string) (dns string, addr netip.Addr, err error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", a.Unmap().WithZone(""), nil
	}
	host, wildcard := strings.CutPrefix(s, "*.")
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil || !utf8.ValidString(s) || !isHostName(ascii) {
		return "", netip.Addr{}, fmt.Errorf("%q is neither a host name nor an address", s)
	}
	if wildcard {
		ascii = "*." + ascii
	}
	return ascii, netip.Addr{}, nil
}

// isHostName reports whether s, in lower-case ASCII, is a DNS name of the
// letters, digits and hyphens form (RFC 1123 §2.1).
func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}
