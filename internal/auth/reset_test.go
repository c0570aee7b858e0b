package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"muster/internal/auth"
)

func TestForgottenPasswordIsChosenAnew(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		if _, err := f.AddUser(ctx, auth.NewUser{Name: "Ann", Password: password, Email: "Ann@example.org"}); err != nil {
			t.Fatal(err)
		}
		login := func(password string) (auth.Identity, error) {
			return f.Authenticate(ctx, auth.Proof{User: "ann", Password: password, Remote: netip.MustParseAddr("192.0.2.1")})
		}
		old, err := login(password)
		if err != nil {
			t.Fatal(err)
		}
		resets, err := f.ForgotPassword(ctx, "ann@EXAMPLE.org")
		if err != nil || len(resets) != 1 {
			t.Fatal(resets, err)
		}
		r := resets[0]
		if r.User != "Ann" || r.Email != "Ann@example.org" || len(r.Token) < 26 {
			t.Errorf("%+v", r)
		}
		if again, err := f.ForgotPassword(ctx, "ann"); err != nil || len(again) != 0 {
			t.Errorf("a second link at once: %v, %v", again, err)
		}
		if _, err := login(r.Token); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("the token opens the account: %v", err)
		}
		for _, wrong := range []string{"", "x", strings.ToUpper(r.Token), r.Token + "a"} {
			if _, err := f.CheckReset(ctx, wrong); !errors.Is(err, auth.ErrResetOver) {
				t.Errorf("token %q: %v", wrong, err)
			}
			if _, err := f.ResetPassword(ctx, wrong, "another password"); !errors.Is(err, auth.ErrResetOver) {
				t.Errorf("token %q: %v", wrong, err)
			}
		}
		if user, err := f.CheckReset(ctx, r.Token); err != nil || user != "Ann" {
			t.Errorf("%q, %v", user, err)
		}
		if _, err := f.ResetPassword(ctx, r.Token, "short"); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("a short password: %v", err)
		}
		if u, err := f.ResetPassword(ctx, r.Token, "another password"); err != nil || u.Name != "Ann" {
			t.Fatal(u, err)
		}
		if _, err := f.ResetPassword(ctx, r.Token, "a third password"); !errors.Is(err, auth.ErrResetOver) {
			t.Errorf("the token twice: %v", err)
		}
		if _, err := login(password); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("the old password: %v", err)
		}
		if _, err := login("another password"); err != nil {
			t.Errorf("the new password: %v", err)
		}
		if _, err := f.Current(ctx, old); err == nil {
			t.Error("the old login goes on")
		}
	})
}

func TestResetsAreForThoseWhoMayHaveThem(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, u := range []auth.NewUser{
			{Name: "none", Password: password},
			{Name: "closed", Password: password, Email: "closed@example.org"},
			{Name: "tokens", Email: "tokens@example.org"},
			{Name: "twin1", Password: password, Email: "twins@example.org"},
			{Name: "twin2", Password: password, Email: "twins@example.org"},
		} {
			if _, err := f.AddUser(ctx, u); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.SetDisabled(ctx, "closed", true); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]int{
			"none": 0, "closed": 0, "closed@example.org": 0, "tokens": 0, "nobody": 0, "nobody@example.org": 0, "%": 0, "": 0, "twins@example.org": 2,
		} {
			if r, err := f.ForgotPassword(ctx, who); err != nil || len(r) != want {
				t.Errorf("%q: %v, %v", who, r, err)
			}
		}
		for who, want := range map[string]error{"none": auth.ErrInvalid, "closed": auth.ErrInvalid, "nobody": auth.ErrNotFound, "tokens": nil} {
			if _, err := f.InvitePassword(ctx, who); !errors.Is(err, want) {
				t.Errorf("invite %s: %v", who, err)
			}
		}
		void := func(what string, do func(context.Context) error) {
			t.Helper()
			r, err := f.InvitePassword(ctx, "twin1")
			if err != nil {
				t.Fatal(err)
			}
			if err := do(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := f.ResetPassword(ctx, r.Token, "another password"); !errors.Is(err, auth.ErrResetOver) {
				t.Errorf("after %s: %v", what, err)
			}
		}
		void("a newer link", func(ctx context.Context) error { _, err := f.InvitePassword(ctx, "twin1"); return err })
		void("a password by hand", func(ctx context.Context) error { return f.SetPassword(ctx, "twin1", "by hand 123") })
		void("another address", func(ctx context.Context) error { return f.SetEmail(ctx, "twin1", "new@example.org") })
		void("the account was closed", func(ctx context.Context) error { return f.SetDisabled(ctx, "twin1", true) })
	})
}

func TestMailAddresses(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		for email, ok := range map[string]bool{
			"": true, "a@b.org": true, "a.b+c@x.example.org": true, "a@localhost": true,
			"a": false, "Ann <a@b.org>": false, "<a@b.org>": false, "a@b.org, c@d.org": false, "a@b.org\r\nBcc: c@d.org": false,
			" a@b.org": false, "a b@c.org": false, strings.Repeat("a", 250) + "@b.org": false,
		} {
			if err := f.SetEmail(t.Context(), "ann", email); (err == nil) != ok || err != nil && !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("%q: %v", email, err)
			}
		}
	})
}
