package missions

import (
	"net/http"
	"net/url"
	"strings"

	"muster/cot/marti/reply"
	"muster/cot/mission"
)

// formOf returns the values of a field of a form.
func formOf(b []byte, field string) ([]string, error) {
	v, err := url.ParseQuery(string(b))
	if err != nil {
		return nil, &mission.Refusal{Kind: mission.ErrInvalid, Say: "The form in the body cannot be read."}
	}
	return v[field], nil
}

func (a *API) children(r *request) error {
	all, err := a.s.ChildrenOf(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeMission, all)
	return nil
}

func (a *API) parent(r *request) error {
	m, err := a.s.ParentOf(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeMission, m)
	return nil
}

func (a *API) setParent(r *request) error {
	return a.moveBelow(r, mission.Ref{Name: r.args[0]})
}

func (a *API) setParentGUID(r *request) error {
	return a.moveBelow(r, mission.Ref{GUID: r.args[0]})
}

func (a *API) moveBelow(r *request, parent mission.Ref) error {
	if err := a.s.SetParent(r.ctx(), r.c, r.ref, parent); err != nil {
		return err
	}
	return done(r)
}

func (a *API) clearParent(r *request) error {
	if err := a.s.ClearParent(r.ctx(), r.c, r.ref); err != nil {
		return err
	}
	return done(r)
}

func (a *API) addExternal(r *request) error {
	var d mission.ExternalData
	if err := r.json(&d); err != nil {
		return err
	}
	m, err := a.s.PutExternalData(r.ctx(), r.c, r.ref, d)
	if err != nil {
		return err
	}
	return a.list(r, http.StatusCreated, m)
}

func (a *API) removeExternal(r *request) error {
	if err := a.s.RemoveExternalData(r.ctx(), r.c, r.ref, r.args[0]); err != nil {
		return err
	}
	return done(r)
}

func (a *API) changeExternal(r *request) error {
	b, err := r.body()
	if err != nil {
		return err
	}
	if err := a.s.ChangeExternalData(r.ctx(), r.c, r.ref, r.args[0], string(b)); err != nil {
		return err
	}
	return done(r)
}

// addFeed takes the parameters in the query or in a form.
func (a *API) addFeed(r *request) error {
	if r.text("dataFeedUid") == "" {
		form, err := r.form()
		if err != nil {
			return err
		}
		for k, v := range form {
			if !r.q.Has(k) {
				r.q[k] = v
			}
		}
		if r.c.UID == "" {
			r.c.UID = r.text("creatorUid")
		}
	}
	var types []string
	for _, t := range r.q["filterCotTypes"] {
		types = append(types, strings.Split(t, ",")...)
	}
	f, err := a.s.AddFeed(r.ctx(), r.c, r.ref, mission.Feed{
		DataFeedUID: r.text("dataFeedUid"), FilterPolygon: r.text("filterPolygon"), FilterCotTypes: types, FilterCallsign: r.text("filterCallsign"),
	})
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeFeed, f)
	return nil
}

func (a *API) removeFeed(r *request) error {
	if err := a.s.RemoveFeed(r.ctx(), r.c, r.ref, r.args[0]); err != nil {
		return err
	}
	return done(r)
}

func (a *API) putMapLayer(r *request) error {
	fields := map[string]any{}
	if err := r.json(&fields); err != nil {
		return err
	}
	l, err := a.s.PutMapLayer(r.ctx(), r.c, r.ref, fields)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeMapLayer, l)
	return nil
}

func (a *API) removeMapLayer(r *request) error {
	if err := a.s.RemoveMapLayer(r.ctx(), r.c, r.ref, r.args[0]); err != nil {
		return err
	}
	return done(r)
}

func (a *API) layers(r *request) error {
	all, err := a.s.Layers(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLayer, all)
	return nil
}

func (a *API) layer(r *request) error {
	l, err := a.s.Layer(r.ctx(), r.c, r.ref, r.args[0])
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLayer, l)
	return nil
}

func (a *API) addLayer(r *request) error {
	l, err := a.s.AddLayer(r.ctx(), r.c, r.ref, mission.NewLayer{
		Name: r.text("name"), Type: r.text("type"), UID: r.text("uid"), Parent: r.text("parentUid"), After: r.text("afterUid"),
	})
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLayer, l)
	return nil
}

func (a *API) renameLayer(r *request) error {
	if err := a.s.RenameLayer(r.ctx(), r.c, r.ref, r.args[0], r.text("name")); err != nil {
		return err
	}
	return done(r)
}

func (a *API) moveLayer(r *request) error {
	if err := a.s.MoveLayer(r.ctx(), r.c, r.ref, r.args[0], r.text("afterUid")); err != nil {
		return err
	}
	return done(r)
}

func (a *API) setLayerParent(r *request) error {
	if err := a.s.SetLayerParent(r.ctx(), r.c, r.ref, r.q["layerUid"], r.text("parentUid"), r.text("afterUid")); err != nil {
		return err
	}
	return done(r)
}

// removeLayers accepts uids one by one, or joined with commas as node-tak does.
func (a *API) removeLayers(r *request) error {
	var uids []string
	for _, u := range r.q["uid"] {
		uids = append(uids, strings.Split(u, ",")...)
	}
	if err := a.s.RemoveLayers(r.ctx(), r.c, r.ref, uids); err != nil {
		return err
	}
	return done(r)
}

func (r *request) logEntry() (mission.LogEntry, []mission.Ref, error) {
	var l mission.LogEntry
	if err := r.json(&l); err != nil {
		return l, nil, err
	}
	if len(l.CreatorUID) > 255 {
		reply.Error(r.w, http.StatusBadRequest, "The creatorUid is too long.")
		return l, nil, errAnswered
	}
	var refs []mission.Ref
	for _, n := range l.MissionNames {
		refs = append(refs, mission.Ref{Name: n})
	}
	return l, refs, nil
}

func (a *API) addLog(r *request) error {
	l, refs, err := r.logEntry()
	if err != nil {
		return err
	}
	if l, err = a.s.AddLog(r.ctx(), r.c, refs, l); err != nil {
		return err
	}
	a.node.Status(r.w, http.StatusCreated, typeLog, l)
	return nil
}

func (a *API) updateLog(r *request) error {
	l, refs, err := r.logEntry()
	if err != nil {
		return err
	}
	if l, err = a.s.UpdateLog(r.ctx(), r.c, refs, l); err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLog, l)
	return nil
}

func (a *API) log1(r *request) error {
	l, err := a.s.Log(r.ctx(), r.c, r.args[0])
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLog, []mission.LogEntry{l})
	return nil
}

func (a *API) removeLog(r *request) error {
	if err := a.s.RemoveLog(r.ctx(), r.c, r.args[0]); err != nil {
		return err
	}
	return done(r)
}

func (a *API) logs(r *request) error {
	span, err := r.span()
	if err != nil {
		return err
	}
	all, err := a.s.Logs(r.ctx(), r.c, r.ref, span)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLog, all)
	return nil
}

func (a *API) allLogs(r *request) error {
	span, err := r.span()
	if err != nil {
		return err
	}
	all, err := a.s.AllLogs(r.ctx(), r.c, span)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeLog, all)
	return nil
}
