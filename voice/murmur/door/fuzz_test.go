package door

import (
	"log/slog"
	"slices"
	"testing"

	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

// FuzzCalls gives every operation any bytes for parameters.
func FuzzCalls(f *testing.F) {
	names := make([]string, 0, len(serverOps))
	for n := range serverOps {
		names = append(names, n)
	}
	slices.Sort(names)
	for i := range names {
		f.Add(byte(i), []byte{1, 0, 0, 0, 2, 0, 0, 0, 1, 'x'}, true)
		f.Add(byte(i), []byte{255, 255, 255, 255, 127}, true)
	}
	d, err := New(Config{WriteSecret: testSecret}, Deps{House: newServer().house(), Doors: run.NewDoors(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n byte, params []byte, secret bool) {
		r := &ice.Request{ID: 1, Object: serverObject, Op: names[int(n)%len(names)], Context: map[string]string{}, Params: ice.NewDecoder(params)}
		if r.Op == "setAuthenticator" {
			return // it would connect
		}
		if secret {
			r.Context["secret"] = testSecret
		}
		c := &conn{d: d, dialect: murmur.Murmur}
		if reply := c.handle(t.Context(), r); !secret && !reply.Failed() {
			t.Errorf("%s without a secret", r.Op)
		}
		if run.Panics() != 0 {
			t.Fatal("a panic")
		}
	})
}
