package cot

import (
	"math/rand/v2"
	"testing"
)

// TestGroupSetAgainstAModel compares sets with maps.
func TestGroupSetAgainstAModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	make := func() (groupSet, map[int]bool) {
		var s groupSet
		m := map[int]bool{}
		for range rnd.IntN(5) {
			n := rnd.IntN(200)
			if rnd.IntN(2) == 0 {
				n %= 64
			}
			s = s.add(n)
			m[n] = true
		}
		return s, m
	}
	for range 2000 {
		a, am := make()
		b, bm := make()
		meets, within := false, true
		for n := range am {
			meets = meets || bm[n]
			within = within && bm[n]
		}
		same := within && len(am) == len(bm)
		if a.meets(b) != meets || b.meets(a) != meets || a.within(b) != within || a.equal(b) != same || a.empty() != (len(am) == 0) {
			t.Fatalf("%v and %v", am, bm)
		}
		u := a.union(b)
		for n := range 200 {
			if u.has(n) != (am[n] || bm[n]) || a.has(n) != am[n] {
				t.Fatalf("%v and %v: %d", am, bm, n)
			}
		}
		if !a.within(u) || !b.within(u) {
			t.Fatalf("%v and %v", am, bm)
		}
	}
}
