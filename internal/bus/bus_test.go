package bus

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestPublishDropsForTheFullOnly(t *testing.T) {
	b := New()
	small, large := b.Subscribe(1), b.Subscribe(8)
	defer large.Close()
	for range 3 {
		b.Publish(Fact{Kind: "x"})
	}
	if small.Dropped() != 2 || large.Dropped() != 0 || len(large.C) != 3 {
		t.Fatalf("small dropped %d, large dropped %d, has %d", small.Dropped(), large.Dropped(), len(large.C))
	}
	small.Close()
	b.Publish(Fact{Kind: "y"})
	if small.Dropped() != 2 {
		t.Fatal("a closed subscription is still told")
	}
}

func TestKeepLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		ctx, cancel := context.WithCancel(t.Context())
		looks, fault := 0, errors.New("no")
		fails := false
		keep := func() chan error {
			done := make(chan error, 1)
			go func() {
				done <- b.Keep(ctx, 4, func(f Fact) bool { return f.Kind == "x" }, func() error {
					looks++
					if fails {
						return fault
					}
					return nil
				})
			}()
			synctest.Wait()
			return done
		}
		done := keep()
		for i, kind := range []string{"x", "y", "x"} {
			b.Publish(Fact{Kind: kind})
			synctest.Wait()
			if want := []int{2, 2, 3}[i]; looks != want {
				t.Errorf("looked %d times after %d facts, want %d", looks, i+1, want)
			}
		}
		fails = true
		b.Publish(Fact{Kind: "x"})
		if err := <-done; !errors.Is(err, fault) {
			t.Errorf("it ended with %v", err)
		}
		fails = false
		done = keep()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ended with %v after its context", err)
		}
	})
}
