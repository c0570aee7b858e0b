// Package auth turns every kind of proof a client can show into one Identity,
// says in one place what that Identity may do, and keeps the register of live
// sessions that a revocation closes.
//
// It knows nothing of protocols: a door hands over a Proof and, for as long as
// its client stays, holds a Session.
package auth

import (
	"slices"
	"strings"
	"time"
)

// Role is what a user is to the server as a whole.
type Role string

// The roles, in rising order of right.
const (
	RoleMember   Role = "member"   // uses what its groups allow
	RoleOperator Role = "operator" // also sees and ends sessions of its groups
	RoleAdmin    Role = "admin"    // everything
)

// Valid reports whether r is one of the roles above.
func (r Role) Valid() bool {
	return r == RoleMember || r == RoleOperator || r == RoleAdmin
}

// Grant is a user's right in one group, with the direction as seen from the
// server: In, the server accepts what the user sends to the group; Out, the
// server sends the user what the group holds.
type Grant struct {
	Group string `json:"group"`
	In    bool   `json:"in"`
	Out   bool   `json:"out"`
}

// Scope narrows an Identity that was proven with a token or stream key. The
// rights are those of the user and of the scope, never more than the user's.
type Scope struct {
	Actions []Action `json:"actions"`          // what it may be used for; empty: nothing
	Streams []string `json:"streams"`          // path.Match patterns of stream names; empty: every stream
	Groups  []string `json:"groups,omitempty"` // only in these groups; empty: all of the user's
}

// Identity is somebody who proved who they are. It is a value: a door keeps the
// one it was given, and the session registry replaces it when rights change.
type Identity struct {
	User   string // login name; empty only for System
	Role   Role
	Device string  // fingerprint of the client certificate, where one was the proof
	Groups []Grant // sorted by group name
	Token  string  // public id of the token, where one was the proof
	Scope  *Scope  // nil: unrestricted
	System bool    // not an account: a part of the server itself, or Anonymous; never looked up

	// What follows ties the value to the proof behind it. It is lost where an
	// Identity is copied field by field or through JSON; Handle keeps it.
	uid     string    // of the user; a user removed and added again has another
	stamp   int64     // of the user when a password was the proof
	epoch   uint64    // Sessions' count of changes before the rights were read
	access  string    // id of the access token that stands for the proof, if one does
	expires time.Time // when the token or certificate ends; zero: never
}

// anonymous is the name of Anonymous, which no user can have.
const anonymous = "anonymous"

// guestPrefix begins the name of every Guest; no user's name can hold a colon.
const guestPrefix = "guest:"

// Expires returns when the token or certificate behind id ends; zero: never.
func (id Identity) Expires() time.Time { return id.expires }

// Access returns the id of the access token that id was shown with; empty: none.
func (id Identity) Access() string { return id.access }

// System returns the identity of a part of the server acting on its
// configuration, such as a configured source. It may publish anywhere.
func System(part string) Identity { return Identity{User: part, Role: RoleAdmin, System: true} }

// Anonymous returns the identity of clients that a door lets in without a
// login: it may publish to group and receives it, and nothing else. It is never
// looked up; closing the door ends it.
func Anonymous(group string) Identity {
	return Identity{User: anonymous, Role: RoleMember, System: true, Groups: []Grant{{Group: group, In: true, Out: true}}}
}

// Guest returns the identity of somebody without an account who was invited to
// the room with that stream name: it may enter it and speak there, and nothing
// else. It is never looked up; the room ends its stay. name is what the guest
// calls itself, which proves nothing.
func Guest(name, room string, groups []string) Identity {
	id := Identity{User: guestPrefix + name, Role: RoleMember, System: true,
		Scope: &Scope{Actions: []Action{Read, Publish}, Streams: []string{room}}}
	for _, g := range groups {
		id.Groups = append(id.Groups, Grant{Group: g, In: true, Out: true})
	}
	return id
}

// IsGuest reports whether id is a Guest.
func (id Identity) IsGuest() bool { return id.System && strings.HasPrefix(id.User, guestPrefix) }

// IsAdmin reports whether id has the admin role.
func (id Identity) IsAdmin() bool { return id.Role == RoleAdmin }

// WriteGroups lists the groups id may publish to.
func (id Identity) WriteGroups() []string {
	return id.groups(func(g Grant) bool { return g.In })
}

// ReadGroups lists the groups id receives.
func (id Identity) ReadGroups() []string {
	return id.groups(func(g Grant) bool { return g.Out })
}

func (id Identity) groups(want func(Grant) bool) []string {
	var out []string
	for _, g := range id.Groups {
		if want(g) && (id.Scope == nil || len(id.Scope.Groups) == 0 || slices.Contains(id.Scope.Groups, g.Group)) {
			out = append(out, g.Group)
		}
	}
	return out
}
