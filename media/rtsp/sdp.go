package rtsp

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	psdp "github.com/pion/sdp/v3"

	"muster/media"
	"muster/media/codec"
)

// maxMedias bounds the m= lines of an announcement.
const maxMedias = 16

// announced is one m= section of a publisher's SDP.
type announced struct {
	control string
	format  format.Format // nil: nothing in it that could be carried on
	codec   *codec.Format // likewise
	name    string        // the m= line, for people
	keys    string        // a=key-mgmt, of the media or else of the session
}

// parseSDP reads the announcement of a publisher. Cameras and encoders write
// wrong o=, c=, t= and b= lines; nothing is read but m= and a=. A media that is
// not understood comes back without a format, so that its SETUP still works.
func parseSDP(body []byte) ([]announced, error) {
	var sections []*psdp.MediaDescription
	keys := ""
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		kind, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		switch kind {
		case "m":
			if len(sections) == maxMedias {
				return nil, malformedf("more than %d media in the SDP", maxMedias)
			}
			sections = append(sections, parseMediaLine(value))
		case "a":
			key, v, _ := strings.Cut(value, ":")
			a := psdp.Attribute{Key: strings.TrimSpace(key), Value: strings.TrimSpace(v)}
			if len(sections) > 0 {
				last := sections[len(sections)-1]
				last.Attributes = append(last.Attributes, a)
			} else if a.Key == "key-mgmt" {
				keys = a.Value
			}
		}
	}
	if len(sections) == 0 {
		return nil, malformedf("no media in the SDP")
	}
	out := make([]announced, len(sections))
	for i, md := range sections {
		out[i] = newAnnounced(md)
		out[i].keys = cmp.Or(attribute(md, "key-mgmt"), keys)
	}
	return out, nil
}

func parseMediaLine(value string) *psdp.MediaDescription {
	md := &psdp.MediaDescription{}
	fields := strings.Fields(value)
	if len(fields) > 0 {
		md.MediaName.Media = strings.ToLower(fields[0])
	}
	if len(fields) > 3 {
		md.MediaName.Formats = fields[3:]
	}
	return md
}

func newAnnounced(md *psdp.MediaDescription) announced {
	a := announced{name: md.MediaName.Media}
	if rtpmap := attribute(md, "rtpmap"); rtpmap != "" {
		a.name += " " + rtpmap
	}
	a.control = attribute(md, "control")
	if !slices.Contains([]string{"video", "audio", "application"}, md.MediaName.Media) {
		return a
	}
	m := &description.Media{Type: description.MediaType(md.MediaName.Media)}
	for _, pt := range md.MediaName.Formats {
		f := parseFormat(md, pt)
		if f == nil || f.ClockRate() <= 0 {
			continue
		}
		a.format, a.codec = f, codec.FromSDP(m, f)
		break
	}
	return a
}

// parseFormat reads the description of one payload type. When the fmtp line is
// wrong, the rtpmap alone has to do: most parameters also travel in the stream.
func parseFormat(md *psdp.MediaDescription, pt string) format.Format {
	if f, err := format.Unmarshal(md, pt); err == nil {
		return f
	}
	bare := *md
	bare.Attributes = slices.DeleteFunc(slices.Clone(md.Attributes), func(a psdp.Attribute) bool { return a.Key == "fmtp" })
	f, err := format.Unmarshal(&bare, pt)
	if err != nil {
		return nil
	}
	return f
}

func attribute(md *psdp.MediaDescription, key string) string {
	for _, a := range md.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// describe returns the SDP of a live stream.
func describe(s *media.Stream) ([]byte, error) {
	d := description.Session{Title: s.Name.String()}
	for _, t := range s.Tracks {
		f := t.Format()
		m := &description.Media{Type: mediaType(f), Control: trackPrefix + strconv.Itoa(t.Index)}
		m.Formats = []format.Format{f.SDP(t.PayloadType())}
		d.Medias = append(d.Medias, m)
	}
	return d.Marshal(false)
}

func mediaType(f *codec.Format) description.MediaType {
	switch f.Kind() {
	case codec.Video:
		return description.MediaTypeVideo
	case codec.Audio:
		return description.MediaTypeAudio
	}
	return description.MediaTypeApplication
}
