package marti

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/internal/auth"
)

// groupType is the type of envelopes about groups; ATAK looks for it.
const groupType = "com.bbn.marti.remote.groups.Group"

// maxGroups bounds the body of a choice of groups.
const maxGroups = 256 << 10

// group is one direction of a group, as TAK clients see it.
type group struct {
	Name        string `json:"name"`
	Direction   string `json:"direction"` // "IN" or "OUT", as seen from the server
	Created     string `json:"created"`
	Type        string `json:"type"`
	Bitpos      int    `json:"bitpos"`
	Active      bool   `json:"active"`
	Description string `json:"description"`
}

const (
	in  = "IN"
	out = "OUT"
)

// groups serves the channels of a client.
func (s *Server) groups() {
	s.api.HandleFunc("GET /Marti/api/groups/groupCacheEnabled", func(w http.ResponseWriter, _ *http.Request) {
		s.deps.Node.Envelope(w, "java.lang.Boolean", true)
	})
	s.api.HandleFunc("GET /Marti/api/groups/all", s.allGroups)
	s.api.HandleFunc("GET /Marti/api/groups", s.findGroups)
	s.api.HandleFunc("GET /Marti/api/groups/{name}/{direction}", s.oneGroup)
	s.api.HandleFunc("GET /Marti/api/groups/members", s.groupMembers)
	s.api.HandleFunc("GET /Marti/api/groups/user", admin(s.groupsOfUser))
	s.api.HandleFunc("PUT /Marti/api/groups/active", s.choose)
	s.api.HandleFunc("PUT /Marti/api/groups/activebits", s.chooseBits)
	s.api.HandleFunc("PUT /Marti/api/groups/activeForce", admin(s.chooseFor))
	s.api.HandleFunc("GET /Marti/api/groupprefix", func(w http.ResponseWriter, _ *http.Request) {
		s.deps.Node.Envelope(w, "java.lang.String", "")
	})
	// Rights come from the register of users with each login; there is nothing
	// to be read again.
	s.api.HandleFunc("POST /Marti/api/groups/update", func(w http.ResponseWriter, _ *http.Request) {
		s.deps.Node.Envelope(w, "java.lang.Boolean", true)
	})
	s.api.HandleFunc("GET /Marti/api/groups/update/{username}", admin(func(w http.ResponseWriter, _ *http.Request) {
		s.deps.Node.Envelope(w, "java.lang.Boolean", true)
	}))
	s.api.HandleFunc("GET /Marti/api/users/all", admin(s.allUsers))
}

// fail answers for an error of the services below.
func (s *Server) fail(w http.ResponseWriter, what string, err error) {
	switch {
	case errors.Is(err, auth.ErrNotFound):
		reply.Error(w, http.StatusNotFound, "There is none of that name.")
	case errors.Is(err, auth.ErrInvalid):
		reply.Error(w, http.StatusBadRequest, "The request is not valid.")
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "You do not have the right to do this.")
	default:
		s.log.Error(what, "error", err)
		reply.Error(w, http.StatusInternalServerError, "The server could not do this.")
	}
}

// known returns the register of groups by name.
func (s *Server) known(ctx context.Context) (map[string]auth.Group, error) {
	list, err := s.deps.Directory.ListGroups(ctx)
	if err != nil {
		return nil, err
	}
	m := make(map[string]auth.Group, len(list))
	for _, g := range list {
		m[g.Name] = g
	}
	return m, nil
}

// entry describes one direction of a group. What is not on the register, such as
// the group of anonymous clients, has no bit.
func entry(name, direction string, g auth.Group, active bool) group {
	e := group{Name: name, Direction: direction, Type: "SYSTEM", Bitpos: g.Bit, Active: active, Description: g.Description}
	created := g.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	e.Created = created.UTC().Format(time.DateOnly)
	return e
}

