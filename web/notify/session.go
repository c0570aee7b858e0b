package notify

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/run"
	"muster/media"
	"muster/media/mcu"
)

// session is one client, over whatever connections it comes. It is the leg of
// its participant.
type session struct {
	srv    *Server
	key    string // secret; who knows it is the client
	who    auth.Identity
	known  bool // who is logged in
	client media.Client
	host   string // how the client calls this server, without port
	out    *outbox
	log    *slog.Logger

	ctx    context.Context // ends with the session
	cancel context.CancelCauseFunc

	doing sync.Mutex // one request at a time; guards done and pace
	done  []answered // the newest keptAnswers requests, the oldest first
	pace  pace

	mu       sync.Mutex // guards what follows
	p        *mcu.Participant
	as       auth.Identity // with which it entered last; a guest's is bound to one room
	seat     Seat
	watching bool
	ringing  []ringing // calls that it has not answered, the oldest first
	attached int       // connections that take events
	cut      func()    // ends the newest of them
	left     time.Time // when the last connection went
}

// answered is a request that was done. Its answer may have been lost with the
// connection: a client that has come back asks again.
type answered struct {
	request [sha256.Size]byte // its text
	answer  message
}

// keptAnswers is how many answers are kept for such clients.
const keptAnswers = 16

// resumeFor is how long a session waits for its client to come back.
const resumeFor = 15 * time.Second

func (s *Server) newSession(who auth.Identity, known bool, client media.Client) (*session, error) {
	key := rand.Text()
	ctx, cancel := context.WithCancelCause(context.Background())
	ses := &session{srv: s, key: key, who: who, known: known, client: client, out: &outbox{}, ctx: ctx, cancel: cancel, left: time.Now()}
	ses.log = s.log.With("conn", key[:6], "user", who.User, "remote", client.Remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return nil, errStopping
	case len(s.sessions) >= s.deps.MaxSessions, s.perAddr[limit.Prefix(client.Remote.Addr())] >= maxPerAddress:
		return nil, errBusy
	}
	s.sessions[key] = ses
	s.perAddr[limit.Prefix(client.Remote.Addr())]++
	return ses, nil
}

// Notify implements mcu.Leg.
func (c *session) Notify(e mcu.Event) { c.tell(e.Type, e.Data) }

func (c *session) tell(typ string, data any) {
	if !c.out.put(typ, data) {
		c.cancel(errSlow)
	}
}

// End implements mcu.Leg: the participant is shown out; the session stays.
func (c *session) End(reason error) {
	c.apart(func() { c.leave(reason, true) })
}

// apart runs f in a goroutine of its own: for callers that must not wait, and
// may hold what f needs.
func (c *session) apart(f func()) {
	go func() {
		defer run.Recover(c.srv.log, part)
		f()
	}()
}

// leave takes the client out of its room, and tells it if it did not ask.
func (c *session) leave(reason error, tell bool) {
	c.mu.Lock()
	p, seat := c.p, c.seat
	c.p, c.seat = nil, nil
	c.mu.Unlock()
	if seat != nil {
		seat.Close(reason)
	}
	if p == nil {
		return
	}
	p.Leave(reason)
	if c.srv.deps.Gone != nil && p.Identity().IsGuest() {
		c.srv.deps.Gone(p.ID)
	}
	if tell {
		f, _ := explain(reason)
		c.tell(typeEnded, ended{Code: f.Code, Reason: reason.Error()})
	}
}

// close ends the session.
func (c *session) close(reason error) {
	c.srv.mu.Lock()
	_, was := c.srv.sessions[c.key]
	if was {
		delete(c.srv.sessions, c.key)
		from := limit.Prefix(c.client.Remote.Addr())
		if c.srv.perAddr[from]--; c.srv.perAddr[from] == 0 {
			delete(c.srv.perAddr, from)
		}
	}
	c.srv.mu.Unlock()
	c.leave(reason, false)
	c.cancel(reason)
	c.out.end()
}

// listen is called by a connection that takes the session's events. The one that
// did so before is cut: its client has come back by another way. The returned
// context ends with the connection's turn; done is called when it ends.
func (c *session) listen(parent context.Context) (ctx context.Context, done func()) {
	ctx, cut := context.WithCancel(parent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut != nil {
		c.cut()
	}
	c.cut = cut
	c.attached++
	return ctx, func() {
		cut()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.attached--
		c.left = time.Now()
	}
}

// seen notes that the client is still there.
func (c *session) seen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = time.Now()
}

