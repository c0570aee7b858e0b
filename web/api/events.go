package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/run"
	"muster/media"
	"muster/media/record"
	"muster/web/login"
	"muster/web/problem"
)

const (
	factSessionOpened = "session.opened"
	factSessionClosed = "session.closed"

	eventQueue  = 256                    // facts that wait for one page; further ones are dropped and it is told to reload
	eventWrite  = 10 * time.Second       // a page that takes longer for one message is closed
	eventFinish = 300 * time.Millisecond // for a message under way when the channel closes
	eventRead   = 512                    // bytes of a message from the page, which has nothing to say
	rightsPause = 250 * time.Millisecond
	maxTold     = 10_000 // sessions remembered per page
)

// Why a live channel is closed by the server.
var (
	errGoingDown = errors.New("the server is going down")
	errLoggedOut = errors.New("the login is over")
)

// Event is one message of the live channel.
type Event struct {
	Kind string    `json:"kind"`
	Time time.Time `json:"time"`
	Data any       `json:"data"`
}

type hello struct {
	Me      Me       `json:"me"`
	Streams []Stream `json:"streams"`
}

type streamStats struct {
	Name    string `json:"name"`
	Bitrate int64  `json:"bitrate"`
	Viewers int    `json:"viewers"`
}

type statsData struct {
	Streams []streamStats `json:"streams"`
}

type eventsOut struct {
	Body func(ctx huma.Context)
}

func (a *API) events() {
	o := op("events", http.MethodGet, "/events", "Live events over a WebSocket (RFC 6455), or as server-sent events")
	o.Description = "With Accept: text/event-stream they come as server-sent events, of which each holds one message; else over a WebSocket. Messages are JSON objects {kind, time, data}. The first is \"hello\" with what you may see; it comes again when your rights change. Then: stream.ready, stream.ended, stream.stats (every 2 s), session.opened, session.closed, user.changed, group.changed, token.changed, device.changed, recording.changed, file.changed, mission.changed, call.changed (to whoever has a room call, and to administrators), auth.failed, and lagged, which says that messages were lost and the state is to be read anew."
	o.Responses = map[string]*huma.Response{
		"101": {Description: "Switching Protocols"},
		"200": {Description: "Server-sent events", Content: map[string]*huma.MediaType{eventStream: {Schema: &huma.Schema{Type: huma.TypeString}}}},
	}
	o.DefaultStatus = http.StatusSwitchingProtocols
	register(a, user, o, func(ctx context.Context, _ auth.Identity, _ *none) (*eventsOut, error) {
		if a.Bus == nil {
			return nil, errStopped
		}
		return &eventsOut{func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			a.follow(w, r)
		}}, nil
	})
}

func caller(ctx context.Context) (auth.Identity, bool) {
	c, ok := login.From(ctx)
	return c.Identity, ok
}

// follow serves one page.
func (a *API) follow(w http.ResponseWriter, r *http.Request) {
	// Subscribed before the state is read: nothing falls in between.
	sub := a.Bus.Subscribe(eventQueue)
	defer sub.Close()
	serve := func(ctx context.Context, who login.Caller, send func(context.Context, any) error) error {
		p := &page{a: a, send: send, sub: sub, who: who, id: who.Identity, told: make(map[string]struct{})}
		return p.serve(ctx)
	}
	if strings.Contains(r.Header.Get("Accept"), eventStream) {
		a.streamEvents(w, r, serve)
		return
	}
	a.channel(w, r, true, func(ctx context.Context, who login.Caller, conn *websocket.Conn) error {
		return serve(ctx, who, func(ctx context.Context, v any) error { return sendJSON(ctx, conn, v) })
	})
}

const eventStream = "text/event-stream"

