package mcu

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// Invitation lets people without an account into one room.
type Invitation struct {
	ID      string // public
	Room    string
	Label   string // whom it is for
	Creator string
	Created time.Time
	Expires time.Time
	Uses    int // how often it may still be used; -1: any number
}

type invitationRow struct {
	bun.BaseModel `bun:"table:room_invitations,alias:i"`

	ID      string `bun:"id,pk"`
	Room    string `bun:"room"`
	Secret  string `bun:"secret"` // SHA-256 of what the link holds, hex
	Label   string `bun:"label"`
	Creator string `bun:"creator"`
	Created int64  `bun:"created"`
	Expires int64  `bun:"expires"`
	Uses    int64  `bun:"uses"`
}

func (r *invitationRow) invitation() Invitation {
	return Invitation{ID: r.ID, Room: r.Room, Label: r.Label, Creator: r.Creator, Created: fromMillis(r.Created), Expires: fromMillis(r.Expires), Uses: int(r.Uses)}
}

// Bounds of invitations.
const (
	maxInvitations    = 200 // of one room
	maxInvitationLife = 90 * 24 * time.Hour
	maxInvitationUses = 1000
)

func digest(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(h[:])
}

// Invite makes an invitation to the room called name, for one of its hosts. It
// returns the secret that the link holds, which is shown this once. uses is how
// often it may be used, -1 for any number.
func (r *Rooms) Invite(ctx context.Context, id auth.Identity, name, label string, life time.Duration, uses int) (Invitation, string, error) {
	s, err := r.Find(id, name)
	switch {
	case err != nil:
		return Invitation{}, "", err
	case !HostOf(id, &s):
		return Invitation{}, "", ErrHost
	case !printable(label, maxTitle):
		return Invitation{}, "", fmt.Errorf("%w: the label is at most %d printable characters", ErrInvalid, maxTitle)
	case life <= 0 || life > maxInvitationLife:
		return Invitation{}, "", fmt.Errorf("%w: an invitation lasts up to %d days", ErrInvalid, int(maxInvitationLife.Hours()/24))
	case uses < -1 || uses == 0 || uses > maxInvitationUses:
		return Invitation{}, "", fmt.Errorf("%w: an invitation is good for 1 to %d uses, or -1 for any number", ErrInvalid, maxInvitationUses)
	}
	now := time.Now()
	secret := rand.Text()
	row := &invitationRow{ID: rand.Text()[:12], Room: name, Secret: digest(secret), Label: label, Creator: id.User,
		Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli(), Uses: int64(uses)}
	err = r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*invitationRow)(nil)).Where("room = ? AND (expires < ? OR uses = 0)", name, now.UnixMilli()).Exec(ctx); err != nil {
			return err
		}
		n, err := tx.NewSelect().Model((*invitationRow)(nil)).Where("room = ?", name).Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxInvitations {
			return fmt.Errorf("%w: this room has %d open invitations; take some back", ErrInvalid, n)
		}
		_, err = tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return Invitation{}, "", fmt.Errorf("rooms: invite to %s: %w", name, err)
	}
	return row.invitation(), secret, nil
}

// Invitations lists the open invitations of a room, newest first, for one of its
// hosts.
func (r *Rooms) Invitations(ctx context.Context, id auth.Identity, name string) ([]Invitation, error) {
	s, err := r.Find(id, name)
	if err != nil {
		return nil, err
	}
	if !HostOf(id, &s) {
		return nil, ErrHost
	}
	var rows []invitationRow
	err = r.deps.DB.Query().NewSelect().Model(&rows).Where("room = ? AND expires > ? AND uses <> 0", name, time.Now().UnixMilli()).Order("created DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("rooms: invitations of %s: %w", name, err)
	}
	out := make([]Invitation, 0, len(rows))
	for i := range rows {
		out = append(out, rows[i].invitation())
	}
	return out, nil
}

// Uninvite takes an invitation back; guests who are in stay.
func (r *Rooms) Uninvite(ctx context.Context, id auth.Identity, name, invitation string) error {
	s, err := r.Find(id, name)
	if err != nil {
		return err
	}
	if !HostOf(id, &s) {
		return ErrHost
	}
	var n int64
	err = r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewDelete().Model((*invitationRow)(nil)).Where("id = ? AND room = ?", invitation, name).Exec(ctx)
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("rooms: take back an invitation to %s: %w", name, err)
	case n == 0:
		return ErrNotFound
	}
	return nil
}

// Redeem uses an invitation up once and returns who came by it, called name, and
// the room. The error is ErrNotFound for what is no open invitation.
func (r *Rooms) Redeem(ctx context.Context, secret, name string) (auth.Identity, Settings, error) {
	var room string
	err := r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var rows []invitationRow
		err := tx.NewSelect().Model(&rows).Where("secret = ? AND expires > ? AND uses <> 0", digest(secret), time.Now().UnixMilli()).Scan(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		room = rows[0].Room
		if rows[0].Uses < 0 {
			return nil
		}
		_, err = tx.NewUpdate().Model(&rows[0]).Set("uses = uses - 1").WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return auth.Identity{}, Settings{}, fmt.Errorf("rooms: look up an invitation: %w", err)
	}
	s := r.get(room)
	if room == "" || s == nil {
		return auth.Identity{}, Settings{}, ErrNotFound
	}
	return auth.Guest(cleanName(name), s.Stream(), s.Groups), *s, nil
}

// Unredeem gives the use of an invitation back that has let nobody in.
func (r *Rooms) Unredeem(ctx context.Context, secret string) error {
	err := r.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*invitationRow)(nil)).Set("uses = uses + 1").Where("secret = ? AND uses >= 0", digest(secret)).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("rooms: give an invitation back: %w", err)
	}
	return nil
}

// Peek returns the room that an invitation opens without using it up.
func (r *Rooms) Peek(ctx context.Context, secret string) (Settings, error) {
	var rows []invitationRow
	err := r.deps.DB.Query().NewSelect().Model(&rows).Where("secret = ? AND expires > ? AND uses <> 0", digest(secret), time.Now().UnixMilli()).Scan(ctx)
	if err != nil {
		return Settings{}, fmt.Errorf("rooms: look up an invitation: %w", err)
	}
	if len(rows) == 0 {
		return Settings{}, ErrNotFound
	}
	if s := r.get(rows[0].Room); s != nil {
		return *s, nil
	}
	return Settings{}, ErrNotFound
}
