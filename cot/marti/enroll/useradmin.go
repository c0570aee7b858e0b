package enroll

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

const (
	maxUserBody = 256 << 10
	maxBulk     = 500 // users made by one request
)

// userModel is a user with groups, as TAK Server's user file has them: groupList
// is both directions, the others are one.
type userModel struct {
	Username string   `json:"username"`
	Password string   `json:"password,omitempty"`
	Both     []string `json:"groupList"`
	In       []string `json:"groupListIN"`
	Out      []string `json:"groupListOUT"`
}

// groupModel is a group with its users.
type groupModel struct {
	Group string   `json:"groupname"`
	Both  []string `json:"usersInGroupList"`
	In    []string `json:"usersInGroupListIN"`
	Out   []string `json:"usersInGroupListOUT"`
}

// bulkModel makes users whose names hold a number in place of [N].
type bulkModel struct {
	userModel
	Expression string `json:"usernameExpression"`
	Start      int    `json:"startN"`
	End        int    `json:"endN"`
}

// grants reads the three lists; a group in two of them has both directions.
func grants(both, in, out []string) []auth.Grant {
	found := []auth.Grant{}
	add := func(names []string, in, out bool) {
		for _, name := range names {
			at := slices.IndexFunc(found, func(g auth.Grant) bool { return strings.EqualFold(g.Group, name) })
			if at < 0 {
				found = append(found, auth.Grant{Group: name, In: in, Out: out})
				continue
			}
			found[at].In, found[at].Out = found[at].In || in, found[at].Out || out
		}
	}
	add(both, true, true)
	add(in, true, false)
	add(out, false, true)
	return found
}

func (a *API) userAdmin(mux *http.ServeMux) {
	const base = "/user-management/api/"
	for route, h := range map[string]http.HandlerFunc{
		"POST " + base + "new-user":                      a.newUser,
		"POST " + base + "new-users":                     a.newUsers,
		"GET " + base + "list-users":                     a.listUsers,
		"GET " + base + "get-groups-for-user/{username}": a.groupsOfUser,
		"PUT " + base + "change-user-password":           a.changePassword,
		"PUT " + base + "update-groups":                  a.updateGroups,
		"PUT " + base + "update-group-users":             a.updateGroupUsers,
		"DELETE " + base + "delete-user/{username}":      a.deleteUser,
		"GET " + base + "list-groupnames":                a.listGroupNames,
		"GET " + base + "users-in-group/{group}":         a.usersInGroup,
	} {
		mux.HandleFunc(route, admin(h))
	}
}

// read decodes the body of r into out, or answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, out any) bool {
	b, err := reply.Body(w, r, maxUserBody)
	if err != nil {
		return false
	}
	if err := json.Unmarshal(b, out); err != nil {
		reply.Error(w, http.StatusBadRequest, "The body is not the JSON that belongs here.")
		return false
	}
	return true
}

// ensureGroups makes the groups that do not exist, as TAK Server does.
func (a *API) ensureGroups(ctx context.Context, list []auth.Grant) error {
	for _, g := range list {
		if _, err := a.Groups.AddGroup(ctx, g.Group, ""); err != nil && !errors.Is(err, auth.ErrExists) {
			return err
		}
	}
	return nil
}

func (a *API) add(ctx context.Context, name, password string, list []auth.Grant) error {
	if err := a.ensureGroups(ctx, list); err != nil {
		return err
	}
	if len(list) == 0 {
		list = nil // the default group
	}
	_, err := a.Users.AddUser(ctx, auth.NewUser{Name: name, Password: password, Groups: list})
	return err
}

func (a *API) newUser(w http.ResponseWriter, r *http.Request) {
	var in userModel
	if !read(w, r, &in) {
		return
	}
	if in.Password == "" {
		reply.Error(w, http.StatusBadRequest, "A password is needed.")
		return
	}
	if err := a.add(r.Context(), in.Username, in.Password, grants(in.Both, in.In, in.Out)); err != nil {
		a.fail(w, err)
		return
	}
	a.log.Info("user added", "user", in.Username, "by", reply.From(r).Identity.User)
	w.WriteHeader(http.StatusOK)
}

// newUsers makes several users at once, with passwords that are shown this once.
func (a *API) newUsers(w http.ResponseWriter, r *http.Request) {
	var in bulkModel
	if !read(w, r, &in) {
		return
	}
	if !strings.Contains(in.Expression, "[N]") || in.Start < 0 || in.End < in.Start || in.End-in.Start >= maxBulk {
		reply.Error(w, http.StatusBadRequest, fmt.Sprintf("usernameExpression must hold [N], and startN to endN may be %d numbers at the most.", maxBulk))
		return
	}
	type made struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	out := []made{}
	for n := in.Start; n <= in.End; n++ {
		m := made{strings.ReplaceAll(in.Expression, "[N]", fmt.Sprint(n)), rand.Text()}
		if err := a.add(r.Context(), m.Username, m.Password, grants(in.Both, in.In, in.Out)); err != nil {
			// Those that were made stay: their passwords must not be lost.
			if len(out) == 0 {
				a.fail(w, err)
				return
			}
			a.log.Warn("not all users were added", "user", m.Username, "error", err)
			break
		}
		out = append(out, m)
	}
	reply.JSON(w, http.StatusOK, out)
}

