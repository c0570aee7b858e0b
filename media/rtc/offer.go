package rtc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"muster/media/codec"
)

// offer is a client's SDP, reduced to what the server works with.
type offer struct {
	desc  *sdp.SessionDescription
	media []offeredMedia
	level uint8 // id of the header extension for audio levels (RFC 6464); 0: none
}

// offeredMedia is one m-line.
type offeredMedia struct {
	kind   codec.Kind // Data for data channels
	codecs []offeredCodec
	rtx    map[webrtc.PayloadType]webrtc.PayloadType // retransmission of, by
}

// offeredCodec is one payload type.
type offeredCodec struct {
	pt       webrtc.PayloadType
	id       codec.ID // empty: not known here
	mime     string   // "video/H264"
	clock    uint32
	channels uint16
	fmtp     string
	mulaw    bool
}

// maxPayloads bounds the payload types of one m-line; there are 128.
const maxPayloads = 128

// parseOffer reads an SDP offer of a publisher or reader. Candidates and
// simulcast are taken out: an ICE-lite agent has no use for the former, and a
// client whose simulcast is not answered sends its first, most preferred encoding
// (RFC 8853 §5.2).
func parseOffer(body []byte) (*offer, error) {
	return readOffer(body, maxSDP, func(a sdp.Attribute) bool {
		switch a.Key {
		case "candidate", "end-of-candidates", "simulcast", "rid":
			return true
		}
		return a.Key == "extmap" && (strings.Contains(a.Value, sdp.SDESRTPStreamIDURI) || strings.Contains(a.Value, sdp.SDESRepairRTPStreamIDURI))
	})
}

// parseRoomOffer reads an SDP offer of a participant of a room, whose simulcast
// is wanted.
func parseRoomOffer(body []byte) (*offer, error) {
	return readOffer(body, maxRoomSDP, func(a sdp.Attribute) bool {
		return a.Key == "candidate" || a.Key == "end-of-candidates"
	})
}

// readOffer reads an SDP offer without the attributes that drop selects.
func readOffer(body []byte, most int, drop func(sdp.Attribute) bool) (*offer, error) {
	if len(body) > most {
		return nil, fmt.Errorf("longer than %d bytes", most)
	}
	desc := &sdp.SessionDescription{}
	if err := desc.Unmarshal(body); err != nil {
		return nil, errors.New("it is not SDP")
	}
	if n := len(desc.MediaDescriptions); n == 0 || n > maxMedia {
		return nil, fmt.Errorf("it has %d media sections, not 1 to %d", n, maxMedia)
	}
	o := &offer{desc: desc}
	for _, m := range desc.MediaDescriptions {
		m.Attributes = slices.DeleteFunc(m.Attributes, drop)
		om, err := readMedia(m)
		if err != nil {
			return nil, err
		}
		o.media = append(o.media, om)
		for _, a := range m.Attributes {
			if id, uri, _ := strings.Cut(a.Value, " "); a.Key == "extmap" && uri == sdp.AudioLevelURI {
				n, _ := strconv.ParseUint(id, 10, 8)
				o.level = uint8(n)
			}
		}
	}
	if ufrag, pwd := o.credentials(); ufrag == "" || pwd == "" || !iceChars(ufrag) || !iceChars(pwd) {
		return nil, errors.New("it has no valid ICE credentials")
	}
	return o, nil
}

// simulcast returns the layers of each section that sends several, by mid, in
// the order in which the client names them (RFC 8853 §5.1).
func (o *offer) simulcast() map[string][]string {
	out := make(map[string][]string)
	for _, m := range o.desc.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		line, ok := m.Attribute("simulcast")
		if _, rids, found := strings.Cut(line, "send "); ok && found {
			rids, _, _ = strings.Cut(rids, " ")
			var all []string
			for rid := range strings.SplitSeq(rids, ";") {
				all = append(all, strings.TrimPrefix(rid, "~"))
			}
			out[mid] = all[:min(len(all), 3)]
		}
	}
	return out
}

func readMedia(m *sdp.MediaDescription) (offeredMedia, error) {
	om := offeredMedia{rtx: make(map[webrtc.PayloadType]webrtc.PayloadType)}
	switch m.MediaName.Media {
	case "video":
		om.kind = codec.Video
	case "audio":
		om.kind = codec.Audio
	default:
		om.kind = codec.Data
		return om, nil
	}
	if len(m.MediaName.Formats) > maxPayloads {
		return om, fmt.Errorf("a media section has more than %d payload types", maxPayloads)
	}
	maps, params := make(map[string]string), make(map[string]string)
	for _, a := range m.Attributes {
		pt, value, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			maps[pt] = value
		case "fmtp":
			params[pt] = value
		}
	}
	for _, f := range m.MediaName.Formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			return om, errors.New("a payload type is not a number below 128")
		}
		c, err := readCodec(webrtc.PayloadType(n), om.kind, maps[f], params[f])
		if err != nil {
			return om, err
		}
		if strings.EqualFold(c.mime, webrtc.MimeTypeRTX) {
			if apt, err := strconv.ParseUint(fmtpValue(c.fmtp, "apt"), 10, 7); err == nil {
				om.rtx[webrtc.PayloadType(apt)] = c.pt
			}
			continue
		}
		om.codecs = append(om.codecs, c)
	}
	return om, nil
}

// static are the payload types that need no rtpmap (RFC 3551 §6).
var static = map[webrtc.PayloadType]string{0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}

