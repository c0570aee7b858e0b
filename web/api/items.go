package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/web/situation"
)

type itemOut struct {
	Body struct {
		Item situation.Item `json:"item"`
		XML  string         `json:"xml" doc:"The event as it was sent."`
	}
}

type trackIn struct {
	UID  string    `path:"uid" maxLength:"300"`
	From time.Time `query:"from"`
	To   time.Time `query:"to"`
}

type trackOut struct {
	Body struct {
		Points []history.TrackPoint `json:"points" doc:"Each [time in ms, latitude, longitude, height, speed, course], null where not known."`
	}
}

type atIn struct {
	Time time.Time `query:"time" required:"true"`
}

type itemsOut struct {
	Body struct {
		Items []situation.Item `json:"items"`
	}
}

type spanOut struct {
	Body struct {
		From *time.Time `json:"from,omitempty"`
		To   *time.Time `json:"to,omitempty"`
	}
}

type newItemIn struct {
	Body struct {
		UID          string   `json:"uid,omitempty" maxLength:"128" doc:"Of an item to change; empty for a new one."`
		Type         string   `json:"type" pattern:"^[a-z](-[A-Za-z0-9.]{1,10}){1,12}$" doc:"CoT type, such as a-h-G."`
		Lat          float64  `json:"lat" minimum:"-90" maximum:"90"`
		Lon          float64  `json:"lon" minimum:"-180" maximum:"180"`
		HAE          *float64 `json:"hae,omitempty" minimum:"-1000" maximum:"100000"`
		Callsign     string   `json:"callsign" minLength:"1" maxLength:"64"`
		Remarks      string   `json:"remarks,omitempty" maxLength:"2000"`
		Color        *int32   `json:"color,omitempty"`
		StaleMinutes int      `json:"staleMinutes,omitempty" minimum:"0" maximum:"525600" doc:"How long it is valid; 0 is a day."`
		Groups       []string `json:"groups,omitempty" maxItems:"100" doc:"Groups that see it; empty: all you may publish to."`
	}
}

type newItemOut struct {
	Body struct {
		UID string `json:"uid"`
	}
}

func (a *API) items() {
	register(a, user, op("getItem", http.MethodGet, "/items/{uid}", "The newest event of a uid"), a.item)
	register(a, user, op("getTrack", http.MethodGet, "/items/{uid}/track", "Where something was"),
		func(ctx context.Context, id auth.Identity, in *trackIn) (*trackOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			points, err := t.History.Track(ctx, id, in.UID, in.From, in.To)
			if err != nil {
				return nil, absent(err)
			}
			out := &trackOut{}
			out.Body.Points = append([]history.TrackPoint{}, points...)
			return out, nil
		})
	register(a, user, op("getSituationAt", http.MethodGet, "/situation/at", "What was on the map at a time"),
		func(ctx context.Context, id auth.Identity, in *atIn) (*itemsOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			out := &itemsOut{}
			out.Body.Items, err = situation.Standing(ctx, t.History, id, in.Time)
			return out, err
		})
	register(a, user, op("getSituationSpan", http.MethodGet, "/situation/span", "From when to when there is history"),
		func(ctx context.Context, id auth.Identity, _ *none) (*spanOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			from, to, err := t.History.Span(ctx, id)
			if err != nil {
				return nil, err
			}
			out := &spanOut{}
			out.Body.From, out.Body.To = timeOf(from), timeOf(to)
			return out, nil
		})
	add := op("putItem", http.MethodPost, "/items", "Put a marker on everybody's map, or change one")
	add.DefaultStatus = http.StatusCreated
	register(a, user, add, a.putItem)
	register(a, user, op("removeItem", http.MethodDelete, "/items/{uid}", "Take something off everybody's map"), a.removeItem)
}

// absent makes sentences of the refusals of the history.
func absent(err error) error {
	switch {
	case errors.Is(err, history.ErrNotFound):
		return refuse(http.StatusNotFound, "There is nothing of that name that you may see.")
	case errors.Is(err, history.ErrInvalid):
		return refuse(http.StatusUnprocessableEntity, "The request is not right.")
	}
	return err
}

