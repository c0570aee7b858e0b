package compositor

import "syscall"

// tied kills a child when the thread that started it ends, and so with this
// process.
func tied() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
