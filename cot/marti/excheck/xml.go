package excheck

import (
	"bytes"
	"crypto/rand"
	"encoding/csv"
	"fmt"
	"strconv"

	"muster/cot/wire"
)

// checklist is a checklist or template in parts. All of them are XML.
type checklist struct {
	details []byte   // the children of checklistDetails
	columns []byte   // the element checklistColumns
	tasks   [][]byte // the elements checklistTask
}

const maxTasks = 2000

func newUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// parse reads a checklist element.
func parse(b []byte) (checklist, error) {
	var l checklist
	root, err := wire.ParseElement(b, limits)
	if err != nil || root.Name != "checklist" {
		return l, invalid("This is not a checklist.")
	}
	for el := range root.Children() {
		switch el.Name {
		case "checklistDetails":
			l.details = el.Inner()
		case "checklistColumns":
			l.columns = el.Raw
		case "checklistTasks":
			for t := range el.Children() {
				if t.Name == "checklistTask" {
					l.tasks = append(l.tasks, t.Raw)
				}
			}
		}
	}
	if len(l.tasks) > maxTasks {
		return l, invalid("The checklist has too many tasks.")
	}
	return l, nil
}

// xml returns the checklist as an element.
func (l checklist) xml() []byte {
	inner := wire.AppendElement(nil, "checklistDetails", l.details)
	if l.columns != nil {
		inner = append(inner, l.columns...)
	} else {
		inner = wire.AppendElement(inner, "checklistColumns", nil)
	}
	inner = wire.AppendElement(inner, "checklistTasks", bytes.Join(l.tasks, nil))
	return wire.AppendElement(nil, "checklist", inner)
}

// detail returns the text of a detail.
func (l checklist) detail(name string) string { return textOf(l.details, name) }

// set replaces a detail.
func (l *checklist) set(name, text string) { l.details = withText(l.details, name, text) }

// children yields the elements of XML without a root.
func children(inner []byte) []wire.Element {
	el, err := wire.ParseElement(wire.AppendElement(nil, "x", inner), limits)
	if err != nil {
		return nil // it was well formed within a document that had been read
	}
	var out []wire.Element
	for c := range el.Children() {
		out = append(out, c)
	}
	return out
}

func textOf(inner []byte, name string) string {
	for _, c := range children(inner) {
		if c.Name == name {
			return c.Text()
		}
	}
	return ""
}

// withText returns inner with the element name replaced, or added, by one that
// holds text.
func withText(inner []byte, name, text string) []byte {
	return with(inner, name, wire.AppendText(nil, text))
}

func with(inner []byte, name string, content []byte) []byte {
	var out []byte
	done := false
	for _, c := range children(inner) {
		switch {
		case c.Name != name:
			out = append(out, c.Raw...)
		case !done:
			out, done = wire.AppendElement(out, name, content), true
		}
	}
	if !done {
		out = wire.AppendElement(out, name, content)
	}
	return out
}

// taskUID returns the uid of a task element.
func taskUID(task []byte) string {
	el, err := wire.ParseElement(task, limits)
	if err != nil {
		return ""
	}
	return textOf(el.Inner(), "uid")
}

// setTask returns a task element with other texts.
func setTask(task []byte, pairs ...string) []byte {
	el, err := wire.ParseElement(task, limits)
	if err != nil {
		return task
	}
	inner := el.Inner()
	for i := 0; i+1 < len(pairs); i += 2 {
		inner = withText(inner, pairs[i], pairs[i+1])
	}
	return wire.AppendElement(nil, "checklistTask", inner)
}

// parseTask reads a checklistTask element and gives it the uid it has in its
// address.
func parseTask(b []byte, uid string) ([]byte, error) {
	el, err := wire.ParseElement(b, limits)
	if err != nil || el.Name != "checklistTask" {
		return nil, invalid("This is not a task of a checklist.")
	}
	return setTask(el.Raw, "uid", uid), nil
}

// fromCSV makes a template of a table: the first row names the columns, each
// other one is a task.
func fromCSV(b []byte) (checklist, error) {
	var l checklist
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 || len(rows[0]) == 0 {
		return l, invalid("This is neither a checklist nor a table of one.")
	}
	if len(rows) > maxTasks || len(rows[0]) > 100 {
		return l, invalid("The table is too large.")
	}
	var cols []byte
	for _, name := range rows[0] {
		var c []byte
		for _, p := range [][2]string{{"columnName", name}, {"columnType", "LongString"}, {"columnEditable", "true"}} {
			c = wire.AppendElement(c, p[0], wire.AppendText(nil, p[1]))
		}
		cols = wire.AppendElement(cols, "checklistColumn", c)
	}
	l.columns = wire.AppendElement(nil, "checklistColumns", cols)
	for i, row := range rows[1:] {
		t := wire.AppendElement(nil, "number", wire.AppendText(nil, strconv.Itoa(i+1)))
		t = wire.AppendElement(t, "uid", wire.AppendText(nil, newUID()))
		for _, v := range row {
			t = wire.AppendElement(t, "value", wire.AppendText(nil, v))
		}
		t = wire.AppendElement(t, "status", []byte("Pending"))
		l.tasks = append(l.tasks, wire.AppendElement(nil, "checklistTask", t))
	}
	return l, nil
}
