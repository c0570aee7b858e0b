// Package embedded puts the Mumble server of this house behind the door that
// scripts made for murmur come through: it is the door's House, and the server's
// Gate.
//
// What scripts may do is what the server lets anybody do. Accounts, groups, rooms
// and settings are those of the whole house and are not changed here.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"muster/voice"
	"muster/voice/murmur"
	"muster/voice/murmur/door"
)

// House is the server that runs now, seen from the door. It outlives both. Make it
// with New.
type House struct {
	people voice.People
	auth   voice.Authenticator
	srv    atomic.Pointer[voice.Server]            // nil: none runs
	script atomic.Pointer[func() (s *door.Script)] // of the door; nil: there is no door

	mu   sync.Mutex // guards what follows; held while tell is called
	tell func(door.Event)
}

// New returns a house without a server. people and accounts are those of the
// whole house.
func New(people voice.People, accounts voice.Authenticator) *House {
	return &House{people: people, auth: accounts}
}

// Door returns the house as the door wants it.
func (h *House) Door() door.House {
	return door.House{People: h, Channels: h, Rights: h, Register: h, Login: h, Bans: h, Settings: h, Menus: h, Events: h}
}

// Ask makes script what knows the authenticator of the door, if it has one.
func (h *House) Ask(script func() *door.Script) { h.script.Store(&script) }

// Run runs srv as the server of the house until ctx ends.
func (h *House) Run(ctx context.Context, srv *voice.Server) error {
	h.begin(srv)
	defer h.end(srv)
	return srv.Run(ctx)
}

func (h *House) begin(srv *voice.Server) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.srv.Store(srv)
	if h.tell != nil {
		srv.Watch(h.happened)
		h.tell(door.Event{Kind: door.Started})
	}
}

// end leaves the house without a server, unless another one has begun.
func (h *House) end(srv *voice.Server) {
	h.mu.Lock()
	defer h.mu.Unlock()
	srv.Watch(nil)
	if h.srv.CompareAndSwap(srv, nil) && h.tell != nil {
		h.tell(door.Event{Kind: door.Stopped})
	}
}

// Watch implements door.Events.
func (h *House) Watch(tell func(door.Event)) (stop func()) {
	h.set(tell)
	return func() { h.set(nil) }
}

func (h *House) set(tell func(door.Event)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tell = tell
	srv := h.srv.Load()
	switch {
	case srv == nil:
	case tell == nil:
		srv.Watch(nil)
	default:
		srv.Watch(h.happened)
	}
}

// happened hands on what the server tells.
func (h *House) happened(e voice.Event) {
	out := door.Event{Kind: kinds[e.Kind]}
	if e.Channel != nil {
		out.Channel = channelOf(e.Channel)
	} else {
		out.User = userOf(e.Session)
	}
	if t := e.Text; t != nil {
		out.Message = murmur.TextMessage{Sessions: signed(t.Sessions), Channels: signed(t.Channels), Trees: signed(t.Trees), Text: value(t.Text)}
	}
	if a := e.Action; a != nil {
		out.Action, out.ActionSession, out.ActionChannel = value(a.Action), int32(value(a.Session)), -1
		if a.Channel != nil {
			out.ActionChannel = int32(*a.Channel)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tell != nil {
		h.tell(out)
	}
}

var kinds = map[voice.EventKind]string{
	voice.Connected: door.UserConnected, voice.Disconnected: door.UserDisconnected, voice.Altered: door.UserStateChanged,
	voice.Texted: door.UserTextMessage, voice.ActionChosen: door.ContextAction,
	voice.ChannelMade: door.ChannelCreated, voice.ChannelRemoved: door.ChannelRemoved, voice.ChannelAltered: door.ChannelStateChanged,
}

// server returns the one that runs; the error is murmur.ServerBooted.
func (h *House) server() (*voice.Server, error) {
	if srv := h.srv.Load(); srv != nil {
		return srv, nil
	}
	return nil, murmur.ServerBooted
}

// with does something at the server that runs, and makes an error for scripts of
// what goes wrong.
func (h *House) with(do func(*voice.Server) error) error {
	srv, err := h.server()
	if err != nil {
		return err
	}
	return thrown(do(srv))
}

// thrown makes an error for scripts.
func thrown(err error) error {
	var no voice.Refused
	switch {
	case errors.Is(err, voice.ErrGone):
		return murmur.InvalidSession
	case errors.Is(err, voice.ErrNoChannel):
		return murmur.InvalidChannel
	case errors.Is(err, voice.ErrTooDeep):
		return murmur.NestingLimit
	case errors.As(err, &no):
		return refuse(string(no))
	}
	return err
}

func refuse(why string) error { return fmt.Errorf("%w: %s", door.ErrRefused, why) }

// unsigned is a number as scripts give it; those that nobody can have become one
// that nobody has.
func unsigned(n int32) uint32 {
	if n < 0 {
		return 1<<32 - 1
	}
	return uint32(n)
}

func signed(all []uint32) []int32 {
	out := make([]int32, 0, len(all))
	for _, n := range all {
		out = append(out, int32(n))
	}
	return out
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
