package mission_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"muster/cot"
	"muster/cot/mission"
	"muster/cot/mission/missiontest"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestWhoMayDoWhat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		w := missiontest.New(t, cfg)
		ctx := t.Context()
		reader := auth.Identity{User: "rita", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "fire", Out: true}}}
		writer := auth.Identity{User: "wim", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "fire", In: true}}}
		admin := missiontest.Admin()
		none := mission.RoleNone
		readOnly := mission.RoleReadOnly
		_, owner := make1(t, w, on(anna, "A1"), "open", mission.Spec{})
		_, shutOwner := make1(t, w, on(anna, "A1"), "shut", mission.Spec{Password: mission.TextOf("geheim")})
		_, _ = make1(t, w, on(anna, "A1"), "watch", mission.Spec{DefaultRole: &readOnly})
		access, err := w.AccessToken(ctx, on(ben, "B1"), by("shut"), "geheim")
		if err != nil {
			t.Fatal(err)
		}
		withAccess := on(ben, "B1")
		withAccess.Token = access
		for _, tc := range []struct {
			name    string
			c       mission.Caller
			mission string
			role    mission.Role
			err     error // of reading
			write   error
			del     error
		}{
			{"member of an open mission", on(ben, "B1"), "open", mission.RoleSubscriber, nil, nil, mission.ErrDenied},
			{"owner with token", owner, "open", mission.RoleOwner, nil, nil, nil},
			{"owner without token", on(anna, "A1"), "open", mission.RoleSubscriber, nil, nil, mission.ErrDenied},
			{"token of another mission", shutOwner, "open", mission.RoleSubscriber, nil, nil, mission.ErrDenied},
			{"stranger to the groups", on(carla, "C1"), "open", none, mission.ErrNotFound, mission.ErrNotFound, mission.ErrNotFound},
			{"stranger with the owner's token", mission.Caller{Identity: carla, Token: owner.Token}, "open", none, mission.ErrNotFound, mission.ErrNotFound, mission.ErrNotFound},
			{"who only reads the group", on(reader, "R1"), "open", mission.RoleSubscriber, nil, mission.ErrDenied, mission.ErrDenied},
			{"who only writes to the group", on(writer, "W1"), "open", none, mission.ErrNotFound, mission.ErrNotFound, mission.ErrNotFound},
			{"administrator", on(admin, ""), "open", mission.RoleOwner, nil, nil, nil},
			{"administrator, password", on(admin, ""), "shut", mission.RoleOwner, nil, nil, nil},
			{"member, password", on(ben, "B1"), "shut", none, mission.ErrDenied, mission.ErrDenied, mission.ErrDenied},
			{"member with access token", withAccess, "shut", mission.RoleSubscriber, nil, nil, mission.ErrDenied},
			{"member with a token that is none", mission.Caller{Identity: ben, Token: "mst_nonsense"}, "shut", none, mission.ErrDenied, mission.ErrDenied, mission.ErrDenied},
			{"member, read-only default", on(ben, "B1"), "watch", mission.RoleReadOnly, nil, mission.ErrDenied, mission.ErrDenied},
		} {
			t.Run(tc.name, func(t *testing.T) {
				m, err := w.Get(ctx, tc.c, by(tc.mission), mission.Want{})
				if !errors.Is(err, tc.err) || err == nil && m.Role != tc.role {
					t.Errorf("read: %v as %q", err, m.Role)
				}
				_, err = w.SetKeywords(ctx, tc.c, by(tc.mission), []string{"x"})
				wantErr(t, err, tc.write)
				wantErr(t, w.SetExpiration(ctx, tc.c, by(tc.mission), -1), tc.del)
			})
		}
		if _, err := w.Get(ctx, on(ben, "B1"), by("shut"), mission.Want{Password: "geheim"}); err != nil {
			t.Error("the password opens it:", err)
		}
		if err := w.SetPassword(ctx, shutOwner, by("shut"), "anders"); err != nil {
			t.Fatal(err)
		}
		_, err = w.Get(ctx, withAccess, by("shut"), mission.Want{})
		wantErr(t, err, mission.ErrDenied) // the token was for the old password
		if all, err := w.List(ctx, on(ben, "B1"), mission.Filter{}); err != nil || len(all) != 1 {
			t.Error("only the open one is listed by default:", all, err)
		}
		all, err := w.List(ctx, on(ben, "B1"), mission.Filter{Protected: true, DefaultRole: true})
		if err != nil || len(all) != 3 {
			t.Error(all, err)
		}
		if all, err := w.List(ctx, on(carla, "C1"), mission.Filter{Protected: true, DefaultRole: true}); err != nil || len(all) != 0 {
			t.Error(all, err)
		}
	})
}

