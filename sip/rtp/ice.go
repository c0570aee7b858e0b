package rtp

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/pion/stun/v4"

	"muster/sip/sdp"
)

// check answers the connectivity checks of a browser (RFC 8445 §7.3): we are
// lite and send none. What does not prove that it knows our password is not
// answered at all.
func (s *Stream) check(b []byte, from netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ice.Ufrag == "" || !stun.IsMessage(b) {
		return false
	}
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	nominated, err := checkedBy(m, s.ice)
	if err != nil {
		return false
	}
	answer, err := stun.Build(m, stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(s.ice.Pwd), stun.Fingerprint)
	if err != nil {
		return false
	}
	s.from.check(from, nominated)
	_, _ = s.pair.RTP.WriteToUDPAddrPort(answer.Raw, from) // it is asked again
	return true
}

var errCheck = errors.New("rtp: not a connectivity check for this stream")

// checkedBy reads a check and says whether it nominates its way.
func checkedBy(m *stun.Message, own sdp.ICE) (nominated bool, err error) {
	if err := m.Decode(); err != nil {
		return false, err
	}
	var name stun.Username
	if err := name.GetFrom(m); err != nil {
		return false, err
	}
	if ufrag, _, ok := strings.Cut(string(name), ":"); m.Type != stun.BindingRequest || !ok || ufrag != own.Ufrag {
		return false, errCheck
	}
	if err := stun.NewShortTermIntegrity(own.Pwd).Check(m); err != nil {
		return false, err
	}
	return m.Contains(stun.AttrUseCandidate), nil
}
