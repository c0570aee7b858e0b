package usage

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got, err := parse("123 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 7 3 20 0")
	if err != nil || got != 3100*time.Millisecond {
		t.Errorf("%s %v", got, err)
	}
	if _, err := parse("1 (a) S 1"); err == nil {
		t.Error("half a line was taken")
	}
}
