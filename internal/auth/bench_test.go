package auth_test

import (
	"log/slog"
	"testing"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
)

// BenchmarkAuthenticate is what one request costs a client that proves itself
// with each, as HLS players and RTSP clients do.
func BenchmarkAuthenticate(b *testing.B) {
	quiet := slog.New(slog.DiscardHandler)
	db, err := store.Open(b.Context(), store.Config{}, b.TempDir(), quiet)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s, err := auth.New(auth.DefaultConfig(), db, auth.NewSessions(nil), bus.New(), quiet)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.AddUser(b.Context(), auth.NewUser{Name: "ann", Password: password}); err != nil {
		b.Fatal(err)
	}
	_, text, err := s.CreateToken(b.Context(), "ann", auth.TokenSpec{})
	if err != nil {
		b.Fatal(err)
	}
	for name, p := range map[string]auth.Proof{"password": pass("ann"), "token": {Token: text, Remote: from}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Authenticate(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
