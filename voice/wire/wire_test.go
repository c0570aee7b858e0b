package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// messages has one of each kind, with everything in it.
func messages() []Message {
	u, s, b := new(uint32(77)), new("text"), new(true)
	blob, list := []byte{1, 2, 3}, []uint32{1, 300, math.MaxUint32}
	f := new(float32(1.5))
	return []Message{
		&Version{u, s, s, s, new(uint64(1 << 40))},
		&Authenticate{s, s, []string{"a", ""}, []int32{-2147483637, 0}, b, new(int32(-1))},
		&Ping{new(uint64(math.MaxUint64)), u, u, u, u, u, u, f, f, f, f},
		&Reject{u, s},
		&ServerSync{u, u, s, new(uint64(0xffffffffff))},
		&ChannelRemove{u},
		&ChannelState{u, u, s, list, s, list, list, b, new(int32(-5)), blob, u, b, b},
		&UserRemove{u, u, s, b},
		&UserState{u, u, s, u, u, b, b, b, b, b, []byte{}, blob, s, s, s, blob, blob, b, b, []string{"x"}, list, list, []ListenVolume{{u, f}}},
		&BanList{[]BanEntry{{blob, u, s, s, s, s, u}}, b},
		&TextMessage{u, list, list, list, s},
		&PermissionDenied{u, u, u, s, u, s},
		&ACL{u, b, []ACLGroup{{s, b, b, b, list, list, list}}, []ACLRule{{b, b, b, u, s, u, u}, {}}, b},
		&QueryUsers{list, []string{"a", "b", "c"}},
		&CryptSetup{blob, blob, blob},
		&UserList{[]ListedUser{{u, s, s, u}}},
		&VoiceTarget{u, []Target{{list, u, s, b, b}}},
		&PermissionQuery{u, u, b},
		&CodecVersion{new(int32(-2147483637)), new(int32(0)), b, b},
		&UserStats{u, b, [][]byte{blob}, &PacketCounts{u, u, u, u}, &PacketCounts{}, u, u, f, f, f, f, &Version{u, s, s, s, nil}, []int32{1}, blob, u, u, u, b, b},
		&RequestBlob{list, list, list},
		&ContextAction{u, u, s},
		&ContextModify{s, s, u, u},
		&ServerConfig{u, s, b, u, u, u, b},
		&SuggestConfig{u, b, b},
	}
}

