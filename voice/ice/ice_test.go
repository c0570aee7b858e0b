package ice

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// captured joins hex digits and quoted text, as dumps are written.
func captured(t testing.TB, dump string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(dump, `"`) {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "", "\n", "", "\t", "").Replace(part))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// What murmurd 1.3.4 and python's Ice 3.7.8 send.
const (
	capturedRequest = `49 63 65 50 01 00 01 00 00 00 40 00 00 00 | 04 00 00 00 | 04 "Meta" 00 | 00 | 10 "getBootedServers" | 02 |
		01 06 "secret" 06 "s3cret" | 06 00 00 00 01 00`
	capturedServers   = `01 01 "1" 01 "s" 00 00 00 01 01 00 19 00 00 00 01 00 09 "127.0.0.1" 76 40 00 00 60 EA 00 00 00`
	capturedException = `00 | 20 "::Murmur::InvalidSecretException" 04 00 00 00 | 19 "::Murmur::MurmurException" 04 00 00 00`
	capturedNewer     = `00 21 "::Murmur::InvalidChannelException" 20 19 "::Murmur::MurmurException"`
)

func TestRequest(t *testing.T) {
	want := captured(t, capturedRequest)
	r := Request{ID: 4, Object: Identity{Name: "Meta"}, Op: "getBootedServers", Mode: Idempotent, Context: map[string]string{"secret": "s3cret"}}
	if got := r.encode(nil); !bytes.Equal(got, want) {
		t.Errorf("wrote %x", got)
	}
	kind, body, err := readMessage(bytes.NewReader(want), DefaultMaxMessage)
	if err != nil || kind != msgRequest {
		t.Fatal(kind, err)
	}
	got, err := parseRequest(body)
	if err != nil || got.Params.End() != nil {
		t.Fatal(err, got.Params.Err())
	}
	got.Params = nil
	if !reflect.DeepEqual(*got, r) {
		t.Errorf("read %+v", got)
	}
}

func TestProxy(t *testing.T) {
	want := Proxy{ID: Identity{Name: "1", Category: "s"}, Endpoints: []Endpoint{{Host: "127.0.0.1", Port: 16502}}}
	list := captured(t, capturedServers)
	d := NewDecoder(list)
	if got := Seq(d, 2, (*Decoder).Proxy); d.End() != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("read %+v, %v", got, d.Err())
	}
	var e Encoder
	e.Size(1)
	e.Proxy(want)
	if !bytes.Equal(e.Bytes(), list) {
		t.Errorf("wrote %x", e.Bytes())
	}
	// Encoding 1.1 has four bytes more, and other kinds of endpoints are left out.
	newer := &Decoder{v11: true, b: captured(t, `01 "1" 01 "s" 00 00 00 | 01 00 01 01 | 02 | 03 00 07 00 00 00 01 01 00 |
		01 00 19 00 00 00 01 01 09 "127.0.0.1" 76 40 00 00 60 EA 00 00 00`)}
	if got := newer.Proxy(); newer.End() != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v", got, newer.Err())
	}
	for name, p := range map[string]Proxy{"null": {}, "indirect": {ID: Identity{Name: "x"}}, "facet and oneway": {ID: Identity{Name: "x"}, Facet: "f", Oneway: true}} {
		var e Encoder
		e.Proxy(p)
		d := NewDecoder(e.Bytes())
		if got := d.Proxy(); d.End() != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %+v, %v", name, got, d.Err())
		}
	}
}

