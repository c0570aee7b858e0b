package history

import (
	"context"
	"maps"
	"slices"

	"muster/cot"
	"muster/cot/wire"
)

// device says who uses a uid.
type device struct{ user, callsign string }

// maxDevices bounds the memory of who uses which uid.
const maxDevices = 100_000

func (s *Service) loadDevices(ctx context.Context) error {
	var rows []deviceRow
	if err := s.deps.DB.Query().NewSelect().Model(&rows).Limit(maxDevices).Scan(ctx); err != nil {
		return err
	}
	for _, r := range rows {
		s.devices[r.UID] = device{r.User, r.Callsign}
		if r.Callsign != "" {
			s.callsigns[r.Callsign] = r.UID
		}
	}
	return nil
}

// learn notes who sent e. Only the writer calls it.
func (s *Service) learn(e *cot.Event) {
	uid, d := e.From.UID, device{e.From.Identity.User, e.From.Callsign}
	if uid == "" || d.user == "" || s.devices[uid] == d {
		return
	}
	if len(s.devices) >= maxDevices {
		clear(s.devices)
		clear(s.callsigns)
	}
	if old := s.devices[uid]; s.callsigns[old.callsign] == uid {
		delete(s.callsigns, old.callsign)
	}
	s.devices[uid] = d
	if d.callsign != "" {
		s.callsigns[d.callsign] = uid
	}
	s.learning[uid] = deviceRow{UID: uid, User: d.user, Callsign: d.callsign}
}

// learnt returns what the database does not know yet, in the order of the key,
// so that two nodes do not lock each other out.
func (s *Service) learnt() []deviceRow {
	rows := make([]deviceRow, 0, len(s.learning))
	for _, uid := range slices.Sorted(maps.Keys(s.learning)) {
		rows = append(rows, s.learning[uid])
	}
	return rows
}

// owner returns the user of a uid, or "".
func (s *Service) owner(uid string) string {
	if d, ok := s.devices[uid]; ok {
		return d.user
	}
	if uid != "" && s.deps.Owner != nil {
		return s.deps.Owner(uid)
	}
	return ""
}

// readers lists the users that an event was addressed to, as far as they are
// known.
func (s *Service) readers(in intent, peer string) []string {
	out := []string{}
	add := func(user string) {
		if user != "" && !slices.Contains(out, user) {
			out = append(out, user)
		}
	}
	add(peer)
	for _, d := range in.people {
		add(s.owner(s.uidOf(d)))
	}
	return out
}

// uidOf returns the uid that a recipient is known by.
func (s *Service) uidOf(d wire.Dest) string {
	if d.UID != "" {
		return d.UID
	}
	return s.callsigns[d.Callsign]
}

// settlePeer makes sure that the other end of a direct message is somebody it was
// really sent to.
func (s *Service) settlePeer(in intent, c *chatRow) {
	if c.Kind != RoomDirect {
		return
	}
	uids := make([]string, 0, len(in.people))
	for _, d := range in.people {
		uids = append(uids, s.uidOf(d))
	}
	if len(uids) > 0 && !slices.Contains(uids, c.PeerUID) && uids[0] != "" {
		c.PeerUID = uids[0]
	}
	if len(uids) == 0 || slices.Contains(uids, c.PeerUID) {
		c.PeerUser = s.owner(c.PeerUID)
	}
}