// entries lists the directions of channels.
func (s *Server) entries(ctx context.Context, channels []cot.Channel) ([]group, error) {
	known, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	list := []group{}
	for _, c := range channels {
		if c.Out {
			list = append(list, entry(c.Group, out, known[c.Group], c.ActiveOut))
		}
		if c.In {
			list = append(list, entry(c.Group, in, known[c.Group], c.ActiveIn))
		}
	}
	return list, nil
}

// clientUID reads the parameter as clients spell it.
func clientUID(r *http.Request) string {
	q := reply.Fold(r)
	return q.Get("clientuid")
}

func (s *Server) allGroups(w http.ResponseWriter, r *http.Request) {
	id, uid := reply.From(r).Identity, clientUID(r)
	var list []group
	var err error
	if r.URL.Query().Get("useCache") != "true" && isAdmin(r) {
		list, err = s.everyGroup(r.Context())
	} else {
		var channels []cot.Channel
		if channels, err = s.deps.Switch.Channels(r.Context(), id, uid); err == nil {
			list, err = s.entries(r.Context(), channels)
		}
	}
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	if r.URL.Query().Get("sendLatestSA") == "true" {
		for _, u := range s.devices(id, uid) {
			s.deps.Switch.ResendPositions(u)
		}
	}
	s.deps.Node.Envelope(w, groupType, list)
}

// devices returns the connected devices of id: the one with uid, if it is given
// and theirs, else all.
func (s *Server) devices(id auth.Identity, uid string) []string {
	own := s.deps.Router.Resolve("", id.User)
	if uid == "" {
		return own
	}
	if slices.Contains(own, uid) {
		return []string{uid}
	}
	return nil
}

func (s *Server) everyGroup(ctx context.Context) ([]group, error) {
	all, err := s.deps.Directory.ListGroups(ctx)
	if err != nil {
		return nil, err
	}
	list := []group{}
	for _, g := range all {
		list = append(list, entry(g.Name, out, g, true), entry(g.Name, in, g, true))
	}
	return list, nil
}

// findGroups lists groups whose name contains groupNameFilter: all for
// administrators, their own for others.
func (s *Server) findGroups(w http.ResponseWriter, r *http.Request) {
	list, err := s.visible(r)
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	want := strings.ToLower(r.URL.Query().Get("groupNameFilter"))
	list = slices.DeleteFunc(list, func(g group) bool { return !strings.Contains(strings.ToLower(g.Name), want) })
	s.deps.Node.Envelope(w, groupType, list)
}

func (s *Server) visible(r *http.Request) ([]group, error) {
	if isAdmin(r) {
		return s.everyGroup(r.Context())
	}
	channels, err := s.deps.Switch.Channels(r.Context(), reply.From(r).Identity, clientUID(r))
	if err != nil {
		return nil, err
	}
	return s.entries(r.Context(), channels)
}

func (s *Server) oneGroup(w http.ResponseWriter, r *http.Request) {
	list, err := s.visible(r)
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	for _, g := range list {
		if g.Name == r.PathValue("name") && strings.EqualFold(g.Direction, r.PathValue("direction")) {
			s.deps.Node.Envelope(w, groupType, g)
			return
		}
	}
	reply.Error(w, http.StatusNotFound, "Not Found: there is no such group.")
}

// groupMembers lists who is in the groups that the caller reads.
func (s *Server) groupMembers(w http.ResponseWriter, r *http.Request) {
	known, err := s.known(r.Context())
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	id := reply.From(r).Identity
	members := []string{}
	want := r.URL.Query().Get("groupNameFilter")
	for _, g := range known {
		if want != "" && g.Name != want || auth.Allow(id, auth.Read, auth.Data(g.Name, []string{g.Name})) != nil {
			continue
		}
		for _, m := range g.Members {
			if !slices.Contains(members, m.User) {
				members = append(members, m.User)
			}
		}
	}
	slices.Sort(members)
	s.deps.Node.Envelope(w, "java.lang.String", members)
}

