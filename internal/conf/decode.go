package conf

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"muster/internal/obs/redact"
)

// decoder walks the syntax tree of one file along the schema.
type decoder struct {
	file string
	data []byte
	at   map[string]span // key path → where the file sets it
	errs Errors
}

func (d *decoder) fail(tk *token.Token, key, format string, args ...any) {
	d.errs = append(d.errs, errorAt(d.file, d.data, spanOf(tk), key, fmt.Sprintf(format, args...)))
}

func spanOf(tk *token.Token) span {
	if tk == nil || tk.Position == nil {
		return span{1, 1, 1}
	}
	width := utf8.RuneCountInString(tk.Value)
	if tk.Type == token.DoubleQuoteType || tk.Type == token.SingleQuoteType {
		width += 2
	}
	if strings.Contains(tk.Value, "\n") {
		width = 1
	}
	return span{tk.Position.Line, tk.Position.Column, width}
}

// decode parses the file and fills v.
func (d *decoder) decode(root *node, v reflect.Value) {
	body, err := d.parse()
	if err != nil {
		d.errs = append(d.errs, err)
		return
	}
	if body != nil {
		d.value(root, "", body, v)
	}
}

// parse returns the body of the only document; nil for an empty file.
func (d *decoder) parse() (body ast.Node, failed *Error) {
	// The parser is another's code and handles anything a text editor can
	// save; should it panic, the file is at fault as far as the operator goes.
	defer func() {
		if p := recover(); p != nil {
			failed = &Error{Key: d.file, Msg: fmt.Sprintf("it is not understood as YAML (%v)\n%s", p, debug.Stack())}
		}
	}()
	f, err := parser.ParseBytes(d.data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			return nil, errorAt(d.file, d.data, spanOf(ye.GetToken()), "", syntaxMessage(ye))
		}
		return nil, &Error{Key: d.file, Msg: "it is not YAML: " + err.Error()}
	}
	for i, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if i > 0 && body != nil {
			return nil, errorAt(d.file, d.data, startOf(doc.Body), "", "a second document; the configuration is one document, without '---' inside")
		}
		body = doc.Body
	}
	return body, nil
}

// startOf is the place of the first key of a mapping, whose own token is a colon.
func startOf(y ast.Node) span {
	if m, ok := y.(ast.MapNode); ok {
		if it := m.MapRange(); it.Next() {
			return spanOf(it.Key().GetToken())
		}
	}
	return spanOf(y.GetToken())
}

// syntaxMessage is the parser's message, made plain where people stumble.
func syntaxMessage(e yaml.Error) string {
	msg := e.GetMessage()
	if strings.Contains(msg, "found character '\t'") {
		return "a tab where YAML wants spaces; indent with spaces"
	}
	return "this is not valid YAML: " + msg
}

// value decodes y into v, which is settable.
func (d *decoder) value(n *node, path string, y ast.Node, v reflect.Value) {
	switch y.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode, *ast.DirectiveNode:
		d.fail(y.GetToken(), path, "anchors, aliases and tags are not used here; write the value itself")
		return
	}
	if _, isNull := y.(*ast.NullNode); isNull && n.kind != kindScalar {
		return // "media:" with nothing below it keeps its defaults
	}
	switch n.kind {
	case kindSection:
		d.section(n, path, y, deref(v))
	case kindTable:
		d.table(n, path, y, deref(v))
	case kindList:
		d.list(n, path, y, deref(v))
	default:
		d.scalar(path, y, deref(v))
	}
}

// pairs calls f for each key of y and reports duplicates. what says what y
// should be, for the error when it is not a mapping.
func (d *decoder) pairs(path string, y ast.Node, what string, f func(name string, key *token.Token, val ast.Node)) {
	m, ok := y.(ast.MapNode)
	if !ok {
		d.fail(y.GetToken(), path, "%s is %s; write its keys below it, indented", display(path), what)
		return
	}
	seen := make(map[string]int)
	for it := m.MapRange(); it.Next(); {
		tk := it.Key().GetToken()
		switch it.Key().(type) {
		case *ast.MappingKeyNode, *ast.MergeKeyNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
			d.fail(tk, path, "only plain keys are used here")
			continue
		}
		name := tk.Value
		if line, dup := seen[name]; dup {
			d.fail(tk, join(path, name), "%s is set twice, first in line %d", join(path, name), line)
			continue
		}
		seen[name] = tk.Position.Line
		f(name, tk, it.Value())
	}
}

func (d *decoder) section(n *node, path string, y ast.Node, v reflect.Value) {
	d.pairs(path, y, "a section", func(name string, key *token.Token, val ast.Node) {
		c := n.field(name)
		if c == nil {
			d.unknown(n, path, name, key)
			return
		}
		p := join(path, name)
		d.at[p] = spanOf(key)
		d.value(c, p, val, resolve(v, c.index))
	})
}

func (d *decoder) unknown(n *node, path, name string, key *token.Token) {
	where := "at the top level"
	if path != "" {
		where = "in " + path
	}
	hint := didYouMean(name, n.names())
	if hint == "" && len(n.fields) <= 12 {
		hint = "; known are " + strings.Join(n.names(), ", ")
	}
	d.fail(key, join(path, name), "there is no key %s %s%s", quoteFor("")(name), where, hint)
}

