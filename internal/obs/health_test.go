package obs

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func get(h http.Handler, method string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHealth(slog.New(slog.DiscardHandler))
		if code, _ := get(h.Ready(true), "GET"); code != 200 {
			t.Error("without checks:", code)
		}
		var dbErr atomic.Value
		var calls atomic.Int64
		h.Add("store", true, func(context.Context) error {
			calls.Add(1)
			err, _ := dbErr.Load().(error)
			return err
		})
		h.Add("bridge", false, func(context.Context) error { return errors.New("dial amqp://u:hunter2@h: refused") })
		h.Add("buggy", false, func(context.Context) error { panic("x") })
		hang := make(chan struct{})
		h.Add("hangs", false, func(context.Context) error { <-hang; return nil })

		code, body := get(h.Ready(true), "GET")
		want := `{"ready":true,"parts":[` +
			`{"name":"bridge","ok":false,"required":false,"reason":"dial amqp://u:[redacted]@h: refused"},` +
			`{"name":"buggy","ok":false,"required":false,"reason":"the check failed"},` +
			`{"name":"hangs","ok":false,"required":false,"reason":"no answer within 2s"},` +
			`{"name":"store","ok":true,"required":true}]}`
		if code != 200 || body != want {
			t.Errorf("%d %s\nwant %s", code, body, want)
		}
		dbErr.Store(errors.New("disk is full"))
		if code, _ := get(h.Ready(true), "GET"); code != 200 || calls.Load() != 1 {
			t.Error("the result is not kept for a second:", code, calls.Load())
		}
		time.Sleep(checkKeep)
		code, body = get(h.Ready(true), "GET")
		if code != 503 || !strings.Contains(body, "disk is full") || !strings.Contains(body, errStillRunning.Error()) {
			t.Errorf("%d %s", code, body)
		}
		if code, body = get(h.Ready(false), "GET"); code != 503 || body != `{"ready":false}` {
			t.Errorf("without detail: %d %s", code, body)
		}
		if code, body = get(h.Live(), "GET"); code != 200 || body != `{"alive":true}` {
			t.Errorf("live: %d %s", code, body)
		}
		if code, _ = get(h.Live(), "POST"); code != 405 {
			t.Error("POST:", code)
		}
		close(hang)
		synctest.Wait()
		h.SetStopping()
		if code, body = get(h.Ready(true), "GET"); code != 503 || !strings.Contains(body, "stopping") {
			t.Errorf("stopping: %d %s", code, body)
		}
	})
}

func TestHealthUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHealth(slog.New(slog.DiscardHandler))
		var calls atomic.Int64
		h.Add("slow", true, func(ctx context.Context) error {
			calls.Add(1)
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if !h.Report(t.Context()).Ready {
					t.Error("not ready")
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls for 50 requests", n)
		}
	})
}
