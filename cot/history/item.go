package history

import (
	"muster/cot"
)

// itemKey names what has a newest state: a uid, as one audience sees it. Two
// audiences are kept apart so that nobody can hide a thing from a group that he
// does not write to.
type itemKey struct {
	uid      string
	audience int64
}

// item is the newest position of a uid. It is not changed once others can see
// it: a newer one takes its place.
type item struct {
	key          itemKey
	id           int64
	first, until int64
	ended        int64
	received     int64
	e            *cot.Event // nil: it is in the database
}

// bare is the item without its event.
func (it *item) bare() *item {
	c := *it
	c.e = nil
	return &c
}

// next is the item after a newer position.
func (it *item) next(e *cot.Event, received int64) *item {
	c := *it
	c.e, c.received, c.ended = e, received, 0
	c.until = max(c.until, e.Stale)
	return &c
}

func (it *item) row() *positionRow {
	e := it.e
	p := pointOf(e.Point)
	return &positionRow{
		ID: it.id, UID: it.key.uid, Audience: it.key.audience, Type: e.Type, How: e.How, Callsign: e.Contact.Callsign,
		Team: e.Group.Name, Role: e.Group.Role, User: e.From.Identity.User, Time: e.Time, Start: e.Start, Stale: e.Stale,
		Received: it.received, First: it.first, Until: it.until, Ended: it.ended, Lat: p.Lat, Lon: p.Lon, HAE: p.HAE, CE: p.CE,
		LE: p.LE, Speed: known(e.Speed), Course: known(e.Course), XML: packXML(e.XML()),
	}
}

func trackOf(id int64, e *cot.Event, received int64) *trackRow {
	p := pointOf(e.Point)
	return &trackRow{Item: id, Received: received, Stale: e.Stale, Lat: p.Lat, Lon: p.Lon, HAE: p.HAE, Speed: known(e.Speed), Course: known(e.Course)}
}