func (d *decoder) table(n *node, path string, y ast.Node, v reflect.Value) {
	out := reflect.MakeMap(v.Type())
	for it := v.MapRange(); it.Next(); {
		out.SetMapIndex(it.Key(), it.Value())
	}
	d.pairs(path, y, "a table", func(name string, key *token.Token, val ast.Node) {
		p := join(path, name)
		d.at[p] = spanOf(key)
		k := reflect.ValueOf(name).Convert(v.Type().Key())
		e := newElem(v.Type().Elem())
		if old := out.MapIndex(k); old.IsValid() {
			e.Set(old)
		}
		d.value(n.elem, p, val, e)
		out.SetMapIndex(k, e)
	})
	if out.Len() > 0 {
		v.Set(out)
	}
}

func (d *decoder) list(n *node, path string, y ast.Node, v reflect.Value) {
	s, ok := y.(*ast.SequenceNode)
	if !ok {
		d.fail(y.GetToken(), path, "%s is a list; write it as [a, b] or as lines that begin with '- '", path)
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(s.Values))
	for i, val := range s.Values {
		p := fmt.Sprintf("%s[%d]", path, i)
		d.at[p] = spanOf(val.GetToken())
		e := newElem(v.Type().Elem())
		d.value(n.elem, p, val, e)
		out = reflect.Append(out, e)
	}
	if out.Len() > 0 || v.Len() > 0 {
		v.Set(out)
	}
}

// newElem returns a settable T with its defaults.
func newElem(t reflect.Type) reflect.Value {
	e := reflect.New(t).Elem()
	if def, ok := deref(e).Addr().Interface().(Defaulter); ok {
		def.SetDefaults()
	}
	return e
}

func (d *decoder) scalar(path string, y ast.Node, v reflect.Value) {
	tk := y.GetToken()
	var text string
	quoted := false
	switch s := y.(type) {
	case *ast.LiteralNode:
		text, quoted = s.Value.Value, true
	case *ast.StringNode:
		text = s.Value
		quoted = tk.Type == token.DoubleQuoteType || tk.Type == token.SingleQuoteType
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text = tk.Value
	case *ast.NullNode:
		d.fail(tk, path, `%s has no value; remove the line for the default, or write "" for an empty text`, path)
		return
	default:
		d.fail(tk, path, "%s takes one value, not a list or section", display(path))
		return
	}
	_, isText := v.Addr().Interface().(interface{ UnmarshalText([]byte) error })
	if quoted && !isText && v.Type() != durationType && v.Kind() != reflect.String {
		d.fail(tk, path, "%s takes a number or true or false; write it without quotes", path)
		return
	}
	if err := setScalar(v, text, quoteFor(path)); err != nil {
		d.fail(tk, path, "%s: %s", path, err)
	}
}

func display(path string) string {
	if path == "" {
		return "the configuration"
	}
	return path
}

// quoteFor returns how a value of the key may be repeated in an error.
func quoteFor(path string) func(string) string {
	secret := redact.Key(path)
	return func(s string) string {
		if secret {
			return "the value"
		}
		if r := []rune(s); len(r) > 60 {
			s = string(r[:60]) + "…"
		}
		return fmt.Sprintf("%q", redact.String(s))
	}
}

// validator is what a section may implement to check its own fields.
type validator interface{ Validate() error }

// validate calls Validate on v and every section below it, innermost first,
// and returns the messages, with which a section that also calls the Validate
// of its children does not report them a second time.
func (d *decoder) validate(n *node, v reflect.Value, path string) []string {
	var said []string
	switch n.kind {
	case kindScalar:
		return nil
	case kindSection:
		for _, c := range n.fields {
			if f, ok := existing(v.FieldByIndex(c.index)); ok {
				said = append(said, d.validate(c, f, join(path, c.name))...)
			}
		}
	case kindList:
		for i := range v.Len() {
			if e, ok := existing(v.Index(i)); ok {
				said = append(said, d.validate(n.elem, e, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	case kindTable:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			e := reflect.New(v.Type().Elem()).Elem() // a copy: values in maps have no address
			e.Set(v.MapIndex(k))
			if e, ok := existing(e); ok {
				said = append(said, d.validate(n.elem, e, join(path, k.String()))...)
			}
		}
	}
	val, ok := v.Addr().Interface().(validator)
	if !ok {
		return said
	}
	err := val.Validate()
	if err == nil {
		return said
	}
	for _, e := range split(err) {
		msg := e.Error()
		if slices.ContainsFunc(said, func(s string) bool { return strings.HasSuffix(msg, s) }) {
			continue
		}
		said = append(said, msg)
		d.invalid(n, path, msg)
	}
	return said
}

// existing is v without pointers, unless one is nil.
func existing(v reflect.Value) (reflect.Value, bool) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	return v, true
}

// invalid reports what a Validate said, at the key that the message begins
// with where the file sets it, else at the section.
func (d *decoder) invalid(n *node, path, msg string) {
	key := path
	first, _, _ := strings.Cut(msg, " ")
	if first = strings.TrimSuffix(first, ":"); n.field(first) != nil {
		key = join(path, first)
		msg = strings.TrimPrefix(strings.TrimPrefix(msg, first), ":")
		msg = strings.TrimSpace(msg)
	}
	s, ok := d.at[key]
	if !ok {
		s, ok = d.at[path]
	}
	if !ok {
		d.errs = append(d.errs, &Error{Key: key, Msg: msg})
		return
	}
	text := msg
	if key != "" {
		text = key + ": " + msg
	}
	d.errs = append(d.errs, errorAt(d.file, d.data, s, key, text))
}
