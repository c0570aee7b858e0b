// Package alarm lets an emergency of a TAK client open a room and call people
// into it, by rules of the configuration. It decides; what it decides is done by
// the parts that it is given.
package alarm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/cot"
	"muster/internal/safename"
)

// Rule is an element of voice.emergencies. Of the rules that fit an emergency the
// first counts.
type Rule struct {
	Groups   []string `yaml:"groups" doc:"Groups whose emergencies this is about; an emergency belongs to those its sender writes to. Empty: all."`
	Types    []string `yaml:"types" doc:"What it is about: 911, bell (ring the bell), contact (troops in contact), geofence, or a CoT type such as b-a-o-tbl. Empty: all."`
	Room     string   `yaml:"room" doc:"Name of the room that people are called into. Empty: one is made for each emergency, called after it, for the groups that it belongs to."`
	Users    []string `yaml:"users" doc:"Users who are called at the pages that they have open, as far as they may enter the room; they are hosts of a room that is made. * is everybody who may enter."`
	Numbers  []string `yaml:"numbers" doc:"What is called over SIP: numbers of the dial plan, or users, whose phones ring."`
	Owner    string   `yaml:"owner" doc:"User with whose rights numbers are called, and on whose account; needed for numbers. It must be able to enter the room."`
	Mumble   string   `yaml:"mumble" doc:"What becomes of Mumble users who are in a channel and see the emergency: text (they are sent a message), move (they are moved into the room's channel), or empty for nothing."`
	Record   bool     `yaml:"record" doc:"Whether the room is recorded from the moment somebody is in it."`
	MaxCalls int      `yaml:"maxCalls" doc:"Most calls to numbers that the rule makes within ten minutes, for all emergencies together; 0 stands for 10."`
}

// What a Rule does to Mumble users.
const (
	Text = "text"
	Move = "move"
)

// types are the words for the types that ATAK sends.
var types = map[string]string{"911": "b-a-o-tbl", "bell": "b-a-o-pan", "contact": "b-a-o-opn", "geofence": "b-a-g"}

// Bounds of the configuration.
const (
	maxRules     = 50
	maxUsers     = 50
	maxNumbers   = 20
	mostCalls    = 100
	defaultCalls = 10
)

// Everybody stands in Rule.Users for all who may enter the room.
const Everybody = "*"

// Validate reports the first rule that cannot work.
func Validate(rules []Rule) error {
	if len(rules) > maxRules {
		return fmt.Errorf(": at most %d rules", maxRules)
	}
	for i, r := range rules {
		if err := r.validate(); err != nil {
			return fmt.Errorf("[%d].%w", i, err)
		}
	}
	return nil
}

func (r Rule) validate() error {
	for _, t := range r.Types {
		if types[t] == "" && !strings.HasPrefix(t, "b-a-") {
			return fmt.Errorf("types: %q is none of 911, bell, contact, geofence, nor a CoT type that begins with b-a-", t)
		}
	}
	if r.Room != "" {
		if n, err := safename.Parse(r.Room); err != nil || strings.Contains(n.String(), "/") {
			return errors.New("room: a room's name is one word without a slash")
		}
	}
	switch {
	case slices.Contains(r.Groups, ""):
		return errors.New("groups: a group has a name")
	case slices.Contains(r.Users, "") || len(r.Users) > maxUsers:
		return fmt.Errorf("users: at most %d names", maxUsers)
	case slices.Contains(r.Numbers, "") || len(r.Numbers) > maxNumbers:
		return fmt.Errorf("numbers: at most %d, and none is empty", maxNumbers)
	case len(r.Numbers) > 0 && r.Owner == "":
		return errors.New("owner: somebody has to have the right to call the numbers")
	case r.Mumble != "" && r.Mumble != Text && r.Mumble != Move:
		return errors.New("mumble: text, move, or empty")
	case r.MaxCalls < 0 || r.MaxCalls > mostCalls:
		return fmt.Errorf("maxCalls: from 0 to %d", mostCalls)
	}
	return nil
}

// fits reports whether the rule is about e.
func (r *Rule) fits(e *cot.Emergency) bool {
	group := len(r.Groups) == 0 || slices.ContainsFunc(e.Groups, func(g string) bool { return slices.Contains(r.Groups, g) })
	return group && (len(r.Types) == 0 || slices.ContainsFunc(r.Types, func(t string) bool { return t == e.Type || types[t] == e.Type }))
}

// calls is how many numbers the rule may call within Window.
func (r *Rule) calls() int {
	if r.MaxCalls == 0 {
		return defaultCalls
	}
	return r.MaxCalls
}
