package enterprise

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
)

func (a *API) addIcons(w http.ResponseWriter, r *http.Request) {
	b, err := a.receive(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	set, err := a.Files.Icons.Put(r.Context(), caller(r), b)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "java.lang.String", set.UID)
}

func (a *API) iconSets(w http.ResponseWriter, r *http.Request) {
	all, err := a.Files.Icons.List(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	uids := make([]string, len(all))
	for i, s := range all {
		uids[i] = s.UID
	}
	a.Node.Envelope(w, "java.lang.String", uids)
}

// iconURLs lists the addresses of the icons of a set.
func (a *API) iconURLs(w http.ResponseWriter, r *http.Request) {
	all, err := a.Files.Icons.Of(r.Context(), r.PathValue("uid"))
	if err == nil && len(all) == 0 {
		err = files.ErrNotFound
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	urls := make([]string, len(all))
	for i, ref := range all {
		urls[i] = reply.Origin(r) + iconPath(ref)
	}
	a.Node.Envelope(w, "java.lang.String", urls)
}

func (a *API) deleteIcons(w http.ResponseWriter, r *http.Request) {
	a.done(w, r, a.Files.Icons.Delete(r.Context(), caller(r), r.PathValue("uid")))
}

func iconPath(ref files.IconRef) string {
	return "/Marti/api/icon/" + url.PathEscape(ref.UID) + "/" + url.PathEscape(ref.Group) + "/" + url.PathEscape(ref.Name)
}

func (a *API) icon(w http.ResponseWriter, r *http.Request) {
	a.picture(w, r, files.IconRef{UID: r.PathValue("uid"), Group: r.PathValue("group"), Name: r.PathValue("name")})
}

func (a *API) picture(w http.ResponseWriter, r *http.Request, ref files.IconRef) {
	b, mime, err := a.Files.Icons.Read(r.Context(), ref)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime)
	h.Set("Cache-Control", "private, max-age=3600")
	harmless(h)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
}

// choose finds the icon of a marker: the one that iconsetpath names, or else one
// that stands for its type.
func (a *API) choose(w http.ResponseWriter, r *http.Request) (files.IconRef, bool) {
	q := r.URL.Query()
	if parts := strings.SplitN(q.Get("iconsetpath"), "/", 3); len(parts) == 3 {
		ref := files.IconRef{UID: parts[0], Group: parts[1], Name: parts[2]}
		if _, _, err := a.Files.Icons.Read(r.Context(), ref); err == nil {
			return ref, true
		}
	}
	if t := q.Get("cotType"); t != "" {
		all, err := a.Files.Icons.For(r.Context(), t)
		if err != nil {
			a.fail(w, r, err)
			return files.IconRef{}, false
		}
		if len(all) > 0 {
			return all[0], true
		}
	}
	reply.Error(w, http.StatusNotFound, "There is no icon for this.")
	return files.IconRef{}, false
}

func (a *API) iconURL(w http.ResponseWriter, r *http.Request) {
	ref, ok := a.choose(w, r)
	if !ok {
		return
	}
	path := iconPath(ref)
	if r.URL.Query().Get("relative") != "true" {
		path = reply.Origin(r) + path
	}
	reply.Text(w, http.StatusOK, path)
}

func (a *API) iconImage(w http.ResponseWriter, r *http.Request) {
	if ref, ok := a.choose(w, r); ok {
		a.picture(w, r, ref)
	}
}
