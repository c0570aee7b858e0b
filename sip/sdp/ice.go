package sdp

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ICE is what connectivity checks of the other side prove themselves with (RFC
// 8839). We are lite: we answer checks and send none (RFC 8445 §2.5).
type ICE struct{ Ufrag, Pwd string }

// newICE returns fresh ones: 48 and 144 bits.
func newICE() ICE { return ICE{rand.Text()[:10], rand.Text() + rand.Text()[:4]} }

// speaksICE reports whether the writer of m checks connectivity. Phones that send
// without DTLS do well without it.
func speaksICE(s *Session, m *Media) bool {
	return strings.HasPrefix(m.Proto, "UDP/TLS/") && attrOf(s, m, "ice-ufrag") != ""
}

// answerICE answers the ICE part of an offer. A new ufrag of the other side
// restarts ICE: ours is new then, too (RFC 8839 §4.4.1.1.1).
func (n *Negotiator) answerICE(offer *Session, m *Media, s *Stream, out *Media, l *line) {
	if !speaksICE(offer, m) {
		return
	}
	l.theirs = attrOf(offer, m, "ice-ufrag")
	i := slices.IndexFunc(n.lines, func(o line) bool { return o.kind == l.kind && o.theirs == l.theirs && o.ice.Ufrag != "" })
	if i >= 0 {
		l.ice = n.lines[i].ice
	} else {
		l.ice = newICE()
	}
	s.ICE = l.ice
	n.writeICE(out, l.ice)
}

// writeICE writes our half. The best candidate is the address of the media line,
// RTCP included.
func (n *Negotiator) writeICE(out *Media, i ICE) {
	out.Attrs = append(out.Attrs,
		Attr{"ice-ufrag", i.Ufrag}, Attr{"ice-pwd", i.Pwd})
	for k, a := range append([]netip.Addr{n.local.Addr}, n.local.Others...) {
		priority := 126<<24 | (65535-k)<<8 | 255 // RFC 8445 §5.1.2.1
		out.Attrs = append(out.Attrs, Attr{"candidate", fmt.Sprintf("%d 1 udp %d %s %d typ host", k+1, priority, a.Unmap(), out.Port)})
	}
	out.Attrs = append(out.Attrs, Attr{Name: "end-of-candidates"})
}
