package door

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/internal/run"
	"muster/voice/ice"
	"muster/voice/murmur"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "secret-of-the-test"

// server is a Mumble server of lists.
type server struct {
	mu       sync.Mutex
	users    map[int32]murmur.User
	channels map[int32]murmur.Channel
	rules    map[int32]murmur.Rules
	reg      map[int32]murmur.UserInfo
	bans     []murmur.Ban
	conf     map[string]string
	texture  []byte
	did      []string
	tell     func(Event)
}

func newServer() *server {
	return &server{
		users: map[int32]murmur.User{
			1: {Session: 1, UserID: 7, Channel: 1, Name: "ann", Version: 0x10304, Version2: 1<<48 | 3<<32 | 4<<16, Release: "r1", TCPPing: 1.5, Address: make([]byte, 16)},
			2: {Session: 2, UserID: -1, Channel: 0, Name: "guest", Release: "r2", Address: make([]byte, 16)},
		},
		channels: map[int32]murmur.Channel{0: {Name: "Root", Parent: -1}, 1: {ID: 1, Name: "Blue", Links: []int32{2}}, 2: {ID: 2, Name: "Red", Parent: 1}},
		rules: map[int32]murmur.Rules{1: {Inherit: true, ACLs: []murmur.ACL{{ApplyHere: true, UserID: -1, Group: "tak.in.Blue", Allow: 8}},
			Groups: []murmur.Group{{Name: "admin", Members: []int32{7}}}}},
		reg:  map[int32]murmur.UserInfo{7: {murmur.InfoName: "ann", murmur.InfoPassword: "never shown"}, 8: {murmur.InfoName: "bob"}},
		conf: map[string]string{"port": "64738"},
	}
}

func (s *server) lock(what string, args ...any) func() {
	s.mu.Lock()
	if what != "" {
		s.did = append(s.did, strings.TrimSpace(what+" "+strings.TrimSpace(fmt.Sprintln(args...))))
	}
	return s.mu.Unlock
}

func (s *server) Users(context.Context) ([]murmur.User, error) {
	defer s.lock("")()
	return slices.Collect(maps.Values(s.users)), nil
}

func (s *server) SetUser(_ context.Context, u murmur.User) error {
	defer s.lock("")()
	if _, ok := s.users[u.Session]; !ok {
		return murmur.InvalidSession
	}
	s.users[u.Session] = u
	return nil
}

func (s *server) Kick(_ context.Context, session int32, reason string) error {
	defer s.lock("kick", session, reason)()
	return nil
}

func (s *server) Message(_ context.Context, session int32, text string) error {
	defer s.lock("message", session, text)()
	return nil
}

func (s *server) Certificates(context.Context, int32) ([][]byte, error) {
	return [][]byte{{1}, {2}}, nil
}

func (s *server) Channels(context.Context) ([]murmur.Channel, error) {
	defer s.lock("")()
	return slices.Collect(maps.Values(s.channels)), nil
}

func (s *server) AddChannel(_ context.Context, name string, parent int32) (int32, error) {
	defer s.lock("")()
	s.channels[9] = murmur.Channel{ID: 9, Name: name, Parent: parent}
	return 9, nil
}

func (s *server) SetChannel(_ context.Context, c murmur.Channel) error {
	defer s.lock("")()
	s.channels[c.ID] = c
	return nil
}

func (s *server) RemoveChannel(_ context.Context, id int32) error {
	defer s.lock("")()
	delete(s.channels, id)
	return nil
}

func (s *server) Broadcast(_ context.Context, channel int32, tree bool, text string) error {
	defer s.lock("broadcast", channel, tree, text)()
	return nil
}

func (s *server) Rules(_ context.Context, channel int32) (murmur.Rules, error) {
	defer s.lock("")()
	return s.rules[channel], nil
}

func (s *server) SetRules(_ context.Context, channel int32, r murmur.Rules) error {
	defer s.lock("")()
	s.rules[channel] = r
	return nil
}

func (s *server) Permissions(context.Context, int32, int32) (int32, error) { return 0x30e, nil }

func (s *server) Join(_ context.Context, channel, session int32, group string) error {
	defer s.lock("join", channel, session, group)()
	return nil
}

func (s *server) Leave(_ context.Context, channel, session int32, group string) error {
	defer s.lock("leave", channel, session, group)()
	return nil
}

func (s *server) Registered(_ context.Context, filter string) (map[int32]string, error) {
	defer s.lock("")()
	out := make(map[int32]string)
	for id, info := range s.reg {
		if n := info[murmur.InfoName]; strings.Contains(n, filter) {
			out[id] = n
		}
	}
	return out, nil
}

func (s *server) Registration(_ context.Context, id int32) (murmur.UserInfo, error) {
	defer s.lock("")()
	info, ok := s.reg[id]
	if !ok {
		return nil, murmur.InvalidUser
	}
	return maps.Clone(info), nil
}

