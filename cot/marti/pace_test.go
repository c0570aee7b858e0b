package marti

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/run"
)

// pipes is a listener whose connections are in memory, so that time passes only
// when all wait.
type pipes struct {
	conns chan net.Conn
	shut  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.shut:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.shut:
	default:
		close(p.shut)
	}
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

const stall = 30 * time.Second

// bench is a plain door in a bubble, with routes; everybody is let in. stop is
// what happens when the server is told to stop, and waits until it has.
func bench(t *testing.T, routes part, test func(p *pipes, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		cfg := DefaultConfig()
		cfg.StallTimeout, cfg.Drain = stall, 5*time.Second
		anyone := auth.Anonymous("red")
		s, err := New(cfg, Deps{Auth: failing{auth.ErrBadCredentials}, Sessions: auth.NewSessions(nil), Router: noRouter{}, Doors: run.NewDoors(), Log: log,
			Node: reply.Node{ID: nodeID}, Anonymous: &anyone, Parts: []Routes{routes}})
		if err != nil {
			t.Fatal(err)
		}
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.serve(ctx, p, nil, plainDoor) }()
		test(p, func() {
			cancel()
			p.Close() // as whoever keeps the door does
			if err := <-ended; err != nil {
				t.Error(err)
			}
			s.under.wait()
			ended <- nil
		})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := len(s.deps.Sessions.List()); n != 0 || s.Stats().Open != 0 {
			t.Errorf("%d sessions and %d connections are left", n, s.Stats().Open)
		}
	})
}

type noRouter struct{ Router }

// head begins a request by hand.
func head(t *testing.T, c net.Conn, method, path string, length int) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: muster.example\r\nContent-Length: %d\r\n\r\n", method, path, length); err != nil {
		t.Fatal(err)
	}
}

func response(t *testing.T, r *bufio.Reader) (int, string) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// uploaded reads the body and says how much it was.
var uploads = part{"POST /Marti/sync/upload": func(w http.ResponseWriter, r *http.Request) {
	b, err := reply.Body(w, r, 1<<20)
	if err == nil {
		fmt.Fprint(w, len(b))
	}
}}

func TestUploadsMayBeSlowButNotStand(t *testing.T) {
	bench(t, uploads, func(p *pipes, _ func()) {
		c := p.dial()
		head(t, c, "POST", "/Marti/sync/upload", 10)
		for range 10 { // much longer than a stall in all
			time.Sleep(stall - time.Second)
			io.WriteString(c, "x")
		}
		r := bufio.NewReader(c)
		if status, text := response(t, r); status != 200 || text != "10" {
			t.Errorf("a slow upload: %d %s", status, text)
		}
		begin := time.Now()
		head(t, c, "POST", "/Marti/sync/upload", 10)
		io.WriteString(c, "half ")
		if status, text := response(t, r); status != 400 || !strings.Contains(text, "did not arrive whole") {
			t.Errorf("a standing upload: %d %s", status, text)
		}
		if d := time.Since(begin); d != stall {
			t.Errorf("it is cut after %s", d)
		}
		if b, err := r.ReadByte(); err == nil {
			t.Errorf("the connection goes on with %q", b)
		}
		c.Close()
	})
}

func TestDownloadsMayBeSlowButNotStand(t *testing.T) {
	var failed chan time.Time
	bench(t, part{"GET /Marti/sync/content": func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 8<<10)); err != nil {
				failed <- time.Now()
				return
			}
		}
	}}, func(p *pipes, _ func()) {
		failed = make(chan time.Time, 1)
		c := p.dial()
		head(t, c, "GET", "/Marti/sync/content", 0)
		for range 10 {
			time.Sleep(stall - time.Second)
			if _, err := io.CopyN(io.Discard, c, 16<<10); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		if d := (<-failed).Sub(begin); d > stall {
			t.Errorf("it stands for %s", d)
		}
		io.Copy(io.Discard, c)
		c.Close()
	})
}

