package enroll

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/pki"
)

// takTime is how TAK Server writes times.
const takTime = "2006-01-02T15:04:05.000Z"

const certType = "com.bbn.marti.remote.TakCert"

// takCert is a certificate as TAK Server lists it.
type takCert struct {
	ID          int64  `json:"id"`
	CreatorDN   string `json:"creatorDn"`
	SubjectDN   string `json:"subjectDn"`
	UserDN      string `json:"userDn"`
	Certificate string `json:"certificate"`
	Hash        string `json:"hash"`
	ClientUID   string `json:"clientUid"`
	Issued      string `json:"issuanceDate"`
	Expires     string `json:"expirationDate"`
	Effective   string `json:"effectiveDate"`
	Revoked     string `json:"revocationDate,omitempty"`
	Token       string `json:"token"`
	Serial      string `json:"serialNumber"`
}

// certID is a number for a certificate that stays the same: the front of its
// fingerprint, as much as JavaScript holds exactly.
func certID(fingerprint string) int64 {
	n, err := strconv.ParseInt(fingerprint[:min(13, len(fingerprint))], 16, 64) // 52 bits
	if err != nil {
		return 0
	}
	return n
}

func certOf(d auth.Device) takCert {
	c := takCert{
		ID: certID(d.Fingerprint), UserDN: d.User, Hash: d.Fingerprint, ClientUID: d.ClientUID, Serial: d.Serial,
		Issued: d.Issued.UTC().Format(takTime), Expires: d.Expires.UTC().Format(takTime), Effective: d.Issued.UTC().Format(takTime),
		SubjectDN: "CN=" + d.User,
	}
	if !d.Revoked.IsZero() {
		c.Revoked = d.Revoked.UTC().Format(takTime)
	}
	if x, err := x509.ParseCertificate(d.Certificate); err == nil {
		c.SubjectDN, c.CreatorDN = x.Subject.String(), x.Issuer.String()
		c.Effective = x.NotBefore.UTC().Format(takTime)
		c.Certificate = string(pemOf(d))
	}
	return c
}

func pemOf(d auth.Device) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate})
}

func (a *API) certAdmin(mux *http.ServeMux) {
	const base = "/Marti/api/certadmin/cert"
	list := func(want func(d auth.Device, now time.Time) bool) http.HandlerFunc {
		return admin(func(w http.ResponseWriter, r *http.Request) { a.listCerts(w, r, want) })
	}
	mux.HandleFunc("GET "+base, list(func(auth.Device, time.Time) bool { return true }))
	mux.HandleFunc("GET "+base+"/active", list(func(d auth.Device, now time.Time) bool { return d.Revoked.IsZero() && now.Before(d.Expires) }))
	mux.HandleFunc("GET "+base+"/replaced", list(func(d auth.Device, _ time.Time) bool { return d.Replaced }))
	mux.HandleFunc("GET "+base+"/expired", list(func(d auth.Device, now time.Time) bool { return !now.Before(d.Expires) }))
	mux.HandleFunc("GET "+base+"/revoked", list(func(d auth.Device, _ time.Time) bool { return !d.Revoked.IsZero() }))
	mux.HandleFunc("GET "+base+"/{hash}", admin(a.getCert))
	mux.HandleFunc("GET "+base+"/{first}/{second}", admin(a.downloadCerts))
	mux.HandleFunc("DELETE "+base+"/{ids}", admin(a.revokeCerts))
	mux.HandleFunc("DELETE "+base+"/revoke/{ids}", admin(a.revokeCerts))
	mux.HandleFunc("DELETE "+base+"/delete/{ids}", admin(a.revokeCerts))
	mux.HandleFunc("GET /Marti/api/tls/makeClientKeyStore", admin(a.makeKeyStore))
}

func (a *API) listCerts(w http.ResponseWriter, r *http.Request, want func(auth.Device, time.Time) bool) {
	all, err := a.Devices.ListDevices(r.Context(), reply.Fold(r).Get("username"))
	if err != nil {
		a.fail(w, err)
		return
	}
	out, now := []takCert{}, time.Now()
	for _, d := range all {
		if want(d, now) {
			out = append(out, certOf(d))
		}
	}
	a.Node.Envelope(w, certType, out)
}

