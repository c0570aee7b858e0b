package rtsp

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/bluenviron/gortsplib/v4/pkg/mikey"
	"github.com/pion/srtp/v3"
)

// Secure profile (RTP/SAVP, RFC 3711) for publishers on RTSPS. gortsplib's
// clients, MediaMTX among them, use it whenever they publish to rtsps://, even
// inside TLS. Keys travel in MIKEY messages (RFC 3830, RFC 4567) and are only
// accepted, and only made, on connections that TLS protects.

const (
	srtpKey = 16 + 14 // bytes of master key and salt, AES-128 (RFC 3711 §8.2)
	// mikeyAge is how far the sender's clock may be off. TLS keeps messages from
	// being replayed, so this only catches the absurd.
	mikeyAge = 24 * time.Hour
)

// mikeyPolicy is the one SRTP policy that is spoken: AES-128 in counter mode and
// HMAC-SHA1 with an 80-bit tag, everything encrypted (RFC 3830 §6.10.1).
var mikeyPolicy = []mikey.PayloadSPPolicyParam{
	{Type: mikey.PayloadSPPolicyParamTypeEncrAlg, Value: []byte{1}},
	{Type: mikey.PayloadSPPolicyParamTypeSessionEncrKeyLen, Value: []byte{16}},
	{Type: mikey.PayloadSPPolicyParamTypeAuthAlg, Value: []byte{1}},
	{Type: mikey.PayloadSPPolicyParamTypeSessionAuthKeyLen, Value: []byte{10}},
	{Type: mikey.PayloadSPPolicyParamTypeSRTPEncrOffOn, Value: []byte{1}},
	{Type: mikey.PayloadSPPolicyParamTypeSRTCPEncrOffOn, Value: []byte{1}},
	{Type: mikey.PayloadSPPolicyParamTypeSRTPAuthOffOn, Value: []byte{1}},
}

// cipher is one direction of a track with the secure profile.
type cipher struct{ *srtp.Context }

func newCipher(key []byte) (cipher, error) {
	ctx, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
	return cipher{ctx}, err
}

// cipherFrom returns the cipher of a peer's MIKEY message.
func cipherFrom(msg *mikey.Message, now time.Time) (cipher, error) {
	var key []byte
	policed := false
	for _, p := range msg.Payloads {
		switch p := p.(type) {
		case *mikey.PayloadT:
			if d := now.Sub(fromNTP(p.TSValue)); d > mikeyAge || d < -mikeyAge {
				return cipher{}, errors.New("the message is of another time")
			}
		case *mikey.PayloadSP:
			if err := checkPolicy(p.PolicyParams); err != nil {
				return cipher{}, err
			}
			policed = true
		case *mikey.PayloadKEMAC:
			if len(p.SubPayloads) == 1 {
				key = p.SubPayloads[0].KeyData
			}
		}
	}
	if !policed || len(key) != srtpKey {
		return cipher{}, errors.New("no policy, or not one key of 30 bytes")
	}
	c, err := newCipher(key)
	if err != nil {
		return c, err
	}
	for _, e := range msg.Header.CSIDMapInfo {
		c.SetROC(e.SSRC, e.ROC)
	}
	return c, nil
}

func checkPolicy(params []mikey.PayloadSPPolicyParam) error {
	for _, want := range mikeyPolicy {
		found := false
		for _, p := range params {
			found = found || p.Type == want.Type && bytes.Equal(p.Value, want.Value)
		}
		if !found {
			return fmt.Errorf("policy parameter %d is not as it must be", want.Type)
		}
	}
	return nil
}

// makeCipher returns a new cipher for what we send with ssrc, and the KeyMgmt
// header that tells the peer.
func makeCipher(url string, ssrc uint32, now time.Time) (cipher, string, error) {
	key, nonce, id := make([]byte, srtpKey), make([]byte, 16), make([]byte, 4)
	for _, b := range [][]byte{key, nonce, id} {
		rand.Read(b) // never fails
	}
	msg := &mikey.Message{
		Header: mikey.Header{Version: 1, CSBID: binary.BigEndian.Uint32(id), CSIDMapInfo: []mikey.SRTPIDEntry{{SSRC: ssrc}}},
		Payloads: []mikey.Payload{
			&mikey.PayloadT{TSValue: toNTP(now)},
			&mikey.PayloadRAND{Data: nonce},
			&mikey.PayloadSP{PolicyParams: mikeyPolicy},
			&mikey.PayloadKEMAC{SubPayloads: []*mikey.SubPayloadKeyData{{Type: mikey.SubPayloadKeyDataKeyTypeTEK, KeyData: key}}},
		},
	}
	header, err := headers.KeyMgmt{URL: url, MikeyMessage: msg}.Marshal()
	if err != nil {
		return cipher{}, "", err
	}
	c, err := newCipher(key)
	return c, header[0], err
}

// parseKeyMgmt reads a KeyMgmt header (RFC 4567 §4.2).
func parseKeyMgmt(header string) (*mikey.Message, error) {
	var h headers.KeyMgmt
	err := h.Unmarshal(base.HeaderValue{header})
	return h.MikeyMessage, err
}

// parseKeyAttribute reads the value of a=key-mgmt (RFC 4567 §3.1).
func parseKeyAttribute(value string) (*mikey.Message, error) {
	data, ok := strings.CutPrefix(value, "mikey ")
	if !ok {
		return nil, errors.New("key management other than MIKEY")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if err != nil {
		return nil, err
	}
	msg := &mikey.Message{}
	return msg, msg.Unmarshal(raw)
}
