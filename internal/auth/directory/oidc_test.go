package directory

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOIDCSignatureTellsTheSizeOfItsKey(t *testing.T) {
	for name, tc := range map[string]struct {
		bytes int
		want  bool
	}{
		"none": {0, false}, "Ed25519 or ES256": {64, true}, "ES384": {96, true}, "ES512": {132, true},
		"RSA 1024": {128, false}, "RSA 2047": {255, false}, "RSA 2048": {256, true}, "RSA 8192": {1024, true}, "RSA 16384": {2048, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := soundSignature("head.body." + base64.RawURLEncoding.EncodeToString(make([]byte, tc.bytes))); got != tc.want {
				t.Errorf("%d bytes: %v", tc.bytes, got)
			}
		})
	}
	if soundSignature("") {
		t.Error("nothing at all is a signature")
	}
}

func TestOIDCAnswersAreShortAndJSON(t *testing.T) {
	for name, tc := range map[string]struct {
		method, kind string
		status, size int
		want         bool
	}{
		"good":           {http.MethodGet, "application/json; charset=utf-8", 200, 10, true},
		"keys":           {http.MethodGet, "application/jwk-set+json", 200, maxAnswer, true},
		"too long":       {http.MethodGet, "application/json", 200, maxAnswer + 1, false},
		"a page":         {http.MethodGet, "text/html", 200, 10, false},
		"an error":       {http.MethodGet, "application/json", 500, 10, false},
		"an explanation": {http.MethodPost, "application/json", 400, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, strings.Repeat("1", tc.size))
			}))
			defer s.Close()
			p, err := NewProvider(OIDCConfig{ID: "idp", Issuer: s.URL, ClientID: "muster"})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			req, err := http.NewRequestWithContext(t.Context(), tc.method, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := p.http.Do(req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if got := err == nil; got != tc.want {
				t.Errorf("%v", err)
			}
		})
	}
}
