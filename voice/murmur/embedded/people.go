package embedded

import (
	"context"
	"encoding/base64"
	"net/netip"
	"time"

	"muster/voice"
	"muster/voice/murmur"
	"muster/voice/wire"
)

// userOf is a session as murmur describes it.
func userOf(s voice.Session) murmur.User {
	now := time.Now()
	u := murmur.User{
		Session: int32(s.Number), UserID: int32(s.Account), Mute: s.Mute, Deaf: s.Deaf, Suppress: s.Suppress,
		PrioritySpeaker: s.PrioritySpeaker, SelfMute: s.SelfMute, SelfDeaf: s.SelfDeaf, Recording: s.Recording,
		Channel: int32(s.Channel), Name: s.Name, OnlineSecs: seconds(now.Sub(s.Since)), BytesPerSec: int32(s.BytesPerSec),
		Version: int32(value(s.Version.V1)), Release: value(s.Version.Release), OS: value(s.Version.OS), OSVersion: value(s.Version.OSVersion),
		Context: base64.StdEncoding.EncodeToString([]byte(s.PluginContext)), Comment: s.Comment, TCPOnly: s.TCPOnly,
		UDPPing: milliseconds(s.UDPPing), TCPPing: milliseconds(s.TCPPing),
	}
	if s.Account == 0 {
		u.UserID = -1
	}
	u.Version2 = int64(u.Version>>16)<<48 | int64(u.Version>>8&0xff)<<32 | int64(u.Version&0xff)<<16
	u.IdleSecs = u.OnlineSecs
	if !s.Spoke.IsZero() {
		u.IdleSecs = seconds(now.Sub(s.Spoke))
	}
	addr := netip.IPv6Unspecified().As16()
	if s.Remote.IsValid() {
		addr = s.Remote.As16()
	}
	u.Address = addr[:]
	return u
}

func seconds(d time.Duration) int32 { return int32(d / time.Second) }

func milliseconds(d time.Duration) float32 { return float32(d) / float32(time.Millisecond) }

// Users implements door.People. Who is in a room without Mumble is among them.
func (h *House) Users(context.Context) ([]murmur.User, error) {
	srv, err := h.server()
	if err != nil {
		return nil, err
	}
	all := srv.Everybody()
	out := make([]murmur.User, 0, len(all))
	for _, s := range all {
		out = append(out, userOf(s))
	}
	return out, nil
}

// SetUser implements door.People. Scripts send back all they were told, so only
// what differs from now is a wish.
func (h *House) SetUser(_ context.Context, u murmur.User) error {
	return h.with(func(srv *voice.Server) error {
		now, err := sessionOf(srv, u.Session)
		if err != nil {
			return err
		}
		m := &wire.UserState{
			Session: new(now.Number),
			Mute:    changed(now.Mute, u.Mute), Deaf: changed(now.Deaf, u.Deaf), Suppress: changed(now.Suppress, u.Suppress),
			PrioritySpeaker: changed(now.PrioritySpeaker, u.PrioritySpeaker), Name: changed(now.Name, u.Name),
			Comment: changed(now.Comment, u.Comment), Channel: changed(now.Channel, unsigned(u.Channel)),
		}
		return srv.Alter(m)
	})
}

// changed returns want where it is not what there is.
func changed[T comparable](is, want T) *T {
	if is == want {
		return nil
	}
	return &want
}

func sessionOf(srv *voice.Server, number int32) (voice.Session, error) {
	for _, s := range srv.Everybody() {
		if s.Number == unsigned(number) {
			return s, nil
		}
	}
	return voice.Session{}, voice.ErrGone
}

// Kick implements door.People.
func (h *House) Kick(_ context.Context, session int32, reason string) error {
	return h.with(func(srv *voice.Server) error { return srv.Kick(unsigned(session), reason) })
}

// Message implements door.People.
func (h *House) Message(_ context.Context, session int32, text string) error {
	return h.with(func(srv *voice.Server) error {
		return srv.Send(&wire.TextMessage{Sessions: []uint32{unsigned(session)}, Text: new(text)})
	})
}

// Certificates implements door.People.
func (h *House) Certificates(_ context.Context, session int32) (certs [][]byte, err error) {
	err = h.with(func(srv *voice.Server) (err error) { certs, err = srv.Certificates(unsigned(session)); return err })
	return certs, err
}

// AddAction implements door.Menus.
func (h *House) AddAction(_ context.Context, session int32, action, text string, places int32) error {
	return h.with(func(srv *voice.Server) error { return srv.AddAction(unsigned(session), action, text, uint32(places)) })
}

// RemoveAction implements door.Menus.
func (h *House) RemoveAction(_ context.Context, action string) error {
	return h.with(func(srv *voice.Server) error { srv.RemoveAction(action); return nil })
}

// Redirect implements door.Menus.
func (h *House) Redirect(_ context.Context, session int32, source, target string) error {
	return h.with(func(srv *voice.Server) error { return srv.Redirect(unsigned(session), source, target) })
}
