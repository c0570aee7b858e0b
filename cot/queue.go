package cot

// Queue holds what waits for one client, bounded in bytes: a newer position of a
// uid takes the place of the older one that still waits; when the limit is
// reached the oldest positions go first; what is no position is never dropped
// while the client is there, but the client is reported as slow. Safe for
// concurrent use.
type Queue struct{}

// NewQueue returns an empty queue of at most limit bytes.
func NewQueue(limit int) *Queue { panic("cot") }
