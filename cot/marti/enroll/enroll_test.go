package enroll

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/pack"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/pki"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"),
		goleak.Cleanup(func(code int) { os.RemoveAll(authorityDir); os.Exit(code) }))
}

var authorityDir string

// authority makes its keys once for all tests.
var authority = sync.OnceValues(func() (*pki.Authority, error) {
	dir, err := os.MkdirTemp("", "muster-enroll-")
	if err != nil {
		return nil, err
	}
	authorityDir = dir
	return pki.Open(pki.DefaultConfig(), dir, slog.New(slog.DiscardHandler))
})

// profiles gives everybody of group team one file.
type profiles struct{ asked []auth.Identity }

func (p *profiles) Package(_ context.Context, id auth.Identity, o files.Occasion) (*pack.Builder, time.Time, error) {
	p.asked = append(p.asked, id)
	if !o.Enrollment || !slices.Contains(id.ReadGroups(), "team") {
		return nil, time.Time{}, nil
	}
	b := &pack.Builder{Name: "Profile"}
	b.Add("a.pref", []byte("x"))
	return b, time.Time{}, nil
}

type house struct {
	*auth.Service
	api      *API
	ca       *pki.Authority
	sessions *auth.Sessions
	mux      *http.ServeMux // who is the caller is taken from the header X-Caller
	profiles *profiles
}

const password = "correct horse"

func open(t *testing.T) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db := storetest.Open(t, store.Config{})
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	cfg.RevokeReplaced = true
	h := &house{sessions: auth.NewSessions(nil), profiles: &profiles{}, mux: http.NewServeMux()}
	var err error
	if h.Service, err = auth.New(cfg, db, h.sessions, bus.New(), log); err != nil {
		t.Fatal(err)
	}
	if h.ca, err = authority(); err != nil {
		t.Fatal(err)
	}
	conf := DefaultConfig()
	conf.PerMinute = 20
	h.api, err = New(conf, Deps{
		Auth: h.Service, Users: h.Service, Groups: h.Service, Devices: h.Service, Authority: h.ca, Profiles: h.profiles, Providers: h.Service.Providers,
		Hosts: func() []string { return []string{"tak.example.net"} }, Node: reply.Node{ID: "0123456789abcdef"}, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"Falke2", "bob", "admin"} {
		n := auth.NewUser{Name: u, Password: password}
		if u == "admin" {
			n.Role = auth.RoleAdmin
		}
		if _, err := h.AddUser(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	h.api.Open().Routes(h.mux)
	gated := http.NewServeMux()
	h.api.Routes(gated)
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		id, err := h.Authenticate(r.Context(), auth.Proof{User: r.Header.Get("X-Caller"), Password: password, Remote: remote(r)})
		if err != nil {
			t.Errorf("caller %s: %v", r.Header.Get("X-Caller"), err)
		}
		gated.ServeHTTP(w, r.WithContext(reply.With(r.Context(), reply.Caller{Identity: id, Secure: true})))
	})
	return h
}

