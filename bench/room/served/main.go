// Command served is the server side of bench/room: rooms of package mcu with a
// UDP socket for each party, so that what is measured is receiving, mixing,
// encoding and sending, as in a server whose parties speak plain RTP.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/media"
	"muster/media/codec"
	"muster/media/mcu"
)

func main() {
	rooms := flag.Int("rooms", 1, "rooms")
	parties := flag.Int("parties", 8, "parties of each room")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *rooms, *parties); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var admin = auth.Identity{User: "admin", Role: auth.RoleAdmin, System: true}

// serve runs the rooms and prints the ports of their parties as JSON.
func serve(ctx context.Context, rooms, parties int) error {
	dir, err := os.MkdirTemp("", "bench-room")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, store.DefaultConfig(), dir, log)
	if err != nil {
		return err
	}
	defer db.Close()
	sessions, facts := auth.NewSessions(nil), bus.New()
	cfg := mcu.DefaultConfig()
	cfg.MaxParticipants = max(parties, cfg.MaxParticipants)
	all, err := mcu.New(ctx, cfg, mcu.Deps{DB: db, Router: media.New(media.DefaultConfig(), sessions, facts, log), Sessions: sessions, Bus: facts, Log: log})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- all.Run(ctx) }()
	time.Sleep(100 * time.Millisecond) // until it runs
	var ports []int
	for i := range rooms {
		name := fmt.Sprintf("room-%d", i)
		if _, err := all.Create(ctx, admin, mcu.Settings{Name: safename.MustParse(name), Groups: []string{"A"}, Entry: mcu.Speaker}); err != nil {
			return err
		}
		for range parties {
			port, err := join(all, name)
			if err != nil {
				return err
			}
			ports = append(ports, port)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		return err
	}
	return <-done
}

// leg is told nothing.
type leg struct{}

func (leg) Notify(mcu.Event) {}
func (leg) End(error)        {}

// join brings a party into a room that speaks Opus with whoever sends to its
// port first.
func join(all *mcu.Rooms, room string) (int, error) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	p, err := all.Join(mcu.JoinRequest{Identity: admin, Room: room, Kind: mcu.SIP, Leg: leg{}})
	if err != nil {
		return 0, err
	}
	f := mcu.AudioFormat{Codec: codec.Opus}
	in, err := p.OpenAudio(f)
	if err != nil {
		return 0, err
	}
	if err := p.SetMuted(false); err != nil {
		return 0, err
	}
	var peer atomic.Pointer[netip.AddrPort]
	pkt := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 100, SSRC: 1}}
	buf := make([]byte, 1500)
	if _, err := p.Hear(f, func(payload []byte) {
		to := peer.Load()
		if to == nil {
			return
		}
		pkt.SequenceNumber++
		pkt.Timestamp += 960
		pkt.Payload = payload
		if n, err := pkt.MarshalTo(buf); err == nil {
			_, _ = c.WriteToUDPAddrPort(buf[:n], *to)
		}
	}); err != nil {
		return 0, err
	}
	go receive(c, in, &peer)
	return c.LocalAddr().(*net.UDPAddr).Port, nil
}

func receive(c *net.UDPConn, in *mcu.AudioIn, peer *atomic.Pointer[netip.AddrPort]) {
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if peer.Load() == nil {
			peer.Store(&from)
		}
		var p rtp.Packet
		if p.Unmarshal(append([]byte(nil), buf[:n]...)) == nil && len(p.Payload) > 0 {
			in.Write(&mcu.Sound{Seq: p.SequenceNumber, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload})
		}
	}
}
