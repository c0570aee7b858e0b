package rtc

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config is the section media.webrtc.
type Config struct {
	Enabled          bool          `yaml:"enabled" doc:"Whether the server speaks WebRTC (WHIP and WHEP)."`
	Address          string        `yaml:"address" doc:"Address of the HTTP side: WHIP, WHEP and the pages that use them."`
	MediaAddress     string        `yaml:"mediaAddress" doc:"UDP address that the media of all WebRTC peers share."`
	AdditionalHosts  []string      `yaml:"additionalHosts" doc:"Public addresses or names of this server when it is behind a NAT that forwards the media port."`
	ICEServers       []ICEServer   `yaml:"iceServers" doc:"STUN and TURN servers that clients are told to use."`
	AllowOrigins     []string      `yaml:"allowOrigins" doc:"Web origins whose scripts may use WHIP and WHEP; '*' allows all, without cookies or stored passwords."`
	HandshakeTimeout time.Duration `yaml:"handshakeTimeout" doc:"How long a new peer has to connect its media."`
	KeyFrameInterval time.Duration `yaml:"keyFrameInterval" doc:"A publisher that sends no key frame for this long is asked for one."`
	MaxPeers         int           `yaml:"maxPeers" doc:"Most WebRTC peers at one time."`
	MaxPeersPerUser  int           `yaml:"maxPeersPerUser" doc:"Most WebRTC peers of one user at one time."`
}

// ICEServer is a STUN or TURN server that clients are told of.
type ICEServer struct {
	URL      string `yaml:"url" doc:"Address such as stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=udp."`
	Username string `yaml:"username" doc:"TURN user name."`
	Password string `yaml:"password" doc:"TURN password; told only to clients that are logged in."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled:          true,
		Address:          ":8889",
		MediaAddress:     ":8189",
		AllowOrigins:     []string{"*"},
		HandshakeTimeout: 10 * time.Second,
		KeyFrameInterval: 2 * time.Second,
		MaxPeers:         1000,
		MaxPeersPerUser:  100,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	if !c.Enabled {
		return nil
	}
	if c.Address == "" || c.MediaAddress == "" {
		return errors.New("address and mediaAddress: both are needed, such as ':8889' and ':8189'")
	}
	for _, h := range c.AdditionalHosts {
		if _, err := netip.ParseAddr(h); err != nil && (h == "" || strings.ContainsAny(h, ":/ ")) {
			return fmt.Errorf("additionalHosts: %q is neither an address nor a host name", h)
		}
	}
	for _, s := range c.ICEServers {
		scheme, rest, _ := strings.Cut(s.URL, ":")
		switch scheme {
		case "stun", "stuns", "turn", "turns":
		default:
			return fmt.Errorf("iceServers: %q must start with stun:, stuns:, turn: or turns: as its scheme", s.URL)
		}
		if rest == "" || strings.ContainsAny(s.URL+s.Username+s.Password, "<>\"\r\n") {
			return fmt.Errorf("iceServers: %s: without a host, or with characters that cannot be in a header", scheme)
		}
	}
	for _, o := range c.AllowOrigins {
		if o == "*" {
			continue
		}
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Path != "" || u.User != nil || strings.ContainsAny(o, " ;,\r\n") {
			return fmt.Errorf("allowOrigins: %q is not an origin such as https://example.org", o)
		}
	}
	if c.HandshakeTimeout < time.Second || c.KeyFrameInterval < 100*time.Millisecond {
		return errors.New("handshakeTimeout is at least 1s, keyFrameInterval at least 100ms")
	}
	if c.MaxPeers < 1 || c.MaxPeersPerUser < 1 {
		return errors.New("maxPeers and maxPeersPerUser: at least 1")
	}
	return nil
}
