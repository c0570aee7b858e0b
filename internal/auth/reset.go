package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

const (
	resetLife  = 30 * time.Minute // of a link that was asked for
	inviteLife = 24 * time.Hour   // of one that an administrator sends
	resetPause = 2 * time.Minute  // an account gets no second link meanwhile
	maxResets  = 5                // accounts with one address that get a link at once
)

// ErrResetOver says that a link to choose a password has been used, replaced, or
// is too old.
var ErrResetOver = errors.New("this link is not valid any more")

// Reset is the permission to choose a new password, once. Its token is to reach
// the user and nobody else.
type Reset struct {
	User    string
	Email   string
	Token   string
	Expires time.Time
}

// ForgotPassword makes resets for the account called who, or for those with that
// mail address. There are none for accounts that are closed, have no password or
// no address, come from a directory, or have got one just now: the caller must not
// tell whoever asks.
func (s *Service) ForgotPassword(ctx context.Context, who string) ([]Reset, error) {
	var resets []Reset
	now := time.Now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		resets = nil
		var rows []userRow
		q := tx.NewSelect().Model(&rows).Where("name_key = ?", nameKey(who)).Limit(maxResets)
		if strings.Contains(who, "@") {
			q = tx.NewSelect().Model(&rows).Where("name_key = ? OR LOWER(email) = ?", nameKey(who), strings.ToLower(who)).Order("created").Limit(maxResets)
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		for _, u := range rows {
			if u.Email == "" || u.Password == "" || u.Origin != "" || u.closed() {
				continue
			}
			lately, err := tx.NewSelect().Model((*resetRow)(nil)).Where("user_id = ? AND created > ?", u.ID, now.Add(-resetPause).UnixMilli()).Exists(ctx)
			if err != nil {
				return err
			}
			if lately {
				continue
			}
			r, err := addReset(ctx, tx, u, now, resetLife)
			if err != nil {
				return err
			}
			resets = append(resets, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("auth: forgotten password: %w", err)
	}
	return resets, nil
}

// InvitePassword makes a reset for a user, who may be without a password yet. The
// error wraps ErrInvalid or ErrNotFound.
func (s *Service) InvitePassword(ctx context.Context, name string) (Reset, error) {
	var r Reset
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		u, err := findUser(ctx, tx, name)
		if err != nil {
			return err
		}
		switch {
		case u.Email == "":
			return fmt.Errorf("%w account for this: it has no mail address", ErrInvalid)
		case u.Origin != "":
			return fmt.Errorf("%w account for this: %s comes from a directory, which keeps the password", ErrInvalid, u.Name)
		case u.closed():
			return fmt.Errorf("%w account for this: it is closed", ErrInvalid)
		}
		r, err = addReset(ctx, tx, u, time.Now(), inviteLife)
		return err
	})
	if err != nil {
		return Reset{}, fmt.Errorf("auth: let somebody choose a password: %w", err)
	}
	return r, nil
}

// addReset makes a reset in place of any that u has.
func addReset(ctx context.Context, tx bun.Tx, u userRow, now time.Time, life time.Duration) (Reset, error) {
	token := strings.ToLower(rand.Text()) // 130 bits
	row := resetRow{UserID: u.ID, Secret: hashSecret(token), Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli()}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (user_id) DO UPDATE").
		Set("secret = EXCLUDED.secret").Set("created = EXCLUDED.created").Set("expires = EXCLUDED.expires").Exec(ctx)
	return Reset{User: u.Name, Email: u.Email, Token: token, Expires: fromMillis(row.Expires)}, err
}

func dropReset(ctx context.Context, tx bun.Tx, uid string) error {
	_, err := tx.NewDelete().Model((*resetRow)(nil)).Where("user_id = ?", uid).Exec(ctx)
	return err
}

// CheckReset returns whose password the token of a reset lets choose. The error is
// ErrResetOver.
func (s *Service) CheckReset(ctx context.Context, token string) (user string, err error) {
	u, err := s.resetUser(ctx, token)
	return u.Name, err
}

func (s *Service) resetUser(ctx context.Context, token string) (userRow, error) {
	var rows []userRow
	err := s.db.Query().NewSelect().Model(&rows).
		Where("id IN (SELECT user_id FROM password_resets WHERE secret = ? AND expires > ?)", hashSecret(token), time.Now().UnixMilli()).Scan(ctx)
	switch {
	case err != nil:
		return userRow{}, fmt.Errorf("auth: look at a reset: %w", err)
	case len(rows) == 0 || rows[0].closed():
		return userRow{}, ErrResetOver
	}
	return rows[0], nil
}

// ResetPassword sets the password of the user that token was made for and uses it
// up. What was open with the old password ends; a second factor stays. The error
// wraps ErrInvalid, or is ErrResetOver.
func (s *Service) ResetPassword(ctx context.Context, token, password string) (User, error) {
	u, err := s.resetUser(ctx, token) // before the costly hash
	if err != nil {
		return User{}, err
	}
	if err := s.checkPassword(password); err != nil {
		return User{}, err
	}
	hash, err := s.hashPassword(ctx, password)
	if err != nil {
		return User{}, err
	}
	err = s.updateUser(ctx, u.Name, "password", func(ctx context.Context, tx bun.Tx, row *userRow) ([]string, error) {
		res, err := tx.NewDelete().Model((*resetRow)(nil)).
			Where("user_id = ? AND secret = ? AND expires > ?", row.ID, hashSecret(token), time.Now().UnixMilli()).Exec(ctx)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 || row.closed() {
			return nil, errors.Join(ErrResetOver, err)
		}
		row.Password = hash
		row.Stamp++
		return []string{"password", "stamp"}, s.replacePassword(ctx, tx, *row, password)
	})
	if errors.Is(err, ErrResetOver) {
		return User{}, ErrResetOver
	}
	if err != nil {
		return User{}, err
	}
	return s.User(ctx, u.Name)
}