func (s *server) AddUser(_ context.Context, info murmur.UserInfo) (int32, error) {
	defer s.lock("")()
	s.reg[11] = info
	return 11, nil
}

func (s *server) Update(_ context.Context, id int32, info murmur.UserInfo) error {
	defer s.lock("")()
	if s.reg[id] == nil {
		return murmur.InvalidUser
	}
	maps.Copy(s.reg[id], info)
	return nil
}

func (s *server) RemoveUser(_ context.Context, id int32) error {
	defer s.lock("")()
	delete(s.reg, id)
	return nil
}

func (s *server) Verify(_ context.Context, name, password string) (int32, error) {
	switch {
	case name != "ann":
		return -2, nil
	case password != "right":
		return -1, nil
	}
	return 7, nil
}

func (s *server) Texture(context.Context, int32) ([]byte, error) {
	defer s.lock("")()
	return s.texture, nil
}

func (s *server) SetTexture(_ context.Context, _ int32, b []byte) error {
	defer s.lock("")()
	s.texture = b
	return nil
}

func (s *server) Bans(context.Context) ([]murmur.Ban, error) {
	defer s.lock("")()
	return s.bans, nil
}

func (s *server) SetBans(_ context.Context, b []murmur.Ban) error {
	defer s.lock("")()
	s.bans = b
	return nil
}

func (s *server) Conf(context.Context) (map[string]string, error) {
	defer s.lock("")()
	return maps.Clone(s.conf), nil
}

func (s *server) SetConf(_ context.Context, key, value string) error {
	defer s.lock("")()
	s.conf[key] = value
	return nil
}

func (s *server) Log(context.Context, int, int) ([]murmur.LogEntry, error) {
	return []murmur.LogEntry{{Time: 1, Text: "a line"}}, nil
}

func (s *server) LogLen(context.Context) (int, error) { return 1, nil }

func (s *server) AddAction(_ context.Context, session int32, action, text string, places int32) error {
	defer s.lock("menu", session, action, text, places)()
	return nil
}

func (s *server) RemoveAction(_ context.Context, action string) error {
	defer s.lock("no menu", action)()
	return nil
}

func (s *server) Redirect(_ context.Context, session int32, source, target string) error {
	defer s.lock("redirect", session, source, target)()
	return nil
}

func (s *server) Watch(tell func(Event)) func() {
	defer s.lock("")()
	s.tell = tell
	return func() {}
}

func (s *server) house() House {
	return House{People: s, Channels: s, Rights: s, Register: s, Login: s, Bans: s, Settings: s, Menus: s, Events: s}
}

