package events

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"muster/cot/history"
	"muster/cot/wire"
)

// document writes a KML document (OGC 07-147r2, with Google's track extension).
type document struct{ b []byte }

const (
	kmlType = "application/vnd.google-earth.kml+xml"
	kmzType = "application/vnd.google-earth.kmz"
)

func newDocument(name string) *document {
	d := &document{b: []byte(`<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document>`)}
	d.text("name", name)
	return d
}

func (d *document) raw(s string) { d.b = append(d.b, s...) }

// text writes an element that holds s.
func (d *document) text(name, s string) {
	d.raw("<" + name + ">")
	d.b = wire.AppendText(d.b, s)
	d.raw("</" + name + ">")
}

// bytes ends the document.
func (d *document) bytes() []byte {
	d.raw("</Document></kml>")
	return append([]byte(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"), d.b...)
}

// colours are those of the teams, as KML writes them: alpha, blue, green, red.
var colours = map[string]string{
	"White": "ffffffff", "Yellow": "ff00ffff", "Orange": "ff0077ff", "Magenta": "ffff00ff", "Red": "ff0000ff", "Maroon": "ff00007f",
	"Purple": "ff7f007f", "Dark Blue": "ff7f0000", "Blue": "ffff0000", "Cyan": "ffffff00", "Teal": "ff7f7f00", "Green": "ff00ff00",
	"Dark Green": "ff007f00", "Brown": "ff2c53a2",
}

// style draws a line in the team's colour, or in that of the affiliation.
func (d *document) style(team, typ string) {
	colour, ok := colours[team]
	switch {
	case ok:
	case strings.HasPrefix(typ, "a-h"):
		colour = "ff0000ff"
	case strings.HasPrefix(typ, "a-n"):
		colour = "ff00ff00"
	case strings.HasPrefix(typ, "a-f"):
		colour = "ffffff00"
	default:
		colour = "ff00ffff"
	}
	d.raw("<Style><LineStyle><color>" + colour + "</color><width>3</width></LineStyle></Style>")
}

func (d *document) extended(pairs ...string) {
	d.raw("<ExtendedData>")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		d.b = wire.AppendElement(d.b, "Data", appendValue(pairs[i+1]), wire.Attr{Name: "name", Value: pairs[i]})
	}
	d.raw("</ExtendedData>")
}

func appendValue(s string) []byte { return wire.AppendElement(nil, "value", wire.AppendText(nil, s)) }

func stamp(ms int64) string { return wire.FormatTime(ms) }

func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 7, 64) }

