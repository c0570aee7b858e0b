package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// The transport profiles.
const (
	profilePlain = "RTP/AVP"
	profileSDES  = "RTP/SAVP"
	profileDTLS  = "UDP/TLS/RTP/SAVPF"
)

func secureProfile(proto string) bool { return strings.Contains(proto, "/SAVP") }

// answerSecurity agrees on encryption for one line, and reports false where the
// profile cannot be spoken.
func (n *Negotiator) answerSecurity(offer *Session, m *Media, s *Stream, out *Media, l *line) bool {
	switch m.Proto {
	case "RTP/AVP", "RTP/AVPF":
		return true
	case "RTP/SAVP", "RTP/SAVPF":
	case "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF":
	default:
		return false
	}
	if print := fingerprintOf(offer, m); print != "" && n.local.Fingerprint != "" {
		setup := attrOf(offer, m, "setup")
		s.Fingerprint, s.Active = print, setup != "active"
		for _, o := range n.lines { // who began stays the one (RFC 8842 §5.5)
			if o.kind == m.Kind && o.stream != nil && o.stream.Fingerprint == print && setup == "actpass" {
				s.Active = o.stream.Active
			}
		}
		role := "active"
		if !s.Active {
			role = "passive"
		}
		out.Attrs = append(out.Attrs, Attr{"fingerprint", n.local.Fingerprint}, Attr{"setup", role})
		return true
	}
	if strings.HasPrefix(m.Proto, "UDP/TLS/") {
		return false
	}
	tag, in, ok := chooseCrypto(m)
	if !ok {
		return false
	}
	s.In, s.Out = in, n.ownKey(m.Kind, in.Suite)
	l.out = s.Out
	out.Attrs = append(out.Attrs, s.Out.attr(tag))
	return true
}

// ownKey returns our key for a stream: it stays the same through re-offers as
// long as the suite does, so that what is on its way can be read.
func (n *Negotiator) ownKey(kind, suite string) Crypto {
	for _, l := range n.lines {
		if l.kind == kind && l.out.Suite == suite {
			return l.out
		}
	}
	return newCrypto(suite)
}

func fingerprintOf(s *Session, m *Media) string { return attrOf(s, m, "fingerprint") }

func attrOf(s *Session, m *Media, name string) string {
	if v, ok := m.Attrs.Get(name); ok {
		return v
	}
	v, _ := s.Attrs.Get(name)
	return v
}

// Offer makes an offer. A call that has streams is offered them again, in their
// order and with their numbers; one that has none, everything.
func (n *Negotiator) Offer() *Session {
	s := n.session()
	n.version++
	s.Version = n.version
	n.offered = nil
	lines := n.lines
	if len(lines) == 0 {
		lines = []line{{kind: "audio"}}
		if len(n.local.Video) > 0 && n.local.VideoPort != 0 {
			lines = append(lines, line{kind: "video"})
		}
	}
	for _, l := range lines {
		m, offered := n.offerLine(l, len(n.lines) > 0)
		s.Media = append(s.Media, m)
		n.offered = append(n.offered, offered)
		if mid, ok := m.Attrs.Get("mid"); ok && !s.Attrs.Has("group") { // see share
			s.Attrs = append(s.Attrs, Attr{"group", "BUNDLE " + mid})
		}
	}
	return s
}

func (n *Negotiator) offerLine(l line, again bool) (Media, line) {
	ours, port := n.local.Audio, n.local.AudioPort
	if l.kind == "video" {
		ours, port = n.local.Video, n.local.VideoPort
	}
	if again && l.stream == nil || len(ours) == 0 || port == 0 {
		proto, pt := l.proto, l.pt
		if proto == "" {
			proto = profilePlain
		}
		if len(pt) == 0 {
			pt = []string{"0"}
		}
		return Media{Kind: l.kind, Proto: proto, Formats: pt, Addr: n.local.Addr}, line{kind: l.kind, proto: proto, pt: pt}
	}
	formats := numbered(ours, l.formats)
	proto := l.proto
	if proto == "" {
		proto = n.profiles()[n.refused]
	}
	out := Media{Kind: l.kind, Port: port, Proto: proto, Addr: n.local.Addr}
	offered := line{kind: l.kind, proto: proto, formats: formats, out: l.out, ice: l.ice, theirs: l.theirs, mid: l.mid}
	if offered.mid == "" {
		offered.mid = strconv.Itoa(len(n.offered))
	}
	n.offerSecurity(l, &out, &offered)
	if n.local.Browser {
		out.Attrs = append(out.Attrs, Attr{"mid", offered.mid})
		if offered.ice.Ufrag == "" {
			offered.ice = newICE()
		}
		n.writeICE(&out, offered.ice)
	}
	n.describe(&out, formats, nil, nil)
	out.Attrs = append(out.Attrs, Attr{Name: "rtcp-mux"}, Attr{Name: directionName(true, !n.hold)})
	return out, offered
}

// profiles are what is offered for a line that has none yet, the first one first.
func (n *Negotiator) profiles() []string {
	switch {
	case n.local.Browser:
		return []string{profileDTLS}
	case n.local.Secure:
		return []string{profileSDES, profileDTLS, profilePlain}
	}
	return []string{profilePlain, profileSDES, profileDTLS}
}

