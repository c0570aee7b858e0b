package mission

import (
	"slices"
	"strconv"
	"time"

	"muster/cot/wire"
)

// The CoT types of notifications.
const (
	eventNew             = "t-x-m-n"
	eventDeleted         = "t-x-m-d"
	eventChange          = "t-x-m-c"
	eventLog             = "t-x-m-c-l"
	eventKeywords        = "t-x-m-c-k"
	eventItemKeywords    = "t-x-m-c-k-u"
	eventContentKeywords = "t-x-m-c-k-c"
	eventMeta            = "t-x-m-c-m"
	eventExternal        = "t-x-m-c-e"
	eventLayers          = "t-x-m-c-h"
	eventInvite          = "t-x-m-i"
	eventRole            = "t-x-m-r"
)

const (
	notifyLife = 20 * time.Second
	// More changes than this are told in several events, so that none comes near
	// the size that clients refuse.
	changesPerEvent = 100
)

// event makes a notification: a mission element with inner in it.
func event(typ, word string, m missionRow, author string, inner []byte, extra ...wire.Attr) *wire.Event {
	ev := wire.New(newID(), typ, "h-g-i-g-o", time.Now(), notifyLife)
	attrs := append([]wire.Attr{{Name: "type", Value: word}, {Name: "tool", Value: m.Tool}, {Name: "name", Value: m.Name},
		{Name: "guid", Value: m.GUID}, {Name: "authorUid", Value: author}}, extra...)
	ev.AddDetail(wire.AppendElement(nil, "mission", inner, attrs...))
	return ev
}

// announce tells everybody in the groups of the mission.
func (s *Service) announce(e *edit, typ string) {
	word := "CHANGE"
	switch typ {
	case eventNew:
		word = "CREATE"
	case eventDeleted:
		word = "DELETE"
	}
	s.n.notified.Add(1)
	s.router.Announce(event(typ, word, e.m, e.c.UID, nil), e.m.Groups.V)
}

// audience returns the connected devices that subscribe to the mission and may
// read it with the groups that are switched on for them now.
func (s *Service) audience(m missionRow, subs []subRow) []string {
	if !slices.ContainsFunc(subs, func(r subRow) bool { return r.Live }) {
		return nil
	}
	online := s.online()
	var out []string
	for _, sub := range subs {
		if !sub.Live {
			continue
		}
		if c, ok := online.find(sub); ok && c.reads(m) {
			out = append(out, c.UID)
		}
	}
	// Two users may have subscribed one device.
	slices.Sort(out)
	return slices.Compact(out)
}

// tell sends a notification to the subscribers.
func (s *Service) tell(e *edit, events ...*wire.Event) {
	to := s.audience(e.m, e.subs)
	if len(to) == 0 {
		return
	}
	for _, ev := range events {
		s.n.notified.Add(1)
		s.router.Notify(ev, to...)
	}
}

func (s *Service) tellSubscribers(e *edit, typ string) {
	s.tell(e, event(typ, "CHANGE", e.m, e.c.UID, nil))
}

// tellChanges sends the changes of e.
func (s *Service) tellChanges(e *edit) {
	var events []*wire.Event
	for part := range slices.Chunk(e.public(), changesPerEvent) {
		var inner []byte
		for _, c := range part {
			inner = appendChange(inner, c)
		}
		events = append(events, event(eventChange, "CHANGE", e.m, e.c.UID, wire.AppendElement(nil, "MissionChanges", inner)))
	}
	s.tell(e, events...)
}

// tellKeywords names the item whose keywords changed, as a change of it.
func (s *Service) tellKeywords(e *edit, typ, uid, hash string) {
	var inner []byte
	if uid != "" {
		inner = appendTag(inner, "contentUid", uid)
	} else {
		inner = wire.AppendElement(inner, "contentResource", appendTag(nil, "hash", hash))
	}
	s.tell(e, event(typ, "CHANGE", e.m, e.c.UID, inner))
}

// tellExternal names the external data that changed; token is what its system
// names the change by.
func (s *Service) tellExternal(e *edit, d ExternalData, token string) {
	var inner []byte
	for _, f := range [][2]string{{"id", d.ID}, {"name", d.Name}, {"tool", d.Tool}, {"urlData", d.URLData}, {"urlView", d.URLView}, {"notes", d.Notes}, {"uid", d.UID}} {
		inner = appendTag(inner, f[0], f[1])
	}
	if token != "" {
		inner = appendTag(inner, "token", token)
	}
	s.tell(e, event(eventExternal, "CHANGE", e.m, e.c.UID, wire.AppendElement(nil, "externalData", inner)))
}

