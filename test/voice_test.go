package test

import (
	"bytes"
	"crypto/tls"
	le "encoding/binary"
	"fmt"
	"math"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"layeh.com/gumble/gumble"
	"layeh.com/gumble/gumbleutil"

	opuscodec "muster/media/codec/opus"
)

// libopus is the codec of gumble clients.
type libopus struct{}

func (libopus) ID() int { return 4 }

func (libopus) NewEncoder() gumble.AudioEncoder {
	e, err := opuscodec.NewEncoder(opuscodec.EncoderConfig{Channels: 1, Bitrate: 40_000})
	if err != nil {
		panic(err)
	}
	return &opusSide{enc: e}
}

func (libopus) NewDecoder() gumble.AudioDecoder {
	d, err := opuscodec.NewDecoder(1)
	if err != nil {
		panic(err)
	}
	return &opusSide{dec: d}
}

type opusSide struct {
	enc *opuscodec.Encoder
	dec *opuscodec.Decoder
}

func (*opusSide) ID() int { return 4 }
func (*opusSide) Reset()  {}

func (s *opusSide) Encode(pcm []int16, _, _ int) ([]byte, error) {
	b := make([]byte, opuscodec.MaxPacket)
	n, err := s.enc.Encode(pcm, b)
	return b[:n], err
}

func (s *opusSide) Decode(data []byte, _ int) ([]int16, error) {
	if len(data) == 0 {
		return nil, nil
	}
	pcm := make([]int16, 48000/1000*60)
	n, err := s.dec.Decode(data, pcm)
	return pcm[:n], err
}

// radio is a Mumble client that hears everybody apart.
type radio struct {
	*gumble.Client
	t *testing.T

	mu    sync.Mutex
	heard map[string][]int16 // a little more than the last second of each, by name
	texts []string           // of others, and why the server refuses something
}

// OnAudioStream implements gumble.AudioListener.
func (r *radio) OnAudioStream(e *gumble.AudioStreamEvent) {
	go func() {
		for {
			select {
			case <-r.t.Context().Done():
				return
			case p := <-e.C:
				r.mu.Lock()
				all := append(r.heard[e.User.Name], p.AudioBuffer...)
				r.heard[e.User.Name] = all[max(len(all)-50000, 0):]
				r.mu.Unlock()
			}
		}
	}()
}

// hears returns the share that a tone has of what was heard of somebody.
func (r *radio) hears(name string, hz float64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, 0, 2*48000)
	for _, v := range r.heard[name] {
		b = le.LittleEndian.AppendUint16(b, uint16(v))
	}
	part, _ := share(b, 1, 48000, hz)
	return part
}

// radio logs in to the Mumble server and goes to a channel.
func (s *server) radio(t *testing.T, user, channel string) *radio {
	t.Helper()
	return dialRadio(t, s.ports["voice"], user, channel)
}

// dialRadio is radio at the Mumble server on a port.
func dialRadio(t *testing.T, port int, user, channel string) *radio {
	t.Helper()
	gumble.RegisterAudioCodec(4, libopus{})
	r := &radio{t: t, heard: make(map[string][]int16)}
	cfg := gumble.NewConfig()
	cfg.Username, cfg.Password = user, passwordOf(user)
	cfg.AudioInterval = 20 * time.Millisecond
	cfg.AttachAudio(r)
	cfg.Attach(gumbleutil.Listener{TextMessage: func(e *gumble.TextMessageEvent) {
		r.mu.Lock()
		r.texts = append(r.texts, e.Message)
		r.mu.Unlock()
	}, PermissionDenied: func(e *gumble.PermissionDeniedEvent) {
		r.mu.Lock()
		r.texts = append(r.texts, e.String)
		r.mu.Unlock()
	}})
	c, err := gumble.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, fmt.Sprintf("127.0.0.1:%d", port), cfg, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Client = c
	t.Cleanup(func() { _ = c.Disconnect() })
	wait(t, 10*time.Second, "the channel "+channel, func() error {
		err := fmt.Errorf("it is not there")
		c.Do(func() {
			if ch := c.Channels.Find(channel); ch != nil {
				c.Self.Move(ch)
				err = nil
			}
		})
		return err
	})
	return r
}

