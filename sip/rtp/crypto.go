package rtp

import (
	"fmt"

	"github.com/pion/srtp/v3"

	"muster/sip/sdp"
)

// profiles are the SRTP transforms by their SDES names.
var profiles = map[string]srtp.ProtectionProfile{
	"AEAD_AES_256_GCM":        srtp.ProtectionProfileAeadAes256Gcm,
	"AEAD_AES_128_GCM":        srtp.ProtectionProfileAeadAes128Gcm,
	"AES_256_CM_HMAC_SHA1_80": srtp.ProtectionProfileAes256CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
}

// replayWindow is how far back a late packet is still taken once.
const replayWindow = 256

// newContext returns the transform of one direction.
func newContext(c sdp.Crypto) (*srtp.Context, error) {
	profile, ok := profiles[c.Suite]
	if !ok {
		return nil, fmt.Errorf("rtp: unknown suite %s", c.Suite)
	}
	n, err := profile.KeyLen()
	if err != nil || len(c.Key) < n {
		return nil, fmt.Errorf("rtp: key of %s is too short", c.Suite)
	}
	ctx, err := srtp.CreateContext(c.Key[:n], c.Key[n:], profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("rtp: %s: %w", c.Suite, err)
	}
	return ctx, nil
}
