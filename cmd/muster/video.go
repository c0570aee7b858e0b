package main

import (
	"context"
	"errors"
	"net"
	"net/url"

	"muster/cot/video"
	"muster/internal/auth"
)

// onAir tells the video list of TAK clients which streams are live. Here CoT and
// media meet.
type onAir struct{ h *house }

// Live implements video.Live: the streams that id may watch, with addresses that
// hold a key of the user's.
func (o onAir) Live(ctx context.Context, id auth.Identity, host string) ([]video.Stream, error) {
	live := o.h.router.List(id)
	if len(live) == 0 {
		return nil, nil
	}
	key, err := o.h.auth.ViewerKey(ctx, id)
	if errors.Is(err, auth.ErrDenied) { // they are asked for a password when they play
		key = ""
	} else if err != nil {
		return nil, err
	}
	out := make([]video.Stream, 0, len(live))
	for _, s := range live {
		in := s.Info()
		out = append(out, video.Stream{Name: in.Name, Groups: in.Groups, Addresses: o.addresses(host, in.Name, id.User, key)})
	}
	return out, nil
}

// addresses are those of the doors that are open, RTSP first: every TAK client
// plays it.
func (o onAir) addresses(host, name, user, key string) []video.Address {
	var out []video.Address
	who := url.UserPassword(user, key)
	if key == "" {
		who = nil
	}
	add := func(door, scheme, path, alias string, reliable bool) {
		if at := o.at(host, door); at != "" {
			out = append(out, video.Address{URL: (&url.URL{Scheme: scheme, User: who, Host: at, Path: path}).String(), Alias: alias, Reliable: reliable})
		}
	}
	add("rtsp", "rtsp", "/"+name, "", true)
	add("https", "https", "/hls/"+name+"/index.m3u8", "HLS", false)
	if at := o.at(host, "srt"); at != "" && key != "" {
		out = append(out, video.Address{URL: "srt://" + at + "?streamid=read:" + name + ":" + user + ":" + key, Alias: "SRT"})
	}
	return out
}

// at is the address of a door under the name that the client uses; "" while the
// door is shut.
func (o onAir) at(host, door string) string {
	_, port, err := net.SplitHostPort(o.h.doors.Addr(door))
	if err != nil {
		return ""
	}
	return net.JoinHostPort(host, port)
}
