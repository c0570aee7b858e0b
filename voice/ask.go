package voice

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"muster/voice/ocb2"
	"muster/voice/wire"
)

const (
	// maxListed is how many names a list of users holds.
	maxListed = 5000
	// maxAsked is how many users or channels one request may ask about.
	maxAsked = 256
)

// handleBlobs sends what was announced by its hash. Clients ask for everything at
// one time, so it goes out as fast as the client takes it.
func (c *conn) handleBlobs(ctx context.Context, m *wire.RequestBlob) error {
	if len(m.Textures)+len(m.Comments)+len(m.Descriptions) > maxBlobsAsked {
		c.deny(deny("too much at one time"))
		return nil
	}
	for _, a := range c.s.blobs(c.u, m) {
		if err := c.untilTaken(ctx); err != nil {
			return err
		}
		c.reply(a)
	}
	return nil
}

// untilTaken waits until little waits for the client. One that takes nothing
// counts as silent, for it is not read from meanwhile.
func (c *conn) untilTaken(ctx context.Context) error {
	last := c.out.waiting()
	if last <= maxBlobs {
		return nil
	}
	t := time.NewTicker(blobPause)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			n := c.out.waiting()
			if n <= maxBlobs {
				return nil
			}
			if n < last {
				c.heard.Store(now.UnixNano())
			}
			last = n
			if c.ended.Load() != nil {
				return net.ErrClosed
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

const (
	maxBlobsAsked = 4096
	blobPause     = 20 * time.Millisecond
)

// blobs returns the answers to a RequestBlob. They share the texts and pictures.
func (s *Server) blobs(u *user, m *wire.RequestBlob) (out []wire.Message) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.users[u.session] != u {
		return nil
	}
	for _, session := range m.Textures {
		if o := s.seen(u, session); o != nil && len(o.texture) > 0 {
			out = append(out, &wire.UserState{Session: new(session), Texture: o.texture})
		}
	}
	for _, session := range m.Comments {
		if o := s.seen(u, session); o != nil && o.comment != "" {
			out = append(out, &wire.UserState{Session: new(session), Comment: new(o.comment)})
		}
	}
	for _, id := range m.Descriptions {
		if ch := s.visible(u, id); ch != nil && ch.description != "" {
			out = append(out, &wire.ChannelState{ID: new(id), Description: new(ch.description)})
		}
	}
	return out
}

// counts returns what was decrypted of c's packets by UDP.
func (c *conn) counts() (n ocb2.Counts, resync uint32) {
	c.openMu.Lock()
	defer c.openMu.Unlock()
	return c.opener.Counts(), c.resync
}

// userStats answers the information dialog. Address and certificate are for
// operators and the user itself. The caller holds mu.
func (s *Server) userStats(u *user, m *wire.UserStats) error {
	o := s.seen(u, value(m.Session))
	if o == nil {
		return nil
	}
	now := time.Now()
	a := &wire.UserStats{Session: m.Session, StatsOnly: m.StatsOnly, Online: new(uint32(now.Sub(o.begun).Seconds())), Opus: new(true)}
	if t := o.spoke.Load(); t != 0 {
		a.Idle = new(uint32(now.Sub(time.Unix(0, t)).Seconds()))
	} else {
		a.Idle = a.Online
	}
	if c := o.c; c != nil {
		n, resync := c.counts()
		a.FromClient = &wire.PacketCounts{Good: new(n.Good), Late: new(n.Late), Lost: new(n.Lost), Resync: new(resync)}
		c.statMu.Lock()
		p := c.ping
		c.statMu.Unlock()
		a.FromServer = &wire.PacketCounts{Good: new(value(p.Good)), Late: new(value(p.Late)), Lost: new(value(p.Lost)), Resync: new(value(p.Resync))}
		a.UDPPackets, a.TCPPackets = p.UDPPackets, p.TCPPackets
		a.UDPPingAvg, a.UDPPingVar, a.TCPPingAvg, a.TCPPingVar = p.UDPPingAvg, p.UDPPingVar, p.TCPPingAvg, p.TCPPingVar
		if !isTrue(m.StatsOnly) {
			a.Version, a.StrongCert = &c.version, new(o.strong)
			if o == u || u.class.operates || u.class.admin {
				addr := c.remote.Addr().As16()
				a.Address = addr[:]
				for _, cert := range c.certs {
					a.Certificates = append(a.Certificates, cert.Raw)
				}
			}
		}
	}
	u.c.reply(a)
	return nil
}

// names returns the login names of all accounts that the user of c may be told
// of, by number: those it sees, and all where it administers the server.
func (c *conn) names(ctx context.Context) (admin bool, names map[uint32]string) {
	s := c.s
	names = make(map[uint32]string)
	s.mu.RLock()
	admin = s.permissions(c.u, s.root)&wire.Register != 0
	for _, o := range s.users {
		if o.c != nil && (admin || s.sees(c.u, o)) {
			names[o.userID] = o.id.User
		}
	}
	s.mu.RUnlock()
	if !admin || s.deps.People == nil {
		return admin, names
	}
	all, err := s.deps.People.Names(ctx)
	if err != nil {
		s.log.Warn("the names of accounts cannot be had", "error", err)
	}
	for _, n := range all {
		if len(names) < maxListed {
			names[AccountID(n)] = n
		}
	}
	return admin, names
}

// handleQueryUsers turns names into numbers and back, for the dialog of access
// lists. What it does not know it leaves out.
func (c *conn) handleQueryUsers(ctx context.Context, m *wire.QueryUsers) {
	if len(m.IDs)+len(m.Names) > maxAsked {
		return
	}
	_, known := c.names(ctx)
	a := &wire.QueryUsers{}
	for id, name := range known {
		if slices.Contains(m.IDs, id) || slices.ContainsFunc(m.Names, func(n string) bool { return strings.EqualFold(n, name) }) {
			a.IDs, a.Names = append(a.IDs, id), append(a.Names, name)
			c.s.mu.Lock()
			c.s.ids[id] = name
			c.s.mu.Unlock()
		}
	}
	c.reply(a)
}

// handleUserList tells the accounts of the house, which are changed there.
func (c *conn) handleUserList(ctx context.Context, m *wire.UserList) {
	admin, names := c.names(ctx)
	switch {
	case !admin:
		c.deny(lacks(wire.Register, c.s.root))
		return
	case len(m.Users) > 0:
		c.deny(deny("accounts are changed by the server's administration, not here"))
		return
	}
	a := &wire.UserList{}
	for id, name := range names {
		a.Users = append(a.Users, wire.ListedUser{ID: new(id), Name: new(name)})
	}
	slices.SortFunc(a.Users, func(x, y wire.ListedUser) int { return strings.Compare(*x.Name, *y.Name) })
	c.reply(a)
}

func (c *conn) deny(err error) {
	if d, ok := err.(*denied); ok {
		c.s.n.denied.Add(1)
		c.reply(d.message(c.u))
	}
}

// handleBans tells or sets the bans.
func (c *conn) handleBans(ctx context.Context, m *wire.BanList) error {
	s := c.s
	s.mu.RLock()
	may := s.permissions(c.u, s.root)&wire.BanUsers != 0
	s.mu.RUnlock()
	if !may {
		c.deny(lacks(wire.BanUsers, s.root))
		return nil
	}
	if isTrue(m.Query) {
		a := &wire.BanList{}
		for _, b := range s.bans.list(time.Now()) {
			nowhere := netip.IPv6Unspecified().As16()
			a.Bans = append(a.Bans, wire.BanEntry{
				Address: nowhere[:], Mask: new(uint32(128)), Name: new(b.Name), Hash: new(b.Hash), Reason: new(b.Reason),
				Start: new(b.Start.UTC().Format(banTime)), Duration: new(uint32(b.Length / time.Second)),
			})
		}
		c.reply(a)
		return nil
	}
	if !s.bans.set(m.Bans) {
		c.deny(deny(onlyPeople))
	}
	return ctx.Err()
}
