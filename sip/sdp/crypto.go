package sdp

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// Crypto is one direction's key of SDES (RFC 4568).
type Crypto struct {
	Suite string
	Key   []byte // master key and salt
}

// suites are the SRTP suites that are spoken, best first, with the length of
// key and salt (RFC 4568 §6.2, RFC 6188, RFC 7714).
var suites = []struct {
	name string
	size int
}{
	{"AEAD_AES_256_GCM", 44}, {"AEAD_AES_128_GCM", 28}, {"AES_256_CM_HMAC_SHA1_80", 46},
	{"AES_CM_128_HMAC_SHA1_80", 30}, {"AES_CM_128_HMAC_SHA1_32", 30},
}

func suiteSize(name string) int {
	for _, s := range suites {
		if s.name == name {
			return s.size
		}
	}
	return 0
}

// newCrypto makes a key for suite.
func newCrypto(suite string) Crypto {
	key := make([]byte, suiteSize(suite))
	_, _ = rand.Read(key) // never fails
	return Crypto{Suite: suite, Key: key}
}

func (c Crypto) attr(tag string) Attr {
	return Attr{"crypto", tag + " " + c.Suite + " inline:" + base64.StdEncoding.EncodeToString(c.Key)}
}

// parseCrypto parses the value of a=crypto. Keys with an identifier (MKI) and
// session parameters that change the transform are not spoken.
func parseCrypto(value string) (tag string, c Crypto, ok bool) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return "", c, false
	}
	for _, p := range f[3:] {
		if p != "UNENCRYPTED_SRTCP" && !strings.HasPrefix(p, "WSH=") && !strings.HasPrefix(p, "KDR=0") || p == "UNENCRYPTED_SRTCP" {
			return "", c, false
		}
	}
	inline, has := strings.CutPrefix(f[2], "inline:")
	if !has || strings.Contains(inline, ";") {
		return "", c, false
	}
	parts := strings.Split(inline, "|")
	for _, p := range parts[1:] {
		if strings.Contains(p, ":") { // MKI
			return "", c, false
		}
	}
	key, err := base64.StdEncoding.DecodeString(parts[0])
	if err != nil {
		if key, err = base64.RawStdEncoding.DecodeString(parts[0]); err != nil {
			return "", c, false
		}
	}
	c = Crypto{Suite: f[1], Key: key}
	return f[0], c, suiteSize(c.Suite) != 0 && len(key) == suiteSize(c.Suite)
}

// chooseCrypto returns the offered key whose suite comes first in our order.
func chooseCrypto(m *Media) (tag string, c Crypto, ok bool) {
	best := len(suites)
	for _, v := range m.Attrs.All("crypto") {
		t, k, good := parseCrypto(v)
		if !good {
			continue
		}
		for i, s := range suites {
			if s.name == k.Suite && i < best {
				best, tag, c, ok = i, t, k, true
			}
		}
	}
	return tag, c, ok
}
