package directory

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// LDAPConfig is the section auth.ldap. It is off while URL is empty.
type LDAPConfig struct {
	URL           string        `yaml:"url" doc:"LDAP server: ldaps://host, or ldap://host with startTLS. Empty: no LDAP."`
	StartTLS      bool          `yaml:"startTLS" doc:"Encrypt an ldap:// connection before anything is sent over it."`
	Plain         bool          `yaml:"plain" doc:"Let passwords cross the network unencrypted (ldap:// without startTLS)."`
	CAFile        string        `yaml:"caFile" doc:"Root certificates (PEM) that the LDAP server's certificate must come from; empty: those of the system."`
	BindDN        string        `yaml:"bindDN" doc:"Account that looks people up; empty: anonymously."`
	BindPassword  string        `yaml:"bindPassword" doc:"Its password."`
	UserDN        string        `yaml:"userDN" doc:"Instead of a search: the DN of a user, with {user} in place of the name. Then userBase and userFilter are not used."`
	UserBase      string        `yaml:"userBase" doc:"Where people are searched."`
	UserFilter    string        `yaml:"userFilter" doc:"Filter that finds one person by {user}. It also decides who may log in."`
	NameAttr      string        `yaml:"nameAttribute" doc:"Attribute that holds the login name."`
	FullNameAttr  string        `yaml:"fullNameAttribute" doc:"Attribute that holds the name for people."`
	GroupAttr     string        `yaml:"groupAttribute" doc:"Attribute of a person that lists their groups by DN, such as memberOf; empty: search groups by groupFilter."`
	GroupBase     string        `yaml:"groupBase" doc:"Where groups are searched; with groupAttribute only groups below it count."`
	GroupFilter   string        `yaml:"groupFilter" doc:"Filter that finds the groups of {dn} or {user}; used where groupAttribute is empty."`
	GroupNameAttr string        `yaml:"groupNameAttribute" doc:"Attribute that holds the name of a group."`
	GroupPrefix   string        `yaml:"groupPrefix" doc:"Only groups whose name begins so count; it is taken off. After it, a name that ends in _READ only receives and one in _WRITE only publishes."`
	AdminGroup    string        `yaml:"adminGroup" doc:"Name or DN of the group whose members are administrators; empty: the directory decides about no roles."`
	DefaultGroups []string      `yaml:"defaultGroups" doc:"Groups that everybody from the directory is in as well, with IN and OUT."`
	Refresh       time.Duration `yaml:"refresh" doc:"How often people who came from the directory are looked up again; whoever is not found any more is locked out."`
	Timeout       time.Duration `yaml:"timeout" doc:"How long the LDAP server may take for one answer."`
}

// DefaultLDAP returns the settings that fit most directories, switched off.
func DefaultLDAP() LDAPConfig {
	return LDAPConfig{
		UserFilter: "(uid={user})", NameAttr: "uid", FullNameAttr: "cn",
		GroupFilter: "(&(objectClass=groupOfNames)(member={dn}))", GroupNameAttr: "cn",
		Refresh: 5 * time.Minute, Timeout: 5 * time.Second,
	}
}

// Validate reports the first setting that makes no sense.
func (c LDAPConfig) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return errors.New("url must be ldaps://host or ldap://host")
	}
	if err := c.checkTransport(u); err != nil {
		return err
	}
	switch {
	case c.UserDN != "" && !strings.Contains(c.UserDN, userMark):
		return errors.New("userDN must contain {user}")
	case c.UserDN == "" && c.UserBase == "":
		return errors.New("userBase or userDN is needed")
	case c.UserDN == "" && !strings.Contains(c.UserFilter, userMark):
		return errors.New("userFilter must contain {user}")
	case c.NameAttr == "" || c.GroupNameAttr == "":
		return errors.New("nameAttribute and groupNameAttribute are needed")
	case c.Refresh < 10*time.Second || c.Refresh > 24*time.Hour:
		return errors.New("refresh must be between 10s and 24h")
	case c.Timeout < time.Second || c.Timeout > time.Minute:
		return errors.New("timeout must be between 1s and 1m")
	}
	return c.checkFilters()
}

