//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"muster/bench/usage"
)

// subject is a server that is measured.
type subject struct {
	name  string
	start func(ctx context.Context) (*server, error)
}

// server is a running one.
type server struct {
	cmd      *exec.Cmd
	stdin    io.Closer
	addr     netip.AddrPort
	username string
	password string
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
	fmt.Fprintln(in)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var said struct{ Address, Username, Password string }
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err == nil {
		s.addr, err = netip.ParseAddrPort(said.Address)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	s.username, s.password = said.Username, said.Password
	return s, nil
}

func startCoturn(ctx context.Context, o options, dir string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.coturn, "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-multicast-peers", "--allow-loopback-peers",
		"--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--listening-port="+strconv.Itoa(port), "--min-port=49152", "--max-port=65535",
		"--relay-threads="+strconv.Itoa(o.threads), "--lt-cred-mech", "--user=bench:bench", "--realm=bench", "--log-file=/dev/null", "--simple-log",
		"--pidfile="+dir+"/coturn.pid", "--userdb="+dir+"/coturn.db")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), username: "bench", password: "bench"}
	time.Sleep(700 * time.Millisecond)
	return s, nil
}

func freePort() (int, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port, nil
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
