package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Local is what the server's side of a call can do and where it is reached.
type Local struct {
	Addr        netip.Addr
	Others      []netip.Addr // further addresses that media is taken at, for who checks connectivity
	ID          uint64       // of the session
	Audio       []Format
	Video       []Format // empty: pictures are refused
	AudioPort   int      // RTP; RTCP is on the next one
	VideoPort   int
	Fingerprint string // of the certificate for DTLS, "sha-256 AB:…"; empty: DTLS is not spoken
	Secure      bool   // offers ask for SRTP
	Browser     bool   // offers are such that a browser takes them: ICE, DTLS (RFC 8829)
	Bandwidth   int    // of pictures, bits per second; 0: not limited
}

// Plan is what both sides agreed on. A nil stream is refused or switched off.
type Plan struct{ Audio, Video *Stream }

// Stream is one agreed stream.
type Stream struct {
	Format    Format
	Events    uint8 // payload type of telephone-event, to the other side and from it; 0: not spoken
	Send      bool  // the other side wants to hear us
	Receive   bool  // the other side may send
	RTP, RTCP netip.AddrPort
	Mux       bool // RTCP comes on the RTP port
	Bandwidth int  // of what we send, bits per second; 0: not limited

	// SDES: keys for what we send and what comes in.
	Out, In Crypto
	// DTLS: fingerprint of the other side's certificate, and who begins.
	Fingerprint string
	Active      bool // we begin

	ICE ICE // ours; zero: the other side does not check connectivity

	PLI, FIR bool // the other side understands these requests for a picture
}

// Secure reports whether the stream is encrypted.
func (s *Stream) Secure() bool { return s.Out.Suite != "" || s.Fingerprint != "" }

// The errors of a negotiation.
var (
	ErrNothing = errors.New("sdp: no stream in common")
	ErrOrder   = errors.New("sdp: the answer does not fit the offer")
)

// Negotiator makes and takes the offers and answers of one leg, one after the
// other. It is not safe for concurrent use.
type Negotiator struct {
	local   Local
	version uint64
	hold    bool // we do not want to hear the other side
	lines   []line
	offered []line // lines of our offer that has no answer yet
	refused int    // profiles that the other side has refused
}

// line is one m= line of the call; lines are never removed (RFC 3264 §8).
type line struct {
	kind    string
	proto   string
	formats []Format // ours, with the numbers in use
	pt      []string // of a refused line: its formats are repeated
	out     Crypto
	ice     ICE    // ours; zero: not spoken
	theirs  string // ufrag of the other side, to see a restart
	mid     string
	stream  *Stream // nil: off
}

// New returns a negotiator for a call that has no streams yet.
func New(local Local) *Negotiator { return &Negotiator{local: local} }

// Hold says whether the next offers and answers stop the other side's media.
func (n *Negotiator) Hold(on bool) { n.hold = on }

// Restrict limits further offers and answers to codecs that the other leg of a
// call without a mixer has agreed on.
func (n *Negotiator) Restrict(audio, video []Format) { n.local.Audio, n.local.Video = audio, video }

// Plan returns the streams in force.
func (n *Negotiator) Plan() Plan { return planOf(n.lines) }

func planOf(lines []line) Plan {
	var p Plan
	for _, l := range lines {
		switch {
		case l.stream == nil:
		case l.kind == "audio":
			p.Audio = l.stream
		case l.kind == "video":
			p.Video = l.stream
		}
	}
	return p
}

// Answer answers an offer. The error is ErrNothing where no stream is left; the
// state is unchanged then.
func (n *Negotiator) Answer(offer *Session) (*Session, Plan, error) {
	if len(offer.Media) < len(n.lines) {
		return nil, Plan{}, ErrOrder
	}
	answer := n.session()
	lines := make([]line, 0, len(offer.Media))
	used := map[string]bool{}
	for i := range offer.Media {
		m := &offer.Media[i]
		l, out := n.answerLine(offer, m, used[m.Kind] || offer.bundled(i, lines))
		if l.stream != nil {
			used[m.Kind] = true
		}
		lines = append(lines, l)
		if l.ice.Ufrag != "" && !answer.Attrs.Has("ice-lite") {
			answer.Attrs = append(answer.Attrs, Attr{Name: "ice-lite"})
		}
		answer.Media = append(answer.Media, out)
	}
	if len(used) == 0 {
		return nil, Plan{}, ErrNothing
	}
	if group, ok := offer.Attrs.Get("group"); ok {
		answer.share(strings.Fields(group), lines)
	}
	n.lines = lines
	n.version++
	answer.Version = n.version
	return answer, planOf(lines), nil
}

