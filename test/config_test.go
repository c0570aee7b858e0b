package test

import (
	"os"
	"path/filepath"
	"testing"
)

// writeConfig keeps a configuration in a file of the test's own.
func writeConfig(t *testing.T, yaml string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "muster.yml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