func TestPasswordsAndSubscriptions(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, owner := make1(t, w, on(anna, "A1"), "shut", mission.Spec{Password: mission.TextOf("geheim")})
	_, _ = make1(t, w, on(anna, "A1"), "open", mission.Spec{})
	for _, tc := range []struct {
		name, mission, password string
		err                     error
	}{
		{"right", "shut", "geheim", nil}, {"wrong", "shut", "falsch", mission.ErrDenied}, {"none", "shut", "", mission.ErrDenied},
		{"needless", "open", "geheim", mission.ErrDenied}, {"no mission", "nothing", "", mission.ErrNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.Subscribe(ctx, on(ben, "B-"+tc.name), by(tc.mission), "B-"+tc.name, tc.password, nil)
			wantErr(t, err, tc.err)
		})
	}
	t.Run("who is subscribed needs no password again", func(t *testing.T) {
		sub, err := w.Subscribe(ctx, on(ben, "B-right"), by("shut"), "B-right", "", nil)
		if err != nil || sub.Role != mission.RoleSubscriber {
			t.Fatal(sub, err)
		}
	})
	t.Run("a subscription is its user's", func(t *testing.T) {
		_, err := w.SubscriptionOf(ctx, on(anna, "A1"), by("shut"), "B-right")
		wantErr(t, err, mission.ErrNotFound)
		_, err = w.Subscribe(ctx, on(missiontest.Member("eve", "fire"), "B-right"), by("shut"), "B-right", "", nil)
		wantErr(t, err, mission.ErrDenied)
	})
	t.Run("the owner is owner on a new device", func(t *testing.T) {
		sub, err := w.Subscribe(ctx, on(anna, "A2"), by("shut"), "A2", "geheim", &mission.Want{Changes: true, Logs: true})
		if err != nil || sub.Role != mission.RoleOwner || sub.Mission == nil || len(*sub.Mission.Changes) != 1 || sub.Mission.Logs == nil {
			t.Fatalf("%+v %v", sub, err)
		}
	})
	t.Run("asleep and awake", func(t *testing.T) {
		w.Router.Connect("B-right", "BUSSARD", "", ben)
		w.Router.Take()
		add := func() {
			if _, err := w.AddContents(ctx, owner, by("shut"), mission.Addition{UIDs: []string{"u"}}); err != nil {
				t.Fatal(err)
			}
		}
		add()
		wantSent(t, w, "notify t-x-m-c B-right")
		if err := w.Unsubscribe(ctx, on(ben, ""), by("shut"), "B-right", true); err != nil {
			t.Fatal(err)
		}
		add()
		wantSent(t, w)
		w.Seen(ctx, cot.Sender{Identity: ben, UID: "B-right", Callsign: "BUSSARD"})
		add()
		wantSent(t, w, "notify t-x-m-c B-right")
		if err := w.Unsubscribe(ctx, on(ben, ""), by("shut"), "B-right", false); err != nil {
			t.Fatal(err)
		}
		w.Seen(ctx, cot.Sender{Identity: ben, UID: "B-right", Callsign: "BUSSARD"})
		add()
		wantSent(t, w)
		wantErr(t, w.Unsubscribe(ctx, on(ben, ""), by("shut"), "B-right", false), mission.ErrNotFound)
	})
}