func TestEveryMessageComesBack(t *testing.T) {
	for _, m := range messages() {
		frame := AppendFrame(nil, m)
		typ, n := Header([HeaderSize]byte(frame))
		if typ != m.Type() || int(n) != len(frame)-HeaderSize {
			t.Errorf("%T: header %d %d", m, typ, n)
		}
		got := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
		if err := Parse(frame[HeaderSize:], got); err != nil {
			t.Errorf("%T: %v", m, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%T: got %+v", m, got)
		}
		empty := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
		if b := Append(nil, empty); len(b) != 0 {
			t.Errorf("%T: absent fields are sent: %x", m, b)
		}
	}
}

// TestGolden holds bytes against what other implementations of protobuf make.
func TestGolden(t *testing.T) {
	for _, tc := range []struct {
		m    Message
		want string
	}{
		{&Version{V1: new(uint32(0x10400)), Release: new("R")}, "0880880412" + "0152"},
		{&CodecVersion{Alpha: new(int32(-2147483637)), Beta: new(int32(0)), PreferAlpha: new(true)}, "088b80808" + "0f8ffffffff0110001801"},
		{&CryptSetup{}, ""},
		{&VoiceTarget{ID: new(uint32(2)), Targets: []Target{{Sessions: []uint32{300}}}}, "0802" + "120308ac02"},
	} {
		if got := hex.EncodeToString(Append(nil, tc.m)); got != tc.want {
			t.Errorf("%T: %s", tc.m, got)
		}
	}
}

func TestForeignFieldsAreSkipped(t *testing.T) {
	b := protowire.AppendTag(nil, 99, protowire.BytesType)
	b = protowire.AppendString(b, "new")
	b = protowire.AppendTag(b, 98, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, 1)
	b = protowire.AppendTag(b, 1, protowire.Fixed32Type) // a known number of another type
	b = protowire.AppendFixed32(b, 1)
	b = protowire.AppendTag(b, 97, protowire.StartGroupType)
	b = protowire.AppendTag(b, 97, protowire.EndGroupType)
	b = Append(b, &UserRemove{Session: new(uint32(5))})
	var m UserRemove
	if err := Parse(b, &m); err != nil || m.Session == nil || *m.Session != 5 {
		t.Errorf("%+v %v", m, err)
	}
	packed := protowire.AppendTag(nil, 2, protowire.BytesType)
	packed = protowire.AppendBytes(packed, []byte{1, 2, 0xac, 2})
	var text TextMessage
	if err := Parse(packed, &text); err != nil || !reflect.DeepEqual(text.Sessions, []uint32{1, 2, 300}) {
		t.Errorf("packed: %+v %v", text, err)
	}
	var name Authenticate
	if err := Parse([]byte{0x0a, 2, 'a', 0xff}, &name); err != nil || *name.Username != "a\uFFFD" {
		t.Errorf("bad UTF-8: %v", err)
	}
}

func TestBadMessages(t *testing.T) {
	bomb := protowire.AppendTag(nil, 2, protowire.BytesType)
	bomb = protowire.AppendBytes(bomb, make([]byte, maxRepeated+1))
	for _, tc := range []struct {
		name string
		b    []byte
		m    Message
	}{
		{"cut off in a tag", []byte{0x80}, new(Version)},
		{"cut off in a number", []byte{0x08, 0x80}, new(Version)},
		{"text longer than the message", []byte{0x12, 0x7f, 1}, new(Version)},
		{"field number 0", []byte{0x00, 0x00}, new(Version)},
		{"a part that is none", []byte{0x12, 0x02, 0x0a, 0x7f}, new(VoiceTarget)},
		{"more elements than anybody has", bomb, new(TextMessage)},
		{"packed numbers cut off", []byte{0x12, 0x01, 0x80}, new(TextMessage)},
	} {
		if err := Parse(tc.b, tc.m); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestVarint(t *testing.T) {
	for _, tc := range []struct {
		v uint64
		b string
	}{
		{0, "00"}, {0x7f, "7f"}, {0x80, "8080"}, {0x3fff, "bfff"}, {0x4000, "c04000"}, {0x1fffff, "dfffff"}, {0x200000, "e0200000"},
		{0xfffffff, "efffffff"}, {0x10000000, "f010000000"}, {0xffffffff, "f0ffffffff"}, {1 << 32, "f40000000100000000"},
		{math.MaxUint64, "f4ffffffffffffffff"},
	} {
		b := AppendVarint(nil, tc.v)
		if hex.EncodeToString(b) != tc.b {
			t.Errorf("%d: %x", tc.v, b)
		}
		if v, n, err := Varint(append(b, 0xff)); err != nil || v != tc.v || n != len(b) {
			t.Errorf("%s: %d %d %v", tc.b, v, n, err)
		}
		if _, _, err := Varint(b[:len(b)-1]); err == nil {
			t.Errorf("%s cut off was taken", tc.b)
		}
	}
	for _, tc := range []struct {
		name, b string
		v       int64
	}{{"minus five", "f805", -5}, {"minus one, short", "fc", -1}, {"minus four, short", "ff", -4}} {
		b, _ := hex.DecodeString(tc.b)
		if v, n, err := Varint(b); err != nil || int64(v) != tc.v || n != len(b) {
			t.Errorf("%s: %d %d %v", tc.name, int64(v), n, err)
		}
	}
	for _, b := range []string{"", "f8", "f8f805", "f8f8f8f8f8f8"} {
		raw, _ := hex.DecodeString(b)
		if _, _, err := Varint(raw); err == nil {
			t.Errorf("%q was taken", b)
		}
	}
}

func TestVoice(t *testing.T) {
	place := make([]byte, 12)
	body := AppendBody(nil, 1000, []byte("opus"), true)
	packet := append(append([]byte{KindOpus<<5 | 7}, body...), place...)
	v, err := ParseVoice(packet)
	if err != nil || v.Target != 7 || v.Seq != 1000 || string(v.Opus) != "opus" || !v.Last || !bytes.Equal(v.Body, body) || len(v.Position) != 12 {
		t.Errorf("%+v %v", v, err)
	}
	if v, err = ParseVoice(packet[:len(packet)-12]); err != nil || v.Position != nil {
		t.Errorf("%+v %v", v, err)
	}
	out := append(AppendVoice(nil, TargetWhisper, 300), v.Body...)
	if want := append([]byte{KindOpus<<5 | 2, 0x81, 0x2c}, body...); !bytes.Equal(out, want) {
		t.Errorf("%x", out)
	}
	for name, b := range map[string][]byte{
		"empty": {}, "a ping": {KindPing << 5, 1, 2, 3}, "CELT": {0, 1, 2, 3}, "length past the end": {KindOpus << 5, 1, 5, 1, 2},
		"a huge length": {KindOpus << 5, 1, 0xf0, 0xff, 0xff, 0xff, 0xff, 1}, "too long": make([]byte, MaxVoice+1),
	} {
		if _, err := ParseVoice(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListing(t *testing.T) {
	echo, ok := Listing([]byte{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	if !ok || echo != [8]byte{1, 2, 3, 4, 5, 6, 7, 8} {
		t.Error(echo, ok)
	}
	if got := hex.EncodeToString(AppendListing(nil, 0x10400, echo, 1, 2, 3)); got != "000104000102030405060708000000010000000200000003" {
		t.Error(got)
	}
	if _, ok := Listing([]byte{0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}); ok {
		t.Error("not a question")
	}
}

func FuzzParse(f *testing.F) {
	for i, m := range messages() {
		f.Add(i, Append(nil, m))
	}
	f.Fuzz(func(t *testing.T, i int, b []byte) {
		all := messages()
		m := reflect.New(reflect.TypeOf(all[((i%len(all))+len(all))%len(all)]).Elem()).Interface().(Message)
		if Parse(b, m) != nil {
			return
		}
		again := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
		if err := Parse(Append(nil, m), again); err != nil {
			t.Errorf("%T: what was read cannot be read again: %v", m, err)
		}
	})
}

func FuzzParseVoice(f *testing.F) {
	f.Add(append([]byte{KindOpus << 5}, AppendBody(nil, 1, []byte("opus"), true)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseVoice(b)
		if err != nil {
			return
		}
		// What is sent on says the same.
		w, err := ParseVoice(append([]byte{KindOpus<<5 | v.Target}, v.Body...))
		if err != nil || w.Seq != v.Seq || !bytes.Equal(w.Opus, v.Opus) || w.Last != v.Last {
			t.Errorf("%+v %+v %v", v, w, err)
		}
	})
}

func FuzzVarint(f *testing.F) {
	f.Add([]byte{0xf4, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, n, err := Varint(b)
		if err != nil {
			return
		}
		if n < 1 || n > len(b) {
			t.Fatalf("%d bytes of %d", n, len(b))
		}
		if w, _, err := Varint(AppendVarint(nil, v)); err != nil || w != v {
			t.Errorf("%d %d %v", v, w, err)
		}
	})
}
