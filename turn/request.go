package turn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/pion/stun/v4"

	"muster/internal/auth"
	"muster/internal/limit"
)

// The errors of RFC 8489 §14.8 and RFC 8656 §19 that are sent.
const (
	codeBadRequest    = 400
	codeUnauthorized  = 401
	codeForbidden     = 403
	codeUnknownAttr   = 420
	codeMismatch      = 437
	codeStaleNonce    = 438
	codeFamily        = 440
	codeWrongUser     = 441
	codeTransport     = 442
	codePeerFamily    = 443
	codeQuota         = 486
	codeCapacity      = 508
	maxRequest        = 2048 // bytes
	nonceLife         = 10 * time.Minute
	resumeTimeout     = 5 * time.Second
	attrAddressFamily = stun.AttrRequestedAddressFamily
	attrAdditional    = stun.AttrType(0x8000) // ADDITIONAL-ADDRESS-FAMILY
	attrAddressError  = stun.AttrType(0x8001) // ADDRESS-ERROR-CODE
	transportUDP      = 17
)

// refusal is an error answer to a request.
type refusal struct {
	code   int
	reason string
	add    []stun.Setter
}

func refuse(code int, reason string) *refusal { return &refusal{code: code, reason: reason} }

// understood are the attributes that a request may need understood.
var understood = map[stun.AttrType]bool{
	stun.AttrUsername: true, stun.AttrMessageIntegrity: true, stun.AttrRealm: true, stun.AttrNonce: true,
	stun.AttrChannelNumber: true, stun.AttrLifetime: true, stun.AttrXORPeerAddress: true,
	attrAddressFamily: true, stun.AttrEvenPort: true, stun.AttrRequestedTransport: true, stun.AttrReservationToken: true,
	stun.AttrMappedAddress: true, stun.AttrXORMappedAddress: true, stun.AttrPriority: true, stun.AttrUseCandidate: true,
}

// request answers one STUN message of a client that is no Send indication. It may
// wait for the database. The answer is nil where none is due.
func (s *Server) request(ctx context.Context, c client, raw []byte) []byte {
	m := new(stun.Message)
	if err := stun.Decode(raw, m); err != nil {
		s.n.malformed.Add(1)
		return nil
	}
	if m.Type.Class != stun.ClassRequest {
		return nil // other indications keep a NAT open and want nothing
	}
	if fp, err := m.Get(stun.AttrFingerprint); err == nil && (len(fp) != 4 || stun.Fingerprint.Check(m) != nil) {
		s.n.malformed.Add(1)
		return nil
	}
	cut(m)
	if m.Type.Method == stun.MethodBinding {
		return s.binding(c, m)
	}
	key, r := s.dispatch(ctx, c, m)
	switch {
	case r == nil:
		return key.answer
	case r.code == 0:
		s.n.limited.Add(1)
		return nil
	case r.code != codeUnauthorized && r.code != codeStaleNonce:
		s.n.refused.Add(1)
	}
	return failure(m, r, key.key)
}

// cut takes off the attributes behind MESSAGE-INTEGRITY, which anybody may have
// put there (RFC 8489 §14.5).
func cut(m *stun.Message) {
	for i, a := range m.Attributes {
		if a.Type == stun.AttrMessageIntegrity {
			m.Attributes = m.Attributes[:i+1]
			return
		}
	}
}

// binding answers with the address that the request came from (RFC 8489 §12).
func (s *Server) binding(c client, m *stun.Message) []byte {
	if c.conn == nil && !s.replies.allow(c.addr.Addr(), time.Now()) {
		s.n.limited.Add(1)
		return nil
	}
	if r := s.unknown(m); r != nil {
		return failure(m, r, nil)
	}
	s.n.bindings.Add(1)
	return success(m, nil, mapped(c.addr))
}

func (s *Server) unknown(m *stun.Message) *refusal {
	var list stun.UnknownAttributes
	for _, a := range m.Attributes {
		if a.Type.Required() && !understood[a.Type] {
			list = append(list, a.Type)
		}
	}
	if list == nil {
		return nil
	}
	return &refusal{codeUnknownAttr, "Unknown Attribute", []stun.Setter{list}}
}

// result is the answer to a request, or the key with which a refusal is signed.
type result struct {
	answer []byte
	key    stun.MessageIntegrity
}

