package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"muster/cot/mission"
	"muster/internal/auth"
	"muster/web/situation"
)

// Mission is a mission in a list.
type Mission struct {
	Name        string    `json:"name"`
	GUID        string    `json:"guid"`
	Description string    `json:"description"`
	Tool        string    `json:"tool"`
	Groups      []string  `json:"groups"`
	Keywords    []string  `json:"keywords"`
	CreatorUID  string    `json:"creatorUid"`
	CreateTime  time.Time `json:"createTime"`
	LastEdited  time.Time `json:"lastEdited"`
	Subscribers int       `json:"subscribers"`
	Contents    int       `json:"contents"`
	UIDs        int       `json:"uids"`
	Protected   bool      `json:"passwordProtected"`
	InviteOnly  bool      `json:"inviteOnly"`
	Role        string    `json:"role" doc:"Yours; empty is none."`
	Expiration  int64     `json:"expiration,omitempty" doc:"Seconds since 1970; absent is never."`
}

// WholeMission is a mission with all that is in it.
type WholeMission struct {
	Mission
	Contents      []MissionContent      `json:"contents"`
	UIDs          []MissionItem         `json:"uids"`
	Logs          []MissionLog          `json:"logs"`
	Subscriptions []MissionSubscription `json:"subscriptions"`
	Changes       []MissionChange       `json:"changes"`
}

// What is in a mission.
type (
	MissionContent struct {
		Hash       string    `json:"hash"`
		Name       string    `json:"name"`
		Size       int64     `json:"size"`
		MIME       string    `json:"mime"`
		CreatorUID string    `json:"creatorUid"`
		Time       time.Time `json:"time"`
	}
	MissionItem struct {
		UID        string    `json:"uid"`
		Type       string    `json:"type"`
		Callsign   string    `json:"callsign"`
		Lat        *float64  `json:"lat,omitempty"`
		Lon        *float64  `json:"lon,omitempty"`
		CreatorUID string    `json:"creatorUid"`
		Time       time.Time `json:"time"`
	}
	MissionLog struct {
		ID         string    `json:"id"`
		Content    string    `json:"content"`
		CreatorUID string    `json:"creatorUid"`
		Time       time.Time `json:"time"`
	}
	MissionSubscription struct {
		ClientUID string `json:"clientUid"`
		Username  string `json:"username"`
		Callsign  string `json:"callsign"`
		Role      string `json:"role"`
		Connected bool   `json:"connected"`
	}
	MissionChange struct {
		Type       string    `json:"type"`
		Time       time.Time `json:"time"`
		CreatorUID string    `json:"creatorUid"`
		ContentUID string    `json:"contentUid,omitempty"`
		Name       string    `json:"name,omitempty"`
	}
)

const maxShownChanges = 200

type missionsOut struct {
	Body struct {
		Missions []Mission `json:"missions"`
	}
}

type missionOut struct{ Body WholeMission }

// GUIDParam is the parameter of operations on one mission.
type GUIDParam struct {
	GUID string `path:"guid" maxLength:"64"`
}

type newMissionIn struct {
	Body struct {
		Name        string   `json:"name" minLength:"1" maxLength:"255"`
		Description string   `json:"description,omitempty" maxLength:"4000"`
		Groups      []string `json:"groups,omitempty" maxItems:"100"`
		Password    string   `json:"password,omitempty" maxLength:"256"`
		InviteOnly  bool     `json:"inviteOnly,omitempty"`
		DefaultRole string   `json:"defaultRole,omitempty" enum:"MISSION_SUBSCRIBER,MISSION_READONLY_SUBSCRIBER,MISSION_OWNER"`
	}
}

type changeMissionIn struct {
	GUIDParam
	Body struct {
		Description *string `json:"description,omitempty" maxLength:"4000"`
		InviteOnly  *bool   `json:"inviteOnly,omitempty"`
		Password    *string `json:"password,omitempty" maxLength:"256" doc:"Empty takes it away."`
	}
}

type addContentsIn struct {
	GUIDParam
	Body struct {
		Hashes []string `json:"hashes,omitempty" maxItems:"500"`
		UIDs   []string `json:"uids,omitempty" maxItems:"500"`
	}
}

type removeContentsIn struct {
	GUIDParam
	Hash string `query:"hash" maxLength:"64"`
	UID  string `query:"uid" maxLength:"300"`
}

type addLogIn struct {
	GUIDParam
	Body struct {
		Content string `json:"content" minLength:"1" maxLength:"8000"`
	}
}

type setRoleIn struct {
	GUIDParam
	Body struct {
		ClientUID string `json:"clientUid" maxLength:"300"`
		Username  string `json:"username" maxLength:"64"`
		Role      string `json:"role" enum:"MISSION_OWNER,MISSION_SUBSCRIBER,MISSION_READONLY_SUBSCRIBER"`
	}
}

type inviteIn struct {
	GUIDParam
	Body struct {
		UIDs []string `json:"uids" minItems:"1" maxItems:"200"`
		Role string   `json:"role" enum:"MISSION_OWNER,MISSION_SUBSCRIBER,MISSION_READONLY_SUBSCRIBER"`
	}
}

