package auth

import (
	"errors"
	"testing"
)

func TestRoomsFollowTheRuleOfTheHouse(t *testing.T) {
	red := []Grant{{Group: "red", In: true, Out: true}}
	writer := Identity{User: "mike", Role: RoleMember, Groups: red}
	reader := Identity{User: "lisa", Role: RoleMember, Groups: []Grant{{Group: "red", Out: true}}}
	stranger := Identity{User: "nora", Role: RoleMember, Groups: []Grant{{Group: "blue", In: true, Out: true}}}
	admin := Identity{User: "ann", Role: RoleAdmin}
	guest := Guest("Clark", "rooms/briefing", []string{"red"})
	token := Identity{User: "mike", Role: RoleMember, Groups: red, Scope: &Scope{Actions: []Action{Read}, Streams: []string{"rooms/*"}}}
	room := Room("rooms/briefing", []string{"red"})
	for _, c := range []struct {
		name   string
		id     Identity
		action Action
		r      Resource
		ok     bool
	}{
		{"a writer enters", writer, Read, room, true},
		{"a writer speaks", writer, Publish, room, true},
		{"a reader enters", reader, Read, room, true},
		{"a reader does not speak", reader, Publish, room, false},
		{"a stranger does not enter", stranger, Read, room, false},
		{"a guest enters its room", guest, Read, room, true},
		{"a guest speaks in its room", guest, Publish, room, true},
		{"a guest enters no other", guest, Read, Room("rooms/other", []string{"red"}), false},
		{"a guest watches no stream", guest, Read, Stream("uas/eo", []string{"red"}), false},
		{"a guest does not use the API", guest, Use, Server(), false},
		{"a guest does not publish the room's stream", guest, Publish, Stream("rooms/briefing", []string{"red"}), false},
		{"a token for rooms enters", token, Read, room, true},
		{"a token to read does not speak", token, Publish, room, false},
		{"nobody publishes under a room's name", writer, Publish, Stream("rooms/briefing", nil), false},
		{"nor an admin", admin, Publish, Stream("rooms/briefing", nil), false},
		{"but the server does", System("rooms"), Publish, Stream("rooms/briefing", nil), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Allow(c.id, c.action, c.r)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("%v", err)
			}
		})
	}
}
