package missions

import (
	"net/http"
	"strconv"

	"muster/cot/marti/reply"
	"muster/cot/mission"
	"muster/cot/wire"
)

const kmlType = "application/vnd.google-earth.kml+xml"

// kml answers with the places of a mission for map programs (OGC KML 2.2).
func (a *API) kml(r *request) error {
	m, err := a.s.Get(r.ctx(), r.c, r.ref, mission.Want{})
	if err != nil {
		return err
	}
	events, err := a.s.CoT(r.ctx(), r.c, r.ref, "")
	if err != nil {
		return err
	}
	name := "attachment"
	if r.flag("download", false) {
		name = disposition(m.Name + ".kml")
	}
	r.w.Header().Set("Content-Disposition", name)
	reply.Bytes(r.w, http.StatusOK, kmlType, document(m, events))
	return nil
}

func document(m mission.Mission, events []mission.Event) []byte {
	inner := tag(nil, "name", m.Name)
	for _, e := range events {
		ev, err := wire.ParseXML(e.XML, wire.DefaultLimits())
		if err != nil {
			continue // too large for a placemark
		}
		inner = placemark(inner, ev)
	}
	doc := wire.AppendElement(nil, "Document", inner)
	out := []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	return wire.AppendElement(out, "kml", doc, wire.Attr{Name: "xmlns", Value: "http://www.opengis.net/kml/2.2"})
}

func placemark(dst []byte, ev *wire.Event) []byte {
	name := ev.Contact.Callsign
	if name == "" {
		name = ev.UID
	}
	b := tag(nil, "name", name)
	if el, ok := ev.Child("remarks"); ok {
		b = tag(b, "description", el.Text())
	}
	b = wire.AppendElement(b, "TimeStamp", tag(nil, "when", wire.FormatTime(ev.Time)))
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	where := number(ev.Point.Lon) + "," + number(ev.Point.Lat)
	if ev.Point.HAE != wire.Unknown {
		where += "," + number(ev.Point.HAE)
	}
	b = wire.AppendElement(b, "Point", tag(nil, "coordinates", where))
	return wire.AppendElement(dst, "Placemark", b, wire.Attr{Name: "id", Value: ev.UID})
}

func tag(dst []byte, name, text string) []byte {
	return wire.AppendElement(dst, name, wire.AppendText(nil, text))
}
