package auth_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/internal/auth"
)

func TestErrors(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "Ann")
		if _, err := f.AddUser(t.Context(), auth.NewUser{Name: "root", Role: auth.RoleAdmin, Password: password}); err != nil {
			t.Fatal(err)
		}
		dev := auth.Device{Fingerprint: strings.Repeat("ab", 32), User: "ann", Expires: time.Now().Add(time.Hour)}
		if err := f.RecordDevice(t.Context(), dev); err != nil {
			t.Fatal(err)
		}
		add := func(n auth.NewUser) func(context.Context) error {
			return func(ctx context.Context) error { _, err := f.AddUser(ctx, n); return err }
		}
		token := func(s auth.TokenSpec) func(context.Context) error {
			return func(ctx context.Context) error { _, _, err := f.CreateToken(ctx, "ann", s); return err }
		}
		for _, tc := range []struct {
			name string
			do   func(context.Context) error
			want error
		}{
			{"same name", add(auth.NewUser{Name: "aNN"}), auth.ErrExists},
			{"empty name", add(auth.NewUser{}), auth.ErrInvalid},
			{"colon", add(auth.NewUser{Name: "a:b"}), auth.ErrInvalid},
			{"slash", add(auth.NewUser{Name: "a/b"}), auth.ErrInvalid},
			{"not ASCII", add(auth.NewUser{Name: "аnn"}), auth.ErrInvalid},
			{"leading dot", add(auth.NewUser{Name: ".ann"}), auth.ErrInvalid},
			{"long name", add(auth.NewUser{Name: strings.Repeat("a", 65)}), auth.ErrInvalid},
			{"mail address", add(auth.NewUser{Name: "ann.b-c_d@example.org"}), nil},
			{"short password", add(auth.NewUser{Name: "x1", Password: "1234567"}), auth.ErrInvalid},
			{"long password", add(auth.NewUser{Name: "x2", Password: strings.Repeat("a", 300)}), auth.ErrInvalid},
			{"token as password", add(auth.NewUser{Name: "x3", Password: "mst_whatever"}), auth.ErrInvalid},
			{"unknown role", add(auth.NewUser{Name: "x4", Role: "king"}), auth.ErrInvalid},
			{"unknown group", add(auth.NewUser{Name: "x5", Groups: []auth.Grant{{Group: "none", In: true}}}), auth.ErrNotFound},
			{"empty grant", add(auth.NewUser{Name: "x6", Groups: []auth.Grant{{Group: "team"}}}), auth.ErrInvalid},
			{"control characters", add(auth.NewUser{Name: "x7", Notes: "a\x00b"}), auth.ErrInvalid},
			{"password of nobody", func(ctx context.Context) error { return f.SetPassword(ctx, "nobody", password) }, auth.ErrNotFound},
			{"bad new password", func(ctx context.Context) error { return f.SetPassword(ctx, "ann", "x") }, auth.ErrInvalid},
			{"disable the last admin", func(ctx context.Context) error { return f.SetDisabled(ctx, "root", true) }, auth.ErrLastAdmin},
			{"demote the last admin", func(ctx context.Context) error { return f.SetRole(ctx, "root", auth.RoleMember) }, auth.ErrLastAdmin},
			{"remove the last admin", func(ctx context.Context) error { return f.RemoveUser(ctx, "root") }, auth.ErrLastAdmin},
			{"same group", func(ctx context.Context) error { _, err := f.AddGroup(ctx, "TEAM", ""); return err }, auth.ErrExists},
			{"bad group", func(ctx context.Context) error { _, err := f.AddGroup(ctx, "a  b", ""); return err }, auth.ErrInvalid},
			{"remove no group", func(ctx context.Context) error { return f.RemoveGroup(ctx, "none") }, auth.ErrNotFound},
			{"grant nothing", func(ctx context.Context) error { return f.Grant(ctx, "ann", "team", false, false) }, auth.ErrInvalid},
			{"grant in no group", func(ctx context.Context) error { return f.Grant(ctx, "ann", "none", true, false) }, auth.ErrNotFound},
			{"grant to nobody", func(ctx context.Context) error { return f.Grant(ctx, "nobody", "team", true, false) }, auth.ErrNotFound},
			{"revoke twice", func(ctx context.Context) error {
				return errors.Join(f.Revoke(ctx, "ann", "team"), f.Revoke(ctx, "ann", "team"))
			}, nil},
			{"token of the past", token(auth.TokenSpec{Expires: time.Now().Add(-time.Second)}), auth.ErrInvalid},
			{"token kind", token(auth.TokenSpec{Kind: "cookie"}), auth.ErrInvalid},
			{"token for nothing", token(auth.TokenSpec{Scope: &auth.Scope{}}), auth.ErrInvalid},
			{"token for something else", token(auth.TokenSpec{Scope: &auth.Scope{Actions: []auth.Action{"fly"}}}), auth.ErrInvalid},
			{"stream key without streams", token(auth.TokenSpec{Kind: auth.KindStreamKey}), auth.ErrInvalid},
			{"stream key for the API", token(auth.TokenSpec{Kind: auth.KindStreamKey, Scope: &auth.Scope{Streams: []string{"a"}, Actions: []auth.Action{auth.Use}}}), auth.ErrInvalid},
			{"bad pattern", token(auth.TokenSpec{Kind: auth.KindStreamKey, Scope: &auth.Scope{Streams: []string{"[a"}}}), auth.ErrInvalid},
			{"revoke no token", func(ctx context.Context) error { return f.RevokeToken(ctx, "none") }, auth.ErrNotFound},
			{"device twice", func(ctx context.Context) error { return f.RecordDevice(ctx, dev) }, auth.ErrExists},
			{"device without fingerprint", func(ctx context.Context) error { return f.RecordDevice(ctx, auth.Device{User: "ann"}) }, auth.ErrInvalid},
			{"revoke no device", func(ctx context.Context) error { return f.RevokeDevice(ctx, "none") }, auth.ErrNotFound},
			{"revoke device twice", func(ctx context.Context) error {
				return errors.Join(f.RevokeDevice(ctx, dev.Fingerprint), f.RevokeDevice(ctx, dev.Fingerprint))
			}, nil},
		} {
			t.Run(tc.name, func(t *testing.T) {
				if err := tc.do(t.Context()); !errors.Is(err, tc.want) {
					t.Fatalf("got %v", err)
				}
			})
		}
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "bob")
		f.add(t, "Ann")
		if _, err := f.AddGroup(t.Context(), "air", "drones"); err != nil {
			t.Fatal(err)
		}
		if err := f.Grant(t.Context(), "ann", "AIR", false, true); err != nil {
			t.Fatal(err)
		}
		if err := f.SetProfile(t.Context(), "ann", "Ann Ö.", "line\nline"); err != nil {
			t.Fatal(err)
		}
		users, err := f.ListUsers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		both := []auth.Grant{{Group: "team", In: true, Out: true}}
		want := []auth.User{
			{Name: "Ann", FullName: "Ann Ö.", Notes: "line\nline", Role: auth.RoleMember, Password: true, Groups: append([]auth.Grant{{Group: "air", Out: true}}, both...)},
			{Name: "bob", Role: auth.RoleMember, Password: true, Groups: both},
		}
		for i := range users {
			if time.Since(users[i].Created) > time.Minute {
				t.Errorf("created %v", users[i].Created)
			}
			users[i].Created = time.Time{}
		}
		if d := cmp.Diff(want, users); d != "" {
			t.Fatal(d)
		}
		groups, err := f.ListGroups(t.Context())
		if err != nil || len(groups) != 2 || groups[0].Name != "air" || groups[0].Description != "drones" ||
			!cmp.Equal(groups[0].Members, []auth.Member{{User: "Ann", Out: true}}) || len(groups[1].Members) != 2 {
			t.Fatalf("%+v, %v", groups, err)
		}
		end := time.Now().Add(time.Hour).Truncate(time.Millisecond)
		scope := &auth.Scope{Streams: []string{"cam"}}
		made, text := f.token(t, "ann", auth.TokenSpec{Name: "obs", Kind: auth.KindStreamKey, Scope: scope, Expires: end})
		if scope.Actions != nil || !strings.HasPrefix(text, "mst_"+made.ID+"_") {
			t.Fatalf("%+v %q", scope, made.ID)
		}
		f.token(t, "bob", auth.TokenSpec{})
		f.login(t, auth.Proof{Token: text})
		for user, n := range map[string]int{"": 2, "ANN": 1, "bob": 1} {
			tokens, err := f.ListTokens(t.Context(), user)
			if err != nil || len(tokens) != n {
				t.Fatalf("%q: %+v, %v", user, tokens, err)
			}
			if user == "ANN" {
				tok := tokens[0]
				if tok.Used.IsZero() || !tok.Expires.Equal(end) || tok.User != "Ann" || tok.Name != "obs" || len(tok.Scope.Actions) != 2 {
					t.Fatalf("%+v", tok)
				}
			}
		}
		f.device(t, "ann", "phone", end)
		if err := f.RemoveUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		devices, err := f.ListDevices(t.Context(), "")
		if err != nil || len(devices) != 1 || devices[0].Revoked.IsZero() || devices[0].User != "Ann" {
			t.Fatalf("%+v, %v", devices, err)
		}
		if tokens, err := f.ListTokens(t.Context(), ""); err != nil || len(tokens) != 1 {
			t.Fatalf("%+v, %v", tokens, err)
		}
	})
}

