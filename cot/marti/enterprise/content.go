package enterprise

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/internal/auth"
)

// missionQuery says where a mission package is, or 404, which makes the client
// upload it. That is also the answer when it was shared with fewer groups than the
// caller writes to: those it is about to be sent to could not fetch it.
func (a *API) missionQuery(w http.ResponseWriter, r *http.Request) {
	id, hash := caller(r), reply.Fold(r).Get("hash")
	if hash == "" {
		bad(w, "hash")
		return
	}
	found, _, err := a.Files.Search(r.Context(), id, files.Query{Hash: hash})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	for _, f := range found {
		if f.Submitter == id.User || !slices.ContainsFunc(id.WriteGroups(), func(g string) bool { return !slices.Contains(f.Groups, g) }) {
			reply.Text(w, http.StatusOK, contentURL(r, f.Hash))
			return
		}
	}
	a.fail(w, r, files.ErrNotFound)
}

// content sends a file, or a part of it by Range or by offset and length.
func (a *API) content(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	var f files.File
	var err error
	switch {
	case q.Get("hash") != "":
		f, err = a.lookup(r, q.Get("hash"))
	case q.Get("uid") != "":
		f, err = a.Files.LookupUID(r.Context(), caller(r), q.Get("uid"))
	default:
		bad(w, "hash")
		return
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	offset, ok1 := count(q, "offset", 0)
	length, ok2 := count(q, "length", f.Size)
	if !ok1 || !ok2 {
		bad(w, "offset")
		return
	}
	a.send(w, r, f, offset, length)
}

// lookup finds a file that the caller may read, by its groups or because it is
// content of a mission that the caller may read in.
func (a *API) lookup(r *http.Request, hash string) (files.File, error) {
	f, err := a.Files.Lookup(r.Context(), caller(r), hash)
	if !errors.Is(err, auth.ErrDenied) || a.Missions == nil {
		return f, err
	}
	held, e := a.Missions.Holds(r.Context(), mission.Caller{Identity: caller(r), Token: reply.MissionToken(r), Own: true}, strings.ToLower(hash))
	if e != nil || !held {
		return f, err
	}
	return a.Files.Describe(r.Context(), hash)
}

// count reads a number of bytes.
func count(q url.Values, name string, absent int64) (int64, bool) {
	s := q.Get(name)
	if s == "" {
		return absent, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}

// file is content for the file manager.
func (a *API) file(w http.ResponseWriter, r *http.Request) {
	f, err := a.lookup(r, r.PathValue("hash"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.send(w, r, f, 0, f.Size)
}

// send writes length bytes of f from offset on.
func (a *API) send(w http.ResponseWriter, r *http.Request, f files.File, offset, length int64) {
	c, size, err := a.Files.Open(f.Hash)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer c.Close()
	offset = min(offset, size)
	length = min(length, size-offset)
	attach(w, f.Filename, f.MIME)
	tag := f.Hash
	if length != size {
		tag += "-" + strconv.FormatInt(offset, 10) + "-" + strconv.FormatInt(length, 10)
	}
	w.Header().Set("Etag", `"`+tag+`"`)
	http.ServeContent(w, r, "", f.Submitted, io.NewSectionReader(c, offset, length))
}

// attach sets the headers of a file that somebody uploaded: a browser saves it
// and never runs or shows it.
func attach(w http.ResponseWriter, name, mime string) {
	h := w.Header()
	h.Set("Content-Type", mime)
	h.Set("Content-Disposition", disposition(name))
	h.Set("Cache-Control", "private, no-cache")
	harmless(h)
}

func harmless(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// disposition writes a Content-Disposition (RFC 6266): the name in ASCII, which
// TAK clients read, and where that loses something, in UTF-8 as well.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	s := `attachment; filename="` + ascii + `"`
	if ascii != name {
		s += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return s
}

// sendBytes answers with a small file that was made here.
func sendBytes(w http.ResponseWriter, r *http.Request, name, mime string, modified time.Time, b []byte) {
	attach(w, name, mime)
	if !modified.IsZero() {
		w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
	http.ServeContent(w, r, "", modified, strings.NewReader(string(b)))
}
