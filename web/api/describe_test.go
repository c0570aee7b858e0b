package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

func operationsOf(p *huma.PathItem) []*huma.Operation {
	var out []*huma.Operation
	for _, o := range []*huma.Operation{p.Get, p.Put, p.Post, p.Delete, p.Patch, p.Head, p.Options} {
		if o != nil {
			out = append(out, o)
		}
	}
	return out
}

// TestDescription checks what a generator of clients needs: every parameter of
// a path described, every reference leading somewhere, a right and a summary on
// each operation.
func TestDescription(t *testing.T) {
	h := openHouse(t)
	res := h.as(t, "", "GET", "/api/openapi.json", nil)
	if res.Code != http.StatusOK {
		t.Fatalf("%d %s", res.Code, res.Body)
	}
	if h.as(t, "", "GET", "/api/openapi.yaml", nil).Code != http.StatusOK {
		t.Error("no YAML form")
	}
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(res.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %q", doc.OpenAPI)
	}
	for _, ref := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(res.Body.String(), -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("%s is not described", ref[1])
		}
	}
	param := regexp.MustCompile(`\{([^}]+)\}`)
	for path, ops := range doc.Paths {
		for method, raw := range ops {
			var o struct {
				OperationID string
				Summary     string
				Right       string `json:"x-muster-right"`
				Security    []map[string][]string
				Parameters  []struct{ Name, In string }
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			if o.Summary == "" || o.OperationID == "" || o.Right == "" || (o.Right == "public") != (o.Security == nil) {
				t.Errorf("%s %s: %+v", method, path, o)
			}
			for _, p := range param.FindAllStringSubmatch(path, -1) {
				found := false
				for _, q := range o.Parameters {
					found = found || q.Name == p[1] && q.In == "path"
				}
				if !found {
					t.Errorf("%s %s: {%s} is not described", method, path, p[1])
				}
			}
		}
	}
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	h := openHouse(t)
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/api/v1/nothing", 404},
		{"GET", "/api/", 404},
		{"GET", "/api/docs", 404},
		{"POST", "/api/v1/me", 405},
		{"PUT", "/api/v1/streams/a/b", 405},
		{"TRACE", "/api/v1/users", 405},
	} {
		res := h.as(t, "ann", tc.method, tc.path, nil)
		if res.Code != tc.want {
			t.Errorf("%s %s: %d", tc.method, tc.path, res.Code)
		}
		checkProblem(t, res)
	}
}
