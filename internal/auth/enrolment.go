package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

const (
	// provisionFor is how long a device that has enrolled may fetch what it is
	// set up with.
	provisionFor  = 10 * time.Minute
	maxEnrolments = 20             // of one user that wait to be used
	keepEnrolment = 24 * time.Hour // after its end, so that people see what became of it
)

// ErrSpent says that an enrolment token has been used already.
var ErrSpent = errors.New("this enrolment was used already")

// Enrolment is the permission to get one certificate for one device.
type Enrolment struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Device  string    `json:"device"` // for people
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used,omitzero"`
}

// CreateEnrolment makes an enrolment token for a user's device and returns its
// text, which cannot be read again. It is taken where devices enrol
// (Proof.Enrol), as a token or as the password of any name, until life is over or
// Enrol has used it up, and opens nothing else. A life of 0 is the configured
// one. The error wraps ErrInvalid or ErrNotFound.
func (s *Service) CreateEnrolment(ctx context.Context, user, device string, life time.Duration) (Enrolment, string, error) {
	if life == 0 {
		life = s.cfg.Enrolment
	}
	if life < time.Minute || life > s.cfg.MaxEnrolment {
		return Enrolment{}, "", fmt.Errorf("%w enrolment: it can last from a minute to %s", ErrInvalid, s.cfg.MaxEnrolment)
	}
	if err := checkText("device name", device); err != nil {
		return Enrolment{}, "", err
	}
	now := time.Now()
	id, secret, text := newToken()
	row := tokenRow{ID: id, Name: device, Kind: KindEnrolment, Secret: hashSecret(secret), Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli()}
	var u userRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if u, err = findUser(ctx, tx, user); err != nil {
			return err
		}
		if u.closed() {
			return fmt.Errorf("%w enrolment: the account is closed", ErrInvalid)
		}
		row.UserID = u.ID
		return insertEnrolment(ctx, tx, row)
	})
	if err != nil {
		return Enrolment{}, "", fmt.Errorf("auth: make an enrolment: %w", err)
	}
	s.fact(FactTokenChanged, TokenChanged{ID: id, User: u.Name, Change: "added"})
	return row.enrolment(u.Name), text, nil
}

