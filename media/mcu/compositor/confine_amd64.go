//go:build codecs && cgo

package compositor

import "golang.org/x/sys/unix"

// otherForbidden are the older names of forbidden calls.
var otherForbidden = []uint32{
	unix.SYS_OPEN, unix.SYS_CREAT, unix.SYS_ACCEPT, unix.SYS_UNLINK, unix.SYS_RENAME, unix.SYS_MKDIR,
	unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_FORK, unix.SYS_VFORK,
}
