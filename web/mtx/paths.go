package mtx

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
)

// client is a source or reader of a path.
type client struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// path is a live stream.
type path struct {
	Name          string    `json:"name"`
	ConfName      string    `json:"confName"`
	Source        *client   `json:"source"`
	Ready         bool      `json:"ready"`
	ReadyTime     time.Time `json:"readyTime"`
	Available     bool      `json:"available"`
	AvailableTime time.Time `json:"availableTime"`
	Online        bool      `json:"online"`
	OnlineTime    time.Time `json:"onlineTime"`
	Tracks        []string  `json:"tracks"`
	BytesReceived int64     `json:"bytesReceived"`
	BytesSent     int64     `json:"bytesSent"`
	InboundBytes  int64     `json:"inboundBytes"`
	OutboundBytes int64     `json:"outboundBytes"`
	Readers       []client  `json:"readers"`
}

// labels are the names of codecs where they are not ours.
var labels = map[string]string{
	"AAC": "MPEG-4 Audio", "RTP": "Generic",
}

func pathOf(s *media.Stream, sessions []auth.SessionInfo) path {
	in := s.Info()
	p := path{
		Name: in.Name, ConfName: "all_others", Ready: true, ReadyTime: in.Since, Available: true, AvailableTime: in.Since,
		Online: true, OnlineTime: in.Since, BytesReceived: in.BytesIn, BytesSent: in.BytesOut, InboundBytes: in.BytesIn, OutboundBytes: in.BytesOut,
		Tracks: []string{}, Readers: []client{},
	}
	for _, t := range in.Tracks {
		p.Tracks = append(p.Tracks, cmp.Or(labels[t.Codec], t.Codec))
	}
	for _, ses := range sessions {
		if ses.Resource != in.Name {
			continue
		}
		c := client{kindOf(ses.Protocol), uuid(ses.ID)}
		switch ses.Action {
		case auth.Publish:
			p.Source = &c
		case auth.Read:
			p.Readers = append(p.Readers, c)
		}
	}
	return p
}

func (a *API) listPaths(w http.ResponseWriter, r *http.Request) {
	sessions := a.Sessions.List()
	out := []path{}
	for _, s := range a.Streams.List(identity(r)) {
		out = append(out, pathOf(s, sessions))
	}
	paged(w, r, out)
}

func (a *API) getPath(w http.ResponseWriter, r *http.Request) {
	name, err := safename.Parse(r.PathValue("name"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid name")
		return
	}
	s, err := a.Streams.Find(identity(r), name)
	if err != nil {
		refuse(w, http.StatusNotFound, "path not found")
		return
	}
	answer(w, http.StatusOK, pathOf(s, a.Sessions.List()))
}

// session is somebody who publishes or reads.
type session struct {
	ID         string    `json:"id"`
	Created    time.Time `json:"created"`
	RemoteAddr string    `json:"remoteAddr"`
	State      string    `json:"state"`
	Path       string    `json:"path"`
	Query      string    `json:"query"` // always empty: it may hold secrets
	User       string    `json:"user"`
	UserAgent  string    `json:"userAgent"`
}

func sessionOf(s auth.SessionInfo) session {
	return session{
		ID: uuid(s.ID), Created: s.Started, RemoteAddr: s.Remote.String(), State: string(s.Action),
		Path: s.Resource, User: s.User, UserAgent: s.Agent,
	}
}

// visible returns the sessions of the protocols on streams that id may watch.
func (a *API) visible(id auth.Identity, protocols []string) []auth.SessionInfo {
	var out []auth.SessionInfo
	for _, s := range a.Sessions.List() {
		if !slices.Contains(protocols, s.Protocol) || s.Action != auth.Publish && s.Action != auth.Read {
			continue
		}
		name, err := safename.Parse(s.Resource)
		if err != nil {
			continue
		}
		if _, err := a.Streams.Find(id, name); err == nil || id.IsAdmin() {
			out = append(out, s)
		}
	}
	return out
}

func (a *API) listSessions(protocols []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out := []session{}
		for _, s := range a.visible(identity(r), protocols) {
			out = append(out, sessionOf(s))
		}
		paged(w, r, out)
	}
}

// find returns the session that r names by its id.
func (a *API) find(r *http.Request, protocols []string) (auth.SessionInfo, bool) {
	for _, s := range a.visible(identity(r), protocols) {
		if uuid(s.ID) == r.PathValue("id") {
			return s, true
		}
	}
	return auth.SessionInfo{}, false
}

func (a *API) getSession(protocols []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, ok := a.find(r, protocols)
		if !ok {
			refuse(w, http.StatusNotFound, "session not found")
			return
		}
		answer(w, http.StatusOK, sessionOf(s))
	}
}

func (a *API) kickSession(protocols []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, ok := a.find(r, protocols)
		if !ok || !a.Sessions.Kick(s.ID) {
			refuse(w, http.StatusNotFound, "session not found")
			return
		}
		a.Log.Info("session ended by hand", "part", "web", "user", identity(r).User, "of", s.User, "protocol", s.Protocol)
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	}
}
