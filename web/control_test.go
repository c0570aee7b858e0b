package web

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheControlDoorTakesItsTokenAndUsersTheirOwn(t *testing.T) {
	h := open(t, nil)
	c := h.client(t, "control", false)
	const token = "Bearer control token of the test"
	for _, tc := range []struct {
		name, path, auth string
		want             int
	}{
		{"streams with the token", "/api/v1/streams", token, 200},
		{"rooms, which this test has none of", "/api/v1/rooms", token, 503},
		{"nobody", "/api/v1/streams", "", 401},
		{"a wrong token", "/api/v1/streams", token + "s", 401},
		{"the token as a password", "/api/v1/streams", "Basic " + token, 401},
		{"users", "/api/v1/users", token, 404},
		{"the backup", "/api/v1/backup", token, 404},
		{"a look-alike", "/api/v1/roomsandmore", token, 404},
		{"out by dots", "/api/v1/rooms/../users", token, 404},
		{"the pages", "/", token, 404},
		{"the description", "/openapi.json", "", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest("GET", "http://localhost"+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tc.auth != "" {
				req.Header.Set("Authorization", tc.auth)
			}
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if got := res.StatusCode; got != tc.want && (tc.want != 404 || got != 307 && got != 301) {
				t.Errorf("%d", got)
			}
		})
	}
}

func TestTheTokenIsNoKeyToAnythingElse(t *testing.T) {
	h := open(t, nil)
	req, err := http.NewRequest("GET", "http://localhost/api/v1/streams", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer control token of the test")
	made, err := http.NewRequest("POST", "http://localhost/api/v1/groups", strings.NewReader(`{"name":"red"}`))
	if err != nil {
		t.Fatal(err)
	}
	made.Header.Set("Authorization", "Bearer control token of the test")
	res, err := h.client(t, "control", false).Do(made)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("a group is made: %d", res.StatusCode)
	}
	res, err = h.client(t, "api", false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Error(res.StatusCode)
	}
}

func TestTheControlTokenIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "control-token")
	first, err := LoadControlToken(file)
	if err != nil || len(first) < 20 {
		t.Fatal(first, err)
	}
	if again, err := LoadControlToken(file); err != nil || again != first {
		t.Error(again, err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadControlToken(file); err == nil || !strings.Contains(err.Error(), "at least 20") {
		t.Error(err)
	}
}
