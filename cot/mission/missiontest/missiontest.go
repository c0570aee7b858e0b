// Package missiontest gives tests a mission service on a fresh database with
// stand-ins for the router, the files and the history, which remember what they
// were given.
package missiontest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/cot"
	"muster/cot/files"
	"muster/cot/history"
	"muster/cot/mission"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// Sent is a notification or a delivery.
type Sent struct {
	Way    string // "notify", "announce" or "deliver"
	Type   string // of the event
	XML    string
	To     []string // uids
	Groups []string
}

// Router stands in for cot.Router.
type Router struct {
	mu     sync.Mutex // guards what follows
	sent   []Sent
	online []cot.Subscription
}

// Notify implements mission.Router.
func (r *Router) Notify(ev *wire.Event, uids ...string) []string {
	r.add(Sent{Way: "notify", Type: ev.Type, XML: string(ev.AppendXML(nil)), To: slices.Clone(uids)})
	return uids
}

// Announce implements mission.Router.
func (r *Router) Announce(ev *wire.Event, groups []string) {
	r.add(Sent{Way: "announce", Type: ev.Type, XML: string(ev.AppendXML(nil)), Groups: slices.Clone(groups)})
}

// Deliver implements mission.Router.
func (r *Router) Deliver(e *cot.Event, uids []string) {
	to := slices.DeleteFunc(slices.Clone(uids), func(u string) bool { return u == e.From.UID })
	r.add(Sent{Way: "deliver", Type: e.Type, XML: string(e.XML()), To: to})
}

// Subscriptions implements mission.Router.
func (r *Router) Subscriptions(auth.Identity) []cot.Subscription {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.online)
}

// Endpoints implements mission.Router: the connected devices.
func (r *Router) Endpoints(context.Context, auth.Identity, time.Time) ([]cot.Contact, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []cot.Contact
	for _, s := range r.online {
		out = append(out, s.Contact)
	}
	return out, nil
}

func (r *Router) add(s Sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, s)
}

// Take returns what was sent since the last call.
func (r *Router) Take() []Sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.sent
	r.sent = nil
	return out
}

// Connect makes a device known as connected.
func (r *Router) Connect(uid, callsign, team string, id auth.Identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.online = append(r.online, cot.Subscription{
		Contact:   cot.Contact{UID: uid, Callsign: callsign, User: id.User, Team: team, Connected: true},
		OutGroups: id.ReadGroups(), InGroups: id.WriteGroups(),
	})
}

// Disconnect takes a device off.
func (r *Router) Disconnect(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.online = slices.DeleteFunc(r.online, func(s cot.Subscription) bool { return s.UID == uid })
}

// Files stands in for files.Service.
type Files struct {
	dir string
	mu  sync.Mutex // guards all
	all map[string]files.File
}

// Lookup implements mission.Files.
func (f *Files) Lookup(_ context.Context, id auth.Identity, hash string) (files.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.all[hash]
	if !ok {
		return file, files.ErrNotFound
	}
	return file, auth.Allow(id, auth.Read, auth.Data(file.Name, file.Groups))
}

// LookupUID is Lookup for the newest file of a UID.
func (f *Files) LookupUID(ctx context.Context, id auth.Identity, uid string) (files.File, error) {
	f.mu.Lock()
	hash, newest := "", int64(0)
	for h, file := range f.all {
		if file.UID == uid && file.ID > newest {
			hash, newest = h, file.ID
		}
	}
	f.mu.Unlock()
	return f.Lookup(ctx, id, hash)
}

