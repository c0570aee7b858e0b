package rtsp

import (
	"context"
	"errors"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

const public = "DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN"

// paramsWait is how long DESCRIBE waits for parameter sets that a publisher
// sends only in the stream, because many players need them in the SDP.
const (
	paramsWait = time.Second
	paramsPoll = 20 * time.Millisecond
)

// answer carries one request out. Requests that do not fit the state of the
// session get 455 (RFC 2326 appendix A).
func (c *conn) answer(ctx context.Context, req *request) *response {
	if feature := req.get("Require"); feature != "" {
		return (&response{code: 551}).add("Unsupported", feature)
	}
	if !c.sessionMatches(req) {
		return &response{code: 454}
	}
	var res *response
	switch req.method {
	case "OPTIONS":
		res = (&response{code: 200}).add("Public", public)
	case "GET_PARAMETER":
		res = &response{code: 200} // asked as a sign of life
	case "SET_PARAMETER":
		if res = (&response{code: 200}); len(req.body) > 0 {
			res.code = 451
		}
	case "DESCRIBE":
		res = c.describe(ctx, req)
	case "ANNOUNCE":
		res = c.announce(ctx, req)
	case "SETUP":
		res = c.setupTrack(ctx, req)
	case "PLAY":
		res = c.play(req)
	case "PAUSE":
		res = c.pause()
	case "RECORD":
		res = c.record()
	case "TEARDOWN":
		return c.teardown()
	default:
		res = &response{code: 501}
	}
	if c.session != nil && res.code == 200 {
		res.add("Session", c.session.header(c.srv.cfg.SessionTimeout))
	}
	return res
}

// enter parses the URL of a request, checks who the client is, and returns the
// stream's name.
func (c *conn) enter(ctx context.Context, req *request) (target, safename.Name, *response) {
	t, err := parseTarget(req.url)
	if err != nil {
		return t, safename.Name{}, &response{code: 400, reason: "Bad Request: " + err.Error()}
	}
	if res := c.authenticate(ctx, req, t); res != nil {
		return t, safename.Name{}, res
	}
	name, err := safename.Parse(t.path)
	if err != nil {
		return t, name, &response{code: 400, reason: "Bad Request: " + err.Error()}
	}
	return t, name, nil
}

func (c *conn) describe(ctx context.Context, req *request) *response {
	t, name, res := c.enter(ctx, req)
	if res != nil {
		return res
	}
	stream, err := c.srv.router.Find(c.login.id, name)
	if err != nil {
		return refusal(err)
	}
	awaitParams(ctx, stream)
	body, err := describe(stream)
	if err != nil {
		c.log.Error("cannot describe a stream", "stream", name.String(), "error", err)
		return &response{code: 500}
	}
	res = &response{code: 200, body: body}
	// Without the query: who the client is stays known for the connection.
	return res.add("Content-Base", t.base+"/").add("Content-Type", "application/sdp")
}

// awaitParams waits a moment for the parameter sets of a stream's video.
func awaitParams(ctx context.Context, s *media.Stream) {
	deadline := time.Now().Add(paramsWait)
	for _, t := range s.Tracks {
		for !complete(t.Format()) && time.Now().Before(deadline) && ctx.Err() == nil {
			time.Sleep(paramsPoll)
		}
	}
}

// complete reports whether the SDP can say what players want to know of f.
func complete(f *codec.Format) bool {
	return f.Codec != codec.H264 && f.Codec != codec.H265 || f.Complete()
}

func (c *conn) announce(ctx context.Context, req *request) *response {
	if c.session != nil {
		return &response{code: 455}
	}
	_, name, res := c.enter(ctx, req)
	if res != nil {
		return res
	}
	if err := c.srv.router.MayPublish(c.login.id, name); err != nil {
		return refusal(err)
	}
	if ct := req.get("Content-Type"); ct != "" && !strings.HasPrefix(strings.ToLower(ct), "application/sdp") {
		return &response{code: 415}
	}
	medias, err := parseSDP(req.body)
	if err != nil {
		return &response{code: 400, reason: "Bad Request: " + err.Error()}
	}
	usable := 0
	for _, m := range medias {
		if m.format == nil {
			c.log.Info("media left out: not understood", "stream", name.String(), "media", m.name)
			continue
		}
		usable++
	}
	if usable == 0 {
		return &response{code: 415, reason: "Unsupported Media Type: none of the media is understood"}
	}
	c.session = newSession(name)
	c.session.record, c.session.announced = true, medias
	return &response{code: 200}
}

func (c *conn) setupTrack(ctx context.Context, req *request) *response {
	s := c.session
	if s != nil && (s.player != nil || s.pub != nil) {
		return &response{code: 455}
	}
	t, err := parseTarget(req.url)
	if err != nil {
		return &response{code: 400, reason: "Bad Request: " + err.Error()}
	}
	fresh := s == nil
	var index int
	var res *response
	if s != nil && s.record {
		index, res = s.recordTrack(req.url)
	} else {
		s, index, res = c.playTrack(ctx, req, t)
	}
	if res != nil {
		return res
	}
	res = c.setup(s, index, req)
	if res.code == 200 && fresh {
		c.session = s
	}
	return res
}

// recordTrack finds the announced media that a SETUP names.
func (s *session) recordTrack(url string) (int, *response) {
	free := -1
	for i, a := range s.announced {
		taken := s.byIndex(i) != nil
		if controlMatches(url, a.control) {
			if taken {
				return 0, &response{code: 455}
			}
			return i, nil
		}
		if free < 0 && !taken {
			free = i
		}
	}
	if free < 0 {
		return 0, &response{code: 404}
	}
	return free, nil // the client names them in a way of its own, but in order
}

// playTrack finds the track of a live stream that a SETUP names, and opens a
// session with the first.
func (c *conn) playTrack(ctx context.Context, req *request, t target) (*session, int, *response) {
	_, name, res := c.enter(ctx, req)
	if res != nil {
		return nil, 0, res
	}
	s := c.session
	if s == nil {
		stream, err := c.srv.router.Find(c.login.id, name)
		if err != nil {
			return nil, 0, refusal(err)
		}
		s = newSession(name)
		s.stream = stream
	} else if s.name != name {
		return nil, 0, &response{code: 459}
	}
	index := t.track
	if index < 0 { // the URL of the whole stream: the next track
		index = len(s.tracks)
	}
	if index >= len(s.stream.Tracks) {
		return nil, 0, &response{code: 404}
	}
	if s.byIndex(index) != nil {
		return nil, 0, &response{code: 455}
	}
	return s, index, nil
}

func (c *conn) play(req *request) *response {
	s := c.session
	if s == nil || s.record || len(s.tracks) == 0 {
		return &response{code: 455}
	}
	res := (&response{code: 200}).add("Range", "npt=now-")
	if s.player != nil {
		return res
	}
	p, err := c.startPlayer(s)
	if err != nil {
		return refusal(err)
	}
	s.player = p
	c.log.Info("viewer plays", "stream", s.name.String(), "udp", s.udp != nil)
	return res.add("RTP-Info", p.info(req.url))
}

func (c *conn) pause() *response {
	s := c.session
	if s == nil || s.record {
		return &response{code: 455}
	}
	if s.player != nil {
		s.player.stop(errPaused)
		s.player = nil
	}
	return &response{code: 200}
}

var errPaused = errors.New("the viewer paused")

func (c *conn) record() *response {
	s := c.session
	if s == nil || !s.record || s.pub != nil || len(s.tracks) == 0 {
		return &response{code: 455}
	}
	if err := c.startPublication(s); err != nil {
		c.log.Info("publisher refused", "stream", s.name.String(), "reason", err)
		return refusal(err)
	}
	return &response{code: 200}
}

func (c *conn) teardown() *response {
	if c.session == nil {
		return &response{code: 455}
	}
	c.endSession(errTeardown)
	return &response{code: 200}
}

var errTeardown = errors.New("the client ended the session")

// refusal translates an error of the router.
func refusal(err error) *response {
	switch {
	case errors.Is(err, media.ErrNotFound):
		return &response{code: 404}
	case errors.Is(err, media.ErrFull):
		return &response{code: 453, reason: "Not Enough Bandwidth: " + err.Error()}
	case errors.Is(err, media.ErrUnsupported):
		return &response{code: 415, reason: "Unsupported Media Type: " + err.Error()}
	case errors.Is(err, media.ErrBusy), errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrRevoked):
		return &response{code: 403, reason: "Forbidden: " + err.Error()}
	}
	return &response{code: 500}
}
