package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// attendee takes part in a room without media of its own.
type attendee struct {
	t  *testing.T
	ws *websocket.Conn

	mu      sync.Mutex // guards what follows
	id      int
	answers map[int]chan message
	told    []message // events
	room    struct {
		Recording bool
		Watching  int
	}
}

type message struct {
	Re   int
	Type string
	Data json.RawMessage
}

// attend lets user into a room by the notification server.
func (s *server) attend(t *testing.T, user, room string) *attendee {
	t.Helper()
	a := s.notified(t, user)
	a.ask("join", map[string]any{"room": room})
	return a
}

// notified is user at the notification server, in no room.
func (s *server) notified(t *testing.T, user string) *attendee {
	t.Helper()
	req, _ := http.NewRequest(http.MethodGet, "http://x/", http.NoBody)
	req.SetBasicAuth(user, passwordOf(user))
	ws, _, err := websocket.Dial(context.Background(), fmt.Sprintf("ws://127.0.0.1:%d/notify/ws", s.ports["api"]),
		&websocket.DialOptions{HTTPHeader: req.Header, Subprotocols: []string{"muster.rooms.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	a := &attendee{t: t, ws: ws, answers: make(map[int]chan message)}
	go a.listen()
	return a
}

func (a *attendee) listen() {
	for {
		_, b, err := a.ws.Read(context.Background())
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(b, &m) != nil {
			continue
		}
		a.mu.Lock()
		if c := a.answers[m.Re]; c != nil {
			c <- m
		}
		if m.Re == 0 {
			a.told = append(a.told, m)
		}
		switch m.Type {
		case "state":
			var d struct{ Room any }
			d.Room = &a.room
			_ = json.Unmarshal(m.Data, &d)
		case "room":
			_ = json.Unmarshal(m.Data, &a.room)
		}
		a.mu.Unlock()
	}
}

// await waits for an event of a kind for which ok holds, with its data in out.
func (a *attendee) await(kind string, out any, ok func() bool) {
	a.t.Helper()
	wait(a.t, patience, "the event "+kind, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, m := range a.told {
			if m.Type == kind && json.Unmarshal(m.Data, out) == nil && ok() {
				return nil
			}
		}
		return fmt.Errorf("not among %d events", len(a.told))
	})
}

// ask makes a request, which must not fail.
func (a *attendee) ask(kind string, data map[string]any) {
	a.t.Helper()
	a.mu.Lock()
	a.id++
	id, c := a.id, make(chan message, 1)
	a.answers[id] = c
	a.mu.Unlock()
	b, _ := json.Marshal(map[string]any{"id": id, "type": kind, "data": data})
	if err := a.ws.Write(context.Background(), websocket.MessageText, b); err != nil {
		a.t.Fatal(err)
	}
	select {
	case m := <-c:
		if m.Type != "ok" {
			a.t.Fatalf("%s: %s", kind, m.Data)
		}
	case <-time.After(10 * time.Second):
		a.t.Fatalf("%s was not answered", kind)
	}
}

// sees returns what the room says of itself.
func (a *attendee) sees() (recording bool, watching int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.room.Recording, a.room.Watching
}

// look plays 2 s of an input and returns the colours of the upper left and the
// upper right quarter of the last picture, its width, and the share that a tone
// of 440 Hz has of the sound.
func look(t *testing.T, input ...string) (left, right string, width int, tone float64, err error) {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	picture, sound := filepath.Join(dir, "p.rgb"), filepath.Join(dir, "s.wav")
	args := append([]string{"-hide_banner", "-nostdin", "-v", "info", "-t", "2"}, input...)
	args = append(args, "-map", "0:v", "-fps_mode", "passthrough", "-update", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "32x18", picture,
		"-map", "0:a", "-ac", "1", "-ar", "8000", "-f", "wav", "-bitexact", sound)
	out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput()
	if err != nil {
		return "", "", 0, 0, fmt.Errorf("%w: %s", err, out[max(0, len(out)-800):])
	}
	if _, after, ok := bytes.Cut(out, []byte("Video: h264")); ok {
		for _, f := range bytes.Fields(after)[:12] {
			if w, _, ok := strings.Cut(string(f), "x"); ok && width == 0 {
				width, _ = strconv.Atoi(w)
			}
		}
	}
	p, err := os.ReadFile(picture)
	const size = 32 * 18 * 3
	if err != nil || len(p) < size {
		return "", "", 0, 0, fmt.Errorf("no picture: %d bytes, %w", len(p), err)
	}
	p = p[len(p)-size:]
	colour := func(x int) string {
		i := (4*32 + x) * 3
		return colourOf(p[i], p[i+1], p[i+2])
	}
	wav, err := os.ReadFile(sound)
	if err != nil {
		return "", "", 0, 0, err
	}
	return colour(8), colour(24), width, shareOf(wav, 440), nil
}

func colourOf(r, g, b byte) string {
	switch {
	case r > 120 && g < 100:
		return "red"
	case b > 120 && r < 100:
		return "blue"
	}
	return fmt.Sprintf("#%02x%02x%02x", r, g, b)
}

// colourFeed publishes a stream that shows one colour.
func (s *server) colourFeed(t *testing.T, name, colour string, more ...string) {
	t.Helper()
	args := append([]string{"-v", "error", "-re", "-f", "lavfi", "-i", "color=" + colour + ":s=640x360:r=10"}, more...)
	background(t, "ffmpeg", append(args, "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p",
		"-c:a", "libopus", "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp("rtsp", name))...)
	s.live(name)
}

// composed reports what is wrong with the picture and the sound of the room with
// a red feed that hums and a blue one.
func composed(t *testing.T, input ...string) error {
	t.Helper()
	left, right, width, tone, err := look(t, input...)
	if err == nil && (left != "red" || right != "blue" || width != 1280 || tone < 0.5) {
		err = fmt.Errorf("left %s, right %s, width %d, of the sound %.2f is the tone", left, right, width, tone)
	}
	return err
}

// TestRoomIsAStream opens a room in players: two feeds stand side by side, and
// are heard.
func TestRoomIsAStream(t *testing.T) {
	need(t, "ffmpeg")
	if !codecsEnabled {
		t.Skip("pictures are composed with the build tag codecs only")
	}
	s := start(t, "MUSTER_MEDIA_HLS_CLOSE_AFTER=5s")
	s.must("", "group", "add", "A")
	for _, u := range []string{"pilot", "anna", "bert"} {
		s.user(u, "A")
	}
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "groups": []string{"A"}}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	s.colourFeed(t, "red", "red", "-f", "lavfi", "-i", "sine=440")
	s.colourFeed(t, "blue", "blue")
	anna := s.attend(t, "anna", "briefing")
	anna.ask("stage", map[string]any{"stream": "red", "on": true})
	wait(t, 20*time.Second, "the room's stream", func() error {
		var info streamInfo
		s.api("anna", http.MethodGet, "streams/rooms/briefing", nil, &info)
		if len(info.Tracks) != 2 || info.Tracks[0].Codec != "H264" || info.Tracks[1].Codec != "Opus" {
			return fmt.Errorf("its tracks are %v", info.Tracks)
		}
		return nil
	})
	rtsp := []string{"-rtsp_transport", "tcp", "-i", s.rtsp("rtsp", "rooms/briefing")}

	t.Run("one video is forwarded", func(t *testing.T) {
		left, right, width, tone, err := look(t, rtsp...)
		if err != nil || left != "red" || right != "red" || width != 640 || tone < 0.5 {
			t.Errorf("left %s, right %s, width %d, tone %.2f, %v", left, right, width, tone, err)
		}
	})
	anna.ask("stage", map[string]any{"stream": "blue", "on": true})
	for _, over := range []struct {
		name  string
		input []string
	}{{"rtsp", rtsp}, {"hls", []string{"-i", s.hls("rooms/briefing")}}} {
		t.Run("two are composed over "+over.name, func(t *testing.T) {
			wait(t, 30*time.Second, "both pictures", func() error { return composed(t, over.input...) })
		})
	}
	t.Run("a compositor that is killed is replaced", func(t *testing.T) {
		c := s.compositors()
		if len(c) != 1 {
			t.Fatalf("compositors: %v", c)
		}
		_ = syscall.Kill(c[0], syscall.SIGKILL)
		wait(t, 30*time.Second, "both pictures again", func() error { return composed(t, rtsp...) })
	})
	t.Run("a recording is made, and everybody is told", func(t *testing.T) {
		anna.ask("record", map[string]any{"on": true})
		wait(t, 10*time.Second, "everybody to be told of the recording", func() error {
			if recording, _ := anna.sees(); !recording {
				return errors.New("not yet")
			}
			return nil
		})
		wait(t, 20*time.Second, "a recording", func() error {
			if r := s.recordings("anna", "rooms/briefing"); len(r) == 0 || r[0].Bytes == 0 {
				return fmt.Errorf("recordings: %+v", r)
			}
			return nil
		})
		anna.ask("record", map[string]any{"on": false})
		wait(t, 10*time.Second, "everybody to be told of the end", func() error {
			if recording, _ := anna.sees(); recording {
				return errors.New("not yet")
			}
			return nil
		})
	})
	t.Run("a locked room lets nobody look in", func(t *testing.T) {
		anna.ask("lock", map[string]any{"on": true})
		if _, _, _, _, err := look(t, rtsp...); err == nil {
			t.Error("somebody looks into a locked room")
		}
	})
	t.Run("nothing is made while nobody watches", func(t *testing.T) {
		wait(t, 30*time.Second, "the compositor to end", func() error {
			if c := s.compositors(); len(c) > 0 {
				var info streamInfo
				s.api("anna", http.MethodGet, "streams/rooms/briefing", nil, &info)
				return fmt.Errorf("compositors: %v; readers: %v", c, info.Readers)
			}
			return nil
		})
	})
}

// compositors are the processes of the server's compositors.
func (s *server) compositors() (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, task := range tasks {
		out, _ := os.ReadFile(task)
		for _, f := range strings.Fields(string(out)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
