package missions

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/pack"
)

// root answers /Marti/api/missions itself.
func (a *API) root(w http.ResponseWriter, r *http.Request) {
	req, ok := a.newRequest(w, r)
	if !ok {
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		a.serve(req, (*API).listAll)
	case http.MethodDelete:
		req.ref = mission.Ref{GUID: req.text("guid")}
		if req.ref.GUID == "" {
			reply.Error(w, http.StatusBadRequest, "Name the guid of the mission.")
			return
		}
		a.serve(req, (*API).remove)
	default:
		w.Header().Set("Allow", "GET, DELETE")
		reply.Error(w, http.StatusMethodNotAllowed, "This address does not take the method "+r.Method+".")
	}
}

func (a *API) listAll(r *request) error {
	all, err := a.s.List(r.ctx(), r.c, mission.Filter{
		Protected: r.flag("passwordProtected", false), DefaultRole: r.flag("defaultRole", false), Tool: r.text("tool"),
	})
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeMission, all)
	return nil
}

// filter reads the parameters of pagedmissions and missioncount.
func (r *request) filter() (mission.Filter, error) {
	page, err1 := r.number("page", 0)
	size, err2 := r.number("pagesize", 10)
	if err1 != nil || err2 != nil {
		return mission.Filter{}, errAnswered
	}
	size = min(max(size, 1), 1000)
	page = min(max(page, 0), 1<<20)
	return mission.Filter{
		Protected: r.flag("passwordProtected", true), DefaultRole: r.flag("defaultRole", true), Tool: r.text("tool"),
		Name: r.text("nameFilter"), UID: r.text("uidFilter"), Sort: r.text("sort"), Descending: !r.flag("ascending", true),
		Offset: int(page * size), Limit: int(size),
	}, nil
}

func (a *API) paged(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		f, err := r.filter()
		if err != nil {
			return err
		}
		all, err := a.s.List(r.ctx(), r.c, f)
		if err != nil {
			return err
		}
		a.node.Envelope(r.w, typeMission, all)
		return nil
	})
}

func (a *API) count(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		f, err := r.filter()
		if err != nil {
			return err
		}
		n, err := a.s.Count(r.ctx(), r.c, f)
		if err != nil {
			return err
		}
		a.node.Envelope(r.w, typeNumber, n)
		return nil
	})
}

// plain serves a path of its own.
func (a *API) plain(w http.ResponseWriter, r *http.Request, h handler) {
	if req, ok := a.newRequest(w, r); ok {
		a.serve(req, h)
	}
}

func (a *API) get(r *request) error {
	span, err := r.span()
	if err != nil {
		return err
	}
	m, err := a.s.Get(r.ctx(), r.c, r.ref, mission.Want{
		Password: r.text("password"), Changes: r.flag("changes", false), Logs: r.flag("logs", false), Span: span,
	})
	if err != nil {
		return err
	}
	return a.list(r, http.StatusOK, m)
}

// missionBody is a mission as clients send it.
type missionBody struct {
	Description     *string       `json:"description"`
	ChatRoom        *string       `json:"chatRoom"`
	BaseLayer       *string       `json:"baseLayer"`
	BBox            *string       `json:"bbox"`
	BoundingPolygon *string       `json:"boundingPolygon"`
	Path            *string       `json:"path"`
	Classification  *string       `json:"classification"`
	Tool            *string       `json:"tool"`
	Keywords        []string      `json:"keywords"`
	Groups          []string      `json:"groups"`
	InviteOnly      *bool         `json:"inviteOnly"`
	Expiration      *int64        `json:"expiration"`
	DefaultRole     *mission.Role `json:"defaultRole"`
}

