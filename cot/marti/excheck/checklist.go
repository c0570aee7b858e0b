package excheck

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/wire"
)

// start makes a running checklist of a template.
func (a *API) start(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	_, _, l, err := a.open(r.Context(), c, r.PathValue("uid"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	l.set("templateName", l.detail("name"))
	l.set("uid", newUID())
	for i, t := range l.tasks {
		l.tasks[i] = setTask(t, "uid", newUID(), "checklistUid", l.detail("uid"))
	}
	for _, p := range [][2]string{{"name", q.Get("name")}, {"description", q.Get("description")}, {"creatorUid", c.UID},
		{"creatorCallsign", q.Get("callsign")}, {"startTime", q.Get("startTime")}} {
		if p[1] != "" {
			l.set(p[0], p[1])
		}
	}
	return a.run(w, r, c, l)
}

// startGiven starts a checklist that comes with the request.
func (a *API) startGiven(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	b, err := body(w, r, maxXML)
	if err != nil {
		return err
	}
	l, err := parse(b)
	if err != nil {
		return err
	}
	if l.detail("uid") == "" {
		l.set("uid", newUID())
	}
	for i, t := range l.tasks {
		if taskUID(t) == "" {
			l.tasks[i] = setTask(t, "uid", newUID())
		}
	}
	return a.run(w, r, c, l)
}

// run makes the mission of a checklist and answers with the checklist.
func (a *API) run(w http.ResponseWriter, r *http.Request, c mission.Caller, l checklist) error {
	ctx, uid := r.Context(), l.detail("uid")
	if err := checkUID(uid); err != nil {
		return err
	}
	for _, t := range l.tasks {
		if err := checkUID(taskUID(t)); err != nil {
			return err
		}
	}
	if l.detail("startTime") == "" {
		l.set("startTime", wire.FormatTime(time.Now().UnixMilli()))
	}
	role, err := mission.ParseRole(r.URL.Query().Get("defaultRole"))
	if err != nil {
		return err
	}
	if _, err := a.missions.Get(ctx, c, mission.Ref{Name: uid}, mission.Want{}); err == nil {
		return &mission.Refusal{Kind: mission.ErrConflict, Say: "The checklist runs already."}
	} else if !errors.Is(err, mission.ErrNotFound) && !errors.Is(err, mission.ErrGone) {
		return err
	}
	parent, err := a.store(ctx, c)
	if err != nil {
		return err
	}
	m, _, err := a.missions.Put(ctx, c, uid, mission.Spec{Tool: mission.TextOf(tool), Description: mission.TextOf(l.detail("name")), DefaultRole: &role})
	if err != nil {
		return err
	}
	c.Token = m.Token
	if err := a.missions.SetParent(ctx, c, mission.Ref{GUID: m.GUID}, mission.Ref{GUID: parent.GUID}); err != nil {
		return err
	}
	head := l
	head.tasks = nil
	if err := a.put(ctx, c, m, uid, l.detail("name"), head.xml()); err != nil {
		return err
	}
	for _, t := range l.tasks {
		if err := a.put(ctx, c, m, taskUID(t), "task", t); err != nil {
			return err
		}
	}
	reply.XML(w, http.StatusOK, l.xml())
	return nil
}

// load returns a running checklist with its mission; tasks are left out unless
// they are wanted.
func (a *API) load(ctx context.Context, c mission.Caller, uid string, tasks bool) (mission.Mission, checklist, error) {
	m, err := a.missions.Get(ctx, c, mission.Ref{Name: uid}, mission.Want{})
	if err != nil {
		return m, checklist{}, err
	}
	f, ok := newest(m, uid)
	if m.Tool != tool || !ok {
		return m, checklist{}, notFound("there is no such checklist.")
	}
	b, err := a.read(f.File.Hash, maxXML)
	if err != nil {
		return m, checklist{}, err
	}
	l, err := parse(b)
	if err != nil || !tasks {
		return m, l, err
	}
	seen := map[string]bool{uid: true}
	for _, content := range m.Contents {
		id := content.File.UID
		if seen[id] || content.File.MIME != mimeXML {
			continue
		}
		seen[id] = true
		last, _ := newest(m, id)
		t, err := a.read(last.File.Hash, maxXML)
		if err != nil {
			return m, l, err
		}
		if t, err = parseTask(t, id); err != nil {
			return m, l, err
		}
		l.tasks = append(l.tasks, t)
	}
	slices.SortStableFunc(l.tasks, func(a, b []byte) int { return cmp.Compare(number(a), number(b)) })
	return m, l, nil
}

// number is the place of a task in its list; those without one come last.
func number(task []byte) int {
	el, err := wire.ParseElement(task, limits)
	if err != nil {
		return maxTasks
	}
	n, err := strconv.Atoi(textOf(el.Inner(), "number"))
	if err != nil {
		return maxTasks
	}
	return n
}

func (a *API) checklist(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	_, l, err := a.load(r.Context(), c, r.PathValue("uid"), true)
	if err != nil {
		return err
	}
	reply.XML(w, http.StatusOK, l.xml())
	return nil
}

// active lists the running checklists that the caller sees, without their tasks.
func (a *API) active(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	all, err := a.missions.List(r.Context(), c, mission.Filter{Tool: tool, DefaultRole: true})
	if err != nil {
		return err
	}
	var inner []byte
	for _, m := range all {
		f, ok := newest(m, m.Name)
		if !ok {
			continue // the templates, or one whose start was cut short
		}
		b, err := a.read(f.File.Hash, maxXML)
		if err != nil {
			return err
		}
		l, err := parse(b)
		if err != nil {
			return err
		}
		inner = append(inner, l.xml()...)
	}
	reply.XML(w, http.StatusOK, wire.AppendElement(nil, "checklists", inner))
	return nil
}

// stop ends a checklist: its mission is deleted, and kept as missions are.
func (a *API) stop(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	m, _, err := a.load(r.Context(), c, r.PathValue("uid"), false)
	if err != nil {
		return err
	}
	if _, err := a.missions.Delete(r.Context(), c, mission.Ref{GUID: m.GUID}, false); err != nil {
		return err
	}
	reply.Text(w, http.StatusOK, "")
	return nil
}

// status counts the tasks of a checklist by their status.
func (a *API) status(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	uid := r.PathValue("uid")
	_, l, err := a.load(r.Context(), c, uid, true)
	if err != nil {
		return err
	}
	counts := map[string]int{"Pending": 0, "Complete": 0, "Complete (late)": 0, "Late": 0}
	for _, t := range l.tasks {
		el, err := wire.ParseElement(t, limits)
		if err != nil {
			continue
		}
		counts[cmp.Or(textOf(el.Inner(), "status"), "Pending")]++
	}
	names := make([]string, 0, len(counts))
	for n := range counts {
		names = append(names, n)
	}
	slices.Sort(names)
	var inner []byte
	for _, n := range names {
		inner = wire.AppendElement(inner, "statusCount", nil, wire.Attr{Name: "status", Value: n}, wire.Attr{Name: "count", Value: strconv.Itoa(counts[n])})
	}
	reply.XML(w, http.StatusOK, wire.AppendElement(nil, "checklistStatus", inner,
		wire.Attr{Name: "checklistUid", Value: uid}, wire.Attr{Name: "checklistName", Value: l.detail("name")}))
	return nil
}

func (a *API) putTask(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
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
	m, _, err := a.load(r.Context(), c, r.PathValue("uid"), false)
	if err != nil {
		return err
	}
	if uid == m.Name {
		return invalid("A task cannot have the uid of its checklist.")
	}
	_, known := newest(m, uid)
	if !known && len(m.Contents) > maxTasks {
		return invalid("The checklist has too many tasks.")
	}
	if err := a.put(r.Context(), c, m, uid, "task", task); err != nil {
		return err
	}
	if known {
		reply.Text(w, http.StatusOK, "")
	} else {
		reply.Text(w, http.StatusCreated, "")
	}
	return nil
}

func (a *API) task(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	m, _, err := a.load(r.Context(), c, r.PathValue("uid"), false)
	if err != nil {
		return err
	}
	f, ok := newest(m, r.PathValue("task"))
	if !ok || f.File.UID == m.Name {
		return errNoTask
	}
	b, err := a.read(f.File.Hash, maxXML)
	if err != nil {
		return err
	}
	reply.XML(w, http.StatusOK, b)
	return nil
}

func (a *API) removeTask(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	uid := r.PathValue("task")
	m, _, err := a.load(r.Context(), c, r.PathValue("uid"), false)
	if err != nil {
		return err
	}
	if _, ok := newest(m, uid); !ok || uid == m.Name {
		return errNoTask
	}
	for _, f := range m.Contents {
		if f.File.UID == uid {
			if _, err := a.missions.RemoveContents(r.Context(), c, mission.Ref{GUID: m.GUID}, f.File.Hash, ""); err != nil {
				return err
			}
		}
	}
	reply.Text(w, http.StatusOK, "")
	return nil
}

// link writes into a checklist that it belongs to a mission which the caller may
// read; unlink takes that out.
func (a *API) link(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	name := r.PathValue("mission")
	// The token of the request is the checklist's.
	other := mission.Caller{Identity: c.Identity, UID: c.UID, Own: true}
	if _, err := a.missions.Get(r.Context(), other, mission.Ref{Name: name}, mission.Want{Password: r.URL.Query().Get("password")}); err != nil {
		return err
	}
	return a.relink(w, r, c, func(names []string) []string {
		if slices.Contains(names, name) {
			return names
		}
		return append(names, name)
	})
}

func (a *API) unlink(w http.ResponseWriter, r *http.Request, c mission.Caller) error {
	return a.relink(w, r, c, func(names []string) []string {
		return slices.DeleteFunc(names, func(n string) bool { return n == r.PathValue("mission") })
	})
}

const maxLinks = 100 // missions of a checklist

func (a *API) relink(w http.ResponseWriter, r *http.Request, c mission.Caller, change func([]string) []string) error {
	uid := r.PathValue("uid")
	m, l, err := a.load(r.Context(), c, uid, false)
	if err != nil {
		return err
	}
	var names []string
	for _, el := range children(l.details) {
		if el.Name != "missions" {
			continue
		}
		for x := range el.Children() {
			names = append(names, x.Text())
		}
	}
	if names = change(names); len(names) > maxLinks {
		return invalid("The checklist belongs to too many missions.")
	}
	var inner []byte
	for _, n := range names {
		inner = wire.AppendElement(inner, "mission", wire.AppendText(nil, n))
	}
	l.details = with(l.details, "missions", inner)
	if err := a.put(r.Context(), c, m, uid, l.detail("name"), l.xml()); err != nil {
		return err
	}
	reply.Text(w, http.StatusOK, "")
	return nil
}