// talk sends a tone until the test ends or stop is called.
func (r *radio) talk(hz float64) (stop func()) {
	out := r.AudioOutgoing()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(out)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			pcm := make(gumble.AudioBuffer, 960)
			for i := range pcm {
				pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(n)/48000))
				n++
			}
			select {
			case out <- pcm:
			case <-done:
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

// hears waits until a Mumble user hears a tone of somebody.
func hears(t *testing.T, r *radio, name string, hz float64) {
	t.Helper()
	wait(t, 20*time.Second, fmt.Sprintf("a Mumble user to hear %.0f Hz of %s", hz, name), func() error {
		if share := r.hears(name, hz); share < 0.5 {
			return fmt.Errorf("the share of the tone is %.3f", share)
		}
		return nil
	})
}

// replayed returns the codec, the seconds and the share of a tone in the last one
// that FFmpeg finds in a file of the API.
func (s *server) replayed(t *testing.T, user, path string, hz float64) (codec string, seconds, tone float64) {
	t.Helper()
	code, file := s.fetch(user, path, "")
	if code != http.StatusOK {
		t.Fatalf("%s: %d", path, code)
	}
	codec, seconds, _ = pictures(t, file)
	play := exec.Command("ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-ar", "48000", "-ac", "1", "-")
	play.Stdin = bytes.NewReader(file)
	pcm, err := play.Output()
	if err == nil {
		tone, err = share(pcm, 1, 48000, hz)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return codec, seconds, tone
}

// TestVoice is a room with a browser, a telephone and two Mumble users, each with
// a tone of its own: everybody hears the others and not themselves.
func TestVoice(t *testing.T) {
	need(t, "chromium", "baresip", "ffmpeg", "ffprobe")
	s := start(t, "MUSTER_MEDIA_ROOMS_REPLAY=1m")
	s.must("", "group", "add", "A")
	for _, u := range []string{"anna", "bert", "carl", "dora"} {
		s.user(u, "A")
	}
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "title": "Briefing", "groups": []string{"A"}, "number": "100"}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	carl, dora := s.radio(t, "carl", "Briefing"), s.radio(t, "dora", "Briefing")
	defer carl.talk(1000)()
	stop := dora.talk(1300)
	defer stop()
	b := startBrowser(t)
	anna := b.party(t, s, "anna", `{room: 'briefing'}`, 700, "#c00000")
	bert := s.phone(t, "bert", "H264")
	bert.do("dial", fmt.Sprintf("sip:100@127.0.0.1:%d", s.ports["sip-udp"]))

	anna.until("everybody", `Object.values(party.people).map(p => p.kind).sort().join() === 'browser,mumble,mumble,sip'`)
	defer func() {
		if t.Failed() {
			t.Logf("anna hears %v; slots %v", anna.eval(`party.hears([440, 700, 1000, 1300])`), anna.eval(`JSON.stringify(party.speakers)+JSON.stringify(party.people)`))
		}
	}()
	anna.until("to hear the others", `party.hears([440, 700, 1000, 1300]) === '440 1000 1300'`)
	for _, r := range []*radio{carl, dora} {
		for name, hz := range map[string]float64{"anna": 700, "bert": 440} {
			wait(t, 20*time.Second, "a Mumble user to hear "+name, func() error {
				if share := r.hears(name, hz); share < 0.5 {
					return fmt.Errorf("the share of the tone is %.3f", share)
				}
				return nil
			})
		}
	}
	wait(t, 20*time.Second, "a Mumble user to hear the other", func() error {
		if share := carl.hears("dora", 1300); share < 0.5 {
			return fmt.Errorf("the share of the tone is %.3f", share)
		}
		return nil
	})
	wait(t, 20*time.Second, "the telephone to hear the others", func() error {
		own, _ := bert.hears(440)
		for _, hz := range []float64{700, 1000, 1300} {
			share, err := bert.hears(hz)
			if err != nil {
				return err
			}
			if share < 0.02 || own > 0.01 {
				return fmt.Errorf("of what it hears %.0f Hz is %.3f and itself %.3f", hz, share, own)
			}
		}
		return nil
	})
	carl.mu.Lock()
	for name := range carl.heard {
		if name == "carl" {
			t.Error("a Mumble user hears itself")
		}
	}
	carl.mu.Unlock()

	t.Run("who lets go of the key is silent", func(t *testing.T) {
		stop()
		anna.until("one less", `party.hears([440, 700, 1000, 1300]) === '440 1000'`)
	})
	t.Run("one speaks at a time", func(t *testing.T) {
		anna.eval(`party.ask('muteOther', {participant: Object.values(party.people).find(p => p.kind === 'sip').id, on: true})`)
		anna.eval(`party.ask('talk', {on: false})`)
		anna.until("only carl to talk", `party.hears([440, 700, 1000, 1300]) === '1000'`)
		if code := s.api("anna", http.MethodPatch, "rooms/briefing", map[string]any{"floor": 60}, nil); code != http.StatusOK {
			t.Fatalf("floor control was not switched on: %d", code)
		}
		anna.until("carl to have the floor", `party.people[party.floor?.holder]?.name === 'carl'`)
		dora.mu.Lock()
		dora.heard = make(map[string][]int16)
		dora.mu.Unlock()
		stop := dora.talk(1300)
		defer stop()
		hears(t, dora, "dora", 425) // the busy tone
		hears(t, dora, "carl", 1000)
		dora.mu.Lock()
		if why := "you are not heard: carl is talking"; !slices.Contains(dora.texts, why) {
			t.Errorf("a Mumble user is not told %q, but %q", why, dora.texts)
		}
		dora.mu.Unlock()
		anna.until("nobody but carl", `party.hears([440, 700, 1000, 1300]) === '1000'`)
		carl.mu.Lock()
		if n := len(carl.heard["carl"]); n > 0 {
			t.Errorf("carl hears %d samples of a tone that is not his", n)
		}
		carl.heard = make(map[string][]int16)
		carl.mu.Unlock()
		if code := anna.eval(`party.ask('talk', {on: true}).then(() => 'ok', e => e.message)`); code != "ok" { // a host
			t.Errorf("a host asks for the floor: %v", code)
		}
		anna.until("to have the floor herself", `party.floor.holder === party.self`)
		hears(t, carl, "anna", 700)
		hears(t, carl, "carl", 425)
		carl.mu.Lock()
		if n := len(carl.heard["dora"]); n > 0 {
			t.Errorf("a Mumble user hears %d samples of another who does not have the floor", n)
		}
		carl.mu.Unlock()
		tablet := (&member{s: s, name: "dora"}).connect(t, "tcp", "DORA-1", "dora")
		tablet.send(event("DORA-1-9-1-1", "b-a-o-tbl", `<emergency type="911 Alert">dora</emergency>`))
		anna.until("the emergency", `party.floor.emergency && party.hears([440, 700, 1000, 1300]) === '1300' && party.busy?.reason === 'overridden'`)
		hears(t, carl, "dora", 1300)
		stop()
		anna.eval(`party.ask('talk', {on: false})`)
		if code := s.api("dora", http.MethodPut, "rooms/briefing/emergency", map[string]any{"on": false}, nil); code != http.StatusNoContent {
			t.Errorf("the end of an emergency is answered %d", code)
		}
		anna.until("the end of it", `!Object.values(party.people).some(p => p.emergency)`)
	})
	t.Run("what was said is heard again", func(t *testing.T) {
		var said struct {
			Seconds       int
			Transmissions []struct {
				ID, Name, Kind string
				Seconds        float64
			}
		}
		wait(t, 10*time.Second, "all to be over that was said", func() error {
			if code := s.api("bert", http.MethodGet, "rooms/briefing/replay", nil, &said); code != http.StatusOK {
				t.Fatalf("the list is answered %d", code)
			}
			kinds := make(map[string]bool)
			for _, x := range said.Transmissions {
				kinds[x.Kind] = true
			}
			if n := len(said.Transmissions); said.Seconds != 60 || len(kinds) != 3 || said.Transmissions[n-1].Name != "dora" {
				return fmt.Errorf("%+v", said)
			}
			return nil
		})
		sum := 0.0
		for _, x := range said.Transmissions {
			sum += x.Seconds
		}
		last := said.Transmissions[len(said.Transmissions)-1]
		codec, length, tone := s.replayed(t, "bert", "rooms/briefing/replay/"+last.ID, 1300)
		if codec != "opus" || math.Abs(length-last.Seconds) > 0.2 || tone < 0.5 {
			t.Errorf("%+v is %s of %.2f s, %.2f of it her tone", last, codec, length, tone)
		}
		if codec, length, _ := s.replayed(t, "bert", "rooms/briefing/replay/all", 1300); codec != "opus" || length < sum-0.2 {
			t.Errorf("all is %s of %.2f s, want %.2f", codec, length, sum)
		}
	})
	t.Run("a host shows a Mumble user out", func(t *testing.T) {
		anna.eval(`party.ask('kick', {participant: Object.values(party.people).find(p => p.name === 'dora').id})`)
		wait(t, 10*time.Second, "to be in the root", func() error {
			err := fmt.Errorf("she is in the channel")
			dora.Do(func() {
				if dora.Self.Channel.IsRoot() {
					err = nil
				}
			})
			return err
		})
	})
	t.Run("a revoked user is out everywhere", func(t *testing.T) {
		s.must("", "user", "remove", "carl")
		anna.until("carl to be gone", `!Object.values(party.people).some(p => p.name === 'carl')`)
		wait(t, 5*time.Second, "the connection to end", func() error {
			if carl.State() != gumble.StateDisconnected {
				return fmt.Errorf("it is there")
			}
			return nil
		})
	})
}
