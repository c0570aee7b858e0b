package rtmp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"muster/internal/run"
)

// chunk0 returns one message in one chunk with a full header.
func chunk0(typ byte, length uint32, body []byte) []byte {
	b := []byte{3, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), typ, 0, 0, 0, 0}
	return append(b, body...)
}

func amf(t testing.TB, v ...any) []byte {
	b, err := amf0.Data(v).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func nested(depth int) []byte {
	b := bytes.Repeat([]byte{amfObject, 0, 1, 'a'}, depth)
	b = append(b, amfNull)
	return append(b, bytes.Repeat([]byte{0, 0, amfObjectEnd}, depth)...)
}

func TestHostileBytes(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.HandshakeTimeout = time.Second })
	connect := append(amf(t, "connect", 1.0), nested(maxAMFDepth+2)...)
	ext := chunk0(typeSetChunkSize, 4, []byte{0x80, 0, 0, 0})
	for _, tc := range []struct {
		name  string
		shake bool // do a proper handshake first
		send  []byte
	}{
		{"no RTMP", false, []byte("GET / HTTP/1.1\r\n\r\n")},
		{"RTMPE", false, append([]byte{6}, make([]byte, 1536)...)},
		{"silence", false, nil},
		{"hang after C1", false, append([]byte{3}, make([]byte, 1536)...)},
		{"silence after the handshake", true, nil},
		{"chunk size 2^31", true, ext},
		{"chunk size 0", true, chunk0(typeSetChunkSize, 4, []byte{0, 0, 0, 0})},
		{"16 MiB before the login", true, chunk0(typeVideo, 0xFFFFFF, make([]byte, 128))},
		{"64 KiB and a byte before the login", true, chunk0(typeVideo, maxMessageBefore+1, make([]byte, 128))},
		{"AMF nested too deep", true, chunk0(typeCommandAMF0, uint32(len(connect)), connect)},
		{"a chunk that refers to nothing", true, []byte{0xC3}},
		{"short control message", true, chunk0(typeAbort, 1, []byte{1})},
		{"message cut off", true, chunk0(typeCommandAMF0, 100, []byte("x"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			nc, err := net.Dial("tcp", h.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(4 * time.Second))
			if tc.shake {
				nc.Write(append([]byte{3}, make([]byte, 1536)...))
				if _, err := io.ReadFull(nc, make([]byte, 1+2*1536)); err != nil {
					t.Fatal(err)
				}
				nc.Write(make([]byte, 1536))
			}
			nc.Write(tc.send)
			if _, err := io.Copy(io.Discard, nc); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatalf("not closed: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		eventually(t, "the connections to end", func() bool { return h.Stats().Open == 0 })
		if n := h.Stats().Malformed; n < 7 {
			t.Errorf("%d counted as malformed", n)
		}
	})
}

func TestChunksAreJoined(t *testing.T) {
	var in bytes.Buffer
	body := bytes.Repeat([]byte("0123456789"), 30)
	// 300 bytes in chunks of 128 on chunk stream 320 (two-byte form), with an extended timestamp.
	in.Write([]byte{1, 0, 1, 0xFF, 0xFF, 0xFF, 0, 1, 44, typeVideo, 1, 0, 0, 0, 0x01, 0, 0, 0})
	in.Write(body[:128])
	in.Write([]byte{0xC0 | 1, 0, 1, 0x01, 0, 0, 0}) // repeats it
	in.Write(body[128:256])
	in.Write([]byte{0xC0 | 1, 0, 1}) // leaves it out, as some encoders do
	in.Write(body[256:])
	// A message of type 1, then one of type 3 with the same delta.
	in.Write([]byte{0x40 | 1, 0, 1, 0, 0, 40, 0, 0, 2, typeAudio, 'a', 'b'})
	in.Write([]byte{0xC0 | 1, 0, 1, 'c', 'd'})
	// A window, which makes the reader acknowledge.
	in.Write([]byte{2, 0, 0, 0, 0, 0, 4, typeWindowAckSize, 0, 0, 0, 0, 0, 0, 0, 10})
	in.Write([]byte{0xC0 | 1, 0, 1, 'e', 'f'})

	var acks []uint32
	c := newChunkReader(bufio.NewReader(&in), func(n uint32) error { acks = append(acks, n); return nil })
	total := uint32(in.Len())
	for i, want := range []message{
		{typeVideo, 0x01000000, body}, {typeAudio, 0x01000000 + 40, []byte("ab")},
		{typeAudio, 0x01000000 + 80, []byte("cd")}, {typeAudio, 0x01000000 + 120, []byte("ef")},
	} {
		m, err := c.next()
		if err != nil {
			t.Fatal(i, err)
		}
		if m.typ != want.typ || m.time != want.time || !bytes.Equal(m.body, want.body) {
			t.Fatalf("message %d: %d at %d, %d bytes", i, m.typ, m.time, len(m.body))
		}
	}
	if c.count != total || len(acks) != 1 || acks[0] != total || c.held != 0 {
		t.Errorf("count %d of %d, acks %v, held %d", c.count, total, acks, c.held)
	}
}

func TestIncompleteMessagesAreBounded(t *testing.T) {
	var in bytes.Buffer
	for id := byte(3); id < 60; id++ {
		h := chunk0(typeVideo, maxMessageBefore, nil)
		h[0] = id
		in.Write(h)
		in.Write(make([]byte, 16<<10))
	}
	c := newChunkReader(bufio.NewReader(&in), nil)
	c.size = 16 << 10
	if _, err := c.next(); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Fatal(err)
	}
	if c.held > maxMessageBefore+maxData {
		t.Fatalf("%d bytes held", c.held)
	}
}

func FuzzChunks(f *testing.F) {
	f.Add(chunk0(typeVideo, 3, []byte("abc")))
	f.Add(append(chunk0(typeSetChunkSize, 4, []byte{0, 0, 0, 2}), append(chunk0(typeVideo, 3, []byte("ab")), 0xC3, 'c')...))
	f.Add([]byte{1, 0, 1, 0xFF, 0xFF, 0xFF, 0, 0, 1, 9, 1, 0, 0, 0, 1, 0, 0, 0, 'x', 0xC1, 0, 1, 1, 0, 0, 0, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newChunkReader(bufio.NewReader(bytes.NewReader(b)), func(uint32) error { return nil })
		for {
			m, err := c.next()
			if c.held < 0 || c.held > maxMessageBefore+maxData {
				t.Fatalf("%d bytes held", c.held)
			}
			if err != nil {
				return
			}
			if len(m.body) > maxMessageBefore {
				t.Fatalf("a message of %d bytes", len(m.body))
			}
		}
	})
}

func FuzzTags(f *testing.F) {
	f.Add(true, []byte{0x17, 1, 0, 0, 40, 0, 0, 0, 2, 0x65, 1})
	f.Add(true, append([]byte{0x17, 0, 0, 0, 0, 1, 0x42, 0, 40, 0xFF, 0xE1, 0, 4, 0x67, 0x42, 0, 40, 1, 0, 1}, 0x68))
	f.Add(true, []byte("\x93hvc1abc"))
	f.Add(true, []byte("\x96\x11avc1\x00\x00\x00\x05abcde\x01\x00\x00\x02fg"))
	f.Add(true, []byte("\x96\x21avc1\x00\x00\x00\x05abcdehvc1\x01\x00\x00\x02fg"))
	f.Add(true, []byte("\x97\x02abc\x01av01\x0a\x01\x00"))
	f.Add(false, []byte{0xAF, 0, 0x11, 0x90})
	f.Add(false, []byte("\x90OpusOpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, video bool, b []byte) {
		parse := parseAudio
		if video {
			parse = parseVideo
		}
		tags, _ := parse(b)
		for _, g := range tags {
			tr := &inTrack{id: g.id, lengthSize: 4}
			if g.config {
				_ = tr.configure(g) // errors are for the log
			} else {
				tr.format = tr.guess(g)
			}
			if tr.format == nil {
				continue
			}
			if tr.format.ClockRate < 0 {
				t.Fatal("clock rate")
			}
			if au, err := tr.unit(g); err == nil {
				audioTicks(tr.format, au)
			}
			configBody(tr.format, 0)
			configBody(tr.format, 1)
		}
	})
}

func FuzzAMF(f *testing.F) {
	f.Add(amf(f, "connect", 1.0, amf0.Object{{Key: "app", Value: "live"}, {Key: "list", Value: amf0.StrictArray{"av01", 1.0, true, nil}}}))
	f.Add(amf(f, "@setDataFrame", "onMetaData", amf0.ECMAArray{{Key: "videocodecid", Value: 7.0}}))
	f.Add(nested(maxAMFDepth))
	f.Add(nested(3000))
	f.Add([]byte{amfStrictArray, 0xFF, 0xFF, 0xFF, 0xFF, amfNull})
	f.Add(binary.BigEndian.AppendUint32([]byte{amfLongString}, 0xFFFFFFFF))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := amfSize(b, 0); err == nil && (n <= 0 || n > len(b)) {
			t.Fatalf("a value of %d bytes in %d", n, len(b))
		}
		parseCommand(b)
		(&source{}).meta(decodeAMF(b))
	})
}

