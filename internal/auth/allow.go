package auth

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Action is what somebody wants to do to a Resource.
type Action string

// The actions.
const (
	Publish Action = "publish" // send media to a stream
	Read    Action = "read"    // receive media from a stream
	Join    Action = "cot"     // connect as a TAK client and use the Marti API as oneself
	Use     Action = "api"     // use the REST API as oneself
	Operate Action = "operate" // see and end other people's sessions
	Admin   Action = "admin"   // change users, groups, tokens, certificates, settings

	Enrol     Action = "enrol"     // get a certificate for a device of one's own
	Provision Action = "provision" // get what a device is set up with after that
)

// Actions lists every action a token's scope may name. Enrol and Provision are
// not among them: a token that is limited must not turn into a certificate that
// is not.
func Actions() []Action { return []Action{Publish, Read, Join, Use, Operate, Admin} }

// Kind says what sort of thing a Resource is.
type Kind string

// The kinds of resources.
const (
	KindServer Kind = "server" // the server as a whole
	KindStream Kind = "stream"
	KindData   Kind = "data" // files, missions, history: whatever belongs to groups
	KindRoom   Kind = "room" // a conference; its name is that of its stream
)

// Resource is a thing rights are asked for. Groups are those it belongs to; a
// stream that does not exist yet and whose groups no configuration names has none.
type Resource struct {
	Kind   Kind
	Name   string
	Groups []string
	Every  bool // publishing takes the right in every one of Groups, not in any
}

// RoomStreams begins the names of the streams of rooms, which only the server
// itself publishes.
const RoomStreams = "rooms/"

// Server is the resource of actions that concern the server as a whole.
func Server() Resource { return Resource{Kind: KindServer} }

// Stream is the resource of the stream called name, which belongs to groups.
func Stream(name string, groups []string) Resource {
	return Resource{Kind: KindStream, Name: name, Groups: groups}
}

// Data is the resource of something that belongs to groups and is no stream: a
// file, a mission, a recorded event.
func Data(name string, groups []string) Resource {
	return Resource{Kind: KindData, Name: name, Groups: groups}
}

// Room is the resource of a room, which belongs to groups: Read is to enter and
// listen, Publish to be heard and seen. name is that of the room's stream,
// "rooms/…", so that a scope that names streams names rooms as well.
func Room(name string, groups []string) Resource {
	return Resource{Kind: KindRoom, Name: name, Groups: groups}
}

// ErrDenied is wrapped by every refusal of Allow.
var ErrDenied = errors.New("not allowed")

// Allow reports whether id may do a to r: nil, or an error that wraps
// ErrDenied. It is the only place where rights are decided; what it does not
// grant is denied.
//
// The rule of the house: a stream belongs to the groups its publisher may write
// to, or to those its configuration names. Who may write to one of them may
// publish it, who reads one of them may read it, and admins may do both. Files,
// missions, recorded events and rooms follow the same rule.
func Allow(id Identity, a Action, r Resource) error {
	if id.User == "" {
		return fmt.Errorf("%w: nobody is logged in", ErrDenied)
	}
	if id.Scope != nil && !id.Scope.covers(a, r) {
		return fmt.Errorf("%w: the token is not valid for this", ErrDenied)
	}
	switch {
	case a == Publish && r.Kind == KindStream && strings.HasPrefix(r.Name, RoomStreams) && (!id.System || id.IsGuest()):
		return fmt.Errorf("%w: streams below %s are those of rooms", ErrDenied, RoomStreams)
	case id.IsAdmin():
		return nil
	case r.Kind == KindServer && (a == Use || a == Join || a == Enrol || a == Provision):
		return nil
	case r.Kind == KindServer && a == Operate && id.Role == RoleOperator:
		return nil
	case r.grouped() && a == Publish:
		write := id.WriteGroups()
		switch {
		case len(r.Groups) == 0 && len(write) > 0,
			r.Every && len(r.Groups) > 0 && subset(r.Groups, write),
			!r.Every && intersect(write, r.Groups):
			return nil
		}
		return fmt.Errorf("%w: %s may not publish to %s", ErrDenied, id.User, r.Name)
	case r.grouped() && a == Read:
		if intersect(id.ReadGroups(), r.Groups) {
			return nil
		}
		return fmt.Errorf("%w: %s may not read %s", ErrDenied, id.User, r.Name)
	}
	return fmt.Errorf("%w: %s needs the right %q", ErrDenied, id.User, a)
}

func (r Resource) grouped() bool {
	return r.Kind == KindStream || r.Kind == KindData || r.Kind == KindRoom
}

func (s *Scope) covers(a Action, r Resource) bool {
	if r.Kind == KindData && slices.Contains(s.Actions, Join) {
		return true // what a TAK client sends and receives
	}
	if !slices.Contains(s.Actions, a) {
		return false
	}
	if r.Kind != KindStream && r.Kind != KindRoom || len(s.Streams) == 0 {
		return true
	}
	for _, pattern := range s.Streams {
		// A pattern that cannot be parsed matches nothing: deny by default.
		if ok, err := path.Match(pattern, r.Name); err == nil && ok {
			return true
		}
	}
	return false
}

func intersect(a, b []string) bool {
	for _, x := range a {
		if slices.Contains(b, x) {
			return true
		}
	}
	return false
}

func subset(a, of []string) bool {
	for _, x := range a {
		if !slices.Contains(of, x) {
			return false
		}
	}
	return true
}