// tellRole tells a device that its role is another one.
func (s *Service) tellRole(e *edit, sub subRow) {
	for _, uid := range s.audience(e.m, []subRow{{ClientUID: sub.ClientUID, Username: sub.Username, Live: true}}) {
		s.n.notified.Add(1)
		s.router.Notify(event(eventRole, "INVITE", e.m, e.c.UID, appendRole(nil, sub.Role)), uid)
	}
}

// tellInvited tells the connected devices that an invitation is for, as far as
// they may see the mission.
func (s *Service) tellInvited(m missionRow, row invitationRow, online clients) {
	var to []string
	for uid, conns := range online {
		if slices.ContainsFunc(conns, func(c client) bool { return c.invited(row) && c.reads(m) }) {
			to = append(to, uid)
		}
	}
	s.sendInvitation(m, row, to)
}

func (s *Service) sendInvitation(m missionRow, row invitationRow, to []string) {
	if len(to) == 0 {
		return
	}
	token, err := s.token(invitationToken, row.ID, m)
	if err != nil {
		s.log.Error("an invitation could not be told", "mission", m.GUID, "error", err)
		return
	}
	s.n.notified.Add(1)
	s.router.Notify(event(eventInvite, "INVITE", m, row.CreatorUID, appendRole(nil, row.Role), wire.Attr{Name: "token", Value: token}), to...)
}

func appendTag(dst []byte, name, text string) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = wire.AppendText(dst, text)
	return append(append(append(dst, '<', '/'), name...), '>')
}

func appendRole(dst []byte, r Role) []byte {
	var perms []byte
	for _, p := range r.Permissions() {
		perms = wire.AppendElement(perms, "permission", nil, wire.Attr{Name: "type", Value: string(p)})
	}
	return wire.AppendElement(dst, "role", wire.AppendElement(nil, "permissions", perms), wire.Attr{Name: "type", Value: string(r)})
}

// appendChange writes a MissionChange element.
func appendChange(dst []byte, c Change) []byte {
	var b []byte
	if c.Resource != nil {
		b = appendResource(b, *c.Resource)
	}
	if c.ContentUID != "" {
		b = appendTag(b, "contentUid", c.ContentUID)
	}
	b = appendTag(b, "creatorUid", c.CreatorUID)
	if c.Feed != nil {
		b = appendTag(b, "dataFeedUid", c.Feed.DataFeedUID)
	}
	b = appendTag(b, "isFederatedChange", "false")
	b = appendTag(b, "missionName", c.MissionName)
	b = appendTag(b, "missionGuid", c.MissionGUID)
	b = appendTag(b, "timestamp", c.Time.String())
	b = appendTag(b, "type", c.Type.String())
	if c.Details != nil {
		b = appendDetails(b, *c.Details)
	}
	return wire.AppendElement(dst, "MissionChange", b)
}

func appendDetails(dst []byte, d Details) []byte {
	attrs := []wire.Attr{{Name: "type", Value: d.Type}, {Name: "callsign", Value: d.Callsign}}
	for _, a := range []wire.Attr{{Name: "title", Value: d.Title}, {Name: "color", Value: d.Color}, {Name: "iconsetPath", Value: d.IconsetPath}} {
		if a.Value != "" {
			attrs = append(attrs, a)
		}
	}
	var inner []byte
	if d.Location != nil {
		inner = wire.AppendElement(nil, "location", nil, wire.Attr{Name: "lat", Value: number(d.Location.Lat)}, wire.Attr{Name: "lon", Value: number(d.Location.Lon)})
	}
	return wire.AppendElement(dst, "details", inner, attrs...)
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func appendResource(dst []byte, f File) []byte {
	var b []byte
	for _, t := range [][2]string{
		{"creatorUid", f.CreatorUID}, {"expiration", strconv.FormatInt(f.Expiration, 10)}, {"filename", f.Filename}, {"groupVector", ""},
		{"hash", f.Hash}, {"mimeType", f.MIME}, {"name", f.Name}, {"size", strconv.FormatInt(f.Size, 10)},
		{"submissionTime", f.Submitted.String()}, {"submitter", f.Submitter}, {"uid", f.UID},
	} {
		b = appendTag(b, t[0], t[1])
	}
	for _, k := range f.Keywords {
		b = appendTag(b, "keywords", k)
	}
	return wire.AppendElement(dst, "contentResource", b)
}