func TestException(t *testing.T) {
	for _, tc := range []struct {
		name, bytes, want string
		v11               bool
	}{
		{"encoding 1.0", capturedException, "::Murmur::InvalidSecretException", false},
		{"encoding 1.1", capturedNewer, "::Murmur::InvalidChannelException", true},
	} {
		var u *UserError
		err := parseException(&Decoder{b: captured(t, tc.bytes), v11: tc.v11})
		if !errors.As(err, &u) || u.Error() != tc.want || len(u.Types) != 2 || u.Types[1] != "::Murmur::MurmurException" {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	r := Throw(&UserError{Types: []string{"::Murmur::InvalidSecretException", "::Murmur::MurmurException"}})
	if got := r.body[encapsulationHeader:]; !bytes.Equal(got, captured(t, capturedException)) {
		t.Errorf("wrote %x", got)
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int]string{0: "00", 254: "fe", 255: "ffff000000", 70000: "ff70110100"} {
		var e Encoder
		e.Size(n)
		if got := hex.EncodeToString(e.Bytes()); got != want {
			t.Errorf("%d: %s", n, got)
		}
		d := NewDecoder(append(e.Bytes(), make([]byte, n)...))
		if got := d.Count(1); got != n || d.Err() != nil {
			t.Errorf("%d: %d, %v", n, got, d.Err())
		}
	}
}

// TestBounds refuses what says that it is longer than it is, before there is
// memory for it.
func TestBounds(t *testing.T) {
	for name, f := range map[string]func(*Decoder){
		"string":        func(d *Decoder) { _ = d.String() },
		"blob":          func(d *Decoder) { d.Blob() },
		"strings":       func(d *Decoder) { d.Strings() },
		"ints":          func(d *Decoder) { d.Ints() },
		"dictionary":    func(d *Decoder) { Dict(d, 2, (*Decoder).String, (*Decoder).String) },
		"encapsulation": func(d *Decoder) { d.encapsulation() },
		"proxy":         func(d *Decoder) { d.Proxy() },
	} {
		for _, b := range []string{"ffffffff7f", "ffffffffff", "ff00000080", "05", "0101", "ffffffff7f0100", "05000000010000", "060000000200"} {
			d := NewDecoder(captured(t, b))
			n := testing.AllocsPerRun(1, func() { d := *d; f(&d) })
			if f(d); d.Err() == nil && d.Left() > 0 {
				continue // it was something else
			}
			if n > 20 {
				t.Errorf("%s of %s: %v allocations", name, b, n)
			}
		}
		d := NewDecoder(captured(t, "ffffffff7f"))
		if f(d); !errors.Is(d.Err(), ErrMalformed) {
			t.Errorf("%s: %v", name, d.Err())
		}
	}
}

func TestMessages(t *testing.T) {
	head := func(change func([]byte)) []byte {
		m := message(msgRequest, nil)
		change(m)
		return m
	}
	for _, tc := range []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, io.EOF},
		{"half a header", message(msgRequest, nil)[:7], io.ErrUnexpectedEOF},
		{"half a body", message(msgRequest, []byte("body"))[:15], io.ErrUnexpectedEOF},
		{"HTTP", []byte("GET / HTTP/1.1\r\n"), ErrMalformed},
		{"other protocol", head(func(b []byte) { b[4] = 2 }), ErrMalformed},
		{"unknown type", head(func(b []byte) { b[8] = 5 }), ErrMalformed},
		{"compressed", head(func(b []byte) { b[9] = 2 }), ErrMalformed},
		{"shorter than its header", head(func(b []byte) { b[10] = 13 }), ErrMalformed},
		{"4 GiB", head(func(b []byte) { binary.LittleEndian.PutUint32(b[10:], 1<<32-1) }), ErrTooLong},
		{"one too long", message(msgRequest, make([]byte, 1001-headerSize)), ErrTooLong},
		{"the longest", message(msgRequest, make([]byte, 1000-headerSize)), nil},
		{"compression allowed", head(func(b []byte) { b[9] = 1 }), nil},
	} {
		if _, _, err := readMessage(bytes.NewReader(tc.in), 1000); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// pair runs a client and a server on the two ends of a pipe.
func pair(t *testing.T, s Serving, h Handler) (c *Client, served <-chan error) {
	a, b := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan error, 1)
	go func() { out <- Serve(ctx, b, s, h) }()
	c = NewClient(a, 0)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Run(ctx) }() // told by Done
	t.Cleanup(func() { cancel(); <-ended })
	return c, out
}

func echo(_ context.Context, r *Request) Reply {
	if reply, ok := ReplyIsA(r, []string{"::T::A", "::T::B"}); ok {
		return reply
	}
	switch r.Op {
	case "echo":
		var e Encoder
		e.String(r.Params.String())
		return OK(&e)
	case "throw":
		return Throw(&UserError{Types: []string{"::T::E"}})
	case "fault":
		return Fault("because")
	}
	return NoOperation(r)
}

func TestCalls(t *testing.T) {
	c, _ := pair(t, Serving{}, echo)
	call := func(op string, params func(*Encoder)) (*Decoder, error) {
		var e Encoder
		if params != nil {
			params(&e)
		}
		return c.Call(t.Context(), Request{Object: Identity{Name: "x"}, Op: op}, e.Bytes())
	}
	for range 3 {
		d, err := call("echo", func(e *Encoder) { e.String("hello") })
		if err != nil || d.String() != "hello" || d.End() != nil {
			t.Error(err)
		}
	}
	if d, err := call("ice_isA", func(e *Encoder) { e.String("::T::B") }); err != nil || !d.Bool() {
		t.Error(err)
	}
	if d, err := call("ice_isA", func(e *Encoder) { e.String("::T::C") }); err != nil || d.Bool() {
		t.Error(err)
	}
	if d, err := call("ice_id", nil); err != nil || d.String() != "::T::A" {
		t.Error(err)
	}
	if d, err := call("ice_ids", nil); err != nil || strings.Join(d.Strings(), " ") != "::Ice::Object ::T::A ::T::B" {
		t.Error(err)
	}
	if _, err := call("ice_ping", nil); err != nil {
		t.Error(err)
	}
	var u *UserError
	if _, err := call("throw", nil); !errors.As(err, &u) || u.Error() != "::T::E" {
		t.Error(err)
	}
	if _, err := call("fault", nil); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "because") {
		t.Error(err)
	}
	if _, err := call("nothing", nil); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
	if err := c.Send(t.Context(), Request{Op: "nothing"}, nil); err != nil {
		t.Error(err)
	}
	if err := c.Heartbeat(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := call("ice_ping", nil); err != nil {
		t.Error(err)
	}
}

