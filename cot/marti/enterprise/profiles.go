package enterprise

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/pack"
)

// maxBuffered is the size up to which a package is made before it is sent, so
// that its length is known to the client.
const maxBuffered = 16 << 20

func (a *API) enrollment(w http.ResponseWriter, r *http.Request) {
	a.apply(w, r, files.Occasion{Enrollment: true})
}

func (a *API) connection(w http.ResponseWriter, r *http.Request) {
	since, ok := since(r)
	if !ok {
		bad(w, "syncSecago")
		return
	}
	a.apply(w, r, files.Occasion{Connection: true, Since: since})
}

// since reads syncSecago: only what changed in the last so many seconds; -1, or
// nothing, all.
func since(r *http.Request) (time.Time, bool) {
	s := r.URL.Query().Get("syncSecago")
	if s == "" {
		return time.Time{}, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	const century = 100 * 365 * 24 * 3600
	if n < 0 || n > century {
		return time.Time{}, true
	}
	return time.Now().Add(-time.Duration(n) * time.Second), true
}

// apply sends the profiles of an occasion as one package. Where there are none
// the answer is 204: clients take 404 for a fault.
func (a *API) apply(w http.ResponseWriter, r *http.Request, o files.Occasion) {
	b, modified, err := a.Files.Profiles.Package(r.Context(), caller(r), o)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if b == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	a.sendPackage(w, r, b, "profile.zip", modified)
}

// sendPackage writes a package while it is made, unless it is small.
func (a *API) sendPackage(w http.ResponseWriter, r *http.Request, b *pack.Builder, name string, modified time.Time) {
	attach(w, name, "application/zip")
	w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	out := &spill{w: w}
	if err := b.Write(out); err != nil {
		if !out.spilled {
			for _, h := range []string{"Content-Disposition", "Last-Modified"} {
				w.Header().Del(h)
			}
			a.fail(w, r, err)
			return
		}
		if r.Context().Err() == nil && !errors.Is(err, errGone) {
			a.Log.Error("send a profile", "user", caller(r).User, "error", err)
		}
		panic(http.ErrAbortHandler) // so that the client sees that it is not whole
	}
	out.close()
}

// errGone says that the client does not read any more.
var errGone = errors.New("the client has gone")

// spill keeps what is written until it is too much to keep.
type spill struct {
	w       http.ResponseWriter
	kept    []byte
	spilled bool
}

func (s *spill) Write(p []byte) (int, error) {
	if !s.spilled && len(s.kept)+len(p) <= maxBuffered {
		s.kept = append(s.kept, p...)
		return len(p), nil
	}
	if !s.spilled {
		s.spilled = true
		if _, err := s.w.Write(s.kept); err != nil {
			return 0, errGone
		}
		s.kept = nil
	}
	if _, err := s.w.Write(p); err != nil {
		return 0, errGone
	}
	return len(p), nil
}

func (s *spill) close() {
	if s.spilled {
		return
	}
	s.w.Header().Set("Content-Length", strconv.Itoa(len(s.kept)))
	s.w.WriteHeader(http.StatusOK)
	_, _ = s.w.Write(s.kept) // an error means that the client has gone
}

// toolFiles sends files of a tool's profiles: one as it is, several zipped.
func (a *API) toolFiles(w http.ResponseWriter, r *http.Request) {
	a.tool(w, r, r.PathValue("tool"))
}

func (a *API) tool(w http.ResponseWriter, r *http.Request, tool string) {
	names := r.URL.Query()["relativePath"]
	for i := range names {
		names[i] = strings.TrimPrefix(path.Clean("/"+names[i]), "/")
	}
	found, err := a.Files.Profiles.ToolFiles(r.Context(), caller(r), tool, names)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var newest time.Time
	for _, f := range found {
		if f.Updated.After(newest) {
			newest = f.Updated
		}
	}
	newest = newest.Truncate(time.Second)
	if t, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && len(found) > 0 && !newest.After(t) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	switch len(found) {
	case 0:
		w.WriteHeader(http.StatusNoContent)
	case 1:
		a.sendProfileFile(w, r, found[0])
	default:
		b := &pack.Builder{Plain: true}
		for _, f := range found {
			b.AddFile(f.Name, func() (io.ReadCloser, error) {
				c, _, err := a.Files.Open(f.Hash)
				return c, err
			})
		}
		a.sendPackage(w, r, b, tool+".zip", newest)
	}
}

func (a *API) sendProfileFile(w http.ResponseWriter, r *http.Request, f files.ProfileFile) {
	a.send(w, r, files.File{Hash: f.Hash, Size: f.Size, Submitted: f.Updated,
		Meta: files.Meta{Filename: path.Base(f.Name), MIME: "application/octet-stream"}}, 0, f.Size)
}

// profilePart tells the routes of three parts from each other.
func (a *API) profilePart(w http.ResponseWriter, r *http.Request) {
	name, what := r.PathValue("name"), r.PathValue("what")
	if name == "tool" {
		since, ok := since(r)
		if !ok {
			bad(w, "syncSecago")
			return
		}
		a.apply(w, r, files.Occasion{Tool: what, Since: since})
		return
	}
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), name)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	switch what {
	case "files":
		a.Node.Envelope(w, "ProfileFile", p.Files)
	case "directories":
		a.Node.Envelope(w, "ProfileDirectory", []string{}) // nothing of the server's disk is shared
	case "missionpackage":
		b, p, err := a.Files.Profiles.Bundle(r.Context(), caller(r), p.ID)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.sendPackage(w, r, b, p.Name+".zip", p.Updated)
	default:
		reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
	}
}

// profileFile tells the routes of four parts from each other.
func (a *API) profileFile(w http.ResponseWriter, r *http.Request) {
	name, what, x := r.PathValue("name"), r.PathValue("what"), r.PathValue("x")
	switch {
	case name == "tool" && x == "file":
		a.tool(w, r, what)
	case what == "file":
		if f, ok := a.findProfileFile(w, r, name, x); ok {
			a.sendProfileFile(w, r, f)
		}
	default:
		reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
	}
}
