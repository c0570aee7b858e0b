package rtc

import "strings"

// preferDTX asks the client, in an answer, to send next to nothing while it hears
// silence (RFC 7587 §6.1, usedtx): a switched off microphone would send fifty
// packets a second else, from each of the many who listen.
func preferDTX(answer string) string {
	lines := strings.Split(answer, "\r\n")
	var section []int // fmtp lines of the section
	opus := ""
	for i, line := range lines {
		if strings.HasPrefix(line, "m=") {
			section, opus = section[:0], ""
		}
		if pt, name, ok := strings.Cut(strings.TrimPrefix(line, "a=rtpmap:"), " "); ok && strings.HasPrefix(line, "a=rtpmap:") && strings.HasPrefix(strings.ToLower(name), "opus/") {
			opus = pt
		}
		if strings.HasPrefix(line, "a=fmtp:") {
			section = append(section, i)
		}
		for _, n := range section {
			if opus != "" && strings.HasPrefix(lines[n], "a=fmtp:"+opus+" ") && !strings.Contains(lines[n], "usedtx") {
				lines[n] += ";usedtx=1"
			}
		}
	}
	return strings.Join(lines, "\r\n")
}
