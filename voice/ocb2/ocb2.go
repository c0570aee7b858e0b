// Package ocb2 encrypts voice by UDP as Mumble does: AES-128 in OCB2 mode, with a
// header of four bytes per packet, and a window against replays.
//
// OCB2 as published can be forged (Inoue, Iwata, Minematsu, Poettering:
// Cryptanalysis of OCB2, 2019). What makes the attack possible here is a block
// that encrypts to the length of the message, so the counter-measure of Mumble is
// kept: such blocks are changed before they are encrypted and refused when they
// come.
//
// Neither direction allocates. A Sealer and an Opener are each for one goroutine
// at a time.
package ocb2

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
)

const (
	// KeySize and NonceSize are in bytes.
	KeySize   = 16
	NonceSize = 16
	// Overhead is how much longer a packet is than what is in it.
	Overhead = 4

	size   = 16
	tagLen = 3
)

// The reasons a packet is refused for.
var (
	ErrShort  = errors.New("ocb2: packet too short")
	ErrReplay = errors.New("ocb2: packet seen before or too old")
	ErrForged = errors.New("ocb2: packet is not of this key")
)

// block is 16 bytes as two halves in network order.
type block struct{ hi, lo uint64 }

func (b block) xor(o block) block { return block{b.hi ^ o.hi, b.lo ^ o.lo} }

// double multiplies by x in GF(2^128).
func (b block) double() block {
	return block{b.hi<<1 | b.lo>>63, b.lo<<1 ^ (b.hi>>63)*0x87}
}

// triple multiplies by x+1.
func (b block) triple() block { return b.xor(b.double()) }

func load(p []byte) block {
	_ = p[15]
	return block{binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])}
}

func (b block) store(p []byte) {
	_ = p[15]
	binary.BigEndian.PutUint64(p, b.hi)
	binary.BigEndian.PutUint64(p[8:], b.lo)
}

// mode is the block cipher with its scratch, which would be allocated anew for
// each block otherwise.
type mode struct {
	aes cipher.Block
	buf [size]byte
}

func newMode(key []byte) (mode, error) {
	if len(key) != KeySize {
		return mode{}, errors.New("ocb2: the key must have 16 bytes")
	}
	c, err := aes.NewCipher(key)
	return mode{aes: c}, err
}

func (m *mode) encrypt(b block) block {
	b.store(m.buf[:])
	m.aes.Encrypt(m.buf[:], m.buf[:])
	return load(m.buf[:])
}

func (m *mode) decrypt(b block) block {
	b.store(m.buf[:])
	m.aes.Decrypt(m.buf[:], m.buf[:])
	return load(m.buf[:])
}

// tail loads a block of less than 16 bytes, with zeros behind.
func (m *mode) tail(p []byte) block {
	m.buf = [size]byte{}
	copy(m.buf[:], p)
	return load(m.buf[:])
}

// seal encrypts src into dst, which has its length, and returns the tag. Blocks
// are prepared together and then encrypted together: the processor works on
// several at a time.
func (m *mode) seal(dst, src []byte, nonce block) block {
	first := m.encrypt(nonce)
	offset := first
	var sum block
	n := 0 // bytes in whole blocks but the last
	for ; len(src)-n > size; n += size {
		plain := load(src[n:])
		if len(src)-n <= 2*size && plain.hi == 0 && plain.lo>>8 == 0 {
			// The second to last block, of zeros but for one byte: one bit of the
			// first byte is changed, which is not heard.
			plain.hi ^= 1 << 56
		}
		offset = offset.double()
		sum = sum.xor(plain)
		offset.xor(plain).store(dst[n:])
	}
	for i := 0; i < n; i += size {
		m.aes.Encrypt(dst[i:i+size], dst[i:i+size])
	}
	offset = first
	for i := 0; i < n; i += size {
		offset = offset.double()
		load(dst[i:]).xor(offset).store(dst[i:])
	}
	offset = offset.double()
	tail := src[n:]
	pad := m.encrypt(block{0, uint64(len(tail)) * 8}.xor(offset))
	pad.store(m.buf[:])
	copy(m.buf[:], tail)
	last := load(m.buf[:])
	sum = sum.xor(last)
	last.xor(pad).store(m.buf[:])
	copy(dst[n:], m.buf[:len(tail)])
	return m.encrypt(offset.triple().xor(sum))
}

// open decrypts src into dst, which has its length, and returns the tag. good is
// false when it holds what the attack on OCB2 needs.
func (m *mode) open(dst, src []byte, nonce block) (tag block, good bool) {
	offset := m.encrypt(nonce)
	var sum block
	for len(src) > size {
		offset = offset.double()
		plain := m.decrypt(offset.xor(load(src))).xor(offset)
		sum = sum.xor(plain)
		plain.store(dst)
		src, dst = src[size:], dst[size:]
	}
	offset = offset.double()
	length := block{0, uint64(len(src)) * 8}
	pad := m.encrypt(length.xor(offset))
	last := m.tail(src).xor(pad)
	sum = sum.xor(last)
	// Beyond the end, last holds the pad, as the tag wants it.
	good = last.hi != offset.hi || last.lo>>8 != offset.lo>>8
	last.store(m.buf[:])
	copy(dst, m.buf[:len(src)])
	return m.encrypt(offset.triple().xor(sum)), good
}

