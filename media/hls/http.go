package hls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/peer"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/media"
)

const (
	longestWait = 10 * time.Second // for media that a playlist or part needs
	maxRanges   = 8                // of one request
	maxFile     = 80               // characters of a file name; the longest of ours has 45
)

var (
	errSlow     = errors.New("the stream has sent nothing that can be played yet")
	errTooMany  = errors.New("too many requests at one time")
	errBadQuery = errors.New("the query is not one of Low-Latency HLS")
)

// Handler returns the server for mounting under another HTTP server, with the
// prefix stripped: /NAME, /NAME/, /NAME/index.m3u8 and what playlists name.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.handle) }

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	defer run.Recover(s.log, "hls")
	s.count.requests.Add(1)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // addresses carry secrets
	s.allowOrigin(h, r)
	switch r.Method {
	case http.MethodOptions:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodHead:
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, "only GET, HEAD and OPTIONS are served here")
		return
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(s.longestWait() + writeTimeout)) // not all servers under Handler have one

	dir, file := split(r.URL.Path)
	if serveAsset(w, r, file) {
		return
	}
	name, err := safename.Parse(dir)
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
	case file == "" && !strings.HasSuffix(r.URL.Path, "/"):
		redirect(w, r)
	case file == "":
		s.servePage(w, r, name)
	default:
		s.serveFile(w, r, name, file)
	}
}

// split takes the path apart: the stream's name and, when the last part looks
// like a file of ours, the file.
func split(p string) (dir, file string) {
	dir = strings.TrimPrefix(p, "/")
	if before, last, ok := cutLast(dir); ok && isFile(last) {
		return before, last
	}
	return strings.TrimSuffix(dir, "/"), ""
}

func cutLast(p string) (before, last string, ok bool) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "", p, false
	}
	return p[:i], p[i+1:], true
}

func isFile(name string) bool {
	return slices.Contains([]string{".m3u8", ".mp4", ".ts", ".js", ".css"}, path.Ext(name)) && len(name) <= maxFile
}

// redirect sends /NAME to /NAME/, so that the page's relative addresses work.
func redirect(w http.ResponseWriter, r *http.Request) {
	u, err := url.ParseRequestURI(r.RequestURI) // with the prefix that was stripped
	if err != nil || strings.HasPrefix(u.EscapedPath(), "//") {
		refuse(w, http.StatusBadRequest, "the address cannot be read")
		return
	}
	to := url.URL{Path: u.Path + "/", RawQuery: u.RawQuery}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
}

// serveFile serves a playlist, segment or part to a client that shows its
// session's secret or credentials.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, name safename.Name, file string) {
	if file == "gap.mp4" { // stands for segments from before the stream was watched
		refuse(w, http.StatusNotFound, "there is no such segment")
		return
	}
	q := r.URL.Query()
	ses, fresh, err := s.sessionOf(r, q, name, file)
	if err != nil {
		s.refuse(w, r, name, err)
		return
	}
	defer ses.use.done()
	if ses.use.begin() > maxAtOnce {
		s.refuse(w, r, name, errTooMany)
		return
	}
	llQuery, err := lowLatencyQuery(q)
	if err != nil {
		s.refuse(w, r, name, err)
		return
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), s.longestWait(), errSlow)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer context.AfterFunc(ses.ctx, func() { end(context.Cause(ses.ctx)) })()

	a, mark, err := s.ask(ctx, ses, file, llQuery)
	switch {
	case ses.ctx.Err() != nil:
		s.refuse(w, r, name, auth.ErrRevoked)
	case err != nil:
		s.refuse(w, r, name, err)
	default:
		s.send(w, r, ses, a, mark)
	}
	end(nil)
	if fresh && err != nil { // there is nothing to watch
		s.end(ses, err)
	}
}

func (s *Server) ask(ctx context.Context, ses *session, file, query string) (a *answer, mark string, err error) {
	m, err := s.muxer(ses.guest.Stream())
	if err != nil {
		return nil, "", err
	}
	m.use.begin()
	defer m.use.done()
	g := s.group.Load()
	if g == nil {
		return nil, "", errStopped
	}
	a, err = m.get(ctx, g, file, query)
	return a, m.mark, err
}

