package attach

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

var (
	bigOne     = big.NewInt(1)
	randReader = rand.Reader
)

func generateKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func decodeP12(t testing.TB, p12 []byte) (any, *x509.Certificate) {
	t.Helper()
	key, leaf, _, err := pkcs12.DecodeChain(p12, "x")
	if err != nil {
		t.Fatal(err)
	}
	return key, leaf
}