// bundled reports whether line i of an offer can only be had on the transport of
// one before it that is in use.
func (s *Session) bundled(i int, before []line) bool {
	m := &s.Media[i]
	group, _ := s.Attrs.Get("group")
	mid, _ := m.Attrs.Get("mid")
	ufrag, ok := m.Attrs.Get("ice-ufrag")
	if !ok || !slices.Contains(strings.Fields(group), mid) {
		return false
	}
	for j, l := range before {
		o := &s.Media[j]
		theirs, _ := o.Attrs.Get("ice-ufrag")
		if l.stream != nil && theirs == ufrag && (!m.Attrs.Has("candidate") || o.Port == m.Port) {
			return true
		}
	}
	return false
}

// share puts the first line that is used into a BUNDLE group by itself, of those
// that are offered to share a transport (RFC 9143 §7.3.3). Each line of ours has its
// own, but browsers that must share take no description without a group.
func (s *Session) share(offered []string, lines []line) {
	if len(offered) == 0 || offered[0] != "BUNDLE" {
		return
	}
	for _, l := range lines {
		if l.stream == nil {
			continue
		}
		if l.mid != "" && slices.Contains(offered[1:], l.mid) {
			s.Attrs = append(s.Attrs, Attr{"group", "BUNDLE " + l.mid})
		}
		return
	}
}

func (n *Negotiator) session() *Session {
	s := &Session{ID: n.local.ID, Version: n.version, Addr: n.local.Addr}
	if n.local.Browser {
		s.Attrs = append(s.Attrs, Attr{Name: "ice-lite"})
	}
	return s
}

// answerLine answers one line. taken says that a line of this kind is in use.
func (n *Negotiator) answerLine(offer *Session, m *Media, taken bool) (line, Media) {
	refused := Media{Kind: m.Kind, Proto: m.Proto, Formats: m.Formats, Addr: n.local.Addr}
	off := line{kind: m.Kind, proto: m.Proto, pt: m.Formats}
	ours, port := n.local.Audio, n.local.AudioPort
	switch m.Kind {
	case "audio":
	case "video":
		ours, port = n.local.Video, n.local.VideoPort
	default:
		return off, refused
	}
	if m.Port == 0 || taken || len(ours) == 0 || port == 0 {
		return off, refused
	}
	common := match(ours, m.formats())
	if len(common) == 0 {
		return off, refused
	}
	s := &Stream{Format: common[0], Bandwidth: m.Bandwidth}
	out := Media{Kind: m.Kind, Port: port, Proto: m.Proto, Addr: n.local.Addr}
	l := line{kind: m.Kind, proto: m.Proto, formats: common, stream: s}
	if !n.answerSecurity(offer, m, s, &out, &l) {
		return off, refused
	}
	n.reach(offer, m, s)
	if s.Mux = m.Attrs.Has("rtcp-mux"); s.Mux {
		out.Attrs = append(out.Attrs, Attr{Name: "rtcp-mux"})
	}
	if mid, ok := m.Attrs.Get("mid"); ok {
		l.mid = mid
		out.Attrs = append(out.Attrs, Attr{"mid", mid})
	}
	n.answerICE(offer, m, s, &out, &l)
	n.describe(&out, common[:1], m, s)
	send, recv := m.direction(offer.Attrs)
	s.Receive = send && !n.hold
	s.Send = recv && !s.held(m)
	out.Attrs = append(out.Attrs, Attr{Name: directionName(recv, s.Receive)})
	return l, out
}

// held reports hold in the manner of RFC 2543: an unspecified address.
// With ICE an unspecified address only says that the candidates tell more.
func (s *Stream) held(m *Media) bool {
	return s.ICE.Ufrag == "" && m.Addr.IsValid() && m.Addr.IsUnspecified()
}

// match returns the formats that both have, in the order of the offer except
// that our first choice of packetization counts, with the numbers of theirs.
func match(ours, theirs []Format) []Format {
	var out []Format
	for _, t := range theirs {
		if strings.EqualFold(t.Name, events) {
			continue
		}
		if slices.ContainsFunc(ours, t.same) {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b Format) int {
		if strings.EqualFold(a.Name, "H264") && strings.EqualFold(b.Name, "H264") {
			return b.PacketizationMode() - a.PacketizationMode()
		}
		return 0
	})
	for i := range out {
		for _, o := range ours {
			if o.same(out[i]) {
				out[i].Name, out[i].Channels = o.Name, o.Channels
			}
		}
	}
	return out
}

