package alarm

import "time"

// Window is the time within which what an emergency sets in motion is counted.
const Window = 10 * time.Minute

// window counts what has happened within the last Window. Its zero value is
// empty.
type window []time.Time

// take counts n more and reports true, or reports false if that would be more
// than most.
func (w *window) take(n, most int, now time.Time) bool {
	w.forget(now)
	if len(*w)+n > most {
		return false
	}
	for range n {
		*w = append(*w, now)
	}
	return true
}

func (w *window) forget(now time.Time) {
	old := 0
	for old < len(*w) && now.Sub((*w)[old]) >= Window {
		old++
	}
	*w = (*w)[old:]
}