func (c LDAPConfig) checkTransport(u *url.URL) error {
	switch {
	case u.Scheme == "ldaps" && c.StartTLS:
		return errors.New("startTLS goes with ldap://, not with ldaps://")
	case u.Scheme == "ldap" && !c.StartTLS && !c.Plain && !isLoopback(u.Hostname()):
		return errors.New("ldap:// would send passwords in the clear; use ldaps://, set startTLS, or set plain if the network is safe")
	}
	return nil
}

func (c LDAPConfig) checkFilters() error {
	for key, text := range map[string]string{"userFilter": c.UserFilter, "groupFilter": c.GroupFilter} {
		if text == "" {
			continue
		}
		if _, err := ldap.CompileFilter(fill(text, "user", "cn=dn", ldap.EscapeFilter)); err != nil {
			return fmt.Errorf("%s is not an LDAP filter: %w", key, err)
		}
	}
	for key, text := range map[string]string{"userBase": c.UserBase, "groupBase": c.GroupBase, "bindDN": c.BindDN, "userDN": strings.ReplaceAll(c.UserDN, userMark, "x")} {
		if _, err := ldap.ParseDN(text); err != nil && !strings.Contains(text, "@") { // Active Directory also binds by mail-like names
			return fmt.Errorf("%s is not a DN: %w", key, err)
		}
	}
	return nil
}

// OIDCConfig is one entry of auth.oidc.
type OIDCConfig struct {
	ID           string   `yaml:"id" doc:"Short name in addresses, such as keycloak."`
	Name         string   `yaml:"name" doc:"What the login page calls it."`
	Issuer       string   `yaml:"issuer" doc:"Address of the provider, https://…, as its tokens name it."`
	ClientID     string   `yaml:"clientID" doc:"What the provider calls this server."`
	ClientSecret string   `yaml:"clientSecret" doc:"The secret that the provider gave out for it; empty for a public client."`
	Scopes       []string `yaml:"scopes" doc:"What is asked for; openid is always."`
	UserClaim    string   `yaml:"userClaim" doc:"Claim that holds the login name; empty: preferred_username."`
	GroupClaim   string   `yaml:"groupClaim" doc:"Claim that lists groups; empty: groups."`
	GroupPrefix  string   `yaml:"groupPrefix" doc:"Only groups whose name begins so count; it is taken off. _READ and _WRITE at the end give a direction, as with LDAP."`
	AdminGroup   string   `yaml:"adminGroup" doc:"Group whose members are administrators; empty: the provider decides about no roles."`
	Defaults     []string `yaml:"defaultGroups" doc:"Groups that everybody from this provider is in as well, with IN and OUT."`
	CAFile       string   `yaml:"caFile" doc:"Root certificates (PEM) for a provider inside your own network; empty: those of the system."`
	Hosts        []string `yaml:"allowedHosts" doc:"Hosts beside the issuer's own that may be reached at private addresses, where the provider spreads over several."`
}

// validID is what an OIDC provider may be called.
var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Validate reports the first setting that makes no sense.
func (c OIDCConfig) Validate() error {
	if !validID.MatchString(c.ID) {
		return errors.New("id: lower-case letters, digits and hyphens, at most 32")
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: issuer must be an https:// address", c.ID)
	}
	if c.ClientID == "" {
		return fmt.Errorf("%s: clientID is needed", c.ID)
	}
	return nil
}

func (c OIDCConfig) complete() OIDCConfig {
	if c.Name == "" {
		c.Name = c.ID
	}
	if c.UserClaim == "" {
		c.UserClaim = "preferred_username"
	}
	if c.GroupClaim == "" {
		c.GroupClaim = "groups"
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile"}
	}
	return c
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func withDefaultPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