// login is who a request comes from.
type login struct {
	name string
	key  stun.MessageIntegrity
}

func (s *Server) dispatch(ctx context.Context, c client, m *stun.Message) (result, *refusal) {
	switch m.Type.Method {
	case stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind:
	default:
		return result{}, refuse(codeBadRequest, "Bad Request")
	}
	who, r := s.authenticate(c, m)
	if r != nil {
		return result{}, r
	}
	out := result{key: who.key}
	if r := s.unknown(m); r != nil {
		return out, r
	}
	a := s.of(c)
	if m.Type.Method == stun.MethodAllocate {
		out.answer, r = s.allocate(ctx, c, who, m)
		return out, r
	}
	switch {
	case a == nil && m.Type.Method == stun.MethodRefresh && lifetime(m) == 0:
		// It is gone already; an answer that came late was lost (RFC 8656 §7.3).
		out.answer = success(m, who.key, lifetimeAttr(0))
		return out, nil
	case a == nil:
		return out, refuse(codeMismatch, "Allocation Mismatch")
	case a.login != who.name:
		return out, refuse(codeWrongUser, "Wrong Credentials")
	}
	switch m.Type.Method {
	case stun.MethodRefresh:
		out.answer, r = a.refresh(m)
	case stun.MethodCreatePermission:
		out.answer, r = a.createPermission(m)
	default:
		out.answer, r = a.channelBind(m)
	}
	return out, r
}