func (s *Server) groupsOfUser(w http.ResponseWriter, r *http.Request) {
	u, err := s.deps.Directory.User(r.Context(), r.URL.Query().Get("username"))
	if err != nil {
		s.fail(w, "a user could not be read", err)
		return
	}
	list, err := s.entries(r.Context(), rights(u.Groups))
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	s.deps.Node.Envelope(w, groupType, list)
}

func rights(grants []auth.Grant) []cot.Channel {
	var list []cot.Channel
	for _, g := range grants {
		list = append(list, cot.Channel{Group: g.Group, In: g.In, Out: g.Out, ActiveIn: g.In, ActiveOut: g.Out})
	}
	return list
}

func (s *Server) allUsers(w http.ResponseWriter, r *http.Request) {
	users, err := s.deps.Directory.ListUsers(r.Context())
	if err != nil {
		s.fail(w, "the users could not be read", err)
		return
	}
	type user struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	}
	list := []user{}
	for _, u := range users {
		list = append(list, user{u.Name, u.Name})
	}
	s.deps.Node.Envelope(w, "com.bbn.marti.remote.groups.User", list)
}

// choose takes the list of allGroups with changed active flags.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) {
	s.chosen(w, r, reply.From(r).Identity, clientUID(r))
}

// chooseFor is choose for another user's devices.
func (s *Server) chooseFor(w http.ResponseWriter, r *http.Request) {
	u, err := s.deps.Directory.User(r.Context(), r.URL.Query().Get("username"))
	if err != nil {
		s.fail(w, "a user could not be read", err)
		return
	}
	s.chosen(w, r, auth.Identity{User: u.Name, Role: u.Role, Groups: u.Groups}, clientUID(r))
}

func (s *Server) chosen(w http.ResponseWriter, r *http.Request, id auth.Identity, uid string) {
	body, err := reply.Body(w, r, maxGroups)
	if err != nil {
		return
	}
	var list []group
	if err := json.Unmarshal(body, &list); err != nil {
		reply.Error(w, http.StatusBadRequest, "The body is not a list of groups.")
		return
	}
	s.apply(w, r, id, uid, func(c *cot.Channel) {
		for _, g := range list {
			switch {
			case g.Name != c.Group:
			case strings.EqualFold(g.Direction, in):
				c.ActiveIn = g.Active && c.In
			case strings.EqualFold(g.Direction, out):
				c.ActiveOut = g.Active && c.Out
			}
		}
	})
}

// apply lets change look at each channel of a device and makes the outcome count.
func (s *Server) apply(w http.ResponseWriter, r *http.Request, id auth.Identity, uid string, change func(*cot.Channel)) {
	channels, err := s.deps.Switch.Channels(r.Context(), id, uid)
	if err == nil {
		for i := range channels {
			c := &channels[i]
			change(c)
			// A direction without the right goes with the other one: were it
			// given the right later, it should not be off because it had none.
			switch {
			case !c.In:
				c.ActiveIn = c.ActiveOut
			case !c.Out:
				c.ActiveOut = c.ActiveIn
			}
		}
		err = s.deps.Switch.SetChannels(r.Context(), id, uid, channels)
	}
	if err != nil {
		s.fail(w, "the choice of groups could not be stored", err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// chooseBits takes the bit positions of the groups that are to be active.
func (s *Server) chooseBits(w http.ResponseWriter, r *http.Request) {
	body, err := reply.Body(w, r, maxGroups)
	if err != nil {
		return
	}
	var bits []int
	if err := json.Unmarshal(body, &bits); err != nil {
		reply.Error(w, http.StatusBadRequest, "The body is not a list of bit positions.")
		return
	}
	known, err := s.known(r.Context())
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	s.apply(w, r, reply.From(r).Identity, clientUID(r), func(c *cot.Channel) {
		on := slices.Contains(bits, known[c.Group].Bit)
		c.ActiveIn, c.ActiveOut = on && c.In, on && c.Out
	})
}
