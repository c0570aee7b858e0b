package test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	bits "encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// transportOf is a transport that connects from the attacker's address.
func transportOf(config *tls.Config) *http.Transport {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(attacker)}}
	return &http.Transport{TLSClientConfig: config, DialContext: d.DialContext, DisableKeepAlives: true, DisableCompression: true}
}

// raw sends a request exactly as written to a TAK door, with mallory's certificate
// where there is one to be shown.
func (s *takSiege) raw(t *testing.T, door, method, target, head, body string) answer {
	t.Helper()
	c := s.dial(t, door, attacker)
	if c == nil {
		return answer{}
	}
	defer c.Close()
	switch door {
	case "marti":
		c = tls.Client(c, s.trust(t, &s.mallory.cert))
	case "marti-enrol":
		c = tls.Client(c, s.trust(t, nil))
	}
	if !strings.Contains(head, "Host:") {
		head += "Host: 127.0.0.1\r\n"
	}
	if door != "marti" && !strings.Contains(head, "Authorization:") {
		head += as("mallory")
	}
	if body != "" && !strings.Contains(head, "Content-Length:") {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	go fmt.Fprintf(c, "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n%s", method, target, head, body)
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // cut short is what it is
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// asker sends requests exactly as written over one connection after the other.
type asker struct {
	s  *takSiege
	t  *testing.T
	c  net.Conn
	br *bufio.Reader
}

// ask sends a request as mallory and reads the answer.
func (k *asker) ask(method, target, body string) answer {
	k.t.Helper()
	if k.c == nil {
		c := k.s.dial(k.t, "marti", attacker)
		if c == nil {
			return answer{}
		}
		k.c = tls.Client(c, k.s.trust(k.t, &k.s.mallory.cert))
		k.br = bufio.NewReader(k.c)
	}
	k.c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(k.c, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", method, target, len(body), body)
	resp, err := http.ReadResponse(k.br, &http.Request{Method: method})
	if err != nil {
		k.close()
		return answer{}
	}
	text, err := io.ReadAll(resp.Body)
	if resp.Close || err != nil {
		k.close()
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (k *asker) close() {
	if k.c != nil {
		k.c.Close()
		k.c = nil
	}
}

// martiRequests are wrong as HTTP, or slow.
func martiRequests(t *testing.T, s *takSiege) {
	big := strings.Repeat("x", 70<<10)
	for _, door := range []string{"marti", "marti-enrol", "marti-plain"} {
		for name, a := range map[string]answer{
			"70 KiB of header":      s.raw(t, door, "GET", "/Marti/api/version", "X: "+big+"\r\n", ""),
			"70 KiB of address":     s.raw(t, door, "GET", "/Marti/api/cot/xml/"+big, "", ""),
			"10,000 headers":        s.raw(t, door, "GET", "/Marti/api/version", strings.Repeat("X: yyy\r\n", 10_000), ""),
			"two lengths":           s.raw(t, door, "POST", "/Marti/sync/upload?name=x", "Content-Length: 1\r\nContent-Length: 2\r\n", ""),
			"length and chunks":     s.raw(t, door, "POST", "/Marti/sync/upload?name=x", "Content-Length: 1\r\nTransfer-Encoding: x\r\n", ""),
			"space before the ':'":  s.raw(t, door, "GET", "/Marti/api/version", "X : y\r\n", ""),
			"control in the method": s.raw(t, door, "G\x01T", "/Marti/api/version", "", ""),
			"two hosts":             s.raw(t, door, "GET", "/Marti/api/version", "Host: 127.0.0.1\r\nHost: evil.example\r\n", ""),
		} {
			if a.status != 0 && (a.status < 400 || a.status >= 500) && a.status != 501 {
				t.Errorf("%s: %s: answered %d", door, name, a.status)
			}
		}
		for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "get", "PATCH"} {
			a := s.raw(t, door, method, "/Marti/api/version", "X-Secret: hidden\r\n", "")
			if a.status >= 200 && a.status < 300 || a.status >= 500 && a.status != 501 || strings.Contains(a.body, "hidden") {
				t.Errorf("%s: %s is answered %d: %.200s", door, method, a.status, a.body)
			}
		}
	}
	// Without a login nothing is given, and what costs is not begun.
	for _, door := range []string{"marti-enrol", "marti-plain"} {
		for _, path := range []string{"GET /Marti/api/missions", "GET /Marti/sync/search", "POST /Marti/sync/upload?name=x", "PUT /Marti/api/missions/EVIL", "GET /takproto/1", "POST /Marti/api/tls/signClient/v2", "GET /Marti/api/certadmin/cert"} {
			method, target, _ := strings.Cut(path, " ")
			a := s.raw(t, door, method, target, "Authorization: Basic Og==\r\nContent-Length: 3000000\r\n", "")
			if a.status != 401 && !(door == "marti-plain" && a.status == 404) {
				t.Errorf("%s: %s of nobody is answered %d: %.200s", door, path, a.status, a.body)
			}
		}
	}
	// Bodies that never come hold nothing.
	var wg sync.WaitGroup
	for _, door := range []string{"marti", "marti-enrol", "marti-plain"} {
		for range 10 {
			wg.Go(func() {
				began := time.Now()
				s.raw(t, door, "POST", "/Marti/sync/upload?name=EVIL", "Content-Length: 1000000\r\n", "half")
				if took := time.Since(began); took > 9*time.Second {
					t.Errorf("%s: a body that does not come is waited for %s", door, took)
				}
			})
		}
	}
	wg.Wait()
}

// wrongHashes lead elsewhere, or are no hashes.
var wrongHashes = append([]string{
	"..", "../../muster.db", "..%2f..%2fmuster.db", "%2e%2e/%2e%2e/pki/ca.key", "/etc/passwd", "%2Fetc%2Fpasswd", "....//....//etc/passwd", "%00", "x%00.zip",
	strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("G", 64), strings.Repeat("0", 62) + "..", strings.Repeat("0", 64) + "/../x", "-1", "*", "%",
	"'%20OR%201=1--", "%25", strings.Repeat("A", 5000),
}, wrongNames...)

// martiPaths looks for files where there should be none.
func martiPaths(t *testing.T, s *takSiege) {
	ways := []struct{ method, before, after, body string }{
		{"GET", "/Marti/sync/content?hash=", "", ""},
		{"HEAD", "/Marti/sync/content?hash=", "", ""},
		{"GET", "/Marti/sync/content?uid=", "", ""},
		{"GET", "/Marti/sync/missionquery?hash=", "", ""},
		{"GET", "/Marti/sync/", "/metadata", ""},
		{"DELETE", "/Marti/sync/delete?hash=", "", ""},
		{"GET", "/Marti/api/files/", "", ""},
		{"DELETE", "/Marti/api/files/", "", ""},
		{"GET", "/Marti/api/resources/", "", ""},
		{"PUT", "/Marti/api/sync/metadata/", "/tool", "public"},
		{"GET", "/Marti/api/cot/xml/", "", ""},
		{"GET", "/Marti/api/cot/xml/", "/all", ""},
		{"GET", "/Marti/api/missions/", "", ""},
		{"GET", "/Marti/api/missions/", "/archive", ""},
		{"GET", "/Marti/api/missions/guid/", "", ""},
		{"GET", "/Marti/api/device/profile/tool/", "?clientUid=x", ""},
		{"GET", "/Marti/api/tls/profile/tool/x/file?relativePath=", "", ""},
		{"GET", "/Marti/api/icon/", "/x/y", ""},
		{"GET", "/Marti/api/icon/x/y/", "", ""},
		{"GET", "/Marti/api/iconimage?iconsetpath=", "", ""},
		{"GET", "/update/", "", ""},
		{"GET", "/Marti/api/video/", "", ""},
		{"GET", "/Marti/api/excheck/template/", "?clientUid=x", ""},
		{"GET", "/Marti/api/citrap/", "?clientUid=x", ""},
		{"GET", "/Marti/api/properties/", "/all", ""},
		{"GET", "/enroll/", "", ""},
		{"GET", "/", "", ""},
	}
	page := s.raw(t, "marti", "GET", "/", "", "").body
	var wg sync.WaitGroup
	for _, w := range ways {
		wg.Go(func() {
			k := &asker{s: s, t: t}
			defer k.close()
			for _, name := range wrongHashes {
				what := w.method + " " + w.before + name + w.after
				if strings.ContainsAny(name, "\x00 ") {
					continue
				}
				a := k.ask(w.method, w.before+name+w.after, w.body)
				switch {
				case strings.Contains(a.body, "root:") || strings.Contains(a.body, "PRIVATE KEY") || strings.Contains(a.body, "SQLite") || a.head.Get("Set-Cookie") != "":
					t.Errorf("%.120s: answered %d %v %.200s", what, a.status, a.head, a.body)
				case a.status >= 500 || a.status == 0:
					t.Errorf("%.120s: answered %d: %.200s", what, a.status, a.body)
				case a.status >= 300 && a.status < 400 && (strings.HasPrefix(a.head.Get("Location"), "//") || strings.HasPrefix(a.head.Get("Location"), "http")):
					t.Errorf("%.120s: leads to %.120s", what, a.head.Get("Location"))
				case w.before == "/Marti/sync/content?hash=" && a.status < 300 && a.status != 0:
					t.Errorf("%.120s: answered %d", what, a.status)
				case w.before == "/" && a.status < 300 && a.body != page && !strings.Contains(a.body, "<html"):
					t.Errorf("%.120s: answered %d: %.200s", what, a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
}

// martiUploads shares files that a browser would run, under names that lie.
func martiUploads(t *testing.T, s *takSiege) {
	for name, kind := range map[string]string{
		"x.html": "text/html", "x.svg": "image/svg+xml", "x.kml": "application/vnd.google-earth.kml+xml", "x.js": "text/javascript", "x.xhtml": "application/xhtml+xml",
		"x.pdf": "application/pdf", "x.swf": "application/x-shockwave-flash", "no type": "", "split": "text/html\r\nX-Evil: 1", "long": strings.Repeat("a", 3000) + "/x",
	} {
		content := "<script>alert('EVIL " + name + "')</script>"
		head := ""
		if kind != "" && !strings.Contains(kind, "\r") {
			head = "Content-Type: " + kind + "\r\n"
		}
		a := s.raw(t, "marti", "POST", "/Marti/sync/upload?name="+url.QueryEscape(name)+"&mimetype="+url.QueryEscape(kind)+"&creatorUid=EVIL", head, content)
		if a.status >= 500 || a.status == 0 {
			t.Errorf("%s: answered %d: %.200s", name, a.status, a.body)
		}
		if a.status >= 300 {
			continue
		}
		for _, path := range []string{"/Marti/sync/content?hash=", "/Marti/api/files/"} {
			b := s.raw(t, "marti", "GET", path+sum([]byte(content)), "Sec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n", "")
			if !strings.HasPrefix(b.head.Get("Content-Disposition"), "attachment") || b.head.Get("X-Content-Type-Options") != "nosniff" ||
				!strings.Contains(b.head.Get("Content-Security-Policy"), "sandbox") || b.head.Get("X-Evil") != "" {
				t.Errorf("%s at %s: %d %v", name, path, b.status, b.head)
			}
		}
	}
	for _, filename := range []string{"a\r\nX-Evil: 1", "a\nb", `a"; filename="b.html`, "../../../../tmp/EVIL", `..\..\EVIL`, "CON", ".htaccess", "\u202egpj.exe", "\x00", strings.Repeat("n", 5000), "a/b/c", "\xff\xfe"} {
		content := []byte("named " + filename)
		a := s.mallory.marti(t, "POST", "/Marti/sync/upload?name="+url.QueryEscape(filename)+"&filename="+url.QueryEscape(filename)+"&creatorUid=EVIL", content)
		if a.status >= 500 {
			t.Errorf("%q: answered %d: %.200s", filename, a.status, a.body)
		}
		if a.status >= 300 {
			continue
		}
		b := s.mallory.marti(t, "GET", "/Marti/sync/content?hash="+sum(content), nil)
		d := b.head.Get("Content-Disposition")
		if b.status != 200 || b.head.Get("X-Evil") != "" || strings.ContainsAny(d, "\r\n/\\\x00") || strings.Count(d, `"`) != 2 || strings.Contains(d, "..") {
			t.Errorf("%q: %d %v", filename, b.status, b.head)
		}
	}
	s.nothingOutside(t)
}

// nothingOutside looks for files that got out of where files belong.
func (s *takSiege) nothingOutside(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/tmp/EVIL", "/EVIL", filepath.Join(s.data, "EVIL"), filepath.Join(s.data, "..", "EVIL"), filepath.Join(s.data, "..", "..", "EVIL"), "EVIL", "../EVIL"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("there is a file %s", path)
		}
	}
	filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.Contains(d.Name(), "EVIL") || d.Type()&fs.ModeSymlink != 0) {
			t.Errorf("the data folder holds %s", path)
		}
		return nil
	})
}

// martiArchives are packages that hurt who unpacks them.
func martiArchives(t *testing.T, s *takSiege) {
	before := s.metric(t, "process_resident_memory_bytes")
	if a := s.mallory.marti(t, "PUT", "/Marti/api/missions/EVIL-ZIP?creatorUid=EVIL&group=B", nil); a.status != 201 {
		t.Fatalf("a mission of one's own: %d %s", a.status, a.body)
	}
	manifest := func(entries ...string) string {
		b := `<MissionPackageManifest version="2"><Configuration><Parameter name="uid" value="EVIL"/><Parameter name="name" value="EVIL"/></Configuration><Contents>`
		for _, e := range entries {
			b += `<Content ignore="false" zipEntry="` + e + `"/>`
		}
		return b + "</Contents></MissionPackageManifest>"
	}
	const where = "MANIFEST/manifest.xml"
	archives := map[string][]byte{
		"bomb":                   bombOf(t, 1, 64<<20),
		"many small bombs":       bombOf(t, 20, 3<<20),
		"20,000 entries":         manyEntries(t, 20_000),
		"link":                   linkOf(t),
		"overlapping":            overlapOf(t),
		"bomb for a manifest":    zipOf(t, where, manifest()+strings.Repeat(" ", 20<<20)),
		"entities in a manifest": zipOf(t, where, `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>`+manifest("&b;")),
		"file as an entity":      zipOf(t, where, `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><MissionPackageManifest version="2"><Configuration><Parameter name="name" value="&a;"/></Configuration></MissionPackageManifest>`),
		"deep manifest":          zipOf(t, where, strings.Repeat("<a>", 200_000)),
		"no manifest":            zipOf(t, "x", "y"),
		"not an archive":         noise(dice(), 10_000),
		"cut off":                zipOf(t, where, manifest())[:100],
		"one entry twice":        zipOf(t, where, manifest(), "EVIL", "1", "EVIL", "2"),
		"end without a start":    []byte("PK\x05\x06" + strings.Repeat("\xff", 18)),
		"zip in a zip":           zipOf(t, where, manifest("in.zip"), "in.zip", string(bombOf(t, 1, 20<<20))),
	}
	for _, name := range []string{"../EVIL", "../../../../../../tmp/EVIL", "/tmp/EVIL", `..\EVIL`, `C:\EVIL`, "a/../../EVIL", "a//EVIL", "./EVIL", "EVIL\x00.txt", "EVIL:stream", strings.Repeat("d/", 3000) + "EVIL"} {
		archives["entry "+fmt.Sprintf("%.30q", name)] = zipOf(t, where, manifest(url.PathEscape(name)), name, "content")
	}
	for name, b := range archives {
		for _, way := range []struct{ method, path string }{
			{"PUT", "/Marti/api/missions/EVIL-ZIP/contents/missionpackage?creatorUid=EVIL"},
			{"PUT", "/Marti/api/missions/EVIL-ZIP-2?creatorUid=EVIL&group=B"},
			{"POST", "/Marti/api/citrap?clientUid=EVIL"},
			{"POST", "/Marti/api/iconset"},
			{"POST", "/Marti/sync/missionupload?filename=EVIL.zip&creatorUid=EVIL"},
		} {
			if len(b) > 4<<20 && strings.Contains(way.path, "sync") {
				continue
			}
			body, kind := b, "application/zip"
			if strings.Contains(way.path, "iconset") || strings.Contains(way.path, "sync") {
				body, kind = multipartOf(t, "file", "EVIL.zip", b)
			}
			a := s.mallory.marti(t, way.method, way.path, body, "Content-Type", kind)
			if a.status >= 500 && a.status != 507 || strings.Contains(a.body, "root:") {
				t.Errorf("%s to %s: answered %d: %.200s", name, way.path, a.status, a.body)
			}
			if a.status < 300 && strings.Contains(way.path, "missionpackage") && (strings.Contains(name, "bomb") || name == "link" || name == "overlapping" || strings.Contains(name, "entries")) {
				t.Errorf("%s is taken by a mission: %d %.200s", name, a.status, a.body)
			}
		}
	}
	s.mallory.marti(t, "GET", "/Marti/api/missions/EVIL-ZIP/archive", nil)
	s.nothingOutside(t)
	s.grown(t, before)
}

// bombOf is an archive of n entries that unpack to size zeros each.
func bombOf(t *testing.T, n int, size int64) []byte {
	t.Helper()
	const chunk = 1 << 20
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	_, err := w.Write(make([]byte, chunk))
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	// Deflating all of it would take longer than the attack: one chunk again and
	// again, and an empty last block (RFC 1951 §3.2.3).
	body := append(bytes.Repeat(packed.Bytes(), int(size/chunk)), 0x03, 0x00)
	sum := crc32.NewIEEE()
	for range size / chunk {
		sum.Write(make([]byte, chunk))
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range n {
		f, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("EVIL/%d", i), Method: zip.Deflate, CRC32: sum.Sum32(),
			CompressedSize64: uint64(len(body)), UncompressedSize64: uint64(size)})
		if err == nil {
			_, err = f.Write(body)
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

func manyEntries(t *testing.T, n int) []byte {
	t.Helper()
	entries := make([]string, 0, 2*n)
	for i := range n {
		entries = append(entries, fmt.Sprintf("e%d", i), "")
	}
	return zipOf(t, entries...)
}

// linkOf is an archive with a symbolic link to a file of the system.
func linkOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "EVIL-link"}
	h.SetMode(fs.ModeSymlink | 0o777)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(w, "/etc/passwd")
	}
	if err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.Bytes()
}

// overlapOf is an archive whose entries are all the same bytes.
func overlapOf(t *testing.T) []byte {
	t.Helper()
	b := zipOf(t, "EVIL-a", strings.Repeat("a", 1000), "EVIL-b", strings.Repeat("a", 1000))
	// The second header of the directory names the place of the first.
	i := bytes.LastIndex(b, []byte("PK\x01\x02"))
	bits.LittleEndian.PutUint32(b[i+42:], 0)
	return b
}

// martiBodies are JSON and XML that are no requests.
func martiBodies(t *testing.T, s *takSiege) {
	deep := strings.Repeat("[", 200_000)
	huge := `["` + strings.Repeat("x", 3<<20) + `"]`
	for _, path := range []string{
		"PUT /Marti/api/missions/EVIL-ZIP/contents?creatorUid=EVIL", "PUT /Marti/api/groups/active?clientUid=EVIL", "PUT /Marti/api/groups/activebits?clientUid=EVIL",
		"POST /Marti/api/missions/logs/entries", "PUT /Marti/api/missions/EVIL-ZIP/keywords", "POST /Marti/api/missions/EVIL-ZIP/invite", "POST /Marti/api/missions/EVIL-ZIP/subscription",
		"POST /Marti/api/video", "PUT /Marti/api/properties/EVIL", "POST /Marti/api/missions/EVIL-ZIP/externaldata", "POST /Marti/api/missions/EVIL-ZIP/maplayers",
		"PUT /Marti/api/sync/metadata/" + strings.Repeat("0", 64) + "/keywords",
	} {
		method, target, _ := strings.Cut(path, " ")
		for name, body := range map[string]string{
			"deep": deep, "huge": huge, "half": `{"uids":["`, "null": "null", "number": "1e999999", "wrong": `{"uids":{"a":1},"hashes":7}`, "words": "EVIL",
			"nulls": `[null,{"type":null,"data":null}]`, "not UTF-8": "[\"\xff\"]", "empty": "", "NUL": `{"uids":["\u0000"],"k":"\u0000"}`, "many": "[" + strings.Repeat(`"x",`, 200_000) + `"x"]`,
		} {
			a, err := s.mallory.try(method, target, body, "Content-Type", "application/json", "API_VERSION", "4")
			if err == nil && a.status >= 500 {
				t.Errorf("%s: %s is answered %d: %.200s", path, name, a.status, a.body)
			}
		}
	}
	xxe := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	for _, path := range []string{
		"POST /Marti/vcm", "POST /Marti/api/cot", "POST /Marti/TracksKML?uid=EVIL&callsign=EVIL", "PUT /Marti/api/subscriptions/EVIL/filter",
		"POST /Marti/api/excheck/template?clientUid=EVIL&callsign=EVIL&name=EVIL&description=EVIL", "POST /Marti/api/excheck/checklist?clientUid=EVIL", "POST /Marti/ErrorLog",
	} {
		method, target, _ := strings.Cut(path, " ")
		for name, body := range map[string]string{
			"entities": xxe + `<videoConnections><feed><uid>EVIL</uid><alias>&e;&b;</alias><address>a</address><protocol>rtsp</protocol></feed></videoConnections>`,
			"deep":     strings.Repeat("<a>", 300_000), "half": "<a", "huge": "<a>" + strings.Repeat("x", 5<<20) + "</a>", "zip": string(zipOf(t, "doc.kml", xxe+"<kml>&e;</kml>")),
			"attributes": "<a" + strings.Repeat(` b="x"`, 50_000) + "/>", "not UTF-8": "<a>\xff</a>",
		} {
			a, err := s.mallory.try(method, target, body, "Content-Type", "application/xml")
			if err == nil && (a.status >= 500 || strings.Contains(a.body, "root:")) {
				t.Errorf("%s: %s is answered %d: %.200s", path, name, a.status, a.body)
			}
			if err == nil && name == "entities" && a.status < 300 && strings.Contains(s.mallory.marti(t, "GET", "/Marti/vcm", nil).body, "root:") {
				t.Errorf("%s: the server reads files for strangers", path)
			}
		}
	}
}

// martiOtherGroups asks for what belongs to group A, by every address that there
// is, as somebody of group B. The answers are those for things that do not exist;
// only who knows a whole file, and so its hash, learns that it is there.
func martiOtherGroups(t *testing.T, s *takSiege) {
	m := (&suite{server: s.server}).mission(t, s.victim, "Secret", "VICTIM", "A")
	content := []byte("a secret package")
	s.victim.upload(t, "secret.zip", "&tool=private", content).ok(t)
	hash, nowhere := sum(content), sum([]byte("nothing"))
	own := []string{"MissionAuthorization", "Bearer " + m.Token}
	s.victim.marti(t, "PUT", "/Marti/api/missions/Secret/contents?creatorUid=VICTIM", map[string][]string{"uids": {"VICTIM"}, "hashes": {hash}}, own...).ok(t)
	entry := dataOf[struct{ ID string }](t, s.victim.marti(t, "POST", "/Marti/api/missions/logs/entries",
		map[string]any{"content": "a secret entry", "creatorUid": "VICTIM", "missionNames": []string{"Secret"}, "dtg": time.Now().UTC().Format(cotTime)}, own...)).ID
	s.victim.marti(t, "PUT", "/Marti/api/missions/Secret/subscription?uid=VICTIM", nil).ok(t)
	video := "6d3b0d0c-2a0e-4a0f-8e4e-5a2f9f8e2f10"
	s.victim.marti(t, "POST", "/Marti/api/video?group=A", map[string]any{"videoConnections": []any{map[string]any{"uuid": video, "alias": "secret cam", "active": true,
		"feeds": []any{map[string]any{"alias": "secret cam", "url": "rtsp://cam.example/secret", "active": true}}}}}).ok(t)
	wait(t, patience, "the history", func() error {
		if a := s.victim.marti(t, "GET", "/Marti/api/cot/xml/VICTIM", nil); a.status != 200 {
			return fmt.Errorf("%d", a.status)
		}
		return nil
	})

	for _, c := range []struct{ method, there, nowhere, body string }{
		{"GET", "/Marti/api/missions/Secret", "/Marti/api/missions/Nothing", ""},
		{"GET", "/Marti/api/missions/guid/" + m.GUID, "/Marti/api/missions/guid/" + video, ""},
		{"GET", "/Marti/api/missions/Secret/changes", "/Marti/api/missions/Nothing/changes", ""},
		{"GET", "/Marti/api/missions/Secret/cot", "/Marti/api/missions/Nothing/cot", ""},
		{"GET", "/Marti/api/missions/Secret/kml", "/Marti/api/missions/Nothing/kml", ""},
		{"GET", "/Marti/api/missions/Secret/archive", "/Marti/api/missions/Nothing/archive", ""},
		{"GET", "/Marti/api/missions/Secret/log", "/Marti/api/missions/Nothing/log", ""},
		{"GET", "/Marti/api/missions/Secret/layers", "/Marti/api/missions/Nothing/layers", ""},
		{"GET", "/Marti/api/missions/Secret/contacts", "/Marti/api/missions/Nothing/contacts", ""},
		{"GET", "/Marti/api/missions/Secret/role", "/Marti/api/missions/Nothing/role", ""},
		{"GET", "/Marti/api/missions/Secret/token", "/Marti/api/missions/Nothing/token", ""},
		{"GET", "/Marti/api/missions/Secret/subscriptions", "/Marti/api/missions/Nothing/subscriptions", ""},
		{"GET", "/Marti/api/missions/Secret/subscriptions/roles", "/Marti/api/missions/Nothing/subscriptions/roles", ""},
		{"GET", "/Marti/api/missions/Secret/subscription?uid=VICTIM", "/Marti/api/missions/Nothing/subscription?uid=VICTIM", ""},
		{"GET", "/Marti/api/missions/Secret/invitations", "/Marti/api/missions/Nothing/invitations", ""},
		{"PUT", "/Marti/api/missions/Secret/subscription?uid=EVIL", "/Marti/api/missions/Nothing/subscription?uid=EVIL", ""},
		{"PUT", "/Marti/api/missions/Secret/contents?creatorUid=VICTIM", "/Marti/api/missions/Nothing/contents?creatorUid=VICTIM", `{"uids":["EVIL"]}`},
		{"PUT", "/Marti/api/missions/Secret/password?password=EVIL&creatorUid=VICTIM", "/Marti/api/missions/Nothing/password?password=EVIL&creatorUid=VICTIM", ""},
		{"PUT", "/Marti/api/missions/Secret/invite/clientUid/EVIL?creatorUid=VICTIM", "/Marti/api/missions/Nothing/invite/clientUid/EVIL?creatorUid=VICTIM", ""},
		{"PUT", "/Marti/api/missions/Secret/role?clientUid=EVIL&username=mallory&role=MISSION_OWNER", "/Marti/api/missions/Nothing/role?clientUid=EVIL&username=mallory&role=MISSION_OWNER", ""},
		{"DELETE", "/Marti/api/missions/Secret?creatorUid=VICTIM", "/Marti/api/missions/Nothing?creatorUid=VICTIM", ""},
		{"DELETE", "/Marti/api/missions?guid=" + m.GUID, "/Marti/api/missions?guid=" + video, ""},
		{"GET", "/Marti/api/missions/logs/entries/" + entry, "/Marti/api/missions/logs/entries/" + video, ""},
		{"DELETE", "/Marti/api/missions/logs/entries/" + entry, "/Marti/api/missions/logs/entries/" + video, ""},
		{"GET", "/Marti/sync/content?hash=" + hash, "/Marti/sync/content?hash=" + nowhere, ""},
		{"HEAD", "/Marti/sync/content?hash=" + hash, "/Marti/sync/content?hash=" + nowhere, ""},
		{"GET", "/Marti/sync/missionquery?hash=" + hash, "/Marti/sync/missionquery?hash=" + nowhere, ""},
		{"GET", "/Marti/sync/" + hash + "/metadata", "/Marti/sync/" + nowhere + "/metadata", ""},
		{"GET", "/Marti/api/files/" + hash, "/Marti/api/files/" + nowhere, ""},
		{"DELETE", "/Marti/api/files/" + hash, "/Marti/api/files/" + nowhere, ""},
		{"DELETE", "/Marti/sync/delete?hash=" + hash, "/Marti/sync/delete?hash=" + nowhere, ""},
		{"PUT", "/Marti/api/sync/metadata/" + hash + "/tool", "/Marti/api/sync/metadata/" + nowhere + "/tool", "public"},
		{"GET", "/Marti/api/cot/xml/VICTIM", "/Marti/api/cot/xml/NOTHING", ""},
		{"GET", "/Marti/api/cot/xml/VICTIM/all", "/Marti/api/cot/xml/NOTHING/all", ""},
		{"GET", "/Marti/ExportMissionKML?uid=VICTIM&startTime=2020-01-01T00:00:00Z&endTime=2040-01-01T00:00:00Z&format=kml", "/Marti/ExportMissionKML?uid=NOTHING&startTime=2020-01-01T00:00:00Z&endTime=2040-01-01T00:00:00Z&format=kml", ""},
		{"GET", "/Marti/api/video/" + video, "/Marti/api/video/" + entry, ""},
		{"DELETE", "/Marti/api/video/" + video, "/Marti/api/video/" + entry, ""},
		{"POST", "/Marti/api/subscriptions/incognito/VICTIM", "/Marti/api/subscriptions/incognito/NOTHING", ""},
		{"PUT", "/Marti/api/subscriptions/VICTIM/filter", "/Marti/api/subscriptions/NOTHING/filter", "<subscription><geospatialFilter/></subscription>"},
	} {
		a, b := s.mallory.marti(t, c.method, c.there, c.body), s.mallory.marti(t, c.method, c.nowhere, c.body)
		if a.status != b.status && !(strings.Contains(c.there, hash) && a.status == 403) {
			t.Errorf("%s %s is answered %d to a stranger, and %d where there is nothing: %.200s", c.method, c.there, a.status, b.status, a.body)
		}
		if strings.Contains(a.body, "VICTIM") && !strings.Contains(c.there, "VICTIM") || strings.Contains(strings.ToLower(a.body), "a secret") || strings.Contains(a.body, "52.516") {
			t.Errorf("%s %s tells a stranger %.300s", c.method, c.there, a.body)
		}
	}
	for _, path := range []string{"/Marti/api/missions?passwordProtected=true&defaultRole=true", "/Marti/api/pagedmissions", "/Marti/api/missions/all/subscriptions", "/Marti/api/missions/all/logs",
		"/Marti/api/missions/invitations?clientUid=VICTIM", "/Marti/api/missions/all/invitations?clientUid=VICTIM", "/Marti/sync/search", "/Marti/api/sync/search", "/Marti/api/files/metadata",
		"/Marti/api/contacts/all", "/Marti/api/clientEndPoints", "/Marti/api/cot/sa", "/Marti/api/cot?uid=VICTIM", "/Marti/api/cot/matchUid?search=VIC", "/Marti/api/uidsearch?startDate=2020-01-01&endDate=2040-01-01",
		"/Marti/LatestKML", "/Marti/api/video", "/Marti/vcm", "/Marti/api/groups/all", "/Marti/api/groups?groupNameFilter=", "/Marti/api/groups/members?groupNameFilter=A"} {
		a := s.mallory.marti(t, "GET", path, nil)
		for _, secret := range []string{"Secret", "secret", `"VICTIM"`, "VICTIM<", m.GUID, hash, video, `"name":"A"`} {
			if a.status >= 500 || strings.Contains(a.body, secret) {
				t.Errorf("GET %s: %d; it tells a stranger %q: %.300s", path, a.status, secret, a.body)
			}
		}
	}
	// What administrators do.
	for _, c := range []string{"GET /Marti/api/subscriptions/all", "DELETE /Marti/api/subscriptions/delete/VICTIM", "GET /Marti/api/certadmin/cert", "GET /Marti/api/tls/makeClientKeyStore?cn=victim",
		"GET /Marti/api/users/all", "GET /user-management/api/list-users", "POST /user-management/api/new-user", "GET /Marti/api/device/profile", "POST /Marti/api/device/profile/EVIL",
		"GET /Marti/api/injectors/cot/uid", "POST /Marti/api/injectors/cot/uid", "POST /Marti/api/repeater/period", "PUT /Marti/api/retention/policy", "GET /Marti/api/security/config",
		"GET /Marti/api/authentication/config", "PUT /Marti/api/groups/activeForce?username=victim", "GET /Marti/api/inputs", "PUT /update/product.inf", "POST /Marti/api/maplayers"} {
		method, path, _ := strings.Cut(c, " ")
		if a := s.mallory.marti(t, method, path, "{}"); a.status != 403 && a.status != 404 {
			t.Errorf("%s is answered %d to a member: %.200s", c, a.status, a.body)
		}
	}
	if a := s.mallory.marti(t, "PUT", "/Marti/api/groups/active?clientUid=VICTIM", []channel{{Name: "A", Direction: "OUT"}}); a.status < 400 {
		t.Errorf("somebody else's groups are switched: %d", a.status)
	}
	if a := s.victim.marti(t, "GET", "/Marti/api/missions/Secret", nil).ok(t); strings.Contains(a.body, "EVIL") {
		t.Errorf("the mission was changed: %s", a.body)
	}
	if a := s.victim.marti(t, "GET", "/Marti/sync/content?hash="+hash, nil).ok(t); a.body != string(content) {
		t.Errorf("the package is %q", a.body)
	}
}

// martiTokens are tokens that were made up, and pages of other sites.
func martiTokens(t *testing.T, s *takSiege) {
	b64 := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	var jwt struct {
		AccessToken string `json:"access_token"`
	}
	s.login(t, "", "POST", "/oauth/token", "grant_type=password&username=mallory&password="+passwordOf("mallory"), "Content-Type", "application/x-www-form-urlencoded").ok(t).json(t, &jwt)
	parts := strings.Split(jwt.AccessToken, ".")
	if len(parts) != 3 {
		t.Fatalf("an access token has %d parts", len(parts))
	}
	claims := fmt.Sprintf(`{"sub":"admin","user_name":"admin","exp":%d,"iat":%d}`, time.Now().Add(time.Hour).Unix(), time.Now().Unix())
	forged := map[string]string{
		"none": b64(`{"alg":"none","typ":"JWT"}`) + "." + b64(claims) + ".", "None": b64(`{"alg":"None"}`) + "." + b64(claims) + ".x",
		"HS256 by the public key": b64(`{"alg":"HS256"}`) + "." + b64(claims) + "." + parts[2], "other claims": parts[0] + "." + b64(claims) + "." + parts[2],
		"a key to be fetched": b64(`{"alg":"RS256","jku":"http://127.0.0.1:1/k","kid":"../../../../dev/null"}`) + "." + b64(claims) + "." + parts[2],
		"no signature":        parts[0] + "." + parts[1] + ".", "four parts": jwt.AccessToken + ".x", "dots": strings.Repeat(".", 100_000)[:30_000], "empty": "", "words": "EVIL",
	}
	for name, token := range forged {
		for _, head := range [][]string{{"Authorization", "Bearer " + token}, {"Cookie", "access_token=" + token}} {
			if a, err := s.tryLogin(t, "", "GET", "/Marti/api/util/user/roles", nil, head...); err == nil && a.status < 400 {
				t.Errorf("a forged token (%s) is answered %d: %s", name, a.status, a.body)
			}
		}
		if a := s.mallory.marti(t, "DELETE", "/Marti/api/missions/Secret", nil, "MissionAuthorization", "Bearer "+token); a.status < 400 {
			t.Errorf("a forged mission token (%s) is answered %d", name, a.status)
		}
	}
	// A token of one mission is none of another.
	mine := (&suite{server: s.server}).mission(t, s.mallory, "EVIL-token", "EVIL", "B")
	theirs := s.member(t, "neighbour", "B")
	(&suite{server: s.server}).mission(t, theirs, "Neighbour", "NEIGHBOUR", "B")
	if a := s.mallory.marti(t, "DELETE", "/Marti/api/missions/Neighbour", nil, "MissionAuthorization", "Bearer "+mine.Token); a.status != 403 {
		t.Errorf("an owner of one mission deletes another: %d", a.status)
	}
	// Pages of other sites, with the browser's certificate or cookie.
	content := []byte("a file of mallory's own")
	s.mallory.upload(t, "own.zip", "", content).ok(t)
	for _, head := range []string{"Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"} {
		for _, target := range []string{"GET /Marti/sync/delete?hash=" + sum(content), "POST /Marti/sync/upload?name=EVIL", "DELETE /Marti/api/missions/EVIL-token", "PUT /Marti/api/groups/active"} {
			method, path, _ := strings.Cut(target, " ")
			if a := s.raw(t, "marti", method, path, head, "[]"); a.status != 403 {
				t.Errorf("%s from another site is answered %d", target, a.status)
			}
		}
	}
	upgrade := "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://evil.example\r\n"
	if a := s.raw(t, "marti", "GET", "/takproto/1", upgrade, ""); a.status != 403 {
		t.Errorf("a WebSocket of another site is answered %d", a.status)
	}
}

// martiEnrolment guesses passwords and asks for certificates that nobody may have.
func martiEnrolment(t *testing.T, s *takSiege) {
	config := s.trust(t, nil)
	from := func(ip string) *http.Client {
		tr := transportOf(config)
		tr.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext
		return &http.Client{Transport: tr, Timeout: patience}
	}
	try := func(c *http.Client, user, password string, body any) (told, error) {
		return ask(c, "POST", fmt.Sprintf("https://127.0.0.1:%d/Marti/api/tls/signClient/v2?clientUid=EVIL&version=1", s.ports["marti-enrol"]), body, "Authorization", basic(user, password))
	}
	sign := func(c *http.Client, user, password string, body any) told {
		a, err := try(c, user, password, body)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// Extensions of a request are not taken over.
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: subjectOf("mallory"), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, EmailAddresses: []string{"admin@example.net"},
		ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}, {Id: []int{2, 5, 29, 15}, Value: []byte{3, 2, 1, 6}}, {Id: []int{2, 5, 29, 37}, Value: []byte{0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0}}},
	}, p256(t))
	if err != nil {
		t.Fatal(err)
	}
	key := p256(t)
	a := sign(from("127.0.0.9"), "mallory", passwordOf("mallory"), base64.StdEncoding.EncodeToString(der))
	if a.status == 200 {
		leaf, err := x509.ParseCertificate(signedFor(t, key, a).Certificate[0])
		if err != nil || leaf.IsCA || len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses) > 0 || leaf.KeyUsage&x509.KeyUsageCertSign != 0 || len(leaf.UnknownExtKeyUsage) > 1 {
			t.Errorf("what a request wishes for is granted: %+v", leaf)
		}
	} else if a.status != 400 {
		t.Errorf("a request with extensions is answered %d: %s", a.status, a.body)
	}
	for name, body := range map[string]string{"20 KiB": strings.Repeat("A", 20<<10), "4 MiB": strings.Repeat("A", 4<<20), "noise": string(noise(dice(), 9000)), "XML": "<!DOCTYPE x>"} {
		a, err := try(from("127.0.0.9"), "mallory", passwordOf("mallory"), body)
		cut := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) // the server does not read on
		if !(cut && len(body) > 1<<20) && (err != nil || a.status < 400 || a.status >= 500) {
			t.Errorf("%s for a request: %d, %v", name, a.status, err)
		}
	}
	// Guessing ends; who has the password, elsewhere, is not concerned.
	csr := csrText(t, key, "victim")
	attack := from("127.0.0.10")
	tries := 0
	for sign(attack, "victim", guess, csr).status != 429 {
		if tries++; tries > 60 {
			t.Fatalf("%d guesses and no end", tries)
		}
	}
	if a := sign(attack, "victim", passwordOf("victim"), csr); a.status != 429 {
		t.Errorf("the right password is answered %d to who is limited", a.status)
	}
	if a := sign(from("127.0.0.11"), "victim", passwordOf("victim"), csr); a.status != 200 {
		t.Errorf("the owner of the account is answered %d: %s", a.status, a.body)
	}
	// The stream shares the count.
	c := s.dial(t, "cot", "127.0.0.10")
	if c != nil {
		io.WriteString(c, login("victim", passwordOf("victim"))+event("EVIL-limited", "a-h-G", ""))
		if n, _ := c.Read(make([]byte, 100)); n > 0 {
			t.Error("the stream lets in who is limited")
		}
		c.Close()
	}
	for name, token := range map[string]string{"short": "x", "long": strings.Repeat("x", 10_000), "path": "..%2f..%2fx", "quote": "'%20OR%201=1"} {
		if a := s.raw(t, "marti-enrol", "GET", "/enroll/"+token, "", ""); a.status < 400 && a.status != 301 || a.status >= 500 {
			t.Errorf("an enrolment page for a token (%s): %d", name, a.status)
		}
	}
}
