package excheck

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"unicode/utf8"

	"muster/cot/files"
	"muster/cot/marti/reply"
	"muster/cot/mission"
)

const (
	templates = "exchecktemplates"
	tool      = "ExCheck"
	mimeXML   = "application/xml"
)

// checkUID accepts what clients make up as uids.
func checkUID(uid string) error {
	if uid == "" || len(uid) > 255 || !utf8.ValidString(uid) || bytes.ContainsAny([]byte(uid), "/\x00\r\n") {
		return invalid("A uid is empty, too long or holds characters that cannot be used.")
	}
	return nil
}

// newest returns the newest file with a uid among the contents of a mission.
func newest(m mission.Mission, uid string) (mission.Content, bool) {
	var out mission.Content
	found := false
	for _, c := range m.Contents {
		if c.File.UID == uid && (!found || c.Time >= out.Time) {
			out, found = c, true
		}
	}
	return out, found
}

// put makes b the file of a uid in a mission and takes its older files out.
func (a *API) put(ctx context.Context, c mission.Caller, m mission.Mission, uid, name string, b []byte) error {
	meta := files.Meta{UID: uid, Name: name, Filename: uid + ".xml", MIME: mimeXML, Tool: files.Private, CreatorUID: c.UID, Groups: writable(c, m)}
	f, err := a.files.Put(ctx, c.Identity, meta, bytes.NewReader(b))
	if err != nil {
		return err
	}
	ref := mission.Ref{GUID: m.GUID}
	if _, err := a.missions.AddContents(ctx, c, ref, mission.Addition{Hashes: []string{f.Hash}}); err != nil {
		return err
	}
	for _, old := range m.Contents {
		if old.File.UID == uid && old.File.Hash != f.Hash {
			if _, err := a.missions.RemoveContents(ctx, c, ref, old.File.Hash, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// writable returns those of the mission's groups that the caller may publish to.
func writable(c mission.Caller, m mission.Mission) []string {
	if c.Identity.IsAdmin() {
		return m.Groups
	}
	may := c.Identity.WriteGroups()
	return slices.DeleteFunc(slices.Clone(m.Groups), func(g string) bool { return !slices.Contains(may, g) })
}

// store returns the mission of the templates.
func (a *API) store(ctx context.Context, c mission.Caller) (mission.Mission, error) {
	m, err := a.missions.Ensure(ctx, c, templates, tool)
	if err != nil {
		return m, err
	}
	return a.missions.Get(ctx, c, mission.Ref{GUID: m.GUID}, mission.Want{})
}

func (a *API) addTemplate(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	b, err := body(w, r, maxXML)
	if err != nil {
		return err
	}
	l, err := parse(b)
	if err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")) {
			return err
		}
		if l, err = fromCSV(b); err != nil {
			return err
		}
	}
	q := r.URL.Query()
	for _, p := range [][2]string{{"name", q.Get("name")}, {"description", q.Get("description")}, {"creatorUid", c.UID}, {"creatorCallsign", q.Get("callsign")}} {
		if p[1] != "" {
			l.set(p[0], p[1])
		}
	}
	uid := l.detail("uid")
	if uid == "" {
		uid = newUID()
		l.set("uid", uid)
	}
	if err := checkUID(uid); err != nil {
		return err
	}
	m, err := a.store(r.Context(), c)
	if err != nil {
		return err
	}
	if err := a.put(r.Context(), c, m, uid, l.detail("name"), l.xml()); err != nil {
		return err
	}
	reply.Text(w, http.StatusOK, uid)
	return nil
}

// open returns a template and the mission it is in.
func (a *API) open(ctx context.Context, c mission.Caller, uid string) (mission.Mission, mission.Content, checklist, error) {
	m, err := a.missions.Get(ctx, c, mission.Ref{Name: templates}, mission.Want{})
	if err != nil {
		return m, mission.Content{}, checklist{}, err
	}
	f, ok := newest(m, uid)
	if !ok {
		return m, f, checklist{}, notFound("there is no such template.")
	}
	b, err := a.read(f.File.Hash, maxXML)
	if err != nil {
		return m, f, checklist{}, err
	}
	l, err := parse(b)
	return m, f, l, err
}

func (a *API) template(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	_, _, l, err := a.open(r.Context(), c, r.PathValue("uid"))
	if err != nil {
		return err
	}
	reply.XML(w, http.StatusOK, l.xml())
	return nil
}

func (a *API) removeTemplate(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	m, f, _, err := a.open(r.Context(), c, r.PathValue("uid"))
	if err != nil {
		return err
	}
	if _, err := a.missions.RemoveContents(r.Context(), c, mission.Ref{GUID: m.GUID}, f.File.Hash, ""); err != nil {
		return err
	}
	reply.Text(w, http.StatusOK, "")
	return nil
}

func (a *API) templateTask(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	_, _, l, err := a.open(r.Context(), c, r.PathValue("uid"))
	if err != nil {
		return err
	}
	for _, t := range l.tasks {
		if taskUID(t) == r.PathValue("task") {
			reply.XML(w, http.StatusOK, t)
			return nil
		}
	}
	return errNoTask
}

var errNoTask = notFound("there is no such task.")

// changeTemplate writes a template back with other tasks.
func (a *API) changeTemplate(w http.ResponseWriter, r *http.Request, c mission.Caller, change func(tasks [][]byte) ([][]byte, error)) error {
	uid := r.PathValue("uid")
	m, _, l, err := a.open(r.Context(), c, uid)
	if err != nil {
		return err
	}
	if l.tasks, err = change(l.tasks); err != nil {
		return err
	}
	if len(l.tasks) > maxTasks {
		return invalid("The template has too many tasks.")
	}
	if err := a.put(r.Context(), c, m, uid, l.detail("name"), l.xml()); err != nil {
		return err
	}
	reply.Text(w, http.StatusOK, "")
	return nil
}

func (a *API) putTemplateTask(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	b, err := body(w, r, maxXML)
	if err != nil {
		return err
	}
	uid := r.PathValue("task")
	if err := checkUID(uid); err != nil {
		return err
	}
	task, err := parseTask(b, uid)
	if err != nil {
		return err
	}
	return a.changeTemplate(w, r, c, func(tasks [][]byte) ([][]byte, error) {
		i := slices.IndexFunc(tasks, func(t []byte) bool { return taskUID(t) == uid })
		if i < 0 {
			return append(tasks, task), nil
		}
		tasks[i] = task
		return tasks, nil
	})
}

func (a *API) removeTemplateTask(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	return a.changeTemplate(w, r, c, func(tasks [][]byte) ([][]byte, error) {
		left := slices.DeleteFunc(slices.Clone(tasks), func(t []byte) bool { return taskUID(t) == r.PathValue("task") })
		if len(left) == len(tasks) {
			return nil, errNoTask
		}
		return left, nil
	})
}
