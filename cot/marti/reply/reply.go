// Package reply holds what all parts of the Marti API share: who calls, how
// bodies are read, and the exact forms of answers that TAK clients check
// (envelope, error codes, content types without a charset).
package reply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"muster/internal/auth"
)

// Caller is who sends a request.
type Caller struct {
	Identity auth.Identity
	Secure   bool // it came over TLS
}

type callerKey struct{}

// With returns ctx with the caller of the request it belongs to.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From returns the caller of r. Handlers below the gate of package marti always
// have one.
func From(r *http.Request) Caller {
	c, _ := r.Context().Value(callerKey{}).(Caller)
	return c
}

// Node writes envelopes in the name of one server.
type Node struct{ ID string } // 16 hex digits, constant per server

// Envelope answers 200 with {version, type, data, nodeId}. data must not marshal
// to JSON null: give empty slices.
func (n Node) Envelope(w http.ResponseWriter, typ string, data any) {
	n.Status(w, http.StatusOK, typ, data)
}

// Status is Envelope with another status.
func (n Node) Status(w http.ResponseWriter, status int, typ string, data any) {
	JSON(w, status, struct {
		Version string `json:"version"`
		Type    string `json:"type"`
		Data    any    `json:"data"`
		NodeID  string `json:"nodeId"`
	}{"3", typ, data, n.ID})
}

// JSON answers with v. The content type is exactly application/json: node-tak
// compares it literally.
func JSON(w http.ResponseWriter, status int, v any) { typed(w, status, "application/json", v) }

// TextJSON is JSON under the type text/json, which /Marti/sync/search and
// /Marti/sync/upload have: older node-tak reads the text itself.
func TextJSON(w http.ResponseWriter, status int, v any) { typed(w, status, "text/json", v) }

func typed(w http.ResponseWriter, status int, mime string, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // clients look for literal text; the type and nosniff keep browsers from running it
	if err := enc.Encode(v); err != nil {
		Error(w, http.StatusInternalServerError, "The answer could not be written.")
		return
	}
	Bytes(w, status, mime, bytes.TrimRight(b.Bytes(), "\n"))
}

// Bytes answers with a body of a MIME type.
func Bytes(w http.ResponseWriter, status int, mime string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", mime)
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // an error means that the client has gone
}

// Text answers with plain text.
func Text(w http.ResponseWriter, status int, s string) { Bytes(w, status, "text/plain", []byte(s)) }

// XML answers with an XML document; body is without prolog.
func XML(w http.ResponseWriter, status int, body []byte) {
	Bytes(w, status, "application/xml", append([]byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\n"), body...))
}

// codes are those of TAK Server behind each status.
var codes = map[int]struct {
	word string
	code int
}{
	http.StatusBadRequest: {"BAD_REQUEST", 2}, http.StatusUnprocessableEntity: {"BAD_REQUEST", 5},
	http.StatusUnauthorized: {"UNAUTHORIZED", 9}, http.StatusForbidden: {"FORBIDDEN", 10},
	http.StatusNotFound: {"NOT_FOUND", 1}, http.StatusConflict: {"CONFLICT", 4}, http.StatusGone: {"GONE", 8},
}

// Error answers with {status, code, message} as TAK Server does; detail is a
// sentence for a person and tells nothing of the inside. 422 is sent as 400 with
// the code of a failed validation.
func Error(w http.ResponseWriter, status int, detail string) {
	c, ok := codes[status]
	if !ok {
		c.word, c.code = strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_")), 6
	}
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	b, err := json.Marshal(struct {
		Status  string `json:"status"`
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{c.word, c.code, detail})
	if err != nil {
		return // strings always marshal
	}
	Bytes(w, status, "application/json", b)
}

// ErrTooLarge is returned for a body over its limit; it has been answered (413).
var ErrTooLarge = errors.New("the body is too large")

// Body reads a body of at most limit bytes. When it returns an error the request
// has been answered.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		Error(w, http.StatusRequestEntityTooLarge, "The body is too large.")
		return nil, ErrTooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		Error(w, http.StatusRequestEntityTooLarge, "The body is too large.")
		return nil, ErrTooLarge
	case err != nil:
		Error(w, http.StatusBadRequest, "The body did not arrive whole.")
		return nil, err
	}
	return b, nil
}

// Fold returns the query parameters of r under lower-case names, for
// /Marti/sync, where case does not count.
func Fold(r *http.Request) url.Values {
	out := url.Values{}
	for k, v := range r.URL.Query() {
		k = strings.ToLower(k)
		out[k] = append(out[k], v...)
	}
	return out
}

// MissionToken returns the mission token of a request. MissionAuthorization wins: in
// Authorization there may be the login.
func MissionToken(r *http.Request) string {
	for _, h := range []string{"MissionAuthorization", "Authorization"} {
		v := r.Header.Get(h)
		if v == "" || len(v) > maxTokenHeader {
			continue
		}
		if scheme, rest, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(rest)
		}
		if h == "MissionAuthorization" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// maxTokenHeader is longer than any token of ours.
const maxTokenHeader = 8 << 10

// Origin returns scheme and host as the client used them, for addresses in
// answers: https://tak.example.net:8443.
func Origin(r *http.Request) string {
	scheme := "http"
	if From(r).Secure || r.TLS != nil {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}
