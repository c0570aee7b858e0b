package marti

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"muster/internal/auth"
)

// channels are the entries of a list as "NAME DIRECTION", with a minus in front
// of those that are not active.
func channels(t *testing.T, a answer) (out []string) {
	t.Helper()
	var list []group
	a.data(t, &list)
	for _, g := range list {
		s := g.Name + " " + g.Direction
		if !g.Active {
			s = "-" + s
		}
		out = append(out, s)
	}
	return out
}

func expect(t *testing.T, what string, got any, want ...string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestEachDirectionOfAGroupIsAnEntry(t *testing.T) {
	h := open(t, nil)
	own := []string{"blue OUT", "blue IN", "news OUT", "red OUT", "red IN"}
	all := []string{"blue OUT", "blue IN", "news OUT", "news IN", "red OUT", "red IN"}
	for _, test := range []struct {
		name, user, path string
		want             []string
	}{
		{"own", "mike", "/Marti/api/groups/all?useCache=true", own},
		{"of the authority", "mike", "/Marti/api/groups/all?useCache=false", own},
		{"of an administrator", "ann", "/Marti/api/groups/all?useCache=true", []string{"red OUT", "red IN"}},
		{"of the authority for an administrator", "ann", "/Marti/api/groups/all", all},
		{"found", "mike", "/Marti/api/groups?groupNameFilter=E", []string{"blue OUT", "blue IN", "news OUT", "red OUT", "red IN"}},
		{"found by name", "mike", "/Marti/api/groups?groupNameFilter=NEW", []string{"news OUT"}},
		{"found by an administrator", "ann", "/Marti/api/groups?groupNameFilter=new", []string{"news OUT", "news IN"}},
		{"found nowhere", "mike", "/Marti/api/groups?groupNameFilter=x", nil},
		{"of another", "ann", "/Marti/api/groups/user?username=MIKE", own},
	} {
		a := h.by(test.user, "GET", test.path, "")
		expect(t, test.name, channels(t, a), test.want...)
		if !strings.Contains(a.text, `"type":"com.bbn.marti.remote.groups.Group","data":[`) {
			t.Errorf("%s: %s", test.name, a.text)
		}
	}
	list, err := h.auth.ListGroups(t.Context())
	h.check(err)
	var g group
	h.by("mike", "GET", "/Marti/api/groups/red/in", "").data(t, &g)
	red := list[2]
	if want := (group{"red", "IN", red.Created.UTC().Format("2006-01-02"), "SYSTEM", red.Bit, true, "all of red"}); g != want {
		t.Errorf("%+v, want %+v", g, want)
	}
	for _, path := range []string{"/Marti/api/groups/news/IN", "/Marti/api/groups/none/OUT"} {
		if a := h.by("mike", "GET", path, ""); a.StatusCode != 404 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	if a := h.by("ann", "GET", "/Marti/api/groups/user?username=nobody", ""); a.StatusCode != 404 {
		t.Error(a.Status)
	}
	var members []string
	h.by("bea", "GET", "/Marti/api/groups/members", "").data(t, &members)
	expect(t, "members of bea's groups", members, "bea", "mike")
	h.by("bea", "GET", "/Marti/api/groups/members?groupNameFilter=red", "").data(t, &members)
	expect(t, "members of others", members)
}

func TestClientsWithoutLoginHaveTheirGroupAndChooseNothing(t *testing.T) {
	h := open(t, func(_ *Config, d *Deps) {
		id := auth.Anonymous("field")
		d.Anonymous = &id
	})
	a := h.ask(atPlain, "GET", "/Marti/api/groups/all?useCache=true", "")
	expect(t, "anonymous", channels(t, a), "field OUT", "field IN")
	if !strings.Contains(a.text, `"created":"1970-01-01","type":"SYSTEM","bitpos":0,`) {
		t.Error(a.text)
	}
	for _, path := range []string{"active", "activebits"} {
		if a := h.ask(atPlain, "PUT", "/Marti/api/groups/"+path, `[]`); a.StatusCode != 403 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

// choice is a body of /groups/active.
func choice(active bool, entries ...string) string {
	var list []group
	for _, e := range entries {
		name, direction, _ := strings.Cut(e, " ")
		list = append(list, group{Name: name, Direction: direction, Active: active})
	}
	b, _ := json.Marshal(list) // strings and numbers
	return string(b)
}

func (h *house) put(user, path, body string) {
	h.t.Helper()
	if a := h.by(user, http.MethodPut, path, body); a.StatusCode != 200 || a.text != "" {
		h.t.Fatalf("%s: %s %s", path, a.Status, a.text)
	}
}

func TestChoiceOfChannelsCountsAtOnce(t *testing.T) {
	h := open(t, nil)
	olga, bea := h.join("olga", "OLGA-1", "OLGA"), h.join("bea", "BEA-1", "BEA")
	mike, tablet := h.join("mike", "MIKE-1", "MIKE"), h.join("mike", "MIKE-2", "MIKE2")
	all := []*device{olga, bea, mike, tablet}
	forget := func() {
		for _, d := range all {
			d.forget()
		}
	}
	forget()

	h.put("mike", "/Marti/api/groups/active?clientUid=MIKE-1", choice(false, "red IN", "red OUT"))
	olga.expect("t-x-d-d →MIKE-1")
	bea.expect()
	mike.expect("t-x-d-d →OLGA-1")
	tablet.expect() // it has channels of its own
	expect(t, "of the telephone", channels(t, h.by("mike", "GET", "/Marti/api/groups/all?useCache=true&clientUid=MIKE-1", "")),
		"blue OUT", "blue IN", "news OUT", "-red OUT", "-red IN")
	expect(t, "of the tablet", channels(t, h.by("mike", "GET", "/Marti/api/groups/all?useCache=true&clientUID=MIKE-2", "")),
		"blue OUT", "blue IN", "news OUT", "red OUT", "red IN")
	olga.say("MARK-1", "b-m-p-s-m", nil)
	mike.say("MARK-2", "b-m-p-s-m", nil)
	olga.expect()
	bea.expect("b-m-p-s-m MARK-2")
	mike.expect()
	tablet.expect("b-m-p-s-m MARK-1", "b-m-p-s-m MARK-2")

	// One direction: mike is heard and does not hear.
	h.put("mike", "/Marti/api/groups/active?clientUid=MIKE-1", choice(true, "red IN"))
	olga.expect("a-f-G-U-C MIKE-1")
	mike.expect()
	olga.say("MARK-1", "b-m-p-s-m", nil)
	mike.say("MARK-2", "b-m-p-s-m", nil)
	olga.expect("b-m-p-s-m MARK-2")
	mike.expect()
	h.put("mike", "/Marti/api/groups/active?clientUid=MIKE-1", choice(true, "red OUT"))
	mike.expect("a-f-G-U-C OLGA-1")
	forget()

	// Bits stand for both directions.
	list, err := h.auth.ListGroups(t.Context())
	h.check(err)
	h.put("mike", "/Marti/api/groups/activebits?clientUid=MIKE-1", fmt.Sprintf("[%d]", list[0].Bit))
	olga.expect("t-x-d-d →MIKE-1")
	mike.expect("t-x-d-d →OLGA-1")
	expect(t, "after the bits", channels(t, h.by("mike", "GET", "/Marti/api/groups/all?useCache=true&clientUid=MIKE-1", "")),
		"blue OUT", "blue IN", "-news OUT", "-red OUT", "-red IN")
	forget()

	// An administrator chooses for all devices of somebody.
	h.put("ann", "/Marti/api/groups/activeForce?username=mike", choice(true, "red IN", "red OUT"))
	olga.expect("a-f-G-U-C MIKE-1")
	mike.expect("a-f-G-U-C OLGA-1", "t-x-g-c →MIKE-1")
	forget()
	h.put("ann", "/Marti/api/groups/activeForce?username=mike", choice(false, "red IN", "red OUT", "blue IN", "blue OUT", "news OUT"))
	olga.expect("t-x-d-d →MIKE-1", "t-x-d-d →MIKE-2")
	bea.expect("t-x-d-d →MIKE-1", "t-x-d-d →MIKE-2")
	mike.expect("t-x-d-d →OLGA-1", "t-x-d-d →BEA-1", "t-x-d-d →MIKE-2", "t-x-g-c →MIKE-1")
	tablet.expect("t-x-d-d →OLGA-1", "t-x-d-d →BEA-1", "t-x-d-d →MIKE-1", "t-x-g-c →MIKE-2")
}

func TestLatestPositionsComeAgainWhenAsked(t *testing.T) {
	h := open(t, nil)
	h.join("olga", "OLGA-1", "OLGA")
	mike, tablet := h.join("mike", "MIKE-1", "MIKE"), h.join("mike", "MIKE-2", "MIKE2")
	for path, want := range map[string][2]int{
		"?useCache=true&sendLatestSA=true":                    {2, 2},
		"?useCache=true&sendLatestSA=true&clientUid=MIKE-1":   {2, 0},
		"?useCache=true&sendLatestSA=true&clientUid=OLGA-1":   {0, 0}, // somebody else's
		"?useCache=true&sendLatestSA=false&clientUid=MIKE-1":  {0, 0},
		"?useCache=false&sendLatestSA=true&CLIENTUID=MIKE-2":  {0, 2},
		"?useCache=false&sendLatestSA=true&clientUid=NOBODY3": {0, 0},
	} {
		mike.forget()
		tablet.forget()
		if a := h.by("mike", "GET", "/Marti/api/groups/all"+path, ""); a.StatusCode != 200 {
			t.Fatal(a.Status)
		}
		for i, d := range []*device{mike, tablet} {
			var others []string
			if want[i] > 0 {
				others = []string{"a-f-G-U-C OLGA-1", "a-f-G-U-C MIKE-" + []string{"2", "1"}[i]}
			}
			d.expect(others...)
		}
	}
}

// TestChoiceMadeWithoutARightDoesNotTakeItAwayLater gives mike, who has chosen,
// a right that he did not have then.
func TestChoiceMadeWithoutARightDoesNotTakeItAwayLater(t *testing.T) {
	h := open(t, nil)
	h.put("mike", "/Marti/api/groups/active?clientUid=MIKE-1", choice(true, "news OUT"))
	h.check(h.auth.Grant(t.Context(), "mike", "news", true, true))
	h.check(h.auth.Grant(t.Context(), "mike", "red", true, true))
	path := "/Marti/api/groups/all?useCache=true&clientUid=MIKE-1"
	expect(t, "after more rights", channels(t, h.by("mike", "GET", path, "")), "blue OUT", "blue IN", "news OUT", "news IN", "red OUT", "red IN")
	h.check(h.auth.Grant(t.Context(), "mike", "news", false, true))
	h.put("mike", "/Marti/api/groups/active?clientUid=MIKE-1", choice(false, "news OUT", "news IN", "secret OUT"))
	h.check(h.auth.Grant(t.Context(), "mike", "news", true, true))
	expect(t, "after switching off", channels(t, h.by("mike", "GET", path, "")), "blue OUT", "blue IN", "-news OUT", "-news IN", "red OUT", "red IN")
}

func TestChoicesThatAreRefused(t *testing.T) {
	h := open(t, nil)
	olga := h.join("olga", "OLGA-1", "OLGA")
	olga.forget()
	for _, test := range []struct {
		name, user, path, body string
		want                   int
	}{
		{"somebody else's device", "mike", "active?clientUid=OLGA-1", `[]`, 403},
		{"bits for somebody else's device", "mike", "activebits?clientUid=OLGA-1", `[]`, 403},
		{"all devices of all", "mike", "active?clientUid=*", `[]`, 403},
		{"by force without the right", "mike", "activeForce?username=olga", `[]`, 403},
		{"for nobody", "ann", "activeForce?username=nobody", `[]`, 404},
		{"no list", "mike", "active", `{"name":"red"}`, 400},
		{"no JSON", "mike", "active", `red`, 400},
		{"no numbers", "mike", "activebits", `["red"]`, 400},
		{"nothing", "mike", "activebits", ``, 400},
		{"too much", "mike", "active", `[` + strings.Repeat(" ", maxGroups) + `]`, 413},
		{"too many bits", "mike", "activebits", strings.Repeat("1", maxGroups+1), 413},
	} {
		if a := h.by(test.user, "PUT", "/Marti/api/groups/"+test.path, test.body); a.StatusCode != test.want {
			t.Errorf("%s: %s %s", test.name, a.Status, a.text)
		}
	}
	olga.expect()
}

func TestOnlyAdministratorsAdminister(t *testing.T) {
	h := open(t, nil)
	h.check(h.auth.SetRole(t.Context(), "olga", auth.RoleOperator))
	for _, route := range []string{
		"GET /Marti/api/groups/user?username=bea", "GET /Marti/api/groups/update/bea", "GET /Marti/api/users/all", "PUT /Marti/api/groups/activeForce?username=bea",
		"GET /Marti/api/subscriptions/all", "DELETE /Marti/api/subscriptions/delete/BEA-1",
		"GET /Marti/api/repeater/list", "GET /Marti/api/repeater/period", "POST /Marti/api/repeater/period", "GET /Marti/api/repeater/remove/x",
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, user := range []string{"mike", "olga"} {
			if a := h.by(user, method, path, ""); a.StatusCode != 403 || !strings.HasPrefix(a.text, `{"status":"FORBIDDEN","code":10,`) {
				t.Errorf("%s by %s: %s %s", route, user, a.Status, a.text)
			}
		}
		if a := h.by("ann", method, path, "[]"); a.StatusCode == 403 {
			t.Errorf("%s by ann: %s", route, a.text)
		}
	}
	var roles []string
	if err := json.Unmarshal([]byte(h.by("mike", "GET", "/Marti/api/util/user/roles", "").text), &roles); err != nil {
		t.Fatal(err)
	}
	expect(t, "roles", roles, "ROLE_WEBTAK")
	if a := h.by("olga", "GET", "/Marti/api/util/isAdmin", ""); a.text != "false" {
		t.Error(a.text)
	}
	if a := h.by("mike", "POST", "/Marti/api/groups/update", ""); a.StatusCode != 200 {
		t.Error(a.Status)
	}
}