func TestEnsureAdmin(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if _, _, err := f.EnsureAdmin(t.Context(), "short"); !errors.Is(err, auth.ErrInvalid) {
			t.Fatal(err)
		}
		created, generated, err := f.EnsureAdmin(t.Context(), "")
		if err != nil || !created || len(generated) != 23 || strings.Count(generated, "-") != 3 || strings.ContainsAny(generated, "il1o0IO") {
			t.Fatalf("%v %q %v", created, generated, err)
		}
		id := f.login(t, auth.Proof{User: "admin", Password: generated})
		if !id.IsAdmin() || len(id.WriteGroups()) != 1 || id.WriteGroups()[0] != "team" {
			t.Fatalf("%+v", id)
		}
		if created, generated, err := f.EnsureAdmin(t.Context(), "another one"); err != nil || created || generated != "" {
			t.Fatalf("%v %q %v", created, generated, err)
		}
	})
}

func TestTooManyTokens(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.add(t, "ann")
		for range 100 {
			f.token(t, "ann", auth.TokenSpec{})
		}
		if _, _, err := f.CreateToken(t.Context(), "ann", auth.TokenSpec{}); !errors.Is(err, auth.ErrInvalid) {
			t.Fatal(err)
		}
		f.login(t, digestProof(t, "ann", password, "SHA-256", "auth"))
	})
}

func TestConfig(t *testing.T) {
	if err := auth.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	if (auth.Config{}).Validate() == nil {
		t.Fatal("nonsense is accepted")
	}
	var check func(reflect.Type)
	check = func(typ reflect.Type) {
		for i := range typ.NumField() {
			field := typ.Field(i)
			if field.Tag.Get("yaml") == "" || field.Tag.Get("doc") == "" {
				t.Errorf("%s.%s has no yaml or doc tag", typ, field.Name)
			}
			if field.Type.Kind() == reflect.Struct {
				check(field.Type)
			}
		}
	}
	check(reflect.TypeFor[auth.Config]())
}