// lapsed reports whether the client has not come back in time.
func (c *session) lapsed(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.attached == 0 && now.Sub(c.left) > resumeFor
}

func (c *session) participant() (*mcu.Participant, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.p == nil {
		return nil, errNotJoined
	}
	return c.p, nil
}

// do carries out a request and returns the answer. A request that was done
// already, with the same id and content, is only answered again.
func (c *session) do(ctx context.Context, text []byte) message {
	var r request
	if err := json.Unmarshal(text, &r); err != nil {
		return message{Type: typeError, Data: failure{Code: codeBad, Message: "a message is a JSON object {id, type, data}"}}
	}
	c.doing.Lock()
	defer c.doing.Unlock()
	sum := sha256.Sum256(text)
	if i := slices.IndexFunc(c.done, func(d answered) bool { return d.request == sum }); i >= 0 && r.ID != 0 {
		return c.done[i].answer
	}
	if wait := c.pace.spend(1+len(text)/requestSize, time.Now()); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
	}
	answer := c.answer(ctx, r)
	if len(c.done) == keptAnswers {
		c.done = slices.Delete(c.done, 0, 1)
	}
	c.done = append(c.done, answered{sum, answer})
	return answer
}

func (c *session) answer(ctx context.Context, r request) message {
	data, err := c.handle(ctx, r)
	if err == nil {
		return message{Re: r.ID, Type: typeOK, Data: data}
	}
	f, known := explain(err)
	if !known && !c.srv.deps.BadOffer(err) {
		c.log.Error("a request was not done", "request", r.Type, "error", err)
	} else if !known {
		f = failure{Code: codeMedia, Message: err.Error()}
	}
	return message{Re: r.ID, Type: typeError, Data: f}
}

// parse reads the data of a request.
func parse[T any](r request) (T, error) {
	var v T
	if len(r.Data) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(r.Data, &v); err != nil {
		return v, badRequest(fmt.Sprintf("the data of %q are not as they should be", r.Type))
	}
	return v, nil
}

// with parses the data of a request and hands them, and the participant, to f.
func with[T any](c *session, r request, f func(*mcu.Participant, T) error) (any, error) {
	v, err := parse[T](r)
	if err != nil {
		return nil, err
	}
	p, err := c.participant()
	if err != nil {
		return nil, err
	}
	return nil, f(p, v)
}

type (
	joinData struct {
		Room       string `json:"room"`
		Name       string `json:"name"`
		PIN        string `json:"pin"`
		Invitation string `json:"invitation"`
		Pass       string `json:"pass"`
		Listen     bool   `json:"listen"`
	}
	joined struct {
		Participant string      `json:"participant"`
		ICEServers  []ICEServer `json:"iceServers"`
		Voices      int         `json:"voices"` // receiving audio sections to offer
	}
	iceData struct {
		ICEServers []ICEServer `json:"iceServers"`
	}
	offerData struct {
		SDP     string                     `json:"sdp"`
		Sources map[string]mcu.VideoSource `json:"sources"`
	}
	answerData struct {
		SDP string `json:"sdp"`
	}
	showData struct {
		Places []mcu.Place `json:"places"`
	}
	onData struct {
		On bool `json:"on"`
	}
	chatData struct {
		To   string `json:"to"`
		Text string `json:"text"`
	}
	otherData struct {
		Participant string `json:"participant"`
		On          bool   `json:"on"`
	}
	roleData struct {
		Participant string   `json:"participant"`
		Role        mcu.Role `json:"role"`
	}
	layoutData struct {
		Layout mcu.Layout `json:"layout"`
		Cells  []mcu.Cell `json:"cells"`
	}
	stageData struct {
		Stream string `json:"stream"`
		On     bool   `json:"on"`
	}
	callData struct {
		User string `json:"user"`
	}
	declineData struct {
		ID string `json:"id"`
	}
	call struct {
		ID    string `json:"id"`
		Room  string `json:"room"`
		Title string `json:"title"`
		From  string `json:"from"`
	}
	callOver struct {
		ID string `json:"id"`
	}
	declined struct {
		User string `json:"user"`
		Room string `json:"room"`
	}
)

