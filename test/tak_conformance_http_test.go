package test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func enrolments(t *testing.T, s *suite) {
	s.member(t, "ernie", "A")
	// The program that would enrol reads this first.
	config := s.login(t, "ernie", "GET", "/Marti/api/tls/config", nil).ok(t)
	if !strings.Contains(config.body, "<ns2:certificateConfig ") || strings.Count(config.body, "<nameEntry ") < 2 || !strings.HasPrefix(config.head.Get("Content-Type"), "text/plain") {
		t.Errorf("tls/config: %v %s", config.head, config.body)
	}
	v2 := func(user string, body any, head ...string) told {
		return s.login(t, user, "POST", "/Marti/api/tls/signClient/v2?clientUid=PHONE&version=5.4", body, head...)
	}
	der := request(t, p256(t), subjectOf("ernie"))
	plain := base64.StdEncoding.EncodeToString(der)
	armoured := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	signed := func(name string, a told) {
		t.Helper()
		var out map[string]string
		a.ok(t).json(t, &out)
		der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(out["signedCert"], "\n", ""))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Subject.CommonName != "ernie" || c.IsCA || !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || len(c.DNSNames) > 0 {
			t.Errorf("%s: a certificate for %s: CA %v, uses %v, names %v", name, c.Subject, c.IsCA, c.ExtKeyUsage, c.DNSNames)
		}
		if out["ca0"] == "" || strings.Contains(a.body, "-----") {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	for name, body := range map[string]string{
		"one line": plain, "64 columns": strings.Join(strings.Split(armoured, "\n")[1:len(strings.Split(armoured, "\n"))-2], "\n"),
		"PEM": armoured, "PEM in CRLF": strings.ReplaceAll(armoured, "\n", "\r\n"),
		"NEW in the header": strings.ReplaceAll(armoured, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
		"RSA":               base64.StdEncoding.EncodeToString(request(t, rsaKey(t, 2048), subjectOf("ernie"))),
		"other case":        base64.StdEncoding.EncodeToString(request(t, p256(t), subjectOf("Ernie"))),
	} {
		signed(name, v2("ernie", body))
	}
	for _, accept := range []string{"*/*", "application/json", "text/plain", "image/png"} {
		signed(accept, v2("ernie", plain, "Accept", accept))
	}
	var list struct {
		XMLName xml.Name `xml:"enrollment"`
		Signed  string   `xml:"signedCert"`
		CA      []string `xml:"ca"`
	}
	a := v2("ernie", plain, "Accept", "application/xml").ok(t)
	if err := xml.Unmarshal([]byte(a.body), &list); err != nil || list.Signed == "" || len(list.CA) == 0 || a.head.Get("Content-Type") != "application/xml" {
		t.Errorf("as XML: %v %v %s", err, a.head, a.body)
	}
	legacyEnrolment(t, s, plain)

	with := func(extra ...pkix.AttributeTypeAndValue) pkix.Name {
		n := subjectOf("ernie")
		n.ExtraNames = extra
		return n
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	broken := slices.Clone(der)
	broken[len(broken)-5] ^= 1
	for name, body := range map[string][]byte{
		"somebody else":          request(t, p256(t), subjectOf("admin")),
		"a name and more":        request(t, p256(t), subjectOf("ernie,CN=admin")),
		"a second common name":   request(t, p256(t), with(pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "admin"})),
		"one attribute too many": request(t, p256(t), with(pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 5}, Value: "1"})),
		"the name alone":         request(t, p256(t), pkix.Name{CommonName: "ernie"}),
		"nobody":                 request(t, p256(t), pkix.Name{}),
		"RSA 1024":               request(t, rsaKey(t, 1024), subjectOf("ernie")),
		"P-224":                  request(t, p224, subjectOf("ernie")),
		"broken signature":       broken,
		"nothing":                {},
		"noise":                  noise(dice(), 500),
	} {
		if a := v2("ernie", base64.StdEncoding.EncodeToString(body)); a.status != 400 {
			t.Errorf("%s: answered %d: %.200s", name, a.status, a.body)
		}
	}
	if a := v2("", plain); a.status != 401 || !strings.HasPrefix(a.head.Get("WWW-Authenticate"), "Basic") {
		t.Errorf("without a login: %d %v", a.status, a.head)
	}
	if a := s.login(t, "", "POST", "/Marti/api/tls/signClient/v2", plain, "Authorization", basic("ernie", guess)); a.status != 401 {
		t.Errorf("with a wrong password: %d", a.status)
	}
	oneTimeToken(t, s, plain)
	s.must("", "user", "disable", "ernie")
	if a := v2("ernie", plain); a.status != 401 && a.status != 403 {
		t.Errorf("a disabled user enrols: %d", a.status)
	}
}