// Put implements mission.Files.
func (f *Files) Put(_ context.Context, id auth.Identity, m files.Meta, r io.Reader) (files.File, error) {
	if m.Groups == nil {
		m.Groups = id.WriteGroups()
	}
	if err := auth.Allow(id, auth.Publish, auth.Data(m.Name, m.Groups)); err != nil {
		return files.File{}, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return files.File{}, err
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(f.dir, hash), b, 0o600); err != nil {
		return files.File{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file := files.File{ID: int64(len(f.all) + 1), Hash: hash, Size: int64(len(b)), Submitter: id.User, Submitted: time.Now(), Meta: m}
	f.all[hash] = file
	return file, nil
}

// Open implements mission.Files.
func (f *Files) Open(hash string) (*os.File, int64, error) {
	file, err := os.Open(filepath.Join(f.dir, hash))
	if err != nil {
		return nil, 0, files.ErrNotFound
	}
	st, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	return file, st.Size(), nil
}

// Delete implements mission.Files.
func (f *Files) Delete(_ context.Context, _ auth.Identity, hash string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.all[hash]; !ok {
		return files.ErrNotFound
	}
	delete(f.all, hash)
	return os.Remove(filepath.Join(f.dir, hash))
}

// Has reports whether there is such a file.
func (f *Files) Has(hash string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.all[hash]
	return ok
}

// World is a service with all it stands on.
type World struct {
	*mission.Service
	DB      *store.DB
	Router  *Router
	Files   *Files
	History *history.Service
	Bus     *bus.Bus

	mu    sync.Mutex // guards users
	users map[string]auth.Identity
}

// New makes a world on a database of its own.
func New(t *testing.T, cfg store.Config) *World {
	t.Helper()
	return On(t, storetest.Open(t, cfg))
}

// On makes a world on a database that may hold something.
func On(t *testing.T, db *store.DB) *World {
	t.Helper()
	w := &World{DB: db, Router: &Router{}, Files: &Files{dir: t.TempDir(), all: make(map[string]files.File)}, Bus: bus.New(),
		users: make(map[string]auth.Identity)}
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.History, err = history.New(t.Context(), history.DefaultConfig(), history.Deps{DB: db, Log: log}); err != nil {
		t.Fatal(err)
	}
	w.Service, err = mission.New(t.Context(), mission.DefaultConfig(), mission.Deps{
		DB: db, Log: log, Bus: w.Bus, Router: w.Router, Files: w.Files, Events: w.History,
		Rights: func(_ context.Context, user string) (auth.Identity, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if id, ok := w.users[user]; ok {
				return id, nil
			}
			return auth.Identity{}, auth.ErrNotFound
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// SetUser says what a user may do from now on.
func (w *World) SetUser(id auth.Identity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users[id.User] = id
}

// Member returns a user with both directions in groups.
func Member(user string, groups ...string) auth.Identity {
	id := auth.Identity{User: user, Role: auth.RoleMember}
	for _, g := range groups {
		id.Groups = append(id.Groups, auth.Grant{Group: g, In: true, Out: true})
	}
	return id
}

// Admin returns an administrator without groups.
func Admin() auth.Identity { return auth.Identity{User: "admin", Role: auth.RoleAdmin} }

// File puts a file of groups in the name of id and returns its hash.
func (w *World) File(t *testing.T, id auth.Identity, name string, groups ...string) string {
	t.Helper()
	f, err := w.Files.Put(t.Context(), id, files.Meta{UID: name, Name: name, Filename: name, MIME: "image/jpeg", Groups: groups}, bytes.NewReader([]byte("content of "+name)))
	if err != nil {
		t.Fatal(err)
	}
	return f.Hash
}

// Marker makes an event of a device, at a place that depends on nothing.
func Marker(t *testing.T, uid, callsign string, from cot.Sender, groups []string, dests ...wire.Dest) *cot.Event {
	t.Helper()
	now := time.Now()
	w := wire.New(uid, "a-h-G", "h-g-i-g-o", now, time.Hour)
	w.Point.Lat, w.Point.Lon = 52.5, 13.4
	w.AddDetail(fmt.Appendf(nil, `<contact callsign=%q/><color argb="-65536"/><usericon iconsetpath="COT_MAPPING_2525B/a-h/a-h-G"/>`, callsign))
	if len(dests) > 0 {
		w.AddDetail(wire.MartiElement(dests))
	}
	ev, err := wire.ParseXML(w.AppendXML(nil), wire.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return cot.NewEvent(ev, from, groups, now)
}
