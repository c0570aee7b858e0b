package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	userMark = "{user}"
	dnMark   = "{dn}"

	maxConns    = 8               // to the LDAP server at once; more wait
	maxIdle     = 4               // kept open
	maxIdleTime = time.Minute     // older ones are closed and made anew
	downFor     = 2 * time.Second // after a failed connection nobody tries for so long
)

// LDAP asks an LDAP server. Its methods may be called from anywhere; they never
// wait longer than a few times the configured timeout.
type LDAP struct {
	cfg    LDAPConfig
	tls    *tls.Config
	names  naming
	places chan struct{} // one taken per operation under way

	mu   sync.Mutex // guards what follows
	idle []*ldapConn
	down time.Time // no connection is tried before
	why  error
}

// ldapConn is a connection that is bound as nobody in particular.
type ldapConn struct {
	*ldap.Conn
	used time.Time
}

// NewLDAP returns a client; it connects only when it is asked something. The
// caller closes it.
func NewLDAP(cfg LDAPConfig) (*LDAP, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("ldap: %w", err)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("ldap: %w", err)
	}
	pool, err := roots(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ldap: %w", err)
	}
	return &LDAP{
		cfg: cfg, tls: &tls.Config{ServerName: u.Hostname(), RootCAs: pool, MinVersion: tls.VersionTLS12},
		names: naming{prefix: cfg.GroupPrefix, admin: cfg.AdminGroup}, places: make(chan struct{}, maxConns),
	}, nil
}

// roots reads certificates; nil means those of the system.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("caFile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("caFile: %s holds no certificate", file)
	}
	return pool, nil
}

// Close closes the connections that are idle.
func (l *LDAP) Close() {
	l.mu.Lock()
	idle := l.idle
	l.idle = nil
	l.mu.Unlock()
	for _, c := range idle {
		c.Close()
	}
}

// Login checks a password and returns whose it is. The error is ErrUnknown
// whether the name or the password is wrong; both cost the same questions.
func (l *LDAP) Login(ctx context.Context, user, password string) (Person, error) {
	if password == "" { // an LDAP server takes that for an anonymous login (RFC 4513 §5.1.2)
		return Person{}, ErrUnknown
	}
	var p Person
	err := l.with(ctx, func(c *ldapConn) error {
		if l.cfg.UserDN != "" {
			if err := bind(c, l.userDN(user), password); err != nil {
				return err
			}
			if err := l.again(c); err != nil {
				return err
			}
		}
		entry, err := l.find(c, user)
		if errors.Is(err, ErrUnknown) {
			// An answer for a name that does not exist takes as long.
			_ = bind(c, "cn=nobody,"+l.cfg.UserBase, password)
			return err
		}
		if err != nil {
			return err
		}
		if l.cfg.UserDN == "" {
			if err := bind(c, entry.DN, password); err != nil {
				return err
			}
			if err := l.again(c); err != nil {
				return err
			}
		}
		p, err = l.person(c, user, entry)
		return err
	})
	return p, err
}

// Lookup returns somebody by login name, or ErrUnknown. It takes an account that
// may look people up: without one, a person who cannot be seen is no person who
// is gone.
func (l *LDAP) Lookup(ctx context.Context, user string) (Person, error) {
	var p Person
	if l.cfg.UserDN != "" && l.cfg.BindDN == "" {
		return p, errors.New("ldap: bindDN is needed to look people up")
	}
	err := l.with(ctx, func(c *ldapConn) error {
		entry, err := l.find(c, user)
		if err != nil {
			return err
		}
		p, err = l.person(c, user, entry)
		return err
	})
	return p, err
}

// bind proves dn to the server. A wrong password is ErrUnknown.
func bind(c *ldapConn, dn, password string) error {
	err := c.Bind(dn, password)
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultInappropriateAuthentication) {
		return ErrUnknown
	}
	return err
}

// service binds as the account that looks people up.
func (l *LDAP) service(c *ldapConn) error {
	var err error
	if l.cfg.BindDN == "" {
		err = c.UnauthenticatedBind("")
	} else {
		err = c.Bind(l.cfg.BindDN, l.cfg.BindPassword)
	}
	if err != nil {
		return fmt.Errorf("log in to look people up: %w", err)
	}
	return nil
}

