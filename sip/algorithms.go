package sip

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"muster/sip/wire"
)

// algorithms decides which challenges a client gets. Both are offered, the
// better one first (RFC 8760 §2.3). Clients from before that RFC give up when
// they see one they do not know: who comes back without credentials after both
// were offered is offered MD5 alone for a while.
type algorithms struct {
	mu    sync.Mutex             // guards seen
	seen  map[clientKey]tried    // at most algorithmClients; all are forgotten when full
	since map[clientKey]struct{} // clients that get MD5 alone
}

type clientKey struct {
	addr netip.Addr
	user string
}

type tried struct {
	callID string
	seq    uint32
	at     time.Time
}

const (
	algorithmClients = 4096
	algorithmWindow  = 5 * time.Minute
)

// old are the clients known to know MD5 only and to give up at anything else.
var old = []string{"baresip v0.", "baresip v1."}

func newAlgorithms() *algorithms {
	return &algorithms{seen: make(map[clientKey]tried), since: make(map[clientKey]struct{})}
}

// offer returns the algorithms for the challenge to m, in their order.
func (a *algorithms) offer(m *wire.Message, from netip.Addr, now time.Time) []string {
	for _, prefix := range old {
		if strings.HasPrefix(m.Get("User-Agent"), prefix) {
			return []string{"MD5"}
		}
	}
	key := clientKey{from, m.From.URI.User}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.since[key]; ok {
		return []string{"MD5"}
	}
	if credentials(m) != nil { // it has understood
		delete(a.seen, key)
		return []string{"SHA-256", "MD5"}
	}
	t, ok := a.seen[key]
	if ok && now.Sub(t.at) < algorithmWindow && (t.callID != m.CallID || t.seq != m.Seq) {
		if len(a.since) >= algorithmClients {
			clear(a.since)
		}
		a.since[key] = struct{}{}
		delete(a.seen, key)
		return []string{"MD5"}
	}
	if len(a.seen) >= algorithmClients {
		clear(a.seen)
	}
	a.seen[key] = tried{m.CallID, m.Seq, now}
	return []string{"SHA-256", "MD5"}
}

// understood notes that a client has answered a challenge of both.
func (a *algorithms) understood(m *wire.Message, from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.seen, clientKey{from, m.From.URI.User})
}
