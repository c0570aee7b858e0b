package pki

import (
	"testing"

	"muster/internal/conf"
)

// TestConfigIsDocumented: conf can fill the section, and every key says what
// it is for.
func TestConfigIsDocumented(t *testing.T) {
	c := DefaultConfig()
	if err := conf.Check(&c); err != nil {
		t.Fatal(err)
	}
	for _, k := range conf.Keys(&c) {
		if k.Doc == "" {
			t.Errorf("%s has no doc", k.Path)
		}
	}
	if err := conf.Load("", &c, []string{"MUSTER_NAMES=a.example,10.0.0.1", "MUSTER_ACME_DOMAINS=tak.example.net"}); err != nil {
		t.Fatal(err)
	}
}
