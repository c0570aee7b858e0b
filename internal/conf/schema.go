package conf

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
)

type kind int

const (
	kindScalar  kind = iota
	kindSection      // struct
	kindList         // slice
	kindTable        // map[string]T
)

// node describes one key: what the struct says, without any value.
type node struct {
	name   string // last part of path
	path   string // "media.rtsp.address"; "<name>" and "[]" stand for the parts that the file chooses
	env    string // "" where the environment cannot reach: inside lists and tables
	doc    string
	kind   kind
	typ    reflect.Type // without pointers
	index  []int        // of the field in the struct of the section above
	fields []*node      // of a section, in order of declaration
	elem   *node        // of a list or table
}

const (
	envPrefix = "MUSTER"
	maxDepth  = 16 // of nested sections; a deeper one is a type that contains itself
)

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

func newSchema(t reflect.Type) (*node, error) {
	root := &node{env: envPrefix, typ: t}
	if err := root.fill(0); err != nil {
		return nil, err
	}
	byEnv := make(map[string]string)
	var clash error
	root.walk(func(n *node) {
		if n.env == "" || n.kind == kindSection {
			return
		}
		if other, ok := byEnv[n.env]; ok && clash == nil {
			clash = fmt.Errorf("conf: %s and %s share the variable %s", other, n.path, n.env)
		}
		byEnv[n.env] = n.path
	})
	return root, clash
}

// fill completes n from n.typ.
func (n *node) fill(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("conf: %s: the type %s contains itself", n.path, n.typ)
	}
	for n.typ.Kind() == reflect.Pointer {
		n.typ = n.typ.Elem()
	}
	if reflect.PointerTo(n.typ).Implements(textType) {
		return nil
	}
	switch n.typ.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Struct:
		n.kind = kindSection
		return n.fillFields(n.typ, nil, depth)
	case reflect.Slice:
		n.kind = kindList
		n.elem = &node{path: n.path + "[]", typ: n.typ.Elem()}
		return n.elem.fill(depth + 1)
	case reflect.Map:
		if n.typ.Key().Kind() == reflect.String {
			n.kind = kindTable
			n.elem = &node{path: join(n.path, "<name>"), typ: n.typ.Elem()}
			return n.elem.fill(depth + 1)
		}
	}
	return fmt.Errorf("conf: %s: the type %s cannot be configured", n.path, n.typ)
}

func (n *node) fillFields(t reflect.Type, index []int, depth int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		tag, has := f.Tag.Lookup("yaml")
		name, opts, _ := strings.Cut(tag, ",")
		if f.Anonymous && opts == "inline" && f.Type.Kind() == reflect.Struct {
			if err := n.fillFields(f.Type, at, depth+1); err != nil {
				return err
			}
			continue
		}
		// A field without a tag is the owner's own and not configuration.
		if !has || name == "" || name == "-" || !f.IsExported() {
			continue
		}
		c := &node{name: name, path: join(n.path, name), doc: f.Tag.Get("doc"), typ: f.Type, index: at}
		if n.env != "" {
			c.env = n.env + "_" + snake(name)
		}
		if err := c.fill(depth + 1); err != nil {
			return err
		}
		if n.field(name) != nil {
			return fmt.Errorf("conf: %s is declared twice", c.path)
		}
		n.fields = append(n.fields, c)
	}
	return nil
}

// walk calls f for n and everything below, in order of declaration.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, c := range n.fields {
		c.walk(f)
	}
	if n.elem != nil {
		n.elem.walk(f)
	}
}

func (n *node) field(name string) *node {
	for _, c := range n.fields {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *node) names() []string {
	out := make([]string, len(n.fields))
	for i, c := range n.fields {
		out[i] = c.name
	}
	return out
}

// envSettable reports whether one variable can hold the value of n: a scalar,
// or a list of scalars.
func (n *node) envSettable() bool {
	return n.kind == kindScalar || n.kind == kindList && n.elem.kind == kindScalar
}

// isText reports whether n is a plain string, which a _FILE variable can fill.
func (n *node) isText() bool {
	return n.kind == kindScalar && n.typ.Kind() == reflect.String
}

// typeName says in words what n takes.
func (n *node) typeName() string {
	switch n.kind {
	case kindSection:
		return "section"
	case kindList:
		return "list of " + n.elem.typeName()
	case kindTable:
		return "table of " + n.elem.typeName()
	}
	switch {
	case n.typ == durationType:
		return "duration"
	case n.typ == reflect.TypeFor[Size]():
		return "size"
	case reflect.PointerTo(n.typ).Implements(textType):
		return "text"
	}
	switch n.typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Float32, reflect.Float64:
		return "number"
	}
	return "whole number"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// snake turns lowerCamel into UPPER_SNAKE: readTimeout → READ_TIMEOUT,
// webRTC → WEB_RTC, rtspURL2 → RTSP_URL2.
func snake(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) {
			prev := runes[i-1]
			nextLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(prev) || unicode.IsDigit(prev) || unicode.IsUpper(prev) && nextLower {
				b.WriteByte('_')
			}
		}
		if r == '-' || r == '.' {
			r = '_'
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// resolve returns the settable value of n within v, allocating pointers.
func resolve(v reflect.Value, index []int) reflect.Value {
	return deref(v.FieldByIndex(index))
}

func deref(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v
}
