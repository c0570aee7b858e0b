package history

import (
	"bytes"
	"slices"
	"strings"

	"muster/cot"
	"muster/cot/wire"
)

// transient reports whether an event of that type says nothing that is worth
// keeping: control messages, notifications, subscriptions.
func transient(typ string) bool {
	if typ == typeGone {
		return false
	}
	return typ == "" || strings.HasPrefix(typ, "t-x-") || strings.HasPrefix(typ, "t-b")
}

const (
	typeGone    = "t-x-d-d"
	broadcast   = "All Streaming"
	allRooms    = "All Chat Rooms"
	chatType    = "b-t-f"
	alertCancel = "b-a-o-can"
)

// intent is what an event means to the history.
type intent struct {
	e        *cot.Event
	what     what
	kind     string
	received int64
	groups   []string // sorted
	key      string   // groups as stored
	private  bool     // for single clients or a mission only
	mission  string
	people   []wire.Dest // single clients it names
	dests    []wire.Dest

	chat    chatRow // of a message, as far as it says itself
	receipt receipt
	gone    string // uid that was deleted
	archive bool
}

type what uint8

const (
	isNothing what = iota
	isPosition
	isEvent
	isChat
	isReceipt
	isGone
)

// receipt says what became of a message.
type receipt struct {
	message string
	state   string
	server  bool // the server itself says so
}

// limits are those of events that have been let in already.
func limits() wire.Limits {
	l := wire.DefaultLimits()
	l.Event = maxPacked
	return l
}

// sortOut says what e means. It reads the details from the event's XML, because
// the event itself is shared with others.
func sortOut(e *cot.Event) (intent, error) {
	in := intent{e: e, received: e.Received.UnixMilli()}
	in.address()
	typ := e.Type
	switch {
	case strings.HasPrefix(typ, "a-") && !in.private && machineMade(e):
		in.what, in.kind = isPosition, KindPosition
		if len(in.groups) == 0 {
			in.what = isNothing
		}
		return in, nil
	case typ == typeGone:
		return in.deletion()
	case typ == chatType, strings.HasPrefix(typ, chatType+"-"):
		return in.talk()
	}
	in.what, in.kind = isEvent, KindMarker
	if strings.HasPrefix(typ, "b-a-") {
		in.kind = KindAlert
	}
	if len(in.groups) == 0 && !in.private {
		in.what = isNothing
		return in, nil
	}
	if bytes.Contains(e.XML(), []byte("<archive")) {
		w, err := wire.ParseXML(e.XML(), limits())
		if err != nil {
			return in, err
		}
		_, in.archive = w.Child("archive")
	}
	return in, nil
}

// address finds out who e is for. An event that names groups is for those of
// its groups; one that names clients or a mission is private to them.
func (in *intent) address() {
	var named []string
	all := len(in.e.Dests) == 0
	for _, d := range in.e.Dests {
		switch {
		case d.Callsign == broadcast:
			all = true
		case d.Mission != "":
			in.mission = d.Mission
		case d.MissionGUID != "":
			in.mission = d.MissionGUID
		case d.Group != "":
			named = append(named, d.Group)
		case d.Callsign != "" || d.UID != "":
			in.people = append(in.people, d)
		}
	}
	in.dests = in.e.Dests
	in.groups = slices.Clone(in.e.Groups)
	switch {
	case all:
		in.people, in.mission = nil, ""
	case len(named) > 0:
		in.groups = slices.DeleteFunc(in.groups, func(g string) bool { return !slices.Contains(named, g) })
		in.people, in.mission = nil, ""
	default:
		in.private = in.mission != "" || len(in.people) > 0
	}
	slices.Sort(in.groups)
	in.groups = slices.Compact(in.groups)
	in.key = jsonOf(in.groups)
}

// machineMade reports whether an a-… event is the report of a device or sensor
// and not a marker that a person has set.
func machineMade(e *cot.Event) bool {
	return e.UID == e.From.UID || strings.HasPrefix(e.How, "m-") || e.Contact.Endpoint != ""
}

func (in intent) deletion() (intent, error) {
	if in.private {
		return in, nil
	}
	w, err := wire.ParseXML(in.e.XML(), limits())
	if err != nil {
		return in, err
	}
	if _, forced := w.Child("__forcedelete"); !forced {
		return in, nil
	}
	if l, ok := w.Child("link"); ok && l.Attr("uid") != "" {
		in.what, in.gone = isGone, l.Attr("uid")
	}
	return in, nil
}

// shown reports whether an event of that type is a thing on the map.
func shown(typ string) bool {
	for _, p := range []string{"b-f-", "b-i-v", "y-", "t-", alertCancel} {
		if strings.HasPrefix(typ, p) {
			return false
		}
	}
	return true
}
