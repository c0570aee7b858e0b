package codec

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestReorder(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []int // sequence numbers; a negative one is a pause in ms
		out  []int
		lost int
	}{
		{"in order", []int{1, 2, 3}, []int{1, 2, 3}, 0},
		{"swapped", []int{1, 3, 2, 4}, []int{1, 2, 3, 4}, 0},
		{"doubled", []int{1, 2, 2, 1, 3}, []int{1, 2, 3}, 0},
		{"wrapping", []int{65534, 0, 65535, 1}, []int{65534, 65535, 0, 1}, 0},
		{"lost for good", []int{1, 3, -300, 4}, []int{1, 3, 4}, 1},
		{"two gaps", []int{1, 3, 5, -300, 6, -300, 7}, []int{1, 3, 5, 6, 7}, 2},
		{"in time", []int{1, 3, -100, 2, 4}, []int{1, 2, 3, 4}, 0},
		{"far ahead", []int{1, 600}, []int{1}, 87},
		{"anew", []int{30000, 1, 2}, []int{30000, 1, 2}, 0},
		{"jump", []int{1, 9000, 9001}, []int{1, 9000, 9001}, 8998},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReorder(Video)
			now := time.Now()
			var out []int
			lost := 0
			for _, seq := range tc.in {
				if seq < 0 {
					now = now.Add(time.Duration(-seq) * time.Millisecond)
					continue
				}
				ready, l := r.Push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(seq)}}, now)
				lost += l
				for _, p := range ready {
					out = append(out, int(p.SequenceNumber))
				}
			}
			if !slices.Equal(out, tc.out) || lost != tc.lost {
				t.Errorf("out %v, lost %d", out, lost)
			}
		})
	}
}

func TestReorderRandom(t *testing.T) {
	r := NewReorder(Video)
	rng := rand.New(rand.NewPCG(1, 2))
	seqs := make([]int, 20000)
	for i := range seqs {
		seqs[i] = i
	}
	for i := range seqs { // swaps within 20
		j := min(i+rng.IntN(20), len(seqs)-1)
		seqs[i], seqs[j] = seqs[j], seqs[i]
	}
	next := -1
	now := time.Now()
	for _, s := range seqs {
		ready, lost := r.Push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(s), Timestamp: uint32(s)}}, now)
		if lost > 0 {
			t.Fatalf("lost %d", lost)
		}
		for _, p := range ready {
			if next >= 0 && int(p.Timestamp) != next {
				t.Fatalf("%d, not %d", p.Timestamp, next)
			}
			next = int(p.Timestamp) + 1
		}
	}
	if r.held > 20 {
		t.Errorf("%d held", r.held)
	}
}
