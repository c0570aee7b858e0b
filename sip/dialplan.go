package sip

import (
	"context"
	"errors"
	"strings"

	"muster/internal/auth"
)

// destination is where a call goes; exactly one of its fields is set.
type destination struct {
	room   *Room
	user   string
	trunk  *trunk
	number string // for trunk
}

// ErrNowhere says that nobody has the number, or that no phone of its owner is
// registered.
var ErrNowhere = errors.New("sip: no such number")

// route finds out where a number leads. id is zero for strangers. The error
// wraps ErrNowhere or auth.ErrDenied.
func (s *Server) route(ctx context.Context, id auth.Identity, number string) (destination, error) {
	for _, r := range s.cfg.DialPlan {
		if !strings.HasPrefix(number, r.Prefix) {
			continue
		}
		if len(r.Groups) > 0 {
			if err := auth.Allow(id, auth.Publish, auth.Data("the number "+r.Prefix, r.Groups)); err != nil {
				return destination{}, err
			}
		}
		return s.apply(ctx, r, number)
	}
	return s.byDefault(ctx, id, number)
}

// apply rewrites number as r says and finds where it leads.
func (s *Server) apply(ctx context.Context, r RuleConfig, number string) (destination, error) {
	to := r.Add + number[min(len(number), r.Strip):]
	if r.Target != "" {
		to = r.Target
	}
	switch r.To {
	case toDeny:
		return destination{}, ErrNowhere
	case toUser:
		return destination{user: to}, nil
	case toRoom:
		return s.room(ctx, to)
	}
	for _, t := range s.trunks {
		if t.cfg.Name == r.To {
			return destination{trunk: t, number: to}, nil
		}
	}
	return destination{}, ErrNowhere
}

// byDefault finds a room, or a user whom id may call: others are not there.
func (s *Server) byDefault(ctx context.Context, id auth.Identity, number string) (destination, error) {
	d, err := s.room(ctx, number)
	if err == nil || !errors.Is(err, ErrNoRoom) {
		return d, err
	}
	if phones := s.reg.find(number); len(phones) > 0 && mayCall(id, phones[0]) == nil {
		return destination{user: number}, nil
	}
	return destination{}, ErrNowhere
}

func (s *Server) room(ctx context.Context, name string) (destination, error) {
	r, err := s.deps.Rooms.Find(ctx, name)
	if err != nil {
		return destination{}, err
	}
	return destination{room: &r}, nil
}
