// Package problem writes errors of the HTTP interfaces as problem details (RFC
// 9457): a sentence for a person, and never what went on inside.
package problem

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Challenge is the WWW-Authenticate header of every 401. It does not name Basic,
// though that is accepted: browsers would show their own password window in
// front of the login page.
const Challenge = `Bearer realm="muster"`

// NeedLogin is the detail of a 401 when nothing was shown.
const NeedLogin = "Log in first, or send a token or a password with the request."

// Details is the body of an error.
type Details struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// Write answers with status and a sentence that helps.
func Write(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// An error here means the client has gone.
	_ = json.NewEncoder(w).Encode(Details{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail})
}

// Seconds writes d as Retry-After wants it (RFC 9110 §10.2.3), at least 1.
func Seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
