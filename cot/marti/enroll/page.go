package enroll

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

const pageStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:1rem;background:#10151b;color:#e8edf2}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}svg{background:#fff;width:100%;max-width:18rem;display:block;margin:1rem 0}
a.go{display:inline-block;padding:.7rem 1.2rem;border-radius:.4rem;background:#2f7fd6;color:#fff;text-decoration:none;font-weight:600}
code{word-break:break-all}p.by{color:#9fb0c0}`

const pageText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">
<title>{{.Title}}</title><style>` + pageStyle + `</style></head><body>
<h1>{{.Title}}</h1>
{{if .User}}<p>For <b>{{.User}}</b>{{if .Server}} on {{.Server}}{{end}}. Valid until {{.Until}}, for one device. Do not pass this page on.</p>
<h2>ATAK 5.1 or newer</h2>
<p><a class="go" href="{{.ATAK}}">Open in ATAK</a></p>
<p>Or scan with the phone that has ATAK:</p>
{{template "qr" .ATAKCode}}
<h2>iTAK</h2>
<p>In iTAK: Settings, Network, Servers, Add, Scan QR. Then log in as <b>{{.User}}</b> with the password below.</p>
{{template "qr" .ITAKCode}}
<p>Password for this one time: <code>{{.Token}}</code></p>
<h2>WinTAK, older ATAK</h2>
<p><a class="go" href="{{.Package}}">Download the connection package</a></p>
<p>Import it; when asked, log in as <b>{{.User}}</b> with the password above.</p>
{{else}}<p>This link was used already, has expired, or was taken back. Ask for a new one.</p>{{end}}
</body></html>
{{define "qr"}}{{if .Path}}<svg xmlns="http://www.w3.org/2000/svg" viewBox="{{.Box}}" shape-rendering="crispEdges" role="img" aria-label="QR code"><path d="{{.Path}}"/></svg>{{end}}{{end}}`

// page is the enrolment page. It has no script, and its one style is named by
// hash.
type page struct {
	t   *template.Template
	csp string
}

func newPage() *page {
	sum := sha256.Sum256([]byte(pageStyle))
	return &page{
		t: template.Must(template.New("enroll").Parse(pageText)),
		csp: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

// view is what the page shows.
type view struct {
	Title, User, Server, Until, Token string
	ATAK                              template.URL // made by Links: html/template does not know the scheme tak
	Package                           string
	ATAKCode, ITAKCode                code
}

// code is a QR code as an SVG path.
type code struct{ Box, Path string }

// quietZone is the margin of a QR code, in modules (ISO/IEC 18004 §9.1).
const quietZone = 4

// qrCode draws text; the zero code if it is too long for one.
func qrCode(text string) code {
	c, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return code{}
	}
	size := c.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			run := 0
			for x+run < size && dark(c.At(x+run, y).RGBA()) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	return code{Box: fmt.Sprintf("-%d -%d %d %d", quietZone, quietZone, size+2*quietZone, size+2*quietZone), Path: path.String()}
}

func dark(r, _, _, _ uint32) bool { return r < 0x8000 }

// Links are the ways to hand an enrolment to a device.
type Links struct {
	ATAK string // tak://, for ATAK 5.1 and newer; it holds the token
	ITAK string // text of a QR code, without a secret
	Page string // https page with both; it holds the token
}

// Links makes the links for an enrolment of user. host is what the device can
// reach this server by; empty: what is configured or known.
func (a *API) Links(host, user, token string) Links {
	if host == "" {
		host = a.host()
	}
	q := url.Values{"host": {host}, "username": {user}, "token": {token}}
	return Links{
		ATAK: "tak://com.atakmap.app/enroll?" + strings.ReplaceAll(q.Encode(), "+", "%20"),
		ITAK: fmt.Sprintf("%s,%s,%d,SSL", a.cfg.Name, host, a.port(8089, doorStream...)),
		Page: (&url.URL{Scheme: "https", Host: hostPort(host, a.port(8446, "marti-enrol")), Path: "/enroll/" + token}).String(),
	}
}

func (a *API) host() string {
	if a.cfg.Host != "" {
		return a.cfg.Host
	}
	if h := a.Hosts(); len(h) > 0 {
		return h[0]
	}
	return "localhost"
}

func hostPort(host string, port uint16) string {
	return net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(port))
}

// The names of the doors of the streaming server.
var (
	doorStream = []string{"cots", "cot-tls"}
	doorPlain  = []string{"cot", "cot-tcp"}
)

// port returns the port that one of the doors is open at, or the usual one.
func (a *API) port(usual uint16, doors ...string) uint16 {
	for _, door := range doors {
		if ap, err := netip.ParseAddrPort(a.Addr(door)); err == nil && ap.Port() != 0 {
			return ap.Port()
		}
	}
	return usual
}

// enrolmentPage shows whoever has the link how to enrol. Looking uses nothing up.
func (a *API) enrolmentPage(w http.ResponseWriter, r *http.Request) {
	id, ok := a.linkHolder(w, r)
	if !ok {
		return
	}
	token := r.PathValue("token")
	l := a.Links(hostOf(r), id.User, token)
	a.render(w, http.StatusOK, view{
		Title: "Enrol a device", User: id.User, Server: a.cfg.Name, Until: id.Expires().UTC().Format("2006-01-02 15:04 MST"), Token: token,
		ATAK: template.URL(l.ATAK), Package: "/enroll/" + url.PathEscape(token) + "/package.zip",
		ATAKCode: qrCode(l.ATAK), ITAKCode: qrCode(l.ITAK),
	})
}

// linkHolder checks the token in the address of r.
func (a *API) linkHolder(w http.ResponseWriter, r *http.Request) (auth.Identity, bool) {
	id, err := a.Auth.Authenticate(r.Context(), auth.Proof{Token: r.PathValue("token"), Enrol: true, Remote: remote(r), Protocol: "enrolment link"})
	if err == nil {
		err = auth.Allow(id, auth.Enrol, auth.Server())
	}
	if err == nil && id.Scope == nil { // a token for everything does not belong into an address
		err = auth.ErrBadCredentials
	}
	if err == nil {
		return id, true
	}
	var limited *auth.LimitedError
	status := http.StatusNotFound
	switch {
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", fmt.Sprint(max(1, int(limited.RetryAfter.Seconds()))))
		status = http.StatusTooManyRequests
	case errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrNoCredentials):
	default:
		a.log.Error("an enrolment link could not be checked", "error", err)
		status = http.StatusServiceUnavailable
	}
	a.render(w, status, view{Title: "This link is not valid"})
	return auth.Identity{}, false
}

func (a *API) render(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := a.page.t.Execute(&b, v); err != nil {
		a.fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", a.page.csp)
	h.Set("Referrer-Policy", "no-referrer") // the address holds the token
	h.Set("Cache-Control", "no-store")
	reply.Bytes(w, status, "text/html; charset=utf-8", b.Bytes())
}

// hostOf returns the name by which the client reached us, if it is one: that is
// what its apps can reach, too.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	for _, c := range host {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return ""
		}
	}
	return host
}

// enrolmentPackage makes a client that imports it enrol here.
func (a *API) enrolmentPackage(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.linkHolder(w, r); !ok {
		return
	}
	zip, err := a.enrolOnly(hostOf(r))
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="enrolment-%s.zip"`, time.Now().UTC().Format("20060102")))
	w.Header().Set("Referrer-Policy", "no-referrer")
	reply.Bytes(w, http.StatusOK, "application/zip", zip)
}