func FuzzTarget(f *testing.F) {
	f.Add("rtmp://h/app?token=x", "app?user=u&pass=p", "key?jwt=t")
	f.Add("", "/a//", "?%zz=1;&=")
	f.Fuzz(func(t *testing.T, tcURL, app, key string) {
		if g, err := parseTarget(tcURL, app, key); err == nil && g.name.IsZero() {
			t.Fatal("no name and no error")
		}
	})
}

func TestTargets(t *testing.T) {
	for _, tc := range []struct{ tcURL, app, key, name, user, pass, token string }{
		{"rtmp://h/cam?user=u&pass=p", "cam?user=u&pass=p", "", "cam", "u", "p", ""},
		{"rtmp://h/cam", "cam", "?user=u&pass=a%26b+c", "cam", "u", "a&b c", ""},
		{"rtmp://h/app", "app", "k?token=t", "app/k", "", "", "t"},
		{"rtmp://h/app", "app/", "/k?jwt=t", "app/k", "", "", "t"},
		{"rtmp://h/a/b?user=x", "a/b", "k?user=y&pass=p", "a/b/k", "y", "p", ""},
		{"rtmp://h/app", "app", "../x", "", "", "", ""},
		{"rtmp://h/", "", "", "", "", "", ""},
	} {
		g, err := parseTarget(tc.tcURL, tc.app, tc.key)
		if (err != nil) != (tc.name == "") || g.name.String() != tc.name {
			t.Errorf("%+v: %q, %v", tc, g.name, err)
		}
		if err == nil && (g.proof.User != tc.user || g.proof.Password != tc.pass || g.proof.Token != tc.token) {
			t.Errorf("%+v: %+v", tc, g.proof)
		}
	}
}

// One port that cannot be had leaves the other open, and says why.
func TestBusyPortIsExplainedAndTheOtherServed(t *testing.T) {
	h := newHouse(t)
	cfg := DefaultConfig()
	cfg.TLSAddress = h.addr
	cfg.Address = "127.0.0.1:0"
	doors := run.NewDoors()
	s, err := New(cfg, Deps{Router: h.router, Auth: fakeAuth{}, Doors: doors, Log: h.Server.log, TLS: testTLS(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(t, "RTMP to open and RTMPS to be explained", func() bool {
		list := doors.List()
		return len(list) == 2 && list[0].Error == "" && list[1].Error != "" && list[1].Fix != ""
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Address = "1935" }, func(c *Config) { c.TLSAddress = "x" }, func(c *Config) { c.HandshakeTimeout = 0 },
		func(c *Config) { c.ReadTimeout = 0 }, func(c *Config) { c.WriteTimeout = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
}
