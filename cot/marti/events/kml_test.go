package events

import "testing"

func FuzzKML(f *testing.F) {
	for _, s := range []string{
		`<kml xmlns:gx="x"><Document><Placemark><gx:Track><when>2026-03-01T12:00:00Z</when><gx:coord>8 50 100</gx:coord></gx:Track></Placemark></Document></kml>`,
		`<kml><Placemark><TimeSpan><begin>2026-03-01T12:00:00Z</begin><end>2026-03-01T12:01:00Z</end></TimeSpan><LineString><coordinates>8,50,1 8.1,50.1,2</coordinates></LineString></Placemark></kml>`,
		`<kml><Placemark><TimeStamp><when>2026</when></TimeStamp><Point><coordinates>NaN,1e999</coordinates></Point></Placemark></kml>`,
		"PK\x03\x04", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := unzipped(b)
		if err != nil {
			return
		}
		points, err := readKML(doc)
		if err != nil {
			return
		}
		for _, p := range points {
			if !(p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180) {
				t.Errorf("%+v", p)
			}
		}
	})
}
