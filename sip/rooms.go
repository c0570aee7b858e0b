package sip

import (
	"context"
	"errors"
	"net/netip"

	"muster/internal/auth"
	"muster/sip/prompt"
	"muster/sip/rtp"
	"muster/sip/sdp"
)

// Rooms is what calls are about: places where people meet.
type Rooms interface {
	// Find returns the room that a dialled number or name means. It decides
	// nothing about rights. The error wraps ErrNoRoom where there is none.
	Find(ctx context.Context, target string) (Room, error)
	// Join takes a seat for a call. The error wraps ErrPIN where the PIN is
	// missing or wrong, ErrFull, or auth.ErrDenied. It may be called from many
	// goroutines and must return soon.
	Join(ctx context.Context, r JoinRequest) (Seat, error)
}

// The errors of Rooms that calls tell apart.
var (
	ErrNoRoom = errors.New("sip: no such room")
	ErrPIN    = errors.New("sip: a PIN is needed")
	ErrFull   = errors.New("sip: the room is full")
)

// Room is a room as the dial plan sees it.
type Room struct {
	Name     string
	Title    string // for people; may be empty
	NeedsPIN bool   // for those who have no right of their own to be there
}

// JoinRequest asks for a seat.
type JoinRequest struct {
	Room     string
	Identity auth.Identity // whose phone it is; zero: a caller without an account
	By       auth.Identity // who had them called or sent here, with whose rights they may come in; zero: nobody
	Display  string        // what the others see; from the caller, not to be trusted
	Number   string        // who calls, as the phone or trunk says
	PIN      string
	Remote   netip.AddrPort // where the call comes from; zero for calls we made
	Video    bool           // the phone sends and takes pictures
	Leg      Leg
}

// Leg is what a room can do to the call behind a seat. Its methods do not block
// and may be called from any goroutine, also after the call.
type Leg interface {
	// Kick ends the call.
	Kick(reason error)
	// RequestKeyFrame asks the phone for a picture that can be decoded by itself.
	RequestKeyFrame()
	// Say has the phone, and nobody else, hear prompts in place of the room, one
	// after the other. Newer ones take their place; what is said before the phone
	// is connected is said then.
	Say(names ...prompt.Name)
}

// Seat is a place in a room. Audio and Video may be called again when the phone
// changes its mind; the functions given before are not called any more then.
type Seat interface {
	// Audio says how sound travels on this call. send takes the mix, encoded in
	// f, every 20 ms: payload is one RTP payload and samples what it lasts in
	// ticks of f's clock; it must not be kept. Of the functions returned, in takes
	// the phone's packets, as they come from the network: late, twice, or not at
	// all. lost is told how much of the mix the phone has missed lately.
	Audio(f sdp.Format, send func(payload []byte, samples int)) (in func(rtp.Packet), lost func(percent int))
	// Video is the same for pictures. Both directions are access units: NAL units
	// of H264, or one frame of VP8. A format without a name says that the phone
	// takes and sends no pictures any more.
	Video(f sdp.Format, send func(u rtp.Unit)) func(u rtp.Unit)
	// RequestKeyFrame says that the phone needs a picture that can be decoded by
	// itself.
	RequestKeyFrame()
	// Key is one key of the phone: 0-9, *, #, A-D.
	Key(digit byte)
	// Close leaves the room.
	Close()
}

// Prompter speaks to callers. It is optional: without it the keys of the PIN are
// taken in silence.
type Prompter interface {
	// Play sends a prompt in the codec f until it is over or ctx ends. send is
	// that of Seat.Audio.
	Play(ctx context.Context, n prompt.Name, f sdp.Format, send func(payload []byte, samples int))
	// Keys returns a function that takes the phone's audio and calls key for each
	// key heard in it (ITU-T Q.24).
	Keys(f sdp.Format, key func(digit byte)) func(rtp.Packet)
}
