package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/mcu"
	"muster/web/login"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("muster/internal/store/storetest.start.func2"), goleak.Cleanup(func(code int) { storetest.Stop(); os.Exit(code) }))
}

// fakeSeat answers offers without media.
type fakeSeat struct {
	end    chan struct{}
	once   sync.Once
	reason error
	mu     sync.Mutex
	places []mcu.Place
}

var errFakeOffer = errors.New("this is no offer")

func (f *fakeSeat) Offer(sdp string, _ map[string]mcu.VideoSource) (string, error) {
	switch sdp {
	case "bad":
		return "", errFakeOffer
	case "worse": // what ends the seat
		f.Close(errFakeOffer)
		return "", errFakeOffer
	}
	return "answer to " + sdp, nil
}

func (f *fakeSeat) Show(p []mcu.Place) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.places = p
	return nil
}
func (f *fakeSeat) Ended() <-chan struct{} { return f.end }
func (f *fakeSeat) Reason() error          { <-f.end; return f.reason }
func (f *fakeSeat) Close(reason error)     { f.once.Do(func() { f.reason = reason; close(f.end) }) }

type house struct {
	*Server
	rooms    *mcu.Rooms
	sessions *auth.Sessions
	url      string

	mu    sync.Mutex
	seats []*fakeSeat
}

var admin = auth.Identity{User: "admin", Role: auth.RoleAdmin, System: true}

func identityOf(name string) auth.Identity {
	if name == "admin" {
		return admin
	}
	return auth.Identity{User: name, Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}}
}

func open(t *testing.T) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, sessions := bus.New(), auth.NewSessions(nil)
	rooms, err := mcu.New(t.Context(), mcu.DefaultConfig(), mcu.Deps{DB: storetest.Open(t, storetest.Config(t, "sqlite")),
		Router: media.New(media.DefaultConfig(), sessions, b, log), Sessions: sessions, Bus: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{rooms: rooms, sessions: sessions}
	h.Server = New(Deps{Rooms: rooms, Sessions: sessions, Bus: b, Log: log, MaxSessions: 50,
		BadOffer: func(err error) bool { return errors.Is(err, errFakeOffer) },
		ICE: func(auth.Identity, auth.Resource, string, string) []ICEServer {
			return []ICEServer{{URLs: []string{"stun:x"}}}
		},
		Seat: func(*mcu.Participant, auth.Identity, media.Client) (Seat, error) {
			s := &fakeSeat{end: make(chan struct{})}
			h.mu.Lock()
			h.seats = append(h.seats, s)
			h.mu.Unlock()
			return s, nil
		}})
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = rooms.Run(ctx) })
	done.Go(func() { _ = h.Run(ctx) })
	handler := h.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := login.WithPeer(r.Context(), login.Peer{Addr: netip.MustParseAddrPort(r.RemoteAddr)})
		if u := r.Header.Get("X-User"); u != "" {
			ctx = login.With(ctx, login.Caller{Identity: identityOf(u)})
		}
		handler.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(func() { cancel(); done.Wait(); srv.Close() })
	h.url = srv.URL
	if _, err := rooms.Create(t.Context(), admin, mcu.Settings{Name: safename.MustParse("briefing"), Groups: []string{"red"}, Permanent: true, PIN: "4711"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the rooms to run", func() bool {
		c := &nobody{}
		p, err := rooms.Join(mcu.JoinRequest{Identity: admin, Room: "briefing", Kind: mcu.Browser, Leg: c})
		if err != nil {
			return false
		}
		p.Leave(nil)
		return true
	})
	return h
}

type nobody struct{}

func (*nobody) Notify(mcu.Event) {}
func (*nobody) End(error)        {}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// page is a client over a WebSocket.
type page struct {
	t    *testing.T
	conn *websocket.Conn
	key  string
	seq  int64
	id   int64
	said []raw // events that were not asked for yet
}

