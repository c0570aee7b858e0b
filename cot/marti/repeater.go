package marti

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster/cot/marti/reply"
	"muster/cot/wire"
)

// repeatable is an entry of /Marti/api/repeater/list.
type repeatable struct {
	UID        string `json:"uid"`
	RepeatType string `json:"repeatType"`
	CotType    string `json:"cotType"`
	Activated  string `json:"dateTimeActivated"`
	XML        string `json:"xml"`
	Callsign   string `json:"callsign"`
}

// repeater serves the alerts that are being repeated.
func (s *Server) repeater() {
	s.api.HandleFunc("GET /Marti/api/repeater/list", admin(func(w http.ResponseWriter, r *http.Request) {
		list := []repeatable{}
		for _, e := range s.deps.Alerts.Emergencies(reply.From(r).Identity) {
			list = append(list, repeatable{e.UID, e.Kind, e.Type, wire.FormatTime(e.Started.UnixMilli()), strings.TrimSpace(string(e.Event.XML())), e.Callsign})
		}
		s.deps.Node.Envelope(w, "com.bbn.marti.remote.Repeatable", list)
	}))
	s.api.HandleFunc("GET /Marti/api/repeater/period", admin(func(w http.ResponseWriter, _ *http.Request) {
		s.deps.Node.Envelope(w, "java.lang.Integer", s.deps.Alerts.EmergencyPeriod().Milliseconds())
	}))
	s.api.HandleFunc("POST /Marti/api/repeater/period", admin(func(w http.ResponseWriter, r *http.Request) {
		body, err := reply.Body(w, r, 64)
		if err != nil {
			return
		}
		ms, err := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 32)
		if err == nil {
			err = s.deps.Alerts.SetEmergencyPeriod(time.Duration(ms) * time.Millisecond)
		}
		if err != nil {
			reply.Error(w, http.StatusBadRequest, "The period is a number of milliseconds from 1000 to 3600000.")
			return
		}
		s.deps.Node.Envelope(w, "java.lang.Boolean", true)
	}))
	s.api.HandleFunc("GET /Marti/api/repeater/remove/{uid}", admin(func(w http.ResponseWriter, r *http.Request) {
		done, err := s.deps.Alerts.CancelEmergency(r.Context(), reply.From(r).Identity, r.PathValue("uid"))
		if err != nil {
			s.fail(w, "an alert could not be cancelled", err)
			return
		}
		s.deps.Node.Envelope(w, "java.lang.Boolean", done)
	}))
}
