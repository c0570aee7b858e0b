package sip

import (
	"context"
	"fmt"

	"muster/internal/auth"
	"muster/sip/sdp"
	"muster/sip/wire"
)

// Call rings target, a user, a number of the dial plan or an address of ours,
// and seats who answers in room. id is who asks for it and pays for it; the
// error wraps auth.ErrDenied where the dial plan does not let id call there. It
// returns when the phone has answered, with the reason why it has not, or when
// ctx ends, which stops the ringing.
func (s *Server) Call(ctx context.Context, id auth.Identity, room, target string) error {
	number := target
	if u, err := wire.ParseURI(target); err == nil && (u.SIP() || u.Scheme == "tel") {
		if u.SIP() && !s.ours(u) {
			return fmt.Errorf("sip: call %s: %w", target, errNowhere)
		}
		number = u.Name()
	}
	dest, err := s.route(ctx, id, number)
	if err != nil {
		return fmt.Errorf("sip: call %s: %w", target, err)
	}
	if dest.room != nil {
		return fmt.Errorf("sip: call %s: %w", target, errNowhere)
	}
	type result struct {
		l   *leg
		err error
	}
	got := make(chan result, 1)
	h := &hunt{
		s: s, log: &callLog{id: id, from: wire.Address{Display: room, URI: wire.URI{Scheme: "sip", User: wire.Escape(room), Host: "localhost"}}},
		then: func(l *leg, plan sdp.Plan, err error) {
			if err == nil { // in the leg's own goroutine
				p := &seated{l: l, room: Room{Name: room}, request: JoinRequest{
					Room: room, Identity: l.id, By: id, Display: number, Number: number, Video: l.media.video != nil, Leg: l,
				}}
				l.party = p
				p.up(plan)
			}
			got <- result{l, err}
		},
	}
	if err := h.start(dest); err != nil {
		return fmt.Errorf("sip: call %s: %w", target, err)
	}
	select {
	case r := <-got:
		if r.err != nil {
			return fmt.Errorf("sip: call %s: %w", target, r.err)
		}
		return nil
	case <-ctx.Done():
		h.stop()
		return ctx.Err()
	}
}
