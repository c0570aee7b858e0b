package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/uptrace/bun"
)

const (
	totpPeriod  = 30 // seconds (RFC 6238 §4.1)
	totpSkew    = 1  // steps before and after the present one
	totpDigits  = 6
	totpSecret  = 20 // bytes (RFC 4226 §4, R6)
	recoveries  = 10
	recoveryLen = 10 // characters of readable: 49 bits, behind the limiter and a keyed hash
)

// secondFactor reads a user's second factor; the zero row, which does not count,
// if there is none.
func (s *Service) secondFactor(ctx context.Context, uid string) (totpRow, error) {
	var row totpRow
	err := find(ctx, s.db.Query(), &row, "user_id", uid, "second factor")
	if errors.Is(err, ErrNotFound) {
		return totpRow{}, nil
	}
	return row, err
}

// HasTOTP reports whether a user's password needs a code beside it.
func (s *Service) HasTOTP(ctx context.Context, user string) (bool, error) {
	u, err := findUser(ctx, s.db.Query(), user)
	if err != nil {
		return false, err
	}
	row, err := s.secondFactor(ctx, u.ID)
	return row.Confirmed, err
}

// BeginTOTP makes a new secret for a user's code generator and returns it, with
// the address that generators read from a QR code. It counts only after
// ConfirmTOTP. The error wraps ErrExists if one counts already.
func (s *Service) BeginTOTP(ctx context.Context, user string) (secret, uri string, err error) {
	raw := make([]byte, totpSecret)
	rand.Read(raw)
	var u userRow
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if u, err = findUser(ctx, tx, user); err != nil {
			return err
		}
		var old totpRow
		err = find(ctx, tx, &old, "user_id", u.ID, "second factor")
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if old.Confirmed {
			return fmt.Errorf("a second factor %w; switch it off first", ErrExists)
		}
		row := totpRow{UserID: u.ID, Sealed: s.keys.seal("totp "+u.ID, raw)}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (user_id) DO UPDATE").
			Set("sealed = EXCLUDED.sealed").Set("last_step = EXCLUDED.last_step").Exec(ctx)
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("auth: begin a second factor: %w", err)
	}
	secret = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	q := url.Values{"secret": {secret}, "issuer": {s.cfg.Issuer}, "period": {fmt.Sprint(totpPeriod)}, "digits": {fmt.Sprint(totpDigits)}}
	label := &url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + s.cfg.Issuer + ":" + u.Name, RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20")}
	return secret, label.String(), nil
}

// ConfirmTOTP makes the secret of BeginTOTP count, once a code of it was shown.
// It returns the recovery codes, which cannot be read again, and the identity
// that goes on: other sessions opened with the password end. The error wraps
// ErrInvalid for a wrong code.
func (s *Service) ConfirmTOTP(ctx context.Context, id Identity, code string) (recovery []string, now Identity, err error) {
	for range recoveries {
		c := generateReadable(recoveryLen)
		recovery = append(recovery, c[:recoveryLen/2]+"-"+c[recoveryLen/2:])
	}
	now, err = s.renew(ctx, id, "totp", func(ctx context.Context, tx bun.Tx, u *userRow) error {
		var row totpRow
		err := find(ctx, tx, &row, "user_id", u.ID, "second factor")
		if errors.Is(err, ErrNotFound) || err == nil && row.Confirmed {
			return fmt.Errorf("%w second factor: begin it first", ErrInvalid)
		}
		if err != nil {
			return err
		}
		step, ok := s.codeStep(row, code)
		if !ok {
			return fmt.Errorf("%w code: it is not the one of now; is the clock of your telephone right?", ErrInvalid)
		}
		row.Confirmed, row.LastStep = true, step
		if _, err := tx.NewUpdate().Model(&row).Column("confirmed", "last_step").WherePK().Exec(ctx); err != nil {
			return err
		}
		return s.putRecovery(ctx, tx, u.ID, recovery)
	})
	if err != nil {
		return nil, Identity{}, fmt.Errorf("auth: confirm a second factor: %w", err)
	}
	return recovery, now, nil
}

