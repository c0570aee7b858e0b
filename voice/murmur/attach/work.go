package attach

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"muster/internal/auth"
	"muster/voice/murmur"
)

// work does what the notes say until the connection ends or ctx does.
func (l *link) work(ctx context.Context, over <-chan error) error {
	renew := time.NewTicker(l.a.renew)
	defer renew.Stop()
	for {
		again, err := l.carry(ctx, over)
		if err != nil || again {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-over:
			return err
		case <-renew.C:
			if err := l.tick(ctx); err != nil {
				return err
			}
		case <-l.a.notes.wake:
		}
	}
}

// tick brings murmurd in step with us, whatever may have been lost.
func (l *link) tick(ctx context.Context) error {
	for _, step := range []func(context.Context) error{l.start, l.renew, l.subscribe, l.repair, l.carryOut, l.reconcile} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

var errStopped = errors.New("its server was stopped")

// carry does what is noted. again says that the connection is to be made anew.
// What could not be done is done on the next connection.
func (l *link) carry(ctx context.Context, over <-chan error) (again bool, err error) {
	t := l.a.notes.take()
	if t.stopped {
		l.quiet = true
		return true, l.silent(ctx, over)
	}
	if err := l.do(ctx, t); err != nil {
		l.a.notes.back(t)
		return false, err
	}
	return false, nil
}

func (l *link) do(ctx context.Context, t taken) error {
	for session, reason := range t.kicks {
		err := l.server.Kick(ctx, session, reason)
		if tolerate(err) != nil {
			return err
		}
		if err == nil {
			l.a.n.kicked.Add(1)
		}
		delete(t.kicks, session)
	}
	if t.plan {
		if err := l.carryOut(ctx); err != nil {
			return err
		}
	}
	if t.unknown {
		if err := l.reconcile(ctx); err != nil {
			return err
		}
	}
	if err := l.grant(ctx, t.wishes); err != nil {
		return err
	}
	return l.regroup(ctx, t.changed)
}

// grant does what hosts of rooms want of sessions.
func (l *link) grant(ctx context.Context, wishes map[int32]wish) error {
	if len(wishes) == 0 {
		return nil
	}
	users, err := l.server.Users(ctx)
	if err != nil {
		return err
	}
	for session, w := range wishes {
		u, ok := users[session]
		if !ok {
			continue
		}
		if w.mute != nil {
			u.Mute = *w.mute
		}
		if w.to != nil {
			u.Channel = *w.to
		}
		if w.mute != nil || w.to != nil {
			if err := tolerate(l.server.SetState(ctx, u)); err != nil {
				return err
			}
		}
		if w.text != "" {
			if err := tolerate(l.server.SendMessage(ctx, session, w.text)); err != nil {
				return err
			}
		}
		delete(wishes, session)
	}
	return nil
}

// silent waits without calling: a murmurd on its way out says that its server has
// stopped, answers nothing after that, and hangs on calls that wait. Only if it
// stays was it the server alone.
func (l *link) silent(ctx context.Context, over <-chan error) error {
	after := time.NewTimer(l.a.pause)
	defer after.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-over:
			return err
		case <-after.C:
			return errStopped
		case <-l.a.notes.wake:
			l.a.notes.mu.Lock()
			started := l.a.notes.started
			l.a.notes.mu.Unlock()
			if started {
				return errStopped
			}
		}
	}
}

// reconcile compares who is connected with who logged in through us: callbacks
// can be lost. Whoever is unknown has a certificate that proves who it is, or has
// to log in again.
func (l *link) reconcile(ctx context.Context) error {
	users, err := l.server.Users(ctx)
	if err != nil {
		return err
	}
	for _, s := range l.a.seats.gone(users) {
		l.a.notes.gone(s.session)
		s.close()
	}
	adopted := make(map[int32]auth.Identity)
	for _, u := range users {
		if l.a.seats.has(u.Session, u.UserID) || l.a.arrived(u) {
			continue
		}
		if id, ok := l.adopt(ctx, u); ok {
			adopted[u.Session] = id
			continue
		}
		if err := l.server.Kick(ctx, u.Session, "log in again"); err != nil && !errors.Is(err, murmur.InvalidSession) {
			return err
		}
	}
	if len(adopted) == 0 {
		return nil
	}
	if err := l.dropGroups(ctx); err != nil { // it has those of its login
		return err
	}
	return l.reenter(ctx, adopted)
}

// adopt takes over a session from before, by its certificate.
func (l *link) adopt(ctx context.Context, u murmur.User) (auth.Identity, bool) {
	certs, err := l.server.Certificates(ctx, u.Session)
	if err != nil || len(certs) == 0 {
		return auth.Identity{}, false
	}
	id, err := l.a.byCertificate(ctx, certs[0])
	if err != nil {
		return auth.Identity{}, false
	}
	return id, l.a.seats.resume(u, id, parseName(u.Name).slot) && l.a.arrived(u)
}