// send answers with a. The session's end cuts an answer short that a slow
// client is still taking.
func (s *Server) send(w http.ResponseWriter, r *http.Request, ses *session, a *answer, mark string) {
	h := w.Header()
	switch a.status {
	case http.StatusOK:
	case http.StatusBadRequest:
		refuse(w, http.StatusBadRequest, "the playlist is far from what was asked for; load it anew")
		return
	default:
		refuse(w, http.StatusNotFound, "there is no such segment, or no longer")
		return
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	defer context.AfterFunc(ses.ctx, func() { _ = rc.SetWriteDeadline(time.Unix(1, 0)) })()

	body := a.body
	h.Set("Content-Type", a.kind)
	if mark != "" && strings.HasSuffix(a.kind, "mpegurl") {
		body = bytes.ReplaceAll(body, []byte(mark), []byte(ses.secret))
		h.Set("Cache-Control", "no-store") // it holds the secret
	} else {
		h.Set("Cache-Control", "private, max-age=3600")
		h.Set("Accept-Ranges", "bytes")
		if ranges := r.Header.Get("Range"); ranges != "" {
			if strings.Count(ranges, ",") >= maxRanges {
				refuse(w, http.StatusRequestedRangeNotSatisfiable, "too many ranges")
				return
			}
			http.ServeContent(&counted{w, s, ses}, r, "", time.Time{}, bytes.NewReader(body))
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = (&counted{w, s, ses}).Write(body) // an error is the client's leaving
	}
}

// counted counts what a client is sent.
type counted struct {
	http.ResponseWriter
	s   *Server
	ses *session
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.ses.guest.Sent(n)
	c.s.count.bytes.Add(int64(n))
	return n, err
}

// sessionOf finds the session of a request, or opens one for credentials; then
// it is fresh.
func (s *Server) sessionOf(r *http.Request, q url.Values, name safename.Name, file string) (ses *session, fresh bool, err error) {
	if secret := q.Get("session"); secret != "" {
		if ses := s.find(secret, name); ses != nil {
			return ses, false, nil
		}
	}
	id, err := s.authenticate(r, q)
	if err != nil {
		return nil, false, err
	}
	if file != "index.m3u8" {
		ses, err = s.openImplicit(id, client(r), name)
		return ses, false, err
	}
	ses, err = s.open(id, client(r), name)
	return ses, true, err
}

// authenticate finds out who asks: by what the request itself shows, else by
// the web server's cookie.
func (s *Server) authenticate(r *http.Request, q url.Values) (auth.Identity, error) {
	p := auth.Proof{Remote: peer.Addr(r.RemoteAddr).Addr(), Protocol: "hls"}
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(kind, "Basic"):
		p.User, p.Password, _ = r.BasicAuth()
	case strings.EqualFold(kind, "Bearer"):
		p.Token = strings.TrimSpace(value)
	default:
		p.Query(q)
	}
	if p.Empty() && s.deps.IdentityOf != nil {
		if id, ok := s.deps.IdentityOf(r); ok {
			return id, nil
		}
	}
	return s.deps.Auth.Authenticate(r.Context(), p)
}

func client(r *http.Request) media.Client {
	return media.Client{Protocol: "hls", Remote: peer.Addr(r.RemoteAddr), Agent: r.UserAgent()}
}

// lowLatencyQuery returns the delivery directives of a request in one canonical
// form (rfc8216bis §6.2.5), without anything else of the query.
func lowLatencyQuery(q url.Values) (string, error) {
	out := make(url.Values, 3)
	for _, key := range []string{"_HLS_msn", "_HLS_part"} {
		if v := q.Get(key); v != "" {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil || n == math.MaxUint32 {
				return "", errBadQuery
			}
			out.Set(key, strconv.FormatUint(n, 10))
		}
	}
	if v := q.Get("_HLS_skip"); v == "YES" || v == "v2" {
		out.Set("_HLS_skip", v)
	} else if v != "" {
		return "", errBadQuery
	}
	return out.Encode(), nil
}

// longestWait is how long a request may wait for media.
func (s *Server) longestWait() time.Duration { return max(longestWait, 3*s.cfg.SegmentDuration) }

// allowOrigin answers the browser's question whether a page of another origin
// may read the answer (CORS). Cookies are never allowed along.
func (s *Server) allowOrigin(h http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	switch {
	case slices.Contains(s.cfg.AllowOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case origin != "" && slices.Contains(s.cfg.AllowOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
	default:
		return
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Range")
		h.Set("Access-Control-Max-Age", "3600")
	}
}

// refuse answers with the status and the words that err deserves.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, name safename.Name, err error) {
	var limited *auth.LimitedError
	var unsupported *UnsupportedError
	switch {
	case r.Context().Err() != nil: // nobody listens any more
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(limited.RetryAfter.Seconds()))))
		refuse(w, http.StatusTooManyRequests, err.Error())
	case errors.Is(err, errTooMany), errors.Is(err, errPending):
		refuse(w, http.StatusTooManyRequests, err.Error())
	case errors.Is(err, errBadQuery):
		refuse(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, media.ErrNotFound), errors.Is(err, auth.ErrDenied), errors.Is(err, media.ErrStreamEnded):
		s.count.refused.Add(1)
		refuse(w, http.StatusNotFound, "no stream is available on path '"+name.String()+"'")
	case errors.As(err, &unsupported):
		refuse(w, http.StatusNotAcceptable, err.Error())
	case errors.Is(err, errSlow), errors.Is(err, errStopped), errors.Is(err, errCrowded), errors.Is(err, media.ErrFull):
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, err.Error())
	case errors.Is(err, auth.ErrNoCredentials), errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrRevoked), errors.Is(err, auth.ErrKicked):
		s.count.refused.Add(1)
		challenge(w, r)
	default: // ours: it says nothing about the client's rights
		s.log.Warn("cannot answer", "stream", name.String(), "remote", peer.Addr(r.RemoteAddr), "error", err)
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "this cannot be answered at the moment; try again")
	}
}

// challenge says that credentials are needed, the same for all who lack them.
// A script's request gets no Basic challenge: the browser would ask the person
// for a password over the page that handles the refusal itself.
func challenge(w http.ResponseWriter, r *http.Request) {
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest == "" || dest == "document" {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+auth.Realm+`"`)
	}
	refuse(w, http.StatusUnauthorized, "credentials needed")
}

func refuse(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "error": text})
}
