package ocb2

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"
)

func seq(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// TestVectors checks the mode against the vectors of the OCB2 draft
// (draft-krovetz-ocb-00, appendix), which Mumble's own tests have as well.
func TestVectors(t *testing.T) {
	for _, tc := range []struct {
		name, crypt, tag string
		plain            []byte
	}{
		{"empty", "", "bf3108130773ad5ec70ec69e7875a7b0", nil},
		{"two blocks and a half", "f75d6bc8b4dc8d66b836a2b08b32a6369f1cd3c5228d79fd6c267f5f6aa7b231c7dfb9d59951ae9c",
			"9db0cdf880f73e3e10d4eb3217766688", seq(40)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := newMode(seq(16))
			if err != nil {
				t.Fatal(err)
			}
			crypt := make([]byte, len(tc.plain))
			var tag [16]byte
			m.seal(crypt, tc.plain, load(seq(16))).store(tag[:])
			if hex.EncodeToString(crypt) != tc.crypt || hex.EncodeToString(tag[:]) != tc.tag {
				t.Errorf("got %x, tag %x", crypt, tag)
			}
			plain := make([]byte, len(crypt))
			back, good := m.open(plain, crypt, load(seq(16)))
			if !good || back != load(tag[:]) || !bytes.Equal(plain, tc.plain) {
				t.Errorf("opened: %x %v", plain, good)
			}
		})
	}
}

func pair(t testing.TB) (*Sealer, *Opener) {
	key, iv := seq(16), make([]byte, 16)
	rand.Read(iv)
	s, err := NewSealer(key, iv)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(key, iv)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func TestPacketsOfAllLengths(t *testing.T) {
	s, o := pair(t)
	for n := range 200 {
		plain := seq(n)
		packet := s.Seal(nil, plain)
		got, fresh, err := o.Open(make([]byte, len(packet)), packet)
		if err != nil || !fresh || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %x %v %v", n, got, fresh, err)
		}
		packet[len(packet)-1] ^= 1
		if _, _, err := o.Open(make([]byte, len(packet)), packet); err == nil {
			t.Fatalf("%d bytes: taken twice", n)
		}
	}
}

// TestCounterMeasure is about the only forgery that is known: a second to last
// block that encrypts the length of the last one.
func TestCounterMeasure(t *testing.T) {
	s, o := pair(t)
	plain := make([]byte, 32)
	plain[15] = 128 // the length of the last block in bits
	packet := s.Seal(nil, plain)
	got, _, err := o.Open(make([]byte, len(packet)), packet)
	if err != nil || got[0] != 1 || !bytes.Equal(got[1:], plain[1:]) {
		t.Fatalf("the block was not changed: %x %v", got, err)
	}

	// The attack: ask for a block with the length in it without the measure, then
	// shorten the message by its last block.
	m, err := newMode(seq(16))
	if err != nil {
		t.Fatal(err)
	}
	var nonce = load(seq(16))
	offset := m.encrypt(nonce)
	offset = offset.double()
	length := block{0, 128}
	c1 := m.encrypt(offset.xor(length)).xor(offset) // what an unchanged block would give
	last := block{7, 7}
	forged := make([]byte, 16)
	c1.xor(length).xor(last).store(forged)
	crypt := make([]byte, 16)
	pad := m.encrypt(offset.xor(length))
	offset.xor(pad).store(crypt) // a last block that decrypts to the offset
	if _, good := m.open(make([]byte, 16), crypt, nonce); good {
		t.Error("a last block equal to the offset was taken")
	}
}

func TestReplayAndOrder(t *testing.T) {
	s, o := pair(t)
	var packets [][]byte
	for i := range 600 {
		packets = append(packets, s.Seal(nil, []byte{byte(i)}))
	}
	open := func(i int) (bool, error) {
		_, fresh, err := o.Open(make([]byte, 64), packets[i])
		return fresh, err
	}
	for _, step := range []struct {
		name  string
		i     int
		fresh bool
		err   error
	}{
		{"the first", 0, true, nil},
		{"again", 0, false, ErrReplay},
		{"five lost", 6, true, nil},
		{"one of them late", 3, false, nil},
		{"late again", 3, false, ErrReplay},
		{"far ahead", 120, true, nil},
		{"late", 95, false, nil},
		{"too late", 80, false, ErrReplay},
		{"next", 121, true, nil},
		{"over the wrap", 230, true, nil},
		{"over the wrap", 300, true, nil},
		{"late", 290, false, nil},
		{"a number whose first byte was seen", 256 + 121, true, nil},
		{"too far ahead to be known", 256 + 121 + 200, false, ErrReplay},
	} {
		fresh, err := open(step.i)
		if fresh != step.fresh || !errors.Is(err, step.err) {
			t.Errorf("%s (%d): fresh %v, %v", step.name, step.i, fresh, err)
		}
	}
	if n := o.Counts(); n.Good == 0 || n.Late != 3 {
		t.Errorf("%+v", n)
	}
}

func TestFirstPacketIsNeverAReplay(t *testing.T) {
	for first := range 256 {
		iv := make([]byte, 16)
		iv[0] = byte(first)
		s, _ := NewSealer(seq(16), iv)
		o, _ := NewOpener(seq(16), iv)
		packet := s.Seal(nil, []byte("x"))
		if _, _, err := o.Open(make([]byte, 16), packet); err != nil {
			t.Fatalf("%d: %v", first, err)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	s, o := pair(t)
	plain, packet, back := seq(90), make([]byte, 0, 128), make([]byte, 128)
	n := testing.AllocsPerRun(100, func() {
		packet = s.Seal(packet[:0], plain)
		if _, _, err := o.Open(back, packet); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func TestWrongSizesAreRefused(t *testing.T) {
	if _, err := NewSealer(seq(15), seq(16)); err == nil {
		t.Error("a short key")
	}
	if _, err := NewOpener(seq(16), seq(15)); err == nil {
		t.Error("a short nonce")
	}
	_, o := pair(t)
	if _, _, err := o.Open(make([]byte, 8), []byte{1, 2, 3}); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	s, _ := pair(f)
	f.Add(s.Seal(nil, seq(40)))
	f.Add([]byte{1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, o := pair(t)
		if _, _, err := o.Open(make([]byte, len(b)), b); err == nil {
			t.Error("a stranger's packet was taken")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s, _ := pair(b)
	plain, packet := seq(90), make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		packet = s.Seal(packet[:0], plain)
	}
}

func BenchmarkOpen(b *testing.B) {
	s, o := pair(b)
	plain, packet, back := seq(90), make([]byte, 0, 128), make([]byte, 128)
	b.ReportAllocs()
	for b.Loop() {
		packet = s.Seal(packet[:0], plain)
		o.Open(back, packet)
	}
}