func (h *house) do(method, path, body string, change func(r *http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://tak.example.net:8446"+path, strings.NewReader(body))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func as(user string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Caller", user) }
}

var clientKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func name(cn string, more ...pkix.AttributeTypeAndValue) pkix.Name {
	return pkix.Name{CommonName: cn, Organization: []string{"Muster"}, OrganizationalUnit: []string{"TAK"}, ExtraNames: more}
}

// request makes a certificate request as PEM.
func request(t testing.TB, subject pkix.Name, key crypto.Signer, change func(*x509.CertificateRequest)) string {
	t.Helper()
	req := &x509.CertificateRequest{Subject: subject}
	if change != nil {
		change(req)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, req, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func bare(text string) string {
	b, _ := pem.Decode([]byte(text))
	return base64.StdEncoding.EncodeToString(b.Bytes)
}

func TestTLSConfig(t *testing.T) {
	h := open(t)
	w := h.do("GET", "/Marti/api/tls/config", "", basic("falke2", password))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain" || !strings.Contains(w.Body.String(), "<ns2:certificateConfig ") {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	var doc struct {
		XMLName xml.Name
		Entries []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"nameEntries>nameEntry"`
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil || len(doc.Entries) != 2 || doc.XMLName.Space != "com.bbn.marti.config" {
		t.Fatalf("%v %+v", err, doc)
	}
	for user, want := range map[string]int{"falke2": 401, "": 401} {
		w := h.do("GET", "/Marti/api/tls/config", "", func(r *http.Request) {
			if user != "" {
				r.SetBasicAuth(user, "wrong")
			}
		})
		if w.Code != want || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%q: %d %s", user, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func parseBody(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	b, _ := pem.Decode([]byte("-----BEGIN CERTIFICATE-----\n" + text + "-----END CERTIFICATE-----\n"))
	if b == nil {
		t.Fatalf("not the body of a certificate: %q", text)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSignClientV2InEveryForm(t *testing.T) {
	h := open(t)
	csr := request(t, name("falke2"), clientKey(), nil)
	lines := strings.Split(strings.TrimSpace(csr), "\n")
	inLines := strings.Join(lines[1:len(lines)-1], "\n")
	token, err := h.IssueAccess(t.Context(), h.login(t, "falke2"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for i, tc := range []struct {
		name, body, accept, query string
		who                       func(*http.Request)
		xml                       bool
	}{
		{"PEM", csr, "", "clientUid=A&version=5", basic("falke2", password), false},
		{"base64 in one line", bare(csr), "*/*", "clientUID=A", basic("FALKE2", password), false},
		{"base64 in lines", inLines, "text/plain", "", basic("Falke2", password), false},
		{"base64 with CRLF", strings.ReplaceAll(csr, "\n", "\r\n"), "application/json", "", basic("falke2", password), false},
		{"XML", csr, "application/xml", "", basic("falke2", password), true},
		{"XML among others", csr, "text/html, application/xml;q=0.9", "", basic("falke2", password), true},
		{"access token", csr, "", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := h.do("POST", "/Marti/api/tls/signClient/v2?"+tc.query, tc.body, func(r *http.Request) {
				tc.who(r)
				if tc.accept != "" {
					r.Header.Set("Accept", tc.accept)
				}
			})
			if w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			var signed string
			var cas []string
			if tc.xml {
				var doc struct {
					XMLName xml.Name `xml:"enrollment"`
					Signed  string   `xml:"signedCert"`
					CA      []string `xml:"ca"`
				}
				if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Header().Get("Content-Type") != "application/xml" {
					t.Fatal(err, w.Header())
				}
				signed, cas = doc.Signed, doc.CA
			} else {
				var doc map[string]string
				if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Header().Get("Content-Type") != "application/json" {
					t.Fatal(err, w.Header())
				}
				signed, cas = doc["signedCert"], []string{doc["ca0"]}
				if len(doc) != 2 {
					t.Errorf("one authority, and %d entries", len(doc))
				}
			}
			c := parseBody(t, signed)
			if !parseBody(t, cas[0]).Equal(h.ca.CACertificates()[0]) || h.ca.VerifyClient([]*x509.Certificate{c}) != nil {
				t.Error("the chain does not fit")
			}
			if c.Subject.CommonName != "Falke2" || c.IsCA || !c.PublicKey.(*rsa.PublicKey).Equal(clientKey().Public()) || c.SerialNumber.BitLen() > 128 {
				t.Errorf("%s", c.Subject)
			}
			channels := slices.ContainsFunc(c.UnknownExtKeyUsage, func(o asn1.ObjectIdentifier) bool { return o.String() == "1.2.840.113549.1.9.7" })
			if channels != strings.Contains(tc.query, "version") {
				t.Errorf("channels %v", channels)
			}
			id, err := h.Authenticate(t.Context(), auth.Proof{Cert: c})
			if err != nil || id.User != "Falke2" {
				t.Errorf("it opens %q: %v", id.User, err)
			}
			if i == 1 { // the same device as before
				devices, _ := h.ListDevices(t.Context(), "falke2")
				if len(devices) != 2 || !devices[0].Replaced || devices[1].ClientUID != "A" || !devices[1].Revoked.IsZero() {
					t.Errorf("%+v", devices)
				}
			}
		})
	}
}

func (h *house) login(t *testing.T, user string) auth.Identity {
	t.Helper()
	id, err := h.Authenticate(t.Context(), auth.Proof{User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSignClientV1(t *testing.T) {
	h := open(t)
	w := h.do("POST", "/Marti/api/tls/signClient?clientUid=A&version=4.6", request(t, name("falke2"), clientKey(), nil), basic("falke2", password))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/octet-stream" || w.Body.Len() == 0 {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	certs, err := pkcs12.DecodeTrustStore(w.Body.Bytes(), "atakatak")
	if err != nil || len(certs) != 2 || certs[0].Subject.CommonName != "Falke2" || !certs[1].Equal(h.ca.CACertificates()[0]) {
		t.Fatalf("%d certificates, %v", len(certs), err)
	}
	if _, _, err := pkcs12.Decode(w.Body.Bytes(), "atakatak"); err == nil {
		t.Error("there is a key in it")
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	h := open(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("a weak key cannot be made any more")
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	extra := func(oid asn1.ObjectIdentifier, v string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: oid, Value: v}
	}
	cn, mail := asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	good := request(t, name("falke2"), clientKey(), nil)
	der, _ := pem.Decode([]byte(good))
	forged := slices.Clone(der.Bytes)
	forged[len(forged)-1] ^= 1
	for label, csr := range map[string]string{
		"other name":           request(t, name("bob"), clientKey(), nil),
		"administrator":        request(t, name("admin"), clientKey(), nil),
		"name of an attribute": request(t, pkix.Name{CommonName: "x", Organization: []string{"CN=falke2"}, OrganizationalUnit: []string{"TAK"}}, clientKey(), nil),
		"two names":            request(t, pkix.Name{CommonName: "falke2", Organization: []string{"Muster"}, ExtraNames: []pkix.AttributeTypeAndValue{extra(cn, "admin")}}, clientKey(), nil),
		"one more attribute":   request(t, name("falke2", extra(mail, "a@b")), clientKey(), nil),
		"one more name":        request(t, name("falke2", extra(cn, "admin")), clientKey(), nil),
		"too few":              request(t, pkix.Name{CommonName: "falke2"}, clientKey(), nil),
		"no name":              request(t, pkix.Name{Organization: []string{"a", "b", "c"}}, clientKey(), nil),
		"name with shell":      request(t, name("falke2;id"), clientKey(), nil),
		"name and comma":       request(t, name("falke2,CN=admin"), clientKey(), nil),
		"RSA 1024":             request(t, name("falke2"), small, nil),
		"P-224":                request(t, name("falke2"), p224, nil),
		"signature":            base64.StdEncoding.EncodeToString(forged),
		"cut":                  bare(good)[:200],
		"nothing":              "",
		"a certificate":        base64.StdEncoding.EncodeToString(h.ca.CACertificates()[0].Raw),
		"text":                 "give me a certificate",
	} {
		t.Run(label, func(t *testing.T) {
			w := h.do("POST", "/Marti/api/tls/signClient/v2", csr, basic("falke2", password))
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"status":"BAD_REQUEST"`) || strings.Contains(w.Body.String(), "pki") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	if w := h.do("POST", "/Marti/api/tls/signClient/v2", strings.Repeat("A", 20<<10), basic("falke2", password)); w.Code != 413 {
		t.Errorf("20 KiB: %d", w.Code)
	}
	if devices, _ := h.ListDevices(t.Context(), ""); len(devices) != 0 {
		t.Errorf("%d devices on record", len(devices))
	}
}

func TestWishedExtensionsAreIgnored(t *testing.T) {
	h := open(t)
	ca, err := asn1.Marshal(struct{ CA bool }{true})
	if err != nil {
		t.Fatal(err)
	}
	csr := request(t, name("falke2"), clientKey(), func(r *x509.CertificateRequest) {
		r.DNSNames, r.EmailAddresses = []string{"tak.example.net"}, []string{"admin@example.net"}
		r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: ca}}
	})
	w := h.do("POST", "/Marti/api/tls/signClient/v2", csr, basic("falke2", password))
	var doc map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if c := parseBody(t, doc["signedCert"]); c.IsCA || len(c.DNSNames)+len(c.EmailAddresses) > 0 || c.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Errorf("%v %v %v", c.IsCA, c.DNSNames, c.EmailAddresses)
	}
}

