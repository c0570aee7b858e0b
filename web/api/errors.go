package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/web/problem"
)

// fault is an error whose text is the sentence the client gets.
type fault struct {
	status int
	detail string
}

func (f *fault) Error() string { return f.detail }

func refuse(status int, detail string) error { return &fault{status, detail} }

var errStopped = refuse(http.StatusServiceUnavailable, "The server is not running; this can only be done while it is.")

// problem turns any error into problem details. What is not known to be meant
// for people goes to the log only.
func (a *API) problem(err error) error {
	var f *fault
	var limited *auth.LimitedError
	switch {
	case errors.As(err, &f):
		return details(f.status, f.detail)
	case errors.As(err, &limited):
		h := http.Header{"Retry-After": {problem.Seconds(limited.RetryAfter)}}
		return huma.ErrorWithHeaders(details(http.StatusTooManyRequests, "There were too many failed logins. Wait and try again."), h)
	case errors.Is(err, auth.ErrCodeNeeded):
		m := details(http.StatusUnauthorized, "The password is right. Give the code of your code generator, or a recovery code, as well.")
		m.Type = codeNeeded
		return m
	case errors.Is(err, auth.ErrBadCredentials), errors.Is(err, auth.ErrNoCredentials):
		return details(http.StatusUnauthorized, "The name or the password is wrong.")
	case errors.Is(err, auth.ErrDenied):
		return details(http.StatusForbidden, "You do not have the right to do this.")
	case errors.Is(err, media.ErrNotFound):
		return details(http.StatusNotFound, "There is no stream of that name that you may watch.")
	case errors.Is(err, auth.ErrNotFound):
		return details(http.StatusNotFound, sentence(err))
	case errors.Is(err, auth.ErrExists), errors.Is(err, auth.ErrLastAdmin):
		return details(http.StatusConflict, sentence(err))
	case errors.Is(err, auth.ErrInvalid), errors.Is(err, safename.ErrInvalid):
		return details(http.StatusUnprocessableEntity, sentence(err))
	case errors.Is(err, context.Canceled):
		return details(http.StatusServiceUnavailable, "The request was cut short.")
	}
	a.Log.Error("request", "error", err)
	return details(http.StatusInternalServerError, "Something went wrong on the server. Its log says what.")
}

func details(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// sentence makes a sentence of an error of auth or safename: without what was
// being done, with a capital and a full stop.
func sentence(err error) string {
	s := err.Error()
	for { // one part of auth may have asked another
		rest, ours := strings.CutPrefix(s, "auth: ")
		_, after, ok := strings.Cut(rest, ": ")
		if !ours || !ok {
			return sentenced(s)
		}
		s = after
	}
}

func sentenced(s string) string {
	if s == "" {
		return s
	}
	first, n := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[n:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// explain makes the detail of a validation error say what is wrong, and takes
// the values out: one of them may be a password.
func explain(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if m.Type == "" {
		m.Type = "about:blank"
	}
	var parts []string
	for _, e := range m.Errors {
		e.Value = nil
		where := strings.TrimPrefix(e.Location, "body.")
		if where == "" || where == "body" {
			parts = append(parts, e.Message)
		} else {
			parts = append(parts, where+": "+e.Message)
		}
	}
	if parts != nil && (m.Detail == "validation failed" || m.Detail == "") {
		m.Detail = "The request is not right: " + strings.Join(parts, "; ") + "."
	}
	if m.Status == http.StatusRequestEntityTooLarge {
		m.Detail = "The request is too large."
	}
	m.Detail = sentenced(m.Detail)
	return m, nil
}