// Sealer encrypts packets to one receiver.
type Sealer struct {
	mode
	iv [NonceSize]byte
}

// NewSealer returns a sealer whose first packet has the nonce after iv.
func NewSealer(key, iv []byte) (*Sealer, error) {
	m, err := newMode(key)
	if err != nil {
		return nil, err
	}
	if len(iv) != NonceSize {
		return nil, errors.New("ocb2: the nonce must have 16 bytes")
	}
	return &Sealer{mode: m, iv: [NonceSize]byte(iv)}, nil
}

// Nonce returns that of the last packet, for a receiver that has lost it.
func (s *Sealer) Nonce() [NonceSize]byte { return s.iv }

// Seal appends the packet with src in it to dst, whose capacity does not overlap
// src.
func (s *Sealer) Seal(dst, src []byte) []byte {
	increment(&s.iv)
	at, n := len(dst), Overhead+len(src)
	dst = slices.Grow(dst, n)[:at+n]
	out := dst[at:]
	tag := s.seal(out[Overhead:], src, load(s.iv[:]))
	out[0] = s.iv[0]
	out[1], out[2], out[3] = byte(tag.hi>>56), byte(tag.hi>>48), byte(tag.hi>>40)
	return dst
}

// increment counts iv up, its first byte being the lowest.
func increment(iv *[NonceSize]byte) {
	for i := range iv {
		if iv[i]++; iv[i] != 0 {
			return
		}
	}
}

// decrement counts iv down from byte i on.
func decrement(iv *[NonceSize]byte, i int) {
	for ; i < NonceSize; i++ {
		if iv[i]--; iv[i] != 0xff {
			return
		}
	}
}

// carry counts iv up from byte 1 on.
func carry(iv *[NonceSize]byte) {
	for i := 1; i < NonceSize; i++ {
		if iv[i]++; iv[i] != 0 {
			return
		}
	}
}

// Counts are of packets that an Opener has taken.
type Counts struct{ Good, Late, Lost uint32 }

// window is how far back a packet is still taken.
const window = 30

// Opener decrypts the packets of one sender.
type Opener struct {
	mode
	iv   [NonceSize]byte
	seen [256]uint16 // second byte of the nonce with this first byte, plus one; 0: never
	n    Counts
}

// NewOpener returns an opener for a sender whose first packet has the nonce after
// iv.
func NewOpener(key, iv []byte) (*Opener, error) {
	m, err := newMode(key)
	if err != nil {
		return nil, err
	}
	o := &Opener{mode: m}
	return o, o.SetNonce(iv)
}

// SetNonce starts anew after the nonce iv, which the sender has told over a
// connection that can be trusted.
func (o *Opener) SetNonce(iv []byte) error {
	if len(iv) != NonceSize {
		return errors.New("ocb2: the nonce must have 16 bytes")
	}
	o.iv = [NonceSize]byte(iv)
	return nil
}

// Counts returns what has been taken.
func (o *Opener) Counts() Counts { return o.n }

// Open decrypts packet into dst, whose capacity is at least its length and which
// does not overlap it, and returns what was in it. fresh says that it is newer
// than every packet before it.
func (o *Opener) Open(dst, packet []byte) (plain []byte, fresh bool, err error) {
	if len(packet) < Overhead {
		return nil, false, ErrShort
	}
	iv, late, lost, ok := o.next(packet[0])
	if !ok || o.seen[iv[0]] == uint16(iv[1])+1 {
		return nil, false, ErrReplay
	}
	plain = dst[:len(packet)-Overhead]
	tag, good := o.open(plain, packet[Overhead:], load(iv[:]))
	sum := [tagLen]byte{byte(tag.hi >> 56), byte(tag.hi >> 48), byte(tag.hi >> 40)}
	if subtle.ConstantTimeCompare(sum[:], packet[1:Overhead]) != 1 || !good {
		return nil, false, ErrForged
	}
	o.seen[iv[0]] = uint16(iv[1]) + 1
	o.n.Good++
	if late {
		o.n.Late++
		if o.n.Lost > 0 {
			o.n.Lost--
		}
		return plain, false, nil
	}
	o.n.Lost += uint32(lost)
	o.iv = iv
	return plain, true, nil
}

// next returns the nonce of a packet that says first is its lowest byte.
func (o *Opener) next(first byte) (iv [NonceSize]byte, late bool, lost int, ok bool) {
	iv = o.iv
	d := int(int8(first - iv[0])) // -128 to 127
	switch {
	case d > 0:
		if first < iv[0] {
			carry(&iv)
		}
		iv[0] = first
		return iv, false, d - 1, true
	case d < 0 && d > -window:
		if first > iv[0] {
			decrement(&iv, 1)
		}
		iv[0] = first
		return iv, true, 0, true
	}
	return iv, false, 0, false
}
