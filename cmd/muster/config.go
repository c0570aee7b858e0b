package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"muster/internal/auth"
	"muster/internal/conf"
	"muster/internal/mail"
	"muster/internal/obs"
	"muster/internal/pki"
	"muster/internal/store"
	"muster/media"
	"muster/media/hls"
	"muster/media/mcu"
	"muster/media/pull"
	"muster/media/record"
	"muster/media/rtc"
	"muster/media/rtmp"
	"muster/media/rtsp"
	"muster/media/srt"
	"muster/media/ts"
	"muster/sip"
	"muster/turn"
	"muster/voice"
	"muster/voice/alarm"
	"muster/voice/murmur/attach"
	"muster/voice/murmur/door"
	"muster/web"
)

// config is the whole configuration. It mirrors the folders: each part owns its
// section.
type config struct {
	Web   web.Config    `yaml:"web" doc:"The pages, the API and the ports they are on."`
	Media mediaConfig   `yaml:"media" doc:"Streams and the protocols that carry them."`
	SIP   sip.Config    `yaml:"sip" doc:"Telephones: registrations, calls into rooms and between people, trunks."`
	Voice voiceConfig   `yaml:"voice" doc:"The Mumble server: voice for Mumble clients and the plugins of TAK clients, in the rooms of everybody else."`
	TURN  turn.Config   `yaml:"turn" doc:"STUN and TURN: relays for clients that no direct way leads to."`
	Cot   cotConfig     `yaml:"cot" doc:"The TAK server: positions, chat, missions, files."`
	Auth  auth.Config   `yaml:"auth" doc:"How people log in."`
	Mail  mail.Config   `yaml:"mail" doc:"How mail is sent: links to choose a password, and to enrol."`
	Store store.Config  `yaml:"store" doc:"Where users, groups and all else are kept."`
	PKI   pki.Config    `yaml:"pki" doc:"Certificates."`
	Log   obs.LogConfig `yaml:"log" doc:"What is logged."`
}

// mediaConfig is the hub's settings and a section for each protocol.
type mediaConfig struct {
	media.Config `yaml:",inline"`
	RTSP         rtsp.Config   `yaml:"rtsp" doc:"RTSP and RTSPS."`
	RTMP         rtmp.Config   `yaml:"rtmp" doc:"RTMP and RTMPS."`
	SRT          srt.Config    `yaml:"srt" doc:"SRT."`
	HLS          hls.Config    `yaml:"hls" doc:"HLS and low-latency HLS."`
	WebRTC       rtc.Config    `yaml:"webrtc" doc:"WebRTC: WHIP and WHEP."`
	Pull         pull.Config   `yaml:"pull" doc:"Streams that the server itself fetches: for paths whose source says so, and for the video list."`
	Record       record.Config `yaml:"record" doc:"Recordings of streams."`
	Rooms        mcu.Config    `yaml:"rooms" doc:"Conferences: who takes part, and how they are heard and seen."`
	TS           ts.Config     `yaml:"ts" doc:"MPEG-TS over UDP, for paths whose source says so."`
}

// voiceConfig is the Mumble server's settings, and those of a murmurd beside it.
type voiceConfig struct {
	voice.Config `yaml:",inline"`
	External     attach.Config `yaml:"external" doc:"A murmurd on this machine, whose logins and channels are decided here."`
	Emergencies  []alarm.Rule  `yaml:"emergencies" doc:"Rules by which an emergency of a TAK client opens a room and calls people into it; the first that fits counts."`
	Ice          door.Config   `yaml:"ice" doc:"Murmur's Ice interface, for scripts that were made for a Mumble server."`
}

