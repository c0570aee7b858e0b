package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"muster/internal/auth"
	"muster/internal/run"
	"muster/media"
	"muster/web/login"
	"muster/web/problem"
)

// Timing and bounds of connections.
const (
	maxMessage   = 300 << 10 // bytes of a request: an offer with many sections
	writeTimeout = 10 * time.Second
	pingEvery    = 15 * time.Second // keeps proxies from closing what is silent, and finds the dead
	pingTimeout  = 10 * time.Second
	pollWait     = 25 * time.Second // of a long poll without events; proxies cut at 30 s
	subprotocol  = "muster.rooms.v1"
)

// Handler serves the protocol. Whoever mounts it has found out who calls, as
// package login does.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", s.socket)
	mux.HandleFunc("POST /sessions", s.open)
	mux.HandleFunc("GET /sessions/{key}", s.events)
	mux.HandleFunc("POST /sessions/{key}", s.post)
	mux.HandleFunc("DELETE /sessions/{key}", s.shut)
	mux.HandleFunc("GET /sessions/{key}/replay", s.replay)
	mux.HandleFunc("GET /sessions/{key}/replay/{id}", s.replayAudio)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if login.CrossSite(r) {
			problem.Write(w, http.StatusForbidden, "This request comes from a page of another site.")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

func clientOf(r *http.Request) (auth.Identity, bool, media.Client) {
	who, known := login.From(r.Context())
	agent := r.UserAgent()
	return who.Identity, known, media.Client{Protocol: "room", Remote: login.PeerFrom(r.Context()).Addr, Agent: agent[:min(len(agent), 200)]}
}

// resume returns the session that key names and the turn of a connection at its
// events after that number; nil if there is none that can go on.
func (s *Server) resume(r *http.Request, key string, after int64) (*session, *reader) {
	who, known, _ := clientOf(r)
	if c := s.find(key, who, known); c != nil {
		if events, ok := c.out.read(after); ok {
			return c, events
		}
	}
	return nil, nil
}

// begin returns a new session.
func (s *Server) begin(r *http.Request) (*session, error) {
	who, known, client := clientOf(r)
	c, err := s.newSession(who, known, client)
	if err != nil {
		return nil, err
	}
	if c.host = r.Host; strings.Contains(c.host, ":") {
		if host, _, err := net.SplitHostPort(r.Host); err == nil {
			c.host = host
		}
	}
	if caller, ok := login.From(r.Context()); ok {
		s.follow(c, caller)
	}
	return c, nil
}

// follow ends the session with the login behind it.
func (s *Server) follow(c *session, caller login.Caller) {
	if caller.Over != nil {
		context.AfterFunc(caller.Over, func() { c.close(auth.ErrRevoked) })
		return
	}
	ses, err := s.deps.Sessions.Open(caller.Identity, auth.Use, auth.Server(),
		auth.SessionInfo{Protocol: "notify", Remote: c.client.Remote, Agent: c.client.Agent}, func(reason error) { c.apart(func() { c.close(reason) }) })
	if err != nil {
		c.close(err)
		return
	}
	context.AfterFunc(c.ctx, ses.Close)
}

func (c *session) hello(resumed bool) hello {
	h := hello{Key: c.key, Resume: int(resumeFor / time.Second), Resumed: resumed}
	if c.known {
		h.User = c.who.User
	}
	return h
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "2")
	problem.Write(w, http.StatusServiceUnavailable, err.Error())
}

// socket serves a WebSocket.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		problem.Write(w, http.StatusUpgradeRequired, "This address speaks WebSocket only.")
		return
	}
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	c, events := s.resume(r, r.URL.Query().Get("key"), after)
	resumed := c != nil
	if !resumed {
		var err error
		if c, err = s.begin(r); err != nil {
			refuse(w, err)
			return
		}
		events, _ = c.out.read(0)
	}
	ctx, done := c.listen(r.Context())
	defer done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled, Subprotocols: []string{subprotocol}})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group := run.NewGroup(ctx, s.log, part)
	answers := make(chan message, 16) // one request is done at a time, so few wait
	group.Go(func(ctx context.Context) {
		defer cancel()
		c.write(ctx, conn, resumed, events, answers)
	})
	group.Go(func(ctx context.Context) {
		defer cancel()
		c.keep(ctx, conn)
	})
	c.read(ctx, conn, answers)
	cancel()
	group.Wait()
	_ = conn.CloseNow()
}

// read does what the client asks until the connection ends.
func (c *session) read(ctx context.Context, conn *websocket.Conn, answers chan<- message) {
	for {
		typ, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if typ != websocket.MessageText {
			_ = conn.Close(websocket.StatusUnsupportedData, "messages are text")
			return
		}
		select {
		case answers <- c.do(ctx, text):
		case <-ctx.Done():
			return
		}
	}
}

