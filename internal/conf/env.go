package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

const (
	fileSuffix     = "_FILE"
	maxSecretBytes = 64 << 10 // of a file named by a _FILE variable
)

// reserved are the variables that other parts of the program read.
var reserved = []string{"MUSTER_ADMIN_PASSWORD", "MUSTER_ADMIN_PASSWORD_FILE", "MUSTER_CONFIG", "MUSTER_DATA"}

// settable is one key that a variable sets, with its place.
type settable struct {
	node  *node
	value func() reflect.Value // allocates pointers on the way: called only when set
}

// applyEnv fills v from the MUSTER_ variables of environ and appends what is
// wrong with them to d.
func applyEnv(root *node, v reflect.Value, environ []string, d *decoder) {
	vars := musterVars(environ)
	if len(vars) == 0 {
		return
	}
	keys := make(map[string]settable)
	var beyond []*node // keys that only the file can set
	var collect func(n *node, at func() reflect.Value)
	collect = func(n *node, at func() reflect.Value) {
		for _, c := range n.fields {
			value := func() reflect.Value { return resolve(at(), c.index) }
			switch {
			case c.kind == kindSection:
				collect(c, value)
			case c.envSettable():
				keys[c.env] = settable{c, value}
			default:
				beyond = append(beyond, c)
			}
		}
	}
	collect(root, func() reflect.Value { return v })

	names := make([]string, 0, len(vars))
	for name := range vars {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := setVar(name, vars, keys, beyond); err != nil {
			d.errs = append(d.errs, &Error{Key: name, Msg: err.Error()})
		}
	}
}

// musterVars returns the variables that are ours. As in a shell, the last
// assignment of a name wins.
func musterVars(environ []string) map[string]string {
	vars := make(map[string]string)
	for _, kv := range environ {
		name, val, ok := strings.Cut(kv, "=")
		if ok && strings.HasPrefix(name, envPrefix+"_") && !slices.Contains(reserved, name) {
			vars[name] = val
		}
	}
	return vars
}

func setVar(name string, vars map[string]string, keys map[string]settable, beyond []*node) error {
	if s, ok := keys[name]; ok {
		return setFromText(s, vars[name])
	}
	if base, ok := strings.CutSuffix(name, fileSuffix); ok {
		if s, ok := keys[base]; ok {
			if !s.node.isText() {
				return fmt.Errorf("only a text can come from a file, and %s is a %s", s.node.path, s.node.typeName())
			}
			if _, both := vars[base]; both {
				return fmt.Errorf("%s is set as well; set only one of the two", base)
			}
			text, err := readSecret(vars[name])
			if err != nil {
				return err
			}
			return setFromText(s, text)
		}
	}
	for _, n := range beyond {
		if name == n.env || strings.HasPrefix(name, n.env+"_") {
			return fmt.Errorf("%s is a %s, which only the configuration file can set", n.path, n.typeName())
		}
	}
	known := slices.Clone(reserved)
	for k := range keys {
		known = append(known, k)
	}
	slices.Sort(known)
	return fmt.Errorf("there is no such variable%s", didYouMean(name, known))
}

func setFromText(s settable, text string) error {
	v, q := s.value(), quoteFor(s.node.path)
	if s.node.kind == kindScalar {
		if text == "" && !s.node.isText() {
			return errors.New("it is empty; unset it for the default")
		}
		return setScalar(v, text, q)
	}
	out := reflect.MakeSlice(v.Type(), 0, 4)
	if strings.TrimSpace(text) != "" {
		for part := range strings.SplitSeq(text, ",") {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := setScalar(deref(e), strings.TrimSpace(part), q); err != nil {
				return err
			}
			out = reflect.Append(out, e)
		}
	}
	v.Set(out)
	return nil
}

// readSecret reads the file that a _FILE variable names, without the line end
// that editors and echo add.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the file it names: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return "", fmt.Errorf("read the file it names: %w", err)
	}
	if len(b) > maxSecretBytes {
		return "", fmt.Errorf("the file it names is larger than %d KiB", maxSecretBytes>>10)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
