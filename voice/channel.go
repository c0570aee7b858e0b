package voice

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // the protocol's name for a text
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster/internal/auth"
	"muster/voice/wire"
)

// maxName is the longest name of a user or channel, in bytes.
const maxName = 128

// hashFrom is the length from which descriptions, comments and pictures are
// announced by their hash only.
const hashFrom = 128

// channel is one channel. All of it is guarded by Server.mu, but for what never
// changes.
type channel struct {
	id        uint32
	key       string   // Entry.Key; empty for the root and temporary channels
	temporary bool     // not of the house
	floor     bool     // Entry.Floor
	closed    bool     // Entry.Closed
	stays     bool     // also when nobody is in it: a script has made it
	parent    *channel // nil: the root
	// What rights are asked for; not of the root. In a channel of the server as a
	// whole may be whoever may log in.
	res auth.Resource

	name        string
	description string
	position    int32
	maxUsers    uint32
	acl         *acl // of temporary channels only

	kids      map[uint32]*channel
	users     map[uint32]*user
	listeners map[uint32]*user
	links     map[uint32]*channel
}

func newChannel(id uint32, parent *channel, name string) *channel {
	return &channel{
		id: id, parent: parent, name: name,
		kids: make(map[uint32]*channel), users: make(map[uint32]*user),
		listeners: make(map[uint32]*user), links: make(map[uint32]*channel),
	}
}

// house reports whether the house has made the channel: who sees it sees all who
// are in it. In others one sees those whom one shares a group with.
func (ch *channel) house() bool {
	for ch.temporary {
		ch = ch.parent
	}
	return ch.key != ""
}

// sorted returns channels in the order in which clients get them.
func sorted(m map[uint32]*channel) []*channel {
	out := make([]*channel, 0, len(m))
	for _, ch := range m {
		out = append(out, ch)
	}
	slices.SortFunc(out, func(a, b *channel) int {
		return cmp.Or(cmp.Compare(a.position, b.position), strings.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	return out
}

// state is all that a client needs to know of ch.
func (ch *channel) state() *wire.ChannelState {
	m := &wire.ChannelState{
		ID: new(ch.id), Name: new(ch.name), Position: new(ch.position), MaxUsers: new(ch.maxUsers),
		Temporary: new(ch.temporary && !ch.stays),
	}
	if ch.parent != nil {
		m.Parent = new(ch.parent.id)
	}
	ch.describe(m)
	return m
}

// describe puts the description into m, or its hash.
func (ch *channel) describe(m *wire.ChannelState) {
	if len(ch.description) >= hashFrom {
		m.DescriptionHash = hashOf(ch.description)
	} else {
		m.Description = new(ch.description)
	}
}

func hashOf[T string | []byte](v T) []byte {
	sum := sha1.Sum([]byte(v)) //nolint:gosec // see above
	return sum[:]
}

// linked returns ch and all that is linked to it, over any number of links.
func (ch *channel) linked() []*channel {
	out := []*channel{ch}
	if len(ch.links) == 0 {
		return out
	}
	seen := map[*channel]bool{ch: true}
	for i := 0; i < len(out); i++ {
		for _, l := range out[i].links {
			if !seen[l] {
				seen[l] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// below returns ch and all that is below it.
func (ch *channel) below() []*channel {
	out := []*channel{ch}
	for i := 0; i < len(out); i++ {
		for _, k := range out[i].kids {
			out = append(out, k)
		}
	}
	return out
}

// full reports whether nobody else may enter.
func (s *Server) full(ch *channel) bool {
	return ch.maxUsers > 0 && len(ch.users) >= int(ch.maxUsers)
}

// cleanName makes a name fit to be shown: printable, without the characters that
// clients would take for markup. It may return nothing.
func cleanName(name string) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(name) {
		switch {
		case r == utf8.RuneError, !unicode.IsPrint(r), strings.ContainsRune("<>&\"", r):
			continue
		}
		if b.Len()+utf8.RuneLen(r) > maxName {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// unique returns name, or name with a number behind it, so that taken has none
// like it.
func unique(name string, taken func(string) bool) string {
	for i := 2; taken(name); i++ {
		base := name
		if n := strings.LastIndex(base, " ("); i > 2 && n > 0 {
			base = base[:n]
		}
		name = base + " (" + strconv.Itoa(i) + ")"
	}
	return name
}

// named reports whether ch has a channel of that name below it, other than but.
func (ch *channel) named(name string, but *channel) bool {
	for _, k := range ch.kids {
		if k != but && strings.EqualFold(k.name, name) {
			return true
		}
	}
	return false
}
