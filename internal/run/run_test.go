package run

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestGroupRecoversAndWaits(t *testing.T) {
	before := Panics()
	ctx, cancel := context.WithCancel(t.Context())
	g := NewGroup(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), "test")
	ended := false
	g.Go(func(context.Context) { panic("x") })
	g.Go(func(ctx context.Context) { <-ctx.Done(); ended = true })
	cancel()
	g.Wait()
	if !ended {
		t.Fatal("Wait returned before the goroutine")
	}
	if Panics() != before+1 {
		t.Fatal("panic not counted")
	}
	if g.Go(func(context.Context) {}) {
		t.Fatal("Go after Wait")
	}
	panics.total.Store(before)
}

func TestDoorsExplainABusyPort(t *testing.T) {
	d := NewDoors()
	l, err := d.Listen(t.Context(), "first", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = d.Listen(t.Context(), "second", d.Addr("first"))
	var be *BindError
	if !errors.As(err, &be) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "another program") || be.Door.Fix == "" {
		t.Fatalf("no help in %q", err)
	}
	if d.Addr("second") != "" || len(d.List()) != 2 {
		t.Fatalf("%+v", d.List())
	}
}