// again returns to the account that looks people up, if there is one: people may
// not see themselves and their groups.
func (l *LDAP) again(c *ldapConn) error {
	if l.cfg.BindDN == "" {
		return nil
	}
	return l.service(c)
}

func (l *LDAP) userDN(user string) string {
	return strings.ReplaceAll(l.cfg.UserDN, userMark, ldap.EscapeDN(user))
}

// fill puts a name and a DN into a pattern, escaped so that they stay values
// (RFC 4515 §3).
func fill(pattern, user, dn string, escape func(string) string) string {
	return strings.NewReplacer(userMark, escape(user), dnMark, escape(dn)).Replace(pattern)
}

// find returns the entry of a person.
func (l *LDAP) find(c *ldapConn, user string) (*ldap.Entry, error) {
	base, filter, scope := l.cfg.UserBase, fill(l.cfg.UserFilter, user, "", ldap.EscapeFilter), ldap.ScopeWholeSubtree
	if l.cfg.UserDN != "" {
		base, filter, scope = l.userDN(user), "(objectClass=*)", ldap.ScopeBaseObject
	}
	attrs := []string{l.cfg.NameAttr}
	for _, a := range []string{l.cfg.FullNameAttr, l.cfg.GroupAttr} {
		if a != "" {
			attrs = append(attrs, a)
		}
	}
	res, err := c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 2, l.seconds(), false, filter, attrs, nil))
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) && l.cfg.UserDN != "":
		return nil, ErrUnknown
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject): // or a directory that lost its tree would lock everybody out
		return nil, errors.New("userBase does not exist, or may not be read")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) || err == nil && len(res.Entries) > 1:
		return nil, fmt.Errorf("the user filter finds several people of one name: %w", ErrUnknown)
	case err != nil:
		return nil, fmt.Errorf("search a person: %w", err)
	case len(res.Entries) == 0:
		return nil, ErrUnknown
	}
	return res.Entries[0], nil
}

func (l *LDAP) seconds() int { return max(1, int(l.cfg.Timeout/time.Second)) }

// person reads an entry and finds its groups.
func (l *LDAP) person(c *ldapConn, user string, e *ldap.Entry) (Person, error) {
	p := Person{Subject: e.DN, Name: e.GetEqualFoldAttributeValue(l.cfg.NameAttr)}
	if p.Name == "" {
		p.Name = user
	}
	if l.cfg.FullNameAttr != "" {
		p.FullName = e.GetEqualFoldAttributeValue(l.cfg.FullNameAttr)
	}
	names, dns, err := l.groups(c, user, e)
	if err != nil {
		return Person{}, err
	}
	p.Groups, p.Admin = l.names.memberships(names, dns)
	for _, g := range l.cfg.DefaultGroups {
		p.Groups = append(p.Groups, Membership{Group: g, In: true, Out: true})
	}
	return p, nil
}

// groups returns the names and DNs of the groups of e.
func (l *LDAP) groups(c *ldapConn, user string, e *ldap.Entry) (names, dns []string, err error) {
	if l.cfg.GroupAttr != "" {
		for _, dn := range e.GetEqualFoldAttributeValues(l.cfg.GroupAttr) {
			if name := l.groupOf(dn); name != "" {
				names, dns = append(names, name), append(dns, dn)
			}
		}
		return names, dns, nil
	}
	if l.cfg.GroupBase == "" || l.cfg.GroupFilter == "" {
		return nil, nil, nil
	}
	filter := fill(l.cfg.GroupFilter, user, e.DN, ldap.EscapeFilter)
	res, err := c.Search(ldap.NewSearchRequest(l.cfg.GroupBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, maxGroups, l.seconds(), false,
		filter, []string{l.cfg.GroupNameAttr}, nil))
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		return nil, nil, fmt.Errorf("search groups: %w", err)
	}
	for _, g := range res.Entries {
		if name := g.GetEqualFoldAttributeValue(l.cfg.GroupNameAttr); name != "" {
			names, dns = append(names, name), append(dns, g.DN)
		}
	}
	return names, dns, nil
}

