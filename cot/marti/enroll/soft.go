package enroll

import (
	"context"
	"fmt"
	"time"

	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/pki"
)

// Form is a kind of connection package.
type Form string

// The forms of packages.
const (
	FormATAK   Form = "atak"   // ATAK and WinTAK: trust store, certificate with key, preferences
	FormITAK   Form = "itak"   // the same for iTAK
	FormEnroll Form = "enroll" // ATAK and WinTAK: trust store and preferences that make it enrol
)

// Soft describes a connection package that is to be made. Its certificate holds a
// key of ours: it is a soft certificate, as TAK calls it.
type Soft struct {
	User, Device         string
	Callsign, Team, Role string // of the user on the map; "" leaves what the client has
	Form                 Form
	Days                 int // of validity; 0: as configured
}

// SoftPackage issues a certificate, records it, and returns the package with it.
// FormEnroll issues nothing. The error wraps auth.ErrNotFound or auth.ErrInvalid.
func (a *API) SoftPackage(ctx context.Context, s Soft) ([]byte, error) {
	switch s.Form {
	case FormEnroll:
		return a.enrolOnly("")
	case FormATAK, FormITAK:
	default:
		return nil, fmt.Errorf("%w form: there are %s, %s and %s", auth.ErrInvalid, FormATAK, FormITAK, FormEnroll)
	}
	u, err := a.Users.User(ctx, s.User)
	if err != nil {
		return nil, err
	}
	issued, err := a.Authority.IssueClient(u.Name, s.Device, pki.IssueOptions{Days: s.Days, Channels: true})
	if err != nil {
		a.log.Warn("issue a certificate", "user", u.Name, "error", err)
		return nil, fmt.Errorf("%w certificate: none can be made with this name and validity", auth.ErrInvalid)
	}
	c, err := a.connection("")
	if err != nil {
		return nil, err
	}
	c.Callsign, c.Team, c.Role = s.Callsign, s.Team, s.Role
	c.ClientName, c.ClientPassword = u.Name, p12Password
	if c.Client, err = issued.P12(p12Password); err != nil {
		return nil, err
	}
	zip, err := c.ATAK()
	if s.Form == FormITAK {
		zip, err = c.ITAK()
	}
	if err != nil {
		return nil, fmt.Errorf("enroll: make a package: %w", err)
	}
	return zip, a.Devices.RecordDevice(ctx, auth.Device{
		Fingerprint: issued.Fingerprint, Serial: issued.Serial, User: u.Name, Name: s.Device,
		Issued: time.Now(), Expires: issued.Expires, Certificate: issued.Cert.Raw,
	})
}

// connection is what all packages share.
func (a *API) connection(host string) (pack.Connection, error) {
	if host == "" {
		host = a.host()
	}
	trust, err := a.Authority.TrustStoreP12(p12Password)
	return pack.Connection{
		Host: host, Port: a.port(8089, doorStream...), Description: a.cfg.Name, Trust: trust, TrustPassword: p12Password,
	}, err
}

func (a *API) enrolOnly(host string) ([]byte, error) {
	c, err := a.connection(host)
	if err != nil {
		return nil, err
	}
	return c.Enroll()
}
