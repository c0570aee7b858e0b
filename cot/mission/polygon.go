package mission

import (
	"errors"
	"strconv"
	"strings"
)

// polygon is an area in degrees; without corners it is everywhere.
type polygon []Location

const maxCorners = 1000

var errPolygon = errors.New("mission: not a polygon")

// parsePolygon reads a WKT polygon, POLYGON((lon lat, lon lat, …)), without
// holes; "" is everywhere.
func parsePolygon(s string) (polygon, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	const word = "POLYGON"
	if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
		return nil, errPolygon
	}
	s = strings.TrimSpace(s[len(word):])
	if !strings.HasPrefix(s, "((") || !strings.HasSuffix(s, "))") || len(s) < 4 {
		return nil, errPolygon
	}
	var out polygon
	for corner := range strings.SplitSeq(s[2:len(s)-2], ",") {
		xy := strings.Fields(corner)
		if len(xy) != 2 || len(out) >= maxCorners {
			return nil, errPolygon
		}
		lon, err1 := strconv.ParseFloat(xy[0], 64)
		lat, err2 := strconv.ParseFloat(xy[1], 64)
		if err1 != nil || err2 != nil || !(lon >= -180 && lon <= 180 && lat >= -90 && lat <= 90) {
			return nil, errPolygon
		}
		out = append(out, Location{lat, lon})
	}
	if len(out) < 3 {
		return nil, errPolygon
	}
	return out, nil
}

// contains reports whether a place is inside: a ray to the east crosses the
// border an odd number of times.
func (p polygon) contains(lat, lon float64) bool {
	if len(p) == 0 {
		return true
	}
	in := false
	j := len(p) - 1
	for i := range p {
		a, b := p[i], p[j]
		if (a.Lat > lat) != (b.Lat > lat) && lon < (b.Lon-a.Lon)*(lat-a.Lat)/(b.Lat-a.Lat)+a.Lon {
			in = !in
		}
		j = i
	}
	return in
}
