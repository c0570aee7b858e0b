package login

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
)

// runOnce is one run of the server: it does what is to be done and stops.
func runOnce(t *testing.T, keep Keep, during func(*Gate, *auth.Sessions)) {
	t.Helper()
	s := auth.NewSessions(nil)
	g, err := New(DefaultConfig(), &people{}, s, keep, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	during(g, s)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLoginsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		may := true
		keep := Keep{File: filepath.Join(dir, "logins"), Resume: func(context.Context, string) (auth.Identity, error) {
			if !may {
				return auth.Identity{}, errors.New("gone")
			}
			return auth.Identity{User: "mike", Role: auth.RoleMember}, nil
		}}
		as := func(g *Gate, cookie string) string {
			_, user := who(g.Identify, request("GET", cookie))
			return user
		}
		var stays, leaves string
		runOnce(t, keep, func(g *Gate, _ *auth.Sessions) {
			stays, leaves = g.logIn(t, ""), g.logIn(t, "")
			g.Logout(request("POST", leaves))
		})
		text, err := os.ReadFile(keep.File)
		if err != nil || strings.Contains(string(text), stays) {
			t.Fatalf("the file tells the cookie: %v", err)
		}
		if fi, err := os.Stat(keep.File); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", fi.Mode(), err)
		}
		runOnce(t, keep, func(g *Gate, s *auth.Sessions) {
			if as(g, stays) != "mike" || as(g, leaves) != "" || len(s.List()) != 1 {
				t.Errorf("%q and %q, %d sessions", as(g, stays), as(g, leaves), len(s.List()))
			}
			if _, err := os.Stat(keep.File); err == nil {
				t.Error("the file is still there: what ends now would come back after a crash")
			}
			time.Sleep(11 * time.Hour)
		})
		// Time goes on while the server is down.
		time.Sleep(2 * time.Hour)
		runOnce(t, keep, func(g *Gate, _ *auth.Sessions) {
			if as(g, stays) != "" {
				t.Error("a login outlives its time by a restart")
			}
			stays = g.logIn(t, "")
		})
		may = false
		runOnce(t, keep, func(g *Gate, s *auth.Sessions) {
			if as(g, stays) != "" || len(s.List()) != 0 {
				t.Error("a login outlives its user")
			}
		})
	})
}

func TestABadFileOfLoginsIsNoLogin(t *testing.T) {
	for name, text := range map[string]string{
		"garbage": "\x00\x01", "short key": `[{"key":"ab","handle":"p.x.1"}]`,
		"long key": `[{"key":"` + strings.Repeat("ab", 64) + `","handle":"p.x.1","created":"2000-01-01T00:00:00Z"}]`, "empty": "",
	} {
		file := filepath.Join(t.TempDir(), "logins")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := auth.NewSessions(nil)
		g, err := New(DefaultConfig(), &people{}, s, Keep{File: file}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Start(t.Context()); (err != nil) != (name == "garbage" || name == "empty") {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.List()) != 0 {
			t.Errorf("%s opens a session", name)
		}
	}
}
