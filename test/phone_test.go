package test

import (
	le "encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster/internal/run/runtest"
)

// phone is a baresip that registers as user, sends a tone of 440 Hz and, where it
// has a codec for it, a picture of 320 pixels, and keeps what it hears as a file.
type phone struct {
	t    *testing.T
	dir  string
	ctrl int
}

func (s *server) phone(t *testing.T, user, video string) *phone {
	t.Helper()
	need(t, "baresip")
	p := &phone{t: t, dir: t.TempDir(), ctrl: runtest.Port(t)}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config", fmt.Sprintf(`
poll_method epoll
sip_listen 127.0.0.1:%d
audio_source ausine,440
audio_player aubridge,nil
audio_alert aubridge,nil
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x180
video_fps 10
snd_path %s
rtp_ports 31000-34000
module_path /usr/lib/baresip/modules
module opus.so
module g711.so
module ausine.so
module aubridge.so
module avcodec.so
module vp8.so
module fakevideo.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app snapshot.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
`, runtest.Port(t), p.dir, p.ctrl))
	write("accounts", fmt.Sprintf("<sip:%s@127.0.0.1:%d;transport=udp>;auth_pass=%s;regint=60;audio_codecs=opus/48000/2;video_codecs=%s\n",
		user, s.ports["sip-udp"], passwordOf(user), video))
	write("contacts", "")
	background(t, "env", "-C", p.dir, "baresip", "-f", p.dir) // it leaves its snapshots where it runs
	return p
}

// do has the phone do something.
func (p *phone) do(command, params string) {
	p.t.Helper()
	var c net.Conn
	wait(p.t, 20*time.Second, "the phone's control port", func() (err error) {
		c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.ctrl))
		return err
	})
	defer c.Close()
	msg := fmt.Sprintf(`{"command":%q,"params":%q}`, command, params)
	if _, err := fmt.Fprintf(c, "%d:%s,", len(msg), msg); err != nil {
		p.t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = c.Read(make([]byte, 4096)) // says that it was taken
}

// hears returns the share that a tone has of the last second that was heard.
func (p *phone) hears(hz float64) (float64, error) {
	files, _ := filepath.Glob(filepath.Join(p.dir, "*dec.wav"))
	if len(files) == 0 {
		return 0, errors.New("the phone has heard nothing yet")
	}
	b, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		return 0, err
	}
	const head = 44
	if len(b) < head {
		return 0, errors.New("the phone has heard nothing yet")
	}
	channels, rate := int(le.LittleEndian.Uint16(b[22:])), float64(le.LittleEndian.Uint32(b[24:]))
	return share(b[head:], channels, rate, hz)
}

// sees waits until the phone is shown those colours in its upper left and upper
// right quarter.
func (p *phone) sees(want string) {
	p.t.Helper()
	wait(p.t, 20*time.Second, "the phone to see "+want, func() error {
		old, _ := filepath.Glob(filepath.Join(p.dir, "*.png"))
		for _, f := range old {
			_ = os.Remove(f)
		}
		p.do("snapshot", "")
		time.Sleep(200 * time.Millisecond) // until the next frame
		files, _ := filepath.Glob(filepath.Join(p.dir, "snapshot-recv*.png"))
		if len(files) == 0 {
			return errors.New("the phone is shown nothing")
		}
		f, err := os.Open(files[0])
		if err != nil {
			return err
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			return err
		}
		at := func(x int) string {
			r, g, b, _ := img.At(img.Bounds().Dx()*x/4, img.Bounds().Dy()/4).RGBA()
			return colourOf(byte(r>>8), byte(g>>8), byte(b>>8))
		}
		if got := at(1) + " " + at(3); got != want {
			return fmt.Errorf("the phone is shown %s", got)
		}
		return nil
	})
}

// shareOf returns the share that a tone has of the last second of a WAV file; 0
// for less than that.
func shareOf(wav []byte, hz float64) float64 {
	const head = 44
	if len(wav) < head {
		return 0
	}
	part, _ := share(wav[head:], int(le.LittleEndian.Uint16(wav[22:])), float64(le.LittleEndian.Uint32(wav[24:])), hz)
	return part
}

// share is the part that a tone has of the last second of 16-bit PCM. It is
// measured in pieces: where a busy machine has left a gap the tone goes on at
// another phase.
func share(b []byte, channels int, rate, hz float64) (float64, error) {
	frame := 2 * channels
	b = b[:len(b)/frame*frame]
	if n := int(rate) * frame; len(b) > n {
		b = b[len(b)-n:]
	} else {
		return 0, fmt.Errorf("the phone has heard %d bytes", len(b))
	}
	var tone, all float64
	for piece := range slices.Chunk(b, int(rate/10)*frame) {
		var re, im float64
		for i := range len(piece) / frame {
			v := float64(int16(le.LittleEndian.Uint16(piece[i*frame:])))
			a := 2 * math.Pi * hz * float64(i) / rate
			re += v * math.Cos(a)
			im += v * math.Sin(a)
			all += v * v
		}
		tone += (re*re + im*im) * 2 / float64(len(piece)/frame)
	}
	if all == 0 {
		return 0, nil
	}
	return tone / all, nil
}

// TestPhoneInARoom is a meeting of a browser and a SIP phone: each hears the
// other and not itself.
func TestPhoneInARoom(t *testing.T) {
	need(t, "chromium", "baresip", "linphonec")
	s := start(t)
	s.must("", "group", "add", "A")
	s.must("", "group", "add", "B")
	s.user("anna", "A")
	s.user("bert", "A")
	s.user("dora", "A")
	s.user("clark", "B")
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "groups": []string{"A"}, "number": "100", "pin": "471123"}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	p := s.phone(t, "bert", "H264")
	b := startBrowser(t)
	anna := b.party(t, s, "anna", `{room: 'briefing'}`, 700, "#c00000")
	p.do("dial", fmt.Sprintf("sip:100@127.0.0.1:%d", s.ports["sip-udp"]))
	anna.until("the phone to be in the room", `Object.values(party.people).some(p => p.kind === 'sip' && p.user === 'bert')`)
	anna.until("to hear the phone", `party.hears([440, 700]) === '440'`)
	wait(t, 20*time.Second, "the phone to hear the browser", func() error {
		browser, err := p.hears(700)
		if err != nil {
			return err
		}
		own, _ := p.hears(440)
		if browser < 0.5 || own > 0.01 {
			return fmt.Errorf("of what it hears the browser is %.3f and itself %.3f", browser, own)
		}
		return nil
	})
	t.Run("the browser sees the phone's picture", func(t *testing.T) {
		dora := s.phone(t, "dora", "VP8")
		dora.do("dial", fmt.Sprintf("sip:100@127.0.0.1:%d", s.ports["sip-udp"]))
		anna.until("the phones' pictures", `Object.values(party.tracks).filter(t => t.participant && t.participant !== party.self).length === 2`)
		anna.eval(`party.look(320, 180)`)
		anna.until("to see both", `(party.sees().match(/ 320/g) || []).length === 2`)
		dora.do("hangup", "")
	})
	t.Run("somebody of another group comes by the PIN", func(t *testing.T) { s.comeByPIN(t, anna, "clark") })
	s.must("", "user", "remove", "bert")
	anna.until("the phone of a revoked user to be gone", `!Object.values(party.people).some(p => p.kind === 'sip' && p.user === 'bert')`)
}

// TestPhonesSeeTheRoom shows a phone two feeds side by side, and then the one
// that is left, in each codec that phones speak.
func TestPhonesSeeTheRoom(t *testing.T) {
	need(t, "baresip", "ffmpeg")
	if !codecsEnabled {
		t.Skip("pictures are composed with the build tag codecs only")
	}
	s := start(t)
	s.must("", "group", "add", "A")
	for _, u := range []string{"pilot", "anna", "bert"} {
		s.user(u, "A")
	}
	if code := s.api("anna", http.MethodPost, "rooms", map[string]any{"name": "briefing", "groups": []string{"A"}, "number": "100"}, nil); code != http.StatusCreated {
		t.Fatalf("the room was not made: %d", code)
	}
	s.colourFeed(t, "red", "red")
	s.colourFeed(t, "blue", "blue")
	anna := s.attend(t, "anna", "briefing")
	stage := func(stream string, on bool) { anna.ask("stage", map[string]any{"stream": stream, "on": on}) }
	for _, codec := range []string{"h264", "vp8"} {
		t.Run(codec, func(t *testing.T) {
			stage("red", true)
			stage("blue", true)
			p := s.phone(t, "bert", codec)
			p.do("dial", fmt.Sprintf("sip:100@127.0.0.1:%d", s.ports["sip-udp"]))
			p.sees("red blue")
			stage("red", false)
			p.sees("blue blue")
			p.do("hangup", "")
			stage("blue", false)
		})
	}
}