func (c *session) handle(ctx context.Context, r request) (any, error) {
	switch r.Type {
	case "ping":
		return nil, nil
	case "join":
		d, err := parse[joinData](r)
		if err != nil {
			return nil, err
		}
		return c.join(ctx, d)
	case "leave":
		c.leave(errLeft, false)
		return nil, nil
	case "watch":
		return nil, c.watch()
	case "decline":
		d, err := parse[declineData](r)
		if err != nil {
			return nil, err
		}
		return nil, c.decline(d)
	case "offer":
		d, err := parse[offerData](r)
		if err != nil {
			return nil, err
		}
		return c.offer(d)
	case "ice":
		p, err := c.participant()
		if err != nil {
			return nil, err
		}
		return iceData{c.srv.ice(p, p.Identity(), c.host)}, nil
	case "show":
		d, err := parse[showData](r)
		if err != nil {
			return nil, err
		}
		return nil, c.show(d.Places)
	}
	return c.inRoom(ctx, r)
}

// inRoom does what needs a participant.
func (c *session) inRoom(ctx context.Context, r request) (any, error) {
	switch r.Type {
	case "mute":
		return with(c, r, func(p *mcu.Participant, d onData) error { return p.SetMuted(d.On) })
	case "talk":
		return with(c, r, func(p *mcu.Participant, d onData) error { return p.Talk(d.On) })
	case "emergency":
		return with(c, r, func(p *mcu.Participant, d otherData) error {
			return p.SetEmergency(cmp.Or(d.Participant, p.ID), d.On)
		})
	case "listen":
		return with(c, r, func(p *mcu.Participant, d onData) error { return p.Listen(d.On) })
	case "hand":
		return with(c, r, func(p *mcu.Participant, d onData) error { return p.SetHand(d.On) })
	case "chat":
		return with(c, r, func(p *mcu.Participant, d chatData) error { _, err := p.Say(d.To, d.Text); return err })
	case "muteOther":
		return with(c, r, func(p *mcu.Participant, d otherData) error { return p.Mute(d.Participant, d.On) })
	case "admit":
		return with(c, r, func(p *mcu.Participant, d otherData) error { return p.Admit(d.Participant, d.On) })
	case "kick":
		return with(c, r, func(p *mcu.Participant, d otherData) error { return p.Kick(d.Participant) })
	case "role":
		return with(c, r, func(p *mcu.Participant, d roleData) error { return p.SetRole(d.Participant, d.Role) })
	case "layout":
		return with(c, r, func(p *mcu.Participant, d layoutData) error { return p.SetLayout(d.Layout, d.Cells) })
	case "lock":
		return with(c, r, func(p *mcu.Participant, d onData) error {
			return p.Change(ctx, func(s *mcu.Settings) { s.Locked = d.On })
		})
	case "lobby":
		return with(c, r, func(p *mcu.Participant, d onData) error {
			return p.Change(ctx, func(s *mcu.Settings) { s.Lobby = d.On })
		})
	case "record":
		return with(c, r, func(p *mcu.Participant, d onData) error { return p.Record(d.On) })
	case "call":
		return with(c, r, c.call)
	case "breakout":
		return with(c, r, func(p *mcu.Participant, d breakoutData) error { return p.Split(ctx, d.division()) })
	case "merge":
		return with(c, r, func(p *mcu.Participant, _ struct{}) error { return p.Merge() })
	case "announce":
		return with(c, r, func(p *mcu.Participant, d announceData) error { return p.Announce(d.Text) })
	case "move":
		return with(c, r, func(p *mcu.Participant, d moveData) error { return p.Move(cmp.Or(d.Participant, p.ID), d.Room) })
	case "stage":
		return with(c, r, func(p *mcu.Participant, d stageData) error { return p.Stage(d.Stream, d.On) })
	}
	return nil, badRequest(fmt.Sprintf("there is no request %q", r.Type))
}

var errLeft = errors.New("left")

