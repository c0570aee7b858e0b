package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// shown is what the map of a page shows of the rooms, by user.
type shown struct {
	where map[string]string // room
	talks map[string]bool   // ever, since one that talks may pause
	uids  map[string]string // devices on the map
}

// viewer is a page with the map open.
type viewer struct {
	t  *testing.T
	mu sync.Mutex // guards what follows
	shown
	people map[string]string // user by id
}

// situation opens the live channel of the map.
func (s *server) situation(t *testing.T, user string) *viewer {
	t.Helper()
	req, _ := http.NewRequest(http.MethodGet, "http://x/", http.NoBody)
	req.SetBasicAuth(user, passwordOf(user))
	ws, _, err := websocket.Dial(context.Background(), fmt.Sprintf("ws://127.0.0.1:%d/api/v1/situation", s.ports["api"]), &websocket.DialOptions{HTTPHeader: req.Header})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	v := &viewer{t: t, people: make(map[string]string), shown: shown{make(map[string]string), make(map[string]bool), make(map[string]string)}}
	go func() {
		for {
			_, b, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			v.take(b)
		}
	}()
	return v
}

func (v *viewer) take(b []byte) {
	var m struct {
		Voice []struct {
			ID, Room, User string
			UIDs           []string
		}
		Left, Talking []string
	}
	if json.Unmarshal(b, &m) != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range m.Voice {
		v.people[p.ID] = p.User
		v.where[p.User], v.uids[p.User] = p.Room, strings.Join(p.UIDs, " ")
	}
	for _, id := range m.Left {
		delete(v.where, v.people[id])
		delete(v.people, id)
	}
	for _, id := range m.Talking {
		v.talks[v.people[id]] = true
	}
}

func (v *viewer) await(what string, ok func(shown) bool) {
	v.t.Helper()
	wait(v.t, patience, what, func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !ok(v.shown) {
			return fmt.Errorf("shown %+v", v.shown)
		}
		return nil
	})
}

// present says who is in a room: kinds and names.
func (s *server) present(t *testing.T, room string) string {
	t.Helper()
	var out struct {
		Present []struct{ Kind, Name string }
	}
	if code := s.api("admin", http.MethodGet, "rooms/"+room, nil, &out); code != http.StatusOK {
		t.Fatal(errors.New(http.StatusText(code)))
	}
	in := make(map[string]bool)
	for _, p := range out.Present {
		in[p.Kind+" "+p.Name] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(in)), ", ")
}