// spec reads what a mission is to be, from the query over what the body says.
func (r *request) spec(b missionBody) (mission.Spec, error) {
	s := mission.Spec{
		Description: b.Description, ChatRoom: b.ChatRoom, BaseLayer: b.BaseLayer, BBox: b.BBox, BoundingPolygon: b.BoundingPolygon,
		Path: b.Path, Classification: b.Classification, Tool: b.Tool, Keywords: b.Keywords, Groups: b.Groups, InviteOnly: b.InviteOnly,
		Expiration: b.Expiration, DefaultRole: b.DefaultRole,
		AllowGroups: r.flag("allowGroupChange", false), AllowDupe: r.flag("allowDupe", false), AllowHidden: r.r.Method == http.MethodPost,
	}
	for _, f := range []struct {
		name string
		to   **string
	}{
		{"description", &s.Description}, {"chatRoom", &s.ChatRoom}, {"baseLayer", &s.BaseLayer}, {"bbox", &s.BBox}, {"path", &s.Path},
		{"classification", &s.Classification}, {"tool", &s.Tool}, {"password", &s.Password},
	} {
		if r.q.Has(f.name) {
			*f.to = mission.TextOf(r.text(f.name))
		}
	}
	if s.Tool != nil && *s.Tool == "" {
		s.Tool = nil
	}
	if s.Password != nil && *s.Password == "" {
		s.Password = nil // clients always send the parameter; DELETE password takes it away
	}
	if r.q.Has("boundingPolygon") {
		s.BoundingPolygon = mission.TextOf(strings.Join(r.q["boundingPolygon"], ","))
	}
	if r.q.Has("group") {
		s.Groups = r.q["group"]
	}
	if r.q.Has("inviteOnly") {
		v := r.flag("inviteOnly", false)
		s.InviteOnly = &v
	}
	if v := r.text("defaultRole"); v != "" {
		role, err := mission.ParseRole(v)
		if err != nil {
			return s, err
		}
		s.DefaultRole = &role
	}
	if r.text("expiration") != "" {
		n, err := r.number("expiration", -1)
		if err != nil {
			return s, err
		}
		s.Expiration = &n
	}
	return s, nil
}

// put creates or updates a mission; the body may hold one as JSON, or a package
// with its first contents.
func (a *API) put(r *request) error {
	var b missionBody
	var zip []byte
	if r.isJSON() {
		raw, err := r.body()
		if err != nil {
			return err
		}
		if len(raw) > 0 && json.Unmarshal(raw, &b) != nil {
			reply.Error(r.w, http.StatusBadRequest, "The body is not the JSON of a mission.")
			return errAnswered
		}
	} else {
		var err error
		release, ok := a.enter(r)
		if !ok {
			return errAnswered
		}
		defer release()
		if zip, err = reply.Body(r.w, r.r, maxPackage); err != nil {
			return errAnswered
		}
	}
	spec, err := r.spec(b)
	if err != nil {
		return err
	}
	name, err := a.nameOf(r)
	if err != nil {
		return err
	}
	m, created, err := a.s.Put(r.ctx(), r.c, name, spec)
	if err != nil {
		return err
	}
	if len(zip) > 0 && strings.HasPrefix(string(zip[:min(len(zip), 2)]), "PK") {
		c := r.c
		if created {
			c.Token = m.Token
		}
		conflicts, err := a.s.AddPackage(r.ctx(), c, mission.Ref{GUID: m.GUID}, zip)
		if err != nil && len(conflicts) == 0 {
			return err
		}
		full, err := a.s.Get(r.ctx(), c, mission.Ref{GUID: m.GUID}, mission.Want{})
		if err != nil {
			return err
		}
		full.Token, full.OwnerRole = m.Token, m.OwnerRole
		m = full
	}
	if created {
		return a.list(r, http.StatusCreated, m)
	}
	return a.list(r, http.StatusOK, m)
}

// nameOf returns the name in the address; a mission that is named by guid exists.
func (a *API) nameOf(r *request) (string, error) {
	if r.ref.GUID == "" {
		return r.ref.Name, nil
	}
	m, err := a.s.Get(r.ctx(), r.c, r.ref, mission.Want{})
	return m.Name, err
}

