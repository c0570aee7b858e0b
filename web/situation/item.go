// Package situation turns what the TAK router knows into what the pages show:
// items on the map, contacts, chat and alerts, as a live channel for each page.
//
// A page listens as an observer of the router; a user who writes from a page is
// a client of the router like any other device, under one uid for all pages.
package situation

import (
	"strconv"
	"strings"

	"muster/cot/wire"
)

// Item is anything that has a place on the map. Times are milliseconds since
// 1970; what is absent was not said.
type Item struct {
	UID       string   `json:"uid"`
	Type      string   `json:"type"`
	How       string   `json:"how,omitempty"`
	Time      int64    `json:"time"`
	Start     int64    `json:"start"`
	Stale     int64    `json:"stale"`
	Lat       float64  `json:"lat"`
	Lon       float64  `json:"lon"`
	HAE       *float64 `json:"hae,omitempty"`
	CE        *float64 `json:"ce,omitempty"`
	LE        *float64 `json:"le,omitempty"`
	Callsign  string   `json:"callsign"`
	Team      string   `json:"team,omitempty"`
	Role      string   `json:"role,omitempty"`
	Course    *float64 `json:"course,omitempty"`
	Speed     *float64 `json:"speed,omitempty"`
	Battery   *int     `json:"battery,omitempty"`
	Remarks   string   `json:"remarks,omitempty"`
	User      string   `json:"user,omitempty"`
	Groups    []string `json:"groups"`
	Connected bool     `json:"connected,omitempty"`
	Archive   bool     `json:"archive,omitempty"`

	Color        *int32        `json:"color,omitempty"`
	StrokeColor  *int32        `json:"strokeColor,omitempty"`
	FillColor    *int32        `json:"fillColor,omitempty"`
	StrokeWeight *float64      `json:"strokeWeight,omitempty"`
	Labels       *bool         `json:"labels,omitempty"`
	Points       [][2]float64  `json:"points,omitempty"`
	Closed       bool          `json:"closed,omitempty"`
	Route        bool          `json:"route,omitempty"`
	Ellipse      *Ellipse      `json:"ellipse,omitempty"`
	RangeBearing *RangeBearing `json:"rangeBearing,omitempty"`
	Sensor       *Sensor       `json:"sensor,omitempty"`
	Video        *Video        `json:"video,omitempty"`
	Icon         string        `json:"icon,omitempty"`
	Parent       string        `json:"parent,omitempty"`
	Height       *float64      `json:"height,omitempty"`
	Geofence     bool          `json:"geofence,omitempty"`
	Emergency    string        `json:"emergency,omitempty"`
}

// The shapes an item may have. Lengths are metres, angles degrees.
type (
	Ellipse struct {
		Major float64 `json:"major"`
		Minor float64 `json:"minor"`
		Angle float64 `json:"angle"`
	}
	RangeBearing struct {
		Range   float64 `json:"range"`
		Bearing float64 `json:"bearing"`
	}
	Sensor struct {
		Azimuth float64  `json:"azimuth"`
		FOV     float64  `json:"fov"`
		VFOV    *float64 `json:"vfov,omitempty"`
		Range   float64  `json:"range"`
	}
	Video struct {
		URL   string `json:"url"`
		Alias string `json:"alias,omitempty"`
	}
)

// maxPoints bounds the points of a shape that a page is asked to draw.
const maxPoints = 5000

// ItemOf describes an event that user sent to groups.
func ItemOf(e *wire.Event, user string, groups []string) Item {
	it := Item{
		UID: e.UID, Type: e.Type, How: e.How, Time: e.Time, Start: e.Start, Stale: e.Stale,
		Lat: e.Point.Lat, Lon: e.Point.Lon, HAE: known(e.Point.HAE), CE: known(e.Point.CE), LE: known(e.Point.LE),
		Callsign: e.Contact.Callsign, Team: e.Group.Name, Role: e.Group.Role, User: user, Groups: groups,
		Course: finite(e.Course), Speed: finite(e.Speed), Route: strings.HasPrefix(e.Type, "b-m-r"),
	}
	if it.Groups == nil {
		it.Groups = []string{}
	}
	if e.Battery >= 0 {
		it.Battery = &e.Battery
	}
	for el := range e.Children() {
		it.detail(el)
	}
	if n := len(it.Points); n > 3 && it.Points[0] == it.Points[n-1] {
		it.Points, it.Closed = it.Points[:n-1], true
	}
	if e.Type == "u-d-r" || e.Type == "u-d-p" {
		it.Closed = true
	}
	return it
}

