//go:build linux

// Command served is package turn and nothing else, as bench/turn measures it. It
// prints its address and one credential per line of input, and serves until its
// input ends.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/turn"
)

// anybody is who every credential is for.
type anybody struct{}

// Resume implements turn.Resumer.
func (anybody) Resume(context.Context, string) (auth.Identity, error) {
	return auth.System("bench"), nil
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "UDP address")
	tcp := flag.Bool("log", false, "log relays")
	flag.Parse()
	if err := serve(*address, *tcp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string, verbose bool) error {
	cfg := turn.DefaultConfig()
	cfg.Address, cfg.AllowPeers = address, []string{"127.0.0.0/8"}
	cfg.PerUser, cfg.PerAddress, cfg.Total = 4000, 4000, 4000
	log := slog.New(slog.DiscardHandler)
	if verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	doors := run.NewDoors()
	srv, err := turn.New(cfg, turn.Deps{Auth: anybody{}, Sessions: auth.NewSessions(nil), Doors: doors, Log: log, Key: make([]byte, 32)})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	for doors.Addr("turn") == "" {
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
	out := json.NewEncoder(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		c, err := srv.Issue(auth.System("bench"), auth.Server(), "")
		if err != nil {
			return err
		}
		err = out.Encode(map[string]any{"address": doors.Addr("turn"), "username": c.Username, "password": c.Password, "stats": srv.Stats()})
		if err != nil {
			return err
		}
	}
	stop()
	return <-done
}
