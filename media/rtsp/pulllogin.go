package rtsp

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// challenge is what a source wants to see before it lets the server play, and
// what the server has to show.
type challenge struct {
	user, password string
	known          bool // there is something to show

	method string // of Config.AuthMethods; empty: nothing was asked for yet
	realm  string
	nonce  string
	opaque string
	qop    bool // RFC 7616 §3.4; else RFC 2069
	count  int  // requests with this nonce
}

func newChallenge(u *url.Userinfo) challenge {
	c := challenge{known: u != nil}
	if u != nil {
		c.user = u.Username()
		c.password, _ = u.Password()
	}
	return c
}

// rank orders methods; a password is sent in the clear only to sources that know
// nothing else.
var rank = map[string]int{methodBasic: 1, methodDigestMD5: 2, methodDigestSHA256: 3}

// learn takes the headers of a 401. The error says that there is no sense in
// asking again.
func (c *challenge) learn(headers []string) error {
	if !c.known {
		return errWantsLogin
	}
	best, stale := challenge{}, false
	for _, h := range headers[:min(len(headers), maxTransports)] {
		next, again := parseChallenge(h)
		if rank[next.method] > rank[best.method] {
			best, stale = next, again
		}
	}
	if best.method == "" {
		return fmt.Errorf("rtsp: the source knows none of the logins %s, %s, %s", methodDigestSHA256, methodDigestMD5, methodBasic)
	}
	if c.method == best.method && !stale && (best.method == methodBasic || best.nonce == c.nonce || c.count <= 1) {
		return errWrongLogin
	}
	best.user, best.password, best.known = c.user, c.password, true
	*c = best
	return nil
}

// parseChallenge reads a WWW-Authenticate header. Its method is empty if it cannot
// be met.
func parseChallenge(header string) (c challenge, stale bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	kv := parseParams(strings.TrimSpace(rest))
	c.realm, c.nonce, c.opaque = kv["realm"], kv["nonce"], kv["opaque"]
	switch strings.ToLower(scheme) {
	case "basic":
		c.method = methodBasic
		return c, false
	case "digest":
	default:
		return challenge{}, false
	}
	if qop, ok := kv["qop"]; ok && qop != "" {
		for q := range strings.SplitSeq(qop, ",") {
			c.qop = c.qop || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
		if !c.qop {
			return challenge{}, false
		}
	}
	switch strings.ToUpper(kv["algorithm"]) {
	case "", "MD5":
		c.method = methodDigestMD5
	case "SHA-256":
		c.method = methodDigestSHA256
	}
	return c, strings.EqualFold(kv["stale"], "true")
}

// proof returns the Authorization header for a request; empty if none is wanted.
func (c *challenge) proof(method, uri string) string {
	c.count++
	hash := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	algorithm := ""
	switch c.method {
	case "":
		return ""
	case methodBasic:
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password))
	case methodDigestSHA256:
		hash = func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
		algorithm = ", algorithm=SHA-256"
	}
	ha1, ha2 := hash(c.user+":"+c.realm+":"+c.password), hash(method+":"+uri)
	more := algorithm
	response := hash(ha1 + ":" + c.nonce + ":" + ha2)
	if c.qop {
		nc, cnonce := fmt.Sprintf("%08x", c.count), rand.Text()
		response = hash(ha1 + ":" + c.nonce + ":" + nc + ":" + cnonce + ":auth:" + ha2)
		more += ", qop=auth, nc=" + nc + `, cnonce="` + cnonce + `"`
	}
	if c.opaque != "" {
		more += ", opaque=" + quote(c.opaque)
	}
	return fmt.Sprintf(`Digest username=%s, realm=%s, nonce=%s, uri=%s, response="%s"`,
		quote(c.user), quote(c.realm), quote(c.nonce), quote(uri), response) + more
}

// quote makes a quoted-string (RFC 7230 §3.2.6).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
