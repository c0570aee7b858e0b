package mcu

// turns says whose sound is decoded only to find out how loud it is: that of
// senders that do not say so and are not heard. A few are decoded all the time,
// many take turns, since decoding is most of what a large room costs.
type turns struct {
	tick   int
	every  int     // ticks between two packets of a voice that are decoded
	voices int     // that take turns, counted anew in each tick
	bar    float32 // how loud one has to be for a slot of the speakers
}

const (
	turnsShare = 16 // voices that are decoded in each tick
	turnsMost  = 5  // ticks until it is the same voice's turn: somebody new is noticed within 100 ms
)

// next begins a tick.
func (t *turns) next(bar float32) {
	t.tick++
	t.every = max(min((t.voices+turnsShare-1)/turnsShare, turnsMost), 1)
	t.voices, t.bar = 0, bar
}

// due reports whether in, the i-th of the room, is decoded in this tick. Who has
// a slot is, so that a word after a pause is heard from its beginning, and so is
// who may take one soon, so that its decoder has missed nothing when it is heard.
func (t *turns) due(i int, in *AudioIn) bool {
	if in.owed || in.slot.Load() >= 0 {
		return true
	}
	t.voices++
	return (t.tick+i)%t.every == 0 || max(in.loud(), float32(127-in.level)) >= t.near()
}

// near returns the loudness from which on a voice may be heard soon.
func (t *turns) near() float32 { return max(t.bar, voiceFrom) }
