package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/cot"
	"muster/cot/files"
	"muster/cot/history"
	"muster/cot/mission"
	"muster/internal/auth"
	"muster/web/login"
	"muster/web/situation"
)

// TAK is the TAK server as the pages see it.
type TAK struct {
	Hub      *situation.Hub
	Router   *cot.Router
	History  *history.Service
	Files    *files.Service
	Missions *mission.Service
	Map      func() Map // what the map starts with
}

// Map is what the map starts with.
type Map struct {
	Layers []MapLayer `json:"layers"`
	Center [2]float64 `json:"center" doc:"Latitude and longitude."`
	Zoom   float64    `json:"zoom"`
}

// MapLayer is a source of pictures under the situation.
type MapLayer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Kind        string `json:"kind" enum:"raster,pmtiles"`
	URL         string `json:"url" doc:"With {z}, {x} and {y} for raster; of the archive for pmtiles."`
	Attribution string `json:"attribution"`
	MinZoom     int    `json:"minZoom"`
	MaxZoom     int    `json:"maxZoom"`
}

// Device is an open connection of a TAK client.
type Device struct {
	situation.Contact
	ID        string            `json:"id" doc:"Of the connection."`
	Protocol  string            `json:"protocol"`
	Remote    string            `json:"remote"`
	Subject   string            `json:"subject" doc:"Subject of its certificate."`
	Since     time.Time         `json:"since"`
	Received  int64             `json:"received" doc:"Events it has sent."`
	Incognito bool              `json:"incognito"`
	Metrics   map[string]string `json:"metrics"`
	InGroups  []string          `json:"inGroups" doc:"Groups it publishes to at present."`
	OutGroups []string          `json:"outGroups" doc:"Groups it receives at present."`
	Queue     Queue             `json:"queue"`
}

// Queue is how far a client is behind.
type Queue struct {
	Events   int   `json:"events" doc:"Events that wait."`
	Bytes    int   `json:"bytes"`
	Sent     int64 `json:"sent"`
	Replaced int64 `json:"replaced" doc:"Positions that made way for newer ones."`
	Dropped  int64 `json:"dropped"`
	Version  int   `json:"version" doc:"0 XML, 1 protobuf."`
}

type contactsOut struct {
	Body struct {
		Contacts []situation.Contact `json:"contacts"`
	}
}

type devicesOut struct {
	Body struct {
		Devices []Device `json:"devices"`
	}
}

type emergenciesOut struct {
	Body struct {
		Emergencies []situation.Emergency `json:"emergencies"`
	}
}

type mapOut struct{ Body Map }

type idIn struct {
	ID string `path:"id" maxLength:"300"`
}

type uidIn struct {
	UID string `path:"uid" maxLength:"300"`
}

// whole answers with the TAK server, or says that the server is not running.
func (a *API) whole() (*TAK, error) {
	if a.TAK == nil {
		return nil, errStopped
	}
	return a.TAK, nil
}

func (a *API) situation() {
	o := op("situation", http.MethodGet, "/situation", "The live situation over a WebSocket (RFC 6455)")
	o.Description = "Messages are JSON objects with a kind. The first is \"snapshot\" with items, contacts, emergencies, and who is in which room (voice) and talks (talking); it comes again when your rights change. Then: items, gone, contacts, emergencies, voice (who has come or moved, and the ids of those who left), talk (everybody who talks, four times a second at most), chat, mission, and lagged, which says that messages were lost: open the channel anew."
	o.Responses = map[string]*huma.Response{"101": {Description: "Switching Protocols"}}
	o.DefaultStatus = http.StatusSwitchingProtocols
	register(a, user, o, func(context.Context, auth.Identity, *none) (*eventsOut, error) {
		t, err := a.whole()
		if err != nil {
			return nil, err
		}
		return &eventsOut{func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			a.channel(w, r, false, func(ctx context.Context, who login.Caller, conn *websocket.Conn) error {
				return a.show(ctx, t.Hub, r, who, conn)
			})
		}}, nil
	})
	register(a, user, op("listContacts", http.MethodGet, "/contacts", "Devices that were ever seen, as far as you may see them"),
		func(ctx context.Context, id auth.Identity, _ *none) (*contactsOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			list, err := t.Router.Endpoints(ctx, id, time.Time{})
			if err != nil {
				return nil, err
			}
			out := &contactsOut{}
			out.Body.Contacts = []situation.Contact{}
			for _, c := range list {
				out.Body.Contacts = append(out.Body.Contacts, situation.ContactOf(c))
			}
			return out, nil
		})
	register(a, admin, op("releaseDevice", http.MethodDelete, "/contacts/{uid}", "Forget a device, so that another user can report with its uid; it is disconnected"),
		func(ctx context.Context, id auth.Identity, in *uidIn) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			known, err := t.Router.Release(ctx, in.UID)
			if err != nil {
				return nil, err
			}
			if !known {
				return nil, refuse(http.StatusNotFound, "There is no such device.")
			}
			a.Log.Info("device released", "uid", in.UID, "user", id.User)
			return nil, nil
		})
	register(a, user, op("getMap", http.MethodGet, "/map", "What the map starts with: layers and place"),
		func(context.Context, auth.Identity, *none) (*mapOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			return &mapOut{t.Map()}, nil
		})
	a.connections()
	a.emergencies()
}

