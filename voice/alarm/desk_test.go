package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"muster/cot"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/media/mcu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// field is the server around a desk. Rooms are called "room of CALLSIGN" if the
// rule names none.
type field struct {
	t    *testing.T
	desk *Desk
	bus  *bus.Bus
	sub  *bus.Subscription
	stop func()

	mu     sync.Mutex // guards what follows
	alerts []cot.Emergency
	gone   bool // rooms that were made are not there any more
	quiet  bool // rooms have neither stream nor channel yet
	done   []string
}

func (f *field) note(format string, a ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, fmt.Sprintf(format, a...))
}

// Emergencies implements Alerts.
func (f *field) Emergencies(auth.Identity) []cot.Emergency {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.alerts)
}

// Open implements Rooms.
func (f *field) Open(_ context.Context, e *cot.Emergency, r *Rule, again bool) (string, string, error) {
	switch {
	case r.Room == "none":
		return "", "", errors.New("no such room")
	case r.Room != "":
		return r.Room, r.Room, nil
	case again && f.gone:
		return "", "", mcu.ErrNotFound
	case again:
		f.note("again")
	}
	return "room of " + e.Callsign, e.Kind, nil
}

// Tell implements Rooms.
func (f *field) Tell(room string, e *cot.Emergency, t mcu.NoticeType) {
	f.note("%s: %s %s", room, e.Callsign, t)
}

// Record implements Rooms.
func (f *field) Record(room string) error {
	f.note("record %s", room)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.quiet {
		return mcu.ErrNoStream
	}
	return nil
}

// Invite implements Callers.
func (f *field) Invite(room, user, from string) int {
	f.note("invite %s", user)
	return 2
}

// Dial implements Callers.
func (f *field) Dial(_ context.Context, room, number, owner string) error {
	if number == "forbidden" {
		return auth.ErrDenied
	}
	f.note("dial %s by %s", number, owner)
	return nil
}

// Recall implements Callers.
func (f *field) Recall(_, owner string, numbers []string) {
	if len(numbers) > 0 {
		f.note("recall %s of %s", strings.Join(numbers, " "), owner)
	}
}

// Text implements Callers.
func (f *field) Text(_ *cot.Emergency, _ string, t mcu.NoticeType) int {
	f.note("text %s", t)
	return 1
}

// Move implements Callers.
func (f *field) Move(_ *cot.Emergency, room string) error {
	f.note("move to %s", room)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.quiet {
		return mcu.ErrNotFound
	}
	return nil
}

// inField runs a test with a desk and these rules.
func inField(t *testing.T, rules []Rule, test func(t *testing.T, f *field)) {
	t.Helper()
	if err := Validate(rules); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		f := &field{t: t, bus: bus.New()}
		f.sub = f.bus.Subscribe(100)
		defer f.sub.Close()
		f.desk = New(Deps{Alerts: f, Rooms: f, Callers: f, Bus: f.bus, Log: slog.New(slog.DiscardHandler)})
		f.desk.Set(rules)
		time.Sleep(time.Second) // what was there before is old
		f.run()
		test(t, f)
		f.stop()
	})
}

func (f *field) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.desk.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	}
	synctest.Wait()
}

func alert(uid, callsign, typ string, groups ...string) cot.Emergency {
	return cot.Emergency{UID: uid, Type: typ, Kind: "911 Alert", Callsign: callsign, User: strings.ToLower(callsign), Groups: groups, Started: time.Now(),
		Event: &cot.Event{}}
}

// raise has an emergency begin, or change.
func (f *field) raise(e cot.Emergency) {
	f.mu.Lock()
	i := slices.IndexFunc(f.alerts, func(o cot.Emergency) bool { return o.UID == e.UID })
	if i >= 0 {
		e.Started = f.alerts[i].Started
		f.alerts[i] = e
	} else {
		f.alerts = append(f.alerts, e)
	}
	f.mu.Unlock()
	f.bus.Publish(bus.Fact{Kind: cot.FactEmergency, Data: cot.EmergencyFact{UID: e.UID, Active: true}})
	synctest.Wait()
}

func (f *field) cancel(uid string) {
	f.mu.Lock()
	f.alerts = slices.DeleteFunc(f.alerts, func(e cot.Emergency) bool { return e.UID == uid })
	f.mu.Unlock()
	f.bus.Publish(bus.Fact{Kind: cot.FactEmergency, Data: cot.EmergencyFact{UID: uid}})
	synctest.Wait()
}

// expect fails unless exactly this was done since the last call.
func (f *field) expect(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.done, want) {
		f.t.Errorf("done: %q, want %q", f.done, want)
	}
	f.done = nil
}

// facts returns what the bus was told of rooms since the last call.
func (f *field) facts() (out []Fact) {
	for {
		select {
		case fact := <-f.sub.C:
			if fact.Kind == FactRoom {
				out = append(out, fact.Data.(Fact))
			}
		default:
			return out
		}
	}
}

