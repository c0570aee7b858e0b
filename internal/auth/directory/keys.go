package directory

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
)

const (
	maxKeys    = 64 // of one provider
	minRSABits = 2048
	maxRSABits = 8192
)

// keySet is a JSON Web Key Set (RFC 7517 §5). Keys that cannot be used are left
// out.
type keySet struct{ keys []webKey }

type webKey struct {
	id, alg string
	public  any
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *keySet) UnmarshalJSON(b []byte) error {
	var set struct {
		Keys []struct {
			Kty, Kid, Use, Alg, Crv string
			N, E, X, Y              string
		} `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return err
	}
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" || len(s.keys) == maxKeys {
			continue
		}
		var public any
		switch k.Kty {
		case "RSA":
			public = rsaKey(k.N, k.E)
		case "EC":
			public = ecKey(k.Crv, k.X, k.Y)
		case "OKP":
			if x := decode(k.X); k.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
				public = ed25519.PublicKey(x)
			}
		}
		if public != nil {
			s.keys = append(s.keys, webKey{id: k.Kid, alg: k.Alg, public: public})
		}
	}
	return nil
}

// find returns the key of that id that fits the algorithm. Without an id the one
// key that fits will do.
func (s *keySet) find(id, alg string) any {
	var found any
	for _, k := range s.keys {
		if k.alg != "" && k.alg != alg || !fits(k.public, alg) || id != "" && k.id != id {
			continue
		}
		if found != nil && id == "" {
			return nil // a guess
		}
		found = k.public
	}
	return found
}

// fits keeps a key to the algorithms of its kind.
func fits(key any, alg string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		return map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize] == alg
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

func decode(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil
	}
	return b
}

func rsaKey(n, e string) any {
	nb, eb := decode(n), decode(e)
	if len(nb) == 0 || len(nb) > maxRSABits/8+1 || len(eb) == 0 || len(eb) > 4 {
		return nil
	}
	k := &rsa.PublicKey{N: new(big.Int).SetBytes(nb), E: int(new(big.Int).SetBytes(eb).Int64())}
	if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits || k.E < 3 || k.E%2 == 0 {
		return nil
	}
	return k
}

func ecKey(crv, x, y string) any {
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[crv]
	if curve == nil {
		return nil
	}
	size := (curve.Params().BitSize + 7) / 8
	xb, yb := decode(x), decode(y)
	if len(xb) != size || len(yb) != size {
		return nil
	}
	point := append(append([]byte{4}, xb...), yb...) // SEC 1 §2.3.4, uncompressed
	k, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil
	}
	return k
}
