package rtp

import "net/netip"

// strict is the number of packets after which the source of a stream is settled.
const strict = 5

// source decides from whom the packets of a stream are taken (symmetric RTP,
// RFC 4961): from the address that signalling names, or from that of the
// signalling itself, which is what a phone behind NAT is seen as. The first one
// to send is learnt; after a few packets no other is heard until the next
// re-INVITE.
type source struct {
	signalled netip.AddrPort
	peer      netip.Addr // where signalling comes from
	learnt    netip.AddrPort
	count     int
}

// expect begins anew, after an offer and answer. The source in use stays until
// another one that is allowed sends.
func (s *source) expect(signalled netip.AddrPort, peer netip.Addr) {
	s.signalled, s.peer, s.count = signalled, peer, 0
	if !s.allowed(s.learnt) {
		s.learnt = netip.AddrPort{}
	}
}

func (s *source) allowed(a netip.AddrPort) bool {
	return a.IsValid() && (a.Addr() == s.signalled.Addr() || a.Addr() == s.peer)
}

// candidate reports whether a packet from a is looked at at all.
func (s *source) candidate(a netip.AddrPort, encrypted bool) bool {
	if s.count >= strict {
		return a == s.learnt
	}
	return encrypted || s.allowed(a)
}

// take notes a good packet from a.
func (s *source) take(a netip.AddrPort) {
	if s.learnt == a {
		s.count++
		return
	}
	s.learnt, s.count = a, 1
}

// target returns where to send: to the source, as soon as one is known. Before
// that to the address that signalling names, if trusted or if signalling comes
// from there: otherwise a stranger could have media sent to a third party.
func (s *source) target(trusted bool) (netip.AddrPort, bool) {
	switch {
	case s.learnt.IsValid():
		return s.learnt, true
	case s.signalled.IsValid() && s.signalled.Port() != 0 && (trusted || s.signalled.Addr() == s.peer):
		return s.signalled, true
	}
	return netip.AddrPort{}, false
}