// TestTimeOfOneRequestDoesNotCountForTheNext keeps a connection open for longer
// than a stall.
func TestTimeOfOneRequestDoesNotCountForTheNext(t *testing.T) {
	bench(t, part{
		"GET /Marti/api/text":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "text") },
		"PUT /Marti/api/empty": func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
		"GET /Marti/api/none":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"POST /Marti/api/long": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case <-time.After(3 * stall):
				io.WriteString(w, "done")
			case <-r.Context().Done():
			}
		},
	}, func(p *pipes, _ func()) {
		c := p.dial()
		r := bufio.NewReader(c)
		for _, test := range []struct {
			method, path, body string
			status             int
			text               string
		}{
			{"GET", "/Marti/api/text", "", 200, "text"},
			{"PUT", "/Marti/api/empty", "[]", 200, ""},
			{"GET", "/Marti/api/none", "", 204, ""},
			{"POST", "/Marti/api/long", "body", 200, "done"}, // thinks for longer than a stall
			{"GET", "/Marti/api/none", "", 204, ""},
		} {
			head(t, c, test.method, test.path, len(test.body))
			io.WriteString(c, test.body)
			if status, text := response(t, r); status != test.status || text != test.text {
				t.Errorf("%s: %d %q", test.path, status, text)
			}
			time.Sleep(2 * stall)
		}
		c.Close()
	})
}

func TestConnectionsHandedOverHaveNoDeadline(t *testing.T) {
	bench(t, part{"GET /Marti/api/socket": func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		line, _ := rw.ReadString('\n')
		time.Sleep(3 * stall)
		io.WriteString(c, line)
	}}, func(p *pipes, _ func()) {
		c := p.dial()
		head(t, c, "GET", "/Marti/api/socket", 0)
		time.Sleep(3 * stall)
		io.WriteString(c, "hello\n")
		if b, err := io.ReadAll(c); string(b) != "hello\n" || err != nil {
			t.Errorf("%q %v", b, err)
		}
	})
}

func TestRequestsUnderWayEndWhenTheServerStops(t *testing.T) {
	for range 20 { // the listener is closed by others, sooner or later
		bench(t, part{"GET /Marti/api/slow": func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(4 * time.Second)
			io.WriteString(w, "whole")
		}}, func(p *pipes, stop func()) {
			c := p.dial()
			head(t, c, "GET", "/Marti/api/slow", 0)
			time.Sleep(time.Second)
			go stop()
			if status, text := response(t, bufio.NewReader(c)); status != 200 || text != "whole" {
				t.Errorf("%d %q", status, text)
			}
			c.Close()
		})
	}
}

func TestRequestsThatTakeTooLongAreCutAndWaitedFor(t *testing.T) {
	var over bool
	bench(t, part{"GET /Marti/api/slow": func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		time.Sleep(time.Second) // it puts its things away
		over = true
	}}, func(p *pipes, stop func()) {
		c := p.dial()
		head(t, c, "GET", "/Marti/api/slow", 0)
		time.Sleep(time.Second)
		begin := time.Now()
		stop()
		if d := time.Since(begin); d != 6*time.Second || !over {
			t.Errorf("it takes %s, and the request has ended: %v", d, over)
		}
		if b, err := io.ReadAll(c); len(b) > 0 {
			t.Errorf("%q %v", b, err)
		}
	})
}

func TestPanicsCostOneConnection(t *testing.T) {
	panics++
	bench(t, part{
		"GET /Marti/api/panic": func(http.ResponseWriter, *http.Request) { panic("secret") },
		"GET /Marti/api/abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}, func(p *pipes, _ func()) {
		for _, path := range []string{"/Marti/api/panic", "/Marti/api/abort"} {
			c := p.dial()
			head(t, c, "GET", path, 0)
			if b, err := io.ReadAll(c); len(b) > 0 {
				t.Errorf("%q %v", b, err)
			}
		}
		c := p.dial()
		head(t, c, "GET", "/Marti/api/ver", 0)
		if status, _ := response(t, bufio.NewReader(c)); status != 200 {
			t.Error(status)
		}
		c.Close()
	})
}

