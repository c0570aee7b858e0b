package mcu

import "testing"

func TestAPacketArrivesOnce(t *testing.T) {
	type step struct {
		seq  uint16
		want arrival
	}
	for name, steps := range map[string][]step{
		"in order":          {{65534, arrived}, {65535, arrived}, {0, arrived}},
		"doubled":           {{7, arrived}, {7, doubled}, {8, arrived}, {7, doubled}},
		"late":              {{10, arrived}, {13, arrived}, {11, arrived}, {11, doubled}, {12, arrived}},
		"late, across zero": {{65535, arrived}, {2, arrived}, {1, arrived}, {0, arrived}, {0, doubled}},
		"after a gap":       {{0, arrived}, {1500, arrived}, {1499, arrived}, {477, arrived}, {476, doubled}},
		"one stray number":  {{100, arrived}, {40000, doubled}, {101, arrived}, {40002, doubled}, {102, arrived}},
		"begun anew":        {{100, arrived}, {40000, doubled}, {40001, beganNew}, {40001, doubled}, {40002, arrived}},
	} {
		t.Run(name, func(t *testing.T) {
			var a arrivals
			for i, s := range steps {
				if got := a.note(s.seq); got != s.want {
					t.Fatalf("step %d, number %d: %d, want %d", i, s.seq, got, s.want)
				}
			}
		})
	}
	var a arrivals
	for i := range 3 << 16 {
		if a.note(uint16(i)) != arrived {
			t.Fatalf("packet %d of an orderly sender is refused", i)
		}
	}
}
