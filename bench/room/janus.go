package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// janus is a Janus with its AudioBridge, driven over its HTTP API. Its parties
// speak plain RTP, like those of served.
type janus struct {
	cmd  *exec.Cmd
	dir  string
	base string // of the session
}

const janusLib = "/usr/lib/x86_64-linux-gnu/janus"

// startJanus runs a Janus with rooms at 48 kHz.
func startJanus(rooms int) (*janus, error) {
	dir, err := os.MkdirTemp("", "bench-janus")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	var bridge bytes.Buffer
	fmt.Fprint(&bridge, "general: {\n\trtp_port_range = \"42000-48000\"\n\tlocal_ip = \"127.0.0.1\"\n}\n")
	for i := range rooms {
		fmt.Fprintf(&bridge, "room-%d: {\n\tsampling_rate = 48000\n\tallow_rtp_participants = true\n\taudiolevel_ext = false\n}\n", i+1)
	}
	files := map[string]string{
		"janus.jcfg": fmt.Sprintf(`general: {
	configs_folder = %q
	plugins_folder = "%[2]s/plugins"
	transports_folder = "%[2]s/transports"
	events_folder = "%[2]s/events"
	loggers_folder = "%[2]s/loggers"
	debug_level = 2
}
nat: {}
plugins: { disable = "libjanus_echotest.so,libjanus_streaming.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so,libjanus_recordplay.so,libjanus_textroom.so,libjanus_sip.so,libjanus_nosip.so,libjanus_lua.so,libjanus_duktape.so" }
transports: { disable = "libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_websockets.so,libjanus_pfunix.so" }
`, dir, janusLib),
		"janus.plugin.audiobridge.jcfg": bridge.String(),
		"janus.transport.http.jcfg":     fmt.Sprintf("general: {\n\tjson = \"compact\"\n\tbase_path = \"/janus\"\n\thttp = true\n\tport = %d\n\tip = \"127.0.0.1\"\n}\n", port),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	j := &janus{dir: dir, cmd: exec.Command("janus", "-F", dir, "-C", filepath.Join(dir, "janus.jcfg"))}
	out, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	j.cmd.Stdout, j.cmd.Stderr = out, out
	if err := j.cmd.Start(); err != nil {
		return nil, err
	}
	root := fmt.Sprintf("http://127.0.0.1:%d/janus", port)
	for range 100 {
		var s struct{ Data struct{ ID int64 } }
		if err = j.post(root, map[string]any{"janus": "create"}, &s); err == nil {
			j.base = fmt.Sprintf("%s/%d", root, s.Data.ID)
			return j, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	j.stop()
	return nil, fmt.Errorf("janus does not answer: %w\n%s", err, log)
}

func (j *janus) stop() {
	_ = j.cmd.Process.Kill()
	_ = j.cmd.Wait()
	_ = os.RemoveAll(j.dir)
}

func (j *janus) post(url string, in map[string]any, out any) error {
	in["transaction"] = "t"
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return answer(http.Post(url, "application/json", bytes.NewReader(b)))(out)
}

func answer(resp *http.Response, err error) func(any) error {
	return func(out any) error {
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(out)
	}
}

// join brings a party into a room, which is sent to at the port local, and
// returns the port that it sends to.
func (j *janus) join(room, local int) (int, error) {
	var handle struct{ Data struct{ ID int64 } }
	if err := j.post(j.base, map[string]any{"janus": "attach", "plugin": "janus.plugin.audiobridge"}, &handle); err != nil {
		return 0, err
	}
	var ack map[string]any
	err := j.post(fmt.Sprintf("%s/%d", j.base, handle.Data.ID), map[string]any{"janus": "message", "body": map[string]any{
		"request": "join", "room": room, "display": "party", "muted": false,
		"rtp": map[string]any{"ip": "127.0.0.1", "port": local, "payload_type": payloadType},
	}}, &ack)
	if err != nil {
		return 0, err
	}
	for range 2000 { // others are told of this arrival as well
		var e struct {
			Sender     int64
			Plugindata struct {
				Data struct {
					Audiobridge, Error string
					RTP                struct{ Port int }
				}
			}
		}
		if err := answer(http.Get(j.base + "?maxev=1"))(&e); err != nil {
			return 0, err
		}
		d := e.Plugindata.Data
		switch {
		case e.Sender != handle.Data.ID:
		case d.Error != "":
			return 0, errors.New("janus: " + d.Error)
		case d.RTP.Port != 0:
			return d.RTP.Port, nil
		}
	}
	return 0, errors.New("janus: no answer to join")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
