package cot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster/cot/wire"
	"muster/internal/auth"
)

// everybody is the callsign that names everybody, as if no recipient was named.
const everybody = "All Streaming"

// take routes e, which may go to the groups w. The error says why it was
// dropped, or what went wrong in a mission.
func (r *Router) take(ctx context.Context, e *Event, w groupSet) error {
	if len(e.Dests) > maxDests {
		return errTooManyDests
	}
	if err := r.checkSender(e); err != nil {
		r.refuse(err, e.Event, e.From, e.via)
		return err
	}
	r.inject(e)
	if e.self {
		answerThroughServer(e.Event)
		e.via.latest.Store(e)
		if e.via.state.Load().incognito {
			return nil
		}
	}
	missions := missionDests(e.Dests)
	if w.empty() && len(missions) == 0 {
		r.refuse(errNoGroup, e.Event, e.From, e.via)
		return errNoGroup
	}
	err := r.spread(ctx, e, w)
	if errors.Is(err, ErrForeign) {
		r.refuse(err, e.Event, e.From, e.via)
		return err
	}
	if r.recorder != nil {
		r.recorder.Record(e)
	}
	return errors.Join(err, r.contribute(ctx, e, missions))
}

// spread sends e to its receivers, as its type wants it.
func (r *Router) spread(ctx context.Context, e *Event, w groupSet) error {
	if len(e.Dests) > 0 {
		r.n.directed.Add(1)
	}
	switch {
	case isAlert(e) && isBroadcast(e.Dests):
		return r.alert(ctx, e, w)
	case e.isChat() && !isBroadcast(e.Dests):
		r.directChat(ctx, e, w, e.Dests)
	case e.isChat() && len(e.Dests) == 0:
		r.roomChat(ctx, e, w)
	case isBroadcast(e.Dests):
		r.fanOut(e, w, e.via)
	default:
		r.direct(e, w, e.Dests)
	}
	return nil
}

// contribute hands e to the missions that it names.
func (r *Router) contribute(ctx context.Context, e *Event, missions []wire.Dest) error {
	if len(missions) == 0 || r.missions == nil {
		return nil
	}
	var all error
	for _, d := range missions {
		if err := r.missions.Contribute(ctx, e, d); err != nil {
			if errors.Is(err, auth.ErrDenied) {
				r.n.denied.Add(1)
			}
			all = errors.Join(all, fmt.Errorf("mission %q: %w", d.Mission+d.MissionGUID, err))
		}
	}
	return all
}

func isMission(d wire.Dest) bool {
	return d.Callsign == "" && d.UID == "" && (d.Mission != "" || d.MissionGUID != "")
}

func missionDests(all []wire.Dest) (missions []wire.Dest) {
	for _, d := range all {
		if isMission(d) && !slices.Contains(missions, d) {
			missions = append(missions, d)
		}
	}
	return missions
}

// isBroadcast reports whether an event with these recipients is for everybody.
func isBroadcast(dests []wire.Dest) bool {
	return len(dests) == 0 || slices.ContainsFunc(dests, func(d wire.Dest) bool { return d.Callsign == everybody })
}

// fanOut queues e for everybody who reads one of w, but not for skip.
func (r *Router) fanOut(e *Event, w groupSet, skip *Client) {
	n := 0
	seats := r.seats()
	for i := range seats {
		s := &seats[i]
		if s.low&w.low == 0 && !s.odd || s.c == skip {
			continue
		}
		if !s.odd {
			s.sink.Send(e)
			n++
		} else if s.c.state.Load().out.meets(w) && s.send(e) {
			n++
		}
	}
	r.n.delivered.Add(int64(n))
}

// send queues e unless the client does not want to see the place it is at.
func (s *seat) send(e *Event) bool {
	if s.odd {
		if f := s.c.state.Load().filter; f != nil && !f.pass(e) {
			return false
		}
	}
	s.sink.Send(e)
	return true
}

// direct queues e for the clients and groups that dests name, as far as they read
// one of w.
func (r *Router) direct(e *Event, w groupSet, dests []wire.Dest) {
	groups, found, _ := r.resolve(e, w, dests)
	n := 0
	if !groups.empty() {
		for _, s := range r.seats() {
			if s.c != e.via && s.c.state.Load().out.meets(groups) && !found.has(s.c) {
				s.sink.Send(e)
				n++
			}
		}
	}
	for _, c := range found.list {
		c.join.Sink.Send(e)
	}
	r.n.delivered.Add(int64(n + len(found.list)))
}

