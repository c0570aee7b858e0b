package stream

import (
	"sync/atomic"

	"muster/cot"
)

// Stats counts since the start of the server, unless it says otherwise.
type Stats struct {
	Open          int64 // clients connected now
	Version1      int64 // clients that went over to version 1
	Pending       int64 // connections now that have not yet proven who they are
	Accepted      int64 // connections
	Evicted       int64 // connections that had to make room before they had proven who they are
	Unproven      int64 // connections ended because they did not prove who they are
	Slow          int64 // clients ended because they did not read
	Silent        int64 // clients ended because they did not send
	EventsIn      int64 // events that could be read
	EventsOut     int64 // copies handed to sockets
	Malformed     int64 // events, or streams, that could not be read
	Skipped       int64 // events over the limit, and bytes that are no event
	Refused       int64 // events the hub did not take
	Replaced      int64 // positions that made way for newer ones
	Dropped       int64 // copies given up
	Writes        int64 // system calls that sent
	Blocked       int64 // of these, those that could not send all
	BytesIn       int64
	BytesOut      int64
	Datagrams     int64 // received
	DatagramsLost int64 // of these, dropped for their rate or form
}

type counters struct {
	version1, accepted, evicted, unproven, slow, silent, eventsIn, malformed, skipped, refused,
	writes, blocked, bytesIn, bytesOut, datagrams, datagramsLost atomic.Int64
}

// totals sums up queues.
type totals struct{ sent, replaced, dropped int64 }

func (t *totals) add(q cot.QueueState) {
	t.sent += q.Sent
	t.replaced += q.Replaced
	t.dropped += q.Dropped + int64(q.Events)
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	n := &s.n
	out := Stats{
		Version1: n.version1.Load(), Accepted: n.accepted.Load(), Evicted: n.evicted.Load(), Unproven: n.unproven.Load(),
		Slow: n.slow.Load(), Silent: n.silent.Load(), EventsIn: n.eventsIn.Load(), Malformed: n.malformed.Load(),
		Skipped: n.skipped.Load(), Refused: n.refused.Load(), Writes: n.writes.Load(), Blocked: n.blocked.Load(),
		BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(),
		Datagrams: n.datagrams.Load(), DatagramsLost: n.datagramsLost.Load(),
		Pending: int64(s.pending.len()),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.past
	for c := range s.sessions {
		q := c.q.State()
		sum.sent += q.Sent
		sum.replaced += q.Replaced
		sum.dropped += q.Dropped
	}
	out.Open = int64(len(s.sessions))
	out.EventsOut, out.Replaced, out.Dropped = sum.sent, sum.replaced, sum.dropped
	return out
}