// Validate reports the first mistake in the settings of the Mumble server, and
// what its door for scripts cannot be without.
func (v voiceConfig) Validate() error {
	if err := v.Config.Validate(); err != nil {
		return err
	}
	if err := alarm.Validate(v.Emergencies); err != nil {
		return fmt.Errorf("emergencies%w", err)
	}
	_, port, _ := net.SplitHostPort(v.Address) // both were checked
	_, theirs, _ := net.SplitHostPort(v.External.Voice)
	switch {
	case v.Enabled && v.External.Enabled && theirs != "" && port == theirs:
		return fmt.Errorf("external.voice: port %s is that of this server's own Mumble server (voice.address); give murmurd another one", port)
	case !v.Ice.Enabled:
	case !v.Enabled:
		return errors.New("ice.enabled: scripts are served for the Mumble server of this house, and enabled is false")
	case v.External.Enabled && v.External.Address == v.Ice.Listen:
		return fmt.Errorf("ice.listen: at %s is the murmurd of external; choose another port", v.Ice.Listen)
	}
	return nil
}

// Validate reports the first mistake in the paths: those of the hub, and sources
// that no protocol knows.
func (m mediaConfig) Validate() error {
	if err := m.Config.Validate(); err != nil {
		return err
	}
	for name, p := range m.Paths {
		if p.Source == "" {
			continue
		}
		if err := checkSource(p); err != nil {
			return fmt.Errorf("paths.%s: %w", name, err)
		}
	}
	return nil
}

func defaults() *config {
	return &config{
		Web: web.DefaultConfig(),
		Media: mediaConfig{
			Config: media.DefaultConfig(), RTSP: rtsp.DefaultConfig(), RTMP: rtmp.DefaultConfig(), SRT: srt.DefaultConfig(),
			HLS: hls.DefaultConfig(), WebRTC: rtc.DefaultConfig(), TS: ts.DefaultConfig(), Pull: pull.DefaultConfig(),
			Record: record.DefaultConfig(), Rooms: mcu.DefaultConfig(),
		},
		SIP: sip.DefaultConfig(), Voice: voiceConfig{Config: voice.DefaultConfig(), External: attach.DefaultConfig(), Ice: door.DefaultConfig()}, TURN: turn.DefaultConfig(), Cot: defaultCot(), Auth: auth.DefaultConfig(), Mail: mail.DefaultConfig(), Store: store.DefaultConfig(), PKI: pki.DefaultConfig(), Log: obs.DefaultLogConfig(),
	}
}

// load reads the configuration that c names, over the defaults.
func load(c *cli) (*config, error) {
	cfg := defaults()
	if err := conf.Load(c.Config, cfg, os.Environ()); err != nil {
		return nil, fmt.Errorf("the configuration has mistakes:\n%w", err)
	}
	return cfg, nil
}

type checkCmd struct {
	Example  bool `help:"Print a configuration file with every key, its meaning and its default." xor:"print"`
	Markdown bool `help:"Print the reference of all keys." xor:"print" hidden:""`
}

// Help is shown by muster check --help.
func (checkCmd) Help() string {
	return `Examples:
  muster check --config muster.yml
  muster check --example > muster.yml`
}

// Run checks the configuration or prints all of it.
func (k checkCmd) Run(std streams, c *cli) error {
	switch {
	case k.Example:
		return conf.Example(std.out, defaults())
	case k.Markdown:
		return conf.Markdown(std.out, conf.Keys(defaults()))
	}
	if _, err := load(c); err != nil {
		return err
	}
	if c.Config == "" {
		fmt.Fprintln(std.out, "The defaults and the environment are in order. There is no configuration file.")
		return nil
	}
	fmt.Fprintf(std.out, "%s is in order.\n", c.Config)
	return nil
}

type backupCmd struct {
	File string `arg:"" help:"File to write; it holds private keys and password hashes." type:"path"`
}

// Help is shown by muster backup --help.
func (backupCmd) Help() string {
	return `The server may run meanwhile. Example:
  muster backup /mnt/safe/muster-$(date +%F).tar.gz`
}

type restoreCmd struct {
	File string `arg:"" help:"File that 'muster backup' wrote." type:"existingfile"`
}

// Help is shown by muster restore --help.
func (restoreCmd) Help() string {
	return `The data folder (and the PostgreSQL database, if one is configured) must be
empty. The archive is verified before anything of it is used. Example:
  muster restore muster-2026-11-20.tar.gz --data /var/lib/muster`
}

var errExists = errors.New("already exists; name another file")
