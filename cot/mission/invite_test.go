package mission_test

import (
	"strings"
	"testing"

	"muster/cot"
	"muster/cot/mission"
	"muster/cot/mission/missiontest"
	"muster/internal/auth"
	"muster/internal/store"
)

func TestWhoIsNotified(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	both := missiontest.Member("dora", "fire", "police")
	for _, s := range []struct {
		id  auth.Identity
		uid string
	}{{ben, "B1"}, {both, "D1"}, {both, "X1"}} {
		if _, err := w.Subscribe(ctx, on(s.id, s.uid), by("m"), s.uid, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	w.Router.Connect("B1", "BUSSARD 1", "", ben)
	// Dora has the mission's group switched off on this device.
	w.Router.Connect("D1", "DACHS 1", "", auth.Identity{User: "dora", Groups: []auth.Grant{{Group: "police", Out: true}}})
	// X1 was subscribed by dora but is somebody else's device.
	w.Router.Connect("X1", "X", "", ben)
	w.Router.Take()
	if _, err := w.AddContents(ctx, owner, by("m"), mission.Addition{UIDs: []string{"u"}}); err != nil {
		t.Fatal(err)
	}
	wantSent(t, w, "notify t-x-m-c B1")
	steps := []struct {
		name string
		do   func() error
		want string
	}{
		{"keywords", func() error { _, err := w.SetKeywords(ctx, owner, by("m"), []string{"a", "b"}); return err }, "announce t-x-m-c-k fire"},
		{"keyword off", func() error { _, err := w.RemoveKeyword(ctx, owner, by("m"), "a"); return err }, "announce t-x-m-c-k fire"},
		{"keywords of a uid", func() error { _, err := w.SetItemKeywords(ctx, owner, by("m"), "u", []string{"a"}); return err }, "notify t-x-m-c-k-u B1"},
		{"password", func() error { return w.SetPassword(ctx, owner, by("m"), "p") }, "announce t-x-m-c-m fire"},
		{"password off", func() error { return w.SetPassword(ctx, owner, by("m"), "") }, "announce t-x-m-c-m fire"},
		{"external data", func() error {
			_, err := w.PutExternalData(ctx, owner, by("m"), mission.ExternalData{ID: "x", Name: "n"})
			return err
		}, "notify t-x-m-c-e B1"},
		{"external data changed", func() error { return w.ChangeExternalData(ctx, owner, by("m"), "x", "t") }, "notify t-x-m-c-e B1"},
		{"external data gone", func() error { return w.RemoveExternalData(ctx, owner, by("m"), "x") }, "notify t-x-m-c-e B1"},
		{"layer", func() error {
			_, err := w.AddLayer(ctx, owner, by("m"), mission.NewLayer{Name: "n", Type: "UID", UID: "l"})
			return err
		}, "notify t-x-m-c-h B1"},
		{"map layer", func() error {
			_, err := w.PutMapLayer(ctx, owner, by("m"), map[string]any{"name": "n", "uid": "ml"})
			return err
		}, "notify t-x-m-c-h B1"},
		{"map layer gone", func() error { return w.RemoveMapLayer(ctx, owner, by("m"), "ml") }, "notify t-x-m-c-h B1"},
		{"log", func() error {
			_, err := w.AddLog(ctx, owner, []mission.Ref{by("m")}, mission.LogEntry{Content: "c"})
			return err
		}, "notify t-x-m-c-l B1"},
		{"role", func() error {
			return w.SetRoles(ctx, owner, by("m"), []mission.RoleChange{{ClientUID: "B1", Role: mission.RoleReadOnly}})
		}, "notify t-x-m-r B1"},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			if err := s.do(); err != nil {
				t.Fatal(err)
			}
			wantSent(t, w, s.want)
		})
	}
}

