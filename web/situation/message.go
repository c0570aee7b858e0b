package situation

import (
	"slices"
	"time"

	"muster/cot"
	"muster/cot/history"
)

// Message is one message of the live channel.
type Message struct {
	Kind        string            `json:"kind"`
	Items       []Item            `json:"items,omitempty"`
	UIDs        []string          `json:"uids,omitempty"`
	Contacts    []Contact         `json:"contacts,omitempty"`
	Emergencies *[]Emergency      `json:"emergencies,omitempty"`
	Messages    []history.Message `json:"messages,omitempty"`
	Name        string            `json:"name,omitempty"`
	GUID        string            `json:"guid,omitempty"`
	Change      string            `json:"change,omitempty"`
	Voice       []Present         `json:"voice,omitempty"`
	Left        []string          `json:"left,omitempty"` // ids of Present
	Talking     *[]string         `json:"talking,omitempty"`
}

// Snapshot is the first message of the live channel, and comes again when rights
// have changed: the whole situation.
type Snapshot struct {
	Kind        string      `json:"kind"`
	Items       []Item      `json:"items"`
	Contacts    []Contact   `json:"contacts"`
	Emergencies []Emergency `json:"emergencies"`
	UID         string      `json:"uid"`
	Voice       []Present   `json:"voice"`
	Talking     []string    `json:"talking"` // ids of Voice
}

// Contact is a device as the pages show it.
type Contact struct {
	UID       string    `json:"uid"`
	Callsign  string    `json:"callsign"`
	User      string    `json:"user"`
	Team      string    `json:"team"`
	Role      string    `json:"role"`
	Takv      Takv      `json:"takv"`
	Battery   int       `json:"battery" doc:"Percent; -1 is unknown."`
	Groups    []string  `json:"groups"`
	Connected bool      `json:"connected"`
	LastSeen  time.Time `json:"lastSeen"`
	Lat       *float64  `json:"lat,omitempty"`
	Lon       *float64  `json:"lon,omitempty"`
	Type      string    `json:"type,omitempty"`
	Phone     string    `json:"phone,omitempty"`
}

// Takv is the program of a device.
type Takv struct {
	Device   string `json:"device"`
	Platform string `json:"platform"`
	OS       string `json:"os"`
	Version  string `json:"version"`
}

// ContactOf describes a device.
func ContactOf(c cot.Contact) Contact {
	out := Contact{
		UID: c.UID, Callsign: c.Callsign, User: c.User, Team: c.Team, Role: c.Role, Takv: Takv(c.Takv), Battery: c.Battery,
		Groups: append([]string{}, c.Groups...), Connected: c.Connected, LastSeen: c.LastSeen, Type: c.Type, Phone: c.Phone,
	}
	if c.Position != nil {
		out.Lat, out.Lon = &c.Position.Lat, &c.Position.Lon
	}
	return out
}

// same reports whether a page would show a and b alike; the time of the last
// report alone is no news within ten seconds.
func (a Contact) same(b Contact) bool {
	return a.Callsign == b.Callsign && a.User == b.User && a.Team == b.Team && a.Role == b.Role && a.Battery == b.Battery &&
		a.Connected == b.Connected && a.Takv == b.Takv && a.Type == b.Type && a.Phone == b.Phone && slices.Equal(a.Groups, b.Groups) && b.LastSeen.Sub(a.LastSeen) < 10*time.Second
}

// Emergency is an alert as the pages show it.
type Emergency struct {
	UID      string    `json:"uid"`
	Type     string    `json:"type"`
	Kind     string    `json:"kind"`
	Callsign string    `json:"callsign"`
	User     string    `json:"user"`
	Groups   []string  `json:"groups"`
	Started  time.Time `json:"started"`
	Lat      float64   `json:"lat"`
	Lon      float64   `json:"lon"`
}

// EmergencyOf describes an alert.
func EmergencyOf(e cot.Emergency) Emergency {
	return Emergency{e.UID, e.Type, e.Kind, e.Callsign, e.User, append([]string{}, e.Groups...), e.Started, e.Point.Lat, e.Point.Lon}
}