// streamEvents serves what channel does as server-sent events (HTML standard §9.2), to
// whoever has no WebSocket at hand. It ends without a farewell: a client that comes
// back is told why it may not.
func (a *API) streamEvents(w http.ResponseWriter, r *http.Request, serve func(context.Context, login.Caller, func(context.Context, any) error) error) {
	ctx, who, done, ok := a.attend(w, r, true)
	if !ok {
		return
	}
	defer done()
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	err := serve(ctx, who, func(ctx context.Context, v any) error {
		if ctx.Err() != nil {
			return nil // serve sees it next
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := out.SetWriteDeadline(time.Now().Add(eventWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil && ctx.Err() == nil {
		a.Log.Debug("live events", "user", who.Identity.User, "error", err)
	}
}

// attend prepares to tell the caller what happens. The context ends when the page
// has gone, its login is over, or the server is going down; its cause says which.
// With register, callers without a cookie are put on the register of sessions. ok is
// false when the request has been answered; else done is called at the end.
func (a *API) attend(w http.ResponseWriter, r *http.Request, register bool) (_ context.Context, who login.Caller, done func(), ok bool) {
	who, _ = login.From(r.Context())
	if login.CrossSite(r) {
		problem.Write(w, http.StatusForbidden, "This request comes from a page of another site.")
		return nil, who, nil, false
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	ends := []func(){func() { cancel(nil) }}
	done = func() {
		for _, f := range ends {
			f()
		}
	}
	calm := context.AfterFunc(a.down, func() { cancel(errGoingDown) })
	ends = append(ends, func() { calm() })
	if who.Over != nil {
		stay := context.AfterFunc(who.Over, func() { cancel(errLoggedOut) })
		ends = append(ends, func() { stay() })
	}
	if who.Over == nil && register && a.Sessions != nil {
		// A cookie's login is on the register already; others get an entry.
		agent := r.UserAgent()
		info := auth.SessionInfo{Protocol: "web", Remote: login.PeerFrom(ctx).Addr, Agent: agent[:min(len(agent), 200)]}
		session, err := a.Sessions.Open(who.Identity, auth.Use, auth.Server(), info, func(reason error) { cancel(fmt.Errorf("%w: %w", errLoggedOut, reason)) })
		if err != nil {
			done()
			problem.Write(w, http.StatusForbidden, whyNot(user))
			return nil, who, nil, false
		}
		ends = append(ends, session.Close)
	}
	return ctx, who, done, true
}

// channel opens a WebSocket on which the page only listens, calls serve, and says
// farewell. The context of serve is that of attend.
func (a *API) channel(w http.ResponseWriter, r *http.Request, register bool, serve func(context.Context, login.Caller, *websocket.Conn) error) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && !login.CrossSite(r) {
		w.Header().Set("Upgrade", "websocket")
		problem.Write(w, http.StatusUpgradeRequired, "This address speaks WebSocket only.")
		return
	}
	ctx, who, done, ok := a.attend(w, r, register)
	if !ok {
		return
	}
	defer done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(eventRead)
	gone := make(chan struct{})
	// Ending the context of a Read makes the library cut the connection.
	hearing, cut := context.WithCancel(context.Background())
	defer cut()
	go func() {
		defer close(gone)
		defer cancel()
		defer run.Recover(a.Log, "api")
		listen(hearing, conn, cut)
	}()
	defer func() {
		conn.CloseNow()
		<-gone
	}()
	err = serve(ctx, who, conn)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errGoingDown):
		farewell(conn, cut, websocket.StatusGoingAway, "the server is going down")
	case errors.Is(cause, errLoggedOut), errors.Is(err, errLoggedOut):
		farewell(conn, cut, websocket.StatusPolicyViolation, "logged out")
	case err != nil:
		a.Log.Debug("live channel", "user", who.Identity.User, "error", err)
	}
}

// listen returns when the page has closed the channel, or said something: it
// has nothing to say.
func listen(hearing context.Context, conn *websocket.Conn, cut func()) {
	// Not the request's context: no reason could be given after its end.
	_, _, err := conn.Read(hearing)
	if err == nil {
		farewell(conn, cut, websocket.StatusPolicyViolation, "this channel is for listening")
	}
}

// farewell tells the page why the channel is closed, and does not wait long for
// its answer.
func farewell(conn *websocket.Conn, cut func(), code websocket.StatusCode, reason string) {
	// CloseNow would wait for the Close that is under way.
	t := time.AfterFunc(time.Second, cut)
	defer t.Stop()
	conn.Close(code, reason)
}

// page is one live channel, served by one goroutine.
type page struct {
	a    *API
	send func(context.Context, any) error
	sub  *bus.Subscription
	who  login.Caller
	id   auth.Identity // as of the last look
	told map[string]struct{}
	lost int64 // facts known to be dropped
}

// serve sends until ctx ends: the page has gone, its login is over, or the
// server is going down.
func (p *page) serve(ctx context.Context) error {
	if err := p.hello(ctx); err != nil {
		return err
	}
	stats := time.NewTicker(statsEvery)
	defer stats.Stop()
	var again <-chan time.Time // set while rights are to be read anew
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case f := <-p.sub.C:
			if again == nil && changesRights(f) {
				again = time.After(rightsPause)
			}
			err = p.fact(ctx, f)
		case <-again:
			again = nil
			err = p.rights(ctx)
		case <-stats.C:
			if p.who.Touch != nil {
				p.who.Touch()
			}
			err = p.stats(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func changesRights(f bus.Fact) bool {
	return f.Kind == auth.FactUserChanged || f.Kind == auth.FactGroupChanged || f.Kind == auth.FactTokenChanged
}

// rights reads the rights anew and greets again when they have changed.
func (p *page) rights(ctx context.Context) error {
	now, err := p.a.Profiles.Current(ctx, p.id)
	if err != nil {
		return fmt.Errorf("%w: %w", errLoggedOut, err)
	}
	same := sameRights(p.id, now)
	p.id = now
	if same {
		return nil
	}
	return p.hello(ctx)
}

func sameRights(a, b auth.Identity) bool {
	x, errX := json.Marshal(meOf(a))
	y, errY := json.Marshal(meOf(b))
	return errX == nil && errY == nil && string(x) == string(y)
}

func (p *page) hello(ctx context.Context) error {
	return p.send(ctx, Event{Kind: "hello", Time: time.Now(), Data: hello{Me: meOf(p.id), Streams: p.a.list(p.id)}})
}

func (p *page) stats(ctx context.Context) error {
	data := statsData{Streams: []streamStats{}}
	for _, s := range p.a.list(p.id) {
		data.Streams = append(data.Streams, streamStats{s.Name, s.Bitrate, s.Viewers})
	}
	return p.send(ctx, Event{Kind: "stream.stats", Time: time.Now(), Data: data})
}

// fact sends f if the page may know it.
func (p *page) fact(ctx context.Context, f bus.Fact) error {
	if n := p.sub.Dropped(); n > p.lost {
		p.lost = n
		if err := p.send(ctx, Event{Kind: "lagged", Time: time.Now(), Data: struct{}{}}); err != nil {
			return err
		}
	}
	if !p.sees(f) {
		return nil
	}
	data := f.Data
	switch d := data.(type) {
	case media.Info:
		complete(&d)
		out := Stream{Info: d}
		if s, err := p.a.find(p.id, d.Name); err == nil && f.Kind == "stream.ready" {
			out.Recording = p.a.recorded(s)
		}
		data = out
	case nil:
		data = struct{}{}
	}
	return p.send(ctx, Event{Kind: f.Kind, Time: f.Time, Data: data})
}

// sees applies the rule of bus.Fact, and the rules of streams and sessions.
func (p *page) sees(f bus.Fact) bool {
	isAdmin := auth.Allow(p.id, auth.Admin, auth.Server()) == nil
	switch d := f.Data.(type) {
	case media.Info:
		return auth.Allow(p.id, auth.Read, auth.Stream(d.Name, f.Groups)) == nil
	case record.Changed:
		return auth.Allow(p.id, auth.Read, auth.Stream(d.Stream, f.Groups)) == nil
	case auth.SessionInfo:
		return p.seesSession(d, f.Kind == factSessionOpened)
	}
	switch {
	case isAdmin:
		return true
	case f.User != "" && f.User == p.id.User:
		return true
	case f.Admin:
		return false
	case f.Groups == nil:
		return true
	}
	for _, g := range p.id.ReadGroups() {
		for _, of := range f.Groups {
			if g == of {
				return true
			}
		}
	}
	return false
}

// seesSession remembers which sessions the page was told of: the stream of one
// that closes may be gone, and with it the way to tell whose it was.
func (p *page) seesSession(s auth.SessionInfo, opened bool) bool {
	if !opened {
		_, known := p.told[s.ID]
		delete(p.told, s.ID)
		return known || p.a.seesSession(p.id, s)
	}
	if !p.a.seesSession(p.id, s) {
		return false
	}
	if len(p.told) < maxTold {
		p.told[s.ID] = struct{}{}
	}
	return true
}

// sendJSON writes one message. It is not cut by the end of ctx at once: a message
// cut in the middle would leave no way to say why the channel closes.
func sendJSON(ctx context.Context, conn *websocket.Conn, v any) error {
	if ctx.Err() != nil {
		return nil // serve sees it next
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventWrite)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(eventFinish, cancel) })()
	return conn.Write(writing, websocket.MessageText, b)
}
