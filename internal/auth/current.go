package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// errGone is what Current answers when the proof behind an identity holds no
// more. It is not for clients.
var errGone = errors.New("the login is not valid any more")

// identity returns u's identity with the rights of now. epoch was read before u.
func (s *Service) identity(ctx context.Context, u userRow, epoch uint64) (Identity, error) {
	g, err := grants(ctx, s.db.Query(), u.ID)
	if err != nil {
		return Identity{}, err
	}
	return Identity{User: u.Name, Role: u.Role, Groups: g, uid: u.ID, epoch: epoch}, nil
}

// Current returns the identity that the proof behind id gives today, or an
// error if it gives none: the user is removed or disabled, the password was
// changed, the token or device was revoked or has expired. An Identity that did
// not come from this Service is looked up by its user name, token and device.
func (s *Service) Current(ctx context.Context, id Identity) (Identity, error) {
	if id.System {
		return id, nil
	}
	epoch := s.sessions.now()
	var u userRow
	var err error
	var until time.Time
	if id.access != "" {
		if id, until, err = s.behindAccess(ctx, id.access); err != nil {
			return Identity{}, err
		}
	}
	if id.uid != "" {
		err = find(ctx, s.db.Query(), &u, "id", id.uid, "user")
	} else {
		u, err = findUser(ctx, s.db.Query(), id.User)
	}
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && u.closed():
		return Identity{}, fmt.Errorf("%w: the user is removed or disabled", errGone)
	case err != nil:
		return Identity{}, err
	}
	now, err := s.identity(ctx, u, epoch)
	switch {
	case err != nil:
	case id.Token != "":
		now, err = s.currentToken(ctx, now, id.Token)
	case id.Device != "":
		now, err = s.currentDevice(ctx, now, id.Device)
	case id.uid != "" && id.stamp != u.Stamp:
		err = fmt.Errorf("%w: the password was changed", errGone)
	default:
		now.stamp = u.Stamp
	}
	if err != nil {
		return Identity{}, err
	}
	if id.access != "" {
		now.access, now.expires = id.access, earlier(now.expires, until)
	}
	return now, nil
}

// earlier returns the first of two ends, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (s *Service) currentToken(ctx context.Context, now Identity, token string) (Identity, error) {
	var t tokenRow
	err := find(ctx, s.db.Query(), &t, "id", token, "token")
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && t.UserID != now.uid:
		return Identity{}, fmt.Errorf("%w: the token was revoked", errGone)
	case err != nil:
		return Identity{}, err
	case !t.valid(time.Now()):
		return Identity{}, fmt.Errorf("%w: the token has expired", errGone)
	}
	return s.withToken(now, t)
}

func (s *Service) currentDevice(ctx context.Context, now Identity, fingerprint string) (Identity, error) {
	var d deviceRow
	err := find(ctx, s.db.Query(), &d, "fingerprint", fingerprint, "device")
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && (d.UserID != now.uid || d.Revoked != 0):
		return Identity{}, fmt.Errorf("%w: the certificate was revoked", errGone)
	case err != nil:
		return Identity{}, err
	case past(d.Expires, time.Now()):
		return Identity{}, fmt.Errorf("%w: the certificate has expired", errGone)
	}
	return withDevice(now, d), nil
}

// Handle returns a short text from which Resume makes the identity again. It
// holds no secret and proves nothing by itself: it belongs into a session kept
// on the server, never into a client's hands unsigned.
func (id Identity) Handle() string {
	switch {
	case id.access != "":
		return "a." + id.uid + "." + id.access
	case id.Token != "":
		return "t." + id.uid + "." + id.Token
	case id.Device != "":
		return "d." + id.uid + "." + id.Device
	}
	return "p." + id.uid + "." + strconv.FormatInt(id.stamp, 10)
}

// Resume returns the present identity behind a Handle, like Current does. It is
// for logins that outlive connections and restarts, such as a browser's.
func (s *Service) Resume(ctx context.Context, handle string) (Identity, error) {
	id, err := parseHandle(handle)
	if err != nil {
		return Identity{}, err
	}
	return s.Current(ctx, id)
}

func parseHandle(handle string) (Identity, error) {
	kind, rest, _ := strings.Cut(handle, ".")
	uid, proof, ok := strings.Cut(rest, ".")
	if !ok || uid == "" || proof == "" {
		return Identity{}, fmt.Errorf("%w: not a login of this server", errGone)
	}
	id := Identity{uid: uid}
	switch kind {
	case "a":
		id.access = proof
	case "t":
		id.Token = proof
	case "d":
		id.Device = proof
	case "p":
		stamp, err := strconv.ParseInt(proof, 10, 64)
		if err != nil {
			return Identity{}, fmt.Errorf("%w: not a login of this server", errGone)
		}
		id.stamp = stamp
	default:
		return Identity{}, fmt.Errorf("%w: not a login of this server", errGone)
	}
	return id, nil
}
