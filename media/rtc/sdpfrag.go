package rtc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Limits on what a peer may describe.
const (
	maxSDP        = 64 << 10 // bytes of an offer or fragment
	maxMedia      = 64       // m-lines of an offer
	maxCandidates = 100      // per session, over all fragments
	maxICEValue   = 256      // RFC 8839 §5.4: characters of ufrag and password
)

// fragment is a trickle ICE fragment (RFC 8840 §9). Candidates are only counted:
// an ICE-lite agent learns its peer's address from the checks it answers.
type fragment struct {
	ufrag, pwd string // of the whole, or of the first media section that has them
	candidates int
	end        bool // end-of-candidates
}

// parseFragment reads an application/trickle-ice-sdpfrag body.
func parseFragment(body []byte) (fragment, error) {
	var f fragment
	if len(body) > maxSDP {
		return f, fmt.Errorf("longer than %d bytes", maxSDP)
	}
	media := 0
	for raw := range bytes.Lines(body) {
		line := strings.TrimRight(string(raw), "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return f, errors.New("a line is not of the form x=value")
		}
		switch key, value, _ := strings.Cut(line[2:], ":"); {
		case line[0] == 'm':
			if media++; media > maxMedia {
				return f, fmt.Errorf("more than %d media sections", maxMedia)
			}
		case line[0] != 'a':
		case key == "ice-ufrag":
			if f.ufrag == "" {
				f.ufrag = value
			}
		case key == "ice-pwd":
			if f.pwd == "" {
				f.pwd = value
			}
		case key == "candidate":
			if f.candidates++; f.candidates > maxCandidates {
				return f, fmt.Errorf("more than %d candidates", maxCandidates)
			}
		case key == "end-of-candidates":
			f.end = true
		}
	}
	if !iceChars(f.ufrag) || !iceChars(f.pwd) {
		return f, errors.New("ice-ufrag or ice-pwd has characters that are not allowed")
	}
	if f.ufrag != "" && len(f.ufrag) < 4 || f.pwd != "" && len(f.pwd) < 22 {
		return f, errors.New("ice-ufrag or ice-pwd is too short")
	}
	return f, nil
}

// iceChars reports whether s consists of ice-char (RFC 8839 §5.1) only.
func iceChars(s string) bool {
	if len(s) > maxICEValue {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}
