package embedded

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/voice"
	"muster/voice/murmur"
	"muster/voice/wire"
)

// managed is why accounts are not changed here.
const managed = "accounts are managed in this server's administration"

// Registered implements door.Register.
func (h *House) Registered(ctx context.Context, filter string) (map[int32]string, error) {
	all, err := h.people.Names(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[int32]string)
	for _, n := range all {
		if strings.Contains(strings.ToLower(n), strings.ToLower(filter)) {
			out[int32(voice.AccountID(n))] = n
		}
	}
	return out, nil
}

// named returns the login name with that number; the error is murmur.InvalidUser.
func (h *House) named(ctx context.Context, id int32) (string, error) {
	all, err := h.Registered(ctx, "")
	if err != nil {
		return "", err
	}
	name, ok := all[id]
	if !ok {
		return "", murmur.InvalidUser
	}
	return name, nil
}

// Registration implements door.Register. What only the house knows, such as the
// mail address, is not told.
func (h *House) Registration(ctx context.Context, id int32) (murmur.UserInfo, error) {
	name, err := h.named(ctx, id)
	if err != nil {
		return nil, err
	}
	info := murmur.UserInfo{murmur.InfoName: name}
	for _, s := range h.sessions(id) {
		info[murmur.InfoComment], info[murmur.InfoHash] = s.Comment, s.Hash
		info[murmur.InfoLastActive] = time.Now().UTC().Format("2006-01-02 15:04:05")
	}
	return info, nil
}

// sessions returns those of an account.
func (h *House) sessions(id int32) (out []voice.Session) {
	srv := h.srv.Load()
	if srv == nil {
		return nil
	}
	for _, s := range srv.Everybody() {
		if s.Account != 0 && int32(s.Account) == id {
			out = append(out, s)
		}
	}
	return out
}

// AddUser implements door.Register.
func (h *House) AddUser(context.Context, murmur.UserInfo) (int32, error) { return 0, refuse(managed) }

// Update implements door.Register.
func (h *House) Update(context.Context, int32, murmur.UserInfo) error { return refuse(managed) }

// RemoveUser implements door.Register.
func (h *House) RemoveUser(context.Context, int32) error { return refuse(managed) }

// Verify implements door.Login. Whether a name is an account is not told apart
// from a wrong password, and wrong ones are counted against the account.
func (h *House) Verify(ctx context.Context, name, password string) (int32, error) {
	id, err := h.auth.Authenticate(ctx, auth.Proof{User: name, Password: password, Protocol: "mumble-ice", Remote: netip.AddrFrom4([4]byte{127, 0, 0, 1})})
	var limited *auth.LimitedError
	switch {
	case err == nil:
		return int32(voice.AccountID(id.User)), nil
	case errors.As(err, &limited):
		return 0, refuse(limited.Error())
	case errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrNoCredentials), errors.Is(err, auth.ErrCodeNeeded):
		return -1, nil
	}
	return 0, err
}

// Texture implements door.Login: that of somebody who is connected.
func (h *House) Texture(ctx context.Context, id int32) (b []byte, err error) {
	if _, err := h.named(ctx, id); err != nil {
		return nil, err
	}
	for _, s := range h.sessions(id) {
		err = h.with(func(srv *voice.Server) (err error) { b, err = srv.Texture(s.Number); return err })
		if err == nil && len(b) > 0 {
			return b, nil
		}
	}
	return nil, nil
}

// SetTexture implements door.Login: it is shown as long as the user is connected.
func (h *House) SetTexture(ctx context.Context, id int32, texture []byte) error {
	if _, err := h.named(ctx, id); err != nil {
		return err
	}
	all := h.sessions(id)
	if len(all) == 0 {
		return refuse("the user is not connected, and pictures are not kept")
	}
	if texture == nil {
		texture = []byte{}
	}
	for _, s := range all {
		err := h.with(func(srv *voice.Server) error {
			return srv.Alter(&wire.UserState{Session: new(s.Number), Texture: texture})
		})
		if err != nil && !errors.Is(err, murmur.InvalidSession) {
			return err
		}
	}
	return nil
}
