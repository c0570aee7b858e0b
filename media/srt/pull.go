package srt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"muster/media"
	"muster/media/codec"
	"muster/media/mpegts"
	"muster/media/pull"
)

// dialOptions are what an address says.
type dialOptions struct {
	streamID   string
	passphrase string
	keyLength  int           // bytes of the encryption key; used unless the source names one
	latency    time.Duration // time in which lost packets can be sent again
}

// Pull returns how streams are fetched from addresses of this package:
//
//	srt://HOST:PORT?streamid=ID&passphrase=PASSPHRASE&latency=MILLISECONDS&pbkeylen=16
//
// with all parameters as in libsrt's own programs and none of them needed. The
// server is the caller; others have to listen.
func Pull() pull.Scheme {
	return pull.Scheme{
		Check: func(u *url.URL) error { _, err := parseAddress(u); return err },
		Fetch: fetch,
	}
}

func parseAddress(u *url.URL) (dialOptions, error) {
	o := dialOptions{keyLength: 16, latency: DefaultConfig().Latency}
	switch {
	case u.Scheme != "srt" || u.Opaque != "":
		return o, errors.New("srt: the address does not begin with srt://")
	case u.User != nil:
		return o, errors.New("srt: an address has no user; a login goes into streamid")
	case u.Port() == "":
		return o, errors.New("srt: the address names no port")
	}
	query := u.RawQuery
	if u.Fragment != "" { // stream ids of the standard form begin with #
		query += "%23" + u.EscapedFragment()
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return o, errors.New("srt: the part after ? cannot be read")
	}
	if mode := q.Get("mode"); mode != "" && mode != "caller" {
		return o, errors.New("srt: only mode=caller can be fetched from")
	}
	if o.streamID = q.Get("streamid"); len(o.streamID) > maxStreamID {
		return o, fmt.Errorf("srt: streamid is longer than %d characters", maxStreamID)
	}
	if o.passphrase = q.Get("passphrase"); o.passphrase != "" && (len(o.passphrase) < 10 || len(o.passphrase) > 79) {
		return o, errors.New("srt: a passphrase has 10 to 79 characters")
	}
	if s := q.Get("pbkeylen"); s != "" && s != "0" {
		if s != "16" && s != "24" && s != "32" {
			return o, errors.New("srt: pbkeylen is 16, 24 or 32")
		}
		o.keyLength, _ = strconv.Atoi(s) // one of the above
	}
	if s := q.Get("latency"); s != "" {
		ms, err := strconv.ParseUint(s, 10, 16)
		o.latency = time.Duration(ms) * time.Millisecond
		if err != nil || o.latency < 20*time.Millisecond || o.latency > 30*time.Second {
			return o, errors.New("srt: latency is 20 to 30000 milliseconds")
		}
	}
	return o, nil
}

// fetch calls once and takes the transport stream from the beginning to its end.
func fetch(ctx context.Context, j *pull.Job) error {
	o, err := parseAddress(j.URL)
	if err != nil {
		return err
	}
	addrs, err := j.Addresses(ctx, 0)
	if err != nil {
		return fmt.Errorf("srt: %w", err)
	}
	remote := addrs[0]
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return fmt.Errorf("srt: %w", err)
	}
	defer conn.Close()
	c := newCall(conn, o, j.Timeout, time.Now())
	defer context.AfterFunc(ctx, func() { c.end(ctx.Err()) })()
	defer c.hangUp()
	if err := c.shake(); err != nil {
		return err
	}
	return mpegts.Receive(c, func(formats []*codec.Format) (*media.Publisher, error) {
		return j.Publish(media.Client{Protocol: "srt", Remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}, formats, c.end)
	}, j.Log)
}
