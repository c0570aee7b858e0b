package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/cot"
	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media/mcu"
	"muster/sip"
	"muster/voice"
	"muster/voice/alarm"
	"muster/web/api"
)

// emergencyOwner owns the rooms that are made for emergencies. No user can be
// called so.
const emergencyOwner = "muster:emergencies"

// responder does what the rules for emergencies decide. It implements alarm.Rooms
// and alarm.Callers.
type responder house

// openAlarm makes the desk that watches the emergencies of the TAK server.
func (h *house) openAlarm() {
	h.alarm = alarm.New(alarm.Deps{Alerts: h.tak.router, Rooms: (*responder)(h), Callers: (*responder)(h), Bus: h.bus, Log: h.log})
}

// emergencyRoom is the name of the room that is made for e: the same each time,
// so that it is found again after a restart.
func emergencyRoom(e *cot.Emergency) string {
	const most = 40
	sum := sha256.Sum256([]byte(e.UID))
	name := roomName(e.Callsign, "alert")
	return "sos-" + name[:min(len(name), most)] + "-" + hex.EncodeToString(sum[:4])
}

// Open implements alarm.Rooms.
func (r *responder) Open(ctx context.Context, e *cot.Emergency, rule *alarm.Rule, again bool) (name, title string, err error) {
	self := auth.System(emergencyOwner)
	if rule.Room != "" {
		s, err := r.rooms.Find(self, rule.Room)
		return s.Name.String(), s.Title, err
	}
	want := mcu.Settings{
		Title: alarmed(e), Groups: slices.Clone(e.Groups),
		Hosts: slices.DeleteFunc(slices.Clone(rule.Users), func(u string) bool { return u == alarm.Everybody }),
	}
	if want.Name, err = safename.Parse(emergencyRoom(e)); err != nil {
		return "", "", err
	}
	name = want.Name.String()
	s, err := r.rooms.Find(self, name)
	switch {
	case err != nil && again:
		return "", "", err
	case err != nil:
		s, err = r.rooms.Create(ctx, self, want)
	case s.Owner != self.User:
		return "", "", fmt.Errorf("the room %s: %w", name, mcu.ErrTaken)
	case !again: // the same device has raised one before
		s, err = r.rooms.Update(ctx, self, name, func(s *mcu.Settings) { s.Title, s.Groups, s.Hosts = want.Title, want.Groups, want.Hosts })
	}
	return name, s.Title, err
}

// alarmed says who needs what.
func alarmed(e *cot.Emergency) string { return e.Kind + ": " + e.Callsign }

// notice says what has become of an emergency.
func notice(e *cot.Emergency, t mcu.NoticeType) string {
	if t == mcu.NoticeCancelled {
		return alarmed(e) + ", cancelled"
	}
	return fmt.Sprintf("%s, at %.5f %.5f", alarmed(e), e.Point.Lat, e.Point.Lon)
}

// Tell implements alarm.Rooms.
func (r *responder) Tell(room string, e *cot.Emergency, t mcu.NoticeType) {
	if m := r.rooms.Live(room); m != nil {
		m.Tell(notice(e, t), mcu.Notice{Type: t, Kind: e.Kind, Callsign: e.Callsign})
	}
}

// Record implements alarm.Rooms.
func (r *responder) Record(room string) error {
	mod, err := r.rooms.Moderator(auth.System(emergencyOwner), room)
	if err != nil {
		return err
	}
	return mod.Record(true)
}

// Invite implements alarm.Callers.
func (r *responder) Invite(room, user, from string) int {
	if user == alarm.Everybody {
		return r.notify.CallAll(room, from)
	}
	return r.notify.Call(user, room, from)
}

// Dial implements alarm.Callers. A number that is being called into the room, or
// is in it, is not called once more.
func (r *responder) Dial(ctx context.Context, room, number, owner string) error {
	srv := r.sip.Load()
	if srv == nil {
		return api.ErrNoPhones
	}
	id, err := r.auth.Current(ctx, auth.Identity{User: owner})
	if err != nil {
		return err
	}
	if _, err := r.rooms.Find(id, room); err != nil {
		return fmt.Errorf("%w: %s may not enter the room", auth.ErrDenied, owner)
	}
	if slices.ContainsFunc(srv.DialOuts(room), func(d sip.DialOut) bool { return d.To == number && d.State != sip.DialOver }) {
		return nil
	}
	_, err = srv.Dial(ctx, id, room, number)
	return err
}

// Recall implements alarm.Callers.
func (r *responder) Recall(room, owner string, numbers []string) {
	srv := r.sip.Load()
	if srv == nil {
		return
	}
	for _, d := range srv.DialOuts(room) {
		if (d.State == sip.DialCalling || d.State == sip.DialRinging) && strings.EqualFold(d.By, owner) && slices.Contains(numbers, d.To) {
			srv.EndDialOut(room, d.ID)
		}
	}
}

// seers is what the right to see e is asked for.
func seers(e *cot.Emergency) auth.Resource { return auth.Data("emergency", e.Groups) }

// Text implements alarm.Callers.
func (r *responder) Text(e *cot.Emergency, title string, t mcu.NoticeType) int {
	srv := r.radio.srv.Load()
	if srv == nil {
		return 0
	}
	text := notice(e, t)
	if t == mcu.NoticeEmergency {
		text += ". Channel: " + title
	}
	return srv.Alert(seers(e), text)
}

// Move implements alarm.Callers.
func (r *responder) Move(e *cot.Emergency, room string) error {
	srv := r.radio.srv.Load()
	if srv == nil {
		return nil
	}
	_, err := srv.Summon(seers(e), auth.RoomStreams+room)
	if errors.Is(err, voice.ErrNoChannel) {
		return mcu.ErrNotFound
	}
	return err
}
