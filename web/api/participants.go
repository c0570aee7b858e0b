package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/media"
	"muster/media/mcu"
)

// RoomParticipant is somebody in a room or in its lobby.
type RoomParticipant struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	User      string    `json:"user" doc:"Account; empty for guests, callers and streams."`
	Kind      string    `json:"kind" doc:"browser, sip, stream or mumble."`
	Role      string    `json:"role"`
	Waiting   bool      `json:"waiting" doc:"Whether it waits in the lobby; only hosts are told of those."`
	Muted     bool      `json:"muted"`
	Emergency bool      `json:"emergency" doc:"Whether it is in an emergency, and goes before everybody where one speaks at a time."`
	Hand      time.Time `json:"hand,omitzero" doc:"Since when its hand is up."`
	Since     time.Time `json:"since"`
}

// ParticipantParam is the parameter of operations on one participant.
type ParticipantParam struct {
	RoomParam
	ID string `path:"id" maxLength:"40"`
}

type (
	participantsOut struct {
		Body struct {
			Layout       string            `json:"layout" doc:"Of the composite; empty while nobody is in."`
			Participants []RoomParticipant `json:"participants"`
		}
	}
	changeParticipantIn struct {
		ParticipantParam
		Body struct {
			Muted *bool   `json:"muted,omitempty" doc:"true switches its microphone off; false asks it to switch it on, which only it may do."`
			Role  *string `json:"role,omitempty" enum:"host,speaker,listener"`
			Admit *bool   `json:"admit,omitempty" doc:"From the lobby: true lets it in, false sends it away."`
			Hand  *bool   `json:"hand,omitempty" doc:"false takes its raised hand down."`
		}
	}
	moveParticipantIn struct {
		ParticipantParam
		Body struct {
			Room string `json:"room" maxLength:"100" doc:"Name of the other room."`
		}
	}
	layoutIn struct {
		RoomParam
		Body struct {
			Layout string     `json:"layout" enum:"grid,speaker,presenter,custom"`
			Cells  []mcu.Cell `json:"cells,omitempty" maxItems:"25" doc:"Of custom: what is shown where, in percent of the picture."`
		}
	}
	recordingIn struct {
		RoomParam
		Body struct {
			On bool `json:"on" doc:"Whether the room is recorded. Everybody in it is told."`
		}
	}
	emergencyIn struct {
		RoomParam
		Body struct {
			On          bool   `json:"on"`
			Participant string `json:"participant,omitempty" maxLength:"40" doc:"Whom it is about, for hosts; empty: you, wherever you are in the room."`
		}
	}
	stageIn struct {
		RoomParam
		Body struct {
			Stream string `json:"stream" maxLength:"160"`
			On     bool   `json:"on" doc:"Whether the stream is on the stage."`
		}
	}
)

// moderator returns the way to decide about a room for one of its hosts.
func (a *API) moderator(id auth.Identity, room string) (*mcu.Moderator, error) {
	if a.Rooms == nil {
		return nil, errStopped
	}
	m, err := a.Rooms.Moderator(id, room)
	if errors.Is(err, mcu.ErrGone) {
		return nil, refuse(http.StatusConflict, "Nobody is in this room.")
	}
	return m, roomFault(err)
}

// personFault makes sentences of the refusals that concern a participant.
func personFault(err error) error {
	switch {
	case errors.Is(err, mcu.ErrGone):
		return refuse(http.StatusNotFound, "There is no such participant in this room any more.")
	case errors.Is(err, auth.ErrDenied):
		_, why, ok := strings.Cut(err.Error(), auth.ErrDenied.Error()+": ")
		if ok {
			return refuse(http.StatusForbidden, sentenced(why))
		}
	}
	return roomFault(err)
}

