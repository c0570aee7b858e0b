package runtest

import (
	"os"
	"os/exec"
	"testing"
)

// Need skips a test without the named programs on a developer's machine; in CI
// their absence is a failure.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real programs")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed: run scripts/packages.sh test", p)
			}
			t.Skipf("%s is not installed: run scripts/packages.sh test", p)
		}
	}
}
