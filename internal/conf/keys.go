package conf

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/internal/obs/redact"
)

// Key describes one key of a configuration.
type Key struct {
	Path    string // "media.rtsp.address"; "<name>" stands for a name in a table, "[]" for a list element
	Env     string // the variable that sets it; empty when only the file can
	Type    string // "text", "duration", "list of text", …; "section", "table of section", …
	Default string // as written in YAML; empty for sections, and for secrets
	Doc     string // the doc tag
}

// Keys lists every key of dst, a pointer to a struct that holds the defaults,
// in order of declaration, sections before their keys. It panics where Check
// returns an error.
func Keys(dst any) []Key {
	root, v, err := schemaOf(dst)
	if err != nil {
		panic(err)
	}
	var out []Key
	var list func(n *node, v reflect.Value)
	list = func(n *node, v reflect.Value) {
		for _, c := range n.fields {
			f := v.FieldByIndex(c.index)
			k := Key{Path: c.path, Type: c.typeName(), Doc: c.doc}
			if c.envSettable() {
				k.Env = c.env
			}
			if c.kind != kindSection && !redact.Key(c.name) {
				k.Default = format(f)
			}
			out = append(out, k)
			switch {
			case c.kind == kindSection:
				list(c, orZero(f))
			case c.elem != nil && c.elem.kind == kindSection:
				list(c.elem, orZero(newElem(c.typ.Elem())))
			}
		}
	}
	list(root, v)
	return out
}

// orZero is v without pointers, a zero value in place of nil.
func orZero(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v = reflect.New(v.Type().Elem())
		}
		v = v.Elem()
	}
	return v
}

// format writes v as YAML on one line.
func format(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		return format(v.Elem())
	}
	switch t := v.Interface().(type) {
	case time.Duration:
		return formatDuration(t)
	case Size:
		return t.String()
	case encoding.TextMarshaler:
		b, err := t.MarshalText()
		if err != nil {
			return ""
		}
		return quoteYAML(string(b))
	}
	switch v.Kind() {
	case reflect.String:
		return quoteYAML(v.String())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = format(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = quoteYAML(k.String()) + ": " + format(v.MapIndex(k))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Struct:
		return formatStruct(v)
	}
	return fmt.Sprint(v.Interface())
}

func formatStruct(v reflect.Value) string {
	n, err := newSchema(v.Type())
	if err != nil {
		return "{}"
	}
	var parts []string
	for _, c := range n.fields {
		if f := v.FieldByIndex(c.index); !f.IsZero() && !redact.Key(c.name) {
			parts = append(parts, c.name+": "+format(f))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quoteYAML quotes s unless it is a plain word that no YAML reader takes for
// anything but text.
func quoteYAML(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_./-", r)
	}) < 0
	if plain {
		first := s[0] | 0x20
		switch strings.ToLower(s) {
		case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
			plain = false
		}
		plain = plain && first >= 'a' && first <= 'z'
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// Markdown writes keys as reference tables, one for each section of the first
// level.
func Markdown(w io.Writer, keys []Key) error {
	var b strings.Builder
	section := ""
	inTable := false
	for _, k := range keys {
		top, _, nested := strings.Cut(k.Path, ".")
		if top != section || !inTable {
			section, inTable = top, true
			fmt.Fprintf(&b, "\n## %s\n\n", top)
			if !nested && k.Doc != "" {
				fmt.Fprintf(&b, "%s\n\n", k.Doc)
			}
			b.WriteString("| Key | Takes | Default | Variable | Meaning |\n| --- | --- | --- | --- | --- |\n")
		}
		if k.Type == "section" {
			if nested {
				fmt.Fprintf(&b, "| **%s** | | | | %s |\n", cell(k.Path), cell(k.Doc))
			}
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(k.Path), cell(k.Type), code(k.Default), code(k.Env), cell(k.Doc))
	}
	_, err := io.WriteString(w, strings.TrimLeft(b.String(), "\n"))
	return err
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("|", `\|`, "\n", " ", "`", "'").Replace(s) + "`"
}

// Example writes a YAML file that sets every key of dst to its default, each
// under its documentation. Loading it changes nothing. What has no default
// value to write (a nil pointer, an entry of a table) stands in a comment.
func Example(w io.Writer, dst any) error {
	root, v, err := schemaOf(dst)
	if err != nil {
		return err
	}
	var b strings.Builder
	example(&b, root, v, "")
	_, err = io.WriteString(w, b.String())
	return err
}

func example(b *strings.Builder, n *node, v reflect.Value, indent string) {
	for i, c := range n.fields {
		f := v.FieldByIndex(c.index)
		if i > 0 && (indent == "" || c.kind == kindSection) {
			b.WriteByte('\n')
		}
		if c.doc != "" {
			fmt.Fprintf(b, "%s# %s\n", indent, strings.ReplaceAll(c.doc, "\n", " "))
		}
		switch {
		case c.kind == kindSection:
			fmt.Fprintf(b, "%s%s:\n", indent, c.name)
			example(b, c, orZero(f), indent+"  ")
		case f.Kind() == reflect.Pointer && f.IsNil():
			fmt.Fprintf(b, "%s# %s:\n", indent, c.name)
		default:
			fmt.Fprintf(b, "%s%s: %s\n", indent, c.name, format(f))
			if c.kind != kindScalar && c.elem.kind == kindSection {
				exampleElem(b, c, indent)
			}
		}
	}
}

// exampleElem shows one element of a list or table of sections, in comments.
func exampleElem(b *strings.Builder, c *node, indent string) {
	var inner strings.Builder
	example(&inner, c.elem, orZero(newElem(c.typ.Elem())), "")
	first, rest := "  - ", "    "
	if c.kind == kindTable {
		fmt.Fprintf(b, "%s#   NAME:\n", indent)
		first, rest = "    ", "    "
	}
	for line := range strings.Lines(inner.String()) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		lead := rest
		if first != rest && !strings.HasPrefix(line, "#") {
			lead, first = first, rest
		}
		b.WriteString(indent + "# " + lead + line + "\n")
	}
}
