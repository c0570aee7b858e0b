package mission

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Permission is a right in one mission.
type Permission string

// The permissions.
const (
	Read         Permission = "MISSION_READ"
	Write        Permission = "MISSION_WRITE"
	Delete       Permission = "MISSION_DELETE"
	SetRole      Permission = "MISSION_SET_ROLE"
	SetPassword  Permission = "MISSION_SET_PASSWORD"
	UpdateGroups Permission = "MISSION_UPDATE_GROUPS"
	ManageFeeds  Permission = "MISSION_MANAGE_FEEDS"
	ManageLayers Permission = "MISSION_MANAGE_LAYERS"
)

// Role is a set of permissions with a name.
type Role string

// The roles. RoleNone has no permission.
const (
	RoleNone       Role = ""
	RoleOwner      Role = "MISSION_OWNER"
	RoleSubscriber Role = "MISSION_SUBSCRIBER"
	RoleReadOnly   Role = "MISSION_READONLY_SUBSCRIBER"
)

// ParseRole accepts the names of the roles; "" is RoleNone.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case RoleNone, RoleOwner, RoleSubscriber, RoleReadOnly:
		return r, nil
	}
	return RoleNone, refuse(ErrInvalid, "The role is none of MISSION_OWNER, MISSION_SUBSCRIBER and MISSION_READONLY_SUBSCRIBER.")
}

// Permissions lists what the role allows.
func (r Role) Permissions() []Permission {
	switch r {
	case RoleOwner:
		return []Permission{Read, Write, Delete, SetRole, SetPassword, UpdateGroups, ManageFeeds, ManageLayers}
	case RoleSubscriber:
		return []Permission{Read, Write}
	case RoleReadOnly:
		return []Permission{Read}
	}
	return []Permission{}
}

// Has reports whether the role allows p.
func (r Role) Has(p Permission) bool { return slices.Contains(r.Permissions(), p) }

// covers reports whether r allows all that other does: nobody may grant more than
// he has.
func (r Role) covers(other Role) bool {
	for _, p := range other.Permissions() {
		if !r.Has(p) {
			return false
		}
	}
	return true
}

type roleJSON struct {
	Permissions []Permission `json:"permissions"`
	Type        string       `json:"type"`
}

// MarshalJSON writes {"permissions":[…],"type":"…"}.
func (r Role) MarshalJSON() ([]byte, error) {
	return json.Marshal(roleJSON{r.Permissions(), string(r)})
}

// UnmarshalJSON accepts that object, of which only the type counts, or the bare
// name.
func (r *Role) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) != nil {
		var o struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(b, &o); err != nil {
			return fmt.Errorf("role: %w", err)
		}
		name = o.Type
	}
	v, err := ParseRole(name)
	*r = v
	return err
}
