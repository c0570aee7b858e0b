package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The figures, as the table names them.
const (
	firstStart = "first start to ready, ms"
	startReady = "start to ready, ms"
	idleRSS    = "idle RSS, MB"
	rtmpReady  = "RTMP publish to readable, ms"
	rtspReady  = "RTSP publish to readable, ms"

	rtspCPU    = "RTSP readers: CPU-s/min of the server"
	rtspRSS    = "RTSP readers: RSS, MB"
	rtspP50    = "RTSP readers: last packet of frame p50, ms"
	rtspP95    = "RTSP readers: last packet of frame p95, ms"
	rtspP99    = "RTSP readers: last packet of frame p99, ms"
	rtspJoin50 = "RTSP readers: join to key frame p50, ms"
	rtspJoin95 = "RTSP readers: join to key frame p95, ms"
	rtspLost   = "RTSP readers: packets lost, in 1000"
	rtspFrames = "RTSP readers: frames per second and reader"
	rtspRate   = "RTSP readers: Mbit/s per reader"

	whepCPU    = "WHEP readers: CPU-s/min of the server"
	whepRSS    = "WHEP readers: RSS, MB"
	whepP50    = "WHEP readers: last packet of frame p50, ms"
	whepP95    = "WHEP readers: last packet of frame p95, ms"
	whepP99    = "WHEP readers: last packet of frame p99, ms"
	whepJoin50 = "WHEP readers: join to key frame p50, ms"
	whepJoin95 = "WHEP readers: join to key frame p95, ms"
	whepLost   = "WHEP readers: packets lost, in 1000"
	whepFrames = "WHEP readers: frames per second and reader"

	hlsCold   = "LL-HLS: first reader, request to media, ms"
	hlsCPU    = "LL-HLS readers: CPU-s/min of the server"
	hlsRSS    = "LL-HLS readers: RSS, MB"
	hlsP50    = "LL-HLS readers: age of a part p50, ms"
	hlsP95    = "LL-HLS readers: age of a part p95, ms"
	hlsJoin50 = "LL-HLS readers: join to media p50, ms"
	hlsJoin95 = "LL-HLS readers: join to media p95, ms"
	hlsRate   = "LL-HLS readers: Mbit/s per reader"
)

var order = []string{
	firstStart, startReady, idleRSS, rtmpReady, rtspReady,
	rtspCPU, rtspRSS, rtspP50, rtspP95, rtspP99, rtspJoin50, rtspJoin95, rtspLost, rtspFrames, rtspRate,
	whepCPU, whepRSS, whepP50, whepP95, whepP99, whepJoin50, whepJoin95, whepLost, whepFrames,
	hlsCold, hlsCPU, hlsRSS, hlsP50, hlsP95, hlsJoin50, hlsJoin95, hlsRate,
}

// figureSet is what one round found out about one server.
type figureSet map[string]float64

// String lists the figures in the order of the table.
func (f figureSet) String() string {
	var b strings.Builder
	for _, name := range order {
		if v, ok := f[name]; ok {
			fmt.Fprintf(&b, "%s %s; ", name, number(v))
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// tally is what one reader saw within the measured time.
type tally struct {
	packets, lost, frames, bytes int
	late                         []time.Duration // of the last packet of each frame
	join                         time.Duration   // from connecting to the end of the first key frame; 0: none came
}

// summary joins the tallies of all readers.
type summary struct {
	late, join            []time.Duration
	lost, frames, bitrate float64 // in 1000 packets; per second and reader; Mbit/s per reader
	joined                int
}

func summarise(all []tally, length time.Duration) summary {
	var s summary
	packets, lost, frames, bytes := 0, 0, 0, 0
	for _, t := range all {
		s.late = append(s.late, t.late...)
		if t.join > 0 {
			s.join = append(s.join, t.join)
			s.joined++
		}
		packets, lost, frames, bytes = packets+t.packets, lost+t.lost, frames+t.frames, bytes+t.bytes
	}
	slices.Sort(s.late)
	slices.Sort(s.join)
	n, sec := float64(len(all)), length.Seconds()
	s.lost = 1000 * float64(lost) / max(1, float64(packets+lost))
	s.frames = float64(frames) / n / sec
	s.bitrate = float64(bytes) * 8 / 1e6 / n / sec
	return s
}

// at returns the quantile q of sorted durations, in milliseconds.
func at(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Microseconds()) / 1000
}

// machine describes where the figures come from.
func machine() string {
	var u syscall.Utsname
	kernel := ""
	if syscall.Uname(&u) == nil {
		for _, c := range u.Release {
			if c == 0 {
				break
			}
			kernel += string(rune(byte(c)))
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %d cores, %s memory, Linux %s, %s, load %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		field("/proc/meminfo", "MemTotal"), kernel, runtime.Version(), strings.Join(strings.Fields(string(load))[:min(3, len(strings.Fields(string(load))))], " "))
}

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
