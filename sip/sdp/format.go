package sdp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Format is a codec as it was agreed on for one stream.
type Format struct {
	Name      string // "opus", "G722", "PCMU", "PCMA", "H264", "VP8"
	ClockRate int    // ticks per second of timestamps; G722 has 8000 (RFC 3551 §4.5.2)
	Channels  int    // as in rtpmap; opus always has 2
	FMTP      string // parameters the other side gave: they bind what is sent to it
	Payload   uint8  // payload type of packets to the other side
	Receive   uint8  // payload type of packets from it
}

// PacketizationMode is that of H264 (RFC 6184 §6.2).
func (f Format) PacketizationMode() int {
	if fmtp(f.FMTP, "packetization-mode") == "1" {
		return 1
	}
	return 0
}

// Parameter returns one parameter of FMTP, or "".
func (f Format) Parameter(name string) string { return fmtp(f.FMTP, name) }

func fmtp(s, name string) string {
	for p := range strings.SplitSeq(s, ";") {
		n, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

const events = "telephone-event" // RFC 4733

// Audio returns the codecs for sound that are spoken, best first.
func Audio() []Format {
	return []Format{
		{Name: "opus", ClockRate: 48000, Channels: 2, Payload: 96, FMTP: "minptime=10;useinbandfec=1"},
		{Name: "G722", ClockRate: 8000, Channels: 1, Payload: 9},
		{Name: "PCMA", ClockRate: 8000, Channels: 1, Payload: 8},
		{Name: "PCMU", ClockRate: 8000, Channels: 1, Payload: 0},
	}
}

// Video returns the codecs for pictures that are spoken, best first. Both
// packetization modes of H264 are offered: some phones take only one.
func Video() []Format {
	return []Format{
		{Name: "H264", ClockRate: 90000, Payload: 97, FMTP: "profile-level-id=42e01f;packetization-mode=1"},
		{Name: "H264", ClockRate: 90000, Payload: 98, FMTP: "profile-level-id=42e01f"},
		{Name: "VP8", ClockRate: 90000, Payload: 99},
	}
}

// static are the payload types that need no rtpmap (RFC 3551 §6).
var static = map[string]string{"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}

// formats returns the formats of m, in its order, with what its attributes say.
// Payload and Receive are the numbers of m.
func (m *Media) formats() []Format {
	maps, params := map[string]string{}, map[string]string{}
	for _, a := range m.Attrs {
		pt, rest, ok := strings.Cut(a.Value, " ")
		switch {
		case !ok:
		case a.Name == "rtpmap":
			maps[pt] = strings.TrimSpace(rest)
		case a.Name == "fmtp":
			params[pt] = strings.TrimSpace(rest)
		}
	}
	var out []Format
	for _, pt := range m.Formats {
		n, err := strconv.ParseUint(pt, 10, 7)
		if err != nil {
			continue
		}
		desc, ok := maps[pt]
		if !ok {
			desc = static[pt]
		}
		f, ok := parseMap(desc)
		if !ok {
			continue
		}
		f.Payload, f.Receive, f.FMTP = uint8(n), uint8(n), params[pt]
		out = append(out, f)
	}
	return out
}

// parseMap parses the value of rtpmap behind the payload type.
func parseMap(s string) (Format, bool) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Format{}, false
	}
	rate, err := strconv.Atoi(parts[1])
	if err != nil || rate < 1000 || rate > 192000 {
		return Format{}, false
	}
	f := Format{Name: parts[0], ClockRate: rate, Channels: 1}
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 1 || n > 8 {
			return Format{}, false
		}
		f.Channels = n
	}
	return f, true
}

// same reports whether two formats are the same codec. opus is written with one
// channel by some.
func (f Format) same(g Format) bool {
	if !strings.EqualFold(f.Name, g.Name) || f.ClockRate != g.ClockRate {
		return false
	}
	return !strings.EqualFold(f.Name, "H264") || f.PacketizationMode() == g.PacketizationMode()
}

func (f Format) rtpmap(pt uint8) Attr {
	v := fmt.Sprintf("%d %s/%d", pt, f.Name, f.ClockRate)
	if f.Channels > 1 {
		v += "/" + strconv.Itoa(f.Channels)
	}
	return Attr{"rtpmap", v}
}

// Same reports whether packets of one format can be sent as the other.
func Same(f, g Format) bool { return f.same(g) }

// Common returns the codecs for sound and pictures that an offer has and we
// speak, with our numbers.
func Common(offer *Session) (audio, video []Format) {
	for i := range offer.Media {
		m := &offer.Media[i]
		switch {
		case m.Port == 0:
		case m.Kind == "audio" && audio == nil:
			audio = both(Audio(), m.formats())
		case m.Kind == "video" && video == nil:
			video = both(Video(), m.formats())
		}
	}
	return audio, video
}

func both(ours, theirs []Format) []Format {
	return slices.DeleteFunc(ours, func(o Format) bool {
		return !slices.ContainsFunc(theirs, func(t Format) bool { return strings.EqualFold(t.Name, o.Name) && t.ClockRate == o.ClockRate })
	})
}
