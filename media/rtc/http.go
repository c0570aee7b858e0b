package rtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/peer"
	"muster/internal/safename"
	"muster/media"
)

const (
	sdpType  = "application/sdp"
	fragType = "application/trickle-ice-sdpfrag"
)

// Handler serves the routes of all streams, relative to their names. Mount it
// behind http.StripPrefix to give it a place under another server; addresses in
// answers are relative to how it was called.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// serve finds out what of which stream is meant.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // addresses may carry a token
	s.cors(w, r)

	path := strings.TrimPrefix(r.URL.Path, "/")
	dir, last := cutLast(path)
	switch parent, verb := cutLast(dir); {
	case last == "whip" || last == "whep":
		s.named(w, r, dir, func(name safename.Name) { s.endpoint(w, r, last, name) })
	case verb == "whip" || verb == "whep":
		s.named(w, r, parent, func(name safename.Name) { s.resource(w, r, verb, name, last) })
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		methodNotAllowed(w, "GET, HEAD, OPTIONS")
	case assetOf(last) != "":
		serveAsset(w, r, assetOf(last))
	case last == "publish" && dir != "":
		s.named(w, r, dir, func(name safename.Name) { s.page(w, r, name, "publish.html") })
	case last == "":
		s.named(w, r, dir, func(name safename.Name) { s.page(w, r, name, "player.html") })
	default:
		s.named(w, r, path, func(name safename.Name) { redirect(w, r, last+"/") })
	}
}

