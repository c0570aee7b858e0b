package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers is the direction of imports: a package may import its own part and
// those of later layers. Packages of one layer never import each other, so
// protocols meet only in the hub.
var layers = [][]string{
	{"cmd/muster"},
	{"web"},
	{"media/rtsp", "media/rtmp", "media/srt", "media/hls", "media/rtc", "media/ts", "turn", "sip", "voice", "cot/stream", "cot/marti"},
	{"cot/mission", "cot/video"},
	{"cot/history"},
	{"cot/files"},
	{"media/mpegts", "media/still", "media/pull", "media/record", "media/mcu"},
	{"media", "cot"},
	{"media/codec", "cot/pack"},
	{"cot/wire"},
	{"internal"},
}

// pure packages do no I/O: they may not import these.
var (
	pure = []string{
		"muster/voice/ice", "muster/voice/murmur",
		"muster/media/codec", "muster/media/codec/opus", "muster/media/codec/g711", "muster/media/codec/g722", "muster/media/codec/aac",
		"muster/media/codec/resample", "muster/media/codec/dtmf", "muster/media/codec/ogg", "muster/media/mcu/layout", "muster/media/mcu/floor",
		"muster/cot/wire", "muster/cot/pack", "muster/internal/safename",
		"muster/sip/wire", "muster/sip/sdp", "muster/voice/wire", "muster/voice/ocb2",
	}
	impure = []string{"net", "net/http", "os", "os/exec", "log/slog", "database/sql"}
)

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "muster/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// part returns the layer and the part of an import path of this module.
func part(path string) (layer int, name string) {
	path = strings.TrimPrefix(path, "muster/")
	layer = -1
	for i, l := range layers {
		for _, p := range l {
			if (path == p || strings.HasPrefix(path, p+"/")) && len(p) > len(name) {
				layer, name = i, p
			}
		}
	}
	return layer, name
}

func TestImportDirection(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "muster/test") || strings.HasPrefix(p.ImportPath, "muster/bench") {
			continue
		}
		from, name := part(p.ImportPath)
		if from < 0 {
			t.Errorf("%s has no place in the house: see layers", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, "muster/") {
				continue
			}
			to, other := part(imp)
			if other != name && to <= from {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, imp)
			}
		}
	}
}

func TestPurePackagesDoNoIO(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(impure, imp) {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
		}
	}
}

// TestEveryModuleHasAReason keeps docs/dependencies.md and go.mod together.
func TestEveryModuleHasAReason(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)
	for _, m := range direct.FindAllStringSubmatch(string(mod), -1) {
		if !strings.Contains(string(doc), "`"+m[1]+"`") {
			t.Errorf("docs/dependencies.md does not say why %s is needed", m[1])
		}
	}
}

// TestDocumentLinks checks that every relative link in the documents leads
// somewhere.
func TestDocumentLinks(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "*.md").Output()
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, file := range strings.Fields(string(out)) {
		b, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		dir := "../" + file[:strings.LastIndex("/"+file, "/")]
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(dir + m[1]); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
	}
}
