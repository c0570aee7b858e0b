package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"muster/internal/auth"
	"muster/media/mcu"
)

// BreakoutRoom is one of the rooms that a room is to be split into.
type BreakoutRoom struct {
	Title        string   `json:"title,omitempty" maxLength:"400" doc:"Empty: the title of the room with a number."`
	Participants []string `json:"participants,omitempty" maxItems:"1000" doc:"Ids of those who are sent there; everybody else stays."`
}

type (
	splitIn struct {
		RoomParam
		Body struct {
			Rooms   []BreakoutRoom `json:"rooms" minItems:"1" maxItems:"20"`
			Minutes int            `json:"minutes,omitempty" minimum:"0" maximum:"1440" doc:"After which everybody is brought back; 0: when a host wishes."`
			Free    bool           `json:"free,omitempty" doc:"Whether people move between the rooms as they like."`
		}
	}
	breakoutsOut struct {
		Body struct {
			Rooms []ConferenceRoom `json:"rooms" doc:"In order; none: the room is not split."`
		}
	}
)

func (a *API) breakouts() {
	register(a, user, op("listBreakouts", http.MethodGet, "/rooms/{name}/breakouts", "The breakout rooms of a room, and who is in"),
		func(ctx context.Context, id auth.Identity, in *RoomParam) (*breakoutsOut, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			rooms, err := a.Rooms.Breakouts(id, in.Name)
			if err != nil {
				return nil, roomFault(err)
			}
			return a.breakoutList(ctx, id, rooms), nil
		})
	split := op("splitRoom", http.MethodPost, "/rooms/{name}/breakouts", "Split a room of which you are a host into breakout rooms")
	split.DefaultStatus = http.StatusCreated
	split.Description += " They belong to the same groups and have the same hosts; who is sent to one is asked to move at once."
	register(a, user, split, a.splitRoom)
	register(a, user, op("mergeRoom", http.MethodDelete, "/rooms/{name}/breakouts", "Bring everybody back from the breakout rooms of a room of which you are a host; they are closed ten seconds later"),
		func(_ context.Context, id auth.Identity, in *RoomParam) (*none, error) {
			if a.Rooms == nil {
				return nil, errStopped
			}
			if _, err := a.Rooms.Find(id, in.Name); err != nil {
				return nil, roomFault(err)
			}
			err := a.Rooms.Merge(id, in.Name)
			if errors.Is(err, mcu.ErrNotFound) {
				return nil, refuse(http.StatusConflict, "This room has no breakout rooms.")
			}
			return nil, roomFault(err)
		})
}

func (a *API) splitRoom(ctx context.Context, id auth.Identity, in *splitIn) (*breakoutsOut, error) {
	if a.Rooms == nil {
		return nil, errStopped
	}
	d := mcu.Division{Free: in.Body.Free}
	for _, b := range in.Body.Rooms {
		d.Rooms = append(d.Rooms, mcu.Breakout(b))
	}
	if m := in.Body.Minutes; m > 0 {
		d.Ends = time.Now().Add(time.Duration(m) * time.Minute)
	}
	rooms, err := a.Rooms.Split(ctx, id, in.Name, d)
	if err != nil {
		return nil, roomFault(err)
	}
	return a.breakoutList(ctx, id, rooms), nil
}

func (a *API) breakoutList(ctx context.Context, id auth.Identity, rooms []mcu.Settings) *breakoutsOut {
	out := &breakoutsOut{}
	out.Body.Rooms = []ConferenceRoom{}
	for _, s := range rooms {
		out.Body.Rooms = append(out.Body.Rooms, a.room(ctx, id, s))
	}
	return out
}
