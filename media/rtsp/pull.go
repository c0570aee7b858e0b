package rtsp

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"muster/internal/peer"
	"muster/media"
	"muster/media/codec"
	"muster/media/pull"
)

const (
	portRTSP, portRTSPS = 554, 322 // RFC 2326 §17, RFC 7826 §22.4

	// keepAlive bounds how long the source hears nothing from us; it says itself
	// after what time it forgets a session, 60 s if it does not (RFC 2326 §12.37).
	keepAliveLeast, keepAliveMost = 5 * time.Second, 30 * time.Second
	defaultTimeout                = time.Minute

	farewell = time.Second // for the last request to be taken
	maxURL   = 2048        // bytes of a URL that the source gives
)

// Pull returns how streams are fetched from addresses of this package:
//
//	rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH   rtsps:// likewise
//
// Media comes over the connection itself, which passes through NAT and firewalls
// and loses nothing.
func Pull() pull.Scheme { return pull.Scheme{Check: checkSource, Fetch: fetch} }

func checkSource(u *url.URL) error {
	switch {
	case u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Opaque != "":
		return errors.New("rtsp: the address does not begin with rtsp:// or rtsps://")
	case u.Fragment != "":
		return errors.New("rtsp: an address has no part after #; write %23 where it belongs to a password")
	case len(u.String()) > maxURL:
		return errors.New("rtsp: the address is too long")
	}
	return nil
}

// puller is the client's side of one RTSP session that plays. Everything is owned
// by the goroutine of fetch unless said otherwise.
type puller struct {
	job     *pull.Job
	publish func(media.Client, []*codec.Format, func(error)) (*media.Publisher, error)
	nc      net.Conn
	br      *bufio.Reader
	remote  netip.AddrPort
	secure  bool
	login   challenge

	cseq    int
	url     string // of the presentation, without a login
	base    string // control attributes are relative to it
	id      string // of the session; empty: none yet
	ping    string // method that keeps it alive
	every   time.Duration
	pinged  time.Time
	session *session
	formats []*codec.Format
	in      *publication
	live    bool
	heard   time.Time // last media
	armed   time.Time // deadline of reading
	stats   counters

	ended atomic.Pointer[error] // why end was called; any goroutine
}

// fetch plays one session from its beginning to its end.
func fetch(ctx context.Context, j *pull.Job) error {
	secure := j.URL.Scheme == "rtsps"
	nc, err := j.Dial(ctx, map[bool]uint16{false: portRTSP, true: portRTSPS}[secure], secure)
	if err != nil {
		return fmt.Errorf("rtsp: connect: %w", err)
	}
	bare := *j.URL
	bare.User = nil
	p := &puller{job: j, publish: j.Publish, nc: nc, br: bufio.NewReaderSize(nc, recordBuffer), remote: peer.Of(nc), secure: secure,
		url: bare.String(), session: &session{record: true}, login: newChallenge(j.URL.User)}
	defer peer.Socket(nc).Close()
	stop := context.AfterFunc(ctx, func() { p.end(ctx.Err()) })
	defer stop()
	defer func() { // deferred: what came may be what makes us panic
		if p.live {
			p.in.close(err)
		}
	}()
	err = p.play()
	if reason := p.ended.Load(); reason != nil {
		err = *reason
		p.teardown()
	}
	if lost, bad := p.stats.packetsLost.Load(), p.stats.packetsBad.Load(); lost > 0 || bad > 0 {
		j.Log.Info("the source's media was damaged", "remote", p.remote, "lostPackets", lost, "badPackets", bad)
	}
	return err
}

// end ends the session from any goroutine without blocking. The first reason
// stays.
func (p *puller) end(reason error) {
	p.ended.CompareAndSwap(nil, &reason)
	_ = p.nc.SetDeadline(time.Now()) // a closed connection has woken everybody already
}

// teardown tells the source that it need not send any more; cameras allow few
// sessions.
func (p *puller) teardown() {
	if p.id == "" {
		return
	}
	if err := p.nc.SetDeadline(time.Now().Add(farewell)); err == nil {
		_ = p.send("TEARDOWN", p.base) // the session ends with the connection as well
	}
}

// play sets everything up and receives until the session ends.
func (p *puller) play() error {
	p.heard = time.Now()
	a, err := p.ask("OPTIONS", p.url)
	if err != nil {
		return err
	}
	p.ping = "OPTIONS"
	for method := range strings.SplitSeq(a.get("Public"), ",") {
		if strings.TrimSpace(method) == "GET_PARAMETER" {
			p.ping = "GET_PARAMETER"
		}
	}
	if a, err = p.must("DESCRIBE", p.url, headerLine{"Accept", "application/sdp"}); err != nil {
		return err
	}
	p.base = cmp.Or(a.get("Content-Base"), a.get("Content-Location"), p.url)
	if !usableURL(p.base) {
		p.base = p.url
	}
	if p.session.announced, err = parseSDP(a.body); err != nil {
		return fmt.Errorf("rtsp: description: %w", err)
	}
	if err := p.setup(); err != nil {
		return err
	}
	if p.in, p.formats, err = newPublication(p.session); err != nil {
		return err
	}
	p.in.stats, p.in.write, p.in.end = &p.stats, p.write, p.end
	p.heard, p.pinged = time.Now(), time.Now()
	if _, err := p.must("PLAY", p.base, headerLine{"Range", "npt=0.000-"}); err != nil {
		return err
	}
	for {
		if _, err := p.next(); err != nil {
			return err
		}
		if err := p.keepAlive(); err != nil {
			return err
		}
	}
}

