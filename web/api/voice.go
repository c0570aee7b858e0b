package api

import (
	"context"
	"net/http"
	"time"

	"muster/internal/auth"
	"muster/voice"
)

// Voice is the Mumble server, as administrators moderate it beside the rooms.
type Voice interface {
	Bans() []voice.Ban
	// Ban ends the account's sessions; the error is for people.
	Ban(b voice.Ban) (voice.Ban, error)
	Unban(id string) bool
}

// ErrNoVoice says that there is no Mumble server to moderate.
var ErrNoVoice = refuse(http.StatusServiceUnavailable, "The voice server is switched off on this server.")

// VoiceBan keeps somebody out of the Mumble server.
type VoiceBan struct {
	ID          string    `json:"id"`
	User        string    `json:"user" doc:"Account; empty: the ban is of a certificate."`
	Certificate string    `json:"certificate" doc:"SHA-1 of the certificate, as Mumble clients show it; empty: the ban is of the account alone."`
	Name        string    `json:"name" doc:"What the user was called."`
	Reason      string    `json:"reason"`
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until,omitzero" doc:"Left out: for good."`
}

func banOf(b voice.Ban) VoiceBan {
	v := VoiceBan{ID: b.ID(), User: b.User, Certificate: b.Hash, Name: b.Name, Reason: b.Reason, Since: b.Start}
	if b.Length > 0 {
		v.Until = b.Start.Add(b.Length)
	}
	return v
}

type (
	voiceBansOut struct {
		Body struct {
			Bans []VoiceBan `json:"bans"`
		}
	}
	voiceBanIn struct {
		Body struct {
			User   string `json:"user" minLength:"1" maxLength:"100" doc:"Account. There are no bans of addresses: behind one is often a whole unit."`
			Reason string `json:"reason,omitempty" maxLength:"400" doc:"Shown to the user."`
			Hours  int    `json:"hours,omitempty" minimum:"0" maximum:"87600" doc:"How long; 0: for good."`
		}
	}
	voiceBanOut   struct{ Body VoiceBan }
	voiceBanParam struct {
		ID string `path:"id" maxLength:"40"`
	}
)

func (a *API) voiceBans() {
	register(a, admin, op("listVoiceBans", http.MethodGet, "/voice/bans", "Who is kept out of the voice server"),
		func(context.Context, auth.Identity, *none) (*voiceBansOut, error) {
			out := &voiceBansOut{}
			out.Body.Bans = []VoiceBan{}
			if a.Voice != nil {
				for _, b := range a.Voice.Bans() {
					out.Body.Bans = append(out.Body.Bans, banOf(b))
				}
			}
			return out, nil
		})
	add := op("addVoiceBan", http.MethodPost, "/voice/bans", "Keep an account out of the voice server, and end its sessions there")
	add.DefaultStatus = http.StatusCreated
	register(a, admin, add, a.addVoiceBan)
	register(a, admin, op("removeVoiceBan", http.MethodDelete, "/voice/bans/{id}", "Lift such a ban"),
		func(_ context.Context, id auth.Identity, in *voiceBanParam) (*none, error) {
			if a.Voice == nil || !a.Voice.Unban(in.ID) {
				return nil, refuse(http.StatusNotFound, "There is no such ban any more.")
			}
			a.Log.Info("ban of the voice server lifted", "user", id.User, "ban", in.ID)
			return nil, nil
		})
}

func (a *API) addVoiceBan(ctx context.Context, id auth.Identity, in *voiceBanIn) (*voiceBanOut, error) {
	switch {
	case a.Voice == nil:
		return nil, ErrNoVoice
	case in.Body.User == id.User:
		return nil, refuse(http.StatusUnprocessableEntity, "You cannot ban yourself.")
	}
	b, err := a.Voice.Ban(voice.Ban{
		User: in.Body.User, Name: in.Body.User, Reason: in.Body.Reason, Length: time.Duration(in.Body.Hours) * time.Hour,
	})
	if err != nil {
		return nil, err
	}
	a.Log.Info("user banned from the voice server", "user", id.User, "banned", b.User)
	return &voiceBanOut{banOf(b)}, nil
}
