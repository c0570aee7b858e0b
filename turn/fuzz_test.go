package turn

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"muster/internal/auth"
	"muster/internal/run"
)

// FuzzDatagram gives everything that reads what strangers send the same bytes.
func FuzzDatagram(f *testing.F) {
	peer := netip.MustParseAddrPort("127.0.0.1:5000")
	f.Add([]byte{})
	f.Add(framed(0x4000, "data"))
	f.Add(sendTo8656(peer, "data"))
	f.Add(sendTo8656(netip.MustParseAddrPort("[2001:db8::1]:5000"), ""))
	for _, m := range []stun.Method{stun.MethodBinding, stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
		f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(m, stun.ClassRequest), udpTransport, stun.NewUsername("1:a"), stun.NewRealm("muster"),
			stun.NewNonce("1-00"), lifetimeAttr(0), peerAttr(peer), stun.NewShortTermIntegrity("x"), stun.Fingerprint).Raw)
	}
	s, err := New(DefaultConfig(), Deps{Auth: &fakeAuth{}, Sessions: auth.NewSessions(nil), Doors: run.NewDoors(), Log: slog.New(slog.DiscardHandler), Key: make([]byte, 32)})
	if err != nil {
		f.Fatal(err)
	}
	key := stun.NewShortTermIntegrity("x")
	a := &allocation{s: s, key: key, relayed: netip.MustParseAddrPort("127.0.0.1:50000")}
	a.table.Store(newTable())
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		if _, pkt, ok := channelData(b); ok && len(pkt) > len(b)-channelHeader {
			t.Fatal("more than there is")
		}
		if isSTUN(b) {
			if isSend(b) {
				a.indication(b)
			} else if len(b) <= maxRequest {
				s.request(t.Context(), client{addr: peer}, b)
				m := new(stun.Message)
				if stun.Decode(b, m) == nil { // as if the password were right
					cut(m)
					_, _ = readWish(m)
					_, _ = a.createPermission(m)
					_, _ = a.channelBind(m)
				}
			}
		}
		buf := make([]byte, slot)
		if frame, err := readFrame(bytes.NewReader(b), buf); err == nil && !bytes.HasPrefix(b, frame) {
			t.Fatal("another frame than was sent")
		}
		if !bytes.Equal(b, before) {
			t.Fatal("the datagram was changed")
		}
	})
}

// FuzzUsername opens names that nobody was given.
func FuzzUsername(f *testing.F) {
	s, err := newSecrets(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	name, err := s.username(time.Unix(1999999999, 0), holder{Guest: "g"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(name)
	f.Add("1:")
	f.Add(":")
	f.Fuzz(func(t *testing.T, in string) {
		if _, h, err := s.open(in); err == nil && h.Guest != "g" {
			t.Fatalf("%q opens %+v", in, h)
		}
	})
}
