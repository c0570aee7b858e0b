package missions

import (
	"encoding/json"
	"net/http"
	"slices"

	"muster/cot/marti/reply"
	"muster/cot/mission"
)

func (a *API) token(r *request) error {
	t, err := a.s.AccessToken(r.ctx(), r.c, r.ref, r.text("password"))
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeText, t)
	return nil
}

// uid returns the device that a subscription is for.
func (r *request) uid() string {
	if v := r.text("uid"); v != "" {
		return v
	}
	return r.text("topic")
}

// The missions that ATAK and WinTAK expect to be there, with their tools.
var expected = map[string]string{"citrap": "citrap", "exchecktemplates": "ExCheck"}

func (a *API) subscribe(r *request) error {
	span, err := r.span()
	if err != nil {
		return err
	}
	if tool, ok := expected[r.ref.Name]; ok && r.ref.GUID == "" {
		if _, err := a.s.Ensure(r.ctx(), r.c, r.ref.Name, tool); err != nil {
			return err
		}
	}
	var want *mission.Want
	if r.version() >= 3 {
		want = &mission.Want{Changes: true, Logs: true, Span: span}
	}
	sub, err := a.s.Subscribe(r.ctx(), r.c, r.ref, r.uid(), r.text("password"), want)
	if err != nil {
		return err
	}
	a.node.Status(r.w, http.StatusCreated, typeSubscription, sub)
	return nil
}

func (a *API) subscription(r *request) error {
	sub, err := a.s.SubscriptionOf(r.ctx(), r.c, r.ref, r.uid())
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeSubscription, sub)
	return nil
}

func (a *API) unsubscribe(r *request) error {
	if err := a.s.Unsubscribe(r.ctx(), r.c, r.ref, r.uid(), r.flag("disconnectOnly", true)); err != nil {
		return err
	}
	return done(r)
}

func (a *API) subscriptions(r *request) error {
	all, err := a.s.Subscriptions(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	uids := []string{}
	for _, sub := range all {
		if sub.Live && !slices.Contains(uids, sub.ClientUID) {
			uids = append(uids, sub.ClientUID)
		}
	}
	a.node.Envelope(r.w, "MissionSubscription", uids)
	return nil
}

func (a *API) roles(r *request) error {
	all, err := a.s.Subscriptions(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeSubscription, all)
	return nil
}

func (a *API) allSubscriptions(r *request) error {
	return a.pairs(r, func(s mission.Subscription) string { return s.MissionName })
}

func (a *API) allSubscriptionsGUID(r *request) error {
	return a.pairs(r, func(s mission.Subscription) string { return s.MissionGUID })
}

// pairs answers with an object of one pair for each subscription.
func (a *API) pairs(r *request, key func(mission.Subscription) string) error {
	all, err := a.s.AllSubscriptions(r.ctx(), r.c)
	if err != nil {
		return err
	}
	out := []map[string]string{}
	for _, sub := range all {
		out = append(out, map[string]string{key(sub): sub.ClientUID})
	}
	a.node.Envelope(r.w, "MissionSubscription", out)
	return nil
}

func (a *API) role(r *request) error {
	role, err := a.s.RoleOf(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeRole, role)
	return nil
}

func (a *API) setRole(r *request) error {
	role, err := mission.ParseRole(r.text("role"))
	if err != nil {
		return err
	}
	change := mission.RoleChange{ClientUID: r.text("clientUid"), Username: r.text("username"), Role: role}
	if err := a.s.SetRoles(r.ctx(), r.c, r.ref, []mission.RoleChange{change}); err != nil {
		return err
	}
	a.node.Envelope(r.w, typeRole, role)
	return nil
}

func (a *API) setRoles(r *request) error {
	var list []mission.RoleChange
	if err := r.json(&list); err != nil {
		return err
	}
	if err := a.s.SetRoles(r.ctx(), r.c, r.ref, list); err != nil {
		return err
	}
	return done(r)
}

func (a *API) invitations(r *request) error {
	all, err := a.s.Invitations(r.ctx(), r.c, r.text("clientUid"))
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeInvitation, all)
	return nil
}

func (a *API) allInvitations(r *request) error {
	all, err := a.s.Invitations(r.ctx(), r.c, r.text("clientUid"))
	if err != nil {
		return err
	}
	names := []string{}
	for _, i := range all {
		if !slices.Contains(names, i.MissionName) {
			names = append(names, i.MissionName)
		}
	}
	a.node.Envelope(r.w, typeInvitation, names)
	return nil
}

func (a *API) invitationsOf(r *request) error {
	all, err := a.s.InvitationsOf(r.ctx(), r.c, r.ref)
	if err != nil {
		return err
	}
	a.node.Envelope(r.w, typeInvitation, all)
	return nil
}

func (a *API) invite(r *request) error {
	role, err := mission.ParseRole(r.text("role"))
	if err != nil {
		return err
	}
	err = a.s.Invite(r.ctx(), r.c, r.ref, []mission.Invitee{{Type: r.args[0], Invitee: r.args[1], Role: role}})
	if err != nil {
		return err
	}
	return done(r)
}

func (a *API) uninvite(r *request) error {
	if err := a.s.Uninvite(r.ctx(), r.c, r.ref, mission.Invitee{Type: r.args[0], Invitee: r.args[1]}); err != nil {
		return err
	}
	return done(r)
}

// inviteMany takes a JSON list, or the uids of a form.
func (a *API) inviteMany(r *request) error {
	var list []mission.Invitee
	uids := r.q["contacts"]
	if len(uids) == 0 {
		b, err := r.body()
		if err != nil {
			return err
		}
		if r.version() >= 3 || r.isJSON() {
			if err := json.Unmarshal(b, &list); err != nil {
				reply.Error(r.w, http.StatusBadRequest, "The body is not a list of invitations.")
				return errAnswered
			}
		} else if uids, err = formOf(b, "contacts"); err != nil {
			return err
		}
	}
	role, err := mission.ParseRole(r.text("role"))
	if err != nil {
		return err
	}
	for _, uid := range uids {
		list = append(list, mission.Invitee{Type: mission.ByClient, Invitee: uid, Role: role})
	}
	if err := a.s.Invite(r.ctx(), r.c, r.ref, list); err != nil {
		return err
	}
	return done(r)
}
