package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media/mcu"
)

// ConferenceRoom is a room as its members see it.
type ConferenceRoom struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	Groups    []string  `json:"groups"`
	Owner     string    `json:"owner"`
	Hosts     []string  `json:"hosts"`
	Host      bool      `json:"host" doc:"Whether you are a host of it."`
	PIN       string    `json:"pin,omitempty" doc:"What guests and callers enter; hosts are told."`
	Number    string    `json:"number" doc:"What SIP endpoints dial besides the name."`
	Permanent bool      `json:"permanent"`
	Lobby     bool      `json:"lobby"`
	Locked    bool      `json:"locked"`
	Capacity  int       `json:"capacity"`
	Entry     string    `json:"entry"`
	Floor     int       `json:"floor" doc:"Most seconds that one may talk while nobody else is heard; 0: everybody is."`
	Replay    int       `json:"replay" doc:"Seconds for which what is said can be heard again; 0: it is not kept."`
	Stream    string    `json:"stream" doc:"Name of the room's stream."`
	Mumble    string    `json:"mumble,omitempty" doc:"Where Mumble clients find its channel."`
	Starts    time.Time `json:"starts,omitzero"`
	Ends      time.Time `json:"ends,omitzero"`
	Parent    string    `json:"parent,omitempty" doc:"Of a breakout room: the room it was split from."`
	Free      bool      `json:"free,omitempty" doc:"Of a breakout room: whether people move between it, its parent and the others as they like."`
	Present   []Present `json:"present" doc:"Who is in."`
}

// Present is somebody who is in a room.
type Present struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	Role string `json:"role"`
}

// RoomSettings are what can be set of a room; what is left out stays as it is.
type RoomSettings struct {
	Title     *string    `json:"title,omitempty" maxLength:"400"`
	Groups    *[]string  `json:"groups,omitempty" maxItems:"100" doc:"Whose members may enter; when a room is made, the groups you may write to are the default."`
	Hosts     *[]string  `json:"hosts,omitempty" maxItems:"50" doc:"Users who are hosts beside the owner."`
	PIN       *string    `json:"pin,omitempty" maxLength:"12" doc:"4 to 12 digits that guests and callers enter; empty: only people of its groups and the invited get in."`
	Number    *string    `json:"number,omitempty" maxLength:"15" doc:"Digits that SIP endpoints dial besides the name."`
	Permanent *bool      `json:"permanent,omitempty" doc:"Whether the room stays when everybody has left."`
	Lobby     *bool      `json:"lobby,omitempty" doc:"Whether people wait until a host lets them in."`
	Locked    *bool      `json:"locked,omitempty" doc:"Whether nobody but hosts gets in any more."`
	Capacity  *int       `json:"capacity,omitempty" minimum:"0" maximum:"1000" doc:"Most participants; 0: what the server allows."`
	Entry     *string    `json:"entry,omitempty" enum:"speaker,listener" doc:"What those who may speak are when they enter."`
	Floor     *int       `json:"floor,omitempty" minimum:"0" maximum:"600" doc:"Floor control: most seconds that one may talk while nobody else is heard, at least 5; 0: everybody is heard."`
	Starts    *time.Time `json:"starts,omitempty" doc:"When a meeting begins; it can be entered ten minutes before."`
	Ends      *time.Time `json:"ends,omitempty" doc:"When it ends."`
}

