package auth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"

	"muster/internal/auth/directory"
	"muster/internal/limit"
)

// Config says how passwords are kept and how logins are limited.
type Config struct {
	DefaultGroup  string               `yaml:"defaultGroup" doc:"Group that users added without groups join, with IN and OUT."`
	MinPassword   int                  `yaml:"minPassword" doc:"Fewest characters of a password."`
	Hash          HashConfig           `yaml:"hash" doc:"Cost of password hashes (argon2id); existing hashes follow at the next login."`
	HashQueue     int                  `yaml:"hashQueue" doc:"Logins that may wait for a processor core to check their password; more are told to come back."`
	PasswordCache time.Duration        `yaml:"passwordCache" doc:"How long a password that was right is not hashed again, for clients that send it with each request; 0 switches this off."`
	Failures      limit.FailuresConfig `yaml:"failures" doc:"Failed logins that are free, and the waits after them."`

	Enrolment      time.Duration          `yaml:"enrolment" doc:"How long an enrolment link or token is valid unless it was asked for with another time."`
	MaxEnrolment   time.Duration          `yaml:"maxEnrolment" doc:"The longest time that one can be asked for with; 24h at the most."`
	RevokeReplaced bool                   `yaml:"revokeReplaced" doc:"Whether a device that enrols again loses its earlier certificates. A device that reaches this server under two names enrols once for each: leave it off there."`
	Issuer         string                 `yaml:"issuer" doc:"What code generators (TOTP) call this server."`
	LDAP           directory.LDAPConfig   `yaml:"ldap" doc:"People of an LDAP directory; off while url is empty."`
	OIDC           []directory.OIDCConfig `yaml:"oidc" doc:"OpenID Connect providers that browsers may log in with."`
}

// HashConfig holds the costs of argon2id (RFC 9106).
type HashConfig struct {
	Memory      uint32 `yaml:"memory" doc:"Memory of one hash, in KiB."`
	Iterations  uint32 `yaml:"iterations" doc:"Passes over the memory."`
	Parallelism uint8  `yaml:"parallelism" doc:"Threads of one hash."`
}

// DefaultConfig returns the settings the server starts with.
func DefaultConfig() Config {
	return Config{
		DefaultGroup:  "team",
		MinPassword:   8,
		Hash:          HashConfig{Memory: 19 * 1024, Iterations: 2, Parallelism: 1},
		HashQueue:     64,
		PasswordCache: time.Minute,
		Failures:      limit.DefaultFailures(),
		Enrolment:     15 * time.Minute,
		MaxEnrolment:  24 * time.Hour,
		Issuer:        "Muster",
		LDAP:          directory.DefaultLDAP(),
	}
}

// Validate reports the first setting that makes no sense.
func (c Config) Validate() error {
	if err := checkGroupName(c.DefaultGroup); err != nil {
		return fmt.Errorf("defaultGroup: %w", err)
	}
	switch {
	case c.MinPassword < 1 || c.MinPassword > 64:
		return fmt.Errorf("minPassword must be between 1 and 64")
	case c.Hash.Memory < 8 || c.Hash.Memory > 1<<20:
		return fmt.Errorf("hash.memory must be between 8 and 1048576 KiB")
	case c.Hash.Iterations < 1 || c.Hash.Iterations > 100:
		return fmt.Errorf("hash.iterations must be between 1 and 100")
	case c.Hash.Parallelism < 1:
		return fmt.Errorf("hash.parallelism must be at least 1")
	case c.HashQueue < 0 || c.HashQueue > 10_000:
		return fmt.Errorf("hashQueue must be between 0 and 10000")
	case c.PasswordCache < 0 || c.PasswordCache > time.Hour:
		return fmt.Errorf("passwordCache must be between 0s and 1h")
	}
	if err := c.Failures.Validate(); err != nil {
		return fmt.Errorf("failures: %w", err)
	}
	return c.checkIdentity()
}

func (c Config) checkIdentity() error {
	switch {
	case c.Enrolment < time.Minute || c.Enrolment > c.MaxEnrolment:
		return fmt.Errorf("enrolment must be between 1m and maxEnrolment")
	case c.MaxEnrolment > 24*time.Hour:
		return fmt.Errorf("maxEnrolment must be 24h at the most")
	case c.Issuer == "" || len(c.Issuer) > maxName || strings.ContainsAny(c.Issuer, ":/?&%"):
		return fmt.Errorf("issuer must be a short name")
	}
	if err := c.LDAP.Validate(); err != nil {
		return fmt.Errorf("ldap: %w", err)
	}
	known := make(map[string]bool)
	for _, p := range c.OIDC {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("oidc: %w", err)
		}
		if known[p.ID] {
			return fmt.Errorf("oidc: two providers are called %s", p.ID)
		}
		known[p.ID] = true
	}
	for _, g := range c.directoryGroups() {
		if err := checkGroupName(g); err != nil {
			return err
		}
	}
	return nil
}

// directoryGroups lists the groups that the configuration gives to people of
// directories.
func (c Config) directoryGroups() []string {
	out := slices.Clone(c.LDAP.DefaultGroups)
	for _, p := range c.OIDC {
		out = append(out, p.Defaults...)
	}
	return out
}

func (c HashConfig) params() *argon2id.Params {
	return &argon2id.Params{Memory: c.Memory, Iterations: c.Iterations, Parallelism: c.Parallelism, SaltLength: 16, KeyLength: 32}
}