// detail reads one element of the details.
func (it *Item) detail(el wire.Element) {
	switch el.Name {
	case "remarks":
		it.Remarks = strings.TrimSpace(el.Text())
	case "archive":
		it.Archive = true
	case "color":
		it.Color = colour(el, "argb", "value")
	case "strokeColor":
		it.StrokeColor = colour(el, "value")
	case "fillColor":
		it.FillColor = colour(el, "value")
	case "strokeWeight":
		it.StrokeWeight = number(el, "value")
	case "height":
		it.Height = number(el, "value")
	case "labels_on":
		on := el.Attr("value") == "true"
		it.Labels = &on
	case "link":
		it.link(el)
	case "shape":
		it.shape(el)
	case "range":
		if v := number(el, "value"); v != nil {
			it.bearing().Range = *v
		}
	case "bearing":
		if v := number(el, "value"); v != nil {
			it.bearing().Bearing = *v
		}
	case "sensor":
		it.sensor(el)
	case "__video":
		it.video(el)
	case "usericon":
		it.Icon = el.Attr("iconsetpath")
	case "__geofence":
		it.Geofence = true
	case "emergency":
		if el.Attr("cancel") != "true" {
			it.Emergency = el.Attr("type")
		}
	}
}

// link is a point of a shape or route, or who made the item.
func (it *Item) link(el wire.Element) {
	if p := el.Attr("point"); p != "" {
		lat, rest, _ := strings.Cut(p, ",")
		lon, _, _ := strings.Cut(rest, ",")
		it.point(lat, lon)
		return
	}
	if el.Attr("relation") == "p-p" && it.Parent == "" {
		it.Parent = el.Attr("uid")
	}
}

func (it *Item) point(lat, lon string) {
	y, err1 := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	x, err2 := strconv.ParseFloat(strings.TrimSpace(lon), 64)
	if err1 == nil && err2 == nil && y >= -90 && y <= 90 && x >= -180 && x <= 180 && len(it.Points) < maxPoints {
		it.Points = append(it.Points, [2]float64{y, x})
	}
}

func (it *Item) shape(el wire.Element) {
	if e, ok := el.Child("ellipse"); ok {
		major, minor, angle := number(e, "major"), number(e, "minor"), number(e, "angle")
		if major != nil && minor != nil {
			it.Ellipse = &Ellipse{Major: *major, Minor: *minor, Angle: or(angle, 0)}
		}
	}
	if p, ok := el.Child("polyline"); ok {
		it.Closed = p.Attr("closed") == "true"
		for v := range p.Children() {
			if v.Name == "vertex" {
				it.point(v.Attr("lat"), v.Attr("lon"))
			}
		}
	}
}

func (it *Item) bearing() *RangeBearing {
	if it.RangeBearing == nil {
		it.RangeBearing = &RangeBearing{}
	}
	return it.RangeBearing
}

func (it *Item) sensor(el wire.Element) {
	azimuth, fov := number(el, "azimuth"), number(el, "fov")
	if azimuth == nil || fov == nil {
		return
	}
	it.Sensor = &Sensor{Azimuth: *azimuth, FOV: *fov, VFOV: number(el, "vfov"), Range: or(number(el, "range"), 100)}
}

func (it *Item) video(el wire.Element) {
	v := Video{URL: el.Attr("url")}
	if c, ok := el.Child("ConnectionEntry"); ok {
		v.Alias = c.Attr("alias")
		if v.URL == "" {
			v.URL = address(c)
		}
	}
	if v.URL != "" {
		it.Video = &v
	}
}

// address puts a ConnectionEntry together as ATAK does: protocol, address, port,
// path; the address of a "raw" one is the whole URL.
func address(c wire.Element) string {
	host, port := c.Attr("address"), c.Attr("port")
	switch {
	case host == "" || c.Attr("protocol") == "raw":
		return host
	case port != "" && port != "-1":
		host += ":" + port
	}
	return c.Attr("protocol") + "://" + host + c.Attr("path")
}

// known returns v unless it says that it is not known.
func known(v float64) *float64 {
	if v >= wire.Unknown {
		return nil
	}
	return finite(v)
}

func finite(v float64) *float64 {
	if v != v || v > 1e12 || v < -1e12 {
		return nil
	}
	return &v
}

func number(el wire.Element, attr string) *float64 {
	v, err := strconv.ParseFloat(el.Attr(attr), 64)
	if err != nil {
		return nil
	}
	return finite(v)
}

func or(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}

// colour reads a signed ARGB integer from the first attribute that has one.
func colour(el wire.Element, attrs ...string) *int32 {
	for _, a := range attrs {
		if v, err := strconv.ParseInt(el.Attr(a), 10, 64); err == nil {
			c := int32(v) // as clients write it: unsigned forms wrap
			return &c
		}
	}
	return nil
}
