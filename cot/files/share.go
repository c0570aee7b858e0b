package files

import (
	"crypto/rand"
	"strconv"
	"time"

	"muster/cot/wire"
)

// Share returns the event that offers f to clients: they fetch it from url, which
// names its content on this server (/Marti/sync/content?hash=…). The sender is
// who the receivers see and acknowledge to.
func Share(f File, url, senderUID, senderCallsign string, now time.Time) *wire.Event {
	e := wire.New(rand.Text(), "b-f-t-r", "h-e", now, 10*time.Second)
	if f.Place != nil {
		e.Point.Lat, e.Point.Lon, e.Point.HAE = f.Place.Lat, f.Place.Lon, f.Place.Alt
	}
	e.AddDetail(wire.AppendElement(nil, "fileshare", nil,
		wire.Attr{Name: "filename", Value: f.Filename}, wire.Attr{Name: "name", Value: f.Name}, wire.Attr{Name: "senderUrl", Value: url},
		wire.Attr{Name: "sizeInBytes", Value: strconv.FormatInt(f.Size, 10)}, wire.Attr{Name: "sha256", Value: f.Hash},
		wire.Attr{Name: "senderUid", Value: senderUID}, wire.Attr{Name: "senderCallsign", Value: senderCallsign}))
	e.AddDetail(wire.AppendElement(nil, "ackrequest", nil,
		wire.Attr{Name: "uid", Value: rand.Text()}, wire.Attr{Name: "ackrequested", Value: "true"}, wire.Attr{Name: "tag", Value: f.Name}))
	return e
}
