package sip

import (
	"slices"
	"strings"
	"time"
)

// CallInfo describes a call to people.
type CallInfo struct {
	ID       string        `json:"id"`
	User     string        `json:"user,omitempty" doc:"Whose phone it is; empty for strangers and trunks."`
	From     string        `json:"from"`
	To       string        `json:"to"`
	Room     string        `json:"room,omitempty"`
	Trunk    string        `json:"trunk,omitempty"`
	Outbound bool          `json:"outbound" doc:"Whether the server calls the phone."`
	State    string        `json:"state" enum:"new,ringing,up,over"`
	Audio    string        `json:"audio,omitempty" doc:"Codec of the sound."`
	Video    string        `json:"video,omitempty" doc:"Codec of the picture."`
	Secure   bool          `json:"secure" doc:"Whether media is encrypted."`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration" doc:"In nanoseconds."`
}

// Calls returns the calls of now, oldest first.
func (s *Server) Calls() []CallInfo {
	s.mu.Lock()
	legs := make([]*leg, 0, len(s.legs))
	for _, l := range s.legs {
		legs = append(legs, l)
	}
	s.mu.Unlock()
	out := make([]CallInfo, 0, len(legs))
	for _, l := range legs {
		out = append(out, l.describe())
	}
	slices.SortFunc(out, func(a, b CallInfo) int { return a.Started.Compare(b.Started) })
	return out
}

// Registration describes a phone that is registered here.
type Registration struct {
	User      string    `json:"user"`
	Contact   string    `json:"contact" doc:"Where the phone says it is."`
	Remote    string    `json:"remote" doc:"Where its messages come from."`
	Transport string    `json:"transport" enum:"udp,tcp,tls,wss"`
	Agent     string    `json:"agent,omitempty"`
	Expires   time.Time `json:"expires"`
}

// Registrations returns the phones that are registered, by user.
func (s *Server) Registrations() []Registration {
	r := s.reg
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Registration
	for _, list := range r.users {
		for _, b := range list {
			out = append(out, Registration{
				User: b.user, Contact: b.key, Remote: b.flow.Remote().String(), Transport: b.flow.Network(), Agent: legible(b.agent), Expires: b.expires,
			})
		}
	}
	slices.SortFunc(out, func(a, b Registration) int {
		if c := strings.Compare(a.User, b.User); c != 0 {
			return c
		}
		return strings.Compare(a.Contact, b.Contact)
	})
	return out
}

// TrunkInfo describes a trunk to people.
type TrunkInfo struct {
	Name       string    `json:"name"`
	Address    string    `json:"address"`
	Transport  string    `json:"transport" enum:"udp,tcp,tls"`
	Registers  bool      `json:"registers" doc:"Whether we register there."`
	Registered bool      `json:"registered" doc:"Whether that has succeeded."`
	Error      string    `json:"error,omitempty" doc:"Why it has not."`
	Since      time.Time `json:"since,omitzero" doc:"When that was found."`
	Calls      int       `json:"calls" doc:"Calls over it now."`
}

// Trunks returns the trunks in the order of the configuration.
func (s *Server) Trunks() []TrunkInfo {
	out := make([]TrunkInfo, 0, len(s.trunks))
	for _, t := range s.trunks {
		t.mu.Lock()
		i := TrunkInfo{
			Name: t.cfg.Name, Address: t.cfg.Address, Transport: t.cfg.Transport, Registers: t.cfg.Register,
			Registered: t.registered, Error: t.fault, Since: t.since,
		}
		t.mu.Unlock()
		s.caps.mu.Lock()
		i.Calls = s.caps.trunks[t.cfg.Name]
		s.caps.mu.Unlock()
		out = append(out, i)
	}
	return out
}
