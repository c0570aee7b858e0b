package voice

import (
	"html"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/voice/wire"
)

// maxReceivers is how many parts one text may be addressed to.
const maxReceivers = 256

// handleText passes a text on, once to each who may have it.
func (c *conn) handleText(m *wire.TextMessage) {
	s := c.s
	if !c.limits.text(time.Now()) {
		s.n.denied.Add(1)
		c.reply((&denied{code: wire.DeniedText, text: "too many messages; wait a little"}).message(c.u))
		return
	}
	text := plainText(value(m.Text))
	if len(text) > s.cfg.TextLength || len(m.Sessions)+len(m.Channels)+len(m.Trees) > maxReceivers {
		c.reply((&denied{code: wire.DeniedTextTooLong}).message(c.u))
		return
	}
	if text == "" {
		if value(m.Text) != "" {
			c.deny(deny("nothing is left of the message: pictures are not passed on"))
		}
		return
	}
	s.mu.RLock()
	to, err := s.readers(c.u, m)
	var bridged *Member
	for _, id := range m.Channels {
		if c.u.ch != nil && id == c.u.ch.id && err == nil {
			bridged = c.u.member()
		}
	}
	s.mu.RUnlock()
	if err, ok := err.(*denied); ok {
		s.n.denied.Add(1)
		c.reply(err.message(c.u))
		return
	}
	out := &wire.TextMessage{
		Actor: new(c.u.session), Sessions: m.Sessions, Channels: m.Channels, Trees: m.Trees, Text: new(text),
	}
	frame := wire.AppendFrame(nil, out)
	for _, o := range to {
		o.send(frame)
	}
	s.n.texts.Add(1)
	s.watchText(c.u, out)
	if bridged != nil {
		s.tellText(*bridged, unescaped(text))
	}
}

// watchText tells of a text of u.
func (s *Server) watchText(u *user, m *wire.TextMessage) {
	w := s.watcher.Load()
	if w == nil {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	(*w)(Event{Kind: Texted, Session: s.session(u), Text: m})
}

// readers returns who gets a text of u. The caller holds mu.
func (s *Server) readers(u *user, m *wire.TextMessage) ([]*conn, error) {
	seen := map[*user]bool{u: true}
	var to []*conn
	add := func(o *user) {
		if o.c != nil && !seen[o] && s.sees(o, u) {
			seen[o] = true
			to = append(to, o.c)
		}
	}
	channel := func(ch *channel) error {
		switch {
		case s.permissions(u, ch)&wire.Text == 0, ch.closed && ch != u.ch:
			return lacks(wire.Text, ch)
		case ch == u.ch && u.held.Waits:
			return deny("a host has to let you in first")
		}
		for _, o := range ch.users {
			if s.reads(o, ch) {
				add(o)
			}
		}
		return nil
	}
	for _, id := range m.Channels {
		if ch := s.visible(u, id); ch != nil {
			if err := channel(ch); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range m.Trees {
		top := s.visible(u, id)
		if top == nil {
			continue
		}
		if s.permissions(u, top)&wire.Text == 0 {
			return nil, lacks(wire.Text, top)
		}
		for _, ch := range top.below() {
			_ = channel(ch) // where one may not, nobody is told
		}
	}
	for _, session := range m.Sessions {
		o := s.seen(u, session)
		if o == nil {
			continue
		}
		if s.permissions(u, o.ch)&wire.Text == 0 && s.permissions(u, s.root)&wire.Text == 0 {
			return nil, lacks(wire.Text, o.ch)
		}
		if o.seat != nil {
			return nil, deny("this user is not in Mumble and reads only what is written to the channel")
		}
		add(o)
	}
	return to, nil
}

// reads reports whether o, who is in ch, gets what is written to it. The caller
// holds mu.
func (s *Server) reads(o *user, ch *channel) bool {
	return !o.held.Waits && (s.permissions(o, ch)&hear != 0 || ch == s.root)
}

// plainText takes the markup out of a text of a client: what clients show as HTML
// may make others fetch addresses. Characters that cannot be seen go as well. What
// is left may still hold references such as &lt;, which clients show as characters.
func plainText(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '<':
			if end := tagEnd(s[i:]); end > 0 {
				if breaks(s[i:i+end]) && b.Len() > 0 {
					b.WriteByte('\n')
				}
				i += end
				continue
			}
			b.WriteString("&lt;") // some clients take any such sign for a tag
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == utf8.RuneError && n <= 1, unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return strings.TrimSpace(b.String())
}

// PlainText is a text of a Mumble client for those who show no HTML.
func PlainText(text string) string { return unescaped(plainText(text)) }

// unescaped is a text of plainText without references, for those who show no HTML.
func unescaped(s string) string { return html.UnescapeString(s) }

// escaped makes plain text fit for clients, which show HTML.
func escaped(s string) string {
	return plainText(strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(s))
}

// cut returns at most n bytes of s, and no half of a character.
func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// tagEnd returns the length of the tag that s begins with; 0: it begins with none.
func tagEnd(s string) int {
	if len(s) < 2 {
		return 0
	}
	c := s[1]
	if !(c == '/' || c == '!' || c == '?' || 'a' <= c|0x20 && c|0x20 <= 'z') {
		return 0
	}
	if end := strings.IndexByte(s, '>'); end > 0 {
		return end + 1
	}
	return 0 // no tag, but a sign: what is behind it is not lost
}

// breaks reports whether a tag ends a line.
func breaks(tag string) bool {
	name := strings.ToLower(strings.Trim(tag, "<>/ "))
	return strings.HasPrefix(name, "br") || tag[1] == '/' && (name == "p" || name == "div" || name == "li")
}
