package api

import (
	"context"
	"net/http"
	"time"

	"muster/internal/auth"
)

// User is an account as the API shows it.
type User struct {
	Name     string       `json:"name"`
	FullName string       `json:"fullName"`
	Email    string       `json:"email" doc:"Where links to choose a password, and to enrol, are sent; may be empty."`
	Role     auth.Role    `json:"role" enum:"member,operator,admin"`
	Disabled bool         `json:"disabled"`
	Password bool         `json:"password" doc:"Whether a password is set; without one only tokens and certificates open the account."`
	Origin   string       `json:"origin" doc:"Empty: kept here. ldap, or oidc: and the provider: kept there."`
	Created  time.Time    `json:"created"`
	Groups   []auth.Grant `json:"groups"`
}

func userOf(u auth.User) User {
	if u.Groups == nil {
		u.Groups = []auth.Grant{}
	}
	return User{Name: u.Name, FullName: u.FullName, Email: u.Email, Role: u.Role, Disabled: u.Disabled, Password: u.Password, Origin: u.Origin, Created: u.Created, Groups: u.Groups}
}

type usersOut struct {
	Body struct {
		Users []User `json:"users"`
	}
}

type userOut struct{ Body User }

// UserParam is the parameter of operations on one user.
type UserParam struct {
	Name string `path:"name" maxLength:"64" doc:"Login name."`
}

type newUserIn struct {
	Body struct {
		Name     string       `json:"name" maxLength:"64" doc:"Login name: letters, digits and @ . - _"`
		Password string       `json:"password,omitempty" maxLength:"256" doc:"Empty: only tokens and certificates open the account."`
		Role     auth.Role    `json:"role,omitempty" enum:"member,operator,admin" doc:"Empty: member."`
		FullName string       `json:"fullName,omitempty" maxLength:"500"`
		Email    string       `json:"email,omitempty" maxLength:"254"`
		Groups   []auth.Grant `json:"groups,omitempty" doc:"Left out: the default group, in and out. An empty list: no group."`
	}
}

type changeUserIn struct {
	UserParam
	Body struct {
		Role     *auth.Role `json:"role,omitempty" enum:"member,operator,admin"`
		FullName *string    `json:"fullName,omitempty" maxLength:"500"`
		Email    *string    `json:"email,omitempty" maxLength:"254" doc:"Empty: none."`
		Disabled *bool      `json:"disabled,omitempty"`
	}
}

type passwordIn struct {
	UserParam
	Body struct {
		Password string `json:"password" maxLength:"256" doc:"Empty: only tokens and certificates open the account from now on."`
	}
}

// MemberParam names a user and a group.
type MemberParam struct {
	UserParam
	Group string `path:"group" maxLength:"64"`
}

type grantIn struct {
	MemberParam
	Body struct {
		In  bool `json:"in" doc:"May publish to the group."`
		Out bool `json:"out" doc:"Receives what the group holds."`
	}
}

func (a *API) users() {
	register(a, admin, op("listUsers", http.MethodGet, "/users", "All users"),
		func(ctx context.Context, _ auth.Identity, _ *none) (*usersOut, error) {
			list, err := a.Users.ListUsers(ctx)
			if err != nil {
				return nil, err
			}
			out := &usersOut{}
			out.Body.Users = []User{}
			for _, u := range list {
				out.Body.Users = append(out.Body.Users, userOf(u))
			}
			return out, nil
		})
	add := op("addUser", http.MethodPost, "/users", "Add a user")
	add.DefaultStatus = http.StatusCreated
	register(a, admin, add, func(ctx context.Context, _ auth.Identity, in *newUserIn) (*userOut, error) {
		b := in.Body
		u, err := a.Users.AddUser(ctx, auth.NewUser{Name: b.Name, FullName: b.FullName, Email: b.Email, Role: b.Role, Password: b.Password, Groups: b.Groups})
		if err != nil {
			return nil, err
		}
		return &userOut{userOf(u)}, nil
	})
	register(a, admin, op("changeUser", http.MethodPatch, "/users/{name}", "Change a user's role, full name or mail address, close the account or open it again"), a.changeUser)
	register(a, admin, op("setPassword", http.MethodPut, "/users/{name}/password", "Set a user's password and end the sessions opened with the old one"),
		func(ctx context.Context, _ auth.Identity, in *passwordIn) (*none, error) {
			return nil, a.Users.SetPassword(ctx, in.Name, in.Body.Password)
		})
	register(a, admin, op("removeUser", http.MethodDelete, "/users/{name}", "Remove a user with tokens and sessions"),
		func(ctx context.Context, _ auth.Identity, in *UserParam) (*none, error) {
			return nil, a.removeUser(ctx, in.Name)
		})
	register(a, admin, op("grant", http.MethodPut, "/users/{name}/groups/{group}", "Set a user's rights in a group"),
		func(ctx context.Context, _ auth.Identity, in *grantIn) (*none, error) {
			if !in.Body.In && !in.Body.Out {
				return nil, a.Groups.Revoke(ctx, in.Name, in.Group)
			}
			return nil, a.Groups.Grant(ctx, in.Name, in.Group, in.Body.In, in.Body.Out)
		})
	register(a, admin, op("revoke", http.MethodDelete, "/users/{name}/groups/{group}", "Take a user out of a group"),
		func(ctx context.Context, _ auth.Identity, in *MemberParam) (*none, error) {
			return nil, a.Groups.Revoke(ctx, in.Name, in.Group)
		})
}

func (a *API) changeUser(ctx context.Context, _ auth.Identity, in *changeUserIn) (*userOut, error) {
	u, err := a.Users.User(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if in.Body.FullName != nil {
		if err := a.Profiles.SetProfile(ctx, u.Name, *in.Body.FullName, u.Notes); err != nil {
			return nil, err
		}
	}
	if in.Body.Email != nil && *in.Body.Email != u.Email {
		if err := a.Profiles.SetEmail(ctx, u.Name, *in.Body.Email); err != nil {
			return nil, err
		}
	}
	if in.Body.Role != nil && *in.Body.Role != u.Role {
		if err := a.Profiles.SetRole(ctx, u.Name, *in.Body.Role); err != nil {
			return nil, err
		}
	}
	if in.Body.Disabled != nil && *in.Body.Disabled != u.Disabled {
		if err := a.Profiles.SetDisabled(ctx, u.Name, *in.Body.Disabled); err != nil {
			return nil, err
		}
	}
	if u, err = a.Users.User(ctx, u.Name); err != nil {
		return nil, err
	}
	return &userOut{userOf(u)}, nil
}

// removeUser also puts the user's certificates on the revocation list, for
// those who check nothing else.
func (a *API) removeUser(ctx context.Context, name string) error {
	devices, err := a.Devices.ListDevices(ctx, name)
	if err != nil {
		return err
	}
	if err := a.Users.RemoveUser(ctx, name); err != nil {
		return err
	}
	for _, d := range devices {
		if a.Authority != nil && d.Revoked.IsZero() {
			if err := a.Authority.Revoke(d.Serial); err != nil {
				return err
			}
		}
	}
	return nil
}
