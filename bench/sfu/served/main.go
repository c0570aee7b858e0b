// Command served is the server side of bench/sfu: one room of package mcu, and
// package rtc before it, which browsers would reach over the notification server.
// Here an offer is a POST.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"muster/bench/room/hall"
	"muster/internal/auth"
	"muster/internal/run"
	"muster/media"
	"muster/media/mcu"
	"muster/media/rtc"
)

func main() {
	parties := flag.Int("parties", 8, "parties of the room")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *parties); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs the room and prints the address of its door as JSON.
func serve(ctx context.Context, parties int) error {
	h, err := hall.Open(ctx, 1, parties)
	if err != nil {
		return err
	}
	defer h.Close()
	cfg := rtc.DefaultConfig()
	cfg.Address, cfg.MediaAddress = "127.0.0.1:0", "127.0.0.1:0"
	cfg.MaxPeers, cfg.MaxPeersPerUser = parties, parties
	srv, err := rtc.New(cfg, rtc.Deps{Router: h.Router, Auth: nobody{}, Doors: run.NewDoors(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	running, cancel := context.WithCancel(ctx)
	defer func() { cancel(); <-ended }()
	go func() { ended <- srv.Run(running) }()
	time.Sleep(100 * time.Millisecond) // until it runs

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d := &door{hall: h, srv: srv}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /offer", d.offer)
	go func() { _ = http.Serve(l, mux) }()
	defer l.Close()
	if err := json.NewEncoder(os.Stdout).Encode("http://" + l.Addr().String()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// nobody logs in: seats come with their identity.
type nobody struct{}

func (nobody) Authenticate(context.Context, auth.Proof) (auth.Identity, error) {
	return auth.Identity{}, auth.ErrBadCredentials
}

// door takes offers.
type door struct {
	hall *hall.Hall
	srv  *rtc.Server

	mu    sync.Mutex // guards shown
	shown string     // the track that the first party publishes
}

// party is somebody in the room.
type party struct {
	mu    sync.Mutex // guards seat
	seat  *rtc.Seat
	shown func(track string)
}

// Notify implements mcu.Leg.
func (p *party) Notify(e mcu.Event) {
	if t, ok := e.Data.(mcu.TrackInfo); ok && e.Type == mcu.EventTrack {
		p.shown(t.ID)
	}
}

// End implements mcu.Leg.
func (p *party) End(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seat != nil {
		p.seat.Close(reason)
	}
}

// offer brings a party in. With ?publish=MID it sends a picture in that section,
// else it is shown in its first one what is published.
func (d *door) offer(w http.ResponseWriter, r *http.Request) {
	var in struct{ SDP string }
	err := json.NewDecoder(r.Body).Decode(&in)
	if err == nil {
		in.SDP, err = d.enter(in.SDP, r.URL.Query().Get("publish"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(in)
}

var errDark = errors.New("nothing is published yet")

func (d *door) enter(sdp, publish string) (string, error) {
	leg := &party{shown: func(track string) {
		d.mu.Lock()
		d.shown = track
		d.mu.Unlock()
	}}
	p, err := d.hall.Rooms.Join(mcu.JoinRequest{Identity: hall.Admin, Room: hall.Name(0), Kind: mcu.Browser, Leg: leg})
	if err != nil {
		return "", err
	}
	seat, err := d.srv.NewSeat(p, hall.Admin, media.Client{})
	if err != nil {
		return "", err
	}
	leg.mu.Lock()
	leg.seat = seat
	leg.mu.Unlock()
	if publish != "" {
		return seat.Offer(sdp, map[string]mcu.VideoSource{publish: mcu.Camera})
	}
	answer, err := seat.Offer(sdp, nil)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	track := d.shown
	d.mu.Unlock()
	if track == "" {
		return "", errDark
	}
	return answer, seat.Show([]mcu.Place{{Mid: "0", Track: track, Width: 1280, Height: 720}})
}