// cutLast splits at the last slash.
func cutLast(path string) (dir, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

func (s *Server) named(w http.ResponseWriter, r *http.Request, name string, f func(safename.Name)) {
	if name == "" {
		problem(w, http.StatusNotFound, "the address names no stream: it has the form /NAME/, /NAME/publish, /NAME/whep or /NAME/whip", nil)
		return
	}
	n, err := safename.Parse(name)
	if err != nil {
		problem(w, http.StatusBadRequest, "the stream's name cannot be used: "+err.Error(), nil)
		return
	}
	f(n)
}

// redirect leads to a place relative to the request, so that it holds under
// whatever prefix the handler is mounted, and can never lead elsewhere.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	to = "./" + to
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// cors lets scripts of the configured origins in. '*' never goes together with
// credentials that a browser adds by itself.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	origin := r.Header.Get("Origin")
	switch {
	case origin != "" && slices.Contains(s.cfg.AllowOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	case slices.Contains(s.cfg.AllowOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	}
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Accept-Patch, Accept-Post, ETag, ID, Link, Location, Warning")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "OPTIONS, GET, POST, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	}
}

// links tells the ICE servers; those with a password only to who is logged in.
func (s *Server) links(w http.ResponseWriter, known bool) {
	for _, i := range s.cfg.ICEServers {
		switch {
		case i.Password == "":
			w.Header().Add("Link", "<"+i.URL+`>; rel="ice-server"`)
		case known:
			w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="ice-server"; username="%s"; credential="%s"; credential-type="password"`, i.URL, i.Username, i.Password))
		}
	}
}

// endpoint serves /NAME/whip and /NAME/whep.
func (s *Server) endpoint(w http.ResponseWriter, r *http.Request, kind string, name safename.Name) {
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Accept-Post", sdpType)
		known := false
		if r.Header.Get("Access-Control-Request-Method") == "" && s.secretServers() {
			if p := proof(r); !p.Empty() || s.deps.IdentityOf != nil {
				_, err := s.identify(r, p)
				known = err == nil
			}
		}
		s.links(w, known)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		s.post(w, r, kind, name)
	default:
		methodNotAllowed(w, "OPTIONS, POST")
	}
}

func (s *Server) secretServers() bool {
	return slices.ContainsFunc(s.cfg.ICEServers, func(i ICEServer) bool { return i.Password != "" })
}

// post starts a session (RFC 9725 §4.2).
func (s *Server) post(w http.ResponseWriter, r *http.Request, kind string, name safename.Name) {
	who, err := s.identify(r, proof(r))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if !hasType(r, sdpType) {
		problem(w, http.StatusBadRequest, "the request needs Content-Type: "+sdpType, nil)
		return
	}
	client := media.Client{Protocol: kind, Remote: peer.Addr(r.RemoteAddr), Agent: r.UserAgent()}
	if err := s.permitted(kind, who, name); err != nil {
		s.refuse(w, r, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSDP))
	if err != nil {
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("an offer has at most %d bytes", maxSDP), nil)
		return
	}
	o, err := parseOffer(body)
	if err != nil {
		problem(w, http.StatusBadRequest, "the offer cannot be used: "+err.Error(), nil)
		return
	}
	free, ok := s.reserve(who.User)
	if !ok {
		s.refuse(w, r, errCrowded)
		return
	}
	ses := s.newSession(who, client, name, free)
	var answer string
	var notice []string
	if kind == "whip" {
		answer, err = ses.publish(o)
	} else {
		answer, notice, err = ses.read(o)
	}
	if err != nil {
		ses.abandon()
		s.refuse(w, r, err)
		return
	}
	ses.log.Info("session started", "agent", client.Agent[:min(len(client.Agent), 200)], "leftOut", notice)
	h := w.Header()
	h.Set("Content-Type", sdpType)
	h.Set("Location", resourcePath(r, ses.secret))
	h.Set("ETag", "*")
	h.Set("ID", ses.id)
	h.Set("Accept-Patch", fragType)
	for _, n := range notice {
		h.Add("Warning", `299 - "`+n+`"`)
	}
	s.links(w, true)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

// permitted asks for the rights before anything costly is done.
func (s *Server) permitted(kind string, who auth.Identity, name safename.Name) error {
	if kind == "whep" {
		_, err := s.deps.Router.Find(who, name)
		return err
	}
	return s.deps.Router.MayBegin(who, name)
}

// resourcePath is the absolute path of a session, as the client sees the server.
func resourcePath(r *http.Request, secret string) string {
	path := r.URL.EscapedPath()
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		path = u.EscapedPath() // before any StripPrefix
	}
	return strings.TrimSuffix(path, "/") + "/" + secret
}

// resource serves /NAME/whip/SECRET and /NAME/whep/SECRET. The secret is the
// proof: it was told to the client that started the session and to nobody else.
func (s *Server) resource(w http.ResponseWriter, r *http.Request, kind string, name safename.Name, secret string) {
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Accept-Patch", fragType)
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPatch, http.MethodDelete:
	default:
		methodNotAllowed(w, "OPTIONS, PATCH, DELETE")
		return
	}
	ses := s.lookup(kind, name.String(), secret)
	if ses == nil {
		problem(w, http.StatusNotFound, "there is no such session, or it has ended", nil)
		return
	}
	if r.Method == http.MethodDelete {
		ses.close(errLeft)
		w.WriteHeader(http.StatusOK)
		return
	}
	if !hasType(r, fragType) {
		problem(w, http.StatusBadRequest, "the request needs Content-Type: "+fragType, nil)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSDP))
	if err != nil {
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a fragment has at most %d bytes", maxSDP), nil)
		return
	}
	f, err := parseFragment(body)
	if err != nil {
		problem(w, http.StatusBadRequest, "the fragment cannot be used: "+err.Error(), nil)
		return
	}
	answer, err := ses.trickle(f)
	switch {
	case errors.Is(err, errTooManyCandidates), errors.Is(err, errNoPassword), errors.Is(err, errBadOffer):
		problem(w, http.StatusBadRequest, "the fragment cannot be used: "+err.Error(), nil)
	case errors.Is(err, errTooOften):
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusTooManyRequests, err.Error(), nil)
	case err != nil:
		ses.log.Error("ice restart", "error", err)
		problem(w, http.StatusInternalServerError, "the restart did not work; start a new session", nil)
	case answer == "":
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", fragType)
		w.Header().Set("ETag", "*")
		_, _ = io.WriteString(w, answer)
	}
}

func hasType(r *http.Request, want string) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && t == want
}

var errCrowded = errors.New("there are too many WebRTC sessions; close one and try again")

// refuse answers a request whose session does not start.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.count.refused.Add(1)
	var limited *auth.LimitedError
	ref, isRef := isRefusal(err)
	switch {
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(limited.RetryAfter/time.Second))))
		problem(w, http.StatusTooManyRequests, limited.Error(), nil)
	case errors.Is(err, auth.ErrNoCredentials):
		challenge(w)
		problem(w, http.StatusUnauthorized, "log in with Basic or Bearer credentials, or ?token= in the address", nil)
	case errors.Is(err, auth.ErrBadCredentials):
		challenge(w)
		problem(w, http.StatusUnauthorized, "the credentials are not right", nil)
	case errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrRevoked):
		problem(w, http.StatusForbidden, "you may not publish under this name", nil)
	case errors.Is(err, media.ErrNotFound):
		problem(w, http.StatusNotFound, err.Error(), nil)
	case errors.Is(err, media.ErrBusy):
		problem(w, http.StatusConflict, err.Error(), nil)
	case errors.Is(err, media.ErrFull), errors.Is(err, errCrowded), errors.Is(err, errStopped):
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, err.Error(), nil)
	case isRef:
		s.log.Info("stream cannot be carried", "remote", r.RemoteAddr, "path", r.URL.Path, "reason", ref.detail)
		problem(w, http.StatusNotAcceptable, ref.detail, map[string]any{"reason": ref.reason, "codecs": ref.codecs})
	case errors.Is(err, errBadOffer), errors.Is(err, media.ErrUnsupported):
		problem(w, http.StatusBadRequest, err.Error(), nil)
	case r.Context().Err() != nil:
		w.WriteHeader(http.StatusServiceUnavailable) // nobody is there to read it
	default:
		s.log.Error("start session", "error", err)
		problem(w, http.StatusInternalServerError, "the session could not be started", nil)
	}
}

func methodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	problem(w, http.StatusMethodNotAllowed, "this address takes "+allow, nil)
}

// problem writes an error (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string, more map[string]any) {
	doc := map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail}
	for k, v := range more {
		doc[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}
