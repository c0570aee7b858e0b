//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/bench/usage"
)

// subject is a server that is measured.
type subject struct {
	name    string
	channel string // where voice is measured; empty: the root
	start   func(ctx context.Context) (*server, error)
}

// server is a running one.
type server struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addr  string
}

func startMuster(ctx context.Context, program string) (*server, error) {
	cmd := exec.CommandContext(ctx, program)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, err
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}

func startMurmur(ctx context.Context, program, dir string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "murmur"); err != nil {
		return nil, err
	}
	// Started by root it becomes a user of its own.
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777)); err != nil {
		return nil, err
	}
	ini := filepath.Join(dir, "murmur.ini")
	settings := fmt.Sprintf("database=%s/murmur.sqlite\nlogfile=%s/murmur.log\nport=%d\nhost=127.0.0.1\nusers=2000\nbandwidth=128000\nautobanAttempts=0\nbonjour=false\n",
		dir, dir, port)
	if err := os.WriteFile(ini, []byte(settings), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-fg", "-ini", ini)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	for range 200 {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			c.Close()
			time.Sleep(300 * time.Millisecond)
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("%s does not listen", program)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *server) stop() {
	if s.stdin != nil {
		s.stdin.Close()
	} else {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
	}
	kill := time.AfterFunc(3*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait()
}

// cpu returns the processor time of the process so far; 0 if it is gone.
func (s *server) cpu() time.Duration {
	used, _ := usage.CPU(s.cmd.Process.Pid)
	return used
}

// rss returns the memory of the process in MB.
func (s *server) rss() float64 { return usage.RSS(s.cmd.Process.Pid) }
