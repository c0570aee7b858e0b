package conf

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type common struct {
	Address string `yaml:"address" doc:"Where it listens."`
	Enabled bool   `yaml:"enabled" doc:"Whether it listens at all."`
}

type rtspConfig struct {
	common      `yaml:",inline"`
	ReadTimeout time.Duration `yaml:"readTimeout" doc:"How long a silent peer is kept."`
	MaxPacket   Size          `yaml:"maxPacket" doc:"Largest packet taken."`
	Ports       []uint16      `yaml:"ports" doc:"RTP and RTCP."`
	Ratio       float64       `yaml:"ratio" doc:"A number."`
}

func (c rtspConfig) Validate() error {
	var errs []error
	if c.ReadTimeout <= 0 {
		errs = append(errs, errors.New("readTimeout: must be more than zero"))
	}
	if c.Ratio > 1 {
		errs = append(errs, fmt.Errorf("ratio must be at most 1"))
	}
	return errors.Join(errs...)
}

type pathConfig struct {
	Source string   `yaml:"source" doc:"What to pull."`
	Groups []string `yaml:"groups" doc:"Whose it is."`
	Record bool     `yaml:"record" doc:"Whether it is kept."`
}

func (c *pathConfig) SetDefaults() { c.Record = true }

func (c pathConfig) Validate() error {
	if c.Source == "bad" {
		return errors.New("source: it is bad")
	}
	return nil
}

type relay struct {
	URL string `yaml:"url" doc:"Where to."`
}

type mediaConfig struct {
	RTSP  rtspConfig            `yaml:"rtsp" doc:"The RTSP server."`
	Paths map[string]pathConfig `yaml:"paths" doc:"Streams by name."`
	Relay []relay               `yaml:"relay" doc:"Where all goes."`
}

// Validate also checks a child, which must not be reported twice.
func (c mediaConfig) Validate() error {
	if err := c.RTSP.Validate(); err != nil {
		return fmt.Errorf("rtsp: %w", err)
	}
	return nil
}

type testConfig struct {
	Media mediaConfig `yaml:"media" doc:"Everything that moves."`
	Auth  struct {
		AdminPassword string        `yaml:"adminPassword" doc:"First password."`
		WebRTC        *bool         `yaml:"webRTC" doc:"Tri-state."`
		Net           netip.Prefix  `yaml:"net" doc:"A network."`
		Level         slog.Level    `yaml:"level" doc:"A level."`
		Idle          time.Duration `yaml:"idle" doc:"A week."`
	} `yaml:"auth" doc:"Who may."`
	Own int
}

func defaults() *testConfig {
	c := &testConfig{}
	c.Media.RTSP = rtspConfig{common: common{Address: ":8554", Enabled: true}, ReadTimeout: 10 * time.Second, MaxPacket: 16 * MiB, Ports: []uint16{8000, 8001}, Ratio: 0.5}
	c.Auth.Net = netip.MustParsePrefix("10.0.0.0/8")
	c.Auth.Idle = 7 * 24 * time.Hour
	return c
}