func TestNobodyGivesMoreThanHeHas(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, owner := make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	sub, err := w.Subscribe(ctx, on(ben, "B1"), by("m"), "B1", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := mission.Caller{Identity: ben, UID: "B1", Token: sub.Token}
	wantErr(t, w.Invite(ctx, b, by("m"), []mission.Invitee{{Type: mission.ByUser, Invitee: "x", Role: mission.RoleOwner}}), mission.ErrDenied)
	wantErr(t, w.SetRoles(ctx, b, by("m"), []mission.RoleChange{{ClientUID: "B1", Role: mission.RoleOwner}}), mission.ErrDenied)
	yes, owning, usual := true, mission.RoleOwner, mission.RoleSubscriber
	if _, _, err := w.Put(ctx, b, "m", mission.Spec{DefaultRole: &usual}); err != nil {
		t.Error("what a mission has anyway may be sent back:", err)
	}
	_, _, err = w.Put(ctx, b, "m", mission.Spec{InviteOnly: &yes})
	wantErr(t, err, mission.ErrDenied)
	_, _, err = w.Put(ctx, b, "m", mission.Spec{DefaultRole: &owning})
	wantErr(t, err, mission.ErrDenied)
	_, _, err = w.Put(ctx, b, "m", mission.Spec{Password: mission.TextOf("x")})
	wantErr(t, err, mission.ErrDenied)
	wantErr(t, w.SetRoles(ctx, owner, by("m"), []mission.RoleChange{{ClientUID: "nobody", Role: mission.RoleOwner}}), mission.ErrNotFound)
	if err := w.SetRoles(ctx, owner, by("m"), []mission.RoleChange{{Username: "BEN", Role: mission.RoleOwner}}); err != nil {
		t.Fatal(err)
	}
	if r, err := w.RoleOf(ctx, b, by("m")); err != nil || r != mission.RoleOwner {
		t.Error("the token has the role of now:", r, err)
	}
	subs, err := w.Subscriptions(ctx, owner, by("m"))
	if err != nil || len(subs) != 2 || subs[0].Token != "" {
		t.Error(subs, err)
	}
}

func TestGroupsOfAMission(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	both := missiontest.Member("dora", "fire", "police")
	for _, tc := range []struct {
		name   string
		id     auth.Identity
		groups []string
		want   []string
		err    error
	}{
		{"none named", both, nil, []string{"fire", "police"}, nil},
		{"one", both, []string{"police"}, []string{"police"}, nil},
		{"joined", both, []string{"police,fire"}, []string{"fire", "police"}, nil},
		{"everybody", both, []string{"__ANON__"}, []string{"fire", "police"}, nil},
		{"a foreign one", both, []string{"fire", "army"}, nil, mission.ErrDenied},
		{"who may not write", auth.Identity{User: "r", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "fire", Out: true}}}, nil, nil, mission.ErrDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, _, err := w.Put(ctx, on(tc.id, "X"), "g "+tc.name, mission.Spec{Groups: tc.groups})
			if !errors.Is(err, tc.err) || err == nil && !slices.Equal(m.Groups, tc.want) {
				t.Error(m.Groups, err)
			}
		})
	}
	_, owner := make1(t, w, on(both, "D1"), "m", mission.Spec{Groups: []string{"fire"}})
	_, _, err := w.Put(ctx, owner, "m", mission.Spec{Groups: []string{"police"}})
	wantErr(t, err, mission.ErrDenied)
	_, _, err = w.Put(ctx, on(both, "D1"), "m", mission.Spec{Groups: []string{"police"}, AllowGroups: true})
	wantErr(t, err, mission.ErrDenied) // no owner without the token
	m, _, err := w.Put(ctx, owner, "m", mission.Spec{Groups: []string{"police"}, AllowGroups: true})
	if err != nil || !slices.Equal(m.Groups, []string{"police"}) {
		t.Error(m.Groups, err)
	}
}

func TestANameMayBeTakenUnseen(t *testing.T) {
	w := missiontest.New(t, store.Config{})
	ctx := t.Context()
	_, _ = make1(t, w, on(anna, "A1"), "m", mission.Spec{})
	_, _, err := w.Put(ctx, on(carla, "C1"), "m", mission.Spec{})
	wantErr(t, err, mission.ErrConflict)
	_, created, err := w.Put(ctx, on(carla, "C1"), "m", mission.Spec{AllowHidden: true})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	if m, err := w.Get(ctx, on(ben, "B1"), by("m"), mission.Want{}); err != nil || m.CreatorUID != "A1" {
		t.Error(m.CreatorUID, err)
	}
	if m, err := w.Get(ctx, on(carla, "C1"), by("m"), mission.Want{}); err != nil || m.CreatorUID != "C1" {
		t.Error(m.CreatorUID, err)
	}
	for _, bad := range []string{"", "  ", "a/b", "x\x00", strings.Repeat("ü", 256)} {
		_, _, err := w.Put(ctx, on(anna, "A1"), bad, mission.Spec{})
		wantErr(t, err, mission.ErrInvalid)
	}
}
