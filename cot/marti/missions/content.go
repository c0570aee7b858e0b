package missions

import (
	"errors"
	"net/http"
	"net/url"

	"muster/cot/marti/reply"
	"muster/cot/mission"
)

// contentBody is what is put into a mission.
type contentBody struct {
	Hashes []string                    `json:"hashes"`
	UIDs   []string                    `json:"uids"`
	Paths  map[string][]mission.Filing `json:"paths"`
	After  string                      `json:"after"`
}

func (a *API) addContents(r *request) error {
	var b contentBody
	if err := r.json(&b); err != nil {
		return err
	}
	m, err := a.s.AddContents(r.ctx(), r.c, r.ref, mission.Addition{Hashes: b.Hashes, UIDs: b.UIDs, Paths: b.Paths, After: b.After})
	if err != nil {
		return err
	}
	return a.list(r, http.StatusOK, m)
}

func (a *API) removeContents(r *request) error {
	m, err := a.s.RemoveContents(r.ctx(), r.c, r.ref, r.text("hash"), r.text("uid"))
	if err != nil {
		return err
	}
	return a.list(r, http.StatusOK, m)
}

func (a *API) addPackage(r *request) error {
	release, ok := a.enter(r)
	if !ok {
		return errAnswered
	}
	defer release()
	zip, err := reply.Body(r.w, r.r, maxPackage)
	if err != nil {
		return errAnswered
	}
	conflicts, err := a.s.AddPackage(r.ctx(), r.c, r.ref, zip)
	switch {
	case errors.Is(err, mission.ErrConflict) && len(conflicts) > 0:
		a.node.Status(r.w, http.StatusConflict, typeChange, conflicts)
	case err != nil:
		return err
	default:
		a.node.Envelope(r.w, typeChange, conflicts)
	}
	return nil
}

func (a *API) changes(r *request) error {
	span, err := r.span()
	if err != nil {
		return err
	}
	all, err := a.s.Changes(r.ctx(), r.c, r.ref, span, r.flag("squashed", true))
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeChange, all)
	return nil
}

func (a *API) setKeywords(r *request) error {
	list, err := r.words()
	if err != nil {
		return err
	}
	m, err := a.s.SetKeywords(r.ctx(), r.c, r.ref, list)
	return a.answer(r, m, err)
}

func (a *API) clearKeywords(r *request) error {
	m, err := a.s.SetKeywords(r.ctx(), r.c, r.ref, []string{})
	return a.answer(r, m, err)
}

func (a *API) removeKeyword(r *request) error {
	m, err := a.s.RemoveKeyword(r.ctx(), r.c, r.ref, r.args[0])
	return a.answer(r, m, err)
}

func (a *API) setItemKeywords(r *request) error {
	list, err := r.words()
	if err != nil {
		return err
	}
	m, err := a.s.SetItemKeywords(r.ctx(), r.c, r.ref, r.args[0], list)
	return a.answer(r, m, err)
}

func (a *API) clearItemKeywords(r *request) error {
	m, err := a.s.SetItemKeywords(r.ctx(), r.c, r.ref, r.args[0], []string{})
	return a.answer(r, m, err)
}

func (a *API) setContentKeywords(r *request) error {
	list, err := r.words()
	if err != nil {
		return err
	}
	m, err := a.s.SetContentKeywords(r.ctx(), r.c, r.ref, r.args[0], list)
	return a.answer(r, m, err)
}

func (a *API) clearContentKeywords(r *request) error {
	m, err := a.s.SetContentKeywords(r.ctx(), r.c, r.ref, r.args[0], []string{})
	return a.answer(r, m, err)
}

// answer answers with a mission, unless there is an error.
func (a *API) answer(r *request, m mission.Mission, err error) error {
	if err != nil {
		return err
	}
	return a.list(r, http.StatusOK, m)
}

func (a *API) cot(r *request) error {
	events, err := a.s.CoT(r.ctx(), r.c, r.ref, r.text("path"))
	if err != nil {
		return err
	}
	b := []byte("<events>")
	for _, e := range events {
		b = append(b, e.XML...)
	}
	reply.XML(r.w, http.StatusOK, append(b, "</events>"...))
	return nil
}

// form reads the fields of a form in the body.
func (r *request) form() (url.Values, error) {
	b, err := r.body()
	if err != nil {
		return nil, err
	}
	v, err := url.ParseQuery(string(b))
	if err != nil {
		reply.Error(r.w, http.StatusBadRequest, "The form in the body cannot be read.")
		return nil, errAnswered
	}
	return v, nil
}

// contact is a client as /Marti/api/contacts/all shows it, without its null.
type contact struct {
	Notes    string `json:"notes"`
	Callsign string `json:"callsign"`
	Team     string `json:"team"`
	Role     string `json:"role"`
	Takv     string `json:"takv"`
	UID      string `json:"uid"`
}

func (a *API) contacts(r *request) error {
	all, err := a.s.ContactsOf(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	out := []contact{}
	for _, c := range all {
		takv := c.Takv.Platform
		if c.Takv.Version != "" {
			takv += ": " + c.Takv.Version
		}
		out = append(out, contact{Notes: c.User, Callsign: c.Callsign, Team: c.Team, Role: c.Role, Takv: takv, UID: c.UID})
	}
	reply.JSON(r.w, http.StatusOK, out)
	return nil
}
