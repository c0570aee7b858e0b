package marti

import "sync"

// requests counts those under way, so that their end can be waited for: they may
// outlast their connection. Those that have become something else, such as a
// WebSocket, are not among them.
type requests struct {
	mu      sync.Mutex // guards closing, and the start of wg.Add against wait
	closing bool
	wg      sync.WaitGroup
}

// begin returns how one ends; nil when none may begin any more. Ending twice is
// harmless.
func (q *requests) begin() (end func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return nil
	}
	q.wg.Add(1)
	return sync.OnceFunc(q.wg.Done)
}

// wait lets no further request begin and returns when all have ended.
func (q *requests) wait() {
	q.mu.Lock()
	q.closing = true
	q.mu.Unlock()
	q.wg.Wait()
}
