package video

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	os.Exit(code)
}

func member(user string, groups ...string) auth.Identity {
	id := auth.Identity{User: user, Role: auth.RoleMember}
	for _, g := range groups {
		id.Groups = append(id.Groups, auth.Grant{Group: g, In: true, Out: true})
	}
	return id
}

// air is what is on the air.
type air []Stream

func (a air) Live(context.Context, auth.Identity, string) ([]Stream, error) {
	return slices.Clone(a), nil
}

// puller notes what is fetched.
type puller map[string]string

func (p puller) Pull(_ context.Context, name, url string, _ []string, _ string) error {
	p[name] = url
	return nil
}
func (p puller) Release(_ context.Context, name string) error { delete(p, name); return nil }

// last ends a run once something is fetched.
type last struct {
	puller
	end func()
}

func (l *last) Pull(ctx context.Context, name, url string, groups []string, owner string) error {
	defer l.end()
	return l.puller.Pull(ctx, name, url, groups, owner)
}

func start(t *testing.T, db store.Config, cfg Config, d Deps) *Service {
	t.Helper()
	d.DB, d.Log = storetest.Open(t, db), slog.New(slog.DiscardHandler)
	s, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func one(uuid, url string) []Connection {
	return []Connection{{UUID: uuid, Alias: "Drone " + uuid, Active: true, Feeds: []Feed{{URL: url, Active: true}}}}
}

func TestListBelongsToGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		ann, bob, eve, root := member("ann", "red", "green"), member("bob", "red"), member("eve", "blue"), auth.Identity{User: "root", Role: auth.RoleAdmin}
		reader := auth.Identity{User: "own", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", Out: true}}}
		s := start(t, cfg, Config{}, Deps{Live: air{
			{Name: "red/cam", Groups: []string{"red"}, Addresses: []Address{{URL: "rtsp://u:p@h:8554/red/cam", Reliable: true}, {URL: "https://h/hls", Alias: "HLS"}}},
			{Name: "blue/cam", Groups: []string{"blue"}, Addresses: []Address{{URL: "rtsp://h/x"}}}, {Name: "mute", Groups: []string{"red"}},
		}})
		for _, c := range []struct {
			by     auth.Identity
			uuid   string
			groups []string
			want   error
		}{
			{ann, "a", []string{"red"}, nil}, {ann, "b", nil, nil}, {eve, "a", nil, auth.ErrDenied}, {bob, "a", nil, auth.ErrDenied},
			{ann, "c", []string{"blue"}, auth.ErrDenied}, {ann, "c", []string{"red", "blue"}, auth.ErrDenied}, {reader, "c", nil, auth.ErrDenied},
			{ann, "bad uuid", nil, ErrInvalid}, {ann, "c", []string{}, auth.ErrDenied}, {root, "a", nil, nil},
		} {
			if err := s.Add(t.Context(), c.by, one(c.uuid, "rtsp://h:8554/x"), c.groups); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s by %s in %v: %v", c.uuid, c.by.User, c.groups, err)
			}
		}
		for _, c := range []struct {
			who      auth.Identity
			protocol string
			want     string
		}{
			{ann, "", "red/cam Drone a Drone b"}, {bob, "", "red/cam Drone a Drone b"}, {eve, "", "blue/cam"}, {reader, "", "red/cam Drone a Drone b"},
			{ann, "https", "red/cam"}, {ann, "srt", ""}, {auth.Identity{}, "", ""},
		} {
			list, err := s.List(t.Context(), c.who, "h", c.protocol)
			var names []string
			for _, v := range list {
				names = append(names, v.Alias)
			}
			if got := strings.Join(names, " "); err != nil || got != c.want {
				t.Errorf("%s %s: %q, %v", c.who.User, c.protocol, got, err)
			}
		}
		if err := s.Remove(t.Context(), eve, "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("eve removes: %v", err)
		}
		if err := s.Remove(t.Context(), bob, "a"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("bob removes: %v", err)
		}
		if err := s.SetActive(t.Context(), ann, "a", false); err != nil {
			t.Error(err)
		}
		if c, err := s.Get(t.Context(), bob, "h", "a"); err != nil || c.Active || c.Owner != "ann" || c.Number != 1 || !slices.Equal(c.Groups, []string{"red"}) {
			t.Errorf("%+v, %v", c, err)
		}
		if err := s.Remove(t.Context(), ann, "a"); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), ann, "h", "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("after removal: %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ url, protocol, address, port, path, joined string }{
		{"rtsp://tak.example.net:8554/drone1", "rtsp", "tak.example.net", "8554", "/drone1", ""},
		{"rtsp://ann:s%40x@h:8554/a/b?tcp", "rtsp", "ann:s%40x@h", "8554", "/a/b?tcp", ""},
		{"rtsp://h/a", "rtsp", "h", "554", "/a", "rtsp://h:554/a"}, {"https://h/a.m3u8", "https", "h", "443", "/a.m3u8", "https://h:443/a.m3u8"},
		{"srt://h:8890?streamid=read:a:u:p", "srt", "h", "8890", "?streamid=read:a:u:p", ""}, {"rtsp://u:p@[fd00::1]:8554/a", "rtsp", "u:p@[fd00::1]", "8554", "/a", ""},
	} {
		f := Feed{URL: c.url}
		protocol, address, port, path := f.Split()
		if protocol != c.protocol || address != c.address || port != c.port || path != c.path {
			t.Errorf("%s: %s %s %s %s", c.url, protocol, address, port, path)
		}
		want := c.joined
		if want == "" {
			want = c.url
		}
		if got := Join(protocol, address, port, path); got != want {
			t.Errorf("%s: joined %s", c.url, got)
		}
	}
	if got := Join("raw", "rtsp://h/x", "", ""); got != "rtsp://h/x" {
		t.Error(got)
	}
	for _, bad := range []string{"", "h", "file:///etc/passwd", "javascript:alert(1)", "javascript://h/%0aalert(1)", "dir://x", "rtsp://h/\x01", "rtsp:///x", "rtsp://h/" + strings.Repeat("x", 3000)} {
		c := one("x", bad)[0]
		if err := c.check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.40q was taken: %v", bad, err)
		}
	}
}