// open serves a door until the test ends.
func open(t testing.TB, h House) (*Door, string) {
	t.Helper()
	cfg := Config{Enabled: true, Listen: "127.0.0.1:0", ReadSecret: "read-" + testSecret, WriteSecret: testSecret}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	doors := run.NewDoors()
	d, err := New(cfg, Deps{House: h, Doors: doors, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	eventually(t, "the door is open", func() bool { return doors.Addr(doorName) != "" })
	return d, doors.Addr(doorName)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// TestPython runs what scripts do with the Ice of their language, in both
// generations of the interface and both encodings.
func TestPython(t *testing.T) {
	for _, tc := range []struct {
		module, encoding, golden string
	}{{"Murmur", "1.0", "murmur"}, {"Murmur", "1.1", "murmur"}, {"MumbleServer", "1.1", "mumbleserver"}} {
		t.Run(tc.module+" "+tc.encoding, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			d, at := open(t, s.house())
			_, port, _ := net.SplitHostPort(at)
			cmd := exec.Command("/usr/bin/python3", "testdata/script.py", port, testSecret, tc.module, tc.encoding)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(pipe)
			if line, err := r.ReadString('\n'); line != "READY\n" {
				_ = cmd.Wait() // it says why on stderr
				t.Fatalf("%q %v\n%s", line, err, &stderr)
			}
			asked := s.happen(t, d)
			io.WriteString(in, "\n")
			result, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			var got map[string]any
			if err := json.Unmarshal(result, &got); err != nil {
				t.Fatalf("%v: %s", err, result)
			}
			got["did"], got["asked"] = s.did, asked
			compare(t, "testdata/"+tc.golden+".json", got)
		})
	}
}

// happen makes every event, and asks the script everything.
func (s *server) happen(t *testing.T, d *Door) []string {
	u, c := s.users[1], s.channels[1]
	for _, e := range []Event{
		{Kind: Started}, {Kind: UserConnected, User: u}, {Kind: UserDisconnected, User: u}, {Kind: UserTextMessage, User: u, Message: murmur.TextMessage{Channels: []int32{1}, Text: "hello"}},
		{Kind: ContextAction, User: u, Action: "other"}, {Kind: ContextAction, User: u, Action: "act", ActionSession: 2, ActionChannel: -1},
		{Kind: UserStateChanged, User: u}, {Kind: ChannelCreated, Channel: c}, {Kind: ChannelRemoved, Channel: c}, {Kind: ChannelStateChanged, Channel: c},
	} {
		s.tell(e)
	}
	a := d.Script()
	if a == nil {
		t.Fatal("no authenticator")
	}
	var out []string
	say := func(args ...any) { out = append(out, strings.TrimSpace(fmt.Sprintln(args...))) }
	v, err := a.Authenticate(t.Context(), LoginProof{Name: "ann", Password: "pw", Certificates: [][]byte{{1, 2}}, Hash: "ab", Strong: true})
	say(v, err)
	info, ok, err := a.Info(t.Context(), 7)
	say(info, ok, err)
	id, err := a.NameToID(t.Context(), "x")
	say(id, err)
	name, err := a.IDToName(t.Context(), 5)
	say(name, err)
	tex, err := a.Texture(t.Context(), 5)
	say(tex, err)
	if _, err := a.Authenticate(t.Context(), LoginProof{Name: "crash"}); err == nil {
		t.Error("a script that fails is believed")
	}
	if d.Script() != nil {
		t.Error("a script that fails is kept")
	}
	return out
}

var update = os.Getenv("UPDATE") != ""

// compare compares with a golden file; UPDATE=1 writes it anew.
func compare(t *testing.T, file string, got map[string]any) {
	t.Helper()
	told, _ := got["told"].([]any)
	slices.SortFunc(told, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) // several connections
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("differs from %s:\n%s", file, text)
	}
}

// TestSliceIsComplete compares our description of the interface with the one that
// Debian's murmurd comes with: same names, same order, comments apart.
func TestSliceIsComplete(t *testing.T) {
	theirs, err := os.ReadFile("/usr/share/slice/Murmur.ice")
	if err != nil {
		t.Fatal(err)
	}
	want, got := tokens(string(theirs)), tokens(murmur.Slice())
	if want != got {
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Fatalf("differs from\n%.200s\nat\n%.200s", want[i:], got[i:])
			}
		}
		t.Fatal("one ends before the other")
	}
	for name := range serverOps {
		if !strings.Contains(got, " "+name+" (") {
			t.Errorf("%s is not in the slice", name)
		}
	}
	for _, line := range strings.Split(got[strings.Index(got, "interface Server {"):], ";") {
		if i := strings.Index(line, "("); i > 0 {
			f := strings.Fields(line[:i])
			name := f[len(f)-1]
			_, ofServer := serverOps[name]
			_, ofMeta := metaOps[name]
			if !ofServer && !ofMeta && name != "started" && name != "stopped" {
				t.Errorf("%s is not served", name)
			}
		}
	}
}

// tokens returns a slice without comments, its words apart by one space.
func tokens(s string) string {
	var b strings.Builder
	for s != "" {
		switch {
		case strings.HasPrefix(s, "/*"):
			_, s, _ = strings.Cut(s, "*/")
		case strings.HasPrefix(s, "//"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.ContainsRune("(){};,*", rune(s[0])):
			b.WriteString(" " + s[:1] + " ")
			s = s[1:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestSlowCallback removes a callback that does not keep up, and nothing waits for
// it.
func TestSlowCallback(t *testing.T) {
	s := newServer()
	d, _ := open(t, s.house())
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := ice.Proxy{ID: ice.Identity{Name: "slow"}, Endpoints: []ice.Endpoint{{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}}
	if err := d.callbacks.add(callback{about: aboutServer, proxy: p}); err != nil {
		t.Fatal(err)
	}
	for range maxQueue + 2 {
		s.tell(Event{Kind: UserConnected})
	}
	eventually(t, "it is removed", func() bool { return d.Stats().Callbacks == 0 && d.Stats().Dropped == 1 })
}

// TestMissingParts answers for a house that has people and channels only.
func TestMissingParts(t *testing.T) {
	s := newServer()
	_, at := open(t, House{People: s, Channels: s})
	nc, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	c := ice.NewClient(nc, 0)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }() // ends with the test
	defer func() { cancel(); <-done }()
	for op := range serverOps {
		for _, params := range [][]byte{nil, bytes.Repeat([]byte{0}, 12), bytes.Repeat([]byte{255}, 64)} {
			_, err := c.Call(ctx, ice.Request{Object: serverObject, Op: op, Context: map[string]string{"secret": testSecret}}, params)
			if c.Heartbeat(ctx) != nil || ctx.Err() != nil {
				t.Fatalf("%s: the connection is gone: %v", op, err)
			}
		}
	}
	if n := run.Panics(); n != 0 {
		t.Errorf("%d panics", n)
	}
	begin := time.Now()
	_, err = c.Call(ctx, ice.Request{Object: serverObject, Op: "getUsers", Context: map[string]string{"secret": "a guess"}}, nil)
	if took := time.Since(begin); err == nil || took < guessPause {
		t.Errorf("a guess is answered with %v after %s", err, took)
	}
}