func TestAnEmergencyOpensARoomAndCallsPeople(t *testing.T) {
	inField(t, []Rule{
		{Groups: []string{"red"}, Types: []string{"911"}, Users: []string{"lead", Everybody}, Numbers: []string{"112", "forbidden"}, Owner: "chief", Mumble: Move},
		{Groups: []string{"red"}, Types: []string{"b-a-o-opn"}, Room: "ops", Mumble: Text},
	}, func(t *testing.T, f *field) {
		f.raise(alert("A", "FALKE", "b-a-o-tbl", "blue", "red"))
		f.expect("room of FALKE: FALKE emergency", "invite lead", "invite *", "text emergency", "dial 112 by chief", "move to room of FALKE")
		if got := f.facts(); len(got) != 1 || got[0] != (Fact{State: "opened", Room: "room of FALKE", Title: "911 Alert", UID: "A", Kind: "911 Alert", Callsign: "FALKE", User: "falke", Invited: 4, Called: 1, Radio: 1}) {
			t.Errorf("%+v", got)
		}
		f.raise(alert("A", "FALKE", "b-a-o-tbl", "red")) // where it is now
		f.expect()

		f.raise(alert("B", "ADLER", "b-a-o-opn", "red"))
		f.expect("ops: ADLER emergency", "text emergency")
		f.raise(alert("C", "EULE", "b-a-o-tbl", "green")) // of another group
		f.raise(alert("D", "SPERBER", "b-a-o-pan", "red"))
		f.expect()

		f.bus.Publish(bus.Fact{Kind: mcu.FactOpened, Data: mcu.Fact{Room: "room of FALKE"}})
		synctest.Wait()
		f.expect("room of FALKE: FALKE emergency")
		f.cancel("A")
		f.expect("room of FALKE: FALKE cancelled", "recall 112 forbidden of chief", "text cancelled")
		f.cancel("C")
		f.expect()
		f.facts()
		f.raise(alert("A", "FALKE", "b-a-o-tbl", "red")) // the same device needs help again
		f.expect("room of FALKE: FALKE emergency", "invite lead", "invite *", "text emergency", "dial 112 by chief", "move to room of FALKE")
		if s := f.desk.Stats(); s != (Stats{Open: 2, Opened: 3, Invited: 8, Called: 2, Uncalled: 2, Radio: 3}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestAFloodOfAlertsCallsFew(t *testing.T) {
	inField(t, []Rule{{Users: []string{"lead"}, Numbers: []string{"112"}, Owner: "chief", MaxCalls: 5}}, func(t *testing.T, f *field) {
		count := func(what string) (n int) {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, d := range f.done {
				if strings.HasPrefix(d, what) {
					n++
				}
			}
			f.done = nil
			return n
		}
		for i := range 50 {
			e := alert(fmt.Sprint("ONE-", i), "ONE", "b-a-o-tbl", "red")
			f.raise(e)
			f.cancel(e.UID)
		}
		if n := count("dial"); n != perSender {
			t.Errorf("%d calls for one sender", n)
		}
		for i := range 50 { // each from another
			f.raise(alert(fmt.Sprint("MANY-", i), fmt.Sprint("MANY-", i), "b-a-o-tbl", "red"))
		}
		f.mu.Lock()
		invited := len(slices.DeleteFunc(slices.Clone(f.done), func(s string) bool { return !strings.HasPrefix(s, "invite") }))
		f.mu.Unlock()
		if n := count("dial"); n != 5-perSender || invited != perRule-perSender {
			t.Errorf("%d calls and %d invitations for many", n, invited)
		}
		if s := f.desk.Stats(); s.Limited != 47+50-(perRule-perSender) {
			t.Errorf("%+v", s)
		}
		time.Sleep(Window)
		f.raise(alert("ONE-51", "ONE", "b-a-o-tbl", "red"))
		if n := count("dial"); n != 1 {
			t.Errorf("%d calls after a while", n)
		}
	})
}

func TestSendersWithoutAnAccountAreDevices(t *testing.T) {
	inField(t, []Rule{{}}, func(t *testing.T, f *field) {
		for i := range perSender + 2 {
			e := alert(fmt.Sprint("DEVICE-", i), "X", "b-a-g", "red")
			e.User, e.Event = "anonymous", &cot.Event{From: cot.Sender{Identity: auth.Anonymous("red")}}
			f.raise(e)
		}
		if s := f.desk.Stats(); s.Opened != perSender+2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAfterARestartNobodyIsCalledAgain(t *testing.T) {
	for name, gone := range map[string]bool{"the room is there": false, "it is gone": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &field{t: t, bus: bus.New(), gone: gone}
				f.alerts = []cot.Emergency{alert("A", "FALKE", "b-a-o-tbl", "red")}
				time.Sleep(time.Minute)
				f.desk = New(Deps{Alerts: f, Rooms: f, Callers: f, Bus: f.bus, Log: slog.New(slog.DiscardHandler)})
				f.desk.Set([]Rule{{Users: []string{"lead"}}})
				f.run()
				if gone {
					f.expect()
				} else {
					f.expect("again")
				}
				f.stop()
				f.run() // the part alone begins anew
				f.expect()
				f.cancel("A")
				if gone {
					f.expect()
				} else {
					f.expect("room of FALKE: FALKE cancelled")
				}
				f.stop()
			})
		})
	}
}

func TestMumbleUsersAreMovedWhenTheChannelIsThere(t *testing.T) {
	inField(t, []Rule{{Mumble: Move}}, func(t *testing.T, f *field) {
		f.mu.Lock()
		f.quiet = true
		f.mu.Unlock()
		count := func() int {
			f.mu.Lock()
			defer f.mu.Unlock()
			n := len(slices.DeleteFunc(slices.Clone(f.done), func(s string) bool { return s != "move to room of A" }))
			f.done = nil
			return n
		}
		f.raise(alert("A", "A", "b-a-g", "red"))
		time.Sleep(2*tryEvery + time.Millisecond)
		if n := count(); n < 3 || n > 5 {
			t.Errorf("tried %d times", n)
		}
		time.Sleep(2 * tryFor)
		count()
		time.Sleep(tryFor)
		if n := count(); n != 0 {
			t.Errorf("tried %d times more", n)
		}
	})
}

func TestNamesOfClientsAreMadeLegible(t *testing.T) {
	for in, want := range map[string]string{" a\n\x00b ": "a b", "": "mike", "\u202e": "mike", strings.Repeat("x", 100): strings.Repeat("x", maxWords), "FALKE 2": "FALKE 2", "\xff": "mike"} {
		if got := legible(in, "mike"); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestTheRoomIsRecordedAsSoonAsItCanBe(t *testing.T) {
	inField(t, []Rule{{Record: true}}, func(t *testing.T, f *field) {
		f.raise(alert("A", "FALKE", "b-a-o-tbl", "red"))
		f.expect("room of FALKE: FALKE emergency", "record room of FALKE") // in vain: nobody is in
		f.mu.Lock()
		f.quiet = true
		f.mu.Unlock()
		f.bus.Publish(bus.Fact{Kind: mcu.FactOpened, Data: mcu.Fact{Room: "room of FALKE"}})
		synctest.Wait()
		f.expect("room of FALKE: FALKE emergency", "record room of FALKE")
		f.mu.Lock()
		f.quiet = false
		f.mu.Unlock()
		time.Sleep(tryEvery + time.Millisecond)
		synctest.Wait()
		f.expect("record room of FALKE")
		time.Sleep(10 * tryEvery)
		f.expect()
	})
}

func TestAnEmergencyWithoutARoomCallsNobody(t *testing.T) {
	inField(t, []Rule{{Room: "none", Users: []string{"lead"}}}, func(t *testing.T, f *field) {
		f.raise(alert("A", "FALKE", "b-a-o-tbl", "red"))
		f.cancel("A")
		f.expect()
		if s := f.desk.Stats(); s.Failed != 1 || s.Opened != 0 || s.Open != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestSendersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Deps{Log: slog.New(slog.DiscardHandler)})
		for i := range maxSenders + 10 {
			e := alert("A", fmt.Sprint("SENDER-", i), "b-a-g", "red")
			d.sender(&e).take(1, perSender, time.Now())
			time.Sleep(time.Millisecond)
		}
		if len(d.senders) != maxSenders || d.senders["user sender-0"] != nil || d.senders["user sender-10"] == nil {
			t.Errorf("%d are remembered", len(d.senders))
		}
	})
}

func TestValidate(t *testing.T) {
	for want, r := range map[string]Rule{
		"types:":    {Types: []string{"fire"}},
		"room:":     {Room: "a/b"},
		"groups:":   {Groups: []string{""}},
		"users:":    {Users: []string{""}},
		"numbers:":  {Numbers: make([]string, 2)},
		"owner:":    {Numbers: []string{"112"}},
		"mumble:":   {Mumble: "shout"},
		"maxCalls:": {MaxCalls: 101},
	} {
		if err := Validate([]Rule{{}, r}); err == nil || !strings.HasPrefix(err.Error(), "[1]."+want) {
			t.Errorf("%s %v", want, err)
		}
	}
	if err := Validate(make([]Rule, maxRules+1)); err == nil {
		t.Error("any number of rules")
	}
	if err := Validate([]Rule{{Types: []string{"911", "bell", "contact", "geofence", "b-a-x"}}}); err != nil {
		t.Error(err)
	}
}

func TestPhonesRingOnWhileAnotherEmergencyNeedsTheRoom(t *testing.T) {
	inField(t, []Rule{{Room: "ops", Numbers: []string{"112"}, Owner: "chief"}}, func(t *testing.T, f *field) {
		f.raise(alert("A", "FALKE", "b-a-o-tbl", "red"))
		f.raise(alert("B", "ADLER", "b-a-o-tbl", "red"))
		f.expect("ops: FALKE emergency", "dial 112 by chief", "ops: ADLER emergency", "dial 112 by chief")
		f.cancel("A")
		f.expect("ops: FALKE cancelled")
		f.cancel("B")
		f.expect("ops: ADLER cancelled", "recall 112 of chief")
	})
}