type raw struct {
	Seq  int64           `json:"seq"`
	Re   int64           `json:"re"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

func (h *house) dial(t *testing.T, user, query string) *page {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/ws"+query, &websocket.DialOptions{
		HTTPHeader: http.Header{"X-User": {user}}, Subprotocols: []string{subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	p := &page{t: t, conn: conn}
	var hi hello
	p.expect(typeHello, &hi)
	p.key = hi.Key
	return p
}

func (p *page) read() raw {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	_, text, err := p.conn.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	var m raw
	if err := json.Unmarshal(text, &m); err != nil {
		p.t.Fatal(err)
	}
	if m.Seq > 0 {
		if m.Seq != p.seq+1 && p.seq != 0 {
			p.t.Errorf("event %d after %d", m.Seq, p.seq)
		}
		p.seq = m.Seq
	}
	return m
}

// expect waits for an event and reads its data into v.
func (p *page) expect(typ string, v any) {
	p.t.Helper()
	for {
		var m raw
		if len(p.said) > 0 {
			m, p.said = p.said[0], p.said[1:]
		} else {
			m = p.read()
		}
		if m.Type != typ || m.Re != 0 {
			continue
		}
		if v != nil {
			if err := json.Unmarshal(m.Data, v); err != nil {
				p.t.Fatal(err)
			}
		}
		return
	}
}

// ask sends a request and returns the code of the failure, "" for none.
func (p *page) ask(typ string, data, answer any) string {
	p.t.Helper()
	p.id++
	b, err := json.Marshal(map[string]any{"id": p.id, "type": typ, "data": data})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, b); err != nil {
		p.t.Fatal(err)
	}
	for {
		m := p.read()
		if m.Re != p.id {
			p.said = append(p.said, m)
			continue
		}
		if m.Type == typeError {
			var f failure
			_ = json.Unmarshal(m.Data, &f)
			return f.Code
		}
		if answer != nil {
			if err := json.Unmarshal(m.Data, answer); err != nil {
				p.t.Fatal(err)
			}
		}
		return ""
	}
}

type object = map[string]any

func (p *page) join() joined {
	p.t.Helper()
	var j joined
	if code := p.ask("join", object{"room": "briefing"}, &j); code != "" {
		p.t.Fatal(code)
	}
	return j
}

func TestAMeeting(t *testing.T) {
	h := open(t)
	host := h.dial(t, "admin", "")
	j := host.join()
	if j.Participant == "" || len(j.ICEServers) != 1 || j.Voices != 8 {
		t.Errorf("joined %+v", j)
	}
	var anew iceData
	if code := host.ask("ice", nil, &anew); code != "" || len(anew.ICEServers) != 1 {
		t.Errorf("ice: %q, %+v", code, anew)
	}
	var state mcu.State
	host.expect(mcu.EventState, &state)
	if state.Self != j.Participant || state.Room.PIN != "4711" || len(state.Participants) != 1 {
		t.Errorf("state %+v", state)
	}
	mike := h.dial(t, "mike", "")
	mj := mike.join()
	var m mcu.Member
	host.expect(mcu.EventParticipant, &m)
	if m.ID != mj.Participant || m.User != "mike" || !m.Muted {
		t.Errorf("the host sees %+v", m)
	}
	if code := mike.ask("listen", object{"on": true}, nil); code != "" {
		t.Errorf("listen: %q", code)
	}
	if code := mike.ask("mute", object{"on": false}, nil); code != codeListener {
		t.Errorf("who listens speaks: %q", code)
	}
	if code := mike.ask("listen", object{"on": false}, nil); code != "" {
		t.Errorf("listen: %q", code)
	}
	var answer answerData
	if code := mike.ask("offer", object{"sdp": "v=0", "sources": object{"3": "camera"}}, &answer); code != "" || answer.SDP != "answer to v=0" {
		t.Errorf("offer: %q %+v", code, answer)
	}
	if code := mike.ask("offer", object{"sdp": "bad"}, nil); code != codeMedia {
		t.Errorf("a bad offer: %q", code)
	}
	if code := mike.ask("offer", object{"sdp": "worse"}, nil); code != codeMedia {
		t.Errorf("a worse offer: %q", code)
	}
	mike.expect(typeMedia, nil)
	if code := mike.ask("offer", object{"sdp": "v=0"}, &answer); code != "" {
		t.Errorf("an offer after one that ended the media: %q", code)
	}
	if code := mike.ask("show", object{"places": []object{{"mid": "4", "track": "x", "width": 640, "height": 360}}}, nil); code != "" {
		t.Errorf("show: %q", code)
	}
	if code := mike.ask("chat", object{"text": "hello"}, nil); code != "" {
		t.Errorf("chat: %q", code)
	}
	var c mcu.Chat
	host.expect(mcu.EventChat, &c)
	if c.Text != "hello" || c.From != mj.Participant {
		t.Errorf("the host reads %+v", c)
	}
	for request, data := range map[string]object{
		"kick": {"participant": j.Participant}, "lock": {"on": true}, "role": {"participant": mj.Participant, "role": "host"}, "layout": {"layout": "speaker"},
	} {
		if code := mike.ask(request, data, nil); code != codeHost {
			t.Errorf("%s by somebody who is no host: %q", request, code)
		}
	}
	if code := host.ask("kick", object{"participant": mj.Participant}, nil); code != "" {
		t.Errorf("kick: %q", code)
	}
	var end ended
	mike.expect(typeEnded, &end)
	if end.Code != codeKicked {
		t.Errorf("mike is told %+v", end)
	}
	if code := mike.ask("hand", object{"on": true}, nil); code != codeGone {
		t.Errorf("a hand from outside: %q", code)
	}
	h.mu.Lock()
	seat := h.seats[len(h.seats)-1]
	h.mu.Unlock()
	select {
	case <-seat.Ended():
	case <-time.After(5 * time.Second):
		t.Error("the media of somebody who was shown out go on")
	}
}

func TestTheFloor(t *testing.T) {
	h := open(t)
	if _, err := h.rooms.Update(t.Context(), admin, "briefing", func(s *mcu.Settings) { s.Floor = 60 }); err != nil {
		t.Fatal(err)
	}
	anna, bert := h.dial(t, "anna", ""), h.dial(t, "bert", "")
	aj, bj := anna.join(), bert.join()
	if code := anna.ask("talk", object{"on": true}, nil); code != "" {
		t.Fatal(code)
	}
	var f mcu.FloorState
	bert.expect(mcu.EventFloor, &f)
	if f.Holder != aj.Participant || f.Until.Sub(f.Since) != time.Minute {
		t.Errorf("%+v", f)
	}
	if code := bert.ask("talk", object{"on": true}, nil); code != codeBusy {
		t.Errorf("the second is answered %q", code)
	}
	if f, ok := explain(&mcu.BusyError{Holder: "x"}); !ok || f.Holder != "x" || f.Code != codeBusy {
		t.Errorf("%+v", f)
	}
	if code := bert.ask("emergency", object{"on": true, "participant": aj.Participant}, nil); code != codeHost {
		t.Errorf("an emergency of another: %q", code)
	}
	if code := bert.ask("emergency", object{"on": true}, nil); code != "" {
		t.Error(code)
	}
	if code := bert.ask("talk", object{"on": true}, nil); code != "" {
		t.Errorf("in an emergency: %q", code)
	}
	var b mcu.Busy
	anna.expect(mcu.EventBusy, &b)
	if !b.On || b.Reason != "overridden" {
		t.Errorf("%+v", b)
	}
	f = mcu.FloorState{}
	for f.Holder != bj.Participant { // she was told of her own first
		anna.expect(mcu.EventFloor, &f)
	}
	if !f.Emergency || !f.Until.IsZero() {
		t.Errorf("%+v", f)
	}
}

func TestBreakoutRooms(t *testing.T) {
	h := open(t)
	host, mike := h.dial(t, "admin", ""), h.dial(t, "mike", "")
	host.join()
	mj := mike.join()
	_, secret, err := h.rooms.Invite(t.Context(), admin, "briefing", "", time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	guest := h.dial(t, "", "")
	var gj joined
	if code := guest.ask("join", object{"invitation": secret, "name": "Gast"}, &gj); code != "" {
		t.Fatal(code)
	}
	split := object{"rooms": []object{{"title": "Team", "participants": []string{mj.Participant, gj.Participant}}, {}}, "minutes": 5, "free": true}
	if code := mike.ask("breakout", split, nil); code != codeHost {
		t.Errorf("split by somebody who is no host: %q", code)
	}
	if code := host.ask("breakout", object{"rooms": []object{{}}, "minutes": -5}, nil); code != codeBad {
		t.Errorf("minus five minutes: %q", code)
	}
	if code := host.ask("breakout", split, nil); code != "" {
		t.Fatal(code)
	}
	if code := host.ask("breakout", split, nil); code != codeSplit {
		t.Errorf("split twice: %q", code)
	}
	for _, p := range []*page{mike, guest} {
		var m mcu.Move
		p.expect(mcu.EventMove, &m)
		if m.Room != "briefing-1" || m.Title != "Team" || m.Back {
			t.Fatalf("sent to %+v", m)
		}
		if code := p.ask("join", object{"room": m.Room, "pass": "nonsense"}, nil); code != codePass {
			t.Errorf("no pass: %q", code)
		}
		if code := p.ask("chat", object{"text": "still there"}, nil); code != "" {
			t.Errorf("a wrong pass costs the place: %q", code)
		}
		if code := p.ask("join", object{"room": m.Room, "pass": m.Pass}, nil); code != "" {
			t.Fatalf("the pass does not let in: %q", code)
		}
		var s mcu.State
		for s.Room.Name != "briefing-1" {
			p.expect(mcu.EventState, &s)
		}
		if s.Room.Parent != "briefing" || len(s.Room.Breakouts) != 2 || s.Room.Ends.IsZero() {
			t.Errorf("state %+v", s.Room)
		}
	}
	if code := mike.ask("announce", object{"text": "x"}, nil); code != codeHost {
		t.Errorf("announced by mike: %q", code)
	}
	if code := host.ask("announce", object{"text": "two minutes"}, nil); code != "" {
		t.Fatal(code)
	}
	var c mcu.Chat
	guest.expect(mcu.EventChat, &c)
	if c.Text != "two minutes" || !c.Announced {
		t.Errorf("announced: %+v", c)
	}
	if code := mike.ask("move", object{"room": "briefing-2"}, nil); code != "" {
		t.Errorf("moves at will: %q", code)
	}
	var m mcu.Move
	mike.expect(mcu.EventMove, &m)
	if m.Room != "briefing-2" {
		t.Errorf("%+v", m)
	}
	if code := host.ask("merge", nil, nil); code != "" {
		t.Fatal(code)
	}
	guest.expect(mcu.EventMove, &m)
	if !m.Back || guest.ask("join", object{"room": m.Room, "pass": m.Pass}, nil) != "" {
		t.Errorf("back: %+v", m)
	}
}

func TestRefusals(t *testing.T) {
	h := open(t)
	p := h.dial(t, "mike", "")
	nobody := h.dial(t, "", "")
	for _, c := range []struct {
		name, request string
		p             *page
		data          any
		code          string
	}{
		{"no such room", "join", p, object{"room": "none"}, codeNotFound},
		{"nobody", "join", nobody, object{"room": "briefing", "pin": "4711"}, codeLogin},
		{"a made-up invitation", "join", nobody, object{"invitation": "x", "name": "Eve"}, codeNotFound},
		{"nobody watches", "watch", nobody, nil, codeLogin},
		{"media without a room", "offer", p, object{"sdp": "v=0"}, codeGone},
		{"no such request", "dance", p, nil, codeBad},
		{"data of another kind", "mute", p, object{"on": "yes"}, codeBad},
		{"data that are a list", "join", p, []int{1}, codeBad},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code := c.p.ask(c.request, c.data, nil); code != c.code {
				t.Errorf("%q, want %q", code, c.code)
			}
		})
	}
	if err := p.conn.Write(t.Context(), websocket.MessageText, []byte("not json")); err != nil {
		t.Fatal(err)
	}
	if m := p.read(); m.Type != typeError {
		t.Errorf("garbage: %+v", m)
	}
	if code := p.ask("ping", nil, nil); code != "" {
		t.Errorf("after garbage the session is gone: %q", code)
	}
}

func TestGuestsComeByInvitation(t *testing.T) {
	h := open(t)
	_, secret, err := h.rooms.Invite(t.Context(), admin, "briefing", "", time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	guest := h.dial(t, "", "")
	if code := guest.ask("join", object{"invitation": secret, "name": "Clark\n Kent "}, nil); code != "" {
		t.Fatal(code)
	}
	var s mcu.State
	guest.expect(mcu.EventState, &s)
	if m := s.Participants[0]; m.Name != "Clark Kent" || m.User != "" || m.Role != mcu.Speaker {
		t.Errorf("the guest is %+v", m)
	}
	if s.Room.PIN != "" {
		t.Error("a guest is told the PIN")
	}
	h.dial(t, "mike", "")
	for _, user := range []string{"mike", "nobody"} {
		if code := guest.ask("call", object{"user": user}, nil); code != codeDenied {
			t.Errorf("a guest rings %s: %q", user, code)
		}
	}
	second := h.dial(t, "", "")
	if code := second.ask("join", object{"invitation": secret, "name": "Lois"}, nil); code != codeNotFound {
		t.Errorf("an invitation for one: %q", code)
	}
	for _, c := range []struct {
		of, path string
		status   int
	}{
		{guest.key, "/replay", http.StatusOK}, {guest.key, "/replay/all", http.StatusNotFound}, {guest.key, "/replay/x", http.StatusNotFound},
		{second.key, "/replay", http.StatusForbidden}, {second.key, "/replay/all", http.StatusForbidden}, {"made-up", "/replay", http.StatusNotFound},
	} {
		res, err := http.Get(h.url + "/sessions/" + c.of + c.path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %s", c.path, res.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSomebodyOfAnotherGroupComesByInvitation(t *testing.T) {
	h := open(t)
	if _, err := h.rooms.Create(t.Context(), admin, mcu.Settings{Name: safename.MustParse("blue"), Groups: []string{"blue"}, Permanent: true}); err != nil {
		t.Fatal(err)
	}
	_, secret, err := h.rooms.Invite(t.Context(), admin, "blue", "", time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	mike := h.dial(t, "mike", "")
	if code := mike.ask("join", object{"room": "blue"}, nil); code != codeNotFound {
		t.Errorf("without an invitation: %q", code)
	}
	if code := mike.ask("join", object{"room": "blue", "invitation": secret, "name": "Mike"}, nil); code != "" {
		t.Fatal(code)
	}
	var s mcu.State
	mike.expect(mcu.EventState, &s)
	if m := s.Participants[0]; m.Name != "Mike" || m.User != "" {
		t.Errorf("the guest is %+v", m)
	}
}

func TestASessionGoesOnAfterTheConnection(t *testing.T) {
	h := open(t)
	mike := h.dial(t, "mike", "")
	mike.join()
	mike.expect(mcu.EventState, nil)
	host := h.dial(t, "admin", "")
	host.join()
	mike.expect(mcu.EventParticipant, nil)
	mike.conn.CloseNow()
	if code := host.ask("chat", object{"text": "while you were away"}, nil); code != "" {
		t.Fatal(code)
	}
	again := h.dial(t, "mike", fmt.Sprintf("?key=%s&after=%d", mike.key, mike.seq))
	if again.key != mike.key {
		t.Fatal("a new session was begun")
	}
	var c mcu.Chat
	again.expect(mcu.EventChat, &c)
	if c.Text != "while you were away" {
		t.Errorf("told %+v", c)
	}
	if code := again.ask("hand", object{"on": true}, nil); code != "" {
		t.Errorf("not in the room any more: %q", code)
	}
	for range 2 { // the answer to the first was lost, so it is asked again
		again.id = 76
		if code := again.ask("chat", object{"text": "said once"}, nil); code != "" {
			t.Error(code)
		}
	}
	again.expect(mcu.EventChat, &c)
	if code := again.ask("chat", object{"text": "and this"}, nil); code != "" {
		t.Fatal(code)
	}
	if again.expect(mcu.EventChat, &c); c.Text != "and this" {
		t.Errorf("%q was said twice", c.Text)
	}
	other := h.dial(t, "eve", "?key="+mike.key+"&after=0")
	if other.key == mike.key {
		t.Error("somebody else took the session over")
	}
}

func TestWhoDoesNotComeBackLeaves(t *testing.T) {
	h := open(t)
	mike := h.dial(t, "mike", "")
	mike.join()
	mike.conn.CloseNow()
	waitFor(t, "the connection to be missed", func() bool { return len(h.of("mike")) == 1 && h.of("mike")[0].lapsed(time.Now().Add(time.Minute)) })
	h.of("mike")[0].close(errLapsed)
	if r := h.rooms.Live("briefing"); r != nil {
		t.Error("the room still holds somebody")
	}
}

func TestLongPollsAndEventStreams(t *testing.T) {
	h := open(t)
	do := func(method, path, body, accept string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-User", "mike")
		req.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	var hi struct{ Data hello }
	if err := json.NewDecoder(do("POST", "/sessions", "", "").Body).Decode(&hi); err != nil || hi.Data.Key == "" {
		t.Fatal(err)
	}
	path := "/sessions/" + hi.Data.Key
	var ok raw
	if err := json.NewDecoder(do("POST", path, `{"id":1,"type":"join","data":{"room":"briefing"}}`, "").Body).Decode(&ok); err != nil || ok.Type != typeOK {
		t.Fatalf("%v %+v", err, ok)
	}
	var events []raw
	if err := json.NewDecoder(do("GET", path+"?after=0", "", "application/json").Body).Decode(&events); err != nil || len(events) == 0 || events[0].Type != mcu.EventState {
		t.Fatalf("%v %+v", err, events)
	}
	stream := do("GET", path+"?after=0", "", "text/event-stream")
	buf := make([]byte, 4096)
	text := ""
	for !strings.Contains(text, "id: 1\ndata: {") {
		n, err := stream.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		text += string(buf[:n])
	}
	if res := do("DELETE", path, "", ""); res.StatusCode != http.StatusNoContent {
		t.Errorf("the end: %d", res.StatusCode)
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
	if res := do("GET", path, "", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("a session that has ended: %d", res.StatusCode)
	}
}

func TestPeopleAreToldOfRoomsAndCalled(t *testing.T) {
	h := open(t)
	lisa := h.dial(t, "lisa", "")
	if code := lisa.ask("watch", nil, nil); code != "" {
		t.Fatal(code)
	}
	host := h.dial(t, "admin", "")
	host.join()
	var f struct {
		Kind string
		mcu.Fact
	}
	lisa.expect(typeFact, &f)
	if f.Room != "briefing" {
		t.Errorf("told of %+v", f)
	}
	if code := host.ask("call", object{"user": "lisa"}, nil); code != "" {
		t.Fatal(code)
	}
	var c call
	lisa.expect(typeCall, &c)
	if c.Room != "briefing" || c.From != "admin" {
		t.Errorf("called %+v", c)
	}
	if n := h.CallAll("briefing", "FALKE 2"); n != 2 {
		t.Errorf("%d were called", n)
	}
	lisa.expect(typeCall, &c)
	if c.From != "FALKE 2" {
		t.Errorf("called %+v", c)
	}
	if n := h.Call("lisa", "elsewhere", "FALKE 2"); n != 0 {
		t.Errorf("%d were called into a room that is not there", n)
	}
	if code := host.ask("call", object{"user": "nobody"}, nil); code != codeNotFound {
		t.Errorf("somebody who is not there: %q", code)
	}
}

func TestACallIsAnsweredOnce(t *testing.T) {
	h := open(t)
	here, there := h.dial(t, "lisa", ""), h.dial(t, "lisa", "")
	host := h.dial(t, "admin", "")
	host.join()
	ring := func() string {
		t.Helper()
		if code := host.ask("call", object{"user": "lisa"}, nil); code != "" {
			t.Fatal(code)
		}
		var a, b call
		here.expect(typeCall, &a)
		there.expect(typeCall, &b)
		if a.ID == "" || a.ID != b.ID {
			t.Fatalf("called %+v and %+v", a, b)
		}
		return a.ID
	}
	id := ring()
	if code := host.ask("decline", object{"id": id}, nil); code != codeNotFound {
		t.Errorf("somebody else's call: %q", code)
	}
	if code := here.ask("decline", object{"id": id}, nil); code != "" {
		t.Fatal(code)
	}
	var no declined
	if host.expect(typeDeclined, &no); no.User != "lisa" || no.Room != "briefing" {
		t.Errorf("declined: %+v", no)
	}
	var over callOver
	if there.expect(typeCallOver, &over); over.ID != id {
		t.Errorf("over: %+v", over)
	}
	if code := there.ask("decline", object{"id": id}, nil); code != codeNotFound {
		t.Errorf("declined twice: %q", code)
	}
	id = ring()
	there.join() // is the answer
	if here.expect(typeCallOver, &over); over.ID != id {
		t.Errorf("over: %+v", over)
	}
	for range 2 * maxRinging { // of the oldest nobody is told any more
		id = ring()
	}
	if code := here.ask("decline", object{"id": id}, nil); code != "" {
		t.Error(code)
	}
}

func TestASlowClientIsEnded(t *testing.T) {
	var o outbox
	text := strings.Repeat("x", 1<<20)
	ok := true
	for range maxWaiting>>20 + 2 {
		ok = o.put("chat", text)
	}
	if ok {
		t.Error("what waits grows without end")
	}
}

func TestEventsAreTakenByTheNewestConnection(t *testing.T) {
	var o outbox
	old, _ := o.read(0)
	o.put("chat", 1)
	o.put("chat", 2)
	if texts, _ := old.take(); len(texts) != 2 {
		t.Fatalf("%d events were taken, want 2", len(texts))
	}
	now, ok := o.read(1) // the second one was lost on the way
	if !ok {
		t.Fatal("the client cannot come back")
	}
	<-old.wake
	if texts, over := old.take(); len(texts) != 0 || !over {
		t.Errorf("a connection that is cut took %d events, over %v", len(texts), over)
	}
	<-now.wake
	if texts, over := now.take(); len(texts) != 1 || over {
		t.Errorf("the new connection was told %d events, over %v; want the one that was lost", len(texts), over)
	}
	o.put("chat", 3)
	<-now.wake
	if _, ok := o.read(4); ok {
		t.Error("a client came back that knows more than happened")
	}
}

func TestOtherSitesMayNotConnect(t *testing.T) {
	h := open(t)
	req, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("answered %d", res.StatusCode)
	}
}
