package murmur

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"muster/voice/ice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var everything = User{
	Session: 1, UserID: 2, Mute: true, Suppress: true, SelfDeaf: true, Channel: 3, Name: "ann", OnlineSecs: 4, BytesPerSec: 5, Version: 0x10304,
	Release: "r", OS: "o", OSVersion: "ov", Identity: "i", Context: "c", Comment: "co", Address: make([]byte, 16), TCPOnly: true, IdleSecs: 6, UDPPing: 1.5, TCPPing: 2.5,
}

func TestUserHasTheFieldsOfItsDialect(t *testing.T) {
	var old, newer ice.Encoder
	everything.Write(&old, Murmur)
	with := everything
	with.Version2 = 1<<48 | 5<<32
	with.Write(&newer, MumbleServer)
	if len(newer.Bytes()) != len(old.Bytes())+8 {
		t.Errorf("%d and %d bytes", len(old.Bytes()), len(newer.Bytes()))
	}
	for _, tc := range []struct {
		d    Dialect
		b    []byte
		want User
	}{{Murmur, old.Bytes(), everything}, {MumbleServer, newer.Bytes(), with}} {
		r := ice.NewDecoder(tc.b)
		if got := tc.d.ReadUser(r); r.End() != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v, %v", tc.d.Module, got, r.Err())
		}
	}
	var least ice.Encoder
	User{}.Write(&least, Murmur)
	if len(least.Bytes()) != leastUser {
		t.Errorf("the shortest user has %d bytes", len(least.Bytes()))
	}
}

func TestStructsComeBack(t *testing.T) {
	check := func(name string, want any, write func(*ice.Encoder), read func(*ice.Decoder) any) {
		var e ice.Encoder
		write(&e)
		r := ice.NewDecoder(e.Bytes())
		if got := read(r); r.End() != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, r.Err())
		}
	}
	c := Channel{ID: 1, Name: "n", Parent: -1, Links: []int32{2, 3}, Description: "d", Temporary: true, Position: 4}
	check("channel", c, c.Write, func(r *ice.Decoder) any { return ReadChannel(r) })
	m := TextMessage{Sessions: []int32{1}, Channels: []int32{}, Trees: []int32{2}, Text: "t"}
	check("message", m, m.Write, func(r *ice.Decoder) any { return ReadTextMessage(r) })
	b := Ban{Address: make([]byte, 16), Bits: 128, Name: "n", Hash: "h", Reason: "r", Start: 1, Duration: 2}
	check("ban", b, b.Write, func(r *ice.Decoder) any { return ReadBan(r) })
	i := UserInfo{InfoName: "n", InfoKDFIterations: "1"}
	check("user info", i, i.Write, func(r *ice.Decoder) any { return ReadUserInfo(r) })
	rules := Rules{ACLs: []ACL{{ApplyHere: true, UserID: -1, Group: "g", Allow: 1, Deny: 2}}, Inherit: true,
		Groups: []Group{{Name: "g", Inherit: true, Add: []int32{1}, Remove: []int32{}, Members: []int32{1}}}}
	check("rules", rules, rules.Write, func(r *ice.Decoder) any { return ReadRules(r) })
}

func TestTreeIsAsMurmurdWritesIt(t *testing.T) {
	var e ice.Encoder
	WriteTree(&e, &Tree{Channel: Channel{Name: "Root", Parent: -1}}, Murmur)
	want := "ffffffff" + "01" + "01000000" + "000e" + hex.EncodeToString([]byte("::Murmur::Tree")) + "1a000000" +
		"00000000" + "04" + hex.EncodeToString([]byte("Root")) + "ffffffff" + "00" + "00" + "00" + "00000000" + "00" + "00" +
		"000d" + hex.EncodeToString([]byte("::Ice::Object")) + "0500000000" + "00"
	if got := hex.EncodeToString(e.Bytes()); got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
}

// fake is a server that answers what it is told to.
type fake struct {
	module  Dialect
	version Version
	answers map[string]func(*ice.Encoder)
	throw   Exception
	asked   []string
}

func (f *fake) handle(_ context.Context, r *ice.Request) ice.Reply {
	f.asked = append(f.asked, r.Op)
	if r.Context["secret"] != "s" {
		return ice.Throw(f.module.Throw(InvalidSecret))
	}
	if reply, ok := ice.ReplyIsA(r, []string{f.module.Type("Meta")}); ok {
		return reply
	}
	var e ice.Encoder
	switch {
	case r.Op == "getVersion":
		e.Int(f.version.Major)
		e.Int(f.version.Minor)
		e.Int(f.version.Patch)
		e.String("text")
	case r.Op == "getServer":
		e.Proxy(ice.Proxy{ID: ice.Identity{Name: "1", Category: "s"}})
	case f.throw != "":
		return ice.Throw(f.module.Throw(f.throw))
	case f.answers[r.Op] != nil:
		f.answers[r.Op](&e)
	default:
		return ice.NoOperation(r)
	}
	return ice.OK(&e)
}