// describe writes formats and what belongs to them. theirs is the line that is
// answered, nil in an offer.
func (n *Negotiator) describe(out *Media, formats []Format, theirs *Media, s *Stream) {
	for _, f := range formats {
		out.Formats = append(out.Formats, strconv.Itoa(int(f.Receive)))
		out.Attrs = append(out.Attrs, f.rtpmap(f.Receive))
		if p := n.parameters(f); p != "" {
			out.Attrs = append(out.Attrs, Attr{"fmtp", strconv.Itoa(int(f.Receive)) + " " + p})
		}
		if out.Kind == "video" {
			n.feedback(out, f, theirs, s)
		}
	}
	if out.Kind == "video" {
		out.Bandwidth = n.local.Bandwidth
		return
	}
	if theirs == nil {
		n.offerEvents(out, formats)
	} else if e, ok := eventsOf(theirs, formats[0].ClockRate); ok {
		s.Events = e.Payload
		writeEvents(out, e.Payload, e.ClockRate)
	}
	out.Attrs = append(out.Attrs, Attr{"ptime", "20"})
}

// feedback writes which requests for a picture are understood (RFC 4585, RFC
// 5104).
func (n *Negotiator) feedback(out *Media, f Format, theirs *Media, s *Stream) {
	pt := strconv.Itoa(int(f.Receive))
	for _, kind := range []string{"nack pli", "ccm fir"} {
		if theirs != nil && !theirs.feedback(pt, kind) {
			continue
		}
		out.Attrs = append(out.Attrs, Attr{"rtcp-fb", pt + " " + kind})
		if s != nil {
			s.PLI = s.PLI || kind == "nack pli"
			s.FIR = s.FIR || kind == "ccm fir"
		}
	}
}

func (m *Media) feedback(pt, kind string) bool {
	for _, v := range m.Attrs.All("rtcp-fb") {
		if v == pt+" "+kind || v == "* "+kind {
			return true
		}
	}
	return false
}

// parameters returns what we say of a format. H264 has to repeat profile and
// mode (RFC 6184 §8.2.2).
func (n *Negotiator) parameters(f Format) string {
	switch f.Name {
	case "opus":
		return "minptime=10;useinbandfec=1"
	case "H264":
		profile := f.Parameter("profile-level-id")
		if profile == "" {
			profile = "42e01f"
		}
		return "profile-level-id=" + profile + ";packetization-mode=" + strconv.Itoa(f.PacketizationMode())
	}
	return ""
}

// eventsOf returns the telephone-event format of m whose clock is that of the
// codec, or else any (RFC 4733 §2.1 wants one for each clock).
func eventsOf(m *Media, rate int) (Format, bool) {
	var found Format
	ok := false
	for _, f := range m.formats() {
		if strings.EqualFold(f.Name, events) && (!ok || f.ClockRate == rate && found.ClockRate != rate) {
			found, ok = f, true
		}
	}
	return found, ok
}

func writeEvents(out *Media, pt uint8, rate int) {
	n := strconv.Itoa(int(pt))
	out.Formats = append(out.Formats, n)
	out.Attrs = append(out.Attrs, Attr{"rtpmap", n + " " + events + "/" + strconv.Itoa(rate)}, Attr{"fmtp", n + " 0-16"})
}

// Payload types of telephone-event in our offers.
const (
	events8k  = 101
	events48k = 102
)

func (n *Negotiator) offerEvents(out *Media, formats []Format) {
	if slices.ContainsFunc(formats, func(f Format) bool { return f.ClockRate == 48000 }) {
		writeEvents(out, events48k, 48000)
	}
	if slices.ContainsFunc(formats, func(f Format) bool { return f.ClockRate == 8000 }) {
		writeEvents(out, events8k, 8000)
	}
}

// reach notes where the other side takes media.
func (n *Negotiator) reach(s *Session, m *Media, st *Stream) {
	if m.Addr.IsValid() && !m.Addr.IsUnspecified() {
		st.RTP = netip.AddrPortFrom(m.Addr, uint16(m.Port))
		st.RTCP = netip.AddrPortFrom(m.Addr, uint16(m.Port+1))
		if v, ok := m.Attrs.Get("rtcp"); ok {
			port, _, _ := strings.Cut(v, " ")
			if p, err := strconv.ParseUint(port, 10, 16); err == nil && p > 0 {
				st.RTCP = netip.AddrPortFrom(m.Addr, uint16(p))
			}
		}
		if m.Attrs.Has("rtcp-mux") {
			st.RTCP = st.RTP
		}
	}
}
