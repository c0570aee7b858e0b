package enterprise

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"muster/cot/files"
	"muster/cot/marti/reply"
)

const maxSmall = 64 << 10 // bytes of a body that says something of a file

// delete removes files by hash, uid or record.
func (a *API) delete(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	var err error
	switch {
	case q.Get("primarykey") != "":
		id, bad1 := strconv.ParseInt(q.Get("primarykey"), 10, 64)
		if bad1 != nil {
			bad(w, "PrimaryKey")
			return
		}
		err = a.Files.DeleteID(r.Context(), caller(r), id)
	case q.Get("hash") != "":
		err = a.Files.Delete(r.Context(), caller(r), q.Get("hash"))
	default:
		bad(w, "hash")
		return
	}
	a.done(w, r, err)
}

// done answers for a change.
func (a *API) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (a *API) deleteFile(w http.ResponseWriter, r *http.Request) {
	a.done(w, r, a.Files.Delete(r.Context(), caller(r), r.PathValue("hash")))
}

func (a *API) metadata(w http.ResponseWriter, r *http.Request) {
	f, err := a.Files.Lookup(r.Context(), caller(r), r.PathValue("hash"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, newMetadata(f))
}

// setMetadata changes one thing that is said of a file.
func (a *API) setMetadata(w http.ResponseWriter, r *http.Request) {
	hash, what := r.PathValue("hash"), r.PathValue("what")
	if what == "expiration" {
		t, ok := expiry(r.URL.Query().Get("expiration"))
		if !ok {
			bad(w, "expiration")
			return
		}
		a.done(w, r, a.Files.SetExpiration(r.Context(), caller(r), hash, t))
		return
	}
	b, err := reply.Body(w, r, maxSmall)
	if err != nil {
		return
	}
	text := strings.Trim(strings.TrimSpace(string(b)), `"`)
	switch what {
	case "tool":
		err = a.Files.SetTool(r.Context(), caller(r), hash, text)
	case "name":
		err = a.Files.SetName(r.Context(), caller(r), hash, text)
	case "keywords":
		var words []string
		if json.Unmarshal(b, &words) != nil {
			bad(w, "keywords")
			return
		}
		err = a.Files.SetKeywords(r.Context(), caller(r), hash, words)
	default:
		bad(w, "metadata")
		return
	}
	a.done(w, r, err)
}

func (a *API) sequence(w http.ResponseWriter, r *http.Request) {
	n, err := a.Files.Sequence(r.Context(), caller(r), r.PathValue("key"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.Text(w, http.StatusOK, strconv.FormatInt(n, 10))
}

func (a *API) resources(w http.ResponseWriter, r *http.Request) {
	found, _, err := a.Files.Search(r.Context(), caller(r), files.Query{Hash: r.PathValue("hash")})
	if err == nil && len(found) == 0 {
		err = files.ErrNotFound
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, convert(found, newResource))
}

// fileQuery reads the parameters of the file manager. Pages are counted from 0;
// without page or limit everything is meant.
func (a *API) fileQuery(w http.ResponseWriter, r *http.Request) (files.Query, bool) {
	v := r.URL.Query()
	q := files.Query{
		Text: v.Get("name"), Packages: v.Get("missionPackage") == "true",
		Sort: v.Get("sort"), Ascending: v.Get("ascending") != "false",
	}
	if v.Get("sort") == "" && v.Get("ascending") == "" {
		q.Ascending = false
	}
	page, err1 := number(v.Get("page"))
	limit, err2 := number(v.Get("limit"))
	if err1 != nil || err2 != nil || page > 1_000_000 || limit > 1_000_000 {
		bad(w, "page")
		return q, false
	}
	if page >= 0 && limit > 0 {
		q.Offset, q.Limit = page*limit, limit
	}
	return q, a.ofMission(w, r, v.Get("mission"), &q)
}

func number(s string) (int, error) {
	if s == "" {
		return -1, nil
	}
	return strconv.Atoi(s)
}

func (a *API) fileList(w http.ResponseWriter, r *http.Request) {
	q, ok := a.fileQuery(w, r)
	if !ok {
		return
	}
	found, _, err := a.Files.Search(r.Context(), caller(r), q)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "Metadata", convert(found, newMetadata))
}

func (a *API) fileCount(w http.ResponseWriter, r *http.Request) {
	q, ok := a.fileQuery(w, r)
	if !ok {
		return
	}
	_, n, err := a.Files.Search(r.Context(), caller(r), q)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "java.lang.Integer", n)
}

// changeFile is the file manager's way to change what is said of a file.
func (a *API) changeFile(w http.ResponseWriter, r *http.Request) {
	v, hash := r.URL.Query(), r.PathValue("hash")
	if _, err := a.Files.Lookup(r.Context(), caller(r), hash); err != nil {
		a.fail(w, r, err)
		return
	}
	if s := v.Get("expiration"); s != "" {
		t, ok := expiry(s)
		if !ok {
			bad(w, "expiration")
			return
		}
		if err := a.Files.SetExpiration(r.Context(), caller(r), hash, t); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	var err error
	if words, ok := v["keywords"]; ok {
		err = a.Files.SetKeywords(r.Context(), caller(r), hash, names(words))
	}
	a.done(w, r, err)
}

func (a *API) config(w http.ResponseWriter, _ *http.Request) {
	reply.JSON(w, http.StatusOK, struct {
		Limit int64 `json:"uploadSizeLimit"` // MB
	}{a.Files.MaxSize() >> 20})
}
