package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers what it reads, in capitals.
func echo(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	b := make([]byte, 64)
	for {
		n, err := c.Read(b)
		if err != nil || bytes.Contains(b[:n], []byte("bye")) {
			c.Write([]byte("gone"))
			return
		}
		if _, err := c.Write(bytes.ToUpper(b[:n])); err != nil {
			return
		}
	}
}

func start(t *testing.T, serve func(context.Context, net.Conn)) *Handler {
	ctx, cancel := context.WithCancel(context.Background())
	h := New(ctx, serve)
	t.Cleanup(func() { cancel(); h.Wait() })
	return h
}

func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	h.ServeHTTP(w, r)
	return w
}

func open(t *testing.T, h http.Handler) string {
	t.Helper()
	w := post(h, "/open/1", "")
	id, ok := strings.CutSuffix(w.Body.String(), "\n")
	if w.Code != 200 || !ok || len(id) < 20 || w.Header().Get("Content-Type") != contentType {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
	return id
}

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, echo)
		id := open(t, h)
		if w := post(h, "/send/"+id+"/1", "hello"); w.Code != 200 || w.Body.String() != "\x01HELLO" {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		if w := post(h, "/idle/"+id+"/2", "\x00"); w.Code != 200 || w.Body.String() != "\x02" {
			t.Errorf("nothing to say: %d %q", w.Code, w.Body)
		}
		if w := post(h, "/send/"+id+"/3", "bye"); w.Body.String() != "\x01gone" {
			t.Errorf("the last words: %q", w.Body)
		}
		if w := post(h, "/idle/"+id+"/4", ""); w.Code != 404 {
			t.Errorf("after the end: %d", w.Code)
		}
		other := open(t, h)
		if w := post(h, "/close/"+other, ""); w.Code != 200 {
			t.Error(w.Code)
		}
		synctest.Wait()
		if n := h.Stats(); n.Open != 0 || n.Total != 2 {
			t.Errorf("%+v", n)
		}
	})
}

func TestRequestsThatAreNone(t *testing.T) {
	h := start(t, echo)
	for path, want := range map[string]int{
		"/fcs/ident2": 404, "/fcs/ident": 404, "/send/none/1": 404, "/idle/none/1": 404, "/close/none": 404,
		"/open/2": 400, "/": 400, "/send//1": 400, "/send/x": 400, "/send/x/y": 400, "/send/x/-1": 400, "/idle/x/1/2": 400, "/other/1": 400,
		"/send/" + strings.Repeat("x", 300) + "/1": 400,
	} {
		if w := post(h, path, ""); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/open/1", nil))
	if w.Code != 400 || h.Stats().Malformed == 0 {
		t.Error(w.Code)
	}
	id := open(t, h)
	if w := post(h, "/send/"+id+"/1", strings.Repeat("x", maxBody+1)); w.Code != http.StatusRequestEntityTooLarge {
		t.Error(w.Code)
	}
}

func TestWhatIsSentCountsOnceAndInOrder(t *testing.T) {
	h := start(t, echo)
	id := open(t, h)
	for _, tt := range []struct {
		path, body string
		code       int
		want       string
	}{
		{"/send/" + id + "/5", "one", 200, "ONE"},
		{"/idle/" + id + "/6", "", 200, ""},
		{"/send/" + id + "/7", "two", 200, "TWO"},
		{"/send/" + id + "/7", "two", 200, ""},
		{"/send/" + id + "/5", "one", 400, ""},
		{"/send/" + id + "/8", "three", 200, "THREE"},
	} {
		w := post(h, tt.path, tt.body)
		if w.Code != tt.code || w.Code == 200 && w.Body.String()[1:] != tt.want {
			t.Errorf("%s %s: %d %q", tt.path, tt.body, w.Code, w.Body)
		}
	}
}

// unread is a body that must not be asked for.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a stranger is read")
	return 0, io.EOF
}

func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	h := start(t, echo)
	for _, path := range []string{"/send/AAAAAAAAAAAAAAAAAAAAAAAAAA/1", "/idle/x/1", "/close/x"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, unread{t}))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := post(h, "/open/1", strings.Repeat("x", maxIdle+1)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a session is opened with much: %d", w.Code)
	}
}

func TestASilentClientIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		h := start(t, func(_ context.Context, c net.Conn) {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		})
		open(t, h)
		if err := <-ended; !errors.Is(err, errIdle) {
			t.Error(err)
		}
	})
}

func TestBoundsAndDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrote := make(chan int, 1)
		h := start(t, func(ctx context.Context, c net.Conn) {
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
			c.SetWriteDeadline(time.Now().Add(time.Second))
			n, err := c.Write(make([]byte, maxOut+100))
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("write: %v", err)
			}
			wrote <- n
			<-ctx.Done()
		})
		id := open(t, h)
		if n := <-wrote; n != maxOut {
			t.Errorf("%d bytes wait", n)
		}
		if w := post(h, "/idle/"+id+"/1", ""); w.Body.Len() != 1+maxAnswer {
			t.Errorf("%d bytes in one answer", w.Body.Len())
		}
		// The server does not read: what is sent waits up to a bound, and then the session ends.
		for i := range maxIn / 1000 {
			post(h, fmt.Sprintf("/send/%s/%d", id, 2+i), strings.Repeat("x", 1000))
		}
		if w := post(h, "/send/"+id+"/9999", strings.Repeat("x", 100_000)); w.Code != 404 {
			t.Errorf("more than may wait: %d", w.Code)
		}
	})
}

func TestSessionsOfOneAddressAreBounded(t *testing.T) {
	h := start(t, func(ctx context.Context, c net.Conn) { <-ctx.Done() })
	for range limits().PerAddress {
		open(t, h)
	}
	if w := post(h, "/open/1", ""); w.Code != http.StatusServiceUnavailable || h.Stats().Refused != 1 {
		t.Errorf("%d %+v", w.Code, h.Stats())
	}
}

func TestNoSessionAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := New(ctx, echo)
	id := open(t, h)
	cancel()
	h.Wait()
	if w := post(h, "/open/1", ""); w.Code != http.StatusServiceUnavailable {
		t.Error(w.Code)
	}
	if w := post(h, "/send/"+id+"/1", "x"); w.Code != http.StatusNotFound {
		t.Error(w.Code)
	}
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"/open/1", "/send/abc/1", "/idle/abc/4294967295", "/close/abc", "/fcs/ident2", "//", "/send/a/1/"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		q, ok := parse(path)
		if ok && (strings.Contains(q.id, "/") || q.verb == "" || len(path) > 200) {
			t.Errorf("%q: %+v", path, q)
		}
	})
}

var _ io.Reader = conn{}