// enter waits for a place among the packages that are read in memory.
func (a *API) enter(r *request) (release func(), ok bool) {
	if r.r.ContentLength == 0 {
		return func() {}, true
	}
	select {
	case a.many <- struct{}{}:
		return func() { <-a.many }, true
	case <-r.ctx().Done():
		return nil, false
	}
}

func (a *API) remove(r *request) error {
	m, err := a.s.Delete(r.ctx(), r.c, r.ref, r.flag("deepDelete", false))
	if err != nil {
		return err
	}
	return a.list(r, http.StatusOK, m)
}

func (a *API) copy(r *request) error {
	spec, err := r.spec(missionBody{})
	if err != nil {
		return err
	}
	spec.Path, spec.AllowHidden = nil, true
	if r.q.Has("copyPath") {
		spec.Path = mission.TextOf(r.text("copyPath"))
	}
	m, err := a.s.Copy(r.ctx(), r.c, r.ref, r.text("copyName"), spec)
	if err != nil {
		return err
	}
	return a.list(r, http.StatusCreated, m)
}

func (a *API) archive(r *request) error {
	begun := false
	err := a.s.Archive(r.ctx(), r.c, r.ref, func(name string) io.Writer {
		begun = true
		h := r.w.Header()
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", disposition(name))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		return r.w
	})
	if err != nil && begun {
		if r.ctx().Err() == nil {
			a.log.Error("the package of a mission", "path", r.r.URL.Path, "error", err)
		}
		panic(http.ErrAbortHandler) // the client must see that it is not whole
	}
	return err
}

// disposition names a file that is downloaded (RFC 6266).
func disposition(name string) string {
	name = pack.FileName(name)
	ascii := strings.Map(func(c rune) rune {
		if c > 126 || c < 32 || c == '"' || c == '\\' {
			return '_'
		}
		return c
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + escape(name)
}

// escape is the ext-value of RFC 8187.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

func (a *API) send(r *request) error {
	uids := r.q["contacts"]
	if len(uids) == 0 {
		form, err := r.form()
		if err != nil {
			return err
		}
		uids = form["contacts"]
	}
	origin := reply.Origin(r.r)
	_, err := a.s.Send(r.ctx(), r.c, r.ref, uids, func(hash string) string { return origin + "/Marti/sync/content?hash=" + hash })
	if err != nil {
		return err
	}
	return done(r)
}

func (a *API) setPassword(r *request) error {
	password := r.text("password")
	if password == "" {
		reply.Error(r.w, http.StatusBadRequest, "The password is empty.")
		return errAnswered
	}
	if err := a.s.SetPassword(r.ctx(), r.c, r.ref, password); err != nil {
		return err
	}
	return done(r)
}

func (a *API) clearPassword(r *request) error {
	if err := a.s.SetPassword(r.ctx(), r.c, r.ref, ""); err != nil {
		return err
	}
	return done(r)
}

func (a *API) setExpiration(r *request) error {
	n, err := r.number("expiration", -1)
	if err != nil {
		return err
	}
	if err := a.s.SetExpiration(r.ctx(), r.c, r.ref, n); err != nil {
		return err
	}
	return done(r)
}

// deleted lists the missions that can be brought back.
func (a *API) deleted(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		all, err := a.s.Deleted(r.ctx(), r.c)
		if err != nil {
			return err
		}
		a.node.Envelope(r.w, "MissionArchive", all)
		return nil
	})
}

// restore brings a deleted mission back; the body is its guid.
func (a *API) restore(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		b, err := r.body()
		if err != nil {
			return err
		}
		m, err := a.s.Restore(r.ctx(), r.c, strings.Trim(strings.TrimSpace(string(b)), `"`))
		if err != nil {
			return err
		}
		return a.list(r, http.StatusOK, m)
	})
}

// retire sets the expiration of a mission: seconds since 1970, or -1.
func (a *API) retire(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		r.ref = mission.Ref{Name: r.r.PathValue("name")}
		r.q.Set("expiration", r.r.PathValue("time"))
		return a.setExpiration(r)
	})
}