// Refused says that the other side takes no part of our first offer. It reports
// whether the next one is another: phones that insist on encryption, or on
// another kind, or on none, refuse what they are offered without saying what they
// want.
func (n *Negotiator) Refused() bool {
	if len(n.lines) > 0 || n.refused+1 >= len(n.profiles()) {
		return false
	}
	n.refused++
	return true
}

// offerSecurity writes our keys. The profile of a call does not change.
func (n *Negotiator) offerSecurity(l line, out *Media, offered *line) {
	switch {
	case !secureProfile(out.Proto):
	case strings.HasPrefix(out.Proto, "UDP/TLS/"), l.stream != nil && l.stream.Fingerprint != "":
		out.Attrs = append(out.Attrs, Attr{"fingerprint", n.local.Fingerprint}, Attr{"setup", "actpass"})
	case l.out.Suite != "":
		out.Attrs = append(out.Attrs, l.out.attr("1"))
	default:
		// One suite that every phone has; the better ones are taken when offered.
		offered.out = newCrypto("AES_CM_128_HMAC_SHA1_80")
		out.Attrs = append(out.Attrs, offered.out.attr("1"))
		if n.local.Fingerprint != "" { // for phones that exchange keys by DTLS in the same profile
			out.Attrs = append(out.Attrs, Attr{"fingerprint", n.local.Fingerprint}, Attr{"setup", "actpass"})
		}
	}
}

// numbered returns ours with the payload types that the call has used for the
// same codecs, and with new ones that clash with none of them.
func numbered(ours, used []Format) []Format {
	taken := map[uint8]bool{events8k: true, events48k: true}
	for _, u := range used {
		taken[u.Receive] = true
	}
	out := make([]Format, 0, len(ours))
	for _, f := range ours {
		if i := slices.IndexFunc(used, f.same); i >= 0 {
			f.Receive, f.FMTP = used[i].Receive, used[i].FMTP
		} else {
			f.Receive = f.Payload
			for f.Receive >= 96 && taken[f.Receive] && f.Receive < 127 {
				f.Receive++
			}
		}
		taken[f.Receive] = true
		out = append(out, f)
	}
	return out
}

// Accept takes the answer to the last offer. On an error the streams that were
// in force stay so.
func (n *Negotiator) Accept(answer *Session) (Plan, error) {
	if n.offered == nil || len(answer.Media) != len(n.offered) {
		return Plan{}, ErrOrder
	}
	lines := make([]line, 0, len(n.offered))
	any := false
	for i := range answer.Media {
		m := &answer.Media[i]
		l := n.offered[i]
		if m.Kind != l.kind {
			return Plan{}, ErrOrder
		}
		l.stream = n.acceptLine(answer, m, l)
		l.theirs = attrOf(answer, m, "ice-ufrag")
		switch {
		case l.stream == nil:
			l.pt = m.Formats
		case l.stream.Fingerprint != "":
			l.out = Crypto{} // was offered, and not taken
		}
		any = any || l.stream != nil
		lines = append(lines, l)
	}
	if !any {
		return Plan{}, ErrNothing
	}
	n.lines, n.offered = lines, nil
	return planOf(lines), nil
}

// acceptLine returns the stream that the answer makes of l, or nil.
func (n *Negotiator) acceptLine(answer *Session, m *Media, l line) *Stream {
	if m.Port == 0 || len(l.formats) == 0 || secureProfile(m.Proto) != secureProfile(l.proto) {
		return nil
	}
	common := match(l.formats, m.formats())
	if len(common) == 0 {
		return nil
	}
	f := common[0]
	if i := slices.IndexFunc(l.formats, f.same); i >= 0 {
		f.Receive = l.formats[i].Receive
	}
	s := &Stream{Format: f, Bandwidth: m.Bandwidth, Mux: m.Attrs.Has("rtcp-mux")}
	if l.ice.Ufrag != "" && speaksICE(answer, m) {
		s.ICE = l.ice
	}
	if secureProfile(l.proto) && !n.acceptSecurity(answer, m, l, s) {
		return nil
	}
	if e, ok := eventsOf(m, f.ClockRate); ok && m.Kind == "audio" {
		s.Events = e.Payload
	}
	pt := m.Formats[0]
	s.PLI, s.FIR = m.feedback(pt, "nack pli"), m.feedback(pt, "ccm fir")
	n.reach(answer, m, s)
	send, recv := m.direction(answer.Attrs)
	s.Receive, s.Send = send && !n.hold, recv && !s.held(m)
	return s
}

func (n *Negotiator) acceptSecurity(answer *Session, m *Media, l line, s *Stream) bool {
	if _, in, ok := chooseCrypto(m); ok && in.Suite == l.out.Suite {
		s.In, s.Out = in, l.out
		return true
	}
	s.Fingerprint, s.Active = fingerprintOf(answer, m), attrOf(answer, m, "setup") == "passive"
	return s.Fingerprint != "" && n.local.Fingerprint != ""
}