func insertEnrolment(ctx context.Context, tx bun.Tx, row tokenRow) error {
	_, err := tx.NewDelete().Model((*tokenRow)(nil)).
		Where("user_id = ? AND kind = ? AND expires < ?", row.UserID, KindEnrolment, row.Created-keepEnrolment.Milliseconds()).Exec(ctx)
	if err != nil {
		return err
	}
	n, err := tx.NewSelect().Model((*tokenRow)(nil)).
		Where("user_id = ? AND kind = ? AND consumed = 0 AND expires > ?", row.UserID, KindEnrolment, row.Created).Count(ctx)
	if err != nil {
		return err
	}
	if n >= maxEnrolments {
		return fmt.Errorf("%w enrolment: %d of this user wait to be used; remove one first", ErrInvalid, maxEnrolments)
	}
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

func (t tokenRow) enrolment(user string) Enrolment {
	return Enrolment{ID: t.ID, User: user, Device: t.Name, Created: fromMillis(t.Created), Expires: fromMillis(t.Expires), Used: fromMillis(t.Consumed)}
}

// enrolmentScope is what an enrolment token is good for.
func (t tokenRow) enrolmentScope() *Scope {
	if t.Consumed != 0 {
		return &Scope{Actions: []Action{Provision}}
	}
	return &Scope{Actions: []Action{Enrol, Provision}}
}

// enrolling reports whether id was proven with an enrolment token.
func (id Identity) enrolling() bool {
	return id.Scope != nil && slices.Contains(id.Scope.Actions, Provision)
}

// ListEnrolments returns the enrolments of a user, or of all if user is empty,
// oldest first. Those that are used or over stay in it for a day.
func (s *Service) ListEnrolments(ctx context.Context, user string) ([]Enrolment, error) {
	var rows []struct {
		tokenRow
		User string `bun:"user_name"`
	}
	q := s.db.Query().NewSelect().TableExpr("tokens AS t").Join("JOIN users AS u ON u.id = t.user_id").
		ColumnExpr("t.*, u.name AS user_name").OrderExpr("t.created, t.id").
		Where("t.kind = ? AND t.expires > ?", KindEnrolment, time.Now().Add(-keepEnrolment).UnixMilli())
	if user != "" {
		u, err := findUser(ctx, s.db.Query(), user)
		if err != nil {
			return nil, err
		}
		q = q.Where("t.user_id = ?", u.ID)
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("auth: list enrolments: %w", err)
	}
	out := make([]Enrolment, len(rows))
	for i, r := range rows {
		out[i] = r.tokenRow.enrolment(r.User)
	}
	return out, nil
}

// Enrol records the certificate that was made for a device of id, using up the
// enrolment token that id was proven with, if it was one. Of several callers with
// one token one succeeds; the others get ErrSpent, and must not hand out the
// certificate that they made. replaced are the certificates that the same device
// had before and has lost, for the revocation list. d.User is ignored.
func (s *Service) Enrol(ctx context.Context, id Identity, d Device) (replaced []Device, err error) {
	if err := Allow(id, Enrol, Server()); err != nil {
		return nil, err
	}
	row, err := d.row()
	if err != nil {
		return nil, err
	}
	if _, err := s.Current(ctx, id); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRevoked, err)
	}
	var w who
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		w, replaced = who{}, nil
		var u userRow
		if err := find(ctx, tx, &u, "id", id.uid, "user"); err != nil {
			return err
		}
		if u.closed() {
			return fmt.Errorf("%w: the account is closed", ErrRevoked)
		}
		w.add(u.ID, u.Name)
		if id.enrolling() {
			if err := consume(ctx, tx, id.Token, time.Now()); err != nil {
				return err
			}
		}
		row.UserID, row.UserName = u.ID, u.Name
		if s.cfg.RevokeReplaced && row.ClientUID != "" {
			if replaced, err = s.replace(ctx, tx, row, time.Now()); err != nil {
				return err
			}
		}
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if store.IsUnique(err) {
		return nil, fmt.Errorf("this device %w", ErrExists)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: enrol: %w", err)
	}
	if id.enrolling() || len(replaced) > 0 {
		s.changed(w)
	}
	s.fact(FactDeviceChanged, DeviceChanged{Fingerprint: row.Fingerprint, User: row.UserName, Change: "added"})
	for _, old := range replaced {
		s.fact(FactDeviceChanged, DeviceChanged{Fingerprint: old.Fingerprint, User: row.UserName, Change: "revoked"})
	}
	return replaced, nil
}

// consume uses an enrolment token up, or says that it cannot be any more.
func consume(ctx context.Context, tx bun.Tx, token string, now time.Time) error {
	res, err := tx.NewUpdate().Model((*tokenRow)(nil)).Set("consumed = ?", now.UnixMilli()).
		Where("id = ? AND kind = ? AND consumed = 0 AND expires > ?", token, KindEnrolment, now.UnixMilli()).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrSpent, err)
	}
	return nil
}

// replace revokes the certificates that row's user and client have.
func (s *Service) replace(ctx context.Context, tx bun.Tx, row deviceRow, now time.Time) ([]Device, error) {
	var rows []deviceRow
	err := tx.NewSelect().Model(&rows).Where("user_id = ? AND client_uid = ? AND revoked = 0", row.UserID, row.ClientUID).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	out := make([]Device, len(rows))
	for i, r := range rows {
		r.Revoked, r.Replaced = now.UnixMilli(), true
		out[i] = r.public()
	}
	_, err = tx.NewUpdate().Model((*deviceRow)(nil)).Set("revoked = ?", now.UnixMilli()).Set("replaced = ?", true).
		Where("user_id = ? AND client_uid = ? AND revoked = 0", row.UserID, row.ClientUID).Exec(ctx)
	for _, d := range out {
		if err == nil {
			err = s.dropViewers(ctx, tx, row.UserID, d.Fingerprint)
		}
	}
	return out, err
}
