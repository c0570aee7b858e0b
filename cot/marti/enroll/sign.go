package enroll

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/pki"
)

const (
	maxCSR       = 16 << 10
	maxClientUID = 128
	p12Password  = "atakatak" // what every TAK client tries; it protects nothing and is no secret
)

// tlsConfig says what a certificate request must hold. The prefix ns2 is written
// because a client compares the name of the root as text, and the type is
// text/plain because one on iOS stumbles over others.
func (a *API) tlsConfig(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.caller(w, r, auth.Enrol); !ok {
		return
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n" +
		`<ns2:certificateConfig xmlns="http://bbn.com/marti/xml/config" xmlns:ns2="com.bbn.marti.config"><nameEntries>`)
	for _, e := range a.cfg.NameEntries {
		fmt.Fprintf(&b, `<nameEntry name="%s" value="%s"/>`, escape(e.Name), escape(e.Value))
	}
	b.WriteString("</nameEntries></ns2:certificateConfig>")
	reply.Text(w, http.StatusOK, b.String())
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

// signClient is the enrolment of ATAK up to 4.6: a PKCS#12 without key.
func (a *API) signClient(w http.ResponseWriter, r *http.Request) {
	issued, ok := a.enrol(w, r, func(i *pki.Issued) error { _, err := i.P12(p12Password); return err })
	if !ok {
		return
	}
	p12, err := issued.P12(p12Password)
	if err != nil {
		a.fail(w, err)
		return
	}
	reply.Bytes(w, http.StatusOK, "application/octet-stream", p12)
}

// signClientV2 answers with certificates as text, in JSON unless XML is asked for.
func (a *API) signClientV2(w http.ResponseWriter, r *http.Request) {
	issued, ok := a.enrol(w, r, nil)
	if !ok {
		return
	}
	signed, chain := body(issued.Cert), a.Authority.CACertificates()
	if wantsXML(r.Header.Values("Accept")) {
		var b bytes.Buffer
		b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><enrollment><signedCert>` + signed + "</signedCert>")
		for _, c := range chain {
			b.WriteString("<ca>" + body(c) + "</ca>")
		}
		b.WriteString("</enrollment>")
		reply.Bytes(w, http.StatusOK, "application/xml", b.Bytes())
		return
	}
	out := map[string]string{"signedCert": signed}
	for i, c := range chain {
		out[fmt.Sprintf("ca%d", i)] = body(c)
	}
	reply.JSON(w, http.StatusOK, out)
}

// wantsXML reports whether XML is named, and JSON is not named before it. iTAK
// asks for text/plain and wants JSON.
func wantsXML(accept []string) bool {
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		switch kind, _, _ := strings.Cut(strings.TrimSpace(part), ";"); strings.ToLower(kind) {
		case "application/xml", "text/xml":
			return true
		case "application/json":
			return false
		}
	}
	return false
}

// body is a certificate as PEM without its header lines.
func body(c *x509.Certificate) string {
	const width = 64 // RFC 7468 §2
	text := base64.StdEncoding.EncodeToString(c.Raw)
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + "\n")
		text = text[width:]
	}
	b.WriteString(text + "\n")
	return b.String()
}

// enrol makes and records the certificate that r asks for, or answers why not.
// try is done before anything is recorded: an enrolment must not be used up for
// an answer that cannot be given.
func (a *API) enrol(w http.ResponseWriter, r *http.Request, try func(*pki.Issued) error) (*pki.Issued, bool) {
	id, ok := a.caller(w, r, auth.Enrol)
	if !ok {
		return nil, false
	}
	csr, err := reply.Body(w, r, maxCSR)
	if err != nil {
		return nil, false
	}
	if !a.rate.take(id.User, a.cfg.PerMinute) {
		w.Header().Set("Retry-After", "60")
		reply.Error(w, http.StatusTooManyRequests, "This user has enrolled too many devices just now. Wait a minute.")
		return nil, false
	}
	subject, err := pki.RequestSubject(csr)
	if err != nil {
		a.log.Info("a certificate request was refused", "user", id.User, "remote", remote(r), "error", err)
		reply.Error(w, http.StatusBadRequest, "This is not a certificate request that can be signed: it must be PKCS#10, signed by its own key, of RSA with at least 2048 bits or P-256.")
		return nil, false
	}
	if err := checkSubject(subject, id.User, len(a.cfg.NameEntries)); err != nil {
		a.log.Info("a certificate request was refused", "user", id.User, "remote", remote(r), "error", err)
		reply.Error(w, http.StatusBadRequest, "The subject of the request must be the name of the user who logged in and the name entries of /Marti/api/tls/config, no more and no less.")
		return nil, false
	}
	uid, channels := clientOf(r)
	issued, err := a.Authority.SignCSR(csr, id.User, clip(uid, 64), pki.IssueOptions{Channels: channels})
	if err == nil && try != nil {
		err = try(issued)
	}
	if err != nil {
		a.fail(w, err)
		return nil, false
	}
	return issued, a.record(w, r, id, uid, issued)
}

// record makes the certificate known; only then it may be handed out.
func (a *API) record(w http.ResponseWriter, r *http.Request, id auth.Identity, uid string, issued *pki.Issued) bool {
	name := uid
	if name == "" {
		name = "enrolled " + time.Now().UTC().Format(time.DateOnly)
	}
	replaced, err := a.Auth.Enrol(r.Context(), id, auth.Device{
		Fingerprint: issued.Fingerprint, Serial: issued.Serial, Name: name, ClientUID: uid,
		Issued: time.Now(), Expires: issued.Expires, Certificate: issued.Cert.Raw,
	})
	switch {
	case errors.Is(err, auth.ErrSpent), errors.Is(err, auth.ErrRevoked):
		unauthorized(w)
		return false
	case err != nil:
		a.fail(w, err)
		return false
	}
	for _, d := range replaced {
		if err := a.Authority.Revoke(d.Serial); err != nil {
			a.log.Error("a replaced certificate is not on the revocation list", "serial", d.Serial, "error", err)
		}
	}
	a.log.Info("a device enrolled", "user", id.User, "client", uid, "fingerprint", issued.Fingerprint, "remote", remote(r))
	return true
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// checkSubject compares a request's subject with the user who sends it. It counts
// attributes, so that none can be smuggled in, and takes the common name as the
// attribute it is.
func checkSubject(subject pkix.Name, user string, entries int) error {
	if len(subject.Names) != entries+1 {
		return fmt.Errorf("the subject has %d attributes and should have %d", len(subject.Names), entries+1)
	}
	found := false
	for _, n := range subject.Names {
		if !n.Type.Equal(oidCommonName) {
			continue
		}
		name, ok := n.Value.(string)
		if !ok || found || !strings.EqualFold(name, user) || len(name) != len(user) {
			return errors.New("the common name is not the user's")
		}
		found = true
	}
	if !found {
		return errors.New("there is no common name")
	}
	return nil
}

// clientOf reads which client enrols, and whether it can choose among its groups:
// those that name their version do.
func clientOf(r *http.Request) (uid string, channels bool) {
	q := reply.Fold(r)
	uid = clip(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, q.Get("clientuid")), maxClientUID)
	return uid, q.Get("version") != ""
}

// clip shortens s to at most n bytes, at a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// enrolmentProfile gives a device that has just enrolled what it is set up with.
func (a *API) enrolmentProfile(w http.ResponseWriter, r *http.Request) {
	id, ok := a.caller(w, r, auth.Provision)
	if !ok {
		return
	}
	if a.Profiles == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	id.Scope = nil // what it gets is chosen by its user's groups
	b, _, err := a.Profiles.Package(r.Context(), id, files.Occasion{Enrollment: true})
	if err != nil {
		a.fail(w, err)
		return
	}
	if b == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="enrollment.zip"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if err := b.Write(w); err != nil { // too late for another answer
		a.log.Warn("an enrolment profile was cut short", "user", id.User, "error", err)
	}
}
