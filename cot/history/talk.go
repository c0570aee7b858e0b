package history

import (
	"slices"
	"strings"

	"muster/cot/wire"
)

// The kinds of rooms.
const (
	RoomAll     = "all"
	RoomTeam    = "team"
	RoomGroup   = "group"
	RoomDirect  = "direct"
	RoomMission = "mission"
)

// The states of a message.
const (
	StateSent      = "sent"
	StatePending   = "pending"
	StateDelivered = "delivered"
	StateRead      = "read"
	StateFailed    = "failed"
)

// before lists, for each state, those that it replaces: a receipt that comes
// late does not undo a better one.
var before = map[string][]string{
	StatePending:   {StateSent},
	StateFailed:    {StateSent, StatePending},
	StateDelivered: {StateSent, StatePending, StateFailed},
	StateRead:      {StateSent, StatePending, StateFailed, StateDelivered},
}

// teams are the colours of teams, which are rooms of that name.
var teams = []string{"White", "Yellow", "Orange", "Magenta", "Red", "Maroon", "Purple", "Dark Blue", "Blue", "Cyan", "Teal",
	"Green", "Dark Green", "Brown"}

// talk reads a chat message or a receipt.
func (in intent) talk() (intent, error) {
	w, err := wire.ParseXML(in.e.XML(), limits())
	if err != nil {
		return in, err
	}
	if in.e.Type != chatType {
		return in.answer(w), nil
	}
	chat, ok := w.Child("__chat")
	if !ok || len(in.groups) == 0 && !in.private {
		return in, nil
	}
	in.what, in.kind = isChat, KindChat
	c := chatRow{UID: w.UID, MessageID: chat.Attr("messageId"), State: StateSent, Time: w.Time, Received: in.received,
		SenderUID: in.e.From.UID, SenderUser: in.e.From.Identity.User, SenderCallsign: chat.Attr("senderCallsign")}
	p := pointOf(w.Point)
	c.Lat, c.Lon = p.Lat, p.Lon
	if r, ok := w.Child("remarks"); ok {
		c.Text = r.Text()
	}
	if c.MessageID == "" {
		c.MessageID = w.UID
	}
	if c.SenderCallsign == "" {
		c.SenderCallsign = in.e.From.Callsign
	}
	var ends []string
	if g, ok := chat.Child("chatgrp"); ok {
		ends = []string{g.Attr("uid0"), g.Attr("uid1")}
	}
	if c.SenderUID == "" && len(ends) > 0 {
		c.SenderUID = ends[0]
	}
	in.chat = c
	in.room(chat, ends)
	return in, nil
}

// room finds the room of a message.
func (in *intent) room(chat wire.Element, ends []string) {
	c := &in.chat
	id, name, parent := chat.Attr("id"), chat.Attr("chatroom"), chat.Attr("parent")
	if name == "" {
		name = id
	}
	c.RoomName = name
	switch {
	case in.mission != "":
		c.Kind, c.Room = RoomMission, "mission:"+in.mission
		c.RoomName = in.mission
	case id == allRooms || name == allRooms:
		c.Kind, c.Room, c.RoomName = RoomAll, allRooms, allRooms
	case parent == "TeamGroups", slices.Contains(teams, id):
		c.Kind, c.Room = RoomTeam, name
	case parent == "UserGroups":
		c.Kind, c.Room = RoomGroup, "group:"+name
	case !in.private && len(in.dests) > 0 && in.namesGroup():
		c.Kind, c.Room = RoomGroup, "group:"+name
	default:
		c.Kind, c.Room = RoomDirect, RoomDirect
		c.PeerUID = id
		if (id == "" || id == c.SenderUID) && len(ends) == 2 {
			c.PeerUID = ends[1]
		}
		// A message for one person is nobody else's, even where an old client
		// has addressed it to nobody.
		in.private = true
	}
	c.Private, c.Mission = in.private, in.mission
}

func (in *intent) namesGroup() bool {
	return slices.ContainsFunc(in.dests, func(d wire.Dest) bool { return d.Group != "" })
}

// answer reads a receipt: b-t-f-d delivered, -r read, -p pending, -s failed.
func (in intent) answer(w *wire.Event) intent {
	r := receipt{state: receipts[strings.TrimPrefix(in.e.Type, chatType+"-")], server: in.e.From.Identity.User == ""}
	if r.state == "" {
		return in
	}
	for _, name := range []string{"__chatreceipt", "__chat"} {
		if el, ok := w.Child(name); ok && r.message == "" {
			r.message = el.Attr("messageId")
		}
	}
	if r.message == "" {
		r.message = w.UID
	}
	in.what, in.receipt = isReceipt, r
	return in
}

// receipts are the states that receipts report, by the last part of their type.
var receipts = map[string]string{"d": StateDelivered, "r": StateRead, "p": StatePending, "s": StateFailed}
