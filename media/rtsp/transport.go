package rtsp

import (
	"fmt"
	"strconv"
	"strings"
)

// transport is one alternative of a Transport header (RFC 2326 §12.39). The
// parameters destination and source are not even looked at: media goes to and
// is taken from the address the request came from.
type transport struct {
	tcp       bool
	secure    bool // the SAVP profile
	multicast bool
	channels  [2]int // interleaved; -1: left to the server
	ports     [2]int // client_port; 0: none
}

// maxTransports is how many alternatives of a Transport header are looked at.
const maxTransports = 8

// parseTransports returns the alternatives the server could understand, in the
// client's order of preference.
func parseTransports(header string) ([]transport, error) {
	var out []transport
	for i, spec := range strings.Split(header, ",") {
		if i == maxTransports {
			break
		}
		t, ok, err := parseTransport(spec)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, nil
}

func parseTransport(spec string) (t transport, ok bool, err error) {
	profile, params, _ := strings.Cut(spec, ";")
	switch strings.ToUpper(strings.TrimSpace(profile)) {
	case "RTP/AVP", "RTP/AVP/UDP", "RTP/AVPF", "RTP/AVPF/UDP":
	case "RTP/AVP/TCP", "RTP/AVPF/TCP":
		t.tcp = true
	case "RTP/SAVP", "RTP/SAVP/UDP", "RTP/SAVPF", "RTP/SAVPF/UDP":
		t.secure = true
	case "RTP/SAVP/TCP", "RTP/SAVPF/TCP":
		t.tcp, t.secure = true, true
	default:
		return t, false, nil
	}
	t.channels = [2]int{-1, -1}
	for _, param := range strings.Split(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch strings.ToLower(key) {
		case "multicast":
			t.multicast = true
		case "interleaved":
			t.channels, err = parsePair(value, 0, 255)
		case "client_port":
			t.ports, err = parsePair(value, 1, 65535)
		}
		if err != nil {
			return t, false, malformedf("Transport: %s", err)
		}
	}
	return t, true, nil
}

// parsePair reads "a-b", or "a", which means a-(a+1).
func parsePair(s string, low, high int) ([2]int, error) {
	first, second, both := strings.Cut(s, "-")
	a, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || !isDigits(strings.TrimSpace(first)) {
		return [2]int{}, fmt.Errorf("%.20q is not a pair of numbers", s)
	}
	b := a + 1
	if both {
		if b, err = strconv.Atoi(strings.TrimSpace(second)); err != nil || !isDigits(strings.TrimSpace(second)) {
			return [2]int{}, fmt.Errorf("%.20q is not a pair of numbers", s)
		}
	}
	if a < low || b < low || a > high || b > high || a == b {
		return [2]int{}, fmt.Errorf("%d-%d is out of range", a, b)
	}
	return [2]int{a, b}, nil
}
