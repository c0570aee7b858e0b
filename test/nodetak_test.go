package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool22 is the Node that the TAK clients need; npm brings it with them.
const tool22 = "tak/node_modules/.bin/node"

// takClients skips a test on a developer's machine where the npm packages of the
// TAK clients are not installed; in CI they must be.
func takClients(t *testing.T) {
	t.Helper()
	need(t, "openssl")
	if _, err := os.Stat(tool22); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the TAK clients are not installed: run 'make tak-clients'")
		}
		t.Skip("the TAK clients are not installed: run 'make tak-clients'")
	}
}

// TestNodeTAK runs the whole interface of node-tak and node-cot, the libraries
// under CloudTAK, against the server; they check every answer by their schemas.
func TestNodeTAK(t *testing.T) {
	takClients(t)
	t.Parallel()
	s := start(t)
	s.user("alpha", "team")
	s.user("bravo", "team")
	cmd := exec.Command(tool22, "tak/node-tak.mjs")
	cmd.Env = append(os.Environ(),
		"NODE_EXTRA_CA_CERTS="+filepath.Join(s.data, "pki", "ca.crt"),
		fmt.Sprintf("STREAM=%d", s.ports["cot-tls"]), fmt.Sprintf("HTTPS=%d", s.ports["marti"]), fmt.Sprintf("ENROL=%d", s.ports["marti-enrol"]),
		"ALPHA=alpha:"+passwordOf("alpha"), "BRAVO=bravo:"+passwordOf("bravo"), "ADMIN=admin:"+adminPassword)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node-tak: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), " passed, 0 failed") {
		t.Fatalf("node-tak did not come to its end:\n%s", out)
	}
}
