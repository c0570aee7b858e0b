// Package conf decodes one configuration: defaults, then one strict YAML file,
// then the environment, then the checks of every section.
//
// The owner of a section declares a struct with tags `yaml:"lowerCamel"` and
// `doc:"one sentence"`, and optionally a method Validate() error, which checks
// only the fields of that struct (conf calls it on every nested section by
// itself). From the same struct come the names of the environment variables,
// the reference table and the example file, so they cannot disagree with it.
//
// Understood are bool, string, integers, floats, time.Duration, Size, every
// encoding.TextUnmarshaler, pointers to these, lists, tables (map[string]T) and
// sections (structs; embedded ones with `yaml:",inline"`). Anchors, aliases,
// tags and further documents are refused: a configuration is read by people.
package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"unicode/utf8"
)

// The bounds of a configuration file. The parser's time grows with the square
// of the number of lines, which the second bound keeps to about a second.
const (
	maxFileBytes = 1 << 20
	maxLines     = 20_000
	maxLineBytes = 16 << 10
)

// Defaulter is implemented (with a pointer receiver) by the elements of lists
// and tables whose zero value is not their default.
type Defaulter interface{ SetDefaults() }

// Load fills dst, a pointer to a struct that holds the defaults, from the YAML
// file at path (none if path is empty) and from environ, which has the form of
// os.Environ. The environment wins over the file. Every mistake found is
// reported, not only the first: the error is an Errors. dst is not to be used
// after an error.
func Load(path string, dst any, environ []string) error {
	var data []byte
	if path != "" {
		var err error
		if data, err = readFile(path); err != nil {
			return err
		}
	}
	return load(filepath.Base(path), data, dst, environ)
}

func load(file string, data []byte, dst any, environ []string) error {
	root, v, err := schemaOf(dst)
	if err != nil {
		return err
	}
	d := &decoder{file: file, data: data, at: make(map[string]span)}
	d.decode(root, v)
	applyEnv(root, v, environ, d)
	if len(d.errs) == 0 {
		d.validate(root, v, "")
	}
	return d.errs.orNil()
}

// Check reports whether dst is a struct that Load can fill: its types are
// known and no two keys share an environment variable. It is for tests of the
// owner of the struct.
func Check(dst any) error {
	_, _, err := schemaOf(dst)
	return err
}

func schemaOf(dst any) (*node, reflect.Value, error) {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, v, fmt.Errorf("conf: %T is not a pointer to a struct", dst)
	}
	root, err := newSchema(v.Elem().Type())
	if err != nil {
		return nil, v, err
	}
	return root, v.Elem(), nil
}

// readFile reads path within the bounds.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("configuration file %s does not exist", path)
		}
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if err := checkText(data); err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

func checkText(data []byte) error {
	switch {
	case len(data) > maxFileBytes:
		return fmt.Errorf("it is larger than %d MiB", maxFileBytes>>20)
	case !utf8.Valid(data):
		return errors.New("it is not UTF-8 text")
	case bytes.IndexByte(data, 0) >= 0:
		return errors.New("it is not text: it holds a zero byte")
	case bytes.Count(data, []byte("\n")) > maxLines:
		return fmt.Errorf("it has more than %d lines", maxLines)
	}
	for line := range bytes.Lines(data) {
		if len(line) > maxLineBytes {
			return fmt.Errorf("it has a line longer than %d KiB", maxLineBytes>>10)
		}
	}
	return nil
}
