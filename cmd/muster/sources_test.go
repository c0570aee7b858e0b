package main

import (
	"strings"
	"testing"

	"muster/media"
)

// TestSourcesAreChecked: an address is refused when the configuration is read, in
// words that hold no password.
func TestSourcesAreChecked(t *testing.T) {
	cert := strings.Repeat("0a:", 31) + "0A"
	for _, c := range []struct{ source, fingerprint, want string }{
		{"rtsp://u:s3cret@192.168.8.7/stream1", "", ""}, {"rtsps://camera.example/a?b=c", cert, ""}, {"rtmp://h/live/cam", "", ""}, {"rtmps://h/live", "", ""},
		{"srt://h:9000?streamid=#!::r=a", "", ""}, {"udp+mpegts://239.1.1.1:5004", "", ""},
		{"udp://239.1.1.1:5004", "", "any of rtmp://, rtmps://, rtsp://, rtsps://, srt://, udp+mpegts://"}, {"https://u:s3cret@h/a.m3u8", "", "does not begin with any of"},
		{"rtsp://u:s3cret@h:port/a", "", "not a whole address"}, {"rtsp:///a", "", "not a whole address"}, {"cam", "", "not a whole address"},
		{"srt://u:s3cret@h:1", "", "streamid"}, {"rtsp://h/a", cert, "sources on TLS"}, {"udp+mpegts://239.1.1.1:5004", cert, "sources on TLS"},
		{"rtsps://h/a", "abc", "64 hexadecimal digits"}, {"", cert, "64 hexadecimal digits"},
	} {
		m := defaults().Media
		m.Paths = map[string]media.PathConfig{"cam": {Source: c.source, SourceFingerprint: c.fingerprint}}
		err := m.Validate()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: %v", c.source, err)
		}
	}
}