// show feeds one page until ctx ends.
func (a *API) show(ctx context.Context, hub *situation.Hub, r *http.Request, who login.Caller, conn *websocket.Conn) error {
	agent := r.UserAgent()
	f, err := hub.Open(cot.Join{
		Identity: who.Identity, Protocol: "web", Remote: login.PeerFrom(ctx).Addr, Agent: agent[:min(len(agent), 200)], Callsign: a.callsign(ctx, who.Identity),
	})
	if err != nil {
		return err
	}
	defer hub.Close(f)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(f.Over(), func() { cancel(errLoggedOut) })()
	for {
		news, err := f.Next(ctx)
		if err != nil || ctx.Err() != nil {
			if f.Over().Err() != nil {
				return errLoggedOut
			}
			return err
		}
		for _, m := range news {
			if err := sendJSON(ctx, conn, m); err != nil {
				return err
			}
		}
		if who.Touch != nil {
			who.Touch()
		}
	}
}

// callsign is what others see of a user who writes from a page.
func (a *API) callsign(ctx context.Context, id auth.Identity) string {
	if u, err := a.Users.User(ctx, id.User); err == nil && u.FullName != "" {
		return u.FullName
	}
	return id.User
}

func (a *API) connections() {
	register(a, user, op("listConnections", http.MethodGet, "/devices", "Open connections of TAK clients: all for operators, those of your contacts for others"),
		func(_ context.Context, id auth.Identity, _ *none) (*devicesOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			out := &devicesOut{}
			out.Body.Devices = []Device{}
			operator := auth.Allow(id, auth.Operate, auth.Server()) == nil
			for _, s := range t.Router.Subscriptions(id) {
				out.Body.Devices = append(out.Body.Devices, deviceOf(s, operator))
			}
			return out, nil
		})
	register(a, operate, op("endConnection", http.MethodDelete, "/devices/{id}", "End a connection"),
		func(_ context.Context, id auth.Identity, in *idIn) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			known := slices.ContainsFunc(t.Router.Subscriptions(id), func(s cot.Subscription) bool { return s.ID == in.ID })
			if !known || !t.Router.Disconnect(in.ID) {
				return nil, refuse(http.StatusNotFound, "There is no such connection.")
			}
			a.Log.Info("connection ended by hand", "connection", in.ID, "user", id.User)
			return nil, nil
		})
}

// deviceOf describes a connection; where it comes from is for operators.
func deviceOf(s cot.Subscription, operator bool) Device {
	d := Device{
		Contact: situation.ContactOf(s.Contact), ID: s.ID, Protocol: s.Protocol, Since: s.Since, Received: s.Received, Incognito: s.Incognito,
		Metrics: map[string]string{}, InGroups: append([]string{}, s.InGroups...), OutGroups: append([]string{}, s.OutGroups...), Queue: Queue(s.Queue),
	}
	if operator {
		d.Remote, d.Subject = s.Remote.String(), s.Subject
		for k, v := range s.Metrics {
			d.Metrics[k] = v
		}
	}
	return d
}

func (a *API) emergencies() {
	register(a, user, op("listEmergencies", http.MethodGet, "/emergencies", "Alerts that are not cancelled"),
		func(_ context.Context, id auth.Identity, _ *none) (*emergenciesOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			out := &emergenciesOut{}
			out.Body.Emergencies = []situation.Emergency{}
			for _, e := range t.Router.Emergencies(id) {
				out.Body.Emergencies = append(out.Body.Emergencies, situation.EmergencyOf(e))
			}
			return out, nil
		})
	register(a, user, op("cancelEmergency", http.MethodDelete, "/emergencies/{uid}", "Cancel an alert: your own, or anybody's for operators"),
		func(ctx context.Context, id auth.Identity, in *uidIn) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			mine := slices.ContainsFunc(t.Router.Emergencies(id), func(e cot.Emergency) bool { return e.UID == in.UID && strings.EqualFold(e.User, id.User) })
			if !mine {
				if err := auth.Allow(id, auth.Operate, auth.Server()); err != nil {
					return nil, refuse(http.StatusForbidden, "Only who raised an alert, operators and administrators may cancel it.")
				}
			}
			done, err := t.Router.CancelEmergency(ctx, id, in.UID)
			if err == nil && !done {
				return nil, refuse(http.StatusNotFound, "There is no such alert.")
			}
			return nil, err
		})
}
