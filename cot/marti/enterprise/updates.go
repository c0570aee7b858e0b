package enterprise

import (
	"net/http"
	"strconv"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
)

// updateFile serves the update server: what ATAK's preference atakUpdateServerUrl
// points at. ATAK asks in a folder of its version first.
func (a *API) updateFile(w http.ResponseWriter, r *http.Request) {
	id, version, name := caller(r), r.PathValue("version"), r.PathValue("file")
	var b []byte
	var err error
	switch name {
	case "product.inf":
		b, err = a.Files.Updates.Index(r.Context(), id, version)
	case "product.infz":
		b, err = a.Files.Updates.Infz(r.Context(), id, version)
	case "repositories.inf":
		b = a.Files.Updates.Repositories()
	default:
		u, err := a.Files.Updates.Find(r.Context(), id, name)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		mime := "application/octet-stream"
		if u.Platform == "Android" && u.Type != "" {
			mime = "application/vnd.android.package-archive"
		}
		a.send(w, r, files.File{Hash: u.Hash, Size: u.Size, Submitted: u.Uploaded, Meta: files.Meta{Filename: u.File, MIME: mime}}, 0, u.Size)
		return
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	mime := "text/plain"
	if name == "product.infz" {
		mime = "application/zip"
	}
	sendBytes(w, r, name, mime, time.Time{}, b)
}

// putUpdate takes a file of the update server; what the list says of it is in the
// parameters. Without type it is an icon.
func (a *API) putUpdate(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	u := files.Update{
		File: r.PathValue("file"), Platform: q.Get("platform"), Type: q.Get("type"), Package: q.Get("package"), Name: q.Get("name"),
		Version: q.Get("version"), Icon: q.Get("icon"), Description: q.Get("description"), OS: q.Get("os"), TAK: q.Get("tak"),
	}
	if s := q.Get("revision"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			bad(w, "revision")
			return
		}
		u.Revision = n
	}
	b, err := a.receive(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	u, err = a.Files.Updates.Put(r.Context(), caller(r), u, b)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, u)
}

func (a *API) deleteUpdate(w http.ResponseWriter, r *http.Request) {
	a.done(w, r, a.Files.Updates.Delete(r.Context(), caller(r), r.PathValue("file")))
}
