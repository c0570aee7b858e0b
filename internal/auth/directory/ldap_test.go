package directory_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"muster/internal/auth/directory"
	"muster/internal/auth/directory/ldaptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client fits the directory of ldaptest.
func client(s *ldaptest.Server) directory.LDAPConfig {
	cfg := directory.DefaultLDAP()
	cfg.URL, cfg.BindDN, cfg.BindPassword = s.URL, ldaptest.BindDN, ldaptest.BindPass
	cfg.UserBase, cfg.GroupBase, cfg.GroupPrefix, cfg.AdminGroup = ldaptest.People, ldaptest.Groups, "tak_", "admins"
	cfg.DefaultGroups = []string{"everybody"}
	return cfg
}

func open(t *testing.T, cfg directory.LDAPConfig) *directory.LDAP {
	t.Helper()
	l, err := directory.NewLDAP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

var ann = directory.Person{
	Subject: ldaptest.UserDN("ann"), Name: "ann", FullName: "Full ann", Admin: true,
	Groups: []directory.Membership{
		{Group: "blue", Out: true}, {Group: "green", In: true}, {Group: "red", In: true, Out: true}, {Group: "everybody", In: true, Out: true},
	},
}

func TestLoginAndGroupsInEveryWay(t *testing.T) {
	s := ldaptest.Start(t)
	for name, change := range map[string]func(*directory.LDAPConfig){
		"search":                 func(*directory.LDAPConfig) {},
		"memberOf":               func(c *directory.LDAPConfig) { c.GroupAttr = "memberOf" },
		"DN of the user":         func(c *directory.LDAPConfig) { c.UserDN = "uid={user}," + ldaptest.People },
		"StartTLS":               func(c *directory.LDAPConfig) { c.StartTLS, c.CAFile = true, s.CAFile },
		"ldaps":                  func(c *directory.LDAPConfig) { c.URL, c.CAFile = s.TLSURL, s.CAFile },
		"admin group by DN":      func(c *directory.LDAPConfig) { c.AdminGroup = "cn=admins," + ldaptest.Groups },
		"prefix in another case": func(c *directory.LDAPConfig) { c.GroupPrefix = "TAK_" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := client(s)
			change(&cfg)
			l := open(t, cfg)
			for _, user := range []string{"ann", "ANN"} {
				p, err := l.Login(t.Context(), user, "ann-secret")
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(ann, p); d != "" && !strings.EqualFold(p.Subject, ann.Subject) {
					t.Error(d)
				}
			}
			p, err := l.Lookup(t.Context(), "ann")
			if err != nil || cmp.Diff(ann, p) != "" {
				t.Errorf("lookup: %v %s", err, cmp.Diff(ann, p))
			}
			for _, wrong := range [][2]string{{"ann", "wrong"}, {"ann", ""}, {"nobody", "ann-secret"}, {"ann ", ""}, {"", "x"}} {
				if _, err := l.Login(t.Context(), wrong[0], wrong[1]); !errors.Is(err, directory.ErrUnknown) {
					t.Errorf("%q with %q: %v", wrong[0], wrong[1], err)
				}
			}
		})
	}
}

func TestNamesCannotChangeTheQuestion(t *testing.T) {
	s := ldaptest.Start(t)
	s.AddUser("o(b)*r,ien=\\x")
	for name, change := range map[string]func(*directory.LDAPConfig){
		"filter": func(*directory.LDAPConfig) {}, "DN": func(c *directory.LDAPConfig) { c.UserDN = "uid={user}," + ldaptest.People },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := client(s)
			change(&cfg)
			l := open(t, cfg)
			for _, user := range []string{
				"*", "a*", "ann)(uid=*", "*)(objectClass=*", "ann)(|(uid=*", "ann\x00", "ann,ou=people", "ann+cn=x", "{dn}", "\\61nn", "nobody)(|(uid=ann",
				strings.Repeat("a", 5000),
			} {
				if p, err := l.Login(t.Context(), user, "ann-secret"); !errors.Is(err, directory.ErrUnknown) {
					t.Errorf("%.40q: %+v %v", user, p, err)
				}
			}
			if p, err := l.Login(t.Context(), "o(b)*r,ien=\\x", "o(b)*r,ien=\\x-secret"); err != nil || p.Name != "o(b)*r,ien=\\x" {
				t.Errorf("a name with marks: %+v %v", p, err)
			}
		})
	}
}

