//go:build !linux

package compositor

import "syscall"

// tied leaves it to the end of the pair of sockets that a child ends with its
// parent.
func tied() *syscall.SysProcAttr { return nil }
