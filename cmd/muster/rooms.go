package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"muster/cot"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media"
	"muster/media/mcu"
	"muster/media/record"
	"muster/media/rtc"
	"muster/turn"
	"muster/voice/murmur/embedded"
	"muster/web/notify"
)

// maxClients bounds the clients of the notification server.
const maxClients = 10_000

var errNoWebRTC = errors.New("WebRTC is switched off on this server")

// openRooms makes the rooms and the server that tells people of them.
func (h *house) openRooms(ctx context.Context, cfg *config) error {
	var err error
	h.radio = newRadio(h.log)
	h.lines = newLines(h.log)
	h.mumble = embedded.New(people{h.auth}, h.auth)
	h.rooms, err = mcu.New(ctx, cfg.Media.Rooms, mcu.Deps{
		DB: h.db, Router: h.router, Sessions: h.sessions, Bus: h.bus, Log: h.log,
		Compositor: composing(h.log), Recorder: h.recorder, Bridge: bridges{h.radio, h.lines},
	})
	if err != nil {
		return err
	}
	h.radio.rooms, h.lines.rooms = h.rooms, h.rooms
	h.notify = notify.New(notify.Deps{
		Rooms: h.rooms, Seat: h.seat, BadOffer: rtc.BadOffer,
		ICE: func(who auth.Identity, room auth.Resource, stay, host string) []notify.ICEServer {
			return h.iceServers(cfg.Media.WebRTC, who, room, stay, host)
		},
		Gone: func(stay string) {
			if srv := h.turn.Load(); srv != nil {
				srv.Revoke(stay)
			}
		},

		Sessions: h.sessions, Bus: h.bus, Log: h.log, MaxSessions: maxClients,
	})
	return nil
}

// watchRecordings tells rooms when one of them begins or ends to be recorded,
// whoever has switched it.
func (h *house) watchRecordings(ctx context.Context) error {
	const held = 256 // facts; when more come at once, the next one of the room says the same
	sub := h.bus.Subscribe(held)
	defer sub.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-sub.C:
			if c, ok := f.Data.(record.Changed); ok {
				h.rooms.RecordingChanged(c.Stream)
			}
		}
	}
}

// watchAlerts tells rooms who has raised an emergency on the TAK server: where one
// speaks at a time they go before everybody.
func (h *house) watchAlerts(ctx context.Context) error {
	const held = 256 // facts
	return h.bus.Keep(ctx, held, func(f bus.Fact) bool { return f.Kind == cot.FactEmergency }, func() error {
		h.rooms.SetAlarmed(callers(h.tak.router.Emergencies(auth.System("rooms"))))
		return nil
	})
}

// callers returns the users whose emergencies are calls for help; an alert that
// somebody has left an area is none.
func callers(all []cot.Emergency) (users []string) {
	for _, e := range all {
		if strings.HasPrefix(e.Type, "b-a-o-") {
			users = append(users, e.User)
		}
	}
	return users
}

// seat opens the WebRTC side of a participant at the server that runs now.
func (h *house) seat(p *mcu.Participant, who auth.Identity, client media.Client) (notify.Seat, error) {
	srv := h.rtc.Load()
	if srv == nil {
		return nil, errNoWebRTC
	}
	seat, err := srv.NewSeat(p, who, client)
	if err != nil {
		return nil, err
	}
	return seat, nil
}

// relayedHere is the side of the media server that relays hand packets to.
type relayedHere house

// Owns implements turn.Local.
func (h *relayedHere) Owns(addr netip.AddrPort) bool {
	srv := h.rtc.Load()
	return srv != nil && srv.Owns(addr)
}

// Deliver implements turn.Local.
func (h *relayedHere) Deliver(to, from netip.AddrPort, pkt []byte) bool {
	srv := h.rtc.Load()
	return srv != nil && srv.Deliver(to, from, pkt)
}

// relay hands a media packet to a relay of this process.
func (h *house) relay(relayed, from netip.AddrPort, pkt []byte) bool {
	srv := h.turn.Load()
	return srv != nil && srv.Deliver(relayed, from, pkt)
}

// iceServers are those of the configuration, and our own relays: over UDP, and
// over TLS and TCP on the port of HTTPS for networks that let nothing else out.
func (h *house) iceServers(cfg rtc.Config, who auth.Identity, room auth.Resource, stay, host string) []notify.ICEServer {
	var out []notify.ICEServer
	for _, s := range cfg.ICEServers {
		out = append(out, notify.ICEServer{URLs: []string{s.URL}, Username: s.Username, Credential: s.Password})
	}
	srv := h.turn.Load()
	if srv == nil || host == "" {
		return out
	}
	c, err := srv.Issue(who, room, stay)
	if err != nil {
		h.log.Warn("no relay for somebody", "part", "rooms", "user", who.User, "error", err)
		return out
	}
	own := notify.ICEServer{Username: c.Username, Credential: c.Password}
	if port := portOf(h.doors.Addr("turn")); port > 0 {
		own.URLs = append(own.URLs, turn.Address{Host: host, Port: port}.URI())
	}
	if port := portOf(h.doors.Addr("https")); port > 0 {
		own.URLs = append(own.URLs, turn.Address{Host: host, Port: port, TCP: true, TLS: true}.URI(), turn.Address{Host: host, Port: port, TCP: true}.URI())
	}
	return append(out, own)
}

// iceTCP is where clients connect whose network lets no UDP out: the port of
// HTTPS; zero while that is shut.
func (h *house) iceTCP() netip.AddrPort {
	ap, _ := netip.ParseAddrPort(h.doors.Addr("https"))
	return ap
}

func portOf(addr string) int {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0
	}
	return int(ap.Port())
}
