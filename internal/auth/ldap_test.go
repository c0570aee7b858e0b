package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/internal/auth"
	"muster/internal/auth/directory/ldaptest"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func withLDAP(s *ldaptest.Server) auth.Config {
	cfg := cheap()
	cfg.PasswordCache = 0
	l := &cfg.LDAP
	l.URL, l.BindDN, l.BindPassword = s.URL, ldaptest.BindDN, ldaptest.BindPass
	l.UserBase, l.GroupBase, l.GroupPrefix, l.AdminGroup = ldaptest.People, ldaptest.Groups, "tak_", "admins"
	return cfg
}

// eachLDAP runs a test on both databases, each with a directory of its own.
func eachLDAP(t *testing.T, test func(t *testing.T, f *fixture, s *ldaptest.Server)) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		s := ldaptest.Start(t)
		f := newFixture(t, storetest.Open(t, cfg), withLDAP(s))
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		test(t, f, s)
	})
}

func ldapPass(user string) auth.Proof {
	return auth.Proof{User: user, Password: user + "-secret", Remote: from}
}

func TestPeopleOfTheDirectory(t *testing.T) {
	eachLDAP(t, func(t *testing.T, f *fixture, s *ldaptest.Server) {
		id := f.login(t, ldapPass("ann"))
		want := []auth.Grant{{Group: "blue", Out: true}, {Group: "green", In: true}, {Group: "red", In: true, Out: true}}
		if d := cmp.Diff(want, id.Groups); d != "" || id.User != "ann" || id.Role != auth.RoleAdmin {
			t.Fatalf("%s %s %s", id.User, id.Role, d)
		}
		u, err := f.User(t.Context(), "ann")
		if err != nil || u.Origin != auth.OriginLDAP || u.FullName != "Full ann" || u.Password {
			t.Errorf("%+v %v", u, err)
		}
		if f.login(t, ldapPass("bob")).Role != auth.RoleMember {
			t.Error("bob is more than a member")
		}
		for _, p := range []auth.Proof{{User: "ann", Password: "wrong"}, {User: "nobody", Password: "x"}, {User: "ann", Password: "*"}} {
			p.Remote = from
			if _, err := f.Authenticate(t.Context(), p); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: %v", p.User, err)
			}
		}
		if err := f.SetPassword(t.Context(), "ann", "a password of our own"); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("their password can be set here: %v", err)
		}
	})
}

func TestDirectoryNeverOpensALocalAccount(t *testing.T) {
	eachLDAP(t, func(t *testing.T, f *fixture, s *ldaptest.Server) {
		f.add(t, "ANN")
		if _, err := f.AddUser(t.Context(), auth.NewUser{Name: "bob"}); err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"ann", "bob"} {
			if _, err := f.Authenticate(t.Context(), ldapPass(user)); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("%s: %v", user, err)
			}
		}
		f.login(t, pass("ann"))
		s.AddUser("anonymous")
		if _, err := f.Authenticate(t.Context(), ldapPass("anonymous")); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("anonymous: %v", err)
		}
	})
}

func TestGroupsFollowTheDirectory(t *testing.T) {
	eachLDAP(t, func(t *testing.T, f *fixture, s *ldaptest.Server) {
		f.login(t, ldapPass("ann"))
		if _, err := f.AddGroup(t.Context(), "ours", ""); err != nil {
			t.Fatal(err)
		}
		for group, in := range map[string]bool{"ours": true, "blue": true} { // given here: stays so
			if err := f.Grant(t.Context(), "ann", group, in, false); err != nil {
				t.Fatal(err)
			}
		}
		id := f.login(t, ldapPass("ann"))
		ended := false
		ses, err := f.sessions.Open(id, auth.Read, auth.Data("x", []string{"red"}), auth.SessionInfo{}, func(error) { ended = true })
		if err != nil {
			t.Fatal(err)
		}
		defer ses.Close()
		s.RemoveGroup("tak_red")
		s.RemoveGroup("admins")
		s.AddGroup("tak_new", "ann")
		if err := f.RefreshUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if !ended {
			t.Error("a session that stood on the lost group goes on")
		}
		u, err := f.User(t.Context(), "ann")
		if err != nil {
			t.Fatal(err)
		}
		want := []auth.Grant{{Group: "blue", In: true}, {Group: "green", In: true}, {Group: "new", In: true, Out: true}, {Group: "ours", In: true}}
		if d := cmp.Diff(want, u.Groups); d != "" || u.Role != auth.RoleMember {
			t.Errorf("%s %s", u.Role, d)
		}
	})
}

func TestWhoLeavesTheDirectoryIsLockedOut(t *testing.T) {
	eachLDAP(t, func(t *testing.T, f *fixture, s *ldaptest.Server) {
		id := f.login(t, ldapPass("bob"))
		_, key := f.token(t, "bob", auth.TokenSpec{})
		cert := f.device(t, "bob", "phone", time.Now().Add(time.Hour))
		access, err := f.IssueAccess(t.Context(), id, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		proofs := map[string]auth.Proof{"token": {Token: key}, "certificate": {Cert: cert}, "access token": {Token: access}, "password": ldapPass("bob")}
		ended := map[string]*bool{}
		for name, p := range proofs {
			gone := new(bool)
			ended[name] = gone
			ses, err := f.sessions.Open(f.login(t, p), auth.Join, auth.Server(), auth.SessionInfo{}, func(error) { *gone = true })
			if err != nil {
				t.Fatal(err)
			}
			defer ses.Close()
		}
		f.login(t, ldapPass("ann"))
		s.RemoveUser("bob")
		if err := f.RefreshAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, p := range proofs {
			p.Remote = from
			if _, err := f.Authenticate(t.Context(), p); !errors.Is(err, auth.ErrBadCredentials) || !*ended[name] {
				t.Errorf("%s: %v, session ended %v", name, err, *ended[name])
			}
		}
		f.login(t, ldapPass("ann"))
		s.AddUser("bob")
		f.login(t, ldapPass("bob"))
	})
}

func TestDirectoryDown(t *testing.T) {
	eachLDAP(t, func(t *testing.T, f *fixture, s *ldaptest.Server) {
		f.add(t, "local")
		id := f.login(t, ldapPass("ann"))
		s.Stop()
		if _, err := f.Authenticate(t.Context(), ldapPass("ann")); err == nil || errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("somebody of the directory: %v", err)
		}
		f.login(t, pass("local"))
		if err := f.RefreshUser(t.Context(), "ann"); err == nil {
			t.Error("a refresh claims to have worked")
		}
		if _, err := f.Current(t.Context(), id); err != nil {
			t.Errorf("who is logged in loses it: %v", err)
		}
	})
}
