package main

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"muster/bench/room/hall"
	"muster/bench/usage"
	"muster/media/mcu"
)

// inside measures rooms of package mcu in this process, without sockets: what
// mixing alone costs. Everything that the process does counts.
func inside(sc scenario, seconds int, speech [][][]byte) (result, error) {
	h, err := hall.Open(context.Background(), sc.rooms, sc.parties)
	if err != nil {
		return result{}, err
	}
	defer h.Close()
	var heard atomic.Int64
	var ins []*mcu.AudioIn
	for i := range sc.rooms * sc.parties {
		in, err := h.Join(hall.Name(i/sc.parties), func([]byte) { heard.Add(1) })
		if err != nil {
			return result{}, err
		}
		ins = append(ins, in)
	}
	done, quiet := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quiet)
		each20ms(done, func(n int) {
			for i, in := range ins {
				if payload := sc.says(i, n, speech); payload != nil {
					in.Write(&mcu.Sound{Seq: uint16(n), Timestamp: uint32(n) * 960, Payload: payload})
				}
			}
		})
	}()
	defer func() { close(done); <-quiet }()
	time.Sleep(settle)
	return watch(os.Getpid(), len(ins), seconds, heard.Load)
}

// watch measures a process that serves so many parties; heard counts the packets
// that they are sent.
func watch(pid, parties, seconds int, heard func() int64) (result, error) {
	used, err := usage.CPU(pid)
	if err != nil {
		return result{}, err
	}
	began, before := time.Now(), heard()
	time.Sleep(time.Duration(seconds) * time.Second)
	now, err := usage.CPU(pid)
	if err != nil {
		return result{}, errEnded
	}
	took := time.Since(began).Seconds()
	r := result{cores: (now - used).Seconds() / took, rss: usage.RSS(pid)}
	r.perCore = float64(parties) / r.cores
	r.missing = max(0, 1-float64(heard()-before)/(took*50*float64(parties)))
	return r, nil
}
