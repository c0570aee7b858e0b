package api

import (
	"context"
	"net/http"

	"muster/internal/auth"
	"muster/internal/bus"
)

type sessionsOut struct {
	Body struct {
		Sessions []auth.SessionInfo `json:"sessions"`
	}
}

type sessionID struct {
	ID string `path:"id" maxLength:"64"`
}

// SessionFact is the fact to publish when a session opens or closes; it is made
// for auth.NewSessions. Who may be told is decided here, by the session rule.
func SessionFact(s auth.SessionInfo, open bool) bus.Fact {
	kind := factSessionClosed
	if open {
		kind = factSessionOpened
	}
	return bus.Fact{Kind: kind, Data: s, User: s.User, Admin: true}
}

// seesSession reports whether id may see, and end, session s: their own; an
// operator those on streams that they may watch; an administrator all.
func (a *API) seesSession(id auth.Identity, s auth.SessionInfo) bool {
	if s.User == id.User && !id.System {
		return true
	}
	if auth.Allow(id, auth.Operate, auth.Server()) != nil {
		return false
	}
	if id.IsAdmin() {
		return true
	}
	if s.Resource == "" || s.Action != auth.Publish && s.Action != auth.Read {
		return false
	}
	_, err := a.find(id, s.Resource)
	return err == nil
}

func (a *API) sessions() {
	register(a, user, op("listSessions", http.MethodGet, "/sessions", "What is open, on every protocol: yours, and those you may end"),
		func(_ context.Context, id auth.Identity, _ *none) (*sessionsOut, error) {
			if a.Sessions == nil {
				return nil, errStopped
			}
			out := &sessionsOut{}
			out.Body.Sessions = []auth.SessionInfo{}
			for _, s := range a.Sessions.List() {
				if a.seesSession(id, s) {
					out.Body.Sessions = append(out.Body.Sessions, s)
				}
			}
			return out, nil
		})
	register(a, user, op("endSession", http.MethodDelete, "/sessions/{id}", "End a session at once"),
		func(_ context.Context, id auth.Identity, in *sessionID) (*none, error) {
			if a.Sessions == nil {
				return nil, errStopped
			}
			for _, s := range a.Sessions.List() {
				if s.ID == in.ID && a.seesSession(id, s) && a.Sessions.Kick(s.ID) {
					a.Log.Info("session ended by hand", "user", id.User, "of", s.User, "protocol", s.Protocol)
					return nil, nil
				}
			}
			return nil, refuse(http.StatusNotFound, "There is no such session any more.")
		})
}
