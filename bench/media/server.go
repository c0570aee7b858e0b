package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"muster/bench/usage"
)

const (
	user        = "admin"
	password    = "bench-password-1"
	readyWithin = 60 * time.Second
	stopWithin  = 10 * time.Second
)

// kind says how to start one of the servers.
type kind struct {
	name    string
	path    string
	prepare func(dir string, p ports) (args, env []string, err error)
}

// ports are where a server listens, all on 127.0.0.1.
type ports struct {
	rtsp, rtsps, rtp, rtmp, rtmps, srt, hls, webrtc, webrtcMedia int
	spare                                                        [4]int
}

func addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts finds ports that are free now; rtp is even and the next one free too.
func freePorts() (ports, error) {
	var p ports
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	all := []*int{&p.rtsp, &p.rtsps, &p.rtmp, &p.rtmps, &p.srt, &p.hls, &p.webrtc, &p.webrtcMedia, &p.spare[0], &p.spare[1], &p.spare[2], &p.spare[3]}
	for _, port := range all {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		held = append(held, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	for range 100 {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return p, err
		}
		p.rtp = c.LocalAddr().(*net.UDPAddr).Port
		next, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.rtp + 1})
		c.Close()
		if err == nil {
			next.Close()
			if p.rtp%2 == 0 {
				return p, nil
			}
		}
	}
	return p, errors.New("no free pair of UDP ports")
}

func musterKind(path string, env []string) kind {
	return kind{name: "muster", path: path, prepare: func(dir string, p ports) ([]string, []string, error) {
		return []string{"serve", "--data", dir}, append([]string{
			"MUSTER_ADMIN_PASSWORD=" + password,
			"MUSTER_MEDIA_RTSP_ADDRESS=" + addr(p.rtsp), "MUSTER_MEDIA_RTSP_TLS_ADDRESS=" + addr(p.rtsps),
			"MUSTER_MEDIA_RTSP_RTP_ADDRESS=" + addr(p.rtp), "MUSTER_MEDIA_RTSP_RTCP_ADDRESS=" + addr(p.rtp+1),
			"MUSTER_MEDIA_RTMP_ADDRESS=" + addr(p.rtmp), "MUSTER_MEDIA_RTMP_TLS_ADDRESS=" + addr(p.rtmps),
			"MUSTER_MEDIA_SRT_ADDRESS=" + addr(p.srt), "MUSTER_MEDIA_HLS_ADDRESS=" + addr(p.hls),
			"MUSTER_MEDIA_WEBRTC_ADDRESS=" + addr(p.webrtc), "MUSTER_MEDIA_WEBRTC_MEDIA_ADDRESS=" + addr(p.webrtcMedia),
			"MUSTER_WEB_ADDRESS=" + addr(p.spare[0]), "MUSTER_WEB_HTTP_ADDRESS=" + addr(p.spare[1]),
			"MUSTER_WEB_API_ADDRESS=" + addr(p.spare[2]), "MUSTER_WEB_MEDIA_API_ADDRESS=" + addr(p.spare[3]),
		}, env...), nil
	}}
}

func peerKind(path string, env []string) kind {
	return kind{name: "mediamtx", path: path, prepare: func(dir string, p ports) ([]string, []string, error) {
		file := filepath.Join(dir, "mediamtx.yml")
		if err := os.WriteFile(file, []byte("paths:\n  all_others:\n"), 0o600); err != nil {
			return nil, nil, err
		}
		return []string{file}, append([]string{
			"MTX_RTSPADDRESS=" + addr(p.rtsp), "MTX_RTPADDRESS=" + addr(p.rtp), "MTX_RTCPADDRESS=" + addr(p.rtp+1),
			"MTX_RTMPADDRESS=" + addr(p.rtmp), "MTX_SRTADDRESS=" + addr(p.srt), "MTX_HLSADDRESS=" + addr(p.hls),
			"MTX_WEBRTCADDRESS=" + addr(p.webrtc), "MTX_WEBRTCLOCALUDPADDRESS=" + addr(p.webrtcMedia), "MTX_WEBRTCADDITIONALHOSTS=127.0.0.1",
			"MTX_MOQHTTP2ADDRESS=" + addr(p.spare[0]), "MTX_MOQHTTP3ADDRESS=" + addr(p.spare[1]), "MTX_MOQQUICADDRESS=" + addr(p.spare[2]),
		}, env...), nil
	}}
}

// server is a running child process.
type server struct {
	ports ports
	cmd   *exec.Cmd
	ready time.Duration
	gone  chan struct{} // closed when the process has ended
}

// start runs a server and returns when it answers RTSP.
func start(ctx context.Context, k kind, dir string, verbose bool) (*server, error) {
	p, err := freePorts()
	if err != nil {
		return nil, err
	}
	args, env, err := k.prepare(dir, p)
	if err != nil {
		return nil, err
	}
	s := &server{ports: p, cmd: exec.Command(k.path, args...), gone: make(chan struct{})}
	s.cmd.Dir = dir
	s.cmd.Env = append(os.Environ(), env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = s.cmd.Stdout
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.gone)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			if verbose {
				log.Printf("  %s: %s", k.name, sc.Text())
			}
		}
		_ = s.cmd.Wait()
	}()
	for {
		if s.answers() {
			s.ready = time.Since(begin)
			return s, nil
		}
		select {
		case <-s.gone:
			return nil, fmt.Errorf("it ended (%s); -v shows what it says", s.cmd.ProcessState)
		case <-ctx.Done():
			s.stop()
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(begin) > readyWithin {
			s.stop()
			return nil, fmt.Errorf("not ready within %s", readyWithin)
		}
	}
}

// answers reports whether the server answers an RTSP request.
func (s *server) answers() bool {
	c, err := dialRTSP(s, "bench")
	if err != nil {
		return false
	}
	defer c.close()
	_, err = c.do("OPTIONS", c.url, nil, "")
	return err == nil
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

// cpu returns the processor time used so far, by the process and the children it
// has waited for.
func (s *server) cpu() (time.Duration, error) { return usage.CPU(s.cmd.Process.Pid) }

// perMinute measures the processor seconds per minute over d.
func (s *server) perMinute(ctx context.Context, d time.Duration) (float64, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := sleep(ctx, d); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return (after - before).Seconds() / time.Since(begin).Minutes(), err
}
