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
			again, err := l.carry(ctx, over)
			if err != nil || again {
				return err
			}
		}
	}
}

// tick brings murmurd in step with us, whatever may have been lost.
func (l *link) tick(ctx context.Context) error {
	for _, step := range []func(context.Context) error{l.start, l.renew, l.subscribe, l.repair, l.carryOut, l.reconcile} {
		if err := l.call(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

var errStopped = errors.New("its server was stopped")

// carry does what is noted. again says that the connection is to be made anew.
func (l *link) carry(ctx context.Context, over <-chan error) (again bool, err error) {
	t := l.a.notes.take()
	if t.stopped {
		return true, l.silent(ctx, over)
	}
	for session, reason := range t.kicks {
		err := l.call(ctx, func(ctx context.Context) error { return l.server.Kick(ctx, session, reason) })
		switch {
		case err == nil:
			l.a.n.kicked.Add(1)
		case !errors.Is(err, murmur.InvalidSession): // gone by itself
			l.a.notes.kick(session, reason) // once more on the next connection
			return false, err
		}
	}
	if t.plan {
		if err := l.call(ctx, l.carryOut); err != nil {
			return false, err
		}
	}
	if t.unknown {
		if err := l.call(ctx, l.reconcile); err != nil {
			return false, err
		}
	}
	for session := range t.changed {
		if err := l.call(ctx, func(ctx context.Context) error { return l.regroup(ctx, session) }); err != nil {
			return false, err
		}
	}
	return false, nil
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
	for _, u := range users {
		if l.a.seats.has(u.Session, u.UserID) || l.a.arrived(u) {
			continue
		}
		if l.adopt(ctx, u) {
			continue
		}
		if err := l.server.Kick(ctx, u.Session, "log in again"); err != nil && !errors.Is(err, murmur.InvalidSession) {
			return err
		}
	}
	return nil
}

// adopt takes over a session from before, by its certificate. Its groups are those
// of now.
func (l *link) adopt(ctx context.Context, u murmur.User) bool {
	certs, err := l.server.Certificates(ctx, u.Session)
	if err != nil || len(certs) == 0 {
		return false
	}
	p := parseName(u.Name)
	id, err := l.a.byCertificate(ctx, certs[0])
	if err != nil {
		return false
	}
	if !l.a.seats.resume(u, id, p.slot) || !l.a.arrived(u) {
		return false
	}
	for _, g := range groupsOf(id) {
		if err := l.server.Join(ctx, 0, u.Session, g); err != nil {
			return false
		}
	}
	return true
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
	ses, err := a.deps.Sessions.Follow(s.identity, auth.Use, auth.Server(), info,
		func(reason error) { a.notes.kick(u.Session, reasonOf(reason)) },
		func(id auth.Identity) { a.notes.change(u.Session) })
	if err != nil {
		a.notes.kick(u.Session, reasonOf(err))
		return true
	}
	if !a.seats.keep(u.Session, ses) {
		ses.Close() // it left meanwhile
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

// regroup gives a session the groups of now, and makes murmurd look again at what
// it may do in the channel it is in.
func (l *link) regroup(ctx context.Context, session int32) error {
	s := l.a.seats.of(session)
	if s == nil || s.ses == nil {
		return nil
	}
	now := s.ses.Identity()
	had, want := groupsOf(s.identity), groupsOf(now)
	lost := slices.DeleteFunc(slices.Clone(had), func(g string) bool { return slices.Contains(want, g) })
	won := slices.DeleteFunc(slices.Clone(want), func(g string) bool { return slices.Contains(had, g) })
	l.a.seats.rights(session, now)
	if len(lost) > 0 {
		if err := l.dropGroups(ctx); err != nil {
			return err
		}
	} else {
		for _, g := range won {
			if err := l.server.Join(ctx, 0, session, g); err != nil {
				return tolerate(err)
			}
		}
	}
	moved := append(lost, won...)
	if len(moved) == 0 {
		return nil
	}
	return l.reenter(ctx, session, now, moved)
}

// tolerate drops the error of a call about a session that has ended.
func tolerate(err error) error {
	if errors.Is(err, murmur.InvalidSession) {
		return nil
	}
	return err
}

// reenter takes a user whose rights in its channel changed to the root, and back
// if it may still hear the channel: murmurd looks at the right to speak only when
// somebody enters.
func (l *link) reenter(ctx context.Context, session int32, id auth.Identity, moved []string) error {
	users, err := l.server.Users(ctx)
	if err != nil {
		return err
	}
	u, ok := users[session]
	room, planned := l.room(ctx, u.Channel)
	if !ok || u.Channel == 0 || !planned || !slices.ContainsFunc(room.Groups, func(g string) bool {
		return slices.Contains(moved, inPrefix+g) || slices.Contains(moved, outPrefix+g)
	}) {
		return nil
	}
	back := u
	u.Channel = 0
	if err := l.server.SetState(ctx, u); err != nil {
		return tolerate(err)
	}
	mine := groupsOf(id)
	if slices.Contains(mine, adminGroup) || slices.ContainsFunc(room.Groups, func(g string) bool { return slices.Contains(mine, outPrefix+g) }) {
		return tolerate(l.server.SetState(ctx, back))
	}
	return nil
}
