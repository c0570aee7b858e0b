package turn

import (
	"net/netip"
	"sync"
	"testing"
)

// fakeLocal is a media socket in this process.
type fakeLocal struct {
	addr netip.AddrPort
	mu   sync.Mutex
	got  []string
}

func (f *fakeLocal) Owns(a netip.AddrPort) bool {
	return a == f.addr || a.Port() == 0 && a.Addr() == f.addr.Addr()
}

func (f *fakeLocal) Deliver(to, from netip.AddrPort, pkt []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if to != f.addr {
		return false
	}
	f.got = append(f.got, from.String()+" "+string(pkt))
	return true
}

func (f *fakeLocal) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

func TestOwnMediaIsReachedInMemoryAndWithoutAllowedPeers(t *testing.T) {
	peer := newPeer(t) // so that a packet which went out would be seen
	local := &fakeLocal{addr: peer.addr}
	h := newHouse(t, func(c *Config, d *Deps) { c.AllowPeers, d.Local = nil, local })
	p := h.phone(t, h.issue(t, guest("g1")))
	relay := p.allocate()
	if h.Deliver(relay, peer.addr, []byte("without permission")) != true || h.Deliver(peer.addr, relay, nil) {
		t.Fatal("only relays are taken")
	}
	if c := p.permit(peer.addr); c != 0 {
		t.Fatal(c)
	}
	p.send(sendTo8656(peer.addr, "one"))
	eventually(t, "the indication", func() bool { return local.count() == 1 })
	if c := p.bind(0x4000, peer.addr); c != 0 {
		t.Fatal(c)
	}
	p.send(framed(0x4000, "two"))
	eventually(t, "the channel data", func() bool { return local.count() == 2 })
	if local.got[0] != relay.String()+" one" || local.got[1] != relay.String()+" two" {
		t.Fatalf("%q", local.got)
	}
	h.Deliver(relay, peer.addr, []byte("back"))
	if b := p.receive(soon); string(b) != "\x40\x00\x00\x04back" {
		t.Fatalf("%q", b)
	}
	if text, _ := peer.next(never); text != "" {
		t.Fatalf("%q went through a socket", text)
	}
	other := newPeer(t)
	if c := p.bind(0x4001, other.addr); c != codeForbidden {
		t.Fatalf("another port of that address: %d", c)
	}
}
