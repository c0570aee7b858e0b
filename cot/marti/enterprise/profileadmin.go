package enterprise

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"muster/cot/files"
	"muster/cot/marti/reply"
)

// profileJSON is a profile as TAK Server's administrators see it: what is not set
// is null there.
type profileJSON struct {
	ID                int64    `json:"id"`
	Name              string   `json:"name"`
	Active            bool     `json:"active"`
	ApplyOnEnrollment bool     `json:"applyOnEnrollment"`
	ApplyOnConnect    bool     `json:"applyOnConnect"`
	Type              *string  `json:"type"`
	Tool              *string  `json:"tool"`
	Groups            []string `json:"groups"`
	Updated           string   `json:"updated"`
}

func newProfile(p files.Profile) profileJSON {
	return profileJSON{
		ID: p.ID, Name: p.Name, Active: p.Active, ApplyOnEnrollment: p.ApplyOnEnrollment, ApplyOnConnect: p.ApplyOnConnect,
		Type: optional(p.Type), Tool: optional(p.Tool), Groups: p.Groups, Updated: p.Updated.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *API) profiles(w http.ResponseWriter, r *http.Request) {
	all, err := a.Files.Profiles.List(r.Context(), caller(r))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	out := make([]profileJSON, len(all))
	for i, p := range all {
		out[i] = newProfile(p)
	}
	a.Node.Envelope(w, "Profile", out)
}

func (a *API) profile(w http.ResponseWriter, r *http.Request) {
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), r.PathValue("name"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "Profile", newProfile(p))
}

func (a *API) createProfile(w http.ResponseWriter, r *http.Request) {
	name, groups := r.PathValue("name"), names(r.URL.Query()["group"])
	p, err := a.Files.Profiles.Create(r.Context(), caller(r), files.ProfileChange{Name: &name, Groups: &groups})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "Profile", newProfile(p))
}

func (a *API) updateProfile(w http.ResponseWriter, r *http.Request) {
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), r.PathValue("name"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	b, err := reply.Body(w, r, maxSmall)
	if err != nil {
		return
	}
	var c files.ProfileChange
	if json.Unmarshal(b, &c) != nil {
		reply.Error(w, http.StatusBadRequest, "The profile cannot be read.")
		return
	}
	p, err = a.Files.Profiles.Update(r.Context(), caller(r), p.ID, c)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "Profile", newProfile(p))
}

func (a *API) deleteProfile(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		bad(w, "id")
		return
	}
	a.done(w, r, a.Files.Profiles.Delete(r.Context(), caller(r), id))
}

func (a *API) directories(w http.ResponseWriter, r *http.Request) {
	if _, err := a.Files.Profiles.List(r.Context(), caller(r)); err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "ProfileDirectory", []string{})
}

func (a *API) addProfileFile(w http.ResponseWriter, r *http.Request) {
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), r.PathValue("name"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	b, err := a.receive(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	name := r.URL.Query().Get("filename")
	if name == "" {
		name = b.filename
	}
	f, err := a.Files.Profiles.AddFile(r.Context(), caller(r), p.ID, name, b)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.Node.Envelope(w, "ProfileFile", f)
}

// findProfileFile finds a file of the profile called name; when it is not ok the
// request has been answered.
func (a *API) findProfileFile(w http.ResponseWriter, r *http.Request, name, id string) (files.ProfileFile, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		bad(w, "id")
		return files.ProfileFile{}, false
	}
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), name)
	if err == nil {
		var f files.ProfileFile
		if _, f, err = a.Files.Profiles.File(r.Context(), caller(r), p.ID, n); err == nil {
			return f, true
		}
	}
	a.fail(w, r, err)
	return files.ProfileFile{}, false
}

func (a *API) removeProfileFile(w http.ResponseWriter, r *http.Request) {
	f, ok := a.findProfileFile(w, r, r.PathValue("name"), r.PathValue("id"))
	if !ok {
		return
	}
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), r.PathValue("name"))
	if err == nil {
		err = a.Files.Profiles.RemoveFile(r.Context(), caller(r), p.ID, f.ID)
	}
	a.done(w, r, err)
}

// sendProfile offers the package of a profile to clients: it is stored like a
// file that somebody sends.
func (a *API) sendProfile(w http.ResponseWriter, r *http.Request) {
	p, err := a.Files.Profiles.Find(r.Context(), caller(r), r.PathValue("name"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	body, err := reply.Body(w, r, maxSmall)
	if err != nil {
		return
	}
	var uids []string
	if json.Unmarshal(body, &uids) != nil || len(uids) == 0 {
		reply.Error(w, http.StatusBadRequest, "The body is a list of uids.")
		return
	}
	b, _, err := a.Files.Profiles.Bundle(r.Context(), caller(r), p.ID)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var zip bytes.Buffer
	if err := b.Write(&limited{&zip, maxBuffered}); err != nil {
		a.fail(w, r, err)
		return
	}
	groups := p.Groups
	if len(groups) == 0 {
		groups = nil // all that the sender may write to
	}
	f, err := a.Files.Put(r.Context(), caller(r), files.Meta{
		Name: p.Name + ".zip", MIME: "application/x-zip-compressed", Keywords: []string{files.KeywordPackage}, Tool: files.Private,
		Groups: groups, Expires: time.Now().Add(24 * time.Hour),
	}, &zip)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reached := a.Notifier.Notify(files.Share(f, contentURL(r, f.Hash), a.Node.ID, caller(r).User, time.Now()), uids...)
	a.Node.Envelope(w, "java.lang.String", list(reached))
}

// limited refuses what is too large to be held in memory.
type limited struct {
	b    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, files.ErrTooLarge
	}
	return l.b.Write(p)
}
