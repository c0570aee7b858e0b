package api

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
)

// Address is one way to reach a stream.
type Address struct {
	Protocol string `json:"protocol" doc:"rtsp, rtsps, rtmp, rtmps, srt, hls, whep, whip or web"`
	Use      string `json:"use" enum:"watch,publish"`
	App      string `json:"app" doc:"A program it suits: VLC, ffplay, ATAK, OBS, ffmpeg or browser."`
	Label    string `json:"label" doc:"What to know about it."`
	URL      string `json:"url"`
}

type addressesOut struct {
	Body struct {
		Addresses []Address `json:"addresses"`
	}
}

type keyedIn struct {
	StreamParam
	Body struct {
		Use  string `json:"use" enum:"watch,publish"`
		Days int    `json:"days" minimum:"1" maximum:"366" doc:"How long the key in the addresses is valid."`
	}
}

type keyedOut struct {
	Body struct {
		Addresses []Address `json:"addresses"`
		TokenID   string    `json:"tokenId" doc:"Of the stream key, to revoke it."`
		Expires   time.Time `json:"expires"`
	}
}

const (
	watch   = "watch"
	publish = "publish"
)

func (a *API) addresses() {
	register(a, user, withSlashes(op("getAddresses", http.MethodGet, "/addresses/{name}", "How players and encoders reach a stream, without secrets")),
		func(ctx context.Context, id auth.Identity, in *StreamParam) (*addressesOut, error) {
			name, err := safename.Parse(in.Name)
			if err != nil {
				return nil, err
			}
			p := a.places(ctx)
			out := &addressesOut{}
			out.Body.Addresses = p.watch(name.String(), "USER", "PASSWORD")
			if a.Streams != nil && a.Streams.MayPublish(id, name) == nil {
				out.Body.Addresses = append(out.Body.Addresses, p.publish(name.String(), "USER", "PASSWORD")...)
			}
			return out, nil
		})
	add := withSlashes(op("addAddresses", http.MethodPost, "/addresses/{name}", "The same with a new stream key in it, for a QR code"))
	register(a, user, add, a.keyed)
}

func (a *API) keyed(ctx context.Context, id auth.Identity, in *keyedIn) (*keyedOut, error) {
	if a.Streams == nil {
		return nil, errStopped
	}
	if err := mayHandOut(id); err != nil {
		return nil, err
	}
	if id.System {
		return nil, refuse(http.StatusUnprocessableEntity, "A stream key belongs to a user: log in as one.")
	}
	name, err := safename.Parse(in.Name)
	if err != nil {
		return nil, err
	}
	action := auth.Publish
	if in.Body.Use == watch {
		action = auth.Read
		_, err = a.Streams.Find(id, name)
	} else {
		err = a.Streams.MayPublish(id, name)
	}
	if err != nil {
		return nil, err
	}
	expires := after(in.Body.Days)
	t, secret, err := a.Tokens.CreateToken(ctx, id.User, auth.TokenSpec{
		Name: in.Body.Use + " " + name.String()[:min(len(name.String()), 48)], Kind: auth.KindStreamKey, Expires: expires,
		Scope: &auth.Scope{Actions: []auth.Action{action}, Streams: []string{name.String()}},
	})
	if err != nil {
		return nil, err
	}
	p := a.places(ctx)
	out := &keyedOut{}
	out.Body.TokenID, out.Body.Expires = t.ID, expires
	if in.Body.Use == watch {
		out.Body.Addresses = p.watch(name.String(), id.User, secret)
	} else {
		out.Body.Addresses = p.publish(name.String(), id.User, secret)
	}
	return out, nil
}

// places knows under which host and ports the doors are reached.
type places struct {
	host string
	port map[string]string // door name → port; only doors that are open
}

// places takes the host that the client itself used: that one reaches us.
func (a *API) places(ctx context.Context) places {
	p := places{port: make(map[string]string)}
	if r := requestOf(ctx); r != nil {
		p.host = (&url.URL{Host: r.Host}).Hostname()
	}
	if id, _ := caller(ctx); (p.host == "" || id.System) && a.HostNames != nil {
		if names := a.HostNames(); len(names) > 0 {
			p.host = names[0]
		}
	}
	if a.Doors == nil {
		return p
	}
	for _, d := range a.Doors.List() {
		if _, port, err := net.SplitHostPort(d.Address); err == nil && d.Error == "" {
			p.port[d.Name] = port
		}
	}
	return p
}