// of returns the allocation of a client, or nil.
func (s *Server) of(c client) *allocation {
	if c.conn != nil {
		return c.conn.alloc.Load()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byClient[c.addr]
}

// authenticate checks the long-term credential of a request (RFC 8489 §9.2.4). A
// refusal without code is not to be answered.
func (s *Server) authenticate(c client, m *stun.Message) (login, *refusal) {
	now := time.Now()
	challenge := func(code int, reason string) (login, *refusal) {
		if c.conn == nil && !s.replies.allow(c.addr.Addr(), now) {
			return login{}, &refusal{}
		}
		return login{}, &refusal{code, reason, []stun.Setter{
			stun.NewRealm(s.cfg.Realm), stun.NewNonce(s.secrets.newNonce(c.addr.Addr(), now))}}
	}
	if !m.Contains(stun.AttrMessageIntegrity) {
		return challenge(codeUnauthorized, "Unauthorized")
	}
	name, err1 := m.Get(stun.AttrUsername)
	realm, err2 := m.Get(stun.AttrRealm)
	nonce, err3 := m.Get(stun.AttrNonce)
	if err := errors.Join(err1, err2, err3); err != nil || len(name) > maxUsername+1 {
		if c.conn == nil && !s.replies.allow(c.addr.Addr(), now) {
			return login{}, &refusal{}
		}
		return login{}, refuse(codeBadRequest, "Bad Request")
	}
	// The nonce first: who has a fresh one gets packets at that address, so that
	// nobody else can be made to look like one who guesses.
	if !s.secrets.fresh(string(nonce), c.addr.Addr(), now) {
		return challenge(codeStaleNonce, "Stale Nonce")
	}
	account := limit.Prefix(c.addr.Addr()).String()
	attempt, err := s.failures.Begin(account, c.addr.Addr())
	if err != nil {
		return login{}, &refusal{}
	}
	who := login{name: string(name)}
	who.key = stun.NewLongTermIntegrity(who.name, s.cfg.Realm, s.secrets.password(who.name))
	if string(realm) != s.cfg.Realm || who.key.Check(m) != nil {
		attempt.Failed()
		s.n.failed.Add(1)
		return challenge(codeUnauthorized, "Unauthorized")
	}
	attempt.Succeeded()
	return who, nil
}

// nonceTag is how much of the HMAC a nonce carries, in bytes.
const nonceTag = 12

// newNonce returns a nonce that says itself when and for whom it was made, so that
// nothing is kept (RFC 8489 §9.2.1).
func (s *secrets) newNonce(a netip.Addr, now time.Time) string {
	return s.nonceOf(a, strconv.FormatInt(now.Unix(), 16))
}

func (s *secrets) nonceOf(a netip.Addr, stamp string) string {
	h := hmac.New(sha256.New, s.nonce)
	b := a.As16()
	h.Write(b[:])
	h.Write([]byte(stamp))
	return stamp + "-" + hex.EncodeToString(h.Sum(nil)[:nonceTag])
}

func (s *secrets) fresh(nonce string, a netip.Addr, now time.Time) bool {
	tag := len(nonce) - 2*nonceTag - 1
	if tag < 1 {
		return false
	}
	made, err := strconv.ParseInt(nonce[:tag], 16, 64)
	age := now.Unix() - made
	return err == nil && age >= 0 && age <= int64(nonceLife.Seconds()) && hmac.Equal([]byte(s.nonceOf(a, nonce[:tag])), []byte(nonce))
}

// identity returns who a credential is for, if it has not ended.
func (s *Server) identity(ctx context.Context, name string) (auth.Identity, holder, error) {
	end, h, err := s.secrets.open(name)
	if err != nil {
		return auth.Identity{}, h, err
	}
	if time.Now().After(end) {
		return auth.Identity{}, h, auth.ErrExpired
	}
	ctx, cancel := context.WithTimeout(ctx, resumeTimeout)
	defer cancel()
	id, err := s.resolve(ctx, h)
	return id, h, err
}

func lifetime(m *stun.Message) time.Duration {
	v, err := m.Get(stun.AttrLifetime)
	if err != nil || len(v) != 4 {
		return defaultLifetime
	}
	d := time.Duration(binary.BigEndian.Uint32(v)) * time.Second
	if d == 0 {
		return 0
	}
	return min(max(d, defaultLifetime), maxLifetime)
}

func (a *allocation) refresh(m *stun.Message) ([]byte, *refusal) {
	if f, err := m.Get(attrAddressFamily); err == nil && (len(f) != 4 || (f[0] == familyIPv4) != a.relayed.Addr().Is4()) {
		return nil, refuse(codePeerFamily, "Peer Address Family Mismatch")
	}
	d := lifetime(m)
	if d == 0 {
		a.close("closed by the client")
	} else {
		a.expires.Store(time.Now().Add(d).UnixNano())
	}
	return success(m, a.key, lifetimeAttr(d)), nil
}

func (a *allocation) createPermission(m *stun.Message) ([]byte, *refusal) {
	var peers []netip.Addr
	for _, attr := range m.Attributes {
		if attr.Type != stun.AttrXORPeerAddress {
			continue
		}
		p, ok := xorAddress(attr.Value, m.Raw)
		switch {
		case !ok:
			return nil, refuse(codeBadRequest, "Bad Request")
		case p.Addr().Is4() != a.relayed.Addr().Is4():
			return nil, refuse(codePeerFamily, "Peer Address Family Mismatch")
		}
		peers = append(peers, p.Addr())
	}
	if len(peers) == 0 {
		return nil, refuse(codeBadRequest, "Bad Request")
	}
	if r := peerRefusal(a.permit(peers, time.Now())); r != nil {
		return nil, r
	}
	return success(m, a.key), nil
}

func (a *allocation) channelBind(m *stun.Message) ([]byte, *refusal) {
	n, err1 := m.Get(stun.AttrChannelNumber)
	p, err2 := m.Get(stun.AttrXORPeerAddress)
	peer, ok := xorAddress(p, m.Raw)
	if err1 != nil || err2 != nil || !ok || len(n) != 4 {
		return nil, refuse(codeBadRequest, "Bad Request")
	}
	number := binary.BigEndian.Uint16(n)
	switch {
	case number < minChannel || number > maxChannel || peer.Port() == 0:
		return nil, refuse(codeBadRequest, "Bad Request")
	case peer.Addr().Is4() != a.relayed.Addr().Is4():
		return nil, refuse(codePeerFamily, "Peer Address Family Mismatch")
	}
	if r := peerRefusal(a.bind(number, peer, time.Now())); r != nil {
		return nil, r
	}
	return success(m, a.key), nil
}

func peerRefusal(err error) *refusal {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errForbidden):
		return refuse(codeForbidden, "Forbidden")
	case errors.Is(err, errFull):
		return refuse(codeCapacity, "Insufficient Capacity")
	case errors.Is(err, errClosed):
		return refuse(codeMismatch, "Allocation Mismatch")
	}
	return refuse(codeBadRequest, "Bad Request")
}