func TestAnswersAreCompressedOnlyWhereThatIsRight(t *testing.T) {
	long := strings.Repeat("text ", 1000)
	typed := func(mime string, more ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mime)
			for i := 0; i < len(more); i += 2 {
				w.Header().Set(more[i], more[i+1])
			}
			io.WriteString(w, long)
		}
	}
	s := &Server{cfg: DefaultConfig(), api: http.NewServeMux(), open: http.NewServeMux(), deps: Deps{Anonymous: &auth.Identity{User: "x"}}}
	part{
		"GET /Marti/json":    typed("application/json"),
		"GET /Marti/text":    typed("text/json; charset=utf-8"),
		"GET /Marti/kml":     typed("application/vnd.google-earth.kml+xml"),
		"GET /Marti/sized":   typed("application/xml", "Content-Length", fmt.Sprint(len(long))),
		"GET /Marti/zip":     typed("application/zip"),
		"GET /Marti/untyped": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, long) },
		"GET /Marti/packed":  typed("application/json", "Content-Encoding", "br"),
		"GET /Marti/part":    typed("text/plain", "Content-Range", "bytes 0-9/10"),
		"GET /Marti/file": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(long))
		},
		"GET /Marti/error":   func(w http.ResponseWriter, _ *http.Request) { reply.Error(w, 404, long) },
		"GET /Marti/created": func(w http.ResponseWriter, _ *http.Request) { reply.Bytes(w, 201, "text/plain", []byte(long)) },
		"GET /Marti/none":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"GET /Marti/flushed": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, long)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		},
	}.Routes(s.api)
	for _, test := range []struct {
		method, path, accept string
		zipped, varies       bool
	}{
		{"GET", "/Marti/json", "gzip", true, true},
		{"GET", "/Marti/json", "br, gzip;q=0.5", true, true},
		{"GET", "/Marti/json", "", false, true},
		{"GET", "/Marti/json", "identity", false, true},
		{"GET", "/Marti/json", "gzip;q=0", false, true},
		{"GET", "/Marti/json", "gzip; q=0.000", false, true},
		{"GET", "/Marti/json", "gzip;q=x", false, true},
		{"HEAD", "/Marti/json", "gzip", false, true},
		{"GET", "/Marti/text", "gzip", true, true},
		{"GET", "/Marti/kml", "gzip", true, true},
		{"GET", "/Marti/sized", "gzip", true, true},
		{"GET", "/Marti/created", "gzip", true, true},
		{"GET", "/Marti/flushed", "gzip", true, true},
		{"GET", "/Marti/zip", "gzip", false, false},
		{"GET", "/Marti/untyped", "gzip", false, false},
		{"GET", "/Marti/packed", "gzip", false, true},
		{"GET", "/Marti/part", "gzip", false, true},
		{"GET", "/Marti/file", "gzip", false, true},
		{"GET", "/Marti/error", "gzip", false, true},
		{"GET", "/Marti/none", "gzip", false, false},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(test.method, test.path, nil)
		r.Header.Set("Accept-Encoding", test.accept)
		s.dispatch(w, r, plainDoor)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != test.zipped || (w.Header().Get("Vary") == "Accept-Encoding") != test.varies {
			t.Errorf("%s %s with %q: %v", test.method, test.path, test.accept, w.Header())
			continue
		}
		if !test.zipped {
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(z); string(b) != long || err != nil || w.Header().Get("Content-Length") != "" {
			t.Errorf("%s: %d bytes, %v", test.path, len(b), err)
		}
	}
	// Files and ranges of them stay as they are, so that a transfer can go on.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/Marti/file", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Range", "bytes=5-8")
	s.dispatch(w, r, plainDoor)
	if w.Code != 206 || w.Body.String() != "text" || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}

func TestPagesThatWriteAreNotHeldToTheBody(t *testing.T) {
	// A recorder has no deadlines; that is no error.
	w := httptest.NewRecorder()
	p := &paced{ResponseWriter: w, c: http.NewResponseController(w), stall: time.Second}
	io.WriteString(p, "x")
	b := &pacedBody{io.NopCloser(strings.NewReader("abc")), p.c, time.Second}
	if got, err := io.ReadAll(b); string(got) != "abc" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, _, err := p.Hijack(); !errors.Is(err, http.ErrNotSupported) {
		t.Error(err)
	}
}