func TestGuardRefusesPrivateTargets(t *testing.T) {
	g := NewGuard(Config{PullPrivate: []string{"192.168.8.0/24"}})
	g.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		names := map[string][]string{"public.example": {"93.184.216.34"}, "mixed.example": {"93.184.216.34", "10.0.0.1"}, "six.example": {"2606:2800:220:1::1"},
			"local.example": {"127.0.0.1"}, "mapped.example": {"::ffff:127.0.0.1"}, "cam.example": {"192.168.8.7"}}
		var out []netip.Addr
		for _, a := range names[host] {
			out = append(out, netip.MustParseAddr(a))
		}
		if out == nil {
			return nil, errors.New("no such host")
		}
		return out, nil
	}
	for _, c := range []struct{ url, want string }{
		{"rtsp://u:p@public.example:554/a", "93.184.216.34"}, {"rtsps://public.example/a", "93.184.216.34"},
		{"rtmp://six.example/a", "2606:2800:220:1::1"}, {"rtsp://cam.example/a", "192.168.8.7"}, {"srt://public.example:9000?x", "93.184.216.34"},
		{"rtsp://mixed.example/a", ""}, {"rtsp://local.example/a", ""}, {"rtsp://mapped.example/a", ""}, {"rtsp://unknown.example/a", ""}, {"rtsps://local.example/a", ""},
		{"rtsp://127.0.0.1/a", ""}, {"rtsp://[::1]/a", ""}, {"rtsp://[::ffff:10.0.0.1]/a", ""}, {"rtsp://0.0.0.0/a", ""}, {"rtsp://169.254.169.254/a", ""},
		{"rtsp://2130706433/a", ""}, {"rtsp://0x7f000001/a", ""}, {"rtsp://127.1/a", ""}, {"rtsp://[64:ff9b::7f00:1]/a", ""}, {"rtsp://[fe80::1%25eth0]/a", ""},
		{"rtsp://192.168.9.1/a", ""}, {"rtsp://100.64.0.1/a", ""}, {"rtsp://224.0.0.1/a", ""}, {"udp://93.184.216.34:5000", ""}, {"srt://public.example", ""}, {"file:///x", ""}, {"://", ""},
		{"http://public.example/a.m3u8", ""},
	} {
		err := g.Check(c.url)
		var addrs []netip.Addr
		if err == nil {
			u, perr := url.Parse(c.url)
			if perr != nil {
				t.Fatal(perr)
			}
			addrs, err = g.Resolve(t.Context(), u.Hostname())
		}
		got := ""
		if len(addrs) > 0 {
			got = addrs[0].String()
		}
		if got != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, ErrTarget) {
			t.Errorf("%s: %q, %v", c.url, got, err)
		}
	}
}

