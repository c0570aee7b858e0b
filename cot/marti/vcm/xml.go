package vcm

import (
	"net/http"
	"strconv"
	"strings"

	"muster/cot/marti/reply"
	"muster/cot/video"
	"muster/cot/wire"
)

// listXML answers with one feed element for each way to watch. iTAK plays only
// what has a whole URL for an address.
func (a *API) listXML(w http.ResponseWriter, r *http.Request) {
	list, err := a.deps.Video.List(r.Context(), reply.From(r).Identity, host(r), "")
	if err != nil {
		a.fail(w, r, err)
		return
	}
	whole := strings.Contains(strings.ToLower(r.UserAgent()), "itak")
	var feeds []byte
	for _, c := range list {
		for i, f := range c.Feeds {
			feeds = wire.AppendElement(feeds, "feed", feedXML(c, f, number(c, i), whole))
		}
	}
	b := append([]byte("<videoConnections>"), feeds...)
	reply.XML(w, http.StatusOK, append(b, "</videoConnections>"...))
}

func feedXML(c video.Connection, f video.Feed, number string, whole bool) []byte {
	protocol, address, port, path := f.Split()
	if whole {
		address = f.URL
	}
	var b []byte
	for _, e := range []struct{ name, value string }{
		{"id", number}, {"uuid", f.UUID}, {"uid", f.UUID}, {"active", strconv.FormatBool(c.Active && f.Active)}, {"type", "VIDEO"},
		{"alias", f.Alias}, {"protocol", protocol}, {"address", address}, {"port", or(port, "-1")}, {"path", path},
		{"roverPort", or(f.RoverPort, "-1")}, {"rtspReliable", bit(f.Reliable)}, {"ignoreEmbeddedKLV", strconv.FormatBool(f.IgnoreKLV)},
		{"timeout", or(f.NetworkTimeout, "12000")}, {"buffer", or(f.BufferTime, "-1")},
		{"preferredMacAddress", f.MACAddress}, {"preferredInterfaceAddress", f.InterfaceAddress},
	} {
		b = wire.AppendElement(b, e.name, wire.AppendText(nil, e.value))
	}
	for _, e := range []struct{ name, value string }{
		{"latitude", f.Latitude}, {"longitude", f.Longitude}, {"fov", f.FOV}, {"heading", f.Heading}, {"range", f.Range},
		{"classification", f.Classification}, {"thumbnail", f.Thumbnail},
	} {
		if e.value != "" {
			b = wire.AppendElement(b, e.name, wire.AppendText(nil, e.value))
		}
	}
	return b
}

// postXML puts feeds on the list, or shows and hides one (action=setActive).
func (a *API) postXML(w http.ResponseWriter, r *http.Request) {
	q := reply.Fold(r)
	if strings.EqualFold(q.Get("action"), "setActive") {
		a.setActive(w, r, q.Get("id"), q.Get("active"))
		return
	}
	body, err := reply.Body(w, r, maxBody)
	if err != nil {
		return
	}
	limits := wire.DefaultLimits()
	limits.Event = maxBody
	root, err := wire.ParseElement(body, limits)
	if err != nil || root.Name != "videoConnections" {
		reply.Error(w, http.StatusBadRequest, "The body must be a videoConnections element.")
		return
	}
	var list []video.Connection
	for el := range root.Children() {
		if el.Name == "feed" {
			list = append(list, parseFeed(el))
		}
	}
	if err := a.deps.Video.Add(r.Context(), reply.From(r).Identity, list, groups(r)); err != nil {
		a.fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, "application/xml", nil)
}

// groups are those that the caller names; nil if none.
func groups(r *http.Request) []string {
	return r.URL.Query()["group"]
}

// parseFeed reads a feed element as a connection with one feed.
func parseFeed(el wire.Element) video.Connection {
	v := make(map[string]string)
	for c := range el.Children() {
		v[c.Name] = strings.TrimSpace(c.Text())
	}
	uuid := or(v["uuid"], v["uid"])
	active := v["active"] != "false"
	f := video.Feed{
		UUID: uuid, Alias: v["alias"], Active: true, URL: video.Join(v["protocol"], v["address"], v["port"], v["path"]),
		MACAddress: v["preferredMacAddress"], InterfaceAddress: v["preferredInterfaceAddress"], RoverPort: v["roverPort"],
		IgnoreKLV: v["ignoreEmbeddedKLV"] == "true", NetworkTimeout: v["timeout"], BufferTime: v["buffer"],
		Reliable: v["rtspReliable"] == "1" || v["rtspReliable"] == "true", Latitude: v["latitude"], Longitude: v["longitude"],
		FOV: v["fov"], Heading: v["heading"], Range: v["range"], Classification: v["classification"], Thumbnail: v["thumbnail"],
	}
	return video.Connection{UUID: uuid, Alias: v["alias"], Active: active, Classification: v["classification"], Feeds: []video.Feed{f}}
}

func (a *API) setActive(w http.ResponseWriter, r *http.Request, id, active string) {
	on, err := strconv.ParseBool(active)
	if err != nil {
		reply.Error(w, http.StatusBadRequest, "active is true or false.")
		return
	}
	c, _, err := a.byNumber(r, id)
	if err == nil {
		err = a.deps.Video.SetActive(r.Context(), reply.From(r).Identity, c.UUID, on)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, "application/xml", nil)
}

func (a *API) deleteXML(w http.ResponseWriter, r *http.Request) {
	c, _, err := a.byNumber(r, reply.Fold(r).Get("id"))
	if err == nil {
		err = a.deps.Video.Remove(r.Context(), reply.From(r).Identity, c.UUID)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, "application/xml", nil)
}
