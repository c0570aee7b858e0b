package runtest

import (
	"fmt"
	"net"
	"testing"
)

func TestPortsAreGivenOnce(t *testing.T) {
	given := make(map[int]bool)
	for range 200 {
		p := Port(t)
		if given[p] || p < first || p > last || p%2 != 0 {
			t.Fatalf("port %d", p)
		}
		given[p] = true
	}
	p := Port(t)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free(p) {
		t.Error("a port that is listened on is free")
	}
}
