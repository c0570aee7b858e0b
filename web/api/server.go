package api

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/internal/auth"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/web/problem"
)

// Backup writes all data as one archive.
type Backup interface {
	Backup(ctx context.Context, w io.Writer) error
}

// Authority is the part of pki.Authority that is needed here.
type Authority interface {
	IssueClient(user, device string, o pki.IssueOptions) (*pki.Issued, error)
	TrustStoreP12(password string) ([]byte, error)
	Revoke(serial string) error
	CACertPEM() []byte
	CRL() []byte
}

type serverOut struct {
	Body struct {
		Name          string     `json:"name"`
		Version       string     `json:"version"`
		HostNames     []string   `json:"hostNames" doc:"Names and addresses of this server, the best first."`
		Doors         []run.Door `json:"doors" doc:"Where it listens, and what to do where it cannot."`
		CAFingerprint string     `json:"caFingerprint" doc:"SHA-256 of the certificate authority's certificate."`
	}
}

type healthOut struct {
	Body struct {
		Parts []Health `json:"parts"`
	}
}

type fileOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// binary says in the description what a raw answer is.
func binary(o huma.Operation, contentType string) huma.Operation {
	o.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	return o
}

func (a *API) server() {
	register(a, user, op("getServer", http.MethodGet, "/server", "This server: names, doors, version"), a.getServer)
	register(a, user, op("getHealth", http.MethodGet, "/health", "The state of each part of the server"),
		func(ctx context.Context, _ auth.Identity, _ *none) (*healthOut, error) {
			if a.Health == nil {
				return nil, errStopped
			}
			out := &healthOut{}
			out.Body.Parts = append([]Health{}, a.Health(ctx)...)
			return out, nil
		})
	register(a, public, binary(op("getCA", http.MethodGet, "/ca.pem", "The certificate of the server's certificate authority"), "application/x-pem-file"),
		func(context.Context, auth.Identity, *none) (*fileOut, error) {
			if a.Authority == nil {
				return nil, errStopped
			}
			return &fileOut{"application/x-pem-file", `attachment; filename="muster-ca.pem"`, a.Authority.CACertPEM()}, nil
		})
	register(a, public, binary(op("getCRL", http.MethodGet, "/ca.crl", "The list of revoked certificates (RFC 5280 §5)"), "application/pkix-crl"),
		func(context.Context, auth.Identity, *none) (*fileOut, error) {
			if a.Authority == nil {
				return nil, errStopped
			}
			return &fileOut{"application/pkix-crl", `attachment; filename="muster-ca.crl"`, a.Authority.CRL()}, nil
		})
	register(a, admin, binary(op("getBackup", http.MethodGet, "/backup", "All data as one archive. It holds private keys: keep it as you keep the server"), "application/gzip"), a.backup)
}

func (a *API) getServer(_ context.Context, id auth.Identity, _ *none) (*serverOut, error) {
	out := &serverOut{}
	b := &out.Body
	b.Name, b.Version, b.HostNames, b.Doors = a.Name, a.Version, []string{}, []run.Door{}
	if a.HostNames != nil {
		b.HostNames = append(b.HostNames, a.HostNames()...)
	}
	if a.Doors != nil {
		b.Doors = a.Doors.List()
	}
	if auth.Allow(id, auth.Operate, auth.Server()) != nil {
		for i := range b.Doors { // how to repair the machine is not for everybody
			b.Doors[i].Fix = ""
		}
	}
	if a.Authority != nil {
		b.CAFingerprint = fingerprint(a.Authority.CACertPEM())
	}
	return out, nil
}

// fingerprint returns the SHA-256 of the first certificate in text, or "".
func fingerprint(text []byte) string {
	block, _ := pem.Decode(text)
	if block == nil {
		return ""
	}
	return sum(block.Bytes)
}

// begun notes whether anything was written.
type begun struct {
	io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.Writer.Write(p)
}

type backupOut struct {
	Body func(ctx huma.Context)
}

func (a *API) backup(ctx context.Context, id auth.Identity, _ *none) (*backupOut, error) {
	if a.Backup == nil {
		return nil, errStopped
	}
	return &backupOut{func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "application/gzip")
		w.Header().Set("Content-Disposition", `attachment; filename="muster-`+time.Now().UTC().Format("20060102-150405")+`.tar.gz"`)
		a.Log.Info("backup", "user", id.User)
		out := &begun{Writer: w}
		if err := a.Backup.Backup(ctx, out); err != nil {
			a.Log.Error("backup", "user", id.User, "error", err)
			if !out.yes {
				w.Header().Del("Content-Disposition")
				problem.Write(w, http.StatusInternalServerError, "The backup could not be made. The log of the server says why.")
				return
			}
			// Breaking the answer off is the only way left to say that it is
			// not whole.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}
