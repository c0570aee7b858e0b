// Command served is the server side of bench/room: rooms of package mcu with a
// UDP socket for each party, so that what is measured is receiving, mixing,
// encoding and sending, as in a server whose parties speak plain RTP.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync/atomic"

	"github.com/pion/rtp"

	"muster/bench/room/hall"
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

// serve runs the rooms and prints the ports of their parties as JSON.
func serve(ctx context.Context, rooms, parties int) error {
	h, err := hall.Open(ctx, rooms, parties)
	if err != nil {
		return err
	}
	defer h.Close()
	var ports []int
	for i := range rooms {
		for range parties {
			port, err := join(h, hall.Name(i))
			if err != nil {
				return err
			}
			ports = append(ports, port)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// join brings a party into a room that speaks Opus with whoever sends to its
// port first.
func join(h *hall.Hall, room string) (int, error) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	var peer atomic.Pointer[netip.AddrPort]
	pkt := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 100, SSRC: 1}}
	buf := make([]byte, 1500)
	in, err := h.Join(room, func(payload []byte) {
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
	})
	if err != nil {
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
