package notify

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"muster/media/mcu"
	"muster/web/problem"
)

// replayList has the form of the REST API.
type replayList struct {
	Seconds       int                `json:"seconds"`
	Transmissions []mcu.Transmission `json:"transmissions"`
}

// inside returns the participant behind the session that the path names, or
// answers.
func (s *Server) inside(w http.ResponseWriter, r *http.Request) *mcu.Participant {
	c := s.named(w, r)
	if c == nil {
		return nil
	}
	p, err := c.participant()
	if err != nil {
		refuseReplay(w, err)
		return nil
	}
	return p
}

// refuseReplay makes sentences of the refusals to let somebody hear again.
func refuseReplay(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errNotJoined), errors.Is(err, mcu.ErrGone):
		problem.Write(w, http.StatusForbidden, "You are not in a room.")
	case errors.Is(err, mcu.ErrNotFound):
		problem.Write(w, http.StatusNotFound, "This is not kept any more.")
	default:
		problem.Write(w, http.StatusForbidden, "This room is not open now.")
	}
}

// replay lists what was said in the client's room in the last minutes: for guests,
// who have no login for the API.
func (s *Server) replay(w http.ResponseWriter, r *http.Request) {
	p := s.inside(w, r)
	if p == nil {
		return
	}
	all, err := p.Replay()
	if err != nil {
		refuseReplay(w, err)
		return
	}
	writeJSON(w, replayList{Seconds: int(s.deps.Rooms.ReplayLength().Seconds()), Transmissions: all})
}

// replayAudio serves one of them, or all, as Ogg Opus.
func (s *Server) replayAudio(w http.ResponseWriter, r *http.Request) {
	p := s.inside(w, r)
	if p == nil {
		return
	}
	id := r.PathValue("id")
	if id == "all" {
		id = ""
	}
	file, err := p.ReplayAudio(id)
	if err != nil {
		refuseReplay(w, err)
		return
	}
	w.Header().Set("Content-Type", "audio/ogg")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replayTimeout))
	_, _ = w.Write(file) // a client who has gone is nobody to tell
}

// replayTimeout is how long the longest file may take: 4 MB at the rate of a voice
// on the slowest line.
const replayTimeout = 5 * time.Minute
