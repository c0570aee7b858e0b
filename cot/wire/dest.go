package wire

// Dest is one recipient named in a marti element. One without any field names
// somebody that there is no way to.
type Dest struct {
	Callsign, UID, Mission, MissionGUID, Group, Path, After string
}

// Dests reads marti elements, as Cut returns them.
func Dests(marti []Element) []Dest {
	var all []Dest
	for _, m := range marti {
		for el := range m.Children() {
			if el.Name == "dest" {
				all = append(all, Dest{
					Callsign: el.Attr("callsign"), UID: el.Attr("uid"),
					Mission: el.Attr("mission"), MissionGUID: el.Attr("mission-guid"),
					Group: el.Attr("group"), Path: el.Attr("path"), After: el.Attr("after"),
				})
			}
		}
	}
	return all
}

// MartiElement writes a marti element for d.
func MartiElement(d []Dest) []byte {
	var inner []byte
	for _, to := range d {
		inner = append(inner, "<dest"...)
		for _, a := range [...]Attr{
			{"callsign", to.Callsign}, {"uid", to.UID}, {"mission", to.Mission}, {"mission-guid", to.MissionGUID},
			{"group", to.Group}, {"path", to.Path}, {"after", to.After},
		} {
			if a.Value != "" {
				inner = appendAttr(inner, a.Name, a.Value)
			}
		}
		inner = append(inner, "/>"...)
	}
	return AppendElement(nil, "marti", inner)
}
