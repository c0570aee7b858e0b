package obs

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	next := func() string {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		b := make([]byte, 1024)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	s := NewSystemd(slog.New(slog.DiscardHandler))
	s.Ready("3 doors\nSTOPPING=1")
	if got := next(); got != "READY=1\nSTATUS=3 doors STOPPING=1" {
		t.Errorf("%q", got)
	}
	s.Reloading()
	if got := next(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var asked atomic.Int64
	go func() { done <- s.Run(ctx, func(context.Context) bool { return asked.Add(1) > 2 }) }()
	if got := next(); got != "WATCHDOG=1" || asked.Load() < 3 {
		t.Errorf("%q after %d questions", got, asked.Load())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	var b bytes.Buffer
	s := NewSystemd(slog.New(slog.NewTextHandler(&b, nil)))
	s.Ready("")
	s.Reloading()
	s.Stopping()
	if err := s.Run(t.Context(), nil); err != nil || b.Len() != 0 {
		t.Error(err, b.String())
	}
	t.Setenv("WATCHDOG_USEC", "nonsense")
	if err := s.Run(t.Context(), nil); err != nil || !strings.Contains(b.String(), "watchdog") {
		t.Error(err, b.String())
	}
}