func TestInvitations(t *testing.T) {
	for _, tc := range []struct {
		kind, invitee string
		stays         bool // the invitation is for others, too
	}{
		{mission.ByClient, "B1", false}, {mission.ByCallsign, "BUSSARD 1", false}, {mission.ByUser, "Ben", false},
		{mission.ByGroup, "fire", true}, {mission.ByTeam, "Red", true},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			w := missiontest.New(t, store.Config{})
			ctx := t.Context()
			w.Router.Connect("B1", "BUSSARD 1", "Red", ben)
			w.Router.Connect("C1", "CONDOR 1", "Blue", carla)
			yes := true
			_, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{InviteOnly: &yes})
			_, err := w.Subscribe(ctx, on(ben, "B1"), by("m"), "B1", "", nil)
			wantErr(t, err, mission.ErrDenied)
			w.Router.Take()
			role := mission.RoleReadOnly
			if err := w.Invite(ctx, owner, by("m"), []mission.Invitee{{Type: tc.kind, Invitee: tc.invitee, Role: role}}); err != nil {
				t.Fatal(err)
			}
			sent := wantSent(t, w, "notify t-x-m-i B1")
			if x := sent[0].XML; !strings.Contains(x, `type="INVITE"`) || !strings.Contains(x, ` token="`) ||
				!strings.Contains(x, `<role type="MISSION_READONLY_SUBSCRIBER"><permissions><permission type="MISSION_READ"/></permissions></role>`) {
				t.Error(x)
			}
			w.Seen(ctx, cot.Sender{Identity: ben, UID: "B1", Callsign: "BUSSARD 1"})
			wantSent(t, w, "notify t-x-m-i B1")
			if got, err := w.Invitations(ctx, on(carla, "C1"), "B1"); err != nil || len(got) != 0 {
				t.Error("an invitation for others:", got, err)
			}
			got, err := w.Invitations(ctx, on(ben, "B1"), "B1")
			if err != nil || len(got) != 1 || got[0].Token == "" || got[0].Role != role {
				t.Fatal(got, err)
			}
			token := mission.Caller{Identity: missiontest.Member("emil", "fire"), Token: got[0].Token}
			_, err = w.Get(ctx, token, by("m"), mission.Want{})
			wantErr(t, err, mission.ErrDenied) // it is for subscribing only
			sub, err := w.Subscribe(ctx, on(ben, "B1"), by("m"), "B1", "", nil)
			if err != nil || sub.Role != role {
				t.Fatal(sub, err)
			}
			left, err := w.InvitationsOf(ctx, owner, by("m"))
			if err != nil || (len(left) == 1) != tc.stays {
				t.Error(left, err)
			}
			if err := w.Uninvite(ctx, owner, by("m"), mission.Invitee{Type: tc.kind, Invitee: tc.invitee}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnInvitationTokenOpensAMissionWithPassword(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{Password: mission.TextOf("p")})
	if err := w.Invite(ctx, owner, by("m"), []mission.Invitee{{Type: mission.ByUser, Invitee: "ben"}}); err != nil {
		t.Fatal(err)
	}
	got, err := w.Invitations(ctx, on(ben, "B1"), "B1")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	sub, err := w.Subscribe(ctx, mission.Caller{Identity: ben, Token: got[0].Token}, by("m"), "B9", "", nil)
	if err != nil || sub.Role != mission.RoleSubscriber {
		t.Fatal(sub, err)
	}
}

func TestAnInvitedDeviceCannotBeImpersonated(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	w.Router.Connect("B1", "BUSSARD 1", "", ben)
	yes := true
	_, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{InviteOnly: &yes})
	if err := w.Invite(ctx, owner, by("m"), []mission.Invitee{{Type: mission.ByClient, Invitee: "B1"}, {Type: mission.ByCallsign, Invitee: "BUSSARD 1"}}); err != nil {
		t.Fatal(err)
	}
	w.Router.Disconnect("B1")
	eve := missiontest.Member("eve", "fire")
	_, err := w.Subscribe(ctx, on(eve, "B1"), by("m"), "B1", "", nil)
	wantErr(t, err, mission.ErrDenied)
	if _, err := w.Subscribe(ctx, on(ben, "B1"), by("m"), "B1", "", nil); err != nil {
		t.Error(err)
	}
}