// inMission is id as missions see who writes from a page.
func (a *API) inMission(id auth.Identity) mission.Caller {
	return mission.Caller{Identity: id, UID: situation.UID(id.User), Own: true}
}

// inform makes sentences of the refusals of missions.
func inform(err error) error {
	var r *mission.Refusal
	if !errors.As(err, &r) {
		return err
	}
	for kind, status := range map[error]int{
		mission.ErrNotFound: http.StatusNotFound, mission.ErrGone: http.StatusGone, mission.ErrDenied: http.StatusForbidden,
		mission.ErrConflict: http.StatusConflict, mission.ErrInvalid: http.StatusUnprocessableEntity, mission.ErrBusy: http.StatusServiceUnavailable,
	} {
		if errors.Is(err, kind) {
			return refuse(status, r.Say)
		}
	}
	return err
}

// onMission registers an operation that does something to one mission and answers
// with the mission as it is then.
func onMission[I any](a *API, id, method, path, summary string, f func(ctx context.Context, s *mission.Service, c mission.Caller, in *I) (guid string, err error)) {
	register(a, user, op(id, method, path, summary), func(ctx context.Context, who auth.Identity, in *I) (*missionOut, error) {
		t, err := a.whole()
		if err != nil {
			return nil, err
		}
		c := a.inMission(who)
		guid, err := f(ctx, t.Missions, c, in)
		if err != nil {
			return nil, inform(err)
		}
		return a.mission(ctx, t.Missions, c, guid)
	})
}

func (a *API) missions() {
	register(a, user, op("listMissions", http.MethodGet, "/missions", "Missions that you may know of"),
		func(ctx context.Context, id auth.Identity, _ *none) (*missionsOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			list, err := t.Missions.List(ctx, a.inMission(id), mission.Filter{Protected: true, DefaultRole: true})
			if err != nil {
				return nil, inform(err)
			}
			out := &missionsOut{}
			out.Body.Missions = []Mission{}
			for _, m := range list {
				out.Body.Missions = append(out.Body.Missions, missionOf(m))
			}
			return out, nil
		})
	onMission(a, "getMission", http.MethodGet, "/missions/{guid}", "One mission with all that is in it",
		func(_ context.Context, _ *mission.Service, _ mission.Caller, in *GUIDParam) (string, error) {
			return in.GUID, nil
		})
	onMission(a, "addMission", http.MethodPost, "/missions", "Create a mission", newMission)
	onMission(a, "changeMission", http.MethodPatch, "/missions/{guid}", "Change a mission", changeMission)
	register(a, user, op("removeMission", http.MethodDelete, "/missions/{guid}", "Delete a mission; a package of it is kept among the files"),
		func(ctx context.Context, id auth.Identity, in *GUIDParam) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			_, err = t.Missions.Delete(ctx, a.inMission(id), mission.Ref{GUID: in.GUID}, false)
			return nil, inform(err)
		})
	onMission(a, "addContents", http.MethodPost, "/missions/{guid}/contents", "Add files and map items",
		func(ctx context.Context, s *mission.Service, c mission.Caller, in *addContentsIn) (string, error) {
			_, err := s.AddContents(ctx, c, mission.Ref{GUID: in.GUID}, mission.Addition{Hashes: in.Body.Hashes, UIDs: in.Body.UIDs})
			return in.GUID, err
		})
	onMission(a, "removeContents", http.MethodDelete, "/missions/{guid}/contents", "Take out a file or a map item",
		func(ctx context.Context, s *mission.Service, c mission.Caller, in *removeContentsIn) (string, error) {
			_, err := s.RemoveContents(ctx, c, mission.Ref{GUID: in.GUID}, in.Hash, in.UID)
			return in.GUID, err
		})
	onMission(a, "addLog", http.MethodPost, "/missions/{guid}/logs", "Add a note",
		func(ctx context.Context, s *mission.Service, c mission.Caller, in *addLogIn) (string, error) {
			_, err := s.AddLog(ctx, c, []mission.Ref{{GUID: in.GUID}}, mission.LogEntry{Content: in.Body.Content, CreatorUID: c.UID, DTG: mission.Time(time.Now().UnixMilli())})
			return in.GUID, err
		})
	onMission(a, "setMissionRole", http.MethodPut, "/missions/{guid}/roles", "Change what a subscriber may do",
		func(ctx context.Context, s *mission.Service, c mission.Caller, in *setRoleIn) (string, error) {
			role, err := mission.ParseRole(in.Body.Role)
			if err == nil {
				err = s.SetRoles(ctx, c, mission.Ref{GUID: in.GUID}, []mission.RoleChange{{ClientUID: in.Body.ClientUID, Username: in.Body.Username, Role: role}})
			}
			return in.GUID, err
		})
	onMission(a, "inviteToMission", http.MethodPost, "/missions/{guid}/invite", "Invite devices",
		func(ctx context.Context, s *mission.Service, c mission.Caller, in *inviteIn) (string, error) {
			role, err := mission.ParseRole(in.Body.Role)
			if err != nil {
				return "", err
			}
			var list []mission.Invitee
			for _, uid := range in.Body.UIDs {
				list = append(list, mission.Invitee{Type: "clientUid", Invitee: uid, Role: role})
			}
			return in.GUID, s.Invite(ctx, c, mission.Ref{GUID: in.GUID}, list)
		})
}