func readCodec(pt webrtc.PayloadType, kind codec.Kind, rtpmap, fmtp string) (offeredCodec, error) {
	if rtpmap == "" {
		rtpmap = static[pt]
	}
	c := offeredCodec{pt: pt, fmtp: fmtp}
	p := strings.Split(rtpmap, "/")
	if len(p) < 2 {
		return c, nil // not described: not known
	}
	clock, err := strconv.ParseUint(p[1], 10, 32)
	if err != nil || clock == 0 || clock > 1_000_000 {
		return c, errors.New("a payload type has an impossible clock rate")
	}
	c.clock, c.mime = uint32(clock), string(kind)+"/"+p[0]
	if len(p) > 2 {
		if n, err := strconv.ParseUint(p[2], 10, 8); err == nil {
			c.channels = uint16(n)
		}
	}
	for _, k := range known {
		if strings.EqualFold(c.mime, k.mime) && c.clock == k.clock && (k.channels == 0 || k.channels == c.channels) {
			c.id, c.mulaw = k.id, k.mulaw
		}
	}
	return c, nil
}

// known are the codecs that WebRTC and the hub have in common.
var known = []struct {
	mime     string
	clock    uint32
	channels uint16
	id       codec.ID
	mulaw    bool
}{
	{webrtc.MimeTypeH264, 90000, 0, codec.H264, false},
	{webrtc.MimeTypeH265, 90000, 0, codec.H265, false},
	{webrtc.MimeTypeVP8, 90000, 0, codec.VP8, false},
	{webrtc.MimeTypeVP9, 90000, 0, codec.VP9, false},
	{webrtc.MimeTypeAV1, 90000, 0, codec.AV1, false},
	{webrtc.MimeTypeOpus, 48000, 2, codec.Opus, false},
	{webrtc.MimeTypeG722, 8000, 0, codec.G722, false},
	{webrtc.MimeTypePCMU, 8000, 0, codec.G711, true},
	{webrtc.MimeTypePCMA, 8000, 0, codec.G711, false},
}

// credentials returns the client's ICE user fragment and password. All media
// are bundled, so the first found are those of the session.
func (o *offer) credentials() (ufrag, pwd string) {
	get := func(attrs []sdp.Attribute) {
		for _, a := range attrs {
			switch {
			case a.Key == "ice-ufrag" && ufrag == "":
				ufrag = a.Value
			case a.Key == "ice-pwd" && pwd == "":
				pwd = a.Value
			}
		}
	}
	get(o.desc.Attributes)
	for _, m := range o.desc.MediaDescriptions {
		get(m.Attributes)
	}
	return ufrag, pwd
}

// setCredentials replaces the client's ICE credentials, for an ICE restart.
func (o *offer) setCredentials(ufrag, pwd string) {
	set := func(attrs []sdp.Attribute) {
		for i := range attrs {
			switch attrs[i].Key {
			case "ice-ufrag":
				attrs[i].Value = ufrag
			case "ice-pwd":
				attrs[i].Value = pwd
			}
		}
	}
	set(o.desc.Attributes)
	for _, m := range o.desc.MediaDescriptions {
		set(m.Attributes)
	}
}

func (o *offer) String() string {
	b, err := o.desc.Marshal()
	if err != nil {
		return ""
	}
	return string(b)
}

// names lists the codecs the client offers of a kind, for people.
func (o *offer) names(kind codec.Kind) string {
	var out []string
	for _, m := range o.media {
		for _, c := range m.codecs {
			if m.kind == kind && c.id != "" && !slices.Contains(out, string(c.id)) {
				out = append(out, string(c.id))
			}
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// hasData reports whether the client offers data channels.
func (o *offer) hasData() bool {
	return slices.ContainsFunc(o.media, func(m offeredMedia) bool { return m.kind == codec.Data })
}

// choose picks the payload type under which a stream's track of format f can be
// sent, and the one for its retransmissions (0: none).
func (o *offer) choose(f *codec.Format) (best offeredCodec, rtx webrtc.PayloadType, ok bool) {
	top := 0
	for _, m := range o.media {
		if m.kind != f.Kind() {
			continue
		}
		for _, c := range m.codecs {
			if score := c.fits(f); score > top {
				top, best, rtx = score, c, m.rtx[c.pt]
			}
		}
		break // answers go to the first m-line of each kind
	}
	return best, rtx, top > 0
}

// fits says how well c can carry f; 0: not at all.
func (c offeredCodec) fits(f *codec.Format) int {
	if c.id != f.Codec {
		return 0
	}
	switch f.Codec {
	case codec.H264:
		// Our packets use FU-A and STAP-A, which mode 0 does not allow
		// (RFC 6184 §6.2). Profiles are a preference only: decoders play more
		// than their browser says.
		if fmtpValue(c.fmtp, "packetization-mode") != "1" {
			return 0
		}
		profile := strings.ToLower(fmtpValue(c.fmtp, "profile-level-id"))
		if len(f.SPS) > 2 && len(profile) == 6 {
			switch {
			case profile[:4] == fmt.Sprintf("%02x%02x", f.SPS[1], f.SPS[2]):
				return 4
			case profile[:2] == fmt.Sprintf("%02x", f.SPS[1]):
				return 3
			}
		}
		return 2
	case codec.VP9:
		if p := fmtpValue(c.fmtp, "profile-id"); p == "" || p == "0" {
			return 2
		}
	case codec.AV1:
		if p := fmtpValue(c.fmtp, "profile"); p == "" || p == "0" {
			return 2
		}
	case codec.G711:
		if c.mulaw != f.MULaw || f.ClockRate != 8000 || f.Channels > 1 {
			return 0
		}
	case codec.Opus:
		if f.Channels > 2 {
			return 0
		}
	}
	return 1
}

// fmtpValue returns one parameter of a format line such as "a=1;b=2".
func fmtpValue(fmtp, key string) string {
	for p := range strings.SplitSeq(fmtp, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, key) {
			return v
		}
	}
	return ""
}
