package compositor

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestVitals(t *testing.T) {
	asleep := exec.Command("sleep", "60")
	if err := asleep.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = asleep.Process.Kill(); _ = asleep.Wait() })
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	until("a process that sleeps", func() bool { v, known := vitalsOf(asleep.Process.Pid); return known && !v.ready })
	before, known := vitalsOf(os.Getpid())
	if !known {
		t.Fatal("nothing is known of this process")
	}
	until("a process that works", func() bool {
		for began := time.Now(); time.Since(began) < 20*time.Millisecond; {
		}
		v, _ := vitalsOf(os.Getpid())
		return v.ready && v.used > before.used
	})
	if _, known := vitalsOf(1 << 30); known {
		t.Error("something is known of a process that is not there")
	}
	for name, text := range map[string]string{
		"empty": "", "no name": "1 2 3", "short": "1 (x) R 1 2", "no number": "1 (x) R 0 0 0 0 0 0 0 0 0 0 a b c",
	} {
		if _, _, ok := parseStat([]byte(text)); ok {
			t.Errorf("%s was read", name)
		}
	}
	state, used, ok := parseStat([]byte("7 (a) b) R) D 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20\n"))
	if !ok || state != 'D' || used != 3*time.Second {
		t.Errorf("read %c, %s, %v", state, used, ok)
	}
}
