package auth

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

// Device is a certificate that was issued to a user. It opens the account of
// that user as long as it is known, not expired and not revoked.
type Device struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate (DER), lower-case hex
	Serial      string    `json:"serial"`      // lower-case hex
	User        string    `json:"user"`
	Name        string    `json:"name"` // for people: whose telephone it is
	Issued      time.Time `json:"issued"`
	Expires     time.Time `json:"expires"`
	Revoked     time.Time `json:"revoked,omitzero"`
}

// RecordDevice makes a certificate known. User must exist; Revoked is ignored.
// The error wraps ErrInvalid, ErrNotFound or ErrExists.
func (s *Service) RecordDevice(ctx context.Context, d Device) error {
	if b, err := hex.DecodeString(d.Fingerprint); err != nil || len(b) != 32 || strings.ToLower(d.Fingerprint) != d.Fingerprint {
		return fmt.Errorf("%w fingerprint: it must be 64 lower-case hex digits", ErrInvalid)
	}
	if err := checkText("serial number", d.Serial); err != nil {
		return err
	}
	if err := checkText("device name", d.Name); err != nil {
		return err
	}
	row := deviceRow{Fingerprint: d.Fingerprint, Serial: d.Serial, Name: d.Name, Issued: millis(d.Issued), Expires: millis(d.Expires)}
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		u, err := findUser(ctx, tx, d.User)
		if err != nil {
			return err
		}
		row.UserID, row.UserName = u.ID, u.Name
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if store.IsUnique(err) {
		return fmt.Errorf("this device %w", ErrExists)
	}
	if err != nil {
		return fmt.Errorf("auth: record a device: %w", err)
	}
	s.fact(FactDeviceChanged, DeviceChanged{Fingerprint: row.Fingerprint, User: row.UserName, Change: "added"})
	return nil
}

// ListDevices returns the devices of a user, or of all if user is empty, oldest
// first, with those that are revoked, also of users who are gone.
func (s *Service) ListDevices(ctx context.Context, user string) ([]Device, error) {
	var rows []deviceRow
	q := s.db.Query().NewSelect().Model(&rows).Order("issued", "fingerprint")
	if user != "" {
		u, err := findUser(ctx, s.db.Query(), user)
		if err != nil {
			return nil, err
		}
		q = q.Where("user_id = ?", u.ID)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("auth: list devices: %w", err)
	}
	out := make([]Device, len(rows))
	for i, d := range rows {
		out[i] = Device{Fingerprint: d.Fingerprint, Serial: d.Serial, User: d.UserName, Name: d.Name,
			Issued: fromMillis(d.Issued), Expires: fromMillis(d.Expires), Revoked: fromMillis(d.Revoked)}
	}
	return out, nil
}

// RevokeDevice makes a certificate open nothing any more and ends its sessions.
// Revoking twice is no error.
func (s *Service) RevokeDevice(ctx context.Context, fingerprint string) error {
	var w who
	var d deviceRow
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		w = who{}
		if err := find(ctx, tx, &d, "fingerprint", fingerprint, "this device"); err != nil {
			return err
		}
		w.add(d.UserID, d.UserName)
		_, err := tx.NewUpdate().Model((*deviceRow)(nil)).Set("revoked = ?", time.Now().UnixMilli()).
			Where("fingerprint = ? AND revoked = 0", fingerprint).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("auth: revoke a device: %w", err)
	}
	s.changed(w)
	s.fact(FactDeviceChanged, DeviceChanged{Fingerprint: d.Fingerprint, User: d.UserName, Change: "revoked"})
	return nil
}

// withDevice marks an identity as proven by a certificate of its user.
func withDevice(id Identity, d deviceRow) Identity {
	id.Device, id.expires = d.Fingerprint, fromMillis(d.Expires)
	return id
}