// TestTheEnd checks what becomes of calls when the connection ends.
func TestTheEnd(t *testing.T) {
	t.Run("the other side says good-bye", func(t *testing.T) {
		a, b := net.Pipe()
		c := NewClient(a, 0)
		over := make(chan error, 1)
		go func() { over <- c.Run(context.Background()) }()
		go func() {
			_, _ = b.Write(message(msgValidate, nil))
			_, _, _ = readMessage(b, 1000) // the call, which is not answered
			_, _ = b.Write(message(msgClose, nil))
		}()
		if _, err := c.Call(t.Context(), Request{Op: "x"}, nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if err := <-over; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("we keep it open: %v", err)
		}
		if _, err := c.Call(t.Context(), Request{Op: "x"}, nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	t.Run("we say good-bye", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		a, b := net.Pipe()
		c := NewClient(a, 0)
		over := make(chan error, 1)
		go func() { over <- c.Run(ctx) }()
		_, _ = b.Write(message(msgValidate, nil))
		cancel()
		if kind, _, err := readMessage(b, 1000); kind != msgClose || err != nil {
			t.Error(kind, err)
		}
		<-over
	})
	t.Run("a server that speaks before it is valid", func(t *testing.T) {
		a, b := net.Pipe()
		c := NewClient(a, 0)
		go func() { _, _ = b.Write(OK(nil).encode(1)) }()
		if err := c.Run(t.Context()); !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	})
	t.Run("a call that takes too long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, _ := pair(t, Serving{}, func(ctx context.Context, _ *Request) Reply { time.Sleep(time.Hour); return OK(nil) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := c.Call(ctx, Request{Op: "x"}, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			time.Sleep(2 * time.Hour)
			c.mu.Lock()
			if len(c.pending) != 0 {
				t.Error("it is still waited for")
			}
			c.mu.Unlock()
		})
	})
	t.Run("a client that is silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, served := pair(t, Serving{Idle: time.Minute}, echo)
			start := time.Now()
			if err := <-served; err != nil || time.Since(start) != time.Minute {
				t.Error(err, time.Since(start))
			}
			<-c.Done()
		})
	})
	t.Run("a client that sends replies", func(t *testing.T) {
		a, b := net.Pipe()
		out := make(chan error, 1)
		go func() { out <- Serve(t.Context(), b, Serving{}, echo) }()
		_, _, _ = readMessage(a, 1000)
		_, _ = a.Write(OK(nil).encode(1))
		if err := <-out; !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	})
}

// TestManyCalls keeps answers and questions together, and the number of calls that
// wait small.
func TestManyCalls(t *testing.T) {
	block := make(chan struct{})
	c, _ := pair(t, Serving{}, func(_ context.Context, r *Request) Reply { <-block; return echo(t.Context(), r) })
	c.next = 1<<31 - 3 // numbers start again
	errs := make(chan error, maxPending+1)
	for i := range maxPending + 1 {
		go func() {
			var e Encoder
			e.String(strings.Repeat("x", i))
			d, err := c.Call(t.Context(), Request{Op: "echo"}, e.Bytes())
			if err == nil && len(d.String()) != i {
				err = errors.New("another's answer")
			}
			errs <- err
		}()
	}
	if err := <-errs; err == nil {
		t.Error("no limit")
	}
	close(block)
	for range maxPending {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(captured(f, capturedRequest))
	f.Add(message(msgClose, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, body, err := readMessage(bytes.NewReader(b), 1000); err == nil && len(body) > 1000-headerSize {
			t.Error("too long")
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add(captured(f, capturedRequest)[headerSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			return
		}
		m := r.encode(r.Params.Fork().Rest())
		again, err := parseRequest(m[headerSize:])
		if err != nil || again.Op != r.Op || again.Object != r.Object || len(again.Context) != len(r.Context) || again.Params.Left() != r.Params.Left() {
			t.Errorf("%+v becomes %+v, %v", r, again, err)
		}
	})
}

func FuzzReply(f *testing.F) {
	f.Add(OK(nil).encode(1)[headerSize:])
	f.Add(Throw(&UserError{Types: []string{"::A", "::B"}}).encode(2)[headerSize:])
	f.Add(NoObject(&Request{Op: "x"}).encode(3)[headerSize:])
	f.Add(Fault("x").encode(4)[headerSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, result, err, bad := parseReply(b)
		if bad != nil && (result != nil || err != nil) || bad == nil && (result == nil) == (err == nil) {
			t.Errorf("%v, %v, %v", result, err, bad)
		}
	})
}

func FuzzProxy(f *testing.F) {
	f.Add(captured(f, capturedServers)[1:], false)
	f.Add(captured(f, `01 "1" 01 "s" 00 00 00 | 01 00 01 01 | 00 00`), true)
	f.Fuzz(func(t *testing.T, b []byte, v11 bool) {
		d := &Decoder{b: b, v11: v11}
		p := d.Proxy()
		if d.Err() != nil {
			return
		}
		var e Encoder
		e.Proxy(p)
		d = NewDecoder(e.Bytes())
		if again := d.Proxy(); d.End() != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v becomes %+v, %v", p, again, d.Err())
		}
	})
}
