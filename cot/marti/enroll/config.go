package enroll

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// NameEntry is one part of the subject that clients put behind the user's name.
type NameEntry struct {
	Name  string `yaml:"name" doc:"Attribute: O, OU, L, ST or C."`
	Value string `yaml:"value" doc:"Its value."`
}

// Config is the section cot.enroll.
type Config struct {
	NameEntries []NameEntry   `yaml:"nameEntries" doc:"What clients write into a certificate request beside the user's name; at least two, or some of them fail. It carries no rights."`
	Name        string        `yaml:"name" doc:"What TAK clients call this server in their lists."`
	Host        string        `yaml:"host" doc:"Name or address that enrolment links and packages tell clients; empty: the best known one of this server."`
	AccessTime  time.Duration `yaml:"accessTime" doc:"How long an access token of /oauth/token is valid."`
	PerMinute   int           `yaml:"perMinute" doc:"Certificates that one user may enrol in a minute."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		NameEntries: []NameEntry{{"O", "Muster"}, {"OU", "TAK"}}, Name: "Muster",
		AccessTime: 12 * time.Hour, PerMinute: 10,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if len(c.NameEntries) < 2 || len(c.NameEntries) > 10 {
		return errors.New("nameEntries: from 2 to 10")
	}
	for _, n := range c.NameEntries {
		switch n.Name {
		case "O", "OU", "L", "ST", "C":
		default:
			return fmt.Errorf("nameEntries: %q is none of O, OU, L, ST and C", n.Name)
		}
		if n.Value == "" || len(n.Value) > 64 || strings.ContainsFunc(n.Value, unicode.IsControl) {
			return errors.New("nameEntries: a value has 1 to 64 printable characters")
		}
	}
	switch {
	case c.Name == "" || len(c.Name) > 64 || strings.ContainsAny(c.Name, ",\r\n"):
		return errors.New("name: 1 to 64 characters without commas, which the QR code of iTAK cannot hold")
	case strings.ContainsAny(c.Host, "/ \r\n,?&"):
		return errors.New("host: a name or an address")
	case c.AccessTime < time.Minute || c.AccessTime > 7*24*time.Hour:
		return errors.New("accessTime: from 1m to 168h")
	case c.PerMinute < 1 || c.PerMinute > 1000:
		return errors.New("perMinute: from 1 to 1000")
	}
	return nil
}