func diff(a, b any) string {
	return cmp.Diff(a, b, cmp.AllowUnexported(testConfig{}, rtspConfig{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
}

func TestLoadFile(t *testing.T) {
	const file = "\xef\xbb\xbf" + `# comment
media:
  rtsp: {address: "127.0.0.1:0", enabled: false, readTimeout: 1d12h, maxPacket: 512 KiB}
  paths:
    live/cam1:
      source: rtsp://a/b
      groups:
        - red
        - blue
    empty:
  relay:
    - url: srt://x
auth:
  webRTC: true
  adminPassword: 12345
  net: 192.168.0.0/16
  level: warn
`
	path := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	got := defaults()
	if err := Load(path, got, nil); err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Media.RTSP.Address, want.Media.RTSP.Enabled = "127.0.0.1:0", false
	want.Media.RTSP.ReadTimeout, want.Media.RTSP.MaxPacket = 36*time.Hour, 512*KiB
	want.Media.Paths = map[string]pathConfig{
		"live/cam1": {Source: "rtsp://a/b", Groups: []string{"red", "blue"}, Record: true},
		"empty":     {Record: true},
	}
	want.Media.Relay = []relay{{URL: "srt://x"}}
	yes := true
	want.Auth.WebRTC, want.Auth.AdminPassword = &yes, "12345"
	want.Auth.Net, want.Auth.Level = netip.MustParsePrefix("192.168.0.0/16"), slog.LevelWarn
	if d := diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	got := defaults()
	if err := Load("", got, nil); err != nil {
		t.Fatal(err)
	}
	if d := diff(defaults(), got); d != "" {
		t.Fatal(d)
	}
	for _, data := range []string{"", "# nothing\n", "---\n", "media:\n"} {
		got := defaults()
		if err := load("f", []byte(data), got, nil); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// TestGolden compares every error message with testdata/*.golden: the file
// testdata/x.yaml gives the messages in testdata/x.golden.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			err := Load(file, defaults(), nil)
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Fatal(d)
			}
			if strings.Contains(got, "hunter2") {
				t.Fatal("a secret is shown")
			}
		})
	}
}

func TestErrorsAsError(t *testing.T) {
	err := load("f.yaml", []byte("media:\n  rtsp:\n    adress: x\n"), defaults(), nil)
	var e *Error
	if !errors.As(err, &e) || e.File != "f.yaml" || e.Line != 3 || e.Column != 5 || e.Key != "media.rtsp.adress" {
		t.Fatalf("%+v", e)
	}
}