func (a *API) listUsers(w http.ResponseWriter, r *http.Request) {
	all, err := a.Users.ListUsers(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	type name struct {
		Username string `json:"username"`
	}
	out := []name{}
	for _, u := range all {
		out = append(out, name{u.Name})
	}
	reply.JSON(w, http.StatusOK, out)
}

func (a *API) groupsOfUser(w http.ResponseWriter, r *http.Request) {
	u, err := a.Users.User(r.Context(), r.PathValue("username"))
	if err != nil {
		a.fail(w, err)
		return
	}
	out := userModel{Username: u.Name, Both: []string{}, In: []string{}, Out: []string{}}
	for _, g := range u.Groups {
		switch {
		case g.In && g.Out:
			out.Both = append(out.Both, g.Group)
		case g.In:
			out.In = append(out.In, g.Group)
		default:
			out.Out = append(out.Out, g.Group)
		}
	}
	reply.JSON(w, http.StatusOK, out)
}

func (a *API) changePassword(w http.ResponseWriter, r *http.Request) {
	var in userModel
	if !read(w, r, &in) {
		return
	}
	if in.Password == "" {
		reply.Error(w, http.StatusBadRequest, "A password is needed.")
		return
	}
	if err := a.Users.SetPassword(r.Context(), in.Username, in.Password); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// updateGroups gives a user exactly the groups of the body.
func (a *API) updateGroups(w http.ResponseWriter, r *http.Request) {
	var in userModel
	if !read(w, r, &in) {
		return
	}
	u, err := a.Users.User(r.Context(), in.Username)
	if err != nil {
		a.fail(w, err)
		return
	}
	want := grants(in.Both, in.In, in.Out)
	err = a.ensureGroups(r.Context(), want)
	for _, g := range want {
		if err == nil {
			err = a.Groups.Grant(r.Context(), u.Name, g.Group, g.In, g.Out)
		}
	}
	for _, old := range u.Groups {
		if err == nil && !slices.ContainsFunc(want, func(g auth.Grant) bool { return strings.EqualFold(g.Group, old.Group) }) {
			err = a.Groups.Revoke(r.Context(), u.Name, old.Group)
		}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// updateGroupUsers gives a group exactly the users of the body, making it if it
// does not exist.
func (a *API) updateGroupUsers(w http.ResponseWriter, r *http.Request) {
	var in groupModel
	if !read(w, r, &in) {
		return
	}
	ctx := r.Context()
	if err := a.ensureGroups(ctx, []auth.Grant{{Group: in.Group}}); err != nil {
		a.fail(w, err)
		return
	}
	old, err := a.group(ctx, in.Group)
	want := grants(in.Both, in.In, in.Out) // of users here
	for _, g := range want {
		if err == nil {
			err = a.Groups.Grant(ctx, g.Group, in.Group, g.In, g.Out)
		}
	}
	for _, m := range old.Members {
		if err == nil && !slices.ContainsFunc(want, func(g auth.Grant) bool { return strings.EqualFold(g.Group, m.User) }) {
			err = a.Groups.Revoke(ctx, m.User, in.Group)
		}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (a *API) group(ctx context.Context, name string) (auth.Group, error) {
	all, err := a.Groups.ListGroups(ctx)
	if err != nil {
		return auth.Group{}, err
	}
	for _, g := range all {
		if strings.EqualFold(g.Name, name) {
			return g, nil
		}
	}
	return auth.Group{}, fmt.Errorf("group %w", auth.ErrNotFound)
}

// deleteUser also puts the user's certificates on the revocation list.
func (a *API) deleteUser(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("username")
	devices, err := a.Devices.ListDevices(r.Context(), name)
	if err == nil {
		err = a.Users.RemoveUser(r.Context(), name)
	}
	for _, d := range devices {
		if err == nil && d.Revoked.IsZero() {
			err = a.Authority.Revoke(d.Serial)
		}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.log.Info("user removed", "user", name, "by", reply.From(r).Identity.User)
	w.WriteHeader(http.StatusOK)
}

func (a *API) listGroupNames(w http.ResponseWriter, r *http.Request) {
	all, err := a.Groups.ListGroups(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	type name struct {
		Group string `json:"groupname"`
	}
	out := []name{}
	for _, g := range all {
		out = append(out, name{g.Name})
	}
	reply.JSON(w, http.StatusOK, out)
}

func (a *API) usersInGroup(w http.ResponseWriter, r *http.Request) {
	g, err := a.group(r.Context(), r.PathValue("group"))
	if err != nil {
		a.fail(w, err)
		return
	}
	out := groupModel{Group: g.Name, Both: []string{}, In: []string{}, Out: []string{}}
	for _, m := range g.Members {
		switch {
		case m.In && m.Out:
			out.Both = append(out.Both, m.User)
		case m.In:
			out.In = append(out.In, m.User)
		default:
			out.Out = append(out.Out, m.User)
		}
	}
	reply.JSON(w, http.StatusOK, out)
}
