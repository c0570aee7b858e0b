package api

import (
	"context"
	"errors"
	"net/http"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media/mcu"
	"muster/sip"
)

// Dialer has rooms call telephones.
type Dialer interface {
	// Dial begins to ring; the error wraps sip.ErrNowhere, sip.ErrBusy or
	// auth.ErrDenied.
	Dial(ctx context.Context, id auth.Identity, room, target string) (sip.DialOut, error)
	DialOuts(room string) []sip.DialOut
	EndDialOut(room, id string) bool
}

// Exchange tells of telephones and calls.
type Exchange interface {
	Calls() []sip.CallInfo
	Registrations() []sip.Registration
	Trunks() []sip.TrunkInfo
}

// FactDialOut is the kind of facts about calls from rooms. Their data is a
// sip.DialOut.
const FactDialOut = "call.changed"

// DialOutFact is the fact to publish when a call from a room has changed. Numbers
// are nobody's business but the caller's and administrators'.
func DialOutFact(d sip.DialOut) bus.Fact {
	return bus.Fact{Kind: FactDialOut, Data: d, User: d.By, Admin: true}
}

type (
	dialIn struct {
		RoomParam
		Body struct {
			To string `json:"to" minLength:"1" maxLength:"200" doc:"The name of a user, a number of the dial plan, or an address sip:NAME@SERVER."`
		}
	}
	dialOutOut  struct{ Body sip.DialOut }
	dialOutsOut struct {
		Body struct {
			Calls []sip.DialOut `json:"calls"`
		}
	}
	callParam struct {
		RoomParam
		ID string `path:"id" maxLength:"64"`
	}
	callsOut struct {
		Body struct {
			Calls []sip.CallInfo `json:"calls"`
		}
	}
	registrationsOut struct {
		Body struct {
			Registrations []sip.Registration `json:"registrations"`
		}
	}
	trunksOut struct {
		Body struct {
			Trunks []sip.TrunkInfo `json:"trunks"`
		}
	}
)

// dialFault makes sentences of what keeps a room from calling.
func dialFault(err error) error {
	switch {
	case errors.Is(err, auth.ErrDenied):
		return refuse(http.StatusForbidden, "You do not have the right to call this number.")
	case errors.Is(err, sip.ErrNowhere):
		return refuse(http.StatusNotFound, "Nobody can be reached under this name or number now.")
	case errors.Is(err, sip.ErrBusy):
		return refuse(http.StatusTooManyRequests, "There are too many calls at the moment. Wait until some have ended.")
	}
	return err
}

// hosted returns the name of a room of which id is a host.
func (a *API) hosted(id auth.Identity, name string) (string, error) {
	if a.Rooms == nil {
		return "", errStopped
	}
	s, err := a.Rooms.Find(id, name)
	if err == nil && !mcu.HostOf(id, &s) {
		err = mcu.ErrHost
	}
	if err != nil {
		return "", roomFault(err)
	}
	return s.Name.String(), nil
}

// ErrNoPhones says that there is nothing to call with.
var ErrNoPhones = refuse(http.StatusServiceUnavailable, "SIP is switched off on this server.")

func (a *API) phones() {
	dial := op("dial", http.MethodPost, "/rooms/{name}/calls", "Have a room of which you are a host call somebody")
	dial.DefaultStatus = http.StatusCreated
	dial.Description += " All phones of a user ring. Numbers of the outside world need a rule of the dial plan that names a group you may write to. How it goes on is told by the event call.changed."
	register(a, user, dial, func(ctx context.Context, id auth.Identity, in *dialIn) (*dialOutOut, error) {
		room, err := a.hosted(id, in.Name)
		if err != nil {
			return nil, err
		}
		if a.Dialer == nil {
			return nil, ErrNoPhones
		}
		d, err := a.Dialer.Dial(ctx, id, room, in.Body.To)
		if err != nil {
			return nil, dialFault(err)
		}
		return &dialOutOut{d}, nil
	})
	register(a, user, op("listDialOuts", http.MethodGet, "/rooms/{name}/calls", "Calls that a room of which you are a host makes, with those that ended within 30 s"),
		func(_ context.Context, id auth.Identity, in *RoomParam) (*dialOutsOut, error) {
			room, err := a.hosted(id, in.Name)
			if err != nil {
				return nil, err
			}
			out := &dialOutsOut{}
			out.Body.Calls = []sip.DialOut{}
			if a.Dialer != nil {
				out.Body.Calls = append(out.Body.Calls, a.Dialer.DialOuts(room)...)
			}
			return out, nil
		})
	register(a, user, op("endDialOut", http.MethodDelete, "/rooms/{name}/calls/{id}", "Stop such a call"),
		func(_ context.Context, id auth.Identity, in *callParam) (*none, error) {
			room, err := a.hosted(id, in.Name)
			if err != nil {
				return nil, err
			}
			if a.Dialer == nil || !a.Dialer.EndDialOut(room, in.ID) {
				return nil, refuse(http.StatusNotFound, "There is no such call any more.")
			}
			return nil, nil
		})
	a.exchange()
}

// exchange are the lists for administrators.
func (a *API) exchange() {
	register(a, admin, op("listCalls", http.MethodGet, "/sip/calls", "Calls of now"),
		func(context.Context, auth.Identity, *none) (*callsOut, error) {
			out := &callsOut{}
			out.Body.Calls = []sip.CallInfo{}
			if a.Exchange != nil {
				out.Body.Calls = append(out.Body.Calls, a.Exchange.Calls()...)
			}
			return out, nil
		})
	register(a, admin, op("listRegistrations", http.MethodGet, "/sip/registrations", "Telephones that are registered"),
		func(context.Context, auth.Identity, *none) (*registrationsOut, error) {
			out := &registrationsOut{}
			out.Body.Registrations = []sip.Registration{}
			if a.Exchange != nil {
				out.Body.Registrations = append(out.Body.Registrations, a.Exchange.Registrations()...)
			}
			return out, nil
		})
	register(a, admin, op("listTrunks", http.MethodGet, "/sip/trunks", "Trunks, and whether we are registered there"),
		func(context.Context, auth.Identity, *none) (*trunksOut, error) {
			out := &trunksOut{}
			out.Body.Trunks = []sip.TrunkInfo{}
			if a.Exchange != nil {
				out.Body.Trunks = append(out.Body.Trunks, a.Exchange.Trunks()...)
			}
			return out, nil
		})
}
