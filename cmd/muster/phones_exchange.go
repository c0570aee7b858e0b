package main

import (
	"context"
	"crypto/tls"
	"net"

	"muster/internal/auth"
	"muster/sip"
	"muster/sip/prompt"
	"muster/web/api"
)

// exchange is the SIP server that runs now. It implements api.Dialer and
// api.Exchange.
type exchange house

// newSIP makes the SIP server.
func (h *house) newSIP(cfg sip.Config, tls *tls.Config, guard func(net.Listener) net.Listener) (*sip.Server, error) {
	voice, err := prompt.NewVoice(cfg.Language)
	if err != nil {
		return nil, err
	}
	srv, err := sip.New(cfg, sip.Deps{
		Auth: h.auth, Sessions: h.sessions, Rooms: phones{h.rooms, h.log}, Doors: h.doors, Log: h.log, Prompter: voice, TLS: tls, Guard: guard,
		Dialled: func(d sip.DialOut) { h.bus.Publish(api.DialOutFact(d)) },
	})
	if err != nil {
		return nil, err
	}
	h.sip.Store(srv)
	return srv, nil
}

// Dial implements api.Dialer.
func (e *exchange) Dial(ctx context.Context, id auth.Identity, room, target string) (sip.DialOut, error) {
	srv := e.sip.Load()
	if srv == nil {
		return sip.DialOut{}, api.ErrNoPhones
	}
	return srv.Dial(ctx, id, room, target)
}

// DialOuts implements api.Dialer.
func (e *exchange) DialOuts(room string) []sip.DialOut {
	if srv := e.sip.Load(); srv != nil {
		return srv.DialOuts(room)
	}
	return nil
}

// EndDialOut implements api.Dialer.
func (e *exchange) EndDialOut(room, id string) bool {
	srv := e.sip.Load()
	return srv != nil && srv.EndDialOut(room, id)
}

// Calls implements api.Exchange.
func (e *exchange) Calls() []sip.CallInfo {
	if srv := e.sip.Load(); srv != nil {
		return srv.Calls()
	}
	return nil
}

// Registrations implements api.Exchange.
func (e *exchange) Registrations() []sip.Registration {
	if srv := e.sip.Load(); srv != nil {
		return srv.Registrations()
	}
	return nil
}

// Trunks implements api.Exchange.
func (e *exchange) Trunks() []sip.TrunkInfo {
	if srv := e.sip.Load(); srv != nil {
		return srv.Trunks()
	}
	return nil
}