func TestWrongCertificateIsRefused(t *testing.T) {
	s := ldaptest.Start(t)
	for name, change := range map[string]func(*directory.LDAPConfig){
		"ldaps":    func(c *directory.LDAPConfig) { c.URL = s.TLSURL },
		"StartTLS": func(c *directory.LDAPConfig) { c.StartTLS = true },
	} {
		cfg := client(s)
		change(&cfg)
		if _, err := open(t, cfg).Login(t.Context(), "ann", "ann-secret"); err == nil || errors.Is(err, directory.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADirectoryThatIsDownSaysNothingAboutPeople(t *testing.T) {
	s := ldaptest.Start(t)
	l := open(t, client(s))
	if _, err := l.Login(t.Context(), "ann", "ann-secret"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	for range 3 {
		if _, err := l.Lookup(t.Context(), "ann"); err == nil || errors.Is(err, directory.ErrUnknown) {
			t.Errorf("%v", err)
		}
	}
}

func TestMissingBaseIsNoMissingPerson(t *testing.T) {
	s := ldaptest.Start(t)
	cfg := client(s)
	cfg.UserBase = "ou=gone," + ldaptest.Base
	if _, err := open(t, cfg).Lookup(t.Context(), "ann"); err == nil || errors.Is(err, directory.ErrUnknown) {
		t.Errorf("%v", err)
	}
	cfg = client(s)
	cfg.BindPassword = "wrong"
	if _, err := open(t, cfg).Login(t.Context(), "ann", "ann-secret"); err == nil || errors.Is(err, directory.ErrUnknown) {
		t.Errorf("our own account does not get in: %v", err)
	}
}

// TestAServerThatNeverAnswers holds connections open and says nothing.
func TestAServerThatNeverAnswers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	cfg := directory.DefaultLDAP()
	cfg.URL, cfg.UserBase, cfg.Timeout = "ldap://"+ln.Addr().String(), "dc=x", time.Second
	l := open(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := l.Login(ctx, "ann", "x"); err == nil || errors.Is(err, directory.ErrUnknown) {
		t.Errorf("cut short: %v", err)
	}
	if _, err := l.Login(t.Context(), "ann", "x"); err == nil || errors.Is(err, directory.ErrUnknown) {
		t.Errorf("out of time: %v", err)
	}
}

func TestLDAPConfig(t *testing.T) {
	good := directory.DefaultLDAP()
	good.URL, good.UserBase = "ldaps://ldap.example.org", "ou=people,dc=example,dc=org"
	for name, tc := range map[string]struct {
		change func(*directory.LDAPConfig)
		ok     bool
	}{
		"good":                  {func(*directory.LDAPConfig) {}, true},
		"off":                   {func(c *directory.LDAPConfig) { *c = directory.LDAPConfig{} }, true},
		"in the clear":          {func(c *directory.LDAPConfig) { c.URL = "ldap://ldap.example.org" }, false},
		"in the clear, meant":   {func(c *directory.LDAPConfig) { c.URL, c.Plain = "ldap://ldap.example.org", true }, true},
		"StartTLS":              {func(c *directory.LDAPConfig) { c.URL, c.StartTLS = "ldap://ldap.example.org", true }, true},
		"StartTLS in TLS":       {func(c *directory.LDAPConfig) { c.StartTLS = true }, false},
		"scheme":                {func(c *directory.LDAPConfig) { c.URL = "https://ldap.example.org" }, false},
		"no base":               {func(c *directory.LDAPConfig) { c.UserBase = "" }, false},
		"filter for everybody":  {func(c *directory.LDAPConfig) { c.UserFilter = "(objectClass=*)" }, false},
		"filter not closed":     {func(c *directory.LDAPConfig) { c.UserFilter = "(uid={user}" }, false},
		"no DN":                 {func(c *directory.LDAPConfig) { c.GroupBase = "groups" }, false},
		"bind by mail":          {func(c *directory.LDAPConfig) { c.BindDN = "reader@example.org" }, true},
		"user DN without user":  {func(c *directory.LDAPConfig) { c.UserDN = "uid=ann" }, false},
		"refresh all the time":  {func(c *directory.LDAPConfig) { c.Refresh = time.Second }, false},
		"no time for an answer": {func(c *directory.LDAPConfig) { c.Timeout = 0 }, false},
	} {
		c := good
		tc.change(&c)
		if err := c.Validate(); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
