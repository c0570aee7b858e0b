package history_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot"
	"muster/cot/history"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fixture is a history that runs.
type fixture struct {
	*history.Service
	db   *store.DB
	stop func()
}

func start(t *testing.T, cfg store.Config, change ...func(*history.Config, *history.Deps)) *fixture {
	t.Helper()
	f := &fixture{db: storetest.Open(t, cfg)}
	f.run(t, change...)
	return f
}

// run starts a service on the fixture's database.
func (f *fixture) run(t *testing.T, change ...func(*history.Config, *history.Deps)) {
	t.Helper()
	c, d := history.DefaultConfig(), history.Deps{DB: f.db, Log: discard()}
	c.FlushInterval, c.Schedule = 10*time.Millisecond, "-"
	for _, ch := range change {
		ch(&c, &d)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := history.New(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	f.Service = s
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	done := false
	f.stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(f.stop)
}

// record records events and waits until they are on disk.
func (f *fixture) record(t *testing.T, events ...*cot.Event) {
	t.Helper()
	for _, e := range events {
		f.Record(e)
	}
	if err := f.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := f.Stats(); st.Failed > 0 {
		t.Fatalf("%d events were refused", st.Failed)
	}
}

// member is a user with rights: "red" both, "red<" IN only, "red>" OUT only.
func member(user string, groups ...string) auth.Identity {
	id := auth.Identity{User: user, Role: auth.RoleMember}
	for _, g := range groups {
		name := strings.TrimRight(g, "<>")
		id.Groups = append(id.Groups, auth.Grant{Group: name, In: !strings.HasSuffix(g, ">"), Out: !strings.HasSuffix(g, "<")})
	}
	return id
}

func admin() auth.Identity { return auth.Identity{User: "root", Role: auth.RoleAdmin} }

var (
	ann = member("ann", "red")
	bob = member("bob", "red")
	eve = member("eve", "blue")
	own = member("own", "red<")
)

// from is a sender; its device is called after the user.
func from(id auth.Identity) cot.Sender {
	return cot.Sender{Identity: id, UID: "DEV-" + id.User, Callsign: strings.ToUpper(id.User)}
}

// event parses an event of a sender, received at a time.
func event(t testing.TB, by cot.Sender, at time.Time, xml string) *cot.Event {
	t.Helper()
	w, err := wire.ParseXML([]byte(xml), wire.DefaultLimits())
	if err != nil {
		t.Fatalf("%v: %s", err, xml)
	}
	return cot.NewEvent(w, by, by.Identity.WriteGroups(), at)
}

func xmlOf(uid, typ, how string, at time.Time, life time.Duration, lat, lon float64, detail string) string {
	ts := wire.FormatTime(at.UnixMilli())
	return fmt.Sprintf(`<event version="2.0" uid="%s" type="%s" how="%s" time="%s" start="%s" stale="%s"><point lat="%v" lon="%v" hae="10" ce="5" le="9999999.0"/><detail>%s</detail></event>`,
		uid, typ, how, ts, ts, wire.FormatTime(at.Add(life).UnixMilli()), lat, lon, detail)
}

// report is a position of the sender's own device.
func report(t testing.TB, by cot.Sender, at time.Time, lat, lon float64) *cot.Event {
	t.Helper()
	return event(t, by, at, xmlOf(by.UID, "a-f-G-U-C", "m-g", at, 5*time.Minute, lat, lon,
		`<contact callsign="`+by.Callsign+`" endpoint="*:-1:stcp"/><__group name="Cyan" role="HQ"/><track course="90" speed="1.5"/>`))
}

func marker(t testing.TB, by cot.Sender, uid string, at time.Time, life time.Duration, detail string) *cot.Event {
	t.Helper()
	return event(t, by, at, xmlOf(uid, "a-h-G", "h-g-i-g-o", at, life, 50, 8, `<contact callsign="Target"/>`+detail))
}

func uids(records []history.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.UID)
	}
	return out
}

