package vcm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"muster/cot/marti/reply"
	"muster/cot/video"
)

// loose is text that clients also send as a number, a truth value or null.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null":
		*l = ""
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*l = loose(s)
	case b[0] == '{' || b[0] == '[':
		return fmt.Errorf("text was expected")
	default:
		*l = loose(b)
	}
	return nil
}

// feedJSON is a FeedV2 of TAK Server.
type feedJSON struct {
	UUID              loose  `json:"uuid"`
	Active            *bool  `json:"active"`
	Alias             loose  `json:"alias"`
	URL               loose  `json:"url"`
	Order             *int   `json:"order"`
	MACAddress        loose  `json:"macAddress"`
	RoverPort         loose  `json:"roverPort"`
	IgnoreEmbeddedKLV loose  `json:"ignoreEmbeddedKLV"`
	Source            *loose `json:"source"`
	NetworkTimeout    loose  `json:"networkTimeout"`
	BufferTime        loose  `json:"bufferTime"`
	RTSPReliable      loose  `json:"rtspReliable"`
	Thumbnail         *loose `json:"thumbnail"`
	Classification    *loose `json:"classification"`
	Latitude          *loose `json:"latitude"`
	Longitude         *loose `json:"longitude"`
	FOV               *loose `json:"fov"`
	Heading           *loose `json:"heading"`
	Range             *loose `json:"range"`
	Width             *int   `json:"width"`
	Height            *int   `json:"height"`
	Bitrate           *int   `json:"bitrate"`
}

// connectionJSON is a VideoConnection of TAK Server.
type connectionJSON struct {
	UUID           loose      `json:"uuid"`
	Active         *bool      `json:"active"`
	Alias          loose      `json:"alias"`
	Thumbnail      *loose     `json:"thumbnail"`
	Classification *loose     `json:"classification"`
	Feeds          []feedJSON `json:"feeds"`
}

// listJSON is a VideoCollections of TAK Server.
type listJSON struct {
	VideoConnections []connectionJSON `json:"videoConnections"`
}

// opt is nil for what is not known.
func opt(s string) *loose {
	if s == "" {
		return nil
	}
	l := loose(s)
	return &l
}

func text(l *loose) string {
	if l == nil {
		return ""
	}
	return string(*l)
}

func describe(c video.Connection) connectionJSON {
	active := c.Active
	out := connectionJSON{UUID: loose(c.UUID), Active: &active, Alias: loose(c.Alias), Thumbnail: opt(c.Thumbnail),
		Classification: opt(c.Classification), Feeds: []feedJSON{}}
	for _, f := range c.Feeds {
		on := f.Active
		out.Feeds = append(out.Feeds, feedJSON{
			UUID: loose(f.UUID), Active: &on, Alias: loose(f.Alias), URL: loose(f.URL), Order: f.Order, MACAddress: loose(f.MACAddress),
			RoverPort: loose(or(f.RoverPort, "-1")), IgnoreEmbeddedKLV: loose(strconv.FormatBool(f.IgnoreKLV)), Source: opt(f.Source),
			NetworkTimeout: loose(or(f.NetworkTimeout, "12000")), BufferTime: loose(or(f.BufferTime, "-1")), RTSPReliable: loose(bit(f.Reliable)),
			Thumbnail: opt(f.Thumbnail), Classification: opt(f.Classification), Latitude: opt(f.Latitude), Longitude: opt(f.Longitude),
			FOV: opt(f.FOV), Heading: opt(f.Heading), Range: opt(f.Range), Width: f.Width, Height: f.Height, Bitrate: f.Bitrate,
		})
	}
	return out
}

func (c connectionJSON) connection() video.Connection {
	out := video.Connection{UUID: string(c.UUID), Alias: string(c.Alias), Active: c.Active == nil || *c.Active,
		Thumbnail: text(c.Thumbnail), Classification: text(c.Classification)}
	for _, f := range c.Feeds {
		out.Feeds = append(out.Feeds, video.Feed{
			UUID: string(f.UUID), Alias: string(f.Alias), URL: string(f.URL), Active: f.Active == nil || *f.Active, Order: f.Order,
			MACAddress: string(f.MACAddress), RoverPort: string(f.RoverPort), IgnoreKLV: f.IgnoreEmbeddedKLV == "true",
			Source: text(f.Source), NetworkTimeout: string(f.NetworkTimeout), BufferTime: string(f.BufferTime),
			Reliable: f.RTSPReliable == "1" || f.RTSPReliable == "true", Thumbnail: text(f.Thumbnail), Classification: text(f.Classification),
			Latitude: text(f.Latitude), Longitude: text(f.Longitude), FOV: text(f.FOV), Heading: text(f.Heading), Range: text(f.Range),
			Width: f.Width, Height: f.Height, Bitrate: f.Bitrate,
		})
	}
	return out
}

// done answers that something is on disk. Clients parse what is called JSON, so an
// empty body is not.
func done(w http.ResponseWriter) { reply.Text(w, http.StatusOK, "") }

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	list, err := a.deps.Video.List(r.Context(), reply.From(r).Identity, host(r), r.URL.Query().Get("protocol"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	out := listJSON{VideoConnections: []connectionJSON{}}
	for _, c := range list {
		out.VideoConnections = append(out.VideoConnections, describe(c))
	}
	reply.JSON(w, http.StatusOK, out)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) {
	c, err := a.deps.Video.Get(r.Context(), reply.From(r).Identity, host(r), r.PathValue("uid"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, describe(c))
}

func (a *API) post(w http.ResponseWriter, r *http.Request) {
	body, err := reply.Body(w, r, maxBody)
	if err != nil {
		return
	}
	var in listJSON
	if json.Unmarshal(body, &in) != nil {
		reply.Error(w, http.StatusBadRequest, "The body must be a JSON object with videoConnections.")
		return
	}
	var list []video.Connection
	for _, c := range in.VideoConnections {
		list = append(list, c.connection())
	}
	if err := a.deps.Video.Add(r.Context(), reply.From(r).Identity, list, groups(r)); err != nil {
		a.fail(w, r, err)
		return
	}
	done(w)
}

func (a *API) put(w http.ResponseWriter, r *http.Request) {
	body, err := reply.Body(w, r, maxBody)
	if err != nil {
		return
	}
	var in connectionJSON
	if json.Unmarshal(body, &in) != nil {
		reply.Error(w, http.StatusBadRequest, "The body must be a JSON object.")
		return
	}
	in.UUID = loose(r.PathValue("uid"))
	old, err := a.deps.Video.Get(r.Context(), reply.From(r).Identity, host(r), string(in.UUID))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if old.Live {
		reply.Error(w, http.StatusForbidden, "This is a stream that is on the air; it is not on the list.")
		return
	}
	if err := a.deps.Video.Add(r.Context(), reply.From(r).Identity, []video.Connection{in.connection()}, groups(r)); err != nil {
		a.fail(w, r, err)
		return
	}
	done(w)
}

func (a *API) remove(w http.ResponseWriter, r *http.Request) {
	if err := a.deps.Video.Remove(r.Context(), reply.From(r).Identity, r.PathValue("uid")); err != nil {
		a.fail(w, r, err)
		return
	}
	done(w)
}
