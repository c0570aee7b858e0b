package rtsp

import (
	"net/url"
	"strconv"
	"strings"
)

// target is what a request URL names.
type target struct {
	path  string     // decoded, without slashes at its ends
	query url.Values // credentials
	track int        // index after "trackID=", or -1
	base  string     // scheme://host/path, without credentials and query
}

// trackPrefix is our control attribute; the number of the track follows.
const trackPrefix = "trackID="

// parseTarget takes a request URL apart. Players append the control attribute to
// the path or, when there is a query, to the query.
func parseTarget(raw string) (target, error) {
	t := target{track: -1}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || !strings.EqualFold(scheme, "rtsp") && !strings.EqualFold(scheme, "rtsps") {
		return t, malformedf("a URL that is not rtsp:// or rtsps://")
	}
	if i := strings.LastIndex(rest, "/"+trackPrefix); i >= 0 {
		n, err := strconv.ParseUint(strings.TrimRight(rest[i+1+len(trackPrefix):], "/"), 10, 8)
		if err != nil {
			return t, malformedf("a track without a number")
		}
		t.track, rest = int(n), rest[:i]
	}
	rest, query, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	path = strings.Trim(path, "/")
	t.base = strings.ToLower(scheme) + "://" + host + "/" + path
	var err error
	if t.path, err = url.PathUnescape(path); err != nil {
		return t, malformedf("a URL with a wrong escape")
	}
	// Control attributes of publishers follow the query ("…?pass=p/streamid=0").
	// They are no part of its last value.
	if i := strings.LastIndex(query, "/streamid="); i >= 0 {
		query = query[:i]
	}
	t.query, _ = url.ParseQuery(strings.TrimRight(query, "/")) // what cannot be read is no credential
	return t, nil
}

// controlMatches reports whether the URL of a SETUP names the media whose
// control attribute the publisher announced as control.
func controlMatches(raw, control string) bool {
	if control == "" || control == "*" {
		return false
	}
	if strings.Contains(control, "://") {
		return withoutHost(raw) == withoutHost(control)
	}
	return strings.HasSuffix(raw, "/"+strings.TrimPrefix(control, "/")) ||
		strings.HasPrefix(control, "?") && strings.HasSuffix(raw, control)
}

func withoutHost(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	_, path, _ := strings.Cut(rest, "/")
	return path
}