func (f *fixture) latest(t *testing.T, id auth.Identity, at time.Time) []string {
	t.Helper()
	got, err := f.Latest(t.Context(), id, history.Bounds{}, at)
	if err != nil {
		t.Fatal(err)
	}
	return uids(got)
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestNewestAndTrack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now().Truncate(time.Millisecond)
		var events []*cot.Event
		for i := range 5 {
			events = append(events, report(t, from(ann), now.Add(time.Duration(i-5)*time.Second), 50+float64(i), 8))
		}
		f.record(t, events...)
		r, err := f.Newest(t.Context(), bob, "DEV-ann")
		if err != nil {
			t.Fatal(err)
		}
		xml, err := r.XML()
		if err != nil || !strings.Contains(string(xml), `lat="54"`) || r.Callsign != "ANN" || r.User != "ann" || r.Kind != history.KindPosition {
			t.Errorf("newest: %+v, %s, %v", r, xml, err)
		}
		track, err := f.Track(t.Context(), bob, "DEV-ann", time.Time{}, time.Time{})
		if err != nil || len(track) != 5 || track[0].Lat != 50 || track[4].Lat != 54 || track[0].Speed != 1.5 || track[0].Course != 90 {
			t.Errorf("track: %+v, %v", track, err)
		}
		track, err = f.Track(t.Context(), bob, "DEV-ann", now.Add(-3*time.Second), now.Add(-2*time.Second))
		if err != nil || len(track) != 2 {
			t.Errorf("part of the track: %+v, %v", track, err)
		}
		all, err := f.All(t.Context(), bob, "DEV-ann", time.Time{}, time.Time{})
		if err != nil || len(all) != 5 || all[0].Point.Lat != 54 || all[4].Point.Lat != 50 {
			t.Fatalf("all: %+v, %v", all, err)
		}
		for _, r := range all {
			b, err := r.XML()
			if err != nil {
				t.Fatal(err)
			}
			e, err := wire.ParseXML(b, wire.DefaultLimits())
			if err != nil || e.UID != "DEV-ann" || e.Contact.Callsign != "ANN" || e.Group.Name != "Cyan" || e.Speed != 1.5 {
				t.Errorf("event of a track point: %s, %v", b, err)
			}
		}
		lo, hi, err := f.Span(t.Context(), bob)
		if err != nil || !lo.Equal(now.Add(-5*time.Second)) || hi.Before(lo) {
			t.Errorf("span: %v to %v, %v", lo, hi, err)
		}
	})
}

func TestSurvivesARestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now()
		f.record(t, report(t, from(ann), now.Add(-time.Second), 50, 8))
		f.record(t, report(t, from(ann), now, 51, 8), marker(t, from(ann), "M1", now, time.Hour, ""))
		f.Record(report(t, from(ann), now.Add(time.Millisecond), 52, 8))
		f.stop()
		f.run(t)
		r, err := f.Newest(t.Context(), bob, "DEV-ann")
		if err != nil || r.Point.Lat != 52 {
			t.Fatalf("newest after a restart: %+v, %v", r, err)
		}
		f.record(t, report(t, from(ann), now.Add(2*time.Second), 53, 8), marker(t, from(ann), "M1", now.Add(time.Second), time.Hour, ""))
		track, err := f.Track(t.Context(), bob, "DEV-ann", time.Time{}, time.Time{})
		if err != nil || len(track) != 4 {
			t.Errorf("track over a restart: %d points, %v", len(track), err)
		}
		equal(t, "on the map", f.latest(t, bob, time.Time{}), []string{"DEV-ann", "M1"})
	})
}

func TestLatestAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now().Truncate(time.Millisecond)
		at := func(d time.Duration) time.Time { return now.Add(d) }
		f.record(t,
			report(t, from(ann), at(-60*time.Minute), 50, 8),
			report(t, from(ann), at(-58*time.Minute), 51, 8),
			report(t, from(bob), at(-time.Second), 1, 1),
			marker(t, from(ann), "short", at(-60*time.Minute), 10*time.Minute, ""),
			marker(t, from(ann), "kept", at(-60*time.Minute), 10*time.Minute, "<archive/>"),
			marker(t, from(ann), "moved", at(-60*time.Minute), 90*time.Minute, "<x v='1'/>"),
		)
		f.record(t, marker(t, from(bob), "moved", at(-20*time.Minute), 90*time.Minute, "<x v='2'/>"))
		equal(t, "before everything", f.latest(t, ann, at(-2*time.Hour)), []string{})
		equal(t, "an hour ago", f.latest(t, ann, at(-59*time.Minute)), []string{"DEV-ann", "kept", "moved", "short"})
		equal(t, "half an hour ago", f.latest(t, ann, at(-30*time.Minute)), []string{"kept", "moved"})
		equal(t, "now", f.latest(t, ann, time.Time{}), []string{"DEV-bob", "kept", "moved"})
		for _, c := range []struct {
			at        time.Duration
			uid, want string
		}{
			{-59 * time.Minute, "DEV-ann", `lat="50`}, {-57 * time.Minute, "DEV-ann", `lat="51`},
			{-21 * time.Minute, "moved", "v='1'"}, {-19 * time.Minute, "moved", "v='2'"}, {0, "moved", "v='2'"},
		} {
			got, err := f.Latest(t.Context(), ann, history.Bounds{}, at(c.at))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(got, func(r history.Record) bool { return r.UID == c.uid })
			if i < 0 {
				t.Errorf("%v: %s is not there", c.at, c.uid)
				continue
			}
			if b, err := got[i].XML(); err != nil || !strings.Contains(string(b), c.want) {
				t.Errorf("%v: %s: %s, %v", c.at, c.uid, b, err)
			}
		}
		for _, c := range []struct {
			name string
			b    history.Bounds
			want []string
		}{
			{"around the markers", history.Bounds{West: 7, South: 49, East: 9, North: 51}, []string{"kept", "moved"}},
			{"across the date line", history.Bounds{West: 170, South: -10, East: 2, North: 10}, []string{"DEV-bob"}},
			{"elsewhere", history.Bounds{West: 20, South: 20, East: 30, North: 30}, []string{}},
		} {
			got, err := f.Latest(t.Context(), ann, c.b, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, c.name, uids(got), c.want)
		}
	})
}

func TestDeletionEndsItems(t *testing.T) {
	gone := func(by cot.Sender, uid, extra string, at time.Time) *cot.Event {
		return event(t, by, at, xmlOf("x-"+uid, "t-x-d-d", "h-g-i-g-o", at, time.Minute, 0, 0, `<link uid="`+uid+`" relation="p-p" type="a-h-G"/>`+extra))
	}
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg)
		now := time.Now()
		f.record(t, marker(t, from(ann), "M", now.Add(-time.Minute), time.Hour, ""), report(t, from(ann), now.Add(-time.Minute), 50, 8))
		f.record(t, gone(from(bob), "M", "", now), gone(from(eve), "M", "<__forcedelete/>", now), gone(from(eve), "DEV-ann", "<__forcedelete/>", now))
		equal(t, "after what must not delete", f.latest(t, ann, time.Time{}), []string{"DEV-ann", "M"})
		f.record(t, gone(from(bob), "M", "<__forcedelete/>", now), gone(from(bob), "DEV-ann", "<__forcedelete/>", now))
		equal(t, "after deletion", f.latest(t, ann, time.Time{}), []string{})
		equal(t, "before deletion", f.latest(t, ann, now.Add(-30*time.Second)), []string{"DEV-ann", "M"})
		f.record(t, marker(t, from(ann), "M", now.Add(time.Millisecond), time.Hour, ""), report(t, from(ann), now.Add(time.Millisecond), 50, 8))
		time.Sleep(2 * time.Millisecond)
		equal(t, "set again", f.latest(t, ann, time.Time{}), []string{"DEV-ann", "M"})
	})
}

func TestNothingIsReadAcrossGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		f := start(t, cfg, func(_ *history.Config, d *history.Deps) { d.Missions = missions{"Flood": {"ann", "bob"}} })
		now := time.Now()
		direct := marker(t, from(ann), "direct", now, time.Hour, `<marti><dest uid="DEV-bob"/></marti>`)
		mission := marker(t, from(ann), "mission", now, time.Hour, `<marti><dest mission="Flood"/></marti>`)
		both := member("two", "red", "blue")
		narrowed := marker(t, from(both), "narrowed", now, time.Hour, `<marti><dest group="blue"/></marti>`)
		f.record(t, report(t, from(ann), now, 50, 8), report(t, from(bob), now, 50, 8), marker(t, from(ann), "public", now, time.Hour, ""))
		f.record(t, direct, mission, narrowed)
		for _, c := range []struct {
			who  auth.Identity
			uid  string
			want bool
		}{
			{bob, "DEV-ann", true}, {bob, "public", true}, {bob, "direct", true}, {bob, "mission", true}, {bob, "narrowed", false},
			{ann, "direct", true}, {ann, "mission", true},
			{eve, "DEV-ann", false}, {eve, "public", false}, {eve, "direct", false}, {eve, "mission", false}, {eve, "narrowed", true},
			{own, "DEV-ann", false}, {own, "public", false},
			{member("cat", "red"), "public", true}, {member("cat", "red"), "direct", false}, {member("cat", "red"), "mission", false},
			{member("bob", "blue"), "direct", false}, // the right went away
			{admin(), "public", true}, {admin(), "direct", false},
			{auth.Identity{}, "public", false}, {auth.Anonymous("red"), "public", true}, {auth.Anonymous("blue"), "public", false},
		} {
			r, err := f.Newest(t.Context(), c.who, c.uid)
			if (err == nil) != c.want {
				t.Errorf("newest %s by %s: %+v, %v", c.uid, c.who.User, r.UID, err)
			}
			all, err := f.All(t.Context(), c.who, c.uid, time.Time{}, time.Time{})
			if err != nil || len(all) > 0 != c.want {
				t.Errorf("all %s by %s: %d, %v", c.uid, c.who.User, len(all), err)
			}
		}
		equal(t, "eve's map", f.latest(t, eve, time.Time{}), []string{"narrowed"})
		equal(t, "eve's past", f.latest(t, eve, now.Add(-time.Hour)), []string{})
		equal(t, "own's map", f.latest(t, own, time.Time{}), []string{})
		equal(t, "bob's map", f.latest(t, bob, time.Time{}), []string{"DEV-ann", "DEV-bob", "public"})
		for _, who := range []auth.Identity{eve, own} {
			if track, err := f.Track(t.Context(), who, "DEV-ann", time.Time{}, time.Time{}); err != nil || len(track) > 0 {
				t.Errorf("%s reads the track: %v, %v", who.User, track, err)
			}
		}
		names, err := f.Names(t.Context(), eve, "", time.Time{}, time.Time{})
		if err != nil || len(names) != 1 || names[0].UID != "narrowed" {
			t.Errorf("eve finds %v, %v", names, err)
		}
		names, err = f.Names(t.Context(), bob, "EV-a", time.Time{}, time.Time{})
		if err != nil || len(names) != 1 || names[0] != (history.Name{UID: "DEV-ann", Callsign: "ANN"}) {
			t.Errorf("bob finds %v, %v", names, err)
		}
		if _, hi, err := f.Span(t.Context(), own); err != nil || !hi.IsZero() {
			t.Errorf("own's span: %v, %v", hi, err)
		}
	})
}

// TestNobodyHidesAThing publishes somebody else's uid into another group.
func TestNobodyHidesAThing(t *testing.T) {
	f := start(t, store.Config{})
	now := time.Now()
	f.record(t, marker(t, from(ann), "M", now.Add(-time.Second), time.Hour, "<mine/>"))
	f.record(t, marker(t, from(eve), "M", now, time.Hour, "<other/>"))
	r, err := f.Newest(t.Context(), bob, "M")
	if b, xerr := r.XML(); err != nil || xerr != nil || !strings.Contains(string(b), "<mine/>") {
		t.Errorf("bob sees %s, %v", b, err)
	}
	equal(t, "on bob's map", f.latest(t, bob, time.Time{}), []string{"M"})
}

// missions lists who may read each mission, and holds uids that begin with "held".
type missions map[string][]string

func (m missions) MayRead(_ context.Context, id auth.Identity, name string) bool {
	return slices.Contains(m[name], id.User)
}

func (m missions) HeldUIDs(context.Context) ([]string, error) {
	return []string{"held", "DEV-held"}, nil
}