// legacyEnrolment opens the PKCS#12 of ATAK up to 4.6 with OpenSSL.
func legacyEnrolment(t *testing.T, s *suite, csr string) {
	a := s.login(t, "ernie", "POST", "/Marti/api/tls/signClient?clientUid=OLD&version=4.6", csr).ok(t)
	if a.head.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("signClient: %v", a.head)
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("openssl is not installed: the PKCS#12 is not opened")
		return
	}
	file := filepath.Join(t.TempDir(), "x.p12")
	if err := os.WriteFile(file, []byte(a.body), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("openssl", "pkcs12", "-in", file, "-passin", "pass:atakatak", "-nodes", "-legacy", "-info").CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	for _, want := range []string{"signedCert", "ca0", "CN = ernie"} {
		if !strings.Contains(strings.ReplaceAll(string(out), "CN=", "CN = "), want) {
			t.Errorf("the PKCS#12 lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "PRIVATE KEY") {
		t.Error("the PKCS#12 holds a private key")
	}
}

// oneTimeToken enrols with a token in place of the password, once.
func oneTimeToken(t *testing.T, s *suite, csr string) {
	var e struct{ Token string }
	if code := s.api("admin", "POST", "enrolments", map[string]any{"user": "ernie", "minutes": 5}, &e); code >= 300 || e.Token == "" {
		t.Fatalf("an enrolment: %d %+v", code, e)
	}
	use := func(method, path string, body any) told {
		return s.login(t, "", method, path, body, "Authorization", basic("ernie", e.Token))
	}
	use("GET", "/Marti/api/tls/config", nil).ok(t)
	if a := use("GET", "/Marti/api/missions", nil); a.status == 200 {
		t.Error("an enrolment token opens the API")
	}
	use("POST", "/Marti/api/tls/signClient/v2?clientUid=TOKEN&version=5.4", csr).ok(t)
	if a := use("POST", "/Marti/api/tls/signClient/v2?clientUid=TOKEN2&version=5.4", csr); a.status != 401 && a.status != 403 {
		t.Errorf("an enrolment token is good a second time: %d", a.status)
	}
	var jwt struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	s.login(t, "", "POST", "/oauth/token", "grant_type=password&username=ernie&password="+passwordOf("ernie"), "Content-Type", "application/x-www-form-urlencoded").ok(t).json(t, &jwt)
	for i, part := range strings.Split(jwt.AccessToken, ".")[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || strings.Count(string(text), "{") != 1 {
			t.Errorf("part %d of the token, which a client splits at }, is %s", i, text)
		}
	}
	s.login(t, "", "POST", "/Marti/api/tls/signClient/v2?clientUid=JWT&version=5.4", csr, "Authorization", "Bearer "+jwt.AccessToken).ok(t)
	if a := s.login(t, "", "POST", "/oauth/token", "grant_type=password&username=ernie&password="+guess, "Content-Type", "application/x-www-form-urlencoded"); a.status != 401 && a.status != 400 {
		t.Errorf("a token for a wrong password: %d", a.status)
	}
}

func literals(t *testing.T, s *suite) {
	d := s.alpha.connect(t, "tls", "LITERAL", "LITERAL").report()
	d.send(event("literal-1", "a-h-G", ""))
	wait(t, patience, "the history", func() error {
		if a := s.alpha.marti(t, "GET", "/Marti/api/cot/xml/literal-1", nil); a.status != 200 {
			return fmt.Errorf("%d", a.status)
		}
		return nil
	})
	const jsonExactly = "application/json"
	for _, c := range []struct{ path, kind, word string }{
		{"/Marti/api/groups/all?useCache=true", jsonExactly, "com.bbn.marti.remote.groups.Group"},
		{"/Marti/api/groups/groupCacheEnabled", jsonExactly, `"java.lang.Boolean"`},
		{"/Marti/api/clientEndPoints?secAgo=0&showCurrentlyConnectedClients=false&showMostRecentOnly=false", jsonExactly, "com.bbn.marti.remote.ClientEndpoint"},
		{"/Marti/api/clientEndPoints", jsonExactly, `"lastStatus":"Connected"`},
		{"/Marti/api/version", "", "TAK Server"},
		{"/Marti/api/version/config", jsonExactly, "ServerConfig"},
		{"/Marti/api/version/config/", jsonExactly, "ServerConfig"}, // a slash at the end is the same
		{"/Marti/api/cot/xml/literal-1", "", "<event"},
		{"/Marti/api/cot/xml/literal-1/all", "", "<events"},
		{"/Marti/sync/search?keywords=missionpackage&tool=public", "", "resultCount"},
		{"/Marti/api/contacts/all", jsonExactly, `"uid":"LITERAL"`},
		{"/Marti/api/missions", jsonExactly, `"type":"Mission"`},
		{"/Marti/api/missions/all/invitations?clientUid=LITERAL", jsonExactly, `"data":[]`},
		{"/Marti/api/video", jsonExactly, `"videoConnections":[`},
		{"/Marti/api/citrap", "", "<reports"},
		{"/Marti/vcm", "", "<videoConnections"},
		{"/Marti/api/util/user/roles", jsonExactly, "["},
		{"/files/api/config", jsonExactly, "uploadSizeLimit"},
		{"/Marti/api/node/id", "", ""},
	} {
		for _, encoding := range []string{"", "gzip"} {
			a := s.alpha.marti(t, "GET", c.path, nil, "Accept-Encoding", encoding)
			if a.head.Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(strings.NewReader(a.body))
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				a.body = string(b)
			}
			if a.status != 200 || !strings.Contains(a.body, c.word) {
				t.Errorf("%s: %d, wants %q: %.300s", c.path, a.status, c.word, a.body)
			}
			if c.kind != "" && a.head.Get("Content-Type") != c.kind {
				t.Errorf("%s: Content-Type %q", c.path, a.head.Get("Content-Type"))
			}
		}
	}
	if a := s.carol.marti(t, "GET", "/Marti/api/groups/all?useCache=true", nil, "Accept-Encoding", "gzip"); a.head.Get("Content-Encoding") != "gzip" && len(a.body) > 1400 {
		t.Error("answers are not compressed for who takes it")
	}
	for path, status := range map[string]int{"/Marti/api/cot/xml/nothing": 404, "/Marti/api/missions/nothing": 404, "/Marti/nothing": 404, "/Marti/api/subscriptions/all": 403} {
		a := s.alpha.marti(t, "GET", path, nil)
		if a.status != status || path != "/Marti/api/cot/xml/nothing" && !strings.Contains(a.body, `"status":`) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.login(t, "", "GET", "/Marti/api/version", nil); a.status != 401 {
		t.Errorf("without a login: %d", a.status)
	}
	if a := s.login(t, "alpha", "GET", "/Marti/api/version", nil); a.status != 200 || !strings.Contains(a.body, "TAK Server") {
		t.Errorf("with a password: %d %s", a.status, a.body)
	}
}

// sum is the SHA-256 of b as clients write it.
func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// zipOf makes an archive of entries, name and content in turn.
func zipOf(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err == nil {
			_, err = io.WriteString(w, entries[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// multipartOf is a form with one file, as ATAK uploads packages.
func multipartOf(t testing.TB, field, filename string, content []byte) (body []byte, kind string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, field, filename))
	head.Set("Content-Type", "application/x-zip-compressed")
	p, err := w.CreatePart(head)
	if err == nil {
		_, err = p.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// upload shares a package and returns its hash.
func (m *member) upload(t *testing.T, filename, query string, content []byte) told {
	t.Helper()
	body, kind := multipartOf(t, "assetfile", filename, content)
	return m.marti(t, "POST", "/Marti/sync/missionupload?hash="+sum(content)+"&filename="+filename+"&creatorUid=UP-"+m.name+query, body, "Content-Type", kind)
}

func contents(t *testing.T, s *suite) {
	for _, path := range []string{"/Marti/api/device/profile/connection?syncSecago=-1&clientUid=X", "/Marti/api/tls/profile/enrollment?clientUid=X", "/Marti/api/device/profile/tool/none?clientUid=X"} {
		if a := s.alpha.marti(t, "GET", path, nil); a.status != 204 || a.body != "" {
			t.Errorf("%s of nothing: %d %q", path, a.status, a.body)
		}
	}
	pack := zipOf(t, "MANIFEST/manifest.xml", `<MissionPackageManifest version="2"><Configuration/><Contents/></MissionPackageManifest>`, "x/bild.txt", strings.Repeat("picture ", 500))
	hash := sum(pack)
	if a := s.alpha.marti(t, "GET", "/Marti/sync/missionquery?hash="+hash, nil); a.status != 404 {
		t.Errorf("before the upload: %d", a.status)
	}
	where := s.alpha.upload(t, "obs-3.zip", "", pack).ok(t)
	want := fmt.Sprintf("https://127.0.0.1:%d/Marti/sync/content?hash=%s", s.ports["marti"], hash)
	if where.body != want || !strings.HasPrefix(where.head.Get("Content-Type"), "text/plain") {
		t.Errorf("after the upload: %v %q, wants %q", where.head, where.body, want)
	}
	if a := s.alpha.marti(t, "GET", "/Marti/sync/missionquery?hash="+hash, nil).ok(t); a.body != want {
		t.Errorf("missionquery: %q", a.body)
	}
	path := "/Marti/sync/content?hash=" + hash
	a := s.bravo.marti(t, "GET", path, nil).ok(t)
	if a.body != string(pack) || !strings.Contains(a.head.Get("Content-Disposition"), `attachment; filename="obs-3.zip"`) {
		t.Errorf("the package came as %d bytes, %v", len(a.body), a.head)
	}
	if a := s.bravo.marti(t, "HEAD", path, nil); a.status != 200 || a.head.Get("Content-Length") != fmt.Sprint(len(pack)) || a.body != "" {
		t.Errorf("HEAD: %d %v", a.status, a.head)
	}
	if a := s.bravo.marti(t, "GET", path, nil, "Range", "bytes=10-19"); a.status != 206 || a.body != string(pack[10:20]) {
		t.Errorf("Range: %d %q", a.status, a.body)
	}
	if a := s.bravo.marti(t, "GET", path+"&offset=10&length=10", nil); a.status != 200 || a.body != string(pack[10:20]) {
		t.Errorf("offset and length: %d %q", a.status, a.body)
	}
	if a := s.dave.marti(t, "GET", path, nil); a.status != 403 && a.status != 404 {
		t.Errorf("a stranger is answered %d", a.status)
	}
	search := func(m *member) string {
		return m.marti(t, "GET", "/Marti/sync/search?keywords=missionpackage&tool=public", nil).ok(t).body
	}
	if strings.Contains(search(s.dave), hash) {
		t.Error("a stranger finds the package")
	}
	if got := search(s.bravo); !strings.Contains(got, `"EXPIRATION":"-1"`) || !strings.Contains(got, fmt.Sprintf(`"Size":"%d"`, len(pack))) || !strings.Contains(got, hash) {
		t.Errorf("search: %s", got)
	}
	s.alpha.marti(t, "PUT", "/Marti/api/sync/metadata/"+hash+"/tool", "private").ok(t)
	if strings.Contains(search(s.bravo), hash) {
		t.Error("a private package is on the list of public ones")
	}
	if a := s.bravo.marti(t, "GET", path, nil); a.status != 200 {
		t.Errorf("a private package is answered %d to who was told of it", a.status)
	}

	// 1 MiB is the limit of this server.
	big := make([]byte, 2<<20)
	if a := s.alpha.upload(t, "big.zip", "", big); a.status != 413 {
		t.Errorf("2 MiB are answered %d", a.status)
	}
	if a := s.alpha.marti(t, "POST", "/Marti/sync/upload?name=big", struct{ io.Reader }{bytes.NewReader(big)}); a.status != 413 {
		t.Errorf("2 MiB of unknown length are answered %d", a.status)
	}
	evil := []byte("out of the folder")
	s.alpha.marti(t, "POST", "/Marti/sync/upload?name=../../x&filename=../../x&creatorUid=UP", evil).ok(t)
	if a := s.alpha.marti(t, "GET", "/Marti/sync/content?hash="+sum(evil), nil).ok(t); strings.Contains(a.head.Get("Content-Disposition"), "..") || a.body != string(evil) {
		t.Errorf("../../x came as %v", a.head)
	}
	for _, up := range []string{"..", "../.."} {
		if _, err := os.Stat(filepath.Join(s.data, up, "x")); err == nil {
			t.Errorf("there is a file %s/x", up)
		}
	}
}

// missionJSON is what the tests read of a mission.
type missionJSON struct {
	Name, GUID, Token, Description string
	PasswordProtected              bool
	Groups                         []string
	UIDs                           []struct{ Data string }
	Contents                       []struct{ Data struct{ Hash string } }
	OwnerRole                      struct{ Type string }
	Logs                           []struct{ Content string }
	MissionChanges                 []struct{ Type string }
}

// mission creates one for the device uid.
func (s *suite) mission(t *testing.T, m *member, name, uid, group string) missionJSON {
	t.Helper()
	a := m.marti(t, "PUT", "/Marti/api/missions/"+strings.ReplaceAll(name, " ", "%20")+"?creatorUid="+uid+"&group="+group, nil)
	if a.status != http.StatusCreated {
		t.Fatalf("create %s: %d %s", name, a.status, a.body)
	}
	return dataOf[[]missionJSON](t, a)[0]
}

func missionLife(t *testing.T, s *suite) {
	a := s.alpha.connect(t, "tls", "M-A", "M-A").report()
	b := s.bravo.connect(t, "v1", "M-B", "M-B").report()
	c := s.carol.connect(t, "ws", "M-C", "M-C").report()
	d := s.dave.connect(t, "tls", "M-D", "M-D").report()
	const path = "/Marti/api/missions/Flut%20%C3%96st.1"
	m := s.mission(t, s.alpha, "Flut Öst.1", "M-A", "A")
	if m.Token == "" || m.OwnerRole.Type != "MISSION_OWNER" {
		t.Errorf("a new mission: %+v", m)
	}
	for _, x := range []*device{b, c} {
		if e := x.await("the news of a mission", typed("t-x-m-n")).detail.child("mission"); e.attr("name") != "Flut Öst.1" || e.attr("type") != "CREATE" || e.attr("guid") != m.GUID {
			t.Errorf("the news of a mission came as %s", e.canon(0))
		}
	}
	d.settle(d)
	if d.count(typed("t-x-m-n")) > 0 || s.dave.marti(t, "GET", path, nil).status != 404 || strings.Contains(s.dave.marti(t, "GET", "/Marti/api/missions", nil).body, "Flut") {
		t.Error("another group learns of the mission")
	}
	token := func(tok string) []string { return []string{"MissionAuthorization", "Bearer " + tok} }
	own := token(m.Token)
	var sub struct {
		Token string
		Role  struct{ Type string }
	}
	answer := s.bravo.marti(t, "PUT", path+"/subscription?uid=M-B", nil)
	if sub = dataOf[struct {
		Token string
		Role  struct{ Type string }
	}](t, answer); answer.status != 201 || sub.Token == "" || sub.Role.Type != "MISSION_SUBSCRIBER" {
		t.Errorf("a subscription: %d %+v", answer.status, sub)
	}
	c.forget()

	// Contents: a marker of the stream and a file.
	a.send(event("M-mark", "a-h-G", `<contact callsign="Sperre 4"/>`))
	a.ping()
	file := []byte("a picture")
	s.alpha.marti(t, "POST", "/Marti/sync/upload?name=bild.jpg&creatorUid=M-A", file, "Content-Type", "image/jpeg").ok(t)
	s.alpha.marti(t, "PUT", path+"/contents?creatorUid=M-A", map[string][]string{"uids": {"M-mark"}, "hashes": {sum(file)}}, own...).ok(t)
	changes := func(x *device) (text string) {
		for _, e := range x.all(typed("t-x-m-c")) {
			text += e.detail.canon(0)
		}
		return text
	}
	b.until("the changes in frames", func() bool {
		text := changes(b)
		return strings.Contains(text, "M-mark") && strings.Contains(text, sum(file)) && strings.Contains(text, "ADD_CONTENT") && strings.Contains(text, "Sperre 4")
	})
	get := func(who *member, query string, head ...string) missionJSON {
		t.Helper()
		return dataOf[[]missionJSON](t, who.marti(t, "GET", path+query, nil, head...))[0]
	}
	if got := get(s.bravo, "?changes=true"); len(got.UIDs) != 1 || len(got.Contents) != 1 || got.Contents[0].Data.Hash != sum(file) || len(got.MissionChanges) != 3 {
		t.Errorf("with contents: %+v", got)
	}
	if x := s.bravo.marti(t, "GET", path+"/cot", nil).ok(t); !strings.Contains(x.body, "Sperre 4") || !strings.Contains(x.body, "<events") || x.head.Get("Content-Type") != "application/xml" {
		t.Errorf("cot: %v %s", x.head, x.body)
	}
	b.send(event("M-over", "a-h-G", `<marti><dest mission="Flut Öst.1"/></marti>`))
	wait(t, patience, "the event as content", func() error {
		if got := get(s.alpha, ""); len(got.UIDs) != 2 {
			return fmt.Errorf("%+v", got.UIDs)
		}
		return nil
	})
	s.alpha.marti(t, "DELETE", path+"/contents?creatorUid=M-A&uid=M-over", nil, own...).ok(t)
	b.until("the removal", func() bool { return strings.Contains(changes(b), "REMOVE_CONTENT") })
	missionParts(t, s, path, own, b)
	missionAccess(t, s, path, own, b, c, sub.Token)

	if x := s.carol.marti(t, "DELETE", path, nil); x.status != 403 {
		t.Errorf("a reader deletes the mission: %d", x.status)
	}
	s.alpha.marti(t, "DELETE", path+"?creatorUid=M-A", nil, own...).ok(t)
	b.await("the end of the mission", typed("t-x-m-d"))
	if x := s.bravo.marti(t, "GET", path, nil); x.status != 410 {
		t.Errorf("a deleted mission: %d", x.status)
	}
}

// missionParts are logs, layers, keywords, external data and the archive.
func missionParts(t *testing.T, s *suite, path string, own []string, b *device) {
	entry := map[string]any{"content": "dyke holds", "creatorUid": "M-A", "missionNames": []string{"Flut Öst.1"}, "dtg": time.Now().UTC().Format(cotTime), "keywords": []string{"k"}}
	x := s.alpha.marti(t, "POST", "/Marti/api/missions/logs/entries", entry, own...)
	if x.status != 201 {
		t.Fatalf("a log entry: %d %s", x.status, x.body)
	}
	id := dataOf[struct{ ID string }](t, x).ID
	b.await("the log entry", typed("t-x-m-c-l"))
	entry["id"], entry["content"] = id, "dyke holds still"
	s.alpha.marti(t, "PUT", "/Marti/api/missions/logs/entries", entry, own...).ok(t)
	if got := dataOf[[]struct{ Content string }](t, s.bravo.marti(t, "GET", path+"/log", nil)); len(got) != 1 || got[0].Content != "dyke holds still" {
		t.Errorf("the log: %+v", got)
	}
	s.alpha.marti(t, "DELETE", "/Marti/api/missions/logs/entries/"+id, nil, own...).ok(t)

	layer := dataOf[struct{ UID, Name string }](t, s.alpha.marti(t, "PUT", path+"/layers?name=Dykes&type=UID&creatorUid=M-A", nil, own...))
	b.await("the layer", typed("t-x-m-c-h"))
	s.alpha.marti(t, "PUT", path+"/layers/"+layer.UID+"/name?name=East&creatorUid=M-A", nil, own...).ok(t)
	if got := dataOf[[]struct{ Name string }](t, s.bravo.marti(t, "GET", path+"/layers", nil)); len(got) != 1 || got[0].Name != "East" {
		t.Errorf("layers: %+v", got)
	}
	s.alpha.marti(t, "DELETE", path+"/layers?uid="+layer.UID+"&creatorUid=M-A", nil, own...).ok(t)

	s.alpha.marti(t, "PUT", path+"/keywords?creatorUid=M-A", []string{"flood"}, own...).ok(t)
	b.await("the keyword", typed("t-x-m-c-k"))
	s.alpha.marti(t, "POST", path+"/externaldata?creatorUid=M-A", map[string]string{"uid": "e1", "name": "e", "tool": "x", "urlData": "https://x.example/1", "urlView": "https://x.example/2", "notes": ""}, own...).ok(t)
	b.await("the external data", typed("t-x-m-c-e"))
	if x := s.alpha.marti(t, "GET", path+"/archive", nil, own...).ok(t); !strings.HasPrefix(x.body, "PK") {
		t.Errorf("the archive is %.20q", x.body)
	}
	if x := s.bravo.marti(t, "GET", path+"/kml", nil).ok(t); !strings.Contains(x.body, "<kml") {
		t.Errorf("KML: %.100s", x.body)
	}
}

// missionAccess is about roles, invitations and the password.
func missionAccess(t *testing.T, s *suite, path string, own []string, b, c *device, subToken string) {
	s.alpha.marti(t, "PUT", path+"/role?clientUid=M-B&username=bravo&role=MISSION_READONLY_SUBSCRIBER", nil, own...).ok(t)
	role := b.await("the role", typed("t-x-m-r")).detail.child("mission", "role")
	if role.attr("type") != "MISSION_READONLY_SUBSCRIBER" || len(role.child("permissions").Children) != 1 {
		t.Errorf("the role came as %s", role.canon(0))
	}
	if x := s.bravo.marti(t, "PUT", path+"/contents?creatorUid=M-B", map[string][]string{"uids": {"M-B"}}, "MissionAuthorization", "Bearer "+subToken); x.status != 403 {
		t.Errorf("a reader writes: %d", x.status)
	}
	for _, i := range []struct{ kind, invitee string }{{"clientUid", "M-C"}, {"callsign", "M-C"}, {"userName", "carol"}, {"group", "A"}, {"team", "Cyan"}} {
		c.forget()
		s.alpha.marti(t, "PUT", path+"/invite/"+i.kind+"/"+i.invitee+"?creatorUid=M-A&role=MISSION_SUBSCRIBER", nil, own...).ok(t)
		if e := c.await("an invitation by "+i.kind, typed("t-x-m-i")).detail.child("mission"); e.attr("token") == "" || e.attr("type") != "INVITE" {
			t.Errorf("by %s: the invitation is %s", i.kind, e.canon(0))
		}
		if list := s.carol.marti(t, "GET", "/Marti/api/missions/all/invitations?clientUid=M-C", nil); !strings.Contains(list.body, "Flut") {
			t.Errorf("by %s: the list of invitations is %s", i.kind, list.body)
		}
		s.alpha.marti(t, "DELETE", path+"/invite/"+i.kind+"/"+i.invitee+"?creatorUid=M-A", nil, own...).ok(t)
	}
	if list := s.carol.marti(t, "GET", "/Marti/api/missions/all/invitations?clientUid=M-C", nil); strings.Contains(list.body, "Flut") {
		t.Errorf("the list of invitations taken back is %s", list.body)
	}
	s.alpha.marti(t, "PUT", path+"/password?password=a-secret&creatorUid=M-A", nil, own...).ok(t)
	// The right password last: who has subscribed may do so again without.
	for _, try := range []struct {
		query  string
		status int
	}{{"", 403}, {"&password=wrong", 403}, {"&password=a-secret", 201}} {
		if x := s.carol.marti(t, "PUT", path+"/subscription?uid=M-C"+try.query, nil); x.status != try.status {
			t.Errorf("subscribing with %q to a mission with a password: %d, wants %d", try.query, x.status, try.status)
		}
	}
	s.carol.marti(t, "DELETE", path+"/subscription?uid=M-C&disconnectOnly=false", nil).ok(t)
	s.alpha.marti(t, "DELETE", path+"/password?creatorUid=M-A", nil, own...).ok(t)
	s.alpha.marti(t, "PUT", path+"?creatorUid=M-A&inviteOnly=true", nil, own...).ok(t)
	if x := s.carol.marti(t, "PUT", path+"/subscription?uid=M-C", nil); x.status != 403 {
		t.Errorf("subscribing without an invitation: %d", x.status)
	}
	s.alpha.marti(t, "PUT", path+"/invite/clientUid/M-C?creatorUid=M-A&role=MISSION_SUBSCRIBER", nil, own...).ok(t)
	if x := s.carol.marti(t, "PUT", path+"/subscription?uid=M-C", nil); x.status != 201 {
		t.Errorf("subscribing with an invitation: %d %s", x.status, x.body)
	}
	s.alpha.marti(t, "PUT", path+"?creatorUid=M-A&inviteOnly=false", nil, own...).ok(t)
}
