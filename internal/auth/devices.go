package auth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

// Device is a certificate that was issued to a user. It opens the account of
// that user as long as it is not expired and not revoked.
type Device struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate (DER), lower-case hex
	Serial      string    `json:"serial"`      // lower-case hex
	User        string    `json:"user"`
	Name        string    `json:"name"` // for people: whose telephone it is
	ClientUID   string    `json:"clientUid,omitempty"`
	Issued      time.Time `json:"issued"`
	Expires     time.Time `json:"expires"`
	Revoked     time.Time `json:"revoked,omitzero"`
	Replaced    bool      `json:"replaced,omitempty"` // revoked because the device enrolled again
	Certificate []byte    `json:"-"`                  // DER; empty where it is not known
}

const maxCertificate = 16 << 10 // bytes of DER that are kept

// RecordDevice makes a certificate known. User must exist; Revoked and Replaced
// are ignored. The error wraps ErrInvalid, ErrNotFound or ErrExists.
func (s *Service) RecordDevice(ctx context.Context, d Device) error {
	row, err := d.row()
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
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

// row checks d and returns what is stored of it, without its user.
func (d Device) row() (deviceRow, error) {
	if b, err := hex.DecodeString(d.Fingerprint); err != nil || len(b) != 32 || strings.ToLower(d.Fingerprint) != d.Fingerprint {
		return deviceRow{}, fmt.Errorf("%w fingerprint: it must be 64 lower-case hex digits", ErrInvalid)
	}
	for what, text := range map[string]string{"serial number": d.Serial, "device name": d.Name, "client uid": d.ClientUID} {
		if err := checkText(what, text); err != nil {
			return deviceRow{}, err
		}
	}
	if len(d.Certificate) > maxCertificate {
		return deviceRow{}, fmt.Errorf("%w certificate: longer than %d bytes", ErrInvalid, maxCertificate)
	}
	return deviceRow{
		Fingerprint: d.Fingerprint, Serial: d.Serial, Name: d.Name, ClientUID: d.ClientUID,
		Issued: millis(d.Issued), Expires: millis(d.Expires), Certificate: base64.StdEncoding.EncodeToString(d.Certificate),
	}, nil
}

func (d deviceRow) public() Device {
	der, _ := base64.StdEncoding.DecodeString(d.Certificate) // written by row
	return Device{
		Fingerprint: d.Fingerprint, Serial: d.Serial, User: d.UserName, Name: d.Name, ClientUID: d.ClientUID,
		Issued: fromMillis(d.Issued), Expires: fromMillis(d.Expires), Revoked: fromMillis(d.Revoked), Replaced: d.Replaced, Certificate: der,
	}
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
		out[i] = d.public()
	}
	return out, nil
}

// certificate says whose account a certificate opens. TLS has verified that it
// comes from our authority and that the client has its key.
//
// One that is on record opens its user's account. One that is not, because the
// authority issued it elsewhere, opens the account of its common name, and is put
// on record so that it can be listed and revoked.
func (s *Service) certificate(ctx context.Context, c *x509.Certificate) (Identity, error) {
	epoch := s.sessions.now()
	sum := sha256.Sum256(c.Raw)
	fingerprint := hex.EncodeToString(sum[:])
	var d deviceRow
	err := find(ctx, s.db.Query(), &d, "fingerprint", fingerprint, "device")
	if errors.Is(err, ErrNotFound) {
		d, err = s.meetDevice(ctx, c, fingerprint)
	}
	switch {
	case err != nil:
		return Identity{}, err
	case d.Revoked != 0 || d.UserID == "" || past(d.Expires, time.Now()):
		return Identity{}, ErrBadCredentials
	}
	u, err := s.owner(ctx, d.UserID)
	if err != nil {
		return Identity{}, err
	}
	who, err := s.identity(ctx, u, epoch)
	return withDevice(who, d), err
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// commonName returns the one common name in c's subject; "" if there is none or
// more than one. It takes the attribute and never reads a printed subject, in
// which a name could forge others.
func commonName(c *x509.Certificate) string {
	name := ""
	for _, a := range c.Subject.Names {
		if !a.Type.Equal(oidCommonName) {
			continue
		}
		s, ok := a.Value.(string)
		if !ok || name != "" {
			return ""
		}
		name = s
	}
	return name
}

// meetDevice puts a certificate on record that is seen for the first time.
func (s *Service) meetDevice(ctx context.Context, c *x509.Certificate, fingerprint string) (deviceRow, error) {
	u, err := findUser(ctx, s.db.Query(), commonName(c))
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && u.closed():
		return deviceRow{}, ErrBadCredentials
	case err != nil:
		return deviceRow{}, err
	}
	seen := Device{Fingerprint: fingerprint, Serial: c.SerialNumber.Text(16), Name: "first seen " + time.Now().UTC().Format(time.DateOnly),
		Issued: c.NotBefore, Expires: c.NotAfter, Certificate: c.Raw}
	row, err := seen.row()
	if err != nil {
		s.log.Warn("a certificate of our authority is not taken", "user", u.Name, "error", err)
		return deviceRow{}, ErrBadCredentials
	}
	made := false
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		made = false
		var old deviceRow
		err := find(ctx, tx, &old, "fingerprint", fingerprint, "device")
		if !errors.Is(err, ErrNotFound) { // another connection was faster
			row = old
			return err
		}
		if err := find(ctx, tx, &u, "id", u.ID, "user"); err != nil {
			return err
		}
		row.UserID, row.UserName = u.ID, u.Name
		made = true
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound): // removed just now
		return deviceRow{}, ErrBadCredentials
	case store.IsUnique(err):
		err = find(ctx, s.db.Query(), &row, "fingerprint", fingerprint, "device")
		return row, err
	case err != nil:
		return deviceRow{}, fmt.Errorf("auth: record a device: %w", err)
	}
	if made {
		s.log.Info("a certificate of our authority was seen for the first time", "user", u.Name, "fingerprint", fingerprint)
		s.fact(FactDeviceChanged, DeviceChanged{Fingerprint: fingerprint, User: u.Name, Change: "added"})
	}
	return row, nil
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
		if err != nil {
			return err
		}
		return s.dropViewers(ctx, tx, d.UserID, fingerprint)
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
