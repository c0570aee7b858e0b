package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/cot/files"
	"muster/internal/auth"
	"muster/web/problem"
)

type profilesOut struct {
	Body struct {
		Profiles []files.Profile `json:"profiles"`
	}
}

type profileOut struct{ Body files.Profile }

// ProfileParam is the parameter of operations on one profile.
type ProfileParam struct {
	ID int64 `path:"id" minimum:"1"`
}

type newProfileIn struct{ Body files.ProfileChange }

type changeProfileIn struct {
	ProfileParam
	Body files.ProfileChange
}

type profileFileID struct {
	ProfileParam
	File int64 `path:"file" minimum:"1"`
}

type profileFileIn struct {
	ProfileParam
	Name string `query:"name" required:"true" minLength:"1" maxLength:"200"`
}

func (a *API) profiles() {
	register(a, admin, op("listProfiles", http.MethodGet, "/profiles", "What devices are set up with"),
		func(ctx context.Context, id auth.Identity, _ *none) (*profilesOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			list, err := t.Files.Profiles.List(ctx, id)
			if err != nil {
				return nil, profiling(err)
			}
			out := &profilesOut{}
			out.Body.Profiles = append([]files.Profile{}, list...)
			return out, nil
		})
	add := op("addProfile", http.MethodPost, "/profiles", "Add a profile")
	add.DefaultStatus = http.StatusCreated
	register(a, admin, add, func(ctx context.Context, id auth.Identity, in *newProfileIn) (*profileOut, error) {
		t, err := a.whole()
		if err != nil {
			return nil, err
		}
		p, err := t.Files.Profiles.Create(ctx, id, in.Body)
		return &profileOut{p}, profiling(err)
	})
	register(a, admin, op("changeProfile", http.MethodPatch, "/profiles/{id}", "Change a profile"),
		func(ctx context.Context, id auth.Identity, in *changeProfileIn) (*profileOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			p, err := t.Files.Profiles.Update(ctx, id, in.ID, in.Body)
			return &profileOut{p}, profiling(err)
		})
	register(a, admin, op("removeProfile", http.MethodDelete, "/profiles/{id}", "Delete a profile"),
		func(ctx context.Context, id auth.Identity, in *ProfileParam) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			return nil, profiling(t.Files.Profiles.Delete(ctx, id, in.ID))
		})
	file := op("addProfileFile", http.MethodPost, "/profiles/{id}/files", "Add a file to a profile; the body is its content")
	file.DefaultStatus = http.StatusCreated
	register(a, admin, file, a.addProfileFile)
	register(a, admin, op("removeProfileFile", http.MethodDelete, "/profiles/{id}/files/{file}", "Take a file out of a profile"),
		func(ctx context.Context, id auth.Identity, in *profileFileID) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			return nil, profiling(t.Files.Profiles.RemoveFile(ctx, id, in.ID, in.File))
		})
}

func profiling(err error) error {
	switch {
	case errors.Is(err, files.ErrNotFound):
		return refuse(http.StatusNotFound, "There is no such profile or file.")
	case errors.Is(err, files.ErrExists):
		return refuse(http.StatusConflict, "There is a profile of this name already.")
	}
	return filing(err)
}

func (a *API) addProfileFile(_ context.Context, id auth.Identity, in *profileFileIn) (*rawOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	return &rawOut{func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		body := arriving{http.MaxBytesReader(w, r.Body, t.Files.MaxSize()+1), http.NewResponseController(w)}
		f, err := t.Files.Profiles.AddFile(r.Context(), id, in.ID, in.Name, body)
		if err != nil {
			var s huma.StatusError
			if !errors.As(a.problem(profiling(err)), &s) {
				s = details(http.StatusInternalServerError, "The file could not be stored.")
			}
			problem.Write(w, s.GetStatus(), s.Error())
			return
		}
		writeJSON(w, http.StatusCreated, f)
	}}, nil
}
