package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/mission"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/web/situation"
)

const (
	allRooms = "All Chat Rooms"
	chatLife = 24 * time.Hour
)

type roomsOut struct {
	Body struct {
		Rooms []history.Room `json:"rooms"`
	}
}

type chatIn struct {
	Room   string `query:"room" required:"true" maxLength:"300"`
	Before int64  `query:"before" doc:"Only messages received earlier, in milliseconds since 1970."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type chatOut struct {
	Body struct {
		Messages []history.Message `json:"messages"`
		More     bool              `json:"more"`
	}
}

type sayIn struct {
	Body struct {
		Room string   `json:"room" minLength:"1" maxLength:"300" doc:"\"All Chat Rooms\", a team colour, group:NAME, direct:UID or mission:NAME."`
		Text string   `json:"text" minLength:"1" maxLength:"8000"`
		Lat  *float64 `json:"lat,omitempty" minimum:"-90" maximum:"90"`
		Lon  *float64 `json:"lon,omitempty" minimum:"-180" maximum:"180"`
		Hash string   `json:"hash,omitempty" pattern:"^([0-9a-f]{64})?$" doc:"Of a stored file that the message points to."`
	}
}

type messageOut struct{ Body history.Message }

type readIn struct {
	Body struct {
		Room string `json:"room" minLength:"1" maxLength:"300"`
	}
}

func (a *API) chat() {
	register(a, user, op("listChatRooms", http.MethodGet, "/chat/rooms", "Chat rooms"), a.rooms)
	register(a, user, op("listMessages", http.MethodGet, "/chat", "The messages of a room"),
		func(ctx context.Context, id auth.Identity, in *chatIn) (*chatOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			var before time.Time
			if in.Before > 0 {
				before = time.UnixMilli(in.Before)
			}
			list, more, err := t.History.Chat(ctx, id, in.Room, before, in.Limit)
			if err != nil {
				return nil, absent(err)
			}
			out := &chatOut{}
			out.Body.Messages, out.Body.More = append([]history.Message{}, list...), more
			return out, nil
		})
	say := op("say", http.MethodPost, "/chat", "Send a message")
	say.DefaultStatus = http.StatusCreated
	register(a, user, say, a.say)
	register(a, user, op("markRead", http.MethodPost, "/chat/read", "Note that a room is read, and tell senders of direct messages"), a.markRead)
}

// rooms are those with messages, and those that one could write to: everybody,
// the groups, the missions.
func (a *API) rooms(ctx context.Context, id auth.Identity, _ *none) (*roomsOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	list, err := t.History.Rooms(ctx, id)
	if err != nil {
		return nil, err
	}
	known := func(room string) bool {
		return slices.ContainsFunc(list, func(r history.Room) bool { return r.ID == room })
	}
	add := func(room, name, kind string) {
		if !known(room) {
			list = append(list, history.Room{ID: room, Name: name, Kind: kind})
		}
	}
	add(allRooms, allRooms, history.RoomAll)
	for _, g := range id.WriteGroups() {
		add("group:"+g, g, history.RoomGroup)
	}
	missions, err := t.Missions.List(ctx, a.inMission(id), mission.Filter{Tool: "public"})
	if err != nil {
		return nil, err
	}
	for _, m := range missions {
		if m.Role != mission.RoleNone {
			add("mission:"+m.Name, m.Name, history.RoomMission)
		}
	}
	out := &roomsOut{}
	out.Body.Rooms = append([]history.Room{}, list...)
	return out, nil
}

// outgoing is a chat message on its way into a room.
type outgoing struct {
	id, room, name, parent string
	ends                   []string // of chatgrp: the sender first
	dests                  []wire.Dest
}

// address finds out who a room is.
func (a *API) address(ctx context.Context, t *TAK, id auth.Identity, room string) (outgoing, error) {
	own := situation.UID(id.User)
	m := outgoing{id: strings.ToLower(rand.Text()), room: room, name: room, parent: "RootContactGroup", ends: []string{own, room}}
	kind, name, _ := strings.Cut(room, ":")
	switch {
	case room == allRooms:
	case kind == "group":
		m.room, m.name, m.parent, m.ends[1] = name, name, "UserGroups", name
		m.dests = []wire.Dest{{Group: name}}
	case kind == "mission":
		m.room, m.name, m.ends[1] = name, name, name
		m.dests = []wire.Dest{{Mission: name}}
	case kind == "direct":
		list, err := t.Router.Endpoints(ctx, id, time.Time{})
		if err != nil {
			return m, err
		}
		i := slices.IndexFunc(list, func(c cot.Contact) bool { return c.UID == name })
		if i < 0 {
			return m, refuse(http.StatusNotFound, "There is no such contact.")
		}
		m.room, m.name, m.ends[1] = name, list[i].Callsign, name
		m.dests = []wire.Dest{{UID: name}}
	default: // a team; the router finds its members
		m.parent = "TeamGroups"
	}
	return m, nil
}

func (a *API) say(ctx context.Context, id auth.Identity, in *sayIn) (*messageOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	if id.System {
		return nil, refuse(http.StatusUnprocessableEntity, "A message has a sender: log in as a user.")
	}
	b := in.Body
	m, err := a.address(ctx, t, id, b.Room)
	if err != nil {
		return nil, err
	}
	text := b.Text
	if b.Hash != "" {
		f, err := t.Files.Lookup(ctx, id, b.Hash)
		if err != nil {
			return nil, filing(err)
		}
		text = history.WithFile(text, f.Name, f.Hash)
	}
	sign := a.callsign(ctx, id)
	ev := m.event(situation.UID(id.User), sign, text)
	if b.Lat != nil && b.Lon != nil {
		ev.Point.Lat, ev.Point.Lon = *b.Lat, *b.Lon
	}
	sent, err := t.Hub.Say(ctx, id, sign, ev)
	if err != nil {
		return nil, sending(err)
	}
	said, _, ok := history.Live(sent, id)
	if !ok {
		return nil, fmt.Errorf("api: a message of our own is not understood")
	}
	return &messageOut{said}, nil
}

// event is the message as TAK clients write it (GeoChat).
func (m outgoing) event(own, callsign, text string) *wire.Event {
	now := time.Now()
	ev := wire.New("GeoChat."+own+"."+m.room+"."+m.id, "b-t-f", "h-g-i-g-o", now, chatLife)
	group := wire.AppendElement(nil, "chatgrp", nil, wire.Attr{Name: "uid0", Value: m.ends[0]}, wire.Attr{Name: "uid1", Value: m.ends[1]}, wire.Attr{Name: "id", Value: m.room})
	ev.AddDetail(wire.AppendElement(nil, "__chat", group,
		wire.Attr{Name: "parent", Value: m.parent}, wire.Attr{Name: "groupOwner", Value: "false"}, wire.Attr{Name: "messageId", Value: m.id},
		wire.Attr{Name: "chatroom", Value: m.name}, wire.Attr{Name: "id", Value: m.room}, wire.Attr{Name: "senderCallsign", Value: callsign}))
	ev.AddDetail(wire.AppendElement(nil, "link", nil, wire.Attr{Name: "uid", Value: own}, wire.Attr{Name: "type", Value: "a-f-G-U-C"}, wire.Attr{Name: "relation", Value: "p-p"}))
	ev.AddDetail(wire.AppendElement(nil, "remarks", wire.AppendText(nil, text),
		wire.Attr{Name: "source", Value: "BAO.F.MUSTER." + own}, wire.Attr{Name: "to", Value: m.room}, wire.Attr{Name: "time", Value: wire.FormatTime(now.UnixMilli())}))
	if len(m.dests) > 0 {
		ev.AddDetail(wire.MartiElement(m.dests))
	}
	return ev
}

func (a *API) markRead(ctx context.Context, id auth.Identity, in *readIn) (*none, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(in.Body.Room, "direct:") {
		due, err := t.History.Unacknowledged(ctx, id, in.Body.Room)
		if err != nil {
			return nil, absent(err)
		}
		for _, m := range due {
			if err := a.receipt(ctx, t, id, m); err != nil {
				return nil, sending(err)
			}
		}
	}
	return nil, absent(t.History.MarkRead(ctx, id, in.Body.Room, time.Time{}))
}

// receipt tells the sender of a message that it is read.
func (a *API) receipt(ctx context.Context, t *TAK, id auth.Identity, m history.Message) error {
	own := situation.UID(id.User)
	ev := wire.New("MUSTER-"+strings.ToLower(rand.Text()[:20]), "b-t-f-r", "h-g-i-g-o", time.Now(), chatLife)
	group := wire.AppendElement(nil, "chatgrp", nil, wire.Attr{Name: "uid0", Value: m.SenderUID}, wire.Attr{Name: "uid1", Value: own}, wire.Attr{Name: "id", Value: own})
	ev.AddDetail(wire.AppendElement(nil, "__chatreceipt", group,
		wire.Attr{Name: "parent", Value: "RootContactGroup"}, wire.Attr{Name: "groupOwner", Value: "false"}, wire.Attr{Name: "messageId", Value: m.ID},
		wire.Attr{Name: "chatroom", Value: a.callsign(ctx, id)}, wire.Attr{Name: "id", Value: own}, wire.Attr{Name: "senderCallsign", Value: m.SenderCallsign}))
	ev.AddDetail(wire.AppendElement(nil, "link", nil, wire.Attr{Name: "uid", Value: own}, wire.Attr{Name: "type", Value: "a-f-G-U-C"}, wire.Attr{Name: "relation", Value: "p-p"}))
	ev.AddDetail(wire.MartiElement([]wire.Dest{{UID: m.SenderUID}}))
	_, err := t.Hub.Say(ctx, id, a.callsign(ctx, id), ev)
	return err
}
