package events

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster/cot/history"
	"muster/cot/marti/reply"
)

// policies are TAK Server's names for kinds of things, and ours. The first of ours
// is shown.
var policies = []struct {
	name  string
	kinds []string
}{
	{"cot", []string{history.KindMarker, history.KindPosition, history.KindAlert}}, {"geochat", []string{history.KindChat}},
	{"files", []string{"file"}}, {"missionpackages", []string{"package"}}, {"missions", []string{"mission"}},
}

const secondsPerDay = 24 * 60 * 60

// policy answers how many seconds each kind is kept; null is for ever.
func (a *API) policy(w http.ResponseWriter, r *http.Request) {
	if !admin(w, r) {
		return
	}
	a.showPolicy(w, r)
}

func (a *API) showPolicy(w http.ResponseWriter, r *http.Request) {
	rules, err := a.deps.History.Rules(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	out := make(map[string]*int64)
	for _, p := range policies {
		for _, rule := range rules {
			if rule.Kind != p.kinds[0] {
				continue
			}
			out[p.name] = nil
			if n := int64(rule.Days * secondsPerDay); n > 0 {
				out[p.name] = &n
			}
		}
	}
	a.deps.Node.Envelope(w, "RetentionPolicies", out)
}

// setPolicy changes the ages of the kinds that are named; limits of size and
// number stay as they are.
func (a *API) setPolicy(w http.ResponseWriter, r *http.Request) {
	if !admin(w, r) {
		return
	}
	body, err := reply.Body(w, r, 64<<10)
	if err != nil {
		return
	}
	var seconds map[string]*int64
	if json.Unmarshal(body, &seconds) != nil {
		reply.Error(w, http.StatusBadRequest, `The body is a JSON object of seconds, such as {"cot": 2592000}.`)
		return
	}
	rules, err := a.deps.History.Rules(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	byKind := make(map[string]history.Rule)
	for _, rule := range rules {
		byKind[rule.Kind] = rule
	}
	var changed []history.Rule
	for name, n := range seconds {
		some := false
		for _, kind := range kindsOf(name) {
			rule, ok := byKind[kind]
			if !ok {
				continue
			}
			some, rule.Days = true, 0
			if n != nil {
				rule.Days = float64(*n) / secondsPerDay
			}
			changed = append(changed, rule)
		}
		if !some {
			reply.Error(w, http.StatusBadRequest, fmt.Sprintf("There are no things of the kind %.40q.", name))
			return
		}
	}
	if err := a.deps.History.SetRules(r.Context(), changed); err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.Info("the rules of retention were changed", "user", reply.From(r).Identity.User)
	a.showPolicy(w, r)
}

func kindsOf(name string) []string {
	for _, p := range policies {
		if p.name == name {
			return p.kinds
		}
	}
	return nil
}

func (a *API) schedule(w http.ResponseWriter, r *http.Request) {
	if !admin(w, r) {
		return
	}
	s, err := a.deps.History.Schedule(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.deps.Node.Envelope(w, "RetentionServiceSchedule", s)
}

// setSchedule takes a cron expression, or whatever else our schedules may be, as
// text or as a JSON text.
func (a *API) setSchedule(w http.ResponseWriter, r *http.Request) {
	if !admin(w, r) {
		return
	}
	body, err := reply.Body(w, r, 4<<10)
	if err != nil {
		return
	}
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, `"`) && json.Unmarshal(body, &text) != nil {
		reply.Error(w, http.StatusBadRequest, "The schedule is not a text.")
		return
	}
	if err := a.deps.History.SetSchedule(r.Context(), text); err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.Info("the schedule of the clean-up was changed", "user", reply.From(r).Identity.User, "schedule", text)
	a.schedule(w, r)
}

func (a *API) expireFile(w http.ResponseWriter, r *http.Request) {
	at, ok := expiry(w, r)
	if !ok {
		return
	}
	if err := a.deps.Expiry.ExpireFile(r.Context(), reply.From(r).Identity, r.PathValue("name"), at); err != nil {
		a.fail(w, r, err)
		return
	}
	a.deps.Node.Envelope(w, "java.lang.Boolean", true)
}

// expiry reads a time in seconds since 1970; -1 is never, which is the zero time.
func expiry(w http.ResponseWriter, r *http.Request) (time.Time, bool) {
	n, err := strconv.ParseInt(r.PathValue("time"), 10, 64)
	if err != nil || n < -1 || n > 1<<36 {
		reply.Error(w, http.StatusBadRequest, "The time is a number of seconds since 1970, or -1 for never.")
		return time.Time{}, false
	}
	if n <= 0 {
		return time.Time{}, true
	}
	return time.Unix(n, 0).UTC(), true
}
