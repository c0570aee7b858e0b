package safename

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		ok       bool
	}{
		{"plain", "cam1", true},
		{"nested", "uas/north/eo", true},
		{"punctuation", "a.b_c-d~e", true},
		{"empty", "", false},
		{"leading slash", "/cam", false},
		{"trailing slash", "cam/", false},
		{"double slash", "a//b", false},
		{"dot", ".", false},
		{"parent", "a/../b", false},
		{"hidden", "a/.ssh", false},
		{"space", "a b", false},
		{"percent", "a%2e", false},
		{"backslash", `a\b`, false},
		{"unicode", "caméra", false},
		{"nul", "a\x00", false},
		{"long", strings.Repeat("a", maxLen+1), false},
		{"deep", strings.Repeat("a/", maxSegments) + "a", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := Parse(tc.in)
			if tc.ok != (err == nil) {
				t.Fatalf("Parse(%q): %v", tc.in, err)
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Fatalf("%v does not wrap ErrInvalid", err)
			}
			if err == nil && n.String() != tc.in {
				t.Fatalf("got %q", n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("cam1")
	f.Add("../etc/passwd")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err == nil && !filepath.IsLocal(n.String()) {
			t.Fatalf("%q is accepted and not local", s)
		}
	})
}
