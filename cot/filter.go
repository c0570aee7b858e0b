package cot

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"muster/cot/wire"
)

// maxAreas is how many boxes a geographic filter may have.
const maxAreas = 64

// areas is a geographic filter: only what lies in one of the boxes is sent.
type areas struct {
	boxes   []area
	devices bool // the reports of TAK clients are held to it, too
}

type area struct{ west, south, east, north float64 }

// pass reports whether e is to be sent. Only things with a place on the map are
// held back: positions, markers and drawings.
func (a *areas) pass(e *Event) bool {
	switch {
	case !strings.HasPrefix(e.Type, "a-") && !strings.HasPrefix(e.Type, "b-m-") && !strings.HasPrefix(e.Type, "u-"):
		return true
	case e.self && !a.devices:
		return true
	}
	for _, b := range a.boxes {
		if b.holds(e.Point) {
			return true
		}
	}
	return false
}

func (b area) holds(p wire.Point) bool {
	if p.Lat < b.south || p.Lat > b.north {
		return false
	}
	if b.west <= b.east {
		return p.Lon >= b.west && p.Lon <= b.east
	}
	return p.Lon >= b.west || p.Lon <= b.east // over the 180th meridian
}

// parseAreas reads a geospatialFilter element; nil means that there is no box,
// which takes the filter away.
func parseAreas(el wire.Element) (*areas, error) {
	a := &areas{devices: el.Attr("filterTAKClients") == "true"}
	for b := range el.Children() {
		if b.Name != "boundingBox" {
			continue
		}
		if len(a.boxes) == maxAreas {
			return nil, fmt.Errorf("a geographic filter has at most %d boxes", maxAreas)
		}
		var box area
		for name, to := range map[string]*float64{
			"minLongitude": &box.west, "minLatitude": &box.south, "maxLongitude": &box.east, "maxLatitude": &box.north,
		} {
			v, err := strconv.ParseFloat(strings.TrimSpace(b.Attr(name)), 64)
			if err != nil || !(v >= -180 && v <= 180) {
				return nil, fmt.Errorf("%s of a geographic filter is no angle", name)
			}
			*to = v
		}
		a.boxes = append(a.boxes, box)
	}
	if len(a.boxes) == 0 {
		return nil, nil
	}
	return a, nil
}

// ErrUnknownClient says that no client with that uid is connected.
var ErrUnknownClient = errors.New("no client with this uid is connected")

// SetFilter gives a connected device a geographic filter: the XML of a
// geospatialFilter element; nil takes it away.
func (r *Router) SetFilter(uid string, filter []byte) error {
	var a *areas
	if filter != nil {
		el, err := wire.ParseElement(filter, r.limits)
		if err != nil {
			return fmt.Errorf("cot: filter: %w", err)
		}
		if el.Name != "geospatialFilter" {
			return fmt.Errorf("cot: filter: the element is called %s", el.Name)
		}
		if a, err = parseAreas(el); err != nil {
			return fmt.Errorf("cot: filter: %w", err)
		}
	}
	live := r.bound(uid)
	if len(live) == 0 {
		return fmt.Errorf("cot: filter: %w", ErrUnknownClient)
	}
	for _, c := range live {
		r.change(c, func(st *clientState) { st.filter = a })
	}
	return nil
}
