package bus

import "testing"

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