// write tells the client everything until the connection or the session ends.
func (c *session) write(ctx context.Context, conn *websocket.Conn, resumed bool, events *reader, answers <-chan message) {
	say := func(text []byte) bool {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		return conn.Write(ctx, websocket.MessageText, text) == nil
	}
	sayJSON := func(m message) bool {
		text, err := json.Marshal(m)
		return err == nil && say(text)
	}
	if !sayJSON(message{Type: typeHello, Data: c.hello(resumed)}) {
		return
	}
	for {
		texts, over := events.take()
		for _, t := range texts {
			if !say(t) {
				return
			}
		}
		if over {
			_ = conn.Close(websocket.StatusGoingAway, closing(context.Cause(c.ctx)))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-events.wake:
		case m := <-answers:
			// What happened before the answer is told before it.
			texts, _ := events.take()
			for _, t := range texts {
				if !say(t) {
					return
				}
			}
			if !sayJSON(m) {
				return
			}
		case <-c.ctx.Done():
			c.close(context.Cause(c.ctx))
		}
	}
}

// closing is the reason of a session's end as a WebSocket carries it.
func closing(err error) string {
	if err == nil {
		return ""
	}
	f, _ := explain(err)
	return f.Code
}

// keep finds out whether the client is still there.
func (c *session) keep(ctx context.Context, conn *websocket.Conn) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			ping, cancel := context.WithTimeout(ctx, pingTimeout)
			err := conn.Ping(ping)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// open begins a session for a client without WebSocket.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	c, err := s.begin(r)
	if err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
	writeJSON(w, message{Type: typeHello, Data: c.hello(false)})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone; nobody is left to tell
}

// named returns the session that the path names, or answers.
func (s *Server) named(w http.ResponseWriter, r *http.Request) *session {
	who, known, _ := clientOf(r)
	c := s.find(r.PathValue("key"), who, known)
	if c == nil {
		problem.Write(w, http.StatusNotFound, "There is no such session; begin a new one.")
	}
	return c
}

// post does one request and answers it.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	c := s.named(w, r)
	if c == nil {
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		problem.Write(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("A message has at most %d bytes.", maxMessage))
		return
	}
	c.seen()
	writeJSON(w, c.do(r.Context(), text))
}

func (s *Server) shut(w http.ResponseWriter, r *http.Request) {
	if c := s.named(w, r); c != nil {
		c.close(errLeft)
		w.WriteHeader(http.StatusNoContent)
	}
}

// events tells the client what happens: as server-sent events if it accepts
// them, else as one answer with all there is, for which it waits if there is
// nothing.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	c := s.named(w, r)
	if c == nil {
		return
	}
	from := r.URL.Query().Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		from = last
	}
	after, err := strconv.ParseInt(from, 10, 64)
	var events *reader
	if err == nil || from == "" {
		events, _ = c.out.read(after)
	}
	if events == nil {
		problem.Write(w, http.StatusGone, "These events are not held any more; begin a new session.")
		return
	}
	ctx, done := c.listen(r.Context())
	defer done()
	r = r.WithContext(ctx)
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		c.stream(w, r, events)
		return
	}
	c.poll(w, r, events)
}

func (c *session) stream(w http.ResponseWriter, r *http.Request, events *reader) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	ctl := http.NewResponseController(w)
	alive := time.NewTicker(pingEvery)
	defer alive.Stop()
	_, _ = io.WriteString(w, ": hello\n\n")
	for {
		texts, over := events.take()
		_ = ctl.SetWriteDeadline(time.Now().Add(writeTimeout))
		for _, t := range texts {
			var m struct {
				Seq int64 `json:"seq"`
			}
			_ = json.Unmarshal(t, &m) // our own
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", m.Seq, t); err != nil {
				return
			}
		}
		if err := ctl.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) || over {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.ctx.Done():
			c.close(context.Cause(c.ctx))
		case <-events.wake:
		case <-alive.C:
			if _, err := io.WriteString(w, ": alive\n\n"); err != nil {
				return
			}
		}
	}
}

func (c *session) poll(w http.ResponseWriter, r *http.Request, events *reader) {
	timer := time.NewTimer(pollWait)
	defer timer.Stop()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pollWait + writeTimeout))
	for {
		texts, over := events.take()
		if len(texts) > 0 || over {
			all := make([]json.RawMessage, 0, len(texts))
			for _, t := range texts {
				all = append(all, t)
			}
			writeJSON(w, all)
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
			writeJSON(w, []json.RawMessage{})
			return
		case <-c.ctx.Done():
			c.close(context.Cause(c.ctx))
		case <-events.wake:
		}
	}
}
