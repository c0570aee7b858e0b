// Package vcm is the part of the Marti API that lists video: the XML of TAK
// Server's first interface (/Marti/vcm) and the JSON of the second
// (/Marti/api/video).
package vcm

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/cot/video"
	"muster/cot/wire"
	"muster/internal/auth"
)

// Publisher sends events in the name of a caller.
type Publisher interface {
	Publish(ctx context.Context, from cot.Sender, ev *wire.Event, groups []string) error
}

// Deps is what the API needs of the house.
type Deps struct {
	Video   *video.Service
	Publish Publisher // nil: videos cannot be sent to contacts
	Log     *slog.Logger
}

// API answers.
type API struct {
	deps Deps
	log  *slog.Logger
}

// New returns the API.
func New(d Deps) *API { return &API{deps: d, log: d.Log.With("part", "marti")} }

// Routes adds the routes.
func (a *API) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /Marti/vcm", a.listXML)
	mux.HandleFunc("POST /Marti/vcm", a.postXML)
	mux.HandleFunc("DELETE /Marti/vcm", a.deleteXML)
	if a.deps.Publish != nil {
		mux.HandleFunc("POST /Marti/vcs", a.send)
	}
	mux.HandleFunc("GET /Marti/api/video", a.list)
	mux.HandleFunc("POST /Marti/api/video", a.post)
	mux.HandleFunc("GET /Marti/api/video/{uid}", a.get)
	mux.HandleFunc("PUT /Marti/api/video/{uid}", a.put)
	mux.HandleFunc("DELETE /Marti/api/video/{uid}", a.remove)
}

// maxBody is larger than any sensible list.
const maxBody = 4 << 20

// host is the name by which the client has reached this server.
func host(r *http.Request) string {
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		return h
	}
	return strings.Trim(r.Host, "[]")
}

// fail answers for an error of the list.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil: // the client has gone
	case errors.Is(err, video.ErrNotFound):
		reply.Error(w, http.StatusNotFound, "There is no such video.")
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "You are not allowed to do this.")
	case errors.Is(err, video.ErrInvalid):
		reply.Error(w, http.StatusBadRequest, sentence(err))
	case errors.Is(err, video.ErrFull):
		reply.Error(w, http.StatusInsufficientStorage, "The list of videos is full.")
	default:
		a.log.Error("a request failed", "path", r.URL.Path, "user", reply.From(r).Identity.User, "error", err)
		reply.Error(w, http.StatusInternalServerError, "The server could not do this. Try again later.")
	}
}

// sentence makes an error of ours, which says nothing of the inside, one.
func sentence(err error) string {
	s := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "video: "), "add to the list: ")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// send puts a video on the lists of contacts: an event b-i-v to each.
func (a *API) send(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		reply.Error(w, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	var dests []wire.Dest
	for _, v := range r.Form["contacts"] {
		for _, uid := range strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == '|' }) {
			dests = append(dests, wire.Dest{UID: strings.TrimSpace(uid)})
		}
	}
	id := reply.From(r).Identity
	if len(dests) == 0 || len(dests) > 1000 {
		reply.Error(w, http.StatusBadRequest, "Name from 1 to 1000 contacts.")
		return
	}
	sent := 0
	for _, v := range r.Form["feedId"] {
		for _, n := range strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == '|' }) {
			c, feed, err := a.byNumber(r, n)
			if err != nil {
				a.fail(w, r, err)
				return
			}
			ev := event(c, feed, time.Now())
			ev.AddDetail(wire.MartiElement(dests))
			if err := a.deps.Publish.Publish(r.Context(), cot.Sender{Identity: id}, ev, nil); err != nil {
				a.fail(w, r, err)
				return
			}
			sent++
		}
	}
	if sent == 0 {
		reply.Error(w, http.StatusBadRequest, "Name at least one video.")
		return
	}
	reply.Text(w, http.StatusOK, "")
}

// feedsPer is how many numbers each connection has for its feeds.
const feedsPer = 16

// number is that of a feed in the first interface.
func number(c video.Connection, feed int) string {
	return strconv.FormatInt(c.Number*feedsPer+int64(feed), 10)
}

// byNumber finds a feed on the list that the caller may watch.
func (a *API) byNumber(r *http.Request, text string) (video.Connection, video.Feed, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return video.Connection{}, video.Feed{}, video.ErrNotFound
	}
	uuid, err := a.deps.Video.UUID(r.Context(), reply.From(r).Identity, n/feedsPer)
	if err != nil {
		return video.Connection{}, video.Feed{}, err
	}
	c, err := a.deps.Video.Get(r.Context(), reply.From(r).Identity, host(r), uuid)
	if err != nil {
		return c, video.Feed{}, err
	}
	if i := int(n % feedsPer); i < len(c.Feeds) {
		return c, c.Feeds[i], nil
	}
	return c, video.Feed{}, video.ErrNotFound
}

// event is a b-i-v that puts one feed on the receiver's list.
func event(c video.Connection, f video.Feed, now time.Time) *wire.Event {
	protocol, address, port, path := f.Split()
	entry := wire.AppendElement(nil, "ConnectionEntry", nil,
		wire.Attr{Name: "uid", Value: f.UUID}, wire.Attr{Name: "alias", Value: f.Alias}, wire.Attr{Name: "protocol", Value: protocol},
		wire.Attr{Name: "address", Value: address}, wire.Attr{Name: "port", Value: or(port, "-1")}, wire.Attr{Name: "path", Value: path},
		wire.Attr{Name: "roverPort", Value: or(f.RoverPort, "-1")}, wire.Attr{Name: "networkTimeout", Value: or(f.NetworkTimeout, "12000")},
		wire.Attr{Name: "bufferTime", Value: or(f.BufferTime, "-1")}, wire.Attr{Name: "rtspReliable", Value: bit(f.Reliable)},
		wire.Attr{Name: "ignoreEmbeddedKLV", Value: strconv.FormatBool(f.IgnoreKLV)})
	ev := wire.New(f.UUID, "b-i-v", "h-g-i-g-o", now, time.Hour)
	ev.AddDetail(wire.AppendElement(nil, "__video", entry, wire.Attr{Name: "uid", Value: f.UUID}, wire.Attr{Name: "url", Value: f.URL}))
	ev.AddDetail(wire.AppendElement(nil, "contact", nil, wire.Attr{Name: "callsign", Value: c.Alias}))
	return ev
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func bit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
