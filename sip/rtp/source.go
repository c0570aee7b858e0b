package rtp

import (
	"net/netip"
	"slices"
)

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
	ice       bool             // only who has passed a connectivity check is heard
	checked   []netip.AddrPort // who has; at most maxChecked, the oldest goes
}

// maxChecked is how many addresses of one phone are heard: it has several, and
// more when its network changes.
const maxChecked = 16

// expect begins anew, after an offer and answer. The source in use stays until
// another one that is allowed sends.
func (s *source) expect(signalled netip.AddrPort, peer netip.Addr) {
	if !fit(signalled.Addr(), peer) {
		signalled = netip.AddrPort{}
	}
	s.signalled, s.peer, s.count = signalled, peer, 0
	if !s.allowed(s.learnt) {
		s.learnt = netip.AddrPort{}
	}
}

// fit reports whether media may be sent to a, which a phone at peer has named: not
// to many at once, and to this machine or to what is on the same wire as it only
// by who is there as well.
func fit(a, peer netip.Addr) bool {
	switch {
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case a.IsLoopback():
		return peer.IsLoopback()
	case a.IsLinkLocalUnicast():
		return peer.IsLinkLocalUnicast()
	}
	return true
}

func (s *source) allowed(a netip.AddrPort) bool {
	if s.ice {
		return slices.Contains(s.checked, a)
	}
	return a.IsValid() && (a.Addr() == s.signalled.Addr() || a.Addr() == s.peer)
}

// check notes an address that has passed a connectivity check. The first one is
// where to send, until another is nominated (RFC 8445 §8.1.1).
func (s *source) check(a netip.AddrPort, nominated bool) {
	if !slices.Contains(s.checked, a) {
		if len(s.checked) >= maxChecked {
			s.checked = slices.Delete(s.checked, 0, 1)
		}
		s.checked = append(s.checked, a)
	}
	if nominated || !s.learnt.IsValid() {
		s.learnt = a
	}
}

// restart begins ICE anew. The way in use stays until another one is found.
func (s *source) restart(ice bool) {
	s.ice, s.checked = ice, nil
	switch {
	case !ice:
	case s.learnt.IsValid():
		s.checked = append(s.checked, s.learnt)
	}
}

// candidate reports whether a packet from a is looked at at all.
func (s *source) candidate(a netip.AddrPort, encrypted bool) bool {
	if s.ice {
		return s.allowed(a)
	}
	if s.count >= strict {
		return a == s.learnt
	}
	return encrypted || s.allowed(a)
}

// take notes a good packet from a.
func (s *source) take(a netip.AddrPort) {
	if s.ice { // the phone says by its checks where it wants to be reached
		return
	}
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
	case s.ice:
	case s.signalled.IsValid() && s.signalled.Port() != 0 && (trusted || s.signalled.Addr() == s.peer):
		return s.signalled, true
	}
	return netip.AddrPort{}, false
}