// clientSet is a set of clients in the order they were added.
type clientSet struct {
	list []*Client
	seen map[*Client]bool // once list is long
}

func (s *clientSet) has(c *Client) bool {
	if s.seen != nil {
		return s.seen[c]
	}
	return slices.Contains(s.list, c)
}

func (s *clientSet) add(c *Client) {
	if s.has(c) {
		return
	}
	s.list = append(s.list, c)
	if len(s.list) == 16 {
		s.seen = make(map[*Client]bool)
		for _, c := range s.list {
			s.seen[c] = true
		}
	} else if s.seen != nil {
		s.seen[c] = true
	}
}

// resolve finds who dests name: groups of w, and clients that read one of w.
// missed are those that name a client and led to none that may be reached.
func (r *Router) resolve(e *Event, w groupSet, dests []wire.Dest) (groups groupSet, found clientSet, missed []wire.Dest) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, d := range dests {
		switch {
		case d.Callsign == "" && d.UID == "":
			if d.Group != "" {
				groups = groups.union(r.numbers.within(w, d.Group))
			}
			continue
		case d.Callsign == everybody:
			groups = groups.union(w)
			continue
		}
		hit := false
		for _, c := range r.named(d) {
			if c.join.Sink == nil || !c.state.Load().out.meets(w) {
				continue
			}
			hit = true
			if c != e.via {
				found.add(c)
			}
		}
		if !hit {
			missed = append(missed, d)
		}
	}
	return groups, found, missed
}

// named returns the clients that a recipient names: by callsign, or, if nobody
// has it or none is given, by uid. The caller holds mu.
func (r *Router) named(d wire.Dest) []*Client {
	if d.Callsign != "" {
		if live := r.byName[d.Callsign]; len(live) > 0 {
			return live
		}
	}
	if d.UID == "" {
		return nil
	}
	return r.byUID[d.UID]
}

// throughServer is the endpoint that makes receivers answer through the server.
const throughServer = "*:-1:stcp"

// answerThroughServer replaces an address in the contact of a report, which only
// the sender's own network could reach, and would be seen by everybody.
func answerThroughServer(w *wire.Event) {
	if !isAddress(w.Contact.Endpoint) {
		return
	}
	var again []byte
	for _, el := range w.Cut("contact") {
		again = append(again, setAttr(el.Raw, "endpoint", throughServer)...)
	}
	w.AddDetail(again)
}

// isAddress reports whether an endpoint has the form ip:port:tcp (or udp, ssl).
func isAddress(endpoint string) bool {
	if endpoint == throughServer {
		return false
	}
	i := strings.LastIndexByte(endpoint, ':')
	if i < 0 {
		return false
	}
	switch endpoint[i+1:] {
	case "tcp", "udp", "ssl":
	default:
		return false
	}
	host, port, ok := cutLast(endpoint[:i])
	if !ok || host == "" || host == "*" {
		return false
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// setAttr returns the element in raw with another value of the attribute called
// name; value needs no escaping. Every other byte stays as it is.
func setAttr(raw []byte, name, value string) []byte {
	i := 1
	for i < len(raw) && raw[i] != '>' {
		begin := i
		for i < len(raw) && !strings.ContainsRune("= \t\r\n/>", rune(raw[i])) {
			i++
		}
		attr := string(raw[begin:i])
		for i < len(raw) && strings.ContainsRune(" \t\r\n", rune(raw[i])) {
			i++
		}
		if i >= len(raw) || raw[i] != '=' {
			if i == begin {
				i++
			}
			continue
		}
		for i++; i < len(raw) && raw[i] != '"' && raw[i] != '\''; i++ {
		}
		if i >= len(raw) {
			break
		}
		end := i + 1
		for end < len(raw) && raw[end] != raw[i] {
			end++
		}
		if attr == name {
			return slices.Concat(raw[:i+1], []byte(value), raw[end:])
		}
		i = end + 1
	}
	return raw
}
