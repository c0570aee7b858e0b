package mcu

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/internal/store/storetest"
	"muster/media/codec/opus"
	"muster/media/mcu/floor"
)

// oneAtATime turns floor control on in a room without a clock.
func (st *stage) oneAtATime(seconds int) {
	s := *st.room.settings()
	s.Floor = seconds
	st.room.change(&s)
	st.floor.Load().over = true // no timer: time is made by hand
}

func (st *stage) holder() string { return st.floorState().Holder }

func silent(int) []byte { return nil }

func TestWhoHasTheFloorIsHeardAndTheOthersHearATone(t *testing.T) {
	st := openStage(t, 3)
	st.oneAtATime(60)
	a, b, c := st.cast[0], st.cast[1], st.cast[2]
	a.says, b.says, c.says = loudness(20), silent, silent
	tone := newHeard(t, ulaw)
	others := newHeard(t, ulaw)
	for p, h := range map[*Participant]*heard{b.in.p: tone, c.in.p: others} {
		out, err := p.Hear(ulaw, h.payload)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(out.Close)
	}
	st.until(t, a, 10)
	b.says = loudness(15) // louder does not count
	st.play(50)
	if st.holder() != a.in.p.ID || !a.in.audible || b.in.audible || b.in.slot.Load() >= 0 {
		t.Errorf("%q has the floor; heard: %t %t", st.holder(), a.in.audible, b.in.audible)
	}
	if in, out := tone.power(busyHz), others.power(busyHz); in < 0.1 || out > 0.02 {
		t.Errorf("the tone is %.3f of what is heard by who talks in vain, and %.3f for others", in, out)
	}
	a.says = silent
	st.play(30)
	if st.holder() != "" || b.in.audible {
		t.Errorf("who has talked in vain is heard without having let go; %q has the floor", st.holder())
	}
	b.says = silent
	st.play(30)
	st.floor.Load().passes(st.now)
	if b.in.p.busy.Load() {
		t.Error("the tone goes on")
	}
	b.says = loudness(20)
	st.until(t, b, 10)
	b.in.p.Leave(nil)
	if st.holder() != "" {
		t.Error("who has left has the floor")
	}
}

func TestAnEmergencyIsHeardAtOnce(t *testing.T) {
	st := openStage(t, 3)
	st.oneAtATime(5)
	a, b, c := st.cast[0], st.cast[1], st.cast[2]
	a.says, b.says, c.says = loudness(20), silent, silent
	st.until(t, a, 10)
	b.says = loudness(20)
	st.play(10)
	if err := a.in.p.SetEmergency(b.in.p.ID, true); !errors.Is(err, ErrHost) {
		t.Errorf("for another: %v", err)
	}
	if err := b.in.p.SetEmergency(b.in.p.ID, true); err != nil {
		t.Fatal(err)
	}
	st.until(t, b, 5)
	st.play(1)
	if f := st.floorState(); f.Holder != b.in.p.ID || !f.Emergency || !f.Until.IsZero() || a.in.audible || a.in.slot.Load() >= 0 {
		t.Errorf("%+v; who was cut off is heard: %t", f, a.in.audible)
	}
	st.play(6 * 50)
	if st.holder() != b.in.p.ID {
		t.Error("an emergency ends at the limit")
	}
	if err := b.in.p.SetEmergency(b.in.p.ID, false); err != nil {
		t.Fatal(err)
	}
	st.play(6 * 50)
	if st.holder() != "" || b.in.audible || !b.in.p.busy.Load() {
		t.Errorf("%q talks on behind the limit", st.holder())
	}
}

// TestPacketsThatSayHowLoudTheyAre come from browsers and Mumble users.
func TestPacketsThatSayHowLoudTheyAre(t *testing.T) {
	st := openStage(t, 2)
	st.oneAtATime(60)
	a, b := st.cast[0].in, st.cast[1].in
	n := uint16(0)
	say := func(in *AudioIn, level uint8) bool {
		n++
		st.now = st.now.Add(tickEvery)
		return in.write(&Sound{Seq: n, Timestamp: uint32(n) * frame, Payload: []byte{0, 1, 20}, HasLevel: true, Level: level}, st.now)
	}
	if say(a, 20) || st.holder() != "" {
		t.Error("a click takes the floor")
	}
	say(a, 20)
	say(a, 20)
	if !say(a, 20) || st.holder() != a.p.ID {
		t.Error("a syllable does not take the floor")
	}
	if !say(a, 90) {
		t.Error("the end of a word is cut off")
	}
	if say(b, 90) || b.p.busy.Load() {
		t.Error("an open microphone talks")
	}
	b.p.kind = Mumble
	if say(b, radioLevel) || !b.p.busy.Load() {
		t.Error("a Mumble user is heard beside who has the floor")
	}
	if b.LetGo() || b.p.busy.Load() || !a.LetGo() || st.holder() != "" {
		t.Error("letting go does not free the floor")
	}
	if !say(b, radioLevel) || st.holder() != b.p.ID {
		t.Error("the first packet of a Mumble user is lost")
	}
	if err := b.p.SetMuted(true); err != nil || st.holder() != "" {
		t.Errorf("the muted %q has the floor", st.holder())
	}
	feed := &AudioIn{sound: st.sound, p: &Participant{kind: Feed}}
	if !st.may(feed, true, st.now) || st.holder() != "" {
		t.Error("a stream on the stage needs the floor")
	}
}

