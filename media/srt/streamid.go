package srt

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"muster/internal/auth"
	"muster/internal/safename"
)

// maxStreamID is the longest stream id of the protocol (SRT draft §3.2.1.3).
const maxStreamID = 512

var (
	errStreamID = errors.New("the stream id cannot be used")
	errMode     = errors.New("the mode is not publish or request")
)

// request is what a stream id asks for.
type request struct {
	publish bool
	name    safename.Name
	proof   auth.Proof // User, Password and Token only
}

// parseStreamID reads a stream id in either of its forms:
//
//	publish:NAME  publish:NAME:QUERY  publish:NAME:USER:PASSWORD  publish:NAME:USER:PASSWORD:QUERY
//	read:NAME and so on
//	#!::m=publish,r=NAME,u=USER,s=PASSWORD   (m=request reads, and is the default)
//
// A token may stand for the password, or in the query as token=TOKEN. The errors
// wrap errStreamID or errMode.
func parseStreamID(s string) (request, error) {
	if len(s) > maxStreamID {
		return request{}, fmt.Errorf("%w: longer than %d characters", errStreamID, maxStreamID)
	}
	s = strings.TrimSuffix(s, "#feedbackplay") // of a DJI remote control
	var r request
	var path, query string
	var err error
	if rest, ok := strings.CutPrefix(s, "#!::"); ok {
		path, query, err = r.keyed(rest)
	} else {
		path, query, err = r.plain(s)
	}
	if err != nil {
		return request{}, err
	}
	if p, q, ok := strings.Cut(path, "?"); ok {
		path, query = p, q
	}
	r.query(query)
	r.tokens()
	if r.name, err = safename.Parse(path); err != nil {
		return request{}, fmt.Errorf("%w: %w", errStreamID, err)
	}
	return r, nil
}

// plain reads the form with colons.
func (r *request) plain(s string) (path, query string, err error) {
	f := strings.Split(s, ":")
	if len(f) < 2 || len(f) > 5 {
		return "", "", fmt.Errorf("%w: it has %d parts instead of 2 to 5, such as publish:NAME:USER:PASSWORD", errStreamID, len(f))
	}
	switch f[0] {
	case "publish":
		r.publish = true
	case "read":
	default:
		return "", "", fmt.Errorf("%w: it begins with neither 'publish:' nor 'read:'", errMode)
	}
	switch len(f) {
	case 3:
		query = f[2]
	case 4, 5:
		r.proof.User, r.proof.Password = f[2], f[3]
	}
	if len(f) == 5 {
		query = f[4]
	}
	return f[1], query, nil
}

// keyed reads the standard form (SRT Access Control Guidelines).
func (r *request) keyed(s string) (path, query string, err error) {
	for pair := range strings.SplitSeq(s, ",") {
		k, v, ok := strings.Cut(pair, "=")
		if !ok {
			// The part is not shown: it may be of a password with a comma in it.
			return "", "", fmt.Errorf("%w: a part is not KEY=VALUE", errStreamID)
		}
		switch k {
		case "m":
			switch v {
			case "publish":
				r.publish = true
			case "request":
				r.publish = false
			default:
				return "", "", errMode
			}
		case "r":
			path = v
		case "u":
			r.proof.User = v
		case "s":
			r.proof.Password = v
		}
	}
	return path, query, nil
}

// query takes credentials out of a query. What stands elsewhere goes first.
func (r *request) query(q string) {
	v, _ := url.ParseQuery(q) // what can be decoded counts
	user, password := r.proof.User, r.proof.Password
	r.proof.Query(v)
	if user != "" || password != "" {
		r.proof.User, r.proof.Password = user, password
	}
}

// tokens makes a token of a user name or a password that stands alone.
func (r *request) tokens() {
	p := &r.proof
	switch {
	case p.Token != "":
	case p.User == "" && p.Password != "":
		p.Token, p.Password = p.Password, ""
	case p.User != "" && p.Password == "":
		p.Token, p.User = p.User, ""
	}
}
