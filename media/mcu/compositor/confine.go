//go:build codecs && cgo

package compositor

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// memory that the child may have for itself: 25 decoders of the largest
	// picture would take more, and are not what a room is for.
	memory = 3 << 30
	files  = 32
	// lifeline is the processor time that the child has to say the next word,
	// in seconds: one that computes without end is killed.
	lifeline = 20
)

// confine gives away what the child does not need, since what it decodes may
// have been made to take it over: files, network, other programs, memory and
// time without end.
func confine() error {
	for what, value := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_NOFILE: files, unix.RLIMIT_DATA: memory,
	} {
		limit := unix.Rlimit{Cur: value, Max: value}
		if err := unix.Setrlimit(what, &limit); err != nil {
			return fmt.Errorf("compositor: limit %d: %w", what, err)
		}
	}
	extendLife()
	// Sound and the rest of the server come first. Without the right to give
	// way nothing else changes.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 5)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("compositor: no new privileges: %w", err)
	}
	return forbid(forbidden)
}

// extendLife moves the limit of processor time ahead of what was used.
func extendLife() {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return
	}
	seconds := uint64(used.Utime.Sec + used.Stime.Sec)
	_ = unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds + lifeline, Max: unix.RLIM_INFINITY})
}

// forbidden are the calls that reach out of the process.
var forbidden = []uint32{
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT4,
	unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_RECVMSG,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_OPENAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_MKDIRAT, unix.SYS_LINKAT, unix.SYS_SYMLINKAT,
	unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_INIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEYCTL,
	unix.SYS_IO_URING_SETUP, unix.SYS_MEMFD_CREATE, unix.SYS_SHMGET, unix.SYS_MSGGET,
}

// forbid answers the calls with EPERM, in all threads, for good. A kernel
// without filters is none that we run on, but a sandbox may refuse them: then
// the limits are what there is.
func forbid(calls []uint32) error {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		other = 0x40000000 // numbers of the x32 interface begin here
		give  = unix.BPF_RET | unix.BPF_K
	)
	arch, known := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if !known {
		return nil
	}
	deny := uint32(unix.SECCOMP_RET_ERRNO | unix.EPERM)
	calls = append(append([]uint32(nil), calls...), otherForbidden...)
	// The architecture first: numbers mean other calls in another one.
	program := []unix.SockFilter{
		{Code: load, K: 4},
		{Code: equal, K: arch, Jt: 1},
		{Code: give, K: deny},
		{Code: load, K: 0},
		{Code: above, K: other, Jt: uint8(len(calls) + 1)},
	}
	for i, call := range calls {
		program = append(program, unix.SockFilter{Code: equal, K: call, Jt: uint8(len(calls) - i)})
	}
	program = append(program, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: give, K: deny})
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(program)
	if errno != 0 && errno != unix.EINVAL && errno != unix.ENOSYS && errno != unix.EPERM {
		return fmt.Errorf("compositor: filter of system calls: %w", errno)
	}
	return nil
}