func TestTheKeyToTalk(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, func(s *Settings) { s.Floor = 60 })
	a, ea := h.mustJoin(t, member("anna", true))
	b, eb := h.mustJoin(t, member("bert", true))
	l, _ := h.mustJoin(t, member("lena", false))
	if err := a.Talk(true); err != nil {
		t.Fatal(err)
	}
	if m, _ := a.Member(); m.Muted {
		t.Error("the microphone is off")
	}
	e, _ := eb.last(EventFloor)
	f, _ := e.Data.(FloorState)
	if f.Holder != a.ID || f.Until.Sub(f.Since) != time.Minute {
		t.Errorf("others are told %+v", f)
	}
	var busy *BusyError
	if err := b.Talk(true); !errors.As(err, &busy) || busy.Holder != a.ID || !errors.Is(err, ErrBusy) {
		t.Errorf("the second is answered %v", err)
	}
	if m, _ := b.Member(); !m.Muted || eb.count(EventBusy) > 0 {
		t.Error("the refused microphone is on, or talks in vain")
	}
	if err := l.Talk(true); !errors.Is(err, ErrListener) {
		t.Errorf("a listener is answered %v", err)
	}
	late, ec := h.mustJoin(t, admin)
	e, _ = ec.last(EventState)
	if s, _ := e.Data.(State); s.Floor.Holder != a.ID || s.Room.Floor != 60 {
		t.Errorf("who comes later is told %+v", s.Floor)
	}
	if err := late.Talk(true); err != nil { // a host
		t.Errorf("a host: %v", err)
	}
	e, _ = ea.last(EventBusy)
	if got, _ := e.Data.(Busy); !got.On || got.Reason != floor.Overridden || got.By != late.Name() {
		t.Errorf("who is cut off is told %+v", e.Data)
	}
	if err := a.Talk(false); err != nil {
		t.Fatal(err)
	}
	e, _ = ea.last(EventBusy)
	if got, _ := e.Data.(Busy); got.On {
		t.Error("the tone goes on without a key")
	}
	if err := late.Talk(false); err != nil {
		t.Fatal(err)
	}
	if err := b.Talk(true); err != nil {
		t.Errorf("the floor is not free: %v", err)
	}
	s, err := h.Update(t.Context(), admin, "briefing", func(s *Settings) { s.Floor = 0 })
	if err != nil || s.Floor != 0 {
		t.Fatal(s, err)
	}
	e, _ = ea.last(EventFloor)
	if f, _ := e.Data.(FloorState); f.Holder != "" {
		t.Errorf("when it is switched off all are told %+v", f)
	}
	if a.Talk(true) != nil || b.Talk(true) != nil {
		t.Error("the floor is refused where there is none")
	}
	for _, n := range []int{-1, 4, 601} {
		if _, err := h.Update(t.Context(), admin, "briefing", func(s *Settings) { s.Floor = n }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%d seconds: %v", n, err)
		}
	}
}

func TestEmergencies(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	id := member("anna", true)
	if err := h.Emergency(id, "briefing", true); !errors.Is(err, ErrGone) {
		t.Errorf("an empty room: %v", err)
	}
	a, _ := h.mustJoin(t, id)
	b, eb := h.mustJoin(t, member("bert", true))
	if err := h.Emergency(member("carl", true), "briefing", true); !errors.Is(err, ErrGone) {
		t.Errorf("somebody who is not there: %v", err)
	}
	if err := h.Emergency(auth.Identity{User: "dora", System: true}, "briefing", true); !errors.Is(err, ErrNotFound) {
		t.Errorf("somebody who may not enter: %v", err)
	}
	if err := h.Emergency(id, "briefing", true); err != nil {
		t.Fatal(err)
	}
	e, _ := eb.last(EventParticipant)
	if m, _ := e.Data.(Member); m.ID != a.ID || !m.Emergency || b.floorRank() != floor.Common || a.floorRank() != floor.Emergency {
		t.Errorf("others are told %+v", m)
	}
	mod, err := h.Moderator(admin, "briefing")
	if err != nil {
		t.Fatal(err)
	}
	if err := mod.SetEmergency(a.ID, false); err != nil {
		t.Fatal(err)
	}
	if m, _ := a.Member(); m.Emergency || a.floorRank() != floor.Common {
		t.Error("a host cannot end it")
	}
	b.SetPriority(true)
	if err := mod.SetRole(a.ID, Host); err != nil || a.floorRank() != floor.Priority || b.floorRank() != floor.Priority {
		t.Errorf("%v; ranks %v %v", err, a.floorRank(), b.floorRank())
	}
}