func TestPullFollowsTheList(t *testing.T) {
	p := puller{}
	s := start(t, store.Config{}, Config{Pull: true}, Deps{Pull: p})
	ann := member("ann", "red")
	list := append(one("a", "rtsp://93.184.216.34:554/x"), one("b", "rtsp://127.0.0.1/x")...)
	if err := s.Add(t.Context(), ann, list, nil); err != nil {
		t.Fatal(err)
	}
	name := list[0].PullName()
	if len(p) != 1 || p[name] != "rtsp://93.184.216.34:554/x" || !strings.HasPrefix(name, "tak/drone-a-") {
		t.Fatalf("%v, not %s", p, name)
	}
	renamed := one("a", "rtsp://93.184.216.34:554/x")
	renamed[0].Alias = "Other"
	if err := s.Add(t.Context(), ann, renamed, nil); err != nil || len(p) != 1 || p[name] != "" {
		t.Errorf("renamed: %v, %v", p, err)
	}
	if err := s.SetActive(t.Context(), ann, "a", false); err != nil || len(p) != 0 {
		t.Errorf("switched off: %v, %v", p, err)
	}
	if err := s.SetActive(t.Context(), ann, "a", true); err != nil || len(p) != 1 {
		t.Errorf("switched on: %v, %v", p, err)
	}
	s.deps.Live = air{{Name: renamed[0].PullName(), Groups: []string{"red"}, Addresses: []Address{{URL: "rtsp://h/x"}}}}
	if got, err := s.List(t.Context(), ann, "h", ""); err != nil || !got[0].Live || got[0].Alias != "Other" {
		t.Errorf("it is on the air as %+v, %v", got, err)
	}
	for _, now := range []string{"rtsp://10.0.0.1/x", "https://93.184.216.34/x.m3u8"} {
		renamed[0].Feeds[0].URL = now
		if err := s.Add(t.Context(), ann, renamed, nil); err != nil || len(p) != 0 {
			t.Errorf("moved to where nothing is fetched: %v, %v", p, err)
		}
		renamed[0].Feeds[0].URL = "rtsp://93.184.216.34:554/x"
		if err := s.Add(t.Context(), ann, renamed, nil); err != nil || len(p) != 1 {
			t.Errorf("moved back: %v, %v", p, err)
		}
	}
	clear(p)
	ctx, cancel := context.WithCancel(t.Context())
	s.deps.Pull = &last{p, cancel}
	if err := s.Run(ctx); err != nil || len(p) != 1 {
		t.Errorf("after a restart: %v, %v", p, err)
	}
	if err := s.Remove(t.Context(), ann, "a"); err != nil || len(p) != 0 {
		t.Errorf("removed: %v, %v", p, err)
	}
}

func TestTheListIsBounded(t *testing.T) {
	s := start(t, store.Config{}, Config{}, Deps{})
	var many []Connection
	for i := range maxAtOnce + 1 {
		many = append(many, one(fmt.Sprint("u", i), "rtsp://h/x")...)
	}
	if err := s.Add(t.Context(), member("ann", "red"), many, nil); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	c := one("x", "rtsp://h/x")
	for range maxFeeds {
		c[0].Feeds = append(c[0].Feeds, c[0].Feeds[0])
	}
	if err := s.Add(t.Context(), member("ann", "red"), c, nil); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}