func (a *API) item(ctx context.Context, id auth.Identity, in *uidIn) (*itemOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	r, err := t.History.Newest(ctx, id, in.UID)
	if err != nil {
		return nil, absent(err)
	}
	ev, err := r.Event()
	if err != nil {
		return nil, err
	}
	out := &itemOut{}
	out.Body.Item, out.Body.XML = situation.ItemOf(ev, r.User, r.Groups), string(ev.AppendXML(nil))
	return out, nil
}

func (a *API) putItem(ctx context.Context, id auth.Identity, in *newItemIn) (*newItemOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	b := in.Body
	if strings.HasPrefix(b.Type, "t-") || strings.HasPrefix(b.Type, "b-t-") || strings.HasPrefix(b.Type, "b-f-") || strings.HasPrefix(b.Type, "b-a-") {
		return nil, refuse(http.StatusUnprocessableEntity, "This type is no item on the map.")
	}
	out := &newItemOut{}
	out.Body.UID = b.UID
	if b.UID == "" {
		out.Body.UID = "MUSTER-" + strings.ToLower(rand.Text()[:20])
	}
	life := time.Duration(b.StaleMinutes) * time.Minute
	if life == 0 {
		life = 24 * time.Hour
	}
	ev := wire.New(out.Body.UID, b.Type, "h-g-i-g-o", time.Now(), life)
	ev.Point.Lat, ev.Point.Lon = b.Lat, b.Lon
	if b.HAE != nil {
		ev.Point.HAE = *b.HAE
	}
	sign := a.callsign(ctx, id)
	ev.Contact.Callsign = b.Callsign
	ev.AddDetail(wire.AppendElement(nil, "link", nil, wire.Attr{Name: "uid", Value: situation.UID(id.User)}, wire.Attr{Name: "parent_callsign", Value: sign},
		wire.Attr{Name: "type", Value: "a-f-G-U-C"}, wire.Attr{Name: "relation", Value: "p-p"}, wire.Attr{Name: "production_time", Value: wire.FormatTime(time.Now().UnixMilli())}))
	if b.Remarks != "" {
		ev.AddDetail(wire.AppendElement(nil, "remarks", wire.AppendText(nil, b.Remarks)))
	}
	if b.Color != nil {
		ev.AddDetail(wire.AppendElement(nil, "color", nil, wire.Attr{Name: "argb", Value: strconv.Itoa(int(*b.Color))}))
	}
	ev.AddDetail(wire.AppendElement(nil, "archive", nil))
	if err := t.Router.Publish(ctx, a.sender(ctx, id), ev, b.Groups); err != nil {
		return nil, sending(err)
	}
	return out, nil
}

// sender is a user who writes from a page.
func (a *API) sender(ctx context.Context, id auth.Identity) cot.Sender {
	return cot.Sender{Identity: id, UID: situation.UID(id.User), Callsign: a.callsign(ctx, id)}
}

// sending makes sentences of the refusals of the router.
func sending(err error) error {
	switch {
	case errors.Is(err, auth.ErrDenied):
		return refuse(http.StatusForbidden, "You may publish to none of these groups.")
	case errors.Is(err, cot.ErrForeign):
		return refuse(http.StatusForbidden, "This is somebody else's device.")
	}
	return err
}

func (a *API) removeItem(ctx context.Context, id auth.Identity, in *uidIn) (*none, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	r, err := t.History.Newest(ctx, id, in.UID)
	if err != nil {
		return nil, absent(err)
	}
	ev := wire.New(fmt.Sprintf("MUSTER-%s", strings.ToLower(rand.Text()[:20])), "t-x-d-d", "h-g-i-g-o", time.Now(), 20*time.Second)
	ev.AddDetail(wire.AppendElement(nil, "link", nil, wire.Attr{Name: "relation", Value: "p-p"}, wire.Attr{Name: "uid", Value: r.UID}, wire.Attr{Name: "type", Value: r.Type}))
	ev.AddDetail(wire.AppendElement(nil, "__forcedelete", nil))
	return nil, sending(t.Router.Publish(ctx, a.sender(ctx, id), ev, r.Groups))
}