// usual are the ports that a URL of the scheme need not name.
var usual = map[string]string{"https": "443", "http": "80", "rtsp": "554", "rtsps": "322", "rtmp": "1935", "rtmps": "443"}

// url makes the URL of path at a door, with user and password in front of the
// host unless user is empty. It is "" when the door is not open.
func (p places) url(door, scheme, user, password, path, query string) string {
	port, ok := p.port[door]
	if !ok {
		return ""
	}
	host := p.host
	if port != usual[scheme] {
		host = net.JoinHostPort(p.host, port)
	} else if ip := net.ParseIP(p.host); ip != nil && ip.To4() == nil {
		host = "[" + p.host + "]"
	}
	u := url.URL{Scheme: scheme, Host: host, Path: path, RawQuery: query}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// srt makes an SRT address; its stream id is no URL and is written as it is.
func (p places) srt(mode, name, user, password string) string {
	u := p.url("srt", "srt", "", "", "", "")
	if u == "" {
		return ""
	}
	return u + "?streamid=" + mode + ":" + name + ":" + user + ":" + password
}

// inQuery is how RTMP takes credentials.
func inQuery(user, password string) string {
	return "user=" + url.QueryEscape(user) + "&pass=" + url.QueryEscape(password)
}

func (p places) watch(name, user, password string) []Address {
	rtsp := p.url("rtsp", "rtsp", user, password, "/"+name, "")
	inQuery := inQuery(user, password)
	return open(watch, []Address{
		{"rtsp", "", "VLC", "Media, Open Network Stream", rtsp},
		{"rtsp", "", "ffplay", "ffplay -rtsp_transport tcp followed by this address", rtsp},
		{"rtsp", "", "ATAK", "Video player, add a video alias with this address", rtsp},
		{"rtsps", "", "ffplay", "Encrypted", p.url("rtsps", "rtsps", user, password, "/"+name, "")},
		{"srt", "", "ffplay", "For lossy networks", p.srt("read", name, user, password)},
		{"rtmp", "", "VLC", "Where RTSP is not let through", p.url("rtmp", "rtmp", "", "", "/"+name, inQuery)},
		{"rtmps", "", "ffplay", "Encrypted", p.url("rtmps", "rtmps", "", "", "/"+name, inQuery)},
		{"hls", "", "VLC", "Encrypted; passes every proxy, a few seconds behind", p.url("https", "https", user, password, "/hls/"+name+"/index.m3u8", "")},
		{"hls", "", "ffplay", "Passes every proxy, a few seconds behind", p.url("hls", "http", user, password, "/"+name+"/index.m3u8", "")},
		{"whep", "", "OBS", "WebRTC; the password goes into the field for the bearer token", p.url("https", "https", "", "", "/rtc/"+name+"/whep", "")},
		{"web", "", "browser", "The page of this stream", p.url("https", "https", "", "", "/video/"+name, "")},
	})
}

func (p places) publish(name, user, password string) []Address {
	rtsp := p.url("rtsp", "rtsp", user, password, "/"+name, "")
	rtmp := p.url("rtmp", "rtmp", "", "", "/"+name, inQuery(user, password))
	return open(publish, []Address{
		{"rtsp", "", "ffmpeg", "ffmpeg -re -i FILE -c copy -f rtsp -rtsp_transport tcp followed by this address", rtsp},
		{"rtsps", "", "ffmpeg", "Encrypted", p.url("rtsps", "rtsps", user, password, "/"+name, "")},
		{"whip", "", "OBS", "Service WHIP; the password goes into the field for the bearer token", p.url("https", "https", "", "", "/rtc/"+name+"/whip", "")},
		{"rtmp", "", "OBS", "Service Custom: this whole address as the server, no stream key", rtmp},
		{"rtmp", "", "ffmpeg", "ffmpeg -re -i FILE -c copy -f flv followed by this address", rtmp},
		{"rtmps", "", "OBS", "Encrypted", p.url("rtmps", "rtmps", "", "", "/"+name, inQuery(user, password))},
		{"srt", "", "ffmpeg", "ffmpeg -re -i FILE -c copy -f mpegts followed by this address", p.srt("publish", name, user, password)},
		{"web", "", "browser", "Publish from the device that opens this page", p.url("https", "https", "", "", "/publish", "name="+url.QueryEscape(name))},
	})
}

// open leaves out the addresses of doors that are not open.
func open(use string, all []Address) []Address {
	out := []Address{}
	for _, a := range all {
		if a.URL != "" {
			a.Use = use
			out = append(out, a)
		}
	}
	return out
}