func (a *API) participants() {
	register(a, user, op("listParticipants", http.MethodGet, "/rooms/{name}/participants", "Who is in a room, longest first; hosts are told who waits in the lobby"), a.listParticipants)
	register(a, user, op("changeParticipant", http.MethodPatch, "/rooms/{name}/participants/{id}", "Mute, admit or give a role to a participant of a room of which you are a host"), a.changeParticipant)
	register(a, user, op("removeParticipant", http.MethodDelete, "/rooms/{name}/participants/{id}", "Show a participant out of a room of which you are a host"),
		func(_ context.Context, id auth.Identity, in *ParticipantParam) (*none, error) {
			m, err := a.moderator(id, in.Name)
			if err != nil {
				return nil, err
			}
			return nil, personFault(m.Kick(in.ID))
		})
	move := op("moveParticipant", http.MethodPost, "/rooms/{name}/participants/{id}/move", "Send a participant to another room, of which you are a host as well")
	move.Description += " Whoever is moved may enter that room by its own right, or is a guest. Browsers, telephones and Mumble users go there by themselves."
	register(a, user, move, func(_ context.Context, id auth.Identity, in *moveParticipantIn) (*none, error) {
		m, err := a.moderator(id, in.Name)
		if err != nil {
			return nil, err
		}
		return nil, personFault(m.Transfer(in.ID, in.Body.Room))
	})
	register(a, user, op("setEmergency", http.MethodPut, "/rooms/{name}/emergency", "Say that you are in an emergency in a room, or not any more; hosts also for others"), a.setEmergency)
	register(a, user, op("setLayout", http.MethodPut, "/rooms/{name}/layout", "Arrange the composite of a room of which you are a host"),
		func(_ context.Context, id auth.Identity, in *layoutIn) (*none, error) {
			m, err := a.moderator(id, in.Name)
			if err != nil {
				return nil, err
			}
			return nil, roomFault(m.SetLayout(mcu.Layout(in.Body.Layout), in.Body.Cells))
		})
	register(a, user, op("setRecording", http.MethodPut, "/rooms/{name}/recording", "Begin or end the recording of a room of which you are a host"),
		func(_ context.Context, id auth.Identity, in *recordingIn) (*none, error) {
			m, err := a.moderator(id, in.Name)
			if err != nil {
				return nil, err
			}
			return nil, roomFault(m.Record(in.Body.On))
		})
	register(a, user, op("setStage", http.MethodPut, "/rooms/{name}/stage", "Put a stream on the stage of a room of which you are a host, or take it off"),
		func(_ context.Context, id auth.Identity, in *stageIn) (*none, error) {
			m, err := a.moderator(id, in.Name)
			if err != nil {
				return nil, err
			}
			return nil, stageFault(m.Stage(in.Body.Stream, in.Body.On))
		})
}

func stageFault(err error) error {
	switch {
	case errors.Is(err, mcu.ErrNotFound):
		return refuse(http.StatusNotFound, "This stream is not on the stage.")
	case errors.Is(err, mcu.ErrTracks):
		return refuse(http.StatusConflict, "There are as many streams on the stage as may be.")
	case errors.Is(err, mcu.ErrStage):
		return refuse(http.StatusUnprocessableEntity, sentenced(mcu.ErrStage.Error()))
	case errors.Is(err, media.ErrNotFound):
		return err
	}
	return roomFault(err)
}

func (a *API) listParticipants(_ context.Context, id auth.Identity, in *RoomParam) (*participantsOut, error) {
	if a.Rooms == nil {
		return nil, errStopped
	}
	s, err := a.Rooms.Find(id, in.Name)
	if err != nil {
		return nil, roomFault(err)
	}
	out := &participantsOut{}
	out.Body.Participants = []RoomParticipant{}
	live := a.Rooms.Live(in.Name)
	if live == nil {
		return out, nil
	}
	out.Body.Layout = string(live.Layout())
	host := mcu.HostOf(id, &s)
	for _, m := range live.Members() {
		if m.Waiting && !host {
			continue
		}
		out.Body.Participants = append(out.Body.Participants, RoomParticipant{
			ID: m.ID, Name: m.Name, User: m.User, Kind: string(m.Kind), Role: string(m.Role), Waiting: m.Waiting, Muted: m.Muted, Emergency: m.Emergency, Hand: m.Hand, Since: m.Since,
		})
	}
	return out, nil
}

func (a *API) changeParticipant(_ context.Context, id auth.Identity, in *changeParticipantIn) (*none, error) {
	m, err := a.moderator(id, in.Name)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.Admit != nil {
		err = m.Admit(in.ID, *b.Admit)
	}
	if err == nil && b.Role != nil {
		err = m.SetRole(in.ID, mcu.Role(*b.Role))
	}
	if err == nil && b.Muted != nil {
		err = m.Mute(in.ID, *b.Muted)
	}
	if err == nil && b.Hand != nil {
		if *b.Hand {
			return nil, refuse(http.StatusUnprocessableEntity, "Only the participant itself can raise its hand.")
		}
		err = m.LowerHand(in.ID)
	}
	return nil, personFault(err)
}

func (a *API) setEmergency(_ context.Context, id auth.Identity, in *emergencyIn) (*none, error) {
	if in.Body.Participant != "" {
		m, err := a.moderator(id, in.Name)
		if err != nil {
			return nil, err
		}
		return nil, personFault(m.SetEmergency(in.Body.Participant, in.Body.On))
	}
	if a.Rooms == nil {
		return nil, errStopped
	}
	err := a.Rooms.Emergency(id, in.Name, in.Body.On)
	if errors.Is(err, mcu.ErrGone) {
		return nil, refuse(http.StatusConflict, "You are not in this room.")
	}
	return nil, roomFault(err)
}
