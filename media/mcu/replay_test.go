package mcu

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"muster/internal/auth"
	"muster/internal/store/storetest"
	"muster/media/codec/ogg"
)

// remembering opens a room that keeps what is said, without a clock, with who is in
// it.
func remembering(t *testing.T, names ...string) (*house, *stage, []*AudioIn) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Replay = time.Minute
	h := open(t, cfg, storetest.Config(t, "sqlite"))
	h.make(t, nil)
	var st *stage
	var ins []*AudioIn
	for _, name := range names {
		id := member(name, true)
		id.System = false // an account
		p, _ := h.mustJoin(t, id)
		if st == nil {
			st = byHand(p)
			st.now = time.Now().Add(-20 * time.Second) // what is too old goes by the clock, and it is over
		}
		v := speak(t, p, opusFormat, 400)
		ins = append(ins, v.in)
	}
	return h, st, ins
}

// say has in say packets, which follow one another.
func (st *stage) say(in *AudioIn, packets ...[]byte) {
	for _, b := range packets {
		st.n++
		st.now = st.now.Add(tickEvery)
		in.write(&Sound{Seq: uint16(st.n), Timestamp: uint32(st.n) * frame, Payload: b, HasLevel: true, Level: 20}, st.now)
	}
}

// marked is a packet of 20 ms that can be told from others.
func marked(n byte) []byte { return []byte{0xF8, 0xFF, n} }

