package compositor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of processor times in /proc, which no architecture that we run
// on has otherwise (sysconf _SC_CLK_TCK).
const tick = time.Second / 100

// vitalsOf reads what the system knows of a process: proc(5), /proc/pid/task/tid/stat.
func vitalsOf(pid int) (v vitals, known bool) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return v, false
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has ended
		}
		state, used, ok := parseStat(b)
		if !ok {
			return vitals{}, false
		}
		known = true
		v.used += used
		v.ready = v.ready || state == 'R' || state == 'D'
	}
	return v, known
}

// parseStat reads the state of a thread and the processor time that it took. The
// name of the program comes before them in brackets, and may hold anything.
func parseStat(b []byte) (state byte, used time.Duration, ok bool) {
	const state0, user, system = 0, 11, 12 // counted from behind the name
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return 0, 0, false
	}
	f := bytes.Fields(b[end+1:])
	if len(f) <= system || len(f[state0]) != 1 {
		return 0, 0, false
	}
	for _, i := range []int{user, system} {
		n, err := strconv.ParseUint(string(f[i]), 10, 62)
		if err != nil {
			return 0, 0, false
		}
		used += time.Duration(n) * tick
	}
	return f[state0][0], used, true
}
