package turn

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// success returns the answer to m, signed if there is a key. A client that sent a
// fingerprint gets one.
func success(m *stun.Message, key stun.MessageIntegrity, attrs ...stun.Setter) []byte {
	return answer(m, stun.ClassSuccessResponse, key, attrs)
}

func failure(m *stun.Message, r *refusal, key stun.MessageIntegrity) []byte {
	code := stun.ErrorCodeAttribute{Code: stun.ErrorCode(r.code), Reason: []byte(r.reason)}
	return answer(m, stun.ClassErrorResponse, key, append([]stun.Setter{code}, r.add...))
}

func answer(m *stun.Message, class stun.MessageClass, key stun.MessageIntegrity, attrs []stun.Setter) []byte {
	all := append([]stun.Setter{m, stun.NewType(m.Type.Method, class)}, attrs...)
	if key != nil {
		all = append(all, key)
	}
	all = append(all, stun.Fingerprint)
	out, err := stun.Build(all...)
	if err != nil {
		return nil // an attribute that is too long, of which there is none
	}
	return out.Raw
}

// address is an attribute that holds an address.
type address struct {
	kind stun.AttrType
	addr netip.AddrPort
}

// AddTo implements stun.Setter.
func (a address) AddTo(m *stun.Message) error {
	var v [sizePeerIPv6]byte
	m.Add(a.kind, v[:putXORAddress(v[:], a.addr, m.Raw)])
	return nil
}

func mapped(a netip.AddrPort) stun.Setter { return address{stun.AttrXORMappedAddress, a} }

func lifetimeAttr(d time.Duration) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: binary.BigEndian.AppendUint32(nil, uint32(d.Seconds()))}
}
