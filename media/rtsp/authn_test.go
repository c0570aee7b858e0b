package rtsp

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/media"
)

func TestChallenge(t *testing.T) {
	r := start(t, nil)
	c := dial(t, r)
	res := c.do("DESCRIBE", "cam")
	ways := res.header["WWW-Authenticate"]
	nonce := regexp.MustCompile(`nonce="([^"]+)"`)
	if len(ways) != 3 || !strings.HasSuffix(ways[0], "algorithm=SHA-256") || !strings.HasSuffix(ways[1], "algorithm=MD5") || ways[2] != `Basic realm="muster"` {
		t.Fatalf("challenges: %q", ways)
	}
	digest := func(nonce, password string) string {
		h := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
		uri := c.base + "cam"
		return `Digest username="alice", realm="muster", nonce="` + nonce + `", uri="` + uri + `", response="` +
			h(h("alice:muster:"+password)+":"+nonce+":"+h("DESCRIBE:"+uri)) + `"`
	}
	own := nonce.FindStringSubmatch(ways[0])[1]
	if res := c.do("DESCRIBE", "cam", "Authorization: "+digest("foreign", password)); res.code != 401 || !strings.Contains(res.get("WWW-Authenticate"), `stale="true"`) {
		t.Errorf("a foreign nonce: %d %s", res.code, res.get("WWW-Authenticate"))
	}
	if res := c.do("DESCRIBE", "cam", "Authorization: "+digest(own, password)); res.code != 404 {
		t.Errorf("digest login: %d", res.code)
	}
	if res := c.do("DESCRIBE", "cam"); res.code != 404 {
		t.Errorf("the login was not kept: %d", res.code)
	}

	// Wrong password and unknown user: the same answer, and an end to guessing.
	for _, who := range []string{"alice:wrong", "mallory:wrong"} {
		c := dial(t, r)
		c.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(who))
		for i := range maxFailures {
			if res := c.do("DESCRIBE", "cam"); res.code != 401 || len(res.header["WWW-Authenticate"]) != 3 {
				t.Fatalf("%s, try %d: %d", who, i, res.code)
			}
		}
		if !c.closed(time.Second) {
			t.Errorf("%s may guess on", who)
		}
	}
	r.auth.limited = true
	c = dial(t, r).login()
	if res := c.do("DESCRIBE", "cam"); res.code != 503 || res.get("Retry-After") == "" {
		t.Errorf("limited: %d, Retry-After %q", res.code, res.get("Retry-After"))
	}
	if !c.closed(time.Second) {
		t.Error("limited, but not ended")
	}
}

func TestBasicOnly(t *testing.T) {
	r := start(t, func(c *Config, _ *media.Config) { c.AuthMethods = []string{"basic"} })
	c := dial(t, r)
	if ways := c.do("DESCRIBE", "cam").header["WWW-Authenticate"]; !slices.Equal(ways, []string{`Basic realm="muster"`}) {
		t.Errorf("challenges: %q", ways)
	}
	if res := c.do("DESCRIBE", "cam", "Authorization: Bearer tok"); res.code != 404 {
		t.Errorf("bearer token: %d", res.code)
	}
}

// A fault of ours is not held against the client, and told apart from a refusal.
func TestLoginCannotBeChecked(t *testing.T) {
	r := start(t, nil)
	r.auth.fault = errors.New("the database is away")
	c := dial(t, r).login()
	for range maxFailures + 1 {
		if res := c.do("DESCRIBE", "cam"); res.code != 503 || res.get("WWW-Authenticate") != "" {
			t.Fatalf("got %d %q", res.code, res.get("WWW-Authenticate"))
		}
	}
	r.auth.fault = nil
	if res := c.do("DESCRIBE", "cam"); res.code != 404 {
		t.Errorf("afterwards: %d", res.code)
	}
}

// What was only set up is not on the register, so its login must be proven anew;
// what plays is watched.
func TestLoginOfASessionThatDoesNotPlay(t *testing.T) {
	srv := &Server{cfg: DefaultConfig(), auth: &fakeAuth{}, log: slog.New(slog.DiscardHandler)}
	local, remote := net.Pipe()
	defer local.Close()
	defer remote.Close()
	c := newConn(srv, local)
	c.login.done, c.login.at = true, time.Now().Add(-2*loginLife)
	req := &request{method: "DESCRIBE"}
	c.session = &session{}
	if res := c.authenticate(t.Context(), req, target{}); res == nil || res.code != 401 {
		t.Errorf("set up: %+v", res)
	}
	c.session = &session{player: &player{}}
	if res := c.authenticate(t.Context(), req, target{}); res != nil {
		t.Errorf("playing: %+v", res)
	}
}
