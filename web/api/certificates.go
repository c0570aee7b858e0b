package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"muster/internal/auth"
	"muster/internal/pki"
)

// Certificate describes a certificate that was issued to a user's device.
type Certificate struct {
	Fingerprint string     `json:"fingerprint" doc:"SHA-256 of the certificate."`
	Serial      string     `json:"serial"`
	User        string     `json:"user"`
	Name        string     `json:"name" doc:"Whose device it is."`
	ClientUID   string     `json:"clientUid" doc:"What the TAK client that enrolled calls itself; empty: none."`
	Issued      time.Time  `json:"issued"`
	Expires     time.Time  `json:"expires"`
	Revoked     *time.Time `json:"revoked,omitempty"`
	Replaced    bool       `json:"replaced" doc:"Revoked because the device enrolled again."`
}

type certificatesOut struct {
	Body struct {
		Certificates []Certificate `json:"certificates"`
	}
}

type newCertificateIn struct {
	Body struct {
		User     string `json:"user" maxLength:"64"`
		Name     string `json:"name" minLength:"1" maxLength:"64" doc:"Whose device it is, for people."`
		Days     int    `json:"days" minimum:"0" maximum:"3650" doc:"How long it is valid; 0: as configured."`
		Password string `json:"password" minLength:"4" maxLength:"64" doc:"Protects the PKCS#12 files on their way."`
	}
}

type newCertificateOut struct {
	Body struct {
		Certificate   Certificate `json:"certificate"`
		P12           []byte      `json:"p12" doc:"Certificate, key and CA (PKCS#12). The key is not kept here."`
		TruststoreP12 []byte      `json:"truststoreP12" doc:"The CA alone (PKCS#12), as TAK clients want it."`
		CAPEM         string      `json:"caPEM"`
	}
}

type certificateID struct {
	Fingerprint string `path:"fingerprint" pattern:"^[0-9a-f]{64}$" doc:"SHA-256 of the certificate, lower-case hex."`
}

func sum(der []byte) string {
	s := sha256.Sum256(der)
	return hex.EncodeToString(s[:])
}

func certificateOf(d auth.Device) Certificate {
	return Certificate{Fingerprint: d.Fingerprint, Serial: d.Serial, User: d.User, Name: d.Name, ClientUID: d.ClientUID, Replaced: d.Replaced, Issued: d.Issued, Expires: d.Expires, Revoked: timeOf(d.Revoked)}
}

func (a *API) certificates() {
	register(a, user, op("listCertificates", http.MethodGet, "/certificates", "Certificates of devices: all for administrators, your own for others"),
		func(ctx context.Context, id auth.Identity, _ *none) (*certificatesOut, error) {
			list, err := a.devices(ctx, id)
			if err != nil {
				return nil, err
			}
			out := &certificatesOut{}
			out.Body.Certificates = []Certificate{}
			for _, d := range list {
				out.Body.Certificates = append(out.Body.Certificates, certificateOf(d))
			}
			return out, nil
		})
	add := op("addCertificate", http.MethodPost, "/certificates", "Issue a certificate to a user's device")
	add.DefaultStatus = http.StatusCreated
	register(a, admin, add, a.issue)
	register(a, user, op("revokeCertificate", http.MethodDelete, "/certificates/{fingerprint}", "Revoke a certificate and end the sessions opened with it"),
		func(ctx context.Context, id auth.Identity, in *certificateID) (*none, error) {
			list, err := a.devices(ctx, id)
			if err != nil {
				return nil, err
			}
			for _, d := range list {
				if d.Fingerprint == in.Fingerprint {
					return nil, a.revokeDevice(ctx, d)
				}
			}
			return nil, refuse(http.StatusNotFound, "There is no such certificate.")
		})
}

// devices returns those that id may see.
func (a *API) devices(ctx context.Context, id auth.Identity) ([]auth.Device, error) {
	if auth.Allow(id, auth.Admin, auth.Server()) == nil {
		return a.Devices.ListDevices(ctx, "")
	}
	return a.Devices.ListDevices(ctx, id.User)
}

// revokeDevice closes the account to d first, then tells other servers by the
// list.
func (a *API) revokeDevice(ctx context.Context, d auth.Device) error {
	if err := a.Devices.RevokeDevice(ctx, d.Fingerprint); err != nil {
		return err
	}
	if a.Authority == nil {
		return nil
	}
	return a.Authority.Revoke(d.Serial)
}

func (a *API) issue(ctx context.Context, id auth.Identity, in *newCertificateIn) (*newCertificateOut, error) {
	if a.Authority == nil {
		return nil, errStopped
	}
	b := in.Body
	u, err := a.Users.User(ctx, b.User)
	if err != nil {
		return nil, err
	}
	issued, err := a.Authority.IssueClient(u.Name, b.Name, pki.IssueOptions{Days: b.Days})
	if err != nil {
		a.Log.Warn("issue a certificate", "user", u.Name, "error", err)
		return nil, refuse(http.StatusUnprocessableEntity, "No certificate can be made with this name and validity.")
	}
	out := &newCertificateOut{}
	if out.Body.P12, err = issued.P12(b.Password); err != nil {
		return nil, err
	}
	if out.Body.TruststoreP12, err = a.Authority.TrustStoreP12(b.Password); err != nil {
		return nil, err
	}
	d := auth.Device{Fingerprint: issued.Fingerprint, Serial: issued.Serial, User: u.Name, Name: b.Name, Issued: time.Now(), Expires: issued.Expires, Certificate: issued.Cert.Raw}
	if err := a.Devices.RecordDevice(ctx, d); err != nil {
		return nil, err
	}
	a.Log.Info("certificate issued", "user", u.Name, "device", b.Name, "by", id.User)
	out.Body.Certificate, out.Body.CAPEM = certificateOf(d), string(a.Authority.CACertPEM())
	return out, nil
}
