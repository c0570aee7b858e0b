package rtsp

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// The names of Config.AuthMethods.
const (
	methodBasic        = "basic"
	methodDigestMD5    = "digest-md5"
	methodDigestSHA256 = "digest-sha256"
)

// Config is the section media.rtsp.
type Config struct {
	Enabled        bool          `yaml:"enabled" doc:"Whether RTSP is served at all."`
	Address        string        `yaml:"address" doc:"TCP address for RTSP; empty switches it off."`
	TLSAddress     string        `yaml:"tlsAddress" doc:"TCP address for RTSP over TLS (rtsps); empty switches it off."`
	RTPAddress     string        `yaml:"rtpAddress" doc:"UDP address for RTP; empty together with rtcpAddress leaves only TCP."`
	RTCPAddress    string        `yaml:"rtcpAddress" doc:"UDP address for RTCP, by custom the port after that of rtpAddress."`
	AuthMethods    []string      `yaml:"authMethods" doc:"What clients may log in with, in the order it is offered: digest-sha256, digest-md5, basic."`
	SessionTimeout time.Duration `yaml:"sessionTimeout" doc:"A viewer that sends nothing (no request, no RTCP report) for this long is dropped."`
	ReadTimeout    time.Duration `yaml:"readTimeout" doc:"A publisher that sends nothing for this long is dropped; also the time for a login and for one request."`
	WriteTimeout   time.Duration `yaml:"writeTimeout" doc:"A viewer whose connection takes no data for this long is dropped."`
}

// DefaultConfig returns the settings that run without a configuration file.
func DefaultConfig() Config {
	return Config{
		Enabled:     true,
		Address:     ":8554",
		TLSAddress:  ":8322",
		RTPAddress:  ":8000",
		RTCPAddress: ":8001",
		// FFmpeg takes the last digest it is offered and knows only MD5.
		AuthMethods:    []string{methodDigestSHA256, methodDigestMD5, methodBasic},
		SessionTimeout: time.Minute,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	for _, a := range []struct{ key, addr string }{
		{"address", c.Address}, {"tlsAddress", c.TLSAddress}, {"rtpAddress", c.RTPAddress}, {"rtcpAddress", c.RTCPAddress},
	} {
		if a.addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("%s: %w", a.key, err)
		}
	}
	if (c.RTPAddress == "") != (c.RTCPAddress == "") {
		return errors.New("rtpAddress and rtcpAddress: set both or none")
	}
	if len(c.AuthMethods) == 0 {
		return errors.New("authMethods: name at least one of digest-sha256, digest-md5, basic")
	}
	for _, m := range c.AuthMethods {
		if !slices.Contains([]string{methodBasic, methodDigestMD5, methodDigestSHA256}, m) {
			return fmt.Errorf("authMethods: %q is not one of digest-sha256, digest-md5, basic", m)
		}
	}
	if c.SessionTimeout < 10*time.Second {
		return errors.New("sessionTimeout: at least 10s, or viewers have no time to report")
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"readTimeout", c.ReadTimeout}, {"writeTimeout", c.WriteTimeout}} {
		if d.d < time.Second {
			return fmt.Errorf("%s: at least 1s", d.key)
		}
	}
	return nil
}
