package history

import (
	"encoding/json"
	"math"
	"time"

	"muster/cot/wire"
)

// Record is an event as the history holds it. Times are milliseconds since 1970.
type Record struct {
	Kind                         string // KindPosition, …
	UID, Type, How               string
	Callsign, Team, Role         string
	User                         string   // who sent it
	SenderUID                    string   // from which device; "" for positions, whose uid it mostly is
	Groups                       []string // it was published to
	Time, Start, Stale, Received int64
	Point                        wire.Point
	Speed, Course                float64 // m/s, degrees; NaN unknown
	Private                      bool    // for single clients or a mission only
	Mission                      string  // it was sent to, by name or guid
	Dests                        []wire.Dest

	stored string // as packXML made it; "" for a position of the past
}

// Event returns the event. That of a position of the past is made anew of what
// the track holds.
func (r Record) Event() (*wire.Event, error) {
	if r.stored == "" {
		return r.rebuilt(), nil
	}
	b, err := unpackXML(r.stored)
	if err != nil {
		return nil, err
	}
	return wire.ParseXML(b, limits())
}

// XML returns the event as one element, without prolog.
func (r Record) XML() ([]byte, error) {
	if r.stored == "" {
		return r.rebuilt().AppendXML(nil), nil
	}
	return unpackXML(r.stored)
}

func (r Record) rebuilt() *wire.Event {
	e := wire.New(r.UID, r.Type, r.How, time.UnixMilli(r.Time), 0)
	e.Time, e.Start, e.Stale, e.Point = r.Time, r.Start, r.Stale, r.Point
	if r.Callsign != "" {
		e.AddDetail(wire.AppendElement(nil, "contact", nil, wire.Attr{Name: "callsign", Value: r.Callsign}))
	}
	if r.Team != "" {
		e.AddDetail(wire.AppendElement(nil, "__group", nil, wire.Attr{Name: "name", Value: r.Team}, wire.Attr{Name: "role", Value: r.Role}))
	}
	if !math.IsNaN(r.Speed) && !math.IsNaN(r.Course) {
		e.AddDetail(wire.AppendElement(nil, "track", nil, wire.Attr{Name: "course", Value: number(r.Course)}, wire.Attr{Name: "speed", Value: number(r.Speed)}))
	}
	return e
}

// TrackPoint is where something was. HAE, Speed and Course are NaN where they
// are not known.
type TrackPoint struct {
	Time          int64 // received, milliseconds since 1970
	Lat, Lon, HAE float64
	Speed, Course float64
}

// MarshalJSON writes [ms, lat, lon, hae, speed, course] with null for what is not
// known.
func (p TrackPoint) MarshalJSON() ([]byte, error) {
	opt := func(v float64) any {
		if math.IsNaN(v) {
			return nil
		}
		return v
	}
	return json.Marshal([]any{p.Time, p.Lat, p.Lon, opt(p.HAE), opt(p.Speed), opt(p.Course)})
}

func (t trackRow) point() TrackPoint {
	p := TrackPoint{Time: t.Received, Lat: t.Lat, Lon: t.Lon, HAE: t.HAE, Speed: nan(t.Speed), Course: nan(t.Course)}
	if p.HAE >= wire.Unknown {
		p.HAE = math.NaN()
	}
	return p
}

// Bounds is a part of the world in degrees. Where West is greater than East it
// goes across the 180th meridian. The zero value is everywhere.
type Bounds struct{ West, South, East, North float64 }

func (b Bounds) everywhere() bool { return b == Bounds{} }

// Contains reports whether a point is inside.
func (b Bounds) Contains(lat, lon float64) bool {
	if b.everywhere() {
		return true
	}
	if lat < b.South || lat > b.North {
		return false
	}
	if b.West <= b.East {
		return lon >= b.West && lon <= b.East
	}
	return lon >= b.West || lon <= b.East
}

func (v *view) ofPosition(r *positionRow) Record {
	return Record{
		Kind: KindPosition, UID: r.UID, Type: r.Type, How: r.How, Callsign: r.Callsign, Team: r.Team, Role: r.Role, User: r.User,
		Groups: v.audiences[r.Audience], Time: r.Time, Start: r.Start, Stale: r.Stale, Received: r.Received,
		Point: wire.Point{Lat: r.Lat, Lon: r.Lon, HAE: r.HAE, CE: r.CE, LE: r.LE}, Speed: nan(r.Speed), Course: nan(r.Course), stored: r.XML,
	}
}

// ofTrack is the position r as it was at t.
func (v *view) ofTrack(r *positionRow, t trackRow) Record {
	c := *r
	c.Time, c.Start, c.Stale, c.Received = t.Received, t.Received, t.Stale, t.Received
	c.Lat, c.Lon, c.HAE, c.CE, c.LE, c.Speed, c.Course, c.XML = t.Lat, t.Lon, t.HAE, wire.Unknown, wire.Unknown, t.Speed, t.Course, ""
	return v.ofPosition(&c)
}

func (v *view) ofEvent(r *eventRow) Record {
	rec := Record{
		Kind: r.Kind, UID: r.UID, Type: r.Type, How: r.How, Callsign: r.Callsign, User: r.SenderUser, SenderUID: r.SenderUID,
		Groups: v.audiences[r.Audience], Time: r.Time, Start: r.Start, Stale: r.Stale, Received: r.Received,
		Point: wire.Point{Lat: r.Lat, Lon: r.Lon, HAE: r.HAE, CE: r.CE, LE: r.LE}, Speed: math.NaN(), Course: math.NaN(),
		Private: r.Private, Mission: r.Mission, stored: r.XML,
	}
	_ = json.Unmarshal([]byte(r.Dests), &rec.Dests) // written by jsonOf; what cannot be read names nobody
	return rec
}

func (v *view) ofChat(r *chatRow) Record {
	return Record{
		Kind: KindChat, UID: r.UID, Type: chatType, How: "h-g-i-g-o", Callsign: r.SenderCallsign, User: r.SenderUser, SenderUID: r.SenderUID,
		Groups: v.audiences[r.Audience], Time: r.Time, Start: r.Time, Stale: r.Time + day.Milliseconds(), Received: r.Received,
		Point: wire.Point{Lat: r.Lat, Lon: r.Lon, HAE: wire.Unknown, CE: wire.Unknown, LE: wire.Unknown},
		Speed: math.NaN(), Course: math.NaN(), Private: r.Private, Mission: r.Mission, stored: r.XML,
	}
}

func (r *eventRow) addressed() addressed {
	return addressed{sender: r.SenderUser, audience: r.Audience, private: r.Private, readers: r.Readers, mission: r.Mission}
}

func (r *chatRow) addressed() addressed {
	a := addressed{sender: r.SenderUser, audience: r.Audience, private: r.Private, readers: r.Readers, mission: r.Mission}
	if r.PeerUser == "" {
		a.peerUID = r.PeerUID
	}
	return a
}
