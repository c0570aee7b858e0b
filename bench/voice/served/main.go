//go:build linux

// Command served is package voice and nothing else, as bench/voice measures it. It
// prints its address and serves until its input ends.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	_ "net/http/pprof"
	"os"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/voice"
)

// house lets everybody in and has one channel.
type house struct{}

func (house) Authenticate(_ context.Context, p auth.Proof) (auth.Identity, error) {
	return auth.Identity{User: p.User, Role: auth.RoleMember, Groups: []auth.Grant{{Group: "all", In: true, Out: true}}}, nil
}

func (house) VerifyClient([]*x509.Certificate) error { return errors.New("none is known") }

func (house) Channels(context.Context) ([]voice.Entry, error) {
	return []voice.Entry{{Key: "all", Name: "all", Resource: auth.Data("all", []string{"all"})}}, nil
}

func (house) Watch(func()) func() { return func() {} }

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	// The kind of key of the server's own authority.
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		return err
	}
	cfg := voice.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	cfg.Logins.PerAddress, cfg.Logins.Total = 4000, 4000
	doors := run.NewDoors()
	srv, err := voice.New(cfg, voice.Deps{
		Auth: house{}, Sessions: auth.NewSessions(nil), Certificates: house{}, Directory: house{}, Doors: doors, Log: slog.New(slog.DiscardHandler),
		TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	})
	if err != nil {
		return err
	}
	if addr := os.Getenv("BENCH_PPROF"); addr != "" {
		go func() { _ = http.ListenAndServe(addr, nil) }()
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	for doors.Addr("mumble") == "" || doors.Addr("mumble-udp") == "" {
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
	fmt.Println(doors.Addr("mumble"))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	stop()
	return <-done
}