func (s RoomSettings) apply(to *mcu.Settings) {
	set(&to.Title, s.Title)
	set(&to.Groups, s.Groups)
	set(&to.Hosts, s.Hosts)
	set(&to.PIN, s.PIN)
	set(&to.Number, s.Number)
	set(&to.Permanent, s.Permanent)
	set(&to.Lobby, s.Lobby)
	set(&to.Locked, s.Locked)
	set(&to.Capacity, s.Capacity)
	if s.Entry != nil {
		to.Entry = mcu.Role(*s.Entry)
	}
	set(&to.Floor, s.Floor)
	set(&to.Starts, s.Starts)
	set(&to.Ends, s.Ends)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// RoomParam is the parameter of operations on one room.
type RoomParam struct {
	Name string `path:"name" maxLength:"100"`
}

type (
	roomListOut struct {
		Body struct {
			Rooms []ConferenceRoom `json:"rooms"`
		}
	}
	roomOut   struct{ Body ConferenceRoom }
	addRoomIn struct {
		Body struct {
			Name string `json:"name" maxLength:"100"`
			RoomSettings
		}
	}
	changeRoomIn struct {
		RoomParam
		Body RoomSettings
	}
)

// RoomInvitation lets people without an account into a room.
type RoomInvitation struct {
	ID      string    `json:"id"`
	Label   string    `json:"label" doc:"Whom it is for."`
	Creator string    `json:"creator"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Uses    int       `json:"uses" doc:"How often it may still be used; -1: any number."`
	Secret  string    `json:"secret,omitempty" doc:"What the link holds; told this once."`
}

type (
	invitationsOut struct {
		Body struct {
			Invitations []RoomInvitation `json:"invitations"`
		}
	}
	inviteGuestIn struct {
		RoomParam
		Body struct {
			Label string `json:"label,omitempty" maxLength:"400"`
			Hours int    `json:"hours,omitempty" minimum:"0" maximum:"2160" doc:"How long it lasts; 0 means 24."`
			Uses  int    `json:"uses,omitempty" minimum:"-1" maximum:"1000" doc:"How many may come by it; -1: any number, 0 means 1."`
		}
	}
	inviteGuestOut  struct{ Body RoomInvitation }
	invitationParam struct {
		RoomParam
		ID string `path:"id" maxLength:"40"`
	}
	peekIn struct {
		Body struct {
			Invitation string `json:"invitation" maxLength:"100"`
		}
	}
	peekOut struct {
		Body struct {
			Name    string    `json:"name"`
			Title   string    `json:"title"`
			Present []Present `json:"present" doc:"Who is in: whoever is invited may know whom they meet."`
		}
	}
)

// roomFault makes sentences of the refusals of rooms.
func roomFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mcu.ErrNotFound):
		return refuse(http.StatusNotFound, "There is no room of that name that you may enter.")
	case errors.Is(err, mcu.ErrHost):
		return refuse(http.StatusForbidden, "Only a host of the room may do this.")
	case errors.Is(err, mcu.ErrTaken):
		return refuse(http.StatusConflict, "There is a room of that name or number already.")
	case errors.Is(err, mcu.ErrFull):
		return refuse(http.StatusConflict, "There are as many rooms as there may be. Remove one first.")
	case errors.Is(err, mcu.ErrSplit):
		return refuse(http.StatusConflict, "This room has breakout rooms already. Bring everybody back first.")
	case errors.Is(err, mcu.ErrNoStream):
		return refuse(http.StatusConflict, sentenced(mcu.ErrNoStream.Error()))
	case errors.Is(err, mcu.ErrInvalid):
		_, why, _ := strings.Cut(err.Error(), mcu.ErrInvalid.Error()+": ")
		return refuse(http.StatusUnprocessableEntity, sentenced(why))
	}
	return err
}

func (a *API) room(ctx context.Context, id auth.Identity, s mcu.Settings) ConferenceRoom {
	r := ConferenceRoom{
		Name: s.Name.String(), Title: s.Title, Groups: append([]string{}, s.Groups...), Owner: s.Owner, Hosts: append([]string{}, s.Hosts...),
		Host: mcu.HostOf(id, &s), Number: s.Number, Permanent: s.Permanent, Lobby: s.Lobby, Locked: s.Locked, Capacity: s.Capacity,
		Entry: string(s.Entry), Floor: s.Floor, Replay: int(a.Rooms.ReplayLength().Seconds()), Stream: s.Stream(), Starts: s.Starts, Ends: s.Ends,
		Parent: s.Parent, Free: s.Free, Present: a.present(s.Name.String()),
	}
	if r.Host {
		r.PIN = s.PIN
	}
	if s.Parent == "" { // one is sent to breakout rooms; they have no channel
		r.Mumble = a.places(ctx).url("mumble", "mumble", "", "", "/"+s.Title, "version=1.2.0")
	}
	return r
}

// present says who is in a room.
func (a *API) present(room string) []Present {
	in := []Present{}
	if live := a.Rooms.Live(room); live != nil {
		for _, m := range live.Members() {
			if !m.Waiting {
				in = append(in, Present{ID: m.ID, Name: m.Name, Kind: string(m.Kind), Role: string(m.Role)})
			}
		}
	}
	return in
}

func (a *API) conferences() {
	register(a, user, op("listRooms", http.MethodGet, "/rooms", "Rooms that you may enter, and who is in"),
		func(ctx context.Context, id auth.Identity, _ *none) (*roomListOut, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			out := &roomListOut{}
			out.Body.Rooms = []ConferenceRoom{}
			for _, s := range a.Rooms.List(id) {
				out.Body.Rooms = append(out.Body.Rooms, a.room(ctx, id, s))
			}
			return out, nil
		})
	register(a, user, op("getRoom", http.MethodGet, "/rooms/{name}", "One room"),
		func(ctx context.Context, id auth.Identity, in *RoomParam) (*roomOut, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			s, err := a.Rooms.Find(id, in.Name)
			if err != nil {
				return nil, roomFault(err)
			}
			return &roomOut{a.room(ctx, id, s)}, nil
		})
	add := op("addRoom", http.MethodPost, "/rooms", "Make a room")
	add.DefaultStatus = http.StatusCreated
	add.Description += " It belongs to groups that you may write to, and you are its host. A room that is not permanent goes some time after the last one has left."
	register(a, user, add, a.addRoom)
	register(a, user, op("changeRoom", http.MethodPatch, "/rooms/{name}", "Change a room of which you are a host"),
		func(ctx context.Context, id auth.Identity, in *changeRoomIn) (*roomOut, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			if err := a.groupsExist(ctx, in.Body.Groups); err != nil {
				return nil, err
			}
			s, err := a.Rooms.Update(ctx, id, in.Name, in.Body.apply)
			if err != nil {
				return nil, roomFault(err)
			}
			return &roomOut{a.room(ctx, id, s)}, nil
		})
	register(a, user, op("removeRoom", http.MethodDelete, "/rooms/{name}", "Close a room of which you are a host, and forget it"),
		func(ctx context.Context, id auth.Identity, in *RoomParam) (*none, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			return nil, roomFault(a.Rooms.Remove(ctx, id, in.Name))
		})
	a.invitations()
}

func (a *API) addRoom(ctx context.Context, id auth.Identity, in *addRoomIn) (*roomOut, error) {
	if a.Rooms == nil {
		return nil, errStopped
	}
	name, err := safename.Parse(in.Body.Name)
	if err != nil {
		return nil, err
	}
	if err := a.groupsExist(ctx, in.Body.Groups); err != nil {
		return nil, err
	}
	s := mcu.Settings{Name: name, Groups: id.WriteGroups(), Entry: mcu.Speaker}
	in.Body.RoomSettings.apply(&s)
	s, err = a.Rooms.Create(ctx, id, s)
	if err != nil {
		return nil, roomFault(err)
	}
	return &roomOut{a.room(ctx, id, s)}, nil
}

// groupsExist refuses a group that nobody can be in: an administrator may name
// any, and a mistyped one would keep everybody out.
func (a *API) groupsExist(ctx context.Context, names *[]string) error {
	if names == nil {
		return nil
	}
	all, err := a.Groups.ListGroups(ctx)
	if err != nil {
		return err
	}
	for _, n := range *names {
		if !slices.ContainsFunc(all, func(g auth.Group) bool { return g.Name == n }) {
			return refuse(http.StatusUnprocessableEntity, fmt.Sprintf("There is no group %q.", n))
		}
	}
	return nil
}

func (a *API) invitations() {
	register(a, user, op("listInvitations", http.MethodGet, "/rooms/{name}/invitations", "Open invitations to a room of which you are a host"),
		func(ctx context.Context, id auth.Identity, in *RoomParam) (*invitationsOut, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			all, err := a.Rooms.Invitations(ctx, id, in.Name)
			if err != nil {
				return nil, roomFault(err)
			}
			out := &invitationsOut{}
			out.Body.Invitations = []RoomInvitation{}
			for _, i := range all {
				out.Body.Invitations = append(out.Body.Invitations, invitationOf(i, ""))
			}
			return out, nil
		})
	invite := op("invite", http.MethodPost, "/rooms/{name}/invitations", "Invite people without an account to a room of which you are a host")
	invite.DefaultStatus = http.StatusCreated
	invite.Description += " The link is https://SERVER/join#SECRET."
	register(a, user, invite, func(ctx context.Context, id auth.Identity, in *inviteGuestIn) (*inviteGuestOut, error) {
		if a.Rooms == nil {
			return nil, errStopped
		}
		hours, uses := in.Body.Hours, in.Body.Uses
		if hours == 0 {
			hours = 24
		}
		if uses == 0 {
			uses = 1
		}
		i, secret, err := a.Rooms.Invite(ctx, id, in.Name, in.Body.Label, time.Duration(hours)*time.Hour, uses)
		if err != nil {
			return nil, roomFault(err)
		}
		return &inviteGuestOut{invitationOf(i, secret)}, nil
	})
	register(a, user, op("removeInvitation", http.MethodDelete, "/rooms/{name}/invitations/{id}", "Take an invitation back"),
		func(ctx context.Context, id auth.Identity, in *invitationParam) (*none, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			err := a.Rooms.Uninvite(ctx, id, in.Name, in.ID)
			if errors.Is(err, mcu.ErrNotFound) {
				return nil, refuse(http.StatusNotFound, "There is no such invitation.")
			}
			return nil, roomFault(err)
		})
	register(a, public, op("checkInvitation", http.MethodPost, "/invitations/check", "Which room an invitation opens, without using it up"),
		func(ctx context.Context, _ auth.Identity, in *peekIn) (*peekOut, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			s, err := a.Rooms.Peek(ctx, in.Body.Invitation)
			if err != nil {
				return nil, refuse(http.StatusGone, "This invitation is not valid any more. Ask for a new one.")
			}
			out := &peekOut{}
			out.Body.Name, out.Body.Title, out.Body.Present = s.Name.String(), s.Title, a.present(s.Name.String())
			return out, nil
		})
}

func invitationOf(i mcu.Invitation, secret string) RoomInvitation {
	return RoomInvitation{ID: i.ID, Label: i.Label, Creator: i.Creator, Created: i.Created, Expires: i.Expires, Uses: i.Uses, Secret: secret}
}