// setup asks for all media that are understood. What the source does not give is
// left out while something remains.
func (p *puller) setup() error {
	p.every = defaultTimeout / 2
	var refused error
	for i, m := range p.session.announced {
		if m.format == nil {
			p.job.Log.Info("media left out: not understood", "media", m.name)
			continue
		}
		channels := [2]int{2 * len(p.session.tracks), 2*len(p.session.tracks) + 1}
		a, err := p.must("SETUP", p.control(m.control), headerLine{"Transport",
			fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", channels[0], channels[1])})
		var no *statusError
		switch {
		case errors.As(err, &no) && no.code != 401:
			p.job.Log.Info("media left out: the source does not give it", "media", m.name, "reason", err)
			refused = err
			continue
		case err != nil:
			return err
		}
		t := &track{index: i}
		if got, err := parseTransports(a.get("Transport")); err != nil || len(got) == 0 || !got[0].tcp || got[0].secure {
			return errors.New("rtsp: the source does not send media over the connection")
		} else if got[0].channels[0] >= 0 {
			channels = got[0].channels
		}
		if !t.interleave(p.session, channels) {
			return errors.New("rtsp: the source wants one channel for two media")
		}
		p.session.tracks = append(p.session.tracks, t)
		p.remember(a.get("Session"))
	}
	if len(p.session.tracks) == 0 {
		return cmp.Or(refused, fmt.Errorf("%w: none of the source's media is understood", media.ErrUnsupported))
	}
	return nil
}

// remember takes the session's id, and how often it wants a sign of life.
func (p *puller) remember(header string) {
	id, params, _ := strings.Cut(header, ";")
	if id = strings.TrimSpace(id); id != "" && len(id) <= maxURL {
		p.id = id
	}
	for param := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(param), "timeout="); ok {
			if n, err := strconv.ParseUint(v, 10, 16); err == nil {
				p.every = min(max(time.Duration(n)*time.Second/2, keepAliveLeast), keepAliveMost)
			}
		}
	}
}

// control returns the URL of a media (RFC 2326 appendix C.1.1).
func (p *puller) control(attribute string) string {
	switch {
	case attribute == "" || attribute == "*":
		return p.base
	case strings.Contains(attribute, "://") && usableURL(attribute):
		return attribute
	case strings.HasSuffix(p.base, "/") || strings.HasPrefix(attribute, "?"):
		return p.base + strings.TrimPrefix(attribute, "/")
	}
	return p.base + "/" + strings.TrimPrefix(attribute, "/")
}

// usableURL reports whether a URL of the source's can go into a request line.
// Nothing is connected to by it.
func usableURL(s string) bool {
	return len(s) <= maxURL && !strings.ContainsAny(s, " \t") && (strings.HasPrefix(s, "rtsp://") || strings.HasPrefix(s, "rtsps://"))
}

// keepAlive sends a sign of life when one is due.
func (p *puller) keepAlive() error {
	if p.heard.Sub(p.pinged) < p.every {
		return nil
	}
	p.pinged = p.heard
	return p.send(p.ping, p.base)
}

// next takes whatever comes: media, which it hands on, or a message of the
// source. It returns a response, or nil.
func (p *puller) next() (*request, error) {
	if err := p.arm(); err != nil {
		return nil, err
	}
	first, err := p.br.Peek(1)
	if err != nil {
		return nil, p.why(err)
	}
	switch first[0] {
	case '$':
		err = p.frame()
	case '\r', '\n':
		_, err = p.br.Discard(1)
	default:
		var a *request
		if a, err = p.message(); err == nil {
			return a, nil
		}
	}
	return nil, p.why(err)
}

// arm sets by when something must have come.
func (p *puller) arm() error {
	d := p.heard.Add(p.job.Timeout)
	if diff := d.Sub(p.armed); diff < time.Second && diff >= 0 {
		return nil
	}
	p.armed = d
	if err := p.nc.SetReadDeadline(d); err != nil {
		return err
	}
	// Else an end that came before the deadline was set would wait for it.
	if reason := p.ended.Load(); reason != nil {
		return *reason
	}
	return nil
}

var errNoMedia = errors.New("rtsp: the source sends nothing")

// why says in words what is behind the end of a connection.
func (p *puller) why(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("rtsp: the source closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errNoMedia
	}
	return fmt.Errorf("rtsp: %w", err)
}

// frame takes one interleaved frame (RFC 2326 §10.12). The stream is live from
// the first packet of media on.
func (p *puller) frame() error {
	head, err := p.br.Peek(frameHead)
	if err != nil {
		return err
	}
	channel, size := head[1], int(binary.BigEndian.Uint16(head[2:]))
	if _, err := p.br.Discard(frameHead); err != nil {
		return err
	}
	t, isRTCP := p.session.byChannel(channel)
	if t == nil || p.in == nil {
		_, err = p.br.Discard(size)
		return err
	}
	payload := make([]byte, size) // kept by the hub
	if _, err := io.ReadFull(p.br, payload); err != nil {
		return err
	}
	now := time.Now()
	if isRTCP {
		p.in.rtcp(t, payload, now)
		return nil
	}
	p.heard = now
	if !p.live {
		if err := p.goLive(); err != nil {
			return err
		}
	}
	p.in.rtp(t, payload, now)
	return p.in.report(now)
}

func (p *puller) goLive() error {
	protocol := "rtsp"
	if p.secure {
		protocol = "rtsps"
	}
	pub, err := p.publish(media.Client{Protocol: protocol, Remote: p.remote}, p.formats, p.end)
	if err != nil {
		return err
	}
	p.in.pub, p.live = pub, true
	return nil
}