// find returns the devices that a list of ids or fingerprints names.
func (a *API) find(ctx context.Context, list string) ([]auth.Device, error) {
	all, err := a.Devices.ListDevices(ctx, "")
	if err != nil {
		return nil, err
	}
	var out []auth.Device
	for name := range strings.SplitSeq(list, ",") {
		at := slices.IndexFunc(all, func(d auth.Device) bool {
			return d.Fingerprint == strings.ToLower(name) || strconv.FormatInt(certID(d.Fingerprint), 10) == name
		})
		if at < 0 {
			return nil, fmt.Errorf("certificate %w", auth.ErrNotFound)
		}
		out = append(out, all[at])
	}
	return out, nil
}

func (a *API) getCert(w http.ResponseWriter, r *http.Request) {
	found, err := a.find(r.Context(), r.PathValue("hash"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.Node.Envelope(w, certType, certOf(found[0]))
}

// downloadCerts answers for /{hash}/download and /download/{ids}: one certificate
// as it is, several as a zip.
func (a *API) downloadCerts(w http.ResponseWriter, r *http.Request) {
	list := r.PathValue("second")
	if r.PathValue("first") != "download" {
		if list != "download" {
			reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
			return
		}
		list = r.PathValue("first")
	}
	found, err := a.find(r.Context(), list)
	if err != nil {
		a.fail(w, err)
		return
	}
	found = slices.DeleteFunc(found, func(d auth.Device) bool { return len(d.Certificate) == 0 })
	switch len(found) {
	case 0:
		reply.Error(w, http.StatusNotFound, "This certificate is not kept here, only its fingerprint.")
	case 1:
		w.Header().Set("Content-Disposition", `attachment; filename="`+found[0].Fingerprint[:16]+`.pem"`)
		reply.Bytes(w, http.StatusOK, "application/x-pem-file", pemOf(found[0]))
	default:
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, d := range found {
			f, err := z.Create(d.Fingerprint[:16] + ".pem")
			if err == nil {
				_, err = f.Write(pemOf(d))
			}
			if err != nil {
				a.fail(w, err)
				return
			}
		}
		if err := z.Close(); err != nil {
			a.fail(w, err)
			return
		}
		w.Header().Set("Content-Disposition", `attachment; filename="certificates.zip"`)
		reply.Bytes(w, http.StatusOK, "application/zip", b.Bytes())
	}
}

// revokeCerts answers for revoking and deleting, which are the same here: what was
// revoked stays on record, or it could come back.
func (a *API) revokeCerts(w http.ResponseWriter, r *http.Request) {
	found, err := a.find(r.Context(), r.PathValue("ids"))
	if err != nil {
		a.fail(w, err)
		return
	}
	out := []takCert{}
	for _, d := range found {
		if err := a.revoke(r.Context(), d); err != nil {
			a.fail(w, err)
			return
		}
		if d.Revoked.IsZero() {
			d.Revoked = time.Now()
		}
		out = append(out, certOf(d))
	}
	a.log.Info("certificates revoked", "by", reply.From(r).Identity.User, "count", len(out))
	a.Node.Envelope(w, certType, out)
}

// revoke closes the account to d first, then tells other servers by the list.
func (a *API) revoke(ctx context.Context, d auth.Device) error {
	if err := a.Devices.RevokeDevice(ctx, d.Fingerprint); err != nil {
		return err
	}
	return a.Authority.Revoke(d.Serial)
}

// makeKeyStore issues a certificate with a key of ours.
func (a *API) makeKeyStore(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	password := q.Get("password")
	if password == "" {
		password = p12Password
	}
	u, err := a.Users.User(r.Context(), q.Get("cn"))
	if err != nil {
		a.fail(w, err)
		return
	}
	uid, _ := clientOf(r)
	issued, err := a.Authority.IssueClient(u.Name, clip(uid, 64), pki.IssueOptions{Channels: true})
	if err != nil {
		a.fail(w, err)
		return
	}
	p12, err := issued.P12(password)
	if err != nil {
		reply.Error(w, http.StatusBadRequest, "This password cannot protect a PKCS#12 file.")
		return
	}
	err = a.Devices.RecordDevice(r.Context(), auth.Device{
		Fingerprint: issued.Fingerprint, Serial: issued.Serial, User: u.Name, Name: uid, ClientUID: uid,
		Issued: time.Now(), Expires: issued.Expires, Certificate: issued.Cert.Raw,
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	a.log.Info("certificate issued", "user", u.Name, "client", uid, "by", reply.From(r).Identity.User)
	w.Header().Set("Content-Disposition", `attachment; filename="clientCert.p12"`)
	reply.Bytes(w, http.StatusOK, "application/x-pkcs12", p12)
}
