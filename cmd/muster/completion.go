package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"${enum}."`
}

// Help is shown by muster completion --help.
func (completionCmd) Help() string {
	return `Examples:
  muster completion bash | sudo tee /etc/bash_completion.d/muster
  muster completion zsh > ~/.zfunc/_muster
  muster completion fish > ~/.config/fish/completions/muster.fish`
}

// Run prints a completion script made from the command line's own model.
func (c completionCmd) Run(std streams, parser *kong.Kong) error {
	words := map[string][]string{}
	collect(parser.Model.Node, "", words)
	switch c.Shell {
	case "bash":
		bashCompletion(std.out, words)
	case "zsh":
		fmt.Fprintln(std.out, "#compdef muster\nautoload -U +X bashcompinit && bashcompinit")
		bashCompletion(std.out, words)
	case "fish":
		fishCompletion(std.out, parser.Model.Node)
	}
	return nil
}

// collect fills words with what may follow each command ("" is the program).
func collect(n *kong.Node, path string, words map[string][]string) {
	for _, f := range n.Flags {
		words[path] = append(words[path], "--"+f.Name)
	}
	if n.Parent != nil {
		words[path] = append(words[path], "--data", "--config", "--help")
	}
	for _, child := range n.Children {
		words[path] = append(words[path], child.Name)
		collect(child, strings.TrimSpace(path+" "+child.Name), words)
	}
}

func bashCompletion(w io.Writer, words map[string][]string) {
	fmt.Fprint(w, `_muster() {
  local cur=${COMP_WORDS[COMP_CWORD]} path="" word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "${path:+$path }$word" in
`)
	paths := slices.Sorted(maps.Keys(words))
	for _, path := range paths {
		if path != "" {
			fmt.Fprintf(w, "      %q) path=%q ;;\n", path, path)
		}
	}
	fmt.Fprint(w, "    esac\n  done\n  case \"$path\" in\n")
	for _, path := range paths {
		fmt.Fprintf(w, "    %q) COMPREPLY=($(compgen -W %q -- \"$cur\")) ;;\n", path, strings.Join(words[path], " "))
	}
	fmt.Fprint(w, "  esac\n}\ncomplete -o default -F _muster muster\n")
}

func fishCompletion(w io.Writer, root *kong.Node) {
	fmt.Fprintln(w, "complete -c muster -f")
	for _, cmd := range root.Children {
		fmt.Fprintf(w, "complete -c muster -n __fish_use_subcommand -a %s -d %q\n", cmd.Name, cmd.Help)
		for _, sub := range cmd.Children {
			fmt.Fprintf(w, "complete -c muster -n '__fish_seen_subcommand_from %s' -a %s -d %q\n", cmd.Name, sub.Name, sub.Help)
		}
		for _, f := range cmd.Flags {
			fmt.Fprintf(w, "complete -c muster -n '__fish_seen_subcommand_from %s' -l %s -d %q\n", cmd.Name, f.Name, f.Help)
		}
	}
}
