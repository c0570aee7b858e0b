package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Hook is one address that is told of events: an element of web.webhooks.
type Hook struct {
	URL     string   `yaml:"url" doc:"Address that each event is sent to with POST, by https."`
	Secret  string   `yaml:"secret" doc:"What messages are signed with: whsec_ and base64 of 24 to 64 bytes, or at least 24 characters."`
	Events  []string `yaml:"events" doc:"Types of events that are sent, such as room.joined; room.* is all of a kind, and * everything."`
	Private bool     `yaml:"private" doc:"Whether the address may be inside (this machine, private networks), and be reached without TLS. One that is written as a number is always reached."`
}

// MaxHooks bounds the hooks of one server.
const MaxHooks = 32

// Types are the events that can be sent, and what each says. The data of each are
// those of the fact of that name on the bus.
var Types = []struct{ Type, About string }{
	{"room.opened", "the first participant has entered a room"},
	{"room.closed", "the last has left"},
	{"room.joined", "somebody has entered, or was let in from the lobby"},
	{"room.left", "somebody has left"},
	{"room.changed", "a room was made, changed or removed"},
	{"stream.ready", "a stream is live"},
	{"stream.ended", "a stream has ended"},
	{"recording.changed", "a recording was begun, finished or removed"},
	{"session.opened", "somebody has begun to publish, watch or take part, on any protocol; calls too"},
	{"session.closed", "and has ended it"},
	{"auth.failed", "a login has failed"},
	{"user.changed", "an account was added, changed or removed"},
	{"group.changed", "a group or who is in it has changed"},
	{"token.changed", "a token was added or revoked"},
	{"device.changed", "a certificate was issued or revoked"},
	{"cot.contact", "a device appeared on the map, or left"},
	{"cot.emergency", "an alert began, changed or ended"},
	{"emergency.room", "a rule has opened a room for an emergency, or this emergency is over"},
	{"file.changed", "a file was stored or removed"},
	{"mission.changed", "a mission has changed"},
}

// typeTest is the event that an administrator sends by hand.
const typeTest = "webhook.test"

// Validate reports the first hook that cannot work.
func Validate(hooks []Hook) error {
	if len(hooks) > MaxHooks {
		return fmt.Errorf("more than %d hooks", MaxHooks)
	}
	seen := make(map[string]bool)
	for i, h := range hooks {
		if err := h.validate(); err != nil {
			return fmt.Errorf("[%d].%w", i, err)
		}
		if seen[h.URL] {
			return fmt.Errorf("[%d].url: this address is there already", i)
		}
		seen[h.URL] = true
	}
	return nil
}

func (h Hook) validate() error {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil, u.Hostname() == "", u.Scheme != "https" && u.Scheme != "http":
		return errors.New("url: write https://HOST/PATH")
	case u.User != nil:
		return errors.New("url: credentials do not belong into it; messages are signed")
	case u.Scheme == "http" && !h.Private && !loopback(u.Hostname()):
		return errors.New("url: use https, or set private for an address inside")
	}
	if _, err := h.key(); err != nil {
		return err
	}
	if len(h.Events) == 0 {
		return errors.New("events: name at least one, or *")
	}
	for _, e := range h.Events {
		if !known(e) {
			return fmt.Errorf("events: there is no event %q", e)
		}
	}
	return nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// key is what messages are signed with.
func (h Hook) key() ([]byte, error) {
	if text, ok := strings.CutPrefix(h.Secret, "whsec_"); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) < 24 || len(b) > 64 {
			return nil, errors.New("secret: behind whsec_ stands base64 of 24 to 64 bytes")
		}
		return b, nil
	}
	if len(h.Secret) < 24 {
		return nil, errors.New("secret: it has at least 24 characters; make one with: echo whsec_$(openssl rand -base64 32)")
	}
	return []byte(h.Secret), nil
}

func known(pattern string) bool {
	return pattern == "*" || slices.ContainsFunc(Types, func(t struct{ Type, About string }) bool { return matches(pattern, t.Type) })
}

func matches(pattern, typ string) bool {
	if kind, ok := strings.CutSuffix(pattern, "*"); ok {
		return pattern == "*" || strings.HasSuffix(kind, ".") && strings.HasPrefix(typ, kind)
	}
	return pattern == typ
}

func (h Hook) wants(typ string) bool {
	return slices.ContainsFunc(h.Events, func(p string) bool { return matches(p, typ) })
}

// id names the hook in the database and the API. It comes from the address, so
// that what waits outlives a restart and a new secret.
func (h Hook) id() string {
	sum := sha256.Sum256([]byte(h.URL))
	return hex.EncodeToString(sum[:8])
}
