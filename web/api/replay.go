package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/internal/auth"
	"muster/media/mcu"
)

type (
	replayOut struct {
		Body struct {
			Seconds       int                `json:"seconds" doc:"For how long what is said is kept; 0: it is not."`
			Transmissions []mcu.Transmission `json:"transmissions" doc:"The oldest first."`
		}
	}
	replayParam struct {
		RoomParam
		ID string `path:"id" maxLength:"40"`
	}
)

func (a *API) replays() {
	list := op("listReplay", http.MethodGet, "/rooms/{name}/replay", "What was said in a room in the last minutes")
	list.Description += " While the room is locked or has a lobby, only its hosts and those who are in it may hear it."
	register(a, user, list, a.listReplay)
	register(a, user, binary(op("getReplayAll", http.MethodGet, "/rooms/{name}/replay/all", "All that was said in the last minutes, with short pauses, as Ogg Opus"), "audio/ogg"),
		func(_ context.Context, id auth.Identity, in *RoomParam) (*rawOut, error) {
			return a.replay(id, in.Name, "")
		})
	register(a, user, binary(op("getReplay", http.MethodGet, "/rooms/{name}/replay/{id}", "One of the things said in the last minutes, as Ogg Opus"), "audio/ogg"),
		func(_ context.Context, id auth.Identity, in *replayParam) (*rawOut, error) {
			return a.replay(id, in.Name, in.ID)
		})
}

// replayFault makes sentences of the refusals to let somebody hear again.
func replayFault(err error) error {
	var early *mcu.NotOpenError
	switch {
	case errors.Is(err, mcu.ErrLocked):
		return refuse(http.StatusForbidden, "The door of this room is closed: only who is in it hears what was said.")
	case errors.As(err, &early), errors.Is(err, mcu.ErrOver):
		return refuse(http.StatusForbidden, "This room is not open now.")
	}
	return roomFault(err)
}

func (a *API) listReplay(_ context.Context, id auth.Identity, in *RoomParam) (*replayOut, error) {
	if a.Rooms == nil {
		return nil, errStopped
	}
	all, err := a.Rooms.Replay(id, in.Name)
	if err != nil {
		return nil, replayFault(err)
	}
	out := &replayOut{}
	out.Body.Seconds = int(a.Rooms.ReplayLength().Seconds())
	out.Body.Transmissions = all
	return out, nil
}

// replay serves one transmission, or all for the empty id.
func (a *API) replay(id auth.Identity, room, transmission string) (*rawOut, error) {
	if a.Rooms == nil {
		return nil, errStopped
	}
	s, err := a.Rooms.Find(id, room)
	if err != nil {
		return nil, replayFault(err)
	}
	file, err := a.Rooms.ReplayAudio(id, room, transmission)
	if errors.Is(err, mcu.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, "This is not kept any more.")
	}
	if err != nil {
		return nil, replayFault(err)
	}
	return &rawOut{func(hc huma.Context) {
		req, w := humago.Unwrap(hc)
		done, ok := a.guard(w, req, id, auth.Room(s.Stream(), s.Groups))
		if !ok {
			return
		}
		defer done()
		h := w.Header()
		h.Set("Content-Type", "audio/ogg")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Length", strconv.Itoa(len(file)))
		_, _ = w.Write(file) // a caller who has gone is nobody to tell
	}}, nil
}