func newMission(ctx context.Context, s *mission.Service, c mission.Caller, in *newMissionIn) (string, error) {
	b := in.Body
	spec := mission.Spec{Description: &b.Description, InviteOnly: &b.InviteOnly, Groups: b.Groups}
	if b.Password != "" {
		spec.Password = &b.Password
	}
	if b.DefaultRole != "" {
		role, err := mission.ParseRole(b.DefaultRole)
		if err != nil {
			return "", err
		}
		spec.DefaultRole = &role
	}
	m, created, err := s.Put(ctx, c, b.Name, spec)
	if err == nil && !created {
		err = &mission.Refusal{Kind: mission.ErrConflict, Say: "There is a mission of this name already."}
	}
	return m.GUID, err
}

func changeMission(ctx context.Context, s *mission.Service, c mission.Caller, in *changeMissionIn) (string, error) {
	ref := mission.Ref{GUID: in.GUID}
	if in.Body.Description != nil || in.Body.InviteOnly != nil {
		m, err := s.Get(ctx, c, ref, mission.Want{})
		if err == nil {
			_, _, err = s.Put(ctx, c, m.Name, mission.Spec{Description: in.Body.Description, InviteOnly: in.Body.InviteOnly, Groups: m.Groups})
		}
		if err != nil {
			return "", err
		}
	}
	if in.Body.Password != nil {
		return in.GUID, s.SetPassword(ctx, c, ref, *in.Body.Password)
	}
	return in.GUID, nil
}

func missionOf(m mission.Mission) Mission {
	out := Mission{
		Name: m.Name, GUID: m.GUID, Description: m.Description, Tool: m.Tool, Groups: append([]string{}, m.Groups...), Keywords: append([]string{}, m.Keywords...),
		CreatorUID: m.CreatorUID, CreateTime: when(m.Created), LastEdited: when(m.Edited), Subscribers: m.Subscribers,
		Contents: len(m.Contents), UIDs: len(m.UIDs), Protected: m.Protected, InviteOnly: m.InviteOnly,
	}
	if m.Role != mission.RoleNone {
		out.Role = string(m.Role)
	}
	if m.Expiration > 0 {
		out.Expiration = m.Expiration
	}
	return out
}

func when(t mission.Time) time.Time { return time.UnixMilli(int64(t)).UTC() }

// mission reads all of one.
func (a *API) mission(ctx context.Context, s *mission.Service, c mission.Caller, guid string) (*missionOut, error) {
	ref := mission.Ref{GUID: guid}
	m, err := s.Get(ctx, c, ref, mission.Want{Changes: true, Logs: true})
	if err != nil {
		return nil, inform(err)
	}
	subs, err := s.Subscriptions(ctx, c, ref)
	if err != nil {
		return nil, inform(err)
	}
	out := WholeMission{
		Mission: missionOf(m), Contents: []MissionContent{}, UIDs: []MissionItem{}, Logs: []MissionLog{},
		Subscriptions: []MissionSubscription{}, Changes: []MissionChange{},
	}
	for _, f := range m.Contents {
		out.Contents = append(out.Contents, MissionContent{f.File.Hash, f.File.Name, f.File.Size, f.File.MIME, f.CreatorUID, when(f.Time)})
	}
	for _, it := range m.UIDs {
		out.UIDs = append(out.UIDs, missionItem(it))
	}
	if m.Logs != nil {
		for _, l := range *m.Logs {
			out.Logs = append(out.Logs, MissionLog{l.ID, l.Content, l.CreatorUID, when(l.ServerTime)})
		}
	}
	for _, sub := range subs {
		out.Subscriptions = append(out.Subscriptions, MissionSubscription{sub.ClientUID, sub.Username, sub.Callsign, string(sub.Role), sub.Connected})
	}
	if m.Changes != nil {
		for _, ch := range (*m.Changes)[:min(len(*m.Changes), maxShownChanges)] {
			out.Changes = append(out.Changes, missionChange(ch))
		}
	}
	return &missionOut{out}, nil
}

func missionItem(it mission.Item) MissionItem {
	out := MissionItem{UID: it.UID, CreatorUID: it.CreatorUID, Time: when(it.Time)}
	if d := it.Details; d != nil {
		out.Type, out.Callsign = d.Type, d.Callsign
		if d.Location != nil {
			out.Lat, out.Lon = &d.Location.Lat, &d.Location.Lon
		}
	}
	return out
}

func missionChange(ch mission.Change) MissionChange {
	out := MissionChange{Type: ch.Type.String(), Time: when(ch.Time), CreatorUID: ch.CreatorUID, ContentUID: ch.ContentUID}
	switch {
	case ch.Resource != nil:
		out.Name = ch.Resource.Name
	case ch.Details != nil:
		out.Name = ch.Details.Callsign
	}
	return out
}
