package conf

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"muster/internal/obs/redact"
)

const (
	maxErrors    = 20  // reported of one configuration; the rest is counted
	maxShownLine = 100 // characters of the line shown under an error
)

// Error is one mistake in a configuration.
type Error struct {
	File   string // base name of the file; empty for the environment and for values that stand in no file
	Line   int    // from 1; 0 when there is none
	Column int    // from 1, in characters
	Key    string // path of the key, "media.rtsp.address"; or the environment variable
	Msg    string // what is wrong and what to write instead
	Source string // the line itself, secrets masked
	Width  int    // characters that the caret line underlines, at least 1
}

// Error returns "file:line:column: message", and below it the line with a caret
// under the place. It never shows the value of a key that sounds like a secret.
func (e *Error) Error() string {
	if e.Line == 0 {
		if e.Key == "" {
			return e.Msg
		}
		return e.Key + ": " + e.Msg
	}
	head := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
	if e.Source == "" {
		return head
	}
	num := fmt.Sprintf("%4d", e.Line)
	return head + "\n" + num + " | " + e.Source + "\n" + strings.Repeat(" ", len(num)) + " | " + e.caret()
}

// caret returns the line under Source. Tabs stay tabs, so that it lines up.
func (e *Error) caret() string {
	var b strings.Builder
	col := 1
	for _, r := range e.Source {
		if col >= e.Column {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
		col++
	}
	room := max(1, utf8.RuneCountInString(e.Source)-col+1)
	b.WriteString(strings.Repeat("^", min(max(1, e.Width), room)))
	return b.String()
}

// Errors are all mistakes of one configuration, in the order of the file.
type Errors []*Error

func (es Errors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i == maxErrors {
			fmt.Fprintf(&b, "\nand %d more", len(es)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap gives errors.As each Error.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

func (es Errors) orNil() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// span is a place in the file.
type span struct{ line, column, width int }

// errorAt returns an Error at s, with the line of data that it stands on.
func errorAt(file string, data []byte, s span, key, msg string) *Error {
	e := &Error{File: file, Line: s.line, Column: max(1, s.column), Width: s.width, Key: key, Msg: msg}
	lines := strings.Split(string(data), "\n")
	if s.line < 1 || s.line > len(lines) {
		return e
	}
	line := redact.ConfigLine(strings.TrimRight(lines[s.line-1], "\r"))
	line = strings.Map(printable, line)
	runes := []rune(line)
	if len(runes) > maxShownLine {
		// The column of a place far right is kept true by cutting only the end;
		// beyond that the line says nothing and is left out.
		if e.Column > maxShownLine {
			return e
		}
		line = string(runes[:maxShownLine]) + "…"
	}
	e.Source = line
	return e
}

// printable replaces what would confuse a terminal.
func printable(r rune) rune {
	if r != '\t' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0) {
		return '?'
	}
	return r
}

// split takes joined errors apart.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, split(e)...)
		}
		return out
	}
	return []error{err}
}

// didYouMean returns "; did you mean …?" for the closest of names, or "".
func didYouMean(got string, names []string) string {
	best, bestDist := "", 3
	if len([]rune(got)) <= 4 {
		bestDist = 2
	}
	for _, n := range names {
		d := distance(strings.ToLower(got), strings.ToLower(n))
		if d < bestDist || d == 0 {
			best, bestDist = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of letters to insert, remove, change or swap with
// their neighbour to make b of a. Words longer than 64 are infinitely far.
func distance(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	if len(ra) > 64 || len(rb) > 64 {
		return 1 << 20
	}
	var prev2 []int
	prev := make([]int, len(rb)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		cur := make([]int, len(rb)+1)
		cur[0] = i
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(rb)]
}
