//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"muster/bench/usage"
)

const (
	readyWithin = 60 * time.Second
	stopWithin  = 10 * time.Second
)

// server is a running child process.
type server struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
}

// start runs a server in dir and returns when it accepts connections at addr.
func start(ctx context.Context, name, dir, addr string, args, env []string, verbose bool) (*server, error) {
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		return nil, fmt.Errorf("somebody else listens on %s", addr)
	}
	s := &server{cmd: exec.Command(args[0], args[1:]...), gone: make(chan struct{})}
	s.cmd.Dir = dir
	s.cmd.Env = append(os.Environ(), env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = s.cmd.Stdout
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.gone)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadString('\n')
			if verbose && line != "" {
				log.Printf("  %s: %s", name, strings.TrimSpace(line))
			}
			if err != nil {
				break
			}
		}
		_ = s.cmd.Wait()
	}()
	for begin := time.Now(); ; {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return s, nil
		}
		select {
		case <-s.gone:
			return nil, fmt.Errorf("it ended (%s); -v shows what it says", s.cmd.ProcessState)
		case <-ctx.Done():
			s.stop()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(begin) > readyWithin {
			s.stop()
			return nil, fmt.Errorf("not ready within %s", readyWithin)
		}
	}
}

// stop ends the process, at first kindly.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.gone:
	case <-time.After(stopWithin):
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

// rss returns the resident memory in MB.
func (s *server) rss() float64 { return usage.RSS(s.cmd.Process.Pid) }

// cpu returns the processor time used so far.
func (s *server) cpu() (time.Duration, error) { return usage.CPU(s.cmd.Process.Pid) }

// field returns the value of the first line that starts with key.
func field(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if name, value, ok := strings.Cut(sc.Text(), ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// freePorts finds so many TCP ports of 127.0.0.1 that are free now.
func freePorts(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
