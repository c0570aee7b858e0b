package wire

import (
	"bytes"
	"errors"
	"fmt"
)

// The reasons that bytes of a stream are passed over.
var (
	errNoEvent    = errors.New("bytes between events")
	errSelfClosed = errors.New("an event without content")
	errCutOff     = errors.New("an event that is cut off in its first tag")
)

// place is where in the stream of XML a Scanner is.
type place uint8

const (
	between   place = iota // before an event
	inTag                  // in the first tag of an event or an auth
	inContent              // behind it
	inComment
	inCData
)

// seek passes over what is before the next event or auth. It leaves place at
// between as long as none has begun.
func (s *Scanner) seek(buf []byte) (it Item, n int) {
	junk := false
	for {
		if !s.junk {
			n += skipIdle(buf[n:])
		}
		rest := buf[n:]
		if len(rest) == 0 {
			break
		}
		switch m := match(rest); {
		case m == isEvent || m == isAuth:
			if junk && !s.junk { // report it first; the next call comes back here
				s.junk = true
				return Item{Kind: Skipped, Err: errNoEvent}, n
			}
			s.place, s.auth, s.off, s.quote, s.junk = inTag, m == isAuth, len("<auth"), 0, false
			return it, n
		case m == isShort && len(rest) < maxProlog:
			return s.report(junk), n
		case m == isProlog && !s.junk:
			n += bytes.Index(rest, []byte("?>")) + 2
			continue
		}
		junk = true
		next := bytes.IndexByte(rest[1:], '<')
		if next < 0 {
			n = len(buf)
			break
		}
		n += 1 + next
	}
	return s.report(junk), n
}

// report makes the item for bytes that are no event: one for each run of them.
func (s *Scanner) report(junk bool) (it Item) {
	if junk && !s.junk {
		s.junk = true
		it = Item{Kind: Skipped, Err: errNoEvent}
	}
	return it
}

// What match finds.
const (
	isJunk = iota
	isEvent
	isAuth
	isProlog // a whole one
	isShort  // it may become one of the others
)

// match says what b begins with.
func match(b []byte) int {
	switch {
	case begins(b, "<event"):
		return isEvent
	case begins(b, "<auth"):
		return isAuth
	case bytes.HasPrefix(b, []byte("<?xml")):
		if bytes.Contains(b[:min(len(b), maxProlog)], []byte("?>")) {
			return isProlog
		}
		return isShort
	}
	for _, whole := range []string{"<event", "<auth", "<?xml", byteOrderMark} {
		if len(b) <= len(whole) && whole[:len(b)] == string(b) {
			return isShort
		}
	}
	return isJunk
}

// begins reports whether b begins with the tag, and not with a longer name.
func begins(b []byte, tag string) bool {
	if len(b) <= len(tag) || string(b[:len(tag)]) != tag {
		return false
	}
	c := b[len(tag)]
	return class[c]&isSpace != 0 || c == '>' || c == '/'
}

// element looks for the end of the event or auth that buf begins with; when it
// is over the limit, buf begins with what has not been looked at.
func (s *Scanner) element(buf []byte) (it Item, n int, err error) {
	end, why := s.find(buf)
	limit := s.limits.Event
	if s.auth {
		limit = maxAuth
	}
	switch {
	case s.auth && (end > limit || end == notFound && len(buf) > limit):
		return it, 0, fmt.Errorf("an auth element of more than %d bytes: %w", limit, ErrFraming)
	case end != notFound:
		skip := s.skip || end > limit
		kind := XML
		if s.auth {
			kind = Auth
		}
		s.place, s.skip, s.off, s.gone = between, false, 0, 0
		s.junk = why == errCutOff // what is left of it needs no report of its own
		switch {
		case skip:
			return Item{Kind: Skipped, Err: ErrTooLong}, end, nil
		case why != nil:
			return Item{Kind: Skipped, Err: why}, end, nil
		}
		return Item{Kind: kind, Data: buf[:end:end]}, end, nil
	case s.skip || len(buf) > limit:
		s.skip = true
		keep := min(s.off, 1) // firstTag looks back
		n, s.off = s.off-keep, keep
		s.gone += n
	}
	return it, n, nil
}