func (s *Service) putRecovery(ctx context.Context, tx bun.Tx, uid string, codes []string) error {
	if _, err := tx.NewDelete().Model((*recoveryRow)(nil)).Where("user_id = ?", uid).Exec(ctx); err != nil {
		return err
	}
	rows := make([]recoveryRow, len(codes))
	for i, c := range codes {
		rows[i] = recoveryRow{UserID: uid, Code: s.recoveryHash(uid, c)}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// ResetTOTP takes a user's second factor away.
func (s *Service) ResetTOTP(ctx context.Context, user string) error {
	return s.updateUser(ctx, user, "totp", func(ctx context.Context, tx bun.Tx, u *userRow) ([]string, error) {
		_, err := tx.NewDelete().Model((*totpRow)(nil)).Where("user_id = ?", u.ID).Exec(ctx)
		if err == nil {
			_, err = tx.NewDelete().Model((*recoveryRow)(nil)).Where("user_id = ?", u.ID).Exec(ctx)
		}
		return []string{"name"}, err
	})
}

// checkSecond checks the code beside a password that was right.
func (s *Service) checkSecond(ctx context.Context, p Proof, row totpRow, code string) error {
	switch {
	case code == "" && p.AskCode:
		return ErrCodeNeeded
	case code == "" || len(code) > 64:
		return ErrBadCredentials
	}
	if step, ok := s.codeStep(row, code); ok {
		return s.spend(ctx, func(tx bun.Tx) executor {
			return tx.NewUpdate().Model((*totpRow)(nil)).Set("last_step = ?", step).Where("user_id = ? AND confirmed AND last_step < ?", row.UserID, step)
		})
	}
	hash := s.recoveryHash(row.UserID, code)
	return s.spend(ctx, func(tx bun.Tx) executor {
		return tx.NewDelete().Model((*recoveryRow)(nil)).Where("user_id = ? AND code = ?", row.UserID, hash)
	})
}

// executor is a change that bun can run.
type executor interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}

// spend runs a change that must concern one row: a code that was taken already
// concerns none.
func (s *Service) spend(ctx context.Context, change func(tx bun.Tx) executor) error {
	var n int64
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		res, err := change(tx).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("auth: take a code: %w", err)
	case n != 1:
		return ErrBadCredentials
	}
	return nil
}

// codeStep returns the time step that code belongs to, if it is one of those
// around now and none of an earlier login. It always computes all of them.
func (s *Service) codeStep(row totpRow, code string) (int64, bool) {
	raw, err := s.keys.open("totp "+row.UserID, row.Sealed)
	if err != nil {
		s.log.Warn("a second factor cannot be read; was secret.key replaced? resetting it lets the user make a new one", "error", err)
		return 0, false
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	now := time.Now().Unix() / totpPeriod
	found := int64(0)
	for step := now - totpSkew; step <= now+totpSkew; step++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > row.LastStep {
			found = step
		}
	}
	return found, found != 0
}

// recoveryHash is what is kept of a recovery code: of no use without secret.key.
func (s *Service) recoveryHash(uid, code string) string {
	code = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
	mac := hmac.New(sha256.New, s.recovery)
	mac.Write([]byte(uid + "\x00" + code))
	return hex.EncodeToString(mac.Sum(nil))
}

// splitCode takes six digits off the end of a password, for doors of clients that
// have one field for both.
func splitCode(password string) (rest, code string) {
	at := len(password) - totpDigits
	if at < 1 || strings.Trim(password[at:], "0123456789") != "" {
		return password, ""
	}
	return password[:at], password[at:]
}

// renew makes a change that ends what was opened with a user's password, for id
// who has just proven themself, and returns the identity that goes on.
func (s *Service) renew(ctx context.Context, id Identity, fact string, change func(ctx context.Context, tx bun.Tx, u *userRow) error) (Identity, error) {
	epoch := s.sessions.now()
	var u userRow
	err := s.updateUser(ctx, id.User, fact, func(ctx context.Context, tx bun.Tx, row *userRow) ([]string, error) {
		if id.uid != "" && row.ID != id.uid {
			return nil, ErrRevoked
		}
		if err := change(ctx, tx, row); err != nil {
			return nil, err
		}
		row.Stamp++
		u = *row
		return []string{"stamp"}, nil
	})
	if err != nil {
		return Identity{}, err
	}
	return s.passwordIdentity(ctx, u, epoch)
}