func TestClosedAccountsDoNotEnrol(t *testing.T) {
	h := open(t)
	if err := h.SetDisabled(t.Context(), "falke2", true); err != nil {
		t.Fatal(err)
	}
	if w := h.do("POST", "/Marti/api/tls/signClient/v2", request(t, name("falke2"), clientKey(), nil), basic("falke2", password)); w.Code != 401 {
		t.Errorf("disabled: %d", w.Code)
	}
	_, scoped, err := h.CreateToken(t.Context(), "bob", auth.TokenSpec{Scope: &auth.Scope{Actions: []auth.Action{auth.Join, auth.Use}}})
	if err != nil {
		t.Fatal(err)
	}
	if w := h.do("POST", "/Marti/api/tls/signClient/v2", request(t, name("bob"), clientKey(), nil), basic("bob", scoped)); w.Code != 403 {
		t.Errorf("a token that is limited turns into a certificate: %d", w.Code)
	}
}

func (h *house) enrolment(t *testing.T, user string) string {
	t.Helper()
	_, token, err := h.CreateEnrolment(t.Context(), user, "phone", 0)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestEnrolmentTokenAllTheWay(t *testing.T) {
	h := open(t)
	token := h.enrolment(t, "falke2")
	who := basic("falke2", token)
	csr := request(t, name("falke2"), clientKey(), nil)
	if w := h.do("GET", "/Marti/api/tls/config", "", who); w.Code != 200 {
		t.Fatalf("config: %d", w.Code)
	}
	if w := h.do("POST", "/Marti/api/tls/signClient/v2", request(t, name("bob"), clientKey(), nil), who); w.Code != 400 {
		t.Fatalf("for somebody else: %d", w.Code)
	}
	codes := make([]int, 6)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() { codes[i] = h.do("POST", "/Marti/api/tls/signClient/v2?clientUid=A", csr, who).Code })
	}
	wg.Wait()
	slices.Sort(codes)
	if codes[0] != 200 || codes[1] == 200 {
		t.Fatalf("six at once get %v", codes)
	}
	for _, c := range codes[1:] {
		if c != 401 && c != 403 {
			t.Errorf("a loser gets %d", c)
		}
	}
	w := h.do("GET", "/Marti/api/tls/profile/enrollment?clientUid=A", "", who)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("profile: %d %v", w.Code, w.Header())
	}
	for path, want := range map[string]int{"/Marti/api/tls/config": 403, "/enroll/" + token: 404, "/enroll/" + token + "/package.zip": 404} {
		if w := h.do("GET", path, "", who); w.Code != want {
			t.Errorf("%s afterwards: %d", path, w.Code)
		}
	}
	if w := h.do("POST", "/oauth/token", "grant_type=password&username=falke2&password="+token, nil); w.Code != 401 {
		t.Errorf("an access token for it: %d", w.Code)
	}
	if devices, _ := h.ListDevices(t.Context(), "falke2"); len(devices) != 1 {
		t.Errorf("%d devices on record", len(devices))
	}
}

