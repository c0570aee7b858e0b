package embedded

import (
	"context"
	"slices"

	"muster/voice"
	"muster/voice/murmur"
	"muster/voice/wire"
)

func channelOf(ch *wire.ChannelState) murmur.Channel {
	c := murmur.Channel{
		ID: int32(*ch.ID), Name: value(ch.Name), Parent: -1, Links: signed(ch.Links), Description: value(ch.Description),
		Temporary: value(ch.Temporary), Position: value(ch.Position),
	}
	if ch.Parent != nil {
		c.Parent = int32(*ch.Parent)
	}
	return c
}

// Channels implements door.Channels.
func (h *House) Channels(context.Context) ([]murmur.Channel, error) {
	srv, err := h.server()
	if err != nil {
		return nil, err
	}
	var out []murmur.Channel
	for _, ch := range srv.Tree() {
		out = append(out, channelOf(ch))
	}
	return out, nil
}

// AddChannel implements door.Channels.
func (h *House) AddChannel(_ context.Context, name string, parent int32) (id int32, err error) {
	err = h.with(func(srv *voice.Server) error {
		n, err := srv.AddChannel(name, unsigned(parent))
		id = int32(n)
		return err
	})
	return id, err
}

// SetChannel implements door.Channels. As with users, what differs is a wish.
func (h *House) SetChannel(_ context.Context, c murmur.Channel) error {
	return h.with(func(srv *voice.Server) error {
		all := srv.Tree()
		i := slices.IndexFunc(all, func(ch *wire.ChannelState) bool { return *ch.ID == unsigned(c.ID) })
		if i < 0 {
			return voice.ErrNoChannel
		}
		now := channelOf(all[i])
		m := &wire.ChannelState{
			ID: all[i].ID, Name: changed(now.Name, c.Name), Description: changed(now.Description, c.Description), Position: changed(now.Position, c.Position),
		}
		if c.Parent != now.Parent {
			m.Parent = new(unsigned(c.Parent))
		}
		m.LinksAdd, m.LinksRemove = without(c.Links, now.Links), without(now.Links, c.Links)
		return srv.EditChannel(m)
	})
}

// without returns those of all that are not in some.
func without(all, some []int32) (out []uint32) {
	for _, n := range all {
		if !slices.Contains(some, n) {
			out = append(out, unsigned(n))
		}
	}
	return out
}

// RemoveChannel implements door.Channels.
func (h *House) RemoveChannel(_ context.Context, id int32) error {
	return h.with(func(srv *voice.Server) error { return srv.RemoveChannel(unsigned(id)) })
}

// Broadcast implements door.Channels.
func (h *House) Broadcast(_ context.Context, channel int32, tree bool, text string) error {
	return h.with(func(srv *voice.Server) error {
		m, to := &wire.TextMessage{Text: new(text)}, []uint32{unsigned(channel)}
		if tree {
			m.Trees = to
		} else {
			m.Channels = to
		}
		return srv.Send(m)
	})
}

// Permissions implements door.Rights.
func (h *House) Permissions(_ context.Context, session, channel int32) (may int32, err error) {
	err = h.with(func(srv *voice.Server) error {
		p, err := srv.Permissions(unsigned(session), unsigned(channel))
		may = int32(p)
		return err
	})
	return may, err
}

// Join implements door.Rights.
func (h *House) Join(_ context.Context, channel, session int32, group string) error {
	return h.with(func(srv *voice.Server) error { return srv.JoinGroup(unsigned(session), unsigned(channel), group) })
}

// Leave implements door.Rights.
func (h *House) Leave(_ context.Context, channel, session int32, group string) error {
	return h.with(func(srv *voice.Server) error { return srv.LeaveGroup(unsigned(session), unsigned(channel), group) })
}

// Rules implements door.Rights.
func (h *House) Rules(_ context.Context, channel int32) (r murmur.Rules, err error) {
	err = h.with(func(srv *voice.Server) error {
		m, err := srv.AccessList(unsigned(channel))
		if err == nil {
			r = rulesOf(m)
		}
		return err
	})
	return r, err
}

func rulesOf(m *wire.ACL) murmur.Rules {
	r := murmur.Rules{Inherit: value(m.Inherit)}
	for _, g := range m.Groups {
		r.Groups = append(r.Groups, murmur.Group{
			Name: value(g.Name), Inherited: value(g.Inherited), Inherit: value(g.Inherit), Inheritable: value(g.Inheritable),
			Add: signed(g.Add), Remove: signed(g.Remove), Members: signed(slices.Concat(g.Add, g.InheritedMembers)),
		})
	}
	for _, a := range m.Rules {
		x := murmur.ACL{
			ApplyHere: value(a.Here), ApplySubs: value(a.Below), Inherited: value(a.Inherited), UserID: -1, Group: value(a.Group),
			Allow: int32(value(a.Grant)), Deny: int32(value(a.Deny)),
		}
		if a.UserID != nil {
			x.UserID = int32(*a.UserID)
		}
		r.ACLs = append(r.ACLs, x)
	}
	return r
}

// SetRules implements door.Rights.
func (h *House) SetRules(_ context.Context, channel int32, r murmur.Rules) error {
	m := &wire.ACL{Channel: new(unsigned(channel)), Inherit: new(r.Inherit)}
	for _, g := range r.Groups {
		m.Groups = append(m.Groups, wire.ACLGroup{Name: new(g.Name), Inherited: new(g.Inherited && len(g.Add) == 0), Inherit: new(g.Inherit), Inheritable: new(g.Inheritable), Add: unsigneds(g.Add)})
	}
	for _, a := range r.ACLs {
		x := wire.ACLRule{
			Here: new(a.ApplyHere), Below: new(a.ApplySubs), Inherited: new(a.Inherited), Grant: new(uint32(a.Allow)), Deny: new(uint32(a.Deny)),
		}
		if a.UserID >= 0 {
			x.UserID = new(uint32(a.UserID))
		} else {
			x.Group = new(a.Group)
		}
		m.Rules = append(m.Rules, x)
	}
	return h.with(func(srv *voice.Server) error { return srv.SetAccessList(m) })
}

func unsigneds(all []int32) []uint32 { return without(all, nil) }