// notFound is what find returns while the end is not there.
const notFound = -1

// find returns where the element ends that has been looked at up to off. why is
// the reason that it is none.
func (s *Scanner) find(buf []byte) (end int, why error) {
	for {
		switch s.place {
		case inTag:
			if done, end, why := s.firstTag(buf); done {
				return end, why
			}
		case inContent:
			if done, end := s.content(buf); done {
				return end, nil
			}
		case inComment:
			if !s.through(buf, "-->") {
				return notFound, nil
			}
		default:
			if !s.through(buf, "]]>") {
				return notFound, nil
			}
		}
	}
}

// firstTag looks for the end of the element's first tag. done says that find has
// its answer.
func (s *Scanner) firstTag(buf []byte) (done bool, end int, why error) {
	for ; s.off < len(buf); s.off++ {
		switch c := buf[s.off]; {
		case c == '<': // in no tag and no value
			return true, s.off, errCutOff
		case s.quote != 0:
			if c == s.quote {
				s.quote = 0
			}
		case c == '"' || c == '\'':
			s.quote = c
		case c == '>':
			s.off++
			if s.off > 1 && buf[s.off-2] == '/' {
				return true, s.off, errSelfClosed
			}
			s.place = inContent
			return false, 0, nil
		}
	}
	return true, notFound, nil
}

// content looks for the end tag, or the start of a comment or CDATA section.
func (s *Scanner) content(buf []byte) (done bool, end int) {
	name := "event"
	if s.auth {
		name = "auth"
	}
	for {
		i := bytes.IndexByte(buf[s.off:], '<')
		if i < 0 {
			s.off = len(buf)
			return true, notFound
		}
		s.off += i
		rest := buf[s.off:]
		if len(rest) < 2 {
			return true, notFound
		}
		switch rest[1] {
		case '/':
			n, short := endTag(rest, name)
			if short {
				return true, notFound
			}
			if n > 0 {
				return true, s.off + n
			}
		case '!':
			for _, open := range [...]struct {
				with string
				to   place
			}{{"<!--", inComment}, {"<![CDATA[", inCData}} {
				if len(rest) < len(open.with) && open.with[:len(rest)] == string(rest) {
					return true, notFound
				}
				if bytes.HasPrefix(rest, []byte(open.with)) {
					s.off += len(open.with)
					s.place, s.since = open.to, s.gone+s.off
					return false, 0
				}
			}
		case 'e':
			if s.gone+s.off <= s.limits.Event {
				break
			}
			if begins(rest, "<event") { // the rest of the long one never came
				return true, s.off
			}
			if len(rest) <= len("<event") && "<event"[:len(rest)] == string(rest) {
				return true, notFound
			}
		}
		s.off++
	}
}

// maxTagSpace is how much white space an end tag may have.
const maxTagSpace = 64

// endTag returns the length of the end tag of that name that b begins with, or
// 0. short says that it may become one.
func endTag(b []byte, name string) (n int, short bool) {
	n = len("</") + len(name)
	if len(b) < n {
		return 0, string(b[2:]) == name[:len(b)-2]
	}
	if string(b[2:n]) != name {
		return 0, false
	}
	for ; n < len(b); n++ {
		switch {
		case b[n] == '>':
			return n + 1, false
		case class[b[n]]&isSpace == 0 || n > maxTagSpace:
			return 0, false
		}
	}
	return 0, true
}

// through looks for the end of a comment or CDATA section. An element that is
// over the limit is not followed in one for longer than an event may be.
func (s *Scanner) through(buf []byte, end string) bool {
	limit := s.limits.Event
	last := max(max(limit, s.since)+limit-s.gone, s.off) // give up here
	part := buf[:min(len(buf), last)]
	if i := bytes.Index(part[s.off:], []byte(end)); i >= 0 {
		s.off += i + len(end)
	} else if len(part) == last {
		s.off = last
	} else {
		s.off = max(s.off, len(buf)-len(end)+1)
		return false
	}
	s.place = inContent
	return true
}