func TestProfileOfNobodyIsEmpty(t *testing.T) {
	h := open(t)
	if err := h.Revoke(t.Context(), "bob", "team"); err != nil {
		t.Fatal(err)
	}
	if w := h.do("GET", "/Marti/api/tls/profile/enrollment", "", basic("bob", password)); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEnrolmentIsLimited(t *testing.T) {
	h := open(t)
	begin := time.Now()
	h.api.rate.now = func() time.Time { return begin } // all is in one minute
	csr := request(t, name("falke2"), clientKey(), nil)
	got := 0
	for range 25 {
		if got = h.do("POST", "/Marti/api/tls/signClient/v2", csr, basic("falke2", password)).Code; got != 200 {
			break
		}
	}
	if got != 429 {
		t.Errorf("%d", got)
	}
	if w := h.do("POST", "/Marti/api/tls/signClient/v2", request(t, name("bob"), clientKey(), nil), basic("bob", password)); w.Code != 200 {
		t.Errorf("others: %d", w.Code)
	}
}

func TestCertificateOfTheDoorEnrols(t *testing.T) {
	h := open(t)
	issued, err := h.ca.IssueClient("falke2", "", pki.IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	with := func(verified bool) func(*http.Request) {
		return func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{issued.Cert}}
			if verified {
				r.TLS.VerifiedChains = [][]*x509.Certificate{{issued.Cert}}
			}
		}
	}
	if w := h.do("GET", "/Marti/api/tls/config", "", with(true)); w.Code != 200 {
		t.Errorf("verified: %d", w.Code)
	}
	if w := h.do("GET", "/Marti/api/tls/config", "", with(false)); w.Code != 401 {
		t.Errorf("not verified: %d", w.Code)
	}
}

