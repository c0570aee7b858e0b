package marti

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/cot/wire"
)

// endpoint is an entry of /Marti/api/clientEndPoints.
type endpoint struct {
	Callsign      string `json:"callsign"`
	UID           string `json:"uid"`
	Username      string `json:"username"`
	Team          string `json:"team"`
	Role          string `json:"role"`
	LastEventTime string `json:"lastEventTime"`
	LastStatus    string `json:"lastStatus"`
}

// contact is an entry of /Marti/api/contacts/all.
type contact struct {
	FilterGroups []string `json:"filterGroups"`
	Notes        string   `json:"notes"`
	Callsign     string   `json:"callsign"`
	Team         string   `json:"team"`
	Role         string   `json:"role"`
	Takv         string   `json:"takv"`
	UID          string   `json:"uid"`
}

// contacts serves who is and was there.
func (s *Server) contacts() {
	s.api.HandleFunc("GET /Marti/api/clientEndPoints", s.clientEndPoints)
	for _, path := range []string{"all", "all/lite", "all/full"} {
		s.api.HandleFunc("GET /Marti/api/contacts/"+path, func(w http.ResponseWriter, r *http.Request) {
			list := []contact{}
			for _, c := range sorted(s.deps.Router.Contacts(reply.From(r).Identity), r) {
				list = append(list, contact{Notes: c.User, Callsign: c.Callsign, Team: c.Team, Role: c.Role, Takv: takv(c.Takv), UID: c.UID})
			}
			reply.JSON(w, http.StatusOK, list)
		})
	}
}

func takv(t wire.Takv) string {
	if t.Version == "" {
		return t.Platform
	}
	return t.Platform + ": " + t.Version
}

func (s *Server) clientEndPoints(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var since time.Time
	if ago, err := strconv.ParseInt(q.Get("secAgo"), 10, 64); err == nil && ago > 0 && ago < 1<<32 {
		since = time.Now().Add(-time.Duration(ago) * time.Second)
	}
	list, err := s.deps.Router.Endpoints(r.Context(), reply.From(r).Identity, since)
	if err != nil {
		s.log.Error("the devices could not be read", "error", err)
		reply.Error(w, http.StatusInternalServerError, "The devices could not be read.")
		return
	}
	if q.Get("showMostRecentOnly") == "true" {
		list = newestOfEach(list)
	}
	out := []endpoint{}
	for _, c := range list {
		if q.Get("showCurrentlyConnectedClients") == "true" && !c.Connected || q.Get("group") != "" && c.Team != q.Get("group") {
			continue
		}
		out = append(out, endpointOf(c))
	}
	s.deps.Node.Envelope(w, "com.bbn.marti.remote.ClientEndpoint", out)
}

func endpointOf(c cot.Contact) endpoint {
	status := "Disconnected"
	if c.Connected {
		status = "Connected"
	}
	return endpoint{Callsign: c.Callsign, UID: c.UID, Username: c.User, Team: c.Team, Role: c.Role,
		LastEventTime: wire.FormatTime(c.LastSeen.UnixMilli()), LastStatus: status}
}

// newestOfEach keeps of each call sign the device seen last.
func newestOfEach(list []cot.Contact) []cot.Contact {
	last := make(map[string]time.Time)
	for _, c := range list {
		if c.LastSeen.After(last[c.Callsign]) {
			last[c.Callsign] = c.LastSeen
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(c cot.Contact) bool { return !c.LastSeen.Equal(last[c.Callsign]) })
}

// sorted orders contacts by the parameters sortBy (CALLSIGN, UID) and direction.
func sorted(list []cot.Contact, r *http.Request) []cot.Contact {
	q := r.URL.Query()
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b cot.Contact) int {
		if q.Get("sortBy") == "UID" {
			return cmp.Compare(a.UID, b.UID)
		}
		return cmp.Compare(strings.ToLower(a.Callsign), strings.ToLower(b.Callsign))
	})
	if q.Get("direction") == "DESCENDING" {
		slices.Reverse(list)
	}
	return list
}
