package cot

import (
	"context"
	"slices"

	"muster/cot/wire"
)

// allRooms is the room of everybody.
const allRooms = "All Chat Rooms"

// teams are the team colours of ATAK, which are rooms, too.
var teams = map[string]bool{
	"White": true, "Yellow": true, "Orange": true, "Magenta": true, "Red": true, "Maroon": true, "Purple": true,
	"Dark Blue": true, "Blue": true, "Cyan": true, "Teal": true, "Green": true, "Dark Green": true, "Brown": true,
}

// roomChat sends a chat event that names no recipients: the room says who they
// are. A room that is a device is a talk between two, which is nobody else's
// business.
func (r *Router) roomChat(ctx context.Context, e *Event, w groupSet) {
	chat, _ := e.Child("__chat")
	room := chat.Attr("id")
	if room == "" {
		room = chat.Attr("chatroom")
	}
	switch {
	case teams[room]:
		r.teamChat(e, w, room)
	case room != "" && room != allRooms && r.isDevice(room):
		r.directChat(ctx, e, w, []wire.Dest{{UID: room}})
	default:
		r.fanOut(e, w, e.via)
	}
}

// teamChat sends e to the members of a team, and to pages.
func (r *Router) teamChat(e *Event, w groupSet, team string) {
	n := 0
	for _, s := range r.seats() {
		st := s.c.state.Load()
		if s.c != e.via && st.out.meets(w) && (st.team.Name == team || s.c.join.Observer) {
			s.sink.Send(e)
			n++
		}
	}
	r.n.delivered.Add(int64(n))
}

// isDevice reports whether uid is a device that is connected, or known.
func (r *Router) isDevice(uid string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.devices[uid] != nil || len(r.byUID[uid]) > 0
}

// directChat sends a chat event to those it names. For devices that are away it
// is kept; a message that reached nobody is answered with b-t-f-p if it is kept
// for somebody, and with b-t-f-s if not.
func (r *Router) directChat(ctx context.Context, e *Event, w groupSet, dests []wire.Dest) {
	groups, found, missed := r.resolve(e, w, dests)
	nobody := len(found.list)+len(missed) == 0
	clients := slices.DeleteFunc(found.list, func(c *Client) bool { return c.state.Load().out.meets(groups) })
	reached, kept := len(clients) < len(found.list), false
	if !groups.empty() {
		r.fanOut(e, groups, e.via)
		reached = true
	}
	for _, c := range clients {
		// What has to wait for older messages is on its way, too.
		reached = r.hurry(e, c) || r.keep(ctx, c.UID(), e) || reached
	}
	for _, uid := range r.away(e, missed) {
		kept = r.keep(ctx, uid, e) || kept
	}
	if e.Type != typeChat || reached || nobody || len(missionDests(dests)) > 0 {
		return
	}
	if kept {
		r.reply(e, typePending)
	} else {
		r.reply(e, typeFailed)
	}
}

// Unsent takes back the chat that was queued for the client and had not got out
// when the connection ended. What is for this device alone waits for it, as if it
// had been away. It is called after Close.
func (c *Client) Unsent(chat []*Event) {
	st := c.state.Load()
	chat = slices.DeleteFunc(chat, func(e *Event) bool { return !e.isFor(st) })
	if !st.reported || len(chat) == 0 {
		return
	}
	c.r.keep(context.Background(), st.uid, chat...)
}

// isFor reports whether e, a chat event, names the device in state st.
func (e *Event) isFor(st *clientState) bool {
	if len(e.Dests) == 0 {
		chat, _ := e.Child("__chat")
		return chat.Attr("id") == st.uid
	}
	return slices.ContainsFunc(e.Dests, func(d wire.Dest) bool {
		return d.UID == st.uid || d.Callsign != "" && d.Callsign == st.callsign
	})
}

// hurry queues e for c, unless older messages still wait for it, which go first,
// or it has just left.
func (r *Router) hurry(e *Event, c *Client) bool {
	s := &r.waiting
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boxes[c.UID()] == nil && r.sendIfHere(e, c)
}

// sendIfHere queues e for c and reports whether that was before c was closed.
// Otherwise nobody might read the queue any more.
func (r *Router) sendIfHere(e *Event, c *Client) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c.place < 0 {
		return false
	}
	c.join.Sink.Send(e)
	r.n.delivered.Add(1)
	return true
}

// away returns the uids of the known devices that dests name and that share a
// group with e, or did when they were last here. Those that did not are as unknown
// to the sender as any other name. One that has come since it was missed is named,
// too: what is kept for it is handed over at once.
func (r *Router) away(e *Event, dests []wire.Dest) (uids []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, d := range dests {
		var newest *device
		for _, dev := range r.candidates(d) {
			if !slices.ContainsFunc(dev.OutGroups, func(g string) bool { return slices.Contains(e.Groups, g) }) {
				continue
			}
			if newest == nil || dev.LastSeen > newest.LastSeen {
				newest = dev
			}
		}
		if newest != nil && newest.UID != e.From.UID && !slices.Contains(uids, newest.UID) {
			uids = append(uids, newest.UID)
		}
	}
	return uids
}

// candidates returns the devices that a recipient may mean. The caller holds mu.
func (r *Router) candidates(d wire.Dest) []*device {
	if d.Callsign != "" && len(r.names[d.Callsign]) > 0 {
		return r.names[d.Callsign]
	}
	if dev := r.devices[d.UID]; dev != nil {
		return []*device{dev}
	}
	return nil
}
