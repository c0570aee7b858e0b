//go:build codecs && cgo && !amd64

package compositor

import "golang.org/x/sys/unix"

// otherForbidden are the older names of forbidden calls.
var otherForbidden = []uint32{unix.SYS_ACCEPT}
