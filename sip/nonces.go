package sip

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	nonceLife  = 5 * time.Minute
	nonceLimit = 1 << 16 // nonces whose counts are remembered
	nonceSize  = 8 + 8 + 16
)

// nonces makes and checks the nonces of challenges (RFC 7616 §3.3). A nonce
// costs no memory until it has been used: it carries its time and a signature.
// Each of its counts is good for one request.
type nonces struct {
	key [32]byte

	mu    sync.Mutex // guards what follows
	used  map[string]*list.Element
	order *list.List // of *nonceUse, oldest first
	floor time.Time  // older nonces were forgotten, so none of them is taken
}

type nonceUse struct {
	nonce  string
	count  uint64 // the highest so far
	issued time.Time
}

func newNonces() *nonces {
	n := &nonces{used: make(map[string]*list.Element), order: list.New()}
	_, _ = rand.Read(n.key[:]) // never fails
	return n
}

func (n *nonces) sign(b []byte, addr netip.Addr) []byte {
	h := hmac.New(sha256.New, n.key[:])
	h.Write(b)
	a := addr.As16()
	h.Write(a[:])
	return h.Sum(nil)[:16]
}

// make returns a nonce for addr.
func (n *nonces) make(addr netip.Addr, now time.Time) string {
	b := make([]byte, 16, nonceSize)
	binary.BigEndian.PutUint64(b, uint64(now.UnixNano()))
	_, _ = rand.Read(b[8:]) // never fails
	return base64.RawURLEncoding.EncodeToString(append(b, n.sign(b, addr)...))
}

// take uses the nonce once, with the count nc, which is empty where the client
// counts nothing. stale says that the nonce was ours and can be replaced by a
// new one without asking the person again.
func (n *nonces) take(nonce, nc string, addr netip.Addr, now time.Time) (ok, stale bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[16:], n.sign(b[:16], addr)) {
		return false, true // of another run of the server, or for another address
	}
	issued := time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	count := uint64(1)
	if nc != "" {
		if count, err = strconv.ParseUint(nc, 16, 32); err != nil || count == 0 {
			return false, false
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if age := now.Sub(issued); age < 0 || age > nonceLife || !issued.After(n.floor) {
		return false, true
	}
	if el := n.used[nonce]; el != nil {
		u := el.Value.(*nonceUse)
		if count <= u.count {
			return false, true
		}
		u.count = count
		return true, false
	}
	for n.order.Len() >= nonceLimit {
		oldest := n.order.Front()
		u := oldest.Value.(*nonceUse)
		n.floor = u.issued
		n.order.Remove(oldest)
		delete(n.used, u.nonce)
	}
	n.used[nonce] = n.order.PushBack(&nonceUse{nonce: nonce, count: count, issued: issued})
	return true, false
}
