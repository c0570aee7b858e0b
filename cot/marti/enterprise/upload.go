package enterprise

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"muster/cot/files"
	"muster/cot/marti/reply"
)

// errUpload is wrapped by what is wrong with a body.
var errUpload = errors.New("the upload cannot be read")

const (
	around   = 1 << 20 // bytes a multipart body may have besides its file
	maxParts = 32      // parts that are looked at
)

// body is the file in a request.
type body struct {
	io.Reader
	filename, mime string // as the part has them
}

// receive finds the file in the body of r, raw or in a multipart form, without
// reading it. The body is cut off beyond the size of the largest file.
func (a *API) receive(w http.ResponseWriter, r *http.Request) (body, error) {
	limit := a.Files.MaxSize() + around
	if r.ContentLength > limit {
		return body{}, files.ErrTooLarge
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if t := r.Header.Get("Content-Type"); !strings.HasPrefix(strings.ToLower(t), "multipart/") {
		return body{Reader: uploading{r.Body}, mime: t}, nil
	}
	form, err := r.MultipartReader()
	if err != nil {
		return body{}, fmt.Errorf("%w: %w", errUpload, err)
	}
	for range maxParts {
		p, err := form.NextPart()
		if err != nil {
			return body{}, fmt.Errorf("%w: %w", errUpload, err)
		}
		if isFile(p) {
			return body{Reader: uploading{p}, filename: p.FileName(), mime: p.Header.Get("Content-Type")}, nil
		}
	}
	return body{}, errUpload
}

// isFile knows the names that ATAK and browsers give to the part with the file.
func isFile(p *multipart.Part) bool {
	switch p.FormName() {
	case "assetfile", "resource", "file":
		return true
	}
	return p.FileName() != ""
}

// uploading tells errors of the client from those of the disk.
type uploading struct{ r io.Reader }

func (u uploading) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errUpload, err)
	}
	return n, err
}

// missionUpload takes a mission package. The hash that the client says is not
// looked at: it is stored under the one it has.
func (a *API) missionUpload(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	m, ok := meta(w, q)
	if !ok {
		return
	}
	b, err := a.receive(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if m.Filename = q.Get("filename"); m.Filename == "" {
		m.Filename = b.filename
	}
	m.Name = m.Filename
	m.Keywords = append(m.Keywords, files.KeywordPackage)
	if m.MIME == "" {
		m.MIME = "application/x-zip-compressed"
	}
	f, err := a.Files.Put(r.Context(), caller(r), m, b)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.Text(w, http.StatusOK, contentURL(r, f.Hash))
}

// upload takes any file.
func (a *API) upload(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	m, ok := meta(w, q)
	if !ok {
		return
	}
	b, err := a.receive(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	m.Name = first(q, "name", "filename")
	if m.Filename = first(q, "filename", "downloadpath"); m.Filename == "" {
		m.Filename = b.filename
	}
	if m.MIME == "" {
		m.MIME = b.mime
	}
	f, err := a.Files.Put(r.Context(), caller(r), m, b)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.TextJSON(w, http.StatusOK, newMetadata(f))
}

// meta reads what the parameters say of a file. When it is not ok the request has
// been answered.
func meta(w http.ResponseWriter, q url.Values) (files.Meta, bool) {
	m := files.Meta{
		UID: q.Get("uid"), MIME: q.Get("mimetype"), Tool: q.Get("tool"), CreatorUID: q.Get("creatoruid"),
		Keywords: append(append([]string{}, q["keyword"]...), q["keywords"]...), Groups: names(q["groups"]),
		Remarks: q.Get("remarks"), Contributor: q.Get("contributor"),
	}
	if s := q.Get("expiration"); s != "" {
		var ok bool
		if m.Expires, ok = expiry(s); !ok {
			bad(w, "expiration")
			return m, false
		}
	}
	if q.Get("latitude") != "" && q.Get("longitude") != "" {
		m.Place = &files.Place{}
		for name, to := range map[string]*float64{"latitude": &m.Place.Lat, "longitude": &m.Place.Lon, "altitude": &m.Place.Alt} {
			if q.Get(name) == "" {
				continue
			}
			v, err := strconv.ParseFloat(q.Get(name), 64)
			if err != nil {
				bad(w, name)
				return m, false
			}
			*to = v
		}
	}
	return m, true
}

// names splits lists of names, which may be repeated or joined by commas; nil
// where there is none.
func names(all []string) []string {
	var out []string
	for _, s := range all {
		for n := range strings.SplitSeq(s, ",") {
			if n = strings.TrimSpace(n); n != "" {
				out = append(out, n)
			}
		}
	}
	return out
}

func first(q url.Values, names ...string) string {
	for _, n := range names {
		if v := q.Get(n); v != "" {
			return v
		}
	}
	return ""
}

func contentURL(r *http.Request, hash string) string {
	return reply.Origin(r) + "/Marti/sync/content?hash=" + hash
}