// groupOf returns the name of the group with that DN: the value of its first
// part, which must be the attribute that names groups; "" if the group does not
// count.
func (l *LDAP) groupOf(text string) string {
	dn, err := ldap.ParseDN(text)
	if err != nil || len(dn.RDNs) == 0 {
		return ""
	}
	if l.cfg.GroupBase != "" {
		base, err := ldap.ParseDN(l.cfg.GroupBase)
		if err != nil || !base.AncestorOfFold(dn) {
			return ""
		}
	}
	for _, a := range dn.RDNs[0].Attributes {
		if strings.EqualFold(a.Type, l.cfg.GroupNameAttr) {
			return a.Value
		}
	}
	return ""
}

// with runs f on a connection that is bound to look people up.
func (l *LDAP) with(ctx context.Context, f func(c *ldapConn) error) error {
	wait, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
	case <-wait.Done():
		return errors.New("ldap: too many questions are waiting")
	}
	c, reused, err := l.connect(ctx)
	if err != nil {
		return fmt.Errorf("ldap: %w", err)
	}
	err = l.attempt(ctx, c, f)
	if reused && lost(err) && ctx.Err() == nil {
		// The server had closed the connection while it was idle.
		if c, err = l.dial(ctx); err != nil {
			return fmt.Errorf("ldap: %w", err)
		}
		err = l.attempt(ctx, c, f)
	}
	if err != nil && !errors.Is(err, ErrUnknown) {
		return fmt.Errorf("ldap: %w", err)
	}
	return err
}

func (l *LDAP) attempt(ctx context.Context, c *ldapConn, f func(c *ldapConn) error) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	err := l.service(c)
	if err == nil {
		err = f(c)
	}
	if err == nil || errors.Is(err, ErrUnknown) {
		l.giveBack(c)
	} else {
		c.Close()
	}
	return err
}

func lost(err error) bool {
	return ldap.IsErrorAnyOf(err, ldap.ErrorNetwork, ldap.LDAPResultUnavailable, ldap.LDAPResultServerDown)
}

// connect returns an idle connection or a new one.
func (l *LDAP) connect(ctx context.Context) (c *ldapConn, reused bool, err error) {
	l.mu.Lock()
	for len(l.idle) > 0 && c == nil {
		last := l.idle[len(l.idle)-1]
		l.idle = l.idle[:len(l.idle)-1]
		if time.Since(last.used) > maxIdleTime || last.IsClosing() {
			defer last.Close()
			continue
		}
		c = last
	}
	l.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	c, err = l.dial(ctx)
	return c, false, err
}

func (l *LDAP) giveBack(c *ldapConn) {
	c.used = time.Now()
	l.mu.Lock()
	keep := len(l.idle) < maxIdle && !c.IsClosing()
	if keep {
		l.idle = append(l.idle, c)
	}
	l.mu.Unlock()
	if !keep {
		c.Close()
	}
}

// dial makes a connection. While the server is known to be down nobody waits for
// it.
func (l *LDAP) dial(ctx context.Context) (*ldapConn, error) {
	l.mu.Lock()
	down, why := time.Now().Before(l.down), l.why
	l.mu.Unlock()
	if down {
		return nil, fmt.Errorf("the server was not reachable just now: %w", why)
	}
	c, err := l.open(ctx)
	if err != nil && ctx.Err() == nil {
		l.mu.Lock()
		l.down, l.why = time.Now().Add(downFor), err
		l.mu.Unlock()
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return c, nil
}

func (l *LDAP) open(ctx context.Context) (*ldapConn, error) {
	u, err := url.Parse(l.cfg.URL)
	if err != nil {
		return nil, err
	}
	port := "389"
	if u.Scheme == "ldaps" {
		port = "636"
	}
	dialer := net.Dialer{Timeout: l.cfg.Timeout}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	raw, err := dialer.DialContext(ctx, "tcp", withDefaultPort(u.Host, port))
	if err != nil {
		return nil, err
	}
	if u.Scheme == "ldaps" {
		secure := tls.Client(raw, l.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		raw = secure
	}
	conn := ldap.NewConn(raw, u.Scheme == "ldaps")
	conn.SetTimeout(l.cfg.Timeout)
	conn.Start()
	if l.cfg.StartTLS {
		if err := conn.StartTLS(l.tls); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return &ldapConn{Conn: conn, used: time.Now()}, nil
}