func TestEnrolmentPage(t *testing.T) {
	h := open(t)
	token := h.enrolment(t, "falke2")
	for range 2 { // looking uses nothing up
		w := h.do("GET", "/enroll/"+token, "", nil)
		body := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%d %s", w.Code, body)
		}
		for _, want := range []string{
			`href="tak://com.atakmap.app/enroll?host=tak.example.net&amp;token=` + token + `&amp;username=Falke2"`, "<svg", "/enroll/" + token + "/package.zip",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		}
		if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "<script") || strings.Count(body, "<path") != 2 {
			t.Error("it is not as it should be")
		}
		for k, v := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			if w.Header().Get(k) != v {
				t.Errorf("%s: %s", k, w.Header().Get(k))
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("CSP %s", csp)
		}
	}
	w := h.do("GET", "/enroll/"+token+"/package.zip", "", nil)
	entries := unzip(t, w.Body.Bytes())
	if w.Code != 200 || !strings.Contains(entries["certs/enrolment.pref"], "tak.example.net:8089:ssl") ||
		!strings.Contains(entries["certs/enrolment.pref"], `enrollForCertificateWithTrust0" class="class java.lang.Boolean">true`) || entries["certs/truststore.p12"] == "" {
		t.Errorf("%d %v", w.Code, entries)
	}
	for _, text := range []string{w.Header().Get("Content-Disposition"), entries["certs/enrolment.pref"]} {
		if strings.Contains(text, token) {
			t.Error("the token is where it does not belong")
		}
	}
	_, full, err := h.CreateToken(t.Context(), "falke2", auth.TokenSpec{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"x", full, token[:len(token)-1] + "!", "mst_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		w := h.do("GET", "/enroll/"+bad, "", nil)
		if w.Code != 404 || strings.Contains(w.Body.String(), "tak://") {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	if w := h.do("GET", "/enroll/"+token, "", func(r *http.Request) { r.Host = `evil.example"><script>` }); strings.Contains(w.Body.String(), "script") || w.Code != 200 {
		t.Errorf("a bad host: %d %s", w.Code, w.Body)
	}
}

func unzip(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		out[f.Name] = string(text)
	}
	return out
}

func TestSoftPackages(t *testing.T) {
	h := open(t)
	for form, files := range map[Form][3]string{
		FormATAK: {"certs/Falke2.p12", "certs/truststore.p12", "certs/connection.pref"},
		FormITAK: {"cert/Falke2.p12", "cert/truststore.p12", "config.pref"},
	} {
		b, err := h.api.SoftPackage(t.Context(), Soft{User: "falke2", Device: "tablet", Callsign: "FALKE 2", Team: "Cyan", Form: form})
		if err != nil {
			t.Fatal(err)
		}
		entries := unzip(t, b)
		_, cert, cas, err := pkcs12.DecodeChain([]byte(entries[files[0]]), "atakatak")
		if err != nil || len(cas) != 1 {
			t.Fatalf("%s: %v %v", form, err, entries)
		}
		if _, err := pkcs12.DecodeTrustStore([]byte(entries[files[1]]), "atakatak"); err != nil {
			t.Errorf("%s: trust store: %v", form, err)
		}
		for _, want := range []string{"tak.example.net:8089:ssl", "FALKE 2", "Cyan", "cert/Falke2.p12"} {
			if !strings.Contains(entries[files[2]], want) {
				t.Errorf("%s: no %s in %s", form, want, entries[files[2]])
			}
		}
		id, err := h.Authenticate(t.Context(), auth.Proof{Cert: cert})
		if err != nil || id.User != "Falke2" {
			t.Errorf("%s: %v", form, err)
		}
	}
	if _, err := h.api.SoftPackage(t.Context(), Soft{User: "nobody", Form: FormATAK}); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := h.api.SoftPackage(t.Context(), Soft{User: "bob", Form: "paper"}); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if devices, _ := h.ListDevices(t.Context(), ""); len(devices) != 2 {
		t.Errorf("%d devices on record", len(devices))
	}
}

func TestOAuth(t *testing.T) {
	h := open(t)
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	js := func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
	ok := "grant_type=password&username=falke2&password=" + url.QueryEscape(password)
	for _, tc := range []struct {
		name, path, body string
		change           func(*http.Request)
		want             int
	}{
		{"form", "/oauth/token", ok, form, 200},
		{"query, as node-tak does", "/oauth/token?" + ok, "", nil, 200},
		{"JSON", "/oauth/token", fmt.Sprintf(`{"grant_type":"password","username":"falke2","password":%q}`, password), js, 200},
		{"wrong password", "/oauth/token", "grant_type=password&username=falke2&password=x", form, 401},
		{"nobody", "/oauth/token", "grant_type=password&username=nobody&password=x", form, 401},
		{"no password", "/oauth/token", "grant_type=password&username=falke2", form, 401},
		{"other grant", "/oauth/token", "grant_type=client_credentials", form, 400},
		{"bad JSON", "/oauth/token", "{", js, 400},
		{"large", "/oauth/token", strings.Repeat("a", 20<<10), form, 413},
		{"another site", "/oauth/token", ok, func(r *http.Request) { form(r); r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
	} {
		w := h.do("POST", tc.path, tc.body, tc.change)
		if w.Code != tc.want {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
			continue
		}
		if tc.want == 401 && !strings.Contains(w.Body.String(), `"error":"invalid_grant","error_description":"Bad credentials"`) {
			t.Errorf("%s: %s", tc.name, w.Body)
		}
		if tc.want == 200 {
			var out struct {
				Token   string `json:"access_token"`
				Type    string `json:"token_type"`
				Expires int    `json:"expires_in"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.Type != "bearer" || out.Expires != 43199 {
				t.Errorf("%s: %s", tc.name, w.Body)
			}
			if c := w.Result().Cookies(); len(c) != 1 || c[0].Name != "access_token" || !c[0].HttpOnly || !c[0].Secure || c[0].SameSite != http.SameSiteStrictMode {
				t.Errorf("%s: cookies %v", tc.name, c)
			}
		}
	}
	if w := h.do("GET", "/oauth/token?"+ok, "", as("bob")); w.Code == 200 {
		t.Error("a password in a GET is taken")
	}
}

func TestLogoutEndsWhatWasOpened(t *testing.T) {
	h := open(t)
	w := h.do("POST", "/login", "username=falke2&password="+url.QueryEscape(password), nil)
	if w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	with := func(r *http.Request) { r.AddCookie(w.Result().Cookies()[0]) }
	old := w.Result().Cookies()[0].Value
	refreshed := h.do("GET", "/login/refresh", "", with)
	if refreshed.Code != 200 {
		t.Fatalf("refresh: %d", refreshed.Code)
	}
	if _, err := h.Authenticate(t.Context(), auth.Proof{Token: old}); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the old token: %v", err)
	}
	w = refreshed
	if a := h.do("GET", "/token/access", "", with); a.Code != 200 || a.Body.String() != w.Result().Cookies()[0].Value {
		t.Errorf("/token/access: %d", a.Code)
	}
	id, err := h.Authenticate(t.Context(), auth.Proof{Token: w.Result().Cookies()[0].Value})
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	ses, err := h.sessions.Open(id, auth.Join, auth.Server(), auth.SessionInfo{}, func(error) { ended = true })
	if err != nil {
		t.Fatal(err)
	}
	defer ses.Close()
	if l := h.do("POST", "/logout", "", with); l.Code != 204 || !ended {
		t.Errorf("logout: %d, session ended %v", l.Code, ended)
	}
	if a := h.do("GET", "/token/access", "", with); a.Code != 401 {
		t.Errorf("after logout: %d", a.Code)
	}
	if a := h.do("GET", "/login/auth", "", nil); a.Code != 303 || a.Header().Get("Location") != "/login" {
		t.Errorf("%d %s", a.Code, a.Header().Get("Location"))
	}
}

func TestSecondFactorAtTheTAKDoors(t *testing.T) {
	h := open(t)
	secret, _, err := h.BeginTOTP(t.Context(), "falke2")
	if err != nil {
		t.Fatal(err)
	}
	recovery, _, err := h.ConfirmTOTP(t.Context(), h.login(t, "falke2"), totpNow(t, secret))
	if err != nil {
		t.Fatal(err)
	}
	if w := h.do("GET", "/Marti/api/tls/config", "", basic("falke2", password)); w.Code != 401 {
		t.Errorf("the password alone: %d", w.Code)
	}
	q := "grant_type=password&username=falke2&password=" + url.QueryEscape(password)
	if w := h.do("POST", "/oauth/token", q, nil); w.Code != 401 || !strings.Contains(w.Body.String(), "mfa_required") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.do("POST", "/oauth/token", q+"&code="+recovery[0], nil); w.Code != 200 {
		t.Errorf("with a code: %d %s", w.Code, w.Body)
	}
}

// administration is every route that is for administrators.
var administration = []struct{ method, path, body string }{
	{"GET", "/Marti/api/certadmin/cert", ""}, {"GET", "/Marti/api/certadmin/cert/active", ""}, {"GET", "/Marti/api/certadmin/cert/x", ""},
	{"GET", "/Marti/api/certadmin/cert/x/download", ""}, {"GET", "/Marti/api/certadmin/cert/download/1,2", ""},
	{"DELETE", "/Marti/api/certadmin/cert/x", ""}, {"DELETE", "/Marti/api/certadmin/cert/revoke/1", ""}, {"DELETE", "/Marti/api/certadmin/cert/delete/1", ""},
	{"GET", "/Marti/api/tls/makeClientKeyStore?cn=bob", ""}, {"GET", "/Marti/api/security/config", ""}, {"GET", "/Marti/api/security/verifyConfig", ""},
	{"GET", "/Marti/api/authentication/config", ""}, {"POST", "/user-management/api/new-user", "{}"}, {"POST", "/user-management/api/new-users", "{}"},
	{"GET", "/user-management/api/list-users", ""}, {"GET", "/user-management/api/get-groups-for-user/bob", ""},
	{"PUT", "/user-management/api/change-user-password", "{}"}, {"PUT", "/user-management/api/update-groups", "{}"},
	{"PUT", "/user-management/api/update-group-users", "{}"}, {"DELETE", "/user-management/api/delete-user/bob", ""},
	{"GET", "/user-management/api/list-groupnames", ""}, {"GET", "/user-management/api/users-in-group/team", ""},
}

func TestAdministrationIsForAdministrators(t *testing.T) {
	h := open(t)
	for _, r := range administration {
		if w := h.do(r.method, r.path, r.body, as("falke2")); w.Code != 403 {
			t.Errorf("%s %s for a member: %d", r.method, r.path, w.Code)
		}
		w := h.do(r.method, r.path, r.body, func(req *http.Request) { as("admin")(req); req.Header.Set("Sec-Fetch-Site", "cross-site") })
		if w.Code != 403 {
			t.Errorf("%s %s from another site: %d", r.method, r.path, w.Code)
		}
	}
	if users, _ := h.ListUsers(t.Context()); len(users) != 3 {
		t.Error("something was changed")
	}
}

func TestCertAdmin(t *testing.T) {
	h := open(t)
	if w := h.do("POST", "/Marti/api/tls/signClient/v2?clientUid=A", request(t, name("falke2"), clientKey(), nil), basic("falke2", password)); w.Code != 200 {
		t.Fatal(w.Code)
	}
	w := h.do("GET", "/Marti/api/tls/makeClientKeyStore?cn=BOB&clientUid=gw&password=secret12", "", as("admin"))
	if _, cert, _, err := pkcs12.DecodeChain(w.Body.Bytes(), "secret12"); err != nil || cert.Subject.CommonName != "bob" {
		t.Fatalf("%d %v", w.Code, err)
	}
	list := func(which string) []takCert {
		t.Helper()
		var out struct {
			Data   []takCert
			NodeID string
		}
		w := h.do("GET", "/Marti/api/certadmin/cert"+which, "", as("admin"))
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || out.NodeID == "" || out.Data == nil {
			t.Fatalf("%s: %d %s", which, w.Code, w.Body)
		}
		return out.Data
	}
	all := list("")
	if len(all) != 2 || len(list("?username=bob")) != 1 || len(list("/active")) != 2 || len(list("/revoked")) != 0 || len(list("/expired")) != 0 {
		t.Fatalf("%+v", all)
	}
	first := all[0]
	if first.ID <= 0 || first.UserDN != "Falke2" || first.ClientUID != "A" || !strings.HasPrefix(first.Certificate, "-----BEGIN") || !strings.Contains(first.SubjectDN, "CN=Falke2") {
		t.Errorf("%+v", first)
	}
	if w := h.do("GET", "/Marti/api/certadmin/cert/"+first.Hash+"/download", "", as("admin")); w.Body.String() != first.Certificate {
		t.Errorf("download: %d", w.Code)
	}
	if w := h.do("GET", fmt.Sprintf("/Marti/api/certadmin/cert/download/%d,%d", all[0].ID, all[1].ID), "", as("admin")); len(unzip(t, w.Body.Bytes())) != 2 {
		t.Errorf("download of two: %d", w.Code)
	}
	if w := h.do("DELETE", fmt.Sprintf("/Marti/api/certadmin/cert/revoke/%d", first.ID), "", as("admin")); w.Code != 200 {
		t.Fatalf("revoke: %d %s", w.Code, w.Body)
	}
	if r := list("/revoked"); len(r) != 1 || r[0].Hash != first.Hash || r[0].Revoked == "" {
		t.Errorf("%+v", r)
	}
	block, _ := pem.Decode([]byte(first.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !h.ca.Revoked(cert) {
		t.Errorf("it is not on the revocation list: %v", err)
	}
	if w := h.do("DELETE", "/Marti/api/certadmin/cert/nothing", "", as("admin")); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

func TestUserManagement(t *testing.T) {
	h := open(t)
	put := func(method, path, body string, want int) string {
		t.Helper()
		w := h.do(method, "/user-management/api/"+path, body, as("admin"))
		if w.Code != want {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	put("POST", "new-user", `{"username":"eva","password":"long enough","groupList":["Red"],"groupListIN":["Up"],"groupListOUT":["Down"]}`, 200)
	if got := put("GET", "get-groups-for-user/EVA", "", 200); got != `{"username":"eva","groupList":["Red"],"groupListIN":["Up"],"groupListOUT":["Down"]}` {
		t.Error(got)
	}
	put("POST", "new-user", `{"username":"eva","password":"long enough"}`, 409)
	put("POST", "new-user", `{"username":"x y","password":"long enough"}`, 400)
	put("POST", "new-user", `{"username":"short"}`, 400)
	put("PUT", "change-user-password", `{"username":"eva","password":"another one"}`, 200)
	if _, err := h.Authenticate(t.Context(), auth.Proof{User: "eva", Password: "another one"}); err != nil {
		t.Error(err)
	}
	put("PUT", "update-groups", `{"username":"eva","groupListIN":["Red"],"groupListOUT":["red"]}`, 200)
	if got := put("GET", "get-groups-for-user/eva", "", 200); got != `{"username":"eva","groupList":["Red"],"groupListIN":[],"groupListOUT":[]}` {
		t.Error(got)
	}
	put("PUT", "update-group-users", `{"groupname":"Blue","usersInGroupList":["eva"],"usersInGroupListOUT":["bob"]}`, 200)
	put("PUT", "update-group-users", `{"groupname":"Blue","usersInGroupListOUT":["bob"]}`, 200)
	if got := put("GET", "users-in-group/blue", "", 200); got != `{"groupname":"Blue","usersInGroupList":[],"usersInGroupListIN":[],"usersInGroupListOUT":["bob"]}` {
		t.Error(got)
	}
	var made []struct{ Username, Password string }
	if err := json.Unmarshal([]byte(put("POST", "new-users", `{"usernameExpression":"u[N]","startN":1,"endN":3,"groupList":["Red"]}`, 200)), &made); err != nil || len(made) != 3 {
		t.Fatal(err, made)
	}
	if _, err := h.Authenticate(t.Context(), auth.Proof{User: "u2", Password: made[1].Password}); err != nil {
		t.Error(err)
	}
	put("POST", "new-users", `{"usernameExpression":"u[N]","startN":1,"endN":30000}`, 400)
	if got := put("GET", "list-users", "", 200); strings.Count(got, "username") != 7 {
		t.Error(got)
	}
	if got := put("GET", "list-groupnames", "", 200); !strings.Contains(got, `{"groupname":"Blue"}`) {
		t.Error(got)
	}
	put("DELETE", "delete-user/eva", "", 200)
	put("DELETE", "delete-user/eva", "", 404)
	put("DELETE", "delete-user/admin", "", 409)
}

func TestTokensOfOthersAreHidden(t *testing.T) {
	h := open(t)
	for _, u := range []string{"falke2", "bob"} {
		if _, err := h.IssueAccess(t.Context(), h.login(t, u), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	list := func(user string) (out struct{ Data []tokenInfo }) {
		if err := json.Unmarshal(h.do("GET", "/Marti/api/token", "", as(user)).Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	own, all := list("bob").Data, list("admin").Data
	if len(own) != 1 || own[0].Username != "bob" || len(all) != 2 {
		t.Fatalf("%+v %+v", own, all)
	}
	for _, tok := range all {
		want := 404
		if tok.Username == "bob" {
			want = 200
		}
		if w := h.do("DELETE", "/Marti/api/token/"+tok.Token, "", as("bob")); w.Code != want {
			t.Errorf("bob revokes one of %s: %d", tok.Username, w.Code)
		}
	}
	if w := h.do("DELETE", "/Marti/api/token/revoke/"+list("admin").Data[0].Token, "", as("admin")); w.Code != 200 || len(list("admin").Data) != 0 {
		t.Errorf("%d", w.Code)
	}
}

func TestSecurityConfigTellsNoSecrets(t *testing.T) {
	h := open(t)
	for _, path := range []string{"security/config", "authentication/config"} {
		w := h.do("GET", "/Marti/api/"+path, "", as("admin"))
		var out struct{ Data map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %v", path, w.Code, err)
		}
		for k, v := range out.Data {
			if s, _ := v.(string); s != "" && (strings.Contains(strings.ToLower(k), "pass") || strings.Contains(k, "Credential") || strings.Contains(k, "File")) {
				t.Errorf("%s: %s is %q", path, k, s)
			}
		}
	}
	if w := h.do("GET", "/Marti/api/security/isSecure", "", as("bob")); !strings.Contains(w.Body.String(), `"data":"true"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func FuzzRequestSubject(f *testing.F) {
	f.Add([]byte(request(f, name("falke2"), clientKey(), nil)))
	f.Add([]byte(bare(request(f, name("falke2"), clientKey(), nil))))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\n\n-----END CERTIFICATE REQUEST-----"))
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, csr []byte) {
		subject, err := pki.RequestSubject(csr)
		if err == nil && checkSubject(subject, "falke2", 2) == nil && (!strings.EqualFold(subject.CommonName, "falke2") || len(subject.Names) != 3) {
			t.Fatalf("%v passes", subject)
		}
	})
}

func FuzzClient(f *testing.F) {
	f.Add("ANDROID-1", "tak.example.net:8446")
	f.Add("\x00\xff", "[::1]:1")
	f.Fuzz(func(t *testing.T, uid, host string) {
		r := &http.Request{URL: &url.URL{RawQuery: url.Values{"clientUID": {uid}}.Encode()}, Host: host}
		got, _ := clientOf(r)
		if len(got) > maxClientUID || strings.ContainsAny(got, "\x00\r\n") {
			t.Fatalf("%q", got)
		}
		if strings.ContainsAny(hostOf(r), "\"'<> /?#&\r\n") {
			t.Fatalf("%q", hostOf(r))
		}
	})
}