func (f *fake) connect(t *testing.T) (*Meta, *Server, error) {
	a, b := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	c := ice.NewClient(a, 0)
	go func() { _ = ice.Serve(ctx, b, ice.Serving{}, f.handle); ended <- struct{}{} }()
	go func() { _ = c.Run(ctx); ended <- struct{}{} }() // told by Done
	t.Cleanup(func() { cancel(); <-ended; <-ended })
	m, err := Connect(t.Context(), c, "s")
	if err != nil {
		return nil, nil, err
	}
	s, err := m.Server(t.Context(), 1)
	return m, s, err
}

func TestBothGenerationsAreSpoken(t *testing.T) {
	list := func(d Dialect) map[string]func(*ice.Encoder) {
		return map[string]func(*ice.Encoder){"getUsers": func(e *ice.Encoder) {
			e.Size(1)
			e.Int(1)
			everything.Write(e, d)
		}}
	}
	layout2 := Murmur
	layout2.Version2 = true
	for _, tc := range []struct {
		name string
		f    fake
		base string
	}{
		{"1.3.4", fake{module: Murmur, version: Version{1, 3, 4, ""}, answers: list(Murmur)}, "MurmurException"},
		{"1.4 with the fields of 1.5", fake{module: Murmur, version: Version{1, 4, 0, ""}, answers: list(layout2)}, "MurmurException"},
		{"1.5", fake{module: MumbleServer, version: Version{1, 5, 0, ""}, answers: list(MumbleServer)}, "ServerException"},
		{"1.6 with the fields of 1.3", fake{module: MumbleServer, version: Version{1, 6, 0, ""}, answers: list(Murmur)}, "ServerException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, s, err := tc.f.connect(t)
			if err != nil {
				t.Fatal(err)
			}
			if m.Dialect().Module != tc.f.module.Module || m.Version().Minor != tc.f.version.Minor {
				t.Errorf("%+v %+v", m.Dialect(), m.Version())
			}
			users, err := s.Users(t.Context())
			if err != nil || !reflect.DeepEqual(users[1], everything) {
				t.Errorf("%+v, %v", users, err)
			}
			tc.f.throw = InvalidSession
			if err := s.Kick(t.Context(), 1, "x"); !errors.Is(err, InvalidSession) {
				t.Error(err)
			}
		})
	}
	t.Run("something else", func(t *testing.T) {
		f := fake{module: Dialect{Module: "Other"}}
		if _, _, err := f.connect(t); err == nil || !strings.Contains(err.Error(), "no Mumble server") {
			t.Error(err)
		}
	})
}

func TestTypes(t *testing.T) {
	got := MumbleServer.Types("A", "B")
	if want := []string{"::MumbleServer::A", "::MumbleServer::B", "::Murmur::A", "::Murmur::B"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func FuzzStructs(f *testing.F) {
	var u, r ice.Encoder
	everything.Write(&u, Murmur)
	Rules{ACLs: []ACL{{Group: "g"}}, Groups: []Group{{Name: "g"}}}.Write(&r)
	f.Add(u.Bytes())
	f.Add(r.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range []Dialect{Murmur, MumbleServer} {
			in := ice.NewDecoder(b)
			if u := d.ReadUser(in); in.End() == nil {
				var e ice.Encoder
				u.Write(&e, d)
				if in := ice.NewDecoder(e.Bytes()); u.UDPPing == u.UDPPing && u.TCPPing == u.TCPPing && !reflect.DeepEqual(d.ReadUser(in), u) {
					t.Errorf("%+v", u)
				}
			}
			_, _ = d.readUsers(ice.NewDecoder(b))
		}
		in := ice.NewDecoder(b)
		if rules := ReadRules(in); in.End() == nil {
			var e ice.Encoder
			rules.Write(&e)
			if len(e.Bytes()) > len(b) && !bytes.ContainsRune(b, 0xff) {
				t.Errorf("%+v", rules)
			}
		}
		ReadChannel(ice.NewDecoder(b))
		ReadTextMessage(ice.NewDecoder(b))
		ReadUserInfo(ice.NewDecoder(b))
		ReadBans(ice.NewDecoder(b))
	})
}