// join enters a room, and leaves the one the client is in.
func (c *session) join(ctx context.Context, d joinData) (any, error) {
	who, room, invited := c.who, d.Room, false
	if !c.known && d.Invitation == "" && d.Pass == "" {
		return nil, errLogin
	}
	if d.Pass != "" {
		// A guest, also one who is logged in, moves as the guest that it came as.
		if as := c.lastAs(); as.IsGuest() || !c.known {
			who = as
		}
		if !c.srv.deps.Rooms.Passes(d.Pass, room, who) {
			return nil, mcu.ErrPass // and stays where it is
		}
	} else if d.Invitation != "" && !c.mayEnter(room) {
		id, s, err := c.srv.deps.Rooms.Redeem(ctx, d.Invitation, d.Name)
		if err != nil {
			return nil, err
		}
		who, room, invited = id, s.Name.String(), true
	}
	c.leave(errLeft, false)
	p, err := c.srv.deps.Rooms.Join(mcu.JoinRequest{
		Identity: who, Room: room, Name: d.Name, Kind: mcu.Browser, Remote: c.client.Remote, Agent: c.client.Agent,
		PIN: d.PIN, Invited: invited, Pass: d.Pass, Listen: d.Listen, Leg: c,
	})
	if err != nil {
		if invited {
			if err := c.srv.deps.Rooms.Unredeem(context.WithoutCancel(ctx), d.Invitation); err != nil {
				c.log.Error("an invitation that let nobody in is used up", "error", err)
			}
		}
		return nil, err
	}
	who = p.Identity()
	c.mu.Lock()
	c.p, c.as = p, who
	c.mu.Unlock()
	if c.ctx.Err() != nil { // ended meanwhile, and may not have seen p
		c.leave(context.Cause(c.ctx), false)
		return nil, context.Cause(c.ctx)
	}
	if c.known {
		c.answered(func(r ringing) bool { return r.room == room })
	}
	return joined{Participant: p.ID, ICEServers: c.srv.ice(p, who, c.host), Voices: c.srv.deps.Rooms.Slots()}, nil
}

// lastAs returns the identity with which the client entered a room last.
func (c *session) lastAs() auth.Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.as
}

// mayEnter reports whether the client may enter the room as who it is. Others
// come as guests, by an invitation.
func (c *session) mayEnter(room string) bool {
	if !c.known {
		return false
	}
	_, err := c.srv.deps.Rooms.Find(c.who, room)
	return err == nil
}

// offer answers an offer of media.
func (c *session) offer(d offerData) (any, error) {
	p, err := c.participant()
	if err != nil {
		return nil, err
	}
	if _, waiting := p.Role(); waiting {
		return nil, badRequest("wait until a host lets you in")
	}
	c.mu.Lock()
	seat := c.seat
	c.mu.Unlock()
	if seat == nil {
		if seat, err = c.srv.deps.Seat(p, p.Identity(), c.client); err != nil {
			return nil, err
		}
		c.mu.Lock()
		mine := c.p == p
		if mine {
			c.seat = seat
		}
		c.mu.Unlock()
		if !mine {
			seat.Close(mcu.ErrGone)
			return nil, mcu.ErrGone
		}
		c.apart(func() { c.watchSeat(seat) })
	}
	sdp, err := seat.Offer(d.SDP, d.Sources)
	if err != nil {
		select {
		case <-seat.Ended(): // over this offer: the next one begins anew
			c.seatEnded(seat)
		default:
		}
		return nil, err
	}
	return answerData{sdp}, nil
}

func (c *session) watchSeat(seat Seat) {
	<-seat.Ended()
	c.seatEnded(seat)
}

// seatEnded tells the client that its media have ended by themselves: it may
// offer anew.
func (c *session) seatEnded(seat Seat) {
	c.mu.Lock()
	mine := c.seat == seat
	if mine {
		c.seat = nil
	}
	c.mu.Unlock()
	if mine {
		c.tell(typeMedia, ended{Code: codeMedia, Reason: seat.Reason().Error()})
	}
}

func (c *session) show(places []mcu.Place) error {
	c.mu.Lock()
	seat := c.seat
	c.mu.Unlock()
	if seat == nil {
		return errNotJoined
	}
	return seat.Show(places)
}

// call calls somebody who is connected into the room.
func (c *session) call(p *mcu.Participant, d callData) error {
	if _, waiting := p.Role(); waiting || p.Identity().IsGuest() {
		return fmt.Errorf("%w: guests call nobody", auth.ErrDenied)
	}
	if c.srv.call(c.srv.of(d.User), p.Room().Settings().Name.String(), p.Name(), c) == 0 {
		return mcu.ErrNotFound
	}
	return nil
}

// watch makes the client be told what happens in the rooms it may see.
func (c *session) watch() error {
	if !c.known {
		return errLogin
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching = true
	return nil
}
