package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// box encrypts short secrets with AES-256-GCM under a key derived from
// DATA/secret.key.
type box struct{ aead cipher.AEAD }

func newBox(key []byte) (box, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return box{}, err
	}
	aead, err := cipher.NewGCM(block)
	return box{aead}, err
}

// seal binds plain to its owner: the text is of no use in another row.
func (b box) seal(owner string, plain []byte) string {
	nonce := make([]byte, b.aead.NonceSize())
	rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(b.aead.Seal(nonce, nonce, plain, []byte(owner)))
}

var errBox = errors.New("sealed with another key")

func (b box) open(owner, sealed string) ([]byte, error) {
	text, err := base64.StdEncoding.DecodeString(sealed)
	n := b.aead.NonceSize()
	if err != nil || len(text) < n {
		return nil, errBox
	}
	plain, err := b.aead.Open(nil, text[:n], text[n:], []byte(owner))
	if err != nil {
		return nil, errBox
	}
	return plain, nil
}