func TestEnvironment(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := defaults()
	err := load("f", []byte("media: {rtsp: {address: file, ratio: 0.1}}"), got, []string{
		"PATH=/bin", "MUSTERX=1", "MUSTER_DATA=/x", "MUSTER_CONFIG=/y", "MUSTER_ADMIN_PASSWORD=z",
		"MUSTER_MEDIA_RTSP_ADDRESS=one", "MUSTER_MEDIA_RTSP_ADDRESS=two",
		"MUSTER_MEDIA_RTSP_READ_TIMEOUT=5s", "MUSTER_MEDIA_RTSP_MAX_PACKET=2MiB",
		"MUSTER_MEDIA_RTSP_PORTS=1, 2,3", "MUSTER_MEDIA_RTSP_ENABLED=false",
		"MUSTER_AUTH_WEB_RTC=false", "MUSTER_AUTH_ADMIN_PASSWORD_FILE=" + secret, "MUSTER_AUTH_NET=1.2.3.0/24",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	r := &want.Media.RTSP
	r.Address, r.ReadTimeout, r.MaxPacket, r.Ports, r.Enabled, r.Ratio = "two", 5*time.Second, 2*MiB, []uint16{1, 2, 3}, false, 0.1
	no := false
	want.Auth.WebRTC, want.Auth.AdminPassword, want.Auth.Net = &no, "hunter2", netip.MustParsePrefix("1.2.3.0/24")
	if d := diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func TestEnvironmentErrors(t *testing.T) {
	for env, want := range map[string]string{
		"MUSTER_MEDIA_RTSP_ADRESS=x":                `MUSTER_MEDIA_RTSP_ADRESS: there is no such variable; did you mean "MUSTER_MEDIA_RTSP_ADDRESS"?`,
		"MUSTER_MEDIA_RTSP_READ_TIMEOUT=5":          `MUSTER_MEDIA_RTSP_READ_TIMEOUT: "5" is not a duration; write a number with its unit, such as 500ms, 10s, 5m, 24h or 7d`,
		"MUSTER_MEDIA_RTSP_READ_TIMEOUT=":           `MUSTER_MEDIA_RTSP_READ_TIMEOUT: it is empty; unset it for the default`,
		"MUSTER_MEDIA_RTSP_READ_TIMEOUT=-1s":        `media.rtsp.readTimeout: must be more than zero`,
		"MUSTER_MEDIA_RTSP_PORTS=1,x":               `MUSTER_MEDIA_RTSP_PORTS: "x" is not a whole number from 0 to 65535`,
		"MUSTER_MEDIA_PATHS_A_SOURCE=x":             `MUSTER_MEDIA_PATHS_A_SOURCE: media.paths is a table of section, which only the configuration file can set`,
		"MUSTER_MEDIA_RTSP_ENABLED_FILE=x":          `MUSTER_MEDIA_RTSP_ENABLED_FILE: only a text can come from a file, and media.rtsp.enabled is a true or false`,
		"MUSTER_AUTH_ADMIN_PASSWORD_FILE=/not/here": `MUSTER_AUTH_ADMIN_PASSWORD_FILE: read the file it names: open /not/here: no such file or directory`,
	} {
		err := load("f", nil, defaults(), []string{env})
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", env, err, want)
		}
	}
	err := load("f", nil, defaults(), []string{"MUSTER_AUTH_ADMIN_PASSWORD=a", "MUSTER_AUTH_ADMIN_PASSWORD_FILE=/dev/null"})
	if err == nil || !strings.Contains(err.Error(), "set only one") {
		t.Error(err)
	}
}

func TestFileBounds(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"large":  {bytes.Repeat([]byte("#\n"), 1<<19+1), "larger than 1 MiB"},
		"lines":  {bytes.Repeat([]byte("\n"), maxLines+1), "more than 20000 lines"},
		"line":   {bytes.Repeat([]byte("#"), maxLineBytes+1), "line longer"},
		"binary": {[]byte("a: \x00"), "zero byte"},
		"utf8":   {[]byte("a: \xff"), "not UTF-8"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Load(path, defaults(), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Load(filepath.Join(dir, "none"), defaults(), nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	if err := Check(defaults()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]any{
		"no pointer": testConfig{},
		"clash": &struct {
			AB int `yaml:"aB"`
			A  struct {
				B int `yaml:"b"`
			} `yaml:"a"`
		}{},
		"twice": &struct {
			A int `yaml:"a"`
			B int `yaml:"a"`
		}{},
		"type": &struct {
			A chan int `yaml:"a"`
		}{},
		"map key": &struct {
			A map[int]int `yaml:"a"`
		}{},
		"recursive": &loop{},
	} {
		if Check(c) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type loop struct {
	L []loop `yaml:"l"`
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"address": "ADDRESS", "readTimeout": "READ_TIMEOUT", "webRTC": "WEB_RTC", "rtspURL2": "RTSP_URL2",
		"hlsPartDuration": "HLS_PART_DURATION", "URLs": "UR_LS", "h264Only": "H264_ONLY", "a-b": "A_B", "httpPort": "HTTP_PORT",
	} {
		if got := snake(in); got != want {
			t.Errorf("snake(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]Size{
		"0": 0, "1": 1, "1024": KiB, "16MiB": 16 * MiB, "2GB": 2e9, "3 KiB": 3 * KiB, "5B": 5, "1kB": 1000, "7TiB": 7 * TiB,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s != want {
			t.Errorf("%q: %d, %v", in, s, err)
		}
		var back Size
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%q does not come back from %q", in, s)
		}
	}
	for _, in := range []string{"", "x", "-1", "1.5MiB", "9223372036854775808", "9999999TiB", "MiB", "1Mb", "0x10"} {
		var s Size
		if s.UnmarshalText([]byte(in)) == nil {
			t.Errorf("%q is taken as %d", in, s)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "7d": 168 * time.Hour, "1d2h": 26 * time.Hour, "90s": 90 * time.Second, "-1s": -time.Second} {
		got, err := parseDuration(in)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
		if back, err := parseDuration(formatDuration(got)); err != nil || back != got {
			t.Errorf("%q does not come back from %q", in, formatDuration(got))
		}
	}
	for _, in := range []string{"", "5", "d", "-1d", "1d-1h", "1.5d", "99999999d"} {
		if _, err := parseDuration(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestKeysAndMarkdown(t *testing.T) {
	keys := Keys(defaults())
	byPath := make(map[string]Key)
	for _, k := range keys {
		byPath[k.Path] = k
		if k.Doc == "" {
			t.Errorf("%s has no doc", k.Path)
		}
	}
	for _, want := range []Key{
		{"media", "", "section", "", "Everything that moves."},
		{"media.rtsp.address", "MUSTER_MEDIA_RTSP_ADDRESS", "text", `":8554"`, "Where it listens."},
		{"media.rtsp.readTimeout", "MUSTER_MEDIA_RTSP_READ_TIMEOUT", "duration", "10s", "How long a silent peer is kept."},
		{"media.rtsp.maxPacket", "MUSTER_MEDIA_RTSP_MAX_PACKET", "size", "16MiB", "Largest packet taken."},
		{"media.rtsp.ports", "MUSTER_MEDIA_RTSP_PORTS", "list of whole number", "[8000, 8001]", "RTP and RTCP."},
		{"media.paths", "", "table of section", "{}", "Streams by name."},
		{"media.paths.<name>.record", "", "true or false", "true", "Whether it is kept."},
		{"media.relay[].url", "", "text", `""`, "Where to."},
		{"auth.webRTC", "MUSTER_AUTH_WEB_RTC", "true or false", "", "Tri-state."},
		{"auth.adminPassword", "MUSTER_AUTH_ADMIN_PASSWORD", "text", "", "First password."},
		{"auth.idle", "MUSTER_AUTH_IDLE", "duration", "7d", "A week."},
	} {
		if d := cmp.Diff(want, byPath[want.Path]); d != "" {
			t.Error(d)
		}
	}
	var b bytes.Buffer
	if err := Markdown(&b, keys); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/reference.md", b.Bytes())
}

func TestExample(t *testing.T) {
	var b bytes.Buffer
	if err := Example(&b, defaults()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/example.txt", b.Bytes())
	got := defaults()
	if err := load("example", b.Bytes(), got, nil); err != nil {
		t.Fatal(err)
	}
	if d := diff(defaults(), got); d != "" {
		t.Fatal(d)
	}
	// The example sets every value: it also turns zero values into the defaults.
	zero := &testConfig{}
	if err := load("example", b.Bytes(), zero, nil); err != nil {
		t.Fatal(err)
	}
	if d := diff(defaults(), zero); d != "" {
		t.Fatal(d)
	}
	// What stands in comments is right, too: an entry of a table.
	text := strings.NewReplacer("paths: {}", "paths:", "#   NAME:", "  NAME:", "#     ", "    ").Replace(b.String())
	if err := load("example", []byte(text), got, nil); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !got.Media.Paths["NAME"].Record {
		t.Fatalf("%+v", got.Media)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Fatal(d)
	}
}

func TestManyErrorsAreCounted(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	err := load("f", []byte(b.String()), defaults(), nil)
	if !strings.HasSuffix(err.Error(), "and 10 more") {
		t.Fatal(err)
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte("media: {rtsp: {ports: [1, 2]}}"))
	f.Add([]byte("auth: {adminPassword: |\n  a\n  b\n}"))
	f.Add([]byte("? [a]\n: b\n<<: *x\na: &x !t y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 || checkText(data) != nil {
			return
		}
		c := defaults()
		if err := load("fuzz.yaml", data, c, nil); err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		// What was taken must be valid, and the same the second time.
		again := defaults()
		if err := load("fuzz.yaml", data, again, nil); err != nil {
			t.Fatal(err)
		}
		if c.Media.RTSP.ReadTimeout <= 0 {
			t.Fatal("Validate was not heard")
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	f.Add("MUSTER_MEDIA_RTSP_PORTS", "1,2")
	f.Add("MUSTER_AUTH_NET", "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, name, val string) {
		if strings.HasSuffix(name, fileSuffix) {
			return
		}
		_ = load("f", nil, defaults(), []string{name + "=" + val})
	})
}
