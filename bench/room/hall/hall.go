// Package hall opens rooms of package mcu for benchmarks.
package hall

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/media"
	"muster/media/codec"
	"muster/media/mcu"
)

// Hall is rooms with a database of their own.
type Hall struct {
	Rooms  *mcu.Rooms
	Router *media.Router

	done chan error
	stop context.CancelFunc
	free []func()
}

// Admin is who opens the rooms, and may enter them.
var Admin = auth.Identity{User: "admin", Role: auth.RoleAdmin, System: true}

// Opus is what parties speak and hear.
var Opus = mcu.AudioFormat{Codec: codec.Opus}

// Open opens rooms, named Name(0) and so on, for so many parties each. The
// caller closes them.
func Open(ctx context.Context, rooms, parties int) (*Hall, error) {
	h := &Hall{done: make(chan error, 1)}
	dir, err := os.MkdirTemp("", "bench-room")
	if err != nil {
		return nil, err
	}
	h.free = append(h.free, func() { _ = os.RemoveAll(dir) })
	if err := h.open(ctx, dir, rooms, parties); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func (h *Hall) open(ctx context.Context, dir string, rooms, parties int) error {
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, store.DefaultConfig(), dir, log)
	if err != nil {
		return err
	}
	h.free = append(h.free, func() { _ = db.Close() })
	sessions, facts := auth.NewSessions(nil), bus.New()
	cfg := mcu.DefaultConfig()
	cfg.MaxParticipants = max(parties, cfg.MaxParticipants)
	h.Router = media.New(media.DefaultConfig(), sessions, facts, log)
	h.Rooms, err = mcu.New(ctx, cfg, mcu.Deps{DB: db, Router: h.Router, Sessions: sessions, Bus: facts, Log: log})
	if err != nil {
		return err
	}
	ctx, h.stop = context.WithCancel(ctx)
	go func() { h.done <- h.Rooms.Run(ctx) }()
	time.Sleep(100 * time.Millisecond) // until it runs
	for i := range rooms {
		if _, err := h.Rooms.Create(ctx, Admin, mcu.Settings{Name: safename.MustParse(Name(i)), Groups: []string{"A"}, Entry: mcu.Speaker}); err != nil {
			return err
		}
	}
	return nil
}

// Name returns the name of the i-th room.
func Name(i int) string { return fmt.Sprintf("room-%d", i) }

// leg is told nothing.
type leg struct{}

func (leg) Notify(mcu.Event) {}
func (leg) End(error)        {}

// Join brings a party in. send takes what it hears, every 20 ms; it must not
// keep it.
func (h *Hall) Join(room string, send func(payload []byte)) (*mcu.AudioIn, error) {
	p, err := h.Rooms.Join(mcu.JoinRequest{Identity: Admin, Room: room, Kind: mcu.SIP, Leg: leg{}})
	if err != nil {
		return nil, err
	}
	in, err := p.OpenAudio(Opus)
	if err != nil {
		return nil, err
	}
	if err := p.SetMuted(false); err != nil {
		return nil, err
	}
	if _, err := p.Hear(Opus, send); err != nil {
		return nil, err
	}
	return in, nil
}

// Close ends the rooms.
func (h *Hall) Close() {
	if h.stop != nil {
		h.stop()
		<-h.done
	}
	for i := range h.free {
		h.free[len(h.free)-1-i]()
	}
}