func metres(v float64) string {
	if math.IsNaN(v) || v >= wire.Unknown {
		return "0"
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// track writes the track of one thing. It is interrupted where nothing was heard
// of it for longer than gap.
func (d *document) track(t history.Track, gap time.Duration, extended bool) {
	d.raw("<Placemark>")
	d.text("name", name(t.Callsign, t.UID))
	d.style(t.Team, t.Type)
	if extended {
		d.extended("uid", t.UID, "cotType", t.Type, "callsign", t.Callsign, "groupName", t.Team, "groupRole", t.Role, "user", t.User)
	}
	d.raw("<gx:MultiTrack><gx:interpolate>0</gx:interpolate>")
	for from := 0; from < len(t.Points); {
		to := from + 1
		for to < len(t.Points) && t.Points[to].Time-t.Points[to-1].Time <= gap.Milliseconds() {
			to++
		}
		d.raw("<gx:Track><altitudeMode>absolute</altitudeMode>")
		for _, p := range t.Points[from:to] {
			d.raw("<when>" + stamp(p.Time) + "</when>")
		}
		for _, p := range t.Points[from:to] {
			d.raw("<gx:coord>" + degrees(p.Lon) + " " + degrees(p.Lat) + " " + metres(p.HAE) + "</gx:coord>")
		}
		d.raw("</gx:Track>")
		from = to
	}
	d.raw("</gx:MultiTrack></Placemark>")
}

// place writes where one thing is.
func (d *document) place(r history.Record, extended bool) {
	d.raw("<Placemark>")
	d.text("name", name(r.Callsign, r.UID))
	d.raw("<TimeStamp><when>" + stamp(r.Received) + "</when></TimeStamp>")
	d.style(r.Team, r.Type)
	if extended {
		d.extended("uid", r.UID, "cotType", r.Type, "callsign", r.Callsign, "groupName", r.Team, "groupRole", r.Role, "user", r.User)
	}
	d.raw("<Point><altitudeMode>absolute</altitudeMode><coordinates>" + degrees(r.Point.Lon) + "," + degrees(r.Point.Lat) + "," + metres(r.Point.HAE) + "</coordinates></Point></Placemark>")
}

func name(callsign, uid string) string {
	if callsign != "" {
		return callsign
	}
	return uid
}

// kmlLimits bound a document that is handed in.
func kmlLimits() wire.Limits { return wire.Limits{Event: maxKML, Depth: 32, Attrs: 64} }

const (
	maxKML    = 16 << 20
	maxKMZ    = 16 << 20
	maxPoints = 100_000
)

// readKML finds the points with a time in a document: tracks, lines with a time
// span, whose points are spread over it, and single places.
func readKML(b []byte) ([]history.TrackPoint, error) {
	root, err := wire.ParseElement(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), kmlLimits())
	if err != nil {
		return nil, err
	}
	var k kmlReader
	k.walk(root)
	return k.points, nil
}

type kmlReader struct{ points []history.TrackPoint }

// local is an element's name without the prefix of its namespace.
func local(el wire.Element) string { return el.Name[strings.LastIndexByte(el.Name, ':')+1:] }

func (k *kmlReader) walk(el wire.Element) {
	for c := range el.Children() {
		switch local(c) {
		case "Track":
			k.track(c)
		case "Placemark":
			k.placemark(c)
			k.walk(c)
		case "Document", "Folder", "MultiTrack":
			k.walk(c)
		}
	}
}

func (k *kmlReader) add(p history.TrackPoint) {
	if len(k.points) <= maxPoints {
		k.points = append(k.points, p)
	}
}

// track reads a gx:Track: the times, then the places, in pairs.
func (k *kmlReader) track(el wire.Element) {
	var times []int64
	n := 0
	for c := range el.Children() {
		switch local(c) {
		case "when":
			t, err := wire.ParseTime(strings.TrimSpace(c.Text()))
			if err != nil {
				t = 0 // has no time: it is left out later
			}
			if len(times) <= maxPoints {
				times = append(times, t)
			}
		case "coord":
			if p, ok := place(strings.Fields(c.Text())); ok && n < len(times) {
				p.Time = times[n]
				k.add(p)
			}
			n++
		}
	}
}

// placemark reads a Point with a TimeStamp, or a LineString with a TimeSpan.
func (k *kmlReader) placemark(el wire.Element) {
	var begin, end int64
	if ts, ok := childOf(el, "TimeStamp"); ok {
		begin = timeOf(ts, "when")
		end = begin
	}
	if ts, ok := childOf(el, "TimeSpan"); ok {
		begin, end = timeOf(ts, "begin"), timeOf(ts, "end")
	}
	if begin == 0 {
		return
	}
	for _, shape := range []string{"Point", "LineString"} {
		s, ok := childOf(el, shape)
		if !ok {
			continue
		}
		c, ok := childOf(s, "coordinates")
		if !ok {
			continue
		}
		fields := strings.Fields(c.Text())
		for i, f := range fields[:min(len(fields), maxPoints)] {
			p, ok := place(strings.Split(f, ","))
			if !ok {
				continue
			}
			p.Time = begin
			if len(fields) > 1 && end > begin {
				p.Time += int64(float64(end-begin) * float64(i) / float64(len(fields)-1))
			}
			k.add(p)
		}
	}
}

func childOf(el wire.Element, name string) (wire.Element, bool) {
	for c := range el.Children() {
		if local(c) == name {
			return c, true
		}
	}
	return wire.Element{}, false
}

func timeOf(el wire.Element, name string) int64 {
	c, ok := childOf(el, name)
	if !ok {
		return 0
	}
	t, err := wire.ParseTime(strings.TrimSpace(c.Text()))
	if err != nil {
		return 0
	}
	return t
}

// place reads longitude, latitude and, maybe, height.
func place(f []string) (history.TrackPoint, bool) {
	p := history.TrackPoint{HAE: math.NaN(), Speed: math.NaN(), Course: math.NaN()}
	if len(f) < 2 {
		return p, false
	}
	lon, err1 := strconv.ParseFloat(f[0], 64)
	lat, err2 := strconv.ParseFloat(f[1], 64)
	if err1 != nil || err2 != nil || !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) {
		return p, false
	}
	p.Lat, p.Lon = lat, lon
	if len(f) > 2 {
		if h, err := strconv.ParseFloat(f[2], 64); err == nil && math.Abs(h) < 1e6 {
			p.HAE = h
		}
	}
	return p, true
}
