package rtc

import (
	"strings"
	"testing"
)

func TestSilenceNeedNotBeSent(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"opus":            {"m=audio 9 X 111|a=rtpmap:111 opus/48000/2|a=fmtp:111 minptime=10|", "m=audio 9 X 111|a=rtpmap:111 opus/48000/2|a=fmtp:111 minptime=10;usedtx=1|"},
		"fmtp first":      {"m=audio 9 X 111|a=fmtp:111 minptime=10|a=rtpmap:111 OPUS/48000/2|", "m=audio 9 X 111|a=fmtp:111 minptime=10;usedtx=1|a=rtpmap:111 OPUS/48000/2|"},
		"as the client":   {"m=audio 9 X 111|a=rtpmap:111 opus/48000/2|a=fmtp:111 usedtx=0|", "m=audio 9 X 111|a=rtpmap:111 opus/48000/2|a=fmtp:111 usedtx=0|"},
		"others":          {"m=audio 9 X 0 11|a=rtpmap:0 PCMU/8000|a=fmtp:0 x=1|a=rtpmap:11 opus/48000/2|", "m=audio 9 X 0 11|a=rtpmap:0 PCMU/8000|a=fmtp:0 x=1|a=rtpmap:11 opus/48000/2|"},
		"another section": {"m=audio 9 X 96|a=rtpmap:96 opus/48000/2|m=video 9 X 96|a=rtpmap:96 H264/90000|a=fmtp:96 y=1|", "m=audio 9 X 96|a=rtpmap:96 opus/48000/2|m=video 9 X 96|a=rtpmap:96 H264/90000|a=fmtp:96 y=1|"},
		"nothing":         {"", ""},
	} {
		if got := strings.ReplaceAll(preferDTX(strings.ReplaceAll(c.in, "|", "\r\n")), "\r\n", "|"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
