package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/conf"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const configurationHead = `# Configuration

One YAML file that mirrors the folders, and an environment variable for every key. Without either the server runs.
` + "`muster check --example`" + ` prints a file with all defaults, ` + "`muster check --config FILE`" + ` finds mistakes in yours; the
environment wins over the file, and a variable with ` + "`_FILE`" + ` behind its name reads a secret from a file.

This page is made from the program (` + "`go test ./cmd/muster -run TestEveryKeyIsDocumented -update`" + `).

`

// TestEveryKeyIsDocumented compares docs/configuration.md with the struct.
func TestEveryKeyIsDocumented(t *testing.T) {
	if err := conf.Check(defaults()); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	want.WriteString(configurationHead)
	keys := conf.Keys(defaults())
	if err := conf.Markdown(&want, keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.Doc == "" {
			t.Errorf("%s has no documentation", k.Path)
		}
	}
	file := filepath.Join("..", "..", "docs", "configuration.md")
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/configuration.md differs from the program: run the command that it names")
	}
}

// TestExampleLoads: the printed example changes nothing.
func TestExampleLoads(t *testing.T) {
	var out bytes.Buffer
	if code := execute(t.Context(), []string{"check", "--example"}, streams{out: &out, err: &out}); code != 0 {
		t.Fatalf("exit status %d: %s", code, &out)
	}
	file := filepath.Join(t.TempDir(), "muster.yml")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := execute(t.Context(), []string{"check", "--config", file}, streams{out: &out, err: &out}); code != 0 {
		t.Fatalf("exit status %d: %s", code, &out)
	}
}

// TestMumbleServersBesideEachOther: the door for scripts opens neither without a
// secret nor where it cannot serve, and murmurd is not this server itself.
func TestMumbleServersBesideEachOther(t *testing.T) {
	for _, tc := range []struct{ ice, want string }{
		{"{enabled: true}", "voice.ice.writeSecret: at least 8 characters"},
		{"{enabled: true, writeSecret: longenough, listen: '0.0.0.0:6502'}", "only an address of this machine itself"},
		{"{enabled: true, writeSecret: longenough}\n  enabled: false", "scripts are served for the Mumble server of this house"},
		{"{enabled: true, writeSecret: longenough}\n  external: {enabled: true, secret: longenough}", "is the murmurd of external"},
		{"{}\n  external: {enabled: true, secret: longenough, voice: '127.0.0.1:64738'}", "give murmurd another one"},
		{"{}\n  external: {enabled: true, secret: longenough, voice: '192.0.2.1:64739'}", "of this machine itself"},
		{"{}\n  external: {enabled: true, secret: longenough, voice: '127.0.0.1:64739'}", "is in order"},
		{"{enabled: true, writeSecret: longenough}", "is in order"},
	} {
		file := filepath.Join(t.TempDir(), "muster.yml")
		if err := os.WriteFile(file, []byte("voice:\n  ice: "+tc.ice+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		execute(t.Context(), []string{"check", "--config", file}, streams{out: &out, err: &out})
		if !strings.Contains(out.String(), tc.want) {
			t.Errorf("%s: %s", tc.ice, &out)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"help", nil, 0, "Start with"},
		{"help of a command", []string{"token", "create", "--help"}, 0, "a stream key"},
		{"version", []string{"version"}, 0, "muster "},
		{"unknown command", []string{"frobnicate"}, 2, "--help"},
		{"no data yet", []string{"user", "list", "--data", "/nonexistent/muster"}, 1, "muster serve"},
		{"bash completion", []string{"completion", "bash"}, 0, "complete -o default -F _muster muster"},
		{"zsh completion", []string{"completion", "zsh"}, 0, "#compdef muster"},
		{"fish completion", []string{"completion", "fish"}, 0, "complete -c muster"},
		{"bad grant", []string{"user", "add", "x", "--group", "a:sideways"}, 1, "GROUP:in"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			code := execute(t.Context(), tc.args, streams{in: strings.NewReader(""), out: &out, err: &out, terminal: func() (int, bool) { return 0, false }})
			if code != tc.code || !strings.Contains(out.String(), tc.want) {
				t.Errorf("exit status %d, wants %d and %q in:\n%s", code, tc.code, tc.want, &out)
			}
		})
	}
}
