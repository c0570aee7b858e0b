package login

import (
	"net/http"
	"net/url"
	"strings"
)

// origin says what a browser tells of the page that made a request.
type origin int

const (
	originUnknown origin = iota // not a browser, or one that says nothing
	originOwn                   // a page of this server
	originOther
)

// originOf compares the headers that scripts cannot set (Fetch Metadata, RFC
// 6454 §7) with the host that the request was sent to.
func originOf(r *http.Request) origin {
	site := r.Header.Get("Sec-Fetch-Site")
	from := r.Header.Get("Origin")
	if site != "" && site != "same-origin" {
		return originOther
	}
	if from == "" {
		if site == "" {
			return originUnknown
		}
		return originOwn
	}
	u, err := url.Parse(from) // "null" has no host
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return originOther
	}
	if r.TLS != nil && u.Scheme != "https" {
		return originOther
	}
	return originOwn
}

// changes reports whether r may change something: an unsafe method (RFC 9110
// §9.2.1), or the opening of a WebSocket.
func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Header.Get("Upgrade") != ""
	}
	return true
}