// arrived registers a session whose login was let in, and reports whether there
// was such a login. It calls nothing at murmurd.
func (a *Attachment) arrived(u murmur.User) bool {
	s, old := a.seats.sit(u)
	if old != nil {
		old()
	}
	if s == nil {
		return false
	}
	info := auth.SessionInfo{Protocol: "mumble", Agent: u.Release, Remote: remote(u.Address)}
	ses, err := a.deps.Sessions.Follow(s.identity, auth.Join, auth.Server(), info,
		func(reason error) { a.notes.kick(u.Session, reasonOf(reason)) },
		func(id auth.Identity) { a.notes.change(u.Session) })
	if err != nil {
		a.notes.kick(u.Session, reasonOf(err))
		return true
	}
	switch {
	case !a.seats.keep(u.Session, ses):
		ses.Close() // it left meanwhile
	case !slices.Equal(groupsOf(ses.Identity()), groupsOf(s.identity)):
		a.notes.change(u.Session) // its rights changed while it logged in
	}
	return true
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, auth.ErrKicked):
		return "ended by an administrator"
	case errors.Is(err, auth.ErrExpired):
		return "the certificate or token has expired"
	}
	return "access was taken away"
}

func remote(b []byte) netip.AddrPort {
	addr, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), 0)
}

// regroup gives sessions the groups of now, and makes murmurd look again at what
// they may do in the channels they are in.
func (l *link) regroup(ctx context.Context, sessions map[int32]bool) error {
	changed := make(map[int32]auth.Identity)
	won := make(map[int32][]string)
	lost := false
	for session := range sessions {
		s := l.a.seats.of(session)
		if s == nil || s.ses == nil {
			continue
		}
		now := s.ses.Identity()
		had, want := groupsOf(s.identity), groupsOf(now)
		l.a.seats.rights(session, now)
		if slices.Equal(had, want) {
			continue
		}
		changed[session] = now
		won[session] = slices.DeleteFunc(slices.Clone(want), func(g string) bool { return slices.Contains(had, g) })
		lost = lost || slices.ContainsFunc(had, func(g string) bool { return !slices.Contains(want, g) })
	}
	if len(changed) == 0 {
		return nil
	}
	l.a.half = true
	if lost {
		if err := l.dropGroups(ctx); err != nil {
			return err
		}
	} else if err := l.join(ctx, won); err != nil {
		return err
	}
	if err := l.reenter(ctx, changed); err != nil {
		return err
	}
	l.a.half = false
	return nil
}

// finish does what a connection that ended left half done.
func (l *link) finish(ctx context.Context) error {
	if !l.a.half {
		return nil
	}
	if err := l.dropGroups(ctx); err != nil {
		return err
	}
	all := make(map[int32]auth.Identity)
	for _, s := range l.a.seats.list() {
		all[s.session] = s.identity
	}
	if err := l.reenter(ctx, all); err != nil {
		return err
	}
	l.a.half = false
	return nil
}

// join puts sessions into groups.
func (l *link) join(ctx context.Context, groups map[int32][]string) error {
	for session, all := range groups {
		for _, g := range all {
			if err := l.server.Join(ctx, 0, session, g); tolerate(err) != nil {
				return err
			}
		}
	}
	return nil
}

// tolerate drops the error of a call about a session that has ended.
func tolerate(err error) error {
	if errors.Is(err, murmur.InvalidSession) {
		return nil
	}
	return err
}

// reenter makes murmurd look again at what people may do in the channels they are
// in: it looks at the right to enter and to speak only when somebody enters.
func (l *link) reenter(ctx context.Context, who map[int32]auth.Identity) error {
	users, err := l.server.Users(ctx)
	if err != nil {
		return err
	}
	channels, err := l.server.Channels(ctx)
	if err != nil {
		return err
	}
	for session, id := range who {
		u, ok := users[session]
		if !ok {
			continue
		}
		room, ok := l.room(channels, u.Channel)
		if !ok {
			continue
		}
		if err := l.enter(ctx, u, groupsOf(id), room); tolerate(err) != nil {
			return err
		}
	}
	return nil
}

// enter makes a user who has these groups leave a channel, and come back if it may
// hear it, unless all is as it shall be.
func (l *link) enter(ctx context.Context, u murmur.User, groups []string, room Channel) error {
	may := func(prefix string) bool {
		return slices.Contains(groups, adminGroup) || slices.ContainsFunc(room.Groups, func(g string) bool { return slices.Contains(groups, prefix+g) })
	}
	hear, speak := may(outPrefix), may(inPrefix)
	if hear && u.Suppress != speak {
		return nil
	}
	back := u
	u.Channel = 0
	if err := l.server.SetState(ctx, u); err != nil || !hear {
		return err
	}
	return l.server.SetState(ctx, back)
}
