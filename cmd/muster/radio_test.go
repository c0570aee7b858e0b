package main

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"muster/media/mcu"
	"muster/media/mcu/floor"
	"muster/voice"
)

// ms is a moment of a test, counted from its beginning.
func ms(n int) time.Time { return time.Unix(1000, 0).Add(time.Duration(n) * time.Millisecond) }

func TestMumbleIsToldTheTimeOfASpeaker(t *testing.T) {
	type packet struct {
		at   int    // ms
		ts   uint32 // 48 kHz
		want uint64 // counted from the first
	}
	for name, packets := range map[string][]packet{
		"20 ms each":        {{0, 960, 0}, {20, 1920, 2}, {41, 2880, 4}},
		"a late one":        {{0, 960, 0}, {40, 2880, 4}, {41, 1920, 2}, {60, 3840, 6}},
		"across the end":    {{0, 1<<32 - 960, 0}, {20, 0, 2}, {40, 960, 4}},
		"a pause":           {{0, 960, 0}, {1000, 1920, 100}, {1020, 2880, 102}},
		"another who began": {{0, 960, 0}, {20, 4_000_000_000, 2}, {40, 4_000_000_960, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			var c toMumble
			first := c.next(packets[0].ts, ms(packets[0].at))
			for _, p := range packets[1:] {
				if got := c.next(p.ts, ms(p.at)) - first; got != p.want {
					t.Errorf("at %d ms: %d, want %d", p.at, got, p.want)
				}
			}
		})
	}
}

func TestARoomIsToldTheTimeOfAMumbleUser(t *testing.T) {
	const ms20, ms10 = 0xf8, 0xf0 // the first byte of Opus packets (RFC 6716 §3.1)
	type packet struct {
		at    int // ms
		seq   uint64
		opus  byte
		want  uint32 // ms counted from the first
		first bool
	}
	for name, packets := range map[string][]packet{
		"20 ms each":                   {{0, 7, ms20, 0, true}, {20, 9, ms20, 20, false}, {40, 11, ms20, 40, false}},
		"10 ms each":                   {{0, 7, ms10, 0, true}, {10, 8, ms10, 10, false}},
		"one is lost":                  {{0, 7, ms20, 0, true}, {40, 11, ms20, 40, false}},
		"a client that counts packets": {{0, 7, ms20, 0, true}, {20, 8, ms20, 20, false}, {40, 9, ms20, 40, false}},
		"a pause":                      {{0, 7, ms20, 0, true}, {800, 9, ms20, 800, true}},
		"counted anew with the burst":  {{0, 700, ms20, 0, true}, {800, 0, ms20, 800, true}, {820, 2, ms20, 820, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var c fromMumble
			var begin uint32
			for i, p := range packets {
				s := c.next(voice.Packet{Seq: p.seq, Opus: []byte{p.opus, 1, 2}}, ms(p.at))
				if i == 0 {
					begin = s.Timestamp
				}
				if got := (s.Timestamp - begin) / 48; got != p.want || s.Marker != p.first || s.Seq != uint16(i+1) {
					t.Errorf("at %d ms: %d ms, first %v, number %d; want %d ms, first %v", p.at, got, s.Marker, s.Seq, p.want, p.first)
				}
			}
		})
	}
}

// explained is a side that keeps why users were refused.
type explained struct {
	side
	why []string
}

func (e *explained) Tell(uint32, uint64, []byte, bool) error { return voice.ErrGone }

func (e *explained) Refuse(_ uint32, why string) error {
	e.why = append(e.why, why)
	return nil
}

func TestWhoTalksInVainIsToldWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &explained{}
		l := &listener{side: to, log: slog.New(slog.DiscardHandler), tone: func() ([][]byte, error) { return [][]byte{nil}, nil }}
		for _, step := range []struct {
			busy mcu.Busy
			told int
			why  string
		}{
			{mcu.Busy{On: true, Reason: floor.Taken, By: "bob"}, 1, "you are not heard: bob is talking"},
			{mcu.Busy{}, 1, ""},
			{mcu.Busy{On: true, Reason: floor.Taken, By: "bob"}, 1, ""}, // at once again
			{mcu.Busy{On: true, Reason: floor.Overridden, By: "carol"}, 2, "you are not heard any more: carol goes before you"},
			{mcu.Busy{On: true, Reason: floor.Limit}, 3, "you are not heard any more: you have talked for too long; let go of the key"},
			{mcu.Busy{On: true, Reason: floor.Taken}, 4, "you are not heard: somebody else is talking"},
		} {
			l.Notify(mcu.Event{Type: mcu.EventBusy, Data: step.busy})
			synctest.Wait()
			if len(to.why) != step.told || step.why != "" && to.why[step.told-1] != step.why {
				t.Fatalf("%+v: told %q", step.busy, to.why)
			}
		}
		time.Sleep(explainEvery)
		l.Notify(mcu.Event{Type: mcu.EventBusy, Data: mcu.Busy{On: true, Reason: floor.Taken}})
		synctest.Wait()
		if len(to.why) != 5 {
			t.Errorf("told %q", to.why)
		}
		l.beep(false)
	})
}
