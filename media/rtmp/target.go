package rtmp

import (
	"net/url"
	"strings"

	"muster/internal/auth"
	"muster/internal/safename"
)

// target is what a client asks for: a stream name and its credentials.
type target struct {
	name  safename.Name
	proof auth.Proof // User, Password and Token only
}

// parseTarget joins app and stream key to a name, and takes the credentials out
// of the query, which encoders put into any of app, stream key and tcUrl. Later
// ones win: a key is what the user typed last.
func parseTarget(tcURL, app, key string) (target, error) {
	var t target
	query := url.Values{}
	path := make([]string, 0, 2)
	if _, q, ok := strings.Cut(tcURL, "?"); ok {
		merge(query, q)
	}
	for _, part := range []string{app, key} {
		p, q, ok := strings.Cut(part, "?")
		if ok {
			merge(query, q)
		}
		if p = strings.Trim(p, "/"); p != "" {
			path = append(path, p)
		}
	}
	t.proof.Query(query)
	var err error
	t.name, err = safename.Parse(strings.Join(path, "/"))
	return t, err
}

// merge adds the pairs of q to v. Pairs that cannot be decoded are left out.
func merge(v url.Values, q string) {
	pairs, _ := url.ParseQuery(q) // what could be decoded is in pairs
	for k, vals := range pairs {
		v[k] = vals[len(vals)-1:]
	}
}