func TestWhatWasSaidCanBeHeardAgain(t *testing.T) {
	h, st, ins := remembering(t, "anna", "bert")
	a, b := ins[0], ins[1]
	st.say(a, marked(1), marked(2), marked(3))
	st.n += 2 // two packets are lost
	st.say(a, marked(4))
	st.now = st.now.Add(2 * replayPause)
	st.say(b, marked(5), marked(6))
	rp := st.replay
	if got := rp.finished(st.now); len(got) != 1 || got[0].Name != "anna" || got[0].User != "anna" || got[0].Kind != Browser || got[0].length != 6*tickEvery {
		t.Fatalf("%d are finished", len(got))
	}
	if n, err := h.Replay(member("carl", false), "briefing"); err != nil || len(n) != 2 {
		t.Errorf("who may hear the room is told of %d, %v", len(n), err)
	}
	later := st.now.Add(2 * replayPause)
	got := rp.finished(later)
	if len(got) != 2 || got[1].Name != "bert" {
		t.Fatalf("%d are finished, %d kept, slots %v", len(got), len(rp.all), st.speakers())
	}
	var want [][]byte
	for _, n := range []byte{1, 2, 3, 0xFE, 0xFE, 4} {
		want = append(want, marked(n))
	}
	if seq := got[0].sequence(nil); !bytes.Equal(bytes.Join(seq, nil), bytes.Join(want, nil)) {
		t.Errorf("it is played as %x", seq)
	}
	file, err := h.ReplayAudio(member("carl", false), "briefing", got[0].ID)
	if err != nil || !bytes.Equal(file, ogg.Opus("Muster", want)) {
		t.Errorf("a file of %d bytes, %v", len(file), err)
	}
	if _, err := h.ReplayAudio(admin, "briefing", "other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	rp.sweep(later.Add(time.Minute))
	if len(rp.all) != 0 || rp.size != 0 || len(rp.open) != 0 {
		t.Errorf("%d of %d bytes are left behind the last minute, %d open", len(rp.all), rp.size, len(rp.open))
	}
}

func TestTheReplayIsBounded(t *testing.T) {
	_, st, ins := remembering(t, "anna")
	big := bytes.Repeat([]byte{0xF8}, 600)
	for range replayBytes / len(big) * 2 {
		st.say(ins[0], big)
	}
	rp := st.replay
	sum := 0
	for _, s := range rp.all {
		sum += s.size
		if s.length > replayPiece+tickEvery {
			t.Errorf("a piece lasts %v", s.length)
		}
	}
	if rp.size > replayBytes || sum != rp.size || len(rp.all) < 2 {
		t.Errorf("%d bytes in %d pieces of %d", sum, len(rp.all), rp.size)
	}
}

// TestTimesThatLeap: what a sender says of its times adds a second to each piece at
// the most.
func TestTimesThatLeap(t *testing.T) {
	_, st, ins := remembering(t, "anna")
	for range 1000 {
		st.n += 48 // almost a second, in 20 ms
		st.say(ins[0], marked(1))
	}
	for _, s := range st.replay.all {
		if took := s.last.Sub(s.From); s.length > took+replayPause+2*tickEvery || len(s.sequence(nil)) > int(s.length/tickEvery)+1 {
			t.Fatalf("%v of packets are played as %v", took, s.length)
		}
	}
	st.replay.sweep(st.now.Add(2 * replayPause))
	for _, s := range st.replay.all {
		if s.by != nil {
			t.Fatal("who spoke is held on to")
		}
	}
}

func TestPacketsThatComeLateAreKeptInOrder(t *testing.T) {
	_, st, ins := remembering(t, "anna")
	now := st.now
	for _, n := range []int{1, 3, 2, 3, 4} {
		now = now.Add(time.Millisecond)
		ins[0].write(&Sound{Seq: uint16(n), Timestamp: uint32(n) * frame, Payload: marked(byte(n)), HasLevel: true, Level: 10}, now)
	}
	var got []byte
	for _, p := range st.replay.all[0].packets {
		got = append(got, p.payload[2])
	}
	if !bytes.Equal(got, []byte{1, 2, 3, 4}) {
		t.Errorf("%v", got)
	}
}

func TestOnlyWhatIsHeardIsKept(t *testing.T) {
	_, st, ins := remembering(t, "anna", "bert")
	st.oneAtATime(60)
	ins[0].p.kind, ins[1].p.kind = Mumble, Mumble
	st.say(ins[0], marked(1))
	st.say(ins[1], marked(2))
	if len(st.replay.all) != 1 || st.replay.all[0].Name != "anna" {
		t.Errorf("%d are kept", len(st.replay.all))
	}
}

func TestWhoMayHearAgain(t *testing.T) {
	h, st, ins := remembering(t, "anna")
	st.say(ins[0], marked(1))
	blue := auth.Identity{User: "nora", System: true, Groups: []auth.Grant{{Group: "blue", In: true, Out: true}}}
	for _, c := range []struct {
		name                string
		edit                func(*Settings)
		member, inside, who error
	}{
		{"an open room", func(s *Settings) { s.Locked, s.Lobby = false, false }, nil, nil, nil},
		{"a locked one", func(s *Settings) { s.Locked = true }, ErrLocked, nil, nil},
		{"one with a lobby", func(s *Settings) { s.Locked, s.Lobby = false, true }, ErrLocked, nil, nil},
	} {
		if _, err := h.Update(t.Context(), admin, "briefing", c.edit); err != nil {
			t.Fatal(err)
		}
		ordinary := member("mike", true)
		ordinary.System = false
		inside := member("anna", true)
		inside.System = false
		for who, want := range map[*auth.Identity]error{&ordinary: c.member, &inside: c.inside, &admin: nil, &blue: ErrNotFound} {
			if _, err := h.Replay(*who, "briefing"); !errors.Is(err, want) {
				t.Errorf("%s: %s is answered %v", c.name, who.User, err)
			}
		}
	}
	if _, err := h.Update(t.Context(), admin, "briefing", func(s *Settings) { s.Lobby = false; s.Starts = time.Now().Add(time.Hour) }); err != nil {
		t.Fatal(err)
	}
	var early *NotOpenError
	ordinary := member("mike", true)
	ordinary.System = false
	if _, err := h.Replay(ordinary, "briefing"); !errors.As(err, &early) {
		t.Errorf("a room that is not open: %v", err)
	}
	ins[0].p.Leave(nil)
	if n, err := h.Replay(admin, "briefing"); err != nil || len(n) != 0 {
		t.Errorf("%d are left when the room has ended, %v", len(n), err)
	}
}

// TestGuestsHearAgainWhatWasSaidSinceTheyCame, and nothing of before.
func TestGuestsHearAgainWhatWasSaidSinceTheyCame(t *testing.T) {
	h, st, ins := remembering(t, "anna")
	st.say(ins[0], marked(1))
	st.now = st.now.Add(2 * replayPause)
	guest, _, err := h.join(t, auth.Guest("Clark", "rooms/briefing", []string{"red"}), func(r *JoinRequest) { r.Invited = true })
	if err != nil {
		t.Fatal(err)
	}
	guest.Room().mu.Lock()
	guest.since = st.now
	guest.Room().mu.Unlock()
	st.say(ins[0], marked(2))
	st.now = st.now.Add(2 * replayPause)
	all, err := guest.Replay()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d, %v", len(all), err)
	}
	before, err := h.Replay(admin, "briefing")
	if err != nil || len(before) != 2 {
		t.Fatalf("%d, %v", len(before), err)
	}
	if _, err := guest.ReplayAudio(before[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was said before: %v", err)
	}
	one, err := guest.ReplayAudio(all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if every, err := guest.ReplayAudio(""); err != nil || len(every) != len(one) {
		t.Errorf("all of it holds %d bytes, and one %d: %v", len(every), len(one), err)
	}
	guest.Leave(nil)
	if _, err := guest.Replay(); !errors.Is(err, ErrGone) {
		t.Errorf("who has left: %v", err)
	}
}