func TestWhoIsAlarmedIsInAnEmergencyEverywhere(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	account := func(name string) auth.Identity {
		id := member(name, true)
		id.System = false
		return id
	}
	a, ea := h.mustJoin(t, account("anna"))
	h.SetAlarmed([]string{"anna", "bert", ""})
	b, _ := h.mustJoin(t, account("bert"))
	caller, _ := h.mustJoin(t, member("caller", true)) // without an account
	emergencies := func() (out []bool) {
		for _, p := range []*Participant{a, b, caller} {
			m, _ := p.Member()
			out = append(out, m.Emergency)
		}
		return out
	}
	if got := emergencies(); !slices.Equal(got, []bool{true, true, false}) || b.floorRank() != floor.Emergency {
		t.Errorf("%v", got)
	}
	if e, _ := ea.last(EventParticipant); e.Data == nil {
		t.Error("nobody is told")
	}
	mod, err := h.Moderator(admin, "briefing")
	if err != nil {
		t.Fatal(err)
	}
	if err := mod.SetEmergency(a.ID, false); err != nil {
		t.Fatal(err)
	}
	h.SetAlarmed([]string{"anna"})
	if got := emergencies(); !slices.Equal(got, []bool{false, false, false}) {
		t.Errorf("when a host has ended it, and the other's is over: %v", got)
	}
}

// TestTheFloorIsFreeByItself: when nothing more comes, a timer frees it, and it does
// not run when nobody talks.
func TestTheFloorIsFreeByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		r := &Rooms{cfg: DefaultConfig(), log: log, deps: Deps{Bus: bus.New(), Log: log}}
		m := newRoom(r, &Settings{Name: safename.MustParse("briefing"), Floor: 5})
		m.rooms.deps.Log = log
		var all []*Participant
		var ears []*ear
		for _, id := range []string{"a", "b"} {
			e := &ear{}
			p := &Participant{ID: id, rooms: r, kind: Mumble, leg: e, log: log, role: Speaker}
			if err := m.enter(p); err != nil {
				t.Fatal(err)
			}
			all, ears = append(all, p), append(ears, e)
		}
		a, b := &AudioIn{sound: m.sound, p: all[0]}, &AudioIn{sound: m.sound, p: all[1]}
		for range 300 { // 6 s
			m.sound.may(a, true, time.Now())
			time.Sleep(20 * time.Millisecond)
		}
		if e, _ := ears[0].last(EventBusy); !e.Data.(Busy).On || e.Data.(Busy).Reason != floor.Limit || m.sound.floorState().Holder != "" {
			t.Errorf("%+v; %q has the floor", e.Data, m.sound.floorState().Holder)
		}
		m.sound.may(b, true, time.Now())
		time.Sleep(floor.Hang - time.Nanosecond)
		synctest.Wait()
		if m.sound.floorState().Holder != "b" {
			t.Error("a pause between words ends a turn")
		}
		time.Sleep(floor.Hang)
		synctest.Wait()
		if e, _ := ears[0].last(EventBusy); e.Data.(Busy).On || m.sound.floorState().Holder != "" {
			t.Errorf("%+v; %q has the floor", e.Data, m.sound.floorState().Holder)
		}
		c := m.sound.floor.Load()
		if c.mu.Lock(); c.armed {
			t.Error("a timer runs though nobody talks")
		}
		c.mu.Unlock()
		m.sound.stop()
	})
}

func TestTheBusyToneIsPackets(t *testing.T) {
	tone, err := BusyTone()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tone {
		if n, err := opus.Samples(p); err != nil || n != frame {
			t.Fatal(n, err)
		}
	}
	h := newHeard(t, opusFormat)
	for _, p := range slices.Concat(tone, tone) {
		h.payload(p)
	}
	if len(tone) != 25 || h.power(busyHz) < 0.9 {
		t.Errorf("%d packets, %.2f of it is the tone", len(tone), h.power(busyHz))
	}
}
